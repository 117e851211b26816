"""What Kannel brings: `/gateways/kannel/mo` for texts, `/gateways/kannel/dlr` for receipts. Pure.

The get-url of its sms-service (one line; `max-messages = 0`, because an answer's body would be sent to the phone):
`http://…/gateways/kannel/mo?secret=…&from=%p&to=%P&octets=%b&coding=%c&charset=%C&id=%I&time=%T`,
and `&country_code=44` where the SMSC writes numbers without their country. The dlr-url is made by
`channels/sms_gateway` for each text. Kannel joins long texts and turns the GSM alphabet into UTF-8 before it comes here.
Source: Kannel user guide, "Parameters (Escape Codes)", "Delivery reports". Observed: Kannel 1.4.5.
"""

from __future__ import annotations

from datetime import UTC, datetime

from tidings.dialects.contract import WireRequest, WireResponse
from tidings.dialects.gateways.event import (
    EARLIEST,
    NUMBER_CHARACTERS_MAX,
    REFUSED_HEADER,
    Fields,
    GatewayEvent,
    UnreadableEvent,
    check_country_code,
    check_number,
    detail,
    is_secret,
    read_fields,
    word,
)
from tidings.domain.errors import WrongSignature
from tidings.domain.optout import IncomingText
from tidings.domain.texts import TextReceipt
from tidings.wire.gateway_url import KANNEL_RECEIPTS
from tidings.wire.smpp.readings import readings
from tidings.wire.smpp.texts import decode
from tidings.wire.smpp.url import Coding0

TEXTS = "/gateways/kannel/mo"

_BINARY = "1"
_UCS2 = frozenset({"2", "8", "ucs2", "ucs-2", "utf-16", "utf-16be"})
_UTF16 = frozenset({"utf-16", "utf-16be", "utf-16le", "ucs2", "ucs-2", "iso-10646-ucs-2"})
_CHARSETS = frozenset(
    (
        *(
            "utf-8",
            "us-ascii",
            "ascii",
            "latin1",
            "gb18030",
            "gbk",
            "gb2312",
            "big5",
            "shift-jis",
            "euc-jp",
            "euc-kr",
            "koi8-r",
            "koi8-u",
        ),
        *(f"iso-8859-{number}" for number in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16)),
        *(f"windows-{number}" for number in range(1250, 1259)),
    )
)
"""Of `%C`; what is none of them is read as UTF-8."""
_SMPP_BINARY, _SMPP_UCS2 = 4, 8
_DELIVERED, _FAILED, _BUFFERED, _ACCEPTED, _REJECTED = "1", "2", "4", "8", "16"
_MEANINGS: dict[str, bool | None] = {
    _DELIVERED: True,
    _FAILED: False,
    _BUFFERED: None,
    _ACCEPTED: None,
    _REJECTED: False,
}
_WORDS = {
    _DELIVERED: "delivered",
    _FAILED: "failed",
    _BUFFERED: "buffered",
    _ACCEPTED: "accepted",
    _REJECTED: "rejected",
}
_SECONDS_DIGITS_MAX = 11
_EXPIRED = "stat:EXPIRED"
"""In the words of an SMSC that kept a text until its time was over. Source: SMPP 3.4, appendix B."""


class Kannel:
    paths = frozenset({TEXTS, KANNEL_RECEIPTS})
    method = "GET"

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def read(self, request: WireRequest) -> GatewayEvent:
        fields = read_fields(request.query)
        if not is_secret(fields.get("secret", b""), self._secret):
            raise WrongSignature
        if request.path == TEXTS:
            return GatewayEvent(text=_text(fields))
        return GatewayEvent(receipt=_receipt(fields))

    def taken(self) -> WireResponse:
        return WireResponse(200)

    def not_ours(self, status: int, words: str) -> WireResponse:
        # It repeats whatever is not 200 or 202, as often as `http-request-retry` says.
        return WireResponse(202, headers=((REFUSED_HEADER, f"{status} {words}"),))

    def failure(self, status: int, words: str) -> WireResponse:
        return WireResponse(status, f"{words}\n".encode())


def text_of(octets: bytes, coding: str, charset: str = "") -> tuple[str, ...]:
    """What `%b` may say by `%c` and `%C`, the likeliest first. Never raises: what cannot be so is read as well as can be, because it may be
    somebody's STOP."""
    name = charset.lower().replace("_", "-")
    is_ucs2 = coding.lower() in _UCS2 or name in _UTF16
    if is_ucs2:
        told = "" if name != "utf-16le" else octets.decode("utf-16-le", "replace")
        told = told or decode(octets, _SMPP_UCS2, Coding0.GSM)
    elif coding == _BINARY:
        told = decode(octets, _SMPP_BINARY, Coding0.GSM)
    else:
        told = _decoded(octets, name)
    return readings(octets, told, is_ucs2=is_ucs2)


def _decoded(octets: bytes, charset: str) -> str:
    for codec in (charset if charset in _CHARSETS else "utf-8", "utf-8"):
        try:
            return octets.decode(codec)
        except UnicodeDecodeError:  # `alt-charset` is set to something else
            continue
    return octets.decode("latin-1")


def _text(fields: Fields) -> IncomingText:
    octets = fields.get("octets", fields.get("text"))
    if octets is None:
        raise UnreadableEvent("octets: missing, the get-url needs octets=%b")
    text, *others = text_of(octets, _if_any(fields, "coding"), _if_any(fields, "charset"))
    return IncomingText(
        check_number("to", _number(fields, "to")),
        check_number("from", _number(fields, "from")),
        text,
        other_readings=tuple(others),
        transport_id=_if_any(fields, "id"),
        sent_at=_time(_if_any(fields, "time")),
        country_code=check_country_code(word(fields, "country_code")),
    )


def _number(fields: Fields, name: str) -> str:
    """A blank before the digits was a plus that nobody encoded."""
    value = fields.get(name, b"").decode("utf-8", "replace")
    return f"+{value[1:]}" if value[:1] == " " and value[1:2].isdigit() else value


def _if_any(fields: Fields, name: str) -> str:
    """Empty for what cannot be read: better a text without it than none at all."""
    try:
        return word(fields, name)
    except UnreadableEvent:
        return ""


def _time(text: str) -> datetime | None:
    """None for what is no time."""
    if not (text.isascii() and text.isdigit()) or len(text) > _SECONDS_DIGITS_MAX:
        return None
    at = datetime.fromtimestamp(int(text), UTC)
    return at if at >= EARLIEST else None


def _receipt(fields: Fields) -> TextReceipt:
    text_id, status = word(fields, "id"), word(fields, "status")
    if not text_id or status not in _MEANINGS:
        raise UnreadableEvent("id or status: not as in the dlr-url that was given")
    answer = fields.get("answer", b"").decode("utf-8", "replace")
    told = f"Kannel: {_WORDS[status]}: {answer}" if answer else f"Kannel: {_WORDS[status]}"
    # It reports as if the phone had texted us.
    return TextReceipt(
        (text_id,),
        _MEANINGS[status],
        detail(told),
        phone=_number(fields, "from").strip()[:NUMBER_CHARACTERS_MAX],
        address=_number(fields, "to").strip()[:NUMBER_CHARACTERS_MAX],
        unreachable=_EXPIRED in answer,
    )
