"""A toy cloud and a toy channel, kept here, are wired in, subscribed, published to and receive.

If this test ever needs a change elsewhere in `src/`, a seam is broken.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

from tests.support.build import ACCOUNT, FakeClock, make_principal
from tidings.access.authorize import authorize
from tidings.delivery.announce import LocalAnnouncer
from tidings.delivery.dispatcher import Dispatcher
from tidings.delivery.expand import Expander
from tidings.delivery.gate import Gate
from tidings.delivery.render import Renderer
from tidings.dialects.contract import Dialect, WireRequest, WireResponse
from tidings.domain.envelope import Content, Outgoing, Permit, TextContent
from tidings.domain.grants import Verb
from tidings.domain.lifecycle import Customs
from tidings.domain.model import Account, Kind, Message, Origin, Subscriber, Topic, Unit, Way
from tidings.domain.outcomes import DELIVERED, Blocked
from tidings.domain.ports import Channel, Envelopes, Settle, Wardrobe
from tidings.domain.retry import HTTP_PLAN, RetryPlan
from tidings.flow.embedded import EmbeddedFlow
from tidings.observe.metrics import Metrics
from tidings.services.publish import Publisher
from tidings.services.quotas import Quotas
from tidings.services.subscriptions import Subscriptions
from tidings.services.topics import Topics
from tidings.store.sqlite import SqliteStore
from tidings.store.vault import FileVault


class ToyCloud:
    """A dialect of one action: `POST /toy` with the text, which publishes it."""

    name = "toy"

    def __init__(self, publisher: Publisher, topic: Topic, clock: FakeClock) -> None:
        self._publisher, self._topic, self._clock = publisher, topic, clock

    def owns(self, request: WireRequest) -> bool:
        return request.path == "/toy"

    async def handle(self, request: WireRequest) -> WireResponse:
        grant = authorize(make_principal(), Verb.PUBLISH, owner=ACCOUNT, resource="toy")
        message = Message(
            "toy-1",
            Kind.NOTIFICATION,
            ACCOUNT,
            "toy",
            self._clock.now(),
            self._topic.id,
            body=request.body.decode(),
        )
        await self._publisher.publish(grant, [message])
        return WireResponse(202, b"toy-1")

    def failure(self, request: WireRequest, status: int, detail: str) -> WireResponse:
        return WireResponse(status, detail.encode())


class ToyEnvelopes:
    """Everything is a text with the endpoint's name."""

    def open(self, message: Message, topic: Topic | None, token: str) -> Wardrobe:
        return ToyWardrobe(message)

    def retry_plan(self, topic: Topic | None, subscriber: Subscriber) -> RetryPlan:
        return HTTP_PLAN

    def timeout_s(self, subscriber: Subscriber) -> float:
        return 1.0

    def dead_letter_queue(self, subscriber: Subscriber) -> str:
        return ""

    def dead_letter(self, wardrobe: Wardrobe, subscriber: Subscriber) -> Content:
        return wardrobe.dress(subscriber)

    def wants(self, message: Message, subscriber: Subscriber) -> bool:
        return True


class ToyWardrobe:
    def __init__(self, message: Message) -> None:
        self._message = message

    def reads_signature(self, subscriber: Subscriber) -> bool:
        return False

    async def sign(self) -> None:
        raise AssertionError("nobody asked for a signature")

    def dress(self, subscriber: Subscriber) -> Content:
        return TextContent(f"{subscriber.endpoint}: {self._message.body}")


class ToyChannel:
    """A pigeon: keeps what it carried."""

    protocols = frozenset({"pigeon"})

    def __init__(self, permit: Permit) -> None:
        self._permit = permit
        self.carried: asyncio.Queue[str] = asyncio.Queue()

    def send(self, outgoing: Outgoing, settle: Settle) -> None:
        if not self._permit(outgoing):
            settle(outgoing, Blocked("gate"))
            return
        assert isinstance(outgoing.content, TextContent)
        self.carried.put_nowait(outgoing.content.text)
        settle(outgoing, DELIVERED)

    async def close(self) -> None:
        """Pigeons need no rest."""


async def test_a_new_cloud_and_a_new_way_out_need_no_change_elsewhere(tmp_path: Path) -> None:
    clock, gate, metrics = FakeClock(), Gate(), Metrics()
    store = await SqliteStore.open(tmp_path / "toy.db")
    flow = EmbeddedFlow.open(store.journal, backlog_max=100)
    expander = Expander(store, clock)
    announcer = LocalAnnouncer(store, gate, expander)
    vault = FileVault(b"v" * 32)
    uids = iter(f"{n:032x}" for n in range(1, 100))
    customs = Customs(frozenset(), frozenset(), frozenset(), False, False, timedelta(hours=48))
    topics = Topics(store, clock, announcer, Quotas(), new_uid=lambda: next(uids))
    subscriptions = Subscriptions(
        store,
        clock,
        vault,
        announcer,
        Quotas(),
        {"toy": customs},
        metrics,
        new_uid=lambda: next(uids),
        new_token=lambda: "0" * 64,
        new_message_id=lambda: next(uids),
        link_key=b"k" * 32,
    )
    channel: Channel = ToyChannel(gate.permits)
    envelopes: Envelopes = ToyEnvelopes()
    renderer = Renderer({"toy": envelopes}, vault)
    dispatcher = Dispatcher(
        flow, store, clock, expander, renderer, {"pigeon": channel}, metrics, due_changed=flow.due_changed
    )
    dispatcher.start()
    try:
        await store.commit(Unit(accounts=[Account(ACCOUNT, "default", "0" * 32, clock.now())]))
        create = authorize(make_principal(), Verb.CREATE_TOPIC, owner=ACCOUNT, resource="toy")
        topic, _ = await topics.create(
            create, region="here", name="toy", dialect="toy", display_name="", settings={}, tags={}
        )
        may_subscribe = authorize(make_principal(), Verb.SUBSCRIBE, owner=ACCOUNT, resource="toy")
        origin = Origin(Way.API)
        subscription, _ = await subscriptions.subscribe(
            may_subscribe, topic, dialect="toy", protocol="pigeon", endpoint="loft 1", settings={}, origin=origin
        )
        cloud: Dialect = ToyCloud(Publisher(flow, metrics), topic, clock)
        request = WireRequest("POST", "/toy", "", {}, b"coo", "127.0.0.1", "http", "localhost", "r-1")
        assert cloud.owns(request)
        assert (await cloud.handle(request)).status == 202
        assert isinstance(channel, ToyChannel)
        assert await asyncio.wait_for(channel.carried.get(), 5) == "loft 1: coo"
        await subscriptions.cancel(subscription.uid, by=make_principal(), origin=origin)
        await cloud.handle(request)
        while flow.backlog():
            await asyncio.sleep(0.01)
        assert channel.carried.empty()
    finally:
        await dispatcher.stop()
        await store.close()
