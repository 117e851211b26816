"""Builders: values with sensible defaults, so that a test says only what it is about."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from tidings.domain.model import (
    AccountId,
    Kind,
    Message,
    Principal,
    Role,
    State,
    Subscriber,
    Subscription,
    SubscriptionId,
    Token,
    TokenPurpose,
    Topic,
    TopicId,
)

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
ACCOUNT = AccountId("000000000000")
OTHER_ACCOUNT = AccountId("111111111111")
UID = "0123456789abcdef" * 2


class FakeClock:
    """A clock that moves when it is told to. A fake of our own: no real clock can be moved."""

    def __init__(self, now: datetime = NOW) -> None:
        self.time = now

    def now(self) -> datetime:
        return self.time

    def wall(self) -> datetime:
        return self.time

    def advance(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


def make_principal(account_id: AccountId = ACCOUNT, role: Role = Role.OWNER, user: str = "admin") -> Principal:
    return Principal(account_id, user, role)


def make_topic(
    topic_id: int = 1,
    name: str = "news",
    account_id: AccountId = ACCOUNT,
    display_name: str = "",
    settings: Mapping[str, str] | None = None,
    dialect: str = "sns",
) -> Topic:
    return Topic(
        TopicId(topic_id), UID, account_id, "us-east-1", name, dialect, display_name, settings or {}, {}, NOW, NOW
    )


def make_subscription(
    state: State = State.CONFIRMED,
    protocol: str = "http",
    endpoint: str = "http://receiver.example/hook",
    uid: str = UID,
    subscription_id: int = 1,
    account_id: AccountId = ACCOUNT,
    auth_on_unsubscribe: bool = False,
) -> Subscription:
    return Subscription(
        SubscriptionId(subscription_id),
        uid,
        TopicId(1),
        account_id,
        "sns",
        protocol,
        endpoint,
        state,
        {},
        make_principal().arn,
        NOW,
        confirmed_at=NOW if state is State.CONFIRMED else None,
        auth_on_unsubscribe=auth_on_unsubscribe,
    )


def make_subscriber(
    protocol: str = "http",
    endpoint: str = "http://receiver.example/hook",
    settings: Mapping[str, str] | None = None,
    uid: str = UID,
) -> Subscriber:
    return Subscriber(SubscriptionId(1), uid, ACCOUNT, "sns", protocol, endpoint, settings or {})


def make_message(
    kind: Kind = Kind.NOTIFICATION, body: str = "hello", message_id: str = "m-1", topic_id: int | None = 1
) -> Message:
    return Message(
        message_id, kind, ACCOUNT, "sns", NOW, TopicId(topic_id) if topic_id is not None else None, None, body
    )


def make_token(purpose: TokenPurpose = TokenPurpose.CONFIRM, used_at: datetime | None = None) -> Token:
    return Token(b"d" * 32, purpose, UID, NOW, NOW + timedelta(hours=48), used_at)
