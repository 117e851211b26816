"""What people texted back, first of all what no keyword matched: there stand the wishes that nobody thought of."""

from __future__ import annotations

from tidings.console.routing import Answer, Call, Route, Shown
from tidings.domain.grants import Verb

PAGE_TEXTS = 50


async def replies(call: Call) -> Answer:
    """A page of texts, newest first; `show=all` with those that were keywords."""
    query = call.query
    shows_all = query.choice("show", "Show", ("all",)) == "all"
    before = query.whole("before", "Page")
    found = []
    if query.ok:
        found = await call.services.texting.inbound.page(
            call.grant, before=before or None, limit=PAGE_TEXTS + 1, unmatched=not shows_all
        )
    shown = found[:PAGE_TEXTS]
    link: dict[str, object] = {"show": "all" if shows_all else ""}
    values = {
        "query": query,
        "texts": shown,
        "shows_all": shows_all,
        "first": link if before else None,
        "next": link | {"before": shown[-1].id} if len(found) > PAGE_TEXTS else None,
    }
    return Shown("texting/replies.html", "Replies", values, status=200 if query.ok else 422)


ROUTES = (Route("GET", "/texting/replies", replies, Verb.READ_OPT_OUTS, "replies", "replies"),)
