"""Blocking rules: a matrix of applications and types for each inbound address, saved as one form.

What changed while the form was open is left alone: only boxes that differ from what the form showed are written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from tidings.console.fields import Fields
from tidings.console.formatting import plural
from tidings.console.routing import ROOT, Answer, Call, Moved, Route, Shown
from tidings.console.texting import labels
from tidings.domain.errors import NotFound
from tidings.domain.grants import Verb
from tidings.domain.optout import EVERY_TYPE, TOPICS_APP, BlockingRule, InboundAddress, OptOutQuery, SmsType

PAGE_ADDRESSES = 10
PAGE_APPS = 100
_NUMBERS = tuple(str(int(sms_type)) for sms_type in SmsType)


@dataclass(frozen=True, slots=True)
class Line:
    """An application at an address. `shown`: the types as the form was drawn, `ticked`: as they are now."""

    app: str
    name: str
    shown: str
    ticked: frozenset[str]

    @property
    def has_no_rule(self) -> bool:
        return not self.ticked


@dataclass(slots=True)
class Matrix:
    """One address. `lifting`: what saving would stop blocking, of how many people; then it wants another yes."""

    address: InboundAddress
    lines: list[Line]
    opted_out: int
    lifting: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Change:
    app: str
    before: frozenset[str]
    after: frozenset[str]


async def rules(call: Call) -> Answer:
    """All addresses with their matrix, some to a page."""
    return await _page(call, Fields(), None, [])


async def save(call: Call) -> Answer:
    """Write what differs from what the form showed. Taking a block away from people who unsubscribed wants another yes."""
    form, texting, name = call.form, call.services.texting, call.path["address"]
    await texting.addresses.get(call.grant, name)
    changes = _changes(form, [app.app_id for app in await texting.applications.all(call.grant)])
    if not form.ok:
        return await _page(call, form, name, changes)
    lifting = [change for change in changes if change.before - change.after]
    if lifting and not form.has("sure") and await _opted_out(call, name):
        form.refuse("sure", "Tick this to let these texts go out again.")
        return await _page(call, form, name, changes)
    for change in changes:
        if change.after:
            types = frozenset(SmsType(int(number)) for number in change.after)
            await texting.rules.put(call.grant, name, change.app, types)
        else:
            await texting.rules.delete(call.grant, name, change.app)
    said = f"{plural(len(changes), 'rule')} of {name} changed; they count from the next text on."
    return Moved(f"{ROOT}/texting/rules?at={quote(name)}", said if changes else "Nothing was changed.")


def _changes(form: Fields, apps: Sequence[str]) -> list[_Change]:
    found = []
    for app in apps:
        if not form.has(f"was-{app}"):
            continue
        before = frozenset(form.typed(f"was-{app}")) & frozenset(_NUMBERS)
        after = frozenset(form.choices(f"rule-{app}", "Types", _NUMBERS))
        if app == TOPICS_APP and not after:
            form.refuse(f"rule-{app}", "Texts of topics cannot be let through whole: tick at least one type.")
        if before != after:
            found.append(_Change(app, before, after))
    return found


async def _opted_out(call: Call, address: str) -> int:
    _, total = await call.services.texting.opt_outs.page(
        call.authorize(Verb.READ_OPT_OUTS), OptOutQuery(call.principal.account_id, (address,), limit=1)
    )
    return total


async def _page(call: Call, form: Fields, saved: str | None, changes: Sequence[_Change]) -> Answer:
    """saved: the address whose form was not taken, with the changes it asked for."""
    reading, texting, query = call.authorize(Verb.READ_OPT_OUTS), call.services.texting, call.query
    addresses = await texting.addresses.all(reading)
    only = saved or query.text("at", "Address", characters_max=32)
    if only:
        addresses = [row for row in addresses if row.address == only]
        if not addresses:
            raise NotFound("inbound address", only)
    apps = await texting.applications.all(reading)
    start, first = query.whole("from", "Page", most=10_000), query.whole("apps", "Applications", most=10_000)
    known = await texting.rules.all(reading)
    shown = [app.app_id for app in apps[first : first + PAGE_APPS]]
    matrices = []
    for address in addresses[start : start + PAGE_ADDRESSES]:
        asked = changes if address.address == saved else ()
        matrix = Matrix(address, _lines(address, shown, known, asked), await _opted_out(call, address.address))
        if "sure" in form.refusals:
            matrix.lifting = [_told(change) for change in asked if change.before - change.after]
        matrices.append(matrix)
    values = {
        "form": form,
        "matrices": matrices,
        "only": only,
        "applications": apps[first : first + PAGE_APPS],
        "types": labels.TYPE_CHOICES,
        "unruled": {app.app_id for app in apps} - {rule.app_id for rule in known} - {TOPICS_APP},
        "TOPICS": TOPICS_APP,
        "next": start + PAGE_ADDRESSES if start + PAGE_ADDRESSES < len(addresses) else 0,
        "next_apps": first + PAGE_APPS if first + PAGE_APPS < len(apps) else 0,
        "start": start,
        "first": first,
        "has_addresses": bool(addresses),
    }
    return Shown("texting/rules.html", "Blocking rules", values, status=200 if form.ok else 422)


def _lines(
    address: InboundAddress, apps: Sequence[str], known: Sequence[BlockingRule], asked: Sequence[_Change]
) -> list[Line]:
    rules = {rule.app_id: rule.types for rule in known if rule.address == address.address}
    lines = []
    for app in apps:
        types = rules.get(app, EVERY_TYPE if app == TOPICS_APP else frozenset())
        now = frozenset(str(int(sms_type)) for sms_type in types)
        change = next((change for change in asked if change.app == app), None)
        before = now if change is None else change.before
        lines.append(Line(app, labels.app_name(app), "".join(sorted(before)), now if change is None else change.after))
    return lines


def _told(change: _Change) -> str:
    gone = [label for number, label in labels.TYPE_CHOICES if number in change.before - change.after]
    return f"{labels.app_name(change.app)}: {', '.join(gone)}"


ROUTES = (
    Route("GET", "/texting/rules", rules, Verb.READ_OPT_OUTS, "rules", "rules"),
    Route("POST", "/texting/rules/{address}", save, Verb.MANAGE_OPT_OUTS, "rules", "rules"),
)
