"""What every Flow promises (`domain.ports.Flow`). A new implementation adds a parameter to `IMPLEMENTATIONS`, nothing else."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tidings.domain.errors import Conflict, Unavailable
from tidings.domain.model import (
    AccountId,
    DeadQuery,
    DeliveryState,
    Kind,
    Message,
    MessageAttribute,
    Topic,
    TopicId,
)
from tidings.domain.ports import Flow, NewDelivery, Progress, Settled, Store, Task
from tidings.domain.unit import Unit
from tidings.flow.embedded import EmbeddedFlow
from tidings.store.sqlite import SqliteStore

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
SECOND = timedelta(seconds=1)
ACCOUNT = AccountId("000000000000")
OTHER = AccountId("111111111111")


@dataclass
class App:
    """A flow with the store whose units carry messages into it."""

    store: Store
    flow: Flow

    async def close(self) -> None:
        self.flow.stop()
        await self.store.close()


Opener = Callable[..., Awaitable[App]]


async def open_embedded(place: Path, *, backlog_max: int = 1_000_000, **bounds: Any) -> App:
    store = await SqliteStore.open(place / "tidings.db")
    try:
        return App(store, EmbeddedFlow.open(store.journal, backlog_max=backlog_max, **bounds))
    except Unavailable:
        await store.close()
        raise


IMPLEMENTATIONS: dict[str, Opener] = {"embedded": open_embedded}


@pytest.fixture(params=IMPLEMENTATIONS)
def opener(request: pytest.FixtureRequest) -> Opener:
    return IMPLEMENTATIONS[request.param]


@pytest.fixture
async def app(opener: Opener, tmp_path: Path) -> AsyncIterator[App]:
    app = await opener(tmp_path)
    yield app
    await app.close()


@pytest.fixture
def flow(app: App) -> Flow:
    return app.flow


@pytest.fixture
def store(app: App) -> Store:
    """What the flow has written is read here."""
    return app.store


def a_message(number: int, **changes: Any) -> Message:
    message = Message(f"{number:032x}", Kind.NOTIFICATION, ACCOUNT, "sns", NOW, TopicId(1), None, f"body {number}")
    return replace(message, **changes)


def parked(task: Task, **changes: Any) -> NewDelivery:
    new = NewDelivery(task.seq, task.message, "ab" * 16, "https", "https://example.com", 1, NOW, "HTTP 500")
    return replace(new, **changes)


async def take_all(flow: Flow, count: int, step: int = 100) -> list[Task]:
    tasks: list[Task] = []
    while len(tasks) < count:
        tasks += await flow.take(step)
    return tasks


async def a_task(flow: Flow, number: int = 1, **changes: Any) -> Task:
    await flow.append([a_message(number, **changes)])
    (task,) = await flow.take(1)
    return task


def bodies(tasks: Sequence[Task]) -> list[str]:
    return [task.message.body for task in tasks]


# Messages


async def test_a_message_comes_out_as_it_went_in(flow: Flow) -> None:
    message = a_message(
        1, subject="Grüße", bodies={"sms": "kurz"}, attributes={"n": MessageAttribute("Number", "1")}, sealed_token=b"\0\xff",
        kind=Kind.CONFIRMATION, subscription_uid="ab" * 16, endpoint="e", group_id="g", dedup_id="d", sequence="1", topic_id=None,
    )  # fmt: skip
    await flow.append([message])
    assert [task.message for task in await flow.take(9)] == [message]


async def test_messages_are_taken_once_and_oldest_first(flow: Flow) -> None:
    await flow.append([a_message(0), a_message(1)])
    await asyncio.gather(*(flow.append([a_message(number)]) for number in range(2, 60)))
    first, rest = await flow.take(10), await take_all(flow, 50)
    assert bodies(first + rest) == [f"body {number}" for number in range(60)]
    seqs = [task.seq for task in first + rest]
    assert seqs == sorted(set(seqs))
    assert {task.cursor for task in first + rest} == {0}
    assert flow.backlog() == 60


async def test_take_waits_for_a_message_and_wakes_at_once(flow: Flow) -> None:
    taking = asyncio.create_task(flow.take(5))
    await asyncio.sleep(0)
    assert not taking.done()
    await flow.append([a_message(1)])
    assert bodies(await asyncio.wait_for(taking, 1)) == ["body 1"]


async def test_stop_ends_take_and_refuses_new_messages(flow: Flow) -> None:
    taking = asyncio.create_task(flow.take(5))
    await asyncio.sleep(0)
    flow.stop()
    assert await asyncio.wait_for(taking, 1) == []
    with pytest.raises(Unavailable):
        await flow.append([a_message(1)])


async def test_finished_messages_leave_the_backlog_and_finishing_twice_counts_once(flow: Flow) -> None:
    await flow.append([a_message(number) for number in range(5)])
    tasks = await take_all(flow, 5)
    assert await flow.record(Progress(finished=[task.seq for task in tasks[:3]])) == []
    await flow.record(Progress(finished=[tasks[0].seq]))
    assert flow.backlog() == 2


async def test_messages_of_a_unit_enter_the_flow_with_it(app: App) -> None:
    unit = Unit(messages=[a_message(1), a_message(2)])
    taking = asyncio.create_task(app.flow.take(5))
    await app.store.commit(unit)
    assert bodies(await asyncio.wait_for(taking, 1)) == ["body 1", "body 2"]
    assert app.flow.backlog() == 2


async def test_messages_of_a_refused_unit_never_enter_and_disturb_no_order(app: App) -> None:
    topic = Topic(TopicId(0), "ab" * 16, ACCOUNT, "r", "news", "sns", "", {}, {}, NOW, NOW)
    good = [Unit(topics_new=[topic], messages=[a_message(1)]), Unit(messages=[a_message(3)])]
    bad = Unit(topics_new=[topic], messages=[a_message(2)])
    answers = await asyncio.gather(
        app.store.commit(good[0]), app.store.commit(bad), app.flow.append([a_message(4)]), app.store.commit(good[1]),
        return_exceptions=True,
    )  # fmt: skip
    assert [type(answer) for answer in answers] == [type(None), Conflict, type(None), type(None)]
    assert sorted(bodies(await take_all(app.flow, 3))) == ["body 1", "body 3", "body 4"]
    assert app.flow.backlog() == 3


async def test_what_does_not_fit_in_memory_is_read_back_in_order(opener: Opener, tmp_path: Path) -> None:
    app = await opener(tmp_path, memory_messages=7, memory_bytes=1_000)
    first = await take_after(app.flow, range(3))
    appending = asyncio.gather(*(app.flow.append([a_message(number, body="x" * number)]) for number in range(3, 200)))
    rest = await take_all(app.flow, 197, step=5)
    await appending
    assert [task.message.id for task in first + rest] == [f"{number:032x}" for number in range(200)]
    assert len({task.seq for task in first + rest}) == 200
    await app.close()


async def take_after(flow: Flow, numbers: range) -> list[Task]:
    for number in numbers:
        await flow.append([a_message(number)])
    return await take_all(flow, len(numbers))


# The bound


async def test_append_waits_while_the_backlog_is_full_and_goes_on_in_order(opener: Opener, tmp_path: Path) -> None:
    app = await opener(tmp_path, backlog_max=3)
    tasks = await take_after(app.flow, range(3))
    waiting = [asyncio.create_task(app.flow.append([a_message(number)])) for number in range(3, 6)]
    await app.flow.record(Progress(cursors=[(tasks[0].seq, 1)]))
    assert not any(task.done() for task in waiting)
    for task in tasks:
        await app.flow.record(Progress(finished=[task.seq]))
    await asyncio.wait_for(asyncio.gather(*waiting), 5)
    assert bodies(await take_all(app.flow, 3)) == ["body 3", "body 4", "body 5"]
    assert app.flow.backlog() == 3
    await app.close()


async def test_append_gives_up_when_there_is_no_room_for_long(opener: Opener, tmp_path: Path) -> None:
    app = await opener(tmp_path, backlog_max=1, append_patience_s=0.02)
    await app.flow.append([a_message(1)])
    with pytest.raises(Unavailable):
        await app.flow.append([a_message(2)])
    assert bodies(await app.flow.take(9)) == ["body 1"]
    await app.close()


async def test_stop_ends_the_wait_for_room(opener: Opener, tmp_path: Path) -> None:
    app = await opener(tmp_path, backlog_max=1)
    await app.flow.append([a_message(1)])
    waiting = asyncio.create_task(app.flow.append([a_message(2)]))
    await asyncio.sleep(0)
    app.flow.stop()
    with pytest.raises(Unavailable):
        await waiting
    await app.close()


async def test_many_callers_never_exceed_the_bound(opener: Opener, tmp_path: Path) -> None:
    app = await opener(tmp_path, backlog_max=8)
    appending = asyncio.gather(*(app.flow.append([a_message(number)]) for number in range(100)))
    taken = 0
    while taken < 100:
        tasks = await app.flow.take(4)
        assert app.flow.backlog() <= 8
        taken += len(tasks)
        await app.flow.record(Progress(finished=[task.seq for task in tasks]))
    await appending
    assert app.flow.backlog() == 0
    await app.close()


# After a crash


async def test_what_is_unfinished_comes_again_with_its_cursor(opener: Opener, tmp_path: Path) -> None:
    app = await opener(tmp_path)
    tasks = await take_after(app.flow, range(4))
    await app.flow.record(Progress(cursors=[(tasks[1].seq, 500)], finished=[tasks[0].seq]))
    await app.flow.record(Progress(cursors=[(tasks[1].seq, 1000), (tasks[2].seq, 7)]))
    await app.close()
    app = await opener(tmp_path)
    assert app.flow.backlog() == 3
    again = await take_all(app.flow, 3)
    assert [(task.seq, task.message, task.cursor) for task in again] == [
        (tasks[1].seq, tasks[1].message, 1000), (tasks[2].seq, tasks[2].message, 7), (tasks[3].seq, tasks[3].message, 0)
    ]  # fmt: skip
    later = await a_task(app.flow, 9)
    assert later.seq > tasks[3].seq
    await app.close()


async def test_waiting_rows_and_their_messages_outlive_the_process(opener: Opener, tmp_path: Path) -> None:
    app = await opener(tmp_path)
    task = await a_task(app.flow)
    (row_id,) = await app.flow.record(Progress(parked=[parked(task)], finished=[task.seq]))
    await app.flow.take_due(NOW, 9)
    await app.close()
    app = await opener(tmp_path)
    assert app.flow.backlog() == 0
    ((row, message),) = await app.flow.take_due(NOW, 9)
    assert (row.id, message) == (row_id, task.message)
    await app.close()


_PUBLISH_FOREVER = """
import asyncio, sys
sys.path.insert(0, {root!r})
from pathlib import Path
from tests.integration.test_flow_suite import IMPLEMENTATIONS, a_message

async def main():
    server = await IMPLEMENTATIONS[{name!r}](Path({place!r}))
    async def publish(start):
        for number in range(start, 10**9, 8):
            await server.flow.append([a_message(number)])
            print(number, flush=True)
    await asyncio.gather(*(publish(start) for start in range(8)))

asyncio.run(main())
"""


@pytest.mark.parametrize("name", IMPLEMENTATIONS)
async def test_no_acknowledged_message_is_lost_by_kill_9(name: str, tmp_path: Path) -> None:
    root = str(Path(__file__).parents[2])
    script = _PUBLISH_FOREVER.format(name=name, place=str(tmp_path), root=root)
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=subprocess.PIPE)
    assert process.stdout is not None
    acknowledged = [int(await process.stdout.readline()) for _ in range(500)]
    process.kill()
    tail = (await process.stdout.read()).decode().splitlines(keepends=True)
    acknowledged += [int(line) for line in tail if line.endswith("\n")]
    await process.wait()
    app = await IMPLEMENTATIONS[name](tmp_path)
    found = {int(task.message.id, 16) for task in await take_all(app.flow, app.flow.backlog())}
    assert found >= set(acknowledged)
    assert len(found) <= len(acknowledged) + 8
    await app.close()


# Waiting deliveries


async def test_a_parked_row_comes_back_when_it_is_due_and_only_once(flow: Flow, store: Store) -> None:
    task = await a_task(flow)
    new = [parked(task, due=NOW + 2 * SECOND), parked(task, due=NOW + SECOND, attempts=3, subscription_uid="cd" * 16)]
    ids = await flow.record(Progress(parked=new, finished=[task.seq]))
    assert await flow.next_due() == NOW + SECOND
    assert await flow.take_due(NOW, 9) == []
    ((row, message),) = await flow.take_due(NOW + SECOND, 9)
    assert message == task.message
    assert row.id == ids[1]
    assert (row.message_seq, row.message_id, row.account_id, row.topic_id) == (
        task.seq,
        message.id,
        ACCOUNT,
        TopicId(1),
    )
    assert (row.subscription_uid, row.protocol, row.endpoint) == ("cd" * 16, "https", "https://example.com")
    assert (row.attempts, row.due, row.state, row.reason) == (3, NOW + SECOND, DeliveryState.WAITING, "HTTP 500")
    assert not row.redriven
    assert await flow.take_due(NOW + SECOND, 9) == []
    assert await flow.next_due() == NOW + 2 * SECOND
    assert [row.id for row, _ in await flow.take_due(NOW + 9 * SECOND, 9)] == [ids[0]]
    assert await flow.next_due() is None
    assert await store.waiting_count() == 2


async def test_due_rows_come_earliest_first_and_within_the_limit_also_at_one_time(flow: Flow) -> None:
    task = await a_task(flow)
    dues = [NOW + (number * 7 % 10) * SECOND for number in range(40)]
    ids = await flow.record(Progress(parked=[parked(task, due=due) for due in dues]))
    taken = []
    while rows := await flow.take_due(NOW + 60 * SECOND, 6):
        assert len(rows) <= 6
        taken += [row for row, _ in rows]
    assert [row.due for row in taken] == sorted(dues)
    assert sorted(row.id for row in taken) == sorted(ids)


async def test_a_row_put_off_comes_back_later_and_one_settled_is_gone(flow: Flow, store: Store) -> None:
    task = await a_task(flow)
    ids = await flow.record(Progress(parked=[parked(task), parked(task), parked(task)], finished=[task.seq]))
    await flow.take_due(NOW, 9)
    later = Settled(ids[1], 2, due=NOW + SECOND, reason="HTTP 503")
    await flow.record(Progress(settled=[Settled(ids[0], 2), later]))
    assert await flow.take_due(NOW, 9) == []
    ((row, message),) = await flow.take_due(NOW + SECOND, 9)
    assert (row.id, row.attempts, row.reason, message) == (ids[1], 2, "HTTP 503", task.message)
    assert await store.waiting_count() == 2


async def test_a_row_written_with_an_earlier_time_than_those_leased_is_found(flow: Flow) -> None:
    task = await a_task(flow)
    await flow.record(Progress(parked=[parked(task, due=NOW + 5 * SECOND)]))
    await flow.take_due(NOW + 5 * SECOND, 9)
    (early,) = await flow.record(Progress(parked=[parked(task, due=NOW + SECOND)]))
    assert await flow.next_due() == NOW + SECOND
    assert [row.id for row, _ in await flow.take_due(NOW + 5 * SECOND, 9)] == [early]


async def test_who_waits_for_what_is_due_hears_of_new_times(flow: Flow) -> None:
    async def is_told() -> bool:
        """Whether a wait for something else to be due ends before its time."""
        waiting = asyncio.ensure_future(flow.due_changed(600.0))
        done, _ = await asyncio.wait([waiting], timeout=0.05)
        waiting.cancel()
        return bool(done)

    task = await a_task(flow)
    assert not await is_told()
    (row_id, _) = await flow.record(Progress(parked=[parked(task), parked(task, dead=True)]))
    # Before the wait began, and until somebody looks.
    assert await is_told()
    assert await is_told()
    await flow.take_due(NOW, 9)
    assert not await is_told()
    await flow.record(Progress(settled=[Settled(row_id, 2, dead=True)]))
    assert not await is_told()
    await flow.send_again(ACCOUNT, [row_id], NOW)
    assert await is_told()
    await flow.take_due(NOW, 9)
    flow.look_again()
    assert await is_told()
    await flow.take_due(NOW, 9)
    waiting = asyncio.ensure_future(flow.due_changed(600.0))
    await asyncio.sleep(0)
    await flow.record(Progress(settled=[Settled(row_id, 1, due=NOW)]))
    await asyncio.wait_for(waiting, 60)


async def test_a_wait_for_what_is_due_ends_with_its_time_and_with_the_flow(flow: Flow) -> None:
    await asyncio.wait_for(flow.due_changed(0.01), 60)
    waiting = asyncio.ensure_future(flow.due_changed(600.0))
    await asyncio.sleep(0)
    flow.stop()
    await asyncio.wait_for(waiting, 60)


async def test_parking_settling_moving_and_finishing_go_in_one_transaction(flow: Flow) -> None:
    first, second = await take_after(flow, range(2))
    (row_id,) = await flow.record(Progress(parked=[parked(first)]))
    await flow.take_due(NOW, 1)
    progress = Progress([parked(second)], [Settled(row_id, 2)], [(second.seq, 5)], [first.seq])
    (other_id,) = await flow.record(progress)
    assert flow.backlog() == 1
    assert [row.id for row, _ in await flow.take_due(NOW, 9)] == [other_id]


# Progress that carries a unit


async def test_a_unit_is_written_and_announced_with_the_progress_that_carries_it(app: App, topics: None) -> None:
    (task,) = await take_after(app.flow, range(1))
    announced: list[Unit] = []
    app.store.announcer.listen(announced.append)
    hour = NOW.replace(minute=0, second=0, microsecond=0)
    unit = Unit(texts_delivered={(TopicId(1), hour): 3}, messages=[a_message(7)])
    (row_id,) = await app.flow.record(Progress(parked=[parked(task)], finished=[task.seq]), unit)
    assert announced == [unit]
    assert [row.id for row, _ in await app.flow.take_due(NOW, 9)] == [row_id]
    assert bodies(await app.flow.take(9)) == ["body 7"]
    assert app.flow.backlog() == 1
    assert await app.store.texts_sent(TopicId(1), since=hour, until=hour + 3600 * SECOND) == [(hour, 3)]


async def test_of_progress_and_a_unit_that_is_refused_nothing_is_written(app: App) -> None:
    first, second = await take_after(app.flow, range(2))
    announced: list[Unit] = []
    app.store.announcer.listen(announced.append)
    unit = Unit(topics_deleted=[TopicId(404)], messages=[a_message(7)])
    refused = app.flow.record(Progress([parked(first)], cursors=[(second.seq, 9)], finished=[first.seq]), unit)
    with pytest.raises(Conflict):
        await refused
    assert (announced, app.flow.backlog()) == ([], 2)
    assert await app.flow.take_due(NOW, 9) == []
    await app.flow.record(Progress([parked(first)], finished=[first.seq]))
    assert app.flow.backlog() == 1


# Dead letters


async def test_dead_letters_are_listed_with_their_message_and_each_filter_narrows_them(
    flow: Flow, store: Store, topics: None
) -> None:
    mine = await a_task(flow, 1)
    theirs = await a_task(flow, 2, account_id=OTHER, topic_id=TopicId(2))
    direct = await a_task(flow, 3, kind=Kind.DIRECT, topic_id=None)
    new = [
        parked(mine, dead=True), parked(mine), parked(mine, dead=True, subscription_uid="cd" * 16, redriven=True),
        parked(theirs, dead=True), parked(direct, dead=True, subscription_uid=""),
    ]  # fmt: skip
    ids = await flow.record(Progress(parked=new, finished=[mine.seq, theirs.seq, direct.seq]))
    assert await _dead(store) == [ids[0], ids[2], ids[3], ids[4]]
    assert await _dead(store, account_id=ACCOUNT) == [ids[0], ids[2], ids[4]]
    assert await _dead(store, account_id=ACCOUNT, after=ids[0], limit=1) == [ids[2]]
    assert await _dead(store, topic_id=TopicId(2)) == [ids[3]]
    assert await _dead(store, topic_id=TopicId(2), account_id=ACCOUNT) == []
    assert await _dead(store, subscription_uid="cd" * 16) == [ids[2]]
    _, (row, message), *_ = await store.dead_letters(DeadQuery())
    assert (row.state, row.redriven, message) == (DeliveryState.DEAD, True, mine.message)
    assert await store.waiting_count() == 1
    assert flow.backlog() == 0


async def _dead(store: Store, **query: Any) -> list[int]:
    return [row.id for row, _ in await store.dead_letters(DeadQuery(**query))]


@pytest.fixture
async def topics(app: App) -> None:
    """The topics 1 and 2 that the messages of these tests belong to."""
    for number in (1, 2):
        topic = Topic(TopicId(0), f"{number:032x}", ACCOUNT, "r", f"n{number}", "sns", "", {}, {}, NOW, NOW)
        await app.store.commit(Unit(topics_new=[topic]))


async def test_a_dead_letter_sent_again_starts_anew_and_only_for_its_account(flow: Flow, store: Store) -> None:
    task = await a_task(flow)
    new = [parked(task, dead=True, attempts=4, redriven=True), parked(task, due=NOW + 99 * SECOND)]
    dead, waiting = await flow.record(Progress(parked=new, finished=[task.seq]))
    assert await flow.send_again(OTHER, [dead], NOW) == []
    assert await flow.send_again(ACCOUNT, [dead, waiting, 99], NOW + SECOND) == [dead]
    assert await flow.send_again(ACCOUNT, [dead], NOW) == []
    assert await store.dead_letters(DeadQuery()) == []
    ((row, message),) = await flow.take_due(NOW + SECOND, 9)
    assert (row.id, row.attempts, row.redriven, message) == (dead, 0, False, task.message)
    await flow.record(Progress(settled=[Settled(dead, 1, dead=True, reason="again")]))
    assert [row.reason for row, _ in await store.dead_letters(DeadQuery())] == ["again"]


async def test_what_a_deleted_topic_left_behind_is_invisible_and_swept(app: App, topics: None) -> None:
    flow, store = app.flow, app.store
    gone, kept = await a_task(flow, 1), await a_task(flow, 2, topic_id=TopicId(2))
    new = [parked(gone, dead=True), parked(gone), parked(kept, dead=True)]
    ids = await flow.record(Progress(parked=new, finished=[gone.seq, kept.seq]))
    await store.commit(Unit(topics_deleted=[TopicId(1)]))
    assert await _dead(store) == [ids[2]]
    assert await _dead(store, topic_id=TopicId(1)) == []
    assert await flow.send_again(ACCOUNT, [ids[0]], NOW) == []
    while await store.sweep(NOW, 2):
        pass
    assert await flow.take_due(NOW, 9) == []
    assert await store.waiting_count() == 0
    assert await _dead(store) == [ids[2]]


# Developer mode


async def test_reset_empties_the_flow_and_late_progress_does_no_harm(app: App) -> None:
    flow = app.flow
    task = await a_task(flow)
    await flow.record(Progress(parked=[parked(task)]))
    ((row, _),) = await flow.take_due(NOW, 9)
    await flow.append([a_message(2), a_message(3)])
    await app.store.reset()
    assert flow.backlog() == await app.store.waiting_count() == 0
    late = Progress([parked(task)], [Settled(row.id, 2, due=NOW)], [(task.seq, 5)], [task.seq])
    assert await flow.record(late) == [0]
    assert flow.backlog() == await app.store.waiting_count() == 0
    assert await flow.take_due(NOW, 9) == []
    assert (await a_task(flow, 4)).message == a_message(4)


async def test_only_one_process_delivers_at_a_time(opener: Opener, tmp_path: Path) -> None:
    app = await opener(tmp_path)
    with pytest.raises(Unavailable, match="another"):
        await opener(tmp_path)
    await app.close()
    await (await opener(tmp_path)).close()


async def test_messages_added_by_a_command_are_found_and_keep_their_order(opener: Opener, tmp_path: Path) -> None:
    app = await opener(tmp_path)
    first = await a_task(app.flow, 1)
    command = await SqliteStore.open(tmp_path / "tidings.db")
    await command.commit(Unit(messages=[a_message(2)]))
    await command.close()
    await app.flow.append([a_message(3)])
    tasks = await take_all(app.flow, 2)
    assert bodies([first, *tasks]) == ["body 1", "body 2", "body 3"]
    await app.flow.record(Progress(finished=[task.seq for task in tasks]))
    assert app.flow.backlog() == 1
    await app.close()


async def test_an_idle_take_finds_what_a_command_added(opener: Opener, tmp_path: Path) -> None:
    app = await opener(tmp_path)
    taking = asyncio.create_task(app.flow.take(5))
    command = await SqliteStore.open(tmp_path / "tidings.db")
    await command.commit(Unit(messages=[a_message(1)]))
    await command.close()
    assert bodies(await asyncio.wait_for(taking, 10)) == ["body 1"]
    await app.flow.append([a_message(2)])
    assert app.flow.backlog() == 2
    await app.close()


async def test_a_row_that_a_wrong_clock_gave_a_time_years_ahead_is_due_at_once(app: App) -> None:
    task = await a_task(app.flow)
    far, soon = NOW + timedelta(days=3650), NOW + timedelta(days=2)
    ids = await app.flow.record(Progress(parked=[parked(task, due=far), parked(task, due=soon)]))
    assert await app.flow.next_due() == soon
    await app.store.sweep(NOW, 100)
    assert [delivery.id for delivery, _ in await app.flow.take_due(NOW, 9)] == ids[:1]
    assert await app.flow.next_due() == soon
