"""Where the HTTP gateway for texts is, with everything that is needed to use it:
`kannel+http://user:password@host:13013/cgi-bin/sendsms?from=+12025550100&charset=UTF-8&dlr=1` for Kannel, or
`https://user:password@host/path?…#from=+12025550100&dlr=1` for our own form, whose query belongs to the gateway.

Read from the settings by `wiring`, used by `channels/sms_gateway`. Source: Kannel user guide, "Using the HTTP interface to send SMS".
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from urllib.parse import unquote

from tidings.wire.egress import Target, check_url
from tidings.wire.phone_numbers import read_country_code
from tidings.wire.smpp.addresses import sender as sender_address

KANNEL_RECEIPTS = "/gateways/kannel/dlr"
"""Where Kannel brings receipts, below the public URL."""
KANNEL_PATH = "/cgi-bin/sendsms"

_KANNEL = "kannel+"
_KANNEL_OPTIONS = frozenset({"from", "charset", "dlr", "smsc", "country_code"})
_WEBHOOK_OPTIONS = frozenset({"from", "dlr", "country_code"})
_CHARSETS = ("UTF-8", "ISO-8859-1", "ISO-8859-15", "WINDOWS-1252")
_SMSC_CHARACTERS_MAX = 64


class GatewayKind(enum.StrEnum):
    KANNEL = "kannel"
    WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True)
class GatewayUrl:
    """`endpoint`: what is opened, without our options; Kannel's user and password are not in it. `sender`: of texts that name none, empty
    leaves it to the gateway. `receipts`: ask for them. `charset`: in which Kannel is told texts of the GSM alphabet. `smsc`: which of
    Kannel's SMSCs, empty for any. `country_code`: of numbers that the gateway brings without
    theirs (`44`). `name`: for logs and pages, without anything secret.
    """

    kind: GatewayKind
    name: str
    endpoint: str = field(repr=False)
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    sender: str = ""
    receipts: bool = False
    charset: str = _CHARSETS[0]
    smsc: str = ""
    country_code: str = ""


def parse_gateway_url(text: str) -> GatewayUrl:
    """Raises ValueError, never repeating the URL: it holds passwords."""
    text = text.strip()
    try:
        if text[: len(_KANNEL)].lower() == _KANNEL:
            return _kannel(check_url(text[len(_KANNEL) :]))
        return _webhook(text)
    except ValueError as error:
        raise ValueError(f"SMS gateway URL: {error}") from None


def _kannel(target: Target) -> GatewayUrl:
    path, _, query = target.path_and_query.partition("?")
    user, _, password = target.userinfo.partition(":")
    if not user or not password:
        raise ValueError("Kannel needs user:password@, those of a sendsms-user")
    options = _options(query, _KANNEL_OPTIONS)
    endpoint = f"{target.scheme}://{target.authority}{KANNEL_PATH if path == '/' else path}"
    return GatewayUrl(
        GatewayKind.KANNEL,
        f"{_KANNEL}{target.scheme}://{target.authority}",
        endpoint,
        user,
        password,
        sender=_sender(options),
        receipts=_switch(options),
        charset=_charset(options),
        smsc=_smsc(options),
        country_code=read_country_code(options.get("country_code", "")),
    )


def _webhook(text: str) -> GatewayUrl:
    endpoint, _, fragment = text.partition("#")
    target = check_url(endpoint)
    options = _options(fragment, _WEBHOOK_OPTIONS)
    name = f"{target.scheme}://{target.authority}"
    return GatewayUrl(
        GatewayKind.WEBHOOK,
        name,
        endpoint,
        sender=_sender(options),
        receipts=_switch(options),
        country_code=read_country_code(options.get("country_code", "")),
    )


def _options(text: str, known: frozenset[str]) -> dict[str, str]:
    # Not parse_qsl: a plus is a plus here, people write numbers with it.
    options: dict[str, str] = {}
    for pair in filter(None, text.split("&")):
        name, _, value = pair.partition("=")
        if name not in known:
            raise ValueError(f"unknown option; known are {', '.join(sorted(known))}")
        if name in options:
            raise ValueError(f"option {name} is given twice")
        options[name] = unquote(value)
    return options


def _sender(options: dict[str, str]) -> str:
    sender = options.get("from", "")
    sender_address(sender)
    return sender


def _switch(options: dict[str, str]) -> bool:
    value = options.get("dlr", "0")
    if value not in ("0", "1"):
        raise ValueError("dlr must be 0 or 1")
    return value == "1"


def _charset(options: dict[str, str]) -> str:
    charset = options.get("charset", _CHARSETS[0]).upper()
    if charset not in _CHARSETS:
        raise ValueError(f"charset must be one of {', '.join(_CHARSETS)}")
    return charset


def _smsc(options: dict[str, str]) -> str:
    smsc = options.get("smsc", "")
    if len(smsc) > _SMSC_CHARACTERS_MAX or not smsc.isascii() or not smsc.isprintable():
        raise ValueError(f"smsc must be at most {_SMSC_CHARACTERS_MAX} printable ASCII characters")
    return smsc
