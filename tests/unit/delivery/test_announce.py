"""What is announced is known to the gate and forgotten by the expander before the store answers."""

from __future__ import annotations

from tests.support.build import make_message, make_subscription
from tests.support.delivery import ScriptedStore

from tidings.delivery.announce import AnnouncedChanges
from tidings.delivery.expand import TOPICS_MAX, Expander
from tidings.delivery.gate import Gate
from tidings.domain.envelope import HttpContent, Outgoing
from tidings.domain.model import State, Topic, TopicId
from tidings.domain.outcomes import BLOCKED
from tidings.domain.unit import Unit


async def a_world() -> tuple[ScriptedStore, Topic, Expander, Gate, AnnouncedChanges]:
    """With one topic in memory."""
    store, gate = ScriptedStore(), Gate()
    topic = store.add_topic(members=1)
    expander = Expander(store)  # type: ignore[arg-type]
    await expander.topic(topic.id)
    await expander.page(topic.id, 0, 1)
    assert expander.cached_page(topic.id, 1) is not None
    return store, topic, expander, gate, AnnouncedChanges(gate, expander)


def an_attempt(store: ScriptedStore, topic: Topic) -> Outgoing:
    (subscriber, _), *_ = store.members[topic.id]
    return Outgoing(make_message(topic_id=topic.id), subscriber, "u1", HttpContent(b"", b""))


async def test_a_canceled_subscription_receives_nothing_more() -> None:
    store, topic, expander, gate, changes = await a_world()
    (subscriber, _), *_ = store.members[topic.id]
    assert gate.refusal(an_attempt(store, topic)) is None
    changes.apply(Unit(subscriptions_changed=[make_subscription(State.CANCELED, uid=subscriber.uid)]))
    assert gate.refusal(an_attempt(store, topic)) is BLOCKED
    assert expander.cached_page(topic.id, 1) is None


async def test_a_deleted_subscription_receives_nothing_more() -> None:
    store, topic, expander, gate, changes = await a_world()
    (subscriber, _), *_ = store.members[topic.id]
    deleted = make_subscription(State.CONFIRMED, uid=subscriber.uid)
    changes.apply(Unit(subscriptions_deleted=[deleted]))
    assert gate.refusal(an_attempt(store, topic)) is BLOCKED
    assert expander.cached_page(topic.id, 1) is None


async def test_a_new_subscription_makes_the_list_of_its_topic_stale() -> None:
    store, topic, expander, gate, changes = await a_world()
    changes.apply(Unit(subscriptions_new=[make_subscription(State.CONFIRMED, uid="f" * 32)]))
    assert expander.cached_page(topic.id, 1) is None
    assert gate.refusal(an_attempt(store, topic)) is None


async def test_what_concerns_no_receiver_is_no_reason_to_read_again() -> None:
    _, topic, expander, _, changes = await a_world()
    changes.apply(Unit())
    assert expander.cached_page(topic.id, 1) is not None


async def test_a_changed_topic_is_read_again_and_a_deleted_one_is_gone() -> None:
    store, topic, expander, gate, changes = await a_world()
    changes.apply(Unit(topics_changed=[topic]))
    assert expander.cached_topic(topic.id) is None
    assert gate.refusal(an_attempt(store, topic)) is None
    await expander.topic(topic.id)
    changes.apply(Unit(topics_deleted=[topic.id]))
    assert expander.cached_topic(topic.id) is None
    assert gate.refusal(an_attempt(store, topic)) is BLOCKED


async def test_everything_may_be_forgotten_at_once() -> None:
    _, topic, expander, _, _ = await a_world()
    expander.forget_all()
    assert expander.cached_topic(topic.id) is None
    assert expander.cached_page(topic.id, 1) is None


async def test_topics_in_memory_are_bounded() -> None:
    store, first, expander, _, _ = await a_world()
    for topic_id in range(2, TOPICS_MAX + 2):
        await expander.topic(store.add_topic(topic_id).id)
    assert expander.cached_topic(first.id) is None
    assert expander.cached_page(first.id, 1) is None
    newest = expander.cached_topic(TopicId(TOPICS_MAX + 1))
    assert newest is not None
