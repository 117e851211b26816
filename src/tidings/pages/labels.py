"""What every page says of a subscription: its topic's name, its endpoint in part, its state. Called by `views`. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tidings.domain.model import State, Subscription, Topic
from tidings.pages.masking import masked
from tidings.services.subscriptions import Found
from tidings.wire.plain_text import one_line

PEOPLE = frozenset({"email", "email-json", "sms"})
_BOTS = ("dingding", "feishu", "wechat", "welink")
FIELDS: Mapping[str, str] = {
    "email": "email",
    "email-json": "email",
    "sms": "sms",
    "http": "http",
    "https": "http",
    **dict.fromkeys(_BOTS, "http"),
}


def title_of(topic: Topic) -> str:
    """The topic's name for people."""
    return one_line(topic.display_name) or topic.name


LIVE = (State.UNCONFIRMED, State.CONFIRMED)


def live_of(listed: Sequence[Found]) -> list[Found]:
    """Those that send something, or wait for a yes."""
    return [found for found in listed if found.subscription.state in LIVE]


def is_phone(found: Found) -> bool:
    return found.subscription.protocol == "sms"


def masked_endpoint(subscription: Subscription) -> str:
    return masked(subscription.protocol, subscription.endpoint)


def facts_of(found: Found) -> dict[str, object]:
    subscription = found.subscription
    return {
        "state": subscription.state.name.lower(),
        "topic": found.topic.name,
        "protocol": subscription.protocol,
        "endpoint": masked_endpoint(subscription),
    }
