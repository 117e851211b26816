"""Our ids and their SNS form: `arn:aws:sns:REGION:ACCOUNT:NAME` for a topic, with `:UUID` after it for a subscription.

Called by the actions and shapes of this dialect. Looks nothing up and knows nobody's permissions.
Source: SNS service authorization reference, resource types.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass

from tidings.domain.errors import InvalidValue
from tidings.domain.model import AccountId

_UID = re.compile(r"[0-9a-f]{32}\Z|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
_ARN = re.compile(
    r"arn:aws[a-z-]{0,20}:sns:(?P<region>[a-z0-9-]{1,64}):(?P<account>[0-9]{12}):(?P<name>[A-Za-z0-9_-]{1,256}(?:\.fifo)?)"
    r"(?::(?P<uid>[0-9a-f-]{32,36}))?\Z"
)
_PASSWORD_IN_URL = re.compile(r"(?i)\A(https?://[^/?#:]*):[^/?#]*@")


@dataclass(frozen=True, slots=True)
class TopicName:
    """What a topic's ARN says."""

    account_id: AccountId
    region: str
    name: str


def topic_arn(account_id: str, region: str, name: str) -> str:
    return f"arn:aws:sns:{region}:{account_id}:{name}"


def subscription_arn(account_id: str, region: str, topic_name: str, uid: str) -> str:
    """`account_id` is the topic's, as in SNS."""
    return f"{topic_arn(account_id, region, topic_name)}:{uuid.UUID(uid)}"


def read_uid(text: str) -> str | None:
    """The uid in the form we store (32 hex digits), written with or without dashes; None when it is not a uid."""
    return text.replace("-", "") if _UID.match(text) else None


def read_topic(text: str) -> str | TopicName:
    """A topic named by its uid (returned as text) or ARN. Raises InvalidValue."""
    uid = read_uid(text)
    if uid is not None:
        return uid
    found = _ARN.match(text)
    if found is None or found["uid"] is not None:
        raise InvalidValue("topic", "neither a topic's uid nor its ARN", text)
    return TopicName(AccountId(found["account"]), found["region"], found["name"])


def read_subscription(text: str) -> str:
    """The uid of a subscription named by its uid or ARN. Raises InvalidValue."""
    found = _ARN.match(text)
    uid = read_uid((found["uid"] or "") if found is not None else text)
    if uid is None:
        raise InvalidValue("subscription", "neither a subscription's uid nor its ARN", text)
    return uid


def shown_endpoint(endpoint: str) -> str:
    """The endpoint without the password that a URL may carry: what is shown is copied into tickets and screenshots."""
    return _PASSWORD_IN_URL.sub(r"\1:****@", endpoint)
