"""The load generator's sockets: keep-alive HTTP/1.1 connections that write prepared requests and read answers.

`Connection` calls back for speed, `Caller` awaits for convenience, `ClosedLoop` keeps a number of connections busy for a
time. Used by every scenario. It never retries: an answer that is not a 200, or a connection that ends in the middle of an
answer, is an error and fails the measurement.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from time import perf_counter
from typing import cast

from bench.signing import SnsSigner

ANSWER_TIMEOUT_S = 60.0
Answered = Callable[["Connection", int, bytes], None]


class BadAnswerError(Exception):
    """A server answered something else than the 200 that the scenario needs."""


class Connection(asyncio.Protocol):
    """One connection with at most one request under way. Reconnects where the server closes after each answer."""

    def __init__(self, port: int, answered: Answered) -> None:
        self.port = port
        self.answered = answered
        self.transport: asyncio.Transport | None = None
        self.sent_at = 0.0
        self._request: bytes | None = None
        self._buffer = b""
        self._closing = False

    async def open(self) -> Connection:
        await asyncio.get_running_loop().create_connection(lambda: self, "127.0.0.1", self.port)
        return self

    def close(self) -> None:
        self._closing = True
        self._request = None
        if self.transport is not None:
            self.transport.close()

    def send(self, request: bytes) -> None:
        self._request = request
        self.sent_at = perf_counter()
        if self.transport is not None:
            self.transport.write(request)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop does not inherit from it
        self._buffer = b""
        if self._request is not None:
            self.transport.write(self._request)

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        if self._closing:
            return
        if self._buffer and b"\r\n\r\n" in self._buffer:
            self._answer_until_close()
        elif self._buffer:
            self._finish(0, self._buffer)
        # A server may close an idle connection at any time; the request is then written to the next one.
        self._task = asyncio.get_running_loop().create_task(self._open_again())

    async def _open_again(self) -> None:
        try:
            await self.open()
        except OSError as error:
            if self._request is not None:
                self._finish(0, str(error).encode())

    def data_received(self, data: bytes) -> None:
        if self._buffer:
            data = self._buffer + data
        end = data.find(b"\r\n\r\n")
        if end < 0:
            self._buffer = data
            return
        head = data[:end].lower()
        at = head.find(b"\r\ncontent-length:")
        if at >= 0:
            stop = head.find(b"\r\n", at + 17)
            length = int(head[at + 17 : stop if stop > 0 else end])
            if len(data) < end + 4 + length:
                self._buffer = data
                return
            body = data[end + 4 : end + 4 + length]
        elif b"chunked" in head and data.endswith(b"0\r\n\r\n"):
            body = join_chunks(data[end + 4 :])
        else:
            self._buffer = data
            return
        self._buffer = b""
        if b"connection: close" in head and self.transport is not None:
            self.transport.close()
            self.transport = None
        self._finish(int(data[9:12]), body)

    def _answer_until_close(self) -> None:
        head, _, body = self._buffer.partition(b"\r\n\r\n")
        self._buffer = b""
        if b"content-length:" in head.lower():  # the rest of the body never came
            self._finish(0, body)
        else:
            self._finish(int(head[9:12]), body)

    def _finish(self, status: int, body: bytes) -> None:
        self._request = None
        self.answered(self, status, body)


def join_chunks(data: bytes) -> bytes:
    """The body inside complete chunked data."""
    body = bytearray()
    while True:
        size, _, data = data.partition(b"\r\n")
        length = int(size.split(b";")[0], 16)
        if length == 0:
            return bytes(body)
        body += data[:length]
        data = data[length + 2 :]


class Caller:
    """One signed call after the other, awaited."""

    def __init__(self, port: int, signer: SnsSigner) -> None:
        self._signer = signer
        self._connection = Connection(port, self._answered)
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None

    async def open(self) -> Caller:
        await self._connection.open()
        return self

    def close(self) -> None:
        self._connection.close()

    async def send(self, request: bytes) -> bytes:
        """Send a prepared request; raises BadAnswerError unless the answer is a 200."""
        self._answer = asyncio.get_running_loop().create_future()
        self._connection.send(request)
        status, body = await asyncio.wait_for(self._answer, ANSWER_TIMEOUT_S)
        if status != 200:
            asked = request.rpartition(b"\r\n")[2][:200]
            raise BadAnswerError(f"status {status}: {body[:500]!r} to {asked!r}")
        return body

    async def call(self, action: str, parameters: Mapping[str, str]) -> bytes:
        return await self.send(self._signer.request(action, parameters))

    def _answered(self, connection: Connection, status: int, body: bytes) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result((status, body))


class ClosedLoop:
    """Keeps connections busy: each sends its next request as soon as its answer is there.

    `next_request` gives the request or None (nothing now: the connection rests until `resume`). `must_hold`: bytes that
    every answer has to contain.
    """

    def __init__(self, port: int, connections: int, next_request: Callable[[], bytes | None], must_hold: bytes) -> None:
        self._next = next_request
        self._must_hold = must_hold
        self._connections = [Connection(port, self._answered) for _ in range(connections)]
        self._resting: list[Connection] = []
        self._running = False
        self._busy = 0
        self._idle = asyncio.Event()
        self.latencies: list[float] = []
        self.errors: list[str] = []

    async def run(self, seconds: float) -> float:
        """Load for the time, wait for the last answers; returns the seconds until then."""
        for connection in self._connections:
            await connection.open()
        started = perf_counter()
        self._running = True
        for connection in self._connections:
            self._start(connection)
        asyncio.get_running_loop().call_later(seconds, self._stop)
        await asyncio.wait_for(self._idle.wait(), seconds + ANSWER_TIMEOUT_S)
        ended = perf_counter()
        for connection in self._connections:
            connection.close()
        if self.errors:
            raise BadAnswerError(f"{len(self.errors)} bad answers, the first: {self.errors[0]}")
        return ended - started

    def resume(self) -> None:
        """Let one resting connection ask for its next request."""
        if self._resting and self._running:
            self._start(self._resting.pop())

    def _start(self, connection: Connection) -> None:
        request = self._next()
        if request is None:
            self._resting.append(connection)
            return
        self._busy += 1
        connection.send(request)

    def _stop(self) -> None:
        self._running = False
        if self._busy == 0:
            self._idle.set()

    def _answered(self, connection: Connection, status: int, body: bytes) -> None:
        self._busy -= 1
        self.latencies.append(perf_counter() - connection.sent_at)
        if status != 200 or self._must_hold not in body:
            self.errors.append(f"status {status}: {body[:300]!r}")
        if self._running and len(self.errors) < 100:
            self._start(connection)
        elif self._busy == 0:
            self._idle.set()
