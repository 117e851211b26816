"""Who is opted out now: find them, opt somebody out, lift an opt-out, take the list along as CSV.

Lifting is the dangerous act: it has a permission of its own, takes a reason, and within 30 days of the person's own STOP another yes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from urllib.parse import quote

from tidings.console.csv_export import download
from tidings.console.errors import MISSING, BadRequest
from tidings.console.fields import Fields, sentence
from tidings.console.formatting import plural
from tidings.console.routing import ROOT, Answer, Call, Moved, Route, Shown
from tidings.console.texting import labels
from tidings.domain.errors import InvalidValue, WrongState
from tidings.domain.grants import Grant, Verb
from tidings.domain.optout import ACCOUNT_WIDE, TOPICS_APP, BlockingRule, OptOut, OptOutQuery
from tidings.services.texting.phone_consent import REASON_CHARACTERS_MAX, phone_number
from tidings.wire.csv_rows import lines

PAGE_PEOPLE = 50
PHONES_MAX = 200
COLUMNS = ("phone", "address", "since", "event_at", "way", "reason", "keyword", "raw_text", "principal", "blocks")
_FILTERS = ("phone", "address", "app", "since", "until")
_PATH = f"{ROOT}/texting/unsubscribed"
_EXPORTED_AT_ONCE = 1_000
_NOBODY = "-"
"""An address that nobody has: an application that nothing is blocked for."""


async def unsubscribed(call: Call) -> Answer:
    """A page of those who are opted out, the longest first."""
    query, grant, texting = call.query, call.grant, call.services.texting
    addresses = await texting.addresses.all(grant)
    rules, apps = await texting.rules.all(grant), await texting.applications.all(grant)
    wanted = await _wanted(call, grant)
    start = query.whole("from", "Page", most=100_000_000)
    found, total = (
        await texting.opt_outs.page(grant, replace(wanted, offset=start, limit=PAGE_PEOPLE)) if query.ok else ([], 0)
    )
    link: dict[str, object] = {name: query.typed(name).strip() for name in _FILTERS}
    values = {
        "query": query,
        "rows": [(row, labels.blocks(row.address, rules), labels.address_name(row.address)) for row in found],
        "total": total,
        "start": start,
        "addresses": labels.address_choices(addresses),
        "apps": labels.app_choices(apps),
        "filters": link,
        "is_searched": bool(any(link.values()) or start or query.refusals),
        "first": link if start else None,
        "next": link | {"from": start + PAGE_PEOPLE} if start + len(found) < total else None,
        "running": call.services.uploads.running(grant),
    }
    status = 200 if query.ok else 422
    spoken = plural(total, "number")
    return Shown("texting/unsubscribed.html", "Unsubscribed", values, block="results", spoken=spoken, status=status)


async def _wanted(call: Call, grant: Grant) -> OptOutQuery:
    """What the filters say. An application stands for the addresses at which an opt-out blocks something of it."""
    query, texting = call.query, call.services.texting
    known = [row.address for row in await texting.addresses.all(grant)]
    phone = labels.read_phone(query, "phone", "Number")
    address = query.choice("address", "Address", [ACCOUNT_WIDE, *known])
    app = query.choice("app", "Application", [row.app_id for row in await texting.applications.all(grant)])
    places = [address] if address else []
    if app:
        ruled = {rule.address for rule in await texting.rules.all(grant) if rule.app_id == app}
        blocking = {ACCOUNT_WIDE, *(known if app == TOPICS_APP else ruled)}
        places = [place for place in places or sorted(blocking) if place in blocking] or [_NOBODY]
    return OptOutQuery(
        grant.owner,
        addresses=places,
        phones=(phone,) if phone else (),
        since=query.moment("since", "Since"),
        until=query.moment("until", "Until", is_end=True),
    )


# --- opting out ------------------------------------------------------------------------------------------------------------------


async def new(call: Call) -> Answer:
    """The form for opting somebody out."""
    form = Fields([("phones", call.query.typed("phone"))] if call.query.has("phone") else [])
    return await _new_page(call, form)


async def _new_page(call: Call, form: Fields) -> Answer:
    found = await call.services.texting.addresses.all(call.grant)
    values = {"form": form, "addresses": labels.address_choices(found), "phones_max": PHONES_MAX}
    status = 200 if form.ok else 422
    return Shown("texting/unsubscribed_new.html", "Opt somebody out", values, status=status)


async def add(call: Call) -> Answer:
    """Opt numbers out, one a line."""
    form, texting = call.form, call.services.texting
    phones = _typed_phones(form)
    known = [row.address for row in await texting.addresses.all(call.grant)]
    address = form.choice("address", "Address", [ACCOUNT_WIDE, *known], ACCOUNT_WIDE)
    reason = form.text("reason", "Reason", characters_max=REASON_CHARACTERS_MAX, required=True)
    if not form.ok:
        return await _new_page(call, form)
    added = 0
    for phone in phones:
        added += await texting.opt_outs.opt_out(call.grant, address, phone, reason=reason, origin=call.origin)
    told = phones[0] if len(phones) == 1 else plural(added, "number")
    said = f"{told} opted out." if added else "They were opted out already."
    if 0 < added < len(phones):
        said = f"{told} opted out, {len(phones) - added} were so already."
    return Moved(f"{_PATH}?phone={quote(phones[0])}" if len(phones) == 1 else _PATH, said)


def _typed_phones(form: Fields) -> list[str]:
    typed = [line.strip() for line in form.lines("phones", "Numbers").split("\n") if line.strip()]
    if form.ok and not typed:
        form.refuse("phones", "At least one number is needed.")
    if len(typed) > PHONES_MAX:
        form.refuse("phones", f"At most {PHONES_MAX} numbers at once, not {len(typed)}. Import a list for more.")
        return []
    phones, wrong = [], []
    for line in typed:
        try:
            phones.append(phone_number(line))
        except InvalidValue as error:
            wrong.append(f"“{line[:30]}”: {error.reason}")
    if wrong:
        more = f" And {len(wrong) - 3} more." if len(wrong) > 3 else ""
        form.refuse("phones", " ".join(sentence(reason) for reason in wrong[:3]) + more)
    return list(dict.fromkeys(phones))


# --- lifting ---------------------------------------------------------------------------------------------------------------------


async def lift_page(call: Call) -> Answer:
    """What lifting would do, and the form for it."""
    return await _lift_page(call, Fields(), await _one(call, call.query))


async def lift(call: Call) -> Answer:
    """Lift one opt-out: the number gets texts again."""
    form = call.form
    row = await _one(call, form)
    reason = form.text("reason", "Reason", characters_max=REASON_CHARACTERS_MAX, required=True)
    if not form.ok:
        return await _lift_page(call, form, row)
    try:
        lifted = await call.services.texting.opt_outs.opt_in(
            call.grant, row.address, row.phone, reason=reason, origin=call.origin, forced=form.has("forced")
        )
    except WrongState:
        form.refuse("forced", "Tick this to lift it all the same.")
        return await _lift_page(call, form, row)
    said = f"{row.phone} gets texts again." if lifted else f"{row.phone} was not opted out any more."
    return Moved(f"{ROOT}/texting/number?phone={quote(row.phone)}", said)


async def _one(call: Call, fields: Fields) -> OptOut:
    """The opt-out that a link or form names. Raises BadRequest."""
    address = fields.text("address", "Address", characters_max=32)
    phone = labels.read_phone(fields, "phone", "Number")
    if fields.ok and address and phone:
        query = OptOutQuery(call.principal.account_id, (address,), (phone,), limit=1)
        found, _ = await call.services.texting.opt_outs.page(call.authorize(Verb.READ_OPT_OUTS), query, counted=False)
        if found:
            return found[0]
    raise BadRequest(MISSING)


async def _lift_page(call: Call, form: Fields, row: OptOut) -> Answer:
    rules = await call.services.texting.rules.all(call.authorize(Verb.READ_OPT_OUTS))
    values = {
        "form": form,
        "row": row,
        "name": labels.address_name(row.address),
        "blocks": labels.blocks(row.address, rules),
        "is_protected": call.services.texting.opt_outs.is_protected(row),
    }
    return Shown("texting/lift.html", f"Lift the opt-out of {row.phone}", values, status=200 if form.ok else 422)


# --- CSV -------------------------------------------------------------------------------------------------------------------------


async def export(call: Call) -> Answer:
    """Everybody whom the filters find; the file can be imported again."""
    grant = call.grant
    wanted = replace(await _wanted(call, grant), limit=_EXPORTED_AT_ONCE)
    if not call.query.ok:
        return await unsubscribed(call)
    # The first page is read before the answer begins, so that a store out of reach is a page and not a torn file.
    first, _ = await call.services.texting.opt_outs.page(grant, wanted, counted=False)
    return download("tidings-unsubscribed.csv", _csv(call, grant, wanted, first))


async def _csv(call: Call, grant: Grant, wanted: OptOutQuery, page: Sequence[OptOut]) -> AsyncIterator[bytes]:
    rules = await call.services.texting.rules.all(grant)
    told: dict[str, str] = {}
    yield lines([COLUMNS])
    while page:
        yield lines(_line(row, told.setdefault(row.address, _blocks(row.address, rules))) for row in page)
        # From the last time on, behind those that were shown of it: so the end of a long list is as quick as its beginning.
        last = page[-1].since
        alike = sum(1 for row in page if row.since == last)
        wanted = replace(wanted, since=last, offset=alike + (wanted.offset if last == wanted.since else 0))
        page, _ = await call.services.texting.opt_outs.page(grant, wanted, counted=False)


def _line(row: OptOut, blocked: str) -> tuple[object, ...]:
    said = (row.reason, row.keyword, row.raw_text, row.principal)
    return (row.phone, row.address, row.since, row.event_at, row.way.value, *said, blocked)


def _blocks(address: str, rules: Sequence[BlockingRule]) -> str:
    told = labels.blocks(address, rules)
    return "; ".join(f"{found.app or 'everything'}: {', '.join(found.types)}" for found in told)


ROUTES = (
    Route("GET", "/texting/unsubscribed", unsubscribed, Verb.READ_OPT_OUTS, "unsubscribed", "unsubscribed"),
    Route("POST", "/texting/unsubscribed", add, Verb.MANAGE_OPT_OUTS, "unsubscribed", "unsubscribed"),
    Route("GET", "/texting/unsubscribed/new", new, Verb.MANAGE_OPT_OUTS, "unsubscribed-new", "unsubscribed"),
    Route("GET", "/texting/unsubscribed/lift", lift_page, Verb.LIFT_OPT_OUTS, "lift", "unsubscribed"),
    Route("POST", "/texting/unsubscribed/lift", lift, Verb.LIFT_OPT_OUTS, "lift", "unsubscribed"),
    Route("GET", "/texting/unsubscribed.csv", export, Verb.READ_OPT_OUTS, "unsubscribed-export", "unsubscribed"),
)
