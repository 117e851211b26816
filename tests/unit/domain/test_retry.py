"""When to try again: the table of the delivery policy reference, and what must hold for any plan."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.domain.retry import (
    BACKOFF_FUNCTIONS,
    HTTP_PLAN,
    PEOPLE_PLAN,
    QUEUE_PLAN,
    RetryPlan,
    backoff_s,
    delay_s,
    jittered_s,
)

TABLE = {
    "linear": [5, 33, 62, 90, 118, 147, 175, 203, 232, 260],
    "arithmetic": [5, 11, 22, 39, 62, 90, 124, 164, 209, 260],
    "geometric": [5, 8, 12, 19, 29, 45, 70, 108, 168, 260],
    "exponential": [5, 5, 6, 8, 12, 20, 36, 68, 132, 260],
}


@pytest.mark.parametrize("function", BACKOFF_FUNCTIONS)
def test_backoff_follows_the_documented_table(function: str) -> None:
    assert [round(backoff_s(function, i, 10, 5, 260)) for i in range(10)] == TABLE[function]


def test_one_backoff_retry_waits_the_minimum() -> None:
    assert backoff_s("exponential", 0, 1, 7, 300) == 7


def test_an_unknown_function_is_a_bug() -> None:
    with pytest.raises(ValueError, match="unknown"):
        backoff_s("cubic", 1, 3, 1, 2)


def _delays(plan: RetryPlan) -> list[float]:
    delays = []
    while (delay := delay_s(plan, len(delays) + 1)) is not None:
        delays.append(delay)
    return delays


def test_http_is_tried_four_times_twenty_seconds_apart() -> None:
    assert _delays(HTTP_PLAN) == [20, 20, 20]
    assert HTTP_PLAN.attempts_max == 4


def test_queues_are_tried_for_23_days_and_people_for_six_hours() -> None:
    assert len(_delays(QUEUE_PLAN)) == 100_015
    assert sum(_delays(QUEUE_PLAN)) / 86_400 == pytest.approx(23.15, abs=0.01)
    assert PEOPLE_PLAN.attempts_max == 51
    assert sum(_delays(PEOPLE_PLAN)) / 3_600 == pytest.approx(6.7, abs=0.1)


@given(
    st.sampled_from(BACKOFF_FUNCTIONS),
    st.integers(1, 100),
    st.floats(1, 3600),
    st.floats(0, 3600),
)
def test_backoff_grows_from_minimum_to_maximum(function: str, n: int, a: float, more: float) -> None:
    delays = [backoff_s(function, i, n, a, a + more) for i in range(n)]
    assert delays[0] == pytest.approx(a)
    assert all(x <= y + 1e-6 for x, y in itertools.pairwise(delays))
    assert delays[-1] <= a + more + 1e-6


@given(st.floats(0, 3600), st.floats(0, 1, exclude_max=True))
def test_jitter_moves_a_delay_by_a_tenth_at_most(delay: float, fraction: float) -> None:
    assert 0.9 * delay - 1e-9 <= jittered_s(delay, fraction) <= 1.1 * delay + 1e-9
