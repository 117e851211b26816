"""Lists of other systems: upload one, watch it being imported. Called by `console`.

A long list comes in pieces, cut by `texting.js`; without script it is one form, as long as the server takes requests.
"""

from __future__ import annotations

from tidings.console.errors import MISSING, BadRequest
from tidings.console.fields import Fields
from tidings.console.routing import ROOT, Answer, Call, Moved, Route, Shown
from tidings.console.texting import labels
from tidings.dialects.contract import WireResponse
from tidings.domain.errors import InvalidValue, NotFound, WrongState
from tidings.domain.grants import Verb
from tidings.domain.optout import ACCOUNT_WIDE
from tidings.services.texting.optout_uploads import LIST_BYTES_MAX, Stage, Upload

PIECE_BYTES = 512 * 1024
"""What the script sends at once: far less than the server takes."""
_FORM_ROOM = 4 * 1024
_PATH = "/texting/unsubscribed/import"


async def new(call: Call) -> Answer:
    """The form for a list."""
    return await _page(call, Fields())


async def _page(call: Call, form: Fields, kept: Upload | None = None) -> Answer:
    """kept: a list that has arrived, so that nobody has to choose its file again."""
    found = await call.services.texting.addresses.all(call.grant)
    values = {
        "form": form,
        "kept": kept,
        "addresses": labels.address_choices(found),
        "running": call.services.uploads.running(call.grant),
        "piece_bytes": PIECE_BYTES,
        "list_mib": LIST_BYTES_MAX // 2**20,
    }
    return Shown("texting/import.html", "Import a list", values, status=200 if form.ok else 422)


async def piece(call: Call) -> Answer:
    """The next piece of a list; answers with the id under which the others come."""
    upload_id = call.form.text("upload", "Upload", characters_max=128)
    sent = call.form.files.get("piece")
    if sent is None or not call.form.ok:
        raise BadRequest(MISSING)
    upload = call.services.uploads.add_piece(call.grant, upload_id, sent.content)
    return WireResponse(200, upload.id.encode(), headers=(("Cache-Control", "no-store"),))


async def begin(call: Call) -> Answer:
    """Begin with the file of the form, or with what came in pieces."""
    form, uploads = call.form, call.services.uploads
    known = [row.address for row in await call.services.texting.addresses.all(call.grant)]
    address = form.choice("address", "Address", [ACCOUNT_WIDE, *known], ACCOUNT_WIDE)
    upload_id = form.text("upload", "Upload", characters_max=128)
    sent = form.files.get("list")
    name = sent.name if sent is not None else form.text("name", "Name", characters_max=255)
    if not upload_id and (sent is None or not sent.content):
        form.refuse("list", "Choose a file that is not empty.")
    kept: Upload | None = None
    try:
        if not upload_id and sent is not None and sent.content:
            upload_id = uploads.add_piece(call.grant, "", sent.content).id
        if upload_id:
            kept = uploads.progress(call.grant, upload_id)
            kept.name = kept.name or name
    except InvalidValue as error:
        form.refuse("list", f"The file {error.reason}.")
    except NotFound:
        form.refuse("list", "What was uploaded is gone. Choose the file again.")
    if form.ok:
        try:
            upload = uploads.begin(
                call.grant,
                upload_id,
                name=name,
                address=address,
                skip_bad=form.has("skip_bad"),
                origin=call.origin,
            )
        except InvalidValue as error:
            form.refuse("list", f"The file {error.reason}.")
        except NotFound:
            form.refuse("list", "What was uploaded is gone. Choose the file again.")
        except WrongState:
            form.refuse("list", "Another list is being imported. Wait until it is done.")
        else:
            return Moved(f"{ROOT}{_PATH}/{upload.id}")
    return await _page(call, form, kept if kept is not None and kept.is_kept else None)


async def progress(call: Call) -> Answer:
    """How far it is. htmx asks again until it is over, then for nothing more."""
    upload = call.services.uploads.progress(call.grant, call.path["id"])
    values = {"upload": upload, "Stage": Stage, "where": labels.address_name(upload.address or ACCOUNT_WIDE)}
    spoken = _spoken(upload) if upload.is_over else ""
    return Shown("texting/import_progress.html", "Import", values, block="state", spoken=spoken)


def _spoken(upload: Upload) -> str:
    if upload.stage is Stage.DONE:
        return f"Done: {upload.taken.added} opted out"
    return "Nothing was imported" if upload.stage is Stage.REFUSED else "The import broke off"


ROUTES = (
    Route("GET", _PATH, new, Verb.MANAGE_OPT_OUTS, "import", "unsubscribed"),
    Route("POST", _PATH, begin, Verb.MANAGE_OPT_OUTS, "import", "unsubscribed", LIST_BYTES_MAX + _FORM_ROOM),
    Route("POST", f"{_PATH}/pieces", piece, Verb.MANAGE_OPT_OUTS, "import-piece", "unsubscribed", 2 * PIECE_BYTES),
    Route("GET", f"{_PATH}/{{id}}", progress, Verb.MANAGE_OPT_OUTS, "import-progress", "unsubscribed"),
)
