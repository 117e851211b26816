"""How many texts were asked for, went out, failed and were blocked: as charts to look at, and the same figures as tables to read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from markupsafe import Markup

from tidings.console.charts import Bar, bars
from tidings.console.formatting import midnight
from tidings.console.routing import Answer, Call, Route, Shown
from tidings.console.texting import labels
from tidings.domain.grants import Verb
from tidings.domain.optout import TOPICS_APP, SmsType
from tidings.domain.texts import TextCount, TextTally

SHOWN: Sequence[tuple[TextCount, str]] = (
    (TextCount.REQUESTED, "Requested"),
    (TextCount.ACCEPTED, "Accepted"),
    (TextCount.PARTS, "Parts"),
    (TextCount.DELIVERED, "Delivered"),
    (TextCount.FAILED, "Failed"),
    (TextCount.BLOCKED, "Blocked"),
    (TextCount.LIMITED, "Limited"),
    (TextCount.INVALID_NUMBER, "Wrong number"),
)
FATES: Sequence[tuple[TextCount, str, str]] = (
    (TextCount.DELIVERED, "delivered", "delivered"),
    (TextCount.FAILED, "failed", "failed"),
    (TextCount.BLOCKED, "blocked", "blocked"),
)


@dataclass(frozen=True, slots=True)
class _Range:
    label: str
    steps: int
    hours: int


RANGES = {"day": _Range("24 hours", 24, 1), "week": _Range("7 days", 7, 24), "month": _Range("30 days", 30, 24)}


@dataclass(frozen=True, slots=True)
class Step:
    """A place on the time line."""

    at: datetime
    name: str
    values: Sequence[int]


async def counts(call: Call) -> Answer:
    """The figures of a range of time, of one application or all."""
    query, services = call.query, call.services
    chosen = query.choice("range", "Time", RANGES, "week")
    apps = []
    if call.may(Verb.READ_OPT_OUTS):
        apps = await services.texting.applications.all(call.authorize(Verb.READ_OPT_OUTS))
    app = query.choice("app", "Application", [row.app_id for row in apps])
    span = RANGES[chosen]
    now = services.clock.now()
    last = midnight(now) if span.hours == 24 else now.replace(minute=0, second=0, microsecond=0)
    size = timedelta(hours=span.hours)
    since = last - (span.steps - 1) * size
    tallies = await services.texts.tallies(call.grant, None, since, last + size) if query.ok else []
    if app:
        tallies = [tally for tally in tallies if tally.app_id == app]
    total = Counter[TextCount]()
    for tally in tallies:
        total[tally.what] += tally.count
    steps = _steps(tallies, [since + number * size for number in range(span.steps)], span)
    values = {
        "query": query,
        "chosen": chosen,
        "ranges": tuple((name, found.label) for name, found in RANGES.items()),
        "span": span,
        "apps": labels.app_choices(apps),
        "app": app,
        "total": total,
        "steps": steps,
        "chart": _chart(steps, span) if tallies else Markup(""),
        "fates": tuple((label, tone) for _, label, tone in FATES),
        "lines": _lines(tallies),
        "columns": [label for _, label in SHOWN],
        "TextCount": TextCount,
    }
    status = 200 if query.ok else 422
    spoken = f"{total[TextCount.BLOCKED]} blocked"
    return Shown("texting/counts.html", "Counts", values, block="results", spoken=spoken, status=status)


def _steps(tallies: Sequence[TextTally], starts: Sequence[datetime], span: _Range) -> list[Step]:
    place: Callable[[datetime], datetime] = midnight if span.hours == 24 else lambda at: at
    by = Counter[tuple[datetime, TextCount]]()
    for tally in tallies:
        by[place(tally.hour), tally.what] += tally.count
    return [
        Step(at, f"{at.day} {at:%b}" if span.hours == 24 else f"{at:%H}:00", [by[at, what] for what, _, _ in FATES])
        for at in starts
    ]


def _chart(steps: Sequence[Step], span: _Range) -> Markup:
    total = [sum(step.values[place] for step in steps) for place in range(len(FATES))]
    told = ", ".join(f"{count} {label}" for count, (_, label, _) in zip(total, FATES, strict=True))
    series = [(label, tone) for _, label, tone in FATES]
    return bars([Bar(step.name, step.values) for step in steps], series, f"Texts in {span.label}: {told}")


def _lines(tallies: Sequence[TextTally]) -> list[tuple[str, str, list[int]]]:
    """For each application and type one line of figures; topics first."""
    by = Counter[tuple[str, SmsType, TextCount]]()
    for tally in tallies:
        by[tally.app_id, tally.sms_type, tally.what] += tally.count
    keys = sorted({(app, sms_type) for app, sms_type, _ in by}, key=lambda key: (key[0] != TOPICS_APP, key))
    return [
        (labels.app_name(app), labels.TYPES[sms_type], [by[app, sms_type, what] for what, _ in SHOWN])
        for app, sms_type in keys
    ]


ROUTES = (Route("GET", "/texting/counts", counts, Verb.LIST, "counts", "counts"),)
