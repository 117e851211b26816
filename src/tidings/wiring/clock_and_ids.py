"""What the application is given rather than builds: its clocks and ids. Called by the other pages of wiring, and by commands."""

from __future__ import annotations

import os
import secrets
import time
from datetime import UTC, datetime, timedelta
from functools import partial

from tidings.domain.ports import Store
from tidings.domain.steady_clock import JUMP_MAX, SteadyClock

# Goes on while the machine sleeps, where the system has it.
_UPTIME = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class WallClock:
    """The machine's wall clock as it is: signatures of others are held against it, and ours are made by it."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def wall(self) -> datetime:
        return datetime.now(UTC)


async def open_clock(store: Store, jump_max: timedelta = JUMP_MAX) -> SteadyClock:
    """The application's clock, which goes on from what was written down and sees to it that this stays so."""
    mark = await store.clock_mark()
    clock = SteadyClock(time.time_ns, partial(time.clock_gettime_ns, _UPTIME), mark=mark, jump_max=jump_max)
    store.keep_clock_mark(clock.steady)
    return clock


_IDS_AT_ONCE = 256
_random_digits: list[str] = []
# A copy of this process would give the same ids again.
os.register_at_fork(after_in_child=_random_digits.clear)


def new_uid() -> str:
    """32 random hex digits, asked of the system for many ids at once: each asking lets another thread in. For no secret."""
    try:
        return _random_digits.pop()
    except IndexError:
        many = secrets.token_hex(16 * _IDS_AT_ONCE)
        _random_digits.extend([many[at : at + 32] for at in range(32, len(many), 32)])
        return many[:32]


def new_uuid() -> str:
    """A random UUID (version 4). Every request and message takes one."""
    digits = new_uid()
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def new_serial() -> str:
    """A UUID that grows with time (version 7), for texts: their index is written twice as fast in its own order."""
    digits = f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(10)}"
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-7{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def new_token() -> str:
    return secrets.token_hex(32)
