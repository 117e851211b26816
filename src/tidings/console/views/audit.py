"""The audit trail: who changed what, when and from where; search it, look at one entry, take it along as CSV."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from tidings.console.csv_export import download
from tidings.console.errors import MISSING, BadRequest
from tidings.console.fields import Fields
from tidings.console.routing import Answer, Call, Route, Shown
from tidings.domain.audit import AuditEntry, AuditQuery
from tidings.domain.grants import Verb
from tidings.domain.model import NEWEST
from tidings.wire.csv_rows import lines

PAGE_ENTRIES = 50
COLUMNS = (
    *("id", "at", "action", "subject", "principal", "key_id", "way", "remote_address", "user_agent", "request_id"),
    *("before", "after", "detail", "count"),
)
KINDS = (
    ("sign-in", "Sign-ins, good and failed"),
    ("sign-in.failed", "Failed sign-ins"),
    ("sign-out", "Sign-outs"),
    ("session", "Sessions that were ended"),
    ("account", "Accounts"),
    ("user", "Users, roles and passwords"),
    ("access-key", "Access keys"),
    ("topic", "Topics and their settings"),
    ("subscription", "Settings of subscriptions"),
    ("template", "Message templates"),
    ("inbound-address", "Inbound addresses and keywords"),
    ("blocking-rule", "Blocking rules"),
    ("sms-application", "Applications and callbacks"),
    ("sms-sign", "Signs"),
    ("sms-template", "Text templates"),
    ("opt-out", "Opt-outs by operators"),
    ("review", "Reviews of texts"),
    ("dead-letter", "Dead letters"),
    ("export", "Exports"),
    ("backup", "Backups"),
    ("restore", "Restores"),
    ("reset", "Resets"),
)
_FILTERS = ("action", "principal", "subject", "since", "until")


async def audit(call: Call) -> Answer:
    """A page of entries, newest first."""
    query = call.query
    before = query.whole("before", "Page", default=NEWEST)
    wanted = replace(_wanted(call, query), before=before, limit=PAGE_ENTRIES + 1)
    entries = await call.services.accounts.trail.page(call.grant, wanted) if query.ok else []
    shown = entries[:PAGE_ENTRIES]
    link: dict[str, object] = {name: query.typed(name).strip() for name in _FILTERS}
    values = {
        "query": query,
        "entries": shown,
        "kinds": KINDS,
        "filters": link,
        "is_searched": any(link.values()),
        "first": link if before != NEWEST else None,
        "next": link | {"before": shown[-1].id} if len(entries) > PAGE_ENTRIES else None,
    }
    status = 200 if query.ok else 422
    spoken = f"{len(shown)} entries shown"
    return Shown("audit.html", "Audit", values, block="results", spoken=spoken, status=status)


async def entry(call: Call) -> Answer:
    """One entry with everything that is known."""
    text = call.path["id"]
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise BadRequest(MISSING)
    number = int(text)
    query = AuditQuery(call.grant.owner, after=number - 1, limit=1)
    found = await call.services.accounts.trail.page(call.grant, query)
    if not found or found[0].id != number:
        raise BadRequest(MISSING)
    names = list({**found[0].before, **found[0].after})
    return Shown("audit_entry.html", f"Audit entry {number}", {"entry": found[0], "names": names})


async def export(call: Call) -> Answer:
    """Everything that the filters find, oldest first."""
    wanted = _wanted(call, call.query)
    if not call.query.ok:
        return await audit(call)
    pages = call.services.accounts.trail.pages(call.grant, wanted)
    # The first page is read before the answer begins, so that a store out of reach is a page and not a torn file.
    # A list: CPython 3.11 takes an empty tuple here for the arguments of StopIteration, and fails.
    first: Sequence[AuditEntry] = await anext(pages, [])
    return download("tidings-audit.csv", _csv(first, pages))


async def _csv(first: Sequence[AuditEntry], following: AsyncIterator[Sequence[AuditEntry]]) -> AsyncIterator[bytes]:
    yield lines([COLUMNS, *map(_row, first)])
    async for page in following:
        yield lines(map(_row, page))


def _row(entry: AuditEntry) -> tuple[object, ...]:
    origin = entry.origin
    came = origin.via or origin.way.value, origin.remote_address, origin.user_agent, origin.request_id
    maps = tuple(json.dumps(dict(each), ensure_ascii=False) if each else "" for each in (entry.before, entry.after))
    did = entry.id, entry.at, entry.action, entry.subject
    return (*did, origin.principal, origin.key_id, *came, *maps, entry.detail, entry.count)


def _wanted(call: Call, query: Fields) -> AuditQuery:
    action = query.choice("action", "What was done", [name for name, _ in KINDS])
    return AuditQuery(
        call.grant.owner,
        actions=(action,) if action else (),
        principal=query.text("principal", "Who", characters_max=256) or None,
        text=query.text("subject", "About", characters_max=256) or None,
        since=query.moment("since", "From"),
        until=query.moment("until", "Until", is_end=True),
    )


ROUTES = (
    Route("GET", "/audit", audit, Verb.READ_AUDIT, "audit", "audit"),
    Route("GET", "/audit.csv", export, Verb.READ_AUDIT, "audit-export", "audit"),
    Route("GET", "/audit/{id}", entry, Verb.READ_AUDIT, "audit-entry", "audit"),
)
