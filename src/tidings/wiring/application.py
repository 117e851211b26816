"""Settings in, a running server out. Called by `cli`; holds no rules.

`Application.build` makes everything, in this order: the foundation (storage, time, secrets, the address), services, delivery, front ends,
the server. `start` begins to listen, `stop` ends that and waits for what is on its way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import structlog

from tidings.dialects.cloud import Cloud
from tidings.dialects.clouds import CLOUDS
from tidings.dialects.native.dev import DEV_ACCOUNT_ID, DevTools
from tidings.domain.audit import Action, AuditEntry
from tidings.domain.errors import TidingsError
from tidings.domain.model import AccountId, Origin, Way
from tidings.domain.unit import Unit
from tidings.server import Server
from tidings.services.endpoint_passwords import seal_stored
from tidings.settings import Settings
from tidings.wiring.channels import CHANNELS, ChannelKind
from tidings.wiring.clock_and_ids import new_uuid
from tidings.wiring.clock_watch import ClockWatch
from tidings.wiring.delivery import make_delivery
from tidings.wiring.foundation import Foundation, open_foundation
from tidings.wiring.front_ends import make_front_ends
from tidings.wiring.running import forget_for_ever, tidy_for_ever, tune_interpreter
from tidings.wiring.services import make_services

_log = structlog.get_logger(__name__)


class Application:
    """A server with everything in it."""

    def __init__(self, base: Foundation) -> None:
        self.base = base
        self.services = services = make_services(base)
        self.delivery = make_delivery(base, services)
        self.server = Server(
            make_front_ends(base, services, self.delivery, self._dev_tools()),
            metrics=base.metrics,
            ready=base.store.check,
            certificates=self._certificate,
            new_request_id=new_uuid,
            listener=base.listener,
            trusted_proxies=base.settings.trusted_proxies,
            body_bytes_max=base.settings.body_bytes_max,
            refresh=self._refresh_gauges,
            security_contact=base.security_contact,
        )
        self._clock_watch = ClockWatch(base.clock, base.metrics)
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        # What commands and tests use of it.
        self.public_url = base.public_url
        self.store, self.flow, self.clock, self.metrics = base.store, base.flow, base.clock, base.metrics
        self.accounts, self.topics, self.subscriptions = services.accounts, services.topics, services.subscriptions
        self.texting, self.texts, self.catalog = services.texting, services.texts, services.catalog
        self.callbacks = self.delivery.callbacks

    @classmethod
    async def build(
        cls,
        settings: Settings,
        *,
        clouds: Sequence[Cloud] = CLOUDS,
        channels: Sequence[ChannelKind] = CHANNELS,
    ) -> Application:
        """Open the data directory and wire everything. Raises Unavailable with a text for the operator."""
        base = await open_foundation(settings, clouds, channels)
        try:
            return cls(base)
        except BaseException:
            await base.listener.stop()
            await base.store.close()
            raise

    async def start(self) -> None:
        base, delivery = self.base, self.delivery
        tune_interpreter()
        await self.accounts.projects.load()
        await seal_stored(base.store, base.passwords)
        await base.signer.start()
        delivery.dispatcher.start()
        delivery.callbacks.start()
        delivery.sms.start()
        loops = (
            tidy_for_ever(self._tidy, self._wake),
            forget_for_ever(base.gate),
            base.metrics.watch_loop(),
            base.backend.warm(),
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
        await self.services.uploads.close()
        await self.delivery.callbacks.stop()
        await self.delivery.dispatcher.stop()
        await self.base.signer.close()
        try:
            await self.accounts.trail.flush()
        except TidingsError:
            _log.exception("failed sign-ins of the last minute could not be written down")
        await self.base.store.close()

    async def _tidy(self) -> int:
        """One round of housekeeping; how many rows it removed."""
        await self.accounts.trail.flush_if_due()
        self.services.uploads.expire()
        return await self.services.housekeeping.tidy()

    async def _refresh_gauges(self) -> None:
        metrics, flow = self.base.metrics, self.base.flow
        metrics.backlog = flow.backlog()
        metrics.waiting = await self.base.store.waiting_count()
        metrics.binds_up = self.delivery.sms.binds_up()
        self._clock_watch.look()

    def _certificate(self, name: str) -> bytes | None:
        identity = self.base.identity
        return identity.certificate if name == identity.name else None

    # --- developer mode --------------------------------------------------------------------------------------------------

    def _dev_tools(self) -> DevTools | None:
        outbox = self.delivery.outbox
        if outbox is None:
            return None
        return DevTools(
            self._reset, outbox.entries, outbox.clear, self._advance, self._dev_account_id(), self.base.dev_hosts
        )

    def _dev_account_id(self) -> AccountId:
        return AccountId(self.base.settings.account_id or DEV_ACCOUNT_ID)

    async def _reset(self) -> None:
        base, delivery = self.base, self.delivery
        await base.store.reset()
        origin = Origin(Way.SYSTEM, "developer mode", via="developer")
        entry = AuditEntry(self._dev_account_id(), base.clock.now(), Action.RESET, "", origin)
        await base.store.commit(Unit(audit=[entry]))
        self.topics.forget()
        base.expander.forget_all()
        delivery.sms.reports.forget()
        delivery.callbacks.forget()
        if delivery.outbox is not None:
            delivery.outbox.clear()

    def _advance(self, seconds: float) -> None:
        self.base.clock.advance(seconds)
        self.base.flow.look_again()
        self._wake.set()
