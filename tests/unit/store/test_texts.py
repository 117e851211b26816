"""How many text messages went out for a topic, by hour: written with the progress of deliveries, read for the topic's owner."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.examples import examples
from tests.support.stores import NOW, a_message, add_topic

from tidings.delivery.journal import Journal
from tidings.domain.model import TopicId
from tidings.domain.ports import Progress
from tidings.domain.unit import Unit
from tidings.flow.embedded import EmbeddedFlow
from tidings.store.sqlite import SqliteStore

HOUR = timedelta(hours=1)
NOON = NOW.replace(minute=0, second=0, microsecond=0)
ALL = {"since": NOON - timedelta(days=99), "until": NOON + timedelta(days=99)}


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    store = await SqliteStore.open(tmp_path / "tidings.db")
    yield store
    await store.close()


async def test_texts_of_many_records_add_up_by_topic_and_hour(store: SqliteStore) -> None:
    one, other = await add_topic(store, 1), await add_topic(store, 2)
    waiting = [
        store.journal.record(Progress(), Unit(texts_delivered={(one.id, NOON): 2, (other.id, NOON): 1}))
        for _ in range(3)
    ]
    for written in waiting:
        assert await written == []
    await store.journal.record(Progress(), Unit(texts_delivered={(one.id, NOON): 1, (one.id, NOON + 2 * HOUR): 4}))
    assert await store.texts_sent(one.id, **ALL) == [(NOON, 7), (NOON + 2 * HOUR, 4)]
    assert await store.texts_sent(other.id, **ALL) == [(NOON, 3)]
    assert await store.texts_sent(one.id, since=NOON, until=NOON + 2 * HOUR) == [(NOON, 7)]
    assert await store.texts_sent(one.id, since=NOON + timedelta(microseconds=1), until=NOON + 3 * HOUR) == [
        (NOON + 2 * HOUR, 4)
    ]


async def test_texts_are_written_together_with_the_rest_of_the_record(store: SqliteStore) -> None:
    topic = await add_topic(store)
    await store.journal.append([a_message(1, topic)])
    seq = await store.journal.last_seq()
    await store.journal.record(Progress(finished=[seq]), Unit(texts_delivered={(topic.id, NOON): 1}))
    assert store.journal.unfinished == 0
    assert await store.texts_sent(topic.id, **ALL) == [(NOON, 1)]


async def test_what_delivery_counts_is_written_with_its_progress(store: SqliteStore) -> None:
    topic = await add_topic(store)
    journal = Journal(EmbeddedFlow.open(store.journal, backlog_max=10))
    for hour in (NOON, NOON + HOUR, NOON):
        journal.text_sent(topic.id, hour)
    await journal.flush()
    await journal.flush()
    assert await store.texts_sent(topic.id, **ALL) == [(NOON, 2), (NOON + HOUR, 1)]


async def test_a_deleted_topic_has_no_texts_and_gets_none(store: SqliteStore) -> None:
    topic = await add_topic(store)
    await store.journal.record(
        Progress(), Unit(texts_delivered={(topic.id, NOON + number * HOUR): 1 for number in range(5)})
    )
    await store.commit(Unit(topics_deleted=[topic.id]))
    await store.journal.record(Progress(), Unit(texts_delivered={(topic.id, NOON): 1, (TopicId(999), NOON): 1}))
    assert await store.texts_sent(topic.id, **ALL) == []
    assert [await store.sweep(NOW, 3) for _ in range(3)] == [3, 3, 0]
    assert kept_rows(store) == 0


async def test_texts_older_than_32_days_are_swept(store: SqliteStore) -> None:
    topic = await add_topic(store)
    hours = [NOON - timedelta(days=days) for days in (40, 33, 32, 31, 0)]
    await store.journal.record(Progress(), Unit(texts_delivered=dict.fromkeys([(topic.id, hour) for hour in hours], 1)))
    assert [await store.sweep(NOON, 1) for _ in range(3)] == [1, 1, 0]
    assert await store.texts_sent(topic.id, **ALL) == [(hour, 1) for hour in hours[2:]]


async def test_a_reset_forgets_texts(store: SqliteStore) -> None:
    topic = await add_topic(store)
    await store.journal.record(Progress(), Unit(texts_delivered={(topic.id, NOON): 1}))
    await store.reset()
    assert kept_rows(store) == 0


@settings(max_examples=examples(20), deadline=None)
@given(
    sent=st.lists(st.dictionaries(st.tuples(st.integers(1, 3), st.integers(0, 4)), st.integers(1, 9)), max_size=8),
)
async def test_whatever_is_recorded_in_whatever_order_adds_up(
    tmp_path_factory: pytest.TempPathFactory, sent: list[dict[tuple[int, int], int]]
) -> None:
    store = await SqliteStore.open(tmp_path_factory.mktemp("texts") / "tidings.db")
    topics = [await add_topic(store, number) for number in range(1, 4)]
    expected: Counter[tuple[int, int]] = Counter()
    for counts in sent:
        expected.update(counts)
        texts = {(topics[which - 1].id, NOON + hour * HOUR): count for (which, hour), count in counts.items()}
        await store.journal.record(Progress(), Unit(texts_delivered=texts))
    for which, topic in enumerate(topics, 1):
        hours = sorted(hour for topic_number, hour in expected if topic_number == which)
        found = await store.texts_sent(topic.id, **ALL)
        assert found == [(NOON + hour * HOUR, expected[which, hour]) for hour in hours]
    await store.close()


def kept_rows(store: SqliteStore) -> int:
    return int(store._database.value("SELECT count(*) FROM text_tally"))
