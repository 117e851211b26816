"""What delivery does with each change that the store announces: the gate and the cache follow before the caller is answered."""

from __future__ import annotations

from tidings.delivery.expand import Expander
from tidings.delivery.gate import Gate
from tidings.domain.lifecycle import expire
from tidings.domain.unit import Unit


class AnnouncedChanges:
    def __init__(self, gate: Gate, expander: Expander) -> None:
        self._gate = gate
        self._expander = expander

    def apply(self, unit: Unit) -> None:
        """A listener of the Announcer."""
        for subscription in unit.subscriptions_changed:
            self._gate.apply(subscription.uid, subscription.state)
            self._expander.forget(subscription.topic_id)
        for subscription in unit.subscriptions_deleted:
            self._gate.apply(subscription.uid, expire(subscription).state)
            self._expander.forget(subscription.topic_id)
        for subscription in unit.subscriptions_new:
            self._expander.forget(subscription.topic_id)
        for topic in unit.topics_changed:
            self._expander.forget(topic.id)
        for topic_id in unit.topics_deleted:
            self._expander.forget(topic_id)
            self._gate.topic_gone(topic_id)
