"""Opt-outs by text: incoming texts, inbound addresses with their keywords and rules, and the people who are opted out. The heart for
phones. Called by dialects, transports, the console and the command line; every change is one Unit with its ledger entry.

Incoming texts are decided by `inbound_texts`, addresses are kept by `inbound_addresses`, and `phone_consent` is what both share.
Source: Tencent Cloud SMS console guide (unsubscribed users, records); 47 CFR 64.1200(a)(10).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from tidings.domain.audit import Action, AuditEntry
from tidings.domain.errors import InvalidValue, NotFound, WrongState
from tidings.domain.grants import Grant, Verb
from tidings.domain.model import AccountId, Event, LedgerEntry, LedgerQuery, Origin, State, Way
from tidings.domain.optout import (
    ACCOUNT_WIDE,
    BlockingRule,
    InboundAddress,
    InboundText,
    IncomingText,
    OptOut,
    OptOutQuery,
    SmsType,
    covers,
    review_mark,
)
from tidings.domain.phone_ports import OptOutStore, TextStore
from tidings.domain.ports import Clock, Store, Vault
from tidings.domain.unit import Unit
from tidings.observe.metrics import Metrics
from tidings.services.conflicts import retry_on_conflict
from tidings.services.quotas import Quotas
from tidings.services.texting.inbound_addresses import READING, InboundAddresses
from tidings.services.texting.inbound_texts import InboundResult, InboundTexts
from tidings.services.texting.phone_consent import (
    PERSONS_OWN,
    Said,
    add_account_wide,
    add_opt_in,
    add_opt_out,
    address_texted,
    inbound_number,
    phone_number,
    same_number,
    state_of,
)
from tidings.services.texting.sms_sandbox import SmsSandbox

__all__ = ["Blocked", "InboundResult", "OptOuts", "check_reason"]

PROTECTED = timedelta(days=30)
"""How long a person's own STOP is not lifted by somebody of the account. Source: SNS and AWS End User Messaging, opting in a number."""
CARRIER_REFUSED = "the network says that the person opted out there"
REASON_CHARACTERS_MAX = 500
RECORDS = (Event.OPTED_OUT, Event.OPTED_IN, Event.REVIEW, Event.REVIEWED)


@dataclass(frozen=True, slots=True)
class Blocked:
    """Why a text to a phone would not go out: the address, since when, and the rule (None: account-wide, or topics' own)."""

    opt_out: OptOut
    rule: BlockingRule | None


class OptOuts(InboundAddresses):
    """`store`, `opt_outs`, `texts`: all ports are one object. `new_message_id`: for replies. `vault`: for secrets of callbacks.
    `revoke_all`: a STOP at one inbound address counts for all of the account, and START lifts that."""

    def __init__(
        self,
        store: Store,
        opt_outs: OptOutStore,
        clock: Clock,
        metrics: Metrics,
        *,
        new_message_id: Callable[[], str],
        revoke_all: bool = False,
        quotas: Quotas | None = None,
        texts: TextStore,
        vault: Vault | None = None,
        transport_senders: Collection[str] = (),
    ) -> None:
        super().__init__(
            store,
            opt_outs,
            clock,
            metrics,
            quotas=quotas,
            texts=texts,
            vault=vault,
            transport_senders=transport_senders,
        )
        self._revoke_all = revoke_all
        self.sandbox = SmsSandbox(store, opt_outs, clock, new_message_id=new_message_id)
        self._inbound_texts = InboundTexts(
            store, opt_outs, self._phones, clock, new_message_id=new_message_id, revoke_all=revoke_all
        )

    # --- texts that come in: no grant, the transport is trusted -----------------------------------------------------------

    async def receive(self, text: IncomingText, origin: Origin) -> InboundResult:
        """Take a text in. When this returns, the change is durable and nothing that it covers is started any more.

        Safe to repeat. Raises NotFound (inbound address), InvalidValue (phone).
        """
        return await self._inbound_texts.receive(text, origin)

    async def address_texted(self, grant: Grant, text: IncomingText) -> InboundAddress:
        """The account's inbound address that `receive` would take, however it is written. Raises NotFound (inbound address)."""
        grant.require(*READING)
        found = await address_texted(self._opt_outs, text)
        if found is None or found.account_id != grant.owner:
            raise NotFound("inbound address", text.address)
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

    # --- the people -------------------------------------------------------------------------------------------------------------

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
            await self.address(grant, address)
        origin = _by(grant, origin)
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
        async def decide() -> Unit | None:
            states = await self._phones.opted_out(account_id, phone)
            unit = Unit()
            for address in addresses:
                if address in states:
                    continue
                if address == ACCOUNT_WIDE:
                    await add_account_wide(self._opt_outs, unit, account_id, self._clock.now())
                add_opt_out(unit, self._said(account_id, phone, origin, reason), address, None)
                if by_operator:
                    unit.audit.append(self._audited(Action.OPT_OUT, account_id, phone, address, reason, origin))
            return unit if unit.opt_outs else None

        return await self._in_turn(account_id, phone, decide)

    async def opt_in(
        self, grant: Grant, address: str, phone: str, *, reason: str, origin: Origin, forced: bool = False
    ) -> bool:
        """Lift an opt-out; True when there was one. Raises WrongState within 30 days of the person's own STOP unless `forced`,
        NotFound (inbound address), InvalidValue (`phone`, `reason`)."""
        grant.require(Verb.LIFT_OPT_OUTS)
        check_reason(reason)
        if address != ACCOUNT_WIDE:
            await self.address(grant, address)
        phone = phone_number(phone)
        origin = _by(grant, origin)

        async def decide() -> Unit | None:
            current = (await self._phones.opted_out(grant.owner, phone)).get(address)
            if current is None:
                return None
            if not forced and self.is_protected(current):
                raise WrongState("phone", "opted out by its owner", f"lift within {PROTECTED.days} days")
            unit = Unit()
            add_opt_in(unit, self._said(grant.owner, phone, origin, reason), address, current)
            lifted = self._audited(Action.OPT_OUT_LIFT, grant.owner, phone, address, reason, origin)
            unit.audit.append(replace(lifted, before={"since": current.since.isoformat(), "way": current.way.value}))
            return unit

        return await self._in_turn(grant.owner, phone, decide)

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

    # --- the record --------------------------------------------------------------------------------------------------------------

    async def records(self, grant: Grant, query: LedgerQuery) -> list[LedgerEntry]:
        """What the ledger has of phones in the grant's account: opt-outs, opt-ins and texts to review; ascending by id."""
        grant.require(*READING, Verb.READ_LEDGER)
        events = tuple(event for event in query.events or RECORDS if event in RECORDS)
        if not events:
            return []
        endpoint = None if query.endpoint is None else same_number(query.endpoint)
        return await self._store.ledger(replace(query, account_id=grant.owner, events=events, endpoint=endpoint))

    async def open_reviews(self, grant: Grant, *, after: int = 0, limit: int = 100) -> list[LedgerEntry]:
        """Texts to review on which nobody has decided, the oldest first, starting after the record `after`."""
        grant.require(*READING)
        return await self._opt_outs.open_reviews(grant.owner, after=after, limit=limit)

    async def open_review_total(self, grant: Grant, *, before: datetime | None = None) -> int:
        """How many there are on all pages together; `before`: that came before this time."""
        grant.require(*READING)
        return await self._opt_outs.open_review_total(grant.owner, before=before)

    async def resolve(self, grant: Grant, record_id: int, *, opt_out: bool, reason: str, origin: Origin) -> None:
        """Decide on a REVIEW entry. Raises NotFound (record), WrongState (decided before), InvalidValue (reason)."""
        grant.require(Verb.MANAGE_OPT_OUTS)
        check_reason(reason)
        query = LedgerQuery(grant.owner, events=(Event.REVIEW,), after=max(record_id, 1) - 1, limit=1)
        review = next(iter(await self._store.ledger(query)), None)
        if review is None or review.id != record_id:
            raise NotFound("record", str(record_id))
        origin = replace(_by(grant, origin), raw_text=review.origin.raw_text)

        async def decide() -> Unit:
            if await self._was_reviewed(review):
                raise WrongState("record", "decided", "decide")
            return await self._review(review, origin, opt_out, reason)

        await self._in_turn(grant.owner, review.endpoint, decide)

    async def _review(self, review: LedgerEntry, origin: Origin, opt_out: bool, reason: str) -> Unit:
        """The unit of a decision. The person said it once, so it counts for all of the account where a STOP does."""
        said = replace(
            self._said(review.account_id, review.endpoint, origin, reason),
            transport_id=review.transport_id,
            sent_at=review.sent_at,
        )
        states = await self._phones.opted_out(review.account_id, review.endpoint)
        unit, before = Unit(), state_of(states.get(review.address))
        after = State.CANCELED if opt_out else before
        verdict = f"{review_mark(review.id)} {'opt-out' if opt_out else 'ignore'}: {reason}"
        unit.ledger.append(said.entry(Event.REVIEWED, review.address, before, after, verdict))
        decided = Action.REVIEW, review.account_id, review.endpoint, review.address, verdict, origin
        unit.audit.append(self._audited(*decided))
        if not opt_out:
            return unit
        if review.address not in states:
            add_opt_out(unit, said, review.address, None)
        if self._revoke_all and ACCOUNT_WIDE not in states:
            await add_account_wide(self._opt_outs, unit, said.account_id, said.at)
            add_opt_out(unit, said, ACCOUNT_WIDE, None)
        return unit

    async def _was_reviewed(self, review: LedgerEntry) -> bool:
        waiting = await self._opt_outs.open_reviews(review.account_id, after=review.id - 1, limit=1)
        return not waiting or waiting[0].id != review.id

    async def inbound_texts_of(
        self, grant: Grant, *, before: int | None = None, limit: int = 100, unmatched: bool = False
    ) -> list[InboundText]:
        """What people texted to the account, newest first, starting before that id. unmatched: only what no keyword matched."""
        grant.require(*READING)
        return await self._opt_outs.last_inbound_texts(grant.owner, before=before, limit=limit, unmatched=unmatched)

    async def inbound_texts_from(self, grant: Grant, phone: str, *, since: datetime) -> list[InboundText]:
        """What one phone texted to any inbound address of the account since then, newest first. Raises InvalidValue (phone)."""
        grant.require(*READING)
        phone = phone_number(phone)
        found: list[InboundText] = []
        for address in await self.addresses(grant):
            found += await self._opt_outs.inbound_texts_of(grant.owner, address.address, phone, since=since)
        return sorted(found, key=lambda text: text.id, reverse=True)

    # --- changing ----------------------------------------------------------------------------------------------------------------

    def _audited(
        self, action: Action, account_id: AccountId, phone: str, address: str, why: str, origin: Origin
    ) -> AuditEntry:
        """What somebody of the account did about a phone: the trail has it besides the ledger."""
        where = "the account" if address == ACCOUNT_WIDE else address
        return AuditEntry(account_id, self._clock.now(), action, f"{phone} at {where}", origin, detail=why)

    def _said(self, account_id: AccountId, phone: str, origin: Origin, reason: str) -> Said:
        now = self._clock.now()
        return Said(account_id, phone, origin, at=now, event_at=now, reason=reason)

    async def _in_turn(self, account_id: AccountId, phone: str, decide: Callable[[], Awaitable[Unit | None]]) -> bool:
        """Decide on a change of the phone and write it, again when somebody was faster. False: there was nothing to change."""
        async with self._phones.turn(account_id, phone):
            return await self._decide_and_write(decide)

    @retry_on_conflict
    async def _decide_and_write(self, decide: Callable[[], Awaitable[Unit | None]]) -> bool:
        unit = await decide()
        if unit is None:
            return False
        await self._phones.commit(unit)
        return True


def _by(grant: Grant, origin: Origin) -> Origin:
    return origin if origin.principal else replace(origin, principal=grant.principal.arn)


def check_reason(reason: str) -> None:
    """Raises InvalidValue (reason)."""
    if not reason.strip():
        raise InvalidValue("reason", "say why: it is kept with the record")
    if len(reason) > REASON_CHARACTERS_MAX:
        raise InvalidValue("reason", f"at most {REASON_CHARACTERS_MAX} characters", reason)
