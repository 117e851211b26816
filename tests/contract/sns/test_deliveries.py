"""What subscribers of SNS get, and what never reaches them: headers of posts, queues' attributes, texts and mails.

Source: SNS developer guide, HTTP/HTTPS headers, message delivery retries; Amazon SQS API reference, message system attributes;
headers and destinations as recorded from the live service.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import urlopen

import pytest
from botocore.exceptions import ClientError
from tests.support.patience import PATIENCE_S
from tests.support.queues import ACCESS_KEY_ID, ACCOUNT, SECRET_ACCESS_KEY, QueueService
from tests.support.receiver import Received, Receiver
from tests.support.server import Server

TRACE = "Root=1-67891233-abcdef012345678912345678;Parent=53995c3f42cd8ad8;Sampled=1"
IP = "InvalidParameter"


@pytest.fixture(scope="module")
def queues() -> Iterator[QueueService]:
    with QueueService() as service:
        yield service


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, queues: QueueService) -> Iterator[Server]:
    environment = {
        "TIDINGS_ACCOUNT_ID": ACCOUNT,
        "TIDINGS_SQS_ENDPOINT": queues.url,
        "TIDINGS_SQS_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "TIDINGS_SQS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
    }
    server = Server(tmp_path_factory.mktemp("server"), environment=environment).start()
    yield server
    assert server.stop() == 0, server.log()


@pytest.fixture
def topic(sns: Any, topic_name: str) -> str:
    return str(sns.create_topic(Name=topic_name)["TopicArn"])


def refused(client: Any, operation: str, **given: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        getattr(client, operation)(**given)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


# --- posts ---------------------------------------------------------------------------------------------------------------------


def test_posts_have_the_headers_of_the_cloud_and_no_others(sns: Any, topic: str, receiver: Receiver) -> None:
    policy = json.dumps({"http": {"defaultRequestPolicy": {"headerContentType": "application/json"}}})
    sns.set_topic_attributes(TopicArn=topic, AttributeName="DeliveryPolicy", AttributeValue=policy)
    arn = sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=receiver.url, ReturnSubscriptionArn=True)[
        "SubscriptionArn"
    ]
    asked = receiver.wait_for_type("SubscriptionConfirmation")
    common = {
        "host": asked.headers["host"],
        "content-length": str(len(asked.body)),
        "content-type": "text/plain; charset=UTF-8",
        "user-agent": "Amazon Simple Notification Service Agent",
        "accept-encoding": "gzip,deflate",
        "connection": "Keep-Alive",
        "x-amz-sns-topic-arn": topic,
    }
    body = json.loads(asked.body)
    assert asked.headers == common | {
        "x-amz-sns-message-type": "SubscriptionConfirmation",
        "x-amz-sns-message-id": body["MessageId"],
    }
    sns.confirm_subscription(TopicArn=topic, Token=body["Token"])
    sns.publish(TopicArn=topic, Message="m")
    told = receiver.wait_for_type("Notification")
    body = json.loads(told.body)
    assert told.headers == common | {
        "content-length": str(len(told.body)),
        "content-type": "application/json",
        "x-amz-sns-message-type": "Notification",
        "x-amz-sns-message-id": body["MessageId"],
        "x-amz-sns-subscription-arn": arn,
    }
    get(body["UnsubscribeURL"])
    goodbye = receiver.wait_for_type("UnsubscribeConfirmation")
    body = json.loads(goodbye.body)
    assert goodbye.headers == common | {
        "content-length": str(len(goodbye.body)),
        "x-amz-sns-message-type": "UnsubscribeConfirmation",
        "x-amz-sns-message-id": body["MessageId"],
        "x-amz-sns-subscription-arn": arn,
    }


# --- queues --------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def traced(tmp_path: Path, receiver: Receiver) -> Iterator[Server]:
    """A server whose queue service is a receiver, because moto forgets system attributes of batches."""
    environment = {"TIDINGS_ACCOUNT_ID": ACCOUNT, "TIDINGS_SQS_ENDPOINT": receiver.url}
    server = Server(tmp_path, environment=environment).start()
    yield server
    assert server.stop() == 0, server.log()


def test_the_trace_header_of_a_publish_reaches_queues(traced: Server, receiver: Receiver) -> None:
    sns = traced.sns()
    topic = sns.create_topic(Name="traced")["TopicArn"]
    queue = f"arn:aws:sqs:us-east-1:{ACCOUNT}:queue"
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"{queue}-raw", Attributes={"RawMessageDelivery": "true"})
    sns.publish(TopicArn=topic, Message="without", MessageGroupId="group")

    def add(params: dict[str, Any], **_: Any) -> None:
        params["headers"]["X-Amzn-Trace-Id"] = TRACE

    sns.meta.events.register("before-call.sns.*", add)
    sns.publish(TopicArn=topic, Message="by topic")
    sns.publish(TargetArn=topic, Message="by target")
    sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=[{"Id": "a", "Message": "by batch"}])
    expected = {(text, raw) for text in ("without", "by topic", "by target", "by batch") for raw in (False, True)}
    receiver.wait(lambda got: set(_entries(got)) == expected)
    for (text, _), entry in _entries(receiver.received).items():
        header = {"AWSTraceHeader": {"DataType": "String", "StringValue": TRACE}}
        assert entry.get("MessageSystemAttributes") == (None if text == "without" else header)
        assert entry.get("MessageGroupId") == ("group" if text == "without" else None)


def _entries(received: list[Received]) -> dict[tuple[str, bool], dict[str, Any]]:
    """What was sent to queues, by text and whether it was raw."""
    return {
        (_text(entry["MessageBody"]), not entry["MessageBody"].startswith("{")): entry
        for got in received
        for entry in got.json["Entries"]
    }


def _text(body: str) -> str:
    return str(json.loads(body)["Message"]) if body.startswith("{") else body


def test_notices_do_not_go_to_dead_letter_queues(
    sns: Any, server: Server, topic: str, queues: QueueService, receiver: Receiver
) -> None:
    no_retries = json.dumps({"http": {"defaultHealthyRetryPolicy": {"numRetries": 0}}})
    sns.set_topic_attributes(TopicArn=topic, AttributeName="DeliveryPolicy", AttributeValue=no_retries)
    dead = queues.create("dead-letters")
    redrive = {"RedrivePolicy": json.dumps({"deadLetterTargetArn": dead})}
    given = {"TopicArn": topic, "Protocol": "http", "Endpoint": receiver.url, "ReturnSubscriptionArn": True}
    arn = sns.subscribe(**given, Attributes=redrive)["SubscriptionArn"]
    token = receiver.wait_for_type("SubscriptionConfirmation").json["Token"]
    receiver.answer = lambda _: 410
    sns.subscribe(**given)  # a second request, which cannot be delivered
    dead_letters(server, arn, 1)
    sns.confirm_subscription(TopicArn=topic, Token=token)
    sns.publish(TopicArn=topic, Message="lost")
    dead_letters(server, arn, 2)
    get(f"{server.url}/?Action=Unsubscribe&SubscriptionArn={arn}")
    dead_letters(server, arn, 3)
    assert [_text(message["Body"]) for message in queues.receive(dead)] == ["lost"]
    assert queues.is_empty(dead)


def test_what_has_no_form_for_its_endpoint_goes_to_the_dead_letter_queue(
    sns: Any, topic: str, queues: QueueService
) -> None:
    dead = queues.create("dead-texts")
    redrive = {"RedrivePolicy": json.dumps({"deadLetterTargetArn": dead})}
    sns.subscribe(TopicArn=topic, Protocol="sms", Endpoint="+12025550171", Attributes=redrive)
    sns.publish(TopicArn=topic, Message="x" * 1601)
    assert [message["Body"] for message in queues.receive(dead)] == ["x" * 1601]


def dead_letters(server: Server, arn: str, count: int) -> None:
    """Wait until so many deliveries to a subscription were given up."""
    deadline = time.monotonic() + PATIENCE_S
    while len(server.api(f"dead-letters?subscription={quote(arn)}")["items"]) < count:
        assert time.monotonic() < deadline, "no dead letter was written"
        time.sleep(0.02)  # polling another process: there is no event to wait for


def get(url: str) -> None:
    with urlopen(url) as answer:
        assert answer.status == 200


# --- texts and mails -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["AbcdefghijklmN", "Mÿco", "12345", "-", "a b", "abcdefghijkl"])
def test_a_sender_id_that_cannot_be_is_refused_by_every_call(sns: Any, topic: str, name: str) -> None:
    attributes = {"AWS.SNS.SMS.SenderID": {"DataType": "String", "StringValue": name}}
    for target in ({"PhoneNumber": "+12025550172"}, {"TopicArn": topic}):
        code, said = refused(sns, "publish", **target, Message="m", MessageAttributes=attributes)
        assert (code, said.startswith("Invalid parameter: AWS.SNS.SMS.SenderID Reason: ")) == (IP, True)
    entries = [{"Id": "a", "Message": "m", "MessageAttributes": attributes}, {"Id": "b", "Message": "m"}]
    answer = sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)
    assert [(row["Id"], row["Code"]) for row in answer["Failed"]] == [("a", IP)]
    assert refused(sns, "set_sms_attributes", attributes={"DefaultSenderID": name}) == (
        IP,
        "DefaultSenderID is invalid",
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AWS.MM.SMS.OriginationNumber", "1234"),
        ("AWS.MM.SMS.OriginationNumber", "+123456789012345"),
        ("AWS.MM.SMS.OriginationNumber", "News"),
        ("AWS.SNS.SMS.MaxPrice", "cheap"),
        ("AWS.MM.SMS.EntityId", "x" * 51),
        ("AWS.MM.SMS.TemplateId", "x" * 51),
    ],
)
def test_other_attributes_of_texts_are_checked_at_the_call(sns: Any, name: str, value: str) -> None:
    attributes = {name: {"DataType": "String", "StringValue": value}}
    code, said = refused(sns, "publish", PhoneNumber="+12025550173", Message="m", MessageAttributes=attributes)
    assert (code, said.startswith(f"Invalid parameter: {name} Reason: ")) == (IP, True)


def test_a_text_has_sixteen_hundred_characters_at_most(sns: Any) -> None:
    sns.publish(PhoneNumber="+12025550174", Message="é" * 1600)
    code, said = refused(sns, "publish", PhoneNumber="+12025550174", Message="x" * 1601)
    assert (code, said.startswith("Invalid parameter: Message too long")) == (IP, True)
    structured = json.dumps({"default": "short", "sms": "x" * 1601})
    given = {"PhoneNumber": "+12025550174", "MessageStructure": "json"}
    assert refused(sns, "publish", Message=structured, **given)[0] == IP
    sns.publish(Message=json.dumps({"default": "x" * 1601, "sms": "short"}), **given)


def test_a_topics_name_is_left_out_where_it_does_not_fit(sns: Any, server: Server, topic: str) -> None:
    sns.set_topic_attributes(TopicArn=topic, AttributeName="DisplayName", AttributeValue="News")
    sns.subscribe(TopicArn=topic, Protocol="sms", Endpoint="+12025550175")
    sns.publish(TopicArn=topic, Message="x" * 1600)
    deadline = time.monotonic() + PATIENCE_S
    while not (found := server.api("dev/outbox?channel=sms&to=%2B12025550175")["items"]):
        assert time.monotonic() < deadline, "no text came"
        time.sleep(0.02)  # polling another process: there is no event to wait for
    assert [item["text"] for item in found] == ["x" * 1600]


LONG = "a" * 65 + "@example.com"


def test_an_address_that_can_never_be_mailed_is_no_endpoint(sns: Any, topic: str) -> None:
    for protocol in ("email", "email-json"):
        for address in (LONG, "é" * 33 + "@example.com", "a@" + "b" * 64 + ".example"):
            said = refused(sns, "subscribe", TopicArn=topic, Protocol=protocol, Endpoint=address)
            assert said == (IP, "Invalid parameter: Email address")
        sns.subscribe(TopicArn=topic, Protocol=protocol, Endpoint="a" * 64 + "@example.com")


# --- attributes of texts -------------------------------------------------------------------------------------------------------


def attributes(client: Any, *names: str) -> dict[str, str]:
    return dict(client.get_sms_attributes(attributes=list(names))["attributes"])


def test_attributes_of_texts_are_each_regions_own(server: Server) -> None:
    home, other, third = (server.sns(region=region) for region in ("us-east-1", "eu-west-1", "ap-east-1"))
    assert attributes(third) == {"MonthlySpendLimit": "1"}
    other.set_sms_attributes(attributes={"DefaultSMSType": "Transactional", "DefaultSenderID": "Others"})
    assert attributes(other) == {
        "MonthlySpendLimit": "1",
        "DefaultSMSType": "Transactional",
        "DefaultSenderID": "Others",
    }
    assert attributes(other, "DefaultSMSType", "UsageReportS3Bucket") == {"DefaultSMSType": "Transactional"}
    assert attributes(home) == {"MonthlySpendLimit": "1"}
    home.set_sms_attributes(attributes={"DefaultSenderID": "Home", "MonthlySpendLimit": "7"})
    assert attributes(home) == {"MonthlySpendLimit": "7", "DefaultSenderID": "Home"}
    assert attributes(third) == {"MonthlySpendLimit": "1"}
    senders = {}
    for name, client in (("home", home), ("other", other)):
        client.publish(PhoneNumber="+12025550176", Message=f"from {name}")
    deadline = time.monotonic() + PATIENCE_S
    while len(senders) < 2:
        assert time.monotonic() < deadline, "no text came"
        items = server.api("dev/outbox?channel=sms&to=%2B12025550176")["items"]
        senders = {item["text"]: item["from"] for item in items}
    assert senders == {"from home": "Home", "from other": "Others"}
    other.set_sms_attributes(attributes={"DefaultSMSType": "", "DefaultSenderID": ""})
    home.set_sms_attributes(attributes={"DefaultSenderID": "", "MonthlySpendLimit": ""})
    assert attributes(other) == attributes(home) == {"MonthlySpendLimit": "1"}
    assert refused(home, "set_sms_attributes", attributes={"X": "1"}) == (IP, "X is not a valid attribute")
    assert refused(home, "set_sms_attributes", attributes={"DefaultSMSType": "x"}) == (IP, "DefaultSMSType is invalid")
    said = refused(home, "set_sms_attributes", attributes={"UsageReportS3Bucket": "No Bucket"})
    assert said == (IP, "Invalid parameter: UsageReportS3Bucket Reason: The bucket you provided does not exist")
