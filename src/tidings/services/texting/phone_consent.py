"""A phone's consent: where it is opted out now, and what every change of that leaves behind. Called by `inbound_texts`, `optouts`
and `optout_records`.

Every change is one Unit: the state and its ledger entry. It names the state that it was decided on, and the store raises Conflict when
that is no longer so, whichever process was faster. One process decides on one change of a phone at a time, which spares it conflicts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from tidings.domain.audit import Action, AuditEntry
from tidings.domain.errors import InvalidValue
from tidings.domain.grants import Grant
from tidings.domain.model import NO_ID, AccountId, Event, LedgerEntry, Origin, State, TopicId, Way
from tidings.domain.optout import ACCOUNT_WIDE, AddressKind, InboundAddress, IncomingText, OptOut
from tidings.domain.phone_ports import OptOutStore
from tidings.domain.ports import Clock, Store
from tidings.domain.unit import Unit
from tidings.keyed_locks import KeyedLocks
from tidings.observe.metrics import Metrics
from tidings.services.announcing import announce_again
from tidings.services.conflicts import retry_on_conflict
from tidings.wire import phone_numbers
from tidings.wire.phone_plans import spellings

PERSONS_OWN = (Way.KEYWORD, Way.CARRIER)
"""Ways by which the person said it, not somebody of the account."""
REASON_CHARACTERS_MAX = 500
_NO_TOPIC = TopicId(0)
_PLAUSIBLE_MIN = 6
"""Characters of a number with its `+`: shorter ones are short codes, or a slip."""
_HOME_DIGITS = 6
"""By so many last digits an address is looked for whose country nobody says."""


def phone_number(text: str) -> str:
    """A person's number in the one form in which it is stored and compared. Raises InvalidValue (field `phone`).

    text: with `+` or `00` and the country, in whatever spelling. Whether such a number can exist is not asked.
    """
    number = phone_numbers.international(text)
    if number is None or len(number) < _PLAUSIBLE_MIN:
        raise InvalidValue("phone", "not an E.164 number", text)
    return number


def same_number(text: str) -> str:
    """The form in which a number is stored, or what was given where it is none: then nothing is found by it."""
    return phone_numbers.international(text) or text


def inbound_number(text: str, address: InboundAddress, country_code: str = "") -> str:
    """The number of who texted, as a transport gives it. What no plan knows stays as it came, and is never refused.

    country_code: the transport's own, of numbers that do not say theirs; empty: the country of the address. Raises InvalidValue
    (field `phone`) for what is no number.
    """
    country_code = country_code or phone_numbers.calling_code(address.address, address.country)
    number = phone_numbers.read(text, country_code)
    if number is None:
        raise InvalidValue("phone", "not a phone number", text)
    return number


async def address_meant(opt_outs: OptOutStore, name: str, country_code: str = "") -> InboundAddress | None:
    """The live address, whoever owns it, that a transport or a sender means: a short code, or a number in whatever spelling.

    country_code: of numbers that do not say theirs.
    """
    digits = phone_numbers.plain(name) or ""
    bare = digits.removeprefix("+")
    for form in dict.fromkeys(filter(None, (name.strip(), digits, f"+{bare}" if bare else "", bare))):
        found = await opt_outs.address_owner(form)
        if found is not None:
            return found
    for number in phone_numbers.readings(name, country_code):
        for form in spellings(number):
            found = await opt_outs.address_owner(form)
            if found is not None:
                return found
    return None


async def address_texted(opt_outs: OptOutStore, text: IncomingText) -> InboundAddress | None:
    """The live address that a text came to, also where nobody says of which country its digits are: then the one address that is written
    so at home, or of several that of the country of who texted."""
    found = await address_meant(opt_outs, text.address, text.country_code)
    digits = phone_numbers.plain(text.address) or ""
    if found is not None or len(digits) < _HOME_DIGITS or digits.startswith(("+", "00")):
        return found
    return await _address_at_home(opt_outs, digits, text.phone)


async def _address_at_home(opt_outs: OptOutStore, digits: str, phone: str) -> InboundAddress | None:
    found = [
        address
        for address in await opt_outs.addresses_ending(digits[-_HOME_DIGITS:])
        if any(
            reading in spellings(address.address)
            for reading in phone_numbers.readings(digits, phone_numbers.calling_code(address.address))
        )
    ]
    if len(found) > 1:
        code = phone_numbers.calling_code(phone_numbers.international(phone) or "")
        found = [address for address in found if phone_numbers.calling_code(address.address) == code]
    return found[0] if len(found) == 1 else None


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody said about a phone, as the ledger keeps it. `at`: when we took it in; `event_at`: when it was said.

    `reason`: of somebody of the account; `detail`: what the ledger says besides.
    """

    account_id: AccountId
    phone: str
    origin: Origin
    at: datetime
    event_at: datetime
    sent_at: datetime | None = None
    keyword: str = ""
    transport_id: str = ""
    reason: str = ""

    def entry(self, event: Event, address: str, before: State, after: State, detail: str = "") -> LedgerEntry:
        return LedgerEntry(
            id=NO_ID,
            at=self.at,
            event=event,
            account_id=self.account_id,
            topic_id=_NO_TOPIC,
            topic_name="",
            region="",
            subscription_uid="",
            protocol="sms",
            endpoint=self.phone,
            before=before,
            after=after,
            origin=self.origin,
            detail=detail or self.reason,
            address=address,
            keyword=self.keyword,
            transport_id=self.transport_id,
            sent_at=self.sent_at,
        )


def state_of(opt_out: OptOut | None) -> State:
    return State.CONFIRMED if opt_out is None else State.CANCELED


def add_opt_out(unit: Unit, said: Said, address: str, before: OptOut | None, detail: str = "") -> None:
    """Opt the phone out at an address. Said again, it keeps since when and takes the rest from what was said last."""
    unit.opt_outs.append(
        OptOut(
            said.account_id,
            address,
            said.phone,
            since=said.at if before is None else before.since,
            event_at=said.event_at if before is None else max(said.event_at, before.event_at),
            way=said.origin.way,
            reason=said.reason,
            keyword=said.keyword,
            raw_text=said.origin.raw_text,
            principal=said.origin.principal,
            version=0 if before is None else before.version,
        )
    )
    unit.ledger.append(said.entry(Event.OPTED_OUT, address, state_of(before), State.CANCELED, detail))


def add_opt_in(unit: Unit, said: Said, address: str, before: OptOut | None, detail: str = "") -> None:
    """Lift the phone's opt-out at an address; without one, write down that it was said."""
    if before is None:
        unit.opt_outs_absent.append((said.account_id, address, said.phone))
    else:
        unit.opt_outs_lifted.append(before)
    unit.ledger.append(said.entry(Event.OPTED_IN, address, state_of(before), State.CONFIRMED, detail))


def by_account(grant: Grant, origin: Origin) -> Origin:
    """The origin of a change by somebody of the account, who is named in it."""
    return origin if origin.principal else replace(origin, principal=grant.principal.arn)


def check_reason(reason: str) -> None:
    """Raises InvalidValue (reason)."""
    if not reason.strip():
        raise InvalidValue("reason", "say why: it is kept with the record")
    if len(reason) > REASON_CHARACTERS_MAX:
        raise InvalidValue("reason", f"at most {REASON_CHARACTERS_MAX} characters", reason)


async def add_account_wide(opt_outs: OptOutStore, unit: Unit, account_id: AccountId, now: datetime) -> None:
    """Add the address that stands for all of the account to the unit, unless there is one."""
    found = await opt_outs.inbound_address(account_id, ACCOUNT_WIDE)
    if found is None:
        unit.inbound_addresses_new.append(InboundAddress(NO_ID, account_id, ACCOUNT_WIDE, AddressKind.ACCOUNT, now))
    elif found.deleted_at is not None:
        unit.inbound_addresses_changed.append(replace(found, deleted_at=None))


class PhoneConsent:
    """How a change of consent is decided and written. `store`, `opt_outs`: one object."""

    def __init__(self, store: Store, opt_outs: OptOutStore, clock: Clock, metrics: Metrics) -> None:
        self._store = store
        self._opt_outs = opt_outs
        self._clock = clock
        self._metrics = metrics
        self._locks: KeyedLocks[tuple[AccountId, str]] = KeyedLocks()

    def lock_for(self, account_id: AccountId, phone: str) -> asyncio.Lock:
        """Held while a change of the phone is decided and written."""
        return self._locks.lock_for((account_id, phone))

    async def opted_out(self, account_id: AccountId, phone: str) -> dict[str, OptOut]:
        """Where the phone is opted out, by address."""
        return {found.address: found for found in await self._opt_outs.opt_outs(account_id, phone)}

    def said(self, account_id: AccountId, phone: str, origin: Origin, reason: str) -> Said:
        """What somebody of the account, or the network, says of a phone now."""
        now = self._clock.now()
        return Said(account_id, phone, origin, at=now, event_at=now, reason=reason)

    def audited(
        self, action: Action, account_id: AccountId, phone: str, address: str, why: str, origin: Origin
    ) -> AuditEntry:
        """What somebody of the account did about a phone: the trail has it besides the ledger."""
        where = "the account" if address == ACCOUNT_WIDE else address
        return AuditEntry(account_id, self._clock.now(), action, f"{phone} at {where}", origin, detail=why)

    async def change(self, account_id: AccountId, phone: str, decide: Callable[[], Awaitable[Unit | None]]) -> bool:
        """Decide on a change of the phone and write it, again when somebody was faster. False: there was nothing to change."""
        async with self.lock_for(account_id, phone):
            return await self._decide_and_write(decide)

    @retry_on_conflict
    async def _decide_and_write(self, decide: Callable[[], Awaitable[Unit | None]]) -> bool:
        unit = await decide()
        if unit is None:
            return False
        await self.commit(unit)
        return True

    async def tell_again(self, opt_outs: Collection[OptOut]) -> None:
        """Announce opt-outs that were there already, before somebody is told so."""
        if opt_outs:
            await announce_again(self._store, Unit(opt_outs=list(opt_outs)))

    async def commit(self, unit: Unit) -> None:
        await self._store.commit(unit)
        self._count(unit.ledger)

    def _count(self, entries: Sequence[LedgerEntry]) -> None:
        for entry in entries:
            self._metrics.consent(entry.event, entry.origin.way)
