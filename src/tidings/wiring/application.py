"""Settings in, a running server out. Called by `cli`; holds no rules.

`Application.build` makes everything, `start` begins to listen, `stop` ends that and waits for what is on its way.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import timedelta
from functools import partial
from urllib.parse import urlsplit

import structlog

from tidings import __version__
from tidings.access.authenticate import Authenticator
from tidings.access.limiter import TokenBuckets
from tidings.access.sessions import Sessions
from tidings.access.sign_in_limits import SignInLimits
from tidings.access.tickets import Tickets
from tidings.channels.http import HttpChannel
from tidings.channels.outbox import OutboxChannel
from tidings.console import DEV_PASSWORD, Console, ConsoleServices, Development
from tidings.delivery.announce import LocalAnnouncer
from tidings.delivery.callbacks import Callbacks
from tidings.delivery.certificate import SigningIdentity, load_identity
from tidings.delivery.dispatcher import IN_FLIGHT_MAX, Dispatcher
from tidings.delivery.expand import Expander
from tidings.delivery.gate import Gate, TextGate
from tidings.delivery.own_texts import OwnTexts
from tidings.delivery.probe import Prober
from tidings.delivery.render import Renderer
from tidings.delivery.signer import ProcessSigner
from tidings.dialects.cloud import Certificate, Cloud, EnvelopeParts, Options, Parts
from tidings.dialects.clouds import CLOUDS
from tidings.dialects.contract import Dialect
from tidings.dialects.native import NativeDialect, TextServices
from tidings.dialects.native.dev import DEV_ACCOUNT_ID, DevTools
from tidings.domain.audit import Action, AuditEntry
from tidings.domain.errors import TidingsError
from tidings.domain.mail_content import Links
from tidings.domain.model import AccountId, Origin, Way
from tidings.domain.ports import Channel
from tidings.domain.protocols import Protocols
from tidings.domain.steady_clock import SteadyClock
from tidings.domain.tokens import sign_link
from tidings.domain.unit import Unit
from tidings.flow.embedded import EmbeddedFlow
from tidings.observe.metrics import Metrics
from tidings.pages import Pages
from tidings.server import Server
from tidings.services.accounts import Accounts
from tidings.services.deliveries import Deliveries
from tidings.services.endpoint_passwords import EndpointPasswords, seal_stored
from tidings.services.housekeeping import Housekeeping
from tidings.services.inbound_texts import OWN_TEXTS
from tidings.services.ledger import Ledger
from tidings.services.optout_uploads import OptOutUploads
from tidings.services.publish import Publisher
from tidings.services.quotas import Quotas
from tidings.services.subscriptions import Subscriptions
from tidings.services.templates import Templates
from tidings.services.text_catalog import TextCatalog
from tidings.services.texts import TextLimits, Texts
from tidings.services.topics import Topics
from tidings.settings import Settings
from tidings.store.sqlite import SqliteStore
from tidings.store.vault import FileVault
from tidings.wire.egress import EgressPolicy
from tidings.wire.hosts import host_name
from tidings.wiring.channels import CHANNELS, ChannelKind, ChannelParts
from tidings.wiring.clock_and_ids import WallClock, new_serial, new_token, new_uid, new_uuid, open_clock, open_store
from tidings.wiring.clock_watch import ClockWatch
from tidings.wiring.rates import confirmation_paces, rate_limiter
from tidings.wiring.running import forget_for_ever, tidy_for_ever, tune_interpreter
from tidings.wiring.sms import SmsTransports, destinations, make_opt_outs

_log = structlog.get_logger(__name__)


class Application:
    """A server with everything in it. `public_url` and `server.address` are final after `build`."""

    def __init__(
        self,
        settings: Settings,
        store: SqliteStore,
        vault: FileVault,
        flow: EmbeddedFlow,
        clock: SteadyClock,
        clouds: Sequence[Cloud],
        channels: Sequence[ChannelKind],
    ) -> None:
        self._settings = settings
        self._clouds = clouds
        self._channel_kinds = channels
        self._protocols = Protocols(protocol for kind in channels for protocol in kind.protocols)
        self.store = store
        self.flow = flow
        self.clock = clock
        self.metrics = Metrics()
        self._clock_watch = ClockWatch(clock, self.metrics)
        self._vault = vault
        self._link_key = vault.derive_all("links")
        self._passwords = EndpointPasswords(vault, self._link_key[-1])
        self._gate = Gate(TextGate(store, self.clock, self.metrics).permits)
        self._expander = Expander(store)
        self._announcer = LocalAnnouncer(store, self._gate, self._expander)
        tries = TokenBuckets({"login": settings.login_rate}, throttled=self.metrics.throttled)
        limits = SignInLimits(lambda group: tries.take(f"login:{group}"))
        self._authenticator = Authenticator(store, vault, limits=limits)
        self._tickets = Tickets(store, vault, self.clock)
        self._sessions = Sessions(store, self.clock, idle=timedelta(seconds=settings.session_idle_s))
        self.accounts = Accounts(store, self.clock, vault, opt_outs=store, texts=store, changed=self._accounts_changed)
        self._projects = self.accounts.projects
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._make_server()

    @classmethod
    async def build(
        cls,
        settings: Settings,
        *,
        clouds: Sequence[Cloud] = CLOUDS,
        channels: Sequence[ChannelKind] = CHANNELS,
    ) -> Application:
        """Open the data directory and wire everything. Raises Unavailable with a text for the operator."""
        store, vault = await open_store(settings)
        try:
            clock = await open_clock(store, timedelta(seconds=settings.clock_jump_max_s))
            flow = EmbeddedFlow.open(store.journal, backlog_max=settings.backlog_max)
        except BaseException:
            await store.close()
            raise
        return cls(settings, store, vault, flow, clock, clouds, channels)

    def _make_server(self) -> None:
        settings = self._settings
        self.server = Server(
            [],
            metrics=self.metrics,
            ready=self.store.check,
            certificates=self._served_certificate,
            new_request_id=new_uuid,
            listen=(settings.listen.host, settings.listen.port),
            tls=(settings.tls_cert, settings.tls_key) if settings.tls_cert and settings.tls_key else None,
            trusted_proxies=settings.trusted_proxies,
            body_bytes_max=settings.body_bytes_max,
            refresh=self._refresh_gauges,
            security_contact=self._security_contact,
        )
        host, port = self.server.bind()
        # A wildcard is no address that a link could lead to.
        shown = "localhost" if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host  # noqa: S104
        self.public_url = (settings.public_url or f"{settings.scheme}://{shown}:{port}").rstrip("/")
        self._identity: SigningIdentity = load_identity(settings.data, shown, self.clock.wall())
        self._certificate = Certificate(self._identity.digits, self._identity.certificate)
        self._signer = ProcessSigner(self._identity.key_path, f"{self.public_url}/certs/{self._identity.name}")
        self._make_services()
        self._make_delivery()
        self.server.serve(self._dialects())

    def _make_services(self) -> None:
        settings, store, clock = self._settings, self.store, self.clock
        quotas = Quotas(
            settings.topics_max,
            settings.subscriptions_max,
            settings.pending_max,
            templates_per_account=settings.templates_max,
        )
        self.topics = Topics(store, clock, self._announcer, quotas, new_uid=new_uid)
        self.subscriptions = Subscriptions(
            store,
            clock,
            self._vault,
            self._announcer,
            quotas,
            {
                cloud.name: cloud.lifecycle_rules(self._options(cloud))
                for cloud in self._clouds
                if cloud.lifecycle_rules is not None
            },
            self.metrics,
            new_uid=new_uid,
            new_token=new_token,
            new_message_id=new_uuid,
            link_key=self._link_key,
            anonymous_cancel=settings.anonymous_unsubscribe,
            paces=confirmation_paces(settings),
            decline_hold=timedelta(seconds=settings.decline_hold_s),
            protocols=self._protocols,
        )
        self._templates = Templates(store, clock, quotas, new_uid=new_uid)
        self.opt_outs = make_opt_outs(settings, store, clock, self.metrics, quotas, self._vault)
        self._uploads = OptOutUploads(
            store, store, clock, new_token, revoke_all=settings.sms_revoke_all, folder=settings.store_path.parent
        )
        self.catalog = TextCatalog(store, store, clock, quotas=quotas, opt_outs=store, reviewed=settings.sms_review)
        limits = TextLimits(
            settings.sms_per_30s, settings.sms_per_hour, settings.sms_per_day, settings.sms_same_per_day
        )
        self.texts = Texts(
            store,
            store,
            store,
            self.flow,
            clock,
            self.metrics,
            new_message_id=new_serial,
            limits=limits,
            numbers=self.opt_outs.numbers,
            destinations=destinations(settings),
        )
        self._publisher = Publisher(self.flow, self.metrics)
        self._housekeeping = Housekeeping(store, self.subscriptions, clock)

    def _make_delivery(self) -> None:
        settings = self._settings
        links = Links(self.public_url, self._link_key, settings.strict_sns_links, settings.language)
        self._envelopes = {
            cloud.name: cloud.envelopes(
                EnvelopeParts(
                    signer=self._signer,
                    links=links,
                    projects=self._projects,
                    vault=self._vault,
                    certificate=self._certificate,
                    options=self._options(cloud),
                )
            )
            for cloud in self._clouds
            if cloud.envelopes is not None
        }
        renderer = Renderer({**self._envelopes, OWN_TEXTS: OwnTexts()}, self._vault)
        self._outbox: OutboxChannel | None = None
        self._sms = SmsTransports(
            settings,
            self.store,
            self.clock,
            self.opt_outs,
            public_url=self.public_url,
            reported=self._texts_reported,
        )
        channels = self._channels()
        self._prober = Prober(channels, self.clock)
        self._dispatcher = Dispatcher(
            self.flow,
            self.store,
            self.clock,
            self._expander,
            renderer,
            channels,
            self.metrics,
            due_changed=self.flow.due_changed,
            texts=self._sms.reports,
        )

    def _channels(self) -> Mapping[str, Channel]:
        settings, permit = self._settings, self._gate.permits
        self._egress = EgressPolicy(settings.egress_allow, loopback=settings.dev)
        # A lane must hold whatever the dispatcher has in flight, or a fan-out to one fast host would be turned away.
        http = HttpChannel(permit, self._egress, queue_per_host=IN_FLIGHT_MAX, put_back=self._passwords.put_back)
        self.callbacks = Callbacks(self.store, http, self._vault, self.clock, self.metrics, now_s=time.time)
        self.store.committed = self.callbacks.committed
        if settings.dev:
            self._outbox = OutboxChannel(
                permit, clock=self.clock, directory=settings.data, mail_from=settings.mail_from
            )
        parts = ChannelParts(
            settings=settings, permit=permit, clock=self.clock, web=http, outbox=self._outbox, sms=self._sms
        )
        made = [channel for channel in (kind.make(parts) for kind in self._channel_kinds) if channel is not None]
        return {protocol: channel for channel in made for protocol in channel.protocols}

    def _dialects(self) -> list[Dialect]:
        settings = self._settings
        limiter = rate_limiter(settings, throttled=self.metrics.throttled)
        native = NativeDialect(
            self.subscriptions,
            self.topics,
            Ledger(self.store),
            Deliveries(self.flow, self.clock),
            self.accounts,
            self.opt_outs,
            self._authenticator,
            self.clock,
            TextServices(self.texts, self.catalog, self._sms.transports, self.callbacks.status),
            self._sessions,
            self._dev_tools(),
        )
        pages = Pages(
            self.subscriptions,
            self.clock,
            limiter,
            public_url=self.public_url,
            sign=partial(sign_link, self._link_key),
            protocols=self._protocols,
        )
        clouds = [cloud.front_end(self._parts(cloud, limiter)) for cloud in self._clouds]
        return [*clouds, self._console(), pages, self._sms.dialect(), native]

    def _console(self) -> Console:
        settings, outbox = self._settings, self._outbox
        development = None
        if outbox is not None:
            known = settings.password is None
            development = Development(
                outbox.entries, outbox.clear, settings.username, DEV_PASSWORD if known else "", self._dev_hosts()
            )
        return Console(
            ConsoleServices(
                topics=self.topics,
                subscriptions=self.subscriptions,
                ledger=Ledger(self.store),
                deliveries=Deliveries(self.flow, self.clock),
                accounts=self.accounts,
                opt_outs=self.opt_outs,
                texts=self.texts,
                catalog=self.catalog,
                uploads=self._uploads,
                transports=self._sms.transports if settings.smpp_url is not None else None,
                authenticator=self._authenticator,
                sessions=self._sessions,
                clock=self.clock,
                protocols=self._protocols,
                names=sorted(
                    (cloud.names for cloud in self._clouds if cloud.names is not None), key=lambda one: one.label
                ),
                csrf_key=self._vault.derive("console forms"),
                backlog=self.flow.backlog,
                waiting=self.flow.waiting_count,
                public_url=self.public_url,
                region=settings.region,
                version=__version__,
                development=development,
            )
        )

    def _options(self, cloud: Cloud) -> Options:
        settings = self._settings
        prefix = f"{cloud.name}_"
        own = {name.removeprefix(prefix): value for name, value in asdict(settings).items() if name.startswith(prefix)}
        return Options(
            public_url=self.public_url,
            region=settings.region,
            skew=timedelta(seconds=settings.clock_skew_s),
            link_ttl_s=settings.confirm_ttl_s,
            strict_links=settings.strict_sns_links,
            is_dev=settings.dev,
            own=own,
        )

    def _parts(self, cloud: Cloud, limiter: TokenBuckets) -> Parts:
        others = (other.policy_evaluator for other in self._clouds if other is not cloud)
        return Parts(
            topics=self.topics,
            subscriptions=self.subscriptions,
            templates=self._templates,
            publisher=self._publisher,
            accounts=self.accounts,
            opt_outs=self.opt_outs,
            texts=self.texts,
            catalog=self.catalog,
            authenticator=self._authenticator,
            tickets=self._tickets,
            prober=self._prober,
            limiter=limiter,
            clock=self.clock,
            signing_clock=WallClock(),
            vault=self._vault,
            egress=self._egress,
            protocols=self._protocols,
            certificate=self._certificate,
            new_id=new_uid,
            new_message_id=new_uuid,
            link_key=self._link_key,
            options=self._options(cloud),
            evaluators=[make(self._projects) for make in others if make is not None],
            envelopes=self._envelopes.get(cloud.name),
        )

    def _texts_reported(self) -> None:
        self.callbacks.wake()

    def _dev_hosts(self) -> frozenset[str]:
        """Names besides this machine's own under which developer mode's tools and console answer."""
        if not self._settings.dev_public:
            return frozenset()
        return frozenset({host_name(urlsplit(self.public_url).netloc), self._settings.listen.host})

    def _dev_tools(self) -> DevTools | None:
        outbox = self._outbox
        if outbox is None:
            return None
        account_id = AccountId(self._settings.account_id or DEV_ACCOUNT_ID)
        return DevTools(self._reset, outbox.entries, outbox.clear, self._advance, account_id, self._dev_hosts())

    # --- running -------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        tune_interpreter()
        await self._projects.load()
        await seal_stored(self.store, self._passwords)
        await self._signer.start()
        self._dispatcher.start()
        self.callbacks.start()
        self._sms.start()
        loops = (
            tidy_for_ever(self._tidy, self._wake),
            forget_for_ever(self._gate),
            self.metrics.watch_loop(),
            self.store.warm(),
            self._clock_watch.run(),
        )
        self._tasks = [asyncio.create_task(loop) for loop in loops]
        await self.server.start()

    async def stop(self) -> None:
        """Refuse new requests, finish those under way, deliver what is on its way for a moment, close everything."""
        await self.server.stop()
        for task in self._tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await self._uploads.close()
        await self.callbacks.stop()
        await self._dispatcher.stop()
        await self._signer.close()
        try:
            await self.accounts.trail.flush()
        except TidingsError:
            _log.exception("failed sign-ins of the last minute could not be written down")
        await self.store.close()

    async def _tidy(self) -> int:
        """One round of housekeeping; how many rows it removed."""
        await self.accounts.trail.flush_if_due()
        self._uploads.expire()
        return await self._housekeeping.tidy()

    async def _refresh_gauges(self) -> None:
        self.metrics.backlog = self.flow.backlog()
        self.metrics.waiting = await self.flow.waiting_count()
        self.metrics.binds_up = self._sms.binds_up()
        self._clock_watch.look()

    def _security_contact(self) -> str:
        return self._settings.security_contact or f"mailto:security@{urlsplit(self.public_url).hostname}"

    def _served_certificate(self, name: str) -> bytes | None:
        return self._identity.certificate if name == self._identity.name else None

    def _accounts_changed(self) -> None:
        self._authenticator.forget()
        self._tickets.forget()

    async def _reset(self) -> None:
        await self.store.reset()
        origin = Origin(Way.SYSTEM, "developer mode", via="developer")
        entry = AuditEntry(
            AccountId(self._settings.account_id or DEV_ACCOUNT_ID), self.clock.now(), Action.RESET, "", origin
        )
        await self.store.commit(Unit(audit=[entry]))
        self.topics.forget()
        self._expander.forget_all()
        self._sms.reports.forget()
        self.callbacks.forget()
        if self._outbox is not None:
            self._outbox.clear()

    def _advance(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.flow.due_changed.set()
        self._wake.set()
