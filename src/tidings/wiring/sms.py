"""The ways on which texts leave the server and come in: SMSCs, or an HTTP gateway. Called by `application`; holds no rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from tidings.channels.http import HttpChannel
from tidings.channels.sms import SmppChannel
from tidings.channels.sms_gateway import SmsGatewayChannel
from tidings.console import Transport
from tidings.delivery.dispatcher import IN_FLIGHT_MAX
from tidings.delivery.journal import Journal
from tidings.delivery.text_limits import OutgoingTextLimits, TextQuotas
from tidings.delivery.text_reports import TextReports
from tidings.dialects.gateways import GatewaysDialect
from tidings.domain.envelope import Permit
from tidings.domain.errors import Unavailable
from tidings.domain.model import Origin, Way
from tidings.domain.optout import IncomingText
from tidings.domain.phone_ports import TextStore
from tidings.domain.ports import Channel, Clock
from tidings.observe.metrics import Metrics
from tidings.services.quotas import Quotas
from tidings.services.texting.inbound_texts import InboundResult
from tidings.services.texting.texting import Texting, make_texting
from tidings.settings import Settings
from tidings.store.vault import FileVault
from tidings.wire.egress import ANYWHERE
from tidings.wire.gateway_url import GatewayUrl, parse_gateway_url
from tidings.wire.phone_destinations import Destinations
from tidings.wire.smpp.url import BindKind, SmppUrl
from tidings.wiring.backend import Backend, WholeStore
from tidings.wiring.clock_and_ids import WallClock, new_uuid


class SmsTransports:
    """`reports`: told what becomes of texts. reported: called when reports became durable. Raises Unavailable with a text for the
    operator, as for everything that keeps the server from being built."""

    def __init__(
        self,
        settings: Settings,
        backend: Backend,
        clock: Clock,
        texting: Texting,
        journal: Journal,
        *,
        public_url: str,
        reported: Callable[[], None],
    ) -> None:
        self._clock = clock
        self._texting = texting
        self._public_url = public_url
        self._secret = settings.sms_gateway_secret or ""
        self._twilio_auth_token = settings.twilio_auth_token or ""
        self._smscs, self._gateway = _ways_out(settings)
        self._smpp: SmppChannel | None = None
        self.reports = TextReports(
            backend.store,
            backend.store,
            backend.text_gate,
            clock,
            journal,
            carrier_refused=self._carrier_refused,
            default_sender=_only_sender(self._smscs, self._gateway),
            reported=reported,
            limits=_limits(settings, backend.store, clock),
        )

    def channel(self, permit: Permit) -> Channel | None:
        """The way out; None: there is none. Raises Unavailable."""
        if self._smscs:
            self._smpp = SmppChannel(
                permit, urls=self._smscs, clock=self._clock, receive=self._receive, receipt=self.reports.receipt
            )
            return self._smpp
        if self._gateway is None:
            return None
        try:
            return SmsGatewayChannel(
                permit,
                lambda own: HttpChannel(own, ANYWHERE, queue_per_host=IN_FLIGHT_MAX),
                self._gateway,
                public_url=self._public_url,
                secret=self._secret,
            )
        except ValueError as error:
            raise Unavailable(f"TIDINGS_SMS_WEBHOOK_URL: {error}") from error

    def dialect(self) -> GatewaysDialect:
        """The way in for gateways."""
        return GatewaysDialect(
            self._receive,
            self.reports.receipt,
            WallClock(),
            public_url=self._public_url,
            secret=self._secret,
            twilio_auth_token=self._twilio_auth_token,
            country_code=self._gateway.country_code if self._gateway is not None else "",
        )

    def start(self) -> None:
        if self._smpp is not None:
            self._smpp.start()

    def transports(self) -> list[Transport]:
        """How the binds are; none where there is no SMSC."""
        if self._smpp is None:
            return []
        return [Transport(bind.name, bind.is_up, bind.problem) for bind in self._smpp.status()]

    def binds_up(self) -> dict[str, int]:
        """How many binds are up, by name: two to one SMSC have the same."""
        found = Counter[str]()
        for bind in self.transports():
            found[bind.name] += bind.is_up
        return dict(found)

    async def _receive(self, text: IncomingText) -> InboundResult:
        """A text that a transport brought: it is told so when this returns."""
        return await self._texting.inbound.receive(text, Origin(Way.KEYWORD))

    async def _carrier_refused(self, address: str, phone: str, reason: str, country_code: str) -> None:
        origin = Origin(Way.CARRIER)
        await self._texting.opt_outs.refused_by_carrier(
            address, phone, country_code=country_code, reason=reason, origin=origin
        )


def destinations(settings: Settings) -> Destinations:
    """Where texts may go."""
    return Destinations(settings.sms_countries, special=settings.sms_special_numbers)


def _limits(settings: Settings, texts: TextStore, clock: Clock) -> OutgoingTextLimits:
    quotas = TextQuotas(
        settings.sms_per_30s,
        settings.sms_per_hour,
        settings.sms_per_day,
        settings.sms_same_per_day,
        settings.sms_per_account_day,
    )
    return OutgoingTextLimits(destinations(settings), quotas, texts.texts_ended, clock)


def open_texting(
    settings: Settings, store: WholeStore, clock: Clock, metrics: Metrics, quotas: Quotas, vault: FileVault
) -> Texting:
    """The services about texts, with the numbers from which the transports text. Raises Unavailable."""
    smscs, gateway = _ways_out(settings)
    senders = {url.source for url in smscs} | ({gateway.sender} if gateway else set())
    return make_texting(
        store,
        store,
        clock,
        metrics,
        new_message_id=new_uuid,
        revoke_all=settings.sms_revoke_all,
        quotas=quotas,
        texts=store,
        vault=vault,
        transport_senders=senders - {""},
    )


def _ways_out(settings: Settings) -> tuple[list[SmppUrl], GatewayUrl | None]:
    try:
        smscs = [SmppUrl.read(url) for url in settings.smpp_url.urls] if settings.smpp_url else []
    except ValueError as error:
        raise Unavailable(f"TIDINGS_SMPP_URL: {error}") from error
    try:
        gateway = parse_gateway_url(settings.sms_webhook_url.urls[0]) if settings.sms_webhook_url else None
    except ValueError as error:
        raise Unavailable(f"TIDINGS_SMS_WEBHOOK_URL: {error}") from error
    return smscs, gateway


def _only_sender(smscs: Sequence[SmppUrl], gateway: GatewayUrl | None) -> str:
    """The number from which texts go that name none, when there is no choice."""
    if not smscs:
        return "" if gateway is None else gateway.sender
    sources = {url.source for url in smscs if url.bind is not BindKind.RECEIVER}
    return sources.pop() if len(sources) == 1 else ""
