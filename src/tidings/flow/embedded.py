"""`EmbeddedFlow`: `domain.ports.Flow` over the journal of the store in the same process.

Opened by `wiring`, which hands it `store.journal`; that is all the wiring there is, because the journal tells the flow of every
message made durable, also of those that a unit of the store carried. Called by services (append) and by the dispatcher (the rest).
It holds leases and a bounded window of messages; everything else is in the journal. It never sends and never decides.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from tidings.domain.audit import AuditEntry
from tidings.domain.errors import Unavailable
from tidings.domain.model import AccountId, Delivery, Message
from tidings.domain.ports import Progress, Task
from tidings.domain.unit import Unit
from tidings.flow.due import DueDeliveries
from tidings.flow.journal import Fresh, Journal
from tidings.flow.ready import ReadyMessages

MEMORY_MESSAGES = 10_000
"""Messages kept in memory before they are taken; twenty times what dispatching asks for at once."""

MEMORY_BYTES = 64 * 1024 * 1024
"""The same, in bytes as stored: 256 messages of the largest size a cloud allows."""

APPEND_PATIENCE_S = 10.0
"""How long a publish waits for room: below the time-outs of the clouds' SDKs (60 s), above a hiccup of the disk."""

_LOOK_S = 2.0
"""How often an idle `take` looks for messages that an administrator's command has added."""


class EmbeddedFlow:
    """The durable journal between accepting and delivering, for one process.

    Rows written by another process are seen when something else ends a wait for what is due.
    """

    def __init__(
        self,
        journal: Journal,
        *,
        backlog_max: int,
        memory_messages: int = MEMORY_MESSAGES,
        memory_bytes: int = MEMORY_BYTES,
        append_patience_s: float = APPEND_PATIENCE_S,
    ) -> None:
        """Use `open`."""
        self._journal = journal
        self._backlog_max = backlog_max
        self._append_patience_s = append_patience_s
        self._ready = ReadyMessages(journal, memory_messages, memory_bytes)
        self._due = DueDeliveries(journal)
        self._arrival = asyncio.Event()
        self._arrival.set()
        self._entering = 0
        self._queued: deque[asyncio.Future[None]] = deque()
        self._stopped = False
        self._due_changed = asyncio.Event()

    @classmethod
    def open(
        cls,
        journal: Journal,
        *,
        backlog_max: int,
        memory_messages: int = MEMORY_MESSAGES,
        memory_bytes: int = MEMORY_BYTES,
        append_patience_s: float = APPEND_PATIENCE_S,
    ) -> EmbeddedFlow:
        """Become the one process that delivers from this journal; what is unfinished in it is handed out again.

        Raises Unavailable when another process delivers from it. The claim ends when the store is closed.
        """
        journal.claim()
        flow = cls(
            journal,
            backlog_max=backlog_max,
            memory_messages=memory_messages,
            memory_bytes=memory_bytes,
            append_patience_s=append_patience_s,
        )
        journal.listen(flow._arrived, flow._forgotten)
        return flow

    async def append(self, messages: Sequence[Message]) -> None:
        await self.room()
        count = len(messages)
        self._entering += count
        try:
            await self._journal.append(messages)
        finally:
            self._entering -= count

    async def room(self) -> None:
        if self._stopped:
            raise Unavailable("stopping")
        if self._over():
            await self._wait_for_room()

    async def take(self, limit: int) -> list[Task]:
        while not self._stopped:
            if tasks := self._ready.take(limit):
                return tasks
            self._arrival.clear()
            if self._ready.is_behind:
                await self._ready.load()
                continue
            try:
                async with asyncio.timeout(_LOOK_S):
                    await self._arrival.wait()
            except TimeoutError:
                await self._ready.look_for_others()
        return []

    async def take_due(self, now: datetime, limit: int) -> list[tuple[Delivery, Message]]:
        self._due_changed.clear()
        return await self._due.take(now, limit)

    async def next_due(self) -> datetime | None:
        return await self._due.next_due()

    async def due_changed(self, within_s: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._due_changed.wait(), within_s)

    def look_again(self) -> None:
        self._due_changed.set()

    async def record(self, progress: Progress, unit: Unit | None = None) -> list[int]:
        ids = await self._journal.record(progress, unit)
        if progress.settled:
            for settled in progress.settled:
                self._due.release(settled.delivery_id)
                if settled.due is not None and not settled.dead:
                    self._wrote_due(settled.due)
        for parked in progress.parked:
            if not parked.dead:
                self._wrote_due(parked.due)
        if self._queued:
            self._let_in()
        return ids

    def backlog(self) -> int:
        return self._journal.unfinished

    async def send_again(
        self, account_id: AccountId, delivery_ids: Sequence[int], now: datetime, entry: AuditEntry | None = None
    ) -> list[int]:
        ids = await self._journal.send_again(account_id, delivery_ids, now, entry)
        if ids:
            self._wrote_due(now)
        return ids

    def stop(self) -> None:
        self._stopped = True
        self._arrival.set()
        self._due_changed.set()
        for waiter in self._queued:
            if not waiter.done():
                waiter.set_exception(Unavailable("stopping"))
        self._queued.clear()

    def _arrived(self, fresh: Sequence[Fresh]) -> None:
        self._ready.add(fresh)
        self._arrival.set()

    def _forgotten(self) -> None:
        self._ready.forget()
        self._due.forget()
        self._let_in()

    def _wrote_due(self, due: datetime) -> None:
        self._due.written(due)
        self._due_changed.set()

    def _over(self) -> bool:
        return self._journal.unfinished + self._entering >= self._backlog_max

    async def _wait_for_room(self) -> None:
        """Slow acceptance down while the backlog is over its bound. Raises Unavailable when that takes too long."""
        try:
            async with asyncio.timeout(self._append_patience_s):
                while self._over():
                    waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                    self._queued.append(waiter)
                    await waiter
        except TimeoutError as error:
            self._let_in()
            raise Unavailable(f"{self._journal.unfinished} messages wait for delivery; no more are accepted") from error
        except asyncio.CancelledError:
            # It may just have been woken: its turn is somebody else's.
            self._let_in()
            raise

    def _let_in(self) -> None:
        """Wake as many waiting callers, in their order, as there is room for."""
        room = self._backlog_max - self._journal.unfinished - self._entering
        while self._queued and room > 0:
            waiter = self._queued.popleft()
            if not waiter.done():
                waiter.set_result(None)
                room -= 1
