"""One connection: requests answered one after the other, in the order in which they came. Made by `listener`.

Feeds what arrives to its `Intake`, has one request at a time served, reads no further while a complete one waits, and writes. A
caller who leaves stops the writing, never the work: a publish runs to its end. There is no timer per connection: each has a
deadline, and the listener looks at all of them once a second. Knows no route and no dialect.
Sources: RFC 9112 (section 9 on connections: pipelining, closing); asyncio's transports and protocols.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from math import inf
from time import perf_counter
from typing import cast

import structlog

from tidings.server.intake import SLICE_BYTES, Arrived, Intake, Malformed
from tidings.server.refusal import Refusal
from tidings.server.reply import CONTINUE, LAST_CHUNK, as_chunk, as_plain_refusal
from tidings.server.shares import CONNECTIONS_MAX, Room, Share
from tidings.server.stream import Stream
from tidings.wire.clients import client_group

KEEP_ALIVE_S = 75.0
"""Longest wait for the next request: longer than the 60 s for which load balancers keep a connection."""
HEAD_PATIENCE_S = 30.0
"""A head that has begun must be complete by then, and a new connection must have begun one."""
BODY_STALL_S = 10.0
BODY_BYTES_MIN = 16 * 1024
"""A body must have grown by so much, or be complete, within each such time: a caller who is slower holds memory for nothing."""
WRITE_PATIENCE_S = 60.0
"""A client that takes nothing of its answer for so long is cut off."""
LINGER_S = 2.0
LINGER_BYTES_MAX = 64 * 1024 * 1024
"""How much is still read, and thrown away, after a refusal: closing with unread data would reset the connection, refusal and all."""

log = structlog.get_logger("tidings.server")


@dataclass(slots=True)
class ServerState:
    """What all connections of a server share. `serve` answers a request and never raises but CancelledError; `complain` makes an
    answer of a Malformed; `broken_off` is told of a request that ended before its end; `body_patience_s` is for a whole body.
    `client_of`: whose share a request's memory is; `is_proxy`: whether a peer is one that others call through."""

    serve: Callable[[Connection, Arrived], Coroutine[object, object, None]]
    complain: Callable[[Connection, Malformed], bytes]
    broken_off: Callable[[Connection, Arrived], None]
    body_bytes_max: int
    body_patience_s: float
    client_of: Callable[[Connection, Arrived], str]
    is_proxy: Callable[[str], bool]
    connections_max: int = CONNECTIONS_MAX
    room: Room = field(default_factory=Room)
    connections: set[Connection] = field(default_factory=set)
    is_closing: bool = False
    empty: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when `is_closing` and the last connection is gone."""

    def forget(self, connection: Connection) -> None:
        self.connections.discard(connection)
        if self.is_closing and not self.connections:
            self.empty.set()


class Connection(asyncio.Protocol):
    """One client. `deadline` is on perf_counter's clock."""

    __slots__ = (
        "_current",
        "_discarded",
        "_fault",
        "_has_eof",
        "_head_begun",
        "_intake",
        "_is_closing",
        "_is_lost",
        "_is_paused",
        "_is_stalled",
        "_loop",
        "_mark_at",
        "_mark_bytes",
        "_marked",
        "_owes_continue",
        "_rest",
        "_share",
        "_state",
        "_task",
        "_transport",
        "_waiting",
        "_writable",
        "deadline",
        "peer",
    )

    def __init__(self, state: ServerState, loop: asyncio.AbstractEventLoop) -> None:
        self._state = state
        self._loop = loop
        self._intake = Intake(self, state.room, state.body_bytes_max)
        self._current: Arrived | None = None
        self._task: asyncio.Task[None] | None = None
        self._waiting: deque[Arrived] = deque()
        self._rest = b""  # read, not parsed: a complete request waits
        self._fault: Malformed | None = None  # told after the requests before it are answered
        self._owes_continue = False
        self._head_begun = False
        self._has_eof = False
        self._is_paused = False  # we read no more
        self._is_stalled = False  # the client takes no more
        self._is_closing = False
        self._is_lost = False
        self._discarded = 0
        self._share: Share | None = None
        self._marked: Arrived | None = None  # the request whose body's pace is being watched
        self._mark_at = 0.0
        self._mark_bytes = 0
        self._writable: asyncio.Future[None] | None = None  # what a stream waits for
        self.deadline = inf
        self.peer = ""

    # --- called by the transport ---------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance
        self.peer = _address(transport.get_extra_info("peername"))
        self.deadline = perf_counter() + min(KEEP_ALIVE_S, HEAD_PATIENCE_S)
        state = self._state
        state.connections.add(self)
        self._share = state.room.share(client_group(self.peer))
        refusal = state.room.admit(self._share, state.connections_max, is_proxy=state.is_proxy(self.peer))
        if refusal is not None:
            self._transport.write(as_plain_refusal(refusal))
            self._finish(lingers=True)

    def data_received(self, data: bytes) -> None:
        if self._is_closing:
            self._discarded += len(data)
            if self._discarded > LINGER_BYTES_MAX:
                self._transport.abort()
        elif self._is_paused:
            self._rest += data  # TLS may still hand out what it had decrypted
        else:
            self._feed(data)
            if self._current is None:
                self._proceed()

    def eof_received(self) -> bool:
        self._has_eof = True
        if self._is_closing or self._current is None:
            return False
        return self._transport.can_write_eof()  # not over TLS, where the transport closes whatever we say

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_lost = self._is_closing = True
        arrived = self._intake.arrived
        if arrived is not None:
            self._state.broken_off(self, arrived)
        self._intake.close()
        for waiting in self._waiting:
            self._state.room.release(len(waiting.body), waiting.counted)
        self._waiting.clear()
        self._rest = b""
        self._wake()
        if self._share is not None:
            self._state.room.leave(self._share)
            self._share = None
        if self._current is None:
            self._state.forget(self)

    def pause_writing(self) -> None:
        self._is_stalled = True
        self.deadline = perf_counter() + WRITE_PATIENCE_S

    def resume_writing(self) -> None:
        self._is_stalled = False
        self._wake()
        if self._is_closing:
            return
        if self._current is None:
            self._proceed()
        else:
            self.deadline = inf

    # --- called by the intake ------------------------------------------------------------------------------------------

    def take(self, arrived: Arrived) -> None:
        self._head_begun = self._owes_continue = False
        if self._current is None and not self._waiting and not self._is_stalled:
            self._begin(arrived)
        else:
            self._waiting.append(arrived)
            self._pause()

    def share_of(self, arrived: Arrived) -> Share:
        return self._state.room.share(self._state.client_of(self, arrived))

    def is_awaited(self) -> None:
        self._owes_continue = True  # told when everything before is answered, see _proceed

    # --- called by the server ------------------------------------------------------------------------------------------

    def will_close(self, arrived: Arrived) -> bool:
        """The answer to this request is the last one here."""
        return not arrived.keeps_alive or self._state.is_closing

    def send(self, data: bytes) -> bool:
        """Write an answer, or its head. False when nobody is there any more."""
        if self._is_lost:
            return False
        self._transport.write(data)
        return True

    async def send_stream(self, head: bytes, stream: Stream, *, is_chunked: bool) -> bool:
        """Write an answer at the client's pace. False when the client left before its end. Raises what the stream raises."""
        if not self.send(head + (as_chunk(stream.beginning) if is_chunked else stream.beginning)):
            return False
        async for chunk in stream:
            if self._is_stalled and not self._is_lost:
                self._writable = self._loop.create_future()
                await self._writable
            if chunk and not self.send(as_chunk(chunk) if is_chunked else chunk):
                return False
            await asyncio.sleep(0)  # an iterator over what is in memory would keep everybody else waiting
        return self.send(LAST_CHUNK if is_chunked else b"")

    def answered(self, arrived: Arrived, *, closes: bool) -> None:
        """The request is done with; on to the next."""
        self._state.room.release(len(arrived.body), arrived.counted)
        self._current = self._task = self._marked = None
        if self._is_lost:
            self._state.forget(self)
        elif closes:
            self._finish(lingers=arrived.refusal is not None or self._is_paused)
        else:
            self._proceed()

    def abort(self) -> None:
        """End it now, so that nobody takes the half that was sent for the whole."""
        if not self._is_lost:
            self._transport.abort()

    # --- called by the listener ----------------------------------------------------------------------------------------

    def expire(self) -> None:
        """The deadline has passed."""
        if self._is_closing or self._is_stalled:
            self._transport.abort()
        elif self._intake.arrived is not None:
            self._intake.give_up(Refusal(408, "the request's body did not arrive in time"))
        elif self._head_begun:
            self._fault = Malformed(408, "the request's head did not arrive in time")
            self._proceed()
        else:
            self._finish()

    def wind_up(self) -> None:
        """The server is stopping: end what is idle now; the rest ends when it is answered."""
        if self._current is None and not self._is_closing and not self._intake.is_midway:
            self._finish()

    def cut_off(self) -> None:
        """The server's patience is over: end the work too, which may still answer."""
        if self._task is not None:
            self._task.cancel()
        else:
            self.abort()

    # --- within --------------------------------------------------------------------------------------------------------

    def _begin(self, arrived: Arrived) -> None:
        self._current = arrived
        self.deadline = inf
        self._task = self._loop.create_task(self._state.serve(self, arrived))

    def _feed(self, data: bytes) -> None:
        intake = self._intake
        try:
            if len(data) <= SLICE_BYTES:
                intake.feed(data)
                return
            view = memoryview(data)
            for start in range(0, len(data), SLICE_BYTES):
                intake.feed(view[start : start + SLICE_BYTES])
                if intake.is_over:
                    return
                if self._waiting:
                    self._rest = data[start + SLICE_BYTES :]
                    return
        except Malformed as fault:
            self._fault = fault
        except Exception:
            log.exception("a connection failed", remote=self.peer)
            self._is_closing = True
            self._transport.abort()

    def _proceed(self) -> None:
        """Nothing is being answered: what comes next?"""
        while self._current is None and not self._is_closing and not self._is_stalled:
            if self._waiting:
                self._begin(self._waiting.popleft())
            elif self._fault is not None:
                self.send(self._state.complain(self, self._fault))
                self._finish(lingers=True)
            elif self._rest:
                rest, self._rest = self._rest, b""
                self._feed(rest)
            elif self._has_eof or (self._state.is_closing and not self._intake.is_midway):
                self._finish()
            else:
                self._await_more()
                return

    def _await_more(self) -> None:
        """Read on, and set how long we wait for it."""
        if self._is_paused:
            self._is_paused = False
            self._transport.resume_reading()
        intake = self._intake
        if intake.arrived is not None:
            self._watch_pace(intake.arrived)
            if self._owes_continue:
                self._owes_continue = False
                self._transport.write(CONTINUE)
        elif intake.quiet_bytes == 0:
            self._head_begun = False
            self.deadline = perf_counter() + KEEP_ALIVE_S
        elif not self._head_begun:
            self._head_begun = True
            self.deadline = perf_counter() + HEAD_PATIENCE_S

    def _watch_pace(self, arrived: Arrived) -> None:
        """Set the deadline of a body that is on its way."""
        size = self._intake.size
        if self._marked is not arrived or size - self._mark_bytes >= BODY_BYTES_MIN:
            self._marked, self._mark_at, self._mark_bytes = arrived, perf_counter(), size
        self.deadline = min(arrived.started + self._state.body_patience_s, self._mark_at + BODY_STALL_S)

    def _pause(self) -> None:
        if not self._is_paused:
            self._is_paused = True
            self._transport.pause_reading()

    def _finish(self, *, lingers: bool = False) -> None:
        """Close after what is written has left. lingers: the client may still be sending, and has to read our answer."""
        self._is_closing = True
        self.deadline = perf_counter() + WRITE_PATIENCE_S
        if self._transport.is_closing():
            return  # aborted, or the client's TLS said goodbye
        if lingers and not self._has_eof and self._transport.can_write_eof():
            self._transport.write_eof()
            if self._is_paused:
                self._is_paused = False
                self._transport.resume_reading()
            self.deadline = perf_counter() + LINGER_S
        else:
            self._transport.close()

    def _wake(self) -> None:
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None


def _address(peername: object) -> str:
    """The caller's address as text: IPv4 as such on a socket that speaks both, and no zone."""
    if not isinstance(peername, tuple) or not peername:
        return ""
    address = str(peername[0]).partition("%")[0]
    return address[7:] if address.startswith("::ffff:") and "." in address else address
