"""Reading the consent ledger. Writing it is part of every change and happens in that change's own Unit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from tidings.domain.grants import Grant, Verb
from tidings.domain.model import LedgerEntry, LedgerQuery
from tidings.domain.ports import Store


class Ledger:
    def __init__(self, store: Store) -> None:
        self._store = store

    async def page(self, grant: Grant, query: LedgerQuery) -> list[LedgerEntry]:
        """Entries of the grant's account, ascending by id, starting after `query.after`."""
        grant.require(Verb.READ_LEDGER)
        return await self._store.ledger(replace(query, account_id=grant.owner))

    async def pages(
        self, grant: Grant, query: LedgerQuery, *, page_entries: int = 500
    ) -> AsyncIterator[Sequence[LedgerEntry]]:
        """All matching entries, page by page, for exports: memory stays flat."""
        grant.require(Verb.READ_LEDGER)
        query = replace(query, limit=page_entries)
        while entries := await self.page(grant, query):
            yield entries
            query = replace(query, after=entries[-1].id)
