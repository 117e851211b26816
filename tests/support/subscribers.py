"""Subscribers' pages over real services and a real store: what the tests of the pages, with and without a browser, stand on."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

from tests.support.build import ACCOUNT, FakeClock, make_principal
from tests.support.protocols import PROTOCOLS
from tidings.access.authorize import authorize
from tidings.access.limiter import TokenBuckets
from tidings.dialects.contract import WireRequest, WireResponse
from tidings.dialects.smn.lifecycle_rules import lifecycle_rules as smn_lifecycle_rules
from tidings.domain.grants import Verb
from tidings.domain.lifecycle import LifecycleRules
from tidings.domain.model import LedgerEntry, LedgerQuery, Origin, Subscription, Topic, Way
from tidings.domain.ports import Store
from tidings.domain.tokens import LinkPurpose, sign_link
from tidings.observe.metrics import Metrics
from tidings.pages import Pages
from tidings.services.quotas import Quotas
from tidings.services.subscriptions import Subscriptions
from tidings.services.topics import Topics
from tidings.store.sqlite import SqliteStore
from tidings.store.vault import FileVault

PUBLIC_URL = "https://news.example"
OPERATOR = "Example Notices"
LINK_KEY = b"k" * 32
CUSTOMS = LifecycleRules(
    needs_confirmation=frozenset({"http", "https", "email", "email-json", "sms"}),
    says_goodbye=frozenset({"http", "https", "email", "email-json"}),
    signed_only=frozenset({"sqs"}),
    unconfirmed_cancelable=False,
    keeps_uid=False,
    ttl=timedelta(hours=48),
)


class App:
    """Services over a store, with every secret that left them in `secrets`, and the pages in front."""

    def __init__(self, store: Store, **options: object) -> None:
        self.store = store
        self.clock = FakeClock()
        self.secrets: list[str] = []
        self.changes: list[Subscription] = []
        store.announcer.listen(lambda unit: self.changes.extend(unit.subscriptions_changed))
        quotas = Quotas()
        self.topics = Topics(store, self.clock, quotas, new_uid=_uid)
        self.subscriptions = Subscriptions(
            store,
            self.clock,
            FileVault(b"m" * 32),
            quotas,
            {"sns": CUSTOMS, "smn": smn_lifecycle_rules()},
            Metrics(),
            new_uid=_uid,
            new_token=self._new_secret,
            new_message_id=_uid,
            protocols=PROTOCOLS,
            link_key=LINK_KEY,
        )
        settings: dict[str, object] = {"public_url": PUBLIC_URL, "operator": OPERATOR, **options}
        self.pages = Pages(self.subscriptions, self.clock, TokenBuckets({}), sign=sign, protocols=PROTOCOLS, **settings)  # type: ignore[arg-type]

    async def topic(self, name: str = "weather", display_name: str = "Weather warnings") -> Topic:
        grant = authorize(make_principal(), Verb.CREATE_TOPIC, owner=ACCOUNT, resource=name)
        topic, _ = await self.topics.create(
            grant, region="us-east-1", name=name, dialect="sns", display_name=display_name, settings={}, tags={}
        )
        return topic

    async def ask(
        self, topic: Topic, endpoint: str = "anna@example.org", protocol: str = "email", dialect: str = "sns"
    ) -> tuple[Subscription, str]:
        """Subscribe; returns the subscription and its confirmation token (empty where none is needed)."""
        grant = authorize(make_principal(), Verb.SUBSCRIBE, owner=ACCOUNT, resource=topic.name)
        subscription, _ = await self.subscriptions.subscribe(
            grant, topic, dialect=dialect, protocol=protocol, endpoint=endpoint, settings={}, origin=Origin(Way.API)
        )
        return subscription, self.secrets[-1] if self.secrets else ""

    async def subscriber(
        self,
        topic: Topic | None = None,
        endpoint: str = "anna@example.org",
        protocol: str = "email",
        dialect: str = "sns",
    ) -> Subscription:
        """A confirmed subscription."""
        _, token = await self.ask(topic or await self.topic(), endpoint, protocol, dialect)
        return (await self.subscriptions.confirm(token, by=None, origin=Origin(Way.LINK))).subscription

    async def stored(self, subscription: Subscription) -> Subscription:
        found = await self.store.subscription(subscription.uid)
        assert found is not None
        return found

    async def ledger(self, subscription: Subscription) -> list[LedgerEntry]:
        return await self.store.ledger(LedgerQuery(subscription_uid=subscription.uid))

    async def get(self, path: str, **headers: str) -> WireResponse:
        return await self.pages.handle(make_request("GET", path, headers=_named(headers)))

    async def post(self, path: str, form: Mapping[str, str] | None = None, **headers: str) -> WireResponse:
        named = {"content-type": "application/x-www-form-urlencoded", **_named(headers)}
        return await self.pages.handle(make_request("POST", path, urlencode(form or {}).encode(), named))

    def _new_secret(self) -> str:
        self.secrets.append(secrets.token_hex(32))
        return self.secrets[-1]


@asynccontextmanager
async def open_app(folder: Path, **options: object) -> AsyncIterator[App]:
    """A server over an embedded store in `folder`; `options` go to Pages."""
    store = await SqliteStore.open(folder / "tidings.db")
    try:
        yield App(store, **options)
    finally:
        await store.close()


def sign(purpose: LinkPurpose, uid: str) -> str:
    return sign_link(LINK_KEY, purpose, uid)


def cancel_path(subscription: Subscription) -> str:
    return f"/s/c/{sign(LinkPurpose.CANCEL, subscription.uid)}"


def standing_path(subscription: Subscription) -> str:
    return f"/s/p/{sign(LinkPurpose.PERMANENT, subscription.uid)}"


def named_path(subscription: Subscription) -> str:
    return f"/s/u/{subscription.uid}"


def list_path(subscription: Subscription) -> str:
    return f"/s/e/{sign(LinkPurpose.ENDPOINT, subscription.uid)}"


def make_request(
    method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None, request_id: str = "req-1"
) -> WireRequest:
    where, _, query = path.partition("?")
    return WireRequest(
        method, where, query, headers or {}, body, "192.0.2.7", "https", "news.example", request_id=request_id
    )


def text_of(answer: WireResponse) -> str:
    assert isinstance(answer.body, bytes)
    return answer.body.decode()


def header(answer: WireResponse, name: str) -> str:
    return next((value for key, value in answer.headers if key.lower() == name.lower()), "")


def _named(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def _uid() -> str:
    return secrets.token_hex(16)
