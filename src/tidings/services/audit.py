"""The audit trail: reading it, and the entries about what changes no row: signing in, and exports.

Called by the front ends. Changes of rows are written down by the store with the change itself (`domain.audit`). Failed sign-ins are
counted per address and minute, and written for a limited number of addresses a minute, so that whoever guesses passwords fills no disk.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from tidings.domain.audit import Action, AuditEntry, AuditQuery
from tidings.domain.grants import Grant, Verb
from tidings.domain.model import AccountId, Origin, Principal
from tidings.domain.ports import Clock, Store
from tidings.domain.unit import Unit
from tidings.wire.clients import client_group
from tidings.wire.plain_text import replaced

ADDRESSES_PER_MINUTE = 20
"""Whose failed sign-ins are written down one address by one; those of more addresses in the same minute become one number. At most 41
entries a minute, then, some 15 KiB."""
REMEMBERED_MAX = 1_000
SAME_SIGN_IN = timedelta(hours=1)
"""Programs send their password with every call: one entry an hour for each user and address tells as much."""
_SUBJECT_CHARACTERS_MAX = 64
_USER_AGENT_CHARACTERS_MAX = 200


@dataclass(slots=True)
class _Failures:
    """Of one address in the current minute. `more`: after the one that was written down."""

    entry: AuditEntry
    more: int = 0


class AuditTrail:
    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._minute = 0
        self._failures: dict[str, _Failures] = {}
        self._beyond: AuditEntry | None = None
        self._beyond_count = 0
        self._lately: dict[tuple[str, str], datetime] = {}

    async def page(self, grant: Grant, query: AuditQuery) -> list[AuditEntry]:
        """Entries of the grant's account; see `AuditQuery` for their order."""
        grant.require(Verb.READ_AUDIT)
        return await self._store.audit(replace(query, account_id=grant.owner))

    async def pages(
        self, grant: Grant, query: AuditQuery, *, page_entries: int = 500
    ) -> AsyncIterator[Sequence[AuditEntry]]:
        """All matching entries, oldest first, page by page, for exports: memory stays flat."""
        query = replace(query, before=None, limit=page_entries)
        while entries := await self.page(grant, query):
            yield entries
            query = replace(query, after=entries[-1].id)

    async def exported(self, grant: Grant, what: str) -> None:
        """Somebody takes data along as a file. what: the name of the operation, and its filters."""
        await self._add(AuditEntry(grant.owner, self._clock.now(), Action.EXPORT, what[:500], grant.origin))

    # --- signing in -------------------------------------------------------------------------------------------------------------

    async def signed_in(self, principal: Principal, origin: Origin, *, repeats: bool = False) -> None:
        """repeats: the password comes with every call, so the same user from the same address is written down once an hour."""
        now = self._clock.now()
        if repeats:
            key = principal.arn, origin.remote_address
            if key in self._lately and timedelta(0) <= now - self._lately[key] < SAME_SIGN_IN:
                return
            self._lately.pop(key, None)
            self._lately[key] = now
            if len(self._lately) > REMEMBERED_MAX:
                del self._lately[next(iter(self._lately))]
        origin = replace(origin, principal=principal.arn)
        await self._add(AuditEntry(principal.account_id, now, Action.SIGN_IN, principal.user, origin))

    async def sign_in_failed(self, account_id: AccountId | None, user: str, origin: Origin) -> None:
        """A wrong password, or a user that is not there. account_id: None for an account that is not there; then the first account,
        whose people run the server, is told."""
        now = self._clock.now()
        minute = int(now.timestamp() // 60)
        if minute != self._minute:
            await self.flush()
            self._minute = minute
        network = client_group(origin.remote_address)
        known = self._failures.get(network)
        if known is not None:
            known.more += 1
            return
        if account_id is None or await self._store.account(account_id) is None:
            account_id = await self._first()
        origin = replace(origin, principal="", user_agent=origin.user_agent[:_USER_AGENT_CHARACTERS_MAX])
        entry = AuditEntry(account_id, now, Action.SIGN_IN_FAILED, _shown(user), origin)
        if network in self._failures or len(self._failures) >= ADDRESSES_PER_MINUTE:
            self._beyond = self._beyond or entry
            self._beyond_count += 1
            return
        self._failures[network] = _Failures(entry)
        await self._add(entry)

    async def flush(self) -> None:
        """Write down what was counted. Called when a minute is over, by the timer of housekeeping, and before the server ends."""
        failures, beyond, beyond_count = self._failures, self._beyond, self._beyond_count
        self._failures, self._beyond, self._beyond_count = {}, None, 0
        entries = [
            replace(each.entry, count=each.more, detail="more from this address in the same minute")
            for each in failures.values()
            if each.more
        ]
        if beyond is not None:
            origin = replace(beyond.origin, remote_address="", user_agent="", request_id="")
            detail = "from more addresses in the same minute"
            entries.append(replace(beyond, subject="", origin=origin, count=beyond_count, detail=detail))
        if entries:
            await self._store.commit(Unit(audit=entries))

    async def flush_if_due(self) -> None:
        """Write down what was counted, if its minute is over."""
        if int(self._clock.now().timestamp() // 60) != self._minute:
            await self.flush()

    async def _first(self) -> AccountId:
        accounts = await self._store.accounts()
        first = min(accounts, key=lambda account: (account.created_at, account.account_id), default=None)
        return first.account_id if first is not None else AccountId("")

    async def _add(self, entry: AuditEntry) -> None:
        await self._store.commit(Unit(audit=[entry]))


def _shown(user: str) -> str:
    return replaced(user, "")[:_SUBJECT_CHARACTERS_MAX]
