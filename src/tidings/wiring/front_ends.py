"""Who is asked: the clouds, the console, the pages under /s/, gateways and the management API."""

from __future__ import annotations

from functools import partial

from tidings import __version__
from tidings.console import DEV_PASSWORD, Console, ConsoleServices, Development
from tidings.dialects.cloud import Cloud, Parts
from tidings.dialects.contract import Dialect
from tidings.dialects.native import NativeDialect, TextServices
from tidings.dialects.native.dev import DevTools
from tidings.domain.ports import Limiter
from tidings.domain.tokens import sign_link
from tidings.pages import Pages
from tidings.wiring.clock_and_ids import WallClock, new_uid, new_uuid
from tidings.wiring.delivery import Delivery
from tidings.wiring.foundation import Foundation
from tidings.wiring.rates import rate_limiter
from tidings.wiring.services import Services


def make_front_ends(
    base: Foundation, services: Services, delivery: Delivery, dev_tools: DevTools | None
) -> list[Dialect]:
    """In the order in which they are asked whose a request is."""
    limiter = rate_limiter(base.settings, throttled=base.metrics.throttled)
    clouds = [cloud.front_end(_parts(base, services, delivery, cloud, limiter)) for cloud in base.clouds]
    pages = Pages(
        services.subscriptions,
        base.clock,
        limiter,
        public_url=base.public_url,
        sign=partial(sign_link, base.link_key),
        protocols=base.protocols,
    )
    native = NativeDialect(
        services.subscriptions,
        services.topics,
        services.ledger,
        services.deliveries,
        services.accounts,
        services.texting,
        services.authenticator,
        base.clock,
        TextServices(services.texts, services.catalog, delivery.sms.transports, delivery.callbacks.status),
        services.sessions,
        {cloud.name: cloud.names for cloud in base.clouds if cloud.names is not None},
        dev_tools,
    )
    return [*clouds, _console(base, services, delivery), pages, delivery.sms.dialect(), native]


def _parts(base: Foundation, services: Services, delivery: Delivery, cloud: Cloud, limiter: Limiter) -> Parts:
    others = (other.policy_evaluator for other in base.clouds if other is not cloud)
    return Parts(
        topics=services.topics,
        subscriptions=services.subscriptions,
        templates=services.templates,
        publisher=services.publisher,
        accounts=services.accounts,
        texting=services.texting,
        texts=services.texts,
        catalog=services.catalog,
        authenticator=services.authenticator,
        sign_in_tokens=services.sign_in_tokens,
        prober=delivery.prober,
        limiter=limiter,
        clock=base.clock,
        signing_clock=WallClock(),
        vault=base.vault,
        announcer=base.store.announcer,
        egress=base.egress,
        protocols=base.protocols,
        certificate=base.certificate,
        new_id=new_uid,
        new_message_id=new_uuid,
        link_key=base.link_key,
        options=base.options(cloud),
        evaluators=[make(services.accounts.projects) for make in others if make is not None],
        envelopes=delivery.envelopes.get(cloud.name),
    )


def _console(base: Foundation, services: Services, delivery: Delivery) -> Console:
    settings = base.settings
    names = sorted((cloud.names for cloud in base.clouds if cloud.names is not None), key=lambda one: one.label)
    return Console(
        ConsoleServices(
            topics=services.topics,
            subscriptions=services.subscriptions,
            ledger=services.ledger,
            deliveries=services.deliveries,
            accounts=services.accounts,
            texting=services.texting,
            texts=services.texts,
            catalog=services.catalog,
            uploads=services.uploads,
            transports=delivery.sms.transports if settings.smpp_url is not None else None,
            authenticator=services.authenticator,
            sessions=services.sessions,
            clock=base.clock,
            protocols=base.protocols,
            names=names,
            csrf_key=base.vault.derive("console forms"),
            backlog=base.flow.backlog,
            waiting=base.store.waiting_count,
            public_url=base.public_url,
            region=settings.region,
            version=__version__,
            development=_development(base, delivery),
        )
    )


def _development(base: Foundation, delivery: Delivery) -> Development | None:
    outbox, settings = delivery.outbox, base.settings
    if outbox is None:
        return None
    password = DEV_PASSWORD if settings.password is None else ""
    return Development(outbox.entries, outbox.clear, settings.username, password, base.dev_hosts)
