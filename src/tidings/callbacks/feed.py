"""One callback of one application: reads an append-only log behind its reader, posts what comes next, and moves the reader.

Made by `callbacks`. The reader is moved when the receiver has answered: a crash repeats at most one request, nothing is lost, and the
order is kept; a receiver that is away gets everything later.
"""

from __future__ import annotations

import asyncio
from base64 import b64decode
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import structlog

from tidings.callbacks.forms import (
    classify_result,
    classify_status,
    consent_body,
    reply_body,
    signature,
    status_body,
)
from tidings.domain.envelope import HttpContent, Outgoing
from tidings.domain.errors import TidingsError
from tidings.domain.model import (
    NO_ID,
    AccountId,
    Event,
    Kind,
    LedgerEntry,
    LedgerQuery,
    Message,
    Subscriber,
    SubscriptionId,
)
from tidings.domain.optout import ACCOUNT_WIDE, SmsApplication
from tidings.domain.outcomes import Busy, Delivered, Outcome
from tidings.domain.phone_ports import OptOutStore, TextStore
from tidings.domain.ports import AnswerClassifier, Clock, Poster, Store, Vault
from tidings.domain.texts import CALLBACK_SECRET, CONSENT_URL, REPLY_URL, STATUS_URL, Reader
from tidings.domain.unit import Unit
from tidings.observe.metrics import Metrics

STATUS, REPLIES, CONSENT = "status", "replies", "consent"
EVENTS = {STATUS: "status", REPLIES: "reply", CONSENT: "consent"}
"""What the header X-Tidings-Event says."""
URLS = {STATUS: STATUS_URL, REPLIES: REPLY_URL, CONSENT: CONSENT_URL}

PAGE = 50
"""Reports in one request at most; and what is read of the other logs at a time."""
AGAIN_S, AGAIN_MAX_S = 1.0, 600.0
TIMEOUT_S = 15.0
SKIPPED_SAVED = 10_000
"""So many ids of others may be read again after a restart; saving each would write more than is told."""
FROM_THE_START = -1
"""A reader's place when it begins at an empty log: not 0, which says that it has not begun."""

_HEAD = "Content-Type: application/json; charset=utf-8\r\nUser-Agent: Tidings\r\nX-Tidings-Event: {event}\r\n"
_CONSENT_EVENTS = (Event.OPTED_OUT, Event.OPTED_IN, Event.REVIEW, Event.REVIEWED)
_DIALECT = "native"

_log = structlog.get_logger(__name__)


class WholeStore(Store, OptOutStore, TextStore, Protocol):
    """All of the store: one object."""


@dataclass(frozen=True, slots=True)
class CallbackStatus:
    """How a callback is, for people. `problem`: why the last request failed, empty when it did not. `waiting_since`: of the oldest that
    was not told yet, as far as was looked; None: nothing waits. `failures`: in a row."""

    account_id: AccountId
    app_id: str
    name: str
    url: str
    problem: str
    failures: int
    waiting_since: datetime | None


@dataclass(frozen=True, slots=True)
class _Letter:
    """A request to make, up to the entry `last`; without a body there is nothing to tell up to there."""

    last: int
    at: datetime | None = None
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class FeedContext:
    """What all feeds share."""

    store: WholeStore
    poster: Poster
    vault: Vault
    clock: Clock
    metrics: Metrics
    now_s: Callable[[], float]


class _Failed(Exception):
    """A request could not be made, or was not received; the text is for people. `after_s`: try again then, it was no failure."""

    def __init__(self, reason: str, after_s: float | None = None) -> None:
        super().__init__(reason)
        self.after_s = after_s


class Feed:
    """One callback of one application. `application` is exchanged when it changes; `news` is set when there may be something to do."""

    def __init__(self, context: FeedContext, application: SmsApplication, name: str) -> None:
        self.application = application
        self.news = asyncio.Event()
        self.stopping = False
        self._context = context
        self._name = name
        self._after = 0
        self._saved = 0
        self._is_unsaved = False
        self._failures = 0
        self._problem = ""
        self._waiting_since: datetime | None = None

    def save_again(self) -> None:
        """Developer mode: the store has forgotten the reader, and ids go on where they were."""
        self._is_unsaved = True
        self.news.set()

    @property
    def url(self) -> str:
        return self.application.settings.get(URLS[self._name], "")

    def status(self) -> CallbackStatus:
        of = self.application
        return CallbackStatus(
            of.account_id, of.app_id, self._name, self.url, self._problem, self._failures, self._waiting_since
        )

    async def run(self) -> None:
        """Tell for ever, in order, until `stopping`."""
        begun = False
        while not self.stopping:
            self.news.clear()
            try:
                if not begun:
                    await self._begin()
                    begun = True
                if not await self._tell():
                    await self.news.wait()
                self._failures, self._problem = 0, ""
            except _Failed as failure:
                await self._wait(self._note(str(failure), failure.after_s))
            except TidingsError as error:
                await self._wait(self._note(f"store: {error}", None))
            except Exception as error:  # noqa: BLE001 - a bug must cost neither the feed nor what it tells
                _log.exception("callback failed", account_id=self.application.account_id, callback=self._name)
                await self._wait(self._note(f"internal: {type(error).__name__}", None))

    def _note(self, problem: str, after_s: float | None) -> float:
        """Remember a failure; how long to wait."""
        if after_s is not None:
            return after_s
        self._problem = problem
        self._failures += 1
        self._context.metrics.callback(self._name, "failed")
        return float(min(AGAIN_S * 2 ** min(self._failures - 1, 20), AGAIN_MAX_S))

    async def _wait(self, seconds: float) -> None:
        """Until it is time, or somebody gave the callback another address or secret."""
        tried = self.application.settings
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while not self.stopping and self.application.settings == tried and loop.time() < until:
            self.news.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout_at(until):
                    await self.news.wait()
        if self.application.settings != tried:
            self._failures = 0

    # --- reading ---------------------------------------------------------------------------------------------------------------

    async def _begin(self) -> None:
        """Find the place. A new callback begins at the log's end: nobody wants to be told of last week."""
        of = self.application
        place = await self._context.store.reader(of.account_id, of.app_id, self._name)
        if place:
            self._after = self._saved = max(place, 0)
        else:
            self._after = await self._end()
            await self._save(self._after or FROM_THE_START)

    async def _end(self) -> int:
        """Where the log ends now."""
        store, of = self._context.store, self.application
        if self._name == STATUS:
            return await store.text_report_end(of.account_id, of.app_id)
        if self._name == REPLIES:
            return await store.inbound_text_end(of.account_id)
        return await store.ledger_end(of.account_id)

    async def _letters(self) -> list[_Letter]:
        """What comes next, at most a page, in order."""
        store, of = self._context.store, self.application
        if self._name == STATUS:
            texts = await store.text_reports(of.account_id, of.app_id, after=self._after, limit=PAGE)
            return [_Letter(texts[-1].report_id, texts[0].reported_at, status_body(texts))] if texts else []
        end = await self._end()
        if end <= self._after:
            return []
        addresses = await self._addresses()
        if self._name == REPLIES:
            received = (
                await store.inbound_text_page(of.account_id, after=self._after, limit=PAGE, addresses=sorted(addresses))
                if addresses
                else []
            )
            letters = [_Letter(text.id, text.at, reply_body(text)) for text in received]
        else:
            query = LedgerQuery(of.account_id, events=_CONSENT_EVENTS, after=self._after, limit=PAGE)
            letters = [self._of_entry(entry, addresses) for entry in await store.ledger(query)]
        if len(letters) < PAGE:
            # The rest up to the end is others', because nothing can appear there any more; it is not read again.
            letters.append(_Letter(max(end, letters[-1].last if letters else 0)))
        return letters

    def _of_entry(self, entry: LedgerEntry, addresses: frozenset[str]) -> _Letter:
        if entry.address not in addresses and entry.address != ACCOUNT_WIDE:
            return _Letter(entry.id)
        return _Letter(entry.id, entry.at, consent_body(entry, self.application.app_id))

    async def _addresses(self) -> frozenset[str]:
        """Where the application hears: at those with a rule for it, and at its own number."""
        of = self.application
        rules = await self._context.store.blocking_rules(of.account_id)
        return frozenset({rule.address for rule in rules if rule.app_id == of.app_id} | {of.sender} - {""})

    # --- telling ---------------------------------------------------------------------------------------------------------------

    async def _tell(self) -> bool:
        """Tell a page; False: there was nothing. Raises _Failed, TidingsError."""
        await self._save_if_due()
        letters = await self._letters()
        for place, letter in enumerate(letters):
            if self.stopping:
                break
            self._waiting_since = next((waiting.at for waiting in letters[place:] if waiting.body), None)
            if letter.body:
                await self._post(letter.body)
                self._is_unsaved = True  # until it is written, so that the same is not told again
            self._after = letter.last
            await self._save_if_due()
        self._waiting_since = None
        return bool(letters)

    async def _save_if_due(self) -> None:
        if self._is_unsaved or self._after - self._saved >= SKIPPED_SAVED:
            await self._save(self._after or FROM_THE_START)

    async def _save(self, place: int) -> None:
        of = self.application
        await self._context.store.commit(Unit(readers=[Reader(of.account_id, of.app_id, self._name, place)]))
        self._saved = max(place, 0)
        self._is_unsaved = False

    async def _post(self, body: bytes) -> None:
        context = self._context
        outcome = await self._outcome(body)
        if isinstance(outcome, Busy):
            raise _Failed("busy", outcome.after_s)
        if not isinstance(outcome, Delivered):
            raise _Failed(getattr(outcome, "reason", "") or str(outcome))
        self._failures, self._problem = 0, ""
        context.metrics.callback(self._name, "delivered")

    async def _outcome(self, body: bytes) -> Outcome:
        of = self.application
        settled: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

        def settle(_: Outgoing, outcome: Outcome) -> None:
            if not settled.done():
                settled.set_result(outcome)

        protocol = "https" if self.url.startswith("https:") else "http"
        message = Message(
            f"callback-{self._name}-{of.app_id}", Kind.DIRECT, of.account_id, _DIALECT, self._context.clock.now()
        )
        nobody = Subscriber(SubscriptionId(NO_ID), "", of.account_id, _DIALECT, protocol, self.url, {})
        content = HttpContent(self._head(body), body)
        classify: AnswerClassifier = classify_status if self._name == CONSENT else classify_result
        self._context.poster.send(Outgoing(message, nobody, self.url, content, 1, TIMEOUT_S), settle, classify)
        return await settled

    def _head(self, body: bytes) -> bytes:
        head = _HEAD.format(event=EVENTS[self._name])
        sealed = self.application.settings.get(CALLBACK_SECRET, "")
        if sealed:
            try:
                secret = self._context.vault.open(b64decode(sealed, validate=True))
            except ValueError as error:
                raise _Failed("the callback's secret cannot be opened; set it again") from error
            head += f"X-Tidings-Signature: {signature(secret, int(self._context.now_s()), body)}\r\n"
        return head.encode("ascii")
