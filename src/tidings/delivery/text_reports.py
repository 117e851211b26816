"""What becomes of texts: counted by hour, and reported for the applications that sent them, with the receipts that networks send.

The hooks of texts in the loop of delivery: told of every text's outcome just before the outcome itself goes into the journal, so that both
are one transaction; and, through `wiring`, by transports of every receipt. A receipt is answered when what it says is durable. Texts of
topics are counted only.
Never sends and never decides when to try again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime

import structlog

from tidings.delivery.fanout import topic_of
from tidings.delivery.gate import TextAhead, sending_account, text_ask
from tidings.delivery.hooks import Planned
from tidings.delivery.journal import Journal
from tidings.delivery.settle import TOO_LATE, Decision, GiveUp
from tidings.delivery.text_limits import OutgoingTextLimits
from tidings.domain.envelope import Outgoing, TextContent
from tidings.domain.errors import InvalidValue, NotFound, Unavailable
from tidings.domain.model import AccountId, Message, Topic
from tidings.domain.optout import TOPICS_APP, SmsType
from tidings.domain.outcomes import Blocked, Delivered, Outcome, Refused
from tidings.domain.phone_ports import GateVerdict, TextGate, TextStore
from tidings.domain.ports import Clock, Store
from tidings.domain.receipt_ids import alike, plain
from tidings.domain.texts import SentText, TextCount, TextReceipt, TextReport, TextState, TextTally
from tidings.domain.unit import Stale, TextIsWaiting, Unit
from tidings.keyed_locks import KeyedLocks
from tidings.wire.phone_plans import canonical, is_possible

DETAIL_CHARACTERS_MAX = 300
OPTED_OUT = "the receiver has opted out"
NO_SUCH_NUMBER = "the numbering plan has no such number"

_COUNTS = {
    TextState.DELIVERED: TextCount.DELIVERED,
    TextState.FAILED: TextCount.FAILED,
    TextState.BLOCKED: TextCount.BLOCKED,
}
_TYPES = {int(sms_type): sms_type for sms_type in SmsType}
_ALIKE_MAX = 20
_PHONE_END = 7
"""So many of its last digits tell a number from others, however a network writes what comes before."""

CarrierRefused = Callable[[str, str, str, str], Awaitable[object]]
"""The network says that somebody opted out there: our address, the phone, its words. May raise NotFound or InvalidValue."""

_log = structlog.get_logger(__name__)


class TextReports:
    """`store`, `texts`: one object. carrier_refused: told of those who opted out at their network. default_sender: of texts for which
    neither the message nor the application names one. reported: called when reports became durable. limits: what may not go out at all."""

    def __init__(
        self,
        store: Store,
        texts: TextStore,
        gate: TextGate,
        clock: Clock,
        journal: Journal,
        *,
        carrier_refused: CarrierRefused,
        default_sender: str = "",
        reported: Callable[[], None] = lambda: None,
        limits: OutgoingTextLimits | None = None,
    ) -> None:
        self._store = store
        self._texts = texts
        self._gate = gate
        self._clock = clock
        self._limits = limits
        self._carrier_refused = carrier_refused
        self._default_sender = default_sender
        self._reported = reported
        self._journal = journal
        # Receipts may come before what they are about is on disk: ids in their plain form, and the write they wait for.
        self._unwritten: dict[str, asyncio.Future[None]] = {}
        self._reporting: asyncio.Future[None] | None = None  # the write after which reports are told of
        self._used: set[tuple[AccountId, str]] = set()
        self._used_day: datetime | None = None
        # By serial, of receipts that come together; which of them is the first, the guard decides.
        self._locks: KeyedLocks[str] = KeyedLocks()
        self._telling: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Wait until everybody who opted out at a network is kept as such."""
        while self._telling:
            await asyncio.gather(*self._telling)

    def forget(self) -> None:
        """Developer mode: the store has forgotten which senders were used."""
        self._used.clear()

    # --- on the way out, called by `sender` ------------------------------------------------------------------------------------

    async def look_ahead(self, planned: Sequence[Planned]) -> Sequence[TextAhead]:
        """The sender for texts that name none, and the gate's verdicts where it gives them ahead. Raises Unavailable."""
        senders: dict[tuple[AccountId, str], str] = {}
        keys = [(sending_account(message, topic), message.sms_app or TOPICS_APP) for message, topic, _ in planned]
        for account_id, app_id in dict.fromkeys(keys):
            if self._limits is not None:
                await self._limits.look_ahead(account_id)
            senders[account_id, app_id] = await self._texts.sms_sender(account_id, app_id)
        verdicts = await self._verdicts(planned)
        return [TextAhead(senders[key], verdict) for key, verdict in zip(keys, verdicts, strict=True)]

    async def _verdicts(self, planned: Sequence[Planned]) -> Sequence[GateVerdict | None]:
        """None where the gate is not asked ahead."""
        if not self._gate.looks_ahead:
            return [None] * len(planned)
        asks = [text_ask(message, topic, canonical(endpoint)) for message, topic, endpoint in planned]
        found = await self._gate.verdicts([ask for ask in asks if ask is not None])
        verdicts = {verdict.ask: verdict for verdict in found}
        return [None if ask is None else verdicts[ask] for ask in asks]

    def prepare(self, outgoing: Outgoing) -> str:
        """Text to today's form of the number, from a sender. Returns why this text does not go out, whoever asks for it, or empty."""
        number = outgoing.endpoint = canonical(outgoing.endpoint)
        if number.startswith("+") and not is_possible(number):
            return NO_SUCH_NUMBER  # no carrier is asked
        account_id = sending_account(outgoing.message, topic_of(outgoing.mark))
        reason = self._limits.refused(outgoing, account_id) if self._limits is not None else ""
        if not reason:
            self._set_sender(outgoing)
        return reason

    def _set_sender(self, outgoing: Outgoing) -> None:
        """Give a text that names no sender its application's, or else the server's."""
        content = outgoing.content
        if not isinstance(content, TextContent) or content.sender:
            return
        ahead: TextAhead = outgoing.ahead
        sender = ahead.sender or self._default_sender
        if sender:
            outgoing.content = TextContent(content.text, sender, content.sms_type)

    def settled(self, outgoing: Outgoing, outcome: Outcome, decision: Decision) -> None:
        """What an attempt came to. What is tried again counts when it has ended."""
        message, topic = outgoing.message, topic_of(outgoing.mark)
        if isinstance(outcome, Delivered):
            self._delivered(outgoing, outcome, topic)
        elif isinstance(outcome, Blocked):
            if message.expires_at is not None and self._clock.now() >= message.expires_at:
                self.failed(message, topic, TOO_LATE)
            else:
                self.blocked(message, topic)
        elif isinstance(decision, GiveUp):
            self.failed(message, topic, decision.reason)
            if isinstance(outcome, Refused) and outcome.opted_out:
                self._tell(outgoing, outcome.reason)

    def failed(self, message: Message, topic: Topic | None, reason: str) -> None:
        self._ended(message, topic, TextState.FAILED, reason)

    def blocked(self, message: Message, topic: Topic | None) -> None:
        self._ended(message, topic, TextState.BLOCKED, OPTED_OUT)

    def _ended(self, message: Message, topic: Topic | None, state: TextState, detail: str) -> None:
        """The way of a text is over, without an attempt or after its last one."""
        now = self._clock.now()
        if not _is_applications(message):
            # What an application asks for is counted when it asks; of a topic, it is known only text by text.
            accepted = () if state is TextState.BLOCKED else (TextCount.ACCEPTED,)
            self._count(message, topic, now, _COUNTS[state], TextCount.REQUESTED, *accepted)
        else:
            self._count(message, topic, now, _COUNTS[state])
            self._journal.text_reported(TextReport(message.id, state, detail[:DETAIL_CHARACTERS_MAX], now))
            self._tell_when_written(self._journal.written())

    def _delivered(self, outgoing: Outgoing, outcome: Delivered, topic: Topic | None) -> None:
        message, content = outgoing.message, outgoing.content
        if isinstance(content, TextContent) and content.sender:
            self._use(sending_account(message, topic), content.sender)
        if not outcome.receipt_ids or not _is_applications(message):
            # Of a topic's text this is the last word: whom its receipts belong to is not kept.
            self._ended(message, topic, TextState.DELIVERED, outcome.detail)
            return
        self._journal.text_taken(message.id, outcome.receipt_ids)
        self._expect_receipts([plain(receipt_id) for receipt_id in outcome.receipt_ids], self._journal.written())

    def _count(self, message: Message, topic: Topic | None, now: datetime, *counts: TextCount) -> None:
        hour = now.replace(minute=0, second=0, microsecond=0)
        sms_type = _TYPES.get(message.sms_type, SmsType.NOTIFICATION)
        account_id = sending_account(message, topic)
        for what in counts:
            self._journal.text_counted((account_id, message.sms_app or TOPICS_APP, sms_type, hour, what))
        if TextCount.DELIVERED in counts and message.topic_id is not None:
            self._journal.text_sent(message.topic_id, hour)

    def _use(self, account_id: AccountId, sender: str) -> None:
        """Once per number and day: more would only be written again."""
        day = self._clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
        if day != self._used_day:
            self._used.clear()
            self._used_day = day
        if (account_id, sender) not in self._used:
            self._used.add((account_id, sender))
            self._journal.sender_used(account_id, sender, day)

    def _expect_receipts(self, forms: Sequence[str], written: asyncio.Future[None]) -> None:
        """Let receipts of these ids wait until it is written whose they are."""

        def forget(written: asyncio.Future[None]) -> None:
            for form in forms:
                if self._unwritten.get(form) is written:  # else another text has the id by now
                    del self._unwritten[form]

        self._unwritten.update(dict.fromkeys(forms, written))
        written.add_done_callback(forget)

    def _tell_when_written(self, written: asyncio.Future[None]) -> None:
        """Once for all reports of one write."""
        if self._reporting is not written:
            self._reporting = written
            written.add_done_callback(self._tell_reported)

    def _tell_reported(self, written: asyncio.Future[None]) -> None:
        if not written.cancelled():
            self._reported()

    # --- receipts --------------------------------------------------------------------------------------------------------------

    async def receipt(self, receipt: TextReceipt) -> None:
        """Take in what a network says of a text; durable when this returns. Safe to repeat; what is not of our texts is accepted.

        Raises Unavailable: then it is to be brought again.
        """
        if receipt.opted_out:
            await self._opt_out(
                receipt.address or self._default_sender, receipt.phone, receipt.detail, receipt.country_code
            )
        if receipt.delivered is None:
            return
        found = await self._find(receipt)
        if found is None:
            return
        serial, transport_id = found
        async with self._locks.lock_for(serial):
            if await self._end(receipt, serial, transport_id):
                self._reported()

    async def _find(self, receipt: TextReceipt) -> tuple[str, str] | None:
        """The text that a receipt is of, and the part's id as it is kept.

        The exact spelling counts first. An id in another spelling, or in the other notation, may be another text's: then only one text to
        that phone may have it.
        """
        ids = receipt.transport_ids
        forms = [alike(transport_id) for transport_id in ids]
        await self._until_written(dict.fromkeys(form for each in forms for form in each))
        for transport_id in ids:
            # A gateway that knows texts by our own ids may be quicker with a receipt than with its answer.
            part = await self._texts.text_part([transport_id]) or (transport_id, transport_id)
            if await self._fitting(receipt, [part]):
                return part
        for wanted in ([each[0] for each in forms], [form for each in forms for form in each[1:]]):
            found = await self._texts.text_parts_alike(wanted, limit=_ALIKE_MAX)
            fitting = await self._fitting(receipt, found)
            if len(fitting) > 1:
                fitting = [part for part in fitting if part[2] is TextState.WAITING]
            if len(fitting) == 1:
                return fitting[0][:2]
        return None

    async def _fitting(
        self, receipt: TextReceipt, parts: Sequence[tuple[str, str]]
    ) -> list[tuple[str, str, TextState]]:
        """Those of texts to the receipt's phone, with the text's state."""
        found = []
        for serial, transport_id in parts:
            text = await self._texts.sent_text(serial)
            if text is not None and _is_same_phone(text.phone, receipt.phone):
                found.append((serial, transport_id, text.state))
        return found

    async def _until_written(self, forms: Iterable[str]) -> None:
        """Wait for the parts of these ids that are on their way to the store."""
        for written in {written for form in forms if (written := self._unwritten.get(form)) is not None}:
            await asyncio.wait([written])
            if written.cancelled():
                raise Unavailable("stopping")

    async def _end(self, receipt: TextReceipt, serial: str, transport_id: str) -> bool:
        """Whether this receipt ended the text's way."""
        text = await self._texts.sent_text(serial)
        if text is None or text.state is not TextState.WAITING:
            return False
        is_whole = transport_id == serial  # our own id is the whole text's, however many parts it has
        if receipt.delivered and not is_whole and not await self._texts.part_delivered(serial, transport_id):
            return False
        now = self._clock.now()
        state = TextState.DELIVERED if receipt.delivered else TextState.FAILED
        counts = [_COUNTS[state]]
        if receipt.unreachable and state is TextState.FAILED:
            counts.append(TextCount.UNREACHABLE)
        report = TextReport(serial, state, receipt.detail[:DETAIL_CHARACTERS_MAX], now)
        tallies = [_tally(text, what, now) for what in counts]
        try:
            await self._store.commit(Unit(text_reports=[report], text_tallies=tallies, guards=[TextIsWaiting(serial)]))
        except Stale:
            return False  # another process was faster
        return True

    # --- who opted out at the network --------------------------------------------------------------------------------------------

    def _tell(self, outgoing: Outgoing, reason: str) -> None:
        content = outgoing.content
        address = content.sender if isinstance(content, TextContent) else ""
        task = asyncio.get_running_loop().create_task(self._opt_out_or_log(address, outgoing.endpoint, reason))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _opt_out_or_log(self, address: str, phone: str, reason: str) -> None:
        try:
            await self._opt_out(address, phone, reason)
        except Exception:  # noqa: BLE001 - the network will say it again at the next text
            _log.exception("opt-out at the network not kept", address=address)

    async def _opt_out(self, address: str, phone: str, reason: str, country_code: str = "") -> None:
        """A number that is no inbound address, or a phone that is none, is nobody's opt-out."""
        if address and phone:
            try:
                await self._carrier_refused(address, phone, reason[:DETAIL_CHARACTERS_MAX], country_code)
            except (NotFound, InvalidValue) as error:
                _log.info("opt-out at the network is not ours", problem=str(error))


def _is_applications(message: Message) -> bool:
    """Whether an application waits for the report."""
    return message.sms_app not in ("", TOPICS_APP)


def _is_same_phone(phone: str, told: str) -> bool:
    """told: as the network writes it, empty where it does not say."""
    return not told or phone[-_PHONE_END:] == told[-_PHONE_END:]


def _tally(text: SentText, what: TextCount, now: datetime) -> TextTally:
    hour = now.replace(minute=0, second=0, microsecond=0)
    return TextTally(text.account_id, text.app_id, text.sms_type, hour, what, 1)
