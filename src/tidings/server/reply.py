"""Answers as bytes: status line and headers, and the framing of chunks. Used by `tidings.server`; no I/O here.

Sources: RFC 9110 (sections 6.6.1 Date, 8.6 Content-Length, 15 status codes), RFC 9112 (section 7.1 chunks), RFC 6797
(Strict-Transport-Security), Fetch Standard (X-Content-Type-Options).
"""

from __future__ import annotations

from email.utils import formatdate
from http import HTTPStatus

from tidings.dialects.contract import WireResponse
from tidings.server.refusal import Refusal

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"
_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}
_OURS = frozenset(
    {
        "connection",
        "content-length",
        "date",
        "server",
        "strict-transport-security",
        "transfer-encoding",
        "x-content-type-options",
    }
)
_STRICT_TRANSPORT = "strict-transport-security: max-age=31536000\r\n"
_BODILESS = frozenset({204, 304})


class Heads:
    """Writes the heads of all answers of one server; keeps the lines that all have, of which the date changes once a second."""

    __slots__ = ("_secure", "_standing")

    def __init__(self) -> None:
        self.tick()

    def tick(self) -> None:
        """Take the time again. Called once a second."""
        self._standing = f"server: tidings\r\nx-content-type-options: nosniff\r\ndate: {formatdate(usegmt=True)}\r\n"
        self._secure = self._standing + _STRICT_TRANSPORT

    def head(
        self,
        response: WireResponse,
        request_id: str,
        length: int | None,
        *,
        closes: bool,
        is_old: bool = False,
        is_secure: bool = False,
    ) -> bytes:
        """Everything before the body. length: None means chunked (and until the end for HTTP/1.0, `is_old`). is_secure: it came by
        TLS, to us or to a trusted proxy, and may come by nothing else from now on.

        Raises ValueError for a header that would break the frame: names and values come from front ends, and what they
        hold may come from strangers.
        """
        status = response.status
        if not 200 <= status <= 599:
            raise ValueError(f"not a final status: {status}")
        lines = 8 if is_secure else 7  # with the empty one
        standing = self._secure if is_secure else self._standing
        text = _STATUS_LINES.get(status) or f"HTTP/1.1 {status} \r\n"
        if status in _BODILESS:
            text += standing
            lines -= 1
        else:
            text += f"content-type: {response.content_type}\r\n{standing}"
            if length is not None:
                text += f"content-length: {length}\r\n"
                lines += 1
            elif not is_old:
                text += "transfer-encoding: chunked\r\n"
                lines += 1
        if closes or is_old:
            text += "connection: close\r\n" if closes else "connection: keep-alive\r\n"
            lines += 1
        for name, value in response.headers:
            lowered = name.lower()
            if lowered == "x-request-id":  # as the front end's cloud writes ids
                request_id = value
                continue
            if lowered in _OURS:
                raise ValueError(f"the header {name} is the server's own")
            text += f"{name}: {value}\r\n"
            lines += 1
        text += f"x-request-id: {request_id}\r\n\r\n"
        # Counting is cheaper than looking at each name and value.
        if text.count("\r") != lines or text.count("\n") != lines or "\0" in text:
            raise ValueError("a line break or NUL inside a header")
        if is_old:
            text = text.replace("HTTP/1.1", "HTTP/1.0", 1)
        return text.encode()


def as_plain_refusal(refusal: Refusal) -> bytes:
    """The only answer on a connection that is not taken."""
    line = _STATUS_LINES[refusal.status]
    text = f"{refusal.detail}\n"
    return f"{line}connection: close\r\nretry-after: 1\r\ncontent-length: {len(text)}\r\n\r\n{text}".encode()


def is_bodiless(method: str, status: int) -> bool:
    """The answer ends with its head."""
    return method == "HEAD" or status in _BODILESS


def as_chunk(data: bytes) -> bytes:
    """One chunk; `data` is not empty, or it would be the last one."""
    return b"%x\r\n%b\r\n" % (len(data), data)
