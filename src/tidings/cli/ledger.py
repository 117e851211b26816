"""`tidings ledger`: read the consent ledger, filtered, as text, JSON lines or CSV. Page by page, so that memory stays flat.

Reads the store directly: whoever can read the database file needs no grant. Changes nothing.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from tidings.cli.formatting import plain
from tidings.cli.running import CommandError, ConfigFile, DataDirectory, StoreUrl, with_store
from tidings.domain.model import AccountId, LedgerEntry, LedgerQuery, TopicId
from tidings.domain.ports import Store
from tidings.settings import Settings
from tidings.store.vault import FileVault
from tidings.wire.csv_rows import cell
from tidings.wire.plain_text import replaced

_PAGE_ENTRIES = 500
_WRONG_USAGE = 2
_COLUMNS = (
    "id", "at", "event", "account_id", "region", "topic_name", "subscription_uid", "protocol", "endpoint", "before", "after",
    "way", "principal", "remote_address", "user_agent", "request_id", "shown", "raw_text", "detail",
    "address", "keyword", "transport_id", "sent_at", "changed",
)  # fmt: skip
# What a stranger wrote: a spreadsheet would take a text that begins like this for a formula.
_STRANGERS = frozenset({"user_agent", "shown", "raw_text", "detail", "keyword", "transport_id"})


def ledger(
    endpoint: Annotated[str | None, typer.Option(help="Only this endpoint, written as it was subscribed.")] = None,
    topic: Annotated[
        str | None, typer.Option(metavar="ARN", help="Only this topic: its ARN, or the number of its row.")
    ] = None,
    subscription: Annotated[
        str | None, typer.Option(metavar="ARN", help="Only this subscription: its ARN or last part.")
    ] = None,
    account: Annotated[str | None, typer.Option(metavar="ID", help="Only this account.")] = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="ISO 8601; UTC if it names no zone.")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="ISO 8601, exclusive.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="CSV with a head line.")] = False,
    config: ConfigFile = None,
    data: DataDirectory = None,
    store: StoreUrl = None,
) -> None:
    """Show what was consented, when, by whom and which way."""

    async def work(_settings: Settings, opened: Store, _vault: FileVault) -> int:
        query = LedgerQuery(
            account_id=AccountId(account) if account else None,
            endpoint=endpoint,
            topic_id=await _topic_id(opened, topic) if topic else None,
            subscription_uid=subscription.rpartition(":")[2].replace("-", "") if subscription else None,
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


def row(entry: LedgerEntry) -> dict[str, Any]:
    """An entry as one flat row."""
    values: dict[str, Any] = plain(entry)
    values["changed"] = entry.is_change
    return {column: values[column] if column in values else values["origin"][column] for column in _COLUMNS}


async def _entries(store: Store, query: LedgerQuery) -> AsyncIterator[LedgerEntry]:
    while page := await store.ledger(query):
        for entry in page:
            yield entry
        query = replace(query, after=page[-1].id)


def _writer(as_json: bool, as_csv: bool) -> Callable[[dict[str, Any]], None]:
    if as_json:
        return lambda values: typer.echo(json.dumps(values, ensure_ascii=False))
    if as_csv:
        table = csv.DictWriter(sys.stdout, _COLUMNS, lineterminator="\n")
        table.writeheader()
        return lambda values: _write_csv(table, values)
    return lambda values: typer.echo(_sentence(values))


def _write_csv(table: csv.DictWriter[str], values: dict[str, Any]) -> None:
    table.writerow({name: cell(value) if name in _STRANGERS else value for name, value in values.items()})


def _sentence(values: dict[str, Any]) -> str:
    who = values["principal"] or values["remote_address"] or "the server"
    about = f"at {values['address']}" if values["address"] else f"topic {values['topic_name']} ({values['region']})"
    text = (
        f"{values['at']}  {values['event']:<17}  {values['protocol']} {values['endpoint']}  {about}"
        f"  by {values['way']} from {who}{_said(values)}{'' if values['changed'] else '  (no change)'}"
    )
    # A terminal must not obey what a stranger wrote.
    return replaced(text, "�")


def _said(values: dict[str, Any]) -> str:
    """What the person texted, as far as it is known."""
    parts = (
        ("keyword", values["keyword"]),
        ("text", f'"{values["raw_text"]}"' if values["raw_text"] else ""),
        ("id", values["transport_id"]),
        ("sent at", values["sent_at"]),
    )
    return "".join(f"  {name} {value}" for name, value in parts if value)


def read_time(text: str | None, option: str) -> datetime | None:
    """A time that an operator typed. Raises Problem."""
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text)
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise CommandError(f"{option} must be a time in ISO 8601, not {text!r}", _WRONG_USAGE) from error


async def _topic_id(store: Store, text: str) -> TopicId:
    if text.isascii() and text.isdigit():
        return TopicId(int(text))
    parts = text.split(":")
    if len(parts) != 6 or parts[0] != "arn":
        raise CommandError("--topic must be a topic's ARN or the number of its row", _WRONG_USAGE)
    topic = await store.topic(AccountId(parts[4]), parts[3], parts[5])
    if topic is None:
        raise CommandError(f"topic does not exist: {text}")
    return topic.id
