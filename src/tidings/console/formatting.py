"""How values look: times, numbers, names of states and ways. Made into filters and functions of the templates by `render`. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from markupsafe import Markup, escape

from tidings.domain.model import Event, State, Way

_STEPS = ((60, "s", 1), (3600, "min", 60), (86_400, "h", 3600), (30 * 86_400, "d", 86_400))

STATES: Mapping[State, tuple[str, str]] = {
    State.UNCONFIRMED: ("Unconfirmed", "wait"),
    State.CONFIRMED: ("Confirmed", "good"),
    State.CANCELED: ("Canceled", "calm"),
    State.EXPIRED: ("Expired", "calm"),
}
EVENTS: Mapping[Event, tuple[str, str]] = {
    Event.SUBSCRIBED: ("Subscribed", "wait"),
    Event.CONFIRMATION_SENT: ("Confirmation sent", "wait"),
    Event.CONFIRMATION_HELD: ("Confirmation held back", "calm"),
    Event.CONFIRMED: ("Confirmed", "good"),
    Event.CANCELED: ("Canceled", "bad"),
    Event.RESTORED: ("Came back", "good"),
    Event.EXPIRED: ("Expired", "calm"),
    Event.DELETED: ("Deleted", "bad"),
    Event.OPTED_OUT: ("Opted out", "bad"),
    Event.OPTED_IN: ("Opted in", "good"),
    Event.REVIEW: ("To review", "wait"),
    Event.REVIEWED: ("Reviewed", "calm"),
}
WAYS: Mapping[Way, str] = {
    Way.API: "Signed call",
    Way.ANONYMOUS: "Unsigned call",
    Way.LINK: "Link",
    Way.ONE_CLICK: "One-click",
    Way.KEYWORD: "Keyword by text",
    Way.CONSOLE: "Console",
    Way.CLI: "Command line",
    Way.BOUNCE: "Bounce",
    Way.COMPLAINT: "Complaint",
    Way.CARRIER: "Carrier",
    Way.IMPORT: "Import",
    Way.SYSTEM: "System",
}


def ago(at: datetime, now: datetime) -> str:
    """How long ago, or in how long: `3 min ago`, `in 2 h`, `just now`; beyond a month the day."""
    seconds = (now - at).total_seconds()
    for bound, unit, size in _STEPS:
        if abs(seconds) < bound:
            number = int(abs(seconds) // size)
            if unit == "s" and number < 5:
                return "just now"
            return f"{number} {unit} ago" if seconds >= 0 else f"in {number} {unit}"
    return day(at)


def day(at: datetime) -> str:
    at = at.astimezone(UTC)
    return f"{at.day} {at:%b %Y}"


def exact(at: datetime) -> str:
    """To the second, in UTC."""
    at = at.astimezone(UTC)
    return f"{at.day} {at:%b %Y, %H:%M:%S} UTC"


def when(at: datetime | None, now: datetime) -> Markup:
    """A time as people read it, with the exact one beside it."""
    if at is None:
        return Markup('<span class="none">never</span>')
    machine = at.astimezone(UTC).isoformat(timespec="milliseconds")
    relative = ago(at, now)
    return Markup('<time class="when" datetime="{}"><span>{}</span> <small>{}</small></time>').format(
        machine, relative, exact(at)
    )


def number(value: float) -> str:
    """With thin groups of three: 1 234 567."""
    return f"{value:,}".replace(",", "\u202f")


def plural(value: int, one: str, many: str = "") -> str:
    """`1 topic`, `3 topics`."""
    return f"{number(value)} {one if value == 1 else many or one + 's'}"


def badge(label: str, tone: str) -> Markup:
    """A state in a word and a color; the word alone is enough."""
    return Markup('<span class="badge {}">{}</span>').format(tone, label)


def state(value: State | None) -> Markup:
    if value is None:
        return Markup('<span class="none">none</span>')
    return badge(*STATES[value])


def event(value: Event) -> Markup:
    return badge(*EVENTS[value])


def way(value: Way) -> str:
    return WAYS[value]


def breakable(text: str) -> Markup:
    """A long name that may break after its separators."""
    shown = escape(text)
    for mark in ("@", "/", ":", "."):
        shown = (
            shown.replace(mark, mark + Markup("<wbr>")) if mark != "/" else shown.replace("/", "/" + Markup("<wbr>"))
        )
    return Markup('<bdi class="name">{}</bdi>').format(shown)


def midnight(at: datetime) -> datetime:
    """The beginning of that day in UTC."""
    return at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def days_before(at: datetime, days: int) -> list[datetime]:
    """The beginnings of that day and of the days before it, ascending; `days` in all."""
    last = midnight(at)
    return [last - timedelta(days=back) for back in range(days - 1, -1, -1)]
