"""The audit trail: who changed what, when and from where; as pages of JSON or one CSV. Called by the router."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from tidings.dialects.contract import WireResponse
from tidings.dialects.native import codec
from tidings.dialects.native.routing import Call, Nothing, operation
from tidings.dialects.native.shapes import Page
from tidings.dialects.native.topics import After
from tidings.domain.audit import AuditEntry, AuditQuery
from tidings.domain.errors import InvalidValue
from tidings.domain.grants import Verb
from tidings.services.accounts import Accounts
from tidings.wire.csv_rows import CSV_TYPE, lines

PAGE_ENTRIES = 100


class EntriesQuery(Struct):
    action: (
        Annotated[str, Meta(description="an action (`topic.create`), or the part before its dot (`topic`)")] | UnsetType
    ) = UNSET
    principal: Annotated[str, Meta(description="exactly this principal, or a user's name")] | UnsetType = UNSET
    subject: Annotated[str, Meta(description="contained in the subject")] | UnsetType = UNSET
    since: Annotated[datetime, Meta(tz=True, description="at or after this time")] | UnsetType = UNSET
    until: Annotated[datetime, Meta(tz=True, description="before this time")] | UnsetType = UNSET
    format: (
        Annotated[Literal["json", "csv"], Meta(description="wins over the Accept header; JSON without either")]
        | UnsetType
    ) = UNSET
    limit: (
        Annotated[int, Meta(ge=1, le=1000, description="entries a page, 100 if left out; not for CSV, which has all")]
        | UnsetType
    ) = UNSET
    after: After = ""


class AuditRecord(Struct):
    """One act. Entries are never changed or removed."""

    id: int
    at: datetime
    action: Annotated[str, Meta(description="`sign-in`, `topic.create`, `user.change`, …")]
    subject: Annotated[str, Meta(description="what it is about, such as a topic's region and name, or a user")]
    principal: Annotated[str, Meta(description="who did it; empty for a failed sign-in")]
    key_id: Annotated[str, Meta(description="the access key that signed, if one did")]
    way: Annotated[
        str,
        Meta(description="where it came in: console, native, sns, smn, tencent, cli, provisioning, server, developer"),
    ]
    remote_address: str
    user_agent: str
    request_id: str
    before: Annotated[dict[str, str], Meta(description="what was different before; secrets are masked")]
    after: Annotated[dict[str, str], Meta(description="what is different after; secrets are masked")]
    detail: str
    count: Annotated[int, Meta(description="how many alike this entry stands for")]


class AuditPage(Page[AuditRecord]):
    """One page of audit entries."""


class AuditActions:
    GROUP = "audit"

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    @operation("GET", "/audit", Verb.READ_AUDIT, AuditPage, name="listAudit", csv=True)
    async def entries(self, call: Call, query: EntriesQuery, _: Nothing) -> WireResponse:
        """Who changed what in the account, oldest first; with `Accept: text/csv` or `format=csv` everything that matches as CSV."""
        wanted = AuditQuery(
            call.grant.owner,
            actions=(query.action,) if query.action else (),
            principal=query.principal or None,
            text=query.subject or None,
            since=_utc("since", query.since) if query.since else None,
            until=_utc("until", query.until) if query.until else None,
            after=codec.read_id_cursor("audit", query.after),
        )
        if query.format == "csv" or (not query.format and codec.prefers_csv(call.request.headers.get("accept", ""))):
            if query.limit:
                raise InvalidValue("limit", "a CSV has everything that matches; leave it out")
            return await self._csv(call, wanted)
        limit = query.limit or PAGE_ENTRIES
        found = await self._accounts.trail.page(call.grant, replace(wanted, limit=limit + 1))
        return codec.page("audit", found, limit, lambda entry: entry.id, _record)

    async def _csv(self, call: Call, wanted: AuditQuery) -> WireResponse:
        pages = self._accounts.trail.pages(call.grant, wanted)
        # The first page is read before the answer begins, so that a store out of reach is a 503 and not a torn file.
        # A list: CPython 3.11 takes an empty tuple here for the arguments of StopIteration, and fails.
        first: Sequence[AuditEntry] = await anext(pages, [])
        headers = (("cache-control", "no-store"), ("content-disposition", 'attachment; filename="tidings-audit.csv"'))
        return WireResponse(200, _lines(first, pages), CSV_TYPE, headers)


def _record(entry: AuditEntry) -> AuditRecord:
    origin = entry.origin
    return AuditRecord(
        id=entry.id,
        at=entry.at,
        action=entry.action,
        subject=entry.subject,
        principal=origin.principal,
        key_id=origin.key_id,
        way=origin.via or origin.way.value,
        remote_address=origin.remote_address,
        user_agent=origin.user_agent,
        request_id=origin.request_id,
        before=dict(entry.before),
        after=dict(entry.after),
        detail=entry.detail,
        count=entry.count,
    )


async def _lines(first: Sequence[AuditEntry], following: AsyncIterator[Sequence[AuditEntry]]) -> AsyncIterator[bytes]:
    yield lines([AuditRecord.__struct_fields__, *map(_row, first)])
    async for page in following:
        yield lines(map(_row, page))


def _row(entry: AuditEntry) -> tuple[object, ...]:
    """Maps as JSON."""
    told = msgspec.structs.astuple(_record(entry))
    return tuple(msgspec.json.encode(value).decode() if isinstance(value, dict) else value for value in told)


def _utc(name: str, time: datetime) -> datetime:
    try:
        return time.astimezone(UTC)
    except OverflowError as error:
        raise InvalidValue(name, "out of range") from error
