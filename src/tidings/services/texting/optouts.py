"""The people who are opted out: looked for, opted out and in by somebody of the account, or by the network. Called by front ends and
transports; every change is one Unit with its ledger entry.

What people text themselves is `inbound_texts`'; `phone_consent` is what both share.
Source: Tencent Cloud SMS console guide (unsubscribed users, records); 47 CFR 64.1200(a)(10).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from tidings.domain.audit import Action
from tidings.domain.errors import NotFound, WrongState
from tidings.domain.grants import Grant, Verb
from tidings.domain.model import AccountId, Origin, Way
from tidings.domain.optout import (
    ACCOUNT_WIDE,
    BlockingRule,
    IncomingText,
    OptOut,
    OptOutQuery,
    SmsType,
    covers,
)
from tidings.domain.phone_ports import OptOutStore
from tidings.domain.ports import Clock
from tidings.domain.unit import Unit
from tidings.services.texting.inbound_addresses import InboundAddresses
from tidings.services.texting.phone_consent import (
    PERSONS_OWN,
    PhoneConsent,
    add_account_wide,
    add_opt_in,
    add_opt_out,
    address_texted,
    by_account,
    check_reason,
    inbound_number,
    phone_number,
    same_number,
)
from tidings.services.texting.sms_applications import READING

PROTECTED = timedelta(days=30)
"""How long a person's own STOP is not lifted by somebody of the account. Source: SNS and AWS End User Messaging, opting in a number."""
CARRIER_REFUSED = "the network says that the person opted out there"


@dataclass(frozen=True, slots=True)
class Blocked:
    """Why a text to a phone would not go out: the address, since when, and the rule (None: account-wide, or topics' own)."""

    opt_out: OptOut
    rule: BlockingRule | None


class OptOuts:
    """`revoke_all`: what the network refuses at one inbound address counts for all of the account."""

    def __init__(
        self,
        opt_outs: OptOutStore,
        clock: Clock,
        phones: PhoneConsent,
        addresses: InboundAddresses,
        *,
        revoke_all: bool = False,
    ) -> None:
        self._opt_outs = opt_outs
        self._clock = clock
        self._phones = phones
        self._addresses = addresses
        self._revoke_all = revoke_all

    async def page(self, grant: Grant, query: OptOutQuery, *, counted: bool = True) -> tuple[list[OptOut], int]:
        """Who is opted out in the grant's account, and how many the query finds on all pages together; -1 when not `counted`."""
        grant.require(*READING)
        phones = [same_number(phone) for phone in query.phones]
        query = replace(query, account_id=grant.owner, phones=phones)
        total = await self._opt_outs.opt_out_total(query) if counted else -1
        return await self._opt_outs.opt_out_page(query), total

    async def opt_out(self, grant: Grant, address: str, phone: str, *, reason: str, origin: Origin) -> bool:
        """By somebody of the account; True when it changed something. address: ACCOUNT_WIDE for all.

        Raises NotFound (inbound address), InvalidValue (`phone`, `reason`).
        """
        grant.require(Verb.MANAGE_OPT_OUTS)
        check_reason(reason)
        if address != ACCOUNT_WIDE:
            await self._addresses.get(grant, address)
        origin = by_account(grant, origin)
        return await self._opt_out(grant.owner, (address,), phone_number(phone), reason, origin, by_operator=True)

    async def _opt_out(
        self,
        account_id: AccountId,
        addresses: Sequence[str],
        phone: str,
        reason: str,
        origin: Origin,
        *,
        by_operator: bool = False,
    ) -> bool:
        known: list[OptOut] = []

        async def decide() -> Unit | None:
            states = await self._phones.opted_out(account_id, phone)
            unit = Unit()
            known[:] = [states[address] for address in addresses if address in states]
            for address in addresses:
                if address in states:
                    continue
                if address == ACCOUNT_WIDE:
                    await add_account_wide(self._opt_outs, unit, account_id, self._clock.now())
                add_opt_out(unit, self._phones.said(account_id, phone, origin, reason), address, None)
                if by_operator:
                    unit.audit.append(self._phones.audited(Action.OPT_OUT, account_id, phone, address, reason, origin))
            return unit if unit.opt_outs else None

        is_changed = await self._phones.change(account_id, phone, decide)
        await self._phones.tell_again(known)
        return is_changed

    async def opt_in(
        self, grant: Grant, address: str, phone: str, *, reason: str, origin: Origin, forced: bool = False
    ) -> bool:
        """Lift an opt-out; True when there was one. Raises WrongState within 30 days of the person's own STOP unless `forced`,
        NotFound (inbound address), InvalidValue (`phone`, `reason`)."""
        grant.require(Verb.LIFT_OPT_OUTS)
        check_reason(reason)
        if address != ACCOUNT_WIDE:
            await self._addresses.get(grant, address)
        phone = phone_number(phone)
        origin = by_account(grant, origin)

        async def decide() -> Unit | None:
            current = (await self._phones.opted_out(grant.owner, phone)).get(address)
            if current is None:
                return None
            if not forced and self.is_protected(current):
                raise WrongState("phone", "opted out by its owner", f"lift within {PROTECTED.days} days")
            unit = Unit()
            add_opt_in(unit, self._phones.said(grant.owner, phone, origin, reason), address, current)
            lifted = self._phones.audited(Action.OPT_OUT_LIFT, grant.owner, phone, address, reason, origin)
            unit.audit.append(replace(lifted, before={"since": current.since.isoformat(), "way": current.way.value}))
            return unit

        return await self._phones.change(grant.owner, phone, decide)

    def is_protected(self, opt_out: OptOut) -> bool:
        """Whether `opt_in` refuses unless forced: the person said it, lately.

        A text that somebody understood as a STOP is the person's own, too.
        """
        own = opt_out.way in PERSONS_OWN or bool(opt_out.raw_text)
        return own and max(opt_out.since, opt_out.event_at) > self._clock.now() - PROTECTED

    async def why(self, grant: Grant, phone: str, app_id: str, sms_type: SmsType) -> list[Blocked]:
        """Everything that would keep such a text from this phone. Raises InvalidValue (phone)."""
        grant.require(*READING)
        states = await self._phones.opted_out(grant.owner, phone_number(phone))
        rules = {(rule.address, rule.app_id): rule for rule in await self._opt_outs.blocking_rules(grant.owner)}
        found: list[Blocked] = []
        for address in await self._opt_outs.inbound_addresses(grant.owner):
            opt_out, rule = states.get(address.address), rules.get((address.address, app_id))
            if opt_out is not None and covers(address, rule, app_id, sms_type):
                found.append(Blocked(opt_out, None if address.address == ACCOUNT_WIDE else rule))
        return found

    async def refused_by_carrier(
        self, address: str, phone: str, *, country_code: str = "", reason: str, origin: Origin
    ) -> bool:
        """The network refused a text because the person had opted out there: so it is here. True when that is new.

        address: the inbound address that the text was sent from; both as the network writes them, country_code as in `IncomingText`.
        Raises NotFound (inbound address), InvalidValue (phone).
        """
        found = await address_texted(self._opt_outs, IncomingText(address, phone, "", country_code=country_code))
        if found is None:
            raise NotFound("inbound address", address)
        origin = replace(origin, way=Way.CARRIER)
        if not any(map(str.isalpha, reason)):  # a bare code says nothing to a person
            reason = f"{CARRIER_REFUSED}: {reason}" if reason.strip() else CARRIER_REFUSED
        where = (found.address, ACCOUNT_WIDE) if self._revoke_all else (found.address,)
        return await self._opt_out(found.account_id, where, inbound_number(phone, found, country_code), reason, origin)
