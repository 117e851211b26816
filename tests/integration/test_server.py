"""The port itself, through real sockets, with a toy front end behind it: whatever comes in, an answer or a clean end."""

from __future__ import annotations

import asyncio
import json
import resource
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tidings.dialects.contract import WireRequest, WireResponse
from tidings.domain.errors import Unavailable
from tidings.observe.metrics import Metrics
from tidings.server import Server

BODY_MAX = 10_000


@dataclass
class Toy:
    """A front end that tells what it was asked. Paths under /none are not its own."""

    name: str = "toy"
    seen: list[WireRequest] = field(default_factory=list)
    hold: asyncio.Event = field(default_factory=asyncio.Event)
    entered: asyncio.Event = field(default_factory=asyncio.Event)
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    def owns(self, request: WireRequest) -> bool:
        if request.path == "/owns-fails":
            raise RuntimeError("a bug in owns")
        return not request.path.startswith("/none")

    async def handle(self, request: WireRequest) -> WireResponse:
        self.seen.append(request)
        match request.path:
            case "/fails":
                raise RuntimeError("a bug with a secret in it")
            case "/holds":
                self.entered.set()
                await self.hold.wait()
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


async def _is_ready() -> None:
    return None


@asynccontextmanager
async def running(ready: Callable[[], Awaitable[None]] = _is_ready, **options: Any) -> AsyncIterator[Running]:
    toy, metrics = Toy(), Metrics()
    server = Server(
        [toy],
        metrics=metrics,
        ready=ready,
        certificates={"key-1.pem": b"PEM"}.get,
        new_request_id=lambda: str(uuid4()),
        body_bytes_max=BODY_MAX,
        **options,
    )
    await server.start()
    try:
        yield Running(server, toy, metrics)
    finally:
        toy.hold.set()
        await server.stop()


@pytest.fixture
async def house() -> AsyncIterator[Running]:
    async with running() as started:
        yield started


async def test_a_request_arrives_as_it_was_sent(house: Running) -> None:
    status, head, body = await house.ask("/a%20b/%C3%A9?x=%20&y", "POST", b"hello", X_One="1")
    assert status == 200
    told = json.loads(body)
    assert (told["method"], told["path"], told["query"], told["body"]) == ("POST", "/a b/é", "x=%20&y", 5)
    assert (told["remote"], told["scheme"], told["host"]) == ("127.0.0.1", "http", "toy.example")
    request = house.toy.seen[0]
    assert request.body == b"hello"
    assert request.headers["x-one"] == "1"
    assert f"x-request-id: {request.request_id}" in head
    assert "date: " in head
    assert "server: tidings" in head


async def test_repeated_headers_are_joined(house: Running) -> None:
    await house.raw(b"GET / HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nx-a: 2\r\nConnection: close\r\n\r\n")
    assert house.toy.seen[0].headers["x-a"] == "1,2"


async def test_bad_escapes_and_nul_bytes_reach_the_front_end_as_text(house: Running) -> None:
    told = await house.told("/%zz%00%ff%?%00=%zz")
    assert told["path"] == "/%zz\x00\ufffd%"
    assert told["query"] == "%00=%zz"


@pytest.mark.parametrize(
    "data",
    [
        b"nonsense\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nA\x00: b\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: five\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -5\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        b"GET / HTTP/1.1\r\nHost: h\r\n" + b"".join(b"X-%d: a\r\n" % number for number in range(300)) + b"\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nX-A: " + b"a" * 200_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: h\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"a" * 100,
    ],
)
async def test_what_is_not_http_as_we_take_it_is_refused_with_a_4xx(house: Running, data: bytes) -> None:
    try:
        answer = await house.raw(data)
    except ConnectionError:
        answer = b""  # closed before all of it was read
    assert answer == b"" or answer.split()[1].startswith(b"4")
    assert house.toy.seen == []
    assert (await house.ask())[0] == 200


async def test_http_1_0_is_answered_and_closed(house: Running) -> None:
    answer = await house.raw(b"GET /old HTTP/1.0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.0 200")
    assert house.toy.seen[0].host == ""


async def test_pipelined_requests_are_answered_in_order(house: Running) -> None:
    answer = await house.raw(
        b"".join(b"POST /%d HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx" % number for number in range(5))
        + b"GET /last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
    )
    assert answer.count(b"HTTP/1.1 200") == 6
    assert [request.path for request in house.toy.seen] == ["/0", "/1", "/2", "/3", "/4", "/last"]


async def test_head_is_answered_without_a_body_and_reaches_the_front_end_as_head(house: Running) -> None:
    status, _, body = await house.ask("/x", "HEAD")
    assert (status, body) == (200, b"")
    assert house.toy.seen[0].method == "HEAD"
    status, _, body = await house.ask("/stream", "HEAD")
    assert (status, body) == (200, b"")


async def test_options_and_unknown_methods_do_not_reach_the_front_end(house: Running) -> None:
    status, head, _ = await house.ask("/x", "OPTIONS")
    assert status == 204
    assert "allow: get, head, post" in head
    assert (await house.ask("*", "OPTIONS"))[0] == 204
    for method in ("TRACE", "PROPFIND", "BREW"):
        assert (await house.ask("/x", method))[0] == 405
    assert house.toy.seen == []


async def test_a_path_that_is_nobodys_is_a_plain_404(house: Running) -> None:
    status, head, body = await house.ask("/none/of/ours")
    assert (status, body) == (404, b"not found\n")
    assert "text/plain" in head


async def test_a_body_up_to_the_limit_is_taken_and_one_byte_more_is_not(house: Running) -> None:
    assert (await house.ask("/", "POST", b"x" * BODY_MAX))[0] == 200
    status, head, body = await house.ask("/", "POST", b"x" * (BODY_MAX + 1))
    assert status == 413
    assert body == b"<toy>413 the request's body is longer than 10000 bytes</toy>"
    assert "connection: close" in head
    assert "text/xml" in head
    assert len(house.toy.seen) == 1


async def test_a_body_without_an_end_is_cut_off_at_the_limit(house: Running) -> None:
    reader, writer = await asyncio.open_connection(*house.server.address)
    writer.write(b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")

    async def flood() -> None:
        while True:
            writer.write(b"1000\r\n" + b"x" * 4096 + b"\r\n")
            await writer.drain()

    flooding = asyncio.create_task(flood())
    head = await asyncio.wait_for(reader.readuntil(b"\r\n"), 10)
    assert b" 413 " in head
    flooding.cancel()
    await asyncio.wait({flooding})
    writer.close()
    assert house.toy.seen == []


async def test_a_huge_announced_body_is_refused_unread(house: Running) -> None:
    answer = await house.raw(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999\r\n\r\n")
    assert b" 413 " in answer


async def test_chunked_bodies_arrive_whole(house: Running) -> None:
    await house.raw(
        b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
    )
    assert house.toy.seen[0].body == b"hello world"


async def test_a_body_that_does_not_come_is_given_up_in_the_front_ends_form() -> None:
    async with running(body_patience_s=0.2) as house:
        reader, writer = await asyncio.open_connection(*house.server.address)
        writer.write(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc")
        answer = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        assert b" 408 " in answer
        assert b"<toy>408" in answer
        assert house.toy.seen == []
        assert (await house.ask("/", "POST", b"quick"))[0] == 200


async def test_a_body_that_breaks_off_never_reaches_the_front_end(house: Running) -> None:
    await house.raw(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc", eof=True)
    assert house.toy.seen == []
    assert b'status="499"' in house.metrics.render()
    assert (await house.ask())[0] == 200


async def test_more_bodies_than_memory_allows_are_turned_away(house: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidings.server.BODIES_BYTES_MAX", 15_000)
    first = asyncio.create_task(house.ask("/holds", "POST", b"x" * 9_000))
    await house.toy.entered.wait()
    status, _, body = await house.ask("/", "POST", b"x" * 9_000)
    assert status == 503
    assert body.startswith(b"<toy>503")
    house.toy.hold.set()
    assert (await first)[0] == 200
    assert (await house.ask("/", "POST", b"x" * 9_000))[0] == 200


async def test_a_bug_is_a_500_in_the_front_ends_form_without_detail(
    house: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    status, head, body = await house.ask("/fails")
    assert (status, body) == (500, b"<toy>500 internal error</toy>")
    request_id = head.partition("x-request-id: ")[2].split()[0]
    logged = capsys.readouterr()
    assert request_id in logged.out + logged.err
    assert "a bug with a secret in it" in logged.out + logged.err


async def test_a_bug_in_owns_is_a_500_too(house: Running) -> None:
    assert (await house.ask("/owns-fails"))[0] == 500
    assert (await house.ask())[0] == 200


async def test_a_short_stream_is_one_answer(house: Running) -> None:
    status, head, body = await house.ask("/stream")
    assert status == 200
    assert f"content-length: {len(body)}" in head
    assert [body.count(b"%d,x" % number) for number in range(3)] == [1, 1, 1]
    assert house.toy.closed.is_set()


async def test_a_long_stream_arrives_whole_and_leaves_nothing_behind(tmp_path: Path) -> None:
    async with running(spool_directory=tmp_path) as house:
        status, head, body = await house.ask("/long-stream")
        assert status == 200
        assert body == b"".join(b"%d," % number + b"x" * 1000 for number in range(5000))
        assert f"content-length: {len(body)}" in head
    assert list(tmp_path.iterdir()) == []


async def test_a_reader_who_stops_reading_does_not_hold_the_answer_in_memory(tmp_path: Path) -> None:
    async with running(spool_directory=tmp_path) as house:
        before = _memory_kib()
        reader, writer = await asyncio.open_connection(*house.server.address, limit=1024)
        writer.write(b"GET /very-long-stream HTTP/1.1\r\nHost: h\r\n\r\n")
        assert b" 200 " in await reader.readline()
        for _ in range(20):
            assert (await house.ask())[0] == 200
        assert _memory_kib() - before < 60_000
        writer.transport.abort()


async def test_a_long_stream_keeps_nobody_else_waiting(house: Running) -> None:
    _, writer = await asyncio.open_connection(*house.server.address)
    writer.write(b"GET /very-long-stream HTTP/1.1\r\nHost: h\r\n\r\n")
    await house.toy.entered.wait()
    assert (await house.ask())[0] == 200
    assert not house.toy.closed.is_set()
    writer.transport.abort()


async def test_a_stream_that_fails_is_an_error_and_never_half_an_answer(
    house: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in ("/stream-fails", "/long-stream-fails"):
        assert (await house.ask(path))[::2] == (500, b"<toy>500 internal error</toy>")
    logged = capsys.readouterr()
    assert "the export broke" in logged.out + logged.err


async def test_a_long_answer_does_not_fill_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidings.server.spool.FREE_BYTES_MIN", 10**18)
    async with running(spool_directory=tmp_path) as house:
        status, _, body = await house.ask("/long-stream")
        assert (status, body) == (503, b"<toy>503 the disk is nearly full; no room for a long answer</toy>")
        assert house.toy.closed.is_set()
        assert list(tmp_path.iterdir()) == []


async def test_a_caller_who_leaves_harms_nobody(house: Running) -> None:
    _, writer = await asyncio.open_connection(*house.server.address)
    writer.write(b"GET /holds HTTP/1.1\r\nHost: h\r\n\r\n")
    await house.toy.entered.wait()
    writer.transport.abort()
    house.toy.hold.set()
    assert (await house.ask())[0] == 200


async def test_a_header_cannot_smuggle_another_one(house: Running) -> None:
    _, head, _ = await house.ask("/headers")
    assert "x-own: yes" in head
    assert "x-injected" not in head


async def test_the_houses_own_doors_answer(house: Running) -> None:
    assert (await house.ask("/healthz"))[2] == b"ok\n"
    assert (await house.ask("/readyz"))[2] == b"ready\n"
    status, head, body = await house.ask("/metrics")
    assert status == 200
    assert "text/plain; version=0.0.4" in head
    assert b'tidings_requests_total{dialect="house",status="200"} 2.0' in body
    status, head, body = await house.ask("/certs/key-1.pem")
    assert (status, body) == (200, b"PEM")
    assert "application/x-pem-file" in head
    for path in ("/certs/", "/certs/other.pem", "/certs/..%2Fkey-1.pem", "/certs/%00"):
        assert (await house.ask(path))[0] == 404
    assert (await house.ask("/healthz", "POST"))[0] == 405
    assert house.toy.seen == []


async def test_not_ready_is_a_503_with_the_reason() -> None:
    async def not_ready() -> None:
        raise Unavailable("the disk is full")

    async with running(not_ready) as house:
        status, _, body = await house.ask("/readyz")
        assert (status, body) == (503, b"not ready: the disk is full\n")
        assert (await house.ask("/healthz"))[0] == 200


async def test_gauges_are_brought_up_to_date_before_they_are_shown() -> None:
    metrics: list[Metrics] = []

    async def refresh() -> None:
        metrics[0].backlog = 42

    async with running(refresh=refresh) as house:
        metrics.append(house.metrics)
        assert b"tidings_backlog_messages 42.0" in (await house.ask("/metrics"))[2]


PROXY = {"trusted_proxies": [ip_network("127.0.0.0/8"), ip_network("10.0.0.0/8"), ip_network("fd00::/8")]}


async def test_nobodys_forwarding_headers_are_believed_unless_named(house: Running) -> None:
    told = await house.told(X_Forwarded_For="6.6.6.6", X_Forwarded_Proto="https", X_Forwarded_Host="evil.example")
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
    async with running(**PROXY) as house:
        assert (await house.told(X_Forwarded_For=forwarded))["remote"] == remote


async def test_a_trusted_proxys_scheme_and_host_are_taken() -> None:
    async with running(**PROXY) as house:
        told = await house.told(
            X_Forwarded_For="203.0.113.9", X_Forwarded_Proto="https", X_Forwarded_Host="news.example:8443"
        )
        assert (told["scheme"], told["host"]) == ("https", "news.example:8443")
        # What a stranger wrote stands to the left of what our proxy appended.
        told = await house.told(
            X_Forwarded_For="6.6.6.6, 203.0.113.9",
            X_Forwarded_Proto="gopher, https",
            X_Forwarded_Host="evil.example, a b",
        )
        assert (told["scheme"], told["host"]) == ("https", "toy.example")


async def test_a_request_under_way_finishes_when_the_server_stops() -> None:
    async with running() as house:
        asking = asyncio.create_task(house.ask("/holds"))
        await house.toy.entered.wait()
        stopping = asyncio.create_task(house.server.stop())
        await _until_refused(house)
        assert not stopping.done()
        house.toy.hold.set()
        assert (await asking)[0] == 200
        await asyncio.wait_for(stopping, 5)


async def test_a_request_that_hangs_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidings.server.listener.STOP_PATIENCE_S", 0.3)
    async with running() as house:
        asking = asyncio.create_task(house.ask("/holds"))
        await house.toy.entered.wait()
        await asyncio.wait_for(house.server.stop(), 5)
        assert (await asking)[0] == 500


async def test_the_port_is_known_before_the_start_and_taken_once(house: Running) -> None:
    host, port = house.server.address
    assert port != 0
    other = Server(
        [],
        metrics=Metrics(),
        ready=_is_ready,
        certificates=lambda _: None,
        new_request_id=str,
        listen=(host, port),
    )
    with pytest.raises(Unavailable, match="cannot listen"):
        other.bind()


async def test_more_idle_connections_than_usual_do_not_keep_anybody_out(house: Running) -> None:
    idle = [await asyncio.open_connection(*house.server.address) for _ in range(300)]
    try:
        assert (await house.ask())[0] == 200
    finally:
        for _, writer in idle:
            writer.close()


async def test_https_is_served_with_the_operators_certificate(tmp_path: Path) -> None:
    certificate, key = _certificate(tmp_path)
    async with running(tls=(certificate, key)) as house:
        context = ssl.create_default_context(cafile=str(certificate))
        reader, writer = await asyncio.open_connection(*house.server.address, ssl=context, server_hostname="127.0.0.1")
        writer.write(b"GET /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        answer = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        assert b'"scheme": "https"' in answer


async def test_a_certificate_that_does_not_fit_is_told(tmp_path: Path) -> None:
    certificate, _ = _certificate(tmp_path)
    with pytest.raises(Unavailable, match="cannot use the TLS certificate"):
        async with running(tls=(certificate, certificate)):
            pass


async def _until_refused(house: Running) -> None:
    """Ask on new connections until they are refused, or closed without an answer."""
    with suppress(ConnectionError):
        while await house.raw(b"GET /new HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"):
            pass


def _memory_kib() -> int:
    """What this process holds now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() // 1024


def _certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "cert.pem", folder / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return paths
