"""Writes the dispatcher's progress: gathers what settles while the last write is under way, so that callers share a flush."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

import structlog

from tidings.delivery.fanout import Row
from tidings.domain.errors import TidingsError
from tidings.domain.model import TopicId
from tidings.domain.ports import Flow, NewDelivery, Record, Settled

RETRY_S = 0.5
_log = structlog.get_logger(__name__)


class Journal:
    """`known(row)` is called when a parked row has got its id."""

    def __init__(self, flow: Flow, known: Callable[[Row], None]) -> None:
        self._flow = flow
        self._known = known
        self._record = Record()
        self._rows: list[Row | None] = []
        self._dirty = asyncio.Event()

    def park(self, delivery: NewDelivery, row: Row | None = None) -> None:
        self._record.parked.append(delivery)
        self._rows.append(row)
        self._dirty.set()

    def settle(self, settled: Settled) -> None:
        self._record.settled.append(settled)
        self._dirty.set()

    def move(self, seq: int, cursor: int) -> None:
        self._record.cursors.append((seq, cursor))
        self._dirty.set()

    def text_sent(self, topic_id: TopicId, hour: datetime) -> None:
        """Count a text message delivered for a topic. hour: aware UTC, the whole hour in which it went out."""
        texts = self._record.texts
        texts[topic_id, hour] = texts.get((topic_id, hour), 0) + 1
        self._dirty.set()

    def finish(self, seq: int) -> None:
        self._record.finished.append(seq)
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

    async def _write(self) -> None:
        self._dirty.clear()
        record, rows = self._record, self._rows
        self._record, self._rows = Record(), []
        while True:
            try:
                ids = await self._flow.record(record)
                break
            except TidingsError as error:
                _log.error("progress not written; trying again", error=str(error))
                await asyncio.sleep(RETRY_S)
        for row, row_id in zip(rows, ids, strict=True):
            if row is not None:
                row.id = row_id
                self._known(row)
