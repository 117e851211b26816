"""A topic's attributes: the access policy, and the introduction that confirmation messages show.

Source: SMN API reference, "Querying a Topic Policy", "Updating a Topic Policy", "Topic Attribute List".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from tidings.dialects.smn import codec, policies
from tidings.dialects.smn.calls import Answer, Call, Route, SmnServices, done, find_topic, permit, topic_urn
from tidings.dialects.smn.errors import refuse, unreadable
from tidings.dialects.smn.limits import INTRODUCTION_BYTES_MAX, POLICY_BYTES_MAX, PREFIX
from tidings.domain.grants import Grant, Verb
from tidings.domain.model import Topic

ACCESS_POLICY, INTRODUCTION = "access_policy", "introduction"
BYTES_MAX = {ACCESS_POLICY: POLICY_BYTES_MAX, INTRODUCTION: INTRODUCTION_BYTES_MAX}
"""The attributes there are, and how long each may be."""


async def list_topic_attributes(services: SmnServices, call: Call) -> Answer:
    """ListTopicAttributes: all, or only the one that is asked for."""
    name = call.query.get("name") or None
    if name is not None:
        _check_name(name)
    topic = await find_topic(services, call)
    await permit(services, call, Verb.READ_TOPIC, topic, "smn:topic:list", statement="ListTopicAttributes")
    shown = {one: topic.settings.get(PREFIX + one, "") for one in BYTES_MAX if name in (None, one)}
    if name is None:
        shown |= {"create_time": codec.moment(topic.created_at), "update_time": codec.moment(topic.updated_at)}
    return done(attributes=shown)


async def update_topic_attribute(services: SmnServices, call: Call) -> Answer:
    """UpdateTopicAttribute: an empty value clears the attribute."""
    name = call.path["name"]
    _check_name(name)
    topic = await find_topic(services, call)
    grant = await _permit(services, call, topic, "UpdateTopicAttribute")
    fault = unreadable("value must be a string")
    value = codec.text(call.body, "value", fault)
    if value is None:
        raise fault
    if codec.size(value) > BYTES_MAX[name]:
        raise refuse("SMN.0047")
    if name == ACCESS_POLICY and value:
        policies.read(value, await topic_urn(services, topic))
    await services.topics.change(grant, topic.id, lambda found: _with(found, (name,), value))
    return done()


async def delete_topic_attribute(services: SmnServices, call: Call) -> Answer:
    """DeleteTopicAttributeByName."""
    name = call.path["name"]
    _check_name(name)
    topic = await find_topic(services, call)
    grant = await _permit(services, call, topic, "DeleteTopicAttributeByName")
    await services.topics.change(grant, topic.id, lambda found: _with(found, (name,), ""))
    return done()


async def delete_topic_attributes(services: SmnServices, call: Call) -> Answer:
    """DeleteTopicAttributes: clears them all."""
    topic = await find_topic(services, call)
    grant = await _permit(services, call, topic, "DeleteTopicAttributes")
    await services.topics.change(grant, topic.id, lambda found: _with(found, BYTES_MAX, ""))
    return done()


async def _permit(services: SmnServices, call: Call, topic: Topic, statement: str) -> Grant:
    return await permit(services, call, Verb.CHANGE_TOPIC, topic, "smn:topic:update", statement=statement)


def _check_name(name: str) -> None:
    if name not in BYTES_MAX:
        raise refuse("SMN.0046")


def _with(topic: Topic, names: Iterable[str], value: str) -> Topic:
    """The topic with these attributes set; empty ones are not kept."""
    changed = {PREFIX + name: value for name in names}
    kept = {key: kept for key, kept in topic.settings.items() if key not in changed}
    return replace(topic, settings={**kept, **changed} if value else kept)


_ATTRIBUTES = "v2/{project_id}/notifications/topics/{topic_urn}/attributes"

ROUTES: tuple[Route, ...] = (
    Route("GET", _ATTRIBUTES, "ListTopicAttributes", list_topic_attributes),
    Route("PUT", f"{_ATTRIBUTES}/{{name}}", "UpdateTopicAttribute", update_topic_attribute),
    Route("DELETE", f"{_ATTRIBUTES}/{{name}}", "DeleteTopicAttributeByName", delete_topic_attribute),
    Route("DELETE", _ATTRIBUTES, "DeleteTopicAttributes", delete_topic_attributes),
)
