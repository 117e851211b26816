"""The mark that the application's clock goes on from after a restart: no time that was written down is later.

Called by the writer at the beginning of every transaction; the row is written once in `_LEAD` at most, together with what is written
anyhow, so that an idle server writes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import apsw

from tidings.store.sqlite import rows
from tidings.store.sqlite.database import SQL

_LEAD = timedelta(seconds=1)
"""The mark is set so far ahead. After a restart the clock may be ahead of the wall clock by that, for twice as long."""


class ClockMark:
    """now: the clock whose times are written down."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._mark: datetime | None = None

    def keep(self, db: apsw.Connection) -> None:
        """Move the mark when the clock has come to it."""
        now = self._now()
        if self._mark is None or now > self._mark:
            mark = now + _LEAD
            db.execute(SQL["clock_mark_move"], (rows.micros(mark),))
            self._mark = mark

    def lost(self) -> None:
        """The transaction was undone, and with it perhaps the mark."""
        self._mark = None
