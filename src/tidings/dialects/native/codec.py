"""Bytes <-> typed values: query strings, JSON bodies, cursors of paged lists, JSON answers.

Called by `routing` and the actions. Strict: what is not documented is refused, so that a misspelt filter never returns
everything. Looks nothing up.
Source: RFC 3986, section 3.4 (a `+` in a query is a plus); RFC 9110, section 12.5.1 (Accept).
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from typing import TypeVar
from urllib.parse import unquote

import msgspec

from tidings.dialects.contract import WireRequest, WireResponse
from tidings.dialects.native.errors import Refusal
from tidings.dialects.native.shapes import Page
from tidings.domain.errors import InvalidValue
from tidings.wire.plain_text import is_plain

Shape = TypeVar("Shape", bound=msgspec.Struct)
Row = TypeVar("Row")
JSON_TYPE = "application/json"
VALUE_CHARACTERS_MAX = 4096
_NUMBERS = frozenset(
    {"limit", "before"}
)  # parameters that are numbers; everything else stays text until its struct reads it
_NUMBER = re.compile(r"[0-9]{1,9}\Z")
_PATH_IN_MESSAGE = re.compile(r" - at `\$\.?([^`]*)`\Z")
_FIELD_IN_MESSAGE = re.compile(r"field `([^`]*)`\Z")


def read_query(raw: str, shape: type[Shape]) -> Shape:
    """The parameters as the operation's struct. Raises InvalidValue (field: the parameter)."""
    values: dict[str, str | int] = {}
    for name, value in _pairs(raw):
        if name not in shape.__struct_fields__:
            raise InvalidValue(name, "unknown parameter", value)
        if name in values:
            raise InvalidValue(name, "given twice", value)
        values[name] = int(value) if name in _NUMBERS and _NUMBER.match(value) else value
    try:
        return msgspec.convert(values, shape)
    except msgspec.ValidationError as error:
        raise _invalid(error) from error


def _pairs(raw: str) -> list[tuple[str, str]]:
    pairs = []
    for part in raw.split("&") if raw else []:
        name, _, value = part.partition("=")
        # No value of this API contains a space, but numbers and addresses contain `+`: it stands for itself here, so that
        # `endpoint=+18885550100` means what the person who typed it meant.
        try:
            name, value = unquote(name, errors="strict"), unquote(value, errors="strict")
        except UnicodeDecodeError as error:
            raise InvalidValue("query", "not percent-encoded UTF-8") from error
        if not (is_plain(name) and is_plain(value) and len(name) <= 100):
            raise InvalidValue("query", "contains characters that cannot be printed, or an endless name")
        if not value:
            raise InvalidValue(name or "query", "empty; leave the parameter out to mean any")
        if len(value) > VALUE_CHARACTERS_MAX:
            raise InvalidValue(name, f"longer than {VALUE_CHARACTERS_MAX} characters")
        pairs.append((name, value))
    return pairs


def read_body(request: WireRequest, shape: type[Shape]) -> Shape:
    """The JSON body as the operation's struct; no body counts as `{}`. Raises InvalidValue, Refusal (415)."""
    if request.body:
        # Insisting on the type keeps a foreign web page from posting a form in the name of a signed-in browser.
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type != JSON_TYPE:
            raise Refusal(415, "Send the body as content-type: application/json.", ("accept", JSON_TYPE))
    try:
        return msgspec.json.decode(request.body or b"{}", type=shape)
    except msgspec.DecodeError as error:
        raise _invalid(error) from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise InvalidValue("body", "not JSON in UTF-8") from error


def _invalid(error: msgspec.DecodeError) -> InvalidValue:
    text = str(error)
    found = _PATH_IN_MESSAGE.search(text)
    reason = text[: found.start()] if found else text
    named = _FIELD_IN_MESSAGE.search(reason)
    field = named[1] if named else found[1] if found else "body"
    return InvalidValue(field[:100], reason[:300])


def answer(value: object, status: int = 200, *headers: tuple[str, str]) -> WireResponse:
    """A JSON answer that no cache keeps: everything here belongs to one account."""
    return WireResponse(status, msgspec.json.encode(value), JSON_TYPE, (("cache-control", "no-store"), *headers))


def nothing() -> WireResponse:
    """204: done, and there is nothing to say."""
    return WireResponse(204, b"", JSON_TYPE, (("cache-control", "no-store"),))


def page(
    listed: str,
    rows: Sequence[Row],
    limit: int,
    position: Callable[[Row], int | str],
    view: Callable[[Row], object | None],
) -> WireResponse:
    """One page of the list `listed`. rows: up to limit + 1, so that the last page is known for what it is.

    `view` may answer None for a row that has vanished meanwhile; it is left out.
    """
    shown = rows[:limit]
    items = [item for row in shown if (item := view(row)) is not None]
    following = cursor(listed, position(shown[-1])) if len(rows) > limit else None
    return answer(Page(items, following))


def cursor(listed: str, position: int | str) -> str:
    """The opaque `next` of a page of the list `listed`, whose last row is at `position`."""
    return urlsafe_b64encode(f"{listed}:{position}".encode()).decode().rstrip("=")


def read_cursor(listed: str, text: str) -> str:
    """The position inside a cursor of that list. Raises InvalidValue for another list's or a made-up one."""
    try:
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except ValueError as error:
        raise InvalidValue("after", "not a cursor of this API", text) from error
    name, _, position = raw.partition(":")
    if name != listed or not position.isprintable() or cursor(listed, position) != text:
        raise InvalidValue("after", "not a cursor of this list", text)
    return position


def read_id_cursor(listed: str, text: str) -> int:
    """As `read_cursor`, for lists in the order of the store's ids. An absent cursor (empty text) is the beginning."""
    if not text:
        return 0
    position = read_cursor(listed, text)
    if not re.fullmatch(r"0|[1-9][0-9]{0,17}", position) or not position.isascii():
        raise InvalidValue("after", "not a cursor of this list", text)
    return int(position)


def prefers_csv(accept: str) -> bool:
    """Whether an Accept header wants text/csv more than JSON; without a preference it is JSON."""
    return _quality(accept, "text/csv") > _quality(accept, JSON_TYPE)


def _quality(accept: str, media_type: str) -> float:
    ranges = (media_type, media_type.partition("/")[0] + "/*", "*/*")
    found: dict[str, float] = {}
    for part in accept.lower().split(","):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        quality = 1.0
        for parameter in parameters:
            if re.fullmatch(r"q=[01](\.[0-9]{0,3})?", parameter):
                quality = float(parameter[2:])
        found[name] = quality
    return next((found[name] for name in ranges if name in found), 0.0)
