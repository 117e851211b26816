"""A small server of texts: the real opt-out service, store, flow, gate and delivery, and a radio mast in place of an SMS center."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path

from tests.support.build import ACCOUNT, FakeClock, make_principal
from tests.support.patience import PATIENCE_S
from tests.support.toys import ToyEnvelopes
from tidings.access.authorize import authorize
from tidings.delivery.dispatcher import Dispatcher
from tidings.delivery.expand import Expander
from tidings.delivery.gate import Gate, TextPermit
from tidings.delivery.journal import Journal
from tidings.delivery.own_texts import OwnTexts
from tidings.delivery.remembered_text_gate import RememberedTextGate
from tidings.delivery.render import Renderer
from tidings.delivery.text_reports import TextReports
from tidings.domain.envelope import Outgoing, Permit, TextContent
from tidings.domain.grants import Grant, Verb
from tidings.domain.model import Account, AccountId, Event, Kind, LedgerEntry, LedgerQuery, Message, Origin, Way
from tidings.domain.optout import AddressKind, IncomingText
from tidings.domain.outcomes import DELIVERED, Busy, Outcome, RetryLater
from tidings.domain.phone_ports import TextGate
from tidings.domain.ports import Channel, Settle
from tidings.domain.unit import Unit
from tidings.flow.embedded import EmbeddedFlow
from tidings.observe.metrics import Metrics
from tidings.services.texting.inbound_texts import OWN_TEXTS, InboundResult
from tidings.services.texting.texting import make_texting
from tidings.store.sqlite import SqliteStore
from tidings.store.vault import FileVault

NUMBER = "+12025550100"
"""The inbound address of most tests."""
PHONE = "+12025550123"
RADIO = Origin(Way.KEYWORD, remote_address="192.0.2.7")
ADMIN = Origin(Way.CONSOLE, principal="arn:aws:iam::000000000000:user/admin")


@dataclass(frozen=True)
class Sent:
    """A text that left."""

    phone: str
    text: str
    sender: str


class Mast:
    """Sends texts at once and keeps them; `down`: they come back half a minute later."""

    protocols = frozenset({"sms"})

    def __init__(self, permit: Permit) -> None:
        self._permit = permit
        self.sent: list[Sent] = []
        self.outcomes: list[Outcome] = []
        self.down = False

    def send(self, outgoing: Outgoing, settle: Settle) -> None:
        outcome: Outcome = DELIVERED
        refusal = self._permit(outgoing)
        if refusal is not None:
            outcome = refusal
        elif self.down:
            outcome = Busy(30.0)
        else:
            assert isinstance(outgoing.content, TextContent)
            self.sent.append(Sent(outgoing.endpoint, outgoing.content.text, outgoing.content.sender))
        self.outcomes.append(outcome)
        settle(outgoing, outcome)

    async def close(self) -> None:
        """Nothing is in the air."""


class SlowMast:
    """Starts texts after a random while, and a third of them come back to be tried again. `seen` is told at every start."""

    protocols = frozenset({"sms"})

    def __init__(self, permit: Permit, chance: random.Random, seen: Callable[[str], None]) -> None:
        self._permit, self._chance, self._seen = permit, chance, seen

    def send(self, outgoing: Outgoing, settle: Settle) -> None:
        asyncio.get_running_loop().call_later(self._chance.random() * 0.01, self._start, outgoing, settle)

    def _start(self, outgoing: Outgoing, settle: Settle) -> None:
        outcome = self._permit(outgoing)
        if outcome is None:
            outcome = DELIVERED
            if not outgoing.message.answers:  # answers go round opt-outs
                self._seen(outgoing.endpoint)
                outcome = RetryLater("no network") if self._chance.random() < 0.3 else DELIVERED
        settle(outgoing, outcome)

    async def close(self) -> None:
        """Whatever is in the air may come down later."""


class PhoneApp:
    """Use `phone_app`."""

    def __init__(
        self,
        store: SqliteStore,
        flow: EmbeddedFlow,
        make_channel: Callable[[Permit], Channel],
        *,
        revoke_all: bool,
        asks_opt_outs: bool,
        remembers: bool,
    ) -> None:
        self.store, self.flow, self.clock, self.metrics = store, flow, FakeClock(), Metrics()
        ids = count(1)
        self.new_id: Callable[[], str] = lambda: f"{next(ids):032x}"
        text_gate: TextGate = store.text_gate
        if remembers:
            text_gate = remembered = RememberedTextGate(store.text_gate)
            store.announcer.listen(remembered.apply)
        texts = TextPermit(text_gate, self.clock, self.metrics)
        self.gate = Gate({"sms": texts.refusal} if asks_opt_outs else {})
        self.channel = make_channel(self.gate.refusal)
        self.texting = make_texting(
            store, store, self.clock, self.metrics, new_message_id=self.new_id, revoke_all=revoke_all, texts=store
        )
        journal = Journal(flow)
        self.reports = TextReports(store, store, text_gate, self.clock, journal, carrier_refused=self._carrier_refused)
        renderer = Renderer({"toy": ToyEnvelopes(), OWN_TEXTS: OwnTexts()}, FileVault(b"v" * 32))
        self.dispatcher = Dispatcher(
            flow,
            store,
            self.clock,
            Expander(store),
            renderer,
            {"sms": self.channel},
            self.metrics,
            journal,
            hooks={"sms": self.reports},
        )

    async def _carrier_refused(self, address: str, phone: str, reason: str, country_code: str) -> None:
        await self.texting.opt_outs.refused_by_carrier(address, phone, reason=reason, origin=Origin(Way.CARRIER))

    def grant(self, verb: Verb = Verb.MANAGE_OPT_OUTS, account_id: AccountId = ACCOUNT) -> Grant:
        return authorize(make_principal(account_id), verb, owner=account_id, resource="*")

    async def add_number(
        self, address: str = NUMBER, kind: AddressKind = AddressKind.TEN_DLC, app_ids: Sequence[str] = ()
    ) -> None:
        await self.texting.addresses.add(self.grant(), address, kind=kind, app_ids=app_ids, origin=ADMIN)

    async def receive(
        self,
        text: str,
        *,
        phone: str = PHONE,
        address: str = NUMBER,
        transport_id: str = "",
        sent_at: datetime | None = None,
        carrier_answered: bool = False,
    ) -> InboundResult:
        incoming = IncomingText(address, phone, text, transport_id, sent_at, carrier_answered)
        return await self.texting.inbound.receive(incoming, RADIO)

    async def opted_out_at(self, phone: str = PHONE, account_id: AccountId = ACCOUNT) -> list[str]:
        return [opt_out.address for opt_out in await self.store.opt_outs(account_id, phone)]

    async def records(self, *events: Event) -> list[LedgerEntry]:
        return await self.texting.records.find(self.grant(Verb.READ_OPT_OUTS), LedgerQuery(ACCOUNT, events=events))

    async def send(self, text: str, *, phone: str = PHONE, app_id: str = "", sms_type: int = 0) -> None:
        message = Message(
            self.new_id(),
            Kind.DIRECT,
            ACCOUNT,
            "toy",
            self.clock.now(),
            body=text,
            endpoint=phone,
            sms_app=app_id,
            sms_type=sms_type,
        )
        await self.flow.append([message])

    async def settled(self) -> None:
        """Wait until nothing is on its way and nothing waits."""
        async with asyncio.timeout(PATIENCE_S):
            while self.flow.backlog() or await self.store.waiting_count():
                await asyncio.sleep(0.005)


@asynccontextmanager
async def phone_app(
    path: Path,
    make_channel: Callable[[Permit], Channel] = Mast,
    *,
    revoke_all: bool = False,
    asks_opt_outs: bool = True,
    remembers: bool = False,
) -> AsyncIterator[PhoneApp]:
    """asks_opt_outs: switched off to show what the gate is for. remembers: with the gate of several processes."""
    store = await SqliteStore.open(path / "phones.db")
    flow = EmbeddedFlow.open(store.journal, backlog_max=10_000)
    app = PhoneApp(store, flow, make_channel, revoke_all=revoke_all, asks_opt_outs=asks_opt_outs, remembers=remembers)
    accounts = [Account(AccountId(digit * 12), f"account {digit}", digit * 32, app.clock.now()) for digit in ("0", "1")]
    await store.commit(Unit(accounts=accounts))
    app.dispatcher.start()
    try:
        yield app
    finally:
        await app.dispatcher.stop()
        await store.close()
