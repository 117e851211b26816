"""Topics, tags and permissions as boto3 sees them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.dialogues.harness import AUDITOR, GUEST, PUBLISHER, Harness, body_of, open_console

from tidings.services.quotas import Quotas

ARN = "arn:aws:sns:us-east-1:000000000000:news"


async def attributes(harness: Harness, topic: str, **given: Any) -> dict[str, str]:
    return dict((await harness.ask("get_topic_attributes", TopicArn=topic, **given))["Attributes"])


async def set_attribute(harness: Harness, topic: str, name: str, value: str, **given: Any) -> None:
    await harness.ask("set_topic_attributes", TopicArn=topic, AttributeName=name, AttributeValue=value, **given)


# --- creating ------------------------------------------------------------------------------------------------------------


async def test_a_new_topic_has_an_arn_and_the_attributes_that_are_always_shown(harness: Harness) -> None:
    topic = await harness.topic()
    assert topic == ARN
    shown = await attributes(harness, topic)
    policy = json.loads(shown.pop("Policy"))
    effective = json.loads(shown.pop("EffectiveDeliveryPolicy"))
    assert shown == {
        "TopicArn": ARN,
        "Owner": "000000000000",
        "DisplayName": "",
        "SubscriptionsConfirmed": "0",
        "SubscriptionsPending": "0",
        "SubscriptionsDeleted": "0",
    }
    assert policy["Version"] == "2008-10-17"
    assert policy["Id"] == "__default_policy_ID"
    (statement,) = policy["Statement"]
    assert statement["Sid"] == "__default_statement_ID"
    assert len(statement["Action"]) == 8
    assert statement["Resource"] == ARN
    assert statement["Condition"] == {"StringEquals": {"AWS:SourceOwner": "000000000000"}}
    assert effective["http"]["defaultHealthyRetryPolicy"]["numRetries"] == 3


async def test_creating_twice_gives_the_same_topic(harness: Harness) -> None:
    given = {"Attributes": {"DisplayName": "News", "SignatureVersion": "2"}, "Tags": [{"Key": "a", "Value": "b"}]}
    first = await harness.topic(**given)
    assert await harness.topic(**given) == first
    assert await harness.topic() == first
    assert await harness.topic(Attributes={"DisplayName": "News"}) == first
    assert len((await harness.ask("list_topics"))["Topics"]) == 1


@pytest.mark.parametrize("name", [{"DisplayName": "Other"}, {"SignatureVersion": "2"}, {"TracingConfig": "Active"}])
async def test_creating_with_other_attributes_is_refused(harness: Harness, name: dict[str, str]) -> None:
    await harness.topic(Attributes={"DisplayName": "News"})
    assert await harness.refused("create_topic", Name="news", Attributes=name) == (
        400,
        "InvalidParameter",
        "Invalid parameter: Attributes Reason: Topic already exists with different attributes",
    )
    assert (await attributes(harness, ARN))["DisplayName"] == "News"


async def test_creating_with_other_tags_is_refused(harness: Harness) -> None:
    await harness.topic(Tags=[{"Key": "a", "Value": "b"}])
    for tags in ([{"Key": "a", "Value": "c"}], [{"Key": "x", "Value": "b"}]):
        assert await harness.refused("create_topic", Name="news", Tags=tags) == (
            400,
            "InvalidParameter",
            "Invalid parameter: Tags Reason: Topic already exists with different tags",
        )


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("", {}),
        ("a b", {}),
        ("x" * 257, {}),
        ("é", {}),
        ("a\n", {}),
        ("news.fifo", {}),
        ("news", {"FifoTopic": "true"}),
        ("x" * 252 + ".fifo", {"FifoTopic": "true"}),
        (".fifo", {"FifoTopic": "true"}),
    ],
)
async def test_a_bad_name_is_refused(harness: Harness, name: str, given: dict[str, str]) -> None:
    assert await harness.refused("create_topic", Name=name, Attributes=given) == (
        400,
        "InvalidParameter",
        "Invalid parameter: Topic Name",
    )


async def test_an_ordered_topic_is_not_offered_yet(harness: Harness) -> None:
    told = await harness.refused("create_topic", Name="news.fifo", Attributes={"FifoTopic": "true"})
    assert told == (400, "InvalidParameter", "Invalid parameter: FIFO topics are not offered by this server yet")
    assert await harness.topic(Attributes={"FifoTopic": "false"}) == ARN


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"Attributes": {"Colour": "red"}}, "Attributes Reason: Unknown attribute: Colour"),
        ({"Attributes": {"Owner": "me"}}, "Attributes Reason: Unknown attribute: Owner"),
        ({"Attributes": {"SignatureVersion": "9"}}, "Attributes Reason: SignatureVersion: must be one of 1, 2"),
        ({"Attributes": {"FifoTopic": "yes"}}, "Attributes Reason: FifoTopic: must be true or false"),
        ({"Attributes": {"ArchivePolicy": "{}"}}, "archives are not offered by this server yet"),
        ({"DataProtectionPolicy": "{}"}, "data protection policies are not offered by this server yet"),
        ({"Tags": [{"Key": "aws:k", "Value": ""}]}, "reserved"),
        ({"Tags": [{"Key": "k", "Value": "a"}, {"Key": "k", "Value": "b"}]}, "Duplicated keys are not allowed."),
    ],
)
async def test_a_bad_create_call_makes_no_topic(harness: Harness, given: dict[str, Any], said: str) -> None:
    status, code, message = await harness.refused("create_topic", Name="news", **given)
    assert (status, code) == (400, "InvalidParameter")
    assert said in message
    assert (await harness.ask("list_topics"))["Topics"] == []


async def test_a_call_without_a_required_member_says_which(harness: Harness) -> None:
    for operation, member in (
        ("create_topic", "name"),
        ("get_topic_attributes", "topicArn"),
        ("delete_topic", "topicArn"),
        ("subscribe", "topicArn"),
        ("tag_resource", "resourceArn"),
        ("confirm_subscription", "token"),
    ):
        status, code, message = await harness.refused(operation)
        assert (status, code) == (400, "ValidationError")
        assert f"Value null at '{member}' failed to satisfy constraint: Member must not be null" in message


@pytest.mark.parametrize(
    ("operation", "arn", "member"),
    [
        ("subscribe", "TopicArn", "protocol"),
        ("set_topic_attributes", "TopicArn", "attributeName"),
        ("add_permission", "TopicArn", "label"),
        ("remove_permission", "TopicArn", "label"),
        ("tag_resource", "ResourceArn", "tags"),
        ("untag_resource", "ResourceArn", "tagKeys"),
    ],
)
async def test_a_call_needs_more_than_the_topic(harness: Harness, operation: str, arn: str, member: str) -> None:
    status, code, message = await harness.refused(operation, **{arn: await harness.topic()})
    assert (status, code) == (400, "ValidationError")
    assert f"Value null at '{member}'" in message


@pytest.mark.parametrize(
    ("operation", "given"),
    [
        ("set_topic_attributes", {"AttributeName": "DisplayName", "AttributeValue": "x"}),
        ("add_permission", {"Label": "l", "AWSAccountId": ["111111111111"], "ActionName": ["Publish"]}),
        ("remove_permission", {"Label": "l"}),
    ],
)
async def test_an_absent_topic_cannot_be_changed(harness: Harness, operation: str, given: dict[str, Any]) -> None:
    assert await harness.refused(operation, TopicArn=ARN, **given) == (404, "NotFound", "Topic does not exist")


async def test_only_so_many_topics(tmp_path: Any) -> None:
    async with open_console(tmp_path, Quotas(topics_per_account=1)) as harness:
        await harness.topic()
        status, code, _ = await harness.refused("create_topic", Name="second")
        assert (status, code) == (403, "TopicLimitExceeded")


async def test_too_many_tags_are_refused(harness: Harness) -> None:
    tags = [{"Key": f"k{n}", "Value": ""} for n in range(51)]
    assert (await harness.refused("create_topic", Name="news", Tags=tags))[1] == "TagLimitExceeded"
    topic = await harness.topic(Tags=tags[:49])
    await harness.ask("tag_resource", ResourceArn=topic, Tags=tags[49:50])
    assert (await harness.refused("tag_resource", ResourceArn=topic, Tags=tags[50:]))[:2] == (400, "TagLimitExceeded")


# --- looking and listing ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", ["get_topic_attributes", "list_subscriptions_by_topic"])
async def test_an_absent_topic_is_not_found(harness: Harness, operation: str) -> None:
    assert await harness.refused(operation, TopicArn=ARN) == (404, "NotFound", "Topic does not exist")


@pytest.mark.parametrize("operation", ["get_topic_attributes", "delete_topic", "list_subscriptions_by_topic"])
async def test_an_arn_is_checked_before_the_topic_is_looked_up(harness: Harness, operation: str) -> None:
    for arn, said in (
        ("", "TopicArn Reason: An ARN must have at least 6 elements, not 1"),
        ("arn:aws:sns:x", "TopicArn Reason: An ARN must have at least 6 elements, not 4"),
        ("arn:aws:sns:eu-west-1:000000000000:news", "TopicArn"),
    ):
        told = await harness.refused(operation, TopicArn=arn)
        assert told == (400, "InvalidParameter", f"Invalid parameter: {said}")


async def test_regions_are_separate_name_spaces(harness: Harness) -> None:
    await harness.topic()
    other = (await harness.ask("create_topic", region="eu-west-1", Name="news"))["TopicArn"]
    assert other == "arn:aws:sns:eu-west-1:000000000000:news"
    assert [t["TopicArn"] for t in (await harness.ask("list_topics"))["Topics"]] == [ARN]
    assert [t["TopicArn"] for t in (await harness.ask("list_topics", region="eu-west-1"))["Topics"]] == [other]
    china = (await harness.ask("create_topic", region="cn-north-1", Name="news"))["TopicArn"]
    assert china == "arn:aws-cn:sns:cn-north-1:000000000000:news"


async def test_topics_are_listed_by_the_hundred(harness: Harness) -> None:
    made = [await harness.topic(f"t{n:03d}") for n in range(201)]
    first = await harness.ask("list_topics")
    second = await harness.ask("list_topics", NextToken=first["NextToken"])
    third = await harness.ask("list_topics", NextToken=second["NextToken"])
    assert [len(page["Topics"]) for page in (first, second, third)] == [100, 100, 1]
    assert "NextToken" not in third
    assert [t["TopicArn"] for page in (first, second, third) for t in page["Topics"]] == made


@pytest.mark.parametrize("token", ["x", "AAAA", "MS50b3BpY3MuLTE="])
async def test_a_bad_page_token_is_refused(harness: Harness, token: str) -> None:
    topic = await harness.topic()
    for operation, given in (
        ("list_topics", {}),
        ("list_subscriptions", {}),
        ("list_subscriptions_by_topic", {"TopicArn": topic}),
    ):
        told = await harness.refused(operation, NextToken=token, **given)
        assert told == (400, "InvalidParameter", "Invalid parameter: NextToken")


# --- changing ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DisplayName", "Näws & <views>\u2014"),
        ("SignatureVersion", "2"),
        ("TracingConfig", "Active"),
        ("KmsMasterKeyId", "alias/aws/sns"),
        ("MaximumMessageSize", "1048576"),
        ("SQSSuccessFeedbackSampleRate", "10"),
    ],
)
async def test_an_attribute_that_was_set_is_shown(harness: Harness, name: str, value: str) -> None:
    topic = await harness.topic()
    await set_attribute(harness, topic, name, value)
    assert (await attributes(harness, topic))[name] == value


@pytest.mark.parametrize("name", ["Owner", "TopicArn", "FifoTopic", "EffectiveDeliveryPolicy", "colour", ""])
async def test_an_unknown_or_read_only_attribute_is_refused(harness: Harness, name: str) -> None:
    topic = await harness.topic()
    told = await harness.refused("set_topic_attributes", TopicArn=topic, AttributeName=name, AttributeValue="x")
    assert told == (400, "InvalidParameter", "Invalid parameter: AttributeName")


async def test_a_delivery_policy_is_shown_completed_and_can_be_removed(harness: Harness) -> None:
    topic = await harness.topic()
    await set_attribute(harness, topic, "DeliveryPolicy", '{"http":{"defaultHealthyRetryPolicy":{"numRetries":5}}}')
    shown = await attributes(harness, topic)
    assert json.loads(shown["DeliveryPolicy"]) == {
        "http": {"defaultHealthyRetryPolicy": {"numRetries": 5}, "disableSubscriptionOverrides": False}
    }
    assert json.loads(shown["EffectiveDeliveryPolicy"])["http"]["defaultHealthyRetryPolicy"]["numRetries"] == 5
    await set_attribute(harness, topic, "DeliveryPolicy", "")
    assert "DeliveryPolicy" not in await attributes(harness, topic)


async def test_an_attribute_without_value_is_removed_and_a_policy_cannot_be(harness: Harness) -> None:
    topic = await harness.topic(Attributes={"KmsMasterKeyId": "k"})
    await harness.ask("set_topic_attributes", TopicArn=topic, AttributeName="KmsMasterKeyId")
    assert "KmsMasterKeyId" not in await attributes(harness, topic)
    assert (await harness.refused("set_topic_attributes", TopicArn=topic, AttributeName="Policy"))[
        1
    ] == "InvalidParameter"


async def test_large_messages_are_for_topics_of_queues(harness: Harness) -> None:
    topic = await harness.topic()
    given = {"TopicArn": topic, "AttributeName": "MaximumMessageSize", "AttributeValue": "262145"}
    subscription = await harness.confirmed(topic)
    status, code, message = await harness.refused("set_topic_attributes", **given)
    assert (status, code) == (400, "InvalidParameter")
    assert "SQS, Firehose or Lambda" in message
    await harness.ask("unsubscribe", SubscriptionArn=subscription)
    await harness.ask("set_topic_attributes", **given)
    assert (await harness.refused("subscribe", TopicArn=topic, Protocol="email", Endpoint="a@example.com"))[
        1
    ] == "InvalidParameter"
    await harness.ask("subscribe", TopicArn=topic, Protocol="sqs", Endpoint="arn:aws:sqs:us-east-1:000000000000:q")


# --- deleting ----------------------------------------------------------------------------------------------------------------


async def test_deleting_is_safe_to_repeat(harness: Harness) -> None:
    topic = await harness.topic()
    await harness.ask("delete_topic", TopicArn=topic)
    await harness.ask("delete_topic", TopicArn=topic)
    assert (await harness.refused("get_topic_attributes", TopicArn=topic))[1] == "NotFound"
    assert await harness.topic() == topic


async def test_a_deleted_topic_takes_its_subscriptions_along(harness: Harness) -> None:
    topic = await harness.topic()
    subscription = await harness.confirmed(topic)
    await harness.ask("delete_topic", TopicArn=topic)
    assert (await harness.refused("get_subscription_attributes", SubscriptionArn=subscription))[1] == "NotFound"
    assert (await harness.ask("list_subscriptions"))["Subscriptions"] == []


# --- tags ------------------------------------------------------------------------------------------------------------------------


async def test_tags_are_added_replaced_removed_and_listed(harness: Harness) -> None:
    topic = await harness.topic(Tags=[{"Key": "a", "Value": "1"}])
    await harness.ask("tag_resource", ResourceArn=topic, Tags=[{"Key": "a", "Value": "2"}, {"Key": "b", "Value": ""}])
    listed = (await harness.ask("list_tags_for_resource", ResourceArn=topic))["Tags"]
    assert sorted((tag["Key"], tag["Value"]) for tag in listed) == [("a", "2"), ("b", "")]
    await harness.ask("untag_resource", ResourceArn=topic, TagKeys=["a", "absent"])
    assert (await harness.ask("list_tags_for_resource", ResourceArn=topic))["Tags"] == [{"Key": "b", "Value": ""}]


async def test_tags_of_what_is_not_there(harness: Harness) -> None:
    for operation, given in (
        ("tag_resource", {"Tags": [{"Key": "a", "Value": "1"}]}),
        ("untag_resource", {"TagKeys": ["a"]}),
        ("list_tags_for_resource", {}),
    ):
        told = await harness.refused(operation, ResourceArn=ARN, **given)
        assert told == (404, "ResourceNotFound", "Resource does not exist")


async def test_duplicate_tags_in_one_call_are_refused(harness: Harness) -> None:
    topic = await harness.topic()
    tags = [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]
    told = await harness.refused("tag_resource", ResourceArn=topic, Tags=tags)
    assert told == (400, "InvalidParameter", "Invalid parameter: Duplicated keys are not allowed.")


# --- permissions -------------------------------------------------------------------------------------------------------------


async def test_a_permission_lets_another_account_publish_until_it_is_removed(harness: Harness) -> None:
    topic = await harness.topic()
    status, code, message = await harness.refused("publish", key=GUEST, TopicArn=topic, Message="m")
    assert (status, code) == (403, "AuthorizationError")
    assert message.startswith(
        "User: arn:aws:iam::111111111111:user/eve is not authorized to perform: SNS:Publish on resource: " + topic
    )
    await harness.ask(
        "add_permission", TopicArn=topic, Label="guests", AWSAccountId=["111111111111"], ActionName=["Publish"]
    )
    await harness.ask("publish", key=GUEST, TopicArn=topic, Message="m")
    entries = [{"Id": "1", "Message": "m"}]
    await harness.ask("publish_batch", key=GUEST, TopicArn=topic, PublishBatchRequestEntries=entries)
    assert (await harness.refused("get_topic_attributes", key=GUEST, TopicArn=topic))[1] == "AuthorizationError"
    await harness.ask("remove_permission", TopicArn=topic, Label="guests")
    assert (await harness.refused("publish", key=GUEST, TopicArn=topic, Message="m"))[1] == "AuthorizationError"


async def test_a_permission_is_written_as_the_live_service_writes_it(harness: Harness) -> None:
    topic = await harness.topic()
    given = {"TopicArn": topic, "Label": "two", "AWSAccountId": ["111111111111", "222222222222"]}
    await harness.ask("add_permission", ActionName=["Publish", "GetTopicAttributes"], **given)
    policy = json.loads((await attributes(harness, topic))["Policy"])
    assert [statement["Sid"] for statement in policy["Statement"]] == ["__default_statement_ID", "two"]
    assert policy["Statement"][1] == {
        "Sid": "two",
        "Effect": "Allow",
        "Principal": {"AWS": ["arn:aws:iam::111111111111:root", "arn:aws:iam::222222222222:root"]},
        "Action": ["SNS:Publish", "SNS:GetTopicAttributes"],
        "Resource": topic,
    }


async def test_bad_permissions_are_refused(harness: Harness) -> None:
    topic = await harness.topic()
    good = {"TopicArn": topic, "Label": "a", "AWSAccountId": ["111111111111"], "ActionName": ["Publish"]}
    await harness.ask("add_permission", **good)
    for change, said in (
        ({}, "Invalid parameter: Statement already exists"),
        ({"Label": "b", "ActionName": ["Fly"]}, "Invalid parameter: Policy statement action out of service scope!"),
        ({"Label": "b", "AWSAccountId": ["me"]}, "Invalid parameter: A provided account ID is not valid"),
        ({"Label": "b c"}, "Invalid parameter: Label"),
    ):
        told = await harness.refused("add_permission", **{**good, **change})
        assert told == (400, "InvalidParameter", said)
    assert (await harness.refused("add_permission", **{**good, "TopicArn": ARN + "x"}))[1] == "NotFound"
    await harness.ask("remove_permission", TopicArn=topic, Label="never-there")


async def test_a_policy_is_enforced_and_returned(harness: Harness) -> None:
    topic = await harness.topic()
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": "111111111111"},
                "Action": ["SNS:Subscribe", "SNS:Receive"],
                "Resource": topic,
                "Condition": {"StringEquals": {"sns:Protocol": "https"}},
            },
            {"Effect": "Deny", "Principal": "*", "Action": "SNS:Publish", "Resource": topic},
        ],
    }
    await set_attribute(harness, topic, "Policy", json.dumps(policy, indent=2))
    assert json.loads((await attributes(harness, topic))["Policy"]) == policy
    given = {"TopicArn": topic, "key": GUEST}
    await harness.ask("subscribe", Protocol="https", Endpoint="https://example.com/h", **given)
    assert (await harness.refused("subscribe", Protocol="http", Endpoint="http://example.com/h", **given))[
        1
    ] == "AuthorizationError"
    assert (await harness.refused("publish", TopicArn=topic, Message="m"))[1] == "AuthorizationError"


async def test_creating_again_compares_policies_as_json(harness: Harness) -> None:
    policy = {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "SNS:Publish", "Resource": ARN}]}
    topic = await harness.topic(Attributes={"Policy": json.dumps(policy)})
    assert await harness.topic(Attributes={"Policy": json.dumps(policy, indent=1)}) == topic


async def test_roles_bound_what_a_key_may_do(harness: Harness) -> None:
    topic = await harness.topic()
    await attributes(harness, topic, key=AUDITOR)
    assert (await harness.refused("publish", key=AUDITOR, TopicArn=topic, Message="m"))[1] == "AuthorizationError"
    await harness.ask("publish", key=PUBLISHER, TopicArn=topic, Message="m")
    for operation, given in (
        ("create_topic", {"Name": "x"}),
        ("delete_topic", {"TopicArn": topic}),
        ("set_topic_attributes", {"TopicArn": topic, "AttributeName": "DisplayName", "AttributeValue": "x"}),
        ("subscribe", {"TopicArn": topic, "Protocol": "email", "Endpoint": "a@example.com"}),
        ("tag_resource", {"ResourceArn": topic, "Tags": [{"Key": "a", "Value": "b"}]}),
        (
            "add_permission",
            {"TopicArn": topic, "Label": "l", "AWSAccountId": ["111111111111"], "ActionName": ["Publish"]},
        ),
    ):
        told = await harness.refused(operation, key=PUBLISHER, **given)
        assert told[:2] == (403, "AuthorizationError"), operation
        assert "is not authorized to perform" in told[2]
        assert "no identity-based policy allows" in told[2]


# --- documents -----------------------------------------------------------------------------------------------------------------


async def test_an_empty_list_is_an_empty_element_and_ids_are_in_body_and_header(harness: Harness) -> None:
    answer = await harness.post({"Action": "ListTopics"})
    ids = dict(answer.headers)
    assert answer.content_type == "text/xml"
    assert body_of(answer) == (
        '<ListTopicsResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><ListTopicsResult><Topics/>'
        f"</ListTopicsResult><ResponseMetadata><RequestId>{ids['x-amzn-RequestId']}</RequestId></ResponseMetadata>"
        "</ListTopicsResponse>"
    )


async def test_control_characters_in_a_tag_do_not_break_the_document(harness: Harness) -> None:
    topic = await harness.topic(Tags=[{"Key": "a\x01<", "Value": "\ufffe\x1f&"}])
    assert (await harness.ask("list_tags_for_resource", ResourceArn=topic))["Tags"] == [
        {"Key": "a\ufffd<", "Value": "\ufffd\ufffd&"}
    ]
