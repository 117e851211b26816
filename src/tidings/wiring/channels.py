"""The ways out: what of each the application takes. A channel is one package, and one entry in `CHANNELS`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tidings.channels import bots, email, http, sms, sqs
from tidings.channels.http import HttpChannel
from tidings.channels.outbox import OutboxChannel
from tidings.delivery.gate import TextPermit
from tidings.delivery.hooks import DeliveryHooks
from tidings.domain.envelope import Permit
from tidings.domain.ports import Channel, Clock
from tidings.domain.protocols import Protocol
from tidings.observe.metrics import Metrics
from tidings.settings import Settings
from tidings.wire.egress import ANYWHERE
from tidings.wiring.backend import Backend
from tidings.wiring.sms import SmsTransports


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelParts:
    """What a channel is made with. permit: asked immediately before the first byte of an attempt leaves. web: the web hooks' channel, for
    those that post through it. outbox: where mails and texts stay in developer mode, else None. sms: SMSCs, or a gateway."""

    settings: Settings
    permit: Permit
    clock: Clock
    web: HttpChannel
    outbox: OutboxChannel | None
    sms: SmsTransports


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelKind:
    """make: the channel, None where it is not set up. protocols: those that subscriptions can name because of it. permit: makes what is
    asked for each of their attempts besides whether the subscription still is. hooks: what the loop of delivery asks and tells for them.
    takes_dead_letters: whether what was given up goes to a subscription's queue through it."""

    make: Callable[[ChannelParts], Channel | None]
    protocols: tuple[Protocol, ...] = ()
    permit: Callable[[Backend, Clock, Metrics], Permit] | None = None
    hooks: Callable[[ChannelParts], DeliveryHooks] | None = None
    takes_dead_letters: bool = False


def _web(parts: ChannelParts) -> Channel:
    return parts.web


def _bots(parts: ChannelParts) -> Channel:
    return bots.BotChannel(parts.web)


def _queues(parts: ChannelParts) -> Channel:
    settings = parts.settings
    return sqs.SqsChannel(
        parts.permit,
        # Every queue of a service is at one host: half of the sockets are as many as one host may have.
        lambda own: HttpChannel(own, ANYWHERE, connections_per_host=32, sockets_max=64),
        endpoint=settings.sqs_endpoint,
        access_key_id=settings.sqs_access_key_id or "",
        secret_access_key=settings.sqs_secret_access_key or "",
    )


def _outbox(parts: ChannelParts) -> Channel | None:
    return parts.outbox


def _mail(parts: ChannelParts) -> Channel | None:
    settings = parts.settings
    if settings.smtp_url is None:
        return None
    return email.EmailChannel(parts.permit, relay=settings.smtp_url, mail_from=settings.mail_from)


def _texts_permit(backend: Backend, clock: Clock, metrics: Metrics) -> Permit:
    return TextPermit(backend.text_gate, clock, metrics).refusal


def _texts_hooks(parts: ChannelParts) -> DeliveryHooks:
    return parts.sms.reports


def _texts(parts: ChannelParts) -> Channel | None:
    return parts.sms.channel(parts.permit)


CHANNELS: tuple[ChannelKind, ...] = (
    ChannelKind(make=_outbox),
    ChannelKind(make=_mail, protocols=email.PROTOCOLS),
    ChannelKind(make=_texts, protocols=sms.PROTOCOLS, permit=_texts_permit, hooks=_texts_hooks),
    ChannelKind(make=_web, protocols=http.PROTOCOLS),
    ChannelKind(make=_queues, protocols=sqs.PROTOCOLS, takes_dead_letters=True),
    ChannelKind(make=_bots, protocols=bots.PROTOCOLS),
)
"""Of two that serve a protocol the later one does: a relay goes before the outbox. Lists show protocols in this order."""
