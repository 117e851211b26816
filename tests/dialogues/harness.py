"""The SNS dialect in front of real services over a real embedded store, asked by boto3 without a network in between.

botocore serializes and signs as it always does; where it would open a connection, the request is handed to the dialect and the
answer back, so both its halves are the real ones.
"""

from __future__ import annotations

import asyncio
import io
import secrets
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import boto3
from botocore import UNSIGNED
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.support.build import ACCOUNT, OTHER_ACCOUNT, FakeClock
from tests.support.protocols import PROTOCOLS
from tidings.access.authenticate import Authenticator
from tidings.access.limiter import TokenBuckets
from tidings.dialects.contract import WireRequest, WireResponse
from tidings.dialects.sns import SnsDialect
from tidings.dialects.sns.calls import SnsServices
from tidings.dialects.sns.lifecycle_rules import lifecycle_rules
from tidings.dialects.sns.sms_defaults import SmsDefaults
from tidings.domain.model import Kind, LedgerEntry, LedgerQuery, Message, Role
from tidings.domain.ports import Flow, Store
from tidings.flow.embedded import EmbeddedFlow
from tidings.observe.metrics import Metrics
from tidings.services.accounts import Accounts, WantedAccount, WantedKey, WantedUser
from tidings.services.publish import Publisher
from tidings.services.quotas import Quotas
from tidings.services.subscriptions import Subscriptions
from tidings.services.texting.texting import make_texting
from tidings.services.topics import Topics
from tidings.store.sqlite import SqliteStore
from tidings.store.vault import FileVault
from tidings.wire.sigv4 import sign_request

REGION = "us-east-1"
HOST = "127.0.0.1:8010"
PUBLIC_URL = "https://news.example"
OWNER, GUEST, AUDITOR, PUBLISHER = "tidings", "GUEST", "AUDITOR", "PUBLISHER"
SECRET = "secret-of-"
LIMITED = 100
PROVISIONED = (
    WantedAccount(
        ACCOUNT,
        "default",
        users=(
            WantedUser("admin"),
            WantedUser("looker", Role.AUDITOR),
            WantedUser("sender", Role.PUBLISHER),
        ),
        access_keys=(
            WantedKey(OWNER, SECRET + OWNER, "admin"),
            WantedKey(AUDITOR, SECRET + AUDITOR, "looker"),
            WantedKey(PUBLISHER, SECRET + PUBLISHER, "sender"),
        ),
    ),
    WantedAccount(
        OTHER_ACCOUNT,
        "other",
        users=(WantedUser("eve"),),
        access_keys=(WantedKey(GUEST, SECRET + GUEST, "eve"),),
    ),
)


class Harness:
    """`ask` and `refused` call through boto3; `post` and `get` as anything else that speaks HTTP."""

    def __init__(
        self, store: Store, flow: Flow, quotas: Quotas | None = None, *, anonymous_cancel: bool = True, **options: Any
    ) -> None:
        self.store = store
        self.flow = flow
        self.clock = FakeClock(datetime.now(UTC).replace(microsecond=0))
        self.tokens: list[str] = []
        self._taken: list[Message] = []
        vault, metrics, quotas = FileVault(b"m" * 32), Metrics(), quotas or Quotas()
        self.authenticator = Authenticator(store, vault)
        self.accounts = Accounts(store, self.clock, vault)
        store.announcer.listen(lambda _: self.authenticator.forget())
        self.topics = Topics(store, self.clock, quotas, new_uid=_uid)
        self.subscriptions = Subscriptions(
            store,
            self.clock,
            vault,
            quotas,
            {"sns": lifecycle_rules()},
            metrics,
            new_uid=_uid,
            new_token=self._new_token,
            new_message_id=_message_id,
            protocols=PROTOCOLS,
            link_key=b"k" * 32,
            anonymous_cancel=anonymous_cancel,
        )
        assert isinstance(store, SqliteStore)
        self.texting = make_texting(store, store, self.clock, metrics, new_message_id=_message_id, texts=store)
        names = ("Subscribe", "Unsubscribe", "ConfirmSubscription")
        services = SnsServices(
            topics=self.topics,
            subscriptions=self.subscriptions,
            texting=self.texting,
            sms_defaults=SmsDefaults(
                self.texting.applications, store.announcer, options.get("home_region", "us-east-1")
            ),
            publisher=Publisher(flow, metrics),
            clock=self.clock,
            limiter=TokenBuckets(
                {f"sns:{name}": float(LIMITED) for name in names},
                monotonic_s=lambda: self.clock.now().timestamp(),
            ),
            protocols=PROTOCOLS,
            new_message_id=_message_id,
            public_url=PUBLIC_URL,
            **options,
        )
        self.dialect = SnsDialect(services, self.authenticator, signing_clock=self.clock)

    # --- asking through boto3 ----------------------------------------------------------------------------------------

    async def ask(
        self, operation: str, *, key: str | None = OWNER, region: str = REGION, **given: Any
    ) -> dict[str, Any]:
        """One call by an unmodified client; raises its ClientError. key: None for an unsigned call."""
        method = getattr(_client(key, region), operation)
        _ASKING.set((self, asyncio.get_running_loop()))
        return await asyncio.to_thread(method, **given)

    async def refused(self, operation: str, **given: Any) -> tuple[int, str, str]:
        """Status, code and message of the error that the call must end with."""
        try:
            answer = await self.ask(operation, **given)
        except ClientError as error:
            said = error.response["Error"]
            return error.response["ResponseMetadata"]["HTTPStatusCode"], said["Code"], said["Message"]
        raise AssertionError(f"{operation} was answered: {answer}")

    async def serve(self, request: AWSPreparedRequest) -> AWSResponse:
        parts = urlsplit(request.url)
        headers = {name.lower(): _text(value) for name, value in request.headers.items()}
        body = request.body if isinstance(request.body, bytes) else (request.body or "").encode()
        wire = WireRequest(
            request.method,
            parts.path,
            parts.query,
            {"host": parts.netloc, **headers},
            body,
            "192.0.2.7",
            "http",
            parts.netloc,
            str(uuid.uuid4()),
        )
        answer = await self.dialect.handle(wire)
        assert isinstance(answer.body, bytes)
        return AWSResponse(request.url, answer.status, dict(answer.headers), _Raw(answer.body))

    # --- asking as anything else ---------------------------------------------------------------------------------------

    async def post(
        self,
        params: dict[str, str] | bytes,
        *,
        key: str | None = OWNER,
        region: str = REGION,
        query: str = "",
        remote: str = "192.0.2.7",
    ) -> WireResponse:
        body = params if isinstance(params, bytes) else urlencode(params).encode()
        headers = {"host": HOST, "content-type": "application/x-www-form-urlencoded", "user-agent": "desk/1"}
        if key is not None:
            headers = sign_request(
                "POST",
                "/",
                headers,
                body,
                at=self.clock.now(),
                access_key_id=key,
                secret_access_key=SECRET + key,
                region=region,
                service="sns",
                query=query,
            )
        return await self.handle("POST", query, headers, body, remote)

    async def get(self, query: str, *, remote: str = "192.0.2.7") -> WireResponse:
        """An unsigned GET, as a link makes it."""
        return await self.handle("GET", query, {"host": HOST, "user-agent": "desk/1"}, b"", remote)

    async def handle(
        self, method: str, query: str, headers: dict[str, str], body: bytes, remote: str = "192.0.2.7"
    ) -> WireResponse:
        request = WireRequest(method, "/", query, headers, body, remote, "http", HOST, str(uuid.uuid4()))
        assert self.dialect.claim(request)
        return await self.dialect.handle(request)

    # --- looking ---------------------------------------------------------------------------------------------------------

    async def accepted(self, kind: Kind = Kind.NOTIFICATION) -> list[Message]:
        """What was accepted for delivery so far, oldest first."""
        while len(self._taken) < self.flow.backlog():
            self._taken += [task.message for task in await self.flow.take(100)]
        return [message for message in self._taken if message.kind is kind]

    async def ledger(self) -> list[LedgerEntry]:
        return await self.store.ledger(LedgerQuery())

    # --- preparing ---------------------------------------------------------------------------------------------------------

    async def topic(self, name: str = "news", **given: Any) -> str:
        return str((await self.ask("create_topic", Name=name, **given))["TopicArn"])

    async def pending(
        self, topic: str, endpoint: str = "ann@example.com", protocol: str = "email", **given: Any
    ) -> str:
        """An unconfirmed subscription; its token is the last of `tokens`."""
        answer = await self.ask(
            "subscribe", TopicArn=topic, Protocol=protocol, Endpoint=endpoint, ReturnSubscriptionArn=True, **given
        )
        return str(answer["SubscriptionArn"])

    async def confirmed(
        self, topic: str, endpoint: str = "ann@example.com", protocol: str = "email", **given: Any
    ) -> str:
        await self.pending(topic, endpoint, protocol, **given)
        answer = await self.ask("confirm_subscription", key=None, TopicArn=topic, Token=self.tokens[-1])
        return str(answer["SubscriptionArn"])

    def _new_token(self) -> str:
        self.tokens.append(secrets.token_hex(32))
        return self.tokens[-1]


_ASKING: ContextVar[tuple[Harness, asyncio.AbstractEventLoop]] = ContextVar("asking")
"""Who asks, in the thread of a call: the clients are all harnesses', because making one takes longer than most tests."""


@cache
def _client(key: str | None, region: str) -> Any:
    config = Config(
        parameter_validation=False,
        retries={"total_max_attempts": 1},
        signature_version=UNSIGNED if key is None else None,
    )
    client = boto3.client(
        "sns",
        region_name=region,
        endpoint_url=f"http://{HOST}",
        aws_access_key_id=key or "none",
        aws_secret_access_key=SECRET + (key or ""),
        config=config,
    )
    client.meta.events.register("before-send.sns", _send)
    return client


def _send(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
    harness, loop = _ASKING.get()
    return asyncio.run_coroutine_threadsafe(harness.serve(request), loop).result(20)


class _Raw(io.BytesIO):
    """What botocore reads an answer from."""

    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        yield self.read()


@asynccontextmanager
async def open_console(folder: Path, quotas: Quotas | None = None, **options: Any) -> AsyncIterator[Harness]:
    """A desk over an embedded store in `folder`; `options` go to Harness and SnsDialect."""
    store = await SqliteStore.open(folder / "tidings.db")
    try:
        flow = EmbeddedFlow.open(store.journal, backlog_max=1_000_000)
        harness = Harness(store, flow, quotas, **options)
        await harness.accounts.apply(PROVISIONED)
        yield harness
    finally:
        await store.close()


def body_of(answer: WireResponse) -> str:
    assert isinstance(answer.body, bytes)
    return answer.body.decode()


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _uid() -> str:
    return secrets.token_hex(16)


def _message_id() -> str:
    return str(uuid.uuid4())
