"""The lines of a CSV of opt-outs, read one by one. Called by the command line and by `optout_uploads`; says of each line whether it can be
taken, and changes nothing.

Columns: `phone`, which every line has, and `address`, `reason` and `since`. The other columns of our own export may stand there and
are not read; a column that nobody knows stops the import, so that a misspelled one is never overlooked.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TextIO

from tidings.domain.errors import InvalidValue
from tidings.domain.optout import ACCOUNT_WIDE
from tidings.services.texting.optout_import import UNIT_LINES, Listed
from tidings.wire.csv_rows import unguarded

READ = ("phone", "address", "reason", "since")
_NOT_READ = frozenset({"account_id", "event_at", "way", "keyword", "raw_text", "principal", "blocks"})
_LINE_CHARACTERS_MAX = 10_000
_Columns = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that cannot be taken."""

    number: int
    reason: str


def lines_of(
    text: TextIO, address: str, check: Callable[[Listed], None], *, read: Callable[[int], None]
) -> Iterator[Listed | BadLine]:
    """Every line of a file that was opened with `newline=""`. address: of lines that name none; empty for account-wide. read: told now
    and then how many more bytes were read.

    Raises InvalidValue (`file`) when it is no such file at all.
    """
    try:
        yield from _lines(text, address or ACCOUNT_WIDE, check, read)
    except UnicodeDecodeError as error:
        raise InvalidValue("file", "is not UTF-8") from error


def _lines(
    text: TextIO, address: str, check: Callable[[Listed], None], read: Callable[[int], None]
) -> Iterator[Listed | BadLine]:
    rows = csv.reader(_bounded(text), strict=True)
    try:
        columns = _columns(next(rows, []))
    except csv.Error as error:
        raise InvalidValue("file", f"is no CSV: {error}") from error
    done = 0
    while True:
        try:
            row = next(rows, None)
        except csv.Error as error:
            yield BadLine(rows.line_num, str(error))
            continue
        if row is None:
            return
        if rows.line_num % UNIT_LINES == 0:
            position = text.buffer.tell()
            read(position - done)
            done = position
        if not row:
            continue  # an empty line
        yield _line(rows.line_num, row, columns, address, check)


def _line(
    number: int, row: list[str], columns: _Columns, address: str, check: Callable[[Listed], None]
) -> Listed | BadLine:
    if len(row) <= max(columns):
        return BadLine(number, f"has {len(row)} columns, not {max(columns) + 1}")
    row.append("")  # what an absent column holds
    phone, where, reason, since = columns
    try:
        line = Listed(
            unguarded(row[phone].strip()),
            row[where].strip() or address,
            unguarded(row[reason].strip()),
            _time(row[since]),
        )
        check(line)
    except InvalidValue as error:
        shown = f", not {error.value!r}" if error.value else ""
        return BadLine(number, f"{error.field}: {error.reason}{shown}")
    return line


def _columns(head: list[str]) -> _Columns:
    """Where the four columns are; -1 for one that is not there."""
    names = [name.strip().lower() for name in head]
    if "phone" not in names:
        raise InvalidValue("file", "has no column phone in its first line")
    for name in names:
        if name not in READ and name not in _NOT_READ:
            raise InvalidValue("file", f"has an unknown column {name[:50]!r}; there are {', '.join(READ)}")
        if names.count(name) > 1:
            raise InvalidValue("file", f"cannot be read: the column {name} is there twice")
    phone, address, reason, since = (names.index(name) if name in names else -1 for name in READ)
    return phone, address, reason, since


def _time(text: str) -> datetime | None:
    if not text:
        return None
    try:
        time = datetime.fromisoformat(text.strip())
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidValue("since", "not a time in ISO 8601", text) from error


def _bounded(text: TextIO) -> Iterator[str]:
    """The file's lines, none of them endless: a binary file is one line of gigabytes."""
    while line := text.readline(_LINE_CHARACTERS_MAX):
        yield line
