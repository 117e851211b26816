"""What the house is given rather than builds: its clock, ids, and the data directory. Called by `house` and by admin commands."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime, timedelta

from tidings.domain.errors import Unavailable
from tidings.settings import Settings
from tidings.store.sqlite import SqliteStore
from tidings.store.vault import FileVault


class HouseClock:
    """The machine's clock; developer mode may move it forward."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def advance(self, seconds: float) -> None:
        self._ahead += timedelta(seconds=seconds)


def new_uid() -> str:
    return secrets.token_hex(16)


def new_uuid() -> str:
    """A random UUID (version 4). Every request and message takes one, and uuid.uuid4 costs three times as much."""
    digits = secrets.token_hex(16)
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def new_serial() -> str:
    """A UUID that grows with time (version 7), for texts: their index is written twice as fast in its own order."""
    digits = f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(10)}"
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-7{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def new_token() -> str:
    return secrets.token_hex(32)


async def open_store(settings: Settings, *, create: bool = True) -> tuple[SqliteStore, FileVault]:
    """The store and the vault that go together, for admin commands and for the server.

    create: make them where there are none. Raises Unavailable with a text for the operator, OSError.
    """
    is_new = not settings.store_path.exists()
    if is_new and not create:
        raise Unavailable(
            f"there is no database {settings.store_path}; is --data right? A start makes one: tidings serve"
        )
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    vault = FileVault.load(settings.data, settings.secret_key, create=is_new)
    return await SqliteStore.open(settings.store_path), vault
