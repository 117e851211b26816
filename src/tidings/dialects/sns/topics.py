"""Topics: create, delete, list, look, change. An action = parse, authorize, one service call, render.

Source: SNS API reference, CreateTopic, DeleteTopic, ListTopics, GetTopicAttributes, SetTopicAttributes; texts as observed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tidings.dialects.sns import attributes, codec, names, tags
from tidings.dialects.sns.calls import Call, SnsServices, find_topic, permit, permit_account
from tidings.dialects.sns.errors import SnsError, invalid, missing, not_offered
from tidings.dialects.sns.limits import (
    LARGE_TOPIC_PROTOCOLS,
    LARGE_TOPIC_SUBSCRIPTIONS_MAX,
    MESSAGE_BYTES_DEFAULT,
    PAGE_ITEMS,
)
from tidings.dialects.sns.permissions import current_policy
from tidings.domain import delivery_policy
from tidings.domain.errors import NotFound
from tidings.domain.grants import Grant, Verb
from tidings.domain.model import State, SubscriptionQuery, Topic
from tidings.domain.resource_names import partition, topic_arn

_CREATE_ONLY = "FifoTopic"


async def create_topic(services: SnsServices, call: Call) -> str:
    name = call.params.get("Name")
    if name is None:
        raise missing("Name")
    given = call.entries("Attributes")
    wants_fifo = _is_true(given.pop(_CREATE_ONLY, "false"))
    if not names.is_topic_name(name) or names.is_fifo(name) is not wants_fifo:
        raise names.wrong_topic_name()
    if wants_fifo:
        raise SnsError("InvalidParameter", "Invalid parameter: FIFO topics are not offered by this server yet")
    if call.params.get("DataProtectionPolicy"):
        raise not_offered("DataProtectionPolicy", "data protection policies")
    account_id = call.principal.account_id
    arn = topic_arn(call.region, account_id, name)
    wanted_tags = tags.read_tags(call)
    grant = permit_account(call, Verb.CREATE_TOPIC, arn)
    wanted = _checked(given, arn)
    settings = {attributes.PREFIX + key: value for key, value in wanted.items() if value}
    settings.pop(attributes.PREFIX + attributes.DISPLAY_NAME, None)
    topic, is_new = await services.topics.create(
        grant,
        region=call.region,
        name=name,
        dialect="sns",
        display_name=wanted.get(attributes.DISPLAY_NAME, ""),
        settings=settings,
        tags=wanted_tags,
    )
    if not is_new:
        _check_same(topic, wanted, wanted_tags)
    return f"<TopicArn>{names.topic_arn(topic)}</TopicArn>"


async def delete_topic(services: SnsServices, call: Call) -> None:
    topic = await find_topic(services, call)
    if topic is not None:  # deleting an absent topic succeeds
        await services.topics.delete(permit(services, call, Verb.DELETE_TOPIC, topic), topic.id)


async def list_topics(services: SnsServices, call: Call) -> str:
    after = call.after("topics")
    grant = permit_account(call, Verb.LIST, f"arn:{partition(call.region)}:sns:{call.region}:*")
    page = await services.topics.page(grant, call.region, after=after, limit=PAGE_ITEMS + 1)
    shown = page[:PAGE_ITEMS]
    result = codec.listed("Topics", [f"<TopicArn>{names.topic_arn(topic)}</TopicArn>" for topic in shown])
    if len(page) > PAGE_ITEMS:
        result += f"<NextToken>{codec.page_token('topics', shown[-1].id)}</NextToken>"
    return result


async def get_topic_attributes(services: SnsServices, call: Call) -> str:
    topic = await find_topic(services, call)
    if topic is None:
        raise NotFound("topic")
    counts = await services.topics.counts(permit(services, call, Verb.READ_TOPIC, topic), topic.id, restorable=True)
    shown = {
        "TopicArn": names.topic_arn(topic),
        "Owner": topic.account_id,
        "Policy": current_policy(topic),
        "DisplayName": topic.display_name,
        "SubscriptionsConfirmed": str(counts.confirmed),
        "SubscriptionsPending": str(counts.unconfirmed),
        "SubscriptionsDeleted": str(counts.canceled),
        "EffectiveDeliveryPolicy": delivery_policy.effective_topic(attributes.stored(topic.settings, "DeliveryPolicy")),
    }
    for name in attributes.TOPIC:
        value = attributes.stored(topic.settings, name)
        if value:
            shown[name] = value
    return codec.mapped("Attributes", shown)


async def set_topic_attributes(services: SnsServices, call: Call) -> None:
    topic = await find_topic(services, call)
    name = call.params.get("AttributeName")
    if name is None:
        raise missing("AttributeName")
    if topic is None:
        raise NotFound("topic")
    grant = permit(services, call, Verb.CHANGE_TOPIC, topic)
    if name not in attributes.TOPIC:
        raise invalid("AttributeName")
    value = attributes.check_topic(name, call.params.get("AttributeValue", ""), names.topic_arn(topic), in_map=False)
    if name == "MaximumMessageSize" and int(value) > MESSAGE_BYTES_DEFAULT:
        await _check_large(services, permit_account(call, Verb.LIST, names.topic_arn(topic)), topic)

    def alter(found: Topic) -> Topic:
        if name == attributes.DISPLAY_NAME:
            return replace(found, display_name=value)
        return replace(found, settings=attributes.with_setting(found.settings, name, value))

    await services.topics.change(grant, topic.id, alter)


def _is_true(value: str) -> bool:
    if value.lower() not in ("true", "false"):
        raise SnsError("InvalidParameter", "Invalid parameter: Attributes Reason: FifoTopic: must be true or false")
    return value.lower() == "true"


def _checked(given: Mapping[str, str], arn: str) -> dict[str, str]:
    """The attributes of a create call as they would be stored; empty for "unset". Raises SnsError."""
    for name in given:
        if name not in attributes.TOPIC:
            raise invalid("Attributes", f"Unknown attribute: {name[:100]}")
    return {name: attributes.check_topic(name, value, arn, in_map=True) for name, value in given.items()}


def _check_same(topic: Topic, wanted: Mapping[str, str], wanted_tags: Mapping[str, str]) -> None:
    """CreateTopic for an existing name: what is given must be what is stored; what is not given does not matter."""
    for name, value in wanted.items():
        kept = topic.display_name if name == attributes.DISPLAY_NAME else attributes.stored(topic.settings, name)
        if not attributes.is_same(name, value, kept):
            raise invalid("Attributes", "Topic already exists with different attributes")
    for key, value in wanted_tags.items():
        if topic.tags.get(key) != value:
            raise invalid("Tags", "Topic already exists with different tags")


async def _check_large(services: SnsServices, grant: Grant, topic: Topic) -> None:
    """Large messages go only to queues and the like, and to few of them. Raises SnsError."""
    query = SubscriptionQuery(
        topic_id=topic.id,
        states=(State.UNCONFIRMED, State.CONFIRMED),
        limit=LARGE_TOPIC_SUBSCRIPTIONS_MAX + 1,
    )
    subscriptions = await services.subscriptions.page(grant, query)
    if len(subscriptions) > LARGE_TOPIC_SUBSCRIPTIONS_MAX or any(
        subscription.protocol not in LARGE_TOPIC_PROTOCOLS for subscription in subscriptions
    ):
        raise SnsError(
            "InvalidParameter",
            f"Invalid parameter: MaximumMessageSize: above {MESSAGE_BYTES_DEFAULT} a topic may have at most"
            f" {LARGE_TOPIC_SUBSCRIPTIONS_MAX} subscriptions, all of them SQS, Firehose or Lambda",
        )
