"""The applications in whose name texts are sent: add one, change its sender and where what becomes of texts is told."""

from __future__ import annotations

from collections.abc import Mapping

from tidings.console.errors import MISSING, BadRequest
from tidings.console.fields import Fields
from tidings.console.routing import ROOT, Answer, Call, Moved, Route, Shown
from tidings.console.texting import labels
from tidings.domain.errors import InvalidValue, QuotaExceeded
from tidings.domain.grants import Verb
from tidings.domain.optout import TOPICS_APP, SmsApplication
from tidings.domain.texts import CALLBACK_SECRET, CONSENT_URL, REPLY_URL, STATUS_URL

URLS: Mapping[str, tuple[str, str]] = {
    STATUS_URL: ("Delivery reports go to", "Called when it is known what became of a text."),
    REPLY_URL: ("Replies go to", "Called with what people text back."),
    CONSENT_URL: ("Changes of consent go to", "Called for every opt-out and opt-in that concerns this application."),
}


async def new(call: Call) -> Answer:
    """The form of a new application."""
    return _page(call, Fields(), None)


async def application(call: Call) -> Answer:
    """The form of one that is there."""
    return _page(call, Fields(), await _found(call))


async def add(call: Call) -> Answer:
    """Add an application; one of that name is changed in its own form only."""
    form = call.form
    app_id = form.text("app_id", "Application id", characters_max=64, required=True)
    known = await call.services.texting.applications.all(call.grant)
    if any(row.app_id == app_id for row in known):
        form.refuse("app_id", "There is an application of this id already.")
    if await _put(call, app_id):
        path = f"{ROOT}/texting/rules"
        return Moved(path, f"Application {app_id} was added. Tick below what an opt-out blocks of it.")
    return _page(call, form, None)


async def change(call: Call) -> Answer:
    """Change its sender and callbacks."""
    found = await _found(call)
    if await _put(call, found.app_id):
        return Moved(f"{ROOT}/texting/rules", f"Application {found.app_id} was changed.")
    return _page(call, call.form, found)


async def _found(call: Call) -> SmsApplication:
    for row in await call.services.texting.applications.all(call.grant):
        if row.app_id == call.path["app"] and row.app_id != TOPICS_APP:
            return row
    raise BadRequest(MISSING)


async def _put(call: Call, app_id: str) -> bool:
    """Whether it was written; what is wrong is in the form's refusals."""
    form = call.form
    sender = form.text("sender", "Sender", characters_max=40)
    settings = {name: form.text(name, label, characters_max=500) for name, (label, _) in URLS.items()}
    secret = form.text(CALLBACK_SECRET, "Secret", characters_max=200)
    if secret:
        settings[CALLBACK_SECRET] = secret
    elif form.has("no-secret"):
        settings[CALLBACK_SECRET] = ""
    if form.ok:
        try:
            await call.services.texting.applications.put(call.grant, app_id, _sender(sender), settings)
        except InvalidValue as error:
            form.refuse_error(error)
        except QuotaExceeded as error:
            form.refuse("app_id", f"There are as many as there may be: {error.limit}.")
    return form.ok


def _sender(typed: str) -> str:
    """A number without what people put between digits, or the sender id as it is."""
    return labels.plain_number(typed) if typed.startswith(("+", "00")) else typed


def _page(call: Call, form: Fields, found: SmsApplication | None) -> Answer:
    values = {
        "form": form,
        "app": found,
        "urls": [
            (name, label, about, found.settings.get(name, "") if found else "") for name, (label, about) in URLS.items()
        ],
        "secret_field": CALLBACK_SECRET,
        "has_secret": found is not None and CALLBACK_SECRET in found.settings,
        "is_sent": call.request.method == "POST",
    }
    title = f"Application {found.app_id}" if found else "Add an application"
    return Shown("texting/application.html", title, values, status=200 if form.ok else 422)


_ONE = "/texting/applications/{app}"
ROUTES = (
    Route("POST", "/texting/applications", add, Verb.MANAGE_OPT_OUTS, "applications", "rules"),
    Route("GET", "/texting/applications/new", new, Verb.MANAGE_OPT_OUTS, "application-new", "rules"),
    Route("GET", _ONE, application, Verb.MANAGE_OPT_OUTS, "application", "rules"),
    Route("POST", _ONE, change, Verb.MANAGE_OPT_OUTS, "application", "rules"),
)
