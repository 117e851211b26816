"""Topics: look at them. Making and changing them is the clouds' APIs' business.

Called by the router. What belongs to another account does not exist here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from tidings.dialects.contract import WireResponse
from tidings.dialects.native import codec, names, shapes, views
from tidings.dialects.native.routing import Call, Nothing, operation
from tidings.domain.errors import NotFound
from tidings.domain.grants import Verb
from tidings.domain.model import AccountId, Topic, TopicId
from tidings.domain.ports import ResourceNames
from tidings.services.accounts import Accounts
from tidings.services.topics import Topics

After = Annotated[str, Meta(description="`next` of the page before")]
Limit = Annotated[int, Meta(ge=1, le=1000, description="items a page")]


class TopicsQuery(Struct):
    region: Annotated[str, Meta(description="only this region's", pattern="^[a-z0-9-]{1,64}$")] | UnsetType = UNSET
    limit: Limit = 100
    after: After = ""


class TopicActions:
    """Actions on topics, and the other actions' way from a topic's name to the topic and from an account to its project."""

    GROUP = "topics"

    def __init__(self, topics: Topics, accounts: Accounts, resource_names: Mapping[str, ResourceNames]) -> None:
        """resource_names: by cloud."""
        self._topics = topics
        self._names = resource_names
        self._accounts = accounts

    @operation("GET", "/topics", Verb.LIST, shapes.TopicPage)
    async def list_topics(self, call: Call, query: TopicsQuery, _: Nothing) -> WireResponse:
        """The account's topics, oldest first."""
        after = codec.read_id_cursor("topics", query.after)
        rows = await self._topics.page(call.grant, query.region or None, after=after, limit=query.limit + 1)
        naming = await self.naming_of(call.grant.owner)
        return codec.page("topics", rows, query.limit, lambda row: row.id, lambda row: views.topic(row, naming))

    @operation("GET", "/topics/{uid}", Verb.READ_TOPIC, shapes.TopicWithCounts, refusals=(404,))
    async def get_topic(self, call: Call, _: Nothing, __: Nothing) -> WireResponse:
        """One topic, with the number of its subscriptions."""
        topic = await self.of_account(call.path["uid"], call.principal.account_id)
        counts = await self._topics.counts(call.grant, topic.id)
        return codec.answer(views.topic_with_counts(topic, counts, await self.naming_of(topic.account_id)))

    async def of_account(self, text: str, account_id: AccountId) -> Topic:
        """The account's topic of this uid, ARN or URN. Raises InvalidValue, NotFound."""
        topic = None
        match names.read_topic(text):
            case str() as uid:
                topic = await self._topics.find_by_uid(uid)
            case names.TopicName(owner, region, name):
                topic = await self._topics.find(owner, region, name)
            case names.TopicUrn(project_id, region, name):
                if project_id == await self.project_of(account_id):
                    topic = await self._topics.find(account_id, region, name)
        if topic is None or topic.account_id != account_id:
            raise NotFound("topic", text)
        return topic

    async def naming_of(self, account_id: AccountId) -> names.Naming:
        """How the clouds name what is the account's."""
        return names.Naming(self._names["sns"], self._names["smn"], account_id, await self.project_of(account_id))

    async def project_of(self, account_id: AccountId) -> str:
        """The account's name in URNs."""
        return await self._accounts.projects.project_of(account_id)

    async def by_ids(self, topic_ids: Iterable[TopicId | None]) -> dict[TopicId | None, Topic]:
        """Those of the topics that still exist."""
        found = {}
        for topic_id in topic_ids:
            topic = await self._topics.find_by_id(topic_id) if topic_id is not None else None
            if topic is not None:
                found[topic_id] = topic
        return found
