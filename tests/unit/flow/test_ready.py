"""The window of messages in memory, over a journal that is a list."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from tidings.domain.model import AccountId, Kind, Message, TopicId
from tidings.domain.ports import Task
from tidings.flow.journal import Fresh, Journal, Loaded
from tidings.flow.ready import ReadyMessages

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class ListJournal:
    """As much of a journal as the window asks: messages by place, and how often they were read back or counted."""

    def __init__(self) -> None:
        self.rows: dict[int, Message] = {}
        self.loads = 0
        self.recounts = 0

    def write(self, count: int, topics: Sequence[int] = (1,)) -> list[Fresh]:
        """Messages for these topics in turn."""
        fresh = []
        for number in range(count):
            seq = len(self.rows) + 1
            topic_id = TopicId(topics[number % len(topics)])
            self.rows[seq] = Message(str(seq), Kind.NOTIFICATION, AccountId("0"), "sns", NOW, topic_id)
            fresh.append((seq, self.rows[seq], 10))
        return fresh

    async def last_seq(self) -> int:
        return len(self.rows)

    async def load(self, after: int, limit: int) -> list[Loaded]:
        self.loads += 1
        return [(seq, message, 0, 10) for seq, message in self.rows.items() if seq > after][:limit]

    def recount(self) -> None:
        self.recounts += 1


def window(journal: ListJournal, messages_max: int = 100, bytes_max: int = 10_000) -> ReadyMessages:
    return ReadyMessages(cast(Journal, journal), messages_max, bytes_max)


async def take(ready: ReadyMessages, limit: int) -> list[Task]:
    """As the flow does it."""
    tasks = ready.take(limit)
    while not tasks and ready.is_behind:
        await ready.load()
        tasks = ready.take(limit)
    return tasks


def seqs(tasks: Sequence[Any]) -> list[int]:
    return [task.seq for task in tasks]


async def test_messages_come_straight_from_the_commit_once_the_window_has_caught_up() -> None:
    journal = ListJournal()
    ready = window(journal)
    assert await take(ready, 10) == []
    ready.add(journal.write(3))
    assert seqs(await take(ready, 10)) == [1, 2, 3]
    assert journal.loads == 1


async def test_the_window_holds_no_more_than_its_bounds() -> None:
    journal = ListJournal()
    by_count, by_bytes = window(journal, messages_max=4), window(journal, bytes_max=25)
    await take(by_count, 1)
    await take(by_bytes, 1)
    fresh = journal.write(50)
    for ready in (by_count, by_bytes):
        ready.add(fresh)
    assert (len(by_count), len(by_bytes)) == (4, 3)
    for ready in (by_count, by_bytes):
        taken: list[int] = []
        while tasks := await take(ready, 3):
            assert len(ready) <= 4
            taken += seqs(tasks)
        assert taken == list(range(1, 51))


async def test_messages_of_another_process_are_found_by_the_gap_and_by_looking() -> None:
    journal = ListJournal()
    ready = window(journal)
    await take(ready, 1)
    journal.write(2)
    ready.add(journal.write(1))
    assert seqs(await take(ready, 9)) == [1, 2, 3]
    assert journal.recounts == 2
    journal.write(1)
    assert await take(ready, 9) == []
    await ready.look_for_others()
    assert seqs(await take(ready, 9)) == [4]


async def test_a_message_loaded_before_its_commit_was_told_comes_once() -> None:
    journal = ListJournal()
    ready = window(journal)
    fresh = journal.write(2)
    assert seqs(await take(ready, 1)) == [1]
    ready.add(fresh)
    ready.add(journal.write(1))
    assert seqs(await take(ready, 9)) == [2, 3]


async def test_a_flooded_topic_delays_another_by_a_turn_and_not_by_its_flood() -> None:
    journal = ListJournal()
    ready = window(journal)
    await take(ready, 1)
    ready.add(journal.write(50, topics=[1]))
    ready.add(journal.write(2, topics=[2]))
    ready.add(journal.write(1, topics=[3]))
    assert seqs(await take(ready, 6)) == [1, 51, 53, 2, 52, 3]
    assert seqs(await take(ready, 100)) == list(range(4, 51))


@given(
    steps=st.lists(st.tuples(st.sampled_from(["write", "foreign", "take", "look"]), st.integers(1, 9)), max_size=40),
    topics=st.lists(st.integers(1, 4), min_size=1, max_size=6),
    messages_max=st.integers(1, 12),
)
async def test_every_message_comes_once_and_in_its_topics_order_whatever_happens(
    steps: list[tuple[str, int]], topics: list[int], messages_max: int
) -> None:
    journal = ListJournal()
    ready = window(journal, messages_max)
    taken: list[int] = []
    for step, number in [*steps, ("look", 1), ("take", 1000)]:
        match step:
            case "write":
                ready.add(journal.write(number, topics))
            case "foreign":
                journal.write(number, topics)
            case "look":
                await ready.look_for_others()
            case _:
                taken += seqs(await take(ready, number))
        assert len(ready) <= messages_max
    while tasks := await take(ready, 1000):
        taken += seqs(tasks)
    assert sorted(taken) == list(range(1, len(journal.rows) + 1))
    for topic in set(topics):
        mine = [seq for seq in taken if journal.rows[seq].topic_id == topic]
        assert mine == sorted(mine)
