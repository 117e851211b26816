"""Which row is due next, whatever is leased."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

from tidings.flow.due import DueDeliveries
from tidings.flow.journal import Journal

START = datetime(2026, 11, 30, tzinfo=UTC)


class Rows:
    """A journal with rows and without anything in them."""

    def __init__(self) -> None:
        self.rows: list[tuple[datetime, int]] = []

    async def due(self, after: tuple[datetime, int], until: datetime | None, limit: int) -> list[tuple[datetime, int]]:
        return [row for row in sorted(self.rows) if row > after and (until is None or row[0] <= until)][:limit]

    async def deliveries(self, ids: Sequence[int]) -> dict[int, Any]:
        return {number: SimpleNamespace(id=number, message_seq=1) for _, number in self.rows if number in ids}

    async def messages(self, seqs: Sequence[int]) -> dict[int, Any]:
        return dict.fromkeys(seqs)


async def test_a_later_row_does_not_hide_an_earlier_one() -> None:
    journal = Rows()
    due = DueDeliveries(cast(Journal, journal))
    times = [START + timedelta(seconds=seconds) for seconds in (1, 2, 5)]
    journal.rows.append((times[0], 1))
    await due.take(times[0], 10)  # leased from now on
    for number, at in ((2, times[1]), (3, times[2])):
        journal.rows.append((at, number))
        due.written(at)
    assert await due.next_due() == times[1]
