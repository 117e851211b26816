"""HTTP/1.1 to one queue service: connections kept alive, one request at a time on each.

Called by the SQS channel. Small on purpose: POST with a body, answer with a length or in chunks, bounded in size; no redirects,
no proxies. The operator (or AWS's own naming) chose the host, so the egress policy for subscribers' URLs does not apply. TLS is
verified. Never retries: the caller knows what may be repeated.
Source: RFC 9112.
"""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

import httptools

from tidings.wire.odd_answers import is_json_object, read_oddly

ANSWER_BYTES_MAX = 1 << 20
"""Ten results with MD5s are 5 kB; more than this is not a queue service."""
CONNECTIONS_IDLE_MAX = 32
DRAIN_S = 2.0
"""How long the rest of an answer may take that the parser gave up."""


class Disconnected(ConnectionError):
    """The other side closed before its answer was complete. `answered`: it had begun to answer."""

    def __init__(self, answered: bool) -> None:
        super().__init__("connection closed before the answer was complete")
        self.answered = answered


@dataclass(frozen=True, slots=True)
class Origin:
    """Where to connect. `host_header` as signed and sent."""

    host: str
    port: int
    tls: bool
    host_header: str
    path: str

    @staticmethod
    def read(url: str) -> Origin:
        """Read `http(s)://host[:port][/path]`. Raises ValueError."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
            raise ValueError("the SQS endpoint is http(s)://host[:port][/path]")
        tls = parts.scheme == "https"
        return Origin(parts.hostname, parts.port or (443 if tls else 80), tls, parts.netloc, parts.path or "/")


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer; `error` is what AWS's `x-amzn-query-error` header says, usually empty."""

    status: int
    error: str
    body: bytes


class _Reading:
    """httptools' callbacks for one answer."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.error = ""
        self.complete = False
        self.keep_alive = False
        self.status = 0
        self.parser = httptools.HttpResponseParser(self)

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"x-amzn-query-error":
            self.error = value.decode("latin-1")

    def on_body(self, data: bytes) -> None:
        self.parts.append(data)

    def on_message_complete(self) -> None:
        # Only here: once the callback has returned, the parser has forgotten the answer's headers.
        self.keep_alive = self.parser.should_keep_alive()
        self.status = self.parser.get_status_code()
        self.complete = True


class Connection:
    """One connection; `post` may be called again when it has returned and `reusable` is true."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.reusable = True
        self.used = False

    @classmethod
    async def open(cls, origin: Origin, context: ssl.SSLContext | None) -> Connection:
        """Raises OSError (ssl.SSLError among them)."""
        reader, writer = await asyncio.open_connection(origin.host, origin.port, ssl=context if origin.tls else None)
        return cls(reader, writer)

    async def post(self, head: bytes, body: bytes) -> Answer:
        """Send and read the answer, the body of an odd one as far as it comes. Then, and when it raises, it is not reusable.

        Raises Disconnected, OSError, ValueError or an httptools error, all of them when no status line was read.
        """
        self.reusable = False
        self.used = True
        reading = _Reading()
        raw = bytearray()
        try:
            self._writer.write(head + body)
            await self._writer.drain()
            while not reading.complete:
                data = await self._reader.read(65_536)
                raw += data
                if not data:
                    raise Disconnected(answered=bool(raw))
                if len(raw) > ANSWER_BYTES_MAX:
                    raise ValueError("answer is too long")
                reading.parser.feed_data(data)
        except (ConnectionError, ValueError, httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            found = await self._read_on(raw)
            if found is not None:
                return found
            if isinstance(error, ConnectionResetError):
                raise Disconnected(answered=bool(raw)) from error
            raise
        finally:
            del reading.parser  # a cycle would wait for the garbage collector
        self.reusable = reading.keep_alive
        return Answer(reading.status, reading.error, b"".join(reading.parts))

    async def _read_on(self, raw: bytearray) -> Answer | None:
        """The answer whose status line came before it went wrong; None: there was none."""
        if read_oddly(bytes(raw)) is None:
            return None
        with suppress(TimeoutError, OSError):
            async with asyncio.timeout(DRAIN_S):
                while len(raw) <= ANSWER_BYTES_MAX and not self._reader.at_eof():
                    found = read_oddly(bytes(raw))
                    if found is not None and is_json_object(found[1]):
                        break
                    raw += await self._reader.read(65_536)
        found = read_oddly(bytes(raw))
        return None if found is None else Answer(found[0], "", found[1])

    def is_stale(self) -> bool:
        """Whether the other side has closed while nobody looked."""
        return self._reader.at_eof() or self._writer.is_closing()

    def close(self) -> None:
        """Drop it. Safe to repeat."""
        self._writer.transport.abort()


class Pool:
    """Idle connections by origin, newest first out."""

    def __init__(self) -> None:
        self._idle: dict[Origin, list[Connection]] = {}
        self._context: ssl.SSLContext | None = None

    async def take(self, origin: Origin) -> Connection:
        """A connection nobody else uses: a waiting one or a new one. Raises OSError."""
        waiting = self._idle.get(origin, [])
        while waiting:
            connection = waiting.pop()
            if not connection.is_stale():
                return connection
            connection.close()
        if origin.tls and self._context is None:
            self._context = ssl.create_default_context()
        return await Connection.open(origin, self._context)

    def give(self, origin: Origin, connection: Connection) -> None:
        """Take a connection back; closes it if it cannot be used again."""
        waiting = self._idle.setdefault(origin, [])
        if connection.reusable and len(waiting) < CONNECTIONS_IDLE_MAX:
            waiting.append(connection)
        else:
            connection.close()

    def close(self) -> None:
        for waiting in self._idle.values():
            for connection in waiting:
                connection.close()
        self._idle.clear()
