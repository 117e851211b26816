"""The database file: opening, migrating, reading, and the names of what can go wrong.

Called by every module of this package. Writes go through `writer`; nothing here writes after the migration.
Point reads run in the caller's thread: 10-30 microseconds each, less than the way to another thread and back. What may have to
walk a long way runs on the reading thread (`walk`); such queries give ONE row, because every step of a query takes the
interpreter lock anew, and a busy event loop gives it away late.
"""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import apsw

from tidings.domain.errors import Conflict, TidingsError, Unavailable
from tidings.store import sql
from tidings.store.sqlite.respelling import respell

PACKAGE = "tidings.store.sqlite"
SQL = sql.queries(PACKAGE)

Bindings = Any
Row = tuple[Any, ...]

_CACHE_KIB = 32_768
_STATEMENTS = 256
# 16 MiB: a checkpoint flushes the database file too, so it should come seldom; a reopened file of this size is read in 50 ms.
_CHECKPOINT_PAGES = 4_000
BUSY_MS = 10_000
"""How long to wait for another process (an administrator's command) that is writing."""

_UNAVAILABLE = (
    apsw.FullError,
    apsw.IOError,
    apsw.ReadOnlyError,
    apsw.CantOpenError,
    apsw.BusyError,
    apsw.LockedError,
    apsw.CorruptError,
    apsw.NotADBError,
    apsw.NoMemError,
    apsw.ProtocolError,
)


def translated(error: BaseException) -> BaseException:
    """What an error of the database is called by us; anything else is given back as it is (our bug)."""
    if isinstance(error, TidingsError):
        return error
    if isinstance(error, apsw.ConstraintError):
        return Conflict(str(error))
    if isinstance(error, _UNAVAILABLE):
        return Unavailable(f"the database refuses: {error}")
    return error


class Database:
    """One database file with its connections: `writing` belongs to the writer, the others read."""

    def __init__(self, path: Path) -> None:
        """Open `path`, creating and migrating it as needed. Raises Unavailable with a sentence for the operator."""
        self.path = path
        self._claim: apsw.Connection | None = None
        try:
            self.writing = _create(path)
            _migrate(self.writing)
            respell(self.writing, SQL)
            self._reading = _connect(path)
            self._walking = _connect(path)
        except (*_UNAVAILABLE, OSError) as error:
            raise Unavailable(f"cannot open {path}: {error}") from error
        self._walker = ThreadPoolExecutor(1, thread_name_prefix="tidings-read")

    def rows(self, query: str, bindings: Bindings = ()) -> list[Row]:
        """All rows of a quick query."""
        try:
            return self._reading.execute(query, bindings).fetchall()
        except apsw.Error as error:
            raise translated(error) from error

    def row(self, query: str, bindings: Bindings = ()) -> Row | None:
        """The only row of a quick query, or None."""
        found = self.rows(query, bindings)
        return found[0] if found else None

    def value(self, query: str, bindings: Bindings = ()) -> Any:
        """The only value of a quick query that always gives one."""
        return self.rows(query, bindings)[0][0]

    async def walk(self, query: str, bindings: Bindings = ()) -> Any:
        """The only value of a query that may walk a long way, found on the reading thread."""
        return await asyncio.get_running_loop().run_in_executor(self._walker, self._walk, query, bindings)

    def _walk(self, query: str, bindings: Bindings) -> Any:
        try:
            return first(self._walking, query, bindings)
        except apsw.Error as error:
            raise translated(error) from error

    async def read_through(self, query: str, bindings: Bindings = ()) -> None:
        """Have the system read the pages of a long query, and keep none of them ourselves."""
        await asyncio.get_running_loop().run_in_executor(self._walker, self._read_through, query, bindings)

    def _read_through(self, query: str, bindings: Bindings) -> None:
        self._walk(query, bindings)
        run(self._walking, "PRAGMA shrink_memory")

    async def copy(self, target: str) -> None:
        """Write a consistent copy to `target` with SQLite's online backup. Raises Unavailable."""
        await asyncio.get_running_loop().run_in_executor(self._walker, self._copy, Path(target))

    def _copy(self, target: Path) -> None:
        part = target.with_name(target.name + ".part")
        try:
            part.unlink(missing_ok=True)
            with closing(_create(part, journal="delete")) as copy, copy.backup("main", self._walking, "main") as backup:
                # All pages in one step: a reader's view, so that writers neither wait nor make the backup start anew.
                backup.step(-1)
            part.replace(target)
        except (*_UNAVAILABLE, OSError) as error:
            if part.exists():
                part.unlink()
            raise Unavailable(f"cannot write the copy {target}: {error}") from error

    def claim(self) -> None:
        """Become the one process that delivers from this database. Raises Unavailable when another one is.

        The claim is SQLite's own lock on a file beside the database: it works wherever the database does and the operating
        system drops it when the process ends, however it ends. Who has it runs the migrations that take something away.
        """
        if self._claim is not None:
            return
        beside = self.path.with_name(self.path.name + ".delivery")
        claim = apsw.Connection(str(beside))
        try:
            claim.execute("BEGIN EXCLUSIVE")
        except apsw.BusyError as error:
            claim.close()
            raise Unavailable(f"another Tidings server is delivering from {self.path}; stop it first") from error
        self._claim = claim
        self._migrate_to_the_end()

    def _migrate_to_the_end(self) -> None:
        """The steps that a running server of the release before could not bear. With a connection of its own: the writer has the other."""
        try:
            with closing(_connect(self.path)) as connection:
                _migrate(connection, alone=True)
        except _UNAVAILABLE as error:
            raise Unavailable(f"cannot bring {self.path} to this release's schema: {error}") from error

    def close(self) -> None:
        """Close all connections; the writer must have ended."""
        self._walker.shutdown(wait=True)
        for connection in (self._walking, self._reading, self.writing, self._claim):
            if connection is not None:
                connection.close()


def _connect(path: Path) -> apsw.Connection:
    connection = apsw.Connection(str(path), statementcachesize=_STATEMENTS)
    connection.set_busy_timeout(BUSY_MS)
    # Plans that do not depend on bound values. Without this a statement that a partial index might serve is prepared anew at every
    # call: `text_blocked` took 11 microseconds in place of 4.
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    run(connection, f"PRAGMA cache_size = -{_CACHE_KIB}; PRAGMA temp_store = memory; PRAGMA trusted_schema = off")
    return connection


def _create(path: Path, journal: str = "wal") -> apsw.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Endpoints are personal data: the file is made for its owner only before SQLite writes to it.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    connection = _connect(path)
    run(connection, f"PRAGMA journal_mode = {journal}; PRAGMA synchronous = full")
    connection.wal_autocheckpoint(_CHECKPOINT_PAGES)
    return connection


def first(connection: apsw.Connection, query: str, bindings: Bindings = ()) -> Any:
    """The first value of a query's first row, or None when it gives no row."""
    found = connection.execute(query, bindings).fetchall()
    return found[0][0] if found else None


def run(connection: apsw.Connection, script: str) -> None:
    """Run a script to its end; `execute` alone stops at the first row that a statement gives."""
    for _ in connection.execute(script):
        pass


def _migrate(connection: apsw.Connection, *, alone: bool = False) -> None:
    """Run the steps that were not run yet. alone: also those of phase `post`, which take away what the release before still uses; in a
    new database all of them."""
    run(connection, "BEGIN IMMEDIATE")
    try:
        run(
            connection,
            "CREATE TABLE IF NOT EXISTS schema_version (number INTEGER NOT NULL, phase TEXT NOT NULL, name TEXT NOT NULL,"
            " applied_at TEXT NOT NULL, PRIMARY KEY (number, phase)) STRICT, WITHOUT ROWID",
        )
        done = set(connection.execute("SELECT number, phase FROM schema_version"))
        steps = sql.migrations(PACKAGE)
        newest = max((number for number, _ in done), default=0)
        if newest > max(step.number for step in steps):
            raise Unavailable(
                f"the database has schema {newest}, made by a newer release of Tidings; this one knows {steps[-1].number}"
            )
        alone = alone or not done
        for step in steps:
            if (step.number, step.phase) not in done and (alone or step.phase == "pre"):
                run(connection, step.text)
                applied = (step.number, step.phase, step.name, datetime.now(UTC).isoformat())
                connection.execute("INSERT INTO schema_version VALUES (?, ?, ?, ?)", applied)
        run(connection, "COMMIT")
    except BaseException:
        if connection.in_transaction:
            run(connection, "ROLLBACK")
        raise
