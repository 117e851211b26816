"""Sends text messages through SMSCs by SMPP 3.4, over several binds, and hears what phones answer.

Called by delivery like any channel; what comes in goes to the callbacks that `wiring` hands in. A text waits in a bounded queue for the
first bind that has room; all its parts go out through that bind, in order. An attempt that the SMSC did not answer before the connection
was lost is repeated by delivery: a text that comes twice is the lesser evil. Never decides when to try again.
Source: SMPP 3.4; 3GPP TS 23.040.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import deque
from collections.abc import Sequence
from contextlib import suppress

import structlog

from tidings.channels.sms.bind import Bind, BindStatus
from tidings.channels.sms.inbound import DeliverSmListener, ReceiveReceipt, ReceiveText
from tidings.channels.sms.session import Answer, Session
from tidings.channels.sms.text import Text, Timing
from tidings.domain.envelope import Outgoing, Permit, TextContent
from tidings.domain.outcomes import Busy, Outcome, Refused, RetryLater
from tidings.domain.ports import Clock, Settle
from tidings.wire.smpp.addresses import destination
from tidings.wire.smpp.pdu import Pdu
from tidings.wire.smpp.url import BindKind, SmppUrl

HELD_MAX = 10_000
"""Texts waiting in memory per sender: some seconds of a fast bind. What does not fit waits as rows."""
WAIT_S = 20.0
"""A text that waited longer goes back: whoever handed it over may count it as lost soon after its time-out."""
BUSY_AFTER_S = 5.0
BEGUN_KEPT = 32
REASON_CHARACTERS_MAX = 500

_log = structlog.get_logger(__name__)


class SmppChannel:
    """`sms` through one or several binds.

    urls: at least one that may transmit. receive: takes a person's text in; when it returns, the SMSC is told so, and not before. It may
    raise NotFound or InvalidValue for texts that are not ours; after anything else the SMSC brings the text again. receipt: hears what
    became of texts, likewise; without it none are asked for. `start` begins to bind.
    """

    protocols = frozenset({"sms"})

    def __init__(
        self,
        permit: Permit,
        *,
        urls: Sequence[SmppUrl],
        clock: Clock,
        receive: ReceiveText,
        receipt: ReceiveReceipt | None = None,
        held_max: int = HELD_MAX,
        timing: Timing | None = None,
    ) -> None:
        if not any(url.bind is not BindKind.RECEIVER for url in urls):
            raise ValueError("at least one SMPP bind must be a transceiver or a transmitter")
        self.permit = permit
        self._timing = timing or Timing()
        self._held_max = held_max
        self._inbound = DeliverSmListener(receive, receipt, clock, self._timing, self._texts_to)
        self._begun: dict[
            str, list[Text]
        ] = {}  # by the end of the phone's number; cleared of those settled by the sweep
        self._binds = [Bind(url, self, self._timing, wants_receipts=receipt is not None) for url in urls]
        senders = {url.source for url in urls if url.bind is not BindKind.RECEIVER}
        # A text from a bind's own number goes through such a bind only; others through any.
        self._queues: dict[str, deque[Text]] = {name: deque() for name in {"", *senders}}
        self._references = itertools.count(random.randrange(256))  # noqa: S311 - only to differ from the last run
        self._first = 0
        self._sweeper: asyncio.Task[None] | None = None
        self._pumping = False
        self._closing = False
        self._moved = asyncio.Event()

    def start(self) -> None:
        """Begin to bind, on the running loop. A `send` before it starts too."""
        if self._sweeper is None and not self._closing:
            self._sweeper = asyncio.get_running_loop().create_task(self._sweep())
            for bind in self._binds:
                bind.start()

    def send(self, outgoing: Outgoing, settle: Settle) -> None:
        """Queue a text; `Busy` when its queue is full or the channel is closing."""
        content = outgoing.content
        if not isinstance(content, TextContent):
            settle(outgoing, Refused("the message has no form for phones"))
            return
        queue = self._queue(content.sender)
        if self._closing or len(queue) >= self._held_max:
            settle(outgoing, Busy(BUSY_AFTER_S))
            return
        try:
            target = destination(outgoing.endpoint).octets()
        except ValueError as exc:
            settle(outgoing, Refused(str(exc)))
            return
        self.start()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + min(WAIT_S, outgoing.timeout_s)
        reference = next(self._references) & 0xFF
        queue.append(Text(outgoing, settle, content, target, reference, deadline))
        if not self._pumping:
            self._pumping = True
            loop.call_soon(self._pump)  # what is sent in the same turn goes out in one write

    async def close(self) -> None:
        """Give back what waits, wait for what was started and for what is being received (for at most `Timing.close`), and unbind."""
        self._closing = True
        for queue in self._queues.values():
            _give_back(queue, Busy(BUSY_AFTER_S))
        if self._sweeper is None:
            return
        await asyncio.gather(self._inbound.close(), self._finish())
        self._sweeper.cancel()
        await asyncio.gather(self._sweeper, *(bind.close() for bind in self._binds), return_exceptions=True)
        await asyncio.sleep(0)  # lets the event loop forget the closed connections

    def status(self) -> list[BindStatus]:
        """How the binds are, in the order of their URLs."""
        return [bind.status() for bind in self._binds]

    # --- what the sessions ask for (`session.SessionOwner`) -----------------------------------------------------------------------

    def next_text(self, source: str) -> Text | None:
        own = self._queues.get(source)
        if own:
            return own.popleft()
        anybody = self._queues[""]
        return anybody.popleft() if anybody else None

    def began(self, text: Text) -> None:
        texts = self._begun.setdefault(_end_of(text.outgoing.endpoint), [])
        if len(texts) >= BEGUN_KEPT:  # many to one phone
            texts[:] = [earlier for earlier in texts if not earlier.done]
        texts.append(text)

    def said(self, url: SmppUrl, request: Pdu, answer: Answer) -> None:
        self._inbound.take(url, request, answer)

    def _texts_to(self, phone: str) -> list[Text]:
        return [text for text in self._begun.get(_end_of(phone), ()) if not text.done]

    def moved(self) -> None:
        self._moved.set()
        if not self._pumping and any(self._queues.values()):
            self._pumping = True
            asyncio.get_running_loop().call_soon(self._pump)

    # --- turns -----------------------------------------------------------------------------------------------------------------

    def _queue(self, sender: str) -> deque[Text]:
        queue = self._queues.get(sender)
        return self._queues[""] if queue is None else queue

    def _sessions(self) -> list[Session]:
        return [bind.session for bind in self._binds if bind.session is not None]

    def _pump(self) -> None:
        """Let the binds start texts in turns, each time beginning with another one."""
        sessions = self._sessions()
        if sessions:
            self._first = (self._first + 1) % len(sessions)
            sessions = sessions[self._first :] + sessions[: self._first]
        try:
            able = sessions
            while able:
                able = [session for session in able if session.start_next()]
        finally:
            self._pumping = False
        for session in sessions:
            session.flush()

    async def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._timing.sweep)
            try:
                self._look(loop.time())
            except Exception as exc:  # noqa: BLE001 - a bug must not end the looking
                _log.error("sweep failed", exc_info=exc)

    def _look(self, now: float) -> None:
        for session in self._sessions():
            session.expire(now)
        for queue in self._queues.values():
            if any(text.deadline <= now for text in queue):
                late = [text for text in queue if text.deadline <= now]
                kept = [text for text in queue if text.deadline > now]
                queue.clear()
                queue.extend(kept)
                _give_back(deque(late), self._why_waited())
        begun, self._begun = self._begun, {}
        for end, texts in begun.items():
            if left := [text for text in texts if not text.done]:
                self._begun[end] = left
        self._inbound.sweep(now)

    def _why_waited(self) -> Outcome:
        """Of texts that waited too long: with a bind up it was only too much at once, else it was an attempt that failed."""
        statuses_ = self.status()
        if any(status.is_up for status in statuses_):
            return Busy(BUSY_AFTER_S)
        told = "; ".join(f"{status.name}: {status.problem}" for status in statuses_)
        return RetryLater(f"no bind is up: {told}"[:REASON_CHARACTERS_MAX])

    async def _finish(self) -> None:
        """Until nothing is on its way any more."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._timing.close):
                while not all(session.is_idle for session in self._sessions()):
                    self._moved.clear()
                    await self._moved.wait()


def _end_of(phone: str) -> str:
    """What remains the same of a number however an SMSC writes it."""
    return phone[-7:]


def _give_back(texts: deque[Text], outcome: Outcome) -> None:
    # First all out, then settled: settling may send again.
    waiting = list(texts)
    texts.clear()
    for text in waiting:
        text.end(outcome)
