"""Servers for the tests of the HTTP channel: an aiohttp one as oracle, raw ones that do as a test says; and how to post to them."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import uvloop
from aiohttp import web
from tests.support.outgoing import Outcomes, make_outgoing
from tests.support.patience import PATIENCE_S
from tests.support.permits import permit_if

from tidings.channels.http import HttpChannel
from tidings.domain.envelope import HttpContent, Outgoing
from tidings.domain.outcomes import Outcome
from tidings.wire.egress import EgressPolicy

HEAD = b"Content-Type: text/plain; charset=UTF-8\r\nx-amz-sns-message-type: Notification\r\nUser-Agent: Tidings\r\n"
LOOPBACK = EgressPolicy(loopback=True)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def on_both_loops(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Run an async test on asyncio's loop and on uvloop's, and fail on errors that only the loop hears of."""

    def run(*, loop_factory, **fixtures) -> None:
        unheard: list[dict] = []

        async def listened() -> None:
            asyncio.get_running_loop().set_exception_handler(lambda _, context: unheard.append(context))
            await test(**fixtures)

        with asyncio.Runner(loop_factory=loop_factory) as runner:
            runner.run(listened())
        assert not unheard

    signature = inspect.signature(test)
    functools.update_wrapper(run, test)
    del run.__wrapped__
    loop = inspect.Parameter("loop_factory", inspect.Parameter.KEYWORD_ONLY)
    run.__signature__ = signature.replace(parameters=[*signature.parameters.values(), loop])
    factories = [asyncio.new_event_loop, uvloop.new_event_loop]
    return pytest.mark.parametrize("loop_factory", factories, ids=["asyncio", "uvloop"])(run)


@asynccontextmanager
async def channel_of(**options) -> AsyncIterator[HttpChannel]:
    channel = HttpChannel(permit_if(options.pop("may_go", lambda _: True)), options.pop("policy", LOOPBACK), **options)
    try:
        yield channel
    finally:
        await channel.close()


def make_post(url: str, body: bytes = b"hello", head: bytes = HEAD, timeout_s: float = 10.0) -> Outgoing:
    return make_outgoing(HttpContent(head, body), url, "http", timeout_s=timeout_s)


async def post(channel: HttpChannel, url: str, **options) -> Outcome:
    outcomes, outgoing = Outcomes(), make_post(url, **options)
    channel.send(outgoing, outcomes)
    assert not outcomes.settled, "settled from inside send"
    return await outcomes.of(outgoing)


async def eventually(condition: Callable[[], bool], timeout_s: float = PATIENCE_S) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def oracle(answer: Callable[[web.Request], Awaitable[web.StreamResponse]], **options) -> AsyncIterator[str]:
    """An aiohttp server; yields its base URL."""
    app = web.Application(client_max_size=2**22)
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, **options)
    await site.start()
    scheme = "https" if "ssl_context" in options else "http"
    try:
        yield f"{scheme}://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


class Raw:
    """A server of our own that answers however `talk(request_number, connection_number, writer)` does."""

    def __init__(self, talk: Callable[[int, int, asyncio.StreamWriter], Awaitable[None]]) -> None:
        self.talk = talk
        self.requests: list[tuple[int, bytes]] = []  # (connection number, all bytes of the request)
        self.connections = 0
        self.open = self.most_open = 0
        self.port = 0
        self.tasks: set[asyncio.Task] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def bodies(self) -> list[bytes]:
        return [request.partition(b"\r\n\r\n")[2] for _, request in self.requests]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        connection = self.connections
        writer.hung_up = reader.at_eof
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        self.tasks.add(asyncio.current_task())
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                lengths = [line for line in head.split(b"\r\n") if line.startswith(b"Content-Length: ")]
                assert len(lengths) == 1
                body = await reader.readexactly(int(lengths[0].split(b": ")[1]))
                self.requests.append((connection, head + body))
                await self.talk(len(self.requests), connection, writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # the other side, or the end of the test, closed it
        finally:
            self.open -= 1
            self.tasks.discard(asyncio.current_task())
            writer.transport.abort()


@asynccontextmanager
async def raw(talk, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Raw]:
    server = Raw(talk)
    listening = await asyncio.start_server(server.serve, host, port)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        for task in list(server.tasks):
            task.cancel()
        await eventually(lambda: not server.tasks)


def says(data: bytes, close: bool = False):
    async def talk(_: int, __: int, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        if close:
            await writer.drain()
            writer.close()

    return talk


async def silence(_: int, __: int, writer: asyncio.StreamWriter) -> None:
    """Say nothing until the other side gives up."""
    while not (writer.hung_up() or writer.transport.is_closing()):
        await asyncio.sleep(0.02)


def held(go: asyncio.Event) -> Callable[[int, int, asyncio.StreamWriter], Awaitable[None]]:
    """Answer when told to, and not before."""

    async def answer(_: int, __: int, writer: asyncio.StreamWriter) -> None:
        await go.wait()
        writer.write(OK)

    return answer
