"""Deleting subscriptions, for their owners: nothing is sent to the endpoint, and nothing is listed any more.

Source: SMN API reference, "Deleting a Subscription", "Deleting Subscriptions in Batches"; huaweicloudsdksmn,
BatchDeleteSubscriptionsRequestBody.
"""

from __future__ import annotations

from typing import Any

from tidings.dialects.smn import subscription_changes
from tidings.dialects.smn.calls import Answer, Call, Route, SmnServices, done, find_topic
from tidings.dialects.smn.errors import refuse
from tidings.dialects.smn.limits import BATCH_DELETE_MAX
from tidings.domain.model import Topic


async def cancel_subscription(services: SmnServices, call: Call) -> Answer:
    """CancelSubscription: whatever the SDK sends as a body does not matter."""
    await _delete(services, call, call.path["subscription_urn"], None)
    return done()


async def delete_subscriptions_by_topic(services: SmnServices, call: Call) -> Answer:
    """DeleteSubscriptionsByTopic: in spite of its name, one."""
    await _delete(services, call, call.path["subscription_urn"], await find_topic(services, call))
    return done()


async def batch_delete(services: SmnServices, call: Call) -> Answer:
    """BatchDeleteSubscriptions."""
    return await _delete_many(services, call, None)


async def batch_delete_by_topic(services: SmnServices, call: Call) -> Answer:
    """BatchDeleteSubscriptionsByTopic: only those of the topic."""
    return await _delete_many(services, call, await find_topic(services, call))


async def _delete_many(services: SmnServices, call: Call, topic: Topic | None) -> Answer:
    async def delete(urn: str) -> tuple[str, int]:
        await _delete(services, call, urn, topic)
        return urn, 200

    results = await subscription_changes.each(_urns(call.body), delete)
    return done(subscriptions_result=[_told(result, call.request_id) for result in results])


async def _delete(services: SmnServices, call: Call, urn: str, topic: Topic | None) -> None:
    found = await subscription_changes.find_of_topic(services, urn, topic)
    grant = await subscription_changes.permit_change(
        services, call, found, "smn:topic:deleteSubscription", statement="Unsubscribe"
    )
    await services.subscriptions.delete(grant, found.subscription.uid, origin=call.origin)


def _urns(members: dict[str, Any]) -> list[str]:
    """Raises SmnError SMN.0043: no list of such objects, none in it or too many. What is no URN is for each of them to say."""
    given = members.get("subscription_urns")
    if not isinstance(given, list) or not 1 <= len(given) <= BATCH_DELETE_MAX:
        raise refuse("SMN.0043")
    urns = [item.get("subscription_urn") if isinstance(item, dict) else None for item in given]
    if not all(isinstance(urn, str) for urn in urns):
        raise refuse("SMN.0043")
    return [urn for urn in urns if isinstance(urn, str)]


def _told(result: subscription_changes.Result, request_id: str) -> dict[str, Any]:
    error = result.error
    if error is None:
        return {"request_id": request_id, "http_code": result.status}
    return {"request_id": request_id, "http_code": error.status, "code": error.code, "message": error.message}


_ALL = "v2/{project_id}/notifications/subscriptions"
_OF_TOPIC = "v2/{project_id}/notifications/topics/{topic_urn}/subscriptions"

ROUTES: tuple[Route, ...] = (
    Route("DELETE", f"{_ALL}/{{subscription_urn}}", "CancelSubscription", cancel_subscription),
    Route("DELETE", f"{_OF_TOPIC}/{{subscription_urn}}", "DeleteSubscriptionsByTopic", delete_subscriptions_by_topic),
    Route("DELETE", _ALL, "BatchDeleteSubscriptions", batch_delete),
    Route("DELETE", _OF_TOPIC, "BatchDeleteSubscriptionsByTopic", batch_delete_by_topic),
)
