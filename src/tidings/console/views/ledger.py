"""The consent ledger: search it, look at one entry's evidence, take it along as CSV. Nobody can change it, so neither can this."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from tidings.console.csv_export import download
from tidings.console.errors import MISSING, BadRequest
from tidings.console.fields import Fields
from tidings.console.formatting import EVENTS, WAYS
from tidings.console.routing import Answer, Call, Route, Shown
from tidings.console.views.topics import UID
from tidings.domain import passwords
from tidings.domain.errors import InvalidValue
from tidings.domain.grants import Verb
from tidings.domain.model import NEWEST, Event, LedgerEntry, LedgerQuery, State, Way
from tidings.services import endpoints
from tidings.services.texting.phone_consent import same_number
from tidings.wire.csv_rows import lines

PAGE_ENTRIES = 50
COLUMNS = (
    "id",
    "at",
    "event",
    "before",
    "after",
    "protocol",
    "endpoint",
    "topic",
    "region",
    "subscription_uid",
    "way",
    "principal",
    "remote_address",
    "user_agent",
    "request_id",
    "shown",
    "raw_text",
    "detail",
    "address",
    "keyword",
    "transport_id",
    "sent_at",
    "changed",
)
_FILTERS = ("endpoint", "event", "way", "since", "until", "subscription")


async def ledger(call: Call) -> Answer:
    """A page of entries, newest first."""
    query = call.query
    before = query.whole("before", "Page", default=NEWEST)
    wanted = replace(_wanted(query), before=before, limit=PAGE_ENTRIES + 1)
    entries = await call.services.ledger.page(call.grant, wanted) if query.ok else []
    shown = entries[:PAGE_ENTRIES]
    link: dict[str, object] = {name: query.typed(name).strip() for name in _FILTERS}
    values = {
        "query": query,
        "entries": shown,
        "events": tuple((event.value, label) for event, (label, _) in EVENTS.items()),
        "ways": tuple((way.value, label) for way, label in WAYS.items()),
        "filters": link,
        "is_searched": any(link.values()),
        "first": link if before != NEWEST else None,
        "next": link | {"before": shown[-1].id} if len(entries) > PAGE_ENTRIES else None,
    }
    spoken = f"{len(shown)} entries shown"
    status = 200 if query.ok else 422
    return Shown("ledger.html", "Consent ledger", values, block="results", spoken=spoken, status=status)


async def entry(call: Call) -> Answer:
    """One entry with its raw evidence."""
    text = call.path["id"]
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise BadRequest(MISSING)
    number = int(text)
    found = await call.services.ledger.page(call.grant, LedgerQuery(after=number - 1, limit=1))
    if not found or found[0].id != number:
        raise BadRequest(MISSING)
    subscription = (
        await call.services.subscriptions.find(found[0].subscription_uid) if found[0].subscription_uid else None
    )
    values = {"entry": found[0], "is_there": subscription is not None}
    return Shown("ledger_entry.html", f"Entry {number}", values)


async def export(call: Call) -> Answer:
    """Everything that the filters find, oldest first."""
    wanted = _wanted(call.query)
    if not call.query.ok:
        return await ledger(call)
    pages = call.services.ledger.pages(call.grant, wanted)
    # The first page is read before the answer begins, so that a store out of reach is a page and not a torn file.
    # A list: CPython 3.11 takes an empty tuple here for the arguments of StopIteration, and fails.
    first: Sequence[LedgerEntry] = await anext(pages, [])
    return download("tidings-ledger.csv", _csv(first, pages))


async def _csv(first: Sequence[LedgerEntry], following: AsyncIterator[Sequence[LedgerEntry]]) -> AsyncIterator[bytes]:
    yield lines([COLUMNS, *(_row(entry) for entry in first)])
    async for page in following:
        yield lines(_row(entry) for entry in page)


def _row(entry: LedgerEntry) -> tuple[object, ...]:
    origin = entry.origin
    return (
        entry.id,
        entry.at,
        entry.event.value,
        _state(entry.before),
        _state(entry.after),
        entry.protocol,
        entry.endpoint,
        entry.topic_name,
        entry.region,
        entry.subscription_uid,
        origin.way.value,
        origin.principal,
        origin.remote_address,
        origin.user_agent,
        origin.request_id,
        origin.shown,
        origin.raw_text,
        entry.detail,
        entry.address,
        entry.keyword,
        entry.transport_id,
        entry.sent_at,
        entry.is_change,
    )


def _state(state: State | None) -> str:
    return state.name.lower() if state is not None else ""


def _wanted(query: Fields) -> LedgerQuery:
    endpoint = query.text("endpoint", "Endpoint", characters_max=2048)
    event = query.choice("event", "What happened", [event.value for event in Event])
    way = query.choice("way", "By which way", [way.value for way in Way])
    subscription = query.text("subscription", "Subscription", characters_max=64)
    if subscription and not UID.match(subscription):
        query.refuse("subscription", "Subscription: 32 digits from 0 to f.")
    return LedgerQuery(
        endpoint=_stored_form(endpoint) or None,
        subscription_uid=subscription or None,
        since=query.moment("since", "From"),
        until=query.moment("until", "Until", is_end=True),
        events=(Event(event),) if event else (),
        ways=(Way(way),) if way else (),
    )


def _stored_form(endpoint: str) -> str:
    """As it is stored; what is no address finds nothing."""
    if "@" in endpoint and "://" not in endpoint:
        try:
            return endpoints.email_address(endpoint)
        except InvalidValue:
            return endpoint
    return same_number(passwords.masked(endpoint))


ROUTES = (
    Route("GET", "/ledger", ledger, Verb.READ_LEDGER, "ledger", "ledger"),
    Route("GET", "/ledger.csv", export, Verb.READ_LEDGER, "ledger-export", "ledger"),
    Route("GET", "/ledger/{id}", entry, Verb.READ_LEDGER, "ledger-entry", "ledger"),
)
