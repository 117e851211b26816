"""The main job over an unmodified boto3: subscribe, confirm, publish, deliver, cancel, come back."""

from __future__ import annotations

import time
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import urlopen

import pytest
from botocore.exceptions import ClientError
from tests.support.receiver import Receiver
from tests.support.server import Server


def _get(url: str) -> tuple[int, str]:
    try:
        with urlopen(url) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()


@pytest.fixture
def topic(sns: Any, topic_name: str) -> str:
    return str(sns.create_topic(Name=topic_name)["TopicArn"])


def _confirmed(sns: Any, topic: str, receiver: Receiver) -> str:
    answer = sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=f"{receiver.url}/hook", ReturnSubscriptionArn=True)
    receiver.confirm("/hook")
    return str(answer["SubscriptionArn"])


def test_a_web_hook_confirms_and_receives(sns: Any, topic: str, receiver: Receiver) -> None:
    answer = sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=f"{receiver.url}/hook")
    assert answer["SubscriptionArn"] == "pending confirmation"
    request = receiver.wait_for_type("SubscriptionConfirmation")
    assert "x-amz-sns-subscription-arn" not in request.headers
    assert request.headers["content-type"] == "text/plain; charset=UTF-8"
    confirmed = sns.confirm_subscription(TopicArn=topic, Token=request.json["Token"])
    again = sns.confirm_subscription(TopicArn=topic, Token=request.json["Token"])
    assert confirmed["SubscriptionArn"] == again["SubscriptionArn"]
    sent = sns.publish(TopicArn=topic, Subject="Greeting", Message="hello\nworld \u00e9\u4f60")
    got = receiver.wait_for_type("Notification")
    assert got.json["MessageId"] == sent["MessageId"] == got.headers["x-amz-sns-message-id"]
    assert got.json["Message"] == "hello\nworld \u00e9\u4f60"
    assert got.json["Subject"] == "Greeting"
    assert got.headers["x-amz-sns-subscription-arn"] == confirmed["SubscriptionArn"]
    assert list(got.json) == [
        "Type",
        "MessageId",
        "TopicArn",
        "Subject",
        "Message",
        "Timestamp",
        "SignatureVersion",
        "Signature",
        "SigningCertURL",
        "UnsubscribeURL",
    ]


def test_the_owner_cancels_and_nothing_is_sent_any_more(sns: Any, topic: str, receiver: Receiver) -> None:
    arn = _confirmed(sns, topic, receiver)
    sns.unsubscribe(SubscriptionArn=arn)
    with pytest.raises(ClientError, match="NotFound"):
        sns.get_subscription_attributes(SubscriptionArn=arn)
    sns.unsubscribe(SubscriptionArn=arn)
    listed = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert listed == []
    sns.publish(TopicArn=topic, Message="nobody hears this")
    other = sns.create_topic(Name=topic.rsplit(":", 1)[1][:200] + "-2")["TopicArn"]
    sns.subscribe(TopicArn=other, Protocol="http", Endpoint=f"{receiver.url}/other")
    receiver.wait_for_type("SubscriptionConfirmation", path="/other")
    assert not receiver.of_type("Notification")
    assert not receiver.of_type("UnsubscribeConfirmation")


def test_an_unsigned_cancel_says_goodbye_and_the_endpoint_comes_back(
    sns: Any, server: Server, topic: str, receiver: Receiver
) -> None:
    arn = _confirmed(sns, topic, receiver)
    sns.publish(TopicArn=topic, Message="one")
    notification = receiver.wait_for_type("Notification")
    status, body = _get(notification.json["UnsubscribeURL"])
    assert status == 200
    assert "<UnsubscribeResponse" in body
    goodbye = receiver.wait_for_type("UnsubscribeConfirmation")
    assert goodbye.headers["x-amz-sns-subscription-arn"] == arn
    sns.publish(TopicArn=topic, Message="two")
    status, body = _get(goodbye.json["SubscribeURL"])
    assert status == 200
    assert arn in body
    sns.publish(TopicArn=topic, Message="three")
    third = receiver.wait_for_type("Notification", 2)
    assert third.json["Message"] == "three"
    assert third.headers["x-amz-sns-subscription-arn"] == arn


def test_a_confirmation_that_demands_signed_cancels_is_honored(
    sns: Any, server: Server, topic: str, receiver: Receiver
) -> None:
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=receiver.url)
    token = receiver.wait_for_type("SubscriptionConfirmation").json["Token"]
    arn = sns.confirm_subscription(TopicArn=topic, Token=token, AuthenticateOnUnsubscribe="true")["SubscriptionArn"]
    status, body = _get(f"{server.url}/?Action=Unsubscribe&SubscriptionArn={quote(arn)}")
    assert status == 403
    assert "<Code>AuthorizationError</Code>" in body
    assert sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]["ConfirmationWasAuthenticated"] == "true"
    sns.unsubscribe(SubscriptionArn=arn)
    with pytest.raises(ClientError, match="NotFound"):
        sns.get_subscription_attributes(SubscriptionArn=arn)


def test_a_pending_subscription_only_lapses(sns: Any, topic: str, receiver: Receiver) -> None:
    arn = sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=receiver.url, ReturnSubscriptionArn=True)[
        "SubscriptionArn"
    ]
    with pytest.raises(ClientError, match="pending confirmation") as caught:
        sns.unsubscribe(SubscriptionArn=arn)
    assert caught.value.response["Error"]["Code"] == "InvalidParameter"


def test_raw_delivery_sends_the_message_alone(sns: Any, topic: str, receiver: Receiver) -> None:
    arn = _confirmed(sns, topic, receiver)
    sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName="RawMessageDelivery", AttributeValue="true")
    sns.publish(TopicArn=topic, Message='{"a": 1}')
    got = receiver.wait_for_type("Notification")
    assert got.body == b'{"a": 1}'
    assert got.headers["x-amz-sns-rawdelivery"] == "true"


def test_a_batch_reports_each_entry(sns: Any, topic: str, receiver: Receiver) -> None:
    _confirmed(sns, topic, receiver)
    answer = sns.publish_batch(
        TopicArn=topic,
        PublishBatchRequestEntries=[{"Id": str(i), "Message": f"m{i}"} for i in range(10)],
    )
    assert {entry["Id"] for entry in answer["Successful"]} == {str(i) for i in range(10)}
    receiver.wait(lambda _: len(receiver.of_type("Notification")) >= 10)
    assert {got.json["Message"] for got in receiver.of_type("Notification")} == {f"m{i}" for i in range(10)}


def test_a_failing_receiver_is_tried_again(sns: Any, topic: str, receiver: Receiver) -> None:
    arn = _confirmed(sns, topic, receiver)
    policy = '{"healthyRetryPolicy":{"numRetries":3,"minDelayTarget":1,"maxDelayTarget":1,"numNoDelayRetries":2}}'
    sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName="DeliveryPolicy", AttributeValue=policy)
    receiver.answer = lambda _: 500 if len(receiver.of_type("Notification")) < 2 else 200
    sent = sns.publish(TopicArn=topic, Message="again")
    receiver.wait_for_type("Notification", 3)
    assert {got.json["MessageId"] for got in receiver.of_type("Notification")} == {sent["MessageId"]}


def test_a_receivers_own_pace_is_kept(sns: Any, topic: str, receiver: Receiver) -> None:
    arn = _confirmed(sns, topic, receiver)
    policy = '{"throttlePolicy": {"maxReceivesPerSecond": 5}}'
    sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName="DeliveryPolicy", AttributeValue=policy)
    began = time.monotonic()
    sent = {sns.publish(TopicArn=topic, Message=f"m{i}")["MessageId"] for i in range(10)}
    receiver.wait(lambda _: len(receiver.of_type("Notification")) >= 10)
    assert time.monotonic() - began >= 9 / 5 - 0.1
    assert {got.json["MessageId"] for got in receiver.of_type("Notification")} == sent
