"""Tags of topics: common to all front ends, so SNS's TagResource shows and sets the same.

Source: SMN API reference, "Adding a Tag", "Adding or Deleting Tags in Batches", "Deleting a Tag", "Querying Tags of a Topic",
"Querying Tags in a Specified Project", "Querying Topics by Tag".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tidings.dialects.smn import codec, names
from tidings.dialects.smn.calls import Answer, Call, Route, SmnServices, permit, permit_account
from tidings.dialects.smn.errors import no_such_api, refuse
from tidings.dialects.smn.limits import (
    RESOURCE_TAG_KEY_CHARACTERS_MAX,
    RESOURCE_TAG_VALUE_CHARACTERS_MAX,
    RESOURCE_TAGS_MAX,
)
from tidings.dialects.smn.topics import enterprise_project
from tidings.domain.errors import NotFound
from tidings.domain.grants import Grant, Verb
from tidings.domain.model import Topic

RESOURCE_TYPE = "smn_topic"
BY_NAME_HEADER = "x-smn-resourceid-type"
"""`name`: the path has the topic's name where it otherwise has its id. Observed: Terraform's provider sends it always."""
INSTANCES_MAX = 1_000
FILTER_KEYS_MAX = 20
FILTER_VALUES_MAX = 20
MATCHES_MAX = 10

Wanted = Mapping[str, frozenset[str]]
"""Keys with the values that fit; no values: any does."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which topics ListResourceInstances is asked for; everything given must fit.

    tags: all of these; tags_any: at least one; not_tags: not all of these; not_tags_any: none of these. untagged: topics
    without any tag, and the four do not matter. `name`: exact.
    """

    tags: Wanted
    tags_any: Wanted
    not_tags: Wanted
    not_tags_any: Wanted
    untagged: bool = False
    name: str | None = None

    def fits(self, name: str, tags: Mapping[str, str]) -> bool:
        """Whether a topic of this name and these tags is asked for."""
        if self.name is not None and name != self.name:
            return False
        if self.untagged:
            return not tags
        return (
            all(_has(tags, self.tags))
            and (not self.tags_any or any(_has(tags, self.tags_any)))
            and not (self.not_tags and all(_has(tags, self.not_tags)))
            and not any(_has(tags, self.not_tags_any))
        )


def _has(tags: Mapping[str, str], wanted: Wanted) -> list[bool]:
    """For each key that is wanted, whether the tags have it with a value that fits."""
    return [key in tags and (not values or tags[key] in values) for key, values in wanted.items()]


async def create_resource_tag(services: SmnServices, call: Call) -> Answer:
    """CreateResourceTag: a key that is there already gets the new value."""
    topic = await _find(services, call)
    grant = await permit(services, call, Verb.CHANGE_TOPIC, topic, "smn:tag:create")
    await _add(services, grant, topic, [_tag(call.body.get("tag"))])
    return Answer(204)


async def batch_create_or_delete_resource_tags(services: SmnServices, call: Call) -> Answer:
    """BatchCreateOrDeleteResourceTags: all of them or none. Keys to delete that are not there do not matter."""
    topic = await _find(services, call)
    grant = await permit(services, call, Verb.CHANGE_TOPIC, topic, "smn:tag:batchModify")
    action, raw = call.body.get("action"), call.body.get("tags")
    if action not in ("create", "delete"):
        raise refuse("SMN.0073")
    if not isinstance(raw, list) or not 1 <= len(raw) <= RESOURCE_TAGS_MAX:
        raise refuse("SMN.0038")
    if action == "create":
        await _add(services, grant, topic, [_tag(one) for one in raw])
    else:
        await services.topics.untag(grant, topic.id, frozenset(_key(one) for one in raw))
    return Answer(204)


async def list_resource_tags(services: SmnServices, call: Call) -> Answer:
    """ListResourceTags."""
    topic = await _find(services, call)
    await permit(services, call, Verb.READ_TOPIC, topic, "smn:tag:list")
    return Answer(200, {"tags": _shown(topic)}, with_request_id=False)


async def delete_resource_tag(services: SmnServices, call: Call) -> Answer:
    """DeleteResourceTag. Raises SmnError SMN.0045 when the topic has no such key."""
    topic = await _find(services, call)
    grant = await permit(services, call, Verb.CHANGE_TOPIC, topic, "smn:tag:delete")
    key = call.path["key"]

    def alter(found: Topic) -> Topic:
        if key not in found.tags:
            raise refuse("SMN.0045")
        return replace(found, tags={one: value for one, value in found.tags.items() if one != key})

    await services.topics.change(grant, topic.id, alter)
    return Answer(204)


async def list_project_tags(services: SmnServices, call: Call) -> Answer:
    """ListProjectTags: every key with all its values."""
    _check_type(call)
    grant = permit_account(call, Verb.LIST, "smn:tag:list")
    found: dict[str, set[str]] = {}
    async for topic in services.topics.every(grant, services.region):
        for key, value in topic.tags.items():
            found.setdefault(key, set()).add(value)
    tags = [{"key": key, "values": sorted(values)} for key, values in sorted(found.items())]
    return Answer(200, {"tags": tags}, with_request_id=False)


async def list_resource_instances(services: SmnServices, call: Call) -> Answer:
    """ListResourceInstances: the topics that a filter over tags finds, or how many they are."""
    _check_type(call)
    grant = permit_account(call, Verb.LIST, "smn:tag:list")
    action = call.body.get("action")
    if action not in ("filter", "count"):
        raise refuse("SMN.0073")
    wanted = read_filter(call.body)
    offset = _number(call.body.get("offset"), default=0, least=0, most=2**53)
    limit = _number(call.body.get("limit"), default=INSTANCES_MAX, least=1, most=INSTANCES_MAX)
    total, page = 0, []
    async for topic in services.topics.every(grant, services.region):
        if wanted.fits(topic.name, topic.tags):
            if offset <= total < offset + limit:
                page.append(_instance(topic, names.topic_urn(topic, call.project_id)))
            total += 1
    members = {"total_count": total} if action == "count" else {"resources": page, "total_count": total}
    return Answer(200, members, with_request_id=False)


def read_filter(body: Mapping[str, Any]) -> Filter:
    """The filter of ListResourceInstances. Raises SmnError."""
    untagged = body.get("without_any_tag")
    if untagged is not None and not isinstance(untagged, bool):
        raise refuse("SMN.0038")
    return Filter(
        tags=_wanted(body.get("tags")),
        tags_any=_wanted(body.get("tags_any")),
        not_tags=_wanted(body.get("not_tags")),
        not_tags_any=_wanted(body.get("not_tags_any")),
        untagged=bool(untagged),
        name=_matches(body.get("matches")),
    )


def _wanted(raw: Any) -> Wanted:
    if raw is None:
        return {}
    if not isinstance(raw, list) or len(raw) > FILTER_KEYS_MAX:
        raise refuse("SMN.0038")
    found: dict[str, frozenset[str]] = {}
    for one in raw:
        key = _key(one)
        values = one.get("values")
        values = [] if values is None else values
        if key in found or not isinstance(values, list) or len(values) > FILTER_VALUES_MAX:
            raise refuse("SMN.0038")
        found[key] = frozenset(_value(value) for value in values)
    return found


def _matches(raw: Any) -> str | None:
    if raw is None:
        return None
    if not isinstance(raw, list) or len(raw) > MATCHES_MAX:
        raise refuse("SMN.0038")
    found: dict[str, str] = {}
    for one in raw:
        key = _key(one)
        if key != "resource_name" or key in found:
            raise refuse("SMN.0038")
        found[key] = _value(one.get("value"))
    return found.get("resource_name")


def _number(raw: Any, *, default: int, least: int, most: int) -> int:
    """offset and limit are strings here; numbers are taken too. Raises SmnError SMN.0015."""
    if raw is None:
        return default
    text = str(raw) if isinstance(raw, int) and not isinstance(raw, bool) else raw
    if not (isinstance(text, str) and text.isascii() and text.isdigit() and len(text) <= 16):
        raise refuse("SMN.0015")
    if not least <= int(text) <= most:
        raise refuse("SMN.0015")
    return int(text)


def _tag(raw: Any) -> tuple[str, str]:
    key = _key(raw)
    return key, _value(raw.get("value", ""))


def _key(raw: Any) -> str:
    """The key of `{"key": …}`. Raises SmnError SMN.0038."""
    key = raw.get("key") if isinstance(raw, dict) else None
    if not isinstance(key, str) or not codec.is_text(key) or not 1 <= len(key) <= RESOURCE_TAG_KEY_CHARACTERS_MAX:
        raise refuse("SMN.0038")
    return key


def _value(raw: Any) -> str:
    if not isinstance(raw, str) or not codec.is_text(raw) or len(raw) > RESOURCE_TAG_VALUE_CHARACTERS_MAX:
        raise refuse("SMN.0038")
    return raw


async def _add(services: SmnServices, grant: Grant, topic: Topic, given: Sequence[tuple[str, str]]) -> None:
    """Raises SmnError SMN.0038 for a key given twice, and for more tags than a topic may have."""
    tags = dict(given)
    if len(tags) != len(given):
        raise refuse("SMN.0038")

    def alter(found: Topic) -> Topic:
        merged = {**found.tags, **tags}
        # Another front end may have given it more: those keys may still get new values.
        if len(merged) > max(RESOURCE_TAGS_MAX, len(found.tags)):
            raise refuse("SMN.0038")
        return replace(found, tags=merged)

    await services.topics.change(grant, topic.id, alter)


async def _find(services: SmnServices, call: Call) -> Topic:
    """The topic of the path: one's own by name, any by id. Raises SmnError, NotFound."""
    _check_type(call)
    given = call.path["resource_id"]
    if call.request.headers.get(BY_NAME_HEADER, "").lower() == "name":
        topic = await services.topics.find(call.principal.account_id, services.region, given)
    else:
        topic = await services.topics.find_by_uid(given)
    if topic is None:
        raise NotFound("topic", given)
    return topic


def _check_type(call: Call) -> None:
    if call.path["resource_type"] != RESOURCE_TYPE:
        raise no_such_api()


def _shown(topic: Topic) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in topic.tags.items()]


def _instance(topic: Topic, urn: str) -> dict[str, Any]:
    detail = {
        "topic_urn": urn,
        "display_name": topic.display_name,
        "enterprise_project_id": enterprise_project(topic),
        "detailId": topic.uid,
    }
    return {
        "resource_id": topic.uid,
        "resource_name": topic.name,
        "resource_detail": detail,
        "tags": _shown(topic),
    }


_TYPE = "v2/{project_id}/{resource_type}"
_TAGS = f"{_TYPE}/{{resource_id}}/tags"

ROUTES: tuple[Route, ...] = (
    Route("POST", _TAGS, "CreateResourceTag", create_resource_tag),
    Route("POST", f"{_TAGS}/action", "BatchCreateOrDeleteResourceTags", batch_create_or_delete_resource_tags),
    Route("GET", _TAGS, "ListResourceTags", list_resource_tags),
    Route("DELETE", f"{_TAGS}/{{key}}", "DeleteResourceTag", delete_resource_tag),
    Route("GET", f"{_TYPE}/tags", "ListProjectTags", list_project_tags),
    Route("POST", f"{_TYPE}/resource_instances/action", "ListResourceInstances", list_resource_instances),
)
