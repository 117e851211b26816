"""Inbound addresses: which there are and how they do, one of them, adding, describing and deleting."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from tidings.console.fields import Fields
from tidings.console.formatting import plural
from tidings.console.routing import ROOT, Answer, Call, Moved, Route, Shown
from tidings.console.texting import labels
from tidings.domain.errors import AlreadyExists, Denied, InvalidValue, QuotaExceeded, WrongState
from tidings.domain.grants import Grant, Verb
from tidings.domain.keywords import REQUIRED, about, missing
from tidings.domain.optout import ACCOUNT_WIDE, AddressKind, BlockingRule, InboundAddress, KeywordSet, OptOutQuery
from tidings.services.texting.inbound_addresses import kind_of
from tidings.services.texting.sms_warnings import WarnedKind

PAGE_ADDRESSES = 50
_SHORT_CODE_DIGITS_MAX = 8
_ONE = "/texting/addresses/{address}"
_KINDS = tuple((kind.value, label) for kind, label in labels.KINDS.items())


@dataclass(frozen=True, slots=True)
class Row:
    """An address in the list."""

    address: InboundAddress
    blocks: list[labels.Blocks]
    has_rule: bool
    opted_out: int
    last_inbound_at: datetime | None


async def addresses(call: Call) -> Answer:
    """A page of addresses, the state of the transports, and what is wrong with any of it."""
    if call.is_fragment and call.request.headers.get("hx-target") == "transports":
        values = {"transports": _transports(call)}
        return Shown("texting/addresses.html", "Inbound addresses", values, block="transports")
    grant, texting = call.grant, call.services.texting
    start = call.query.whole("from", "Page", most=1_000_000)
    found, rules = await texting.addresses.all(grant), await texting.rules.all(grant)
    shown = found[start : start + PAGE_ADDRESSES]
    values = {
        "query": call.query,
        "rows": [await _row(call, grant, row, rules) for row in shown],
        "total": len(found),
        "wide": await _opted_out(call, grant, ACCOUNT_WIDE),
        "warnings": await texting.warnings.all(grant),
        "transports": _transports(call),
        "next": start + PAGE_ADDRESSES if start + PAGE_ADDRESSES < len(found) else 0,
        "start": start,
        "KINDS": labels.KINDS,
    }
    return Shown("texting/addresses.html", "Inbound addresses", values)


def _transports(call: Call) -> object:
    watch = call.services.transports
    return None if watch is None else watch()


async def _row(call: Call, grant: Grant, row: InboundAddress, rules: list[BlockingRule]) -> Row:
    has_rule = any(rule.address == row.address for rule in rules)
    received = await call.services.texting.addresses.last_inbound_at(grant, row.address)
    opted_out = await _opted_out(call, grant, row.address)
    return Row(row, labels.blocks(row.address, rules), has_rule, opted_out, received)


async def _opted_out(call: Call, grant: Grant, address: str) -> int:
    query = OptOutQuery(grant.owner, addresses=(address,), limit=1)
    _, total = await call.services.texting.opt_outs.page(grant, query)
    return total


# --- adding ----------------------------------------------------------------------------------------------------------------------


async def new(call: Call) -> Answer:
    """The form of a new address."""
    return await _new_page(call, Fields(), None)


async def _new_page(call: Call, form: Fields, ticked: list[str] | None) -> Answer:
    apps = labels.app_choices(await call.services.texting.applications.all(call.grant))
    values = {
        "form": form,
        "kinds": _KINDS,
        "apps": apps,
        "ticked": [app for app, _ in apps] if ticked is None else ticked,
    }
    status = 200 if form.ok else 422
    return Shown("texting/address_new.html", "Add an inbound address", values, status=status)


async def add(call: Call) -> Answer:
    """Add an address, with rules of all types for the ticked applications."""
    form, texting = call.form, call.services.texting
    typed = form.text("address", "Number", characters_max=40, required=True)
    chosen = form.choice("kind", "Kind", [kind for kind, _ in _KINDS])
    country = form.text("country", "Country", characters_max=2).upper()
    description = form.lines("description", "Description", characters_max=500).strip()
    known = [app.app_id for app in await texting.applications.all(call.grant)]
    ticked = form.choices("apps", "Applications", known)
    number = labels.plain_number(typed)
    kind = AddressKind(chosen) if chosen else _kind(number)
    if form.ok:
        try:
            made = await texting.addresses.add(
                call.grant,
                number,
                kind=kind,
                country=country,
                description=description,
                app_ids=ticked,
                origin=call.origin,
            )
        except InvalidValue as error:
            if error.field == "address" and kind is not AddressKind.SHORT_CODE and not number.startswith("+"):
                form.refuse("address", "Begin with + and the country, such as +1 888 555 0100.")
            form.refuse_error(error, {"country": "country", "kind": "kind", "description": "description"}, "address")
        except AlreadyExists:
            form.refuse(
                "address", "This number is taken already: as an inbound address, or by what another account texts from."
            )
        except Denied:
            form.refuse("address", "Numbers are assigned by whoever runs this service: ask there for one.")
        except QuotaExceeded as error:
            form.refuse("address", f"There are as many as there may be: {error.limit}.")
        else:
            back = await _opted_out(call, call.grant, made.address)
            said = f"{made.address} was added with the usual keywords."
            if back:
                said = f"{made.address} is back, with {plural(back, 'number')} still unsubscribed there."
            return Moved(_path(made.address), said)
    return await _new_page(call, form, ticked)


def _kind(number: str) -> AddressKind:
    """What it looks like; so many digits are a number whose + was forgotten, not a short code."""
    return AddressKind.LONG_CODE if len(number) > _SHORT_CODE_DIGITS_MAX and number.isdigit() else kind_of(number)


# --- one -------------------------------------------------------------------------------------------------------------------------


async def address(call: Call) -> Answer:
    """One address; with `try`, what such a text would mean there."""
    return await _page(call, Fields(), "")


async def _page(call: Call, form: Fields, recent: str) -> Answer:
    """recent: why deleting it wants another yes."""
    reading, texting = call.authorize(Verb.READ_OPT_OUTS), call.services.texting
    found = await texting.addresses.get(reading, call.path["address"])
    rules = await texting.rules.all(reading)
    warnings = await texting.warnings.all(reading)
    tried = call.query.lines("try", "Text", characters_max=2_000)
    meaning = await texting.addresses.match(reading, found.address, tried) if tried.strip() else None
    values = {
        "form": form,
        "query": call.query,
        "row": await _row(call, reading, found, rules),
        "warnings": [
            warned
            for warned in warnings
            if warned.address == found.address and warned.kind is not WarnedKind.MISSING_WORDS  # told with the keywords
        ],
        "missing": missing(found.keywords.get(KeywordSet.OPT_OUT, ())),
        "required": REQUIRED,
        "tried": tried,
        "meaning": meaning,
        "about": about(meaning.rule) if meaning is not None else "",
        "recent": recent,
        "KINDS": labels.KINDS,
        "SETS": labels.SETS,
        "is_toll_free": found.kind is AddressKind.TOLL_FREE,
    }
    status = 200 if form.ok and call.query.ok else 422
    return Shown("texting/address.html", found.address, values, block="tried", status=status)


async def describe(call: Call) -> Answer:
    """Change the description."""
    form, name = call.form, call.path["address"]
    text = form.lines("description", "Description", characters_max=500).strip()
    if form.ok:
        try:
            await call.services.texting.addresses.describe(call.grant, name, text)
        except InvalidValue as error:
            form.refuse_error(error, other="description")
        else:
            return Moved(_path(name), "The description was changed.")
    return await _page(call, form, "")


async def delete(call: Call) -> Answer:
    """Delete it; within 60 days of its last text only after another yes."""
    form, name = call.form, call.path["address"]
    try:
        await call.services.texting.addresses.delete(
            call.grant, name, origin=call.origin, even_if_recent=form.has("even_if_recent")
        )
    except WrongState as error:
        form.refuse("even_if_recent", "Tick this to delete it all the same.")
        return await _page(call, form, error.state)
    return Moved(
        f"{ROOT}/texting/addresses", f"{name} was deleted. Who unsubscribed there is kept, and blocks nothing."
    )


def _path(name: str) -> str:
    return f"{ROOT}/texting/addresses/{quote(name)}"


ROUTES = (
    Route("GET", "/texting/addresses", addresses, Verb.READ_OPT_OUTS, "addresses", "addresses"),
    Route("POST", "/texting/addresses", add, Verb.MANAGE_OPT_OUTS, "addresses", "addresses"),
    Route("GET", "/texting/addresses/new", new, Verb.MANAGE_OPT_OUTS, "address-new", "addresses"),
    Route("GET", _ONE, address, Verb.READ_OPT_OUTS, "address", "addresses"),
    Route("POST", f"{_ONE}/description", describe, Verb.MANAGE_OPT_OUTS, "address-description", "addresses"),
    Route("POST", f"{_ONE}/delete", delete, Verb.MANAGE_OPT_OUTS, "address-delete", "addresses"),
)
