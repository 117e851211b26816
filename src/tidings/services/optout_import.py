"""Opt-outs of another system, taken over in units of thousands: the people, and a ledger entry each.

Called by `tidings optout import` and `optout_uploads`. Never opts anybody in, and never overrules what was said here: who is opted out
already stays as he is, and who opted in after the time that the list gives is left alone. So a list may be imported twice, or again
after a crash.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from tidings.domain.errors import InvalidValue
from tidings.domain.model import AccountId, Event, LedgerQuery, Origin, State, Way
from tidings.domain.optout import ACCOUNT_WIDE, OptOut, OptOutQuery
from tidings.domain.phone_ports import OptOutStore
from tidings.domain.ports import Clock, Store
from tidings.domain.unit import Unit
from tidings.services.endpoints import same_phone
from tidings.services.phones import Said, account_wide

REASON_CHARACTERS_MAX = 500
_PAGE_ENTRIES = 5_000
_ORIGIN = Origin(Way.IMPORT)
# Whether such a number can exist is not asked here: that costs 0.1 ms each, and an impossible one is never texted. But it is kept in the
# form in which it would be texted.
_E164 = re.compile(r"\+[1-9][0-9]{6,14}\Z")


class Listed(NamedTuple):
    """A line of a list. `since`: None for now. (A tuple: a frozen dataclass takes three times as long to make.)"""

    phone: str
    address: str
    reason: str
    since: datetime | None


@dataclass(slots=True)
class Taken:
    """What became of lines: opted out, opted out before (or twice in the list), opted in since."""

    added: int = 0
    known: int = 0
    late: int = 0


class OptOutImport:
    """For one account. `store`, `opt_outs`: one object. `origin`: who brings the list, for the ledger; its way is IMPORT."""

    def __init__(
        self, store: Store, opt_outs: OptOutStore, clock: Clock, account_id: AccountId, origin: Origin = _ORIGIN
    ) -> None:
        self._store = store
        self._origin = origin
        self._opt_outs = opt_outs
        self._clock = clock
        self._account_id = account_id
        self._addresses = {ACCOUNT_WIDE}
        self._begun_at = clock.now()
        self._opted_in: dict[tuple[str, str], datetime] = {}
        self._looked_up_to = 0
        self._has_account_wide = False
        self._writing: asyncio.Future[None] | None = None
        self._being_written: set[tuple[str, str]] = set()
        self.taken = Taken()

    async def begin(self) -> None:
        """Read what `check` needs."""
        found = await self._opt_outs.inbound_addresses(self._account_id)
        self._has_account_wide = any(address.address == ACCOUNT_WIDE for address in found)
        self._addresses |= {address.address for address in found}

    def check(self, line: Listed) -> None:
        """Raises InvalidValue."""
        if not _E164.match(line.phone):
            raise InvalidValue("phone", "not an E.164 number", line.phone)
        if line.address not in self._addresses:
            raise InvalidValue("address", "not an inbound address of this account", line.address)
        if len(line.reason) > REASON_CHARACTERS_MAX or not line.reason.isprintable():
            raise InvalidValue("reason", f"at most {REASON_CHARACTERS_MAX} characters that can be printed")
        if line.since is not None and line.since > self._begun_at:
            raise InvalidValue("since", "lies in the future", str(line.since))

    async def take(self, lines: Sequence[Listed]) -> None:
        """Take checked lines over in one Unit: some thousands at a time. Counts in `taken`. Raises Conflict, Unavailable.

        Decides while the unit before is still being written; `end` waits for the last one.
        """
        now = self._clock.now()
        wanted: dict[tuple[str, str], Listed] = {}
        for line in lines:
            wanted.setdefault((line.address, same_phone(line.phone)), line)
        await self._look_for_opt_ins()
        known = await self._known(wanted)
        unit, late = Unit(), 0
        for key, line in wanted.items():
            if key in known or key in self._being_written:
                continue
            opted_in = self._opted_in.get(key)
            if opted_in is not None and line.since is not None and line.since < opted_in:
                late += 1
                continue
            self._add(unit, line, key[1], now)
        await self.end()
        if unit.opt_outs:
            if not self._has_account_wide and any(row.address == ACCOUNT_WIDE for row in unit.opt_outs):
                unit.inbound_addresses_new.append(account_wide(self._account_id, now))
                self._has_account_wide = True
            self._being_written = {(row.address, row.phone) for row in unit.opt_outs}
            self._writing = asyncio.ensure_future(self._store.commit(unit))
        self.taken.added += len(unit.opt_outs)
        self.taken.late += late
        self.taken.known += len(lines) - len(unit.opt_outs) - late

    async def end(self) -> None:
        """Wait until everything that was taken is durable. Raises what `take` does."""
        writing, self._writing = self._writing, None
        if writing is not None:
            await writing
        self._being_written = set()

    def _add(self, unit: Unit, line: Listed, phone: str, now: datetime) -> None:
        since = line.since or now
        unit.opt_outs.append(
            OptOut(
                self._account_id,
                line.address,
                phone,
                since,
                since,
                Way.IMPORT,
                reason=line.reason,
                principal=self._origin.principal,
            )
        )
        said = Said(self._account_id, phone, self._origin, now, since, reason=line.reason)
        unit.ledger.append(said.entry(Event.OPTED_OUT, line.address, State.CONFIRMED, State.CANCELED))

    async def _known(self, wanted: dict[tuple[str, str], Listed]) -> set[tuple[str, str]]:
        addresses, phones = {address for address, _ in wanted}, {phone for _, phone in wanted}
        query = OptOutQuery(self._account_id, tuple(addresses), tuple(phones), limit=len(addresses) * len(phones))
        return {(row.address, row.phone) for row in await self._opt_outs.opt_out_page(query)}

    async def _look_for_opt_ins(self) -> None:
        """Who opted in, up to now: also while the import was running."""
        query = LedgerQuery(self._account_id, events=(Event.OPTED_IN,), after=self._looked_up_to, limit=_PAGE_ENTRIES)
        while entries := await self._store.ledger(query):
            for entry in entries:
                self._opted_in[entry.address, entry.endpoint] = entry.sent_at or entry.at
            self._looked_up_to = entries[-1].id
            query = replace(query, after=self._looked_up_to)
