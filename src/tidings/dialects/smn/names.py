"""URNs: `urn:smn:REGION:PROJECT:NAME` for a topic, with `:UID` (32 hex digits) after it for a subscription. Pure.

Source: SMN user guide, "Concepts".
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from tidings.dialects.smn.errors import refuse
from tidings.dialects.smn.limits import TOPIC_NAME_CHARACTERS_MAX
from tidings.domain import resource_names
from tidings.domain.model import Topic

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*\Z")
_URN = re.compile(
    r"urn:smn:(?P<region>[a-z0-9-]{1,64}):(?P<project>[A-Za-z0-9_-]{1,64}):"
    # Wider than what SMN lets one create: topics of other dialects have URNs too.
    r"(?P<name>[A-Za-z0-9_-]{1,256}(?:\.fifo)?)(?::(?P<uid>[0-9a-f]{32}))?\Z"
)


@dataclass(frozen=True, slots=True)
class TopicName:
    """What a topic's URN says."""

    region: str
    project_id: str
    name: str


def topic_urn(topic: Topic, project_id: str) -> str:
    """project_id: of the topic's account."""
    return resource_names.topic_urn(topic.region, project_id, topic.name)


def subscription_urn(topic: Topic, project_id: str, uid: str) -> str:
    return resource_names.subscription_urn(topic_urn(topic, project_id), uid)


def is_topic_name(name: str) -> bool:
    return len(name) <= TOPIC_NAME_CHARACTERS_MAX and _NAME.match(name) is not None


def read_topic_urn(urn: str) -> TopicName:
    """Raises SmnError SMN.0005."""
    found = _URN.match(urn)
    if found is None or found["uid"] is not None:
        raise refuse("SMN.0005")
    return TopicName(found["region"], found["project"], found["name"])


def read_subscription_urn(urn: str) -> tuple[TopicName, str]:
    """The topic and the uid that a subscription's URN means. Raises SmnError SMN.0014."""
    found = _URN.match(urn)
    if found is None or found["uid"] is None:
        raise refuse("SMN.0014")
    return TopicName(found["region"], found["project"], found["name"]), found["uid"]


def certificate_name(region: str, digits: str) -> str:
    """The file under /smn/ that holds the signing certificate. digits: of its fingerprint."""
    return f"SMN_{region}_{digits}.pem"


def hex_id(text: str) -> str:
    """An id of ours as SMN writes ids: 32 hex digits without dashes."""
    return text.replace("-", "")


def domain_id(account_id: str) -> str:
    """The account's id as IAM writes it (32 hex digits). Always the same, so that nothing has to be stored."""
    return derived_id("domain", account_id)


def user_id(account_id: str, user: str) -> str:
    """The user's id, likewise."""
    return derived_id("user", account_id, user)


def derived_id(*parts: str) -> str:
    """32 hex digits that always stand for the same thing."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
