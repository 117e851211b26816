"""`tidings optout list|export|import`: who is opted out, as text, CSV or JSON, and lists of other systems taken over.

Works on the store directly: whoever can write the database file needs no grant. Reads page by page and imports unit by unit, so that
memory stays flat. What an import changes is `services.texting.optout_import`'s.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer

from tidings.cli.formatting import plain, show_json
from tidings.cli.optout_lines import BadLine, lines_of
from tidings.cli.running import (
    WRONG_USAGE,
    AsJson,
    CommandError,
    ConfigFile,
    DataDirectory,
    OpenedStore,
    StoreUrl,
    note,
    origin,
    with_store,
)
from tidings.domain.audit import Action
from tidings.domain.model import AccountId, Way
from tidings.domain.optout import OptOut, OptOutQuery
from tidings.services.texting.optout_import import OptOutImport
from tidings.services.texting.phone_consent import same_number
from tidings.settings import Settings
from tidings.store.vault import FileVault
from tidings.wire.csv_rows import guarded
from tidings.wire.plain_text import replaced

optout_app = typer.Typer(no_args_is_help=True, help="Opt-outs: phones that want no texts.")

COLUMNS = (
    "account_id", "address", "phone", "since", "event_at", "way", "reason", "keyword", "raw_text", "principal",
)  # fmt: skip
_STRANGERS = frozenset({"reason", "raw_text", "keyword"})
_PAGE_ROWS = 5_000
_THREAD_SWITCH_S = 0.0005
_BAD_SHOWN = 20
_Write = Callable[[dict[str, Any]], None]

AccountOption = Annotated[
    str | None,
    typer.Option("--account", metavar="ID", help="Account id or name; may be left out where there is only one."),
]
AddressOption = Annotated[
    str | None, typer.Option("--address", metavar="NUMBER", help="Only at this inbound address; * for account-wide.")
]
PhoneOption = Annotated[str | None, typer.Option("--phone", metavar="NUMBER", help="Only this phone, E.164.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="CSV with a head line.")]
AsJsonLines = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]


@optout_app.command("list")
def list_opt_outs(
    address: AddressOption = None,
    phone: PhoneOption = None,
    account: AccountOption = None,
    as_json: AsJsonLines = False,
    as_csv: AsCsv = False,
    config: ConfigFile = None,
    data: DataDirectory = None,
    store: StoreUrl = None,
) -> None:
    """Show who is opted out, the longest first."""
    if as_json and as_csv:
        typer.echo("tidings: --json and --csv exclude each other", err=True)
        raise typer.Exit(WRONG_USAGE)
    write = _write_json(sys.stdout) if as_json else _write_csv(sys.stdout) if as_csv else _write_text
    count = _write_all({"config": config, "data": data, "store": store}, account, address, phone, lambda: write)
    if not (count or as_json or as_csv):
        typer.echo("nobody is opted out")


@optout_app.command("export")
def export_opt_outs(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to; - for standard output.")],
    address: AddressOption = None,
    phone: PhoneOption = None,
    account: AccountOption = None,
    as_json: AsJsonLines = False,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE if it exists.")] = False,
    config: ConfigFile = None,
    data: DataDirectory = None,
    store: StoreUrl = None,
) -> None:
    """Write who is opted out into a file, as CSV that can be imported again."""
    options = {"config": config, "data": data, "store": store}
    form = _write_json if as_json else _write_csv
    if str(file) == "-":
        _write_all(options, account, address, phone, lambda: form(sys.stdout), exported_to="standard output")
        return
    with _new_file(file, force=force) as out:
        count = _write_all(options, account, address, phone, lambda: form(out), exported_to=str(file))
    typer.echo(f"{file}: {count} opt-outs")


@optout_app.command("import")
def import_opt_outs(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="CSV with a head line: phone, and address, reason, since if wanted.")
    ],
    address: Annotated[
        str | None,
        typer.Option("--address", metavar="NUMBER", help="Of lines that name none; account-wide if not given."),
    ] = None,
    account: AccountOption = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave bad lines out instead of importing nothing.")
    ] = False,
    as_json: AsJson = False,
    config: ConfigFile = None,
    data: DataDirectory = None,
    store: StoreUrl = None,
) -> None:
    """Opt out everybody on a list; safe to repeat. Nobody is ever opted in by it."""

    async def work(settings: Settings, opened: OpenedStore, _vault: FileVault) -> dict[str, int]:
        from tidings.wiring import open_clock

        owner, by = await _chosen(opened, account), replace(origin(), way=Way.IMPORT)
        taking = OptOutImport(opened, opened, await open_clock(opened), owner, by, revoke_all=settings.sms_revoke_all)
        await taking.begin()
        good, bad = _look_through(file, address, taking)
        if bad and not skip_bad:
            raise CommandError(f"nothing was imported: {bad} of {good + bad} lines are bad; --skip-bad leaves them out")
        await _take(file, address, taking, good)
        taken = taking.taken
        return {"lines": good + bad, "added": taken.added, "known": taken.known, "late": taken.late, "bad": bad}

    told = with_store({"config": config, "data": data, "store": store}, work)
    if as_json:
        show_json(told)
        return
    typer.echo(
        f"{told['added']} opted out; {told['known']} were so before, {told['late']} have opted in since,"
        f" {told['bad']} bad lines left out"
    )


# --- importing ----------------------------------------------------------------------------------------------------------------


def _look_through(file: Path, address: str | None, taking: OptOutImport) -> tuple[int, int]:
    """Check every line, before anything is changed; how many are good and how many bad. The first bad ones are shown."""
    good = bad = 0
    with _bar(_size(file), "checking") as bar:
        for line in lines_of(file, address, taking.check, read=bar.update):
            if not isinstance(line, BadLine):
                good += 1
                continue
            bad += 1
            if bad <= _BAD_SHOWN:
                typer.echo(f"{file}, line {line.number}: {line.reason}", err=True)
            elif bad == _BAD_SHOWN + 1:
                typer.echo("more bad lines are not shown", err=True)
    return good, bad


async def _take(file: Path, address: str | None, taking: OptOutImport, count: int) -> None:
    lines = lines_of(file, address, taking.check, read=lambda _: None)
    good = (line for line in lines if not isinstance(line, BadLine))
    # The thread that writes wants the interpreter for moments, some hundred times a unit; by default it may wait 5 ms each time.
    sys.setswitchinterval(_THREAD_SWITCH_S)
    with _bar(count, "importing") as bar:
        await taking.take_all(good, took=bar.update)


def _bar(length: int, label: str) -> Any:
    return typer.progressbar(length=length, label=label, file=sys.stderr, hidden=not sys.stderr.isatty())


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError as error:
        raise CommandError(f"cannot read {file}: {error.strerror}", WRONG_USAGE) from error


# --- exporting ----------------------------------------------------------------------------------------------------------------


def _write_all(
    options: dict[str, Any],
    account: str | None,
    address: str | None,
    phone: str | None,
    begin: Callable[[], _Write],
    *,
    exported_to: str = "",
) -> int:
    async def work(_settings: Settings, opened: OpenedStore, _vault: FileVault) -> int:
        owners = [row.account_id for row in await opened.accounts()]
        if account is not None:
            owners = [await _chosen(opened, account)]
        write, count = begin(), 0
        for owner in owners:
            query = OptOutQuery(
                owner, (address,) if address else (), (same_number(phone),) if phone else (), limit=_PAGE_ROWS
            )
            async for row in _rows(opened, query):
                write({column: plain(getattr(row, column)) for column in COLUMNS})
                count += 1
            if exported_to:
                await note(opened, Action.EXPORT, f"optout export to {exported_to}", account_id=owner)
        return count

    return with_store(options, work)


async def _rows(store: OpenedStore, query: OptOutQuery) -> AsyncIterator[OptOut]:
    """Everybody, in order. A page begins at the last time of the one before, behind those that were shown of it, so that a
    long list is as quick at its end as at its beginning."""
    while page := await store.opt_out_page(query):
        for row in page:
            yield row
        last = page[-1].since
        alike = sum(1 for row in page if row.since == last)
        query = replace(query, since=last, offset=alike + (query.offset if last == query.since else 0))


def _write_csv(out: TextIO) -> _Write:
    table = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    table.writeheader()
    # Importing takes the apostrophe of a guarded cell away again.
    return lambda values: table.writerow(
        {name: guarded(value) if name in _STRANGERS else value for name, value in values.items()}
    )


def _write_json(out: TextIO) -> _Write:
    return lambda values: print(json.dumps(values, ensure_ascii=False), file=out)


def _write_text(values: dict[str, Any]) -> None:
    text = f"{values['phone']:<16}  {values['address']:<16}  {values['since']}  by {values['way']}"
    why = values["reason"] or values["raw_text"]
    text += f": {why}" if why else ""
    typer.echo(replaced(text, "�"))


@contextmanager
def _new_file(file: Path, *, force: bool) -> Iterator[TextIO]:
    if file.exists() and not force:
        typer.echo(f"tidings: {file} exists; say --force to replace it", err=True)
        raise typer.Exit(1)
    part = file.with_name(f"{file.name}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as out:
            yield out
        part.replace(file)
    except OSError as error:
        typer.echo(f"tidings: cannot write {file}: {error.strerror}", err=True)
        raise typer.Exit(1) from error
    finally:
        part.unlink(missing_ok=True)


async def _chosen(store: OpenedStore, wanted: str | None) -> AccountId:
    """The account of that id or name, or the only one. Raises Problem."""
    known = await store.accounts()
    if wanted is None:
        if len(known) == 1:
            return known[0].account_id
        raise CommandError(f"there are {len(known)} accounts; say which one with --account", WRONG_USAGE)
    for account in known:
        if wanted in (account.account_id, account.name):
            return account.account_id
    raise CommandError(f"account does not exist: {wanted}")
