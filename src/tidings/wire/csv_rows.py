"""Rows as CSV that no spreadsheet runs as a formula. Used by every export, and by what reads such files back.

A cell that begins like one gets an apostrophe in front: user agents and texts of strangers stand in such files. An E.164 number stays as
it is: `+` and digits alone are no formula, and programs that read the file need the number unchanged.
Source: RFC 4180; OWASP, CSV Injection.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from datetime import datetime

CSV_TYPE = "text/csv; charset=utf-8; header=present"
# The full-width forms are signs to a spreadsheet, too.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_PHONE_NUMBER = re.compile(r"\+[0-9]{1,15}\Z")


def cell(value: object) -> str:
    """A value as a cell: nothing for None, RFC 3339 for times, harmless text for text."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return guarded(str(value))


def guarded(text: str) -> str:
    """With an apostrophe in front if a spreadsheet would take it for a formula, or `unguarded` would take an apostrophe away."""
    return f"'{text}" if _is_formula(text) and not _PHONE_NUMBER.match(text) else text


def unguarded(text: str) -> str:
    """What `guarded` was given. Phone numbers that somebody else guarded lose their apostrophe, too."""
    return text[1:] if text.startswith("'") and _is_formula(text) else text


def _is_formula(text: str) -> bool:
    return text.lstrip("' ").startswith(_FORMULA_STARTS)


def lines(rows: Iterable[Sequence[object]]) -> bytes:
    """Rows as bytes of the file; halves of characters become question marks."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows([cell(value) for value in row] for row in rows)
    return text.getvalue().encode("utf-8", "replace")
