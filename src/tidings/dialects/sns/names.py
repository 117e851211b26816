"""ARNs and our own ids. Pure; called by the actions and by the envelopes.

Source: SNS API reference; IAM user guide, "Amazon Resource Names".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from tidings.dialects.sns.errors import SnsError, invalid, missing
from tidings.dialects.sns.limits import FIFO_SUFFIX, SERVICE, TOPIC_NAME_CHARACTERS_MAX
from tidings.domain import resource_names
from tidings.domain.model import AccountId, Principal, Topic

_NAME = re.compile(r"[A-Za-z0-9_-]+(\.fifo)?\Z")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")
_REGION = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*\Z")
REGION_CHARACTERS_MAX = 64
ARNS_CACHED = 4096
ARN_CHARACTERS_MAX = 400
"""Of ARNs that are remembered: no topic's is longer, and a stranger's may be as long as a body."""


@dataclass(frozen=True, slots=True)
class TopicName:
    """What a topic ARN says."""

    region: str
    account_id: AccountId
    name: str


def principal_arn(principal: Principal, region: str) -> str:
    """The caller as a region's policies write him: ARNs of other partitions begin otherwise."""
    return in_partition(principal.arn, region)


def in_partition(arn: str, region: str) -> str:
    """The ARN of a user as a region writes it."""
    return arn.replace("arn:aws:", f"arn:{resource_names.partition(region)}:", 1)


def topic_arn(topic: Topic) -> str:
    return resource_names.topic_arn(topic.region, topic.account_id, topic.name)


def subscription_arn(topic: Topic, uid: str) -> str:
    return resource_names.subscription_arn(topic_arn(topic), uid)


def is_topic_name(name: str) -> bool:
    return len(name) <= TOPIC_NAME_CHARACTERS_MAX and _NAME.match(name) is not None


def is_fifo(name: str) -> bool:
    return name.endswith(FIFO_SUFFIX)


def is_region(text: str) -> bool:
    """Whether this could be a region: any name space a caller likes, but nothing that breaks an ARN."""
    return len(text) <= REGION_CHARACTERS_MAX and _REGION.match(text) is not None


def is_account_id(text: str) -> bool:
    return len(text) == 12 and text.isascii() and text.isdigit()


def arn_parts(arn: str | None, member: str) -> list[str]:
    """The ARN at its colons, six parts or more. Raises SnsError. member: the parameter's name."""
    if arn is None:
        raise missing(member)
    parts = arn.split(":")
    if len(parts) < 6:
        raise invalid(member, f"An ARN must have at least 6 elements, not {len(parts)}")
    return parts


def region_of(arn: str) -> str | None:
    """The region that an ARN names; None for what is no ARN of a topic."""
    parts = arn.split(":")
    return parts[3] if len(parts) == 6 and _is_sns(parts) and is_region(parts[3]) else None


def is_uuid_of_another_service(arn: str | None) -> bool:
    """Whether this is an ARN of something else than SNS's that ends as a subscription's does."""
    parts = (arn or "").split(":")
    return len(parts) >= 6 and parts[0] == "arn" and parts[2] != SERVICE and _UUID.match(parts[-1]) is not None


def read_topic_arn(arn: str | None, region: str, member: str = "TopicArn") -> TopicName:
    """The topic an ARN means, which must be in the region of the call. Raises SnsError."""
    if arn is None or len(arn) > ARN_CHARACTERS_MAX:
        return _read_topic_arn.__wrapped__(arn, region, member)
    return _read_topic_arn(arn, region, member)


@lru_cache(maxsize=ARNS_CACHED)
def _read_topic_arn(arn: str | None, region: str, member: str) -> TopicName:
    parts = arn_parts(arn, member)
    if len(parts) != 6 or not _is_sns(parts) or parts[3] != region or not is_topic_name(parts[5]):
        raise invalid(member)
    return TopicName(region, AccountId(parts[4]), parts[5])


def read_subscription_arn(arn: str | None, member: str = "SubscriptionArn") -> tuple[TopicName, str]:
    """The topic and the uid that a subscription ARN means. Raises SnsError.

    Observed: what is wrong before the last part is said of `SubscriptionArn`, a last part that is no UUID of `SubscriptionId`.
    """
    parts = arn_parts(arn, member)
    if _UUID.match(parts[-1]) is None:
        raise invalid("SubscriptionId")
    if len(parts) != 7 or not _is_sns(parts) or not is_region(parts[3]) or not is_topic_name(parts[5]):
        raise invalid(member)
    return TopicName(parts[3], AccountId(parts[4]), parts[5]), parts[6].replace("-", "")


def _is_sns(parts: list[str]) -> bool:
    return parts[0] == "arn" and parts[1].startswith("aws") and parts[2] == SERVICE and is_account_id(parts[4])


def wrong_topic_name() -> SnsError:
    """Observed: every fault of a name, and a suffix that does not fit FifoTopic, has the same text."""
    return invalid("Topic Name")
