"""Tags of topics: add, remove, list.

Source: SNS API reference, TagResource, UntagResource, ListTagsForResource, Tag.
"""

from __future__ import annotations

from tidings.dialects.sns import codec
from tidings.dialects.sns.calls import Call, SnsServices, find_topic, permit
from tidings.dialects.sns.errors import SnsError, check_length, invalid, missing
from tidings.dialects.sns.limits import (
    RESOURCE_ARN_CHARACTERS_MAX,
    TAG_KEY_CHARACTERS_MAX,
    TAG_VALUE_CHARACTERS_MAX,
    TAGS_MAX,
)
from tidings.domain.errors import QuotaExceeded
from tidings.domain.grants import Verb
from tidings.domain.model import Topic

_RESERVED = "aws:"


async def tag_resource(services: SnsServices, call: Call) -> str:
    _check_resource(call)
    if not codec.has_elements(call.params, "Tags"):
        raise missing("Tags")
    tags = read_tags(call)
    topic = await _resource(services, call)
    if topic is None:
        raise _absent()
    await services.topics.tag(permit(services, call, Verb.CHANGE_TOPIC, topic), topic.id, tags)
    return ""


async def untag_resource(services: SnsServices, call: Call) -> str:
    _check_resource(call)
    if not codec.has_elements(call.params, "TagKeys"):
        raise missing("TagKeys")
    keys = call.members("TagKeys")
    for position, key in enumerate(keys, start=1):
        check_length(key, f"tagKeys.{position}.member", 1, TAG_KEY_CHARACTERS_MAX)
    topic = await _resource(services, call)
    if topic is None:
        raise _absent()
    await services.topics.untag(permit(services, call, Verb.CHANGE_TOPIC, topic), topic.id, frozenset(keys))
    return ""


async def list_tags_for_resource(services: SnsServices, call: Call) -> str:
    _check_resource(call)
    topic = await _resource(services, call)
    if topic is None:
        raise _absent()
    permit(services, call, Verb.READ_TOPIC, topic)
    return codec.listed(
        "Tags",
        [f"<Key>{codec.escape(key)}</Key><Value>{codec.escape(value)}</Value>" for key, value in topic.tags.items()],
    )


def read_tags(call: Call) -> dict[str, str]:
    """The tags of a call (`Tags.member.N.Key`, `.Value`). Raises SnsError."""
    tags: dict[str, str] = {}
    for position, member in enumerate(codec.group(call.params, "Tags.member"), start=1):
        key, value = member.get("Key"), member.get("Value")
        path = f"tags.{position}.member"
        if key is None or value is None:
            raise missing(f"{path}.key" if key is None else f"{path}.value")
        check_length(key, f"{path}.key", 1, TAG_KEY_CHARACTERS_MAX)
        check_length(value, f"{path}.value", 0, TAG_VALUE_CHARACTERS_MAX)
        if key.lower().startswith(_RESERVED):
            raise invalid("Tags", f"keys that begin with {_RESERVED} are reserved")
        if key in tags:
            raise invalid("Duplicated keys are not allowed.")
        tags[key] = value
    if len(tags) > TAGS_MAX:
        raise QuotaExceeded("tags", TAGS_MAX)
    return tags


def _check_resource(call: Call) -> None:
    arn = call.params.get("ResourceArn")
    if arn is None:
        raise missing("ResourceArn")
    check_length(arn, "resourceArn", 1, RESOURCE_ARN_CHARACTERS_MAX)


async def _resource(services: SnsServices, call: Call) -> Topic | None:
    """The topic that ResourceArn names. What is no ARN of a topic here names no resource, whatever is wrong with it."""
    try:
        return await find_topic(services, call, "ResourceArn")
    except SnsError:
        return None


def _absent() -> SnsError:
    return SnsError("ResourceNotFound", "Resource does not exist", 404)
