"""A journal that is read over a network answers late: what it says may be older or newer than what was written meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st
from tests.support.virtual_time import in_virtual_time

from tidings.domain.model import AccountId, Kind, Message, TopicId
from tidings.domain.ports import NewDelivery, Progress, Settled
from tidings.domain.unit import Unit
from tidings.flow.embedded import EmbeddedFlow
from tidings.flow.journal import Fresh, Journal, Loaded

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
ACCOUNT = AccountId("000000000000")
Pauses = Iterator[tuple[int, int]]

pauses = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=30)
"""How many turns of the loop each reading waits before it looks, and before it answers."""


def a_message(number: int, topic: int = 1) -> Message:
    return Message(f"{number:032x}", Kind.NOTIFICATION, ACCOUNT, "sns", NOW, TopicId(topic))


@dataclass(frozen=True)
class Row:
    """As much of a Delivery as the flow looks at."""

    id: int
    message_seq: int
    due: datetime


class LateJournal:
    """A journal in memory whose reads take their time."""

    def __init__(self, pauses: Pauses) -> None:
        self.unfinished = 0
        self.rows: dict[int, Message] = {}
        self.waiting: dict[int, Row] = {}
        self.last = self.last_row = 0
        self.gate = asyncio.Event()  # answers wait for it once they are known
        self.gate.set()
        self._pauses = pauses
        self._on_messages: Callable[[Sequence[Fresh]], None] = lambda _: None
        self._on_forgotten: Callable[[], None] = lambda: None

    def listen(self, on_messages: Callable[[Sequence[Fresh]], None], on_forgotten: Callable[[], None]) -> None:
        self._on_messages, self._on_forgotten = on_messages, on_forgotten

    def claim(self) -> None: ...

    async def append(self, messages: Sequence[Message]) -> None:
        fresh = []
        for message in messages:
            self.last += 1
            self.rows[self.last] = message
            fresh.append((self.last, message, 10))
        self.unfinished += len(fresh)
        self._on_messages(fresh)

    async def record(self, progress: Progress, unit: Unit | None = None) -> list[int]:
        for settled in progress.settled:
            row = self.waiting.pop(settled.delivery_id)
            if settled.due is not None:
                self.waiting[row.id] = replace(row, due=settled.due)
        for seq in progress.finished:
            del self.rows[seq]
        return [self.park(new) for new in progress.parked]

    def park(self, new: NewDelivery) -> int:
        self.last_row += 1
        self.waiting[self.last_row] = Row(self.last_row, new.message_seq, new.due)
        return self.last_row

    def forget(self) -> None:
        self.rows.clear()
        self.waiting.clear()
        self._on_forgotten()

    def recount(self) -> None: ...

    async def last_seq(self) -> int:
        return await self._late(lambda: self.last)

    async def load(self, after: int, limit: int) -> list[Loaded]:
        return await self._late(lambda: [(seq, row, 0, 10) for seq, row in self.rows.items() if seq > after][:limit])

    async def messages(self, seqs: Sequence[int]) -> dict[int, Message]:
        return await self._late(lambda: {seq: self.rows[seq] for seq in seqs if seq in self.rows})

    async def due(self, after: tuple[datetime, int], until: datetime | None, limit: int) -> list[tuple[datetime, int]]:
        def look() -> list[tuple[datetime, int]]:
            found = sorted((row.due, row.id) for row in self.waiting.values())
            return [row for row in found if row > after and (until is None or row[0] <= until)][:limit]

        return await self._late(look)

    async def deliveries(self, ids: Sequence[int]) -> dict[int, Row]:
        return await self._late(lambda: {number: self.waiting[number] for number in ids if number in self.waiting})

    async def _late(self, look: Callable[[], Any]) -> Any:
        before, after = next(self._pauses, (0, 0))
        for _ in range(before):
            await asyncio.sleep(0)
        seen = look()
        for _ in range(after):
            await asyncio.sleep(0)
        await self.gate.wait()
        return seen


def open_flow(journal: LateJournal, **bounds: Any) -> EmbeddedFlow:
    return EmbeddedFlow.open(cast(Journal, journal), backlog_max=10_000, **bounds)


@given(pauses, st.lists(st.tuples(st.integers(1, 4), st.integers(0, 4)), max_size=12), st.integers(1, 20))
@in_virtual_time
async def test_each_message_comes_once_and_at_once(
    pauses: list[tuple[int, int]], writes: list[tuple[int, int]], memory: int
) -> None:
    journal = LateJournal(iter(pauses))
    flow = open_flow(journal, memory_messages=memory)
    taken: list[int] = []

    async def take() -> None:
        while tasks := await flow.take(3):
            taken.extend(task.seq for task in tasks)

    async with asyncio.TaskGroup() as group:
        taking = group.create_task(take())
        for count, turns in writes:
            await flow.append([a_message(number) for number in range(count)])
            for _ in range(turns):
                await asyncio.sleep(0)
        await asyncio.sleep(1.0)  # less than a look for what others have added
        assert sorted(taken) == list(range(1, journal.last + 1))
        flow.stop()
        await taking


async def turns() -> None:
    """Let everybody come as far as they can."""
    for _ in range(20):
        await asyncio.sleep(0)


def a_row(due: datetime) -> Progress:
    return Progress(parked=[NewDelivery(1, a_message(1), "u", "http", "http://h/", 1, due, "")])


async def test_messages_that_were_forgotten_while_they_were_read_do_not_come() -> None:
    journal = LateJournal(iter([(0, 0), (0, 9)]))  # the newest place at once, the messages late
    await journal.append([a_message(1)])
    flow = open_flow(journal)
    taking = asyncio.create_task(flow.take(9))
    for _ in range(4):
        await asyncio.sleep(0)
    journal.forget()
    await flow.append([a_message(2)])
    assert [task.seq for task in await taking] == [2]


async def test_rows_that_were_forgotten_while_they_were_read_do_not_come() -> None:
    journal = LateJournal(iter(()))
    await journal.append([a_message(1)])
    flow = open_flow(journal)
    await flow.record(a_row(NOW))
    journal.gate.clear()
    taking = asyncio.create_task(flow.take_due(NOW, 9))
    await turns()
    journal.forget()
    journal.gate.set()
    assert await taking == []


async def test_a_row_that_is_settled_while_rows_are_read_is_not_leased_by_what_it_was() -> None:
    journal = LateJournal(iter(()))
    await journal.append([a_message(1)])
    flow = open_flow(journal)
    await flow.record(a_row(NOW))
    ((first, _),) = await flow.take_due(NOW, 9)
    (second,) = await flow.record(a_row(NOW))
    journal.gate.clear()
    taking = asyncio.create_task(flow.take_due(NOW, 9))
    await turns()
    await flow.record(Progress(settled=[Settled(first.id, 2, due=NOW + 60 * SECOND)]))
    journal.gate.set()
    assert [row.id for row, _ in await taking] == [second]
    assert [row.id for row, _ in await flow.take_due(NOW + 60 * SECOND, 9)] == [first.id]


async def test_an_earlier_row_that_is_written_while_rows_are_read_is_found() -> None:
    journal = LateJournal(iter(()))
    await journal.append([a_message(1)])
    flow = open_flow(journal)
    (later,) = await flow.record(a_row(NOW + 5 * SECOND))
    journal.gate.clear()
    taking = asyncio.create_task(flow.take_due(NOW + 9 * SECOND, 9))
    await turns()
    (earlier,) = await flow.record(a_row(NOW + SECOND))
    journal.gate.set()
    assert [row.id for row, _ in await taking] == [later]
    assert [row.id for row, _ in await flow.take_due(NOW + 9 * SECOND, 9)] == [earlier]


@given(
    pauses,
    st.lists(
        st.tuples(st.sampled_from(["new", "later", "done", "look", "wait"]), st.integers(0, 5), st.integers(0, 4)),
        max_size=40,
    ),
)
@in_virtual_time
async def test_a_row_is_leased_once_and_never_before_its_time(
    pauses: list[tuple[int, int]], steps: list[tuple[str, int, int]]
) -> None:
    journal = LateJournal(iter(pauses))
    await journal.append([a_message(1)])
    flow = open_flow(journal)
    now = NOW
    leased: dict[int, datetime] = {}
    looking: asyncio.Task[None] | None = None

    async def look(before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await before
        await flow.next_due()
        await take()

    async def take() -> None:
        at = now
        for row, _ in await flow.take_due(at, 2):
            assert row.id not in leased, "leased twice"
            assert row.due <= at, "too early"
            leased[row.id] = row.due

    async with asyncio.TaskGroup() as group:
        for what, number, turns in steps:
            if what == "new":
                new = NewDelivery(1, a_message(1), "u", "http", "http://h/", 1, now + number * SECOND, "")
                group.create_task(flow.record(Progress(parked=[new])))
            elif what == "look":
                looking = group.create_task(look(looking))
            elif what == "wait":
                now += number * SECOND
            elif leased:
                row_id = sorted(leased)[number % len(leased)]
                del leased[row_id]
                due = now + number * SECOND if what == "later" else None
                group.create_task(flow.record(Progress(settled=[Settled(row_id, 2, due=due)])))
            for _ in range(turns):
                await asyncio.sleep(0)
    now += 60 * SECOND
    while set(journal.waiting) - set(leased):
        before = len(leased)
        assert await flow.next_due() is not None
        await take()
        assert len(leased) > before, "a row that is due does not come"
