"""Developer mode's outbox: mails and texts that would have gone out, their links, and a box to answer a text as the phone would.

Outside developer mode none of it exists. A mail's HTML is shown in a frame that may do nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from tidings.console.errors import MISSING, BadRequest
from tidings.console.formatting import plural
from tidings.console.render import HTML, PRIVATE
from tidings.console.routing import ROOT, Answer, Call, Moved, Route, Shown
from tidings.console.services import Development
from tidings.dialects.contract import WireResponse
from tidings.domain.errors import InvalidValue, NotFound
from tidings.domain.grants import Verb
from tidings.domain.model import Origin, Way
from tidings.domain.optout import ACCOUNT_WIDE, IncomingText, KeywordSet
from tidings.services.texting.inbound_texts import InboundResult

SHOWN_MAX = 100
TEXT_CHARACTERS_MAX = 1_000
CHANNELS = ("email", "sms")
_MEANT = {
    KeywordSet.OPT_OUT: "That is an opt-out.",
    KeywordSet.OPT_IN: "That is an opt-in.",
    KeywordSet.HELP: "That asks for help.",
}
# Nothing runs, nothing is fetched; mails bring their own style. `sandbox`: as if from another site, with links only.
_MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox"
)


async def outbox(call: Call) -> Answer:
    """The newest first; refreshed by htmx."""
    development, query = _development(call), call.query
    channel = query.choice("channel", "Kind", CHANNELS)
    to = query.text("to", "To", characters_max=320)
    before = query.whole("before", "Before", most=10**15) or None
    found = development.outbox(channel or None, to or None, SHOWN_MAX + 1, 0, before) if query.ok else []
    entries = found[-SHOWN_MAX:]
    filters = {"channel": channel, "to": to}
    values = {
        "query": query,
        "entries": list(reversed(entries)),
        "before": before,
        "older": filters | {"before": entries[0]["id"]} if len(found) > SHOWN_MAX else None,
        "channels": (("email", "Mails"), ("sms", "Texts")),
        "filters": filters,
        "is_searched": bool(channel or to),
    }
    spoken = plural(len(entries), "message") if query.has("to") else ""
    return Shown("outbox.html", "Outbox", values, block="results", spoken=spoken, status=200 if query.ok else 422)


async def captured(call: Call) -> Answer:
    """One mail or text."""
    return await _page(call, _entry(call))


async def _page(call: Call, entry: Mapping[str, object], status: int = 200) -> Answer:
    is_text = entry["channel"] == "sms"
    values = {
        "entry": entry,
        "addresses": await _addresses(call) if is_text and call.may(Verb.MANAGE_OPT_OUTS) else [],
        "form": call.form,
        "at": datetime.fromisoformat(str(entry["at"])),
    }
    return Shown("outbox_entry.html", str(entry["subject"] or f"Text to {entry['to']}"), values, status=status)


async def _addresses(call: Call) -> list[tuple[str, str]]:
    """Where a phone can answer to, with names for people."""
    listed = await call.services.texting.addresses.all(call.authorize(Verb.MANAGE_OPT_OUTS))
    return [
        (one.address, f"{one.address} ({one.description})" if one.description else one.address)
        for one in listed
        if one.address != ACCOUNT_WIDE
    ]


async def mail_html(call: Call) -> Answer:
    """A mail's HTML part alone, for the frame."""
    entry = _entry(call)
    if not entry["html"]:
        raise BadRequest(MISSING)
    replaced = {"Content-Security-Policy": _MAIL_POLICY, "X-Frame-Options": "SAMEORIGIN"}
    headers = tuple((name, replaced.get(name, value)) for name, value in PRIVATE)
    # Links open beside the console: inside the frame their pages would refuse to be framed.
    html = str(entry["html"]).replace("<head>", '<head><base target="_blank">', 1)
    return WireResponse(200, html.encode("utf-8", "replace"), HTML, headers)


async def reply(call: Call) -> Answer:
    """An incoming text, as if the phone had answered."""
    entry, form = _entry(call), call.form
    if entry["channel"] != "sms":
        raise BadRequest(MISSING)
    address = form.choice("address", "To", [address for address, _ in await _addresses(call)])
    if not address:
        form.refuse("address", "To: an inbound address is needed.")
    text = form.text("text", "Text", characters_max=TEXT_CHARACTERS_MAX)
    if form.ok:
        origin = Origin(Way.KEYWORD, remote_address=call.request.remote, request_id=call.request.request_id)
        try:
            received = await call.services.texting.inbound.receive(
                IncomingText(address, str(entry["to"]), text), origin
            )
        except NotFound:
            form.refuse("address", "This address was deleted a moment ago.")
        except InvalidValue as error:
            form.refuse_error(error, other="text")
        else:
            return Moved(f"{ROOT}/outbox/{entry['id']}", f"{entry['to']} wrote “{text}”. {_told(received)}")
    return await _page(call, entry, 422)


def _told(received: InboundResult) -> str:
    """What it came to, in a sentence."""
    meaning = received.meaning
    if meaning.set is None:
        return "It sounds like a no: it waits for review." if meaning.review else "No keyword: nothing changed."
    changed = "" if received.changed else " Nothing changed."
    answered = f" The answer: {received.reply}" if received.reply else ""
    return f"{_MEANT[meaning.set]}{changed}{answered}"


async def clear(call: Call) -> Answer:
    """Forget all that was captured."""
    _development(call).clear_outbox()
    return Moved(f"{ROOT}/outbox", "The outbox is empty now.")


def _development(call: Call) -> Development:
    if call.services.development is None:
        raise BadRequest(MISSING)
    return call.services.development


def _entry(call: Call) -> Mapping[str, object]:
    """The entry that the path names. Raises BadRequest."""
    development, text = _development(call), call.path["id"]
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise BadRequest(MISSING)
    found = development.outbox(None, None, 1, 0, int(text) + 1)
    if not found or found[0]["id"] != int(text):
        raise BadRequest(MISSING)
    return found[0]


ROUTES = (
    Route("GET", "/outbox", outbox, Verb.MANAGE_DELIVERIES, "outbox", "outbox"),
    Route("POST", "/outbox/clear", clear, Verb.MANAGE_DELIVERIES, "clear-outbox", "outbox"),
    Route("GET", "/outbox/{id}", captured, Verb.MANAGE_DELIVERIES, "captured", "outbox"),
    Route("GET", "/outbox/{id}/html", mail_html, Verb.MANAGE_DELIVERIES, "mail-html", "outbox"),
    Route("POST", "/outbox/{id}/reply", reply, Verb.MANAGE_OPT_OUTS, "reply-as-phone", "outbox"),
)
