"""The ledger, and the records of opt-outs, as CSV: page by page, so that an export of any length takes flat memory.

Called by `ledger` and `records`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from msgspec.structs import astuple

from tidings.dialects.native import shapes, shapes_optouts, views, views_optouts
from tidings.dialects.native.names import Naming
from tidings.domain.model import LedgerEntry
from tidings.wire.csv_rows import lines

COLUMNS = shapes.LedgerEntry.__struct_fields__
RECORD_COLUMNS = shapes_optouts.OptOutRecord.__struct_fields__


async def ledger_csv(
    first: Sequence[LedgerEntry], following: AsyncIterator[Sequence[LedgerEntry]], naming: Naming
) -> AsyncIterator[bytes]:
    """A line of names, then a line an entry. `first`: the page that was read before the answer began."""
    yield lines([COLUMNS, *_rows(first, naming)])
    async for page in following:
        yield lines(_rows(page, naming))


def _rows(entries: Sequence[LedgerEntry], naming: Naming) -> list[tuple[object, ...]]:
    return [astuple(views.ledger_entry(entry, naming)) for entry in entries]


async def records_csv(
    first: Sequence[LedgerEntry], following: AsyncIterator[Sequence[LedgerEntry]]
) -> AsyncIterator[bytes]:
    """The same of opt-outs: a line of names, then a line a record."""
    yield lines([RECORD_COLUMNS, *(astuple(views_optouts.record(entry)) for entry in first)])
    async for page in following:
        yield lines([astuple(views_optouts.record(entry)) for entry in page])
