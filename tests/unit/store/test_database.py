"""Opening, migrating, copying and guarding the database file."""

from __future__ import annotations

import asyncio
import re
import stat
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import apsw
import pytest
from tests.support.stores import an_entry

import tidings
from tidings.domain.errors import Unavailable
from tidings.domain.model import Account, AccountId, LedgerQuery
from tidings.domain.unit import Unit
from tidings.store import sql
from tidings.store.sqlite import SqliteStore
from tidings.store.sqlite.database import PACKAGE, SQL, Database, first, run

ACCOUNT = Account(AccountId("000000000000"), "default", "ab" * 16, datetime(2026, 1, 1, tzinfo=UTC))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "made" / "tidings.db"


def test_a_new_database_is_for_its_owner_only_and_flushes_every_commit(path: Path) -> None:
    database = Database(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert first(database.writing, "PRAGMA journal_mode") == "wal"
    assert first(database.writing, "PRAGMA synchronous") == 2
    database.close()


def test_migrations_run_once(path: Path) -> None:
    steps = [(step.number, step.phase, step.name) for step in sql.migrations(PACKAGE)]
    assert steps[0] == (1, "pre", "start")
    for _ in range(2):
        database = Database(path)
        assert database.rows("SELECT number, phase, name FROM schema_version ORDER BY number, phase DESC") == steps
        database.close()


def test_a_migration_that_fails_leaves_nothing_behind(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = sql.migrations(PACKAGE)
    broken = replace(
        steps[-1], number=steps[-1].number + 1, text="CREATE TABLE half (done INTEGER); SELECT * FROM nowhere"
    )
    with monkeypatch.context() as patched:
        patched.setattr(sql, "migrations", lambda _: [*steps, broken])
        with pytest.raises((apsw.SQLError, Unavailable)):
            Database(path)
    left = apsw.Connection(str(path))
    assert left.execute("SELECT name FROM sqlite_schema").fetchall() == []
    left.close()
    Database(path).close()


def test_a_database_of_a_newer_release_is_refused_and_left_alone(path: Path) -> None:
    database = Database(path)
    run(
        database.writing,
        "INSERT INTO schema_version VALUES ((SELECT max(number) + 1 FROM schema_version), 'pre', 'future', '')",
    )
    database.close()
    with pytest.raises(Unavailable, match="newer release"):
        Database(path)


def test_a_file_that_is_no_database_is_refused_with_its_name(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"certainly not a database" * 100)
    with pytest.raises(Unavailable, match=r"tidings\.db"):
        Database(path)


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="cannot open"):
        Database(tmp_path / "file" / "tidings.db")


@pytest.mark.parametrize(
    "change", ["UPDATE ledger SET endpoint = 'x'", "DELETE FROM ledger", "REPLACE INTO ledger SELECT * FROM ledger"]
)
async def test_the_ledger_can_be_neither_changed_nor_emptied(path: Path, change: str) -> None:
    store = await SqliteStore.open(path)
    await store.commit(Unit(ledger=[an_entry(1)]))
    before = await store.ledger(LedgerQuery())
    intruder = apsw.Connection(str(path))
    with pytest.raises(apsw.ConstraintError, match="append-only"):
        run(intruder, change)
    intruder.close()
    assert await store.ledger(LedgerQuery()) == before
    await store.close()


async def test_the_ledger_is_guarded_again_after_a_reset(path: Path) -> None:
    store = await SqliteStore.open(path)
    await store.reset()
    await store.commit(Unit(ledger=[an_entry(1)]))
    intruder = apsw.Connection(str(path))
    with pytest.raises(apsw.ConstraintError, match="append-only"):
        run(intruder, "DELETE FROM ledger")
    intruder.close()
    await store.close()


async def test_a_backup_taken_while_others_write_opens_as_a_store(path: Path, tmp_path: Path) -> None:
    store = await SqliteStore.open(path)
    await store.commit(Unit(accounts=[ACCOUNT]))
    entries = asyncio.gather(*(store.commit(Unit(ledger=[an_entry(number)])) for number in range(100)))
    await store.backup(str(tmp_path / "copy.db"))
    await entries
    await store.close()
    copy = await SqliteStore.open(tmp_path / "copy.db")
    assert await copy.accounts() == [ACCOUNT]
    assert len(await copy.ledger(LedgerQuery(limit=1000))) in range(101)
    await copy.close()
    assert not (tmp_path / "copy.db.part").exists()


async def test_a_backup_to_nowhere_fails_and_leaves_nothing(path: Path, tmp_path: Path) -> None:
    store = await SqliteStore.open(path)
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable):
        await store.backup(str(tmp_path / "file" / "copy.db"))
    await store.close()


async def test_a_copy_of_the_files_of_a_running_store_has_everything_acknowledged(path: Path, tmp_path: Path) -> None:
    store = await SqliteStore.open(path)
    await asyncio.gather(*(store.commit(Unit(ledger=[an_entry(number)])) for number in range(50)))
    crashed = tmp_path / "crashed"
    crashed.mkdir()
    for file in (path, path.with_name(path.name + "-wal")):
        (crashed / file.name).write_bytes(file.read_bytes())
    again = await SqliteStore.open(crashed / path.name)
    assert len(await again.ledger(LedgerQuery(limit=100))) == 50
    await again.close()
    await store.close()


def test_every_query_that_is_named_in_the_code_is_there() -> None:
    """A merge has taken one away that only an import of opt-outs needs."""
    folder = Path(tidings.__file__).parent
    named = {name for path in folder.rglob("*.py") for name in re.findall(r'SQL\["(\w+)"\]', path.read_text())}
    assert len(named) > 100
    assert named <= SQL.keys()
