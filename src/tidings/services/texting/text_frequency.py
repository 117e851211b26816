"""How often one phone is texted by an application: the limits, and whether a text is within them. Called by `texts`.

Windows end at the present moment. Everything that was accepted counts, also earlier in the same call, whatever became of it.
Source: SMS console guide (sending frequency limits).
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tidings.domain.model import AccountId
from tidings.domain.optout import SmsApplication
from tidings.domain.phone_ports import TextStore
from tidings.domain.unit import Guard, TextsAtMost

HALF_MINUTE, HOUR, DAY = timedelta(seconds=30), timedelta(hours=1), timedelta(days=1)


class TextVerdict(enum.Enum):
    """The outcome of a wanted text."""

    ACCEPTED = "accepted"
    OPTED_OUT = "opted-out"
    THIRTY_SECONDS = "thirty-seconds"
    HOUR = "hour"
    DAY = "day"
    SAME_CONTENT = "same-content"


@dataclass(frozen=True, slots=True)
class TextLimits:
    """How many texts of one application one phone gets in any 30 seconds, hour and day, and of equal ones in any day. 0: no limit."""

    per_30_s: int = 0
    per_hour: int = 0
    per_day: int = 0
    same_content_per_day: int = 0


Sending = tuple[datetime, bytes]
"""When a text was accepted, and the digest of what it says."""
Pending = dict[tuple[AccountId, str, str], list[Sending]]
"""Accepted texts that may not be in the store yet, by account, application and phone."""


class Frequency:
    """How often one phone is texted. Without limits it asks nothing.

    Two calls at once for one phone see each other: what is decided counts from then on, not from when it is stored. Calls of other
    processes are seen by a guard: texts that were not known raise Conflict, and the call is judged again.
    """

    def __init__(self, texts: TextStore, limits: TextLimits) -> None:
        self._texts = texts
        self._pending: Pending = {}
        self._limits = limits
        by_day = bool(limits.per_day or limits.same_content_per_day)
        self._window = DAY if by_day else HOUR if limits.per_hour else HALF_MINUTE if limits.per_30_s else None

    async def begin(
        self, application: SmsApplication, asked: Sequence[tuple[str, bytes]], now: datetime
    ) -> FrequencyOfCall:
        """For one call, which tells by the end of its context that its texts are stored or given up."""
        call = FrequencyOfCall(application, now, self._limits, self._pending, self._window)
        if self._window is not None and asked:
            phones = sorted({phone for phone, _ in asked})
            before = {phone: call.pending_of(phone) for phone in phones}
            stored = await self._texts.texts_to(
                application.account_id, application.app_id, phones, since=now - self._window
            )
            for phone in phones:
                call.know(phone, before[phone], stored.get(phone, ()))
        return call


class FrequencyOfCall:
    """Judges the texts of one call. Use `Frequency.begin`."""

    def __init__(
        self, application: SmsApplication, now: datetime, limits: TextLimits, pending: Pending, window: timedelta | None
    ) -> None:
        self._application = application
        self._now = now
        self._limits = limits
        self._pending = pending
        self._window = window
        self._before: dict[str, int] = {}
        self._known: dict[str, list[Sending]] = {}
        self._mine: list[tuple[tuple[AccountId, str, str], Sending]] = []

    def __enter__(self) -> FrequencyOfCall:
        return self

    def __exit__(self, *_: object) -> None:
        for key, sending in self._mine:
            waiting = self._pending[key]
            waiting.remove(sending)
            if not waiting:
                del self._pending[key]

    def _key(self, phone: str) -> tuple[AccountId, str, str]:
        return self._application.account_id, self._application.app_id, phone

    def pending_of(self, phone: str) -> list[Sending]:
        return list(self._pending.get(self._key(phone), ()))

    def know(self, phone: str, before: Iterable[Sending], stored: Iterable[Sending]) -> None:
        """What was sent to a phone: each once, though it may have been stored while it was asked for."""
        sent = Counter(before) | Counter(stored) | Counter(self.pending_of(phone))
        self._known[phone] = list(sent.elements())
        self._before[phone] = len(self._known[phone])

    def guards(self) -> list[Guard]:
        """What must still be so when the accepted texts are stored."""
        if self._window is None or not self._mine:
            return []
        phones = dict.fromkeys(phone for (_, _, phone), _ in self._mine)
        known = tuple((phone, self._before[phone]) for phone in phones)
        application = self._application
        return [TextsAtMost(application.account_id, application.app_id, self._now - self._window, known)]

    def verdict(self, phone: str, digest: bytes) -> TextVerdict:
        """Whether the phone may get this text now; if so it counts."""
        if self._window is None:
            return TextVerdict.ACCEPTED
        sent = self._known[phone]
        verdict = self._judge(sent, digest)
        if verdict is TextVerdict.ACCEPTED:
            sending = self._now, digest
            sent.append(sending)
            self._pending.setdefault(self._key(phone), []).append(sending)
            self._mine.append((self._key(phone), sending))
        return verdict

    def _judge(self, sent: Sequence[Sending], digest: bytes) -> TextVerdict:
        limits = self._limits
        if _is_reached(limits.per_30_s, self._since(sent, HALF_MINUTE)):
            return TextVerdict.THIRTY_SECONDS
        if _is_reached(limits.per_hour, self._since(sent, HOUR)):
            return TextVerdict.HOUR
        today = self._since(sent, DAY)
        if _is_reached(limits.per_day, today):
            return TextVerdict.DAY
        if _is_reached(limits.same_content_per_day, [one for one in today if one[1] == digest]):
            return TextVerdict.SAME_CONTENT
        return TextVerdict.ACCEPTED

    def _since(self, sent: Sequence[Sending], window: timedelta) -> list[Sending]:
        start = self._now - window
        return [one for one in sent if one[0] > start]


def _is_reached(limit: int, sent: Sequence[Sending]) -> bool:
    return limit > 0 and len(sent) >= limit
