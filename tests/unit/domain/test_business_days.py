"""Days from Monday to Friday, counted by hand. 23 November 2026 is a Monday."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tidings.domain.business_days import begun_before, business_days

MONDAY = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("since", "days_later", "count"),
    [(0, 0, 0), (0, -3, 0), (0, 1, 1), (0, 4, 4), (0, 5, 4), (0, 6, 4), (0, 7, 5), (4, 3, 1), (5, 1, 0), (3, 14, 10)],
)
def test_days_that_have_begun_are_counted_without_weekends(since: int, days_later: int, count: int) -> None:
    assert business_days(MONDAY + since * DAY, MONDAY + (since + days_later) * DAY) == count


@pytest.mark.parametrize("today", range(14))
@pytest.mark.parametrize("days", [1, 4, 5, 10, 11])
def test_before_that_time_everything_is_so_many_days_old(today: int, days: int) -> None:
    now = MONDAY + today * DAY
    limit = begun_before(days, now)
    assert business_days(limit - timedelta(microseconds=1), now) >= days
    assert business_days(limit, now) < days
