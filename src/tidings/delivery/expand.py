"""Who receives a message: pages of confirmed subscriptions, from the store or, for small topics, from memory.

The cache holds topics and the subscribers of topics that fit in one page; the announcer makes it forget a topic before any
change to it is acknowledged. Who had consented is a matter of order: a subscription receives what came after its confirmation in
the store (docs/decisions/0013). No clock is asked, so no step of one can empty a list.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from tidings.domain.limits import PAGE_SUBSCRIPTIONS
from tidings.domain.model import Subscriber, Topic, TopicId
from tidings.domain.ports import Store

TOPICS_MAX = 4096
"""Topics kept in memory, least recently published ones go first."""

_NEWEST = 2**62
"""After every place in the flow: whoever is confirmed now."""


@dataclass(slots=True)
class _Small:
    """All subscribers of a small topic, right for messages at the place `valid_from` in the flow and after it."""

    subscribers: list[Subscriber]
    valid_from: int


class Expander:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._topics: OrderedDict[TopicId, Topic] = OrderedDict()
        self._small: dict[TopicId, _Small] = {}
        self._changes = 0

    def cached_topic(self, topic_id: TopicId) -> Topic | None:
        """The topic if it is in memory: the hot path's way, without awaiting."""
        return self._topics.get(topic_id)

    async def topic(self, topic_id: TopicId) -> Topic | None:
        """The topic, or None when it was deleted."""
        found = self._topics.get(topic_id)
        if found is not None:
            return found
        changes = self._changes
        found = await self._store.topic_by_id(topic_id)
        if found is not None and changes == self._changes:
            self._topics[topic_id] = found
            if len(self._topics) > TOPICS_MAX:
                oldest, _ = self._topics.popitem(last=False)
                self._small.pop(oldest, None)
        return found

    def cached_page(self, topic_id: TopicId, seq: int) -> list[Subscriber] | None:
        """All subscribers of a small topic if they are in memory and right for the message at that place."""
        small = self._small.get(topic_id)
        return small.subscribers if small is not None and seq >= small.valid_from else None

    async def page(self, topic_id: TopicId, after: int, seq: int) -> list[Subscriber]:
        """Up to PAGE_SUBSCRIPTIONS subscribers with id > `after`, ascending, who had consented when the message at `seq` was accepted."""
        changes = self._changes
        found = await self._store.page(topic_id, after=after, limit=PAGE_SUBSCRIPTIONS, seq=seq)
        if after == 0 and len(found) < PAGE_SUBSCRIPTIONS and topic_id in self._topics:
            await self._remember(topic_id, found, seq, changes)
        return found

    async def _remember(self, topic_id: TopicId, found: list[Subscriber], seq: int, changes: int) -> None:
        # Somebody may have confirmed between the message and now: then the list of now serves later messages only.
        current = await self._store.page(topic_id, after=0, limit=PAGE_SUBSCRIPTIONS, seq=_NEWEST)
        # Read after the list: whoever is in it was confirmed at or before this place.
        last = await self._store.last_seq()
        if changes != self._changes or len(current) >= PAGE_SUBSCRIPTIONS:
            return
        self._small[topic_id] = _Small(current, seq if len(current) == len(found) else last + 1)

    def forget(self, topic_id: TopicId) -> None:
        """Something about this topic or its subscriptions changed."""
        self._changes += 1
        self._topics.pop(topic_id, None)
        self._small.pop(topic_id, None)

    def forget_all(self) -> None:
        """Everything may have changed (reset)."""
        self._changes += 1
        self._topics.clear()
        self._small.clear()
