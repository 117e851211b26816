"""What leaves: envelopes, channels, the loop of delivery, and the callbacks to customers."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from tidings.callbacks import Callbacks
from tidings.channels.http import HttpChannel
from tidings.channels.outbox import OutboxChannel
from tidings.delivery.dispatcher import IN_FLIGHT_MAX, Dispatcher
from tidings.delivery.journal import Journal
from tidings.delivery.own_texts import OwnTexts
from tidings.delivery.probe import Prober
from tidings.delivery.render import Renderer
from tidings.dialects.cloud import EnvelopeParts
from tidings.domain.envelope import Envelopes
from tidings.domain.mail_content import Links
from tidings.domain.ports import Channel
from tidings.services.texting.inbound_texts import OWN_TEXTS
from tidings.wiring.channels import ChannelParts
from tidings.wiring.foundation import Foundation
from tidings.wiring.services import Services
from tidings.wiring.sms import SmsTransports


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """`envelopes`: by cloud. `outbox`: where mails and texts stay in developer mode, else None."""

    envelopes: Mapping[str, Envelopes]
    outbox: OutboxChannel | None
    sms: SmsTransports
    callbacks: Callbacks
    prober: Prober
    dispatcher: Dispatcher


def make_delivery(base: Foundation, services: Services) -> Delivery:
    """Raises Unavailable with a text for the operator."""
    settings, permit = base.settings, base.gate.refusal
    envelopes = make_envelopes(base, services)
    # A lane must hold whatever the dispatcher has in flight, or a fan-out to one fast host would be turned away.
    web = HttpChannel(permit, base.egress, queue_per_host=IN_FLIGHT_MAX, put_back=base.passwords.put_back)
    callbacks = Callbacks(base.store, web, base.vault, base.clock, base.metrics, now_s=time.time)
    base.store.announcer.listen(callbacks.committed)
    journal = Journal(base.flow)
    sms = SmsTransports(
        settings,
        base.backend,
        base.clock,
        services.texting,
        journal,
        public_url=base.public_url,
        reported=callbacks.wake,
    )
    outbox = None
    if settings.dev:
        outbox = OutboxChannel(permit, clock=base.clock, directory=settings.data, mail_from=settings.mail_from)
    parts = ChannelParts(settings=settings, permit=permit, clock=base.clock, web=web, outbox=outbox, sms=sms)
    made = [(kind, channel) for kind in base.channels if (channel := kind.make(parts)) is not None]
    channels: Mapping[str, Channel] = {protocol: channel for _, channel in made for protocol in channel.protocols}
    hooks = [(kind, kind.hooks(parts)) for kind in base.channels if kind.hooks is not None]
    dispatcher = Dispatcher(
        base.flow,
        base.store,
        base.clock,
        base.expander,
        Renderer({**envelopes, OWN_TEXTS: OwnTexts()}, base.vault),
        channels,
        base.metrics,
        journal,
        hooks={protocol.name: each for kind, each in hooks for protocol in kind.protocols},
        dead_letters=next((channel for kind, channel in made if kind.takes_dead_letters), None),
    )
    return Delivery(
        envelopes=envelopes,
        outbox=outbox,
        sms=sms,
        callbacks=callbacks,
        prober=Prober(channels, base.clock),
        dispatcher=dispatcher,
    )


def make_envelopes(base: Foundation, services: Services) -> Mapping[str, Envelopes]:
    links = Links(base.public_url, base.link_key, base.settings.strict_sns_links, base.settings.language)
    return {
        cloud.name: cloud.envelopes(
            EnvelopeParts(
                signer=base.signer,
                links=links,
                projects=services.accounts.projects,
                vault=base.vault,
                certificate=base.certificate,
                options=base.options(cloud),
            )
        )
        for cloud in base.clouds
        if cloud.envelopes is not None
    }
