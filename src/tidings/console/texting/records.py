"""The history of every opt-out and opt-in by text, with filters, and the same as CSV. Nothing here changes a record."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from tidings.console.csv_export import download
from tidings.console.formatting import EVENTS, WAYS
from tidings.console.routing import Answer, Call, Route, Shown
from tidings.console.texting import labels
from tidings.domain.grants import Grant, Verb
from tidings.domain.model import NEWEST, Event, LedgerEntry, LedgerQuery, State, Way
from tidings.domain.optout import ACCOUNT_WIDE
from tidings.services.texting.optout_records import RECORDS
from tidings.wire.csv_rows import lines

PAGE_RECORDS = 50
COLUMNS = (
    "id",
    "at",
    "event",
    "phone",
    "address",
    "before",
    "after",
    "way",
    "keyword",
    "raw_text",
    "detail",
    "principal",
    "sent_at",
    "transport_id",
    "remote_address",
    "user_agent",
    "request_id",
    "changed",
)
_WAYS = (Way.KEYWORD, Way.CONSOLE, Way.API, Way.CARRIER, Way.IMPORT, Way.SYSTEM)
_FILTERS = ("phone", "address", "event", "way", "since", "until")
_EXPORTED_AT_ONCE = 500


async def records(call: Call) -> Answer:
    """A page of records, newest first."""
    query, grant = call.query, call.grant
    before = query.whole("before", "Page", default=NEWEST)
    asked = replace(await _wanted(call, grant), before=before, limit=PAGE_RECORDS + 1)
    found = await call.services.texting.records.find(grant, asked) if query.ok else []
    shown = found[:PAGE_RECORDS]
    link: dict[str, object] = {name: query.typed(name).strip() for name in _FILTERS}
    values = {
        "query": query,
        "entries": shown,
        "addresses": labels.address_choices(await call.services.texting.addresses.all(grant)),
        "events": tuple((event.value, EVENTS[event][0]) for event in RECORDS),
        "ways": tuple((way.value, WAYS[way]) for way in _WAYS),
        "filters": link,
        "is_searched": any(link.values()) or before != NEWEST,
        "first": link if before != NEWEST else None,
        "next": link | {"before": shown[-1].id} if len(found) > PAGE_RECORDS else None,
        "ACCOUNT_WIDE": ACCOUNT_WIDE,
    }
    status = 200 if query.ok else 422
    spoken = f"{len(shown)} records shown"
    return Shown("texting/records.html", "Records", values, block="results", spoken=spoken, status=status)


async def _wanted(call: Call, grant: Grant) -> LedgerQuery:
    query = call.query
    known = [row.address for row in await call.services.texting.addresses.all(grant)]
    event = query.choice("event", "What happened", [event.value for event in RECORDS])
    way = query.choice("way", "By which way", [way.value for way in _WAYS])
    return LedgerQuery(
        endpoint=labels.read_phone(query, "phone", "Number") or None,
        address=query.choice("address", "Address", [ACCOUNT_WIDE, *known]) or None,
        events=(Event(event),) if event else (),
        ways=(Way(way),) if way else (),
        since=query.moment("since", "From"),
        until=query.moment("until", "Until", is_end=True),
    )


async def export(call: Call) -> Answer:
    """Everything that the filters find, oldest first."""
    grant = call.grant
    wanted = await _wanted(call, grant)
    if not call.query.ok:
        return await records(call)
    pages = _pages(call, grant, replace(wanted, limit=_EXPORTED_AT_ONCE))
    # The first page is read before the answer begins, so that a store out of reach is a page and not a torn file.
    # A list: CPython 3.11 takes an empty tuple here for the arguments of StopIteration, and fails.
    first: Sequence[LedgerEntry] = await anext(pages, [])
    return download("tidings-records.csv", _csv(first, pages))


async def _pages(call: Call, grant: Grant, wanted: LedgerQuery) -> AsyncIterator[Sequence[LedgerEntry]]:
    while entries := await call.services.texting.records.find(grant, wanted):
        yield entries
        wanted = replace(wanted, after=entries[-1].id)


async def _csv(first: Sequence[LedgerEntry], following: AsyncIterator[Sequence[LedgerEntry]]) -> AsyncIterator[bytes]:
    yield lines([COLUMNS, *(_line(entry) for entry in first)])
    async for page in following:
        yield lines(_line(entry) for entry in page)


def _line(entry: LedgerEntry) -> tuple[object, ...]:
    origin = entry.origin
    return (
        entry.id,
        entry.at,
        entry.event.value,
        entry.endpoint,
        entry.address,
        _stand(entry.before),
        _stand(entry.after),
        origin.way.value,
        entry.keyword,
        origin.raw_text,
        entry.detail,
        origin.principal,
        entry.sent_at,
        entry.transport_id,
        origin.remote_address,
        origin.user_agent,
        origin.request_id,
        entry.is_change,
    )


def _stand(state: State | None) -> str:
    if state is None:
        return ""
    return "opted-out" if state is State.CANCELED else "opted-in"


ROUTES = (
    Route("GET", "/texting/records", records, Verb.READ_OPT_OUTS, "records", "records"),
    Route("GET", "/texting/records.csv", export, Verb.READ_OPT_OUTS, "records-export", "records"),
)
