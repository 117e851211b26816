"""Every way out over real parts: SMTP by aiosmtpd, SQS by moto's server, SMS in the outbox; and what happens when they fail."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

import pytest
from tests.support.queues import QueueService
from tests.support.receiver import Receiver
from tests.support.server import Server
from tests.support.smtp import Mail, Mailbox


@pytest.fixture(scope="module")
def mailbox() -> Iterator[Mailbox]:
    with Mailbox() as mailbox:
        yield mailbox


@pytest.fixture(scope="module")
def queues() -> Iterator[QueueService]:
    with QueueService() as queues:
        yield queues


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, mailbox: Mailbox, queues: QueueService) -> Iterator[Server]:
    environment = {
        "TIDINGS_ACCOUNT_ID": "123456789012",  # the queues'; those of other accounts would have to confirm
        "TIDINGS_SMTP_URL": mailbox.url,
        "TIDINGS_MAIL_FROM": "Tidings <no-reply@tidings.example>",
        "TIDINGS_SQS_ENDPOINT": queues.url,
        "TIDINGS_SQS_ACCESS_KEY_ID": "queue",
        "TIDINGS_SQS_SECRET_ACCESS_KEY": "queue-secret",
    }
    server = Server(tmp_path_factory.mktemp("channels"), environment=environment).start()
    yield server
    assert server.stop() == 0, server.log()


@pytest.fixture
def topic(sns: Any, topic_name: str) -> str:
    return str(sns.create_topic(Name=topic_name, Attributes={"DisplayName": "Harbor news"})["TopicArn"])


def _link(mail: Mail, kind: str) -> str:
    found = re.search(rf"http://\S+/s/{kind}/[\w-]+", mail.text())
    assert found is not None, mail.text()
    return found[0]


def _post(url: str, body: str = "") -> tuple[int, str]:
    request = Request(url, data=body.encode(), headers={"Content-Type": "application/x-www-form-urlencoded"})
    try:
        with urlopen(request) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()


def _get(url: str) -> int:
    with urlopen(url) as answer:
        return int(answer.status)


def _state(server: Server, endpoint: str) -> list[str]:
    found = server.api(f"subscriptions?endpoint={quote(endpoint)}")
    return [row["state"] for row in found["items"]]


def _confirmed_mail(sns: Any, topic: str, mailbox: Mailbox, protocol: str, address: str) -> None:
    sns.subscribe(TopicArn=topic, Protocol=protocol, Endpoint=address)
    asked = mailbox.next()
    if protocol == "email":
        assert _post(_link(asked, "y"))[0] == 200
    else:
        sns.confirm_subscription(TopicArn=topic, Token=json.loads(asked.text())["Token"])


def test_a_scanner_that_opens_the_links_of_a_mail_changes_nothing(
    sns: Any, server: Server, topic: str, mailbox: Mailbox
) -> None:
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="scanned@example.org")
    asked = mailbox.next()
    for link in re.findall(r"http://\S+/s/[\w/-]+", asked.text()):
        assert _get(link) == 200
    assert _state(server, "scanned@example.org") == ["unconfirmed"]


def test_a_person_confirms_reads_cancels_with_one_click_and_comes_back(
    sns: Any, server: Server, topic: str, mailbox: Mailbox
) -> None:
    _confirmed_mail(sns, topic, mailbox, "email", "ann@example.org")
    sns.publish(TopicArn=topic, Subject="High water", Message="The ferry leaves from pier 2.")
    mail = mailbox.next()
    message = mail.message
    assert message["Subject"] == "High water"
    assert "Harbor news" in message["From"]
    assert "no-reply@tidings.example" in message["From"]
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert "The ferry leaves from pier 2." in mail.text()
    assert "The ferry leaves from pier 2." in mail.html()
    target = str(message["List-Unsubscribe"]).strip("<>")
    assert _get(target) == 200
    assert _state(server, "ann@example.org") == ["confirmed"]
    assert _post(target, "List-Unsubscribe=One-Click")[0] == 200
    assert _state(server, "ann@example.org") == ["canceled"]
    goodbye = mailbox.next()
    sns.publish(TopicArn=topic, Message="not for Ann")
    assert _post(_link(goodbye, "r"))[0] == 200
    sns.publish(TopicArn=topic, Message="welcome back")
    assert "welcome back" in mailbox.next().text()
    ways = [entry["way"] for entry in server.api("ledger?endpoint=ann%40example.org")["items"]]
    assert ways == ["api", "link", "one-click", "link"]


def test_email_json_carries_the_signed_json(sns: Any, topic: str, mailbox: Mailbox) -> None:
    _confirmed_mail(sns, topic, mailbox, "email-json", "robot@example.org")
    sent = sns.publish(TopicArn=topic, Message="hello \u4f60\u597d")
    body = json.loads(mailbox.next().text())
    assert body["MessageId"] == sent["MessageId"]
    assert body["Message"] == "hello \u4f60\u597d"
    assert body["Signature"]


def test_a_way_back_closes_after_48_hours(data: Path, mailbox: Mailbox) -> None:
    server = Server(data, environment={"TIDINGS_SMTP_URL": mailbox.url}).start()  # of its own: its clock is moved
    sns = server.sns()
    topic = sns.create_topic(Name="late")["TopicArn"]
    _confirmed_mail(sns, topic, mailbox, "email", "late@example.org")
    sns.publish(TopicArn=topic, Message="m")
    assert _post(_link(mailbox.next(), "c"))[0] == 200
    goodbye = mailbox.next()
    server.api("dev/clock", {"advance_s": 172_799 - 60})
    assert _get(_link(goodbye, "r")) == 200
    server.api("dev/clock", {"advance_s": 62})
    status, page = _post(_link(goodbye, "r"))
    assert status in (404, 410)
    assert "<html" in page
    assert server.stop() == 0, server.log()


def test_a_phone_is_subscribed_at_once_and_reads_the_display_name(sns: Any, server: Server, topic: str) -> None:
    arn = sns.subscribe(TopicArn=topic, Protocol="sms", Endpoint="+12025550155")["SubscriptionArn"]
    assert arn.startswith(topic)
    sns.publish(TopicArn=topic, Message="Ferry at 8")
    sns.publish(PhoneNumber="+12025550155", Message="directly")
    texts = _outbox(server, "+12025550155", 2)
    assert {text["text"] for text in texts} == {"Harbor news> Ferry at 8", "directly"}


def _outbox(server: Server, to: str, count: int) -> list[dict[str, Any]]:
    for _ in range(500):
        answer = server.api(f"dev/outbox?channel=sms&to={quote(to)}")
        entries: list[dict[str, Any]] = answer["items"]
        if len(entries) >= count:
            return entries
    raise AssertionError(f"{count} texts to {to} expected, got {entries}")


def test_a_queue_receives_json_and_raw(sns: Any, topic: str, queues: QueueService) -> None:
    plain, raw = queues.create("plain"), queues.create("raw")
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=plain)
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=raw, Attributes={"RawMessageDelivery": "true"})
    attributes = {"color": {"DataType": "String", "StringValue": "red"}}
    sent = sns.publish(TopicArn=topic, Message="to queues", MessageAttributes=attributes)
    envelope = json.loads(queues.receive(plain)[0]["Body"])
    assert (envelope["MessageId"], envelope["Message"]) == (sent["MessageId"], "to queues")
    assert envelope["MessageAttributes"] == {"color": {"Type": "String", "Value": "red"}}
    [got] = queues.receive(raw)
    assert got["Body"] == "to queues"
    assert got["MessageAttributes"]["color"]["StringValue"] == "red"


def test_only_a_signed_call_of_the_owner_cancels_a_queue(
    sns: Any, server: Server, topic: str, queues: QueueService
) -> None:
    arn = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queues.create("kept"))["SubscriptionArn"]
    with pytest.raises(HTTPError) as caught:
        urlopen(f"{server.url}/?Action=Unsubscribe&SubscriptionArn={arn}")
    with caught.value:
        assert caught.value.code == 403
        assert b"AuthorizationError" in caught.value.read()
    sns.unsubscribe(SubscriptionArn=arn)


def test_what_cannot_be_delivered_goes_to_the_dead_letter_queue_and_can_be_sent_again(
    sns: Any, server: Server, topic: str, queues: QueueService, receiver: Receiver
) -> None:
    dead = queues.create("dead")
    arn = sns.subscribe(
        TopicArn=topic,
        Protocol="http",
        Endpoint=f"{receiver.url}/gone",
        ReturnSubscriptionArn=True,
        Attributes={"RedrivePolicy": json.dumps({"deadLetterTargetArn": dead})},
    )["SubscriptionArn"]
    receiver.confirm()
    receiver.answer = lambda _: 403
    sns.publish(TopicArn=topic, Message="refused for good")
    assert json.loads(queues.receive(dead)[0]["Body"])["Message"] == "refused for good"
    letters = _dead_letters(server, arn)
    assert letters[0]["reason"].startswith("HTTP 403")
    receiver.answer = lambda _: 200
    server.api("dead-letters/send-again", {"ids": [letters[0]["id"]]})
    assert receiver.wait_for_type("Notification", 2).json["Message"] == "refused for good"


def _dead_letters(server: Server, subscription: str) -> list[dict[str, Any]]:
    for _ in range(500):
        answer = server.api(f"dead-letters?subscription={quote(subscription)}")
        found: list[dict[str, Any]] = answer["items"]
        if found:
            return found
    raise AssertionError("no dead letter was written")


def test_a_subscription_canceled_meanwhile_gets_nothing_again(
    sns: Any, server: Server, topic: str, receiver: Receiver
) -> None:
    arn = sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=receiver.url, ReturnSubscriptionArn=True)[
        "SubscriptionArn"
    ]
    receiver.confirm()
    receiver.answer = lambda _: 404
    sns.publish(TopicArn=topic, Message="m")
    letter = _dead_letters(server, arn)[0]
    sns.unsubscribe(SubscriptionArn=arn)
    server.api("dead-letters/send-again", {"ids": [letter["id"]]})
    other = sns.create_topic(Name="after-" + topic.rsplit(":", 1)[1][:100])["TopicArn"]
    sns.subscribe(TopicArn=other, Protocol="http", Endpoint=f"{receiver.url}/other")
    receiver.wait_for_type("SubscriptionConfirmation", path="/other")
    assert len(receiver.of_type("Notification")) == 1
