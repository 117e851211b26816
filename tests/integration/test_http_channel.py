"""The HTTP channel against real servers: what arrives, what answers mean, servers that misbehave. On both event loops."""

from __future__ import annotations

import asyncio
import base64
import collections
import random

import pytest
from aiohttp import web
from tests.integration.http_servers import (
    OK,
    channel_of,
    eventually,
    make_post,
    on_both_loops,
    oracle,
    post,
    raw,
    says,
    silence,
)
from tests.support.outgoing import Outcomes

from tidings.domain.envelope import Outgoing
from tidings.domain.outcomes import Blocked, Delivered, Outcome, Refused, RetryLater


@on_both_loops
async def test_the_request_arrives_as_it_was_meant() -> None:
    seen = []

    async def answer(request: web.Request) -> web.Response:
        seen.append((request.method, request.raw_path, request.raw_headers, await request.read(), request.version))
        return web.Response(text="ok")

    bodies = [b"", b"x", bytes(range(256)), "größer €".encode(), random.Random(1).randbytes(262_144)]
    async with oracle(answer) as url, channel_of() as channel:
        for body in bodies:
            assert await post(channel, f"{url}/a%20b/c?d=e&f=%C3%A4", body=body) == Delivered("HTTP 200")
    for body, (method, path, headers, got, version) in zip(bodies, seen, strict=True):
        assert (method, path, got, version) == ("POST", "/a%20b/c?d=e&f=%C3%A4", body, (1, 1))
        assert headers == (
            (b"Host", url.removeprefix("http://").encode()),
            (b"Content-Type", b"text/plain; charset=UTF-8"),
            (b"x-amz-sns-message-type", b"Notification"),
            (b"User-Agent", b"Tidings"),
            (b"Content-Length", str(len(body)).encode()),
        )


@on_both_loops
async def test_user_info_becomes_basic_authentication() -> None:
    seen = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Authorization"))
        return web.Response()

    async with oracle(answer) as url, channel_of() as channel:
        for user in ("", "anna:s%3Acret@", "bert@"):
            assert await post(channel, url.replace("://", f"://{user}")) == Delivered("HTTP 200")
    encoded = [base64.b64encode(text).decode() for text in (b"anna:s:cret", b"bert:")]
    assert seen == [None, *(f"Basic {text}" for text in encoded)]


@on_both_loops
async def test_each_of_thousands_of_posts_arrives_once() -> None:
    async with raw(says(OK)) as server, channel_of(queue_per_host=5000) as channel:
        outcomes = collections.Counter()
        done = asyncio.Event()

        def settle(_: Outgoing, outcome: Outcome) -> None:
            outcomes[outcome] += 1
            if outcomes.total() == 3000:
                done.set()

        for n in range(3000):
            channel.send(make_post(server.url, body=b"%d" % n), settle)
        await done.wait()
        assert outcomes == {Delivered("HTTP 200"): 3000}
        assert sorted(map(int, server.bodies)) == list(range(3000))
        assert 1 < server.connections <= 32


@on_both_loops
async def test_statuses_become_outcomes() -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=int(request.path[1:]), headers={"Retry-After": "42"}, text="x")

    async with oracle(answer) as url, channel_of() as channel:
        outcomes = {
            status: await post(channel, f"{url}/{status}") for status in (201, 204, 400, 404, 410, 429, 500, 503)
        }
    assert outcomes == {
        201: Delivered("HTTP 201"),
        204: Delivered("HTTP 204"),
        400: Refused("HTTP 400"),
        404: Refused("HTTP 404"),
        410: Refused("HTTP 410"),
        429: RetryLater("HTTP 429", 42.0),
        500: RetryLater("HTTP 500"),
        503: RetryLater("HTTP 503", 42.0),
    }


@on_both_loops
async def test_a_redirect_is_not_followed() -> None:
    asked = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(status=int(request.path[1:]), headers={"Location": "/elsewhere"})

    async with oracle(answer) as url, channel_of() as channel:
        for status in (301, 302, 307, 308):
            outcome = await post(channel, f"{url}/{status}")
            assert isinstance(outcome, Refused)
            assert str(status) in outcome.reason
    assert asked == ["/301", "/302", "/307", "/308"]


@on_both_loops
async def test_a_connection_is_used_again_whatever_the_framing() -> None:
    peers = set()

    async def answer(request: web.Request) -> web.StreamResponse:
        peers.add(request.transport.get_extra_info("peername"))
        if request.path == "/chunked":
            response = web.StreamResponse()
            response.enable_chunked_encoding()
            await response.prepare(request)
            for _ in range(5):
                await response.write(b"part")
            await response.write_eof()
            return response
        return web.Response(
            status=204 if request.path == "/empty" else 200, text="" if request.path == "/empty" else "x"
        )

    async with oracle(answer) as url, channel_of() as channel:
        for path in ("/plain", "/chunked", "/empty", "/chunked", "/plain"):
            outcome = await post(channel, url + path)
            assert isinstance(outcome, Delivered)
            # The outcome is known at the head; the connection is free when the rest has been read.
            await asyncio.sleep(0.02)
    assert len(peers) == 1


@pytest.mark.parametrize(
    "response",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    ],
)
@on_both_loops
async def test_a_connection_that_shall_close_is_not_used_again(response: bytes) -> None:
    async with raw(says(response)) as server, channel_of() as channel:
        for _ in range(3):
            assert await post(channel, server.url) == Delivered("HTTP 200")
        assert server.connections == 3


@on_both_loops
async def test_an_http_1_0_server_may_keep_the_connection() -> None:
    response = b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n"
    async with raw(says(response)) as server, channel_of() as channel:
        for _ in range(3):
            assert await post(channel, server.url) == Delivered("HTTP 200")
        assert server.connections == 1


@on_both_loops
async def test_a_slow_body_delays_neither_the_outcome_nor_the_next_post() -> None:
    async def dribble(number: int, _: int, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" if number == 1 else OK)
        while number == 1:
            writer.write(b".")
            await writer.drain()
            await asyncio.sleep(0.05)

    async with raw(dribble) as server, channel_of() as channel:
        async with asyncio.timeout(8):  # whoever waited for the body would wait for the attempt's 10 s
            assert await post(channel, server.url) == Delivered("HTTP 200")
            assert await post(channel, server.url) == Delivered("HTTP 200")
        assert server.connections == 2
        await eventually(lambda: server.open == 1)  # the dribbling one is given up


MISBEHAVIORS = {
    "closes at once": (says(b"", close=True), RetryLater("connection closed before an answer")),
    "half a status line": (says(b"HTTP/1.1 20", close=True), RetryLater("connection closed within the answer")),
    "half a head": (says(b"HTTP/1.1 200 OK\r\nContent-Le", close=True), Delivered("HTTP 200")),
    "half a head that says later": (
        says(b"HTTP/1.1 500 OK\r\nContent-Le", close=True),
        RetryLater("HTTP 500", None, 500),
    ),
    "half a body": (says(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", close=True), Delivered("HTTP 200")),
    "garbage": (says(b"\x00\xff\x16\x03\x01 garbage\r\n\r\n"), RetryLater("malformed answer")),
    "another protocol": (says(b"220 mail.example.com ESMTP\r\n"), RetryLater("malformed answer")),
    "a status that is none": (says(b"HTTP/1.1 2OO OK\r\n\r\n"), RetryLater("malformed answer")),
    "two lengths": (
        says(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nok"),
        Delivered("HTTP 200"),
    ),
    "the same length twice": (
        says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok"),
        Delivered("HTTP 200"),
    ),
    "two lengths of a refusal": (
        says(b"HTTP/1.1 410 Gone\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nok"),
        Refused("HTTP 410"),
    ),
    "two lengths, later": (
        says(b"HTTP/1.1 503 No\r\nRetry-After: 7\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nok"),
        RetryLater("HTTP 503", 7.0, 503),
    ),
    "a list of lengths": (says(b"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok"), Delivered("HTTP 200")),
    "a length of 5001 digits": (
        says(b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5001 + b"\r\n\r\nok"),
        Delivered("HTTP 200"),
    ),
    "a negative length": (says(b"HTTP/1.1 204 OK\r\nContent-Length: -1\r\n\r\n"), Delivered("HTTP 204")),
    "a length and chunks": (
        says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n"),
        Delivered("HTTP 200"),
    ),
    "a folded header": (says(b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n"), Delivered("HTTP 200")),
    "a version to come": (says(b"HTTP/1.2 200 OK\r\nContent-Length: 0\r\n\r\n"), Delivered("HTTP 200")),
    "another version's status line": (says(b"HTTP/2 204\r\n\r\n"), Delivered("HTTP 204")),
    "another version's refusal": (says(b"HTTP/3.0 410 Gone\r\nContent-Length: 0\r\n\r\n"), Refused("HTTP 410")),
    "a protocol in lower case": (says(b"http/1.1 200 ok\r\nContent-Length: 0\r\n\r\n"), Delivered("HTTP 200")),
    "two blanks before the status": (says(b"HTTP/1.1  200 OK\r\nContent-Length: 0\r\n\r\n"), Delivered("HTTP 200")),
    "a status of another protocol": (says(b"ICY 200 OK\r\n\r\n"), RetryLater("malformed answer")),
    "bare line feeds": (says(b"HTTP/1.1 200 OK\nContent-Length: 0\n\n"), Delivered("HTTP 200")),
    "a header without colon": (says(b"HTTP/1.1 200 OK\r\nnothing\r\n\r\n"), Delivered("HTTP 200")),
    "a header name with a space": (says(b"HTTP/1.1 200 OK\r\nX Y: z\r\n\r\n"), Delivered("HTTP 200")),
    "a header name of letters of its own": (
        says("HTTP/1.1 200 OK\r\nGröße: 1\r\n\r\n".encode()),
        Delivered("HTTP 200"),
    ),
    "an unknown transfer coding": (
        says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: rot13\r\n\r\nabc", close=True),
        Delivered("HTTP 200"),
    ),
    "trailing garbage": (says(OK + b"\x00\xff garbage"), Delivered("HTTP 200")),
    "interim, then two lengths": (
        says(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx"),
        Delivered("HTTP 200"),
    ),
    "a status of four digits": (says(b"HTTP/1.1 2000 OK\r\n\r\n"), RetryLater("malformed answer")),
    "an empty line only": (says(b"\r\n\r\n", close=True), RetryLater("connection closed within the answer")),
    "a header without end": (says(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000), Delivered("HTTP 200")),
    "headers without end": (says(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 30_000), Delivered("HTTP 200")),
    "a giant body": (
        says(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n" + b"z" * 9_999_999),
        Delivered("HTTP 200"),
    ),
    "a body without length": (says(b"HTTP/1.1 200 OK\r\n\r\nwhatever", close=True), Delivered("HTTP 200")),
    "a bad chunk": (says(b"HTTP/1.1 202 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n"), Delivered("HTTP 202")),
    "interim answers": (
        says(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + OK),
        Delivered("HTTP 200"),
    ),
    "interim answers without end": (
        says(b"HTTP/1.1 100 Continue\r\n\r\n" * 5000),
        RetryLater("head of the answer is larger than 65536 bytes"),
    ),
    "another protocol on this connection": (
        says(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
        RetryLater("malformed answer"),
    ),
    "no reason phrase": (says(b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"), Delivered("HTTP 200")),
    "never": (silence, RetryLater("no answer within 0.3 s")),
    "interim and never": (says(b"HTTP/1.1 100 Continue\r\n\r\n"), RetryLater("no answer within 0.3 s")),
    "half and never": (says(b"HTTP/1.1 200 OK\r\nContent"), Delivered("HTTP 200")),
}


@pytest.mark.parametrize("misbehavior", MISBEHAVIORS)
@on_both_loops
async def test_a_misbehaving_server_gets_its_outcome_and_loses_its_connection(misbehavior: str) -> None:
    talk, expected = MISBEHAVIORS[misbehavior]
    async with raw(talk) as server, channel_of(idle_s=0.3) as channel:
        assert await post(channel, server.url, timeout_s=0.3 if "never" in misbehavior else 10.0) == expected
        assert len(server.requests) == 1
        await eventually(lambda: server.open == 0)
        await eventually(lambda: channel.hosts == 0)


@on_both_loops
async def test_an_earlier_answer_s_status_is_not_taken_for_a_later_one_s() -> None:
    """A kept connection that brings nothing, or only an empty line, has not answered."""

    async def talk(number: int, _: int, writer: asyncio.StreamWriter) -> None:
        writer.write(OK if number == 1 else b"\r\n")
        if number > 1:
            await writer.drain()
            writer.transport.abort() if number == 3 else writer.close()

    async with raw(talk) as server, channel_of() as channel:
        assert await post(channel, server.url) == Delivered("HTTP 200")
        assert isinstance(await post(channel, server.url), RetryLater)


@on_both_loops
async def test_an_answer_in_single_bytes_is_understood() -> None:
    async def bytewise(_: int, __: int, writer: asyncio.StreamWriter) -> None:
        for byte in b"HTTP/1.1 429 Slow\r\nRetry-After: 17\r\nContent-Length: 1\r\n\r\nx":
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0)

    async with raw(bytewise) as server, channel_of() as channel:
        assert await post(channel, server.url) == RetryLater("HTTP 429", 17.0)


@on_both_loops
async def test_bytes_after_an_answer_never_become_the_next_answer() -> None:
    async def twice(number: int, _: int, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n" + OK if number == 1 else OK)

    async with raw(twice) as server, channel_of(connections_per_host=1) as channel:
        outcomes = Outcomes()
        first, second = make_post(server.url), make_post(server.url)
        channel.send(first, outcomes)
        channel.send(second, outcomes)
        assert await outcomes.of(first) == RetryLater("HTTP 500")
        assert await outcomes.of(second) == Delivered("HTTP 200")
        assert [connection for connection, _ in server.requests] == [1, 2]


@on_both_loops
async def test_bytes_on_an_idle_connection_close_it() -> None:
    later: list[asyncio.StreamWriter] = []

    async def answer(number: int, _: int, writer: asyncio.StreamWriter) -> None:
        later.append(writer)
        writer.write(OK)

    async with raw(answer) as server, channel_of() as channel:
        assert await post(channel, server.url) == Delivered("HTTP 200")
        later[0].write(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")
        await eventually(lambda: server.open == 0)
        assert await post(channel, server.url) == Delivered("HTTP 200")
        assert server.connections == 2


@on_both_loops
async def test_an_idle_connection_is_closed_after_its_time_and_the_host_forgotten() -> None:
    async with raw(says(OK)) as server, channel_of(idle_s=0.2) as channel:
        assert await post(channel, server.url) == Delivered("HTTP 200")
        assert channel.hosts == 1
        await eventually(lambda: server.open == 0)
        await eventually(lambda: channel.hosts == 0)


@on_both_loops
async def test_a_kept_connection_found_closed_is_replaced_once() -> None:
    async def answer(_: int, connection: int, writer: asyncio.StreamWriter) -> None:
        if sum(1 for c, _ in server.requests if c == connection) == 1:
            writer.write(OK)
        else:
            writer.transport.abort()

    asked = []
    async with raw(answer) as server, channel_of(may_go=lambda o: asked.append(o) or True) as channel:
        first, second, outcomes = make_post(server.url), make_post(server.url), Outcomes()
        for outgoing in (first, second):
            channel.send(outgoing, outcomes)
            assert await outcomes.of(outgoing) == Delivered("HTTP 200")
        assert [connection for connection, _ in server.requests] == [1, 1, 2]
        assert asked == [first, second, second]


@on_both_loops
async def test_a_second_failure_is_not_tried_again() -> None:
    async def answer(number: int, _: int, writer: asyncio.StreamWriter) -> None:
        if number == 1:
            writer.write(OK)
        else:
            writer.transport.abort()

    async with raw(answer) as server, channel_of() as channel:
        assert await post(channel, server.url) == Delivered("HTTP 200")
        assert await post(channel, server.url) == RetryLater("connection closed before an answer")
        assert len(server.requests) == 3


@on_both_loops
async def test_the_second_try_asks_the_permit_again() -> None:
    async def answer(number: int, _: int, writer: asyncio.StreamWriter) -> None:
        if number == 1:
            writer.write(OK)
        else:
            allowed.clear()
            writer.transport.abort()

    allowed = {True}
    async with raw(answer) as server, channel_of(may_go=lambda _: bool(allowed)) as channel:
        assert await post(channel, server.url) == Delivered("HTTP 200")
        assert isinstance(await post(channel, server.url), Blocked)
        assert len(server.requests) == 2


@on_both_loops
async def test_a_server_that_drops_idle_connections_costs_no_attempt() -> None:
    async def answer(_: int, __: int, writer: asyncio.StreamWriter) -> None:
        writer.write(OK)
        await writer.drain()
        writer.close()

    async with raw(answer) as server, channel_of() as channel:
        for _ in range(50):
            assert await post(channel, server.url) == Delivered("HTTP 200")
