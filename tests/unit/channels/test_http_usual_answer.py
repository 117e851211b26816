"""A connection knows an answer that it has read before by its octets. Nothing may tell it from one that reads each answer anew."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st
from tests.support.outgoing import make_outgoing
from tests.support.permits import permit_all

from tidings.channels.http import connection as connection_module
from tidings.channels.http.connection import Connection
from tidings.channels.http.request import Attempt
from tidings.domain.envelope import HttpContent
from tidings.domain.outcomes import Outcome

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
ANSWERS = (
    OK,
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n" + OK,
    b"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n" + b"x" * 2000,
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    b"HTTP/1.1 503 Wait\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n\r\nuntil the end",
    OK + b"more than was asked for",
    b"nothing of the kind",
)


class Counting(Connection):
    """Counts the heads that its parser has read."""

    heads = 0

    def on_headers_complete(self) -> None:
        self.heads += 1
        super().on_headers_complete()


class Watched:
    """A connection without a socket, and all that can be seen of it. It is its own transport, lane, and list of outcomes."""

    def __init__(self) -> None:
        self.seen: list[object] = []
        self.connection = Counting(self, permit_all, self)  # type: ignore[arg-type]
        self.connection.connection_made(self)  # type: ignore[arg-type]

    def ask(self, answer: bytes, cut: int) -> None:
        """Send a request and get the answer, in one piece or two."""
        if self.connection.busy or not self.connection.usable():
            return  # a lane asks nothing of such a one
        deadline = asyncio.get_running_loop().time() + 60
        outgoing = make_outgoing(HttpContent(b"", b"body"), "http://h/", "http")
        self.connection.start(Attempt(outgoing, lambda *_: None, b"POST / HTTP/1.1\r\n", deadline))
        for piece in (answer[:cut], answer[cut:]):
            if piece:
                self.connection.data_received(piece)
        self.seen.append(self.connection.busy)

    def add(self, attempt: Attempt, outcome: Outcome) -> None:
        self.seen.append(outcome)

    def free(self, connection: Connection) -> None:
        self.seen.append("free")

    def answered(self) -> None:
        self.seen.append("answered")

    def unanswered(self) -> None:
        self.seen.append("unanswered")

    def write(self, data: bytes) -> None: ...

    def abort(self) -> None:
        self.seen.append("aborted")

    def is_closing(self) -> bool:
        return "aborted" in self.seen


@given(st.lists(st.tuples(st.sampled_from(ANSWERS[:6] + ANSWERS), st.sampled_from([0, 0, 0, 10, 40])), max_size=12))
def test_what_is_known_means_what_it_meant(answers: list[tuple[bytes, int]]) -> None:
    async def seen(bytes_max: int) -> list[object]:
        connection_module.USUAL_BYTES_MAX = bytes_max
        watched = Watched()
        for answer, cut in answers:
            watched.ask(answer, cut)
        return watched.seen

    usual = connection_module.USUAL_BYTES_MAX
    try:
        assert asyncio.run(seen(usual)) == asyncio.run(seen(0))
    finally:
        connection_module.USUAL_BYTES_MAX = usual


async def test_an_answer_seen_before_is_not_parsed_again() -> None:
    watched = Watched()
    for _ in range(4):
        watched.ask(OK, 0)
    assert watched.connection.heads == 1
    assert watched.seen.count("free") == 4
