"""What Twilio and those who speak like it bring: `/gateways/twilio/sms` for texts, `/gateways/twilio/status` for receipts. Pure.

Signed over the public URL and the form. A form with OptOutType comes from a provider that has understood the person and answered
already: it is recorded and not answered again; that somebody opted out there counts here, whatever word it was by.
Source: Twilio docs, "Webhooks security", "Twilio's request to your incoming message webhook URL", "Outbound message status in status
callbacks", errors 21610 and 30003.
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Mapping
from urllib.parse import SplitResult, parse_qs, urlsplit

from tidings.dialects.contract import WireRequest, WireResponse
from tidings.dialects.gateways.event import (
    NUMBER_CHARACTERS_MAX,
    PAIRS_MAX,
    REFUSED_HEADER,
    GatewayEvent,
    UnreadableEvent,
    check_number,
    check_word,
    detail,
    read_fields,
)
from tidings.domain.errors import WrongSignature
from tidings.domain.optout import IncomingText
from tidings.domain.texts import TextReceipt
from tidings.wire.smpp.readings import readings

TEXTS, RECEIPTS = "/gateways/twilio/sms", "/gateways/twilio/status"
SIGNATURE = "x-twilio-signature"
OPTED_OUT_CODE, UNREACHABLE_CODE = "21610", "30003"

_NOTHING_TO_SAY = b"<Response/>"
_PORTS = {"http": 80, "https": 443}
_FINAL = {"delivered": True, "read": True, "undelivered": False, "failed": False, "canceled": False}

Form = Mapping[str, list[str]]


class Twilio:
    paths = frozenset({TEXTS, RECEIPTS})
    method = "POST"

    def __init__(self, auth_token: str, public_url: str) -> None:
        self._auth_token = auth_token
        self._origins = _spellings(public_url.rstrip("/"))

    def read(self, request: WireRequest) -> GatewayEvent:
        try:
            form = parse_qs(request.body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=PAIRS_MAX)
        except ValueError:
            raise UnreadableEvent(f"more than {PAIRS_MAX} fields") from None
        target = request.path + (f"?{request.query}" if request.query else "")
        given = request.headers.get(SIGNATURE, "").encode("utf-8", "replace")
        if not self._is_signed(target, form, given):
            raise WrongSignature
        return _text(form, request.body) if request.path == TEXTS else GatewayEvent(receipt=_receipt(form))

    def _is_signed(self, target: str, form: Form, given: bytes) -> bool:
        fits = [
            hmac.compare_digest(signature(self._auth_token, origin + target, form).encode(), given)
            for origin in self._origins
        ]
        return any(fits)

    def taken(self) -> WireResponse:
        return WireResponse(200, _NOTHING_TO_SAY, "text/xml; charset=utf-8")

    def not_ours(self, status: int, words: str) -> WireResponse:
        return self.failure(status, words)  # nothing below 500 comes again

    def failure(self, status: int, words: str) -> WireResponse:
        return WireResponse(status, _NOTHING_TO_SAY, "text/xml; charset=utf-8", ((REFUSED_HEADER, words),))


def signature(auth_token: str, url: str, form: Form) -> str:
    """Base64 of HMAC-SHA1 over the URL and every name with its values, sorted."""
    said = url + "".join(name + value for name in sorted(form) for value in sorted(set(form[name])))
    return b64encode(hmac.digest(auth_token.encode(), said.encode("utf-8", "replace"), "sha1")).decode()


def _spellings(origin: str) -> tuple[str, ...]:
    """With and without the port: it depends on the product which of them is signed. Observed: twilio-python's own check."""
    parts = urlsplit(origin)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    port = parts.port or _PORTS.get(parts.scheme, 80)
    others = (_with(parts, host), _with(parts, f"{host}:{port}"))
    return tuple(dict.fromkeys((origin, *others)))


def _with(parts: SplitResult, netloc: str) -> str:
    return parts._replace(netloc=netloc).geturl()


def _text(form: Form, body: bytes) -> GatewayEvent:
    opt_out_type = _word(form, "OptOutType").upper()
    address, phone = check_number("To", _first(form, "To")), check_number("From", _first(form, "From"))
    sid = _word(form, "MessageSid") or _word(form, "SmsSid")
    if not sid:
        raise UnreadableEvent("MessageSid: missing")
    # As octets: those who only speak like Twilio may write another charset.
    octets = read_fields(body.decode("latin-1")).get("Body", b"")
    said = _first(form, "Body")
    others = [reading for reading in readings(octets, said, is_ucs2=False) if reading != said]
    text = IncomingText(
        address,
        phone,
        said,
        sid,
        other_readings=tuple(others),
        carrier_answered=bool(opt_out_type),
        carrier_opted_out=opt_out_type == "STOP",
    )
    return GatewayEvent(text)


def _receipt(form: Form) -> TextReceipt:
    sid = _word(form, "MessageSid") or _word(form, "SmsSid")
    status = (_word(form, "MessageStatus") or _word(form, "SmsStatus")).lower()
    if not sid or not status:
        raise UnreadableEvent("MessageSid or MessageStatus: missing")
    code = _word(form, "ErrorCode")
    told = f"{status}, error {code} {_first(form, 'ErrorMessage')}".rstrip() if code else status
    return TextReceipt(
        (sid,),
        _FINAL.get(status),
        detail(told),
        phone=_first(form, "To").strip()[:NUMBER_CHARACTERS_MAX],
        address=_first(form, "From").strip()[:NUMBER_CHARACTERS_MAX],
        opted_out=code == OPTED_OUT_CODE,
        unreachable=code == UNREACHABLE_CODE,
    )


def _first(form: Form, name: str) -> str:
    return form.get(name, [""])[0]


def _word(form: Form, name: str) -> str:
    return check_word(name, _first(form, name))
