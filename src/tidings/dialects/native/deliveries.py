"""Dead letters: look at what could not be delivered, and send it again. Called by the router.

Never shows a message's body: what was published is the publisher's, and may be somebody's secret.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from tidings.dialects.contract import WireResponse
from tidings.dialects.native import codec, names, shapes, views
from tidings.dialects.native.routing import Call, Nothing, operation
from tidings.dialects.native.topics import After, Limit, TopicActions
from tidings.domain.grants import Verb
from tidings.domain.model import DeadQuery
from tidings.services.deliveries import Deliveries


class DeadLettersQuery(Struct):
    topic: Annotated[str, Meta(description="only this topic's (uid, ARN or URN)")] | UnsetType = UNSET
    subscription: Annotated[str, Meta(description="only this subscription's (uid, ARN or URN)")] | UnsetType = UNSET
    limit: Limit = 100
    after: After = ""


class DeliveryActions:
    GROUP = "dead letters"

    def __init__(self, deliveries: Deliveries, topics: TopicActions) -> None:
        self._deliveries = deliveries
        self._topics = topics

    @operation(
        "GET",
        "/dead-letters",
        Verb.MANAGE_DELIVERIES,
        shapes.DeadLetterPage,
        name="listDeadLetters",
        refusals=(404,),
    )
    async def dead_letters(self, call: Call, query: DeadLettersQuery, _: Nothing) -> WireResponse:
        """Deliveries that were given up, oldest first."""
        owner = call.principal.account_id
        topic = await self._topics.of_account(query.topic, owner) if query.topic else None
        rows = await self._deliveries.dead_letters(
            call.grant,
            DeadQuery(
                topic_id=topic.id if topic is not None else None,
                subscription_uid=names.read_subscription(query.subscription) if query.subscription else None,
                after=codec.read_id_cursor("dead-letters", query.after),
                limit=query.limit + 1,
            ),
        )
        topics = await self._topics.by_ids({delivery.topic_id for delivery, _ in rows})
        naming = await self._topics.naming_of(owner)  # dead letters are their topic's account's
        return codec.page(
            "dead-letters",
            rows,
            query.limit,
            lambda row: row[0].id,
            lambda row: views.dead_letter(*row, topics.get(row[0].topic_id), naming),
        )

    @operation("POST", "/dead-letters/send-again", Verb.MANAGE_DELIVERIES, shapes.SentAgain)
    async def send_again(self, call: Call, _: Nothing, body: shapes.SendAgain) -> WireResponse:
        """Deliver dead letters again; whoever canceled meanwhile gets nothing. Safe to repeat."""
        ids = list(dict.fromkeys(body.ids))
        return codec.answer(shapes.SentAgain(await self._deliveries.send_again(call.grant, ids)))
