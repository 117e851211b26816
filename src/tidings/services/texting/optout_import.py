"""Opt-outs of another system, taken over in units of thousands: the people, and a ledger entry each.

Called by `tidings optout import` and `optout_uploads`. Never opts anybody in, and never overrules what was said here: who is opted out
already stays as he is, and who opted in after the time that the list gives, or while it is imported, is left alone. So a list may be
imported twice, or again after a crash.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from operator import itemgetter
from typing import NamedTuple

from tidings.domain.errors import Conflict, InvalidValue, Throttled
from tidings.domain.model import AccountId, Event, LedgerEntry, LedgerQuery, Origin, State, Way
from tidings.domain.optout import ACCOUNT_WIDE, OptOut, OptOutBatch, OptOutQuery
from tidings.domain.phone_ports import OptOutStore
from tidings.domain.ports import Clock, Store
from tidings.domain.unit import Unit
from tidings.services.conflicts import TRIES
from tidings.services.texting.phone_consent import PERSONS_OWN, REASON_CHARACTERS_MAX, Said, add_account_wide
from tidings.wire import phone_numbers
from tidings.wire.phone_plans import canonical
from tidings.wire.plain_text import is_plain

NO_REASON = "on a list that was imported"
"""Of a line that gives none."""
UNIT_LINES = 5_000
"""Lines in one transaction."""
RUN_LINES = 200_000
"""Lines in memory at a time: some 80 MB."""
_PAGE_ENTRIES = 5_000
_ORIGIN = Origin(Way.IMPORT)
_Key = tuple[str, str]
"""Inbound address and phone."""
# Whether such a number can exist is not asked here: an impossible one is never texted. But it is kept in the form in which it would be.
_E164 = re.compile(r"\+[1-9][0-9]{6,14}\Z")


class Listed(NamedTuple):
    """A line of a list. `since`: None for now. (A tuple: a frozen dataclass takes three times as long to make.)"""

    phone: str
    address: str
    reason: str
    since: datetime | None


@dataclass(slots=True)
class Taken:
    """Outcomes of lines: opted out, opted out before (or twice in the list), opted in since."""

    added: int = 0
    known: int = 0
    late: int = 0


class _OptIn(NamedTuple):
    """The newest opt-in of a phone at an address: its ledger entry, and when the person said it."""

    entry: int
    at: datetime


class OptOutImport:
    """For one account. `store`, `opt_outs`: one object. `origin`: who brings the list, for the ledger; its way is IMPORT. `revoke_all`:
    a START at one inbound address counts for all of the account.

    Other processes change opt-outs meanwhile. So the store compares: who is opted out by then is left alone, and for those who opted in
    since they were looked for it is decided again.
    """

    def __init__(
        self,
        store: Store,
        opt_outs: OptOutStore,
        clock: Clock,
        account_id: AccountId,
        origin: Origin = _ORIGIN,
        *,
        revoke_all: bool = False,
    ) -> None:
        self._store = store
        self._origin = origin
        self._opt_outs = opt_outs
        self._clock = clock
        self._account_id = account_id
        self._revoke_all = revoke_all
        self._addresses = {ACCOUNT_WIDE: ""}  # with the calling codes of their countries
        self._begun_at = clock.now()
        self._begun_after = 0
        self._opted_in: dict[tuple[str, str], _OptIn] = {}
        self._seen = 0
        self._looking = asyncio.Lock()
        self._has_account_wide = False
        self.taken = Taken()

    async def begin(self) -> None:
        """Read what `check` needs, and who had opted in before."""
        found = await self._opt_outs.inbound_addresses(self._account_id)
        self._has_account_wide = any(address.address == ACCOUNT_WIDE for address in found)
        self._addresses |= {row.address: phone_numbers.calling_code(row.address, row.country) for row in found}
        await self._look_for_opt_ins()
        self._begun_after = self._seen

    def check(self, line: Listed) -> None:
        """Raises InvalidValue."""
        if line.address not in self._addresses:
            raise InvalidValue("address", "not an inbound address of this account", line.address)
        self._phone(line)
        odd_space = any(c.isspace() and c != " " for c in line.reason)
        if len(line.reason) > REASON_CHARACTERS_MAX or odd_space or not is_plain(line.reason):
            raise InvalidValue("reason", f"at most {REASON_CHARACTERS_MAX} characters that can be printed")
        if line.since is not None and line.since > self._begun_at:
            raise InvalidValue("since", "lies in the future", str(line.since))

    def _phone(self, line: Listed) -> str:
        """The number in its canonical form; written nationally it is one of the address's country. Raises InvalidValue."""
        if _E164.match(line.phone):
            return canonical(line.phone)
        code = self._addresses[line.address]
        number = phone_numbers.read(line.phone, code) if code else phone_numbers.international(line.phone)
        if number is None or not _E164.match(number):
            raise InvalidValue("phone", "not an E.164 number", line.phone)
        return number

    async def take(self, lines: Sequence[Listed]) -> None:
        """Take checked lines over in one transaction: some thousands at a time. Counts in `taken`. When this returns, it is durable.

        Raises Conflict, Throttled, Unavailable.
        """
        await self._write(*await self._decide(lines))

    async def take_all(
        self,
        good: Iterator[Listed],
        *,
        goes_on: Callable[[], bool] = lambda: True,
        took: Callable[[int], None] = lambda _lines: None,
    ) -> None:
        """Take checked lines over, unit by unit. good: read in threads. goes_on: asked before each unit, with which one may stop. took:
        told how many lines a unit had. Raises as `take`.

        In the order of phones within long runs, because an index is written far faster in its own order. While one unit is written, the
        next one is decided on and lines of the next run are read.
        """

        def read(lines: int) -> list[Listed]:
            return list(islice(good, lines))

        writing: asyncio.Future[None] | None = None
        run = await asyncio.to_thread(read, RUN_LINES)
        try:
            while run:
                run.sort(key=itemgetter(0))  # a stable order: the first line of a phone stays the first
                following: list[Listed] = []
                for start in range(0, len(run), UNIT_LINES):
                    if not goes_on():
                        return
                    unit = run[start : start + UNIT_LINES]
                    more, decided = await asyncio.gather(asyncio.to_thread(read, UNIT_LINES), self._decide(unit))
                    if writing is not None:
                        await writing
                    writing = asyncio.ensure_future(self._write(*decided))
                    following += more
                    took(len(unit))
                run = following
        finally:
            if writing is not None:
                await writing

    async def _decide(self, lines: Sequence[Listed]) -> tuple[OptOutBatch, dict[_Key, Listed]]:
        """What shall be written of these, and the lines that it comes from; counts those who are known or late."""
        wanted: dict[_Key, Listed] = {}
        for line in lines:
            wanted.setdefault((line.address, self._phone(line)), line)
        await self._look_for_opt_ins()
        known = await self._known(wanted)
        self.taken.known += len(lines) - len(wanted) + len(known)
        if not self._has_account_wide and any(address == ACCOUNT_WIDE for address, _ in wanted):
            await self._make_account_wide()
        for key in known:
            del wanted[key]
        return self._batch(wanted), wanted

    async def _write(self, batch: OptOutBatch, wanted: dict[_Key, Listed]) -> None:
        """Write a batch, and again what opted in after it was decided on: now as late, or with that opt-in considered."""
        for _ in range(TRIES):
            if not batch.opt_outs:
                return
            result = await self._opt_outs.import_opt_outs(batch)
            self.taken.known += len(result.known)
            self.taken.added += len(batch.opt_outs) - len(result.known) - len(result.opted_in)
            if not result.opted_in:
                return
            await self._look_for_opt_ins()
            wanted = {key: wanted[key] for key in result.opted_in}
            batch = self._batch(wanted)
        raise Throttled

    def _batch(self, wanted: dict[_Key, Listed]) -> OptOutBatch:
        """What shall be written of these; the late ones are counted and left out."""
        now = self._clock.now()
        opt_outs: list[OptOut] = []
        entries: list[LedgerEntry] = []
        for key, line in wanted.items():
            if self._is_late(line, key):
                self.taken.late += 1
                continue
            address, phone = key
            since = line.since or self._begun_at
            opt_outs.append(
                OptOut(
                    self._account_id,
                    address,
                    phone,
                    since,
                    since,
                    Way.IMPORT,
                    reason=line.reason or NO_REASON,
                    principal=self._origin.principal,
                )
            )
            said = Said(self._account_id, phone, self._origin, now, since, reason=line.reason or NO_REASON)
            entries.append(said.entry(Event.OPTED_OUT, address, State.CONFIRMED, State.CANCELED))
        return OptOutBatch(self._account_id, opt_outs, entries, self._seen)

    def _is_late(self, line: Listed, key: _Key) -> bool:
        """Whether the person opted in after what the list says: while it is imported, or after the time that it gives."""
        opted_in = self._opted_in.get(key)
        if opted_in is None:
            return False
        return opted_in.entry > self._begun_after or (line.since is not None and line.since < opted_in.at)

    async def _make_account_wide(self) -> None:
        unit = Unit()
        await add_account_wide(self._opt_outs, unit, self._account_id, self._clock.now())
        with suppress(Conflict):  # somebody else was faster: it is there
            await self._store.commit(unit)
        self._has_account_wide = True

    async def _known(self, wanted: Collection[_Key]) -> set[_Key]:
        """Those who are opted out already: the most of a list that is imported again, which need not go to the writer at all."""
        if not wanted:
            return set()
        addresses, phones = {address for address, _ in wanted}, {phone for _, phone in wanted}
        query = OptOutQuery(self._account_id, tuple(addresses), tuple(phones), limit=len(addresses) * len(phones))
        found = {(row.address, canonical(row.phone)) for row in await self._opt_outs.opt_out_page(query)}
        return found.intersection(wanted)

    async def _look_for_opt_ins(self) -> None:
        """Who opted in, up to now: also while the import was running."""
        async with self._looking:  # what is written and what is decided on look at the same time
            query = LedgerQuery(self._account_id, events=(Event.OPTED_IN,), after=self._seen, limit=_PAGE_ENTRIES)
            while entries := await self._store.ledger(query):
                for entry in entries:
                    self._note_opt_in(entry)
                self._seen = entries[-1].id
                query = replace(query, after=self._seen)

    def _note_opt_in(self, entry: LedgerEntry) -> None:
        if entry.after is not State.CONFIRMED:
            return  # one that came too late to count
        opt_in = _OptIn(entry.id, entry.sent_at or entry.at)
        phone = canonical(entry.endpoint)
        self._opted_in[entry.address, phone] = opt_in
        if self._revoke_all and entry.origin.way in PERSONS_OWN:
            self._opted_in[ACCOUNT_WIDE, phone] = opt_in
