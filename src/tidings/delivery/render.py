"""From a message and a subscriber to an Outgoing: picks the cloud's Envelopes, opens sealed link secrets, dresses.

Nothing here knows a cloud: `wiring` hands in a table dialect name -> Envelopes.
"""

from __future__ import annotations

from collections.abc import Mapping

from tidings.domain.envelope import Envelopes, Outgoing, RenderedMessage
from tidings.domain.model import NO_ID, Message, Subscriber, Subscription, SubscriptionId, Topic
from tidings.domain.ports import Vault
from tidings.domain.protocols import TO_NUMBERS


class Renderer:
    def __init__(self, envelopes: Mapping[str, Envelopes], vault: Vault) -> None:
        self._envelopes = envelopes
        self._vault = vault

    def envelopes(self, subscriber: Subscriber) -> Envelopes:
        """The dialect in which a subscription was made decides what its subscriber receives."""
        return self._envelopes[subscriber.dialect]

    def open(self, dialect: str, message: Message, topic: Topic | None) -> RenderedMessage:
        """The envelopes of one message for the subscribers of one dialect."""
        token = self._vault.open(message.sealed_token).decode() if message.sealed_token else ""
        return self._envelopes[dialect].open(message, topic, token)

    def outgoing(self, message: Message, rendered: RenderedMessage, subscriber: Subscriber, attempt: int) -> Outgoing:
        """Raises ValueError when the message cannot be shown by the subscriber's protocol."""
        return Outgoing(
            message,
            subscriber,
            subscriber.endpoint,
            rendered.for_subscriber(subscriber),
            attempt,
            self._envelopes[subscriber.dialect].timeout_s(subscriber),
        )


def subscriber_of(subscription: Subscription) -> Subscriber:
    """What a delivery needs of a subscription that was read whole."""
    return Subscriber(
        subscription.id,
        subscription.uid,
        subscription.account_id,
        subscription.dialect,
        subscription.protocol,
        subscription.endpoint,
        subscription.settings,
    )


def subscriber_of_number(message: Message) -> Subscriber:
    """The receiver of a DIRECT message, who has no subscription."""
    return Subscriber(SubscriptionId(NO_ID), "", message.account_id, message.dialect, TO_NUMBERS, message.endpoint, {})
