"""Takes in what phones say: receipts, texts, and long texts in parts; answers a deliver_sm when what it carried was received.

Called by `channel` for every deliver_sm of every bind. A part of a long text is answered OK only when the whole was received; meanwhile it
waits a few seconds for the others, and is then answered with a temporary failure, so that the SMSC brings it again: it stays here
for joining, and nothing that was answered OK is in memory only. Texts of one phone are received one after the other.

A receipt may overtake the answer to the submit_sm that it is about (another part is still on its way, or the SMSC is quick): it is
handed on when the texts to its phone that were on their way have settled, so that their ids are known. Receipts have no order, and
no text waits behind one.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import structlog

from tidings.channels.sms.session import Answer
from tidings.channels.sms.text import Text, Timing
from tidings.domain.errors import InvalidValue, NotFound
from tidings.domain.optout import IncomingText
from tidings.domain.ports import Clock
from tidings.domain.texts import TextReceipt
from tidings.wire.smpp import statuses
from tidings.wire.smpp.addresses import our_address, phone_of
from tidings.wire.smpp.joining import Joiner, LongText, Stage
from tidings.wire.smpp.pdu import DeliverSm, Malformed, Pdu, read_deliver_sm
from tidings.wire.smpp.receipts import MessageState, is_receipt, read_receipt
from tidings.wire.smpp.texts import read, read_body
from tidings.wire.smpp.url import SmppUrl, bare_code

LANES = 32
"""Texts of so many phones are received at the same time; enough to fill a store's group commit."""
UNANSWERED_MAX = 2_000
"""More are sent back for later: an SMSC's window is far smaller."""

ReceiveText = Callable[[IncomingText], Awaitable[object]]
ReceiveReceipt = Callable[[TextReceipt], Awaitable[object]]
OnTheirWay = Callable[[str], Sequence[Text]]
"""The texts to a phone of which parts were written and that have not settled."""
_Job = tuple[Callable[[], Awaitable[object]], Callable[[int], None]]

_log = structlog.get_logger(__name__)


class DeliverSmListener:
    def __init__(
        self,
        receive: ReceiveText,
        receipt: ReceiveReceipt | None,
        clock: Clock,
        timing: Timing,
        on_their_way: OnTheirWay,
    ) -> None:
        self._receive = receive
        self._receipt = receipt
        self._on_their_way = on_their_way
        self._clock = clock
        self._timing = timing
        self._joiner = Joiner()
        self._held: dict[LongText, list[tuple[float, Answer]]] = {}  # parts not answered, and until when they may wait
        self._lanes: list[deque[_Job]] = [deque() for _ in range(LANES)]
        self._at_work: dict[int, asyncio.Task[None]] = {}
        self._taking: set[asyncio.Task[None]] = set()  # receipts
        self._unanswered = 0
        self._closing = False

    def take(self, url: SmppUrl, request: Pdu, answer: Answer) -> None:
        """Take in what a deliver_sm carries; `answer` is called once, when that is done or cannot be."""
        if self._closing or self._unanswered >= UNANSWERED_MAX:
            answer(statuses.TEMPORARY_FAILURE)
            return
        try:
            deliver = read_deliver_sm(request.body)
        except Malformed as exc:
            _log.warning("deliver_sm cannot be read", bind=url.name, problem=str(exc))
            answer(statuses.PERMANENT_FAILURE)
            return
        self._unanswered += 1
        counted = partial(self._answered, answer)
        if is_receipt(deliver):
            self._take_receipt(url, deliver, counted)
        else:
            self._take_text(url, deliver, counted)

    def sweep(self, now: float) -> None:
        """Answer parts that have waited long enough, and receive long texts whose other parts do not come. now: the loop's time."""
        for held in self._held.values():
            while held and held[0][0] <= now:
                held.pop(0)[1](statuses.TEMPORARY_FAILURE)
        for text in [text for text, held in self._held.items() if not held]:
            del self._held[text]
        for text in self._joiner.overdue(self._clock.now()):
            self._receive_long(text)

    async def close(self) -> None:
        """Take nothing more; wait for what is being received, for at most the closing time. Parts go back to the SMSC."""
        self._closing = True
        for held in self._held.values():
            for _, answer in held:
                answer(statuses.TEMPORARY_FAILURE)
        self._held.clear()
        workers = [*self._at_work.values(), *self._taking]
        if workers:
            _, late = await asyncio.wait(workers, timeout=self._timing.close)
            for worker in late:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    def _answered(self, answer: Answer, status: int) -> None:
        self._unanswered -= 1
        answer(status)

    def _take_receipt(self, url: SmppUrl, deliver: DeliverSm, answer: Answer) -> None:
        if self._receipt is None:
            answer(statuses.OK)
            return
        receipt = _text_receipt(url, deliver)
        work = partial(self._receipt, receipt)

        def hand_on() -> None:
            if self._closing:
                answer(statuses.TEMPORARY_FAILURE)
            else:
                self._start(work, answer)

        # It may be about any text to its phone whose id is not known yet: it waits until the last of them has settled.
        unsettled = {*self._on_their_way(receipt.phone)}
        if not unsettled:
            hand_on()

        def settled(text: Text) -> None:
            unsettled.discard(text)
            if not unsettled:
                hand_on()

        for text in tuple(unsettled):
            text.afterwards.append(partial(settled, text))

    def _take_text(self, url: SmppUrl, deliver: DeliverSm, answer: Answer) -> None:
        phone = phone_of(deliver.source, url.country_code, url.source)
        address = our_address(deliver.destination, url.source, url.country_code)
        body = read_body(deliver)
        if body.place is None:
            text, *others = read(body, url.coding0)
            incoming = IncomingText(address, phone, text, country_code=url.country_code, other_readings=tuple(others))
            self._add(phone, partial(self._receive, incoming), answer)
            return
        long_text = self._joiner.take(phone, address, body.place, body, url.coding0, self._clock.now())
        if long_text.stage is Stage.RECEIVED:
            answer(statuses.OK)
            return
        long_text.country_code = url.country_code
        until = asyncio.get_running_loop().time() + self._timing.hold
        self._held.setdefault(long_text, []).append((until, answer))
        if long_text.is_whole and long_text.stage is Stage.COLLECTING:
            self._receive_long(long_text)

    def _receive_long(self, text: LongText) -> None:
        phone, address, *_ = text.key
        self._joiner.hearing(text)
        said, *others = text.readings()
        incoming = IncomingText(address, phone, said, country_code=text.country_code, other_readings=tuple(others))
        self._add(phone, partial(self._receive, incoming), partial(self._heard_long, text))

    def _heard_long(self, text: LongText, status: int) -> None:
        now = self._clock.now()
        if status == statuses.TEMPORARY_FAILURE:
            self._joiner.failed(text, now)
        else:
            self._joiner.received(text, now)
        for _, answer in self._held.pop(text, ()):
            answer(status)

    def _start(self, work: Callable[[], Awaitable[object]], answer: Answer) -> None:
        task = asyncio.get_running_loop().create_task(self._take_in(work, answer))
        self._taking.add(task)
        task.add_done_callback(self._taking.discard)

    async def _take_in(self, work: Callable[[], Awaitable[object]], answer: Answer) -> None:
        status = statuses.TEMPORARY_FAILURE
        try:
            status = await self._status_of(work)
        finally:
            answer(status)

    def _add(self, phone: str, work: Callable[[], Awaitable[object]], answer: Answer) -> None:
        lane = hash(phone) % LANES
        self._lanes[lane].append((work, answer))
        if lane not in self._at_work:
            self._at_work[lane] = asyncio.get_running_loop().create_task(self._work(lane))

    async def _work(self, lane: int) -> None:
        jobs = self._lanes[lane]
        try:
            while jobs:
                work, answer = jobs.popleft()
                answer(await self._status_of(work))
        finally:
            del self._at_work[lane]
            for _, answer in jobs:  # only when stopped in the middle
                answer(statuses.TEMPORARY_FAILURE)
            jobs.clear()

    async def _status_of(self, work: Callable[[], Awaitable[object]]) -> int:
        try:
            async with asyncio.timeout(self._timing.receive):
                await work()
        except (NotFound, InvalidValue) as exc:
            # Not for us, or from nobody who could be answered: coming again would not help.
            _log.warning("text is not ours", problem=str(exc))
            return statuses.REJECTED
        except Exception as exc:  # noqa: BLE001 - whatever it is, the SMSC keeps the text and brings it again
            _log.error("text was not received", exc_info=exc)
            return statuses.TEMPORARY_FAILURE
        return statuses.OK


def _text_receipt(url: SmppUrl, deliver: DeliverSm) -> TextReceipt:
    receipt = read_receipt(deliver, url.country_code)
    delivered = receipt.state is MessageState.DELIVERED if receipt.is_final else None
    return TextReceipt(
        transport_ids=(f"{url.place}/{receipt.message_id}",) if receipt.message_id else (),
        delivered=delivered,
        detail=receipt.detail,
        phone=receipt.phone,
        address=our_address(deliver.destination, url.source, url.country_code),
        country_code=url.country_code,
        opted_out=delivered is False and bare_code(receipt.error) in url.optout_errors,
        # The time in which the SMSC tried is over: the phone was off or away all the while.
        unreachable=receipt.state is MessageState.EXPIRED,
    )
