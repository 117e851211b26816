"""Tags of topics: add, remove, list.

Source: SNS API reference, TagResource, UntagResource, ListTagsForResource, Tag.
"""

from __future__ import annotations

from tidings.dialects.sns import codec
from tidings.dialects.sns.calls import Call, House, find_topic, permit
from tidings.dialects.sns.errors import SnsError, invalid, missing
from tidings.dialects.sns.limits import TAG_KEY_CHARACTERS_MAX, TAG_VALUE_CHARACTERS_MAX, TAGS_MAX
from tidings.domain.errors import QuotaExceeded
from tidings.domain.grants import Verb
from tidings.domain.model import Topic

_RESERVED = "aws:"


async def tag_resource(house: House, call: Call) -> str:
    topic = await _resource(house, call)
    if not codec.is_given(call.params, "Tags"):
        raise missing("Tags")
    tags = read_tags(call)
    if topic is None:
        raise _absent()
    await house.topics.tag(permit(house, call, Verb.CHANGE_TOPIC, topic), topic.id, tags)
    return ""


async def untag_resource(house: House, call: Call) -> str:
    topic = await _resource(house, call)
    if not codec.is_given(call.params, "TagKeys"):
        raise missing("TagKeys")
    keys = call.members("TagKeys")
    for key in keys:
        _check_key(key)
    if topic is None:
        raise _absent()
    await house.topics.untag(permit(house, call, Verb.CHANGE_TOPIC, topic), topic.id, frozenset(keys))
    return ""


async def list_tags_for_resource(house: House, call: Call) -> str:
    topic = await _resource(house, call)
    if topic is None:
        raise _absent()
    permit(house, call, Verb.READ_TOPIC, topic)
    return codec.listed(
        "Tags",
        [f"<Key>{codec.escape(key)}</Key><Value>{codec.escape(value)}</Value>" for key, value in topic.tags.items()],
    )


def read_tags(call: Call) -> dict[str, str]:
    """The tags of a call (`Tags.member.N.Key`, `.Value`). Raises SnsError."""
    tags: dict[str, str] = {}
    for member in codec.group(call.params, "Tags.member"):
        key, value = member.get("Key"), member.get("Value")
        if key is None or value is None:
            raise missing("tags.member.key" if key is None else "tags.member.value")
        _check_key(key)
        if len(value) > TAG_VALUE_CHARACTERS_MAX:
            raise invalid("Tags", f"a tag's value must be at most {TAG_VALUE_CHARACTERS_MAX} characters long")
        if key in tags:
            raise invalid("Duplicated keys are not allowed.")
        tags[key] = value
    if len(tags) > TAGS_MAX:
        raise QuotaExceeded("tags", TAGS_MAX)
    return tags


def _check_key(key: str) -> None:
    if not 1 <= len(key) <= TAG_KEY_CHARACTERS_MAX:
        raise invalid("Tags", f"a tag's key must be 1 to {TAG_KEY_CHARACTERS_MAX} characters long")
    if key.lower().startswith(_RESERVED):
        raise invalid("Tags", f"keys that begin with {_RESERVED} are reserved")


async def _resource(house: House, call: Call) -> Topic | None:
    return await find_topic(house, call, "ResourceArn")


def _absent() -> SnsError:
    return SnsError("ResourceNotFound", "Resource does not exist", 404)
