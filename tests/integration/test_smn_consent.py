"""The life of a subscription by SMN's customs, through the services and the embedded store: every step and its ledger entry."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.support.build import ACCOUNT, FakeClock, make_principal
from tests.support.protocols import PROTOCOLS

from tidings.access.authorize import authorize
from tidings.dialects.smn.lifecycle_rules import lifecycle_rules as smn_lifecycle_rules
from tidings.dialects.sns.lifecycle_rules import lifecycle_rules as sns_lifecycle_rules
from tidings.domain.errors import InvalidToken, InvalidValue, NotFound, TokenExpired
from tidings.domain.grants import Verb
from tidings.domain.lifecycle import expire
from tidings.domain.model import (
    Event,
    LedgerQuery,
    Origin,
    State,
    Subscription,
    SubscriptionQuery,
    Topic,
    Way,
)
from tidings.domain.tokens import LinkPurpose, confirmation_code, sign_link
from tidings.domain.unit import Unit
from tidings.observe.metrics import Metrics
from tidings.services.quotas import Quotas
from tidings.services.subscriptions import Subscriptions
from tidings.services.topics import Topics
from tidings.store.sqlite import SqliteStore
from tidings.store.vault import FileVault

KEY = b"k" * 32
LINK = Origin(Way.LINK)
API = Origin(Way.API)
TWO_DAYS_S = 48 * 3600


class Told:
    """Remembers what was announced."""

    def __init__(self, store: SqliteStore) -> None:
        self.states: list[tuple[str, State]] = []
        store.announcer.listen(self._apply)

    def _apply(self, unit: Unit) -> None:
        self.states += [(each.uid, each.state) for each in unit.subscriptions_changed]
        self.states += [(each.uid, expire(each).state) for each in unit.subscriptions_deleted]


class App:
    def __init__(self, store: SqliteStore) -> None:
        self.store, self.clock, self.told = store, FakeClock(), Told(store)
        self.tokens: list[str] = []
        self.topics = Topics(store, self.clock, Quotas(), new_uid=lambda: secrets.token_hex(16))
        self.subscriptions = Subscriptions(
            store,
            self.clock,
            FileVault(b"v" * 32),
            Quotas(pending_per_account=30),
            {"sns": sns_lifecycle_rules(TWO_DAYS_S), "smn": smn_lifecycle_rules()},
            Metrics(),
            new_uid=lambda: secrets.token_hex(16),
            new_token=self._new_token,
            new_message_id=lambda: secrets.token_hex(16),
            protocols=PROTOCOLS,
            link_key=KEY,
        )

    def _new_token(self) -> str:
        self.tokens.append(secrets.token_hex(32))
        return self.tokens[-1]

    async def topic(self, name: str = "news") -> Topic:
        grant = authorize(make_principal(), Verb.CREATE_TOPIC, owner=ACCOUNT, resource=name)
        topic, _ = await self.topics.create(
            grant, region="us-east-1", name=name, dialect="smn", display_name="", settings={}, tags={}
        )
        return topic

    async def add(
        self,
        topic: Topic,
        endpoint: str = "+12025550123",
        protocol: str = "sms",
        *,
        dialect: str = "smn",
        remark: str = "r",
    ) -> Subscription:
        grant = authorize(make_principal(), Verb.SUBSCRIBE, owner=ACCOUNT, resource=topic.name)
        subscription, _ = await self.subscriptions.subscribe(
            grant,
            topic,
            dialect=dialect,
            protocol=protocol,
            endpoint=endpoint,
            settings={"smn:remark": remark},
            origin=API,
        )
        return subscription

    async def state(self, uid: str) -> State:
        found = await self.store.subscription(uid)
        assert found is not None
        return found.state

    async def events(self, uid: str) -> list[Event]:
        return [entry.event for entry in await self.store.ledger(LedgerQuery(subscription_uid=uid))]


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[App]:
    store = await SqliteStore.open(tmp_path / "tidings.db")
    try:
        yield App(store)
    finally:
        await store.close()


def status(subscription: Subscription) -> str:
    return sign_link(KEY, LinkPurpose.PERMANENT, subscription.uid)


async def test_a_phones_one_link_confirms_cancels_and_comes_back(app: App) -> None:
    asked = await app.add(await app.topic())
    link = status(asked)
    await app.subscriptions.confirm_by_permanent_link(link, origin=LINK)
    assert await app.state(asked.uid) is State.CONFIRMED
    app.clock.advance(400 * 86_400)
    canceled = await app.subscriptions.cancel_by_link(link, purpose=LinkPurpose.PERMANENT, origin=LINK)
    assert canceled.changed
    assert await app.state(asked.uid) is State.CANCELED
    app.clock.advance(TWO_DAYS_S - 1)
    await app.subscriptions.confirm_by_permanent_link(link, origin=LINK)
    assert await app.state(asked.uid) is State.CONFIRMED
    assert await app.events(asked.uid) == [Event.SUBSCRIBED, Event.CONFIRMED, Event.CANCELED, Event.RESTORED]


async def test_the_way_back_is_open_for_48_hours_and_not_longer(app: App) -> None:
    asked = await app.add(await app.topic())
    link = status(asked)
    await app.subscriptions.confirm_by_permanent_link(link, origin=LINK)
    await app.subscriptions.cancel_by_link(link, purpose=LinkPurpose.PERMANENT, origin=LINK)
    app.clock.advance(TWO_DAYS_S)
    with pytest.raises(TokenExpired):
        await app.subscriptions.confirm_by_permanent_link(link, origin=LINK)
    assert await app.state(asked.uid) is State.CANCELED


async def test_what_nobody_confirmed_or_brought_back_stays_listed(app: App) -> None:
    topic = await app.topic()
    asked = await app.add(topic)
    gone = await app.add(topic, "https://a.example/", "https")
    await app.subscriptions.confirm(app.tokens[-1], by=None, origin=LINK)
    await app.subscriptions.cancel(gone.uid, by=None, origin=LINK)
    other = await app.add(topic, "b@example.org", "email", dialect="sns")
    app.clock.advance(30 * 86_400)
    assert await app.subscriptions.expire_lapsed() == 1
    grant = authorize(make_principal(), Verb.LIST, owner=ACCOUNT, resource="*")
    listed = await app.subscriptions.page(grant, SubscriptionQuery(account_id=ACCOUNT))
    assert {row.uid: row.state for row in listed} == {asked.uid: State.UNCONFIRMED, gone.uid: State.CANCELED}
    assert await app.subscriptions.total(grant, SubscriptionQuery(account_id=ACCOUNT, region="us-east-1")) == 2
    assert await app.state(other.uid) is State.EXPIRED


async def test_adding_a_canceled_one_again_keeps_its_name_and_remark_and_asks_anew(app: App) -> None:
    topic = await app.topic()
    first = await app.add(topic, "https://a.example/", "https")
    await app.subscriptions.confirm(app.tokens[-1], by=None, origin=LINK)
    canceled = await app.subscriptions.cancel(first.uid, by=None, origin=LINK)
    assert canceled is not None
    app.clock.advance(60)
    again = await app.add(topic, "https://a.example/", "https", remark="other")
    assert again.uid == first.uid
    assert await app.state(first.uid) is State.UNCONFIRMED
    stored = await app.store.subscription(first.uid)
    assert stored is not None
    assert stored.settings == {"smn:remark": "r"}
    assert stored.created_at == first.created_at
    with pytest.raises(InvalidToken):
        await app.subscriptions.confirm(canceled.restore_token, by=None, origin=LINK)
    entries = await app.store.ledger(LedgerQuery(subscription_uid=first.uid))
    assert (entries[-1].event, entries[-1].before, entries[-1].after) == (
        Event.SUBSCRIBED,
        State.CANCELED,
        State.UNCONFIRMED,
    )


async def test_a_deleted_one_is_gone_from_every_state_and_its_links_are_worthless(app: App) -> None:
    topic = await app.topic()
    grant = authorize(make_principal(), Verb.CHANGE_SUBSCRIPTION, owner=ACCOUNT, resource="*")
    for number, state in enumerate((State.UNCONFIRMED, State.CONFIRMED, State.CANCELED)):
        subscription = await app.add(topic, f"+1202555012{number}")
        token = app.tokens[-1]
        if state is not State.UNCONFIRMED:
            await app.subscriptions.confirm(token, by=None, origin=LINK)
        if state is State.CANCELED:
            await app.subscriptions.cancel(subscription.uid, by=None, origin=LINK)
        await app.subscriptions.delete(grant, subscription.uid, origin=API)
        assert await app.subscriptions.find(subscription.uid) is None
        assert app.told.states[-1] == (subscription.uid, State.EXPIRED)
        entry = (await app.store.ledger(LedgerQuery(subscription_uid=subscription.uid)))[-1]
        assert (entry.event, entry.before) == (Event.DELETED, state)
        with pytest.raises(InvalidToken):
            await app.subscriptions.confirm(token, by=None, origin=LINK)
        with pytest.raises(InvalidToken):
            await app.subscriptions.confirm_by_permanent_link(status(subscription), origin=LINK)
        with pytest.raises(NotFound):
            await app.subscriptions.delete(grant, subscription.uid, origin=API)


async def test_a_code_confirms_until_a_newer_one_was_sent(app: App) -> None:
    topic = await app.topic()
    grant = authorize(make_principal(), Verb.CHANGE_SUBSCRIPTION, owner=ACCOUNT, resource="*")
    asked = await app.add(topic)
    old = confirmation_code(KEY, asked.uid, app.clock.now())
    app.clock.advance(1)
    again = await app.add(topic)
    new = confirmation_code(KEY, asked.uid, app.clock.now())
    assert again.uid == asked.uid
    for wrong in {old, "", "12345", "x" * 6, "\u0661" * 6} - {new}:
        with pytest.raises(InvalidValue):
            await app.subscriptions.confirm_by_code(grant, asked.uid, wrong, origin=API)
    await app.subscriptions.confirm_by_code(grant, asked.uid, new, origin=API)
    assert await app.state(asked.uid) is State.CONFIRMED


async def test_an_endpoint_that_is_asked_too_often_is_left_alone_and_the_ledger_says_so(app: App) -> None:
    topic = await app.topic()
    for _ in range(12):
        asked = await app.add(topic)
        app.clock.advance(1)
    assert len(app.tokens) == 10
    events = await app.events(asked.uid)
    assert events.count(Event.CONFIRMATION_HELD) == 2
    other = await app.topic("more")
    held = await app.add(other)
    assert await app.events(held.uid) == [Event.SUBSCRIBED, Event.CONFIRMATION_HELD]
    assert held.confirmation_sent_at is None
    await app.subscriptions.confirm(app.tokens[0], by=None, origin=LINK)
    await app.add(other)
    assert len(app.tokens) == 11, "a confirmation clears the count"


async def test_what_never_lapses_does_not_fill_the_quota_of_those_who_wait(app: App) -> None:
    topic = await app.topic()
    for number in range(35):
        await app.add(topic, f"u{number}@example.org", "email")
    assert (await app.add(topic, "late@example.org", "email")).state is State.UNCONFIRMED


async def test_a_subscription_of_the_other_dialect_revives_with_fresh_settings(app: App) -> None:
    topic = await app.topic()
    first = await app.add(topic, "https://a.example/", "https", dialect="sns")
    await app.subscriptions.confirm(app.tokens[-1], by=None, origin=LINK)
    await app.subscriptions.cancel(first.uid, by=None, origin=LINK)
    again = await app.add(topic, "https://a.example/", "https", remark="mine")
    assert (again.uid, again.dialect, again.settings) == (first.uid, "smn", {"smn:remark": "mine"})
    stored = await app.store.subscription(first.uid)
    assert stored == replace(again, version=stored.version if stored else 0)
