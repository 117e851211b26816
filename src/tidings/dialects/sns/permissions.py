"""AddPermission and RemovePermission: statements of a topic's policy by label.

Source: SNS API reference, AddPermission, RemovePermission; forms of the statement as observed on the live service.
"""

from __future__ import annotations

import re
from dataclasses import replace

from tidings.dialects.sns import attributes, names, policies
from tidings.dialects.sns.calls import Call, SnsServices, find_topic, permit
from tidings.dialects.sns.errors import invalid, missing
from tidings.dialects.sns.limits import LABEL_CHARACTERS_MAX
from tidings.domain import policy
from tidings.domain.errors import InvalidValue, NotFound
from tidings.domain.grants import Verb
from tidings.domain.model import Topic
from tidings.domain.resource_names import partition

_LABEL = re.compile(r"[A-Za-z0-9_-]+\Z")


async def add_permission(services: SnsServices, call: Call) -> None:
    topic = await find_topic(services, call)
    label = _label(call)
    accounts = _list(call, "AWSAccountId")
    actions = _list(call, "ActionName")
    if topic is None:
        raise NotFound("topic")
    grant = permit(services, call, Verb.CHANGE_TOPIC, topic)
    arn = names.topic_arn(topic)
    if not all(names.is_account_id(account) for account in accounts):
        raise invalid("A provided account ID is not valid")
    principals = [f"arn:{partition(topic.region)}:iam::{account}:root" for account in accounts]

    def alter(found: Topic) -> Topic:
        text = policy.add_statement(
            current_policy(found), policies.VOCABULARY, arn, label=label, principals=principals, actions=actions
        )
        return replace(found, settings=attributes.with_setting(found.settings, "Policy", text))

    try:
        await services.topics.change(grant, topic.id, alter)
    except InvalidValue as error:
        raise attributes.refusal(error, in_map=False) from error


async def remove_permission(services: SnsServices, call: Call) -> None:
    topic = await find_topic(services, call)
    label = _label(call)
    if topic is None:
        raise NotFound("topic")
    grant = permit(services, call, Verb.CHANGE_TOPIC, topic)

    def alter(found: Topic) -> Topic:
        text = policy.remove_statement(current_policy(found), policies.VOCABULARY, label=label)
        if text is None:
            return found
        return replace(found, settings=attributes.with_setting(found.settings, "Policy", text))

    await services.topics.change(grant, topic.id, alter)


def current_policy(topic: Topic) -> str:
    """The policy set for a topic, or the one it began with."""
    return attributes.stored(topic.settings, "Policy") or policies.default_policy(
        names.topic_arn(topic), topic.account_id
    )


def _label(call: Call) -> str:
    label = call.required("Label")
    if len(label) > LABEL_CHARACTERS_MAX or _LABEL.match(label) is None:
        raise invalid("Label")
    return label


def _list(call: Call, member: str) -> list[str]:
    found = call.members(member)
    if not found:
        raise missing(member)
    return found
