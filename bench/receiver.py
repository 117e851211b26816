"""The subscribers: an HTTP server that answers 200 to every post and writes down what came, when, and how often.

Posts go to `/s/<n>` (the subscriber's number) and carry `seq=<n>;` in the body (the message's number). Used by every scenario
that delivers. It is far faster than any sender: a raw Protocol without a parser library. It never judges; `Tally` does.
"""

from __future__ import annotations

import asyncio
import json
from array import array
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any, cast

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
ANSWER_AND_CLOSE = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
KEPT_BODIES = 40


def endpoint(ports: Sequence[int], number: int) -> str:
    """The address of a receiver's subscriber."""
    return f"http://127.0.0.1:{ports[number % len(ports)]}/s/{number}"


class Tally:
    """What arrived: a count for each number, the time of the last arrival, the first few bodies."""

    def __init__(self, size: int) -> None:
        self.counts = array("I", bytes(4 * size))
        self.total = 0
        self.distinct = 0
        self.last_at = 0.0
        self.bodies: list[bytes] = []
        self.times: dict[int, float] | None = None  # first arrival of each number, where a scenario wants it
        self._goal: int | None = None
        self._reached = asyncio.Event()

    def add(self, number: int, body: bytes) -> None:
        self.total += 1
        self.last_at = perf_counter()
        if self.counts[number] == 0:
            self.distinct += 1
            if self.times is not None:
                self.times[number] = self.last_at
        self.counts[number] += 1
        if len(self.bodies) < KEPT_BODIES:
            self.bodies.append(body)
        if self.total == self._goal:
            self._reached.set()

    async def wait_for(self, total: int, quiet_s: float) -> bool:
        """Wait until `total` posts arrived in all; False if nothing at all came for `quiet_s`."""
        if self.total >= total:
            return True
        self._goal = total
        self._reached.clear()
        seen = self.total
        while True:
            try:
                await asyncio.wait_for(self._reached.wait(), quiet_s)
                return True
            except TimeoutError:
                if self.total == seen:
                    return False
                seen = self.total

    def compare(self, expected: array[int]) -> tuple[int, int]:
        """(missing, surplus) posts against how many of each number were sent."""
        missing = surplus = 0
        for sent, came in zip(expected, self.counts, strict=True):
            if came < sent:
                missing += sent - came
            else:
                surplus += came - sent
        return missing, surplus


class Post(asyncio.Protocol):
    """One connection of a sender."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop does not inherit from it

    def data_received(self, data: bytes) -> None:
        if self._buffer:
            data = self._buffer + data
            self._buffer = b""
        while data:
            end = data.find(b"\r\n\r\n")
            if end < 0:
                break
            body_at = end + 4
            done_at = body_at + content_length(data, end)
            if len(data) < done_at:
                break
            closing = data.find(b"onnection: close", 0, end) >= 0
            self._receiver.take(data, end, data[body_at:done_at])
            self._transport.write(ANSWER_AND_CLOSE if closing else ANSWER)
            if closing:
                self._transport.close()
                return
            data = data[done_at:]
        self._buffer = data


def content_length(data: bytes, end: int) -> int:
    """The body's length as the head says. Every sender here gives one; anything else is an error of the harness."""
    at = data.find(b"ontent-Length: ", 0, end)
    if at < 0:
        at = data[:end].lower().find(b"ontent-length: ")
    if at < 0:
        raise ValueError(f"post without Content-Length: {data[:end]!r}")
    stop = data.find(b"\r\n", at, end)
    return int(data[at + 15 : stop if stop > 0 else end])


class Receiver:
    """Listens on ports of 127.0.0.1. `tally` is replaced by each measurement; `arrived` is called at each post."""

    def __init__(self) -> None:
        self.ports: list[int] = []
        self.tally = Tally(1)
        self.by_path = False
        self.arrived: Callable[[], None] | None = None
        self.confirmations: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._servers: list[asyncio.Server] = []

    async def listen(self, ports: Sequence[int]) -> Receiver:
        """Listen on these ports; 0 means any free one."""
        loop = asyncio.get_running_loop()
        for port in ports:
            server = await loop.create_server(lambda: Post(self), "127.0.0.1", port, backlog=4096)
            self._servers.append(server)
            self.ports.append(server.sockets[0].getsockname()[1])
        return self

    def close(self) -> None:
        for server in self._servers:
            server.close()

    def endpoint(self, number: int) -> str:
        return endpoint(self.ports, number)

    def expect(self, size: int, *, by_path: bool, arrived: Callable[[], None] | None = None) -> Tally:
        """A new tally for numbers below `size`: of subscribers (the path) or of messages (the body)."""
        self.tally = Tally(size)
        self.by_path = by_path
        self.arrived = arrived
        return self.tally

    def take(self, data: bytes, end: int, body: bytes) -> None:
        """Count one post. Path and body are read at fixed marks, which every contender keeps as they were given."""
        if self.by_path:
            if data.find(b"SubscriptionConfirmation", 0, end + 60) >= 0:
                self.confirmations.put_nowait(json.loads(body))
                return
            self.tally.add(int(data[8 : data.find(b" ", 8)]), body)
        else:
            at = body.find(b"seq=")
            if at < 0:
                if b"SubscriptionConfirmation" in body:
                    self.confirmations.put_nowait(json.loads(body))
                    return
                raise ValueError(f"post without a number: {body[:300]!r}")
            self.tally.add(int(body[at + 4 : body.index(b";", at)]), body)
        if self.arrived is not None:
            self.arrived()
