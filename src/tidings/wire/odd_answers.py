"""HTTP answers whose status line can be read and whose rest cannot: two lengths, folded headers, bare line feeds, broken chunks.

Whoever answered has decided; doing the same request again would do it twice. Channels use this after their parser gave up, on the
octets as they came. Pure. Source: RFC 9112, sections 4, 5.2 and 6.3.
"""

from __future__ import annotations

import re

from tidings.wire.peer_json import read_peer_json

_STATUS_LINE = re.compile(rb"(?i:HTTP)/[0-9](?:\.[0-9])? +([1-5][0-9]{2})(?: [^\r\n]*)?\r?\n")
"""Of any version, in either case: what a parser of HTTP/1 does not read has still been decided."""
_HEAD_END = re.compile(rb"\r?\n\r?\n")


def read_oddly(raw: bytes) -> tuple[int, bytes] | None:
    """The final status, and the body as far as it is there: a JSON object inside whatever frames it, else everything after the
    head. None: no status line was read.
    """
    at = 0
    while True:
        line = _STATUS_LINE.match(raw, at)
        if line is None:
            return None
        status = int(line[1])
        end = _HEAD_END.search(raw, line.end() - 2)
        if status >= 200:
            return status, _body(raw[end.end() :]) if end is not None else b""
        if end is None:
            return None
        at = end.end()


def final_status(raw: bytes) -> int:
    """The final status that the octets of an answer's beginning name in whatever version; 0: none was read."""
    found = read_oddly(raw)
    return found[0] if found is not None else 0


def is_json_object(body: bytes) -> bool:
    """Whether nothing is missing at its end."""
    return isinstance(read_peer_json(body), dict)


def _body(rest: bytes) -> bytes:
    found = rest[rest.find(b"{") : rest.rfind(b"}") + 1] if b"{" in rest else b""
    return found if is_json_object(found) else rest
