"""The ledger, and the records of opt-outs, as CSV: page by page, so that an export of any length takes flat memory.

Called by `ledger` and `records`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from msgspec.structs import astuple

from tidings.dialects.native import shapes, shapes_optouts, views, views_optouts
from tidings.domain.model import LedgerEntry
from tidings.wire.csv_rows import lines

COLUMNS = shapes.LedgerEntry.__struct_fields__
RECORD_COLUMNS = shapes_optouts.OptOutRecord.__struct_fields__


async def ledger_csv(
    first: Sequence[LedgerEntry], following: AsyncIterator[Sequence[LedgerEntry]], project_id: str
) -> AsyncIterator[bytes]:
    """A line of names, then a line an entry. `first`: the page that was read before the answer began."""
    yield lines([COLUMNS, *_rows(first, project_id)])
    async for page in following:
        yield lines(_rows(page, project_id))


def _rows(entries: Sequence[LedgerEntry], project_id: str) -> list[tuple[object, ...]]:
    return [astuple(views.ledger_entry(entry, project_id)) for entry in entries]


async def records_csv(
    first: Sequence[LedgerEntry], following: AsyncIterator[Sequence[LedgerEntry]]
) -> AsyncIterator[bytes]:
    """The same of opt-outs: a line of names, then a line a record."""
    yield lines([RECORD_COLUMNS, *(astuple(views_optouts.record(entry)) for entry in first)])
    async for page in following:
        yield lines([astuple(views_optouts.record(entry)) for entry in page])
