"""ARNs and ids."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.build import UID, make_topic

from tidings.dialects.sns import names
from tidings.dialects.sns.errors import SnsError
from tidings.domain import resource_names

ARN = "arn:aws:sns:us-east-1:000000000000:news"
UUID = "01234567-89ab-cdef-0123-456789abcdef"


def test_arns_and_ids_turn_into_each_other() -> None:
    assert names.topic_arn(make_topic()) == ARN
    assert names.subscription_arn(make_topic(), UID) == f"{ARN}:{UUID}"
    topic, uid = names.read_subscription_arn(f"{ARN}:{UUID}")
    assert (topic.region, topic.account_id, topic.name, uid) == ("us-east-1", "000000000000", "news", UID)
    assert names.read_topic_arn(ARN, "us-east-1") == topic


@pytest.mark.parametrize(
    ("arn", "message"),
    [
        ("", "Invalid parameter: TopicArn Reason: An ARN must have at least 6 elements, not 1"),
        ("arn:aws:sns", "Invalid parameter: TopicArn Reason: An ARN must have at least 6 elements, not 3"),
        ("arn:aws:sns:eu-west-1:000000000000:news", "Invalid parameter: TopicArn"),
        ("arn:aws:sns:us-east-1:me:news", "Invalid parameter: TopicArn"),
        ("arn:aws:sqs:us-east-1:000000000000:news", "Invalid parameter: TopicArn"),
        ("arn:aws:sns:us-east-1:000000000000:no good", "Invalid parameter: TopicArn"),
        ("arn:aws:sns:us-east-1:000000000000:news\n", "Invalid parameter: TopicArn"),
        (f"{ARN}:{UUID}", "Invalid parameter: TopicArn"),
    ],
)
def test_a_wrong_topic_arn_is_refused_in_this_order(arn: str, message: str) -> None:
    with pytest.raises(SnsError) as caught:
        names.read_topic_arn(arn, "us-east-1")
    assert (caught.value.code, caught.value.message) == ("InvalidParameter", message)


@pytest.mark.parametrize(
    ("arn", "message"),
    [
        ("", "Invalid parameter: SubscriptionArn Reason: An ARN must have at least 6 elements, not 1"),
        ("a:b", "Invalid parameter: SubscriptionArn Reason: An ARN must have at least 6 elements, not 2"),
        (ARN, "Invalid parameter: SubscriptionId"),
        (f"{ARN}:not-a-uuid", "Invalid parameter: SubscriptionId"),
        (f"arn:aws:sns:us-east-1:000000000000:{UUID}", "Invalid parameter: SubscriptionArn"),
        (f"arn:aws:sns:us-east-1:nobody:news:{UUID}", "Invalid parameter: SubscriptionArn"),
    ],
)
def test_a_wrong_subscription_arn_is_refused(arn: str, message: str) -> None:
    with pytest.raises(SnsError) as caught:
        names.read_subscription_arn(arn)
    assert caught.value.message == message


def test_an_absent_arn_is_a_missing_member() -> None:
    with pytest.raises(SnsError, match="Value null at 'topicArn'"):
        names.read_topic_arn(None, "us-east-1")
    with pytest.raises(SnsError, match="Value null at 'subscriptionArn'"):
        names.read_subscription_arn(None)


@pytest.mark.parametrize(
    ("region", "partition"), [("eu-west-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")]
)
def test_a_region_has_its_partition(region: str, partition: str) -> None:
    assert resource_names.partition(region) == partition


@pytest.mark.parametrize("name", ["a", "A-b_9", "x" * 256, "a.fifo", "x" * 251 + ".fifo"])
def test_these_are_topic_names(name: str) -> None:
    assert names.is_topic_name(name)


@pytest.mark.parametrize("name", ["", "x" * 257, "a b", "a.b", ".fifo", "a.fifo.fifo", "a.fifo\n", "ä", "a:b", "a/b"])
def test_these_are_not(name: str) -> None:
    assert not names.is_topic_name(name)


@given(st.text())
def test_any_text_is_an_arn_or_refused_in_few_words(text: str) -> None:
    for read in (lambda: names.read_topic_arn(text, "us-east-1"), lambda: names.read_subscription_arn(text)):
        said = ""
        try:
            read()
        except SnsError as error:
            said = error.message
        assert len(said) < 200
