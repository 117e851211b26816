"""The records of opt-outs and opt-ins, as pages of JSON or one CSV, and the texts that somebody has to decide on.

Called by the router. A record is an entry of the ledger about a phone; nothing here changes or removes one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from tidings.dialects.contract import WireResponse
from tidings.dialects.native import codec, export, views_optouts
from tidings.dialects.native import shapes_optouts as shapes
from tidings.dialects.native.optouts import utc
from tidings.dialects.native.routing import Call, Nothing, operation
from tidings.dialects.native.topics import After, Limit
from tidings.domain.errors import InvalidValue, NotFound
from tidings.domain.grants import Verb
from tidings.domain.model import LedgerEntry, LedgerQuery, Way
from tidings.domain.ports import Clock
from tidings.services.texting.texting import Texting
from tidings.wire.csv_rows import CSV_TYPE

PAGE_RECORDS = 100
_EXPORTED_AT_ONCE = 500
_EVENTS = tuple(views_optouts.EVENTS.values())


class RecordsQuery(Struct):
    address: Annotated[str, Meta(description="only about this inbound address")] | UnsetType = UNSET
    phone: Annotated[str, Meta(description="only about this phone, E.164")] | UnsetType = UNSET
    event: Annotated[shapes.RecordEvent, Meta(description="only these")] | UnsetType = UNSET
    way: (
        Annotated[
            Literal["keyword", "api", "console", "carrier", "import", "system"],
            Meta(description="only those by this way"),
        ]
        | UnsetType
    ) = UNSET
    since: Annotated[datetime, Meta(tz=True, description="at or after this time")] | UnsetType = UNSET
    until: Annotated[datetime, Meta(tz=True, description="before this time")] | UnsetType = UNSET
    format: (
        Annotated[Literal["json", "csv"], Meta(description="wins over the Accept header; JSON without either")]
        | UnsetType
    ) = UNSET
    limit: (
        Annotated[int, Meta(ge=1, le=1000, description="records a page, 100 if left out; not for CSV, which has all")]
        | UnsetType
    ) = UNSET
    after: After = ""


class ReviewsQuery(Struct):
    limit: Limit = 100
    after: After = ""


class RecordActions:
    GROUP = "opt-out records"

    def __init__(self, texting: Texting, clock: Clock) -> None:
        self._texting = texting
        self._clock = clock

    @operation(
        "GET",
        "/opt-out-records",
        Verb.READ_OPT_OUTS,
        shapes.OptOutRecordPage,
        name="listOptOutRecords",
        csv=True,
    )
    async def list_records(self, call: Call, query: RecordsQuery, _: Nothing) -> WireResponse:
        """Every opt-out, opt-in and doubtful text, oldest first; with `Accept: text/csv` or `format=csv` everything that matches as CSV,
        as the ledger's."""
        wanted = LedgerQuery(
            endpoint=query.phone or None,
            address=query.address or None,
            events=(views_optouts.EVENTS[query.event],) if query.event else _EVENTS,
            ways=(Way(query.way),) if query.way else (),
            since=utc("since", query.since) if query.since else None,
            until=utc("until", query.until) if query.until else None,
            after=codec.read_id_cursor("opt-out-records", query.after),
        )
        if query.format == "csv" or (not query.format and codec.prefers_csv(call.request.headers.get("accept", ""))):
            if query.limit:
                raise InvalidValue("limit", "a CSV has everything that matches; leave it out")
            return await self._csv(call, wanted)
        limit = query.limit or PAGE_RECORDS
        entries = await self._texting.records.find(call.grant, replace(wanted, limit=limit + 1))
        return codec.page("opt-out-records", entries, limit, lambda entry: entry.id, views_optouts.record)

    async def _csv(self, call: Call, wanted: LedgerQuery) -> WireResponse:
        pages = self._pages(call, wanted)
        # As the ledger's: the first page is read before the answer begins, so that a store out of reach is a 503.
        # A list: CPython 3.11 takes an empty tuple here for the arguments of StopIteration, and fails.
        first: Sequence[LedgerEntry] = await anext(pages, [])
        file = "tidings-opt-out-records.csv"
        headers = (("cache-control", "no-store"), ("content-disposition", f'attachment; filename="{file}"'))
        return WireResponse(200, export.records_csv(first, pages), CSV_TYPE, headers)

    async def _pages(self, call: Call, wanted: LedgerQuery) -> AsyncIterator[Sequence[LedgerEntry]]:
        wanted = replace(wanted, limit=_EXPORTED_AT_ONCE)
        while entries := await self._texting.records.find(call.grant, wanted):
            yield entries
            wanted = replace(wanted, after=entries[-1].id)

    @operation("GET", "/reviews", Verb.READ_OPT_OUTS, shapes.ReviewPage)
    async def list_reviews(self, call: Call, query: ReviewsQuery, _: Nothing) -> WireResponse:
        """Texts that no keyword matches but a person might have meant as an opt-out, undecided, oldest first."""
        after = codec.read_id_cursor("reviews", query.after)
        rows = await self._texting.records.open_reviews(call.grant, after=after, limit=query.limit + 1)
        now = self._clock.now()
        return codec.page(
            "reviews", rows, query.limit, lambda entry: entry.id, lambda entry: views_optouts.review(entry, now)
        )

    @operation(
        "POST",
        "/reviews/{record_id}/resolve",
        Verb.MANAGE_OPT_OUTS,
        None,
        name="resolveReview",
        status=204,
        refusals=(404, 409),
    )
    async def resolve(self, call: Call, _: Nothing, body: shapes.Decision) -> WireResponse:
        """Decide on such a text: an opt-out, or nothing of the kind."""
        text = call.path["record_id"]
        if not (text.isascii() and text.isdigit() and len(text) <= 18):
            raise NotFound("review", text)
        await self._texting.records.resolve(
            call.grant, int(text), opt_out=body.decision == "opt-out", reason=body.reason, origin=call.origin
        )
        return codec.nothing()
