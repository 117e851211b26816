"""A toy cloud and a toy channel, as the application takes them; and a small application around slow pigeons: real services, store, flow
and delivery."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from tests.support.build import ACCOUNT, FakeClock, make_principal
from tidings.access.authorize import authorize
from tidings.delivery.announce import AnnouncedChanges
from tidings.delivery.dispatcher import Dispatcher
from tidings.delivery.expand import Expander
from tidings.delivery.gate import Gate
from tidings.delivery.journal import Journal
from tidings.delivery.render import Renderer
from tidings.dialects.cloud import Cloud, EnvelopeParts, Options, Parts
from tidings.dialects.contract import Claim, WireRequest, WireResponse
from tidings.domain.envelope import Content, Envelopes, Outgoing, Permit, RenderedMessage, TextContent
from tidings.domain.errors import InvalidValue
from tidings.domain.grants import Verb
from tidings.domain.lifecycle import LifecycleRules
from tidings.domain.model import Account, AccountId, Kind, Message, Origin, Subscriber, Subscription, Topic, Way
from tidings.domain.outcomes import DELIVERED, RetryLater
from tidings.domain.ports import Channel, Settle
from tidings.domain.protocols import Protocol
from tidings.domain.retry import RetryPlan
from tidings.domain.unit import Unit
from tidings.flow.embedded import EmbeddedFlow
from tidings.observe.metrics import Metrics
from tidings.services.publish import Publisher
from tidings.services.quotas import Quotas
from tidings.services.subscriptions import Subscriptions
from tidings.services.topics import Topics
from tidings.store.sqlite import SqliteStore
from tidings.store.vault import FileVault

QUICK_PLAN = RetryPlan(5, 0, 0, 0, 1, 1, "linear")


OWNER = make_principal()
REGION = "here"


class ToyFrontEnd:
    """POST /toy/topics NAME; /toy/topics/NAME/subscriptions ENDPOINT; /toy/topics/NAME/messages TEXT. DELETE /toy/subscriptions/UID."""

    name = "toy"

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def claim(self, request: WireRequest) -> Claim:
        return Claim.own_if(request.path.startswith("/toy/"))

    async def handle(self, request: WireRequest) -> WireResponse:
        where, text = request.path.split("/")[2:], request.body.decode()
        if request.method == "DELETE":
            await self._parts.subscriptions.cancel(where[1], by=OWNER, origin=Origin(Way.API))
            return WireResponse(204)
        if len(where) == 1:
            return await self._create(text)
        topic = await self._parts.topics.find(ACCOUNT, REGION, where[1])
        assert topic is not None
        return await (self._subscribe if where[2] == "subscriptions" else self._publish)(topic, text)

    def failure(self, request: WireRequest, status: int, detail: str) -> WireResponse:
        return WireResponse(status, detail.encode())

    async def _create(self, name: str) -> WireResponse:
        grant = authorize(OWNER, Verb.CREATE_TOPIC, owner=ACCOUNT, resource=name)
        topic, _ = await self._parts.topics.create(
            grant, region=REGION, name=name, dialect="toy", display_name="", settings={}, tags={}
        )
        return WireResponse(201, topic.uid.encode())

    async def _subscribe(self, topic: Topic, text: str) -> WireResponse:
        try:
            endpoint = self._parts.protocols.check("pigeon", text)
        except InvalidValue as error:
            return WireResponse(400, str(error).encode())
        grant = authorize(OWNER, Verb.SUBSCRIBE, owner=ACCOUNT, resource=topic.name)
        subscription, _ = await self._parts.subscriptions.subscribe(
            grant, topic, dialect="toy", protocol="pigeon", endpoint=endpoint, settings={}, origin=Origin(Way.API)
        )
        return WireResponse(201, subscription.uid.encode())

    async def _publish(self, topic: Topic, text: str) -> WireResponse:
        grant = authorize(OWNER, Verb.PUBLISH, owner=ACCOUNT, resource=topic.name)
        now, name = self._parts.clock.now(), self._parts.new_message_id()
        await self._parts.publisher.publish(
            grant, [Message(name, Kind.NOTIFICATION, ACCOUNT, "toy", now, topic.id, body=text)]
        )
        return WireResponse(202, name.encode())


class ToyEnvelopes:
    """Everything is a text with the endpoint's name."""

    def open(self, message: Message, topic: Topic | None, token: str) -> RenderedMessage:
        return ToyRenderedMessage(message)

    def retry_plan(self, topic: Topic | None, subscriber: Subscriber) -> RetryPlan:
        return QUICK_PLAN

    def timeout_s(self, subscriber: Subscriber) -> float:
        return 1.0

    def dead_letter_queue(self, subscriber: Subscriber) -> str:
        return ""

    def dead_letter(self, rendered: RenderedMessage, subscriber: Subscriber) -> Content:
        return rendered.for_subscriber(subscriber)

    def wants(self, message: Message, subscriber: Subscriber) -> bool:
        return True

    def receives_per_s_max(self, topic: Topic | None, subscriber: Subscriber) -> int | None:
        return None


class ToyRenderedMessage:
    def __init__(self, message: Message) -> None:
        self._message = message

    def reads_signature(self, subscriber: Subscriber) -> bool:
        return False

    async def sign(self) -> None:
        raise AssertionError("nobody asked for a signature")

    def for_subscriber(self, subscriber: Subscriber) -> Content:
        return TextContent(f"{subscriber.endpoint}: {self._message.body}")


class ToyChannel:
    """A pigeon: keeps what it carried."""

    protocols = frozenset({"pigeon"})

    def __init__(self, permit: Permit) -> None:
        self._permit = permit
        self.carried: asyncio.Queue[str] = asyncio.Queue()

    def send(self, outgoing: Outgoing, settle: Settle) -> None:
        refusal = self._permit(outgoing)
        if refusal is not None:
            settle(outgoing, refusal)
            return
        assert isinstance(outgoing.content, TextContent)
        self.carried.put_nowait(outgoing.content.text)
        settle(outgoing, DELIVERED)

    async def close(self) -> None:
        """Pigeons need no rest."""


class ToyNames:
    """As `pigeonhole here/news`."""

    label = "Pigeonhole"

    def topic(self, region: str, account_id: AccountId, project_id: str, name: str) -> str:
        return f"pigeonhole {region}/{name}"

    def subscription(self, topic: str, uid: str) -> str:
        return f"{topic}#{uid}"


def _loft(text: str) -> str:
    if not text.startswith("loft "):
        raise ValueError("not a loft")
    return text


def _toy_rules(options: Options) -> LifecycleRules:
    return LifecycleRules(
        frozenset(), frozenset(), frozenset(), False, False, ttl=timedelta(seconds=options.link_ttl_s)
    )


def _toy_envelopes(parts: EnvelopeParts) -> ToyEnvelopes:
    return ToyEnvelopes()


TOY_CLOUD = Cloud(
    name="toy", front_end=ToyFrontEnd, lifecycle_rules=_toy_rules, envelopes=_toy_envelopes, names=ToyNames()
)
PIGEON = Protocol(name="pigeon", check=_loft, mask=lambda endpoint: "a loft somewhere", word="queue")


class SlowPigeons:
    """Pigeons that start after a random while, and come back tired (RetryLater) now and then.

    `seen(event, uid)` is told `start` at the moment a message leaves.
    """

    protocols = frozenset({"pigeon"})

    def __init__(self, permit: Permit, chance: random.Random, seen: Callable[[str, str], None]) -> None:
        self._permit, self._chance, self._seen = permit, chance, seen

    def send(self, outgoing: Outgoing, settle: Settle) -> None:
        asyncio.get_running_loop().call_later(self._chance.random() * 0.01, self._start, outgoing, settle)

    def _start(self, outgoing: Outgoing, settle: Settle) -> None:
        outcome = self._permit(outgoing)
        if outcome is None:
            self._seen("start", outgoing.subscriber.uid)
            outcome = RetryLater("tired") if self._chance.random() < 0.3 else DELIVERED
        settle(outgoing, outcome)

    async def close(self) -> None:
        """Whatever is in the air may come down later."""


class ToyApp:
    """Use `toy_app`."""

    def __init__(self, store: SqliteStore, flow: EmbeddedFlow, make_channel: Callable[[Permit], Channel]) -> None:
        self.store, self.flow, self.clock = store, flow, FakeClock()
        gate, metrics, vault = Gate(), Metrics(), FileVault(b"v" * 32)
        expander = Expander(store)
        store.announcer.listen(AnnouncedChanges(gate, expander).apply)
        uids = iter(f"{n:032x}" for n in range(1, 1_000_000))
        lifecycle_rules = LifecycleRules(frozenset(), frozenset(), frozenset(), False, False, ttl=timedelta(hours=48))
        self.topics = Topics(store, self.clock, Quotas(), new_uid=lambda: next(uids))
        self.subscriptions = Subscriptions(
            store,
            self.clock,
            vault,
            Quotas(),
            {"toy": lifecycle_rules},
            metrics,
            new_uid=lambda: next(uids),
            new_token=lambda: next(uids) * 2,
            new_message_id=lambda: next(uids),
            link_key=b"k" * 32,
        )
        self.publisher = Publisher(flow, metrics)
        envelopes: Envelopes = ToyEnvelopes()
        self.channel = make_channel(gate.refusal)
        renderer = Renderer({"toy": envelopes}, vault)
        self.dispatcher = Dispatcher(
            flow,
            store,
            self.clock,
            expander,
            renderer,
            {"pigeon": self.channel},
            metrics,
            Journal(flow),
        )

    async def topic(self, name: str = "toy") -> Topic:
        grant = authorize(make_principal(), Verb.CREATE_TOPIC, owner=ACCOUNT, resource=name)
        topic, _ = await self.topics.create(
            grant, region="here", name=name, dialect="toy", display_name="", settings={}, tags={}
        )
        return topic

    async def subscribe(self, topic: Topic, endpoint: str) -> Subscription:
        grant = authorize(make_principal(), Verb.SUBSCRIBE, owner=ACCOUNT, resource=topic.name)
        subscription, _ = await self.subscriptions.subscribe(
            grant, topic, dialect="toy", protocol="pigeon", endpoint=endpoint, settings={}, origin=Origin(Way.API)
        )
        return subscription

    async def publish(self, topic: Topic, text: str) -> None:
        grant = authorize(make_principal(), Verb.PUBLISH, owner=ACCOUNT, resource=topic.name)
        message = Message(text, Kind.NOTIFICATION, ACCOUNT, "toy", self.clock.now(), topic.id, body=text)
        await self.publisher.publish(grant, [message])


@asynccontextmanager
async def toy_app(path: Path, make_channel: Callable[[Permit], Channel]) -> AsyncIterator[ToyApp]:
    store = await SqliteStore.open(path / "toy.db")
    app = ToyApp(store, EmbeddedFlow.open(store.journal, backlog_max=10_000), make_channel)
    await store.commit(Unit(accounts=[Account(ACCOUNT, "default", "0" * 32, app.clock.now())]))
    app.dispatcher.start()
    try:
        yield app
    finally:
        await app.dispatcher.stop()
        await store.close()
