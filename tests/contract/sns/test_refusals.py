"""What SNS refuses and in which words, walked along the reference: names, tags, tokens, batches, attributes, permissions.

Each row is one recorded statement. boto3 without its own validation sends what a client of another kind might.
Source: SNS API reference; SNS service model; codes and texts as recorded from the live service.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.server import Server

IP = "InvalidParameter"
NULL = "1 validation error detected: Value null at '{}' failed to satisfy constraint: Member must not be null"
UUID = "00000000-1111-2222-3333-444444444444"


@pytest.fixture(scope="module")
def raw(server: Server) -> Any:
    """A client that lets everything through."""
    return server.sns(parameter_validation=False)


@pytest.fixture
def topic(sns: Any, topic_name: str) -> str:
    return str(sns.create_topic(Name=topic_name)["TopicArn"])


def refused(client: Any, operation: str, **given: Any) -> tuple[str, str]:
    """Code and message of the error that the call must end with; never a failure of the server."""
    with pytest.raises(ClientError) as caught:
        getattr(client, operation)(**given)
    answer = caught.value.response
    assert 400 <= answer["ResponseMetadata"]["HTTPStatusCode"] < 500
    return answer["Error"]["Code"], answer["Error"]["Message"]


# --- names and tokens ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [{}, {"SubscriptionArn": ""}])
def test_unsubscribe_tells_a_missing_arn_by_a_code_of_its_own(raw: Any, given: dict[str, str]) -> None:
    text = "Invalid parameter: SubscriptionArn Reason: no value for required parameter"
    assert refused(raw, "unsubscribe", **given) == (IP, text)


def test_other_actions_tell_a_missing_and_an_empty_arn_apart(raw: Any) -> None:
    assert refused(raw, "get_subscription_attributes") == ("ValidationError", NULL.format("subscriptionArn"))
    said = refused(raw, "get_subscription_attributes", SubscriptionArn="")
    assert said == (IP, "Invalid parameter: SubscriptionArn Reason: An ARN must have at least 6 elements, not 1")
    said = refused(raw, "get_topic_attributes", TopicArn="")
    assert said == (IP, "Invalid parameter: TopicArn Reason: An ARN must have at least 6 elements, not 1")


@pytest.mark.parametrize("service", ["sns", "sqs", "ses"])
def test_an_arn_that_names_no_subscription_is_not_found(raw: Any, topic: str, service: str) -> None:
    arn = f"{topic}:{UUID}".replace(":sns:", f":{service}:")
    gone = ("NotFound", "Subscription does not exist")
    assert refused(raw, "get_subscription_attributes", SubscriptionArn=arn) == gone
    given = {"AttributeName": "RawMessageDelivery", "AttributeValue": "true"}
    assert refused(raw, "set_subscription_attributes", SubscriptionArn=arn, **given) == gone


@pytest.mark.parametrize("arn", ["x", "", "arn:aws:sns", "arn:aws:sns:eu-west-1:000000000000:t", "arn:aws:s3:::bucket"])
def test_a_wrong_topic_of_a_confirmation_has_one_text(raw: Any, arn: str) -> None:
    assert refused(raw, "confirm_subscription", TopicArn=arn, Token="0" * 64) == (IP, "Invalid parameter: Topic")


@pytest.mark.parametrize(
    ("token", "text"),
    [
        ("0" * 64, "Invalid parameter: Token"),
        ("ab", "Invalid parameter: Token"),
        ("AB12" * 72, "Invalid parameter: Token"),
        ("abc", "Invalid token"),
        ("xyz0", "Invalid token"),
        ("ab cd", "Invalid token"),
    ],
)
def test_only_what_is_not_hexadecimal_of_even_length_is_malformed(raw: Any, topic: str, token: str, text: str) -> None:
    assert refused(raw, "confirm_subscription", TopicArn=topic, Token=token) == (IP, text)


# --- tags ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arn", ["x", "arn:aws:sns:us-east-1:000000000000:absent", "arn:aws:s3:::bucket"])
def test_what_names_no_topic_is_no_resource(raw: Any, arn: str) -> None:
    gone = ("ResourceNotFound", "Resource does not exist")
    assert refused(raw, "list_tags_for_resource", ResourceArn=arn) == gone
    assert refused(raw, "tag_resource", ResourceArn=arn, Tags=[{"Key": "k", "Value": "v"}]) == gone
    assert refused(raw, "untag_resource", ResourceArn=arn, TagKeys=["k"]) == gone


def test_a_tag_outside_of_the_model_says_where_it_stands(raw: Any, sns: Any, topic: str) -> None:
    def said(value: str, path: str, constraint: str) -> tuple[str, str]:
        return "ValidationError", (
            f"1 validation error detected: Value '{value}' at '{path}' failed to satisfy constraint: Member must have"
            f" length {constraint}"
        )

    good = {"Key": "k", "Value": "v"}
    key, value = "k" * 129, "v" * 257
    for operation, lead in (("tag_resource", {"ResourceArn": topic}), ("create_topic", {"Name": "never-made"})):
        tags = [good, {"Key": key, "Value": ""}]
        assert refused(raw, operation, **lead, Tags=tags) == said(key, "tags.2.member.key", "less than or equal to 128")
        tags = [{"Key": "k", "Value": value}]
        assert refused(raw, operation, **lead, Tags=tags) == said(
            value, "tags.1.member.value", "less than or equal to 256"
        )
        tags = [{"Key": "", "Value": "v"}]
        assert refused(raw, operation, **lead, Tags=tags) == said("", "tags.1.member.key", "greater than or equal to 1")
        tags = [good, {"Value": "v"}]
        assert refused(raw, operation, **lead, Tags=tags) == ("ValidationError", NULL.format("tags.2.member.key"))
        assert refused(raw, operation, **lead, Tags=[good, good]) == (
            IP,
            "Invalid parameter: Duplicated keys are not allowed.",
        )
    assert sns.list_tags_for_resource(ResourceArn=topic)["Tags"] == []
    sns.tag_resource(ResourceArn=topic, Tags=[{"Key": "k" * 128, "Value": "v" * 256}])


def test_a_topic_has_fifty_tags_at_most(raw: Any, sns: Any, topic: str) -> None:
    over = ("TagLimitExceeded", "Could not complete request: tag quota of per resource exceeded")
    tags = [{"Key": f"k{number}", "Value": "v"} for number in range(51)]
    assert refused(raw, "create_topic", Name="never-made", Tags=tags) == over
    assert refused(raw, "tag_resource", ResourceArn=topic, Tags=tags) == over
    sns.tag_resource(ResourceArn=topic, Tags=tags[:50])
    assert refused(raw, "tag_resource", ResourceArn=topic, Tags=[*tags[:2], tags[50]]) == over
    listed = sns.list_tags_for_resource(ResourceArn=topic)["Tags"]
    assert sorted(tag["Key"] for tag in listed) == sorted(tag["Key"] for tag in tags[:50])


def test_a_deleted_topics_tags_do_not_come_back(sns: Any, topic_name: str) -> None:
    tags = [{"Key": "old", "Value": "1"}]
    arn = sns.create_topic(Name=topic_name, Tags=tags)["TopicArn"]
    assert sns.create_topic(Name=topic_name)["TopicArn"] == arn
    sns.delete_topic(TopicArn=arn)
    sns.create_topic(Name=topic_name, Tags=[{"Key": "new", "Value": "2"}])
    assert sns.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "new", "Value": "2"}]


# --- empty lists and maps ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operation", "given", "path"),
    [
        ("set_sms_attributes", {"attributes": {}}, "attributes"),
        ("tag_resource", {"ResourceArn": "TOPIC", "Tags": []}, "tags"),
        ("untag_resource", {"ResourceArn": "TOPIC", "TagKeys": []}, "tagKeys"),
        (
            "add_permission",
            {"TopicArn": "TOPIC", "Label": "l", "AWSAccountId": [], "ActionName": ["Publish"]},
            "aWSAccountId",
        ),
        (
            "add_permission",
            {"TopicArn": "TOPIC", "Label": "l", "AWSAccountId": ["000000000000"], "ActionName": []},
            "actionName",
        ),
    ],
)
def test_an_empty_list_or_map_is_none(raw: Any, topic: str, operation: str, given: dict[str, Any], path: str) -> None:
    given = {name: topic if value == "TOPIC" else value for name, value in given.items()}
    assert refused(raw, operation, **given) == ("ValidationError", NULL.format(path))


# --- topics --------------------------------------------------------------------------------------------------------------------


def test_permissions_name_accounts_and_actions(raw: Any, sns: Any, topic: str) -> None:
    good = {"TopicArn": topic, "Label": "l", "AWSAccountId": ["111111111111"] * 2, "ActionName": ["Publish"] * 2}
    for account in ("abc", "11111111111", "1111111111112"):
        said = refused(raw, "add_permission", **{**good, "AWSAccountId": [account]})
        assert said == (IP, "Invalid parameter: A provided account ID is not valid")
    said = refused(raw, "add_permission", **{**good, "ActionName": ["CreateQueue"]})
    assert said == (IP, "Invalid parameter: Policy statement action out of service scope!")
    sns.add_permission(**good)
    assert refused(raw, "add_permission", **good) == (IP, "Invalid parameter: Statement already exists")
    sns.remove_permission(TopicArn=topic, Label="never-there")
    sns.remove_permission(TopicArn=topic, Label="l")


@pytest.mark.parametrize("kind", ["HTTP", "Firehose", "Lambda", "Application", "SQS"])
@pytest.mark.parametrize("value", ["101", "-1", "1.5", "many"])
def test_a_sample_rate_is_a_percentage(raw: Any, topic: str, kind: str, value: str) -> None:
    name = f"{kind}SuccessFeedbackSampleRate"
    text = f"{name}: {value} value provided is not an integer between 0-100"
    said = refused(raw, "set_topic_attributes", TopicArn=topic, AttributeName=name, AttributeValue=value)
    assert said == (IP, f"Invalid parameter: {text}")
    said = refused(raw, "create_topic", Name="never-made", Attributes={name: value})
    assert said == (IP, f"Invalid parameter: Attributes Reason: {text}")


def test_false_as_fifo_topic_counts_as_not_given(raw: Any, sns: Any, topic_name: str) -> None:
    for value in ("false", "False", "FALSE"):
        sns.create_topic(Name=topic_name, Attributes={"FifoTopic": value})
    sns.create_topic(Name=topic_name)
    arn = sns.create_topic(Name=topic_name, Attributes={"FifoTopic": "false"})["TopicArn"]
    assert "FifoTopic" not in sns.get_topic_attributes(TopicArn=arn)["Attributes"]
    said = refused(raw, "create_topic", Name=topic_name, Attributes={"FifoTopic": "true"})
    assert said == (IP, "Invalid parameter: Topic Name")
    for value in ("true", "false"):
        given = {"AttributeName": "FifoTopic", "AttributeValue": value}
        assert refused(raw, "set_topic_attributes", TopicArn=arn, **given) == (IP, "Invalid parameter: AttributeName")


def test_delivery_policies_are_replaced_whole(raw: Any, sns: Any, topic: str) -> None:
    def put(policy: object) -> None:
        sns.set_topic_attributes(TopicArn=topic, AttributeName="DeliveryPolicy", AttributeValue=json.dumps(policy))

    def shown() -> dict[str, Any]:
        return json.loads(sns.get_topic_attributes(TopicArn=topic)["Attributes"]["DeliveryPolicy"])["http"]

    put({"http": {"defaultHealthyRetryPolicy": {"numRetries": 5, "backoffFunction": None}}})
    assert shown() == {"defaultHealthyRetryPolicy": {"numRetries": 5}, "disableSubscriptionOverrides": False}
    put({"http": {"defaultThrottlePolicy": {"maxReceivesPerSecond": 3}, "defaultHealthyRetryPolicy": None}})
    assert shown() == {"defaultThrottlePolicy": {"maxReceivesPerSecond": 3}, "disableSubscriptionOverrides": False}
    bad = json.dumps({"http": {"defaultHealthyRetryPolicy": {"numRetries": 101}}})
    text = "DeliveryPolicy: http.defaultHealthyRetryPolicy.numRetries must be less than or equal to 100"
    given = {"AttributeName": "DeliveryPolicy", "AttributeValue": bad}
    assert refused(raw, "set_topic_attributes", TopicArn=topic, **given) == (IP, f"Invalid parameter: {text}")
    sns.set_topic_attributes(TopicArn=topic, AttributeName="DeliveryPolicy", AttributeValue="")
    assert "DeliveryPolicy" not in sns.get_topic_attributes(TopicArn=topic)["Attributes"]


# --- subscriptions -------------------------------------------------------------------------------------------------------------

QUEUE = "arn:aws:sqs:us-east-1:000000000000:queue"


@pytest.mark.parametrize("protocol", ["email", "email-json", "sms"])
def test_raw_delivery_is_for_programs(raw: Any, sns: Any, topic: str, protocol: str) -> None:
    endpoint = "+12025550143" if protocol == "sms" else "ann@example.com"
    given = {"TopicArn": topic, "Protocol": protocol, "Endpoint": endpoint}
    text = f"Delivery protocol [{protocol}] does not support raw message delivery."
    said = refused(raw, "subscribe", **given, Attributes={"RawMessageDelivery": "true"})
    assert said == (IP, f"Invalid parameter: Attributes Reason: {text}")
    arn = sns.subscribe(**given, ReturnSubscriptionArn=True)["SubscriptionArn"]
    attribute = {"AttributeName": "RawMessageDelivery", "AttributeValue": "true"}
    said = refused(raw, "set_subscription_attributes", SubscriptionArn=arn, **attribute)
    assert said == (IP, f"Invalid parameter: {text}")


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("RawMessageDelivery", "", "RawMessageDelivery: Invalid value []. Must be true or false."),
        ("RawMessageDelivery", "yes", "RawMessageDelivery: Invalid value [yes]. Must be true or false."),
        ("RedrivePolicy", "{", "RedrivePolicy: failed to parse JSON. "),
        ("RedrivePolicy", "null", "RedrivePolicy: failed to parse JSON. "),
        ("RedrivePolicy", '{"deadLetterTargetArn":"x"}', "RedrivePolicy: deadLetterTargetArn is an invalid arn"),
        (
            "FilterPolicyScope",
            "Body",
            "FilterPolicyScope: Invalid value [Body]. Please use either MessageBody or MessageAttributes",
        ),
        ("FilterPolicy", "{", "FilterPolicy: failed to parse JSON. "),
    ],
)
def test_a_bad_attribute_is_told_by_both_actions(
    raw: Any, sns: Any, topic: str, name: str, value: str, text: str
) -> None:
    queue = {"TopicArn": topic, "Protocol": "sqs", "Endpoint": QUEUE}
    code, said = refused(raw, "subscribe", **queue, Attributes={name: value})
    assert code == IP
    assert said.startswith(f"Invalid parameter: Attributes Reason: {text}")
    arn = sns.subscribe(**queue)["SubscriptionArn"]
    code, said = refused(
        raw, "set_subscription_attributes", SubscriptionArn=arn, AttributeName=name, AttributeValue=value
    )
    assert code == IP
    assert said.startswith(f"Invalid parameter: {text}")


def test_a_repeated_subscribe_is_compared_with_the_defaults(raw: Any, sns: Any, topic: str) -> None:
    queue = {"TopicArn": topic, "Protocol": "sqs", "Endpoint": QUEUE}
    arn = sns.subscribe(**queue)["SubscriptionArn"]
    for attributes in (
        {"RawMessageDelivery": "false"},
        {"RawMessageDelivery": "False"},
        {"FilterPolicyScope": "MessageAttributes"},
        {"FilterPolicy": ""},
        {"FilterPolicy": "{}"},
        {"RawMessageDelivery": "FALSE", "FilterPolicyScope": "MessageAttributes", "FilterPolicy": ""},
        {},
    ):
        assert sns.subscribe(**queue, Attributes=attributes)["SubscriptionArn"] == arn
    other = (IP, "Invalid parameter: Attributes Reason: Subscription already exists with different attributes")
    for attributes in ({"RawMessageDelivery": "true"}, {"FilterPolicyScope": "MessageBody"}):
        assert refused(raw, "subscribe", **queue, Attributes=attributes) == other
    sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName="RawMessageDelivery", AttributeValue="True")
    assert sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]["RawMessageDelivery"] == "true"
    assert sns.subscribe(**queue, Attributes={"RawMessageDelivery": "TRUE"})["SubscriptionArn"] == arn
    assert refused(raw, "subscribe", **queue, Attributes={"RawMessageDelivery": "false"}) == other
    code, said = refused(raw, "subscribe", **queue, Attributes={"RawMessageDelivery": "x"})
    assert (code, "Invalid value [x]" in said) == (IP, True)


def test_an_unconfirmed_subscription_has_attributes(sns: Any, topic: str) -> None:
    given = {"TopicArn": topic, "Protocol": "email", "Endpoint": "ann@example.com", "ReturnSubscriptionArn": True}
    arn = sns.subscribe(**given)["SubscriptionArn"]
    sns.set_subscription_attributes(
        SubscriptionArn=arn, AttributeName="FilterPolicyScope", AttributeValue="MessageBody"
    )
    shown = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    assert (shown["PendingConfirmation"], shown["ConfirmationWasAuthenticated"]) == ("true", "false")
    assert "FilterPolicyScope" not in shown
    for protocol, endpoint in (("sqs", QUEUE), ("sms", "+12025550144")):
        arn = sns.subscribe(TopicArn=topic, Protocol=protocol, Endpoint=endpoint)["SubscriptionArn"]
        shown = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
        assert (shown["PendingConfirmation"], shown["ConfirmationWasAuthenticated"]) == ("false", "true")


# --- publishing ----------------------------------------------------------------------------------------------------------------

SET = "the set of supported type prefixes is Binary, Number, and String."


@pytest.mark.parametrize("kind", ["String.Array", "String.my own", "Number.float.v2", "Binary.å ∆", "String.."])
def test_an_attributes_type_may_have_any_suffix(sns: Any, topic: str, kind: str) -> None:
    value = {"BinaryValue": b"x"} if kind.startswith("Binary") else {"StringValue": "1"}
    sns.publish(TopicArn=topic, Message="m", MessageAttributes={"n": {"DataType": kind, **value}})


@pytest.mark.parametrize("kind", ["String.", "Number.", "Binary.", "StringX", "string", "Text", "", "Stringer.x"])
def test_an_unknown_type_is_refused(raw: Any, topic: str, kind: str) -> None:
    text = f"The message attribute 'n' has an invalid message attribute type, {SET}"
    attributes = {"n": {"DataType": kind, "StringValue": "v"}}
    said = refused(raw, "publish", TopicArn=topic, Message="m", MessageAttributes=attributes)
    assert said == ("ParameterValueInvalid", text)
    entries = [{"Id": "a", "Message": "m"}, {"Id": "b", "Message": "m", "MessageAttributes": attributes}]
    said = refused(raw, "publish_batch", TopicArn=topic, PublishBatchRequestEntries=entries)
    assert said == ("ParameterValueInvalid", text)


def test_a_missing_type_says_where_it_stands(raw: Any, topic: str) -> None:
    attributes = {"n": {"StringValue": "v"}}
    said = refused(raw, "publish", TopicArn=topic, Message="m", MessageAttributes=attributes)
    assert said == ("ValidationError", NULL.format("messageAttributes.n.member.dataType"))
    entries = [{"Id": "a", "Message": "m", "MessageAttributes": attributes}]
    said = refused(raw, "publish_batch", TopicArn=topic, PublishBatchRequestEntries=entries)
    path = "publishBatchRequestEntries.1.member.messageAttributes.n.member.dataType"
    assert said == ("ValidationError", NULL.format(path))


def test_of_doubled_names_in_a_structured_message_the_last_counts(raw: Any, sns: Any, topic: str) -> None:
    structured = {"TopicArn": topic, "MessageStructure": "json"}
    sns.publish(**structured, Message='{"default":"a","default":"b","sms":"c","sms":"d","http":7}')
    said = refused(raw, "publish", **structured, Message='{"default":"a","default":1}')
    assert said == (IP, "Invalid parameter: Message Structure - No default entry in JSON message body")
    said = refused(raw, "publish", **structured, Message='{"default":"a"} {}')
    assert said == (IP, "Invalid parameter: Message Structure - JSON message body failed to parse")


BATCH_IDS = "The Id of a batch entry in the batch request"


@pytest.mark.parametrize(
    ("ids", "code", "text"),
    [
        ([], "EmptyBatchRequest", None),
        (
            list("abcdefghijk"),
            "TooManyEntriesInBatchRequest",
            "The batch request contains more entries than permissible.",
        ),
        (
            ["a", "a"],
            "BatchEntryIdsNotDistinct",
            "Two or more batch entries in the request have the same Id.",
        ),
        (["a", "x" * 81], "InvalidBatchEntryId", f"{BATCH_IDS} is too long: {'x' * 81}"),
        (["a", "b c"], "InvalidBatchEntryId", f"{BATCH_IDS} contains an impermissible character: b c"),
        (["a.b"], "InvalidBatchEntryId", f"{BATCH_IDS} contains an impermissible character: a.b"),
    ],
)
def test_a_batch_is_classified_before_its_entries(
    raw: Any, topic: str, ids: list[str], code: str, text: str | None
) -> None:
    bad = {"Subject": "", "MessageStructure": "json", "MessageAttributes": {"a..b": {"DataType": "x"}}}
    entries = [{"Id": entry_id, "Message": "no json", **bad} for entry_id in ids]
    said = refused(raw, "publish_batch", TopicArn=topic, PublishBatchRequestEntries=entries)
    assert said[0] == code
    assert text in (None, said[1])


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ("no json", "Invalid parameter: Message Structure - JSON message body failed to parse"),
        ('{"sms":"s"}', "Invalid parameter: Message Structure - No default entry in JSON message body"),
    ],
)
def test_the_structure_of_one_entry_fails_the_whole_batch(raw: Any, topic: str, message: str, text: str) -> None:
    entries = [{"Id": "a", "Message": "m"}, {"Id": "b", "Message": message, "MessageStructure": "json"}]
    assert refused(raw, "publish_batch", TopicArn=topic, PublishBatchRequestEntries=entries) == (IP, text)


def test_other_faults_of_an_entry_are_its_own(raw: Any, sns: Any, topic: str) -> None:
    entries = [{"Id": "a", "Message": "m"}, {"Id": "b", "Message": "m", "Subject": "two\nlines"}]
    answer = raw.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)
    assert [entry["Id"] for entry in answer["Successful"]] == ["a"]
    assert answer["Failed"] == [{"Id": "b", "Code": IP, "Message": "Invalid parameter: Subject", "SenderFault": True}]
    entries = [{"Id": "x" * 80, "Message": "m"}]
    assert sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)["Failed"] == []


def test_subjects_have_a_hundred_characters_at_most(raw: Any, sns: Any, topic: str) -> None:
    sns.publish(TopicArn=topic, Message="m", Subject="x" * 100)
    for subject in ("", "x" * 101, "a\nb", "a\tb", "a\x7fb"):
        said = refused(raw, "publish", TopicArn=topic, Message="m", Subject=subject)
        assert said == (IP, "Invalid parameter: Subject")


# --- partitions ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("region", "partition"), [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov"), ("eu-west-1", "aws")]
)
def test_every_region_has_the_arns_of_its_partition(server: Server, region: str, partition: str) -> None:
    sns = server.sns(region=region)
    topic = f"arn:{partition}:sns:{region}:000000000000:partitioned"
    assert sns.create_topic(Name="partitioned")["TopicArn"] == topic
    given = {"TopicArn": topic, "Protocol": "sms", "Endpoint": "+12025550149"}
    arn = sns.subscribe(**given)["SubscriptionArn"]
    assert arn.startswith(f"{topic}:")
    shown = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    assert shown["SubscriptionPrincipal"] == f"arn:{partition}:iam::000000000000:user/admin"
    [listed] = server.api(f"topics?region={region}")["items"]
    assert listed["arn"] == topic
    assert server.api(f"topics/{topic}")["arn"] == topic
    uid = arn.rpartition(":")[2].replace("-", "")
    subscription = server.api(f"subscriptions/{uid}")
    assert (subscription["arn"], subscription["topic_arn"]) == (arn, topic)
    entries = server.api(f"ledger?topic={topic}")["items"]
    assert {(entry["topic_arn"], entry["arn"]) for entry in entries} == {(topic, arn)}


# --- the model's patterns ------------------------------------------------------------------------------------------------------

CONSTRAINT = "1 validation error detected: Value '{}' at '{}' failed to satisfy constraint: Member must {}"
PATTERN = r"satisfy regular expression pattern: ^(\+[0-9]{8,}|[0-9]{0,9})$"


@pytest.mark.parametrize(
    ("number", "constraint"),
    [
        ("+1 202 555 0100", PATTERN),
        ("+1234567", PATTERN),
        ("1234567890", PATTERN),
        ("abc", PATTERN),
        ("+12025550100\n", PATTERN),
        ("+" + "1" * 20, "have length less than or equal to 20"),
    ],
)
def test_sandbox_numbers_have_the_models_form(raw: Any, number: str, constraint: str) -> None:
    said = ("ValidationError", CONSTRAINT.format(number, "phoneNumber", constraint))
    assert refused(raw, "create_sms_sandbox_phone_number", PhoneNumber=number) == said
    assert refused(raw, "verify_sms_sandbox_phone_number", PhoneNumber=number, OneTimePassword="12345") == said
    assert refused(raw, "delete_sms_sandbox_phone_number", PhoneNumber=number) == said


@pytest.mark.parametrize(
    ("password", "constraint"),
    [
        ("abcde", "satisfy regular expression pattern: ^[0-9]+$"),
        ("1234", "have length greater than or equal to 5"),
        ("123456789", "have length less than or equal to 8"),
    ],
)
def test_passwords_have_the_models_form(raw: Any, password: str, constraint: str) -> None:
    said = refused(raw, "verify_sms_sandbox_phone_number", PhoneNumber="+12025550100", OneTimePassword=password)
    assert said == ("ValidationError", CONSTRAINT.format(password, "oneTimePassword", constraint))
