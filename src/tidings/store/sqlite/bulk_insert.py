"""Inserts of many rows in few statements.

Called by `units` and `progress`. One statement for 64 rows costs a fifth of 64 statements, and gives the interpreter lock away once
instead of 64 times.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import apsw

from tidings.store.sqlite.database import Row

# Rows per statement; few sizes keep them prepared.
_SIZES = (64, 16, 4, 1)

Grouped = Mapping[int, str]
"""An INSERT by how many rows it takes."""


def grouped(query: str) -> Grouped:
    """An INSERT of one row, `VALUES (?, ...)` and perhaps more behind it, made into inserts of several."""
    head, rest = query.rsplit("VALUES", 1)
    group, after, tail = rest.partition(")")
    return {size: f"{head}VALUES {', '.join([(group + after).strip()] * size)}{tail}" for size in _SIZES}


def add_many(db: apsw.Connection, inserts: Grouped, bindings: Sequence[Row]) -> list[int]:
    """Insert rows in order; returns their row ids. SQLite numbers the rows of one statement consecutively."""
    ids: list[int] = []
    for size, flat in _cut(bindings):
        db.execute(inserts[size], flat)
        last = db.last_insert_rowid()
        ids.extend(range(last - size + 1, last + 1))
    return ids


def put_many(db: apsw.Connection, inserts: Grouped, bindings: Sequence[Row]) -> int:
    """Insert rows in order, or do what the query says with those that are there; returns how many rows were inserted or changed."""
    changed = 0
    for size, flat in _cut(bindings):
        db.execute(inserts[size], flat)
        changed += db.changes()
    return changed


def _cut(bindings: Sequence[Row]) -> Iterator[tuple[int, list[object]]]:
    start = 0
    for size in _SIZES:
        while len(bindings) - start >= size:
            yield size, [value for row in bindings[start : start + size] for value in row]
            start += size
