"""The address of an SMSC with everything that a bind needs:
`smpp://system_id:password@host:port?source=+12025550100&bind=transceiver&window=32&coding0=gsm&system_type=…&country_code=1&
optout_codes=0x0000040B,470`; with TLS: `smpps://…?ca=/path/of/authorities.pem`.

Read from the settings by `wiring`, used by `channels/sms`. Source: SMPP 3.4 sections 4.1.1 (lengths) and 2.2 (kinds of binds).
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import unquote, urlsplit

from tidings.wire.phone_numbers import read_country_code
from tidings.wire.smpp.addresses import sender

PORT = 2775
TLS_PORT = 3550
"""Source: IANA Service Name and Transport Protocol Port Number Registry (smpp, ssmpp)."""
WINDOW = 32
WINDOW_MAX = 1_000
SYSTEM_ID_MAX = 15
PASSWORD_MAX = 8
SYSTEM_TYPE_MAX = 12

_Kind = TypeVar("_Kind", bound=enum.StrEnum)
_OPTIONS = frozenset({"source", "bind", "window", "coding0", "system_type", "country_code", "optout_codes", "ca"})
_STATUS = re.compile(r"0[xX][0-9A-Fa-f]{1,8}")
_ERROR = re.compile(r"(?!0[xX])[0-9A-Za-z]{1,16}")


class BindKind(enum.StrEnum):
    TRANSCEIVER = "transceiver"
    TRANSMITTER = "transmitter"
    RECEIVER = "receiver"


class Coding0(enum.StrEnum):
    """What the SMSC takes data_coding 0, its own default alphabet, for."""

    GSM = "gsm"
    LATIN1 = "latin1"


@dataclass(frozen=True, slots=True)
class SmppUrl:
    """`is_tls`: the SMSC's certificate is verified for its host name, by the authorities in the file `ca` or, without one, those
    that the system trusts. `source`: the sender of texts that name none. `country_code`: of numbers that the SMSC writes without
    theirs; empty: that of the inbound address which is texted. `optout_statuses`, `optout_errors`: with what the SMSC refuses a
    text, or a receipt says that it failed, because the person opted out there."""

    host: str
    port: int
    system_id: str
    password: str = field(repr=False)
    source: str = ""
    bind: BindKind = BindKind.TRANSCEIVER
    window: int = WINDOW
    coding0: Coding0 = Coding0.GSM
    system_type: str = ""
    country_code: str = ""
    optout_statuses: frozenset[int] = frozenset()
    optout_errors: frozenset[str] = frozenset()
    is_tls: bool = False
    ca: str = ""

    @property
    def place(self) -> str:
        """Whose message ids are one series: all binds to one SMSC share them."""
        return f"{self.host}:{self.port}"

    @property
    def name(self) -> str:
        """For logs and pages: without the password."""
        return f"{self.system_id}@{self.host}:{self.port} ({self.bind})"

    @classmethod
    def read(cls, text: str) -> SmppUrl:
        """Raises ValueError, never repeating the password."""
        try:
            parts = urlsplit(text.strip())
            port = parts.port or (TLS_PORT if parts.scheme == "smpps" else PORT)
        except ValueError:
            raise ValueError("SMPP URL: host or port cannot be read") from None
        if parts.scheme not in ("smpp", "smpps") or not parts.hostname or parts.path not in ("", "/") or parts.fragment:
            raise ValueError("SMPP URL: must be smpp://system_id:password@host:port?… or smpps://…")
        options = _options(parts.query)
        source = options.get("source", "")
        sender(source)
        if "ca" in options and parts.scheme != "smpps":
            raise ValueError("SMPP URL: ca is for smpps:// only")
        statuses, errors = _optout_codes(options.get("optout_codes", ""))
        return cls(
            host=parts.hostname,
            port=port,
            system_id=_field("system_id", unquote(parts.username or ""), SYSTEM_ID_MAX, 1),
            password=_field("password", unquote(parts.password or ""), PASSWORD_MAX, 0),
            source=source,
            bind=_choice("bind", BindKind, options.get("bind", BindKind.TRANSCEIVER)),
            window=_window(options.get("window", str(WINDOW))),
            coding0=_choice("coding0", Coding0, options.get("coding0", Coding0.GSM)),
            system_type=_field("system_type", options.get("system_type", ""), SYSTEM_TYPE_MAX, 0),
            country_code=_country_code(options.get("country_code", "")),
            optout_statuses=statuses,
            optout_errors=errors,
            is_tls=parts.scheme == "smpps",
            ca=options.get("ca", ""),
        )


def _options(query: str) -> dict[str, str]:
    # Not parse_qsl: a plus is a plus here, people write numbers with it.
    options: dict[str, str] = {}
    for pair in filter(None, query.split("&")):
        name, _, value = pair.partition("=")
        if name not in _OPTIONS:
            raise ValueError(f"SMPP URL: unknown option {name!r}; known are {', '.join(sorted(_OPTIONS))}")
        if name in options:
            raise ValueError(f"SMPP URL: option {name} is given twice")
        options[name] = unquote(value)
    return options


def _field(name: str, value: str, most: int, least: int) -> str:
    if not (least <= len(value) <= most and value.isascii() and "\0" not in value):
        raise ValueError(f"SMPP URL: {name} must be {least} to {most} ASCII characters")
    return value


def _choice(name: str, kind: type[_Kind], value: str) -> _Kind:
    try:
        return kind(value)
    except ValueError:
        raise ValueError(f"SMPP URL: {name} must be one of {', '.join(kind)}") from None


def _window(value: str) -> int:
    if not re.fullmatch(r"[0-9]{1,4}", value) or not 1 <= int(value) <= WINDOW_MAX:
        raise ValueError(f"SMPP URL: window must be 1 to {WINDOW_MAX}")
    return int(value)


def _country_code(value: str) -> str:
    try:
        return read_country_code(value)
    except ValueError as error:
        raise ValueError(f"SMPP URL: {error}") from None


def _optout_codes(value: str) -> tuple[frozenset[int], frozenset[str]]:
    """Statuses in hexadecimal with 0x, and codes of receipts as the SMSC writes them, without leading zeros."""
    codes = [code for code in map(str.strip, value.split(",")) if code]
    errors = [code for code in codes if not _STATUS.fullmatch(code)]
    statuses = frozenset(int(code, 16) for code in codes if _STATUS.fullmatch(code))
    if 0 in statuses or not all(_ERROR.fullmatch(code) and bare_code(code) for code in errors):
        raise ValueError(
            "SMPP URL: optout_codes are statuses such as 0x0000040B or error codes of receipts such as 470, not 0"
        )
    return statuses, frozenset(map(bare_code, errors))


def bare_code(code: str) -> str:
    """A receipt's error code without what SMSCs differ in: leading zeros and case."""
    return code.lstrip("0").upper()
