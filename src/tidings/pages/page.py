"""What a page consists of, as plain values. Made by `views`, drawn by `render`; without behavior."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from markupsafe import Markup

from tidings.domain.model import State


@dataclass(frozen=True, slots=True)
class Action:
    """A button (POST) or a link (GET). `name` is a program's word for it, `path` starts at the root of the pages.

    `act`: what the button means, sent with its form where one address serves several.
    """

    name: str
    label: str | Markup
    path: str
    method: str = "POST"
    primary: bool = True
    act: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a page's details: a text in the reader's language, or (`isolated`) somebody else's."""

    label: str
    value: str
    day: date | None = None
    isolated: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """One subscription in the list of an endpoint."""

    uid: str
    title: str
    topic: str
    state: State
    state_label: str
    since: date | None
    action: Action | None


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a page with a heading and a button of its own."""

    heading: str
    lead: str
    action: Action | None = None
    note: str | Markup = ""


@dataclass(frozen=True, slots=True)
class Page:
    """Everything a page shows. `name` is its name in the catalogue, in JSON and in the ledger; `facts` are JSON only."""

    name: str
    heading: str | Markup
    title: str
    lead: str | Markup = ""
    icon: str = "ask"
    template: str = "subscription"
    status: int = 200
    rows: Sequence[Row] = ()
    actions: Sequence[Action] = ()
    note: str | Markup = ""
    section: Section | None = None
    items: Sequence[Item] = ()
    past: Sequence[Item] = ()
    steps: Sequence[Markup] = ()
    more: Sequence[Action] = ()
    facts: Mapping[str, object] = field(default_factory=dict)
    changed: bool = False
    headers: tuple[tuple[str, str], ...] = ()
