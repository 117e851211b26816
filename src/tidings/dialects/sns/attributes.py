"""Attributes of topics and subscriptions: which may be set, what they must look like, and how they are stored.

One function per attribute, named in a table: it checks a value and returns the text to store, empty for "unset". Pure; called
by `topics` and `subscriptions`, which know how an error is introduced in their action.
Source: SNS API reference, CreateTopic, SetTopicAttributes, Subscribe, SetSubscriptionAttributes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tidings.dialects.sns import names, policies
from tidings.dialects.sns.errors import SnsError, echo
from tidings.dialects.sns.limits import (
    DISPLAY_NAME_CHARACTERS_MAX,
    MESSAGE_BYTES_MAX,
    MESSAGE_BYTES_MIN,
    RAW_PROTOCOLS,
)
from tidings.domain import delivery_policy, policy
from tidings.domain.errors import InvalidValue

PREFIX = "sns:"
"""Attributes are kept in `settings` under this prefix; envelopes and other readers use the same keys."""

GIVEN_ENDPOINT = PREFIX + "Endpoint"
"""A phone as its subscriber wrote it, where that is not the form in which numbers are compared."""
DISPLAY_NAME = "DisplayName"
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[\x21-\x7e]{1,512}\Z")
_QUEUE = re.compile(r"arn:aws[a-z-]*:sqs:([a-z0-9-]{1,64}):([0-9]{12}):[A-Za-z0-9_-]{1,80}(\.fifo)?\Z")
_WHOLE = re.compile(r"[0-9]{1,10}\Z")
SAMPLE_RATE_MAX = 100
KEY_CHARACTERS_MAX = 2048


@dataclass(frozen=True, slots=True)
class TopicContext:
    """What a topic's attributes are checked against."""

    arn: str
    is_fifo: bool


@dataclass(frozen=True, slots=True)
class SubscriptionContext:
    """What a subscription's attributes are checked against. `account_id`, `region`: where its dead-letter queue must be."""

    protocol: str
    topic_is_fifo: bool
    account_id: str
    region: str


# --- topics ----------------------------------------------------------------------------------------------------------


def _display_name(value: str, _: TopicContext) -> str:
    if len(value) > DISPLAY_NAME_CHARACTERS_MAX:
        raise InvalidValue(DISPLAY_NAME, f"must be at most {DISPLAY_NAME_CHARACTERS_MAX} characters long")
    if _UNPRINTABLE.search(value) is not None:
        raise InvalidValue(DISPLAY_NAME, "must not contain control characters")
    return value


def _policy(value: str, context: TopicContext) -> str:
    if not value:
        raise InvalidValue("Policy", "Policy is empty")
    policy.parse(value, policies.VOCABULARY, context.arn)
    return value


def _topic_delivery_policy(value: str, _: TopicContext) -> str:
    return delivery_policy.read_topic(value) if value else ""


def _kms_key(value: str, _: TopicContext) -> str:
    if len(value) > KEY_CHARACTERS_MAX or _UNPRINTABLE.search(value) is not None:
        raise InvalidValue("KmsMasterKeyId", "not a key id, ARN or alias")
    return value


def _signature_version(value: str, _: TopicContext) -> str:
    return _one_of("SignatureVersion", value, ("1", "2"))


def _tracing(value: str, context: TopicContext) -> str:
    if value and context.is_fifo:
        raise InvalidValue("TracingConfig", "not supported for FIFO topics")
    return value and _one_of("TracingConfig", value, ("PassThrough", "Active"))


def _message_size(value: str, _: TopicContext) -> str:
    number = _number("MaximumMessageSize", value)
    if not MESSAGE_BYTES_MIN <= number <= MESSAGE_BYTES_MAX:
        raise InvalidValue("MaximumMessageSize", f"must be between {MESSAGE_BYTES_MIN} and {MESSAGE_BYTES_MAX}")
    return str(number)


def _content_deduplication(value: str, context: TopicContext) -> str:
    if not context.is_fifo:
        raise InvalidValue("ContentBasedDeduplication", "can only be set for FIFO topics")
    return _one_of("ContentBasedDeduplication", value.lower(), ("true", "false"))


def _throughput_scope(value: str, context: TopicContext) -> str:
    if not context.is_fifo:
        raise InvalidValue("FifoThroughputScope", "can only be set for FIFO topics")
    return _one_of("FifoThroughputScope", value, ("Topic", "MessageGroup"))


def _archive_policy(value: str, _: TopicContext) -> str:
    if value:
        raise InvalidValue("ArchivePolicy", "archives are not offered by this server yet")
    return ""


def _role(name: str) -> Callable[[str, TopicContext], str]:
    def check(value: str, _: TopicContext) -> str:
        if value and _ROLE.match(value) is None:
            raise InvalidValue(name, "not the ARN of a role")
        return value

    return check


def _sample_rate(name: str) -> Callable[[str, TopicContext], str]:
    def check(value: str, _: TopicContext) -> str:
        if value and not (_WHOLE.match(value) and int(value) <= SAMPLE_RATE_MAX):
            raise InvalidValue(name, f"{echo(value)} value provided is not an integer between 0-{SAMPLE_RATE_MAX}")
        return value

    return check


TOPIC: dict[str, Callable[[str, TopicContext], str]] = {
    DISPLAY_NAME: _display_name,
    "Policy": _policy,
    "DeliveryPolicy": _topic_delivery_policy,
    "KmsMasterKeyId": _kms_key,
    "SignatureVersion": _signature_version,
    "TracingConfig": _tracing,
    "MaximumMessageSize": _message_size,
    "ContentBasedDeduplication": _content_deduplication,
    "FifoThroughputScope": _throughput_scope,
    "ArchivePolicy": _archive_policy,
}
for _kind in ("HTTP", "Firehose", "Lambda", "Application", "SQS"):
    for _ending, _make in (
        ("SuccessFeedbackRoleArn", _role),
        ("SuccessFeedbackSampleRate", _sample_rate),
        ("FailureFeedbackRoleArn", _role),
    ):
        TOPIC[f"{_kind}{_ending}"] = _make(f"{_kind}{_ending}")

# --- subscriptions -----------------------------------------------------------------------------------------------------


def _subscription_delivery_policy(value: str, context: SubscriptionContext) -> str:
    if not value:
        return ""
    if context.protocol not in ("http", "https"):
        raise InvalidValue("DeliveryPolicy", "only http and https subscriptions have one")
    return delivery_policy.read_subscription(value)


def _filter_policy(value: str, _: SubscriptionContext) -> str:
    # Refused rather than stored: a filter that is kept and not applied would deliver what the subscriber excluded.
    if value and policy.read_json_object(value, "FilterPolicy"):
        raise InvalidValue("FilterPolicy", "filter policies are not offered by this server yet")
    return ""


def _filter_scope(value: str, _: SubscriptionContext) -> str:
    if value not in ("MessageAttributes", "MessageBody"):
        raise InvalidValue(
            "FilterPolicyScope",
            f"Invalid value [{echo(value)}]. Please use either MessageBody or MessageAttributes",
        )
    return value


def _raw_delivery(value: str, context: SubscriptionContext) -> str:
    lowered = value.lower()
    if lowered not in ("true", "false"):
        raise InvalidValue("RawMessageDelivery", f"Invalid value [{echo(value)}]. Must be true or false.")
    if lowered == "true" and context.protocol not in RAW_PROTOCOLS:
        raise InvalidValue("", f"Delivery protocol [{context.protocol}] does not support raw message delivery.")
    return lowered


def _redrive_policy(value: str, context: SubscriptionContext) -> str:
    if not value:
        return ""
    document = policy.read_json_object(value, "RedrivePolicy")
    unknown = document.keys() - {"deadLetterTargetArn"}
    if unknown:
        raise InvalidValue("RedrivePolicy", f"{echo(min(unknown))} is not supported")
    arn = document.get("deadLetterTargetArn")
    found = _QUEUE.match(arn) if isinstance(arn, str) else None
    if found is None:
        raise InvalidValue("RedrivePolicy", "deadLetterTargetArn is an invalid arn")
    if (found[1], found[2]) != (context.region, context.account_id):
        raise InvalidValue("RedrivePolicy", "deadLetterTargetArn must be in the subscription's account and region")
    if (found[3] is not None) is not context.topic_is_fifo:
        kind = "FIFO" if context.topic_is_fifo else "standard"
        raise InvalidValue("RedrivePolicy", f"must use a {kind} queue as DLQ for a subscription to a {kind} topic.")
    return json.dumps({"deadLetterTargetArn": arn}, separators=(",", ":"))


def _replay_policy(value: str, _: SubscriptionContext) -> str:
    if value:
        raise InvalidValue("ReplayPolicy", "replays are not offered by this server yet")
    return ""


def _subscription_role(value: str, context: SubscriptionContext) -> str:
    if value and context.protocol != "firehose":
        raise InvalidValue("SubscriptionRoleArn", "only firehose subscriptions have one")
    return value


SUBSCRIPTION: dict[str, Callable[[str, SubscriptionContext], str]] = {
    "DeliveryPolicy": _subscription_delivery_policy,
    "FilterPolicy": _filter_policy,
    "FilterPolicyScope": _filter_scope,
    "RawMessageDelivery": _raw_delivery,
    "RedrivePolicy": _redrive_policy,
    "ReplayPolicy": _replay_policy,
    "SubscriptionRoleArn": _subscription_role,
}

# --- both ----------------------------------------------------------------------------------------------------------------


def stored(settings: Mapping[str, str], name: str) -> str:
    """An attribute's stored text, empty when unset."""
    return settings.get(PREFIX + name, "")


def with_setting(settings: Mapping[str, str], name: str, value: str) -> dict[str, str]:
    """The settings with one attribute set, or removed when `value` is empty."""
    changed = {key: kept for key, kept in settings.items() if key != PREFIX + name}
    if value:
        changed[PREFIX + name] = value
    return changed


def is_same(name: str, given: str, kept: str) -> bool:
    """Whether two values mean the same. Policies are compared as JSON, because clients rewrite their white space."""
    if given == kept:
        return True
    return name == "Policy" and bool(given) and bool(kept) and bool(json.loads(given) == json.loads(kept))


def refusal(error: InvalidValue, *, in_map: bool) -> SnsError:
    """How a bad value sounds. in_map: it came in the Attributes map of a create call rather than by itself.

    Observed: statements out of scope, unknown principals and raw delivery to people are told without the attribute's name and colon.
    """
    lead = "Invalid parameter: Attributes Reason: " if in_map else "Invalid parameter: "
    if error.field == "Policy" and error.reason == "PrincipalNotFound":
        text = "Policy Error: PrincipalNotFound"
    elif not error.field or (error.field == "Policy" and error.reason.startswith("Policy statement")):
        text = error.reason
    else:
        text = f"{error.field}: {error.reason}"
    return SnsError("InvalidParameter", lead + text)


def check_topic(name: str, value: str, arn: str, *, in_map: bool) -> str:
    """The text to store for a topic's attribute. Raises SnsError."""
    try:
        return TOPIC[name](value, TopicContext(arn, names.is_fifo(arn)))
    except InvalidValue as error:
        raise refusal(error, in_map=in_map) from error


def check_subscription(name: str, value: str, context: SubscriptionContext, *, in_map: bool) -> str:
    """The text to store for a subscription's attribute. Raises SnsError."""
    try:
        return SUBSCRIPTION[name](value, context)
    except InvalidValue as error:
        raise refusal(error, in_map=in_map) from error


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise InvalidValue(name, f"must be one of {', '.join(allowed)}")
    return value


def _number(name: str, value: str) -> int:
    if not _WHOLE.match(value):
        raise InvalidValue(name, "must be a whole number")
    return int(value)
