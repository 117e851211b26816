"""Locks by name."""

from __future__ import annotations

import asyncio
import gc

from tidings.keyed_locks import KeyedLocks


async def test_one_key_is_held_by_one_at_a_time_and_another_key_is_free() -> None:
    locks: KeyedLocks[str] = KeyedLocks()
    seen: list[str] = []

    async def second() -> None:
        async with locks.lock_for("a"):
            seen.append("second")

    async with locks.lock_for("a"):
        waiting = asyncio.create_task(second())
        await asyncio.sleep(0)
        async with locks.lock_for("b"):
            seen.append("first")
    await waiting
    assert seen == ["first", "second"]


async def test_nothing_is_kept_of_what_nobody_uses() -> None:
    locks: KeyedLocks[tuple[str, int]] = KeyedLocks()
    async with locks.lock_for(("a", 1)):
        assert len(locks) == 1
    gc.collect()
    assert len(locks) == 0
