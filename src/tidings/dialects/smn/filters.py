"""Filter policies of subscriptions: set, replace and remove for many at once. `filter_rules` says what they let through.

Creating and updating do the same, so that a program may repeat either: the list that was sent is the list that counts.
Source: SMN API reference, "Creating Message Filter Policies for a Subscriber"; huaweicloudsdksmn, SubscriptionsFilterPolicy.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from tidings.dialects.smn import codec, subscription_changes
from tidings.dialects.smn.calls import Answer, Call, Route, SmnServices, done
from tidings.dialects.smn.errors import refuse
from tidings.dialects.smn.limits import (
    ATTRIBUTE_NAME_CHARACTERS_MAX,
    ATTRIBUTE_VALUE_CHARACTERS_MAX,
    ATTRIBUTE_VALUES_MAX,
    DIALECT,
    PREFIX,
)
from tidings.domain.model import Subscription

FILTER_POLICES = PREFIX + "filter_polices"
SUBSCRIPTIONS_MAX = 100
POLICES_MAX = 5
"""Of one subscription."""

_NAME = re.compile(r"[a-z0-9]+(?:_[a-z0-9]+)*\Z")
_VALUE = re.compile(rf"\w{{1,{ATTRIBUTE_VALUE_CHARACTERS_MAX}}}\Z")


async def set_polices(services: SmnServices, call: Call) -> Answer:
    """BatchCreateSubscriptionsFilterPolices, BatchUpdateSubscriptionsFilterPolices."""

    async def put(item: dict[str, Any]) -> tuple[str, int]:
        urn = item["subscription_urn"]
        await _change(services, call, urn, item.get("filter_polices"))
        return urn, 200

    items = _listed(call.body, "polices")
    if not all(isinstance(item, dict) and isinstance(item.get("subscription_urn"), str) for item in items):
        raise refuse("SMN.0043")
    results = await subscription_changes.each(items, put)
    return _answer(results, [item["subscription_urn"] for item in items])


async def delete_polices(services: SmnServices, call: Call) -> Answer:
    """BatchDeleteSubscriptionsFilterPolices: here the URNs are plain strings."""

    async def drop(urn: str) -> tuple[str, int]:
        await _change(services, call, urn, [])
        return urn, 200

    urns = _listed(call.body, "subscription_urns")
    if not all(isinstance(urn, str) for urn in urns):
        raise refuse("SMN.0043")
    return _answer(await subscription_changes.each(urns, drop), urns)


async def _change(services: SmnServices, call: Call, urn: str, polices: Any) -> None:
    """Raises SmnError, Denied, NotFound. polices: an empty list removes them, as asked by `delete_polices` alone."""
    found = await subscription_changes.find_of_topic(services, urn, None)
    grant = await subscription_changes.permit_change(services, call, found, "smn:topic:updateSubscription")
    if found.subscription.dialect != DIALECT:
        # Its messages are filtered by its own dialect's rules: a policy of ours would be listed and not be kept.
        raise refuse("SMN.0043")
    text = "" if polices == [] and call.request.method == "DELETE" else codec.compact(read_polices(polices))

    def alter(row: Subscription) -> Subscription:
        kept = {name: value for name, value in row.settings.items() if name != FILTER_POLICES}
        return replace(row, settings={**kept, FILTER_POLICES: text} if text else kept)

    await services.subscriptions.change_settings(grant, found.subscription.uid, alter)


def read_polices(given: Any) -> list[dict[str, Any]]:
    """The policies as they are kept and shown. Raises SmnError SMN.0043."""
    if not isinstance(given, list) or not 1 <= len(given) <= POLICES_MAX:
        raise refuse("SMN.0043")
    read = [_read(policy) for policy in given]
    if len({policy["name"] for policy in read}) < len(read):
        raise refuse("SMN.0043")
    return read


def _read(policy: Any) -> dict[str, Any]:
    fault = refuse("SMN.0043")
    if not isinstance(policy, dict):
        raise fault
    name, values = policy.get("name"), policy.get("string_equals")
    if not isinstance(name, str) or len(name) > ATTRIBUTE_NAME_CHARACTERS_MAX or _NAME.match(name) is None:
        raise fault
    if name.startswith("smn_") or not isinstance(values, list) or not 1 <= len(values) <= ATTRIBUTE_VALUES_MAX:
        raise fault
    if not all(isinstance(value, str) and _VALUE.match(value) for value in values):
        raise fault
    if len(set(values)) < len(values):
        raise fault
    return {"name": name, "string_equals": values}


def _listed(members: dict[str, Any], name: str) -> list[Any]:
    """Raises SmnError SMN.0043: the body itself is wrong."""
    given = members.get(name)
    if not isinstance(given, list) or not 1 <= len(given) <= SUBSCRIPTIONS_MAX:
        raise refuse("SMN.0043")
    return given


def _answer(results: list[subscription_changes.Result], urns: list[str]) -> Answer:
    told = [
        {"code": "200", "message": "success", "subscription_urn": urn}
        if result.error is None
        else {"code": result.error.code, "message": result.error.message, "subscription_urn": urn}
        for result, urn in zip(results, urns, strict=True)
    ]
    return done(batch_result=told)


_PATH = "v2/{project_id}/notifications/subscriptions/filter_polices"

ROUTES: tuple[Route, ...] = (
    Route("POST", _PATH, "BatchCreateSubscriptionsFilterPolices", set_polices),
    Route("PUT", _PATH, "BatchUpdateSubscriptionsFilterPolices", set_polices),
    Route("DELETE", _PATH, "BatchDeleteSubscriptionsFilterPolices", delete_polices),
)
