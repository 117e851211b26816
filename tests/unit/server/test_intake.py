"""What comes in, cut anywhere and bent in every way: the same requests, or an end; never an exception, never anything left behind."""

from __future__ import annotations

import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tidings.server.intake import SLICE_BYTES, Arrived, Intake, Malformed
from tidings.server.shares import Room, Share

BODY_MAX = 50
REQUESTS = [
    b"GET / HTTP/1.1\r\nHost: h\r\n\r\n",
    b"POST /a%20b?c=%20 HTTP/1.1\r\nHost: h:1\r\nContent-Length: 5\r\nX-A: 1\r\nx-a: \xc3\xa9\r\n\r\nhello",
    b"POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\nX-T: trailer\r\n\r\n",
    b"POST /u HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 5\r\n\r\nhello",
    b"POST /v HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"GET http://other/x HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n\r\n",
    b"POST /long HTTP/1.1\r\nHost: h\r\nContent-Length: 60\r\n\r\n" + b"x" * 60,
]
PIECES = [
    b"GET ", b"POST ", b"CONNECT ", b"PRI ", b"/", b"*", b"http://h", b"?", b"#", b"%", b" HTTP/1.1", b" HTTP/1.0", b" HTTP/2.0",
    b"\r\n", b"\r\n\r\n", b"\n", b"\r", b"Host: h\r\n", b"Content-Length: 5\r\n", b"Content-Length: 999\r\n", b"hello", b":", b" ",
    b"Transfer-Encoding: chunked\r\n", b"Connection: close\r\n", b"Connection: Upgrade\r\nUpgrade: h2c\r\n",
    b"5\r\nhello\r\n", b"0\r\n\r\n",
    b"Expect: 100-continue\r\n", b"\x00", b"\xff", b"\x16\x03\x01", b"a" * 300,
]  # fmt: skip


class Harness:
    """Takes requests, and gives their bodies back as a connection does."""

    def __init__(self) -> None:
        self.room = Room()
        self.intake = Intake(self, self.room, BODY_MAX)
        self.taken: list[Arrived] = []
        self.fault: Malformed | None = None
        self.awaited = 0

    def take(self, arrived: Arrived) -> None:
        self.taken.append(arrived)

    def share_of(self, _: Arrived) -> Share:
        return self.room.share("192.0.2.1")

    def is_awaited(self) -> None:
        self.awaited += 1

    def feed(self, *parts: bytes) -> Harness:
        for part in parts:
            try:
                for start in range(0, len(part), SLICE_BYTES):
                    self.intake.feed(memoryview(part)[start : start + SLICE_BYTES])
            except Malformed as fault:
                assert self.fault is None, "nothing is read after a fault"
                self.fault = fault
        assert self.fault is None or (400 <= self.fault.status < 600 and self.intake.is_over)
        return self

    def told(self) -> list[tuple[object, ...]]:
        return [
            (a.method, a.path, a.query, a.headers, a.body, a.keeps_alive, a.is_old, a.refusal and a.refusal.status)
            for a in self.taken
        ]

    def close(self) -> None:
        self.intake.close()
        assert self.room.held == sum(len(arrived.body) for arrived in self.taken)
        assert self.intake.arrived is None


def test_repeated_headers_count_too() -> None:
    for more, status in ((199, None), (200, 431)):
        harness = Harness().feed(b"GET / HTTP/1.1\r\nHost: h\r\n" + b"X-A: 1\r\n" * more + b"\r\n")
        assert (harness.fault and harness.fault.status) == status


@pytest.mark.parametrize("coding", [b"gzip, chunked", b"xchunked"])
def test_a_coding_that_is_not_undone_is_refused(coding: bytes) -> None:
    harness = Harness().feed(b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: " + coding + b"\r\n\r\n0\r\n\r\n")
    assert harness.fault is not None
    assert (harness.fault.status in (400, 501), harness.taken) == (True, [])


def test_a_second_host_is_refused() -> None:
    harness = Harness().feed(b"GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n")
    assert harness.fault is not None
    assert (harness.fault.status, harness.taken) == (400, [])


@pytest.mark.parametrize("data", [*REQUESTS, b"".join(REQUESTS)], ids=range(len(REQUESTS) + 1))
def test_where_the_bytes_are_cut_changes_nothing(data: bytes) -> None:
    whole = Harness().feed(data)
    assert len(whole.taken) == data.count(b"HTTP/1.1")
    assert whole.fault is None
    for cut in range(len(data)):
        harness = Harness().feed(data[:cut], data[cut:])
        assert harness.told() == whole.told()
        harness.close()
    assert Harness().feed(*(bytes([byte]) for byte in data)).told() == whole.told()


def test_an_unfinished_request_is_not_taken_and_leaves_nothing() -> None:
    for data in REQUESTS:
        for cut in range(len(data)):
            harness = Harness().feed(data[:cut])
            assert harness.taken == []
            assert harness.intake.is_midway == (cut > 0)
            harness.close()


@given(st.lists(st.sampled_from(PIECES) | st.binary(max_size=20), max_size=30), st.data())
@example([b"POST /", b" HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", b"f" * 40], None)
def test_garbage_ends_in_requests_or_a_refusal(pieces: list[bytes], data: st.DataObject | None) -> None:
    harness = Harness().feed(*pieces)
    whole = b"".join(pieces)
    cut = data.draw(st.integers(0, len(whole))) if data is not None else len(whole) // 2
    other = Harness().feed(whole[:cut], whole[cut:])
    assert other.told() == harness.told()
    assert (other.fault and other.fault.status) == (harness.fault and harness.fault.status)
    for arrived in harness.taken:
        assert len(arrived.body) <= BODY_MAX
        assert arrived.path.startswith("/") or arrived.path == "*"
        assert not any(c in value for value in arrived.headers.values() for c in "\r\n\0")
    harness.close()


@pytest.mark.parametrize("seed", range(20))
def test_bent_requests_never_break_the_intake(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(100):
        data = bytearray(b"".join(chance.choices(REQUESTS, k=3)))
        for _ in range(chance.randint(1, 6)):
            at = chance.randrange(len(data))
            match chance.randrange(3):
                case 0:
                    data[at] = chance.randrange(256)
                case 1:
                    del data[at : at + chance.randint(1, 10)]
                case _:
                    data[at:at] = chance.choice(PIECES)
        harness = Harness().feed(bytes(data))
        assert all(len(arrived.body) <= BODY_MAX for arrived in harness.taken)
        harness.close()


def test_a_trailer_is_no_header_of_any_request() -> None:
    harness = Harness().feed(REQUESTS[2] + REQUESTS[0])
    assert [arrived.headers.get("x-t") for arrived in harness.taken] == [None, None]


def test_the_parser_is_never_left_holding_more_than_a_head() -> None:
    for start in (b"GET /", b"GET / HTTP/1.1\r\nHost: h\r\nX: ", b"GET / HTTP/1.1\r\nHost: h\r\nX"):
        harness = Harness()
        fed = 0
        harness.feed(start)
        while harness.fault is None:
            harness.feed(b"a" * 1000)
            fed += 1000
            assert fed < 80_000
        assert harness.fault.status in (414, 431)


def test_waiting_for_continue_is_told_once_and_only_where_a_body_is_announced() -> None:
    assert Harness().feed(REQUESTS[5]).awaited == 0
    assert (
        Harness().feed(b"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello").awaited
        == 1
    )


@pytest.mark.parametrize(
    ("host", "detail"), [(b"", "no Host"), (b"Host: a b\r\n", "malformed Host"), (b"Host: h/x\r\n", "malformed Host")]
)
def test_an_absolute_target_excuses_no_wrong_host(host: bytes, detail: str) -> None:
    harness = Harness().feed(b"GET http://other/x HTTP/1.1\r\n" + host + b"\r\n")
    assert harness.fault is not None
    assert (harness.fault.status, harness.fault.detail) == (400, detail)


def test_the_host_of_an_absolute_target_is_as_well_formed_as_any() -> None:
    harness = Harness().feed(b"GET http://o:x/ HTTP/1.1\r\nHost: h\r\n\r\n")
    assert harness.fault is not None
    assert harness.fault.status == 400


@pytest.mark.parametrize(
    ("connection", "keeps"),
    [
        (b"keep-alive", True),
        (b"close", False),
        (b"keep-alive, close", False),
        (b"CLOSE\r\nConnection: Keep-Alive", False),
    ],
)
def test_who_says_close_is_not_kept_alive_in_the_old_version_either(connection: bytes, keeps: bool) -> None:
    harness = Harness().feed(b"GET / HTTP/1.0\r\nConnection: " + connection + b"\r\n\r\n" + REQUESTS[0])
    assert harness.taken[0].keeps_alive is keeps
    assert len(harness.taken) == 1 + keeps


@pytest.mark.parametrize(
    "last",
    [
        REQUESTS[6],
        b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close, Upgrade\r\nUpgrade: h2c\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: h\r\nConnection: close, Upgrade\r\nUpgrade: h2c\r\nContent-Length: 1\r\n\r\nx",
    ],
)
def test_nothing_is_taken_after_the_last_request(last: bytes) -> None:
    harness = Harness().feed(last + REQUESTS[0])
    assert len(harness.taken) == 1
    assert harness.intake.is_over
    harness.close()
