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
from operator import attrgetter
from typing import TypeVar
from weakref import ReferenceType, ref

import structlog

from tidings.delivery.dead_letters import DeadLetterQueues
from tidings.delivery.fanout import Fanout, Page, Row, topic_of
from tidings.delivery.hooks import DeliveryHooks, Planned
from tidings.delivery.journal import Journal
from tidings.delivery.pace import Pacer
from tidings.delivery.render import Renderer
from tidings.delivery.settle import DONE, TOO_LATE, Again, Decision, Done, GiveUp, decide
from tidings.domain.envelope import Outgoing, TextContent
from tidings.domain.errors import Unavailable
from tidings.domain.limits import PAGE_PATIENCE_S
from tidings.domain.model import Delivery, Message, Subscriber, Topic
from tidings.domain.outcomes import Busy, Delivered, Outcome, Refused, RetryLater
from tidings.domain.ports import Channel, Clock, NewDelivery, Settled, Task
from tidings.observe.metrics import Metrics

SPILL_EXTRA_S = 30.0
"""How long after its time-out a spilled attempt that never reported back is tried again."""
OUR_FAULT = timedelta(seconds=30)
"""How long a delivery waits that met a bug."""
_NOT_READ = Busy(OUR_FAULT.total_seconds(), "our fault: what it needs was not read")
_NO_FORM = TextContent("")
"""Content of a delivery that never reaches its channel."""

Ahead = Mapping[tuple[str, str], object | None]
"""What hooks read ahead, by protocol and endpoint."""
NOTHING_AHEAD: Ahead = {}
_PROTOCOL = attrgetter("protocol")

_log = structlog.get_logger(__name__)


class Sender:
    """`in_flight`: attempts of pages on their way; `rows_out`: attempts of rows. `room` is set whenever one settles."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        renderer: Renderer,
        channels: Mapping[str, Channel],
        metrics: Metrics,
        hooks: Mapping[str, DeliveryHooks],
        dead_letters: Channel | None,
    ) -> None:
        self._journal = journal
        self._hooks = hooks
        self._dead_letters = DeadLetterQueues(renderer, dead_letters)
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
        for channel in _distinct(self._channels):
            await channel.close()
        for each in _distinct(self._hooks):
            await each.close()

    def has_hooks(self, protocol: str) -> bool:
        return protocol in self._hooks

    def needs_look_ahead(self, subscribers: Sequence[Subscriber]) -> bool:
        """Whether hooks want to read something before these are sent to."""
        return not self._hooks.keys().isdisjoint(map(_PROTOCOL, subscribers))

    async def look_ahead(self, message: Message, topic: Topic | None, subscribers: Sequence[Subscriber]) -> Ahead:
        """What the hooks read for these attempts, to be handed on with them. Raises Unavailable."""
        found: dict[tuple[str, str], object | None] = {}
        for protocol, hooks in self._hooks.items():
            planned = [Planned(message, topic, to.endpoint) for to in subscribers if to.protocol == protocol]
            if planned:
                for (_, _, endpoint), ahead in zip(planned, await _look_ahead(hooks, planned), strict=True):
                    found[protocol, endpoint] = ahead
        return found

    async def look_ahead_of_rows(self, rows: Sequence[tuple[Delivery, Planned]]) -> Mapping[int, object | None]:
        """The same for rows, by their ids. Raises Unavailable."""
        found: dict[int, object | None] = {}
        for protocol, hooks in self._hooks.items():
            own = [(delivery.id, planned) for delivery, planned in rows if delivery.protocol == protocol]
            if own:
                read = await _look_ahead(hooks, [planned for _, planned in own])
                found.update(zip((row_id for row_id, _ in own), read, strict=True))
        return found

    def send_page(self, fanout: Fanout, subscribers: Sequence[Subscriber], ahead: Ahead = NOTHING_AHEAD) -> None:
        """Send a page at once: right for a few subscribers. ahead: as `look_ahead` gave it."""
        page = self.begin_page(fanout, subscribers)
        self.send_slice(page, subscribers, ahead)
        self.end_page(page)

    def begin_page(self, fanout: Fanout, subscribers: Sequence[Subscriber]) -> Page:
        """Open a page for these subscribers; `send_slice` sends it piece by piece, `end_page` says that was all."""
        page = Page(fanout, subscribers[-1].id if subscribers else fanout.after, asyncio.get_running_loop().time())
        fanout.pages.append(page)
        return page

    def send_slice(self, page: Page, subscribers: Sequence[Subscriber], ahead: Ahead = NOTHING_AHEAD) -> None:
        fanout = page.fanout
        message = fanout.task.message
        out, renderer = page.out, self._renderer
        if message.protocols:
            subscribers = [subscriber for subscriber in subscribers if subscriber.protocol in message.protocols]
        if message.expires_at is not None and self._clock.now() >= message.expires_at:
            for subscriber in subscribers:
                self._metrics.attempt(subscriber.protocol, "expired")
                self._failed(subscriber.protocol, message, fanout.topic, TOO_LATE)
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
            if ahead:
                outgoing.ahead = ahead.get((subscriber.protocol, subscriber.endpoint))
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
        self._journal.park(_new_row(page.fanout.task, subscriber, 0, due, reason))

    def end_page(self, page: Page) -> None:
        page.sent = True
        if page.out:
            # Weakly, so that a message that went out at once is not kept in memory until its page would be of age.
            self._aging.append((page.started_s, ref(page)))
        else:
            self._page_done(page)

    def _refuse_unsent(self, page: Page, subscriber: Subscriber, reason: str) -> None:
        message = page.fanout.task.message
        outgoing = Outgoing(message, subscriber, subscriber.endpoint, _NO_FORM, 1, 0.0)
        outgoing.mark = page
        page.out.add(outgoing)
        self.in_flight += 1
        self._give_up_unsent(outgoing, reason)

    def _give_up_unsent(self, outgoing: Outgoing, reason: str) -> None:
        """A dead letter without an attempt: the message has no form for the subscriber's protocol."""
        protocol = outgoing.subscriber.protocol
        self._metrics.attempt(protocol, "refused")
        self._metrics.dead_letter(protocol)
        self._failed(protocol, outgoing.message, topic_of(outgoing.mark), reason)
        self._end(outgoing, GiveUp(outgoing.attempt, reason))

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
        hooks = self._hooks.get(protocol)
        if hooks is not None:
            hooks.settled(outgoing, outcome, decision)
        if decision is DONE:
            self._write(outgoing, decision)
        else:
            self._end(outgoing, decision)

    def _failed(self, protocol: str, message: Message, topic: Topic | None, reason: str) -> None:
        hooks = self._hooks.get(protocol)
        if hooks is not None:
            hooks.failed(message, topic, reason)

    def _decide(self, outgoing: Outgoing, outcome: Outcome) -> Decision:
        topic = topic_of(outgoing.mark)
        plan = self._renderer.envelopes(outgoing.subscriber).retry_plan(topic, outgoing.subscriber)
        return decide(outcome, outgoing.attempt, plan, self._clock.now(), random.random())  # noqa: S311 - jitter

    def _end(self, outgoing: Outgoing, decision: Decision) -> None:
        """Write the decision down; one to give up when the dead-letter queue has answered, if there is one."""
        if isinstance(decision, GiveUp) and self._dead_letters.hand_over(outgoing, decision, self._write):
            return
        self._write(outgoing, decision)

    def _write(self, outgoing: Outgoing, decision: Decision) -> None:
        # An attempt belongs to its page until that has waited too long, then to a row.
        mark = outgoing.mark
        if isinstance(mark, Page):
            self._write_in_page(mark, outgoing, decision)
        else:
            self._write_row(mark, decision)

    def _write_in_page(self, page: Page, outgoing: Outgoing, decision: Decision) -> None:
        page.out.discard(outgoing)
        self.in_flight -= 1
        if not isinstance(decision, Done):
            task = page.fanout.task
            self._journal.park(_decided_row(task, outgoing.subscriber, decision, self._clock.now()))
        if not page.out and page.sent:
            self._page_done(page)
        self.room.set()

    def _page_done(self, page: Page) -> None:
        fanout = page.fanout
        cursor = fanout.advance()
        if fanout.finished:
            self._journal.finish(fanout.task.seq)
        elif cursor is not None:
            self._journal.move(fanout.task.seq, cursor)
        self.room.set()

    def _write_row(self, row: Row, decision: Decision) -> None:
        self.rows_out -= 1
        self.room.set()
        self._journal.decide(row, decision)

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
            self._journal.park(_new_row(task, outgoing.subscriber, 1, due, "on its way"), row)
        self.in_flight -= len(page.out)
        self.rows_out += len(page.out)
        page.out.clear()
        self._page_done(page)

    def send_row(
        self, row: Row, message: Message, subscriber: Subscriber, attempt: int, ahead: object | None = None
    ) -> None:
        """Make another attempt of a delivery that is a row. ahead: what the hooks read for it."""
        try:
            outgoing = self._renderer.outgoing(message, row.rendered, subscriber, attempt)
        except ValueError as error:
            outgoing = Outgoing(message, subscriber, subscriber.endpoint, _NO_FORM, attempt, 0.0)
            outgoing.mark = row
            self.rows_out += 1
            self._give_up_unsent(outgoing, str(error))
            return
        outgoing.mark = row
        outgoing.ahead = ahead
        self.rows_out += 1
        self._send(outgoing)

    def expire_row(self, delivery: Delivery, message: Message, topic: Topic | None) -> None:
        """The message's time to live is over: what was not delivered until now is a dead letter."""
        self._metrics.attempt(delivery.protocol, "expired")
        self._metrics.dead_letter(delivery.protocol)
        self._failed(delivery.protocol, message, topic, TOO_LATE)
        self._journal.settle(Settled(delivery.id, delivery.attempts, dead=True, reason=TOO_LATE))

    def block_row(self, delivery: Delivery, message: Message, topic: Topic | None) -> None:
        """Consent is gone: the delivery is done without an attempt."""
        self._metrics.attempt(delivery.protocol, "blocked")
        hooks = self._hooks.get(delivery.protocol)
        if hooks is not None:
            hooks.blocked(message, topic)
        self._journal.settle(Settled(delivery.id, 0))

    def _send(self, outgoing: Outgoing) -> None:
        protocol = outgoing.subscriber.protocol
        channel = self._channels.get(protocol)
        if channel is None:
            self._settled(outgoing, RetryLater(f"no channel for {protocol}"))
            return
        hooks = self._hooks.get(protocol)
        if hooks is not None:
            if outgoing.ahead is None:
                self._settled(outgoing, _NOT_READ)
                return
            reason = hooks.prepare(outgoing)
            if reason:
                self._settled(outgoing, Refused(reason))
                return
        channel.send(outgoing, self._settled)


_T = TypeVar("_T")


def _distinct(of_protocols: Mapping[str, _T]) -> Sequence[_T]:
    """One may serve several protocols."""
    return list({id(each): each for each in of_protocols.values()}.values())


async def _look_ahead(hooks: DeliveryHooks, planned: Sequence[Planned]) -> Sequence[object | None]:
    """What hooks read; None for all of it when they met a bug, which must hold up nobody else. Raises Unavailable."""
    try:
        return await hooks.look_ahead(planned)
    except Unavailable:
        raise
    except Exception:  # noqa: BLE001
        _log.exception("hooks could not look ahead; trying again", attempts=len(planned))
        return [None] * len(planned)


def our_fault(error: Exception) -> str:
    """The reason of a delivery that waits because of a bug."""
    return f"our fault: {error!r}"


def _new_row(
    task: Task,
    subscriber: Subscriber,
    attempts: int,
    due: datetime,
    reason: str,
    *,
    dead: bool = False,
    redriven: bool = False,
) -> NewDelivery:
    uid, protocol, endpoint = subscriber.uid, subscriber.protocol, subscriber.endpoint
    return NewDelivery(task.seq, task.message, uid, protocol, endpoint, attempts, due, reason, dead, redriven)


def _decided_row(task: Task, subscriber: Subscriber, decision: Again | GiveUp, now: datetime) -> NewDelivery:
    """What a first attempt leaves: a row that waits, or a dead letter."""
    attempts, reason = decision.attempts, decision.reason
    if isinstance(decision, Again):
        return _new_row(task, subscriber, attempts, decision.due, reason)
    return _new_row(task, subscriber, attempts, now, reason, dead=True, redriven=decision.redriven)
