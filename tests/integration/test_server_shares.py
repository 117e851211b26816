"""One address that sends half of everything, and what becomes of everybody else's requests. Addresses are loopback's many."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network

import pytest
from tests.integration.toy_app import Running, running
from tests.support.patience import PATIENCE_S

EVE, ANN = "127.0.0.1", "127.0.0.2"
HALF = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9000\r\n%b\r\n" + b"x" * 8_000


@pytest.fixture(autouse=True)
def _little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidings.server.intake.SMALL_BODY_BYTES", 1_000)
    monkeypatch.setattr("tidings.server.shares.BODIES_BYTES_MAX", 100_000)
    monkeypatch.setattr("tidings.server.shares.UNSIGNED_BYTES_MAX", 20_000)
    monkeypatch.setattr("tidings.server.shares.LITTLE_BYTES", 10_000)


@asynccontextmanager
async def halves(app: Running, count: int, head: bytes = b"") -> AsyncIterator[list[asyncio.StreamReader]]:
    """So many connections of one address, each with most of a body. They stay open."""
    opened = [await asyncio.open_connection(*app.server.address, local_addr=(EVE, 0)) for _ in range(count)]
    try:
        for _, writer in opened:
            writer.write(HALF % head)
            await writer.drain()
        yield [reader for reader, _ in opened]
    finally:
        for _, writer in opened:
            writer.close()
        await app.gone()


async def post(app: Running, address: str, head: bytes = b"") -> bytes:
    reader, writer = await asyncio.open_connection(*app.server.address, local_addr=(address, 0))
    try:
        writer.write(HALF % (b"Connection: close\r\n" + head) + b"x" * 1_000)
        return await asyncio.wait_for(reader.read(), 10)
    finally:
        writer.close()


async def refusals(readers: list[asyncio.StreamReader], count: int) -> list[bytes]:
    """Wait for that many answers; the other connections say nothing."""
    reads = [asyncio.create_task(reader.read()) for reader in readers]
    try:
        done: set[asyncio.Task[bytes]] = set()
        async with asyncio.timeout(PATIENCE_S):
            while len(done) < count:
                done, _ = await asyncio.wait(reads, return_when=asyncio.FIRST_COMPLETED)
                if len(done) < count:
                    await asyncio.sleep(0.01)
        return [task.result() for task in done]
    finally:
        for task in reads:
            task.cancel()
        await asyncio.gather(*reads, return_exceptions=True)


async def test_half_sent_bodies_of_one_unsigned_address_stop_nobody_else() -> None:
    async with running() as app, halves(app, 12) as readers:
        told = await refusals(readers, 10)
        assert all(answer.startswith(b"HTTP/1.1 429 ") and b"<toy>429" in answer for answer in told)
        assert (await post(app, ANN)).startswith(b"HTTP/1.1 200 ")
        assert (await post(app, EVE, b"Authorization: x\r\n")).startswith(b"HTTP/1.1 200 ")


async def test_credentials_that_are_only_claimed_give_no_more_than_a_share() -> None:
    async with running() as app, halves(app, 12, b"Authorization: AWS4-HMAC-SHA256 x\r\n") as readers:
        told = await refusals(readers, 8)
        assert all(answer.startswith(b"HTTP/1.1 429 ") for answer in told)
        assert (await post(app, ANN)).startswith(b"HTTP/1.1 200 ")


async def test_behind_a_trusted_proxy_the_caller_s_address_counts() -> None:
    async with (
        running(trusted_proxies=[ip_network("127.0.0.0/8")]) as app,
        halves(app, 12, b"X-Forwarded-For: 192.0.2.66\r\n") as readers,
    ):
        await refusals(readers, 10)
        assert (await post(app, EVE, b"X-Forwarded-For: 192.0.2.66\r\n")).startswith(b"HTTP/1.1 429 ")
        assert (await post(app, EVE, b"X-Forwarded-For: 192.0.2.1\r\n")).startswith(b"HTTP/1.1 200 ")


async def test_a_body_that_stands_still_is_given_up_long_before_its_whole_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidings.server.connection.BODY_STALL_S", 0.2)
    async with running(body_patience_s=100.0) as app, halves(app, 1) as (reader,):
        assert (await reader.read()).startswith(b"HTTP/1.1 408 ")


async def test_a_new_connection_that_says_nothing_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidings.server.connection.HEAD_PATIENCE_S", 0.2)
    async with running(body_patience_s=0.4) as app:
        assert await app.raw(b"") == b""


async def test_connections_of_one_address_leave_some_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidings.server.shares.CONNECTIONS_PER_ADDRESS_MAX", 3)
    async with running() as app:
        opened = [await asyncio.open_connection(*app.server.address, local_addr=(EVE, 0)) for _ in range(3)]
        answer = await post(app, EVE)
        assert answer.startswith(b"HTTP/1.1 429 ")
        assert answer.endswith(b"\r\n\r\ntoo many connections from your address\n")
        assert (await post(app, ANN)).startswith(b"HTTP/1.1 200 ")
        for _, writer in opened:
            writer.close()
        await app.gone()
        assert (await post(app, EVE)).startswith(b"HTTP/1.1 200 ")


async def test_a_trusted_proxy_may_have_more_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidings.server.shares.CONNECTIONS_PER_ADDRESS_MAX", 3)
    async with running(trusted_proxies=[ip_network("127.0.0.1/32")]) as app:
        opened = [await asyncio.open_connection(*app.server.address, local_addr=(EVE, 0)) for _ in range(10)]
        assert (await post(app, EVE)).startswith(b"HTTP/1.1 200 ")
        for _, writer in opened:
            writer.close()


@pytest.mark.parametrize(
    ("digits", "status"),
    [(b"0" * 5_000 + b"5", 200), (b"0" * 5_001, 200), (b"9" * 5_001, 400), (b"18446744073709551615", 413)],
)
async def test_a_length_of_any_number_of_digits_is_answered(digits: bytes, status: int) -> None:
    async with running() as app:
        head = b"POST /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: " + digits + b"\r\n\r\n"
        answer = await app.raw(head + (b"hello" if digits.endswith(b"5") else b""))
        assert answer.startswith(b"HTTP/1.1 %d " % status)
        if digits.endswith(b"05"):
            assert answer.endswith(b"hello")
