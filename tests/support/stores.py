"""What the suites of every Store share: builders of rows, and each implementation's way of opening."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from tidings.domain.model import (
    AccountId,
    Event,
    Kind,
    LedgerEntry,
    Message,
    Origin,
    State,
    Subscription,
    SubscriptionId,
    Template,
    Topic,
    TopicId,
    Way,
)
from tidings.domain.optout import AddressKind, InboundAddress, InboundText, OptOut
from tidings.domain.phone_ports import OptOutStore, TextAsk, TextGate, TextStore
from tidings.domain.ports import Store
from tidings.domain.unit import Unit
from tidings.store.sqlite import SqliteStore

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
SECOND = timedelta(seconds=1)
ACCOUNT = AccountId("000000000000")
OTHER = AccountId("111111111111")

PHONE = "+12025550123"
TOLL_FREE, SHORT_CODE = "+18885550100", "24273"


class WholeStore(Store, OptOutStore, TextStore, Protocol):
    """What an implementation is: one object with all three ports, and the gate of texts that goes with it."""

    @property
    def text_gate(self) -> TextGate: ...


Opener = Callable[[Path], Awaitable[WholeStore]]


async def open_sqlite(place: Path) -> WholeStore:
    return await SqliteStore.open(place / "tidings.db")


IMPLEMENTATIONS: dict[str, Opener] = {"sqlite": open_sqlite}


def uid(number: int) -> str:
    return f"{number:032x}"


def a_topic(number: int = 1, **changes: Any) -> Topic:
    topic = Topic(
        TopicId(0), uid(number), ACCOUNT, "us-east-1", f"news-{number}", "sns", "News", {"sns:Policy": "{}"}, {"team": "ä"}, NOW, NOW
    )  # fmt: skip
    return replace(topic, **changes)


def a_subscription(number: int, topic: Topic, **changes: Any) -> Subscription:
    subscription = Subscription(
        SubscriptionId(0), uid(1000 + number), topic.id, ACCOUNT, "sns", "https", f"https://example.com/{number}",
        State.UNCONFIRMED, {"sns:RawMessageDelivery": "true"}, "arn:aws:iam::000000000000:user/x", NOW, confirmation_sent_at=NOW,
    )  # fmt: skip
    return replace(subscription, **changes)


def an_entry(number: int, at: datetime = NOW, **changes: Any) -> LedgerEntry:
    origin = Origin(Way.LINK, "", "192.0.2.1", "curl", "r-1", "News, en", "")
    entry = LedgerEntry(
        0, at, Event.CONFIRMED, ACCOUNT, TopicId(1), "news", "us-east-1", uid(number), "email", f"u{number}@example.com",
        State.UNCONFIRMED, State.CONFIRMED, origin, "by hand",
    )  # fmt: skip
    return replace(entry, **changes)


def a_template(number: int, **changes: Any) -> Template:
    template = Template(0, uid(5000 + number), ACCOUNT, f"t{number}", "default", "Hello {name}", NOW, NOW)
    return replace(template, **changes)


def a_message(number: int, topic: Topic | None = None) -> Message:
    return Message(uid(number), Kind.NOTIFICATION, ACCOUNT, "sns", NOW, topic.id if topic else None, "subject", "body")


def an_address(address: str = TOLL_FREE, account_id: AccountId = ACCOUNT, **changes: Any) -> InboundAddress:
    return replace(InboundAddress(0, account_id, address, AddressKind.TOLL_FREE, NOW), **changes)


def an_opt_out(address: str = TOLL_FREE, phone: str = PHONE, **changes: Any) -> OptOut:
    return replace(OptOut(ACCOUNT, address, phone, NOW, NOW - SECOND, Way.KEYWORD, "", "STOP", "Stop!", ""), **changes)


def a_text(text: str = "Stop!", **changes: Any) -> InboundText:
    return replace(InboundText(0, ACCOUNT, TOLL_FREE, PHONE, text, NOW), **changes)


async def blocked_at(
    store: WholeStore, app_id: str, sms_type: int, phone: str = PHONE, account_id: AccountId = ACCOUNT
) -> str:
    """Where the gate blocks such a text, which it says ahead and at the last moment alike."""
    ask = TextAsk(account_id, app_id, sms_type, phone)
    [verdict] = await store.text_gate.verdicts([ask])
    assert store.text_gate.recheck(ask, verdict) == verdict.blocked_at
    return verdict.blocked_at


async def add_address(
    store: WholeStore, address: str = TOLL_FREE, account_id: AccountId = ACCOUNT, **changes: Any
) -> InboundAddress:
    await store.commit(Unit(inbound_addresses_new=[an_address(address, account_id, **changes)]))
    return await address_of(store, address, account_id)


async def address_of(store: WholeStore, address: str, account_id: AccountId = ACCOUNT) -> InboundAddress:
    found = await store.inbound_address(account_id, address)
    assert found is not None
    return found


async def add_topic(store: Store, number: int = 1, **changes: Any) -> Topic:
    topic = a_topic(number, **changes)
    await store.commit(Unit(topics_new=[topic]))
    found = await store.topic_by_uid(topic.uid)
    assert found is not None
    return found


async def add(store: Store, *subscriptions: Subscription) -> list[Subscription]:
    await store.commit(Unit(subscriptions_new=list(subscriptions)))
    return [await subscription_of(store, subscription.uid) for subscription in subscriptions]


async def subscription_of(store: Store, uid: str) -> Subscription:
    found = await store.subscription(uid)
    assert found is not None
    return found


async def add_templates(store: Store, *templates: Template) -> list[Template]:
    await store.commit(Unit(templates_new=list(templates)))
    return [await template_of(store, template.uid) for template in templates]


async def template_of(store: Store, uid: str) -> Template:
    found = await store.template(uid)
    assert found is not None
    return found
