"""Where everything is kept, and the flow that delivers from it. The only page of wiring that knows which database that is.

Called by `foundation` for the server and by commands. Another database is another `Backend`, chosen in `open_backend`.
"""

from __future__ import annotations

from typing import Protocol

from tidings.domain.errors import Unavailable
from tidings.domain.phone_ports import OptOutStore, TextGate, TextStore
from tidings.domain.ports import Flow, Store
from tidings.flow.embedded import EmbeddedFlow
from tidings.settings import Settings
from tidings.store.sqlite import SqliteStore
from tidings.store.vault import FileVault


class WholeStore(Store, OptOutStore, TextStore, Protocol):
    """All that services and delivery ask of one store."""


class Backend(Protocol):
    """A store that is open, and what goes with it. Closed by closing the store."""

    @property
    def store(self) -> WholeStore: ...

    @property
    def text_gate(self) -> TextGate:
        """Over the same store."""
        ...

    def deliver(self, backlog_max: int) -> Flow:
        """Become the one who delivers from the store. Raises Unavailable when another process does. backlog_max: messages that may wait
        before publishing waits."""
        ...

    async def warm(self) -> None:
        """Have the system read what every text will ask for; once, beside the work, at a start."""
        ...


class SqliteBackend:
    """One file, one process that delivers from it."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store

    @property
    def store(self) -> WholeStore:
        return self._store

    @property
    def text_gate(self) -> TextGate:
        return self._store.text_gate

    def deliver(self, backlog_max: int) -> Flow:
        return EmbeddedFlow.open(self._store.journal, backlog_max=backlog_max)

    async def warm(self) -> None:
        await self._store.warm()


async def open_backend(settings: Settings, *, create: bool = True) -> tuple[Backend, FileVault]:
    """The backend and the vault that go together.

    create: make them where there are none. Raises Unavailable with a text for the operator, OSError.
    """
    is_new = not settings.store_path.exists()
    if is_new and not create:
        raise Unavailable(
            f"there is no database {settings.store_path}; is --data right? A start makes one: tidings serve"
        )
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    vault = FileVault.load(settings.data, settings.secret_key, previous=settings.secret_key_previous, create=is_new)
    return SqliteBackend(await SqliteStore.open(settings.store_path)), vault


async def open_store(settings: Settings, *, create: bool = True) -> tuple[WholeStore, FileVault]:
    """The store alone, for commands that do not deliver. As `open_backend`."""
    backend, vault = await open_backend(settings, create=create)
    return backend.store, vault
