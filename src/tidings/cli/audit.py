"""`tidings audit`: read the audit trail, filtered, as text, JSON lines or CSV. Page by page, so that memory stays flat.

Reads the store directly: whoever can read the database file needs no grant. Changes nothing.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Annotated, Any

import typer

from tidings.cli.ledger import read_time
from tidings.cli.running import ConfigFile, DataDirectory, StoreUrl, with_store
from tidings.domain.audit import AuditEntry, AuditQuery
from tidings.domain.model import AccountId
from tidings.domain.ports import Store
from tidings.settings import Settings
from tidings.store.vault import FileVault
from tidings.wire.csv_rows import cell
from tidings.wire.plain_text import replaced

_PAGE_ENTRIES = 500
_WRONG_USAGE = 2
_COLUMNS = (
    "id", "at", "account_id", "action", "subject", "principal", "key_id", "way", "remote_address", "user_agent", "request_id",
    "before", "after", "detail", "count",
)  # fmt: skip


def audit(
    action: Annotated[
        str | None, typer.Option(help="Only this action (topic.create), or what is before its dot (topic).")
    ] = None,
    principal: Annotated[str | None, typer.Option(help="Only this principal, or a user's name.")] = None,
    subject: Annotated[str | None, typer.Option(help="Only what contains this: a topic, a user, a key.")] = None,
    account: Annotated[str | None, typer.Option(metavar="ID", help="Only this account.")] = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="ISO 8601; UTC if it names no zone.")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="ISO 8601, exclusive.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="CSV with a head line.")] = False,
    config: ConfigFile = None,
    data: DataDirectory = None,
    store: StoreUrl = None,
) -> None:
    """Show who changed what, when and from where."""

    async def work(_settings: Settings, opened: Store, _vault: FileVault) -> int:
        query = AuditQuery(
            AccountId(account) if account else None,
            actions=(action,) if action else (),
            principal=principal,
            text=subject,
            since=read_time(since, "--since"),
            until=read_time(until, "--until"),
            limit=_PAGE_ENTRIES,
        )
        write = _writer(as_json, as_csv)
        count = 0
        async for entry in _entries(opened, query):
            write(row(entry))
            count += 1
        return count

    if as_json and as_csv:
        typer.echo("tidings: --json and --csv exclude each other", err=True)
        raise typer.Exit(_WRONG_USAGE)
    count = with_store({"config": config, "data": data, "store": store}, work)
    if not as_json and not as_csv and not count:
        typer.echo("no entries")


def row(entry: AuditEntry) -> dict[str, Any]:
    """An entry as one row."""
    origin = entry.origin
    return {
        "id": entry.id,
        "at": entry.at.isoformat(),
        "account_id": entry.account_id,
        "action": entry.action,
        "subject": entry.subject,
        "principal": origin.principal,
        "key_id": origin.key_id,
        "way": origin.via or origin.way.value,
        "remote_address": origin.remote_address,
        "user_agent": origin.user_agent,
        "request_id": origin.request_id,
        "before": dict(entry.before),
        "after": dict(entry.after),
        "detail": entry.detail,
        "count": entry.count,
    }


async def _entries(store: Store, query: AuditQuery) -> AsyncIterator[AuditEntry]:
    while page := await store.audit(query):
        for entry in page:
            yield entry
        query = replace(query, after=page[-1].id)


def _writer(as_json: bool, as_csv: bool) -> Callable[[dict[str, Any]], None]:
    if as_json:
        return lambda values: typer.echo(json.dumps(values, ensure_ascii=False))
    if as_csv:
        table = csv.DictWriter(sys.stdout, _COLUMNS, lineterminator="\n")
        table.writeheader()
        return lambda values: table.writerow({name: _cell(value) for name, value in values.items()})
    return lambda values: typer.echo(_sentence(values))


def _cell(value: object) -> object:
    """Maps as JSON; nothing that a spreadsheet would take for a formula."""
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False) if value else ""
    return cell(value)


def _sentence(values: dict[str, Any]) -> str:
    who = values["principal"] or "nobody known"
    where = f" at {values['remote_address']}" if values["remote_address"] else ""
    many = f" x {values['count']}" if values["count"] > 1 else ""
    changes = "; ".join(
        f"{name}: {values['before'].get(name, '-')} -> {values['after'].get(name, '-')}"
        for name in {**values["before"], **values["after"]}
    )
    told = "  ".join(part for part in (changes, values["detail"]) if part)
    text = (
        f"{values['at']}  {values['action']:<22}  {values['subject']}{many}  by {who}{where} ({values['way']})  {told}"
    )
    # A terminal must not obey what a stranger wrote.
    return replaced(text.rstrip(), "\N{REPLACEMENT CHARACTER}")
