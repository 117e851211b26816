"""Subscriptions: add (one or many) and change. An operation = parse, authorize, one service call, render.

Source: SMN API reference, "Adding a Subscription"; huaweicloudsdksmn, AddSubscriptionRequestBody, BatchAddSubscriptionsRequestBody,
UpdateSubscriptionRequestBody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tidings.dialects.smn import codec, endpoints, extensions, subscription_changes
from tidings.dialects.smn.calls import (
    Answer,
    Call,
    Route,
    SmnServices,
    created,
    done,
    find_topic,
    permit,
    subscription_urn,
    topic_urn,
)
from tidings.dialects.smn.errors import refuse
from tidings.dialects.smn.limits import BATCH_ADD_MAX, DIALECT, PREFIX, PROTOCOLS, REMARK_BYTES_MAX
from tidings.domain.errors import InvalidToken, InvalidValue
from tidings.domain.grants import Grant, Verb
from tidings.domain.model import NO_ID, Subscription, Topic
from tidings.domain.passwords import masked
from tidings.domain.protocols import ENDPOINT_CHARACTERS_MAX
from tidings.services.subscriptions import Found

REMARK = PREFIX + "remark"
_OFFERED = frozenset(PROTOCOLS)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be subscribed, checked."""

    protocol: str
    endpoint: str
    settings: Mapping[str, str]


async def add_subscription(services: SmnServices, call: Call) -> Answer:
    """AddSubscription: with `subscriptions`, those; else the one that the body itself describes."""
    topic = await find_topic(services, call)
    many = call.body.get("subscriptions")
    if many:
        return await _add_many(services, call, topic, many)
    subscription, is_new = await _add(services, call, topic, call.body)
    urn = await subscription_urn(services, topic, subscription)
    return created(subscription_urn=urn) if is_new else done(subscription_urn=urn)


async def update_subscription(services: SmnServices, call: Call) -> Answer:
    """UpdateSubscription: a new remark, the code that confirms, or both."""
    topic = await find_topic(services, call)
    found = await subscription_changes.find_of_topic(services, call.path["subscription_urn"], topic)
    grant = await subscription_changes.permit_change(services, call, found, "smn:topic:updateSubscription")
    remark = _remark(call.body)
    code = codec.text(call.body, "verification_code", refuse("SMN.0022"))
    if remark is None and code is None:
        raise refuse("SMN.0017")
    if code is not None:
        await _confirm(services, call, grant, found, code)
    if remark is not None:
        text = remark
        await services.subscriptions.change_settings(
            grant, found.subscription.uid, lambda row: replace(row, settings=_with(row.settings, REMARK, text))
        )
    return done(subscription_urn=call.path["subscription_urn"])


async def _add_many(services: SmnServices, call: Call, topic: Topic, many: Any) -> Answer:
    """In order, each on its own: what is wrong with one says nothing about the next."""
    if not isinstance(many, list) or len(many) > BATCH_ADD_MAX or not all(isinstance(item, dict) for item in many):
        await _permit(services, call, topic, {})
        raise refuse("SMN.0043")
    base = await topic_urn(services, topic)

    async def add(item: dict[str, Any]) -> tuple[str, int]:
        subscription, is_new = await _add(services, call, topic, item)
        return f"{base}:{subscription.uid}", 201 if is_new else 200

    results = await subscription_changes.each(many, add)
    told = [_told(result, call.request_id) for result in results]
    first = next((result.urn for result in results if result.error is None), None)
    members: dict[str, Any] = {} if first is None else {"subscription_urn": first}
    return created(**members, subscriptions_result=told)


def _told(result: subscription_changes.Result, request_id: str) -> dict[str, Any]:
    error = result.error
    if error is None:
        return {"http_code": result.status, "request_id": request_id, "subscription_urn": result.urn}
    return {
        "http_code": error.status,
        "request_id": request_id,
        "error_code": error.code,
        "error_msg": error.message,
    }


async def _add(services: SmnServices, call: Call, topic: Topic, given: dict[str, Any]) -> tuple[Subscription, bool]:
    """The subscription, and whether there was none of this endpoint before. Raises SmnError, Denied, QuotaExceeded."""
    _check_lengths(given)
    grant = await _permit(services, call, topic, given)
    wanted = _read(services, given)
    subscription, is_new = await services.subscriptions.subscribe(
        grant,
        topic,
        dialect=DIALECT,
        protocol=wanted.protocol,
        endpoint=wanted.endpoint,
        settings=wanted.settings,
        origin=call.origin,
    )
    # A canceled one that is revived has its id already.
    return subscription, is_new and subscription.id == NO_ID


async def _permit(services: SmnServices, call: Call, topic: Topic, given: dict[str, Any]) -> Grant:
    facts = {name: value for name in ("protocol", "endpoint") if isinstance(value := given.get(name), str)}
    return await permit(
        services,
        call,
        Verb.SUBSCRIBE,
        topic,
        "smn:topic:subscribe",
        statement="Subscribe",
        aliases=subscription_changes.UPDATE_ALIASES,
        facts=facts,
    )


def _check_lengths(given: dict[str, Any]) -> None:
    """What policies are asked about is bounded before they are. Raises SmnError."""
    for name, code in (("protocol", "SMN.0011"), ("endpoint", "SMN.0012")):
        value = given.get(name)
        if isinstance(value, str) and len(value) > ENDPOINT_CHARACTERS_MAX:
            raise refuse(code)


def _read(services: SmnServices, given: dict[str, Any]) -> Wanted:
    """Raises SmnError in the order of the documentation's fields."""
    protocol = codec.text(given, "protocol", refuse("SMN.0011"))
    if protocol not in _OFFERED:
        raise refuse("SMN.0011")
    text = codec.text(given, "endpoint", refuse("SMN.0012"))
    if not text:
        raise refuse("SMN.0012")
    endpoint = endpoints.read(services.protocols, services.egress, protocol, text)
    settings = extensions.read(services.vault, protocol, given.get("extension"))
    remark = _remark(given)
    if remark:
        settings[REMARK] = remark
    if endpoint != text:
        settings[endpoints.AS_GIVEN] = masked(text)
    return Wanted(protocol, endpoint, settings)


async def _confirm(services: SmnServices, call: Call, grant: Grant, found: Found, code: str) -> None:
    """Raises SmnError SMN.0022, also where no code was sent: six digits must not be guessed for those who got a link."""
    uid = found.subscription.uid
    if found.subscription.dialect != DIALECT or not extensions.wants_code(found.subscription.settings):
        raise refuse("SMN.0022")
    try:
        await services.subscriptions.confirm_by_code(grant, uid, code, origin=call.origin)
    except InvalidToken:
        raise
    except InvalidValue as error:
        raise refuse("SMN.0022") from error


def _remark(given: dict[str, Any]) -> str | None:
    """Raises SmnError SMN.0017."""
    remark = codec.text(given, "remark", refuse("SMN.0017"))
    if remark is not None and codec.size(remark) > REMARK_BYTES_MAX:
        raise refuse("SMN.0017")
    return remark


def _with(settings: Mapping[str, str], name: str, value: str) -> dict[str, str]:
    """The settings with another value; an empty one is not kept."""
    changed = {key: kept for key, kept in settings.items() if key != name}
    return {**changed, name: value} if value else changed


_OF_TOPIC = "v2/{project_id}/notifications/topics/{topic_urn}/subscriptions"

ROUTES: tuple[Route, ...] = (
    Route("POST", _OF_TOPIC, "AddSubscription", add_subscription),
    Route("PUT", f"{_OF_TOPIC}/{{subscription_urn}}", "UpdateSubscription", update_subscription),
)
