"""How every command begins and ends: settings from its options, the store it works on, one line for what went wrong, exit codes.

Called by all commands. 0 done, 1 failed, 2 wrong usage (an option, a setting, a value).
"""

from __future__ import annotations

import asyncio
import getpass
import os
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Protocol, TypeVar

import typer

from tidings.domain.audit import Action, AuditEntry
from tidings.domain.errors import Conflict, InvalidValue, TidingsError
from tidings.domain.model import AccountId, Origin, Way
from tidings.domain.phone_ports import OptOutStore, TextStore
from tidings.domain.ports import Store
from tidings.domain.unit import Unit
from tidings.services.accounts import Accounts
from tidings.settings import Settings, SettingsError, load
from tidings.store.vault import FileVault

FAILED = 1
WRONG_USAGE = 2
T = TypeVar("T")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
ConfigFile = Annotated[str | None, typer.Option("--config", metavar="FILE", help="TOML file of settings.")]
DataDirectory = Annotated[
    str | None, typer.Option("--data", metavar="DIRECTORY", help="Where the database and keys are.")
]
StoreUrl = Annotated[str | None, typer.Option("--store", metavar="URL", help="sqlite:///PATH; default inside --data.")]


class OpenedStore(Store, OptOutStore, TextStore, Protocol):
    """What commands work on: both ports are one object."""


class CommandError(Exception):
    """Something that ends a command: one line for the operator, and the exit code."""

    def __init__(self, text: str, code: int = FAILED) -> None:
        super().__init__(text)
        self.code = code


@contextmanager
def told() -> Iterator[None]:
    """Turn what an operator can mend into one line on standard error and an exit code."""
    try:
        yield
    except CommandError as problem:
        raise _ended(str(problem), problem.code) from problem
    except (SettingsError, InvalidValue) as error:
        raise _ended(str(error), WRONG_USAGE) from error
    except Conflict as error:
        raise _ended("somebody else changed the same thing; try again", FAILED) from error
    except TidingsError as error:
        raise _ended(str(error), FAILED) from error
    except BrokenPipeError:
        raise  # whoever read the output has gone: no fault, and nobody is there to be told
    except OSError as error:
        raise _ended(f"{error.filename or 'the system'}: {error.strerror or error}", FAILED) from error


def _ended(text: str, code: int) -> typer.Exit:
    typer.echo(f"tidings: {text}", err=True)
    return typer.Exit(code)


def settings_from(options: Mapping[str, str | bool | int | None]) -> Settings:
    """The effective settings for these options. Raises SettingsError."""
    return load(options, os.environ)


def with_store(
    options: Mapping[str, str | bool | int | None],
    work: Callable[[Settings, OpenedStore, FileVault], Awaitable[T]],
    *,
    create: bool = False,
) -> T:
    """Open the store, do the work, close it; what went wrong is told and ends the command.

    create: make a database where there is none; without it that is an error, because a wrong --data would look like an empty one.
    """

    async def run() -> T:
        from tidings.wiring import open_store

        settings = settings_from(options)
        store, vault = await open_store(settings, create=create)
        try:
            return await work(settings, store, vault)
        finally:
            await store.close()

    with told():
        return asyncio.run(run())


def origin() -> Origin:
    """Who types this command, for the ledger and the audit trail."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # no name for this user id, as in a container
        user = str(os.getuid())
    return Origin(Way.CLI, principal=f"os-user:{user}", via="cli")


async def note(
    store: Store, action: Action, subject: str, *, account_id: AccountId | None = None, count: int = 1
) -> None:
    """Add to the audit trail what a command did beside changing rows; without an account to the first one's. What was done stays done
    when this fails, so that is a warning."""
    from tidings.wiring import open_clock

    try:
        clock = await open_clock(store)
        known = min(await store.accounts(), key=lambda it: (it.created_at, it.account_id), default=None)
        owner = account_id or (known.account_id if known else AccountId(""))
        await store.commit(Unit(audit=[AuditEntry(owner, clock.now(), action, subject, origin(), count=count)]))
    except TidingsError as error:
        typer.echo(f"tidings: the audit trail could not be written: {error}", err=True)


def with_accounts(
    options: Mapping[str, str | bool | int | None], work: Callable[[Accounts], Awaitable[T]], *, create: bool = False
) -> T:
    """As `with_store`, for commands about accounts, users and keys."""

    async def run(_settings: Settings, store: OpenedStore, vault: FileVault) -> T:
        from tidings.wiring import open_clock

        return await work(Accounts(store, await open_clock(store), vault, opt_outs=store, texts=store, origin=origin()))

    return with_store(options, run, create=create)
