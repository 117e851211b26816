"""Small topics come from memory: the list is right for the place in the flow that it is asked for, and for no earlier one."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import cast

from tests.support.stores import a_message, a_subscription, add, add_topic, open_sqlite

from tidings.delivery.expand import Expander
from tidings.domain.model import State, Topic, TopicId
from tidings.domain.ports import Store
from tidings.domain.unit import Unit


async def test_a_list_in_memory_serves_the_messages_after_the_last_confirmation_only(tmp_path: Path) -> None:
    store = await open_sqlite(tmp_path)
    expander = Expander(store)
    topic = await add_topic(store)

    async def accept() -> int:
        await store.commit(Unit(messages=[a_message(await store.last_seq() + 1, topic)]))
        return await store.last_seq()

    async def uids(topic: Topic, seq: int) -> list[str]:
        return [row.uid for row in await expander.page(topic.id, 0, seq)]

    (old,) = await add(store, a_subscription(1, topic, state=State.CONFIRMED))
    first = await accept()
    (new,) = await add(store, a_subscription(2, topic, state=State.CONFIRMED))
    await expander.topic(topic.id)
    # The first message is expanded after the second one has consented, and the list of then is kept.
    assert await uids(topic, first) == [old.uid]
    assert expander.cached_page(topic.id, first) is None
    second = await accept()
    kept = expander.cached_page(topic.id, second)
    assert kept is not None
    assert [row.uid for row in kept] == [old.uid, new.uid]
    assert await uids(topic, second) == [old.uid, new.uid]
    expander.forget(topic.id)
    assert expander.cached_page(topic.id, second) is None
    await store.close()


async def test_a_topic_that_changes_while_it_is_read_is_read_again(tmp_path: Path) -> None:
    store = await open_sqlite(tmp_path)
    topic = await add_topic(store)

    class Slow:
        async def topic_by_id(self, topic_id: TopicId) -> Topic | None:
            found = await store.topic_by_id(topic_id)
            expander.forget(topic_id)
            return found

    expander = Expander(cast(Store, Slow()))
    assert await expander.topic(topic.id) == topic
    assert expander.cached_topic(topic.id) is None
    await store.close()


async def test_a_confirmation_while_a_list_is_read_is_not_kept_out_of_later_messages(tmp_path: Path) -> None:
    store = await open_sqlite(tmp_path)
    expander = Expander(store)
    topic = await add_topic(store)
    await store.commit(Unit(messages=[a_message(1, topic)]))
    first = await store.last_seq()
    await expander.topic(topic.id)
    added, page = await asyncio.gather(
        add(store, a_subscription(1, topic, state=State.CONFIRMED)), expander.page(topic.id, 0, first)
    )
    expander.forget(topic.id)
    assert page == []
    await store.commit(Unit(messages=[a_message(2, topic)]))
    later = await expander.page(topic.id, 0, await store.last_seq())
    assert [row.uid for row in later] == [added[0].uid]
    await store.close()
