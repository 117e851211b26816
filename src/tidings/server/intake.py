"""What comes in on one connection, made into requests: bytes in, `Arrived` out. Used by `tidings.server.connection`; no I/O here.

llhttp decides what is HTTP, in its strict mode. On top of that stand the limits, and what would let two readers of the same bytes
see different requests: a second or missing Host, a transfer coding other than `chunked`, one on HTTP/1.0. Knows no route.
Sources: RFC 9110, RFC 9112 (sections 3.2, 5, 6, 7 and 11.2 on request smuggling); httptools and llhttp.
"""

from __future__ import annotations

import re
from time import perf_counter
from typing import Protocol
from urllib.parse import unquote

from httptools import (
    HttpParserCallbackError,
    HttpParserError,
    HttpParserInvalidMethodError,
    HttpParserInvalidURLError,
    HttpParserUpgrade,
    HttpRequestParser,
)

from tidings.server import shares
from tidings.server.refusal import Refusal
from tidings.server.shares import SMALL_BODY_BYTES, Counted, Room, Share, has_credentials

HEAD_BYTES_MAX = 64 * 1024
HEADERS_MAX = 200
TARGET_BYTES_MAX = 16 * 1024
DISCARD_FACTOR = 8
"""A body up to this many times too long is read and thrown away, so that its sender reads our 413 instead of a reset."""
LENGTH_DIGITS_MAX = 20
SLICE_BYTES = 4 * 1024
"""The parser is fed no more at a time: the head's limits, and how many requests wait in one connection, are kept to this grain."""

_HOST = re.compile(r"[A-Za-z0-9._~%-]{0,255}(?::[0-9]{0,5})?|\[[0-9A-Fa-f:.]{2,45}\](?::[0-9]{0,5})?")
_ABSOLUTE = re.compile(r"https?://([^/?#]*)(.*)", re.IGNORECASE)
_METHODS = {name.encode(): name for name in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")}
_USUAL_NAMES = (
    "Accept Accept-Encoding Accept-Language Amz-Sdk-Invocation-Id Amz-Sdk-Request Authorization Cache-Control Connection Content-Length"
    " Content-Type Cookie Date Expect Host Origin Referer Transfer-Encoding User-Agent X-Amz-Content-Sha256 X-Amz-Date"
    " X-Amz-Security-Token X-Amz-Target X-Amzn-Query-Mode X-Forwarded-For X-Forwarded-Host X-Forwarded-Proto"
)
# Header names as clients spell them: a look-up costs a third of lower() and decode().
_NAMES = {spelled.encode(): name.lower() for name in _USUAL_NAMES.split() for spelled in (name, name.lower())}


class Malformed(Exception):
    """What came is not HTTP as we take it: answered in plain text, and the connection closed."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


class _Enough(Exception):
    """Stops the parser: the request was refused before its end."""


class Arrived:
    """A request with its head complete, and later its body. `headers` as in `WireRequest`; `started` on perf_counter's clock."""

    __slots__ = ("body", "counted", "headers", "is_old", "keeps_alive", "method", "path", "query", "refusal", "started")

    def __init__(
        self, method: str, path: str, query: str, headers: dict[str, str], keeps_alive: bool, is_old: bool
    ) -> None:
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.keeps_alive = keeps_alive
        self.is_old = is_old  # HTTP/1.0
        self.started = perf_counter()
        self.body = b""
        self.counted: Counted | None = None  # of the caller's share, for a body that is not small
        self.refusal: Refusal | None = None


class Taker(Protocol):
    """Who gets the requests."""

    def take(self, arrived: Arrived) -> None:
        """The request is complete, or refused. Called while the parser works; the body counts as held until given back."""

    def share_of(self, arrived: Arrived) -> Share:
        """Whose memory this request's body is."""

    def is_awaited(self) -> None:
        """The client waits for `100 Continue` before it sends the body."""


class Intake:
    """One connection's parser and what it knows so far."""

    __slots__ = (
        "_body",
        "_counted",
        "_host",
        "_is_discarding",
        "_is_foreign",
        "_is_replayed",
        "_parser",
        "_repeated",
        "_room",
        "_size",
        "_taker",
        "_url",
        "arrived",
        "body_bytes_max",
        "headers",
        "is_over",
        "quiet_bytes",
    )

    def __init__(self, taker: Taker, room: Room, body_bytes_max: int) -> None:
        self._taker = taker
        self._room = room
        self.body_bytes_max = body_bytes_max
        self._parser: HttpRequestParser | None = HttpRequestParser(self)
        self._url = b""
        self.headers: dict[str, str] = {}
        self._repeated = 0
        self._host = ""  # the last one that was found well formed
        self._body: bytes | bytearray = b""
        self._counted: Counted | None = None
        self._size = 0
        self._is_discarding = False
        self._is_foreign = False  # asks for another protocol: llhttp stops after the head
        self._is_replayed = False  # the head is one that we made
        self.arrived: Arrived | None = None
        """The request whose body is on its way."""
        self.quiet_bytes = 0
        """Fed since a head, a piece of body or a request was complete: what the parser may be holding."""
        self.is_over = False
        """Nothing that comes after is read."""

    @property
    def size(self) -> int:
        """Bytes of the body under way that have come."""
        return self._size

    @property
    def is_midway(self) -> bool:
        """A request has begun to arrive."""
        return self.arrived is not None or self.quiet_bytes > 0

    def feed(self, data: bytes | memoryview) -> None:
        """Parse at most SLICE_BYTES. Raises Malformed; then, as when a request is refused or the last one, it is over."""
        parser = self._parser
        if self.is_over or parser is None:
            return
        self.quiet_bytes += len(data)
        while True:
            try:
                parser.feed_data(data)
                break
            except HttpParserUpgrade as stop:
                data = data[stop.args[0] :]
            except HttpParserError as error:
                self._stopped(error)
                break
            parser = self._carry_on()
            if parser is None or not data or self.is_over:
                break
        if self.quiet_bytes > HEAD_BYTES_MAX and not self.is_over:
            self.is_over = True
            if self.arrived is None:
                raise Malformed(431, "the request's head is too long")
            raise Malformed(400, "malformed chunked body")

    def give_up(self, refusal: Refusal) -> None:
        """Hand on the request under way as refused; its rest is not read."""
        arrived = self.arrived
        assert arrived is not None
        self.is_over = True
        self._drop_body()
        arrived.refusal, arrived.keeps_alive = refusal, False
        self.arrived = None
        self._taker.take(arrived)

    def close(self) -> None:
        """Give back what is held; the parser and we hold each other."""
        self.is_over = True
        self._drop_body()
        self.arrived = None
        self._parser = None

    def _stopped(self, error: HttpParserError) -> None:
        if self.is_over:
            return  # refused, or bytes after the last request
        self.is_over = True
        if isinstance(error, HttpParserCallbackError):
            if isinstance(error.__context__, Malformed):
                raise error.__context__ from None
            raise error  # a bug of ours
        if isinstance(error, HttpParserInvalidMethodError):
            raise Malformed(405, "method not allowed") from None  # also a TLS greeting at a plain port
        if isinstance(error, HttpParserInvalidURLError):
            raise Malformed(400, "malformed request target") from None
        raise Malformed(400, f"malformed request: {error}") from None

    def _carry_on(self) -> HttpRequestParser | None:
        """After a head that asks for another protocol: we speak HTTP/1.1 only, so the body, which llhttp would skip, is ours.

        A new parser is brought to where the old one stood by a head of our own making. Java's HttpClient sends such requests.
        Returns None if nothing more is read.
        """
        arrived = self.arrived
        if arrived is None or self.is_over:
            return None
        headers = arrived.headers
        framing = ""
        if "transfer-encoding" in headers:
            framing = "Transfer-Encoding: chunked\r\n"
        elif "content-length" in headers:
            framing = f"Content-Length: {headers['content-length']}\r\n"
        self._is_foreign, self._is_replayed = False, True
        parser = self._parser = HttpRequestParser(self)
        parser.feed_data(f"POST / HTTP/1.1\r\n{framing}\r\n".encode())
        self._is_replayed = False
        return parser

    def _drop_body(self) -> None:
        self._room.release(len(self._body), self._counted)
        self._body, self._counted = b"", None

    # --- called by the parser ------------------------------------------------------------------------------------------

    def on_url(self, data: bytes) -> None:
        if self._is_replayed:
            return
        self._url += data
        if len(self._url) > TARGET_BYTES_MAX:
            raise Malformed(414, "the request target is too long")

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.arrived is not None:
            return  # a trailer, which nobody signs; or a head of our own making
        key = _NAMES.get(name) or name.decode().lower()
        try:
            text = value.decode().rstrip(" \t")
        except UnicodeDecodeError:
            text = value.decode("latin-1").rstrip(" \t")
        headers = self.headers
        if key in headers:
            if key == "host":
                raise Malformed(400, "more than one Host")
            self._repeated += 1
            text = f"{headers[key]},{text}"
        headers[key] = text

    def on_headers_complete(self) -> None:
        if self._is_replayed:
            return
        parser, headers = self._parser, self.headers
        assert parser is not None
        self.quiet_bytes = 0
        if len(headers) + self._repeated > HEADERS_MAX:
            raise Malformed(431, "too many headers")
        keeps_alive, is_old = parser.should_keep_alive(), False
        if not keeps_alive or "connection" in headers:  # else it is 1.1
            version = parser.get_http_version()
            if version not in ("1.1", "1.0"):
                raise Malformed(505, "this port speaks HTTP/1.1")
            is_old = version == "1.0"
            if is_old and keeps_alive:  # llhttp lets `keep-alive` win
                keeps_alive = "close" not in _options(headers.get("connection", ""))
        verb, url = parser.get_method(), self._url
        if verb == b"CONNECT":
            raise Malformed(405, "method not allowed")
        host = headers.get("host")
        if host != self._host:
            self._check_host(host, is_old)
        path, query = ("/", "") if url == b"/" else self._target(url)
        arrived = Arrived(_METHODS.get(verb) or verb.decode(), path, query, headers, keeps_alive, is_old)
        self.arrived = arrived
        self._url, self.headers, self._repeated = b"", {}, 0
        self._size, self._is_discarding = 0, False
        if "upgrade" in headers:
            self._is_foreign = parser.should_upgrade()
        if "content-length" in headers or "transfer-encoding" in headers or "expect" in headers:
            self._expect_body(arrived)

    def on_body(self, data: bytes) -> None:
        if self.is_over:
            return
        self.quiet_bytes = 0
        self._size += len(data)
        most = self.body_bytes_max
        if self._size > most:
            self._discard(most)
            return
        room = self._room
        room.held += len(data)
        if not self._body:
            self._body = data
        elif isinstance(self._body, bytearray):
            self._body += data
        else:
            self._body = bytearray(self._body) + data
        if self._size > SMALL_BODY_BYTES:
            self._count()
        if room.held > shares.BODIES_BYTES_MAX:
            self._refuse_now(503, "too many requests are being read; try again")

    def on_message_complete(self) -> None:
        arrived = self.arrived
        if self._is_foreign or arrived is None:
            return
        self.quiet_bytes = 0
        body = self._body
        if body:
            arrived.body = bytes(body)  # no copy of what is bytes already
            arrived.counted = self._counted
            self._body, self._counted = b"", None
        if self._is_discarding:
            arrived.refusal, arrived.keeps_alive = self._too_long(), False
        if not arrived.keeps_alive:
            self.is_over = True
        self.arrived = None
        self._taker.take(arrived)
        if self.is_over and not self._is_replayed:
            raise _Enough  # llhttp would go on after what only we take for the last one

    # --- parts of a head -----------------------------------------------------------------------------------------------

    def _target(self, url: bytes) -> tuple[str, str]:
        """Path, percent-decoded, and query, raw. The host of an absolute target replaces the header's (RFC 9112, 3.2.2)."""
        text = url.decode("ascii", "replace")
        if "#" in text or "\ufffd" in text:
            raise Malformed(400, "malformed request target")
        if not text.startswith("/"):
            absolute = _ABSOLUTE.fullmatch(text)
            if absolute is not None:
                self._check_host(absolute[1], is_old=False)
                self.headers["host"] = absolute[1]
                text = absolute[2] if absolute[2].startswith("/") else "/" + absolute[2]
            elif text != "*":
                raise Malformed(400, "malformed request target")
        path, _, query = text.partition("?")
        return unquote(path) if "%" in path else path, query

    def _check_host(self, host: str | None, is_old: bool) -> None:
        if host is None:
            if not is_old:
                raise Malformed(400, "no Host")
            return
        if not _HOST.fullmatch(host):
            raise Malformed(400, "malformed Host")
        self._host = host

    def _expect_body(self, arrived: Arrived) -> None:
        """What the head announces about its body."""
        headers = arrived.headers
        coding = headers.get("transfer-encoding")
        if coding is not None and (arrived.is_old or coding.lower() != "chunked"):
            raise Malformed(
                400 if arrived.is_old else 501, "no transfer coding but chunked is taken, and that from HTTP/1.1"
            )
        digits = headers.get("content-length", "").lstrip("0")  # llhttp took digits only, and at most 64 bits of them
        length = int(digits[:LENGTH_DIGITS_MAX] or 0)
        waits = "expect" in headers
        if waits and headers["expect"].lower() != "100-continue":
            raise Malformed(417, "nothing but 100-continue can be expected")
        most = self.body_bytes_max
        if length > (most if waits else most * DISCARD_FACTOR):
            self._refuse_now(413, self._too_long().detail)
        if waits and not arrived.is_old and (length or coding):
            self._taker.is_awaited()

    def _count(self) -> None:
        """Count what is held against the caller's share."""
        counted, arrived = self._counted, self.arrived
        if counted is None:
            assert arrived is not None
            is_signed = has_credentials(arrived.headers, arrived.query)
            counted = self._counted = Counted(self._taker.share_of(arrived), is_signed)
        refusal = self._room.count(counted, self._size)
        if refusal is not None:
            self._refuse_now(refusal.status, refusal.detail)

    def _discard(self, most: int) -> None:
        """One more piece of a body that is too long."""
        if not self._is_discarding:
            self._is_discarding = True
            self._drop_body()
        if self._size > most * DISCARD_FACTOR:
            self._refuse_now(413, self._too_long().detail)

    def _too_long(self) -> Refusal:
        return Refusal(413, f"the request's body is longer than {self.body_bytes_max} bytes")

    def _refuse_now(self, status: int, detail: str) -> None:
        """Raises _Enough, always: the parser has to stop."""
        self.give_up(Refusal(status, detail))
        raise _Enough


def _options(connection: str) -> list[str]:
    """The options of a Connection header, in lower case."""
    return [option.strip(" \t") for option in connection.lower().split(",")]
