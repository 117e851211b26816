"""A server in the test's own process with a toy front end behind it, and a client that sends bytes as they are told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.support.patience import PATIENCE_S

from tidings.dialects.contract import Claim, WireRequest, WireResponse
from tidings.observe.metrics import Metrics
from tidings.server import Server
from tidings.server.listener import Listener

BODY_MAX = 10_000


@dataclass
class Toy:
    """A front end that tells what it was asked. Paths under /none are not its own."""

    name: str = "toy"
    seen: list[WireRequest] = field(default_factory=list)
    hold: asyncio.Event = field(default_factory=asyncio.Event)
    entered: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    def claim(self, request: WireRequest) -> Claim:
        if request.path == "/claim-fails":
            raise RuntimeError("a bug in claim")
        return Claim.own_if(not request.path.startswith("/none"))

    async def handle(self, request: WireRequest) -> WireResponse:
        self.seen.append(request)
        match request.path:
            case "/fails":
                raise RuntimeError("a bug with a secret in it")
            case "/holds":
                self.entered.set()
                await self.hold.wait()
                self.left.set()
            case "/stream":
                return WireResponse(200, self._chunks(3), "text/csv")
            case "/long-stream":
                return WireResponse(200, self._chunks(5000), "text/csv")
            case "/very-long-stream":
                return WireResponse(200, self._chunks(150_000), "text/csv")
            case "/stream-fails":
                return WireResponse(200, self._broken(1), "text/csv")
            case "/long-stream-fails":
                return WireResponse(200, self._broken(5000), "text/csv")
            case "/header":
                return WireResponse(200, b"x", headers=(("x-own", "yes"), ("x-other", "é")))
            case "/echo":
                return WireResponse(200, request.body)
            case "/headers":
                return WireResponse(200, b"x", headers=(("x-own", "yes"), ("x-split", "a\r\nx-injected: b")))
        told = {
            "method": request.method,
            "path": request.path,
            "query": request.query,
            "body": len(request.body),
            "remote": request.remote,
            "scheme": request.scheme,
            "host": request.host,
        }
        return WireResponse(200, json.dumps(told).encode(), "application/json")

    def failure(self, request: WireRequest, status: int, detail: str) -> WireResponse:
        return WireResponse(status, f"<toy>{status} {detail}</toy>".encode(), "text/xml")

    async def _chunks(self, count: int) -> AsyncIterator[bytes]:
        try:
            for number in range(count):
                self.entered.set()
                yield b"%d," % number + b"x" * 1000
        finally:
            self.closed.set()

    async def _broken(self, count: int) -> AsyncIterator[bytes]:
        for _ in range(count):
            yield b"x" * 1000
        raise RuntimeError("the export broke")


@dataclass
class Running:
    server: Server
    toy: Toy
    metrics: Metrics

    async def gone(self) -> None:
        """Wait until no connection is left, and find that nothing is held for any."""
        hall = self.server._state
        async with asyncio.timeout(PATIENCE_S):
            while hall.connections:
                await asyncio.sleep(0.01)
        assert hall.room.held == 0
        assert not hall.room.shares

    async def raw(self, data: bytes, *, eof: bool = False) -> bytes:
        """Send bytes, read until the server closes."""
        reader, writer = await asyncio.open_connection(*self.server.address)
        try:
            writer.write(data)
            if eof:
                writer.write_eof()
            return await asyncio.wait_for(reader.read(), 10)
        finally:
            writer.close()

    async def ask(
        self, target: str = "/", method: str = "GET", body: bytes = b"", **headers: str
    ) -> tuple[int, str, bytes]:
        """One request on a connection of its own: status, head and body of the answer."""
        lines = [f"{method} {target} HTTP/1.1", "Host: toy.example", "Connection: close"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        answer = await self.raw("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        head, _, rest = answer.partition(b"\r\n\r\n")
        return int(head.split()[1]), head.decode().lower(), rest

    async def told(self, target: str = "/", **headers: str) -> dict[str, Any]:
        _, _, body = await self.ask(target, **headers)
        found: dict[str, Any] = json.loads(body)
        return found


async def is_ready() -> None:
    return None


@asynccontextmanager
async def running(
    ready: Callable[[], Awaitable[None]] = is_ready, tls: tuple[Path, Path] | None = None, **options: Any
) -> AsyncIterator[Running]:
    toy, metrics = Toy(), Metrics()
    server = Server(
        [toy],
        metrics=metrics,
        ready=ready,
        certificates={"key-1.pem": b"PEM"}.get,
        new_request_id=lambda: str(uuid4()),
        listener=Listener(tls=tls),
        body_bytes_max=BODY_MAX,
        **options,
    )
    await server.start()
    try:
        yield Running(server, toy, metrics)
    finally:
        toy.hold.set()
        await server.stop()
        assert not server._state.connections
        assert server._state.room.held == 0
