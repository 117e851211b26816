"""Incoming texts: STOP, START, HELP and what people write instead. Called by `optouts` for transports; the change, its ledger entry, the
text itself and the answer to it are one Unit, so that a transport may acknowledge the text when `hear` returns.

It never decides what a text means (`domain.keywords`) nor what an opt-out blocks (`domain.optout`).
Source: 47 CFR 64.1200(a)(10), (a)(12); CTIA Messaging Principles and Best Practices, 5.1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from tidings.domain import keywords
from tidings.domain.errors import Conflict, NotFound, Throttled
from tidings.domain.keywords import Meaning
from tidings.domain.limits import CONFLICTS_MAX
from tidings.domain.model import NO_ID, AccountId, Event, Kind, LedgerQuery, Message, Origin, Way
from tidings.domain.optout import (
    ACCOUNT_WIDE,
    TOPICS_APP,
    AddressKind,
    HeardText,
    InboundAddress,
    IncomingText,
    KeywordSet,
    OptOut,
    SmsType,
)
from tidings.domain.phone_ports import OptOutStore
from tidings.domain.ports import Clock, Store
from tidings.domain.unit import TransportIdTaken, Unit
from tidings.services.phones import (
    PERSONS_OWN,
    Phones,
    Said,
    add_account_wide,
    add_opt_in,
    add_opt_out,
    address_texted,
    heard_number,
    state_of,
)

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
"""Dialect of the texts that the house sends in its own name."""

_PAGE_ENTRIES = 500
_LONG_AGO = datetime(1970, 1, 2, tzinfo=UTC)
_EVENTS = {KeywordSet.OPT_OUT: Event.OPTED_OUT, KeywordSet.OPT_IN: Event.OPTED_IN}


@dataclass(frozen=True, slots=True)
class Heard:
    """What an incoming text came to. `owner`: whose address it was. `repeat`: it had been heard before and changed nothing. `late`: an
    older STOP or START than the one that counts; recorded, and nothing changed. `reply`: the text that answers it, or empty."""

    owner: AccountId
    meaning: Meaning
    changed: bool
    repeat: bool = False
    late: bool = False
    reply: str = ""


@dataclass(slots=True)
class _Hearing:
    """One text while it is decided on. `lately`: what the phone said at the address before."""

    address: InboundAddress
    text: IncomingText
    said: Said
    meaning: Meaning
    lately: Sequence[HeardText]
    unit: Unit = field(default_factory=Unit)
    changed: bool = False
    late: bool = False
    reply: str = ""


class Hearing:
    """`revoke_all`: a STOP at one address counts for all of the account."""

    def __init__(
        self,
        store: Store,
        opt_outs: OptOutStore,
        phones: Phones,
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

    async def hear(self, text: IncomingText, origin: Origin) -> Heard:
        """Take a text in. Raises NotFound (inbound address), InvalidValue (phone)."""
        text = _kept(text)
        owner = await address_texted(self._opt_outs, text)
        if owner is None:
            raise NotFound("inbound address", text.address)
        phone = heard_number(text.phone, owner, text.country_code)
        async with self._phones.turn(owner.account_id, phone):
            return await self._hear(owner.address, phone, text, origin)

    async def _hear(self, name: str, phone: str, text: IncomingText, origin: Origin) -> Heard:
        taken = 0
        for attempt in range(CONFLICTS_MAX):
            address = await self._owner(name)
            hearing = await self._begin(address, phone, text, origin, thorough=attempt > 0)
            if await self._is_repeat(hearing, await self._phones.opted_out(address.account_id, phone)):
                return Heard(address.account_id, hearing.meaning, changed=False, repeat=True)
            await self._decide(hearing)
            # Its id is taken and yet it is no repeat: the transport numbers from the start again. A STOP counts all the same.
            self._keep(hearing, transport_id=text.transport_id if taken < 2 else "")
            try:
                await self._phones.commit(hearing.unit)
            except TransportIdTaken:
                taken += 1
                continue
            except Conflict:  # somebody else was faster: an import, or a person of the account
                continue
            return Heard(address.account_id, hearing.meaning, hearing.changed, late=hearing.late, reply=hearing.reply)
        raise Throttled

    async def _owner(self, name: str) -> InboundAddress:
        found = await self._opt_outs.address_owner(name)
        if found is None:
            raise NotFound("inbound address", name)
        return found

    async def _begin(
        self, address: InboundAddress, phone: str, text: IncomingText, origin: Origin, *, thorough: bool
    ) -> _Hearing:
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
        lately = await self._opt_outs.heard(
            address.account_id,
            address.address,
            phone,
            since=_LONG_AGO if thorough else now - REPEAT_LOOKED_BACK,
            newest=None if thorough else LOOKED_AT,
        )
        return _Hearing(address, text, said, meaning, lately)

    # --- repeats and order -------------------------------------------------------------------------------------------------

    async def _is_repeat(self, hearing: _Hearing, opted_out: dict[str, OptOut]) -> bool:
        """Whether this text is one that was heard before, delivered again. In doubt an opt-out is none."""
        text, lately = hearing.text, hearing.lately
        alike = [heard for heard in lately if heard.text == text.text]
        if text.transport_id:
            named = [heard for heard in alike if heard.transport_id == text.transport_id]
            if hearing.meaning.set is KeywordSet.OPT_OUT and hearing.address.address not in opted_out:
                return any(not self._is_another(hearing, heard) for heard in named)
            return bool(named) or (bool(opted_out) and await self._is_old_opt_in(hearing))
        if text.sent_at is not None and any(heard.sent_at == text.sent_at for heard in alike):
            return True
        since = hearing.said.at - REPEAT_WITHIN
        alike = [
            heard
            for heard in alike
            if heard.at > since and (text.sent_at is None or heard.sent_at is None)  # two times: two texts
        ]
        if hearing.meaning.set is not KeywordSet.OPT_OUT:
            return bool(alike)
        # STOP, START, STOP within the time: the last one counts.
        return bool(alike) and alike[-1] is lately[-1] and hearing.address.address in opted_out

    def _is_another(self, hearing: _Hearing, heard: HeardText) -> bool:
        """Whether an opt-out is another one than that with the same id and words: the transport numbers from the start again."""
        if hearing.text.sent_at is not None and heard.sent_at is not None:
            return hearing.text.sent_at != heard.sent_at
        return heard.at <= hearing.said.at - REPEAT_LOOKED_BACK

    async def _is_old_opt_in(self, hearing: _Hearing) -> bool:
        """Whether the ledger has this opt-in by its id: texts are forgotten some day, and then somebody could send one again that he
        had overheard."""
        if hearing.meaning.set is not KeywordSet.OPT_IN:
            return False
        said, address = hearing.said, hearing.address.address
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
        if current is not None:
            return wanted is KeywordSet.OPT_IN and said.event_at < current.event_at
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

    async def _decide(self, hearing: _Hearing) -> None:
        """Fill the unit with what the text changes, and with its answer."""
        said, name = hearing.said, hearing.address.address
        states = await self._phones.opted_out(said.account_id, said.phone)
        current, wanted = states.get(name), hearing.meaning.set
        if wanted is None or wanted is KeywordSet.HELP:
            if hearing.meaning.review:
                state = state_of(current)
                hearing.unit.ledger.append(
                    said.entry(Event.REVIEW, name, state, state, keywords.about(hearing.meaning.rule))
                )
        elif await self._is_late(said, name, current, wanted):
            state, detail = state_of(current), f"{said.reason}; older than what counts: {said.event_at.isoformat()}"
            hearing.late = True
            hearing.unit.ledger.append(said.entry(_EVENTS[wanted], name, state, state, detail))
        elif wanted is KeywordSet.OPT_OUT:
            await self._opt_out(hearing, states)
            return
        else:
            await self._opt_in(hearing, states)
            return
        if wanted is KeywordSet.HELP:
            self._answer(hearing)

    async def _opt_out(self, hearing: _Hearing, states: dict[str, OptOut]) -> None:
        said, name = hearing.said, hearing.address.address
        hearing.changed = name not in states
        if hearing.changed or not await self._answered_lately(said, name):
            self._answer(hearing)
        add_opt_out(hearing.unit, said, name, states.get(name), _told(hearing))
        if not self._revoke_all:
            return
        wide = states.get(ACCOUNT_WIDE)
        if wide is not None:
            # So that a START which was said in between, and comes late at another address, does not lift it.
            add_opt_out(hearing.unit, said, ACCOUNT_WIDE, wide)
        elif not await self._is_late(said, ACCOUNT_WIDE, None, KeywordSet.OPT_OUT):
            hearing.changed = True
            await add_account_wide(self._opt_outs, hearing.unit, said.account_id, said.at)
            add_opt_out(hearing.unit, said, ACCOUNT_WIDE, None)

    async def _opt_in(self, hearing: _Hearing, states: dict[str, OptOut]) -> None:
        said, name = hearing.said, hearing.address.address
        wide = states.get(ACCOUNT_WIDE)
        if wide is None:
            hearing.unit.opt_outs_absent.append((said.account_id, ACCOUNT_WIDE, said.phone))
        if wide is not None and not (self._revoke_all or wide.way in PERSONS_OWN):
            wide = None  # somebody of the account blocked all of it: that is not this person's to lift
        if wide is not None and await self._is_late(said, ACCOUNT_WIDE, wide, KeywordSet.OPT_IN):
            wide = None
        hearing.changed = name in states or wide is not None
        if hearing.changed:
            self._answer(hearing)
        add_opt_in(hearing.unit, said, name, states.get(name), _told(hearing))
        if wide is not None:
            add_opt_in(hearing.unit, said, ACCOUNT_WIDE, wide)

    # --- answering -------------------------------------------------------------------------------------------------------------

    def _answer(self, hearing: _Hearing) -> None:
        """Put the answer into the unit: it leaves with the change or not at all, round what opt-outs block."""
        wanted, address, said = hearing.meaning.set, hearing.address, hearing.said
        assert wanted is not None
        reply = address.replies.get(wanted, "")
        carrier_confirms = address.kind is AddressKind.TOLL_FREE and wanted is not KeywordSet.HELP
        since = said.at - ANSWER_AGAIN_AFTER
        lately = sum(1 for heard in hearing.lately if heard.matched and heard.at > since)
        if not reply or carrier_confirms or hearing.text.carrier_answered or lately >= TEXTS_ANSWERED_MAX:
            return
        hearing.reply = reply
        hearing.unit.messages.append(
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

    async def _answered_lately(self, said: Said, address: str) -> bool:
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

    def _keep(self, hearing: _Hearing, *, transport_id: str) -> None:
        text, said, matched = hearing.text, hearing.said, hearing.meaning.set
        heard = HeardText(
            NO_ID,
            said.account_id,
            hearing.address.address,
            said.phone,
            text.text,
            said.at,
            text.sent_at,
            transport_id,
            "" if matched is None else matched.value,
        )
        hearing.unit.texts_heard.append(heard)


def _told(hearing: _Hearing) -> str:
    """The detail of what a text changed: why, and whether it was answered."""
    return f"{hearing.said.reason}; {ANSWERED}" if hearing.reply else hearing.said.reason


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
