"""Texts that applications send: accepted here, each with its serial; asked about and counted here. Nothing is sent from here.

Called by dialects, which have checked the numbers and filled the templates. One call is one Unit: its messages, what is kept of them
and what is counted are there together or not at all. Who has opted out is refused at acceptance, and asked again by the gate
immediately before each text starts.
Source: SMS API reference, version 2021-01-11 (SendSms, PullSmsSendStatus, PullSmsReplyStatus); console guide (frequency limits).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import blake2b

from tidings.domain.errors import InvalidValue, NotFound
from tidings.domain.grants import Grant, Verb
from tidings.domain.model import AccountId, Kind, Message
from tidings.domain.optout import TOPICS_APP, InboundText, SmsApplication, SmsType
from tidings.domain.phone_ports import OptOutStore, TextAsk, TextGate, TextStore
from tidings.domain.ports import Clock, Flow, Store
from tidings.domain.texts import TEXTS_KEPT, Reader, SentText, SentTextQuery, TextCount, TextTally
from tidings.domain.unit import Guard, ReaderIsAt, Unit
from tidings.keyed_locks import KeyedLocks
from tidings.observe.metrics import Metrics
from tidings.services.conflicts import retry_on_conflict
from tidings.services.texting.inbound_texts import OWN_TEXTS
from tidings.services.texting.numbers import Numbers
from tidings.services.texting.text_frequency import Frequency, TextLimits, TextVerdict
from tidings.wire.phone_destinations import Destinations
from tidings.wire.smpp import splitting

__all__ = ["TextAnswer", "TextLimits", "TextVerdict", "Texts", "WantedText"]

PULL_STATUS, PULL_REPLIES = "pull-status", "pull-replies"
"""Names of readers."""
READING = frozenset({Verb.PUBLISH_SMS, Verb.READ_LEDGER})
"""Who sends texts may know their outcomes."""
COUNTING = READING | {Verb.LIST}
DIGEST_BYTES = 16

_ANSWERED_LOOKED_AT = 1_000
"""Texts among which those that a page of replies answers are looked for."""


@dataclass(frozen=True, slots=True)
class WantedText:
    """A text that an application wants sent. `phone`: E.164, checked by the dialect. `body`: the whole text, sign included.

    `session`: what the caller wants to see again. `sender`: empty for the application's own. `extend`: kept, and shown with replies.
    """

    phone: str
    body: str
    sms_type: SmsType
    template_id: int = 0
    sign: str = ""
    session: str = ""
    sender: str = ""
    extend: str = ""


@dataclass(frozen=True, slots=True)
class TextAnswer:
    """`serial` and `parts` of accepted ones only."""

    verdict: TextVerdict
    serial: str = ""
    parts: int = 0


class Texts:
    """`store`, `texts`, `opt_outs`: one object. `numbers`: whose numbers are whose, with those of the transports."""

    def __init__(
        self,
        store: Store,
        texts: TextStore,
        opt_outs: OptOutStore,
        text_gate: TextGate,
        flow: Flow,
        clock: Clock,
        metrics: Metrics,
        *,
        new_message_id: Callable[[], str],
        limits: TextLimits | None = None,
        numbers: Numbers | None = None,
        destinations: Destinations | None = None,
    ) -> None:
        self._store = store
        self._numbers = numbers or Numbers(store, opt_outs)
        self._texts = texts
        self._destinations = destinations or Destinations()
        self._opt_outs = opt_outs
        self._text_gate = text_gate
        self._flow = flow
        self._clock = clock
        self._metrics = metrics
        self._new_message_id = new_message_id
        self._frequency = Frequency(texts, limits or TextLimits())
        self._locks: KeyedLocks[tuple[AccountId, str, str]] = KeyedLocks()

    async def application(self, grant: Grant, app_id: str) -> SmsApplication:
        """Raises NotFound (application), also for the one in whose name topics are sent: nobody calls for that."""
        grant.require(*COUNTING)
        found = None if app_id == TOPICS_APP else await self._opt_outs.sms_application(grant.owner, app_id)
        if found is None:
            raise NotFound("application", app_id)
        return found

    def may_go_to(self, phone: str) -> bool:
        """Whether texts to this number (E.164) are allowed at all: its country, and that it charges nobody."""
        return not self._destinations.refused(phone)

    # --- sending -----------------------------------------------------------------------------------------------------------

    @retry_on_conflict
    async def send(self, grant: Grant, app_id: str, wanted: Sequence[WantedText]) -> list[TextAnswer]:
        """Accept what may be sent, all in one transaction; durable when this returns. Answers in the order of the texts.

        Raises NotFound (application), InvalidValue (`text`: too long to be split, `sender`: another account's number), Unavailable while
        too much waits to be sent.
        """
        grant.require(Verb.PUBLISH_SMS)
        application = await self.application(grant, app_id)
        for sender in {text.sender or application.sender for text in wanted}:
            await self._numbers.check_text_sender(application.account_id, sender)
        parts = {body: _parts(body) for body in {text.body for text in wanted}}
        await self._flow.room()
        blocked = await self._blocked(application, wanted)
        digests = {body: blake2b(body.encode(), digest_size=DIGEST_BYTES).digest() for body in parts}
        asked = [(text.phone, digests[text.body]) for text in wanted if not _is_blocked(text, blocked)]
        now = self._clock.now()
        batch = _Batch(application, now, self._new_message_id, parts, digests)
        with await self._frequency.begin(application, asked, now) as frequency:
            for text in wanted:
                verdict = TextVerdict.OPTED_OUT
                if not _is_blocked(text, blocked):
                    verdict = frequency.verdict(text.phone, digests[text.body])
                batch.add(text, verdict)
            await self._store.commit(batch.unit(frequency.guards()))
        self._measure(batch)
        return batch.answers

    async def _blocked(self, application: SmsApplication, wanted: Sequence[WantedText]) -> set[tuple[SmsType, str]]:
        """Of which type which phones want nothing."""
        account_id, app_id = application.account_id, application.app_id
        asks = [TextAsk(account_id, app_id, int(text.sms_type), text.phone) for text in wanted]
        verdicts = await self._text_gate.verdicts(asks)
        return {(SmsType(verdict.ask.sms_type), verdict.ask.phone) for verdict in verdicts if verdict.blocked_at}

    def _measure(self, batch: _Batch) -> None:
        self._metrics.published(len(batch.messages))
        for (sms_type, what), times in batch.counts.items():
            if what is TextCount.BLOCKED:
                for _ in range(times):
                    self._metrics.text_blocked(sms_type.name.lower().replace("_", "-"))

    async def refused(self, grant: Grant, app_id: str, sms_type: SmsType, what: TextCount, count: int) -> None:
        """Count texts that were asked for and that the dialect itself refused. what: why, or REQUESTED where there is no count of that.

        Raises NotFound (application).
        """
        grant.require(Verb.PUBLISH_SMS)
        application = await self.application(grant, app_id)
        if count > 0:
            counts = Counter({(sms_type, TextCount.REQUESTED): count, (sms_type, what): count})
            await self._store.commit(Unit(text_tallies=_tallies(application, self._clock.now(), counts)))

    # --- their outcomes -----------------------------------------------------------------------------------------------------

    @retry_on_conflict
    async def pull_reports(self, grant: Grant, app_id: str, limit: int) -> list[SentText]:
        """The next reports that were not pulled yet, oldest first: each is given once. Raises NotFound (application)."""
        grant.require(Verb.PUBLISH_SMS)
        application = await self.application(grant, app_id)
        owner = application.account_id
        async with self._lock_for(application, PULL_STATUS):
            after = await self._texts.reader(owner, app_id, PULL_STATUS)
            found = await self._texts.text_reports(owner, app_id, after=after, limit=limit)
            if found:
                read = Reader(owner, app_id, PULL_STATUS, found[-1].report_id)
                await self._store.commit(Unit(readers=[read], guards=[ReaderIsAt(owner, app_id, PULL_STATUS, after)]))
        return found

    @retry_on_conflict
    async def pull_replies(self, grant: Grant, app_id: str, limit: int) -> list[InboundText]:
        """The next texts of people that were not pulled yet, likewise. Raises NotFound (application)."""
        grant.require(Verb.PUBLISH_SMS)
        application = await self.application(grant, app_id)
        owner = application.account_id
        async with self._lock_for(application, PULL_REPLIES):
            addresses = await self._hears_at(application)
            after = await self._texts.reader(owner, app_id, PULL_REPLIES)
            found = (
                await self._opt_outs.inbound_text_page(owner, after=after, limit=limit, addresses=addresses)
                if addresses
                else []
            )
            if found:
                read = Reader(owner, app_id, PULL_REPLIES, found[-1].id)
                await self._store.commit(Unit(readers=[read], guards=[ReaderIsAt(owner, app_id, PULL_REPLIES, after)]))
        return found

    def _lock_for(self, application: SmsApplication, reader: str) -> asyncio.Lock:
        """Held while one caller of this process reads on, which spares conflicts: the guard is what keeps two from being given the same."""
        return self._locks.lock_for((application.account_id, application.app_id, reader))

    async def _hears_at(self, application: SmsApplication) -> list[str]:
        """Addresses whose texts are for this application: those with a rule for it, and its own sender."""
        rules = await self._opt_outs.blocking_rules(application.account_id)
        found = {rule.address for rule in rules if rule.app_id == application.app_id}
        if application.sender:
            found.add(application.sender)
        return sorted(found)

    async def reports_of(self, grant: Grant, query: SentTextQuery) -> list[SentText]:
        """Texts of the grant's account, newest first. Raises NotFound (application)."""
        grant.require(*READING)
        if query.app_id is not None:
            await self.application(grant, query.app_id)
        return await self._texts.sent_texts(replace(query, account_id=grant.owner))

    async def replies_of(
        self, grant: Grant, app_id: str, phone: str, since: datetime, until: datetime, offset: int, limit: int
    ) -> list[InboundText]:
        """What a phone wrote to the application in [since, until), oldest first. Raises NotFound (application)."""
        grant.require(*READING)
        application = await self.application(grant, app_id)
        found: list[InboundText] = []
        for address in await self._hears_at(application):
            found += await self._opt_outs.inbound_texts_of(application.account_id, address, phone, since=since)
        found = sorted((received for received in found if received.at < until), key=lambda received: received.id)
        return found[offset : offset + limit]

    async def answered(self, grant: Grant, app_id: str, replies: Sequence[InboundText]) -> dict[int, SentText]:
        """The text that each reply follows: the application's last one to that phone, by the reply's id, as far as texts are kept."""
        grant.require(*READING)
        if not replies:
            return {}
        query = SentTextQuery(
            grant.owner,
            app_id,
            sorted({reply.phone for reply in replies}),
            since=min(reply.at for reply in replies) - TEXTS_KEPT,
            until=max(reply.at for reply in replies) + timedelta(microseconds=1),
            limit=_ANSWERED_LOOKED_AT,
        )
        sent = await self._texts.sent_texts(query)
        found: dict[int, SentText] = {}
        for reply in replies:
            before = (text for text in sent if text.phone == reply.phone and text.accepted_at <= reply.at)
            text = max(before, key=lambda text: text.accepted_at, default=None)
            if text is not None:
                found[reply.id] = text
        return found

    async def tallies(self, grant: Grant, app_id: str | None, since: datetime, until: datetime) -> list[TextTally]:
        """What was counted in [since, until), by whole UTC hour. app_id None: of all applications. Raises NotFound (application)."""
        grant.require(*COUNTING)
        if app_id is not None:
            await self.application(grant, app_id)
        return await self._texts.text_tallies(grant.owner, app_id=app_id, since=since, until=until)

    async def converted(self, grant: Grant, app_id: str, serial: str, at: datetime) -> None:
        """Count that a text did what it was sent for, say a code that was entered. Raises NotFound (application, text)."""
        grant.require(Verb.PUBLISH_SMS)
        application = await self.application(grant, app_id)
        text = await self._texts.sent_text(serial)
        if text is None or (text.account_id, text.app_id) != (application.account_id, app_id):
            raise NotFound("text", serial)
        counts = Counter({(text.sms_type, TextCount.CONVERTED): 1})
        await self._store.commit(Unit(text_tallies=_tallies(application, at, counts)))


def _is_blocked(text: WantedText, blocked: set[tuple[SmsType, str]]) -> bool:
    return (text.sms_type, text.phone) in blocked


def _parts(body: str) -> int:
    try:
        return len(splitting.split(body, 0))
    except ValueError as error:
        raise InvalidValue("text", str(error), body) from error


Counts = Mapping[tuple[SmsType, TextCount], int]


def _tallies(application: SmsApplication, at: datetime, counts: Counts) -> list[TextTally]:
    hour = at.replace(minute=0, second=0, microsecond=0)
    return [
        TextTally(application.account_id, application.app_id, sms_type, hour, what, count)
        for (sms_type, what), count in counts.items()
    ]


class _Batch:
    """One call's texts on their way into a unit."""

    def __init__(
        self,
        application: SmsApplication,
        now: datetime,
        new_message_id: Callable[[], str],
        parts: Mapping[str, int],
        digests: Mapping[str, bytes],
    ) -> None:
        self.answers: list[TextAnswer] = []
        self.messages: list[Message] = []
        self.counts: Counter[tuple[SmsType, TextCount]] = Counter()
        self._application = application
        self._now = now
        self._new_message_id = new_message_id
        self._parts = parts
        self._digests = digests
        self._sent: list[SentText] = []

    def add(self, text: WantedText, verdict: TextVerdict) -> None:
        counts, sms_type = self.counts, text.sms_type
        counts[sms_type, TextCount.REQUESTED] += 1
        if verdict is not TextVerdict.ACCEPTED:
            counts[sms_type, TextCount.BLOCKED if verdict is TextVerdict.OPTED_OUT else TextCount.LIMITED] += 1
            self.answers.append(TextAnswer(verdict))
            return
        parts = self._parts[text.body]
        counts[sms_type, TextCount.ACCEPTED] += 1
        counts[sms_type, TextCount.PARTS] += parts
        serial = self._new_message_id()
        self._accept(text, serial, parts)
        self.answers.append(TextAnswer(verdict, serial, parts))

    def _accept(self, text: WantedText, serial: str, parts: int) -> None:
        application = self._application
        self.messages.append(
            Message(
                serial,
                Kind.DIRECT,
                application.account_id,
                OWN_TEXTS,
                self._now,
                body=text.body,
                endpoint=text.phone,
                sms_app=application.app_id,
                sms_type=int(text.sms_type),
                sender=text.sender or application.sender,
            )
        )
        self._sent.append(
            SentText(
                serial,
                application.account_id,
                application.app_id,
                text.phone,
                text.sms_type,
                self._now,
                parts,
                text.template_id,
                text.sign,
                text.session,
                text.extend,
                self._digests[text.body],
            )
        )

    def unit(self, guards: list[Guard]) -> Unit:
        tallies = _tallies(self._application, self._now, self.counts)
        return Unit(messages=self.messages, texts_sent=self._sent, text_tallies=tallies, guards=guards)
