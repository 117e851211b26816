"""The ledger of the command line is read in pages, none of whose entries is left out."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

from tidings.cli.ledger import _entries
from tidings.domain.model import LedgerEntry, LedgerQuery
from tidings.domain.ports import Store


class Ids:
    """A ledger of five entries that are nothing but their ids."""

    async def ledger(self, query: LedgerQuery) -> list[LedgerEntry]:
        found = [SimpleNamespace(id=number) for number in range(1, 6) if number > query.after]
        return cast(list[LedgerEntry], found[: query.limit])


async def test_pages_follow_each_other_without_a_gap() -> None:
    assert [entry.id async for entry in _entries(cast(Store, Ids()), LedgerQuery(limit=2))] == [1, 2, 3, 4, 5]
