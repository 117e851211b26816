"""Whoever was overtaken reads, decides and writes again, a few times."""

from __future__ import annotations

import pytest

from tidings.domain.errors import Conflict, NotFound, Throttled
from tidings.services.conflicts import TRIES, retry_on_conflict


class Counter:
    def __init__(self, *outcomes: Exception | str) -> None:
        self.outcomes = list(outcomes)

    @retry_on_conflict
    async def change(self, name: str, *, to: str) -> str:
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return f"{name} {to} {outcome}"


async def test_it_is_done_again_with_the_same_arguments() -> None:
    counter = Counter(Conflict(), Conflict(), "done", "never")
    assert await counter.change("a", to="b") == "a b done"
    assert counter.outcomes == ["never"]


async def test_it_gives_up_in_the_end() -> None:
    counter = Counter(*[Conflict()] * TRIES, "too late")
    with pytest.raises(Throttled):
        await counter.change("a", to="b")
    assert counter.outcomes == ["too late"]


async def test_what_is_no_conflict_is_told_at_once() -> None:
    counter = Counter(NotFound("topic", "x"), "never")
    with pytest.raises(NotFound):
        await counter.change("a", to="b")
    assert counter.outcomes == ["never"]
