"""A subscriber's own pace."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from tests.support.build import NOW, UID

from tidings.delivery.pace import REMEMBERED_MAX, Pacer


@given(st.integers(1, 50), st.lists(st.floats(0, 0.2), max_size=60))
def test_no_second_holds_more_than_the_pace(per_s: int, steps: list[float]) -> None:
    pacer, now, times = Pacer(), NOW, []
    for step in steps:
        now += timedelta(seconds=step)
        at = pacer.reserve(UID, per_s, now)
        assert at >= now
        times.append(at)
    for first in times:
        assert sum(first <= at < first + timedelta(seconds=1) for at in times) <= per_s + 1


def test_the_first_goes_at_once_and_others_do_not_wait_for_it() -> None:
    pacer = Pacer()
    assert pacer.reserve(UID, 1, NOW) == NOW
    assert pacer.reserve(UID, 1, NOW) == NOW + timedelta(seconds=1)
    assert pacer.reserve("f" * 32, 1, NOW) == NOW


def test_memory_is_bounded() -> None:
    pacer = Pacer()
    for number in range(3 * REMEMBERED_MAX):
        pacer.reserve(f"{number:032x}", 1000, NOW + timedelta(seconds=number))
    assert len(pacer._next) <= REMEMBERED_MAX
