"""What a gateway of our own form brings: `/gateways/webhook/mo` for texts, `/gateways/webhook/status` for receipts, JSON with
`X-Tidings-Signature`. The form is documented in the how-to page on sending texts; it is the mirror of what `channels/sms_gateway` sends.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from tidings.dialects.contract import WireRequest, WireResponse
from tidings.dialects.gateways.event import (
    EARLIEST,
    NUMBER_CHARACTERS_MAX,
    GatewayEvent,
    UnreadableEvent,
    check_country_code,
    check_number,
    check_word,
    detail,
)
from tidings.domain.errors import WrongSignature
from tidings.domain.optout import IncomingText
from tidings.domain.ports import Clock
from tidings.domain.texts import TextReceipt
from tidings.wire.gateway_signature import HEADER, is_signed

TEXTS, RECEIPTS = "/gateways/webhook/mo", "/gateways/webhook/status"

_EXPIRED = "expired"
_FINAL = {
    "delivered": True,
    "undelivered": False,
    "failed": False,
    "rejected": False,
    _EXPIRED: False,
}


class TextEvent(msgspec.Struct):
    """`sent_at`: ISO 8601 with an offset, or seconds since 1970. `answered`: the gateway has answered the person itself. `country_code`:
    of numbers that do not say theirs."""

    id: str
    to: str
    text: str
    sender: str = msgspec.field(name="from")
    sent_at: str | float | None = None
    answered: bool = False
    country_code: str = ""


class ReceiptEvent(msgspec.Struct):
    """`id`: what the gateway answered when it took the text, else ours. `message_id`: ours, where `id` is the gateway's."""

    id: str
    status: str
    message_id: str = ""
    detail: str = ""
    to: str = ""
    sender: str = msgspec.field(name="from", default="")
    opted_out: bool = False
    unreachable: bool = False


_Form = TypeVar("_Form", TextEvent, ReceiptEvent)


class Webhook:
    paths = frozenset({TEXTS, RECEIPTS})
    method = "POST"

    def __init__(self, secret: str, clock: Clock) -> None:
        self._secret = secret
        self._clock = clock

    def read(self, request: WireRequest) -> GatewayEvent:
        given = request.headers.get(HEADER.lower(), "")
        if not is_signed(self._secret, given, request.body, self._clock.now().timestamp()):
            raise WrongSignature
        if request.path == TEXTS:
            return GatewayEvent(text=_text(_decode(request.body, TextEvent)))
        return GatewayEvent(receipt=_receipt(_decode(request.body, ReceiptEvent)))

    def taken(self) -> WireResponse:
        return _json(200, {"result": "ok"})

    def not_ours(self, status: int, words: str) -> WireResponse:
        return self.failure(status, words)

    def failure(self, status: int, words: str) -> WireResponse:
        return _json(status, {"error": words})


def _json(status: int, value: dict[str, str]) -> WireResponse:
    return WireResponse(status, msgspec.json.encode(value), "application/json")


def _decode(body: bytes, form: type[_Form]) -> _Form:
    try:
        return msgspec.json.decode(_utf8(body), type=form)
    except msgspec.ValidationError as error:
        raise UnreadableEvent(detail(str(error))) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableEvent("the body is not JSON") from error


def _utf8(body: bytes) -> bytes:
    """JSON that came with a mark, in UTF-16 or in an eight-bit charset, as it should have come. It may be somebody's STOP."""
    codec: str = json.detect_encoding(body)
    if codec == "utf-8" and _is_utf8(body):
        return body
    if not _is_utf8(body) and codec == "utf-8":
        codec = "cp1252"
    return body.decode(codec, "replace").encode("utf-8", "replace")


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _text(event: TextEvent) -> IncomingText:
    text_id = check_word("id", event.id)
    if not text_id:
        raise UnreadableEvent("id: missing; without it a repeat could not be told from a second text")
    return IncomingText(
        check_number("to", event.to),
        check_number("from", event.sender),
        event.text,
        transport_id=text_id,
        sent_at=_time(event.sent_at),
        carrier_answered=event.answered,
        country_code=check_country_code(event.country_code),
    )


def _time(value: str | float | None) -> datetime | None:
    """None for a clock that stands at its beginning. Raises BadRequest."""
    if value is None:
        return None
    try:
        if isinstance(value, str):
            at = datetime.fromisoformat(value)
            if at.tzinfo is None:
                raise UnreadableEvent("sent_at: needs an offset, such as Z")
            at = at.astimezone(UTC)
        else:
            at = datetime.fromtimestamp(value, UTC)
        return at if at >= EARLIEST else None
    except (ValueError, OverflowError, OSError) as error:
        raise UnreadableEvent("sent_at: neither a time of ISO 8601 nor seconds since 1970") from error


def _receipt(event: ReceiptEvent) -> TextReceipt:
    ids = tuple(dict.fromkeys(filter(None, (check_word("id", event.id), check_word("message_id", event.message_id)))))
    if not ids:
        raise UnreadableEvent("id: missing")
    status = check_word("status", event.status).lower()
    return TextReceipt(
        ids,
        _FINAL.get(status),
        detail(f"{status}: {event.detail}" if event.detail else status),
        phone=event.to.strip()[:NUMBER_CHARACTERS_MAX],
        address=event.sender.strip()[:NUMBER_CHARACTERS_MAX],
        opted_out=event.opted_out,
        unreachable=event.unreachable or status == _EXPIRED,
    )
