"""Blocking rules: which texts of an application an opt-out at an inbound address blocks. Called by front ends.

What a rule means is `domain.optout.covers`'. Source: Tencent Cloud SMS console guide (blocking rules).
"""

from __future__ import annotations

from contextlib import suppress

from tidings.domain.errors import Conflict, InvalidValue
from tidings.domain.grants import Grant, Verb
from tidings.domain.optout import BlockingRule, SmsType
from tidings.domain.phone_ports import OptOutStore
from tidings.domain.ports import Clock, Store
from tidings.domain.unit import Unit
from tidings.services.texting.inbound_addresses import InboundAddresses
from tidings.services.texting.sms_applications import READING, SmsApplications


class BlockingRules:
    """`store`, `opt_outs`: one object."""

    def __init__(
        self,
        store: Store,
        opt_outs: OptOutStore,
        clock: Clock,
        addresses: InboundAddresses,
        applications: SmsApplications,
    ) -> None:
        self._store = store
        self._opt_outs = opt_outs
        self._clock = clock
        self._addresses = addresses
        self._applications = applications

    async def all(self, grant: Grant) -> list[BlockingRule]:
        grant.require(*READING)
        return await self._opt_outs.blocking_rules(grant.owner)

    async def put(self, grant: Grant, address: str, app_id: str, types: frozenset[SmsType]) -> None:
        """Counts at once, also for who opted out before. Raises NotFound (inbound address, application), InvalidValue (no types)."""
        grant.require(Verb.MANAGE_OPT_OUTS)
        await self._addresses.get(grant, address)
        await self._applications.require(grant, app_id)
        if not types:
            raise InvalidValue("types", "at least one type")
        rule = BlockingRule(grant.owner, address, app_id, types)
        await self._store.commit(Unit(act=grant.act(self._clock.now()), blocking_rules=[rule]))

    async def delete(self, grant: Grant, address: str, app_id: str) -> None:
        """Safe to repeat. Raises NotFound (inbound address)."""
        grant.require(Verb.MANAGE_OPT_OUTS)
        await self._addresses.get(grant, address)
        if any((rule.address, rule.app_id) == (address, app_id) for rule in await self.all(grant)):
            unit = Unit(act=grant.act(self._clock.now()), blocking_rules_deleted=[(grant.owner, address, app_id)])
            with suppress(Conflict):  # somebody else was faster: it is gone
                await self._store.commit(unit)
