"""Inbound addresses of an account with their keywords and answers. Called by front ends.

Changing one never touches who is opted out: a deleted address hides its opt-outs, and they are there again when it comes back.
Source: Tencent Cloud SMS console guide (inbound addresses, keywords); CTIA Short Code Monitoring Handbook.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from tidings.domain import keywords as matching
from tidings.domain.errors import (
    InvalidValue,
    NotFound,
    QuotaExceeded,
    WrongState,
)
from tidings.domain.grants import Grant, Verb
from tidings.domain.keywords import Meaning
from tidings.domain.model import NO_ID, Event, LedgerEntry, Origin, TopicId
from tidings.domain.optout import (
    ACCOUNT_WIDE,
    EVERY_TYPE,
    AddressKind,
    BlockingRule,
    InboundAddress,
    KeywordSet,
)
from tidings.domain.phone_ports import OptOutStore, TextStore
from tidings.domain.ports import Clock
from tidings.domain.unit import Counted, Guard, RoomFor, Unit
from tidings.services import endpoints
from tidings.services.conflicts import retry_on_conflict
from tidings.services.quotas import Quotas
from tidings.services.texting.numbers import Numbers, forms_of
from tidings.services.texting.phone_consent import PhoneConsent
from tidings.services.texting.sms_applications import READING, SmsApplications

REPLY_CHARACTERS_MAX = 1600
"""As long as a text may be. Source: SNS API reference, Publish (PhoneNumber)."""
DESCRIPTION_CHARACTERS_MAX = 500
KEPT_OPEN = timedelta(days=60)
"""How long after a text the way to answer it with STOP stays open. Source: Canada's Anti-Spam Legislation, section 11(2)."""

DEFAULT_REPLIES: Mapping[KeywordSet, str] = {
    KeywordSet.OPT_OUT: "You are unsubscribed and will receive no more messages from this number. Reply START to come back.",
    KeywordSet.OPT_IN: "You are subscribed again. Reply STOP to unsubscribe, HELP for help.",
    KeywordSet.HELP: "Reply STOP to unsubscribe from messages of this number. Message and data rates may apply.",
}
"""What carriers want said, and nothing of advertising: the account should put its own name in."""

_SHORT_CODE = re.compile(r"[0-9]{3,8}\Z")
_COUNTRY = re.compile(r"[A-Z]{2}\Z")
_TOLL_FREE = re.compile(r"\+18(?:00|33|44|55|66|77|88)")
"""Source: FCC, "What Is a Toll-Free Number and How Does it Work?"."""


class InboundAddresses:
    """`opt_outs`, `texts`: one object. A change is written by `phones`, which counts what the ledger says of it."""

    def __init__(
        self,
        opt_outs: OptOutStore,
        texts: TextStore,
        clock: Clock,
        phones: PhoneConsent,
        numbers: Numbers,
        applications: SmsApplications,
        *,
        quotas: Quotas | None = None,
    ) -> None:
        self._opt_outs = opt_outs
        self._texts = texts
        self._clock = clock
        self._phones = phones
        self._numbers = numbers
        self._applications = applications
        self._quotas = quotas or Quotas()

    async def all(self, grant: Grant) -> list[InboundAddress]:
        grant.require(*READING)
        found = await self._opt_outs.inbound_addresses(grant.owner)
        return [address for address in found if address.address != ACCOUNT_WIDE]

    async def get(self, grant: Grant, address: str) -> InboundAddress:
        """Raises NotFound (inbound address)."""
        grant.require(*READING)
        found = await self._opt_outs.inbound_address(grant.owner, address)
        if found is None or found.deleted_at is not None or address == ACCOUNT_WIDE:
            raise NotFound("inbound address", address)
        return found

    async def last_inbound_at(self, grant: Grant, address: str) -> datetime | None:
        """When somebody last texted there, as far back as texts are kept."""
        grant.require(*READING)
        return await self._opt_outs.last_inbound_at(grant.owner, address)

    @retry_on_conflict
    async def add(
        self,
        grant: Grant,
        address: str,
        *,
        kind: AddressKind,
        country: str = "",
        description: str = "",
        app_ids: Sequence[str] = (),
        origin: Origin,
    ) -> InboundAddress:
        """With the default keywords and answers, and for each application a rule of all three types.

        One that was deleted comes back with its states, keywords, answers and rules. Raises AlreadyExists (also when the number is another
        account's: an address, or what its applications text from), Denied (the operator assigns numbers: `numbers`), InvalidValue,
        NotFound (application), QuotaExceeded.
        """
        grant.require(Verb.MANAGE_OPT_OUTS)
        address = _checked_address(address, kind, country)
        _check_description(description)
        for app_id in app_ids:
            await self._applications.require(grant, app_id)
        wanted = InboundAddress(
            NO_ID,
            grant.owner,
            address,
            kind,
            self._clock.now(),
            country,
            description,
            {name: tuple(words) for name, words in matching.DEFAULTS.items()},
            dict(DEFAULT_REPLIES),
        )
        unit = await self._addition(grant, wanted, origin)
        unit.act = grant.act(self._clock.now())
        unit.blocking_rules += [BlockingRule(grant.owner, address, app_id, EVERY_TYPE) for app_id in app_ids]
        await self._phones.commit(unit)
        return await self.get(grant, address)

    async def _addition(self, grant: Grant, wanted: InboundAddress, origin: Origin) -> Unit:
        owner, address = wanted.account_id, wanted.address
        before = await self._opt_outs.inbound_address(owner, address)
        await self._numbers.check_address(grant, address, before)
        live = await self._opt_outs.inbound_addresses(owner)
        most = self._quotas.inbound_addresses_per_account
        if len(live) >= most:
            raise QuotaExceeded("inbound addresses", most)
        claimed = [(owner, forms_of(address))]
        room: list[Guard] = [RoomFor(Counted.INBOUND_ADDRESSES, owner, most)]
        if before is None:
            return Unit(inbound_addresses_new=[wanted], numbers_claimed=claimed, guards=room)
        back = replace(
            before,
            kind=wanted.kind,
            country=wanted.country,
            description=wanted.description or before.description,
            deleted_at=None,
        )
        entry = self._entry(back, Event.RESTORED, origin)
        return Unit(inbound_addresses_changed=[back], numbers_claimed=claimed, ledger=[entry], guards=room)

    async def describe(self, grant: Grant, address: str, description: str) -> None:
        """Raises NotFound, InvalidValue."""
        grant.require(Verb.MANAGE_OPT_OUTS)
        _check_description(description)
        await self._change(grant, address, lambda before: replace(before, description=description))

    async def delete(self, grant: Grant, address: str, *, origin: Origin, even_if_recent: bool = False) -> None:
        """Block nothing by it any more, and receive nothing. What it has is kept for its coming back.

        Raises NotFound, and WrongState within 60 days of the last text from it unless `even_if_recent`: people may still answer that.
        """
        grant.require(Verb.MANAGE_OPT_OUTS)
        now = self._clock.now()
        if not even_if_recent:
            await self._check_unused(await self.get(grant, address), now)
        await self._change(grant, address, lambda before: replace(before, deleted_at=now), (Event.DELETED, origin))

    async def _check_unused(self, address: InboundAddress, now: datetime) -> None:
        day = await self._texts.last_text_from(address.account_id, address.address)
        # The store knows the day only: the text may have gone out at its end.
        if day is not None and now < day + timedelta(days=1) + KEPT_OPEN:
            state = f"the sender of a text of {day:%Y-%m-%d}, which may be answered for {KEPT_OPEN.days} days"
            raise WrongState("inbound address", state, "delete it without confirmation")

    async def set_keywords(
        self,
        grant: Grant,
        address: str,
        keywords: Mapping[KeywordSet, Sequence[str]],
        replies: Mapping[KeywordSet, str],
    ) -> InboundAddress:
        """Replace the sets and answers that are named, whole; an empty answer means none. Of keywords that are one after normalizing the
        first is kept. What was received before stays as it was.

        Raises NotFound, InvalidValue (`keywords`, `replies`).
        """
        grant.require(Verb.MANAGE_OPT_OUTS)
        for text in replies.values():
            _check_printable("replies", text, REPLY_CHARACTERS_MAX)

        def alter(before: InboundAddress) -> InboundAddress:
            sets = {**before.keywords, **{name: matching.distinct(words) for name, words in keywords.items()}}
            matching.check(sets)
            texts = {name: text for name, text in {**before.replies, **replies}.items() if text}
            return replace(before, keywords=sets, replies=texts)

        return await self._change(grant, address, alter)

    @retry_on_conflict
    async def _change(
        self,
        grant: Grant,
        address: str,
        alter: Callable[[InboundAddress], InboundAddress],
        told: tuple[Event, Origin] | None = None,
    ) -> InboundAddress:
        before = await self.get(grant, address)
        altered = alter(before)
        unit = Unit(act=grant.act(self._clock.now()), inbound_addresses_changed=[altered])
        if told is not None:
            unit.ledger.append(self._entry(altered, *told))
        await self._phones.commit(unit)
        return replace(altered, version=before.version + 1)

    def _entry(self, address: InboundAddress, event: Event, origin: Origin) -> LedgerEntry:
        """That an address went or came back: from then on it blocks nobody, or again whom it had blocked."""
        return LedgerEntry(
            NO_ID,
            self._clock.now(),
            event,
            address.account_id,
            TopicId(0),
            "",
            "",
            "",
            "sms",
            "",
            None,
            None,
            origin,
            "inbound address",
            address.address,
        )

    async def match(self, grant: Grant, address: str, text: str) -> Meaning:
        """A dry run; changes nothing. Raises NotFound."""
        return matching.meaning(text, (await self.get(grant, address)).keywords)


def kind_of(address: str) -> AddressKind:
    """What a number looks like, where nobody says what it is."""
    if not address.startswith("+"):
        return AddressKind.SHORT_CODE
    return AddressKind.TOLL_FREE if _TOLL_FREE.match(address) else AddressKind.LONG_CODE


def _checked_address(address: str, kind: AddressKind, country: str) -> str:
    """The address as it is stored. Raises InvalidValue (`address`, `country`, `kind`)."""
    if country and not _COUNTRY.match(country):
        raise InvalidValue("country", "two capital letters (ISO 3166)", country)
    if kind is AddressKind.ACCOUNT:
        raise InvalidValue("kind", "not a kind of number", kind.value)
    if kind is AddressKind.SHORT_CODE:
        if not _SHORT_CODE.match(address):
            raise InvalidValue("address", "a short code has 3 to 8 digits", address)
        if not country:
            raise InvalidValue("country", "a short code belongs to a country")
        return address
    try:
        return endpoints.phone_number(address)
    except InvalidValue as error:
        raise InvalidValue("address", error.reason, address) from error


def _check_description(text: str) -> None:
    _check_printable("description", text, DESCRIPTION_CHARACTERS_MAX)


def _check_printable(field: str, text: str, characters_max: int) -> None:
    if len(text) > characters_max:
        raise InvalidValue(field, f"at most {characters_max} characters", text)
    if any((ord(c) < 32 and c not in "\n\t") or 0xD800 <= ord(c) <= 0xDFFF for c in text):
        raise InvalidValue(field, "no control characters", text)
