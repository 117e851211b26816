"""Subscriptions: search, look, cancel, ask again for a confirmation. Called by the router.

An account sees what it owns and what was subscribed to its topics; anything else does not exist here.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from tidings.dialects.contract import WireResponse
from tidings.dialects.native import codec, names, shapes, views
from tidings.dialects.native.routing import Call, Nothing, operation
from tidings.dialects.native.topics import After, Limit, TopicActions
from tidings.domain import passwords
from tidings.domain.errors import NotFound
from tidings.domain.grants import Verb
from tidings.domain.model import State, Subscription, SubscriptionQuery, Topic
from tidings.services import endpoints
from tidings.services.subscriptions import Found, Subscriptions
from tidings.services.texting.phone_consent import same_number

_LISTED = {"unconfirmed": State.UNCONFIRMED, "confirmed": State.CONFIRMED, "canceled": State.CANCELED}


class SubscriptionsQuery(Struct):
    endpoint: (
        Annotated[str, Meta(description="exactly this endpoint: URL, mail address, number or ARN")] | UnsetType
    ) = UNSET
    topic: Annotated[str, Meta(description="everybody's subscriptions to this topic (uid, ARN or URN)")] | UnsetType = (
        UNSET
    )
    state: (
        Annotated[Literal["unconfirmed", "confirmed", "canceled"], Meta(description="only in this state")] | UnsetType
    ) = UNSET
    protocol: Annotated[str, Meta(pattern="^[a-z-]{1,20}$", description="only this protocol's")] | UnsetType = UNSET
    limit: Limit = 100
    after: After = ""


class SubscriptionActions:
    GROUP = "subscriptions"

    def __init__(self, subscriptions: Subscriptions, topics: TopicActions) -> None:
        self._subscriptions = subscriptions
        self._topics = topics

    @operation("GET", "/subscriptions", Verb.LIST, shapes.SubscriptionPage, refusals=(404,))
    async def list_subscriptions(self, call: Call, query: SubscriptionsQuery, _: Nothing) -> WireResponse:
        """Subscriptions of the account, or to one of its topics, oldest first; expired ones are in the ledger only."""
        owner = call.principal.account_id
        topic = await self._topics.of_account(query.topic, owner) if query.topic else None
        rows = await self._subscriptions.page(
            call.grant,
            SubscriptionQuery(
                # A topic's owner sees all its subscriptions, also those that other accounts own.
                account_id=None if topic is not None else owner,
                topic_id=topic.id if topic is not None else None,
                endpoint=stored_form(query.endpoint) if query.endpoint else None,
                protocol=query.protocol or None,
                states=(_LISTED[query.state],) if query.state else tuple(_LISTED.values()),
                after=codec.read_id_cursor("subscriptions", query.after),
                limit=query.limit + 1,
            ),
        )
        topics = await self._subscriptions.topics_of(rows)
        namings = {
            account_id: await self._topics.naming_of(account_id)
            for account_id in {topic.account_id for topic in topics.values()}
        }

        def view(row: Subscription) -> shapes.Subscription | None:
            found = topics.get(int(row.topic_id))  # None: the topic was deleted a moment ago
            return views.subscription(row, found, namings[found.account_id]) if found is not None else None

        return codec.page("subscriptions", rows, query.limit, lambda row: row.id, view)

    @operation(
        "GET",
        "/subscriptions/{uid}",
        Verb.READ_SUBSCRIPTION,
        shapes.Subscription,
        refusals=(404,),
    )
    async def get_subscription(self, call: Call, _: Nothing, __: Nothing) -> WireResponse:
        """One subscription."""
        found = await self._of_caller(call)
        return codec.answer(await self._view(found.subscription, found.topic))

    @operation(
        "POST",
        "/subscriptions/{uid}/cancel",
        Verb.CHANGE_SUBSCRIPTION,
        shapes.Cancellation,
        name="cancelSubscription",
        refusals=(404, 409),
    )
    async def cancel(self, call: Call, _: Nothing, __: Nothing) -> WireResponse:
        """Cancel as the owner, without a goodbye to the endpoint. Once answered, nothing more is sent to it. Safe to repeat."""
        found = await self._of_caller(call)
        uid = found.subscription.uid
        canceled = await self._subscriptions.cancel(uid, by=call.principal, origin=call.origin)
        if canceled is None:
            raise NotFound("subscription", uid)
        shown = await self._view(canceled.subscription, canceled.topic)
        return codec.answer(shapes.Cancellation(shown, canceled.changed))

    @operation(
        "POST",
        "/subscriptions/{uid}/resend-confirmation",
        Verb.SUBSCRIBE,
        shapes.Subscription,
        refusals=(404, 409),
    )
    async def resend_confirmation(self, call: Call, _: Nothing, __: Nothing) -> WireResponse:
        """Send an unconfirmed subscription a fresh confirmation."""
        found = await self._of_caller(call)
        asked = await self._subscriptions.ask_again(call.grant, found.subscription.uid, origin=call.origin)
        return codec.answer(await self._view(asked, found.topic))

    async def _view(self, row: Subscription, topic: Topic) -> shapes.Subscription:
        return views.subscription(row, topic, await self._topics.naming_of(topic.account_id))

    async def _of_caller(self, call: Call) -> Found:
        """The subscription that the path names, if it or its topic is the caller's account's. Raises NotFound."""
        uid = names.read_uid(call.path["uid"])
        found = await self._subscriptions.find(uid) if uid is not None else None
        if found is None or call.principal.account_id not in (found.subscription.account_id, found.topic.account_id):
            raise NotFound("subscription", call.path["uid"])
        return found


def stored_form(endpoint: str) -> str:
    """The endpoint as it is stored and compared: a mail address has its domain in lower case, a phone no blanks. Raises InvalidValue."""
    if "@" in endpoint and "://" not in endpoint:
        return endpoints.email_address(endpoint)
    return same_number(passwords.masked(endpoint))
