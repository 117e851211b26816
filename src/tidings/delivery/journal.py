"""Writes the dispatcher's progress: gathers what settles while the last write is under way, so that callers share a flush."""

from __future__ import annotations

import asyncio
from datetime import datetime

import structlog

from tidings.delivery.fanout import Row
from tidings.delivery.settle import Again, Decision, GiveUp
from tidings.domain.errors import TidingsError
from tidings.domain.model import AccountId, TopicId
from tidings.domain.optout import SmsType
from tidings.domain.ports import Flow, NewDelivery, Progress, Settled
from tidings.domain.texts import TextCount, TextReport, TextTally
from tidings.domain.unit import Unit

RETRY_S = 0.5
Counted = tuple[AccountId, str, SmsType, datetime, TextCount]
"""What a text is counted under: whose, application, type, hour, outcome."""

_log = structlog.get_logger(__name__)


class Journal:
    """One per loop of delivery; whoever has to say something in one transaction with the outcomes writes here too."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._progress = Progress()
        self._unit: Unit | None = None
        self._rows: list[Row | None] = []
        self._tallies: dict[Counted, int] = {}
        self._written: asyncio.Future[None] | None = None
        self._dirty = asyncio.Event()

    def park(self, delivery: NewDelivery, row: Row | None = None) -> None:
        self._progress.parked.append(delivery)
        self._rows.append(row)
        self._dirty.set()

    def settle(self, settled: Settled) -> None:
        self._progress.settled.append(settled)
        self._dirty.set()

    def decide(self, row: Row, decision: Decision) -> None:
        """Write down what a row came to; if it has no id yet, as soon as it has."""
        if row.id:
            self.settle(_settled(row.id, decision))
        else:
            row.early = decision

    def move(self, seq: int, cursor: int) -> None:
        self._progress.cursors.append((seq, cursor))
        self._dirty.set()

    def text_sent(self, topic_id: TopicId, hour: datetime) -> None:
        """Count a text message delivered for a topic. hour: aware UTC, the whole hour in which it went out."""
        texts = self._outcomes().texts_delivered
        texts[topic_id, hour] = texts.get((topic_id, hour), 0) + 1
        self._dirty.set()

    def text_counted(self, counted: Counted) -> None:
        self._tallies[counted] = self._tallies.get(counted, 0) + 1
        self._dirty.set()

    def text_reported(self, report: TextReport) -> None:
        self._outcomes().text_reports.append(report)
        self._dirty.set()

    def text_taken(self, serial: str, receipt_ids: tuple[str, ...]) -> None:
        """A network took a text and will send receipts."""
        self._outcomes().text_parts.append((serial, receipt_ids))
        self._dirty.set()

    def sender_used(self, account_id: AccountId, sender: str, day: datetime) -> None:
        self._outcomes().senders_used.add((account_id, sender, day))
        self._dirty.set()

    def written(self) -> asyncio.Future[None]:
        """Done when what was gathered until now is durable; canceled when the writing ends before. One for each write."""
        if self._written is None:
            self._written = asyncio.get_running_loop().create_future()
        return self._written

    def finish(self, seq: int) -> None:
        self._progress.finished.append(seq)
        self._dirty.set()

    async def run(self) -> None:
        """Write until canceled. A store that cannot be written (disk full) is tried again; nothing is dropped."""
        while True:
            await self._dirty.wait()
            await self._write()

    async def flush(self) -> None:
        """Write what is left, at the end, when `run` has been canceled."""
        if self._dirty.is_set():
            await self._write()

    def _outcomes(self) -> Unit:
        """What deliveries came to, beside their own progress."""
        if self._unit is None:
            self._unit = Unit()
        return self._unit

    async def _write(self) -> None:
        self._dirty.clear()
        if self._tallies:
            self._outcomes().text_tallies += [TextTally(*counted, count) for counted, count in self._tallies.items()]
            self._tallies = {}
        progress, unit, rows, written = self._progress, self._unit, self._rows, self._written
        self._progress, self._unit, self._rows, self._written = Progress(), None, [], None
        try:
            ids = await self._record_durably(progress, unit)
        except BaseException:
            if written is not None:
                written.cancel()
            raise
        for row, row_id in zip(rows, ids, strict=True):
            if row is not None:
                row.id = row_id
                if row.early is not None:
                    self.settle(_settled(row_id, row.early))
        if written is not None:
            written.set_result(None)

    async def _record_durably(self, progress: Progress, unit: Unit | None) -> list[int]:
        """Also after a fault of ours: what was written down nowhere would be sent again after the next start, all of it."""
        while True:
            try:
                return await self._flow.record(progress, unit)
            except TidingsError as error:
                _log.error("progress not written; trying again", error=str(error))
            except Exception:  # noqa: BLE001
                _log.exception("progress not written; trying again")
            await asyncio.sleep(RETRY_S)


def _settled(row_id: int, decision: Decision) -> Settled:
    match decision:
        case Again(attempts, due, reason):
            return Settled(row_id, attempts, due=due, reason=reason)
        case GiveUp(attempts, reason, redriven):
            return Settled(row_id, attempts, dead=True, redriven=redriven, reason=reason)
        case _:
            return Settled(row_id, 0)
