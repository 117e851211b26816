"""What everything else stands on: storage, time, secrets, the address, and the question before every send."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from tidings.delivery.announce import AnnouncedChanges
from tidings.delivery.certificate import SigningIdentity, load_identity
from tidings.delivery.expand import Expander
from tidings.delivery.gate import Gate
from tidings.delivery.signer import ProcessSigner
from tidings.dialects.cloud import Certificate, Cloud, Options
from tidings.domain.envelope import Permit
from tidings.domain.ports import Flow
from tidings.domain.protocols import Protocols
from tidings.domain.steady_clock import SteadyClock
from tidings.domain.tokens import LinkKeys
from tidings.observe.metrics import Metrics
from tidings.server.listener import Listener
from tidings.services.endpoint_passwords import EndpointPasswords
from tidings.settings import Settings
from tidings.store.vault import FileVault
from tidings.wire.egress import EgressPolicy
from tidings.wire.hosts import host_name
from tidings.wiring.backend import Backend, WholeStore, open_backend
from tidings.wiring.channels import ChannelKind
from tidings.wiring.clock_and_ids import open_clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Foundation:
    """`public_url`: base of every link. `signer`: of notifications, with the key of `identity`. `link_key`: of signed links."""

    settings: Settings
    clouds: Sequence[Cloud]
    channels: Sequence[ChannelKind]
    protocols: Protocols
    backend: Backend
    vault: FileVault
    flow: Flow
    clock: SteadyClock
    metrics: Metrics
    listener: Listener
    public_url: str
    identity: SigningIdentity
    signer: ProcessSigner
    link_key: LinkKeys
    passwords: EndpointPasswords
    egress: EgressPolicy
    gate: Gate
    expander: Expander

    @property
    def store(self) -> WholeStore:
        return self.backend.store

    @property
    def certificate(self) -> Certificate:
        return Certificate(self.identity.digits, self.identity.certificate)

    @property
    def security_contact(self) -> str:
        return self.settings.security_contact or f"mailto:security@{urlsplit(self.public_url).hostname}"

    @property
    def dev_hosts(self) -> frozenset[str]:
        """Names besides this machine's own under which developer mode's tools and console answer."""
        if not self.settings.dev_public:
            return frozenset()
        return frozenset({host_name(urlsplit(self.public_url).netloc), self.settings.listen.host})

    def options(self, cloud: Cloud) -> Options:
        settings, prefix = self.settings, f"{cloud.name}_"
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


async def open_foundation(settings: Settings, clouds: Sequence[Cloud], channels: Sequence[ChannelKind]) -> Foundation:
    """Open the data directory and take the port, so that the public URL can be made of it. Raises Unavailable with a text for the
    operator."""
    backend, vault = await open_backend(settings)
    store = backend.store
    try:
        clock = await open_clock(store, timedelta(seconds=settings.clock_jump_max_s))
        flow = backend.deliver(settings.backlog_max)
        tls = (settings.tls_cert, settings.tls_key) if settings.tls_cert and settings.tls_key else None
        listener = Listener((settings.listen.host, settings.listen.port), tls)
        listener.bind()
    except BaseException:
        await store.close()
        raise
    host, port = listener.address
    # A wildcard is no address that a link could lead to.
    shown = "localhost" if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host  # noqa: S104
    public_url = (settings.public_url or f"{settings.scheme}://{shown}:{port}").rstrip("/")
    identity = load_identity(settings.data, shown, clock.wall())
    metrics = Metrics()
    link_key = vault.derive_all("links")
    gate, expander = Gate(_permits(channels, backend, clock, metrics)), Expander(store)
    store.announcer.listen(AnnouncedChanges(gate, expander).apply)
    return Foundation(
        settings=settings,
        clouds=clouds,
        channels=channels,
        protocols=Protocols(protocol for kind in channels for protocol in kind.protocols),
        backend=backend,
        vault=vault,
        flow=flow,
        clock=clock,
        metrics=metrics,
        listener=listener,
        public_url=public_url,
        identity=identity,
        signer=ProcessSigner(identity.key_path, f"{public_url}/certs/{identity.name}"),
        link_key=link_key,
        passwords=EndpointPasswords(vault, link_key[-1]),
        egress=EgressPolicy(settings.egress_allow, loopback=settings.dev),
        gate=gate,
        expander=expander,
    )


def _permits(
    channels: Sequence[ChannelKind], backend: Backend, clock: SteadyClock, metrics: Metrics
) -> Mapping[str, Permit]:
    permits = [(kind, kind.permit(backend, clock, metrics)) for kind in channels if kind.permit is not None]
    return {protocol.name: permit for kind, permit in permits for protocol in kind.protocols}
