"""What all gateways share: what they bring, the shape of a gateway, and reading the fields of a query or a form.

Used by `kannel`, `twilio` and `webhook`. Everything here is written for input that may be hostile: bounded, and without exceptions of
Python's own.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol
from urllib.parse import unquote_to_bytes

from tidings.dialects.contract import WireRequest, WireResponse
from tidings.domain.optout import IncomingText
from tidings.domain.texts import TextReceipt
from tidings.wire.phone_numbers import read_country_code
from tidings.wire.plain_text import replaced

NUMBER_CHARACTERS_MAX = 64
ID_CHARACTERS_MAX = 200
"""As long as `services.hearing` keeps of a transport's id."""
DETAIL_CHARACTERS_MAX = 500
PAIRS_MAX = 200
"""Twilio sends some thirty."""
REFUSED_HEADER = "X-Tidings-Refused"
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
"""What is told to be older was not sent then: some clock stands at its beginning."""


class UnreadableEvent(Exception):
    """What was brought cannot be understood; the words are for whoever set the gateway up."""


@dataclass(frozen=True, slots=True)
class GatewayEvent:
    """A text or a receipt."""

    text: IncomingText | None = None
    receipt: TextReceipt | None = None


class Gateway(Protocol):
    """`method`: the one in which it comes to its `paths`."""

    paths: frozenset[str]
    method: str

    def read(self, request: WireRequest) -> GatewayEvent:
        """Raises WrongSignature, then BadRequest."""
        ...

    def taken(self) -> WireResponse: ...

    def not_ours(self, status: int, words: str) -> WireResponse:
        """So that it is not brought again."""
        ...

    def failure(self, status: int, words: str) -> WireResponse: ...


Fields = Mapping[str, bytes]


def read_fields(text: str) -> dict[str, bytes]:
    """Names and values of a query, decoded; of a name that comes twice the first counts. Raises BadRequest."""
    pairs = text.split("&", PAIRS_MAX)
    if len(pairs) > PAIRS_MAX:
        raise UnreadableEvent(f"more than {PAIRS_MAX} fields")
    fields: dict[str, bytes] = {}
    for pair in pairs:
        name, is_pair, value = pair.partition("=")
        if is_pair:
            fields.setdefault(name, unquote_to_bytes(value.replace("+", " ").encode("utf-8", "replace")))
    return fields


def word(fields: Fields, name: str, characters_max: int = ID_CHARACTERS_MAX) -> str:
    """A short value for programs, empty where it is missing. Raises BadRequest."""
    return check_word(name, fields.get(name, b"").decode("utf-8", "replace"), characters_max)


def check_word(name: str, value: str, characters_max: int = ID_CHARACTERS_MAX) -> str:
    """Raises BadRequest for what nobody would use as a number or an id."""
    value = value.strip()
    if len(value) > characters_max or not value.isascii() or not value.isprintable():
        raise UnreadableEvent(f"{name}: at most {characters_max} printable ASCII characters")
    return value


def check_number(name: str, value: str) -> str:
    """Something that may be a number; whose it is and whether it is one is for services. Raises BadRequest."""
    value = value.strip()
    if not value:
        raise UnreadableEvent(f"{name}: missing")
    if len(value) > NUMBER_CHARACTERS_MAX:
        raise UnreadableEvent(f"{name}: at most {NUMBER_CHARACTERS_MAX} characters")
    return value


def check_country_code(value: str) -> str:
    """The calling code of numbers that do not say theirs, empty where the gateway's setting counts. Raises BadRequest."""
    try:
        return read_country_code(value)
    except ValueError as error:
        raise UnreadableEvent(str(error)) from error


def detail(text: str) -> str:
    """Words of a network, shortened and printable."""
    return replaced(text[:DETAIL_CHARACTERS_MAX], " ")


def is_secret(given: bytes, secret: str) -> bool:
    return hmac.compare_digest(given, secret.encode())
