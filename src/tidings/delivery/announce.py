"""Tell this process's delivery about a change before it is acknowledged: the Announcer of a server with one process.

Several processes will need one that waits for each of them (design section 3); services only know the port.
"""

from __future__ import annotations

from tidings.delivery.expand import Expander
from tidings.delivery.gate import Gate
from tidings.domain.model import Subscription, TopicId
from tidings.domain.ports import Store


class LocalAnnouncer:
    def __init__(self, store: Store, gate: Gate, expander: Expander) -> None:
        self._store = store
        self._gate = gate
        self._expander = expander

    async def subscription_changed(self, subscription: Subscription) -> None:
        self._gate.apply(subscription.uid, subscription.state)
        self._expander.forget(subscription.topic_id)

    async def topic_changed(self, topic_id: TopicId) -> None:
        self._expander.forget(topic_id)
        if await self._store.topic_by_id(topic_id) is None:
            self._gate.topic_gone(topic_id)
