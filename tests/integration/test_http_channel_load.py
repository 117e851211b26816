"""The HTTP channel under load: time-outs, bounds, sick hosts, consent, the end, and chaos."""

from __future__ import annotations

import asyncio
import collections
import random
import threading

import pytest
from tests.integration.http_servers import (
    LOOPBACK,
    OK,
    channel_of,
    eventually,
    held,
    make_post,
    on_both_loops,
    post,
    raw,
    says,
    silence,
)
from tests.support.outgoing import Outcomes
from tests.support.patience import PATIENCE_S
from tests.support.permits import permit_all, permit_if

from tidings.channels.http import HttpChannel
from tidings.domain.envelope import Outgoing
from tidings.domain.outcomes import Blocked, Busy, Delivered, Outcome, Refused, RetryLater
from tidings.wire.egress import EgressPolicy


@on_both_loops
async def test_waiting_for_the_name_counts_against_the_time_out() -> None:
    release = threading.Event()
    try:
        async with channel_of(lookup=lambda _: ["127.0.0.1"] if release.wait(20) else []) as channel:
            outcome = await post(channel, "http://hook.example/", timeout_s=0.3)
            assert outcome in (RetryLater("no connection in time"), RetryLater("no connection within 0.3 s"))
            await eventually(lambda: channel.hosts == 0)
    finally:
        release.set()


@on_both_loops
async def test_what_never_had_its_turn_is_busy_and_not_a_failed_attempt() -> None:
    async with raw(silence) as server, channel_of(connections_per_host=2) as channel:
        outcomes = Outcomes()
        for _ in range(2):
            channel.send(make_post(server.url, timeout_s=2.0), outcomes)
        await eventually(lambda: len(server.requests) == 2)
        for _ in range(5):
            channel.send(make_post(server.url, timeout_s=0.3), outcomes)
        assert await outcomes.wait_for(7) == [Busy(1.0)] * 5 + [RetryLater("no answer within 2 s")] * 2
        assert len(server.requests) == 2


@on_both_loops
async def test_a_full_queue_settles_as_busy() -> None:
    go = asyncio.Event()

    async def answer(_: int, __: int, writer: asyncio.StreamWriter) -> None:
        await go.wait()
        writer.write(OK)

    async with raw(answer) as server, channel_of(connections_per_host=2, queue_per_host=3) as channel:
        outcomes = Outcomes()
        for _ in range(2):
            channel.send(make_post(server.url), outcomes)
        await eventually(lambda: len(server.requests) == 2)
        for _ in range(10):
            channel.send(make_post(server.url), outcomes)
        assert await outcomes.wait_for(7) == [Busy(1.0)] * 7
        go.set()
        assert (await outcomes.wait_for(12))[7:] == [Delivered("HTTP 200")] * 5


@on_both_loops
async def test_a_slow_host_delays_itself_only() -> None:
    go = asyncio.Event()
    async with raw(held(go)) as slow, raw(says(OK)) as quick, channel_of() as channel:
        stuck, outcomes = Outcomes(), Outcomes()
        for _ in range(500):
            channel.send(make_post(slow.url, timeout_s=PATIENCE_S), stuck)
        for _ in range(200):
            channel.send(make_post(quick.url, timeout_s=PATIENCE_S), outcomes)
        assert await outcomes.wait_for(200) == [Delivered("HTTP 200")] * 200
        assert stuck.settled == []
        go.set()
        assert await stuck.wait_for(500) == [Delivered("HTTP 200")] * 500


@on_both_loops
async def test_a_host_that_cannot_be_reached_is_left_alone_until_a_probe_succeeds() -> None:
    async with raw(says(OK)) as server:
        port = server.port
    async with channel_of(sick_s=1.0) as channel:
        url, outcomes = f"http://127.0.0.1:{port}/", Outcomes()
        for _ in range(500):
            channel.send(make_post(url), outcomes)
        assert await outcomes.wait_for(500) == [RetryLater("connection refused")] * 500
        assert await post(channel, url) == RetryLater("connection refused")
        async with raw(says(OK), port=port) as server:
            assert await post(channel, url) == RetryLater("connection refused")
            assert server.connections == 0  # it was not even tried
            await asyncio.sleep(1.05)
            more = Outcomes()
            for _ in range(3):
                channel.send(make_post(url), more)
            settled = await more.wait_for(3)
            assert sorted(map(str, settled)) == sorted(
                map(str, [RetryLater("connection refused")] * 2 + [Delivered("HTTP 200")])
            )
            assert await post(channel, url) == Delivered("HTTP 200")
            assert server.connections == 1
            # It is well: what comes at one time is all sent.
            several = Outcomes()
            for _ in range(3):
                channel.send(make_post(url), several)
            assert await several.wait_for(3) == [Delivered("HTTP 200")] * 3


@on_both_loops
async def test_one_hanging_path_does_not_make_a_shared_host_sick() -> None:
    async def answer(number: int, _: int, writer: asyncio.StreamWriter) -> None:
        if b" /hangs " in server.requests[number - 1][1]:
            await asyncio.sleep(60)
        writer.write(OK)

    async with raw(answer) as server, channel_of() as channel:
        stuck = Outcomes()
        for _ in range(10):
            channel.send(make_post(server.url.replace("/hook", "/hangs"), timeout_s=0.3), stuck)
            assert await post(channel, server.url) == Delivered("HTTP 200")
        assert await stuck.wait_for(10) == [RetryLater("no answer within 0.3 s")] * 10
        assert await post(channel, server.url) == Delivered("HTTP 200")


@on_both_loops
async def test_sockets_are_bounded_over_all_hosts() -> None:
    async with (
        raw(says(OK)) as server,
        channel_of(sockets_max=5, lookup=lambda _: ["127.0.0.1"], idle_s=0.3) as channel,
    ):
        outcomes = Outcomes()
        for n in range(300):
            channel.send(make_post(f"http://h{n % 100}.example:{server.port}/"), outcomes)
        assert await outcomes.wait_for(300) == [Delivered("HTTP 200")] * 300
        # One may be on its way out while its successor comes in.
        assert server.most_open <= 10
        assert server.connections >= 100
        await eventually(lambda: channel.hosts == 0)


@on_both_loops
async def test_hosts_that_hang_cannot_take_every_socket() -> None:
    go = asyncio.Event()
    async with (
        raw(held(go)) as hanging,
        raw(says(OK)) as quick,
        channel_of(sockets_max=40, lookup=lambda _: ["127.0.0.1"]) as channel,
    ):
        stuck, outcomes = Outcomes(), Outcomes()
        for n in range(300):
            channel.send(make_post(f"http://h{n % 3}.example:{hanging.port}/", timeout_s=PATIENCE_S), stuck)
        await eventually(lambda: hanging.open >= 20)
        for _ in range(50):
            channel.send(make_post(quick.url, timeout_s=PATIENCE_S), outcomes)
        assert await outcomes.wait_for(50) == [Delivered("HTTP 200")] * 50
        assert stuck.settled == []
        go.set()
        assert await stuck.wait_for(300) == [Delivered("HTTP 200")] * 300


@on_both_loops
async def test_the_permit_is_asked_when_the_turn_comes_and_not_before() -> None:
    go = asyncio.Event()

    async def answer(_: int, __: int, writer: asyncio.StreamWriter) -> None:
        await go.wait()
        writer.write(OK)

    blocked: set[int] = set()
    permit_of = {}

    def may_go(outgoing: Outgoing) -> bool:
        return permit_of[id(outgoing)] not in blocked

    async with raw(answer) as server, channel_of(may_go=may_go, connections_per_host=1) as channel:
        outcomes = Outcomes()
        sent = [make_post(server.url, body=b"%d" % n) for n in range(2000)]
        for n, outgoing in enumerate(sent):
            permit_of[id(outgoing)] = n
            channel.send(outgoing, outcomes)
        await eventually(lambda: len(server.requests) == 1)
        blocked.update(range(1, 1999))
        go.set()
        settled = await outcomes.wait_for(2000)
        assert sum(isinstance(outcome, Blocked) for outcome in settled) == 1998
        assert server.bodies == [b"0", b"1999"]


@on_both_loops
async def test_a_refused_permit_keeps_the_idle_connection() -> None:
    allowed = {True}
    async with raw(says(OK)) as server, channel_of(may_go=lambda _: bool(allowed)) as channel:
        assert await post(channel, server.url) == Delivered("HTTP 200")
        allowed.clear()
        assert isinstance(await post(channel, server.url), Blocked)
        allowed.add(True)
        assert await post(channel, server.url) == Delivered("HTTP 200")
        assert server.connections == 1


@on_both_loops
async def test_sending_from_inside_settle_needs_no_stack() -> None:
    async with raw(says(OK)) as server, channel_of() as channel:
        done, left = asyncio.Event(), [3000]

        def settle(_: Outgoing, __: Outcome) -> None:
            left[0] -= 1
            if left[0] > 0:
                channel.send(make_post(server.url if left[0] % 3 else "not a URL"), settle)
            elif left[0] == 0:
                done.set()

        channel.send(make_post(server.url), settle)
        await done.wait()


@on_both_loops
async def test_close_waits_for_what_was_started_and_settles_the_rest() -> None:
    go = asyncio.Event()

    async def answer(_: int, __: int, writer: asyncio.StreamWriter) -> None:
        await go.wait()
        writer.write(OK)

    async with raw(answer) as server:
        channel = HttpChannel(permit_all, LOOPBACK, connections_per_host=1)
        outcomes = Outcomes()
        for _ in range(10):
            channel.send(make_post(server.url), outcomes)
        await eventually(lambda: len(server.requests) == 1)
        closing = asyncio.create_task(channel.close())
        assert await outcomes.wait_for(9) == [RetryLater("stopping")] * 9
        assert await post(channel, server.url) == RetryLater("stopping")
        assert not closing.done()
        go.set()
        await closing
        assert outcomes.settled[9][1] == Delivered("HTTP 200")
        await eventually(lambda: server.open == 0)
        await channel.close()
        assert await post(channel, server.url) == RetryLater("stopping")
        assert channel.hosts == 0


@on_both_loops
async def test_close_waits_no_longer_than_the_time_out() -> None:
    async with raw(silence) as server:
        channel = HttpChannel(permit_all, LOOPBACK)
        outcomes = Outcomes()
        channel.send(make_post(server.url, timeout_s=0.5), outcomes)
        await eventually(lambda: len(server.requests) == 1)
        async with asyncio.timeout(2.0):
            await channel.close()
        assert [outcome for _, outcome in outcomes.settled] == [RetryLater("no answer within 0.5 s")]


@on_both_loops
async def test_close_gives_up_connections_that_are_only_being_opened() -> None:
    release = threading.Event()
    channel = HttpChannel(permit_all, LOOPBACK, lookup=lambda _: ["127.0.0.1"] if release.wait(20) else [])
    outcomes = Outcomes()
    channel.send(make_post("http://hook.example/"), outcomes)
    channel.send(make_post("http://other.example/"), outcomes)
    try:
        async with asyncio.timeout(2.0):
            await channel.close()
    finally:
        release.set()
    assert [outcome for _, outcome in outcomes.settled] == [RetryLater("stopping")] * 2


async def test_a_channel_that_was_never_used_closes() -> None:
    await HttpChannel(permit_all, EgressPolicy()).close()


class Chaos:
    """A server that answers as a seeded die says, and remembers which bodies it has seen whole."""

    def __init__(self, seed: int) -> None:
        self.die = random.Random(seed)
        self.seen: collections.Counter[bytes] = collections.Counter()

    async def talk(self, number: int, _: int, writer: asyncio.StreamWriter) -> None:
        self.seen[self.server.bodies[number - 1]] += 1
        match self.die.randrange(16):
            case 0:
                writer.transport.abort()
            case 1:
                writer.write(OK[: self.die.randrange(len(OK))])
                await writer.drain()
                writer.close()
            case 2:
                writer.write(self.die.randbytes(self.die.randrange(1, 200)))
            case 3:
                await asyncio.sleep(self.die.random() / 2)
                writer.write(OK)
            case 4:
                writer.write(OK + OK)
            case 5:
                writer.write(b"HTTP/1.1 100 Continue\r\n\r\n" + OK)
            case 6:
                writer.write(OK)
                await writer.drain()
                writer.close()
            case 7:
                for part in range(0, len(OK), 7):
                    writer.write(OK[part : part + 7])
                    await writer.drain()
                    await asyncio.sleep(0)
            case 8:
                writer.write(b"HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n")
            case 9:
                writer.write(b"HTTP/1.1 404 No\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
            case 10:
                await asyncio.sleep(self.die.choice([0.0, 0.4]))
                writer.write(OK + b"stray")
            case _:
                writer.write(OK)


@pytest.mark.parametrize("seed", range(2))
@on_both_loops
async def test_under_chaos_everything_is_settled_exactly_once_and_truthfully(seed: int) -> None:
    die = random.Random(seed)
    chaos = Chaos(seed)
    settled: dict[bytes, Outcome] = {}
    blocked: set[bytes] = set()
    done = asyncio.Event()
    total = 1500

    def may_go(outgoing: Outgoing) -> bool:
        if die.random() < 0.03:
            blocked.add(outgoing.content.body)
            return False
        return True

    def settle(outgoing: Outgoing, outcome: Outcome) -> None:
        body = outgoing.content.body
        assert body not in settled
        settled[body] = outcome
        if len(settled) == total:
            done.set()

    async with raw(chaos.talk) as server:
        chaos.server = server
        options = {"connections_per_host": 8, "sockets_max": 20, "idle_s": 0.1, "sick_s": 0.1}
        channel = HttpChannel(permit_if(may_go), LOOPBACK, lookup=lambda _: ["127.0.0.1"], **options)
        for n in range(total):
            url = f"http://h{die.randrange(5)}.example:{server.port}/"
            channel.send(make_post(url, body=b"%d" % n, timeout_s=die.choice([0.3, 1.0, 3.0])), settle)
            if die.random() < 0.05:
                await asyncio.sleep(die.random() / 50)
        if seed % 2:
            await channel.close()
        else:
            await asyncio.wait_for(done.wait(), 30)
            await channel.close()
        assert len(settled) == total
        assert channel.hosts == 0
    for body, outcome in settled.items():
        assert (body in blocked) == isinstance(outcome, Blocked)
        assert chaos.seen[body] <= 2
        if isinstance(outcome, Delivered | Refused) or str(outcome).startswith("RetryLater(reason='HTTP"):
            assert chaos.seen[body] >= 1
        if isinstance(outcome, Busy):
            # Not an attempt: it was never written, or to a connection that had been closed.
            assert chaos.seen[body] <= 1
    assert {type(outcome) for outcome in settled.values()} >= {Delivered, Refused, RetryLater, Blocked}
