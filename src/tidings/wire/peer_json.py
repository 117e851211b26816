"""JSON that another service answered with, which may be anything: broken, nested without end, numbers of thousands of digits.

For whoever sends and reads an answer (queues, bots, gateways, callbacks): nothing here raises. Requests of callers are read by their
dialects, which answer with errors of their own.
"""

from __future__ import annotations

from typing import Any

import msgspec

from tidings.wire.plain_text import replaced


def read_peer_json(body: bytes) -> Any:
    """The value; None for null and for what is no JSON in UTF-8, or more than can be read."""
    try:
        return msgspec.json.decode(body)
    except (ValueError, RecursionError):  # msgspec's and Unicode's errors are ValueErrors
        return None


def read_peer_object(body: bytes) -> dict[str, Any]:
    """The members; none for what is no object."""
    value = read_peer_json(body)
    return value if isinstance(value, dict) else {}


def peer_word(value: object, characters_max: int = 200) -> str:
    """A text or a whole number as one line to show or store, cut; empty for everything else."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    text = value if isinstance(value, str) else str(value) if -(10**18) < value < 10**18 else ""
    return replaced(text[:characters_max], " ")
