"""The embedded store on SQLite (apsw): one database file, one writer that shares flushes, readers beside it.

`wiring` and `cli` open `SqliteStore`; the embedded flow is given `SqliteStore.journal`. All SQL is in `queries` and
`migrations`. Sources: sqlite.org/wal.html, sqlite.org/pragma.html, rogerbinns.github.io/apsw.
"""

from tidings.store.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
