"""The server's connections, through real sockets: order, patience, long answers, callers who leave, stopping, TLS."""

from __future__ import annotations

import asyncio
import random
import re
import resource
import socket
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.integration.toy_app import BODY_MAX, Running, running

from tidings.domain.errors import Unavailable
from tidings.server.listener import Listener


@pytest.fixture
async def app() -> AsyncIterator[Running]:
    async with running() as started:
        yield started


async def test_pipelined_requests_are_answered_in_order(app: Running) -> None:
    answer = await app.raw(
        b"".join(b"POST /%d HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx" % number for number in range(5))
        + b"GET /last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
    )
    assert answer.count(b"HTTP/1.1 200") == 6
    assert [request.path for request in app.toy.seen] == ["/0", "/1", "/2", "/3", "/4", "/last"]


async def test_a_body_without_an_end_is_cut_off_at_the_limit(app: Running) -> None:
    reader, writer = await asyncio.open_connection(*app.server.address)
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
    assert app.toy.seen == []


async def test_a_body_that_does_not_come_is_given_up_in_the_front_ends_form() -> None:
    async with running(body_patience_s=0.2) as app:
        reader, writer = await asyncio.open_connection(*app.server.address)
        writer.write(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc")
        answer = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        assert b" 408 " in answer
        assert b"<toy>408" in answer
        assert app.toy.seen == []
        assert (await app.ask("/", "POST", b"quick"))[0] == 200


async def test_a_body_that_breaks_off_never_reaches_the_front_end(app: Running) -> None:
    await app.raw(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc", eof=True)
    assert app.toy.seen == []
    assert b'status="499"' in app.metrics.render()
    assert (await app.ask())[0] == 200


async def test_a_short_stream_is_one_answer(app: Running) -> None:
    status, head, body = await app.ask("/stream")
    assert status == 200
    assert f"content-length: {len(body)}" in head
    assert [body.count(b"%d,x" % number) for number in range(3)] == [1, 1, 1]
    assert app.toy.closed.is_set()


async def test_a_long_stream_keeps_nobody_else_waiting(app: Running) -> None:
    _, writer = await asyncio.open_connection(*app.server.address)
    writer.write(b"GET /very-long-stream HTTP/1.1\r\nHost: h\r\n\r\n")
    await app.toy.entered.wait()
    assert (await app.ask())[0] == 200
    assert not app.toy.closed.is_set()
    writer.transport.abort()


async def test_a_long_stream_arrives_whole_in_chunks(app: Running) -> None:
    whole = b"".join(b"%d," % number + b"x" * 1000 for number in range(5000))
    status, head, body = await app.ask("/long-stream")
    assert status == 200
    assert "transfer-encoding: chunked" in head
    assert "content-length" not in head
    assert _dechunked(body) == whole
    assert app.toy.closed.is_set()
    answer = await app.raw(b"GET /long-stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    head_, _, body = answer.partition(b"\r\n\r\n")
    assert b"chunked" not in head_
    assert b"connection: close" in head_
    assert body == whole


async def test_a_connection_is_kept_after_a_stream(app: Running) -> None:
    answer = await app.raw(
        b"GET /long-stream HTTP/1.1\r\nHost: h\r\n\r\nGET /last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
    )
    assert answer.count(b"HTTP/1.1 200") == 2
    assert b'"path": "/last"' in answer


async def test_a_reader_who_stops_reading_is_waited_for_without_memory_and_not_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tidings.server.connection.WRITE_PATIENCE_S", 1.0)
    async with running(body_patience_s=0.4) as app:
        before = _memory_kib()
        reader, writer = await asyncio.open_connection(*app.server.address, limit=1024)
        writer.write(b"GET /very-long-stream HTTP/1.1\r\nHost: h\r\n\r\n")
        assert b" 200 " in await reader.readline()
        for _ in range(20):
            assert (await app.ask())[0] == 200
        assert not app.toy.closed.is_set()
        assert _memory_kib() - before < 60_000
        await asyncio.wait_for(app.toy.closed.wait(), 10)
        writer.transport.abort()


async def test_a_reader_who_pipelines_and_never_reads_is_not_served_for_ever(app: Running) -> None:
    _, writer = await asyncio.open_connection(*app.server.address, limit=1024)
    request = b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 9000\r\n\r\n" + b"x" * 9000
    writer.write(request * 2000)
    with suppress(TimeoutError):
        await asyncio.wait_for(writer.drain(), 1.0)
    assert len(app.toy.seen) < 1900
    writer.transport.abort()
    assert (await app.ask())[0] == 200


async def test_a_stream_that_fails_is_never_half_an_answer_that_looks_whole(
    app: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (await app.ask("/stream-fails"))[::2] == (500, b"<toy>500 internal error</toy>")
    reader, writer = await asyncio.open_connection(*app.server.address)
    writer.write(b"GET /long-stream-fails HTTP/1.1\r\nHost: h\r\n\r\n")
    answer = b""
    with suppress(ConnectionResetError):
        while piece := await asyncio.wait_for(reader.read(65536), 10):
            answer += piece
    writer.close()
    assert b"\r\n0\r\n\r\n" not in answer
    logged = capsys.readouterr()
    assert (logged.out + logged.err).count("RuntimeError: the export broke") == 2
    assert (await app.ask())[0] == 200


async def test_a_stream_is_closed_when_its_reader_leaves(app: Running) -> None:
    reader, writer = await asyncio.open_connection(*app.server.address)
    writer.write(b"GET /very-long-stream HTTP/1.1\r\nHost: h\r\n\r\n")
    await reader.readline()
    writer.transport.abort()
    await asyncio.wait_for(app.toy.closed.wait(), 10)
    await app.gone()


async def test_work_that_has_begun_goes_on_when_its_caller_leaves(app: Running) -> None:
    _, writer = await asyncio.open_connection(*app.server.address)
    writer.write(b"POST /holds HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello")
    await app.toy.entered.wait()
    _reset(writer)
    assert (await app.ask())[0] == 200  # the loop has seen the end of the other one
    app.toy.hold.set()
    await asyncio.wait_for(app.toy.left.wait(), 10)
    await app.gone()
    assert b'status="499"' in app.metrics.render()


async def test_a_caller_who_closes_its_side_is_still_answered(app: Running) -> None:
    asking = asyncio.create_task(app.raw(b"GET /holds HTTP/1.1\r\nHost: h\r\n\r\n", eof=True))
    await app.toy.entered.wait()
    await app.ask()
    app.toy.hold.set()
    assert (await asking).startswith(b"HTTP/1.1 200")


async def test_more_pipelined_requests_than_are_read_at_once_are_all_answered(app: Running) -> None:
    requests = [b"GET /%d HTTP/1.1\r\nHost: h\r\n\r\n" % number for number in range(3000)]
    answer = await app.raw(b"".join(requests) + b"GET /last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    assert answer.count(b"HTTP/1.1 200") == 3001
    assert [request.path for request in app.toy.seen] == [f"/{number}" for number in range(3000)] + ["/last"]


async def test_what_comes_before_a_malformed_request_is_answered_first(app: Running) -> None:
    asking = asyncio.create_task(app.raw(b"GET /holds HTTP/1.1\r\nHost: h\r\n\r\nnonsense\r\n\r\n"))
    await app.toy.entered.wait()
    await app.ask()
    app.toy.hold.set()
    answer = await asking
    assert re.findall(rb"HTTP/1.1 (\d+)", answer) == [b"200", b"405"]


async def test_bytes_after_the_last_request_are_not_read(app: Running) -> None:
    answer = await app.raw(b"GET /1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n")
    assert answer.count(b"HTTP/1.1") == 1
    assert [request.path for request in app.toy.seen] == ["/1"]


@pytest.mark.parametrize("data", [b"GET /", b"GET / HTTP/1.1\r\nHost: h\r\nX: ", b"\r\n"])
async def test_a_head_that_does_not_come_is_given_up(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr("tidings.server.connection.HEAD_PATIENCE_S", 0.2)
    async with running(body_patience_s=0.4) as app:
        answer = await app.raw(data)
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert app.toy.seen == []


async def test_an_idle_connection_is_closed_without_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidings.server.connection.KEEP_ALIVE_S", 0.2)
    async with running(body_patience_s=0.4) as app:
        assert await app.raw(b"") == b""
        answer = await app.raw(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        assert answer.count(b"HTTP/1.1") == 1


async def test_too_many_connections_are_turned_away_and_make_room_again(app: Running) -> None:
    app.server._state.connections_max = 3
    idle = [await asyncio.open_connection(*app.server.address) for _ in range(3)]
    answer = await app.raw(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert answer.endswith(b"\r\n\r\ntoo many connections\n")
    for _, writer in idle:
        writer.close()
    await app.gone()
    assert (await app.ask())[0] == 200


async def test_a_refusal_is_read_by_a_client_that_is_still_sending(app: Running) -> None:
    def send() -> bytes:
        with socket.create_connection(app.server.address, timeout=10) as client:
            client.sendall(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999\r\n\r\n")
            client.sendall(b"x" * 4_000_000)
            return client.recv(65536)

    assert b" 413 " in await asyncio.to_thread(send)


async def test_bodies_leave_nothing_behind_however_they_end(app: Running) -> None:
    head = b"POST /holds HTTP/1.1\r\nHost: h\r\nContent-Length: 5000\r\n\r\n"
    for data in (head + b"x" * 100, head + b"x" * 5000, (head + b"x" * 5000) * 3, head * 2 + b"x" * 4000):
        _, writer = await asyncio.open_connection(*app.server.address)
        writer.write(data)
        await writer.drain()
        assert (await app.ask())[0] == 200
        _reset(writer)
    assert (await app.ask("/", "POST", b"x" * (BODY_MAX + 1)))[0] == 413
    app.toy.hold.set()
    await app.gone()


@pytest.mark.parametrize("seed", range(4))
async def test_garbage_ends_every_connection_and_leaves_nothing(app: Running, seed: int) -> None:
    chance = random.Random(seed)
    whole = b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello" * 2
    for _ in range(60):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 5)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        _, writer = await asyncio.open_connection(*app.server.address)
        cut = chance.randrange(len(data))
        writer.write(data[:cut])
        if chance.random() < 0.5:
            await asyncio.sleep(0)
            writer.write(data[cut:])
        if chance.random() < 0.3:
            _reset(writer)
        else:
            writer.close()
    await app.gone()
    assert (await app.ask())[0] == 200


async def test_idle_connections_are_closed_at_once_when_the_server_stops() -> None:
    async with running() as app:
        reader, writer = await asyncio.open_connection(*app.server.address)
        writer.write(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        await reader.readuntil(b"}")
        await asyncio.wait_for(app.server.stop(), 1)
        assert await reader.read() == b""
        writer.close()


async def test_a_request_that_hangs_is_cut_off_with_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidings.server.listener.STOP_PATIENCE_S", 0.3)
    async with running() as app:
        asking = asyncio.create_task(app.ask("/holds"))
        await app.toy.entered.wait()
        await asyncio.wait_for(app.server.stop(), 5)
        status, head, body = await asking
        assert (status, body) == (503, b"<toy>503 the server is stopping</toy>")
        assert "connection: close" in head


async def test_the_last_answer_of_a_stopping_server_says_so() -> None:
    async with running() as app:
        reader, writer = await asyncio.open_connection(*app.server.address)
        writer.write(b"GET /holds HTTP/1.1\r\nHost: h\r\n\r\nGET /never HTTP/1.1\r\nHost: h\r\n\r\n")
        await app.toy.entered.wait()
        stopping = asyncio.create_task(app.server.stop())
        await _until_refused(app)
        app.toy.hold.set()
        answer = await asyncio.wait_for(reader.read(), 10)
        assert answer.count(b"HTTP/1.1 200") == 1
        assert b"\r\nconnection: close\r\n" in answer
        writer.close()
        await asyncio.wait_for(stopping, 5)


async def test_a_request_under_way_finishes_when_the_server_stops() -> None:
    async with running() as app:
        asking = asyncio.create_task(app.ask("/holds"))
        await app.toy.entered.wait()
        stopping = asyncio.create_task(app.server.stop())
        await _until_refused(app)
        assert not stopping.done()
        app.toy.hold.set()
        assert (await asking)[0] == 200
        await asyncio.wait_for(stopping, 5)


async def test_the_port_is_known_before_the_start_and_taken_once(app: Running) -> None:
    host, port = app.server.address
    assert port != 0
    with pytest.raises(Unavailable, match="cannot listen"):
        Listener((host, port)).bind()


async def test_more_idle_connections_than_usual_do_not_keep_anybody_out(app: Running) -> None:
    idle = [await asyncio.open_connection(*app.server.address) for _ in range(300)]
    try:
        assert (await app.ask())[0] == 200
    finally:
        for _, writer in idle:
            writer.close()


async def test_https_is_served_with_the_operators_certificate(tmp_path: Path) -> None:
    certificate, key = _certificate(tmp_path)
    async with running(tls=(certificate, key)) as app:
        context = ssl.create_default_context(cafile=str(certificate))
        reader, writer = await asyncio.open_connection(*app.server.address, ssl=context, server_hostname="127.0.0.1")
        writer.write(b"GET /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        answer = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        assert b'"scheme": "https"' in answer
        assert b"\r\nstrict-transport-security: max-age=31536000\r\n" in answer


async def test_nothing_older_than_tls_1_2_is_spoken_and_alpn_says_http_1_1(tmp_path: Path) -> None:
    certificate, key = _certificate(tmp_path)
    async with running(tls=(certificate, key)) as app:
        context = ssl.create_default_context(cafile=str(certificate))
        context.set_alpn_protocols(["h2", "http/1.1"])
        _, writer = await asyncio.open_connection(*app.server.address, ssl=context, server_hostname="127.0.0.1")
        tls = writer.get_extra_info("ssl_object")
        assert tls.selected_alpn_protocol() == "http/1.1"
        assert tls.version() in ("TLSv1.2", "TLSv1.3")
        writer.close()


async def test_plain_http_at_the_tls_port_harms_nobody(tmp_path: Path) -> None:
    certificate, key = _certificate(tmp_path)
    async with running(tls=(certificate, key)) as app:
        with suppress(ConnectionError):
            assert not (await app.raw(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")).startswith(b"HTTP/")
        context = ssl.create_default_context(cafile=str(certificate))
        reader, writer = await asyncio.open_connection(*app.server.address, ssl=context, server_hostname="127.0.0.1")
        writer.write(b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 9000\r\n\r\n" + b"x" * 9000)
        writer.write(b"GET /long-stream HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        answer = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        assert answer.count(b"HTTP/1.1 200") == 2
        assert answer.endswith(b"\r\n0\r\n\r\n")


async def test_a_certificate_that_does_not_fit_is_told(tmp_path: Path) -> None:
    certificate, _ = _certificate(tmp_path)
    with pytest.raises(Unavailable, match="cannot use the TLS certificate"):
        async with running(tls=(certificate, certificate)):
            pass


def _dechunked(data: bytes) -> bytes:
    body = b""
    while True:
        size, _, data = data.partition(b"\r\n")
        length = int(size, 16)
        if length == 0:
            assert data == b"\r\n"
            return body
        body += data[:length]
        assert data[length : length + 2] == b"\r\n"
        data = data[length + 2 :]


def _reset(writer: asyncio.StreamWriter) -> None:
    """Leave without a goodbye."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _until_refused(app: Running) -> None:
    """Ask on new connections until they are refused, or closed without an answer."""
    with suppress(ConnectionError):
        while await app.raw(b"GET /new HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"):
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
