"""Signs and templates of texts: list and add them, look at one, and decide on those that wait for a review."""

from __future__ import annotations

from collections.abc import Mapping

from tidings.console.errors import MISSING, BadRequest
from tidings.console.fields import Fields
from tidings.console.routing import ROOT, Answer, Call, Moved, Route, Shown
from tidings.console.texting import labels
from tidings.console.texting.keywords import size_of
from tidings.domain.errors import AlreadyExists, InvalidValue, QuotaExceeded
from tidings.domain.grants import Verb
from tidings.domain.optout import SmsType
from tidings.domain.texts import Reach, Review, SmsSign, SmsTemplate

PAGE_ROWS = 50
REVIEWS: Mapping[Review, tuple[str, str]] = {
    Review.USABLE: ("Usable", "good"),
    Review.WAITING: ("Waits for review", "wait"),
    Review.LATER: ("Approved, later", "calm"),
    Review.REFUSED: ("Refused", "bad"),
}
REACHES: Mapping[Reach, str] = {
    Reach.BOTH: "All numbers",
    Reach.MAINLAND: "Mainland China",
    Reach.GLOBAL: "Outside mainland China",
}
_REACHES = tuple((reach.name.lower(), label) for reach, label in REACHES.items())
_PATH = f"{ROOT}/texting/catalog"
_SIGN_FIELDS = {"content": "content", "content length": "content", "remark": "remark"}
_TEMPLATE_FIELDS = _SIGN_FIELDS | {"name": "name", "unsubscribe": "content"}


async def catalog(call: Call) -> Answer:
    """What waits for review first, then the newest."""
    services, grant = call.services, call.grant
    start = call.query.whole("from", "Page", most=1_000_000)
    signs = sorted(await services.catalog.signs(grant), key=_order)
    templates = sorted(await services.catalog.templates(grant), key=_order)
    rows: list[SmsSign | SmsTemplate] = [*signs, *templates]
    values = {
        "signs": signs[start : start + PAGE_ROWS],
        "templates": templates[start : start + PAGE_ROWS],
        "waiting": sum(row.review is Review.WAITING for row in rows),
        "total_signs": len(signs),
        "total_templates": len(templates),
        "start": start,
        "next": start + PAGE_ROWS if start + PAGE_ROWS < max(len(signs), len(templates)) else 0,
        "REVIEWS": REVIEWS,
        "REACHES": REACHES,
        "TYPES": labels.TYPES,
    }
    return Shown("texting/catalog.html", "Signs and templates", values)


def _order(row: SmsSign | SmsTemplate) -> tuple[bool, int]:
    return row.review is not Review.WAITING, -row.id


# --- adding ----------------------------------------------------------------------------------------------------------------------


async def new_sign(call: Call) -> Answer:
    """The form of a new sign."""
    return _sign_form(Fields())


def _sign_form(form: Fields) -> Answer:
    values = {"form": form, "reaches": _REACHES}
    return Shown("texting/sign_new.html", "Add a sign", values, status=200 if form.ok else 422)


async def add_sign(call: Call) -> Answer:
    """Add a sign; where an operator reviews them, it waits for that."""
    form = call.form
    content = form.text("content", "Sign", characters_max=60, required=True)
    reach = _reach(form)
    remark = form.lines("remark", "Remark", characters_max=500).strip()
    if form.ok:
        try:
            made = await call.services.catalog.add_sign(call.grant, content, reach=reach, remark=remark)
        except InvalidValue as error:
            form.refuse_error(error, _SIGN_FIELDS, "content")
        except AlreadyExists:
            form.refuse("content", "There is such a sign already.")
        except QuotaExceeded as error:
            form.refuse("content", f"There are as many as there may be: {error.limit}.")
        else:
            return Moved(_PATH, f"The sign {made.content} {_fate(made.review)}.")
    return _sign_form(form)


async def new_template(call: Call) -> Answer:
    """The form of a new template."""
    return _template_form(Fields())


def _template_form(form: Fields) -> Answer:
    values = {"form": form, "reaches": _REACHES, "types": labels.TYPE_CHOICES}
    return Shown("texting/template_new.html", "Add a template", values, status=200 if form.ok else 422)


async def add_template(call: Call) -> Answer:
    """Add a template, likewise."""
    form = call.form
    name = form.text("name", "Name", characters_max=100, required=True)
    content = form.lines("content", "Text", characters_max=500).strip()
    if form.ok and not content:
        form.refuse("content", "Text is needed.")
    chosen = form.choice("type", "Type", [value for value, _ in labels.TYPE_CHOICES], "2")
    reach = _reach(form)
    remark = form.lines("remark", "Remark", characters_max=500).strip()
    if form.ok:
        try:
            made = await call.services.catalog.add_template(
                call.grant, name=name, content=content, sms_type=SmsType(int(chosen)), reach=reach, remark=remark
            )
        except InvalidValue as error:
            form.refuse_error(error, _TEMPLATE_FIELDS, "content")
        except QuotaExceeded as error:
            form.refuse("name", f"There are as many as there may be: {error.limit}.")
        else:
            return Moved(_PATH, f"Template {made.id} {_fate(made.review)}.")
    return _template_form(form)


def _reach(form: Fields) -> Reach:
    return Reach[form.choice("reach", "For which numbers", [name for name, _ in _REACHES], "both").upper()]


def _fate(review: Review) -> str:
    return "waits for review" if review is Review.WAITING else "was added and can be used"


# --- one -------------------------------------------------------------------------------------------------------------------------


async def sign(call: Call) -> Answer:
    """One sign."""
    return await _sign_page(call, Fields())


async def _sign_page(call: Call, form: Fields) -> Answer:
    row = await call.services.catalog.sign(call.authorize(Verb.LIST), _id(call))
    return _one(form, row, f"Sign {row.content}", "signs")


async def template(call: Call) -> Answer:
    """One template."""
    return await _template_page(call, Fields())


async def _template_page(call: Call, form: Fields) -> Answer:
    row = await call.services.catalog.template(call.authorize(Verb.LIST), _id(call))
    return _one(form, row, f"Template {row.id}", "templates")


def _one(form: Fields, row: SmsSign | SmsTemplate, title: str, kind: str) -> Answer:
    values = {
        "form": form,
        "row": row,
        "title": title,
        "kind": kind,
        "size": size_of(row.content),
        "type": labels.TYPES[row.sms_type] if isinstance(row, SmsTemplate) else "",
        "name": row.name if isinstance(row, SmsTemplate) else "",
        "review": REVIEWS[row.review],
        "reach": REACHES[row.reach],
    }
    return Shown("texting/catalog_one.html", title, values, status=200 if form.ok else 422)


async def review_sign(call: Call) -> Answer:
    """Approve or refuse a sign."""
    approved, reply = _decision(call.form)
    if call.form.ok:
        try:
            row = await call.services.catalog.review_sign(call.grant, _id(call), approved=approved, reply=reply)
        except InvalidValue as error:
            call.form.refuse_error(error, other="reply")
        else:
            return Moved(_PATH, f"The sign {row.content} was {'approved' if approved else 'refused'}.")
    return await _sign_page(call, call.form)


async def review_template(call: Call) -> Answer:
    """Approve or refuse a template."""
    approved, reply = _decision(call.form)
    if call.form.ok:
        try:
            row = await call.services.catalog.review_template(call.grant, _id(call), approved=approved, reply=reply)
        except InvalidValue as error:
            call.form.refuse_error(error, other="reply")
        else:
            return Moved(_PATH, f"Template {row.id} was {'approved' if approved else 'refused'}.")
    return await _template_page(call, call.form)


def _decision(form: Fields) -> tuple[bool, str]:
    approved = form.choice("decision", "Decision", ("approve", "refuse"), "approve") == "approve"
    reply = form.text("reply", "Remark", characters_max=500)
    if not approved and not reply:
        form.refuse("reply", "Say why it is refused.")
    return approved, reply


async def delete_sign(call: Call) -> Answer:
    """Texts cannot carry it any more."""
    await call.services.catalog.delete_sign(call.grant, _id(call))
    return Moved(_PATH, "The sign was deleted.")


async def delete_template(call: Call) -> Answer:
    """Texts cannot be made of it any more."""
    await call.services.catalog.delete_template(call.grant, _id(call))
    return Moved(_PATH, "The template was deleted.")


def _id(call: Call) -> int:
    text = call.path["id"]
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise BadRequest(MISSING)
    return int(text)


_SIGN, _TEMPLATE = "/texting/signs/{id}", "/texting/templates/{id}"
ROUTES = (
    Route("GET", "/texting/catalog", catalog, Verb.LIST, "catalog", "catalog"),
    Route("POST", "/texting/signs", add_sign, Verb.MANAGE_TEMPLATES, "signs", "catalog"),
    Route("GET", "/texting/signs/new", new_sign, Verb.MANAGE_TEMPLATES, "sign-new", "catalog"),
    Route("GET", _SIGN, sign, Verb.LIST, "sign", "catalog"),
    Route("POST", f"{_SIGN}/review", review_sign, Verb.MANAGE_ACCOUNT, "sign-review", "catalog"),
    Route("POST", f"{_SIGN}/delete", delete_sign, Verb.MANAGE_TEMPLATES, "sign-delete", "catalog"),
    Route("POST", "/texting/templates", add_template, Verb.MANAGE_TEMPLATES, "texting-templates", "catalog"),
    Route("GET", "/texting/templates/new", new_template, Verb.MANAGE_TEMPLATES, "template-new", "catalog"),
    Route("GET", _TEMPLATE, template, Verb.LIST, "template", "catalog"),
    Route("POST", f"{_TEMPLATE}/review", review_template, Verb.MANAGE_ACCOUNT, "template-review", "catalog"),
    Route("POST", f"{_TEMPLATE}/delete", delete_template, Verb.MANAGE_TEMPLATES, "template-delete", "catalog"),
)
