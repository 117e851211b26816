"""One connection to an SMSC: reads PDUs, answers requests, writes texts as far as the window goes.

Made by `bind` for each connection, anew after every loss. Whatever comes in, a session ends at worst itself: the bind makes another one.
Never decides who gets which text; it asks its `SessionOwner`. Source: SMPP 3.4 sections 2.2, 2.7 (window), 4.
"""

from __future__ import annotations

import asyncio
import enum
import socket
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Protocol, cast

import structlog

from tidings.channels.sms.text import LOST, Text, Timing
from tidings.domain.envelope import Permit, TextContent
from tidings.domain.outcomes import Refused, RetryLater
from tidings.wire.smpp import pdu, statuses
from tidings.wire.smpp.addresses import sender
from tidings.wire.smpp.pdu import Intake, Malformed, Pdu
from tidings.wire.smpp.url import BindKind, SmppUrl

UNSENT_OCTETS_MAX = 1 << 20
"""An SMSC that does not read what we answer is left."""
SOURCES_MAX = 1_000
"""Senders remembered as octets."""
_NEEDS_NO_ANSWER = frozenset({pdu.OUTBIND, pdu.ALERT_NOTIFICATION})

_log = structlog.get_logger(__name__)

Answer = Callable[[int], None]
"""Writes the response with this status, if the connection still stands."""


class SessionOwner(Protocol):
    """What a session needs of its channel."""

    permit: Permit

    def next_text(self, source: str) -> Text | None:
        """The next one that a bind with this number may send."""
        ...

    def began(self, text: Text) -> None:
        """The first parts of a text are about to be written."""
        ...

    def said(self, url: SmppUrl, request: Pdu, answer: Answer) -> None:
        """A deliver_sm came."""
        ...

    def moved(self) -> None:
        """Nothing is on its way here any more, or a bind can take texts again, or no longer."""
        ...


class Stage(enum.Enum):
    OPEN = "open"
    BOUND = "bound"
    LEAVING = "leaving"  # an unbind was said; what was written may still be answered
    CLOSED = "closed"


class Session(asyncio.Protocol):
    def __init__(self, url: SmppUrl, owner: SessionOwner, timing: Timing, *, wants_receipts: bool) -> None:
        loop = asyncio.get_running_loop()
        self.stage = Stage.OPEN
        self._received_at = loop.time()
        self.lost: asyncio.Future[None] = loop.create_future()
        self.problem = "the SMSC closed the connection"
        self._url = url
        self._owner = owner
        self._timing = timing
        self._wants_receipts = wants_receipts
        self._is_dismissed = False
        self._loop = loop
        self._intake = Intake()
        self._transport: asyncio.Transport | None = None
        self._sequence = 0
        self._in_flight: dict[int, tuple[Text, int]] = {}
        self._begun: deque[Text] = deque()  # with parts still to write
        self._frames: list[bytes] = []
        self._is_gathering = False  # whether somebody gathers frames and will write them
        self._will_flush = False
        self._asked: dict[int, tuple[int, asyncio.Future[int]]] = {}  # by sequence: the response wanted
        self._sources: dict[str, bytes] = {}
        self._pause_s = 0.0
        self._is_paused = False

    # --- the connection -----------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance
        self._transport.set_write_buffer_limits(high=UNSENT_OCTETS_MAX)
        line = transport.get_extra_info("socket")
        if line is not None:
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def pause_writing(self) -> None:
        self.abort("the SMSC does not read")

    def data_received(self, data: bytes) -> None:
        self._received_at = self._loop.time()
        self._is_gathering = True  # answers, too, go out at once, at the end
        try:
            for request in self._intake.feed(data):
                self._take(request)
        except Malformed as exc:
            self._frames.append(pdu.pdu(pdu.GENERIC_NACK, 0, status=statuses.INVALID_LENGTH))
            self.flush()
            self.abort(f"the SMSC sent {exc}")
        except Exception as exc:  # noqa: BLE001 - a bug must cost neither the process nor the other binds
            _log.error("session failed", bind=self._url.name, exc_info=exc)
            self.abort(f"internal: {type(exc).__name__}")
        finally:
            self._is_gathering = False
        self.pump()

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None and self.stage is not Stage.CLOSED:
            self.problem = str(exc) or type(exc).__name__
        self.stage = Stage.CLOSED
        texts = [text for text, _ in self._in_flight.values()] + list(self._begun)
        self._in_flight.clear()
        self._begun.clear()
        for _, answer in self._asked.values():
            if not answer.done():
                answer.set_exception(ConnectionError(self.problem))
        if not self.lost.done():
            self.lost.set_result(None)
        for text in texts:
            text.end(LOST)
        self._owner.moved()

    def abort(self, problem: str) -> None:
        """Leave at once; what was not answered is repeated later."""
        if self.stage is not Stage.CLOSED:
            self.stage = Stage.CLOSED
            self.problem = problem
        if self._transport is not None:
            self._transport.abort()

    def flush(self) -> None:
        """Write what was gathered."""
        if self._frames and self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"".join(self._frames))
        self._frames.clear()

    # --- requests of ours ----------------------------------------------------------------------------------------------

    async def bind(self) -> int:
        """The status of the SMSC's answer; OK: texts may go. Raises TimeoutError, ConnectionError when it is lost before."""
        sequence = self._next_sequence()
        status = await self._ask(pdu.BINDS[self._url.bind], sequence, pdu.bind(sequence, self._url))
        if status == statuses.OK and self.stage is Stage.OPEN:
            self.stage = Stage.BOUND
        return status

    async def unbind(self) -> None:
        """Say good-bye and close. What has not been answered by then is repeated later."""
        if self.stage in (Stage.BOUND, Stage.LEAVING):
            self.stage = Stage.LEAVING
            sequence = self._next_sequence()
            with suppress(TimeoutError, ConnectionError):
                await self._ask(pdu.UNBIND, sequence, pdu.pdu(pdu.UNBIND, sequence))
        self._close()

    async def enquire(self) -> None:
        """Ask whether the SMSC is there. Raises TimeoutError when it says nothing at all, ConnectionError when it goes."""
        asked_at = self._loop.time()
        sequence = self._next_sequence()
        try:
            await self._ask(pdu.ENQUIRE_LINK, sequence, pdu.pdu(pdu.ENQUIRE_LINK, sequence))
        except TimeoutError:
            if self._received_at < asked_at:
                raise

    async def _ask(self, command: int, sequence: int, octets: bytes) -> int:
        answer: asyncio.Future[int] = self._loop.create_future()
        self._asked[sequence] = (command | pdu.RESPONSE, answer)
        try:
            self._frames.append(octets)
            self.flush()
            async with asyncio.timeout(self._timing.answer):
                return await answer
        finally:
            del self._asked[sequence]

    def _next_sequence(self) -> int:
        self._sequence = self._sequence % pdu.SEQUENCE_MAX + 1
        return self._sequence

    # --- texts -----------------------------------------------------------------------------------------------------------

    @property
    def can_submit(self) -> bool:
        return self.stage is Stage.BOUND and self._url.bind is not BindKind.RECEIVER

    @property
    def in_flight(self) -> int:
        return len(self._in_flight)

    @property
    def is_idle(self) -> bool:
        """Whether no text is on its way that still waits for an outcome."""
        return not self._begun and all(text.done for text, _ in self._in_flight.values())

    def pump(self) -> None:
        """Start as many texts as the window has room for, and write them at once.

        Nothing while octets are gathered: whoever gathers them pumps or writes afterwards. A text that is settled here at once (blocked,
        refused) tells its owner, who may pump again: that call returns, and the loop here takes what it would have taken.
        """
        if self._is_gathering:
            return
        self._is_gathering = True
        try:
            while self.start_next():
                pass
        finally:
            self._is_gathering = False
        self.flush()

    def start_next(self) -> bool:
        """Write parts of the next text, as many as the window takes; False: nothing can be started. The caller flushes."""
        room = self._url.window - len(self._in_flight)
        if not self.can_submit or room <= 0 or self._is_paused:
            return False
        text = self._begun.popleft() if self._begun else self._owner.next_text(self._url.source)
        if text is None:
            return False
        try:
            self._start(text, room)
        except Exception as exc:  # noqa: BLE001 - a bug must cost neither the text nor the bind
            _log.error("text failed", message=text.outgoing.message.id, exc_info=exc)
            text.end(RetryLater(f"internal: {type(exc).__name__}"))
        return True

    def _start(self, text: Text, room: int) -> None:
        if text.done:
            return
        # Asked for each run of parts: a STOP may come while the rest waits for room.
        refusal = self._owner.permit(text.outgoing)
        if refusal is not None:
            text.end(refusal)
        elif text.parts or self._begin(text):
            self._write_parts(text, room)

    def _begin(self, text: Text) -> bool:
        content, source = text.content, self._url.source
        try:
            text.begin(
                self._source(content.sender or source),
                self._url,
                self._loop.time() + text.outgoing.timeout_s,
                wants_receipts=self._wants_receipts,
            )
        except ValueError as exc:
            text.end(Refused(str(exc)))
            return False
        if source and not content.sender:
            # So that whoever handed it over sees from which number it went.
            text.outgoing.content = TextContent(content.text, source, content.sms_type)
        self._owner.began(text)
        return True

    def _source(self, name: str) -> bytes:
        octets = self._sources.get(name)
        if octets is None:
            octets = sender(name).octets()
            if len(self._sources) >= SOURCES_MAX:
                self._sources.clear()
            self._sources[name] = octets
        return octets

    def _write_parts(self, text: Text, room: int) -> None:
        todo, parts = text.todo, text.parts
        while todo and room > 0:
            part = todo.popleft()
            room -= 1
            sequence = self._next_sequence()
            self._in_flight[sequence] = (text, part)
            self._frames.append(
                pdu.submit_sm(sequence, text.source, text.destination, parts[part], receipt=self._wants_receipts)
            )
        if todo:
            self._begun.appendleft(text)

    def expire(self, now: float) -> None:
        """Give up texts whose time is over; their places in the window are free again."""
        late = [(sequence, text) for sequence, (text, _) in self._in_flight.items() if text.deadline <= now]
        for sequence, text in late:
            self._in_flight.pop(sequence, None)
            text.end(RetryLater(f"no answer from the SMSC within {_seconds(text)}; the text may arrive twice"))
        for text in [text for text in self._begun if text.done or text.deadline <= now]:
            self._begun.remove(text)
            text.end(RetryLater(f"the SMSC took only a part of the text within {_seconds(text)}"))
        if late:
            self.pump()
            self._owner.moved()

    # --- what the SMSC says ------------------------------------------------------------------------------------------------

    def _take(self, request: Pdu) -> None:
        command = request.command
        if command == pdu.SUBMIT_SM | pdu.RESPONSE:
            self._submitted(request.sequence, request.status, request.body)
        elif command == pdu.DELIVER_SM:
            self._owner.said(self._url, request, partial(self._answer, request))
        elif command == pdu.ENQUIRE_LINK:
            self._answer(request, statuses.OK)
        elif command == pdu.UNBIND:
            self._answer(request, statuses.OK)
            self._leave()
        elif command & pdu.RESPONSE:
            self._responded(request)
        elif command not in _NEEDS_NO_ANSWER:
            self._frames.append(pdu.pdu(pdu.GENERIC_NACK, request.sequence, status=statuses.INVALID_COMMAND))

    def _answer(self, request: Pdu, status: int) -> None:
        if self.stage is not Stage.CLOSED:
            self._frames.append(pdu.response(request, status))
            if not self._is_gathering and not self._will_flush:
                self._will_flush = True
                self._loop.call_soon(self._flush_answers)  # what was received together is answered in one write

    def _flush_answers(self) -> None:
        self._will_flush = False
        self.flush()

    def _responded(self, response: Pdu) -> None:
        is_nack = response.command == pdu.GENERIC_NACK
        expected, answer = self._asked.get(response.sequence, (0, None))
        if answer is not None and (is_nack or response.command == expected):
            if not answer.done():
                answer.set_result(_refusal(response.status) if is_nack else response.status)
        elif is_nack and response.sequence in self._in_flight:
            self._submitted(response.sequence, _refusal(response.status), b"")

    def _submitted(self, sequence: int, status: int, body: bytes) -> None:
        text, part = self._in_flight.pop(sequence, (None, 0))
        if text is None:
            return  # given up before, or never asked
        if status in statuses.CONGESTED:
            self._pause()
        elif not self._is_paused:
            self._pause_s = 0.0
        if text.answered(part, status, body, self._pause_s) and text not in self._begun:
            self._begun.appendleft(text)
        if not self._in_flight:
            if self._is_dismissed:
                self._close()
            self._owner.moved()

    def _pause(self) -> None:
        if not self._is_paused:  # one for all that were on their way
            self._is_paused = True
            self._pause_s = min(max(self._timing.pause, 2 * self._pause_s), self._timing.pause_max)
            self._loop.call_later(self._pause_s, self._resume)

    def _resume(self) -> None:
        # Not by looking at the clock: uvloop's timers may ring a millisecond early.
        self._is_paused = False
        self.pump()

    def _leave(self) -> None:
        """The SMSC unbound: nothing new goes out here; what is on its way may still be answered."""
        if self.stage is Stage.BOUND:
            self.stage = Stage.LEAVING
            self.problem = "the SMSC unbound"
            self._is_dismissed = True
        self._loop.call_later(self._timing.answer if self._in_flight else 0, self._close)

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()


def _refusal(status: int) -> int:
    """A generic_nack's status; one that says OK is none."""
    return status or 0xFF


def _seconds(text: Text) -> str:
    return f"{text.outgoing.timeout_s:g} s"
