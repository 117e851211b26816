"""ListSubscriptions, ListSubscriptionsByTopic: what somebody subscribed, or who hears from a topic. A measured path.

Source: SMN API reference, "Querying Subscriptions", "Querying Subscriptions of a Specified Topic"; huaweicloudsdksmn,
ListSubscriptionsRequest, ListSubscriptionsItem.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import msgspec

from tidings.dialects.smn import codec, endpoints, extensions, names
from tidings.dialects.smn.calls import Answer, Call, Route, SmnServices, done, find_topic, permit, permit_account
from tidings.dialects.smn.errors import refuse
from tidings.dialects.smn.filters import FILTER_POLICES
from tidings.dialects.smn.limits import BOT_PROTOCOLS, REMARK_BYTES_MAX
from tidings.dialects.smn.subscriptions import REMARK
from tidings.domain.grants import Grant, Verb
from tidings.domain.model import State, Subscription, SubscriptionQuery, Topic

NEEDS_NO_CONFIRMATION = 2
DELETED = 4
_LISTED = (State.UNCONFIRMED, State.CONFIRMED, State.CANCELED)
_STATUSES = {"0": State.UNCONFIRMED, "1": State.CONFIRMED, "2": State.CONFIRMED, "3": State.CANCELED}
_BOTS = frozenset(BOT_PROTOCOLS)


async def list_subscriptions(services: SmnServices, call: Call) -> Answer:
    grant = permit_account(call, Verb.LIST, "smn:topic:list")
    offset, limit = call.page()
    query = SubscriptionQuery(
        account_id=call.principal.account_id, region=services.region, states=_LISTED, offset=offset, limit=limit
    )
    return await _answer(services, grant, _narrowed(query, call))


async def list_subscriptions_by_topic(services: SmnServices, call: Call) -> Answer:
    topic = await find_topic(services, call)
    grant = await permit(services, call, Verb.LIST, topic, "smn:topic:list", statement="ListSubscriptionsByTopic")
    offset, limit = call.page()
    query = SubscriptionQuery(topic_id=topic.id, states=_LISTED, offset=offset, limit=limit)
    return await _answer(services, grant, _with_remark(query, call))


def _narrowed(query: SubscriptionQuery, call: Call) -> SubscriptionQuery | None:
    """The query with the call's filters; an empty filter is none. None: nothing can match. Raises SmnError."""
    given = {name: value for name, value in call.query.items() if value}
    endpoint = given.get("endpoint")
    query = replace(
        _with_remark(query, call),
        protocol=given.get("protocol"),
        endpoint=None if endpoint is None else endpoints.wanted(endpoint),
    )
    status = given.get("status")
    if status is None:
        return query
    if status == str(DELETED):
        return None
    if status not in _STATUSES:
        raise refuse("SMN.0077")
    query = replace(query, states=(_STATUSES[status],))
    match status:
        case "1":
            return replace(query, without=BOT_PROTOCOLS)
        case "2":
            return replace(query, protocols=BOT_PROTOCOLS)
        case _:
            return query


def _with_remark(query: SubscriptionQuery, call: Call) -> SubscriptionQuery:
    part = call.query.get("fuzzy_remark")
    if not part:
        return query
    if codec.size(part) > REMARK_BYTES_MAX:
        raise refuse("SMN.0017")
    return replace(query, setting=(REMARK, part))


async def _answer(services: SmnServices, grant: Grant, query: SubscriptionQuery | None) -> Answer:
    if query is None:
        return done(subscription_count=0, subscriptions=[])
    total = await services.subscriptions.total(grant, query)
    page = await services.subscriptions.page(grant, query) if total > query.offset else []
    topics = await services.subscriptions.topics_of(page)
    placed = {topic_id: await _placed(services, topic) for topic_id, topic in topics.items()}
    items = [_item(row, *placed[int(row.topic_id)]) for row in page if int(row.topic_id) in placed]
    return done(subscription_count=total, subscriptions=items)


async def _placed(services: SmnServices, topic: Topic) -> tuple[str, str]:
    """Project and URN, looked up once per topic of a page."""
    project_id = await services.projects.project_of(topic.account_id)
    return project_id, names.topic_urn(topic, project_id)


def _item(row: Subscription, owner: str, topic_urn: str) -> dict[str, Any]:
    settings = row.settings
    polices = settings.get(FILTER_POLICES)
    return {
        "topic_urn": topic_urn,
        "protocol": row.protocol,
        "subscription_urn": f"{topic_urn}:{row.uid}",
        "owner": owner,
        "endpoint": endpoints.shown(row),
        "remark": settings.get(REMARK, ""),
        "status": status_of(row),
        "filter_polices": _polices(polices) if polices else [],
        "extension": {"verification_code_enabled": extensions.wants_code(settings)},
    }


def status_of(row: Subscription) -> int:
    """0 unconfirmed, 1 confirmed, 2 needs no confirmation, 3 canceled."""
    if row.state is State.CONFIRMED and row.protocol in _BOTS:
        return NEEDS_NO_CONFIRMATION
    return row.state.value


@lru_cache(maxsize=1024)
def _polices(text: str) -> Any:
    return msgspec.json.decode(text)


ROUTES: tuple[Route, ...] = (
    Route("GET", "v2/{project_id}/notifications/subscriptions", "ListSubscriptions", list_subscriptions),
    Route(
        "GET",
        "v2/{project_id}/notifications/topics/{topic_urn}/subscriptions",
        "ListSubscriptionsByTopic",
        list_subscriptions_by_topic,
    ),
)
