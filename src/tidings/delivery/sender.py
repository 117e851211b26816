"""Sends pages and rows through the channels, and settles what comes back: the half of the dispatcher that faces the channels.

Success writes nothing. A failure becomes a row, or a dead letter; a page that has waited PAGE_PATIENCE_S lets what is still out
become rows, so that a dead receiver holds up only itself.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from weakref import ReferenceType, ref

import structlog

from tidings.delivery.fanout import Fanout, Page, Row, topic_of
from tidings.delivery.journal import Journal
from tidings.delivery.pace import Pacer
from tidings.delivery.render import Renderer
from tidings.delivery.settle import DONE, Again, Decision, GiveUp, decide
from tidings.delivery.text_reports import OPTED_OUT, TOO_LATE, TextReports
from tidings.domain.envelope import Outgoing, TextContent
from tidings.domain.errors import Unavailable
from tidings.domain.limits import PAGE_PATIENCE_S
from tidings.domain.model import Delivery, Kind, Message, Subscriber, Topic
from tidings.domain.outcomes import Blocked, Busy, Delivered, Outcome, Refused, RetryLater
from tidings.domain.ports import Channel, Clock, Flow, NewDelivery, Settled
from tidings.domain.texts import TextState
from tidings.observe.metrics import Metrics
from tidings.wire.phone_plans import canonical, is_possible

SPILL_EXTRA_S = 30.0
"""How long after its time-out a spilled attempt that never reported back is tried again."""
OUR_FAULT = timedelta(seconds=30)
"""How long a delivery waits that met a bug."""
DEAD_LETTER_TRIES = 3
_NO_FORM = TextContent("")
"""Content of a delivery that never reaches its channel."""
NO_SUCH_NUMBER = "the numbering plan has no such number"

_log = structlog.get_logger(__name__)


class Sender:
    """`in_flight`: attempts of pages on their way; `rows_out`: attempts of rows. `room` is set whenever one settles.

    texts: told the outcomes of texts; without it nobody counts them.
    """

    def __init__(
        self,
        flow: Flow,
        clock: Clock,
        renderer: Renderer,
        channels: Mapping[str, Channel],
        metrics: Metrics,
        texts: TextReports | None = None,
    ) -> None:
        self.journal = Journal(flow, self._row_known)
        self._texts = texts
        if texts is not None:
            texts.write_to(self.journal)
        self.in_flight = 0
        self.rows_out = 0
        self.room = asyncio.Event()
        self._clock = clock
        self._renderer = renderer
        self._channels = channels
        self._metrics = metrics
        self._pacer = Pacer()
        self._aging: deque[tuple[float, ReferenceType[Page]]] = deque()

    async def close(self) -> None:
        """Close every channel; what has not settled comes again at the next start."""
        for channel in {id(channel): channel for channel in self._channels.values()}.values():
            await channel.close()
        if self._texts is not None:
            await self._texts.close()

    def send_page(self, fanout: Fanout, subscribers: Sequence[Subscriber]) -> None:
        """Send a page at once: right for a few subscribers."""
        page = self.begin_page(fanout, subscribers)
        self.send_slice(page, subscribers)
        self.end_page(page)

    def begin_page(self, fanout: Fanout, subscribers: Sequence[Subscriber]) -> Page:
        """Open a page for these subscribers; `send_slice` sends it piece by piece, `end_page` says that was all."""
        page = Page(fanout, subscribers[-1].id if subscribers else fanout.after, asyncio.get_running_loop().time())
        fanout.pages.append(page)
        return page

    def send_slice(self, page: Page, subscribers: Sequence[Subscriber]) -> None:
        fanout = page.fanout
        message = fanout.task.message
        out, renderer = page.out, self._renderer
        if message.protocols:
            subscribers = [subscriber for subscriber in subscribers if subscriber.protocol in message.protocols]
        if message.expires_at is not None and self._clock.now() >= message.expires_at:
            for subscriber in subscribers:
                self._metrics.attempt(subscriber.protocol, "expired")
                self._text_ended(subscriber.protocol, message, fanout.topic, TextState.FAILED, TOO_LATE)
            return
        for subscriber in subscribers:
            try:
                envelopes = renderer.envelopes(subscriber)
                if not envelopes.wants(message, subscriber):
                    continue
                per_s = envelopes.receives_per_s_max(fanout.topic, subscriber)
                if per_s is not None and self._must_wait(page, subscriber, per_s):
                    continue
                outgoing = renderer.outgoing(message, fanout.rendered_messages[subscriber.dialect], subscriber, 1)
            except ValueError as error:
                self._refuse_unsent(page, subscriber, str(error))
                continue
            except Exception as error:  # noqa: BLE001
                # A bug that one envelope meets must not cost the others theirs.
                _log.exception("envelope not made; trying again", message_id=message.id, subscription=subscriber.uid)
                self._postpone(page, subscriber, self._clock.now() + OUR_FAULT, our_fault(error))
                continue
            outgoing.mark = page
            out.add(outgoing)
            self.in_flight += 1
            self._send(outgoing)

    def _must_wait(self, page: Page, subscriber: Subscriber, per_s: int) -> bool:
        """Whether the subscriber's pace gives this message a later time; then it is a row already."""
        now = self._clock.now()
        at = self._pacer.reserve(subscriber.uid, per_s, now)
        if at > now:
            self._postpone(page, subscriber, at, "waits for its turn")
        return at > now

    def _postpone(self, page: Page, subscriber: Subscriber, due: datetime, reason: str) -> None:
        """Make the first attempt later, as a row."""
        task = page.fanout.task
        self.journal.park(_new_row(task.seq, task.message, subscriber, 0, due, reason, dead=False))

    def end_page(self, page: Page) -> None:
        page.sent = True
        if page.out:
            # Weakly, so that a message that went out at once is not kept in memory until its page would be of age.
            self._aging.append((page.started_s, ref(page)))
        else:
            self._page_done(page)

    def _refuse_unsent(self, page: Page, subscriber: Subscriber, reason: str) -> None:
        """A dead letter without an attempt: the message has no form for the subscriber's protocol."""
        self._metrics.attempt(subscriber.protocol, "refused")
        self._metrics.dead_letter(subscriber.protocol)
        message = page.fanout.task.message
        self._text_ended(subscriber.protocol, message, page.fanout.topic, TextState.FAILED, reason)
        outgoing = Outgoing(message, subscriber, subscriber.endpoint, _NO_FORM, 1, 0.0)
        outgoing.mark = page
        page.out.add(outgoing)
        self.in_flight += 1
        decision = GiveUp(1, reason)
        if not self._to_dead_letter_queue(outgoing, decision):
            self._finish(outgoing, decision)

    def _settled(self, outgoing: Outgoing, outcome: Outcome) -> None:
        """Where every channel reports to, once per attempt."""
        protocol = outgoing.subscriber.protocol
        if outcome.__class__ is Delivered:
            self._metrics.delivered(protocol)
            decision: Decision = DONE
        else:
            self._metrics.attempt(protocol, type(outcome).__name__.lower())
            decision = self._decide(outgoing, outcome)
            if isinstance(decision, GiveUp):
                self._metrics.dead_letter(protocol)
        if protocol == "sms" and self._texts is not None:
            self._texts.settled(outgoing, outcome, decision)
        if decision is DONE or not self._to_dead_letter_queue(outgoing, decision):
            self._finish(outgoing, decision)

    def _text_ended(self, protocol: str, message: Message, topic: Topic | None, state: TextState, detail: str) -> None:
        """Without an attempt, so far as this is about a text."""
        if protocol == "sms" and self._texts is not None:
            self._texts.ended(message, topic, state, detail)

    def _finish(self, outgoing: Outgoing, decision: Decision, *, redriven: bool = False) -> None:
        mark = outgoing.mark
        if isinstance(mark, Page):
            self._settle_in_page(mark, outgoing, decision, redriven=redriven)
            return
        assert isinstance(mark, Row)
        self.rows_out -= 1
        self.room.set()
        if mark.id:
            self._settle_row(mark, decision, redriven=redriven)
        else:
            mark.early = (decision, redriven)

    def _decide(self, outgoing: Outgoing, outcome: Outcome) -> Decision:
        topic = topic_of(outgoing.mark)
        plan = self._renderer.envelopes(outgoing.subscriber).retry_plan(topic, outgoing.subscriber)
        return decide(outcome, outgoing.attempt, plan, self._clock.now(), random.random())  # noqa: S311 - jitter

    def _settle_in_page(self, page: Page, outgoing: Outgoing, decision: Decision, *, redriven: bool = False) -> None:
        page.out.discard(outgoing)
        self.in_flight -= 1
        if isinstance(decision, Again | GiveUp):
            task = page.fanout.task
            self.journal.park(
                _decided_row(task.seq, task.message, outgoing.subscriber, decision, self._clock.now(), redriven)
            )
        if not page.out and page.sent:
            self._page_done(page)
        self.room.set()

    def _page_done(self, page: Page) -> None:
        fanout = page.fanout
        cursor = fanout.advance()
        if fanout.finished:
            self.journal.finish(fanout.task.seq)
        elif cursor is not None:
            self.journal.move(fanout.task.seq, cursor)
        self.room.set()

    def _settle_row(self, row: Row, decision: Decision, *, redriven: bool = False) -> None:
        match decision:
            case Again(attempts, due, reason):
                self.journal.settle(Settled(row.id, attempts, due=due, reason=reason))
            case GiveUp(attempts, reason):
                self.journal.settle(Settled(row.id, attempts, dead=True, redriven=redriven, reason=reason))
            case _:
                self.journal.settle(Settled(row.id, 0))

    def _row_known(self, row: Row) -> None:
        if row.early is not None:
            decision, redriven = row.early
            row.early = None
            self._settle_row(row, decision, redriven=redriven)

    # --- dead-letter queues ----------------------------------------------------------------------------------------------

    def _to_dead_letter_queue(self, outgoing: Outgoing, decision: Decision) -> bool:
        """Hand a given-up delivery to its subscription's queue; False when it has none (or was on its way there).

        A request to confirm and a goodbye hold a secret for their endpoint and for nobody else, so they never go there.
        """
        if not isinstance(decision, GiveUp) or outgoing.message.kind in (Kind.CONFIRMATION, Kind.GOODBYE):
            return False
        envelopes = self._renderer.envelopes(outgoing.subscriber)
        queue = envelopes.dead_letter_queue(outgoing.subscriber)
        channel = self._channels.get("sqs")
        if not queue or channel is None:
            return False
        mark = outgoing.mark
        rendered = (
            mark.fanout.rendered_messages[outgoing.subscriber.dialect] if isinstance(mark, Page) else mark.rendered
        )
        content = envelopes.dead_letter(rendered, outgoing.subscriber)
        letter = Outgoing(outgoing.message, outgoing.subscriber, queue, content, 1, 30.0)

        def settled(letter: Outgoing, outcome: Outcome) -> None:
            if isinstance(outcome, RetryLater | Busy) and letter.attempt < DEAD_LETTER_TRIES:
                letter.attempt += 1
                channel.send(letter, settled)
                return
            redriven = isinstance(outcome, Delivered)
            reason = decision.reason if redriven else f"{decision.reason}; dead-letter queue: {outcome}"
            final: Decision = DONE if isinstance(outcome, Blocked) else GiveUp(decision.attempts, reason)
            self._finish(outgoing, final, redriven=redriven)

        channel.send(letter, settled)
        return True

    async def age(self) -> None:
        """Turn what a page waited for too long into rows, so that the page's progress can be written."""
        while True:
            await asyncio.sleep(PAGE_PATIENCE_S / 4)
            oldest_s = asyncio.get_running_loop().time() - PAGE_PATIENCE_S
            while self._aging and self._aging[0][0] <= oldest_s:
                page = self._aging.popleft()[1]()
                if page is not None and page.out:
                    self._spill(page)

    def _spill(self, page: Page) -> None:
        task, now = page.fanout.task, self._clock.now()
        for outgoing in page.out:
            row = Row(0, page.fanout.topic, page.fanout.rendered_messages[outgoing.subscriber.dialect])
            outgoing.mark = row
            due = now + timedelta(seconds=outgoing.timeout_s + SPILL_EXTRA_S)
            subscriber = outgoing.subscriber
            self.journal.park(_new_row(task.seq, task.message, subscriber, 1, due, "on its way", dead=False), row)
        self.in_flight -= len(page.out)
        self.rows_out += len(page.out)
        page.out.clear()
        self._page_done(page)

    def send_row(self, row: Row, message: Message, subscriber: Subscriber, attempt: int) -> None:
        """Make another attempt of a delivery that is a row."""
        try:
            outgoing = self._renderer.outgoing(message, row.rendered, subscriber, attempt)
        except ValueError as error:
            self._metrics.attempt(subscriber.protocol, "refused")
            self._metrics.dead_letter(subscriber.protocol)
            self._text_ended(subscriber.protocol, message, row.topic, TextState.FAILED, str(error))
            outgoing = Outgoing(message, subscriber, subscriber.endpoint, _NO_FORM, attempt, 0.0)
            outgoing.mark = row
            self.rows_out += 1
            decision = GiveUp(attempt, str(error))
            if not self._to_dead_letter_queue(outgoing, decision):
                self._finish(outgoing, decision)
            return
        outgoing.mark = row
        self.rows_out += 1
        self._send(outgoing)

    def expire_row(self, delivery: Delivery, message: Message, topic: Topic | None) -> None:
        """The message's time to live is over: what was not delivered until now is a dead letter."""
        self._metrics.attempt(delivery.protocol, "expired")
        self._metrics.dead_letter(delivery.protocol)
        self._text_ended(delivery.protocol, message, topic, TextState.FAILED, TOO_LATE)
        self.journal.settle(Settled(delivery.id, delivery.attempts, dead=True, reason=TOO_LATE))

    def block_row(self, delivery: Delivery, message: Message, topic: Topic | None) -> None:
        """Consent is gone: the delivery is done without an attempt."""
        self._metrics.attempt(delivery.protocol, "blocked")
        self._text_ended(delivery.protocol, message, topic, TextState.BLOCKED, OPTED_OUT)
        self.journal.settle(Settled(delivery.id, 0))

    def _send(self, outgoing: Outgoing) -> None:
        protocol = outgoing.subscriber.protocol
        channel = self._channels.get(protocol)
        if channel is None:
            self._settled(outgoing, RetryLater(f"no channel for {protocol}"))
            return
        if protocol == "sms" and not _address_phone(outgoing):
            self._settled(outgoing, Refused(NO_SUCH_NUMBER))
            return
        try:
            if protocol == "sms" and self._texts is not None:
                reason = self._texts.refused(outgoing)
                if reason:
                    self._settled(outgoing, Refused(reason))
                    return
                self._texts.set_sender(outgoing)
            channel.send(outgoing, self._settled)
        except Unavailable as error:
            # The store could not be asked whether this may go out, or from whom; nothing was sent.
            self._settled(outgoing, RetryLater(str(error)))


def our_fault(error: Exception) -> str:
    """The reason of a delivery that waits because of a bug."""
    return f"our fault: {error!r}"


def _address_phone(outgoing: Outgoing) -> bool:
    """Send a text to today's form of the number. False: its numbering plan has no such number, so no carrier is asked."""
    number = canonical(outgoing.endpoint)
    outgoing.endpoint = number
    return not number.startswith("+") or is_possible(number)


def _new_row(
    seq: int,
    message: Message,
    subscriber: Subscriber,
    attempts: int,
    due: datetime,
    reason: str,
    *,
    dead: bool,
    redriven: bool = False,
) -> NewDelivery:
    return NewDelivery(
        seq, message, subscriber.uid, subscriber.protocol, subscriber.endpoint, attempts, due, reason, dead, redriven
    )


def _decided_row(
    seq: int, message: Message, subscriber: Subscriber, decision: Again | GiveUp, now: datetime, redriven: bool
) -> NewDelivery:
    match decision:
        case Again(attempts, due, reason):
            return _new_row(seq, message, subscriber, attempts, due, reason, dead=False)
        case GiveUp(attempts, reason):
            return _new_row(seq, message, subscriber, attempts, now, reason, dead=True, redriven=redriven)
