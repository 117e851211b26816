"""The ledger as CSV, page by page, so that an export of any length takes flat memory.

Called by `ledger`. Cells that a spreadsheet would run as a formula get an apostrophe in front: user agents and texts of
strangers stand in them. An E.164 number is left as it is: `+` and digits alone are no formula, and programs that read the
file need the number unchanged.
Source: RFC 4180; OWASP, CSV Injection.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from msgspec.structs import astuple

from tidings.dialects.native import shapes, views
from tidings.domain.model import LedgerEntry

CSV_TYPE = "text/csv; charset=utf-8; header=present"
COLUMNS = shapes.LedgerEntry.__struct_fields__
# The full-width forms are signs to a spreadsheet too.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_PHONE_NUMBER = re.compile(r"\+[0-9]{1,15}\Z")


def cell(value: object) -> str:
    """A value as a cell: nothing for None, RFC 3339 for times, harmless text for text."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    text = str(value)
    if text.lstrip(" ").startswith(_FORMULA_STARTS) and not _PHONE_NUMBER.match(text):
        return "'" + text
    return text


def _lines(rows: Sequence[Sequence[object]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows([cell(value) for value in row] for row in rows)
    return text.getvalue().encode()


async def ledger_csv(
    first: Sequence[LedgerEntry], following: AsyncIterator[Sequence[LedgerEntry]], project_id: str
) -> AsyncIterator[bytes]:
    """A line of names, then a line an entry. `first`: the page that was read before the answer began."""
    yield _lines([COLUMNS, *_rows(first, project_id)])
    async for page in following:
        yield _lines(_rows(page, project_id))


def _rows(entries: Sequence[LedgerEntry], project_id: str) -> list[tuple[object, ...]]:
    return [astuple(views.ledger_entry(entry, project_id)) for entry in entries]
