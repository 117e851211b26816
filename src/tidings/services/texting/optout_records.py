"""The record of who opted out and in, and the texts in it on which a person has to decide. Called by front ends.

Texts to review are noted by `inbound_texts`; a decision is a change of the phone's consent like any other.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from tidings.domain.audit import Action
from tidings.domain.errors import NotFound, WrongState
from tidings.domain.grants import Grant, Verb
from tidings.domain.model import Event, LedgerEntry, LedgerQuery, Origin, State
from tidings.domain.optout import ACCOUNT_WIDE, review_mark
from tidings.domain.phone_ports import OptOutStore
from tidings.domain.ports import Store
from tidings.domain.unit import Unit
from tidings.services.texting.phone_consent import (
    PhoneConsent,
    add_account_wide,
    add_opt_out,
    by_account,
    check_reason,
    same_number,
    state_of,
)
from tidings.services.texting.sms_applications import READING

RECORDS = (Event.OPTED_OUT, Event.OPTED_IN, Event.REVIEW, Event.REVIEWED)


class OptOutRecords:
    """`store`, `opt_outs`: one object. `revoke_all`: a decision for an opt-out counts for all of the account."""

    def __init__(self, store: Store, opt_outs: OptOutStore, phones: PhoneConsent, *, revoke_all: bool = False) -> None:
        self._store = store
        self._opt_outs = opt_outs
        self._phones = phones
        self._revoke_all = revoke_all

    async def find(self, grant: Grant, query: LedgerQuery) -> list[LedgerEntry]:
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
        origin = replace(by_account(grant, origin), raw_text=review.origin.raw_text)

        async def decide() -> Unit:
            if await self._was_reviewed(review):
                raise WrongState("record", "decided", "decide")
            return await self._review(review, origin, opt_out, reason)

        await self._phones.change(grant.owner, review.endpoint, decide)

    async def _review(self, review: LedgerEntry, origin: Origin, opt_out: bool, reason: str) -> Unit:
        """The unit of a decision. The person said it once, so it counts for all of the account where a STOP does."""
        said = replace(
            self._phones.said(review.account_id, review.endpoint, origin, reason),
            transport_id=review.transport_id,
            sent_at=review.sent_at,
        )
        states = await self._phones.opted_out(review.account_id, review.endpoint)
        unit, before = Unit(), state_of(states.get(review.address))
        after = State.CANCELED if opt_out else before
        verdict = f"{review_mark(review.id)} {'opt-out' if opt_out else 'ignore'}: {reason}"
        unit.ledger.append(said.entry(Event.REVIEWED, review.address, before, after, verdict))
        decided = Action.REVIEW, review.account_id, review.endpoint, review.address, verdict, origin
        unit.audit.append(self._phones.audited(*decided))
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
