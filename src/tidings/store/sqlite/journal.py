"""The store's side of the flow: rows of accepted messages and of deliveries that wait.

The embedded flow is given this object (`SqliteStore.journal`) and knows it by structure only; units of the store are committed
here, too, because they may carry messages, and progress may carry a unit. Everything asked for between two flushes becomes one
piece of work: messages of all callers in a few statements, finished messages in two. It decides nothing: what is taken, leased
and when is the flow's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime

import apsw
import msgspec

from tidings.domain.audit import AuditEntry
from tidings.domain.model import AccountId, DeadQuery, Delivery, Message
from tidings.domain.ports import Announcer, Progress
from tidings.domain.unit import Unit
from tidings.store.sqlite import audits, rows, units
from tidings.store.sqlite.database import SQL, Database, Row, first
from tidings.store.sqlite.progress import Fresh, Written, add_messages, write_progress
from tidings.store.sqlite.writer import Writer, answer

Loaded = tuple[int, Message, int, int]
"""An unfinished message read back: its place in the flow, itself, its cursor, its bytes."""

_LATEST_US = 2**62
_SHOWN = 100


class _Gathered:
    """What callers asked for since the last flush."""

    __slots__ = ("appended", "bodies", "messages", "progress", "recorded")

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.bodies: list[bytes] = []
        self.appended: list[asyncio.Future[None]] = []
        self.progress: list[Progress] = []
        self.recorded: list[asyncio.Future[list[int]]] = []


class Journal:
    """Messages and deliveries over the store's database and writer."""

    def __init__(self, database: Database, writer: Writer, announcer: Announcer) -> None:
        self._database = database
        self._writer = writer
        self._announcer = announcer
        self._loop = asyncio.get_running_loop()
        self._gathered: _Gathered | None = None
        self._forgotten = 0
        self._on_messages: Callable[[Sequence[Fresh]], None] = _ignore_messages
        self._on_forgotten: Callable[[], None] = _ignore
        self.unfinished: int = database.value(SQL["message_unfinished_count"])

    def listen(self, on_messages: Callable[[Sequence[Fresh]], None], on_forgotten: Callable[[], None]) -> None:
        """Tell the flow, on the event loop: messages just made durable, in their order; and that all were forgotten."""
        self._on_messages = on_messages
        self._on_forgotten = on_forgotten

    def claim(self) -> None:
        """Become the one process that delivers. Raises Unavailable when another process does."""
        self._database.claim()

    def append(self, messages: Sequence[Message]) -> asyncio.Future[None]:
        """Make messages durable; the future is done when they are."""
        future: asyncio.Future[None] = self._loop.create_future()
        bodies = [rows.encode_message(message) for message in messages]
        gathered = self._gather()
        gathered.messages.extend(messages)
        gathered.bodies.extend(bodies)
        gathered.appended.append(future)
        return future

    def record(self, progress: Progress, unit: Unit | None = None) -> Awaitable[list[int]]:
        """Make progress durable; gives the ids of the parked rows. With a unit it is a piece of work of its own."""
        if unit is not None:
            return self.commit(unit, progress)
        future: asyncio.Future[list[int]] = self._loop.create_future()
        gathered = self._gather()
        gathered.progress.append(progress)
        gathered.recorded.append(future)
        return future

    async def commit(self, unit: Unit, progress: Progress | None = None) -> list[int]:
        """`Store.commit`, and progress in the same transaction; gives the ids of its parked rows."""
        future: asyncio.Future[tuple[list[int], Awaitable[None] | None]] = self._loop.create_future()
        bodies = [rows.encode_message(message) for message in unit.messages]

        def work(db: apsw.Connection) -> tuple[list[Fresh], Written | None]:
            units.apply(db, unit)
            fresh = add_messages(db, unit.messages, bodies)
            return fresh, None if progress is None else write_progress(db, [progress], self._forgotten)

        def done(result: tuple[list[Fresh], Written | None] | None, error: BaseException | None) -> None:
            if result is None or error is not None:
                answer(future, ([], None), error)
                return
            fresh, written = result
            if written is not None:
                self.unfinished -= written.finished
            self._arrived(fresh)
            answer(future, ([] if written is None else written.parked[0], self._announcer.announce(unit)), None)

        self._writer.submit(work, done, heavy=units.is_long(unit))
        ids, announced = await future
        if announced is not None:
            await announced
        return ids

    def recount(self) -> None:
        """Count the unfinished messages anew, soon: another process may have added some.

        Within the writer, so that what becomes durable before and after is counted exactly once.
        """

        def done(count: int, error: BaseException | None) -> None:
            if error is None:
                self.unfinished = count

        self._writer.submit(lambda db: int(first(db, SQL["message_unfinished_count"])), done, heavy=True)

    async def last_seq(self) -> int:
        """The newest place in the flow ever given."""
        found = self._database.row(SQL["message_last_seq"])
        return 0 if found is None else int(found[0])

    async def load(self, after: int, limit: int) -> list[Loaded]:
        """Unfinished messages after a place in the flow, oldest first."""
        found = self._database.rows(SQL["message_unfinished"], (after, limit))
        return [(seq, rows.decode_message(body), cursor, len(body)) for seq, body, cursor in found]

    async def messages(self, seqs: Sequence[int]) -> dict[int, Message]:
        """Messages by their place in the flow."""
        found = self._database.rows(SQL["message_bodies"], (_json_text(seqs),))
        return {seq: rows.decode_message(body) for seq, body in found}

    async def due(self, after: tuple[datetime, int], until: datetime | None, limit: int) -> list[tuple[datetime, int]]:
        """Times and ids of waiting deliveries, earliest first, after a time and id and not due later than `until`."""
        last = _LATEST_US if until is None else rows.micros(until)
        start = rows.micros(after[0])
        found = self._database.rows(SQL["delivery_due_at"], (start, after[1], limit)) if start <= last else []
        if len(found) < limit:
            found += self._database.rows(SQL["delivery_due"], (start, last, limit - len(found)))
        return [(rows.moment(due), delivery_id) for due, delivery_id in found]

    async def deliveries(self, ids: Sequence[int]) -> dict[int, Delivery]:
        """Deliveries by id."""
        return self._deliveries(_json_text(ids))

    async def waiting_count(self) -> int:
        return int(await self._database.walk(SQL["delivery_waiting_count"]))

    async def dead_letters(self, query: DeadQuery) -> list[tuple[Delivery, Message]]:
        """Dead letters with their messages, ascending by id."""
        bindings = {
            "account_id": query.account_id,
            "topic_id": query.topic_id,
            "subscription_uid": query.subscription_uid,
            "after": query.after,
            "limit": query.limit,
        }
        found = self._deliveries(await self._database.walk(SQL[_dead_path(query)], bindings))
        messages = await self.messages(sorted({delivery.message_seq for delivery in found.values()}))
        pairs = ((delivery, messages.get(delivery.message_seq)) for _, delivery in sorted(found.items()))
        return [(delivery, message) for delivery, message in pairs if message is not None]

    async def send_again(
        self, account_id: AccountId, delivery_ids: Sequence[int], now: datetime, entry: AuditEntry | None = None
    ) -> list[int]:
        """Make dead letters due now; returns the ids that were. `entry`: for the audit trail, which ids are added here."""
        bindings = (account_id, _json_text(delivery_ids), rows.micros(now))

        def work(db: apsw.Connection) -> list[int]:
            changed: list[Row] = db.execute(SQL["delivery_again"], bindings).fetchall()
            ids = sorted(row[0] for row in changed)
            if ids and entry is not None:
                audits.write(db, [replace(entry, subject=_subject(ids), count=len(ids))])
            return ids

        return await self._writer.write(work)

    def _arrived(self, fresh: Sequence[Fresh]) -> None:
        """Messages became durable: count them and hand them on."""
        if fresh:
            self.unfinished += len(fresh)
            self._on_messages(fresh)

    def forget(self, last_seq: int) -> None:
        """Everything up to `last_seq` was removed by a reset."""
        self._forgotten = last_seq
        self.unfinished = 0
        self._on_forgotten()

    def _deliveries(self, ids: str) -> dict[int, Delivery]:
        found = map(rows.delivery, self._database.rows(SQL["delivery_by_ids"], (ids,)))
        return {delivery.id: delivery for delivery in found}

    def _gather(self) -> _Gathered:
        gathered = self._gathered
        if gathered is None:
            gathered = _Gathered()
            # Submitted first: a closed writer raises, and nobody must be left waiting in a list that is never flushed.
            self._writer.submit(
                lambda db: self._flush(db, gathered), lambda result, error: self._flushed(gathered, result, error)
            )
            self._gathered = gathered
        return gathered

    def _flush(self, db: apsw.Connection, gathered: _Gathered) -> tuple[list[Fresh], Written]:
        self._gathered = None
        fresh = add_messages(db, gathered.messages, gathered.bodies) if gathered.messages else []
        written = write_progress(db, gathered.progress, self._forgotten) if gathered.progress else Written([], 0)
        return fresh, written

    def _flushed(
        self, gathered: _Gathered, result: tuple[list[Fresh], Written] | None, error: BaseException | None
    ) -> None:
        if result is None or error is not None:
            # Also when the transaction never began and `_flush` was not called.
            if self._gathered is gathered:
                self._gathered = None
            for appended in gathered.appended:
                answer(appended, None, error)
            for recorded in gathered.recorded:
                answer(recorded, [], error)
            return
        fresh, written = result
        self.unfinished -= written.finished
        self._arrived(fresh)
        for appended in gathered.appended:
            answer(appended, None, None)
        for recorded, ids in zip(gathered.recorded, written.parked, strict=True):
            answer(recorded, ids, None)


def _dead_path(query: DeadQuery) -> str:
    if query.subscription_uid is not None:
        return "delivery_dead_by_subscription"
    if query.topic_id is not None:
        return "delivery_dead_by_topic"
    return "delivery_dead" if query.account_id is None else "delivery_dead_by_account"


def _subject(ids: Sequence[int]) -> str:
    shown = ", ".join(map(str, ids[:_SHOWN]))
    return shown if len(ids) <= _SHOWN else f"{shown} and {len(ids) - _SHOWN} more"


def _json_text(values: Sequence[int]) -> str:
    return msgspec.json.encode(values).decode()


def _ignore_messages(fresh: Sequence[Fresh]) -> None:
    """No flow listens: the messages wait in the database for the process that delivers."""


def _ignore() -> None:
    """No flow listens."""
