"""The first page: how many, how much waits, and what changed lately."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from tidings.console.charts import Bar, bars
from tidings.console.formatting import days_before, midnight
from tidings.console.routing import Answer, Call, Route, Shown
from tidings.domain.grants import Verb
from tidings.domain.model import (
    NEWEST,
    DeadQuery,
    Event,
    LedgerEntry,
    LedgerQuery,
    State,
    SubscriptionQuery,
    TopicQuery,
)

DAYS = 14
CHANGES_MAX = 1_000
"""Ledger entries read for the chart: more would hold up the loop, and the bars would look the same."""
LATEST = 8
DEAD_COUNTED_MAX = 100
_CAME = frozenset({Event.CONFIRMED, Event.RESTORED, Event.OPTED_IN})
_LEFT = frozenset({Event.CANCELED, Event.DELETED, Event.OPTED_OUT})
_SERIES = (("came", "came"), ("left", "left"))


@dataclass(frozen=True, slots=True)
class _Counts:
    topics: int
    confirmed: int
    unconfirmed: int
    canceled: int


@dataclass(frozen=True, slots=True)
class _Flow:
    """`dead` is a text: beyond a bound it is `100+`."""

    backlog: int
    waiting: int
    dead: str


async def overview(call: Call) -> Answer:
    """Everything that the caller may see; refreshed by htmx in its second part only, which costs little."""
    values: dict[str, object] = {
        "region": call.services.region,
        "example_names": {
            one.label: one.topic(call.services.region, call.account.account_id, call.account.project_id, "hello")
            for one in call.services.names
        },
        "public_url": call.services.public_url,
        "flow": await _flow(call) if call.may(Verb.MANAGE_DELIVERIES) else None,
    }
    if not call.is_fragment:
        values["counts"] = await _counts(call) if call.may(Verb.LIST) else None
        values |= await _consent(call) if call.may(Verb.READ_LEDGER) else {"changes": None}
    return Shown("overview.html", "Overview", values, block="now")


async def _counts(call: Call) -> _Counts:
    grant, owner = call.authorize(Verb.LIST), call.principal.account_id
    _, topics = await call.services.topics.search(grant, TopicQuery(owner, None, limit=1))
    by_state = [
        await call.services.subscriptions.total(grant, SubscriptionQuery(owner, states=(state,)))
        for state in (State.CONFIRMED, State.UNCONFIRMED, State.CANCELED)
    ]
    return _Counts(topics, *by_state)


async def _flow(call: Call) -> _Flow:
    grant = call.authorize(Verb.MANAGE_DELIVERIES)
    dead = len(await call.services.deliveries.dead_letters(grant, DeadQuery(limit=DEAD_COUNTED_MAX + 1)))
    shown = str(dead) if dead <= DEAD_COUNTED_MAX else f"{DEAD_COUNTED_MAX}+"
    return _Flow(call.services.backlog(), await call.services.waiting(), shown)


async def _consent(call: Call) -> dict[str, object]:
    grant, now = call.authorize(Verb.READ_LEDGER), call.services.clock.now()
    days = days_before(now, DAYS)
    query = LedgerQuery(since=days[0], before=NEWEST, limit=CHANGES_MAX)
    entries = await call.services.ledger.page(grant, query)
    latest = entries[:LATEST] or await call.services.ledger.page(grant, LedgerQuery(before=NEWEST, limit=LATEST))
    changes = [entry for entry in entries if entry.event in _CAME | _LEFT]
    return {
        "changes": len(changes),
        "changes_max": CHANGES_MAX,
        "is_cut": len(entries) == CHANGES_MAX,
        "days": DAYS,
        "chart": _chart(changes, days),
        "latest": latest,
    }


def _chart(changes: Sequence[LedgerEntry], days: Sequence[datetime]) -> Markup:
    came = Counter(midnight(entry.at) for entry in changes if entry.event in _CAME)
    left = Counter(midnight(entry.at) for entry in changes if entry.event in _LEFT)
    points = [Bar(f"{day.day} {day:%b}", (came[day], left[day])) for day in days]
    label = f"Per day over {len(days)} days: {came.total()} came, {left.total()} left"
    return bars(points, _SERIES, label)


ROUTES = (Route("GET", "", overview, None, "overview", "overview"),)
