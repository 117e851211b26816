"""Whose number is it? Called by whoever adds an inbound address or takes a number as a sender; changes nothing.

A number is claimed by an account when it is one of its inbound addresses or the sender of one of its applications. People's STOP goes to
whoever has the inbound address, so no number may be claimed by two. The numbers from which the transports themselves text (a bind's
`source`, a gateway's `from`) are the operator's. Assigning numbers is the operator's, too: by provisioning, or as a user of the first
account; a user of another account may only take up a number that is his account's already.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from tidings.domain.errors import AlreadyExists, Denied, InvalidValue
from tidings.domain.grants import Grant, Verb
from tidings.domain.model import AccountId
from tidings.domain.optout import ACCOUNT_WIDE, InboundAddress, NumberClaim
from tidings.domain.phone_ports import OptOutStore
from tidings.domain.ports import Store
from tidings.domain.unit import Unit

NATIONAL_DIGITS_MIN = 8
"""A shorter number without its country is no number of a subscriber, but a short code."""

_NUMBER = re.compile(r"\+?[0-9][0-9 ().-]{1,30}\Z")


def digits_of(text: str) -> str:
    """The digits of a number, without + or 00; empty for a name, which nobody can answer."""
    text = text.strip()
    if not _NUMBER.match(text):
        return ""
    digits = "".join(filter(str.isdigit, text))
    return digits if text.startswith("+") else digits.removeprefix("00")


def same_number(one: str, other: str) -> bool:
    """Whether two spellings may be one number. Without + or 00 it may be written nationally: then its end decides."""
    mine, theirs = digits_of(one), digits_of(other)
    if not mine or not theirs:
        return False
    return mine == theirs or _is_national_of(one, theirs) or _is_national_of(other, mine)


def _is_national_of(text: str, digits: str) -> bool:
    if text.strip().startswith(("+", "00")):
        return False
    national = digits_of(text).removeprefix("0")
    return NATIONAL_DIGITS_MIN <= len(national) < len(digits) and digits.endswith(national)


def forms_of(text: str) -> tuple[str, ...]:
    """The spellings under which a number is looked up; none for a name."""
    digits = digits_of(text)
    return (f"+{digits}", digits, f"00{digits}") if digits else ()


class Numbers:
    """`store`, `opt_outs`: one object. `transport_senders`: the numbers from which the transports text."""

    def __init__(self, store: Store, opt_outs: OptOutStore, transport_senders: Collection[str] = ()) -> None:
        self._store = store
        self._opt_outs = opt_outs
        self._transport_senders = tuple(transport_senders)

    async def check_text_sender(self, account_id: AccountId, sender: str) -> None:
        """Of one text. Raises InvalidValue (sender) for a number that is another account's. No grant: nothing is told of it.

        What an account sends from already stays possible, also where another one claims it: only an inbound address decides then.
        """
        forms = forms_of(sender)
        if not forms:
            return
        if sender.startswith(("+", "00")) or len(forms[1]) < NATIONAL_DIGITS_MIN:
            claims = await self._opt_outs.claims_of(forms)
        else:
            claims = [claim for claim in await self._opt_outs.number_claims() if same_number(claim.number, sender)]
        heard_by = {claim.account_id for claim in claims if not claim.app_id}
        owners = heard_by or {claim.account_id for claim in claims}
        if (owners and account_id not in owners) or (not owners and not await self._may_assign(account_id, sender)):
            raise InvalidValue("sender", "belongs to somebody else", sender)

    async def check_application_sender(self, grant: Grant, sender: str) -> None:
        """Of an application that is made or changed. Raises InvalidValue (sender)."""
        grant.require(Verb.MANAGE_OPT_OUTS)
        if not digits_of(sender):
            return
        claims = await self._claims(sender)
        if any(claim.account_id != grant.owner for claim in claims):
            raise InvalidValue("sender", "belongs to somebody else", sender)
        if not claims and not await self._is_operator(grant.owner):
            raise InvalidValue("sender", "is no number of this account: the operator assigns numbers", sender)

    async def check_address(self, grant: Grant, address: str, before: InboundAddress | None) -> None:
        """That a number may be added as an inbound address. before: the account's own that was deleted.

        Raises AlreadyExists (inbound address), Denied.
        """
        grant.require(Verb.MANAGE_OPT_OUTS)
        claims = await self._claims(address)
        if any(claim.account_id != grant.owner or not claim.app_id for claim in claims):
            raise AlreadyExists("inbound address", "account")
        if not claims and before is None and not await self._is_operator(grant.owner):
            raise Denied(grant.principal.arn, grant.verb.value, f"inbound-address/{address}")

    async def contested(self) -> list[tuple[NumberClaim, NumberClaim]]:
        """Numbers that two accounts claim, as older releases allowed: pairs, each once."""
        claims = await self._opt_outs.number_claims()
        by_end: dict[str, list[NumberClaim]] = {}
        found = []
        for claim in claims:
            key = digits_of(claim.number)[-NATIONAL_DIGITS_MIN:]
            others = by_end.setdefault(key, [])
            found += [(other, claim) for other in others if _conflict(other, claim)]
            others.append(claim)
        return found

    async def _claims(self, number: str) -> list[NumberClaim]:
        return [claim for claim in await self._opt_outs.number_claims() if same_number(claim.number, number)]

    async def _may_assign(self, account_id: AccountId, number: str) -> bool:
        """Whether the account may text from a number that nobody claims: not from the transports' own unless it is the operator's."""
        if not any(same_number(number, own) for own in self._transport_senders):
            return True
        return await self._is_operator(account_id)

    async def _is_operator(self, account_id: AccountId) -> bool:
        """Whether it is the first account."""
        accounts = await self._store.accounts()
        first = min(accounts, key=lambda account: (account.created_at, account.account_id), default=None)
        return first is None or first.account_id == account_id


def check_provisioned(stored: Iterable[NumberClaim], unit: Unit) -> None:
    """That a unit, which brings many accounts to what a file says, claims no number twice. Raises InvalidValue.

    What was claimed before and stays so is not looked at: a file about something else can still be applied.
    """
    addresses = (*unit.inbound_addresses_new, *unit.inbound_addresses_changed)
    wanted = [NumberClaim(row.account_id, row.address) for row in addresses if row.address != ACCOUNT_WIDE]
    wanted += [NumberClaim(row.account_id, row.sender, row.app_id) for row in unit.sms_applications if row.sender]
    changed = {(row.account_id, row.app_id) for row in unit.sms_applications}
    kept = [claim for claim in stored if not claim.app_id or (claim.account_id, claim.app_id) not in changed]
    before = {*stored}
    for number, claim in enumerate(wanted):
        if claim in before:
            continue
        other = next((other for other in (*kept, *wanted[:number]) if _conflict(other, claim)), None)
        if other is not None:
            raise InvalidValue(
                "sms_application.sender" if claim.app_id else "inbound_address",
                f"{claim.number} belongs to another account ({other.account_id}, {claim_name(other)})",
                claim.number,
            )


def claim_name(claim: NumberClaim) -> str:
    """For people: by what the account claims it."""
    return f"sender of application {claim.app_id}" if claim.app_id else "inbound address"


def _conflict(one: NumberClaim, other: NumberClaim) -> bool:
    return one.account_id != other.account_id and same_number(one.number, other.number)
