"""The parts of the HTTP channel that need no network: answers, request lines, names, the count of sockets."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.outgoing import make_outgoing

from tidings.channels.http import request
from tidings.channels.http.answer import Settlements, outcome_of
from tidings.channels.http.request import Attempt, plan
from tidings.channels.http.resolve import Resolver, system_lookup
from tidings.channels.http.sockets import Sockets
from tidings.domain.envelope import HttpContent, Outgoing
from tidings.domain.outcomes import DELIVERED, Delivered, Outcome, Refused, RetryLater
from tidings.wire.egress import check_url


@given(st.integers(200, 999))
def test_every_status_has_the_outcome_of_its_class(status: int) -> None:
    outcome = outcome_of(status, b"7")
    if status < 300:
        assert outcome == Delivered(f"HTTP {status}")
    elif status in (408, 425, 429, 503):
        assert outcome == RetryLater(f"HTTP {status}", 7.0)
    elif status < 500:
        assert isinstance(outcome, Refused)
        assert f"HTTP {status}" in outcome.reason
    else:
        assert outcome == RetryLater(f"HTTP {status}")
    if isinstance(outcome, RetryLater):
        assert outcome.status == status


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        (b"0", 0.0),
        (b" 120 ", 120.0),
        (b"3601", 3600.0),
        (b"9" * 5000, 3600.0),
        (b"-1", None),
        (b"1.5", None),
        (b"", None),
        (b"soon", None),
        (b"\xff\xfe", None),
        ("٣".encode(), None),
        (b"Mon, 01 Jan 2001 00:00:00 GMT", 0.0),
        (b"Fri, 31 Dec 9999 23:59:59 GMT", 3600.0),
        (b"Mon, 99 Foo 2001 99:00:00 GMT", None),
        (b"Mon, 01 Jan 2001 00:00:00 +9999", None),
        (b"Mon, 01 Jan 99999999999999999999 00:00:00 GMT", None),
        (b"Mon, 99999999999 Jan 2001 00:00:00 GMT", None),
        (b"Mon, 01 Jan 2001 00:00:00 +99999999999999", None),
        (b"(" * 60_000, None),
    ],
)
def test_retry_after_is_read_and_bounded(value: bytes | None, seconds: float | None) -> None:
    assert outcome_of(503, value) == RetryLater("HTTP 503", seconds)


def test_a_retry_after_date_is_a_distance_from_now() -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True).encode()
    outcome = outcome_of(429, date)
    assert isinstance(outcome, RetryLater)
    assert outcome.after_s is not None
    assert 90 < outcome.after_s <= 100


@given(st.binary(max_size=60))
def test_any_retry_after_is_within_bounds_or_ignored(value: bytes) -> None:
    outcome = outcome_of(429, value)
    assert isinstance(outcome, RetryLater)
    assert outcome.after_s is None or 0 <= outcome.after_s <= 3600


def test_a_plan_opens_the_request() -> None:
    ready = plan("https://us%C3%A9r:pa%40ss@Example.com:444/a?b#c")
    assert ready.origin == "https://example.com:444"
    assert ready.prefix == (b"POST /a?b HTTP/1.1\r\nHost: example.com:444\r\nAuthorization: Basic dXPDqXI6cGFAc3M=\r\n")


def test_two_users_of_one_host_share_its_lane_and_not_their_passwords() -> None:
    one, two, none = plan("http://a:1@h/"), plan("http://b:2@h/"), plan("http://h/")
    assert one.origin == two.origin == none.origin
    assert len({one.prefix, two.prefix, none.prefix}) == 3
    assert b"Authorization" not in none.prefix


@given(st.text(max_size=40))
def test_no_endpoint_makes_a_second_header_line_of_its_own(text: str) -> None:
    try:
        ready = plan(f"http://u:{text}@h/{text}?{text}")
    except ValueError:
        return
    lines = ready.prefix.split(b"\r\n")
    # The text may end the authority before its "@"; then there is no user.
    names = [line.split(b" ")[0] for line in lines]
    assert names in ([b"POST", b"Host:", b"Authorization:", b""], [b"POST", b"Host:", b""])
    assert b"\n" not in ready.prefix.replace(b"\r\n", b"")


class TestResolver:
    async def test_many_ask_and_one_lookup_is_made(self) -> None:
        asked: list[str] = []
        release = threading.Event()

        def lookup(host: str) -> list[str]:
            asked.append(host)
            assert release.wait(10)
            return ["192.0.2.1"]

        resolver = Resolver(30.0, lookup)
        waiting = [asyncio.create_task(resolver.addresses("h")) for _ in range(20)]
        await asyncio.sleep(0)
        release.set()
        assert await asyncio.gather(*waiting) == [["192.0.2.1"]] * 20
        assert await resolver.addresses("h") == ["192.0.2.1"]
        assert asked == ["h"]
        resolver.close()

    async def test_an_answer_is_forgotten_after_its_time(self) -> None:
        answers = iter([["192.0.2.1"], ["192.0.2.2"]])
        resolver = Resolver(0.0, lambda _: next(answers))
        assert await resolver.addresses("h") == ["192.0.2.1"]
        assert await resolver.addresses("h") == ["192.0.2.2"]
        resolver.close()

    async def test_a_failure_is_not_remembered(self) -> None:
        answers = iter([OSError("no"), ["192.0.2.1"]])

        def lookup(_: str) -> list[str]:
            answer = next(answers)
            if isinstance(answer, OSError):
                raise answer
            return answer

        resolver = Resolver(30.0, lookup)
        with pytest.raises(OSError, match="no"):
            await resolver.addresses("h")
        assert await resolver.addresses("h") == ["192.0.2.1"]
        resolver.close()

    async def test_one_who_gives_up_does_not_take_the_answer_from_the_others(self) -> None:
        release = threading.Event()
        resolver = Resolver(30.0, lambda _: ["192.0.2.1"] if release.wait(10) else [])
        impatient = asyncio.create_task(resolver.addresses("h"))
        patient = asyncio.create_task(resolver.addresses("h"))
        await asyncio.sleep(0)
        impatient.cancel()
        await asyncio.sleep(0)
        release.set()
        assert await patient == ["192.0.2.1"]
        assert impatient.cancelled()
        resolver.close()

    async def test_families_alternate_so_that_a_broken_one_costs_one_try(self) -> None:
        resolver = Resolver(30.0, lambda _: ["2606::1", "2606::2", "2606::1", "192.0.2.1"])
        assert await resolver.addresses("h") == ["2606::1", "192.0.2.1", "2606::2"]
        resolver.close()

    def test_the_system_knows_its_own_name(self) -> None:
        assert set(system_lookup("localhost")) & {"127.0.0.1", "::1"}


class Line:
    """A host standing in line; takes a socket when its turn comes and it still wants one."""

    def __init__(self, sockets: Sockets, wants: bool) -> None:
        self.sockets, self.wants, self.got = sockets, wants, 0

    def grow(self) -> None:
        if self.wants:
            if self.sockets.reserve():
                self.got += 1
                self.wants = False
            else:
                self.sockets.hungry[self] = None


def test_a_host_that_lost_interest_does_not_hold_up_the_line() -> None:
    sockets = Sockets(1, 32)
    assert sockets.reserve()
    gone, eager, late = Line(sockets, False), Line(sockets, True), Line(sockets, True)
    for line in (gone, eager, late):
        sockets.hungry[line] = None
    sockets.release()
    assert (gone.got, eager.got, late.got) == (0, 1, 0)
    sockets.release()
    assert late.got == 1
    assert not sockets.hungry


def test_hosts_get_fewer_sockets_as_the_server_fills() -> None:
    sockets = Sockets(100, 32)
    shares = []
    for _ in range(100):
        shares.append(sockets.allowance())
        assert sockets.reserve()
    assert shares == [32] * 50 + [4] * 25 + [1] * 25
    assert not sockets.reserve()


def make_attempt(settle) -> Attempt:
    return Attempt(make_outgoing(HttpContent(b"", b""), "http://h/"), settle, b"", 0.0)


async def test_settle_is_never_called_from_inside_settle() -> None:
    settlements = Settlements(asyncio.get_running_loop())
    depth = most = count = 0

    def settle(_: Outgoing, __: Outcome) -> None:
        nonlocal depth, most, count
        depth += 1
        most, count = max(most, depth), count + 1
        if count < 5000:
            settlements.add(make_attempt(settle), DELIVERED)
        depth -= 1

    settlements.add(make_attempt(settle), DELIVERED)
    assert count == 0
    await settlements.wait_empty()
    assert (most, count) == (1, 5000)


async def test_a_settle_that_raises_takes_nothing_from_the_others() -> None:
    loop = asyncio.get_running_loop()
    errors: list[BaseException] = []
    loop.set_exception_handler(lambda _, context: errors.append(context["exception"]))
    settlements = Settlements(loop)
    settled: list[int] = []

    def raising(_: Outgoing, __: Outcome) -> None:
        raise RuntimeError("a bug")

    for n in range(6):
        settlements.add(make_attempt(raising if n % 2 else lambda _, __, n=n: settled.append(n)), DELIVERED)
    await settlements.wait_empty()
    assert settled == [0, 2, 4]
    assert [str(error) for error in errors] == ["a bug"] * 3


@given(
    st.sampled_from(["http", "https"]),
    st.from_regex(r"[a-z0-9][a-z0-9.-]{0,20}[a-z0-9]", fullmatch=True),
    st.one_of(st.none(), st.integers(0, 70_000)),
    st.text(st.characters(codec="ascii", exclude_categories=("Cc",)), max_size=30),
)
def test_the_short_way_through_a_url_ends_where_the_long_way_does(
    scheme: str, host: str, port: int | None, path: str
) -> None:
    url = f"{scheme}://{host}{'' if port is None else f':{port}'}/{path}"
    try:
        long_way = request._plan(check_url(url))
    except ValueError:
        with pytest.raises(ValueError, match=r".+"):
            request.plan(url)
    else:
        short_way = request.plan(url)
        assert (short_way.origin, short_way.prefix) == (long_way.origin, long_way.prefix)
