"""A connection whose answers are judged by their bodies too: for services that answer 200 and say in JSON what went wrong.

Made by lanes of their own (`channel`), so that the usual connection, which never looks at a body, pays nothing for this.
"""

from __future__ import annotations

import structlog

from tidings.channels.http.answer import Settlements, outcome_of
from tidings.channels.http.connection import Connection, Owner
from tidings.channels.http.request import Attempt, JudgedAttempt
from tidings.domain.envelope import Permit
from tidings.domain.outcomes import Outcome, RetryLater

_log = structlog.get_logger(__name__)


class JudgedConnection(Connection):
    """Settles at the end of the answer, of the connection, or of ANSWER_BYTES_MAX; at its deadline like any other."""

    __slots__ = ("_body", "_status")

    def __init__(self, lane: Owner, permit: Permit, settlements: Settlements) -> None:
        super().__init__(lane, permit, settlements)
        self._body = bytearray()
        self._status = 0

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
        super()._cut(reason)

    def _lost_with(self, attempt: Attempt) -> None:
        if not self._head:
            super()._lost_with(attempt)
            return
        self._attempt = attempt
        self._pronounce()

    def _pronounce(self) -> None:
        attempt = self._attempt
        if attempt is None:
            return
        self._attempt = None
        self._settlements.add(attempt, self._judged(attempt) or outcome_of(self._status, self._retry_after))

    def _judged(self, attempt: Attempt) -> Outcome | None:
        if not isinstance(attempt, JudgedAttempt):
            return None
        try:
            return attempt.judge(self._status, bytes(self._body))
        except Exception:  # noqa: BLE001 - whatever an answer does to a judge, the attempt must end
            _log.exception("an answer could not be judged")
            return RetryLater(f"HTTP {self._status}, but the answer cannot be read")
