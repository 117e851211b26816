"""The Tencent Cloud SMS dialect alone behind our real port, over a real embedded store: what its tests stand on."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

from tests.support.build import ACCOUNT, FakeClock
from tests.support.server import KEY_ID, SECRET
from tests.support.tencent import ask, common_client, sms_client

from tidings.access.authenticate import Authenticator
from tidings.dialects.contract import WireRequest, WireResponse
from tidings.dialects.tencent import TencentDialect
from tidings.dialects.tencent.calls import TencentServices
from tidings.domain.model import Role
from tidings.flow.embedded import EmbeddedFlow
from tidings.observe.metrics import Metrics
from tidings.server import Server
from tidings.server.listener import Listener
from tidings.services.accounts import Accounts, WantedAccount, WantedKey, WantedUser
from tidings.services.quotas import Quotas
from tidings.services.texting.text_catalog import TextCatalog
from tidings.services.texting.texting import make_texting
from tidings.services.texting.texts import TextLimits, Texts
from tidings.store.sqlite import SqliteStore

LIMITED_KEY = "LIMITED"
AUDITOR_KEY = "AUDITOR"
PROVISIONED = (
    WantedAccount(
        ACCOUNT,
        "default",
        users=(
            WantedUser("admin", Role.OWNER),
            WantedUser("limited", Role.OWNER, actions=("sms:SendSms",)),
            WantedUser("auditor", Role.AUDITOR),
        ),
        access_keys=(
            WantedKey(KEY_ID, SECRET, "admin"),
            WantedKey(LIMITED_KEY, SECRET, "limited"),
            WantedKey(AUDITOR_KEY, SECRET, "auditor"),
        ),
    ),
)


class GlassVault:
    """Seals nothing: what is in it is of no interest here."""

    def seal(self, plain: bytes) -> bytes:
        return plain

    def open(self, sealed: bytes) -> bytes:
        return sealed


class Watched(TencentDialect):
    """Keeps the requests that came in."""

    def __init__(self, services: TencentServices) -> None:
        super().__init__(services)
        self.requests: list[WireRequest] = []

    async def handle(self, request: WireRequest) -> WireResponse:
        self.requests.append(request)
        return await super().handle(request)


class Exchange:
    """`ask` and `call` go through the SDK and the port. `clock`: by which signatures are judged; `texts_clock`: everything else."""

    def __init__(self, store: SqliteStore, limits: TextLimits | None = None) -> None:
        vault = GlassVault()
        self.clock = FakeClock(datetime.now(UTC))
        self.texts_clock = FakeClock(self.clock.time)
        authenticator = Authenticator(store, vault)
        self.accounts = Accounts(store, self.clock, vault)
        store.announcer.listen(lambda _: authenticator.forget())
        metrics, ids = Metrics(), count(1)
        self.store = store
        self.flow = EmbeddedFlow.open(store.journal, backlog_max=10_000)
        self.texts = Texts(
            store,
            store,
            store,
            store.text_gate,
            self.flow,
            self.texts_clock,
            metrics,
            new_message_id=lambda: f"{next(ids):032x}",
            limits=limits,
        )
        self.catalog = TextCatalog(store, store, self.texts_clock, quotas=Quotas(), opt_outs=store)
        self.texting = make_texting(
            store,
            store,
            self.texts_clock,
            metrics,
            new_message_id=lambda: f"{next(ids):032x}",
            quotas=Quotas(),
            texts=store,
        )
        self.services = TencentServices(
            authenticator, self.texts_clock, self.clock, self.texts, self.catalog, self.texting, self.accounts
        )
        self.dialect = Watched(self.services)
        self.server = Server(
            [self.dialect],
            metrics=metrics,
            ready=store.check,
            certificates=lambda _: None,
            new_request_id=lambda: str(uuid.uuid4()),
            listener=Listener(),
            body_bytes_max=100_000,
        )

    @property
    def endpoint(self) -> str:
        return f"127.0.0.1:{self.server.address[1]}"

    async def ask(self, operation: str, given: dict[str, Any], **options: Any) -> Any:
        """An operation of 2021-01-11 by the SDK's own client; `options` go to `sms_client`."""
        return await asyncio.to_thread(lambda: ask(sms_client(self.endpoint, **options), operation, **given))

    async def call(self, action: str, given: dict[str, Any], **options: Any) -> dict[str, Any]:
        """Any action by the SDK's common client, the answer as it came; `options` go to `common_client`."""
        return await self.aside(lambda: common_client(self.endpoint, **options).call_json(action, given))

    async def aside(self, work: Callable[[], Any]) -> Any:
        return await asyncio.to_thread(work)


@asynccontextmanager
async def open_exchange(folder: Path, limits: TextLimits | None = None) -> AsyncIterator[Exchange]:
    store = await SqliteStore.open(folder / "tidings.db")
    try:
        exchange = Exchange(store, limits)
        await exchange.accounts.apply(PROVISIONED)
        await exchange.server.start()
        try:
            yield exchange
        finally:
            await exchange.server.stop()
    finally:
        await store.close()
