"""Topics: create, change, tag, delete. Called by every dialect; comparing attributes of an existing topic is theirs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from datetime import datetime

from tidings.domain.errors import Conflict, NotFound, QuotaExceeded
from tidings.domain.grants import Grant, Verb
from tidings.domain.model import NO_ID, AccountId, Topic, TopicCounts, TopicId, TopicQuery
from tidings.domain.ports import Clock, Store
from tidings.domain.unit import Counted, RoomFor, Unit
from tidings.services.announcing import announce_again
from tidings.services.conflicts import retry_on_conflict
from tidings.services.quotas import Quotas

KNOWN_MAX = 4096
"""Topics kept in memory by name."""
EVERY_PAGE = 500


class Topics:
    def __init__(self, store: Store, clock: Clock, quotas: Quotas, *, new_uid: Callable[[], str]) -> None:
        self._store = store
        self._clock = clock
        self._quotas = quotas
        self._new_uid = new_uid
        self._known: dict[tuple[str, str, str], Topic] = {}
        self._changes = 0
        store.announcer.listen(self._apply)

    def known(self, account_id: AccountId, region: str, name: str) -> Topic | None:
        """The topic of that name if it is in memory: the hot path's way, without awaiting. The same object until any topic changes."""
        return self._known.get((account_id, region, name))

    async def find(self, account_id: AccountId, region: str, name: str) -> Topic | None:
        """The topic of that name, before anybody is asked whether the caller may see it.

        Every publish asks, so found topics are kept in memory until any of them changes, which is rare beside publishing.
        """
        key = (account_id, region, name)
        topic = self._known.get(key)
        if topic is None:
            changes = self._changes
            topic = await self._store.topic(account_id, region, name)
            if topic is not None and changes == self._changes:
                if len(self._known) >= KNOWN_MAX:
                    self._known.clear()
                self._known[key] = topic
        return topic

    def forget(self) -> None:
        """Any topic may have changed: nothing that was read before is used again."""
        self._changes += 1
        self._known.clear()

    def _apply(self, unit: Unit) -> None:
        if unit.topics_changed or unit.topics_deleted:
            self.forget()

    async def find_by_id(self, topic_id: TopicId) -> Topic | None:
        return await self._store.topic_by_id(topic_id)

    async def find_by_uid(self, uid: str) -> Topic | None:
        return await self._store.topic_by_uid(uid)

    @retry_on_conflict
    async def create(
        self,
        grant: Grant,
        *,
        region: str,
        name: str,
        dialect: str,
        display_name: str,
        settings: Mapping[str, str],
        tags: Mapping[str, str],
    ) -> tuple[Topic, bool]:
        """Make a topic in the grant's account, or return the existing one of that name with False, unchanged.

        Raises QuotaExceeded. Safe to repeat and to race.
        """
        grant.require(Verb.CREATE_TOPIC)
        account_id = grant.owner
        existing = await self._store.topic(account_id, region, name)
        if existing is not None:
            return existing, False
        most = self._quotas.topics_per_account
        if await self._store.topic_count(account_id, None) >= most:
            raise QuotaExceeded("topics", most)
        now = self._clock.now()
        topic = Topic(
            TopicId(NO_ID),
            self._new_uid(),
            account_id,
            region,
            name,
            dialect,
            display_name,
            settings,
            tags,
            now,
            now,
        )
        room = RoomFor(Counted.TOPICS, account_id, most)
        await self._store.commit(Unit(act=grant.act(now), topics_new=[topic], guards=[room]))
        created = await self._store.topic(account_id, region, name)
        if created is None:
            raise Conflict  # deleted already: make another
        return created, True

    @retry_on_conflict
    async def change(self, grant: Grant, topic_id: TopicId, alter: Callable[[Topic], Topic]) -> Topic:
        """Replace what `alter` replaces; it may be called again with a newer topic, and its errors change nothing.

        Raises NotFound.
        """
        grant.require(Verb.CHANGE_TOPIC)
        topic = await self._store.topic_by_id(topic_id)
        if topic is None:
            raise NotFound("topic")
        grant.require_topic(topic)
        altered = alter(topic)
        if altered == topic:
            return topic
        now = self._clock.now()
        await self._store.commit(Unit(act=grant.act(now), topics_changed=[replace(altered, updated_at=now)]))
        return replace(altered, version=topic.version + 1)

    async def tag(self, grant: Grant, topic_id: TopicId, tags: Mapping[str, str]) -> Topic:
        """Add tags, replacing equal keys. Raises NotFound, QuotaExceeded."""

        def alter(topic: Topic) -> Topic:
            merged = {**topic.tags, **tags}
            if len(merged) > self._quotas.tags_per_topic:
                raise QuotaExceeded("tags", self._quotas.tags_per_topic)
            return replace(topic, tags=merged)

        return await self.change(grant, topic_id, alter)

    async def untag(self, grant: Grant, topic_id: TopicId, keys: frozenset[str]) -> Topic:
        """Remove tags; absent keys are no error. Raises NotFound."""
        return await self.change(
            grant, topic_id, lambda topic: replace(topic, tags={k: v for k, v in topic.tags.items() if k not in keys})
        )

    async def delete(self, grant: Grant, topic_id: TopicId) -> None:
        """Delete the topic and all its subscriptions, without goodbye. Deleting an absent one is no error."""
        grant.require(Verb.DELETE_TOPIC)
        await self._check(grant, topic_id)
        deleted = Unit(act=grant.act(self._clock.now()), topics_deleted=[topic_id])
        try:
            await self._store.commit(deleted)
        except Conflict:
            await announce_again(self._store, deleted)  # somebody was faster

    async def page(self, grant: Grant, region: str | None, *, after: int, limit: int) -> list[Topic]:
        """The account's topics, ascending by age, starting after the id `after`."""
        grant.require(Verb.LIST)
        return await self._store.topics(grant.owner, region, after=after, limit=limit)

    async def search(self, grant: Grant, query: TopicQuery) -> tuple[list[Topic], int]:
        """A page of the account's topics, newest first, and how many the query finds on all pages together."""
        grant.require(Verb.LIST)
        grant.require_owner(query.account_id)
        return await self._store.topics_found(query), await self._store.topics_total(query)

    async def every(self, grant: Grant, region: str) -> AsyncIterator[Topic]:
        """All the account's topics of a region, ascending by age, read in pages so that others get their turn."""
        grant.require(Verb.LIST)
        after = 0
        while True:
            page = await self._store.topics(grant.owner, region, after=after, limit=EVERY_PAGE)
            for topic in page:
                yield topic
            if len(page) < EVERY_PAGE:
                return
            after = page[-1].id
            await asyncio.sleep(0)

    async def texts_sent(
        self, grant: Grant, topic_id: TopicId, *, since: datetime, until: datetime
    ) -> list[tuple[datetime, int]]:
        """Text messages delivered for a topic by whole UTC hour in [since, until), ascending; empty hours are left out."""
        grant.require(Verb.READ_TOPIC)
        await self._check(grant, topic_id)
        return await self._store.texts_sent(topic_id, since=since, until=until)

    async def counts(self, grant: Grant, topic_id: TopicId, *, restorable: bool = False) -> TopicCounts:
        """Subscriptions by state. restorable: of the canceled ones, only those that may still come back."""
        grant.require(Verb.READ_TOPIC)
        await self._check(grant, topic_id)
        counts = await self._store.topic_counts(topic_id)
        if restorable and counts.canceled:
            return replace(counts, canceled=await self._store.restorable_count(topic_id, at=self._clock.now()))
        return counts

    async def _check(self, grant: Grant, topic_id: TopicId) -> None:
        """Raises Denied for a topic that the grant is not about; one that is gone is nobody's."""
        grant.require_topic_id(topic_id)
        if grant.topic_id is not None:
            return  # given for this very topic
        topic = await self._store.topic_by_id(topic_id)
        if topic is not None:
            grant.require_owner(topic.account_id)
