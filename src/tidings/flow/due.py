"""Which waiting deliveries are due and not leased.

Called by `embedded`, by one task at a time. Leases live in memory only: when the process ends, whatever was leased is due again.
Leased rows are the earliest in the journal's index, so a mark remembers how far everything is leased or gone, and a search
starts there. Rows may be written, settled or forgotten while the journal is read.
"""

from __future__ import annotations

from datetime import UTC, datetime

from tidings.domain.model import Delivery, Message
from tidings.flow.journal import Journal

_MESSAGES_KEPT = 256
_START = (datetime(1970, 1, 1, tzinfo=UTC), 0)
_END = (datetime.max.replace(tzinfo=UTC), 0)


class DueDeliveries:
    """Leases over the journal's waiting deliveries."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._leased: set[int] = set()
        self._mark = _START
        self._messages: dict[int, Message] = {}
        # What happened while the journal was read: its answer may be older.
        self._is_reading = False
        self._released: set[int] = set()
        self._written = _END
        self._forgotten = 0

    async def take(self, now: datetime, limit: int) -> list[tuple[Delivery, Message]]:
        """Lease up to `limit` rows due at `now`, earliest first."""
        forgotten = self._forgotten
        free = await self._free(now, limit)
        if not free or forgotten != self._forgotten:
            return []
        found = [delivery_id for _, delivery_id in free]
        self._leased.update(found)
        self._mark = min(free[-1], self._written)
        try:
            rows = await self._journal.deliveries(found)
            messages = await self._messages_of(sorted({row.message_seq for row in rows.values()}))
        except BaseException:
            self._mark = _START
            self._leased.difference_update(found)
            raise
        if forgotten != self._forgotten:
            return []
        # A row whose message is gone (a reset) is gone itself.
        leased = [
            (rows[delivery_id], messages[rows[delivery_id].message_seq])
            for delivery_id in found
            if delivery_id in rows and rows[delivery_id].message_seq in messages
        ]
        if len(leased) < len(found):
            self._leased.difference_update(set(found) - {delivery.id for delivery, _ in leased})
        return leased

    async def next_due(self) -> datetime | None:
        """When the earliest row that is not leased is due."""
        free = await self._free(None, 1)
        earliest = min(free[0][0] if free else _END[0], self._written[0])
        return None if earliest == _END[0] else earliest

    def release(self, delivery_id: int) -> None:
        """The row was settled; what is left of it may be leased again."""
        self._leased.discard(delivery_id)
        if self._is_reading:
            self._released.add(delivery_id)

    def written(self, due: datetime) -> None:
        """A row now waits for `due`."""
        self._mark = min(self._mark, (due, 0))
        self._written = min(self._written, (due, 0))

    def forget(self) -> None:
        """Everything was removed."""
        self._leased.clear()
        self._messages.clear()
        self._mark = _START
        self._forgotten += 1

    async def _free(self, until: datetime | None, limit: int) -> list[tuple[datetime, int]]:
        """Up to `limit` rows that are not leased, earliest first, as time and id."""
        if not self._leased:
            # Costs nothing then, and finds what another process wrote with an early time.
            self._mark = _START
        self._released.clear()
        self._written = _END
        free: list[tuple[datetime, int]] = []
        position = self._mark
        self._is_reading = True
        try:
            while len(free) < limit:
                step = await self._journal.due(position, until, limit)
                free.extend(row for row in step if row[1] not in self._leased)
                if len(step) < limit:
                    break
                position = step[-1]
        finally:
            self._is_reading = False
        # One that was settled meanwhile may have been read as it was before.
        return [row for row in free if row[1] not in self._released][:limit]

    async def _messages_of(self, seqs: list[int]) -> dict[int, Message]:
        """Many rows wait for the same message: keep the latest ones decoded."""
        known = {seq: self._messages[seq] for seq in seqs if seq in self._messages}
        missing = [seq for seq in seqs if seq not in known]
        if missing:
            read = await self._journal.messages(missing)
            known.update(read)
            self._messages.update(read)
            while len(self._messages) > _MESSAGES_KEPT:
                del self._messages[next(iter(self._messages))]
        return known
