"""What an answer means: status and Retry-After to an Outcome; and outcomes to whoever waits for them.

Called by `connection` and `lane`. `Settlements` calls `settle` from a callback of its own, once per turn of the loop: never
from inside `send`, never from inside another `settle`. So thousands of queued attempts that end together need no stack, and a
`settle` that sends again finds every lane in order.

Source: reference of SNS deliveries (2xx delivered, 5xx and 408, 425, 429 again, the rest final); RFC 9110 section 10.2.3.
"""

from __future__ import annotations

import asyncio
from collections import deque
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from tidings.channels.http.request import Attempt
from tidings.domain.outcomes import Delivered, Outcome, Refused, RetryLater

RETRY_AFTER_MAX_S = 3600.0
"""A receiver may ask for an hour at most: the longest delay that a delivery policy knows."""

DATE_CHARACTERS_MAX = 64

_DELIVERED = {status: Delivered(f"HTTP {status}") for status in range(200, 300)}
_AGAIN = frozenset({408, 425, 429})


def outcome_of(status: int, retry_after: bytes | None) -> Outcome:
    """The outcome of an answer with this final status (200 or above)."""
    if status < 300:
        return _DELIVERED[status]
    if status < 400:
        return Refused(f"HTTP {status}: redirects are not followed")
    if status in _AGAIN or status == 503:
        return RetryLater(f"HTTP {status}", _wish_s(retry_after), status)
    if status < 500:
        return Refused(f"HTTP {status}")
    return RetryLater(f"HTTP {status}", None, status)


def _wish_s(value: bytes | None) -> float | None:
    """Seconds from a Retry-After header, within bounds; None when there is none that can be read."""
    if value is None:
        return None
    text = value.decode("latin-1").strip()
    if text.isascii() and text.isdigit():
        # A long row of digits is a large number; do not make Python read all of it.
        return RETRY_AFTER_MAX_S if len(text) > 9 else min(float(text), RETRY_AFTER_MAX_S)
    if len(text) > DATE_CHARACTERS_MAX:
        return None
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # the latter for years and offsets beyond a machine's integers
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    # The receiver's date is real time; developer mode's moved clock would be wrong here.
    return min(max((at - datetime.now(UTC)).total_seconds(), 0.0), RETRY_AFTER_MAX_S)


class Settlements:
    """Outcomes on their way back."""

    __slots__ = ("_empty", "_loop", "_waiting")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: deque[tuple[Attempt, Outcome]] = deque()
        self._empty: asyncio.Future[None] | None = None

    def add(self, attempt: Attempt, outcome: Outcome) -> None:
        if not self._waiting:
            self._loop.call_soon(self._flush)
        self._waiting.append((attempt, outcome))

    def _flush(self) -> None:
        # The pair leaves the queue only afterwards, so that `add` sees that this callback will run again.
        waiting = self._waiting
        try:
            for _ in range(len(waiting)):
                attempt, outcome = waiting[0]
                try:
                    attempt.settle(attempt.outgoing, outcome)
                finally:
                    waiting.popleft()
        finally:
            # More came meanwhile, or a `settle` raised: the others still get theirs.
            if waiting:
                self._loop.call_soon(self._flush)
            elif self._empty is not None and not self._empty.done():
                self._empty.set_result(None)

    async def wait_empty(self) -> None:
        """Return when everything added so far, and what was added meanwhile, has been settled."""
        if self._waiting:
            self._empty = self._loop.create_future()
            await self._empty
