"""What every page says of a subscription: its topic's name, its endpoint in part, its state. Called by `views`. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from tidings.domain.model import State, Subscription, Topic
from tidings.domain.protocols import Protocols
from tidings.services.subscriptions import Found
from tidings.wire import masking
from tidings.wire.plain_text import one_line


def title_of(topic: Topic) -> str:
    """The topic's name for people."""
    return one_line(topic.display_name) or topic.name


LIVE = (State.UNCONFIRMED, State.CONFIRMED)


def live_of(listed: Sequence[Found]) -> list[Found]:
    """Those that send something, or wait for a yes."""
    return [found for found in listed if found.subscription.state in LIVE]


def is_phone(found: Found) -> bool:
    return found.subscription.protocol == "sms"


def masked_endpoint(protocols: Protocols, subscription: Subscription) -> str:
    protocol = protocols.get(subscription.protocol)
    mask = masking.last_part if protocol is None else protocol.mask
    return mask(subscription.endpoint)


def facts_of(protocols: Protocols, found: Found) -> dict[str, object]:
    subscription = found.subscription
    return {
        "state": subscription.state.name.lower(),
        "topic": found.topic.name,
        "protocol": subscription.protocol,
        "endpoint": masked_endpoint(protocols, subscription),
    }
