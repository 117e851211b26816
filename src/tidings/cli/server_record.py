"""How the running server was started, as a file beside its database, for commands that run beside it.

`serve` writes it when it listens and removes it when it stops; `doctor` reads it, so that it judges the server that runs and not the
defaults. Secrets are not written, only which of them were set. A record whose server is gone is ignored: what tells is the claim that
a delivering server holds (`store.sqlite.database.Database.claim`).
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import apsw
import msgspec

from tidings.settings import ABOUT, DEFAULT, Settings, shown

FILE = "server.json"


class ServerRecord(msgspec.Struct, frozen=True):
    """A running server. `settings`: what it was given, as text, by name; `secrets`: names of the secret settings it was given."""

    pid: int
    url: str
    settings: dict[str, str]
    secrets: tuple[str, ...]


def write(settings: Settings, url: str) -> None:
    """Leave the record for others. Raises OSError."""
    given = [name for name in ABOUT if settings.origin(name) != DEFAULT and name != "config"]
    plain = {name: shown(settings, name) for name in given if not ABOUT[name].secret}
    secrets = tuple(name for name in given if ABOUT[name].secret)
    path = settings.data / FILE
    draft = path.with_name(f".{FILE}.{os.getpid()}")
    draft.write_bytes(msgspec.json.encode(ServerRecord(os.getpid(), url, plain, secrets)))
    draft.chmod(0o600)
    draft.replace(path)


def remove(settings: Settings) -> None:
    with suppress(OSError):
        (settings.data / FILE).unlink()


def read(settings: Settings) -> ServerRecord | None:
    """The server that runs on this data directory, or None."""
    if not _is_delivering(settings.store_path):
        return None
    try:
        return msgspec.json.decode((settings.data / FILE).read_bytes(), type=ServerRecord)
    except (OSError, msgspec.MsgspecError):
        return None  # a server of another release, or of another user


def _is_delivering(database: Path) -> bool:
    """Whether a process holds the claim. Only reads, so that a server that starts at this moment is not turned away for long."""
    beside = database.with_name(database.name + ".delivery")
    if not beside.exists():
        return False
    with suppress(apsw.CantOpenError):
        connection = apsw.Connection(str(beside), flags=apsw.SQLITE_OPEN_READONLY)
        try:
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()
        except apsw.BusyError:
            return True
        finally:
            connection.close()
    return False
