"""The one loop of delivery: takes messages from the flow, expands them page by page, hands envelopes to channels, and writes
down their outcomes.

A crash repeats at most what was in flight (at least once).
Fan-outs take turns page by page, so that a topic with a million subscribers does not keep the others waiting.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

import structlog

from tidings.delivery.expand import Expander
from tidings.delivery.fanout import Fanout, Row
from tidings.delivery.hooks import DeliveryHooks, Planned
from tidings.delivery.journal import Journal
from tidings.delivery.render import Renderer, subscriber_of, subscriber_of_number
from tidings.delivery.sender import OUR_FAULT, Sender, our_fault
from tidings.domain.envelope import RenderedMessage
from tidings.domain.errors import Unavailable
from tidings.domain.lifecycle import may_receive
from tidings.domain.limits import PAGE_SUBSCRIPTIONS, PAGES_IN_FLIGHT
from tidings.domain.model import Delivery, Kind, Message, Subscriber, Subscription
from tidings.domain.ports import Channel, Clock, Flow, Settled, Store, Task
from tidings.observe.metrics import Metrics

IN_FLIGHT_MAX = PAGES_IN_FLIGHT * PAGE_SUBSCRIPTIONS
FANOUT_PAGES_MAX = PAGES_IN_FLIGHT * 3 // 4
"""Of the pages in flight one message may hold this many, so that there is always room for another."""
TAKE_MAX = 256
SLICE_SUBSCRIPTIONS = 50
"""Of a page, sent in one turn of the event loop: about a millisecond, so that callers wait no longer for a large fan-out."""
AGAIN_S = 0.5
DUE_SLEEP_S = 10.0
"""Longest sleep of who waits for due rows: an administrator's command in another process may have written one."""
DUE_MAX = 500
STOP_GRACE_S = 5.0

_T = TypeVar("_T")

_log = structlog.get_logger(__name__)


class Dispatcher:
    """`channels`: protocol -> Channel. `hooks`: by protocol.
    `dead_letters`: the channel to queues that take what was given up."""

    def __init__(
        self,
        flow: Flow,
        store: Store,
        clock: Clock,
        expander: Expander,
        renderer: Renderer,
        channels: Mapping[str, Channel],
        metrics: Metrics,
        journal: Journal,
        *,
        hooks: Mapping[str, DeliveryHooks] | None = None,
        dead_letters: Channel | None = None,
    ) -> None:
        self._flow = flow
        self._store = store
        self._clock = clock
        self._expander = expander
        self._renderer = renderer
        self._journal = journal
        self._sender = Sender(journal, clock, renderer, channels, metrics, hooks or {}, dead_letters)
        self._ready: deque[Fanout] = deque()
        self._work = asyncio.Event()
        self._started: set[asyncio.Task[None]] = set()
        self._loops: list[asyncio.Task[None]] = []
        self._writing: asyncio.Task[None] | None = None
        self._stopping = False

    # --- start and stop ------------------------------------------------------------------------------------------------

    def start(self) -> None:
        loops = (self._take(), self._pump(), self._take_due(), self._sender.age())
        self._loops = [asyncio.create_task(loop) for loop in loops]
        self._writing = asyncio.create_task(self._journal.run())

    async def stop(self) -> None:
        """Stop taking, give what is on its way a moment, write progress. What is not finished comes again at the next start."""
        self._stopping = True
        self._flow.stop()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._settled(), STOP_GRACE_S)
        for loop in (*self._loops, *self._started):
            loop.cancel()
        for loop in self._loops:
            with suppress(asyncio.CancelledError):
                await loop
        # Before the journal: a transport waits until what it was told is durable.
        await self._sender.close()
        if self._writing is not None:
            self._writing.cancel()
            with suppress(asyncio.CancelledError):
                await self._writing
        await self._journal.flush()

    async def _settled(self) -> None:
        while self._sender.in_flight or self._sender.rows_out:
            self._sender.room.clear()
            await self._sender.room.wait()

    @property
    def in_flight(self) -> int:
        """Attempts on their way that have not become rows."""
        return self._sender.in_flight

    # --- messages ------------------------------------------------------------------------------------------------------

    async def _take(self) -> None:
        while not self._stopping:
            # What waits for its turn or its signature counts too: what is taken must fit in memory.
            while self._sender.in_flight + len(self._ready) + len(self._started) >= IN_FLIGHT_MAX:
                self._sender.room.clear()
                await self._sender.room.wait()
            for task in await _until_read("messages", partial(self._flow.take, TAKE_MAX)):
                if not self._begin_at_once(task):
                    self._spawn(self._begin(task))
            await asyncio.sleep(0)  # a full flow answers without waiting; sockets and callers come first

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        started = asyncio.create_task(work)
        self._started.add(started)
        started.add_done_callback(self._begun)

    def _begun(self, started: asyncio.Task[None]) -> None:
        self._started.discard(started)
        self._sender.room.set()

    def _begin_at_once(self, task: Task) -> bool:
        """The usual case, a small topic in memory: without a task of its own unless something is to be signed."""
        message = task.message
        if message.kind is not Kind.NOTIFICATION or message.topic_id is None or task.cursor:
            return False
        topic = self._expander.cached_topic(message.topic_id)
        if topic is None:
            return False
        subscribers = self._expander.cached_page(message.topic_id, task.seq)
        if subscribers is None or self._sender.needs_look_ahead(subscribers):
            return False
        fanout = Fanout(task, topic, {}, 0, exhausted=True)
        try:
            unsigned = self._unsigned(fanout, subscribers)
        except Exception:  # noqa: BLE001
            return False  # a bug: `_begin` meets it too, says so and tries again
        if unsigned:
            self._spawn(self._sign_and_send(fanout, subscribers, unsigned))
        else:
            self._sender.send_page(fanout, subscribers)
        return True

    async def _sign_and_send(
        self, fanout: Fanout, subscribers: Sequence[Subscriber], unsigned: Sequence[RenderedMessage]
    ) -> None:
        try:
            for rendered in unsigned:
                await rendered.sign()
        except Unavailable:
            return  # stopping: the message comes again at the next start
        self._sender.send_page(fanout, subscribers)

    async def _begin(self, task: Task) -> None:
        while True:
            try:
                if task.message.kind is Kind.NOTIFICATION:
                    await self._begin_fanout(task)
                else:
                    await self._begin_single(task)
                return
            except Unavailable:
                if self._stopping:
                    return  # the message comes again at the next start
                await asyncio.sleep(AGAIN_S)
            except Exception:  # noqa: BLE001
                # A bug, or a store that cannot be read now, must cost neither the message nor the loop.
                _log.exception("message not begun; trying again", message_id=task.message.id)
                await asyncio.sleep(AGAIN_S)

    async def _begin_fanout(self, task: Task) -> None:
        message = task.message
        assert message.topic_id is not None
        topic = await self._expander.topic(message.topic_id)
        if topic is None:
            self._journal.finish(task.seq)
            return
        fanout = Fanout(task, topic, {}, task.cursor)
        subscribers = self._expander.cached_page(message.topic_id, task.seq) if not task.cursor else None
        if subscribers is None:
            subscribers = await self._expander.page(message.topic_id, task.cursor, task.seq)
        await self._sign(fanout, subscribers)
        if len(subscribers) < PAGE_SUBSCRIPTIONS:
            ahead = await self._sender.look_ahead(message, topic, subscribers)
            fanout.exhausted = True
            self._sender.send_page(fanout, subscribers, ahead)
        else:
            fanout.read = subscribers
            self._ready.append(fanout)
            self._work.set()

    async def _begin_single(self, task: Task) -> None:
        """A notice for one subscription, or a text for one number."""
        message = task.message
        topic = await self._expander.topic(message.topic_id) if message.topic_id is not None else None
        if message.kind is Kind.DIRECT:
            subscriber = subscriber_of_number(message)
        else:
            found = await self._store.subscribers([message.subscription_uid])
            subscription = found.get(message.subscription_uid)
            if topic is None or subscription is None or not _may_receive(message, subscription):
                self._journal.finish(task.seq)
                return
            subscriber = subscriber_of(subscription)
        fanout = Fanout(task, topic, {}, 0, exhausted=True)
        await self._sign(fanout, [subscriber])
        ahead = await self._sender.look_ahead(message, topic, [subscriber])
        self._sender.send_page(fanout, [subscriber], ahead)

    async def _pump(self) -> None:
        """Give each large fan-out in turn a page, while there is room."""
        while True:
            fanout = self._next_in_turn() if self._sender.in_flight < IN_FLIGHT_MAX else None
            if fanout is None:
                signal = self._sender.room if self._ready else self._work
                signal.clear()
                await signal.wait()
                continue
            try:
                await self._next_page(fanout)
            except Exception:  # noqa: BLE001
                _log.exception("page not sent; trying again", message_id=fanout.task.message.id)
                await asyncio.sleep(AGAIN_S)
                self._ready.append(fanout)

    def _next_in_turn(self) -> Fanout | None:
        """The first in the queue that does not hold all the pages it may; those passed over go to the end."""
        for _ in range(len(self._ready)):
            fanout = self._ready.popleft()
            if len(fanout.pages) < FANOUT_PAGES_MAX:
                return fanout
            self._ready.append(fanout)
        return None

    async def _next_page(self, fanout: Fanout) -> None:
        message = fanout.task.message
        assert message.topic_id is not None
        if await self._expander.topic(message.topic_id) is None:
            self._drop(fanout)
            return
        subscribers, fanout.read = fanout.read, None
        if subscribers is None:
            subscribers = await self._expander.page(message.topic_id, fanout.after, fanout.task.seq)
            await self._sign(fanout, subscribers)
        if len(subscribers) < PAGE_SUBSCRIPTIONS:
            fanout.exhausted = True
        else:
            fanout.after = subscribers[-1].id
            self._ready.append(fanout)
        page = self._sender.begin_page(fanout, subscribers)
        for start in range(0, len(subscribers), SLICE_SUBSCRIPTIONS):
            piece = subscribers[start : start + SLICE_SUBSCRIPTIONS]
            # Not given up: a page that was begun is sent to its end.
            ahead = await _until_read("what hooks need", partial(self._sender.look_ahead, message, fanout.topic, piece))
            self._sender.send_slice(page, piece, ahead)
            await asyncio.sleep(0)  # sockets and callers come first
        self._sender.end_page(page)

    def _drop(self, fanout: Fanout) -> None:
        """The topic is gone: nothing more is sent; what is on its way is refused by the gate."""
        fanout.exhausted = True
        if fanout.finished:
            self._journal.finish(fanout.task.seq)

    # --- dressing ------------------------------------------------------------------------------------------------------

    def _rendered(self, fanout: Fanout, dialect: str) -> RenderedMessage:
        rendered = fanout.rendered_messages.get(dialect)
        if rendered is None:
            rendered = fanout.rendered_messages[dialect] = self._renderer.open(
                dialect, fanout.task.message, fanout.topic
            )
        return rendered

    def _unsigned(self, fanout: Fanout, subscribers: Sequence[Subscriber]) -> list[RenderedMessage]:
        """The rendered message whose signature somebody on this page will read and that have none yet."""
        missing: dict[str, RenderedMessage] = {}
        for subscriber in subscribers:
            rendered = self._rendered(fanout, subscriber.dialect)
            if rendered.reads_signature(subscriber):
                missing[subscriber.dialect] = rendered
        return list(missing.values())

    async def _sign(self, fanout: Fanout, subscribers: Sequence[Subscriber]) -> None:
        for rendered in self._unsigned(fanout, subscribers):
            await rendered.sign()

    async def _take_due(self) -> None:
        while not self._stopping:
            while self._sender.rows_out >= IN_FLIGHT_MAX:
                self._sender.room.clear()
                await self._sender.room.wait()
            now = self._clock.now()
            due = await _until_read("deliveries", partial(self._flow.take_due, now, DUE_MAX))
            if due:
                await self._send_due(due)
                continue
            next_due = await _until_read("next delivery", self._flow.next_due)
            wait_s = DUE_SLEEP_S if next_due is None else min(max((next_due - now).total_seconds(), 0.005), DUE_SLEEP_S)
            await self._flow.due_changed(wait_s)

    async def _send_due(self, due: Sequence[tuple[Delivery, Message]]) -> None:
        uids = [delivery.subscription_uid for delivery, _ in due]
        found = await _until_read("subscribers", partial(self._store.subscribers, uids))
        ahead = await _until_read("what hooks need", partial(self._look_ahead, due, found))
        rendered_messages: dict[tuple[str, str], RenderedMessage] = {}
        for delivery, message in due:
            subscription, own = found.get(delivery.subscription_uid), ahead.get(delivery.id)
            try:
                await self._send_row(delivery, message, subscription, own, rendered_messages)
            except Exception as error:  # noqa: BLE001
                _log.exception("delivery not sent; trying again", delivery_id=delivery.id)
                again = self._clock.now() + OUR_FAULT
                self._journal.settle(Settled(delivery.id, delivery.attempts, due=again, reason=our_fault(error)))

    async def _look_ahead(
        self, due: Sequence[tuple[Delivery, Message]], found: Mapping[str, Subscription]
    ) -> Mapping[int, object | None]:
        """What hooks read for rows, by their ids."""
        rows: list[tuple[Delivery, Planned]] = []
        for delivery, message in due:
            if self._sender.has_hooks(delivery.protocol):
                topic = await self._expander.topic(message.topic_id) if message.topic_id is not None else None
                subscription = found.get(delivery.subscription_uid)
                endpoint = message.endpoint if subscription is None else subscription.endpoint
                rows.append((delivery, Planned(message, topic, endpoint)))
        return await self._sender.look_ahead_of_rows(rows)

    async def _send_row(
        self,
        delivery: Delivery,
        message: Message,
        subscription: Subscription | None,
        ahead: object | None,
        rendered_messages: dict[tuple[str, str], RenderedMessage],
    ) -> None:
        topic = await self._expander.topic(message.topic_id) if message.topic_id is not None else None
        if message.kind is Kind.DIRECT:
            subscriber = subscriber_of_number(message)
        elif topic is None or subscription is None or not _may_receive(message, subscription):
            self._sender.block_row(delivery, message, topic)
            return
        else:
            subscriber = subscriber_of(subscription)
        if message.expires_at is not None and self._clock.now() >= message.expires_at:
            self._sender.expire_row(delivery, message, topic)
            return
        key = (message.id, subscriber.dialect)
        rendered = rendered_messages.get(key)
        if rendered is None:
            rendered = rendered_messages[key] = self._renderer.open(subscriber.dialect, message, topic)
        if rendered.reads_signature(subscriber):
            await rendered.sign()
        self._sender.send_row(Row(delivery.id, topic, rendered), message, subscriber, delivery.attempts + 1, ahead)


async def _until_read(what: str, read: Callable[[], Awaitable[_T]]) -> _T:
    """For what a loop cannot go on without: a store that cannot be read now must not end it."""
    while True:
        try:
            return await read()
        except Exception:  # noqa: BLE001
            _log.exception("not read; trying again", what=what)
            await asyncio.sleep(AGAIN_S)


def _may_receive(message: Message, subscription: Subscription) -> bool:
    return may_receive(message.kind is Kind.GOODBYE, message.kind is Kind.CONFIRMATION, subscription.state)
