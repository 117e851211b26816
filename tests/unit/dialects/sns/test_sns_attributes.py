"""Attributes of topics and subscriptions: what may be set, and in which words the rest is refused."""

from __future__ import annotations

import json

import pytest

from tidings.dialects.sns.attributes import (
    SUBSCRIPTION,
    TOPIC,
    SubscriptionContext,
    check_subscription,
    check_topic,
    is_same,
    with_setting,
)
from tidings.dialects.sns.errors import SnsError

ARN = "arn:aws:sns:us-east-1:000000000000:news"
ROLE = "arn:aws:iam::000000000000:role/feedback"
QUEUE = "arn:aws:sqs:us-east-1:000000000000:dead"


def context(protocol: str = "https", *, fifo: bool = False) -> SubscriptionContext:
    return SubscriptionContext(protocol, fifo, "000000000000", "us-east-1")


def of_topic(name: str, value: str, arn: str = ARN) -> str:
    return check_topic(name, value, arn, in_map=False)


def of_subscription(name: str, value: str, protocol: str = "https") -> str:
    return check_subscription(name, value, context(protocol), in_map=False)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DisplayName", ""),
        ("DisplayName", "x" * 100),
        ("DisplayName", "Grüße"),
        ("KmsMasterKeyId", "alias/aws/sns"),
        ("SignatureVersion", "1"),
        ("SignatureVersion", "2"),
        ("TracingConfig", "Active"),
        ("TracingConfig", "PassThrough"),
        ("MaximumMessageSize", "1024"),
        ("MaximumMessageSize", "1048576"),
        ("HTTPSuccessFeedbackRoleArn", ROLE),
        ("SQSFailureFeedbackRoleArn", ROLE),
        ("LambdaSuccessFeedbackSampleRate", "0"),
        ("FirehoseSuccessFeedbackSampleRate", "100"),
    ],
)
def test_these_topic_attributes_are_kept_as_given(name: str, value: str) -> None:
    assert of_topic(name, value) == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DisplayName", "x" * 101),
        ("DisplayName", "a\r\nBcc: x"),
        ("DisplayName", "a\x01"),
        ("Policy", ""),
        ("Policy", "{"),
        ("DeliveryPolicy", "{"),
        ("SignatureVersion", "3"),
        ("SignatureVersion", ""),
        ("TracingConfig", "Off"),
        ("MaximumMessageSize", "1023"),
        ("MaximumMessageSize", "1048577"),
        ("MaximumMessageSize", "many"),
        ("MaximumMessageSize", "9" * 5000),
        ("KmsMasterKeyId", "x" * 2049),
        ("ContentBasedDeduplication", "true"),
        ("FifoThroughputScope", "Topic"),
        ("ArchivePolicy", '{"MessageRetentionPeriod":"1"}'),
        ("ApplicationSuccessFeedbackRoleArn", "me"),
        ("HTTPSuccessFeedbackSampleRate", "101"),
        ("HTTPSuccessFeedbackSampleRate", "-1"),
    ],
)
def test_these_are_refused_under_their_name(name: str, value: str) -> None:
    with pytest.raises(SnsError) as caught:
        of_topic(name, value)
    assert caught.value.code == "InvalidParameter"
    assert caught.value.message.startswith(f"Invalid parameter: {name}: ")


def test_the_fifteen_feedback_attributes_are_there() -> None:
    assert len([name for name in TOPIC if "Feedback" in name]) == 15


def test_an_ordered_topic_has_attributes_of_its_own() -> None:
    fifo = f"{ARN}.fifo"
    assert of_topic("ContentBasedDeduplication", "true", fifo) == "true"
    assert of_topic("FifoThroughputScope", "MessageGroup", fifo) == "MessageGroup"
    with pytest.raises(SnsError, match="not supported for FIFO"):
        of_topic("TracingConfig", "Active", fifo)


@pytest.mark.parametrize(
    "name", ["DeliveryPolicy", "KmsMasterKeyId", "TracingConfig", "ArchivePolicy", "HTTPSuccessFeedbackSampleRate"]
)
def test_an_empty_value_unsets_an_optional_attribute(name: str) -> None:
    assert of_topic(name, "") == ""


def test_policy_faults_have_the_words_of_the_live_service() -> None:
    def policy(**changes: object) -> str:
        statement = {"Effect": "Allow", "Principal": "*", "Action": "SNS:Publish", "Resource": ARN, **changes}
        return json.dumps({"Statement": [statement]})

    with pytest.raises(SnsError, match=r"^Invalid parameter: Policy statement action out of service scope!$"):
        of_topic("Policy", policy(Action="SQS:SendMessage"))
    with pytest.raises(SnsError, match=r"^Invalid parameter: Policy Error: PrincipalNotFound$"):
        of_topic("Policy", policy(Principal={"AWS": "nobody"}))
    assert of_topic("Policy", policy(Action=["SNS:Publish", "SNS:Receive"]))


def test_in_a_map_the_map_is_named_first() -> None:
    with pytest.raises(
        SnsError, match=r"^Invalid parameter: Attributes Reason: DeliveryPolicy: healthyRetryPolicy\.minDel"
    ):
        check_subscription("DeliveryPolicy", '{"healthyRetryPolicy":{"minDelayTarget":0}}', context(), in_map=True)


@pytest.mark.parametrize("value", ["true", "TRUE", "False"])
def test_raw_delivery_is_a_boolean_in_any_case(value: str) -> None:
    assert of_subscription("RawMessageDelivery", value) == value.lower()


@pytest.mark.parametrize("protocol", ["email", "email-json", "sms"])
def test_raw_delivery_is_not_for_people(protocol: str) -> None:
    assert of_subscription("RawMessageDelivery", "false", protocol) == "false"
    with pytest.raises(SnsError, match=rf"Delivery protocol \[{protocol}\] does not support raw message delivery"):
        of_subscription("RawMessageDelivery", "true", protocol)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("RawMessageDelivery", "yes", "RawMessageDelivery: Invalid value [yes]. Must be true or false."),
        (
            "FilterPolicyScope",
            "x",
            "FilterPolicyScope: Invalid value [x]. Please use either MessageBody or MessageAttributes",
        ),
        ("FilterPolicy", '{"a":["b"]}', "FilterPolicy: filter policies are not offered by this server yet"),
        ("FilterPolicy", "x", "FilterPolicy: failed to parse JSON. Expecting value (line 1, column 1)"),
        ("FilterPolicy", "[]", "FilterPolicy: failed to parse JSON. Not an object"),
        ("RedrivePolicy", "x", "RedrivePolicy: failed to parse JSON. Expecting value (line 1, column 1)"),
        ("RedrivePolicy", '{"a":1,"a":2}', "RedrivePolicy: failed to parse JSON. Not allowed: doubled name"),
        ("RedrivePolicy", "{}", "RedrivePolicy: deadLetterTargetArn is an invalid arn"),
        ("RedrivePolicy", '{"deadLetterTargetArn":"x"}', "RedrivePolicy: deadLetterTargetArn is an invalid arn"),
        ("RedrivePolicy", '{"deadLetterTargetArn":5}', "RedrivePolicy: deadLetterTargetArn is an invalid arn"),
        (
            "RedrivePolicy",
            '{"deadLetterTargetArn":"arn:aws:sqs:eu-west-1:000000000000:dead"}',
            "RedrivePolicy: deadLetterTargetArn must be in the subscription's account and region",
        ),
        (
            "RedrivePolicy",
            f'{{"deadLetterTargetArn":"{QUEUE}.fifo"}}',
            "RedrivePolicy: must use a standard queue as DLQ for a subscription to a standard topic.",
        ),
        ("ReplayPolicy", "{}", "ReplayPolicy: replays are not offered by this server yet"),
        ("SubscriptionRoleArn", ROLE, "SubscriptionRoleArn: only firehose subscriptions have one"),
    ],
)
def test_each_fault_of_a_subscription_attribute_has_its_text(name: str, value: str, message: str) -> None:
    with pytest.raises(SnsError) as caught:
        of_subscription(name, value)
    assert caught.value.message == f"Invalid parameter: {message}"


def test_a_filter_policy_that_filters_nothing_is_accepted() -> None:
    assert of_subscription("FilterPolicy", "{}") == ""
    assert of_subscription("FilterPolicyScope", "MessageBody") == "MessageBody"


def test_a_dead_letter_queue_is_kept_and_removed() -> None:
    assert json.loads(of_subscription("RedrivePolicy", json.dumps({"deadLetterTargetArn": QUEUE}))) == {
        "deadLetterTargetArn": QUEUE
    }
    assert of_subscription("RedrivePolicy", "") == ""


def test_only_web_hooks_have_a_delivery_policy() -> None:
    text = '{"healthyRetryPolicy":{"numRetries":1}}'
    assert of_subscription("DeliveryPolicy", text, "http")
    with pytest.raises(SnsError, match="only http and https"):
        of_subscription("DeliveryPolicy", text, "email")


def test_settings_are_set_and_removed_under_the_prefix() -> None:
    before = {"sns:A": "1", "smn:x": "2"}
    assert with_setting(before, "A", "3") == {"sns:A": "3", "smn:x": "2"}
    assert with_setting(before, "A", "") == {"smn:x": "2"}
    assert before == {"sns:A": "1", "smn:x": "2"}


def test_policies_compare_as_json_and_the_rest_as_text() -> None:
    assert is_same("Policy", '{"a": 1, "b":2}', '{"b":2,"a":1}')
    assert not is_same("Policy", '{"a":1}', "")
    assert not is_same("SignatureVersion", "1", "2")


def test_every_subscription_attribute_of_the_reference_can_be_set() -> None:
    assert set(SUBSCRIPTION) == {
        "DeliveryPolicy",
        "FilterPolicy",
        "FilterPolicyScope",
        "RawMessageDelivery",
        "RedrivePolicy",
        "ReplayPolicy",
        "SubscriptionRoleArn",
    }
