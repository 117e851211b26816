"""A server that does nothing but answer, to show how fast the load generator and the receiver can go.

Started as the contender `null`. Every call is answered with the same text; a Publish is posted at once, raw and unread, to
everybody who subscribed to that topic over kept connections. It keeps nothing, checks nothing and retries nothing.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from itertools import count
from typing import ClassVar, cast
from urllib.parse import parse_qs, urlsplit

import uvloop

LANES = 32
BODY = (
    b"<R><TopicArn>arn:aws:sns:us-east-1:000000000000:null</TopicArn><MessageId>0</MessageId>"
    b"<SubscriptionArn>arn:aws:sns:us-east-1:000000000000:null:0</SubscriptionArn></R>"
)
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY


class Lane(asyncio.Protocol):
    """One connection to a subscriber's port: sends the next post when the last is answered."""

    def __init__(self) -> None:
        self.waiting: list[bytes] = []
        self._transport: asyncio.Transport | None = None
        self._under_way = False

    async def open(self, port: int) -> None:
        await asyncio.get_running_loop().create_connection(lambda: self, "127.0.0.1", port)

    def post(self, request: bytes) -> None:
        if self._under_way or self._transport is None:
            self.waiting.append(request)
        else:
            self._under_way = True
            self._transport.write(request)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop does not inherit from it
        self.data_received(b"")

    def data_received(self, data: bytes) -> None:
        self._under_way = bool(self.waiting)
        if self.waiting and self._transport is not None:
            self._transport.write(self.waiting.pop())


class Null(asyncio.Protocol):
    """One connection of the load generator."""

    endpoints: ClassVar[dict[bytes, int]] = {}  # head of the post -> port
    lanes: ClassVar[dict[int, list[Lane]]] = {}
    turns: ClassVar[Iterator[int]] = count()
    opening: ClassVar[set[asyncio.Task[None]]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop does not inherit from it
        self._buffer = b""

    def data_received(self, data: bytes) -> None:
        data = self._buffer + data
        end = data.find(b"\r\n\r\n")
        at = data.find(b"Content-Length: ", 0, end)
        if end < 0 or (at > 0 and len(data) < end + 4 + int(data[at + 16 : end])):
            self._buffer = data
            return
        self._buffer = b""
        self._transport.write(ANSWER)
        body = data[end + 4 :]
        if b"Action=Publish&" in body:
            self._deliver(body)
        elif b"Protocol=http&" in body:
            self._subscribe(parse_qs(body.decode())["Endpoint"][0])

    def _subscribe(self, endpoint: str) -> None:
        url = urlsplit(endpoint)
        assert url.port is not None
        head = f"POST {url.path} HTTP/1.1\r\nHost: {url.netloc}\r\nContent-Length: "
        self.endpoints[head.encode()] = url.port
        if url.port not in self.lanes:
            self.lanes[url.port] = [Lane() for _ in range(LANES)]
            loop = asyncio.get_running_loop()
            for lane in self.lanes[url.port]:
                self.opening.add(loop.create_task(lane.open(url.port)))

    def _deliver(self, body: bytes) -> None:
        message = body.partition(b"Message=seq%3D")[2].partition(b"%3B")
        text = b"seq=" + message[0] + b";" + message[2]
        for head, port in self.endpoints.items():
            self.lanes[port][next(self.turns) % LANES].post(head + b"%d\r\n\r\n" % len(text) + text)


async def serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Null, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
