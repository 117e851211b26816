"""Token buckets: the rate holds, callers are apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.access.limiter import TokenBuckets
from tidings.domain.errors import Throttled


def test_a_name_without_a_rate_is_not_limited() -> None:
    buckets = TokenBuckets({})
    for _ in range(1000):
        buckets.take("sns:Publish:1")


def test_callers_have_buckets_of_their_own_and_learn_when_to_come_again() -> None:
    buckets = TokenBuckets({"sns:Unsubscribe": 2}, monotonic_s=lambda: 0.0)
    for who in "ab":
        buckets.take(f"sns:Unsubscribe:{who}")
        buckets.take(f"sns:Unsubscribe:{who}")
        with pytest.raises(Throttled) as caught:
            buckets.take(f"sns:Unsubscribe:{who}")
        assert caught.value.after_s == pytest.approx(0.5)


@given(st.lists(st.floats(0, 0.5), max_size=200), st.sampled_from([1.0, 5.0, 100.0]))
def test_never_more_than_burst_and_rate(steps: list[float], rate: float) -> None:
    now, granted = 0.0, 0
    buckets = TokenBuckets({"x": rate}, monotonic_s=lambda: now)
    for step in steps:
        now += step
        try:
            buckets.take("x:me")
            granted += 1
        except Throttled:
            pass
        assert granted <= rate + now * rate + 1e-6


def test_a_long_rest_saves_no_more_than_a_burst() -> None:
    now = 0.0
    buckets = TokenBuckets({"x": 2}, bursts={"x": 3}, monotonic_s=lambda: now)
    buckets.take("x:me")
    now = 3600.0
    for _ in range(3):
        buckets.take("x:me")
    with pytest.raises(Throttled):
        buckets.take("x:me")


def test_an_ipv6_caller_is_a_caller_too() -> None:
    buckets = TokenBuckets({"sns:Unsubscribe": 1}, monotonic_s=lambda: 0.0)
    buckets.take("sns:Unsubscribe:2001:db8::1")
    with pytest.raises(Throttled):
        buckets.take("sns:Unsubscribe:2001:db8::1")
