"""`tidings backup`, `restore` and `migrate`: the embedded database as a file.

A backup is taken while a server runs, through the store. A restore puts a file in the database's place and is refused while a
server delivers from it. Keys are not in the backup: who steals one cannot read the access keys in it.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any

import apsw
import typer

from tidings.cli.formatting import show_json
from tidings.cli.running import (
    AsJson,
    CommandError,
    ConfigFile,
    DataDirectory,
    StoreUrl,
    note,
    settings_from,
    told,
    with_store,
)
from tidings.domain.audit import Action
from tidings.domain.errors import Unavailable
from tidings.domain.ports import Store
from tidings.settings import Settings
from tidings.store import sql
from tidings.store.sqlite import SqliteStore
from tidings.store.sqlite.database import PACKAGE, Database
from tidings.store.vault import KEY_FILE, FileVault

_CHUNK_BYTES = 4 * 1024 * 1024
_LOOK_EVERY_S = 0.1


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the copy goes.")],
    force: Annotated[bool, typer.Option("--force", help="Replace FILE if it exists.")] = False,
    as_json: AsJson = False,
    config: ConfigFile = None,
    data: DataDirectory = None,
    store: StoreUrl = None,
) -> None:
    """Write a consistent copy of the database while the server runs."""

    async def work(settings: Settings, opened: Store, _vault: FileVault) -> Settings:
        if file.exists() and not force:
            raise CommandError(f"{file} exists; say --force to replace it")
        if file.resolve() == settings.store_path.resolve():
            raise CommandError("the copy cannot take the place of the database itself")
        copying = asyncio.ensure_future(opened.backup(str(file)))
        with typer.progressbar(
            length=_size(settings.store_path), label="backup", file=sys.stderr, hidden=not sys.stderr.isatty()
        ) as bar:
            while not copying.done():
                await asyncio.wait({copying}, timeout=_LOOK_EVERY_S)
                bar.update(max(0, _size(file.with_name(file.name + ".part")) - bar.pos))
        await copying
        await note(opened, Action.BACKUP, str(file))
        return settings

    settings = with_store({"config": config, "data": data, "store": store}, work)
    key = None if settings.secret_key else settings.data / KEY_FILE
    if as_json:
        show_json({"file": str(file), "bytes": _size(file), "keep_too": str(key) if key else None})
        return
    typer.echo(f"{file}: {_size(file)} bytes")
    if key:
        typer.echo(f"Keep {key} too, in another place: without it the access keys in the copy cannot be read.")


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file made by tidings backup.")],
    force: Annotated[bool, typer.Option("--force", help="Replace the database that is there.")] = False,
    as_json: AsJson = False,
    config: ConfigFile = None,
    data: DataDirectory = None,
    store: StoreUrl = None,
) -> None:
    """Put a backup in the database's place; no server may be running."""
    with told():
        settings = settings_from({"config": config, "data": data, "store": store})
        target = settings.store_path
        if not file.is_file():
            raise CommandError(f"there is no file {file}")
        if file.resolve() == target.resolve():
            raise CommandError(f"{file} is the database itself")
        schema_of(file, at_rest=True)  # before anything is made: a file named by mistake leaves nothing behind
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with claimed(target):
            if target.exists() and not force:
                raise CommandError(f"{target} exists; say --force to replace it")
            _replace(file, target)
        number = schema_of(target)
    if number == known_schema():  # an older one stays as it is until a start brings it up to date
        asyncio.run(_note_restored(target, file))
    if as_json:
        show_json({"file": str(target), "bytes": _size(target), "schema": number})
        return
    typer.echo(f"{target}: {_size(target)} bytes, schema {number}")
    if not settings.secret_key and not (settings.data / KEY_FILE).exists():
        typer.echo(f"Bring back {settings.data / KEY_FILE} as well: the access keys cannot be read without it.")


async def _note_restored(database: Path, copy: Path) -> None:
    """Without the vault, whose key may still have to be brought back."""
    opened = await SqliteStore.open(database)
    try:
        await note(opened, Action.RESTORE, str(copy))
    finally:
        await opened.close()


def migrate(
    as_json: AsJson = False, config: ConfigFile = None, data: DataDirectory = None, store: StoreUrl = None
) -> None:
    """Bring the database to this release's schema, making it if there is none. A start does the same."""
    with told():
        settings = settings_from({"config": config, "data": data, "store": store})
        before = schema_of(settings.store_path) if settings.store_path.exists() else 0

    async def work(settings: Settings, _opened: Store, _vault: FileVault) -> bool:
        """Opening has run what a server that runs can bear; whether the rest, too."""
        database = Database(settings.store_path)
        try:
            database.claim()
        except Unavailable:
            return False
        finally:
            database.close()
        return True

    finished = with_store({"config": config, "data": data, "store": store}, work, create=True)
    with told():
        after = schema_of(settings.store_path)
    if as_json:
        show_json({"before": before, "after": after})
    else:
        typer.echo(f"schema {after}" if before == after else f"schema {before} -> {after}")
        if not finished:
            typer.echo("A server is running: what it still uses is taken away when it starts again.")


def known_schema() -> int:
    """The newest schema that this release knows."""
    return max(step.number for step in sql.migrations(PACKAGE))


def schema_of(path: Path, *, at_rest: bool = False) -> int:
    """The schema of a database file, read without changing it. Raises Problem when it is not one of ours.

    With `at_rest`, of a file that nobody writes: no log is made beside it, so it may lie where nothing can be written.
    """
    name = f"{path.resolve().as_uri()}{'?immutable=1' if at_rest else ''}"
    try:
        connection = apsw.Connection(name, flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
        try:
            number = connection.execute("SELECT max(number) FROM schema_version").fetchall()[0][0]
        finally:
            connection.close()
    except apsw.Error as error:
        raise CommandError(f"{path} is not a database of Tidings: {error}") from error
    if number is None:
        raise CommandError(f"{path} is not a database of Tidings: it has no schema")
    return int(number)


def _replace(file: Path, target: Path) -> None:
    """Copy, look at the copy, then let it take the target's place in one step."""
    part = target.with_name(target.name + ".restoring")
    try:
        _copy(file, part)
        _inspect(part)
        for suffix in (
            "-wal",
            "-shm",
        ):  # before, not after: a log beside a database that is not its own would be replayed into it
            target.with_name(target.name + suffix).unlink(missing_ok=True)
        part.replace(target)
        _sync(target.parent)
    except OSError as error:
        raise CommandError(f"cannot write {target}: {error.strerror}") from error
    finally:
        for suffix in ("", "-wal", "-shm"):  # looking at the copy made the latter two
            part.with_name(part.name + suffix).unlink(missing_ok=True)


def _copy(file: Path, part: Path) -> None:
    free = shutil.disk_usage(part.parent).free
    if free < _size(file):
        raise CommandError(f"{part.parent} has {free} bytes free and needs {_size(file)}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with (
        os.fdopen(descriptor, "wb") as out,
        file.open("rb") as source,
        typer.progressbar(length=_size(file), label="restore", file=sys.stderr, hidden=not sys.stderr.isatty()) as bar,
    ):
        while chunk := source.read(_CHUNK_BYTES):
            out.write(chunk)
            bar.update(len(chunk))
        out.flush()
        os.fsync(out.fileno())


def _inspect(part: Path) -> None:
    """Raises Problem unless this is a whole database that this release can open."""
    number = schema_of(part)
    if number > known_schema():
        raise CommandError(f"the backup has schema {number}, made by a newer release; this one knows {known_schema()}")
    connection = apsw.Connection(str(part), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        found = connection.execute("PRAGMA quick_check(1)").fetchall()[0][0]
    except apsw.Error as error:
        raise CommandError(f"the backup is damaged: {error}") from error
    finally:
        connection.close()
    if found != "ok":
        raise CommandError(f"the backup is damaged: {found}")


@contextmanager
def claimed(database: Path) -> Iterator[None]:
    """Hold what a delivering server holds (see `store.sqlite.database.Database.claim`), so that none can start meanwhile."""
    claim = apsw.Connection(str(database.with_name(database.name + ".delivery")))
    try:
        try:
            claim.execute("BEGIN EXCLUSIVE")
        except apsw.BusyError as error:
            raise CommandError(f"a Tidings server is delivering from {database}; stop it first") from error
        yield
    finally:
        claim.close()


def _size(path: Path) -> int:
    with suppress(FileNotFoundError):
        return path.stat().st_size
    return 0


def _sync(directory: Path) -> None:
    descriptor: Any = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
