"""The native dialect in front of real services over a real embedded store: what its tests stand on."""

from __future__ import annotations

import csv
import io
import re
import secrets
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
from openapi_schema_validator import OAS31Validator
from tests.support.build import ACCOUNT, NOW, OTHER_ACCOUNT, FakeClock, make_message, make_principal
from tests.support.naming import RESOURCE_NAMES
from tests.support.protocols import PROTOCOLS

from tidings.access.authenticate import Authenticator
from tidings.access.authorize import authorize
from tidings.access.sessions import Sessions
from tidings.dialects.contract import WireRequest, WireResponse
from tidings.dialects.native import DevTools, NativeDialect, TextServices, openapi
from tidings.dialects.native.views_texts import CallbackStatus, TransportStatus
from tidings.domain.errors import Throttled
from tidings.domain.grants import Grant, Verb
from tidings.domain.lifecycle import LifecycleRules
from tidings.domain.model import AccountId, Origin, Principal, Role, Subscription, Topic, Way
from tidings.domain.optout import AddressKind, IncomingText
from tidings.domain.ports import Flow, NewDelivery, Progress
from tidings.flow.embedded import EmbeddedFlow
from tidings.observe.metrics import Metrics
from tidings.services.accounts import Accounts, WantedAccount, WantedKey, WantedUser
from tidings.services.deliveries import Deliveries
from tidings.services.ledger import Ledger
from tidings.services.quotas import Quotas
from tidings.services.subscriptions import Subscriptions
from tidings.services.texting.inbound_texts import InboundResult
from tidings.services.texting.text_catalog import TextCatalog
from tidings.services.texting.texting import make_texting
from tidings.services.texting.texts import Texts
from tidings.services.topics import Topics
from tidings.store.sqlite import SqliteStore

KEY = "tidings:tidings-dev-secret"
PASSWORD = "correct horse"
PROJECT = "0123456789abcdef0123456789abcdef"
OTHER_PROJECT = "fedcba9876543210fedcba9876543210"
CUSTOMS = LifecycleRules(
    needs_confirmation=frozenset({"http", "https", "email", "email-json", "sms"}),
    says_goodbye=frozenset({"http", "https", "email", "email-json"}),
    signed_only=frozenset({"sqs"}),
    unconfirmed_cancelable=False,
    keeps_uid=False,
    ttl=timedelta(hours=48),
)
PROVISIONED = (
    WantedAccount(
        ACCOUNT,
        "default",
        PROJECT,
        users=(WantedUser("admin", Role.OWNER, PASSWORD),),
        access_keys=(WantedKey("tidings", "tidings-dev-secret", "admin"),),
    ),
    WantedAccount(
        OTHER_ACCOUNT,
        "other",
        OTHER_PROJECT,
        users=(WantedUser("eve"),),
        access_keys=(WantedKey("OTHERKEY", "other-secret", "eve"),),
    ),
)


class GlassVault:
    """Seals nothing: what is in it is of no interest here."""

    def seal(self, plain: bytes) -> bytes:
        return plain

    def open(self, sealed: bytes) -> bytes:
        return sealed


class CountingAuthenticator(Authenticator):
    """Counts the passwords that were really verified."""

    verified = 0

    async def by_password(self, account_id: AccountId, user_name: str, password: str, *, remote: str = "") -> Principal:
        self.verified += 1
        try:
            return await super().by_password(account_id, user_name, password, remote=remote)
        except Throttled:
            self.verified -= 1
            raise


class Harness:
    """`call` asks the dialect as a program would; the rest prepares what it can be asked about."""

    def __init__(self, store: SqliteStore, flow: Flow) -> None:
        self.store = store
        self.flow = flow
        self.clock = FakeClock()
        self.tokens: list[str] = []
        self.captured: list[dict[str, object]] = []
        self.resets = 0
        self.authenticator = CountingAuthenticator(store, GlassVault())
        self.accounts = Accounts(store, self.clock, GlassVault(), opt_outs=store)
        store.announcer.listen(lambda _: self.authenticator.forget())
        self.topics = Topics(store, self.clock, Quotas(), new_uid=_uid)
        self.subscriptions = Subscriptions(
            store,
            self.clock,
            GlassVault(),
            Quotas(),
            {"sns": CUSTOMS},
            Metrics(),
            new_uid=_uid,
            new_token=self._new_token,
            new_message_id=_uid,
            protocols=PROTOCOLS,
            link_key=b"k" * 32,
        )
        self.texting = make_texting(
            store, store, self.clock, Metrics(), new_message_id=_uid, texts=store, vault=GlassVault()
        )
        self.texts = Texts(store, store, store, store.text_gate, flow, self.clock, Metrics(), new_message_id=_uid)
        self.catalog = TextCatalog(store, store, self.clock, quotas=Quotas(), opt_outs=store)
        self.transports: list[TransportStatus] = []
        self.callbacks: list[CallbackStatus] = []
        self.description: dict[str, Any] | None = None  # made when first needed
        self.dialect = self.open(dev=True)

    def open(self, *, dev: bool) -> NativeDialect:
        self.description = None
        tools = DevTools(self._reset, self._outbox, self.captured.clear, self.clock.advance, ACCOUNT)
        return NativeDialect(
            self.subscriptions,
            self.topics,
            Ledger(self.store),
            Deliveries(self.store, self.flow, self.clock),
            self.accounts,
            self.texting,
            self.authenticator,
            self.clock,
            TextServices(self.texts, self.catalog, lambda: self.transports, lambda: self.callbacks),
            Sessions(self.store, self.clock),
            RESOURCE_NAMES,
            dev=tools if dev else None,
        )

    # --- asking ------------------------------------------------------------------------------------------------------

    async def call(
        self, method: str, path: str, body: object = None, credential: str | None = KEY, **headers: str
    ) -> tuple[int, Any]:
        """Status and decoded JSON (text for CSV, None for no body). `path` is relative to /api/v1, with its query."""
        answer = await self.send(method, path, b"" if body is None else msgspec.json.encode(body), credential, headers)
        raw = await read(answer)
        self.check_documented(method, path, answer.status, answer.content_type, raw)
        if answer.content_type.startswith("text/csv"):
            return answer.status, list(csv.DictReader(io.StringIO(raw.decode(), newline="")))
        return answer.status, msgspec.json.decode(raw) if raw else None

    def check_documented(self, method: str, path: str, status: int, content_type: str, raw: bytes) -> None:
        """The description names this status and form for this call, and the body has the shape it says."""
        where = f"/api/v1{path}".partition("?")[0]
        if self.description is None:
            self.description = msgspec.json.decode(msgspec.json.encode(openapi.document(self.dialect.operations)))
        paths = {re.sub(r"\{\w+\}", "[^/]+", told): methods for told, methods in self.description["paths"].items()}
        methods = next((methods for told, methods in paths.items() if re.fullmatch(told, where)), None)
        if methods is None or method.lower() not in methods:
            assert status in (404, 405)
            return
        content = methods[method.lower()]["responses"][str(status)].get("content")
        if content is None:
            assert raw == b""
            return
        schema = content[content_type.partition(";")[0]]["schema"]
        if "json" in content_type:
            resolvable = {**schema, "components": self.description["components"]}
            OAS31Validator(resolvable).validate(msgspec.json.decode(raw))

    async def send(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        credential: str | None = KEY,
        headers: Mapping[str, str] | None = None,
    ) -> WireResponse:
        named = {"user-agent": "office/1", **{k.replace("_", "-"): v for k, v in (headers or {}).items()}}
        if credential is not None:
            named["authorization"] = "Basic " + b64encode(credential.encode()).decode()
        if body:
            named.setdefault("content-type", "application/json")
        where, _, query = f"/api/v1{path}".partition("?")
        request = WireRequest(method, where, query, named, body, "192.0.2.7", "http", "localhost", "req-1")
        return await self.dialect.handle(request)

    async def items(self, path: str, credential: str = KEY) -> list[dict[str, Any]]:
        """All pages of a list."""
        found: list[dict[str, Any]] = []
        after = ""
        while True:
            status, page = await self.call("GET", path + after, credential=credential)
            assert status == 200, page
            found += page["items"]
            if page["next"] is None:
                return found
            after = f"{'&' if '?' in path else '?'}after={page['next']}"

    # --- preparing ---------------------------------------------------------------------------------------------------

    async def topic(self, name: str = "news", account_id: AccountId = ACCOUNT, region: str = "us-east-1") -> Topic:
        grant = authorize(make_principal(account_id), Verb.CREATE_TOPIC, owner=account_id, resource=name)
        topic, _ = await self.topics.create(
            grant, region=region, name=name, dialect="sns", display_name="News", settings={}, tags={"team": "a"}
        )
        return topic

    async def ask(self, topic: Topic, endpoint: str = "ada@example.com", protocol: str = "email") -> Subscription:
        """An unconfirmed subscription."""
        owner = topic.account_id
        grant = authorize(make_principal(owner), Verb.SUBSCRIBE, owner=owner, resource=topic.name)
        subscription, _ = await self.subscriptions.subscribe(
            grant, topic, dialect="sns", protocol=protocol, endpoint=endpoint, settings={}, origin=Origin(Way.API)
        )
        return subscription

    async def subscriber(
        self, topic: Topic, endpoint: str = "ada@example.com", protocol: str = "email"
    ) -> Subscription:
        """A confirmed subscription."""
        await self.ask(topic, endpoint, protocol)
        origin = Origin(Way.LINK, remote_address="198.51.100.9", user_agent="=HYPERLINK()", shown="confirm/en")
        return (await self.subscriptions.confirm(self.tokens[-1], by=None, origin=origin)).subscription

    async def dead_letters(self, subscription: Subscription, count: int) -> list[int]:
        """Give up `count` deliveries to the subscription; their ids."""
        message = make_message(body="secret text", message_id=_uid(), topic_id=int(subscription.topic_id))
        await self.flow.append([message])
        task = next(task for task in await self.flow.take(100) if task.message.id == message.id)
        parked = [
            NewDelivery(
                task.seq,
                message,
                subscription.uid,
                "email",
                subscription.endpoint,
                4,
                NOW,
                "550 no such user",
                dead=True,
            )
            for _ in range(count)
        ]
        return await self.flow.record(Progress(parked=parked, finished=[task.seq]))

    def grant(self, verb: Verb, account_id: AccountId = ACCOUNT) -> Grant:
        return authorize(make_principal(account_id), verb, owner=account_id, resource="*")

    async def inbound_address(self, address: str = "+18885550100", account_id: AccountId = ACCOUNT) -> None:
        """An inbound address with the default keywords."""
        grant = authorize(make_principal(account_id), Verb.MANAGE_OPT_OUTS, owner=account_id, resource=address)
        await self.texting.addresses.add(grant, address, kind=AddressKind.TEN_DLC, origin=Origin(Way.API))

    async def receive(self, phone: str, text: str, address: str = "+18885550100") -> InboundResult:
        """A text that a person sends."""
        self.clock.advance(60)
        return await self.texting.inbound.receive(IncomingText(address, phone, text), Origin(Way.KEYWORD))

    async def user(self, name: str, role: Role, account_id: AccountId = ACCOUNT) -> str:
        """A user with this role; its credential."""
        await self.accounts.create_user(account_id, name, role, "")
        key, secret = await self.accounts.create_key(account_id, name)
        return f"{key.key_id}:{secret}"

    def _outbox(
        self, channel: str | None, to: str | None, limit: int, after: int, before: int | None
    ) -> list[dict[str, object]]:
        found = [row for row in self.captured if channel in (None, row["channel"]) and to in (None, row["to"])]
        return found[-limit:]

    async def _reset(self) -> None:
        self.resets += 1
        await self.store.reset()

    def _new_token(self) -> str:
        self.tokens.append(secrets.token_hex(32))
        return self.tokens[-1]


@asynccontextmanager
async def open_office(folder: Path) -> AsyncIterator[Harness]:
    store = await SqliteStore.open(folder / "tidings.db")
    try:
        harness = Harness(store, EmbeddedFlow.open(store.journal, backlog_max=1000))
        await harness.accounts.apply(PROVISIONED)
        yield harness
    finally:
        await store.close()


async def read(answer: WireResponse) -> bytes:
    """The body, whichever way it comes."""
    if isinstance(answer.body, bytes):
        return answer.body
    return b"".join([chunk async for chunk in answer.body])


def _uid() -> str:
    return secrets.token_hex(16)
