"""A connection whose answers are classified by their bodies too: for services that answer 200 and say in JSON what went wrong.

Made by lanes of their own (`channel`), so that the usual connection, which never looks at a body, pays nothing for this.
"""

from __future__ import annotations

import asyncio

import structlog

from tidings.channels.http.answer import Settlements, outcome_of
from tidings.channels.http.connection import ANSWER_BYTES_MAX, DRAIN_S, Connection, Owner
from tidings.channels.http.request import Attempt, ClassifiedAttempt
from tidings.domain.envelope import Permit
from tidings.domain.outcomes import Outcome, Refused, RetryLater
from tidings.wire.odd_answers import is_json_object, read_oddly

_log = structlog.get_logger(__name__)


class ClassifiedConnection(Connection):
    """Settles at the end of the answer, of the connection, or of ANSWER_BYTES_MAX; at its deadline like any other.

    An answer that the parser gave up after the status line is read on as octets, for the JSON object or the words in it.
    """

    __slots__ = ("_body", "_is_odd", "_raw", "_status")

    def __init__(self, lane: Owner, permit: Permit, settlements: Settlements) -> None:
        super().__init__(lane, permit, settlements)
        self._body = bytearray()
        self._raw = bytearray()  # of the answer that is awaited
        self._is_odd = False
        self._status = 0

    def start(self, attempt: Attempt) -> bool:
        self._raw.clear()
        self._is_odd = False
        return super().start(attempt)

    def data_received(self, data: bytes) -> None:
        if self._attempt is not None and not self.closing:
            self._raw += data[: ANSWER_BYTES_MAX - len(self._raw)]
            if self._is_odd:
                self._look()
                return
        super().data_received(data)

    def expire(self) -> None:
        attempt = self._attempt
        if attempt is not None and (self._head or self._read_status()):
            self._pronounce(f"no answer within {attempt.outgoing.timeout_s:g} s")
        super().expire()

    # Called by the parser, from inside `feed_data`.

    def on_headers_complete(self) -> None:
        assert self._parser is not None
        status = self._parser.get_status_code()
        if status < 200 or self._attempt is None:
            return
        self._head = True
        self._keep = self._parser.should_keep_alive()
        self._status = status
        self._body.clear()
        self._lane.answered()

    def on_body(self, data: bytes) -> None:
        if self._attempt is not None:
            self._body += data

    def on_message_complete(self) -> None:
        super().on_message_complete()
        if self._head:
            self._pronounce()

    # The answer ended early.

    def _cut(self, reason: str) -> None:
        if self._head:
            self._pronounce()
        elif self._attempt is not None and self._read_status():
            self._is_odd = True
            self.deadline = min(self.deadline, asyncio.get_running_loop().time() + DRAIN_S)
            self._look()
            return
        super()._cut(reason)

    def _lost_with(self, attempt: Attempt) -> None:
        self._attempt = attempt
        if self._head:
            self._pronounce()
        elif self._read_status():
            self._is_odd = True
            self._pronounce("connection closed within the answer")
        else:
            self._attempt = None
            super()._lost_with(attempt)

    def _settle_by_status(self, attempt: Attempt) -> bool:
        return False  # the classifier decides

    def _read_status(self) -> bool:
        """Keep the status of an answer whose head is not at its end, if there is one."""
        self._status = self._status_read()
        return self._status > 0

    def _look(self) -> None:
        """Whether the rest of an odd answer is here."""
        found = read_oddly(bytes(self._raw))
        if len(self._raw) >= ANSWER_BYTES_MAX or (found is not None and is_json_object(found[1])):
            self._pronounce("connection closed within the answer")
            self.abort()

    def _pronounce(self, otherwise: str = "") -> None:
        """Settle. otherwise: why to try again when a 2xx came and what came of the body is not enough to say more."""
        attempt = self._attempt
        if attempt is None:
            return
        self._attempt = None
        if self._is_odd:
            found = read_oddly(bytes(self._raw))
            self._body[:] = found[1] if found is not None else b""
            self._lane.answered()
        outcome = self._judged(attempt) or outcome_of(self._status, self._retry_after)
        if otherwise and self._status < 300 and isinstance(outcome, Refused):
            outcome = RetryLater(otherwise)
        self._settlements.add(attempt, outcome)

    def _judged(self, attempt: Attempt) -> Outcome | None:
        if not isinstance(attempt, ClassifiedAttempt):
            return None
        try:
            return attempt.classify(self._status, bytes(self._body))
        except Exception:  # noqa: BLE001 - whatever an answer does to a classifier, the attempt must end
            _log.exception("an answer could not be classified")
            return RetryLater(f"HTTP {self._status}, but the answer cannot be read")
