"""Puts the parts of long incoming texts together, in whatever order, as often and by whichever bind they come.

Called by `channels/sms`, which hands in the time. A long text is in one of three stages: collecting, being received, received. A
received one is remembered for a while, so that a repeated part is known. Bounded: when too much waits, the oldest is given up as
incomplete.
"""

from __future__ import annotations

import enum
from collections import deque
from datetime import datetime, timedelta

from tidings.wire.smpp.texts import Body, Place, read
from tidings.wire.smpp.url import Coding0

PATIENCE = timedelta(minutes=2)
REMEMBERED = timedelta(minutes=10)
HELD_OCTETS_MAX = 16 << 20
HELD_MAX = 10_000
REMEMBERED_MAX = 50_000

Key = tuple[str, str, str, int, int]  # phone, address, way of numbering, reference, total


class Stage(enum.Enum):
    COLLECTING = "collecting"
    BEING_RECEIVED = "being received"
    RECEIVED = "received"


class LongText:
    """The parts of one long text that are here. Compared by identity; `since`: when the first came, or when it was received.
    `country_code`: of its numbers that do not say theirs, set by whoever knows the bind."""

    __slots__ = ("_coding0", "_digests", "_parts", "country_code", "key", "octets", "since", "stage")

    def __init__(self, key: Key, coding0: Coding0, since: datetime) -> None:
        self.key = key
        self.country_code = ""
        self.since = since
        self.stage = Stage.COLLECTING
        self.octets = 0
        self._coding0 = coding0
        self._parts: dict[int, Body] = {}
        self._digests: dict[int, int] = {}

    @property
    def is_whole(self) -> bool:
        return len(self._digests) == self.key[4]

    def text(self) -> str:
        """What is here, in order."""
        return self.readings()[0]

    def readings(self) -> tuple[str, ...]:
        """What the parts say together, the likeliest first. Octets are joined first: a sender may have cut a character in two."""
        runs: list[Body] = []
        last = 0
        for number in sorted(self._parts):
            part = self._parts[number]
            if runs and runs[-1].data_coding == part.data_coding and number - 1 == last:
                runs[-1] = runs[-1]._replace(octets=runs[-1].octets + part.octets)
            else:
                runs.append(part)
            last = number
        if len(runs) == 1:
            return read(runs[0], self._coding0)
        return ("".join(read(run, self._coding0)[0] for run in runs),)

    def fits(self, number: int, body: Body) -> bool:
        """Whether this part may be one of this text: it is here already, or it is missing."""
        return self._digests.get(number, hash(body[:2])) == hash(body[:2])

    def has(self, number: int) -> bool:
        return number in self._digests

    def add(self, number: int, body: Body) -> None:
        self._parts[number] = body
        self._digests[number] = hash(body[:2])
        self.octets += len(body.octets)

    def forget_parts(self) -> None:
        """Only enough is kept to know them again."""
        self._parts.clear()
        self.octets = 0


class Joiner:
    """Long texts by whom they are from, to whom, and how they are numbered."""

    def __init__(self, patience: timedelta = PATIENCE) -> None:
        self._patience = patience
        self._texts: dict[Key, LongText] = {}  # collecting and being received, oldest first
        self._heard: dict[Key, LongText] = {}  # oldest first
        self._given_up: deque[LongText] = deque()
        self._octets = 0

    def __len__(self) -> int:
        return len(self._texts)

    def take(self, phone: str, address: str, place: Place, body: Body, coding0: Coding0, now: datetime) -> LongText:
        """The text that this part belongs to, the part included. RECEIVED: the part is a repeat of one that has been received.

        A part that contradicts what is here begins a new text: the sender used the reference again.
        """
        key = (phone, address, place.way, place.reference, place.total)
        received = self._heard.get(key)
        if received is not None and received.has(place.number) and received.fits(place.number, body):
            return received
        text = self._texts.get(key)
        if text is not None and (
            not text.fits(place.number, body) or (text.stage is Stage.BEING_RECEIVED and not text.has(place.number))
        ):
            self._drop(text)
            if text.stage is Stage.COLLECTING:
                self._given_up.append(text)
            text = None
        if text is None:
            text = self._texts[key] = LongText(key, coding0, now)
        if not text.has(place.number):
            text.add(place.number, body)
            self._octets += len(body.octets)
            self._bound(text)
        return text

    def overdue(self, now: datetime) -> list[LongText]:
        """Those to be received as they are: parts are missing and nothing more is waited for."""
        found = list(self._given_up)
        self._given_up.clear()
        for text in self._texts.values():
            if text.since + self._patience > now:
                break
            if text.stage is Stage.COLLECTING:
                found.append(text)
        self._forget(now)
        return found

    def hearing(self, text: LongText) -> None:
        """It is being received from now on."""
        text.stage = Stage.BEING_RECEIVED

    def received(self, text: LongText, now: datetime) -> None:
        """It was received: its parts are known when they come again."""
        self._drop(text)
        text.forget_parts()
        text.stage = Stage.RECEIVED
        text.since = now
        self._heard.pop(text.key, None)
        self._heard[text.key] = text

    def failed(self, text: LongText, now: datetime) -> None:
        """It could not be received: a repeated part, or time, brings it up again."""
        text.stage = Stage.COLLECTING
        text.since = now
        newer = self._texts.get(text.key)
        if newer is text:
            del self._texts[text.key]  # to the end: the oldest come first
            self._texts[text.key] = text
        elif newer is None:
            self._texts[text.key] = text
            self._octets += text.octets
        else:
            self._given_up.append(text)

    def _drop(self, text: LongText) -> None:
        if self._texts.get(text.key) is text:
            del self._texts[text.key]
            self._octets -= text.octets

    def _bound(self, newest: LongText) -> None:
        while len(self._texts) > HELD_MAX or self._octets > HELD_OCTETS_MAX:
            oldest = next(
                (it for it in self._texts.values() if it.stage is Stage.COLLECTING and it is not newest), None
            )
            if oldest is None:
                return
            self._drop(oldest)
            self._given_up.append(oldest)

    def _forget(self, now: datetime) -> None:
        while self._heard:
            oldest = next(iter(self._heard.values()))
            if oldest.since + REMEMBERED > now and len(self._heard) <= REMEMBERED_MAX:
                return
            del self._heard[oldest.key]
