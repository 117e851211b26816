"""Our ids and their forms in the clouds: SNS's `arn:aws:sns:REGION:ACCOUNT:NAME` for a topic, with `:UUID` after it for a
subscription; SMN's `urn:smn:REGION:PROJECT:NAME`, with `:UID` after it.

Called by the actions and shapes of this dialect. Looks nothing up and knows nobody's permissions.
Sources: SNS service authorization reference, resource types; SMN user guide, "Concepts".
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tidings.domain import passwords
from tidings.domain.errors import InvalidValue
from tidings.domain.model import AccountId
from tidings.domain.ports import ResourceNames

_UID = re.compile(r"[0-9a-f]{32}\Z|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
_ARN = re.compile(
    r"arn:aws[a-z-]{0,20}:sns:(?P<region>[a-z0-9-]{1,64}):(?P<account>[0-9]{12}):(?P<name>[A-Za-z0-9_-]{1,256}(?:\.fifo)?)"
    r"(?::(?P<uid>[0-9a-f-]{32,36}))?\Z"
)
_URN = re.compile(
    r"urn:smn:(?P<region>[a-z0-9-]{1,64}):(?P<project>[0-9a-f]{32}):(?P<name>[A-Za-z0-9_-]{1,256}(?:\.fifo)?)"
    r"(?::(?P<uid>[0-9a-f]{32}))?\Z"
)


@dataclass(frozen=True, slots=True)
class TopicName:
    """What a topic's ARN says."""

    account_id: AccountId
    region: str
    name: str


@dataclass(frozen=True, slots=True)
class TopicUrn:
    """What a topic's URN says."""

    project_id: str
    region: str
    name: str


@dataclass(frozen=True, slots=True)
class Naming:
    """What an account's topics and subscriptions are called in SNS and SMN, by these clouds' own naming."""

    arns: ResourceNames
    urns: ResourceNames
    account_id: AccountId
    project_id: str

    def topic_arn(self, region: str, name: str) -> str:
        return self.arns.topic(region, self.account_id, self.project_id, name)

    def topic_urn(self, region: str, name: str) -> str:
        return self.urns.topic(region, self.account_id, self.project_id, name)

    def subscription_arn(self, region: str, topic_name: str, uid: str) -> str:
        return self.arns.subscription(self.topic_arn(region, topic_name), uid)

    def subscription_urn(self, region: str, topic_name: str, uid: str) -> str:
        return self.urns.subscription(self.topic_urn(region, topic_name), uid)


def read_uid(text: str) -> str | None:
    """The uid in the form we store (32 hex digits), written with or without dashes; None when it is not a uid."""
    return text.replace("-", "") if _UID.match(text) else None


def read_topic(text: str) -> str | TopicName | TopicUrn:
    """A topic named by its uid (returned as text), ARN or URN. Raises InvalidValue."""
    uid = read_uid(text)
    if uid is not None:
        return uid
    arn = _ARN.match(text)
    if arn is not None and arn["uid"] is None:
        return TopicName(AccountId(arn["account"]), arn["region"], arn["name"])
    urn = _URN.match(text)
    if urn is not None and urn["uid"] is None:
        return TopicUrn(urn["project"], urn["region"], urn["name"])
    raise InvalidValue("topic", "neither a topic's uid nor its ARN or URN", text)


def read_subscription(text: str) -> str:
    """The uid of a subscription named by its uid, ARN or URN. Raises InvalidValue."""
    found = _ARN.match(text) or _URN.match(text)
    uid = read_uid((found["uid"] or "") if found is not None else text)
    if uid is None:
        raise InvalidValue("subscription", "neither a subscription's uid nor its ARN or URN", text)
    return uid


def shown_endpoint(endpoint: str) -> str:
    """The endpoint without the password that a URL may carry: what is shown is copied into sign_in_tokens and screenshots."""
    return passwords.masked(endpoint)
