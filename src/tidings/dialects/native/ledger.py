"""The consent ledger: who agreed to what, when and how; as pages of JSON or one CSV. Called by the router.

Shows the entries about the account's own topics, also of subscriptions that are long gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from tidings.dialects.contract import WireResponse
from tidings.dialects.native import codec, export, names, shapes, views
from tidings.dialects.native.routing import Call, Nothing, operation
from tidings.dialects.native.subscriptions import stored_form
from tidings.dialects.native.topics import After, TopicActions
from tidings.domain.errors import InvalidValue
from tidings.domain.grants import Verb
from tidings.domain.model import LedgerEntry, LedgerQuery
from tidings.services.ledger import Ledger
from tidings.wire.csv_rows import CSV_TYPE

PAGE_ENTRIES = 100


class EntriesQuery(Struct):
    endpoint: (
        Annotated[str, Meta(description="exactly this endpoint: URL, mail address, number or ARN")] | UnsetType
    ) = UNSET
    topic: Annotated[str, Meta(description="uid, ARN or URN of a topic that exists")] | UnsetType = UNSET
    subscription: Annotated[str, Meta(description="uid, ARN or URN, also of one that is gone")] | UnsetType = UNSET
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


class LedgerActions:
    GROUP = "ledger"

    def __init__(self, ledger: Ledger, topics: TopicActions) -> None:
        self._ledger = ledger
        self._topics = topics

    @operation(
        "GET",
        "/ledger",
        Verb.READ_LEDGER,
        shapes.LedgerPage,
        name="listLedger",
        refusals=(404,),
        csv=True,
    )
    async def entries(self, call: Call, query: EntriesQuery, _: Nothing) -> WireResponse:
        """Changes of consent, oldest first; with `Accept: text/csv` or `format=csv` everything that matches as CSV, in which a cell that
        a spreadsheet would take for a formula has an apostrophe in front."""
        wanted = await self._wanted(call, query)
        if query.format == "csv" or (not query.format and codec.prefers_csv(call.request.headers.get("accept", ""))):
            if query.limit:
                raise InvalidValue("limit", "a CSV has everything that matches; leave it out")
            return await self._csv(call, wanted)
        return await self._page(call, wanted, query.limit or PAGE_ENTRIES)

    async def _wanted(self, call: Call, query: EntriesQuery) -> LedgerQuery:
        topic = await self._topics.of_account(query.topic, call.principal.account_id) if query.topic else None
        return LedgerQuery(
            endpoint=stored_form(query.endpoint) if query.endpoint else None,
            topic_id=topic.id if topic is not None else None,
            subscription_uid=names.read_subscription(query.subscription) if query.subscription else None,
            since=_utc("since", query.since) if query.since else None,
            until=_utc("until", query.until) if query.until else None,
            after=codec.read_id_cursor("ledger", query.after),
        )

    async def _page(self, call: Call, wanted: LedgerQuery, limit: int) -> WireResponse:
        entries = await self._ledger.page(call.grant, replace(wanted, limit=limit + 1))
        # The ledger shows entries about the account's own topics only, so one project is everybody's.
        naming = await self._topics.naming_of(call.grant.owner)
        return codec.page(
            "ledger", entries, limit, lambda entry: entry.id, lambda entry: views.ledger_entry(entry, naming)
        )

    async def _csv(self, call: Call, wanted: LedgerQuery) -> WireResponse:
        pages = self._ledger.pages(call.grant, wanted)
        # The first page is read before the answer begins, so that a store out of reach is a 503 and not a torn file.
        # A list: CPython 3.11 takes an empty tuple here for the arguments of StopIteration, and fails.
        first: Sequence[LedgerEntry] = await anext(pages, [])
        naming = await self._topics.naming_of(call.grant.owner)
        headers = (("cache-control", "no-store"), ("content-disposition", 'attachment; filename="tidings-ledger.csv"'))
        return WireResponse(200, export.ledger_csv(first, pages, naming), CSV_TYPE, headers)


def _utc(name: str, time: datetime) -> datetime:
    try:
        return time.astimezone(UTC)
    except OverflowError as error:
        raise InvalidValue(name, "out of range") from error
