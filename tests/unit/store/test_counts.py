"""Counts and uniqueness stay true whatever happens, in any order: a model beside the store."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from tests.support.examples import examples
from tests.support.stores import ACCOUNT, NOW, OTHER, a_subscription, a_topic, uid

from tidings.domain.errors import Conflict
from tidings.domain.model import AccountId, State, Subscription, SubscriptionQuery, Topic, TopicCounts
from tidings.domain.unit import Unit
from tidings.store.sqlite import SqliteStore

T = TypeVar("T")
LIVE = (State.UNCONFIRMED, State.CONFIRMED)
choices = st.integers(0, 99)
owners = st.sampled_from([ACCOUNT, OTHER])


class Registry(RuleBasedStateMachine):
    """Topics and subscriptions of two accounts, as the store has them and as we remember them."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.place = tempfile.TemporaryDirectory()
        self.store = self.run(SqliteStore.open(Path(self.place.name) / "tidings.db"))
        self.topics: list[Topic] = []
        self.subscriptions: dict[str, Subscription] = {}
        self.made = 0

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.get_loop().run_until_complete(work)

    def teardown(self) -> None:
        self.run(self.store.close())
        self.runner.close()
        self.place.cleanup()

    def next_uid(self) -> str:
        self.made += 1
        return uid(self.made)

    @rule(account=st.sampled_from([ACCOUNT, OTHER]), region=st.sampled_from("ab"), name=st.sampled_from(["x", "y"]))
    def create_topic(self, account: AccountId, region: str, name: str) -> None:
        topic = a_topic(uid=self.next_uid(), account_id=account, region=region, name=name)
        taken = any((t.account_id, t.region, t.name) == (account, region, name) for t in self.topics)
        assert self.commits(Unit(topics_new=[topic])) is not taken
        if not taken:
            found = self.run(self.store.topic_by_uid(topic.uid))
            assert found is not None
            self.topics.append(found)

    @precondition(lambda self: self.topics)
    @rule(which=choices, endpoint=st.sampled_from(["e", "f", "g"]), state=st.sampled_from(State), owner=owners)
    def subscribe(self, which: int, endpoint: str, state: State, owner: AccountId) -> None:
        topic = self.topics[which % len(self.topics)]
        new = a_subscription(0, topic, uid=self.next_uid(), endpoint=endpoint, state=state, account_id=owner)
        taken = state in LIVE and self.has_live(new)
        assert self.commits(Unit(subscriptions_new=[new])) is not taken
        if not taken:
            self.remember(new.uid)

    @precondition(lambda self: self.subscriptions)
    @rule(which=choices, state=st.sampled_from(State), owner=owners)
    def move(self, which: int, state: State, owner: AccountId) -> None:
        row = self.pick(which)
        taken = state in LIVE and row.state not in LIVE and self.has_live(row)
        moved = replace(row, state=state, account_id=owner)
        assert self.commits(Unit(subscriptions_changed=[moved])) is not taken
        if not taken:
            self.remember(row.uid)

    @precondition(lambda self: self.subscriptions)
    @rule(which=choices)
    def remove(self, which: int) -> None:
        row = self.pick(which)
        assert self.commits(Unit(subscriptions_deleted=[row]))
        del self.subscriptions[row.uid]

    @precondition(lambda self: self.topics)
    @rule(which=choices)
    def delete_topic(self, which: int) -> None:
        topic = self.topics.pop(which % len(self.topics))
        assert self.commits(Unit(topics_deleted=[topic.id]))
        self.subscriptions = {u: row for u, row in self.subscriptions.items() if row.topic_id != topic.id}

    @rule(limit=st.integers(1, 5))
    def sweep(self, limit: int) -> None:
        assert self.run(self.store.sweep(NOW, limit)) <= limit + 1

    @invariant()
    def counts_are_true(self) -> None:
        rows = list(self.subscriptions.values())
        for topic in self.topics:
            states = [row.state for row in rows if row.topic_id == topic.id]
            confirmed, unconfirmed, canceled = map(states.count, (State.CONFIRMED, State.UNCONFIRMED, State.CANCELED))
            assert self.run(self.store.topic_counts(topic.id)) == TopicCounts(confirmed, unconfirmed, canceled)
        for account in (ACCOUNT, OTHER):
            own = {topic.id for topic in self.topics if topic.account_id == account}
            pending = sum(row.state == State.UNCONFIRMED and row.topic_id in own for row in rows)
            assert self.run(self.store.pending_count(account)) == pending
            assert self.run(self.store.topic_count(account, None)) == len(own)

    @invariant()
    def totals_are_true(self) -> None:
        rows = [row for row in self.subscriptions.values() if row.state is not State.EXPIRED]
        for topic in self.topics:
            expected = sum(row.topic_id == topic.id for row in rows)
            assert self.run(self.store.subscriptions_total(SubscriptionQuery(topic_id=topic.id))) == expected
        for account in (ACCOUNT, OTHER):
            for region in "ab":
                topics = {topic.id for topic in self.topics if topic.region == region}
                expected = sum(row.account_id == account and row.topic_id in topics for row in rows)
                assert self.run(self.store.subscriptions_total(SubscriptionQuery(account, region))) == expected

    @rule(offset=st.integers(0, 12), limit=st.integers(1, 4), account=owners, region=st.sampled_from("ab"))
    def look_at_a_page(self, offset: int, limit: int, account: AccountId, region: str) -> None:
        topics = {topic.id for topic in self.topics if topic.region == region}
        rows = sorted(self.subscriptions.values(), key=lambda row: row.id)
        listed = [
            row
            for row in rows
            if row.state is not State.EXPIRED and row.account_id == account and row.topic_id in topics
        ]
        found = self.run(self.store.subscriptions(SubscriptionQuery(account, region, offset=offset, limit=limit)))
        assert found == listed[offset : offset + limit]

    @invariant()
    def lists_are_true(self) -> None:
        listed = self.run(self.store.subscriptions(SubscriptionQuery(states=tuple(State), limit=1000)))
        assert listed == sorted(self.subscriptions.values(), key=lambda row: row.id)

    def commits(self, unit: Unit) -> bool:
        try:
            self.run(self.store.commit(unit))
        except Conflict:
            return False
        return True

    def pick(self, which: int) -> Subscription:
        return list(self.subscriptions.values())[which % len(self.subscriptions)]

    def remember(self, subscription_uid: str) -> None:
        found = self.run(self.store.subscription(subscription_uid))
        assert found is not None
        self.subscriptions[subscription_uid] = found

    def has_live(self, new: Subscription) -> bool:
        return any(
            (row.topic_id, row.protocol, row.endpoint) == (new.topic_id, new.protocol, new.endpoint)
            and row.state in LIVE
            for row in self.subscriptions.values()
        )


TestRegistry = Registry.TestCase
TestRegistry.settings = settings(
    max_examples=examples(25), stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
