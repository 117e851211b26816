"""Topics: create, list, look, change, delete. An operation = parse, authorize, one service call, render.

Source: SMN API reference, "Creating a Topic", "Querying Topics", "Querying Details of a Topic", "Updating a Topic", "Deleting a
Topic".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tidings.dialects.smn import codec, names
from tidings.dialects.smn.calls import (
    Answer,
    Call,
    Route,
    SmnServices,
    created,
    done,
    find_topic,
    permit,
    permit_account,
    topic_urn,
)
from tidings.dialects.smn.errors import SmnError, refuse, unreadable
from tidings.dialects.smn.limits import DIALECT, DISPLAY_NAME_BYTES_MAX, PREFIX
from tidings.domain import resource_names
from tidings.domain.grants import Verb
from tidings.domain.model import Topic, TopicQuery

ENTERPRISE_PROJECT = PREFIX + "enterprise_project_id"
DEFAULT_ENTERPRISE_PROJECT = "0"
EVERY_ENTERPRISE_PROJECT = "all_granted_eps"
PUSH_POLICY = 0
"""Failed messages are kept and tried again."""

_ENTERPRISE_PROJECT = re.compile(r"[A-Za-z0-9-]{1,64}\Z")


async def create_topic(services: SmnServices, call: Call) -> Answer:
    """CreateTopic: a name that exists already is answered with its topic, which stays as it is."""
    name = codec.text(call.body, "name", refuse("SMN.0002"))
    if name is None or not names.is_topic_name(name):
        raise refuse("SMN.0002")
    display_name = _display_name(call) or ""
    grant = permit_account(
        call,
        Verb.CREATE_TOPIC,
        "smn:topic:create",
        resource=resource_names.topic_urn(services.region, call.project_id, name),
    )
    project = _enterprise_project(codec.text(call.body, "enterprise_project_id", _wrong_enterprise_project()))
    topic, is_new = await services.topics.create(
        grant,
        region=services.region,
        name=name,
        dialect=DIALECT,
        display_name=display_name,
        settings={ENTERPRISE_PROJECT: project} if project else {},
        tags={},
    )
    urn = names.topic_urn(topic, call.project_id)
    return created(topic_urn=urn) if is_new else done(topic_urn=urn)


async def list_topics(services: SmnServices, call: Call) -> Answer:
    """ListTopics."""
    return await _list(services, call, _shown)


async def list_topics_with_associated_resources(services: SmnServices, call: Call) -> Answer:
    """ListTopicsWithAssociatedResources."""
    return await _list(services, call, _shown_with_resources)


async def list_topic_details(services: SmnServices, call: Call) -> Answer:
    """ListTopicDetails."""
    topic = await find_topic(services, call)
    await permit(services, call, Verb.READ_TOPIC, topic, "smn:topic:list", statement="QueryTopicDetail")
    return Answer(200, _shown(topic, await topic_urn(services, topic)))


async def update_topic(services: SmnServices, call: Call) -> Answer:
    """UpdateTopic: the display name is all that can be changed."""
    topic = await find_topic(services, call)
    grant = await permit(services, call, Verb.CHANGE_TOPIC, topic, "smn:topic:update", statement="UpdateTopic")
    display_name = _display_name(call)
    if display_name is None:
        raise refuse("SMN.0003")
    await services.topics.change(grant, topic.id, lambda found: replace(found, display_name=display_name))
    return done()


async def delete_topic(services: SmnServices, call: Call) -> Answer:
    """DeleteTopic: its subscriptions go with it."""
    topic = await find_topic(services, call)
    grant = await permit(services, call, Verb.DELETE_TOPIC, topic, "smn:topic:delete", statement="DeleteTopic")
    await services.topics.delete(grant, topic.id)
    return done()


def enterprise_project(topic: Topic) -> str:
    """The topic's enterprise project as it is shown."""
    return topic.settings.get(ENTERPRISE_PROJECT) or DEFAULT_ENTERPRISE_PROJECT


async def _list(services: SmnServices, call: Call, shown: Callable[[Topic, str], dict[str, Any]]) -> Answer:
    offset, limit = call.page()
    wanted = _filter(call, services.region, offset, limit)
    grant = permit_account(call, Verb.LIST, "smn:topic:list")
    page, total = await services.topics.search(grant, wanted)
    rows = [shown(topic, names.topic_urn(topic, call.project_id)) for topic in page]
    return done(topic_count=total, topics=rows)


def _filter(call: Call, region: str, offset: int, limit: int) -> TopicQuery:
    """An empty filter is none. Raises SmnError."""
    given = {name: value for name, value in call.query.items() if value}
    display_part = given.get("fuzzy_display_name")
    if display_part is not None and codec.size(display_part) > DISPLAY_NAME_BYTES_MAX:
        raise refuse("SMN.0003")
    project = given.get("enterprise_project_id")
    setting = None
    if project is not None and project != EVERY_ENTERPRISE_PROJECT:
        setting = (ENTERPRISE_PROJECT, _enterprise_project(project))
    return TopicQuery(
        call.principal.account_id,
        region,
        name=given.get("name"),
        uid=given.get("topic_id"),
        name_part=given.get("fuzzy_name"),
        display_part=display_part,
        setting=setting,
        offset=offset,
        limit=limit,
    )


def _display_name(call: Call) -> str | None:
    """Raises SmnError."""
    display_name = codec.text(call.body, "display_name", refuse("SMN.0003"))
    if display_name is not None and codec.size(display_name) > DISPLAY_NAME_BYTES_MAX:
        raise refuse("SMN.0003")
    return display_name


def _enterprise_project(given: str | None) -> str:
    """As it is kept: the default one is empty. Raises SmnError."""
    if not given or given == DEFAULT_ENTERPRISE_PROJECT:
        return ""
    if not _ENTERPRISE_PROJECT.match(given):
        raise _wrong_enterprise_project()
    return given


def _wrong_enterprise_project() -> SmnError:
    return unreadable("enterprise_project_id must be 1 to 64 letters, digits and hyphens")


def _shown(topic: Topic, urn: str) -> dict[str, Any]:
    return {
        "topic_urn": urn,
        "name": topic.name,
        "display_name": topic.display_name,
        "push_policy": PUSH_POLICY,
        "enterprise_project_id": enterprise_project(topic),
        "topic_id": topic.uid,
        "create_time": codec.moment(topic.created_at),
        "update_time": codec.moment(topic.updated_at),
    }


def _shown_with_resources(topic: Topic, urn: str) -> dict[str, Any]:
    attributes = {
        "access_policy": topic.settings.get(PREFIX + "access_policy", ""),
        "create_time": codec.moment(topic.created_at),
        "update_time": codec.moment(topic.updated_at),
    }
    tags = [{"key": key, "value": value} for key, value in topic.tags.items()]
    return {**_shown(topic, urn), "tags": tags, "attributes": attributes, "logtanks": []}


_TOPICS = "v2/{project_id}/notifications/topics"

ROUTES: tuple[Route, ...] = (
    Route("POST", _TOPICS, "CreateTopic", create_topic),
    Route("GET", _TOPICS, "ListTopics", list_topics),
    Route(
        "GET",
        "v2/{project_id}/notifications/topics-with-associated-resources",
        "ListTopicsWithAssociatedResources",
        list_topics_with_associated_resources,
    ),
    Route("GET", f"{_TOPICS}/{{topic_urn}}", "ListTopicDetails", list_topic_details),
    Route("PUT", f"{_TOPICS}/{{topic_urn}}", "UpdateTopic", update_topic),
    Route("DELETE", f"{_TOPICS}/{{topic_urn}}", "DeleteTopic", delete_topic),
)
