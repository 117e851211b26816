"""Our server's reading of requests beside that of h11, a strict parser that is not ours: the same bytes, cut anywhere.

Both must see the same requests (method, target, headers, body), refuse at the same one, and agree on whether the connection goes on.
Where two readers of the same bytes see different requests, somebody smuggles one past the other. `DIFFERENCES` names every
disagreement that is meant, with its reason; any other fails, and names the seed that shows it again.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import h11
import pytest
from tests.integration.http_cases import Maker, cut

from tidings.server.connection import Connection, ServerState
from tidings.server.intake import Arrived, Malformed

CASES = 8_000
CASES_LONG = 300_000


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    is_old: bool


@dataclass
class Reading:
    """What one of the two made of the bytes. end: `open` (the next request may come), `midway` (within one), `closed` (by the wish of the
    last request), `refused`; why: the refusal in words."""

    requests: list[Request] = field(default_factory=list)
    end: str = "open"
    why: str = ""


# --- ours ------------------------------------------------------------------------------------------------------------------


class Transport(asyncio.Transport):
    """Takes what is written and does nothing else."""

    def __init__(self) -> None:
        super().__init__({"peername": ("192.0.2.1", 50_000)})
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        pass

    def write_eof(self) -> None:
        self.closed = True

    def can_write_eof(self) -> bool:
        return True

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


async def ours(chunks: list[bytes]) -> Reading:
    reading, transport = Reading(), Transport()

    async def serve(connection: Connection, arrived: Arrived) -> None:
        if arrived.refusal is not None:
            reading.end, reading.why = "refused", f"{arrived.refusal.status} {arrived.refusal.detail}"
        else:
            reading.requests.append(
                Request(
                    arrived.method, arrived.path, arrived.query, dict(arrived.headers), arrived.body, arrived.is_old
                )
            )
        connection.answered(arrived, closes=connection.will_close(arrived))

    def complain(_: Connection, fault: Malformed) -> bytes:
        reading.end, reading.why = "refused", f"{fault.status} {fault.detail}"
        return b""

    state = ServerState(
        serve=serve,
        complain=complain,
        broken_off=lambda *_: None,
        body_bytes_max=1_000_000,
        body_patience_s=60.0,
        client_of=lambda *_: "192.0.2.1",
        is_proxy=lambda _: False,
    )
    connection = Connection(state, asyncio.get_running_loop())
    connection.connection_made(transport)
    for chunk in chunks:
        connection.data_received(chunk)
    before = -1
    while before != len(reading.requests):  # each turn of the loop serves one
        before = len(reading.requests)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    for request in reading.requests:
        if "transfer-encoding" in request.headers:  # h11 tells it in lower case
            request.headers["transfer-encoding"] = request.headers["transfer-encoding"].lower()
    if reading.end == "open" and transport.closed:
        reading.end = "closed"
    elif reading.end == "open":
        connection.wind_up()  # closes at once what is between two requests
        reading.end = "open" if transport.closed else "midway"
    connection.connection_lost(None)
    return reading


# --- theirs ----------------------------------------------------------------------------------------------------------------


def theirs(chunks: list[bytes]) -> Reading:
    reading = Reading()
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=64 * 1024)
    request: h11.Request | None = None
    body = b""
    try:
        for chunk in chunks:
            connection.receive_data(chunk)
            while True:
                event = connection.next_event()
                if event is h11.NEED_DATA or event is h11.PAUSED:
                    break
                if isinstance(event, h11.Request):
                    request, body = event, b""
                elif isinstance(event, h11.Data):
                    body += event.data
                elif isinstance(event, h11.EndOfMessage):
                    assert request is not None
                    reading.requests.append(_as_ours(request, body))
                    connection.send(h11.Response(status_code=400, headers=[("content-length", "0")]))
                    connection.send(h11.EndOfMessage())
                    if connection.our_state is not h11.DONE:
                        reading.end = "closed"
                        return reading
                    connection.start_next_cycle()
    except h11.RemoteProtocolError as error:
        reading.end, reading.why = "refused", str(error)
        return reading
    idle = connection.their_state is h11.IDLE and not connection.trailing_data[0]
    reading.end = "open" if idle else "midway"
    return reading


def _as_ours(request: h11.Request, body: bytes) -> Request:
    """With the headers of one name joined, and the target taken apart as `WireRequest` says."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in request.headers:
        name = raw_name.decode("ascii")
        try:
            value = raw_value.decode()
        except UnicodeDecodeError:
            value = raw_value.decode("latin-1")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    target = request.target.decode("ascii")
    absolute = re.fullmatch(r"(?i:https?)://([^/?#]*)(.*)", target)
    if absolute is not None:
        headers["host"] = absolute[1]
        target = absolute[2] if absolute[2].startswith("/") else f"/{absolute[2]}"
    path, _, query = target.partition("?")
    return Request(request.method.decode("ascii"), unquote(path), query, headers, body, request.http_version == b"1.0")


# --- what is meant to differ -----------------------------------------------------------------------------------------------


@dataclass
class Apart:
    """Where the two readings part: after `shared` equal requests one goes on and the other does not."""

    shared: list[Request]
    ours: Reading
    theirs: Reading

    @property
    def we_refuse(self) -> str:
        """Our refusal, where they take a request, wait for more of it, or ended after the last one."""
        stopped = self.ours.end == "refused" and len(self.ours.requests) == len(self.shared)
        return self.ours.why if stopped and self.theirs_is_not("refused") else ""

    @property
    def they_refuse(self) -> str:
        stopped = self.theirs.end == "refused" and len(self.theirs.requests) == len(self.shared)
        return self.theirs.why if stopped and not self.we_refuse else ""

    def theirs_is_not(self, end: str) -> bool:
        return len(self.theirs.requests) > len(self.shared) or self.theirs.end != end

    @property
    def last(self) -> Request | None:
        return self.shared[-1] if self.shared else None


def _refusal(pattern: str) -> Callable[[Apart], bool]:
    return lambda apart: re.fullmatch(pattern, apart.we_refuse) is not None


def _closes_for(apart: Apart) -> bool:
    last, ended = apart.last, apart.ours.end == "closed" and len(apart.ours.requests) == len(apart.shared)
    return ended and last is not None and "close" in last.headers.get("proxy-connection", "")


def _keeps_old(apart: Apart) -> bool:
    last = apart.last
    options = "" if last is None else last.headers.get("connection", "").lower()
    return (
        last is not None
        and last.is_old
        and "keep-alive" in options
        and "close" not in options
        and apart.theirs.end == "closed"
        and len(apart.theirs.requests) == len(apart.shared)
    )


def _they_refuse(pattern: str) -> Callable[[Apart], bool]:
    return lambda apart: re.fullmatch(pattern, apart.they_refuse, re.DOTALL) is not None


@dataclass(frozen=True)
class Difference:
    name: str
    reason: str
    holds: Callable[[Apart], bool]


_MALFORMED = "400 malformed request: "
DIFFERENCES = (
    # We refuse what h11 takes: stricter, so nothing passes us that another reader would see otherwise.
    Difference("method", "405: llhttp knows a list of methods, and we are no proxy (CONNECT)", _refusal("405 .*")),
    Difference("host", "400: h11 looks only whether there is one", _refusal("400 (malformed Host|more than one Host)")),
    Difference("target", "400: h11 takes any printable characters", _refusal("400 malformed request target")),
    Difference(
        "version",
        "400 or 505: h11 takes any two digits for 1.1",
        _refusal(
            f"505 .*|{_MALFORMED}(Invalid HTTP version|Expected (HTTP/2 Connection Preface|HTTP/, RTSP/ or ICE/))"
        ),
    ),
    Difference(
        "end of the request line", "400: h11 takes a bare LF", _refusal(f"{_MALFORMED}Expected CRLF after version")
    ),
    Difference(
        "end of a header",
        "400: h11 takes a bare LF and unfolds folded values (RFC 9112, 2.2 and 5.2 leave both to us)",
        _refusal(f"{_MALFORMED}(Missing expected (CR|LF) after header value|Unexpected whitespace after header value)"),
    ),
    Difference("header value", "400: h11 takes control characters", _refusal(f"{_MALFORMED}Invalid header value char")),
    Difference(
        "header name",
        "400: h11 takes some lines that begin with a blank for a folded value",
        _refusal(f"{_MALFORMED}Invalid header (field char|token)"),
    ),
    Difference(
        "length",
        "400: h11 takes equal lengths said twice (RFC 9110, 8.6 lets us refuse)",
        _refusal(f"{_MALFORMED}((Duplicate|Empty) Content-Length|Invalid character in Content-Length)"),
    ),
    Difference(
        "length and coding",
        "400: h11 lets the coding win (RFC 9112, 6.1 lets us refuse); llhttp looks at trailers, too",
        _refusal(f"{_MALFORMED}(Content-Length can't be present with Transfer-Encoding|Transfer-Encoding can't be .*)"),
    ),
    Difference(
        "coding",
        "400: of HTTP/1.0 it is none (RFC 9112, 6.1), and h11 chunks all the same; llhttp looks at trailers, too",
        _refusal(f"400 no transfer coding but .*|{_MALFORMED}(Invalid|Request has invalid) `Transfer-Encoding`.*"),
    ),
    Difference(
        "chunk",
        "400: h11 takes blanks, bare LF and anything in extensions, and sizes of more than 64 bits",
        _refusal(f"{_MALFORMED}(Invalid character in chunk .*|Expected LF after chunk size|Chunk size overflow)"),
    ),
    Difference("expectation", "417: h11 ignores others than 100-continue", _refusal("417 .*")),
    Difference("size", "413: h11 leaves the length of a body to its caller", _refusal("413 .*")),
    Difference(
        "close in a trailer",
        "400 for the next request: llhttp obeys a Connection that must not stand there",
        _refusal(f"{_MALFORMED}Data after `Connection: close`"),
    ),
    # We go on where h11 does not, or the other way round; both see the same requests as long as they go on.
    Difference("1.0 kept alive", "h11 closes after each request of HTTP/1.0", _keeps_old),
    Difference("Proxy-Connection", "llhttp closes for it; closing is always allowed", _closes_for),
    Difference(
        "empty lines",
        "CR and LF before a request line are skipped (RFC 9112, 2.2 wants CRLF skipped); h11 refuses",
        _they_refuse(r"no request line received|illegal request line|illegal request line: bytearray\(b'\\[rn].*"),
    ),
    Difference(
        "name of the protocol",
        "llhttp reads RTSP/1.0 and ICE/1.0 as HTTP/1.0, and does not tell us: the same request, answered as HTTP",
        _they_refuse(r"illegal request line: bytearray\(b['\"]\S+ +\S+ +(RTSP|ICE)/1\.[01]['\"]\)"),
    ),
    Difference(
        "zeroes before a chunk's size",
        "h11 takes twenty digits, llhttp as many as a number of 64 bits needs behind them",
        _they_refuse(r"illegal chunk header: bytearray\(b'0[0-9a-fA-F]{20}.*"),
    ),
    Difference(
        "blanks in the request line",
        "several are taken for one (RFC 9112, 3 allows it); h11 refuses",
        _they_refuse(r"illegal request line: bytearray\(b['\"]\S+ (?: +\S+ +| *\S+  +)HTTP/1\.[01]['\"]\)"),
    ),
)


def compare(mine: Reading, other: Reading) -> str:
    """The name of the difference that is meant, empty where there is none. Fails for any other."""
    shared = []
    for one, another in zip(mine.requests, other.requests, strict=False):
        assert one == another
        shared.append(one)
    apart = Apart(shared, mine, other)
    if len(mine.requests) == len(other.requests) and mine.end == other.end:
        return ""
    for difference in DIFFERENCES:
        if difference.holds(apart):
            return difference.name
    raise AssertionError(f"ours: {mine.end} {mine.why}; theirs: {other.end} {other.why}")


async def run(seeds: range) -> Counter[str]:
    """Compare the cases of these seeds; how often which difference was met, and `""` where there was none."""
    met: Counter[str] = Counter()
    for seed in seeds:
        chance = random.Random(seed)
        data = Maker(chance).case()
        chunks = cut(chance, data)
        try:
            mine = await ours(chunks)
            met[compare(mine, theirs(chunks))] += 1
            whole = await ours([data])
            assert (whole.requests, whole.end) == (mine.requests, mine.end), "the cut matters"
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}\n{data!r}") from error
    return met


async def test_both_read_the_same_requests() -> None:
    met = await run(range(CASES))
    assert met[""] > CASES * 0.75, met


@pytest.mark.slow
@pytest.mark.timeout(1_200)
async def test_both_read_the_same_requests_in_many_cases() -> None:
    met = await run(range(CASES, CASES + CASES_LONG))
    assert met.keys() == {"", *(difference.name for difference in DIFFERENCES)}, "a difference that is none any more"
