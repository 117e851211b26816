"""The loop of delivery between a scripted flow, a scripted store and a scripted channel, in virtual time (`virtual_time`)."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime

from tests.support.build import ACCOUNT, NOW, make_topic
from tests.support.toys import ToyEnvelopes, ToyRenderedMessage
from tests.support.virtual_time import VirtualClock
from tidings.delivery.dispatcher import Dispatcher
from tidings.delivery.expand import Expander
from tidings.delivery.hooks import DeliveryHooks
from tidings.delivery.journal import Journal
from tidings.delivery.render import Renderer
from tidings.domain.envelope import Content, Outgoing, RenderedMessage, TextContent
from tidings.domain.model import (
    Delivery,
    DeliveryState,
    Message,
    State,
    Subscriber,
    Subscription,
    SubscriptionId,
    Topic,
    TopicId,
)
from tidings.domain.outcomes import DELIVERED, Outcome
from tidings.domain.ports import Channel, NewDelivery, Progress, Settle, Settled, Task
from tidings.domain.retry import RetryPlan
from tidings.domain.unit import Unit
from tidings.observe.metrics import Metrics

PLAN = RetryPlan(0, 1, 0, 0, 20, 20, "linear")
"""One retry, 20 s later."""


class ScriptedFlow:
    """Hands out what a test gives it, and keeps what it is told. `failures` are raised by the next calls of `record`, one each."""

    def __init__(self) -> None:
        self._due_changed = asyncio.Event()
        self.tasks: deque[Task] = deque()
        self.rows: dict[int, tuple[Delivery, Message]] = {}
        self.leased: set[int] = set()
        self.progress: list[Progress] = []
        self.failures: deque[Exception] = deque()
        self.take_failures: deque[Exception] = deque()
        self.due_failures: deque[Exception] = deque()
        self.next_due_failures: deque[Exception] = deque()
        self.taken_at: list[datetime] = []
        self._arrived = asyncio.Event()
        self._stopped = False
        self._last_seq = self._last_row = 0

    def give(self, message: Message, cursor: int = 0) -> Task:
        self._last_seq += 1
        task = Task(self._last_seq, message, cursor)
        self.tasks.append(task)
        self._arrived.set()
        return task

    def give_row(
        self, message: Message, due: datetime, attempts: int = 1, protocol: str = "http", uid: str = "u1"
    ) -> int:
        """A row that somebody else has written, and told of."""
        row_id = self.give_row_silently(message, due, attempts, protocol, uid)
        self.look_again()
        return row_id

    def give_row_silently(
        self, message: Message, due: datetime, attempts: int = 1, protocol: str = "http", uid: str = "u1"
    ) -> int:
        """A row that another process has written, of which this one hears nothing."""
        self._last_row += 1
        row_id = self._last_row
        delivery = Delivery(
            row_id,
            1,
            message.id,
            ACCOUNT,
            message.topic_id,
            uid,
            protocol,
            uid,
            attempts,
            due,
            NOW,
            DeliveryState.WAITING,
        )
        self.rows[row_id] = (delivery, message)
        return row_id

    # --- the port, as far as delivery uses it --------------------------------------------------------------------------------------

    async def take(self, limit: int) -> list[Task]:
        while not self.tasks and not self._stopped and not self.take_failures:
            self._arrived.clear()
            await self._arrived.wait()
        if self.take_failures:
            raise self.take_failures.popleft()
        return [self.tasks.popleft() for _ in range(min(limit, len(self.tasks)))]

    async def take_due(self, now: datetime, limit: int) -> list[tuple[Delivery, Message]]:
        self._due_changed.clear()
        if self.due_failures:
            raise self.due_failures.popleft()
        found = [row for row in self.rows.values() if row[0].due <= now and row[0].id not in self.leased][:limit]
        self.leased.update(delivery.id for delivery, _ in found)
        self.taken_at += [now] * len(found)
        return found

    async def next_due(self) -> datetime | None:
        if self.next_due_failures:
            raise self.next_due_failures.popleft()
        return min((row.due for row, _ in self.rows.values() if row.id not in self.leased), default=None)

    async def due_changed(self, within_s: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._due_changed.wait(), within_s)

    def look_again(self) -> None:
        self._due_changed.set()

    async def record(self, progress: Progress, unit: Unit | None = None) -> list[int]:
        if self.failures:
            raise self.failures.popleft()
        self.progress.append(progress)
        for settled in progress.settled:
            self.leased.discard(settled.delivery_id)
            row, message = self.rows.pop(settled.delivery_id)
            if settled.due is not None and not settled.dead:
                self.give_row(message, settled.due, settled.attempts, row.protocol, row.subscription_uid)
        return [self._park(new) for new in progress.parked]

    def stop(self) -> None:
        self._stopped = True
        self._arrived.set()
        self.look_again()

    def _park(self, new: NewDelivery) -> int:
        if new.dead:
            return 10_000 + len(self.progress)
        return self.give_row(new.message, new.due, new.attempts, new.protocol, new.subscription_uid)

    # --- what a test looks at ------------------------------------------------------------------------------------------------------

    @property
    def finished(self) -> list[int]:
        return [seq for progress in self.progress for seq in progress.finished]

    @property
    def cursors(self) -> list[tuple[int, int]]:
        return [cursor for progress in self.progress for cursor in progress.cursors]

    @property
    def parked(self) -> list[NewDelivery]:
        return [new for progress in self.progress for new in progress.parked]

    @property
    def settled(self) -> list[Settled]:
        return [settled for progress in self.progress for settled in progress.settled]


class ScriptedStore:
    """Topics and their subscribers in memory. What is read, for `pause` and `fail`: `topic`, `page`, `subscribers`, `last_seq`."""

    def __init__(self) -> None:
        self.topics: dict[TopicId, Topic] = {}
        self.members: dict[TopicId, list[tuple[Subscriber, int]]] = {}
        self.subscriptions: dict[str, Subscription] = {}
        self.newest_seq = 0
        self._failures: dict[str, deque[Exception | None]] = {}
        self._pauses: dict[str, deque[asyncio.Event]] = {}

    def pause(self, what: str) -> asyncio.Event:
        """The answer to the next read of it comes when the event is set."""
        event = asyncio.Event()
        self._pauses.setdefault(what, deque()).append(event)
        return event

    def fail(self, what: str, *errors: Exception | None) -> None:
        """The next reads of it raise these; None: that one does not fail."""
        self._failures.setdefault(what, deque()).extend(errors)

    def add_topic(self, topic_id: int = 1, members: int = 0, protocol: str = "http") -> Topic:
        """members: subscribers with the uids u1, u2, ..., who consented before the first message."""
        topic = make_topic(topic_id)
        self.topics[topic.id] = topic
        self.members[topic.id] = []
        for number in range(1, members + 1):
            self.add_member(topic, number, protocol)
        return topic

    def add_member(
        self, topic: Topic, number: int, protocol: str = "http", since_seq: int = 0, state: State = State.CONFIRMED
    ) -> None:
        uid = f"u{number}"
        subscriber = Subscriber(SubscriptionId(number), uid, ACCOUNT, "sns", protocol, uid, {})
        self.members[topic.id].append((subscriber, since_seq))
        self.subscriptions[uid] = Subscription(
            SubscriptionId(number), uid, topic.id, ACCOUNT, "sns", protocol, uid, state, {}, "", NOW
        )

    def drop_member(self, topic: Topic, number: int) -> None:
        self.members[topic.id] = [row for row in self.members[topic.id] if row[0].id != number]

    async def topic_by_id(self, topic_id: TopicId) -> Topic | None:
        found = self.topics.get(topic_id)
        await self._read("topic")
        return found

    async def page(self, topic_id: TopicId, *, after: int, limit: int, seq: int) -> list[Subscriber]:
        # What is read is as it was when it was asked for; who asked hears of it later.
        members = [
            row
            for row, since in self.members.get(topic_id, [])
            if row.id > after and since < seq and self.subscriptions[row.uid].state is State.CONFIRMED
        ][:limit]
        await self._read("page")
        return members

    async def last_seq(self) -> int:
        found = self.newest_seq
        await self._read("last_seq")
        return found

    async def subscribers(self, uids: Sequence[str]) -> dict[str, Subscription]:
        await self._read("subscribers")
        return {uid: self.subscriptions[uid] for uid in uids if uid in self.subscriptions}

    async def _read(self, what: str) -> None:
        error = self._failures[what].popleft() if self._failures.get(what) else None
        if error is not None:
            raise error
        if self._pauses.get(what):
            await self._pauses[what].popleft().wait()


class ScriptedRenderedMessage(ToyRenderedMessage):
    def __init__(self, message: Message, envelopes: ScriptedEnvelopes) -> None:
        super().__init__(message)
        self._envelopes = envelopes
        self._signed = False

    def reads_signature(self, subscriber: Subscriber) -> bool:
        return self._envelopes.signer is not None and not self._signed

    async def sign(self) -> None:
        assert self._envelopes.signer is not None
        await self._envelopes.signer()
        self._signed = True

    def for_subscriber(self, subscriber: Subscriber) -> Content:
        if subscriber.uid in self._envelopes.failures:
            raise self._envelopes.failures[subscriber.uid]
        return TextContent(self._message.body)


class ScriptedEnvelopes(ToyEnvelopes):
    """signer: awaited for each signature; without it nobody reads any. By uid: `queues` of dead letters, `paces` a second, who is
    `unwanted`, what rendering raises (`failures`). opening: what is raised for every message."""

    def __init__(self) -> None:
        self.plan = PLAN
        self.signer: Callable[[], Awaitable[None]] | None = None
        self.queues: dict[str, str] = {}
        self.paces: dict[str, int] = {}
        self.unwanted: set[str] = set()
        self.failures: dict[str, Exception] = {}
        self.opening: Exception | None = None

    def open(self, message: Message, topic: Topic | None, token: str) -> RenderedMessage:
        if self.opening is not None:
            raise self.opening
        return ScriptedRenderedMessage(message, self)

    def retry_plan(self, topic: Topic | None, subscriber: Subscriber) -> RetryPlan:
        return self.plan

    def dead_letter_queue(self, subscriber: Subscriber) -> str:
        return self.queues.get(subscriber.uid, "")

    def dead_letter(self, rendered: RenderedMessage, subscriber: Subscriber) -> Content:
        return TextContent("dead letter")

    def wants(self, message: Message, subscriber: Subscriber) -> bool:
        return subscriber.uid not in self.unwanted

    def receives_per_s_max(self, topic: Topic | None, subscriber: Subscriber) -> int | None:
        return self.paces.get(subscriber.uid)


class ScriptedChannel:
    """Takes everything. What becomes of an attempt is what `answers` has for its endpoint, one after the other; the last stays. Who has
    none is delivered to; None: it is held until the test settles it. closing: what becomes of what is held when the channel is closed."""

    protocols = frozenset({"http"})

    def __init__(self) -> None:
        self.answers: dict[str, list[Outcome | None]] = {}
        self.sent: list[Outgoing] = []
        self.sent_at: list[float] = []
        self.held: list[tuple[Outgoing, Settle]] = []
        self.closed = 0
        self.closing: Outcome | None = None

    @property
    def endpoints(self) -> list[str]:
        return [outgoing.endpoint for outgoing in self.sent]

    def hold(self, *endpoints: str) -> None:
        for endpoint in endpoints:
            self.answers[endpoint] = [None]

    def settle(self, outcome: Outcome = DELIVERED, count: int | None = None) -> None:
        """What is held, oldest first."""
        held, self.held = self.held[:count], [] if count is None else self.held[count:]
        for outgoing, settle in held:
            settle(outgoing, outcome)

    def send(self, outgoing: Outgoing, settle: Settle) -> None:
        self.sent.append(outgoing)
        self.sent_at.append(asyncio.get_running_loop().time())
        answers = self.answers.get(outgoing.endpoint, self.answers.get("*", [DELIVERED]))
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if answer is None:
            self.held.append((outgoing, settle))
        else:
            settle(outgoing, answer)

    async def close(self) -> None:
        self.closed += 1
        if self.closing is not None:
            self.settle(self.closing)


class World:
    """A dispatcher and everything it speaks to."""

    def __init__(self, hooks: Mapping[str, DeliveryHooks] | None = None) -> None:
        self.flow, self.store, self.channel, self.queue = (
            ScriptedFlow(),
            ScriptedStore(),
            ScriptedChannel(),
            ScriptedChannel(),
        )
        self.channels: dict[str, Channel] = {"http": self.channel, "sqs": self.queue}
        self.clock, self.metrics, self.envelopes = VirtualClock(), Metrics(), ScriptedEnvelopes()
        self.expander = Expander(self.store)  # type: ignore[arg-type]
        self.dispatcher = Dispatcher(
            self.flow,  # type: ignore[arg-type]
            self.store,  # type: ignore[arg-type]
            self.clock,
            self.expander,
            Renderer({"sns": self.envelopes}, NoVault()),
            self.channels,
            self.metrics,
            Journal(self.flow),  # type: ignore[arg-type]
            hooks=hooks,
            dead_letters=self.queue,
        )

    def start(self) -> None:
        self.dispatcher.start()


class NoVault:
    def seal(self, plain: bytes) -> bytes:
        return plain[::-1]

    def open(self, sealed: bytes) -> bytes:
        return sealed[::-1]


@asynccontextmanager
async def running(hooks: Mapping[str, DeliveryHooks] | None = None) -> AsyncIterator[World]:
    """A world whose loop of delivery runs; at the end it is stopped."""
    world = World(hooks)
    world.start()
    try:
        yield world
    finally:
        world.channel.settle()
        world.queue.settle()
        await world.dispatcher.stop()


async def settle_down() -> None:
    """Let everything happen that needs no time."""
    await asyncio.sleep(0.001)
