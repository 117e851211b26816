"""What is dear and of no interest to a test in this process is made once or made weak.

Databases are copies of one that was migrated, templates are compiled, phrases read and descriptions made once, passwords are hashed
in a moment, RSA keys are shared. Servers in processes of their own have the real things.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from types import SimpleNamespace

import argon2
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jinja2 import BytecodeCache, Environment
from jinja2.bccache import Bucket

from tidings.access import authenticate
from tidings.console import render as console_render
from tidings.delivery import certificate
from tidings.dialects.native import openapi
from tidings.dialects.native.routing import AnyOperation
from tidings.pages import render as pages_render
from tidings.pages import subscriber
from tidings.pages.catalogue import load_catalogues
from tidings.services import accounts
from tidings.store.sqlite import SqliteStore
from tidings.store.sqlite.database import Database

_open_store = SqliteStore.open
_describe = openapi.document


class CompiledOnce(BytecodeCache):
    """Compiled templates, for all applications of one process."""

    def __init__(self) -> None:
        self._code: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if (found := self._code.get(bucket.key)) is not None:
            bucket.bytecode_from_string(found)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._code[bucket.key] = bucket.bytecode_to_string()


class Copies:
    """Opens a new store as a copy of an empty one: the migrations run once, not in each test. What it writes outlives the process
    but no power cut."""

    def __init__(self) -> None:
        self._empty = b""

    async def open(self, path: Path) -> SqliteStore:
        if path.parent.is_dir() and not path.exists():
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(self._empty or await self._make())
        database = await asyncio.to_thread(Database, path)
        database.writing.execute("PRAGMA synchronous = off")
        return SqliteStore(database)

    async def _make(self) -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            store = await _open_store(Path(folder) / "empty.db")
            store.journal.claim()  # so that the migrations that need the database alone have run, too
            await store.close()  # which leaves nothing in the write-ahead log
            self._empty = (Path(folder) / "empty.db").read_bytes()
        return self._empty


class DescribedOnce:
    """Descriptions of the native API: the same operations are described alike, whoever serves them."""

    def __init__(self) -> None:
        self._made: dict[tuple[tuple[str, str], ...], dict[str, object]] = {}

    def document(self, operations: Sequence[AnyOperation]) -> dict[str, object]:
        served = tuple((it.method, it.path) for it in operations)
        if served not in self._made:
            self._made[served] = _describe(operations)
        return self._made[served]


@contextmanager
def cheap() -> Iterator[None]:
    """For a whole session: a patch per test would be dearer than most tests."""
    hasher = partial(argon2.PasswordHasher, time_cost=1, memory_cost=8, parallelism=1)
    environment = partial(Environment, bytecode_cache=CompiledOnce())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(accounts, "PasswordHasher", hasher)
        patch.setattr(authenticate, "PasswordHasher", hasher)
        patch.setattr(certificate, "rsa", SimpleNamespace(generate_private_key=cache(rsa.generate_private_key)))
        patch.setattr(console_render, "Environment", environment)
        patch.setattr(openapi, "document", DescribedOnce().document)
        patch.setattr(pages_render, "Environment", environment)
        patch.setattr(subscriber, "load_catalogues", cache(load_catalogues))
        patch.setattr(SqliteStore, "open", Copies().open)
        yield
