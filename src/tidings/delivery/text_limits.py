"""How many texts may go where, whichever way they come: destinations, texts to one phone, texts of one account. Asked by `sender`.

What an application sends is held to the limits per phone when it asks (`text_frequency`), so that the caller hears of it; here
the same limits hold for texts of topics and for single texts of SNS. Those are counted in memory, per process and from its start.
Confirmation requests and goodbyes have a pace of their own, and answers to people's texts are bounded by what people write.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

import structlog

from tidings.domain.envelope import Outgoing, TextContent
from tidings.domain.model import AccountId, Kind, Message
from tidings.domain.optout import TOPICS_APP
from tidings.domain.ports import Clock
from tidings.wire.phone_destinations import Destinations

PHONES_MAX = 200_000
"""Phones whose texts are counted; who was texted longest ago is forgotten first."""
CONTENTS_KEPT = 100
"""Of one phone's texts, where equal ones are limited."""
_OWN_DIALECT = "native"
"""Of answers to people's texts, and of applications' texts, which were held to their limits when they were asked for."""
_WINDOWS = (("30 seconds", timedelta(seconds=30)), ("an hour", timedelta(hours=1)), ("a day", timedelta(days=1)))

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class TextQuotas:
    """Texts to one phone in any 30 seconds, hour and day, equal ones in any day; texts of an account from midnight UTC on. 0: no limit."""

    per_30_s: int = 0
    per_hour: int = 0
    per_day: int = 0
    same_content_per_day: int = 0
    per_account_day: int = 0


class OutgoingTextLimits:
    """`sent_since`: texts of an account whose way ended since a time, as the store has counted them; asked once per account and day."""

    def __init__(
        self,
        destinations: Destinations,
        quotas: TextQuotas,
        sent_since: Callable[[AccountId, datetime], Awaitable[int]],
        clock: Clock,
    ) -> None:
        self._destinations = destinations
        self._quotas = quotas
        self._per_phone = (quotas.per_30_s, quotas.per_hour, quotas.per_day)
        self._counts_phones = any(self._per_phone) or quotas.same_content_per_day > 0
        self._kept = max(*self._per_phone, CONTENTS_KEPT if quotas.same_content_per_day else 1)
        self._sent_since = sent_since
        self._clock = clock
        self._day: datetime | None = None
        self._today: dict[AccountId, int] = {}
        self._phones: dict[tuple[AccountId, str], deque[tuple[datetime, bytes]]] = {}

    async def look_ahead(self, account_id: AccountId) -> None:
        """Have the account's texts of this day counted, before `refused` asks. Raises Unavailable."""
        day = self._begin_day(self._clock.now())
        if self._quotas.per_account_day and account_id not in self._today:
            sent = await self._sent_since(account_id, day)
            if day == self._day:
                self._today.setdefault(account_id, sent)

    def refused(self, outgoing: Outgoing, account_id: AccountId) -> str:
        """Why this text does not go out, or empty; then it counts. A text that is tried again has been counted."""
        reason = self._destinations.refused(outgoing.endpoint)
        if reason or outgoing.attempt > 1 or _is_answer(outgoing.message):
            return reason
        now = self._clock.now()
        if self._is_over(account_id, now):
            return f"the account's limit of {self._quotas.per_account_day} texts a day is reached"
        if self._counts_phones and _is_counted(outgoing.message):
            reason = self._too_often(outgoing, account_id, now)
            if reason:
                return reason
        self._today[account_id] = self._today.get(account_id, 0) + 1
        return ""

    def _is_over(self, account_id: AccountId, now: datetime) -> bool:
        self._begin_day(now)
        if not self._quotas.per_account_day:
            return False
        sent = self._today.get(account_id, 0)
        if sent != self._quotas.per_account_day:
            return sent > self._quotas.per_account_day
        self._today[account_id] = sent + 1  # so that it is said once
        _log.warning("an account has sent all its texts of the day", account=account_id, limit=sent)
        return True

    def _begin_day(self, now: datetime) -> datetime:
        day = now.replace(hour=0, minute=0, second=0, microsecond=0)
        if day != self._day:
            self._day = day
            self._today.clear()
        return day

    def _too_often(self, outgoing: Outgoing, account_id: AccountId, now: datetime) -> str:
        content = outgoing.content
        digest = sha256(content.text.encode() if isinstance(content, TextContent) else b"").digest()
        key = account_id, outgoing.endpoint
        sent = self._phones.pop(key, None)
        if sent is None:
            sent = deque(maxlen=self._kept)
        self._phones[key] = sent  # to the end: the oldest come first
        if len(self._phones) > PHONES_MAX:
            del self._phones[next(iter(self._phones))]
        for most, (name, window) in zip(self._per_phone, _WINDOWS, strict=True):
            if most and sum(at > now - window for at, _ in sent) >= most:
                return f"the limit of {most} texts to one phone in {name} is reached"
        most, day = self._quotas.same_content_per_day, _WINDOWS[-1][1]
        if most and sum(at > now - day and one == digest for at, one in sent) >= most:
            return f"the limit of {most} equal texts to one phone in a day is reached"
        sent.append((now, digest))
        return ""


def _is_answer(message: Message) -> bool:
    return message.dialect == _OWN_DIALECT and message.sms_app == TOPICS_APP


def _is_counted(message: Message) -> bool:
    return message.dialect != _OWN_DIALECT and message.kind not in (Kind.CONFIRMATION, Kind.GOODBYE)
