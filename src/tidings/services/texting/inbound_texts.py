"""Incoming texts: STOP, START, HELP and what people write instead. Called by transports and front ends; the change, its ledger entry,
the text itself and the answer to it are one Unit, so that a transport may acknowledge the text when `receive` returns.

It never decides what a text means (`domain.keywords`) nor what an opt-out blocks (`domain.optout`).
Source: 47 CFR 64.1200(a)(10), (a)(12); CTIA Messaging Principles and Best Practices, 5.1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from tidings.domain import keywords
from tidings.domain.errors import Conflict, NotFound, Throttled
from tidings.domain.grants import Grant
from tidings.domain.keywords import Meaning
from tidings.domain.model import NO_ID, AccountId, Event, Kind, LedgerQuery, Message, Origin, Way
from tidings.domain.optout import (
    ACCOUNT_WIDE,
    TOPICS_APP,
    AddressKind,
    InboundAddress,
    InboundText,
    IncomingText,
    KeywordSet,
    OptOut,
    SmsType,
)
from tidings.domain.phone_ports import OptOutStore
from tidings.domain.ports import Clock, Store
from tidings.domain.unit import InboundTextsSeen, TransportIdTaken, Unit
from tidings.services.conflicts import TRIES
from tidings.services.texting.phone_consent import (
    PERSONS_OWN,
    PhoneConsent,
    Said,
    add_account_wide,
    add_opt_in,
    add_opt_out,
    address_texted,
    inbound_number,
    phone_number,
    state_of,
)
from tidings.services.texting.sms_applications import READING

REPLY_LIFE = timedelta(minutes=5)
"""A confirmation within five minutes counts as covered by the person's consent. Source: 47 CFR 64.1200(a)(12)."""
ANSWER_AGAIN_AFTER = timedelta(minutes=10)
"""A STOP that changes nothing is answered once in this time: two robots that answer each other stop."""
TEXTS_ANSWERED_MAX = 10
"""Keywords of one phone answered within ANSWER_AGAIN_AFTER, whichever they are: for robots that take turns with START and HELP."""
REPEAT_WITHIN = timedelta(seconds=30)
"""The same text again, without the transport's id: a redelivery, not a person."""
REPEAT_LOOKED_BACK = timedelta(days=1)
LOOKED_AT = 500
"""Of the texts of one phone in that time: a machine that texts every second must not hold everybody else up."""
CLOCKS_DIFFER = timedelta(days=1)
"""An SMSC's clock may be wrong by a time zone or two: this far back an earlier event is looked for."""
TEXT_CHARACTERS_MAX = 10_000
"""Of a text that is kept: some sixty parts. The ledger is never cleared."""
TRANSPORT_ID_CHARACTERS_MAX = 200
ANSWERED = "answered"
"""At the end of a ledger entry's detail: the text was answered."""
CARRIERS_OWN = "the carrier took it for an opt-out"
"""Reason where no keyword of ours says so."""
OWN_TEXTS = "native"
"""Dialect of the texts that the server sends in its own name."""

_PAGE_ENTRIES = 500
_LONG_AGO = datetime(1970, 1, 2, tzinfo=UTC)
_EVENTS = {KeywordSet.OPT_OUT: Event.OPTED_OUT, KeywordSet.OPT_IN: Event.OPTED_IN}


@dataclass(frozen=True, slots=True)
class InboundResult:
    """What an incoming text came to. `owner`: whose address it was. `repeat`: it had been received before and changed nothing. `late`: an
    older STOP or START than the one that counts; recorded, and nothing changed. `reply`: the text that answers it, or empty."""

    owner: AccountId
    meaning: Meaning
    changed: bool
    repeat: bool = False
    late: bool = False
    reply: str = ""


@dataclass(slots=True)
class _IncomingText:
    """One text while it is decided on. `lately`: what the phone said at the address before."""

    address: InboundAddress
    text: IncomingText
    said: Said
    meaning: Meaning
    lately: Sequence[InboundText]
    unit: Unit = field(default_factory=Unit)
    changed: bool = False
    late: bool = False
    reply: str = ""


class InboundTexts:
    """`revoke_all`: a STOP at one address counts for all of the account."""

    def __init__(
        self,
        store: Store,
        opt_outs: OptOutStore,
        phones: PhoneConsent,
        clock: Clock,
        *,
        new_message_id: Callable[[], str],
        revoke_all: bool,
    ) -> None:
        self._store = store
        self._opt_outs = opt_outs
        self._phones = phones
        self._clock = clock
        self._new_message_id = new_message_id
        self._revoke_all = revoke_all

    async def receive(self, text: IncomingText, origin: Origin) -> InboundResult:
        """Take a text in. When this returns, the change is durable and nothing that it covers is started any more. No grant: the
        transport is trusted.

        Safe to repeat. Raises NotFound (inbound address), InvalidValue (phone).
        """
        text = _kept(text)
        owner = await address_texted(self._opt_outs, text)
        if owner is None:
            raise NotFound("inbound address", text.address)
        phone = inbound_number(text.phone, owner, text.country_code)
        async with self._phones.lock_for(owner.account_id, phone):
            return await self._receive(owner.address, phone, text, origin)

    async def _receive(self, name: str, phone: str, text: IncomingText, origin: Origin) -> InboundResult:
        id_is_taken = False  # by a text that was not among those which are looked at first
        for _ in range(TRIES):
            address = await self._owner(name)
            incoming = await self._begin(address, phone, text, origin, looks_at_all=id_is_taken)
            opted_out = await self._phones.opted_out(address.account_id, phone)
            if await self._is_repeat(incoming, opted_out):
                await self._phones.tell_again(opted_out.values())
                return InboundResult(address.account_id, incoming.meaning, changed=False, repeat=True)
            await self._decide(incoming)
            # Its id is taken and yet it is no repeat: the transport numbers from the start again. A STOP counts all the same.
            self._keep(incoming, transport_id="" if id_is_taken else text.transport_id)
            try:
                await self._phones.commit(incoming.unit)
            except TransportIdTaken:
                id_is_taken = True
                continue
            except Conflict:  # somebody else was faster: an import, or a person of the account
                continue
            return InboundResult(
                address.account_id, incoming.meaning, incoming.changed, late=incoming.late, reply=incoming.reply
            )
        raise Throttled

    async def _owner(self, name: str) -> InboundAddress:
        found = await self._opt_outs.address_owner(name)
        if found is None:
            raise NotFound("inbound address", name)
        return found

    async def _begin(
        self, address: InboundAddress, phone: str, text: IncomingText, origin: Origin, *, looks_at_all: bool
    ) -> _IncomingText:
        now = self._clock.now()
        chosen, meaning = keywords.meaning_of_readings((text.text, *text.other_readings), address.keywords)
        text = replace(text, text=chosen)
        reason = f"replied {meaning.keyword} to {address.address}" if meaning.set in _EVENTS else ""
        if text.carrier_opted_out and meaning.set is not KeywordSet.OPT_OUT:
            meaning, reason = replace(meaning, set=KeywordSet.OPT_OUT, keyword="", review=False, rule=""), CARRIERS_OWN
        by_carrier = text.carrier_answered or text.carrier_opted_out or address.kind is AddressKind.TOLL_FREE
        way = Way.CARRIER if by_carrier and meaning.set in _EVENTS else Way.KEYWORD
        said = Said(
            address.account_id,
            phone,
            replace(origin, way=way, raw_text=text.text),
            at=now,
            event_at=now
            if text.sent_at is None
            else min(text.sent_at, now),  # no clock of an SMSC reaches into the future
            sent_at=text.sent_at,
            keyword=meaning.keyword,
            transport_id=text.transport_id,
            reason=reason,
        )
        since = _LONG_AGO if looks_at_all else now - REPEAT_LOOKED_BACK
        lately = await self._opt_outs.inbound_texts_of(
            address.account_id, address.address, phone, since=since, newest=None if looks_at_all else LOOKED_AT
        )
        newest = lately[-1].id if lately else 0
        seen = InboundTextsSeen(address.account_id, address.address, phone, since, newest)
        return _IncomingText(address, text, said, meaning, lately, Unit(guards=[seen]))

    # --- repeats and order -------------------------------------------------------------------------------------------------

    async def _is_repeat(self, incoming: _IncomingText, opted_out: dict[str, OptOut]) -> bool:
        """Whether this text is one that was received before, delivered again. In doubt an opt-out is none."""
        transport_id = incoming.text.transport_id
        is_opted_out = incoming.address.address in opted_out
        alike = [received for received in incoming.lately if received.text == incoming.text.text]
        if not transport_id:
            return _is_repeat_by_time(incoming, alike, is_opted_out=is_opted_out)
        named = [received for received in alike if received.transport_id == transport_id]
        if incoming.meaning.set is KeywordSet.OPT_OUT and not is_opted_out:
            # To take a new STOP for a repeat would lose it: only where nothing says that it is another one.
            return any(not _is_another(incoming, received) for received in named)
        # Where nothing is opted out, an opt-in has nothing to lift, and the ledger need not be asked.
        return bool(named) or (bool(opted_out) and await self._is_old_opt_in(incoming))

    async def _is_old_opt_in(self, incoming: _IncomingText) -> bool:
        """Whether the ledger has this opt-in by its id: texts are forgotten some day, and then somebody could send one again that he
        had overheard."""
        if incoming.meaning.set is not KeywordSet.OPT_IN:
            return False
        said, address = incoming.said, incoming.address.address
        query = LedgerQuery(
            said.account_id, endpoint=said.phone, address=address, events=(Event.OPTED_IN,), limit=_PAGE_ENTRIES
        )
        while entries := await self._store.ledger(query):
            if any(entry.transport_id == said.transport_id for entry in entries):
                return True
            query = replace(query, after=entries[-1].id)
        return False

    async def _is_late(self, said: Said, address: str, current: OptOut | None, wanted: KeywordSet) -> bool:
        """Whether a newer STOP or START counts at the address. Without the SMSC's time, texts count in the order of arrival.

        What somebody of the account lifted does not make a person's STOP late.
        """
        if said.sent_at is None:
            return False
        if current is not None:  # opted out: a START from before that is late, and one more STOP never is
            return wanted is KeywordSet.OPT_IN and said.event_at < current.event_at
        # Not opted out: is there a STOP or START of the person's own that was said later? The ledger is searched by when entries were
        # written, which may be earlier than an SMSC's clock says.
        query = LedgerQuery(
            said.account_id,
            endpoint=said.phone,
            address=address,
            events=tuple(_EVENTS.values()),
            ways=PERSONS_OWN,
            since=said.event_at - CLOCKS_DIFFER,
            limit=_PAGE_ENTRIES,
        )
        while entries := await self._store.ledger(query):
            if any(entry.sent_at is not None and said.event_at < min(entry.sent_at, entry.at) for entry in entries):
                return True
            query = replace(query, after=entries[-1].id)
        return False

    # --- deciding ------------------------------------------------------------------------------------------------------------

    async def _decide(self, incoming: _IncomingText) -> None:
        """Fill the unit with what the text changes, and with its answer."""
        said, name = incoming.said, incoming.address.address
        states = await self._phones.opted_out(said.account_id, said.phone)
        current, wanted = states.get(name), incoming.meaning.set
        if wanted is None or wanted is KeywordSet.HELP:
            if incoming.meaning.review:
                state = state_of(current)
                incoming.unit.ledger.append(
                    said.entry(Event.REVIEW, name, state, state, keywords.about(incoming.meaning.rule))
                )
        elif await self._is_late(said, name, current, wanted):
            state, detail = state_of(current), f"{said.reason}; older than what counts: {said.event_at.isoformat()}"
            incoming.late = True
            incoming.unit.ledger.append(said.entry(_EVENTS[wanted], name, state, state, detail))
        elif wanted is KeywordSet.OPT_OUT:
            await self._opt_out(incoming, states)
            return
        else:
            await self._opt_in(incoming, states)
            return
        if wanted is KeywordSet.HELP:
            self._answer(incoming)

    async def _opt_out(self, incoming: _IncomingText, states: dict[str, OptOut]) -> None:
        said, name = incoming.said, incoming.address.address
        incoming.changed = name not in states
        if incoming.changed or not await self._answered_recently(said, name):
            self._answer(incoming)
        add_opt_out(incoming.unit, said, name, states.get(name), _told(incoming))
        if not self._revoke_all:
            return
        wide = states.get(ACCOUNT_WIDE)
        if wide is not None:
            # So that a START which was said in between, and comes late at another address, does not lift it.
            add_opt_out(incoming.unit, said, ACCOUNT_WIDE, wide)
        elif not await self._is_late(said, ACCOUNT_WIDE, None, KeywordSet.OPT_OUT):
            incoming.changed = True
            await add_account_wide(self._opt_outs, incoming.unit, said.account_id, said.at)
            add_opt_out(incoming.unit, said, ACCOUNT_WIDE, None)

    async def _opt_in(self, incoming: _IncomingText, states: dict[str, OptOut]) -> None:
        said, name = incoming.said, incoming.address.address
        wide = states.get(ACCOUNT_WIDE)
        if wide is None:
            incoming.unit.opt_outs_absent.append((said.account_id, ACCOUNT_WIDE, said.phone))
        if wide is not None and not (self._revoke_all or wide.way in PERSONS_OWN):
            wide = None  # somebody of the account blocked all of it: that is not this person's to lift
        if wide is not None and await self._is_late(said, ACCOUNT_WIDE, wide, KeywordSet.OPT_IN):
            wide = None
        incoming.changed = name in states or wide is not None
        if incoming.changed:
            self._answer(incoming)
        add_opt_in(incoming.unit, said, name, states.get(name), _told(incoming))
        if wide is not None:
            add_opt_in(incoming.unit, said, ACCOUNT_WIDE, wide)

    # --- answering -------------------------------------------------------------------------------------------------------------

    def _answer(self, incoming: _IncomingText) -> None:
        """Put the answer into the unit: it leaves with the change or not at all, round what opt-outs block."""
        wanted, address, said = incoming.meaning.set, incoming.address, incoming.said
        assert wanted is not None
        reply = address.replies.get(wanted, "")
        carrier_confirms = address.kind is AddressKind.TOLL_FREE and wanted is not KeywordSet.HELP
        since = said.at - ANSWER_AGAIN_AFTER
        lately = sum(1 for received in incoming.lately if received.matched and received.at > since)
        if not reply or carrier_confirms or incoming.text.carrier_answered or lately >= TEXTS_ANSWERED_MAX:
            return
        incoming.reply = reply
        incoming.unit.messages.append(
            Message(
                id=self._new_message_id(),
                kind=Kind.DIRECT,
                account_id=said.account_id,
                dialect=OWN_TEXTS,
                accepted_at=said.at,
                body=reply,
                endpoint=said.phone,
                expires_at=said.at + REPLY_LIFE,
                sms_app=TOPICS_APP,
                sms_type=int(SmsType.NOTIFICATION),
                answers=wanted.value,
                sender=address.address,
            )
        )

    async def _answered_recently(self, said: Said, address: str) -> bool:
        query = LedgerQuery(
            said.account_id,
            endpoint=said.phone,
            address=address,
            events=(Event.OPTED_OUT,),
            since=said.at - ANSWER_AGAIN_AFTER,
            ways=PERSONS_OWN,
            limit=_PAGE_ENTRIES,
        )
        # Older releases wrote nothing but that it was answered.
        found = await self._store.ledger(query)
        return any(entry.detail == ANSWERED or entry.detail.endswith(f"; {ANSWERED}") for entry in found)

    def _keep(self, incoming: _IncomingText, *, transport_id: str) -> None:
        text, said, matched = incoming.text, incoming.said, incoming.meaning.set
        received = InboundText(
            NO_ID,
            said.account_id,
            incoming.address.address,
            said.phone,
            text.text,
            said.at,
            text.sent_at,
            transport_id,
            "" if matched is None else matched.value,
        )
        incoming.unit.inbound_texts.append(received)

    # --- what was received ---------------------------------------------------------------------------------------------------

    async def address_texted(self, grant: Grant, text: IncomingText) -> InboundAddress:
        """The account's inbound address that `receive` would take, however it is written. Raises NotFound (inbound address)."""
        grant.require(*READING)
        found = await address_texted(self._opt_outs, text)
        if found is None or found.account_id != grant.owner:
            raise NotFound("inbound address", text.address)
        return found

    async def page(
        self, grant: Grant, *, before: int | None = None, limit: int = 100, unmatched: bool = False
    ) -> list[InboundText]:
        """What people texted to the account, newest first, starting before that id. unmatched: only what no keyword matched."""
        grant.require(*READING)
        return await self._opt_outs.last_inbound_texts(grant.owner, before=before, limit=limit, unmatched=unmatched)

    async def sent_from(self, grant: Grant, phone: str, *, since: datetime) -> list[InboundText]:
        """What one phone texted to any inbound address of the account since then, newest first. Raises InvalidValue (phone)."""
        grant.require(*READING)
        phone = phone_number(phone)
        found: list[InboundText] = []
        for address in await self._opt_outs.inbound_addresses(grant.owner):
            found += await self._opt_outs.inbound_texts_of(grant.owner, address.address, phone, since=since)
        return sorted(found, key=lambda text: text.id, reverse=True)


def _is_repeat_by_time(incoming: _IncomingText, alike: Sequence[InboundText], *, is_opted_out: bool) -> bool:
    """Of a text without a transport's id. `alike`: what the phone said lately in the same words."""
    sent_at = incoming.text.sent_at
    if sent_at is not None and any(received.sent_at == sent_at for received in alike):
        return True
    since = incoming.said.at - REPEAT_WITHIN
    # Two times of sending that differ are two texts. Where one is not known, the times of arrival tell.
    close = [received for received in alike if received.at > since and (sent_at is None or received.sent_at is None)]
    if not close:
        return False
    if incoming.meaning.set is not KeywordSet.OPT_OUT:
        return True
    # STOP, START, STOP within the time: the last one counts. So a STOP repeats only the text right before it, while that one counts.
    return close[-1] is incoming.lately[-1] and is_opted_out


def _is_another(incoming: _IncomingText, received: InboundText) -> bool:
    """Whether an opt-out is another one than that with the same id and words: the transport numbers from the start again."""
    if incoming.text.sent_at is not None and received.sent_at is not None:
        return incoming.text.sent_at != received.sent_at
    return received.at <= incoming.said.at - REPEAT_LOOKED_BACK


def _told(incoming: _IncomingText) -> str:
    """The detail of what a text changed: why, and whether it was answered."""
    return f"{incoming.said.reason}; {ANSWERED}" if incoming.reply else incoming.said.reason


def _kept(text: IncomingText) -> IncomingText:
    """The text as it can be kept: bounded, and without halves of characters."""

    def whole(value: str, characters_max: int) -> str:
        return value[:characters_max].encode("utf-8", "replace").decode()

    return replace(
        text,
        text=whole(text.text, TEXT_CHARACTERS_MAX),
        other_readings=tuple(whole(reading, TEXT_CHARACTERS_MAX) for reading in text.other_readings),
        transport_id=whole(text.transport_id, TRANSPORT_ID_CHARACTERS_MAX),
    )
