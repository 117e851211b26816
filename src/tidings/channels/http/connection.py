"""One socket: writes a request, reads its answer, and is handed the next attempt by its lane.

Owned by `lane`, opened by `dial`, looked at by `channel`'s sweep (`deadline`). It holds one attempt at a time and needs no task,
future or timer for it. The status decides as soon as the final head has been read, or when the answer goes wrong after its
status line: the receiver has decided, and the same again would be said twice. The body is only read, for a short while
and up to a bound, so that the connection can be used again. It never follows a redirect and never decodes a body.

Sources: RFC 9110 section 15.2 (interim answers), RFC 9112 sections 6 and 9.
"""

from __future__ import annotations

import asyncio
from typing import Protocol, cast

from httptools import (
    HttpParserCallbackError,
    HttpParserError,
    HttpParserInvalidStatusError,
    HttpParserUpgrade,
    HttpResponseParser,
)

from tidings.channels.http.answer import Settlements, outcome_of
from tidings.channels.http.request import Attempt
from tidings.domain.envelope import HttpContent, Permit
from tidings.domain.outcomes import BLOCKED, Delivered, Outcome, RetryLater
from tidings.wire.odd_answers import final_status

ANSWER_BYTES_MAX = 65_536
"""More of an answer is not read: nobody looks at it."""

DRAIN_S = 2.0
"""How long the rest of an answer may take after its head before a new connection is cheaper than waiting."""

REQUESTS_MAX = 10_000
"""A connection is renewed after this many requests, so that load balancers get to spread us."""

USUAL_BYTES_MAX = 1024
"""Of a whole answer that is remembered, to know the next one like it without reading it."""


class Owner(Protocol):
    def free(self, connection: Connection) -> None:
        """The answer has been read; the connection can be used again."""
        ...

    def answered(self) -> None:
        """A final status came."""
        ...

    def unanswered(self) -> None:
        """An attempt was written and no answer came."""
        ...

    def try_again(self, attempt: Attempt) -> None:
        """Put an attempt first in line whose kept connection had been closed before it was used."""
        ...

    def lost(self, connection: Connection) -> None:
        """The connection is gone and holds nothing."""
        ...


class Connection(asyncio.Protocol):
    __slots__ = (
        "_attempt",
        "_begun",
        "_dirty",
        "_done",
        "_head",
        "_keep",
        "_lane",
        "_named",
        "_outcome",
        "_parser",
        "_permit",
        "_received",
        "_retry_after",
        "_settlements",
        "_transport",
        "_usual",
        "_usual_outcome",
        "busy",
        "closing",
        "deadline",
        "owned",
        "served",
    )

    def __init__(self, lane: Owner, permit: Permit, settlements: Settlements) -> None:
        self._lane = lane
        self._permit = permit
        self._settlements = settlements
        self._transport: asyncio.Transport | None = None
        self._parser: HttpResponseParser | None = None
        self._attempt: Attempt | None = None  # until its outcome is known
        self._begun = False  # the parser is within this answer: what it says of a status is this answer's
        self._head = False  # the final head was read
        self._done = False  # the whole answer was read
        self._named = 0  # the status of an answer whose version the parser does not read
        self._dirty = False  # more came than the answer
        self._keep = False  # the answer lets us use the connection again
        self._received = 0
        self._retry_after: bytes | None = None
        self._outcome: Outcome | None = None  # what the last answer meant that the parser read
        self._usual = b""  # an answer that came whole at once and meant `_usual_outcome`, a delivery; empty: none
        self._usual_outcome: Outcome = BLOCKED
        self.busy = False  # a request was written and its answer is not at its end
        self.closing = False
        self.owned = False  # the lane counts it
        self.deadline = float("inf")
        self.served = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance
        self._parser = HttpResponseParser(self)

    def usable(self) -> bool:
        return not self.closing and self._transport is not None and not self._transport.is_closing()

    def start(self, attempt: Attempt) -> bool:
        """Ask the permit and write the request; False: it was refused, and settled."""
        outgoing = attempt.outgoing
        refusal = self._permit(outgoing)
        if refusal is not None:
            self._settlements.add(attempt, refusal)
            return False
        content = outgoing.content
        assert isinstance(content, HttpContent)
        assert self._transport is not None
        self._attempt = attempt
        self._begun = self._head = self._done = False
        self._received = self._named = 0
        self._retry_after = None
        self.busy = True
        self.deadline = attempt.deadline
        self.served += 1
        body = content.body
        self._transport.write(b"%b%bContent-Length: %d\r\n\r\n%b" % (attempt.prefix, content.head, len(body), body))
        return True

    def abort(self) -> None:
        """Close at once. What comes back is `lost`, in a later turn of the loop."""
        self.closing = True
        self.deadline = float("inf")
        if self._transport is not None:
            self._transport.abort()

    def expire(self) -> None:
        """The deadline has passed: of the attempt, of reading the rest, or of being idle."""
        attempt = self._attempt
        if attempt is not None:
            self._attempt = None
            if not self._settle_by_status(attempt):
                self._settlements.add(attempt, RetryLater(f"no answer within {attempt.outgoing.timeout_s:g} s"))
                self._lane.unanswered()
        self.abort()

    def abort_if_settled(self) -> None:
        """Close unless an attempt still waits for its answer."""
        if self._attempt is None:
            self.abort()

    def data_received(self, data: bytes) -> None:
        parser = self._parser
        if parser is None or self.closing:
            return
        if not self.busy:
            self.abort()  # Nobody asked: whatever this is, it must not become the next attempt's answer.
            return
        if data == self._usual and not self._received and self._attempt is not None:
            self._received = len(data)
            self._answered(self._attempt, self._usual_outcome)
            self._finish()
            return
        self._received += len(data)
        over = self._received - ANSWER_BYTES_MAX
        if over > 0:
            data = data[: len(data) - over]
        try:
            parser.feed_data(data)
        except HttpParserCallbackError:
            raise  # A bug of ours; the loop reports it and closes.
        except (HttpParserError, HttpParserUpgrade) as error:
            if isinstance(error, HttpParserInvalidStatusError):
                self._begun = False
            if self._received == len(data) + max(over, 0):  # the answer's beginning
                self._named = final_status(data)
            self._cut("malformed answer")
            return
        if self._done:
            self._remember(data)
            self._finish()
        elif over > 0:
            self._cut(f"head of the answer is larger than {ANSWER_BYTES_MAX} bytes")
        elif self._head and self._attempt is None:
            self.deadline = min(self.deadline, asyncio.get_running_loop().time() + DRAIN_S)

    def _remember(self, answer: bytes) -> None:
        """The same octets again mean the same: receivers answer many requests of a second alike."""
        if self._received == len(answer) <= USUAL_BYTES_MAX and isinstance(self._outcome, Delivered):
            self._usual, self._usual_outcome = answer, self._outcome

    def _finish(self) -> None:
        if self._dirty or not self._keep or self.served >= REQUESTS_MAX:
            self.abort()
            return
        self.busy = False
        self._lane.free(self)

    def _cut(self, reason: str) -> None:
        attempt = self._attempt
        if attempt is not None:
            self._attempt = None
            if not self._settle_by_status(attempt):
                self._settlements.add(attempt, RetryLater(reason))
        self.abort()

    def _status_read(self) -> int:
        """The final status of this answer if its line was read; else 0."""
        if self._parser is None or not self._begun:
            return self._named
        status = self._parser.get_status_code()
        return status if 200 <= status <= 599 else self._named

    def _settle_by_status(self, attempt: Attempt) -> bool:
        """Settle an attempt whose answer went wrong after its status line; False: there was none."""
        status = self._status_read()
        if not status:
            return False
        self._settlements.add(attempt, outcome_of(status, self._retry_after))
        self._lane.answered()
        return True

    # Called by the parser, from inside `feed_data`.

    def on_message_begin(self) -> None:
        self._begun = True
        if self._done:
            self._dirty = True

    def on_header(self, name: bytes, value: bytes) -> None:
        if len(name) == 11 and name.lower() == b"retry-after":
            self._retry_after = value

    def on_headers_complete(self) -> None:
        assert self._parser is not None
        status = self._parser.get_status_code()
        attempt = self._attempt
        if status < 200 or attempt is None:
            return
        self._head = True
        self._keep = self._parser.should_keep_alive()  # At the end of the message the parser has forgotten it.
        self._outcome = outcome_of(status, self._retry_after)  # first: should it ever raise, the attempt is still known
        self._answered(attempt, self._outcome)

    def _answered(self, attempt: Attempt, outcome: Outcome) -> None:
        self._attempt = None
        self._settlements.add(attempt, outcome)
        self._lane.answered()

    def on_message_complete(self) -> None:
        if self._head:
            self._done = True

    def connection_lost(self, exc: Exception | None) -> None:
        self.closing = True
        attempt = self._attempt
        if attempt is not None:
            self._attempt = None
            self._lost_with(attempt)
        self._parser = None  # It refers back to us.
        if self.owned:
            self._lane.lost(self)

    def _lost_with(self, attempt: Attempt) -> None:
        if self._settle_by_status(attempt):
            return
        if self._received:
            self._settlements.add(attempt, RetryLater("connection closed within the answer"))
        elif self.served > 1 and not attempt.again:
            # It was closed while it was idle, most likely, and the request has never been read.
            attempt.again = True
            self._lane.try_again(attempt)
        else:
            self._settlements.add(attempt, RetryLater("connection closed before an answer"))
            self._lane.unanswered()
