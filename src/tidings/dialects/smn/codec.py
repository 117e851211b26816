"""Bytes in, values out, and back: JSON bodies, query strings, members of a body by type.

Called by the dialect and its operations. Every reader either gives a value of the type it promises or raises a SmnError.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from tidings.dialects.smn.errors import SmnError, unreadable

CONTENT_TYPE = "application/json"
QUERY_FIELDS_MAX = 100

encode = msgspec.json.encode


def read_object(body: bytes) -> dict[str, Any]:
    """A JSON object; nothing at all and `null` are an empty one. Raises SmnError."""
    if not body.strip():
        return {}
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise unreadable("the body is not JSON") from error
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise unreadable("the body is not a JSON object")
    return value


def read_query(query: str) -> dict[str, str]:
    """Decoded pairs, the first value of each name. Raises SmnError."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=QUERY_FIELDS_MAX)
    except (ValueError, UnicodeError) as error:
        raise unreadable("the query string is not well-formed") from error
    found: dict[str, str] = {}
    for name, value in pairs:
        found.setdefault(name, value)
    return found


def text(members: dict[str, Any], name: str, fault: SmnError) -> str | None:
    """A string member; None when it is absent or null. Raises `fault` for another type, or text that is no UTF-8."""
    value = members.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not is_text(value):
        raise fault
    return value


def is_text(value: str) -> bool:
    """Whether this can be stored and sent: no lone surrogates, no NUL."""
    if "\x00" in value:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def size(value: str) -> int:
    """Bytes of UTF-8."""
    return len(value) if value.isascii() else len(value.encode("utf-8", "surrogatepass"))


def moment(at: datetime) -> str:
    """Whole seconds, UTC: `2026-01-31T23:59:59Z`."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def refusal(code: str, message: str, request_id: str, *, gateway: bool) -> bytes:
    """The body of an error."""
    names = ("error_code", "error_msg") if gateway else ("code", "message")
    return encode({"request_id": request_id, names[0]: code, names[1]: message})


def compact(value: Any) -> str:
    """JSON text without spaces, as settings keep it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
