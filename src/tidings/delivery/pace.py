"""So many a second for one subscriber, as its delivery policy wishes: gives each first attempt its time."""

from __future__ import annotations

from datetime import datetime, timedelta

REMEMBERED_MAX = 10_000


class Pacer:
    """Remembers per subscription when the next first attempt may start."""

    def __init__(self) -> None:
        self._next: dict[str, datetime] = {}

    def reserve(self, subscription_uid: str, per_s: int, now: datetime) -> datetime:
        """The time of the next free place, `now` or later; it is taken by this call."""
        at = max(now, self._next.get(subscription_uid, now))
        if len(self._next) >= REMEMBERED_MAX:
            self._next = {uid: time for uid, time in self._next.items() if time > now}
        self._next[subscription_uid] = at + timedelta(seconds=1 / per_s)
        return at
