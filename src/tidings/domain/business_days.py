"""How long somebody may wait: days from Monday to Friday. Pure.

Called by what shows texts to review. Holidays are counted in: that errs on the side of the person who asked.
Source: 47 CFR 64.1200(a)(10): a revocation is honored within a reasonable time, at most ten business days.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

BUSINESS_DAYS_MAX = 10

_SATURDAY = 5


def business_days(since: datetime, now: datetime) -> int:
    """How many days from Monday to Friday have begun (UTC) after the day of `since`, today included."""
    days = (now.date() - since.date()).days
    if days <= 0:
        return 0
    weeks, rest = divmod(days, 7)
    begun = (since.date() + timedelta(days=number) for number in range(1, rest + 1))
    return weeks * 5 + sum(day.weekday() < _SATURDAY for day in begun)


def begun_before(days: int, now: datetime) -> datetime:
    """The time before which everything is at least so many business days old; days: 1 or more."""
    day, left = now.date(), days
    while True:
        left -= day.weekday() < _SATURDAY
        if left == 0:
            return datetime.combine(day, time(), UTC)
        day -= timedelta(days=1)
