"""The port itself, through real sockets, with a toy front end behind it: whatever comes in, an answer or a clean end.

What concerns connections rather than requests is in test_server_connections.py.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from ipaddress import ip_network

import pytest
from tests.integration.toy_app import BODY_MAX, Running, running

from tidings.domain.errors import Unavailable
from tidings.observe.metrics import Metrics


@pytest.fixture
async def app() -> AsyncIterator[Running]:
    async with running() as started:
        yield started


async def test_a_request_arrives_as_it_was_sent(app: Running) -> None:
    status, head, body = await app.ask("/a%20b/%C3%A9?x=%20&y", "POST", b"hello", X_One="1")
    assert status == 200
    told = json.loads(body)
    assert (told["method"], told["path"], told["query"], told["body"]) == ("POST", "/a b/é", "x=%20&y", 5)
    assert (told["remote"], told["scheme"], told["host"]) == ("127.0.0.1", "http", "toy.example")
    request = app.toy.seen[0]
    assert request.body == b"hello"
    assert request.headers["x-one"] == "1"
    assert f"x-request-id: {request.request_id}" in head
    assert "date: " in head
    assert "server: tidings" in head


async def test_repeated_headers_are_joined(app: Running) -> None:
    await app.raw(b"GET / HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nx-a: 2\r\nConnection: close\r\n\r\n")
    assert app.toy.seen[0].headers["x-a"] == "1,2"


async def test_bad_escapes_and_nul_bytes_reach_the_front_end_as_text(app: Running) -> None:
    told = await app.told("/%zz%00%ff%?%00=%zz")
    assert told["path"] == "/%zz\x00\ufffd%"
    assert told["query"] == "%00=%zz"


H = b" HTTP/1.1\r\nHost: h\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"nonsense\r\n\r\n", 405),
        (b"BREW /x" + H + b"\r\n", 405),
        (b"CONNECT mail.example:25" + H + b"\r\n", 405),
        (b"GET /\xff" + H + b"\r\n", 400),
        (b"GET /\x00" + H + b"\r\n", 400),
        (b"GET /a#b" + H + b"\r\n", 400),
        (b"GET nowhere" + H + b"\r\n", 400),
        (b"GET ftp://h/" + H + b"\r\n", 400),
        (b"GET http://a@b/" + H + b"\r\n", 400),
        (b"GET /" + H + b"A\x00: b\r\n\r\n", 400),
        (b"GET /" + H + b"A: b\x00\r\n\r\n", 400),
        (b"GET /" + H + b"A : b\r\n\r\n", 400),
        (b"GET /" + H + b"A: b\r\n folded\r\n\r\n", 400),
        (b"GET /" + H + b"A: b\n\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET /" + H + b"Host: h\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505),
        (b"GET / HTTP/0.9\r\n\r\n", 505),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (b"POST /" + H + b"Content-Length: five\r\n\r\n", 400),
        (b"POST /" + H + b"Content-Length: -5\r\n\r\n", 400),
        (b"POST /" + H + b"Content-Length: +5\r\n\r\nabcde", 400),
        (b"POST /" + H + b"Content-Length: 5, 5\r\n\r\nabcde", 400),
        (b"POST /" + H + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nabcde", 400),
        (b"POST /" + H + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef", 400),
        (b"POST /" + H + b"Content-Length: 5\r\n" + CHUNKED + b"\r\n0\r\n\r\n", 400),
        (b"POST /" + H + CHUNKED + b"Content-Length: 5\r\n\r\n0\r\n\r\n", 400),
        (b"POST /" + H + CHUNKED + CHUNKED + b"\r\n0\r\n\r\n", 400),
        (b"POST /" + H + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
        (b"POST /" + H + b"Transfer-Encoding: identity\r\n\r\n", (400, 501)),
        (b"POST /" + H + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.0\r\n" + CHUNKED + b"\r\n0\r\n\r\n", 400),
        (b"POST /" + H + CHUNKED + b"\r\n-1\r\nx\r\n0\r\n\r\n", 400),
        (b"POST /" + H + CHUNKED + b"\r\n1\nx\r\n0\r\n\r\n", 400),
        (b"POST /" + H + CHUNKED + b"\r\n1;" + b"x" * 200_000 + b"\r\nx\r\n0\r\n\r\n", 400),
        (b"POST /" + H + CHUNKED + b"\r\n0\r\nX: " + b"x" * 200_000 + b"\r\n\r\n", 400),
        (b"POST /" + H + b"Expect: 200-ok\r\nContent-Length: 1\r\n\r\nx", 417),
        (b"GET /" + H + b"".join(b"X-%d: a\r\n" % number for number in range(300)) + b"\r\n", 431),
        (b"GET /" + H + b"X-A: a\r\n" * 300 + b"\r\n", 431),
        (b"GET /" + H + b"X-A: " + b"a" * 200_000 + b"\r\n\r\n", 431),
        (b"GET /" + b"a" * 100_000 + H + b"\r\n", 414),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"a" * 100, 405),
    ],
)
async def test_what_is_not_http_as_we_take_it_is_refused(
    app: Running, data: bytes, status: int | tuple[int, int]
) -> None:
    # What follows must not be taken for a request, whatever the first one was.
    answer = await app.raw(data + b"GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n")
    assert answer.count(b"HTTP/1.1 ") == 1
    assert int(answer.split()[1]) in (status if isinstance(status, tuple) else (status,))
    assert b"\r\nconnection: close\r\n" in answer
    assert app.toy.seen == []
    assert (await app.ask())[0] == 200


async def test_an_absolute_target_is_taken_apart_and_its_host_counts(app: Running) -> None:
    for target, path, query in (
        ("http://news.example:80/a%20b?c=d", "/a b", "c=d"),
        ("HTTPS://news.example:80?c", "/", "c"),
        ("http://news.example:80", "/", ""),
    ):
        told = await app.told(target)
        assert (told["path"], told["query"], told["host"]) == (path, query, "news.example:80")


async def test_header_values_arrive_as_utf_8_or_else_as_latin_1_without_outer_blanks(app: Running) -> None:
    await app.raw(b"GET /" + H + b"X-U: \xc3\xa9 \t\r\nX-L: \xe9\r\nX-E:\r\nConnection: close\r\n\r\n")
    headers = app.toy.seen[0].headers
    assert (headers["x-u"], headers["x-l"], headers["x-e"]) == ("é", "é", "")


async def test_a_front_ends_headers_leave_as_utf_8(app: Running) -> None:
    answer = await app.raw(b"GET /header" + H + b"Connection: close\r\n\r\n")
    assert b"\r\nx-own: yes\r\n" in answer
    assert "\r\nx-other: é\r\n".encode() in answer


@pytest.mark.parametrize("protocol", [b"h2c", b"websocket", b"TLS/1.2"])
@pytest.mark.parametrize("chunked", [False, True])
async def test_a_request_for_another_protocol_is_answered_as_an_ordinary_one(
    app: Running, protocol: bytes, chunked: bool
) -> None:
    framing, body = (CHUNKED, b"5\r\nhello\r\n0\r\n\r\n") if chunked else (b"Content-Length: 5\r\n", b"hello")
    upgrade = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: " + protocol + b"\r\nHTTP2-Settings: AAMAAABk\r\n"
    answer = await app.raw(
        (b"POST /echo" + H + upgrade + framing + b"\r\n" + body) * 2
        + b"GET /plain" + H + upgrade + b"\r\n"
        + b"GET /last" + H + b"Connection: close\r\n\r\n"
    )  # fmt: skip
    assert [(request.path, request.body) for request in app.toy.seen] == [
        ("/echo", b"hello"),
        ("/echo", b"hello"),
        ("/plain", b""),
        ("/last", b""),
    ]
    assert answer.count(b"HTTP/1.1 200") == 4
    assert answer.count(b"hello") == 2


async def test_continue_is_told_only_to_who_waits_for_it_and_may_send(app: Running) -> None:
    reader, writer = await asyncio.open_connection(*app.server.address)
    writer.write(b"POST /echo" + H + b"Expect: 100-Continue\r\nContent-Length: 5\r\nConnection: close\r\n\r\n")
    assert await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10) == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(b"hello")
    assert (await asyncio.wait_for(reader.read(), 10)).startswith(b"HTTP/1.1 200 OK\r\n")
    writer.close()
    answer = await app.raw(b"POST /" + H + b"Expect: 100-continue\r\nContent-Length: 10001\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ")
    answer = await app.raw(b"POST /echo HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello")
    assert answer.startswith(b"HTTP/1.0 200 ")


async def test_http_1_0_is_answered_and_closed(app: Running) -> None:
    answer = await app.raw(b"GET /old HTTP/1.0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.0 200")
    assert b"\r\nconnection: close\r\n" in answer
    assert app.toy.seen[0].host == ""


async def test_http_1_0_may_keep_its_connection(app: Running) -> None:
    answer = await app.raw(b"GET /1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /2 HTTP/1.0\r\n\r\n")
    assert answer.count(b"HTTP/1.0 200") == 2
    assert b"\r\nconnection: keep-alive\r\n" in answer
    assert [request.path for request in app.toy.seen] == ["/1", "/2"]


async def test_head_is_answered_without_a_body_and_reaches_the_front_end_as_head(app: Running) -> None:
    status, head, body = await app.ask("/x", "HEAD")
    assert (status, body) == (200, b"")
    assert "content-length: 0" not in head
    assert app.toy.seen[0].method == "HEAD"
    for path in ("/stream", "/long-stream"):
        app.toy.closed.clear()
        status, _, body = await app.ask(path, "HEAD")
        assert (status, body) == (200, b"")
        assert app.toy.closed.is_set()


async def test_options_and_unknown_methods_do_not_reach_the_front_end(app: Running) -> None:
    status, head, _ = await app.ask("/x", "OPTIONS")
    assert status == 204
    assert "allow: get, head, post" in head
    assert (await app.ask("*", "OPTIONS"))[0] == 204
    for method in ("TRACE", "PROPFIND", "BREW"):
        status, head, _ = await app.ask("/x", method)
        assert status == 405
        assert "allow: get, head, post" in head
    assert app.toy.seen == []


async def test_a_path_that_is_nobodys_is_a_plain_404(app: Running) -> None:
    status, head, body = await app.ask("/none/of/ours")
    assert (status, body) == (404, b"not found\n")
    assert "text/plain" in head


async def test_a_body_up_to_the_limit_is_taken_and_one_byte_more_is_not(app: Running) -> None:
    assert (await app.ask("/", "POST", b"x" * BODY_MAX))[0] == 200
    status, head, body = await app.ask("/", "POST", b"x" * (BODY_MAX + 1))
    assert status == 413
    assert body == b"<toy>413 the request's body is longer than 10000 bytes</toy>"
    assert "connection: close" in head
    assert "text/xml" in head
    assert len(app.toy.seen) == 1


async def test_a_huge_announced_body_is_refused_unread(app: Running) -> None:
    answer = await app.raw(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999\r\n\r\n")
    assert b" 413 " in answer


async def test_chunked_bodies_arrive_whole(app: Running) -> None:
    await app.raw(
        b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
    )
    assert app.toy.seen[0].body == b"hello world"


async def test_more_bodies_than_memory_allows_are_turned_away(app: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidings.server.shares.BODIES_BYTES_MAX", 15_000)
    first = asyncio.create_task(app.ask("/holds", "POST", b"x" * 9_000))
    await app.toy.entered.wait()
    status, _, body = await app.ask("/", "POST", b"x" * 9_000)
    assert status == 503
    assert body.startswith(b"<toy>503")
    app.toy.hold.set()
    assert (await first)[0] == 200
    assert (await app.ask("/", "POST", b"x" * 9_000))[0] == 200


async def test_a_bug_is_a_500_in_the_front_ends_form_without_detail(
    app: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    status, head, body = await app.ask("/fails")
    assert (status, body) == (500, b"<toy>500 internal error</toy>")
    request_id = head.partition("x-request-id: ")[2].split()[0]
    logged = capsys.readouterr()
    assert request_id in logged.out + logged.err
    assert "a bug with a secret in it" in logged.out + logged.err


async def test_a_bug_in_owns_is_a_500_too(app: Running) -> None:
    assert (await app.ask("/claim-fails"))[0] == 500
    assert (await app.ask())[0] == 200


async def test_a_header_cannot_smuggle_another_one(app: Running, capsys: pytest.CaptureFixture[str]) -> None:
    status, head, body = await app.ask("/headers")
    assert (status, body) == (500, b"internal error\n")
    assert "x-injected" not in head
    logged = capsys.readouterr()
    assert "a line break or NUL inside a header" in logged.out + logged.err


async def test_the_servers_own_endpoints_answer(app: Running) -> None:
    assert (await app.ask("/healthz"))[2] == b"ok\n"
    assert (await app.ask("/readyz"))[2] == b"ready\n"
    status, head, body = await app.ask("/metrics")
    assert status == 200
    assert "text/plain; version=0.0.4" in head
    assert b'tidings_requests_total{dialect="server",status="200"} 2.0' in body
    status, head, body = await app.ask("/certs/key-1.pem")
    assert (status, body) == (200, b"PEM")
    assert "application/x-pem-file" in head
    for path in ("/certs/", "/certs/other.pem", "/certs/..%2Fkey-1.pem", "/certs/%00"):
        assert (await app.ask(path))[0] == 404
    assert (await app.ask("/healthz", "POST"))[0] == 405
    assert app.toy.seen == []


async def test_not_ready_is_a_503_with_the_reason() -> None:
    async def not_ready() -> None:
        raise Unavailable("the disk is full")

    async with running(not_ready) as app:
        status, _, body = await app.ask("/readyz")
        assert (status, body) == (503, b"not ready: the disk is full\n")
        assert (await app.ask("/healthz"))[0] == 200


async def test_gauges_are_brought_up_to_date_before_they_are_shown() -> None:
    metrics: list[Metrics] = []

    async def refresh() -> None:
        metrics[0].backlog = 42

    async with running(refresh=refresh) as app:
        metrics.append(app.metrics)
        assert b"tidings_backlog_messages 42.0" in (await app.ask("/metrics"))[2]


PROXY = {"trusted_proxies": [ip_network("127.0.0.0/8"), ip_network("10.0.0.0/8"), ip_network("fd00::/8")]}


async def test_nobodys_forwarding_headers_are_believed_unless_named(app: Running) -> None:
    told = await app.told(X_Forwarded_For="6.6.6.6", X_Forwarded_Proto="https", X_Forwarded_Host="evil.example")
    assert (told["remote"], told["scheme"], told["host"]) == ("127.0.0.1", "http", "toy.example")


@pytest.mark.parametrize(
    ("forwarded", "remote"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("6.6.6.6, 203.0.113.9, 10.1.2.3", "203.0.113.9"),
        ("203.0.113.9:4711", "203.0.113.9"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("2001:db8::1, fd00::2", "2001:db8::1"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("10.1.1.1, 10.1.2.3", "10.1.1.1"),
        ("6.6.6.6, unknown, 10.1.2.3", "10.1.2.3"),
        ("", "127.0.0.1"),
        ("<script>", "127.0.0.1"),
    ],
)
async def test_the_caller_is_the_right_most_address_that_is_not_a_proxy(forwarded: str, remote: str) -> None:
    async with running(**PROXY) as app:
        assert (await app.told(X_Forwarded_For=forwarded))["remote"] == remote


async def test_a_trusted_proxys_scheme_and_host_are_taken() -> None:
    async with running(**PROXY) as app:
        told = await app.told(
            X_Forwarded_For="203.0.113.9", X_Forwarded_Proto="https", X_Forwarded_Host="news.example:8443"
        )
        assert (told["scheme"], told["host"]) == ("https", "news.example:8443")
        # What a stranger wrote stands to the left of what our proxy appended.
        told = await app.told(
            X_Forwarded_For="6.6.6.6, 203.0.113.9",
            X_Forwarded_Proto="gopher, https",
            X_Forwarded_Host="evil.example, a b",
        )
        assert (told["scheme"], told["host"]) == ("https", "toy.example")
