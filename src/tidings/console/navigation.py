"""The menu: which pages there are, under which headings, and who may see them. Read by `render`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from tidings.console.routing import Call
from tidings.domain.grants import Verb


@dataclass(frozen=True, slots=True)
class Entry:
    """`key`: what routes name in `menu`. `path`: below ROOT. `glyph`: its drawing in `icons.html`."""

    key: str
    label: str
    path: str
    verb: Verb | None
    glyph: str
    only_in_development: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    heading: str
    entries: Sequence[Entry]


GROUPS: Sequence[Group] = (
    Group("", (Entry("overview", "Overview", "", None, "overview"),)),
    Group(
        "Topics",
        (
            Entry("topics", "Topics", "/topics", Verb.LIST, "topic"),
            Entry("subscriptions", "Subscriptions", "/subscriptions", Verb.LIST, "people"),
            Entry("dead-letters", "Dead letters", "/dead-letters", Verb.MANAGE_DELIVERIES, "dead"),
        ),
    ),
    Group(
        "Texting",
        (
            Entry("addresses", "Inbound addresses", "/texting/addresses", Verb.READ_OPT_OUTS, "phone"),
            Entry("rules", "Blocking rules", "/texting/rules", Verb.READ_OPT_OUTS, "shield"),
            Entry("unsubscribed", "Unsubscribed", "/texting/unsubscribed", Verb.READ_OPT_OUTS, "stop"),
            Entry("records", "Records", "/texting/records", Verb.READ_OPT_OUTS, "list"),
            Entry("review", "Review", "/texting/review", Verb.READ_OPT_OUTS, "eye"),
            Entry("number", "Number check", "/texting/number", Verb.READ_OPT_OUTS, "search"),
            Entry("replies", "Replies", "/texting/replies", Verb.READ_OPT_OUTS, "reply"),
            Entry("counts", "Counts", "/texting/counts", Verb.LIST, "chart"),
            Entry("catalog", "Templates", "/texting/catalog", Verb.LIST, "sheet"),
        ),
    ),
    Group(
        "Evidence",
        (
            Entry("ledger", "Consent ledger", "/ledger", Verb.READ_LEDGER, "ledger"),
            Entry("audit", "Audit", "/audit", Verb.READ_AUDIT, "eye"),
        ),
    ),
    Group(
        "Settings",
        (
            Entry("accounts", "Users and keys", "/account", Verb.MANAGE_ACCOUNT, "key"),
            Entry("sessions", "Sessions", "/sessions", None, "people"),
            Entry("outbox", "Outbox", "/outbox", Verb.MANAGE_DELIVERIES, "outbox", only_in_development=True),
        ),
    ),
)


def menu(call: Call, paths: Collection[str]) -> list[Group]:
    """What this caller may see of the pages that there are."""
    groups = []
    for group in GROUPS:
        entries = [
            entry
            for entry in group.entries
            if entry.path in paths
            and (entry.verb is None or call.may(entry.verb))
            and (not entry.only_in_development or call.services.development is not None)
        ]
        if entries:
            groups.append(Group(group.heading, entries))
    return groups
