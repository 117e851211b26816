"""What SMN's subscribers receive from a running server: web hooks, mail over SMTP, texts in the outbox; and when it fails."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlencode, urljoin
from urllib.request import Request, urlopen

import pytest
from huaweicloudsdksmn.v2 import SmnClient
from tests.support.patience import PATIENCE_S
from tests.support.receiver import Received, Receiver
from tests.support.server import Server
from tests.support.smn import ask, smn_client
from tests.support.smtp import Mail, Mailbox

PHONES = iter(f"+1202555{n:04d}" for n in range(100, 200))


@pytest.fixture(scope="module")
def mailbox() -> Iterator[Mailbox]:
    with Mailbox() as mailbox:
        yield mailbox


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, mailbox: Mailbox) -> Iterator[Server]:
    """One whose retries follow quickly and whose mail goes to a real SMTP server."""
    environment = {
        "TIDINGS_SMN_RETRY_BASE_S": "0.05",
        "TIDINGS_SMTP_URL": mailbox.url,
        "TIDINGS_MAIL_FROM": "Tidings <no-reply@tidings.example>",
    }
    server = Server(tmp_path_factory.mktemp("smn-delivery"), environment=environment).start()
    yield server
    assert server.stop() == 0, server.log()


def add(smn: SmnClient, topic_urn: str, protocol: str, endpoint: str, **more: Any) -> str:
    body = {"protocol": protocol, "endpoint": endpoint, **more}
    urn: str = ask(smn, "AddSubscription", topic_urn=topic_urn, body=body)["subscription_urn"]
    return urn


def hook(smn: SmnClient, topic_urn: str, receiver: Receiver, path: str = "/hook", **more: Any) -> str:
    """A web hook that has confirmed."""
    urn = add(smn, topic_urn, "http", receiver.url + path, **more)
    receiver.confirm(path)
    return urn


def publish(smn: SmnClient, topic_urn: str, **body: Any) -> str:
    message_id: str = ask(smn, "PublishMessage", topic_urn=topic_urn, body=body)["message_id"]
    return message_id


def get(url: str) -> int:
    with urlopen(url) as answer:
        return int(answer.status)


def post(url: str, body: str = "") -> tuple[int, str]:
    request = Request(url, data=body.encode(), headers={"Content-Type": "application/x-www-form-urlencoded"})
    try:
        with urlopen(request) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()


def until(found: Callable[[], Any]) -> Any:
    """What `found` gives once it gives something: it asks the server, which has no event for it."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        got = found()
        if got:
            return got
        time.sleep(0.02)
    raise AssertionError("it never came")


def dead_letter(server: Server, subscription_urn: str) -> dict[str, Any]:
    path = f"dead-letters?subscription={quote(subscription_urn)}"
    letter: dict[str, Any] = until(lambda: server.api(path)["items"])[0]
    return letter


def outbox(server: Server, to: str, count: int = 1) -> list[dict[str, Any]]:
    def found() -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = server.api(f"dev/outbox?channel=sms&to={quote(to)}")["items"]
        return items if len(items) >= count else []

    entries: list[dict[str, Any]] = until(found)
    return entries


def link(mail: Mail, kind: str) -> str:
    found = re.search(rf"http://\S+/s/{kind}/[\w-]+", mail.text())
    assert found is not None, mail.text()
    return found[0]


# --- web hooks ---------------------------------------------------------------------------------------------------------


def test_a_web_hook_confirms_reads_cancels_and_comes_back(smn: SmnClient, topic_urn: str, receiver: Receiver) -> None:
    urn = add(smn, topic_urn, "http", f"{receiver.url}/life")
    asked = receiver.confirm("/life")
    assert {name: asked.headers[name] for name in asked.headers if name.startswith("x-smn-")} == {
        "x-smn-message-type": "SubscriptionConfirmation",
        "x-smn-message-id": asked.json["message_id"],
        "x-smn-topic-urn": topic_urn,
        "x-smn-subscription-urn": urn,
    }
    assert asked.headers["content-type"] == "application/json; charset=UTF-8"
    message_id = publish(smn, topic_urn, subject="High water", message='{"pier": 2}')
    got = receiver.wait_for_type("Notification")
    assert got.headers["x-smn-message-id"] == got.json["message_id"] == message_id
    assert re.fullmatch("[0-9a-f]{32}", message_id)
    assert (got.json["subject"], got.json["message"]) == ("High water", '{"pier": 2}')
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", got.json["timestamp"])
    assert get(got.json["unsubscribe_url"]) == 200
    bye = receiver.wait_for_type("UnsubscribeConfirmation")
    assert bye.headers["x-smn-subscription-urn"] == urn
    publish(smn, topic_urn, message="not for a canceled one")
    assert get(bye.json["subscribe_url"]) == 200
    publish(smn, topic_urn, message="welcome back")
    assert receiver.wait_for_type("Notification", 2).json["message"] == "welcome back"


def test_a_server_error_is_tried_six_more_times_with_the_same_id(
    smn: SmnClient, server: Server, topic_urn: str, receiver: Receiver
) -> None:
    urn = hook(smn, topic_urn, receiver)
    receiver.answer = lambda _: 500
    message_id = publish(smn, topic_urn, message="again")
    letter = dead_letter(server, urn)
    assert (letter["attempts"], letter["reason"]) == (7, "HTTP 500")
    tries = receiver.of_type("Notification")
    assert len(tries) == 7
    assert {got.headers["x-smn-message-id"] for got in tries} == {message_id}
    assert len({got.body for got in tries}) == 1


def test_a_receiver_that_recovers_gets_the_message_once_more(
    smn: SmnClient, topic_urn: str, receiver: Receiver
) -> None:
    hook(smn, topic_urn, receiver)
    answers = iter([503, 500])
    receiver.answer = lambda _: next(answers, 200)
    publish(smn, topic_urn, message="first")
    receiver.wait_for_type("Notification", 3)
    publish(smn, topic_urn, message="second")
    assert receiver.wait_for_type("Notification", 4).json["message"] == "second"


@pytest.mark.parametrize("status", [302, 400, 404, 408, 425, 429])
def test_every_other_answer_is_final(
    smn: SmnClient, server: Server, topic_urn: str, receiver: Receiver, status: int
) -> None:
    urn = hook(smn, topic_urn, receiver)
    receiver.answer = lambda _: status
    publish(smn, topic_urn, message="once")
    letter = dead_letter(server, urn)
    assert letter["attempts"] == 1
    assert letter["reason"].startswith(f"HTTP {status}")
    assert len(receiver.of_type("Notification")) == 1


def test_no_answer_within_five_seconds_is_a_failure_and_tried_again(
    smn: SmnClient, topic_urn: str, receiver: Receiver
) -> None:
    hook(smn, topic_urn, receiver)
    release, tries = threading.Event(), []

    def slow_once(got: Received) -> int:
        tries.append(got)
        if len(tries) == 1:
            release.wait(20)
        return 200

    receiver.answer = slow_once
    message_id = publish(smn, topic_urn, message="slow")
    try:
        # A POST is written down once it was answered: what is written down first is the second.
        receiver.wait_for_type("Notification", timeout_s=15)
    finally:
        release.set()
    receiver.wait_for_type("Notification", 2)
    assert [got.json["message_id"] for got in tries] == [message_id] * 2


def test_after_its_time_to_live_a_message_is_tried_no_more(
    smn: SmnClient, server: Server, topic_urn: str, receiver: Receiver
) -> None:
    urn = hook(smn, topic_urn, receiver)
    receiver.answer = lambda _: 500
    publish(smn, topic_urn, message="short-lived", time_to_live="1")
    letter = dead_letter(server, urn)
    assert letter["reason"] == "the time to live is over"
    assert 2 <= letter["attempts"] <= 6


def test_own_headers_are_on_every_message_of_a_confirmed_subscription(
    smn: SmnClient, topic_urn: str, receiver: Receiver
) -> None:
    urn = hook(smn, topic_urn, receiver, extension={"header": {"x-team": "harbor 7", "Tier": "gold"}})
    asked = receiver.of_type("SubscriptionConfirmation")[0]
    assert "x-team" not in asked.headers
    for n in (1, 2):
        publish(smn, topic_urn, message="m")
        got = receiver.wait_for_type("Notification", n)
        assert (got.headers["x-team"], got.headers["tier"]) == ("harbor 7", "gold")
        assert got.headers["x-smn-subscription-urn"] == urn


# --- who receives what -------------------------------------------------------------------------------------------------


def test_each_protocol_gets_its_own_text(
    smn: SmnClient, server: Server, topic_urn: str, receiver: Receiver, mailbox: Mailbox
) -> None:
    hook(smn, topic_urn, receiver)
    phone, _ = _add_phone(smn, server, topic_urn)
    _confirmed_mail(smn, topic_urn, mailbox, "structure@example.org")
    structure = {"default": "for all", "sms": "for phones", "email": "for mail"}
    publish(smn, topic_urn, message="ignored", message_structure=json.dumps(structure))
    assert receiver.wait_for_type("Notification").json["message"] == "for all"
    assert outbox(server, phone, 2)[-1]["text"] == "for phones"
    assert "for mail" in mailbox.next().text()


def test_protocols_named_by_the_publisher_alone_receive(
    smn: SmnClient, server: Server, topic_urn: str, receiver: Receiver
) -> None:
    hook(smn, topic_urn, receiver)
    phone, _ = _add_phone(smn, server, topic_urn)
    only = [{"name": "smn_protocol", "type": "PROTOCOL", "value": ["sms"]}]
    publish(smn, topic_urn, message="texts only", message_attributes=only)
    assert outbox(server, phone, 2)[-1]["text"] == "texts only"
    publish(smn, topic_urn, message="everybody")
    receiver.wait_for_type("Notification")
    outbox(server, phone, 3)
    assert [got.json["message"] for got in receiver.of_type("Notification")] == ["everybody"]


def test_a_filter_policy_keeps_out_what_it_does_not_list(smn: SmnClient, topic_urn: str, receiver: Receiver) -> None:
    urn = hook(smn, topic_urn, receiver)
    policy = {"name": "week", "string_equals": ["sunday", "wednesday"]}
    polices = [{"subscription_urn": urn, "filter_polices": [policy]}]
    ask(smn, "BatchCreateSubscriptionsFilterPolices", body={"polices": polices})
    for day in ("friday", "sunday"):
        attributes = [{"name": "week", "type": "STRING", "value": day}]
        publish(smn, topic_urn, message=day, message_attributes=attributes)
    several = [{"name": "week", "type": "STRING_ARRAY", "value": ["monday", "wednesday"]}]
    publish(smn, topic_urn, message="several", message_attributes=several)
    publish(smn, topic_urn, message="plain")
    receiver.wait_for_type("Notification", 3)
    assert {got.json["message"] for got in receiver.of_type("Notification")} == {"sunday", "several", "plain"}


# --- mail --------------------------------------------------------------------------------------------------------------


def _confirmed_mail(smn: SmnClient, topic_urn: str, mailbox: Mailbox, address: str) -> Mail:
    add(smn, topic_urn, "email", address)
    asked = mailbox.next()
    assert post(link(asked, "y"))[0] == 200
    return asked


def test_a_mailbox_confirms_reads_cancels_with_one_click_and_comes_back(
    smn: SmnClient, topic_urn: str, mailbox: Mailbox
) -> None:
    ask(smn, "UpdateTopic", topic_urn=topic_urn, body={"display_name": "Harbor \u6f6e"})
    introduction = {"value": "Tides and ferries."}
    ask(smn, "UpdateTopicAttribute", topic_urn=topic_urn, name="introduction", body=introduction)
    asked = _confirmed_mail(smn, topic_urn, mailbox, "ann@example.org")
    assert "Tides and ferries." in asked.text()
    assert "Tides and ferries." in asked.html()
    publish(smn, topic_urn, subject="High water", message="The ferry leaves from pier 2.")
    mail = mailbox.next()
    assert mail.message["Subject"] == "High water"
    assert "Harbor \u6f6e" in mail.message["From"]
    assert "no-reply@tidings.example" in mail.message["From"]
    assert "The ferry leaves from pier 2." in mail.html()
    assert get(link(mail, "c")) == 200  # looking changes nothing
    target = str(mail.message["List-Unsubscribe"]).strip("<>")
    assert post(target, "List-Unsubscribe=One-Click")[0] == 200
    bye = mailbox.next()
    assert "Tides" not in bye.text()
    publish(smn, topic_urn, message="not for Ann")
    assert post(link(bye, "r"))[0] == 200
    publish(smn, topic_urn, message="welcome back")
    assert "welcome back" in mailbox.next().text()


def test_a_mail_speaks_the_publishers_language(smn: SmnClient, topic_urn: str, mailbox: Mailbox) -> None:
    _confirmed_mail(smn, topic_urn, mailbox, "wei@example.org")
    publish(smn, topic_urn, message="m", locale="zh-cn")
    mail = mailbox.next()
    assert mail.message["Content-Language"] == "zh-CN"
    assert "\u53d6\u6d88\u8ba2\u9605" in mail.text()
    assert "\u6d88\u606f" in mail.message["Subject"]


# --- phones ------------------------------------------------------------------------------------------------------------


def _code(entry: dict[str, Any]) -> str:
    found = re.search(r"\b\d{6}\b", entry["text"])
    assert found is not None, entry
    return found[0]


def _add_phone(smn: SmnClient, server: Server, topic_urn: str) -> tuple[str, str]:
    """(number, URN) of a phone that has confirmed with its code."""
    phone = next(PHONES)
    urn = add(smn, topic_urn, "sms", phone, extension={"verification_code_enabled": True})
    asked = outbox(server, phone)[0]
    assert not asked["links"]
    body = {"verification_code": _code(asked)}
    ask(smn, "UpdateSubscription", topic_urn=topic_urn, subscription_urn=urn, body=body)
    return phone, urn


def _press_first_button(url: str) -> str:
    """What a person does on a page: the page that follows."""
    with urlopen(url) as answer:
        page = answer.read().decode()
    form = re.search(r'<form method="post" action="([^"]*)">(.*?)</form>', page, re.DOTALL)
    assert form is not None, page
    fields = dict(re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', form[2]))
    status, next_page = post(urljoin(url, form[1]), urlencode(fields))
    assert status == 200
    return next_page


def test_a_phone_is_asked_by_a_link_and_then_gets_the_text_alone(
    smn: SmnClient, server: Server, topic_urn: str
) -> None:
    phone = next(PHONES)
    add(smn, topic_urn, "sms", phone)
    [page] = outbox(server, phone)[0]["links"]
    assert "/s/p/" in page
    _press_first_button(page)
    publish(smn, topic_urn, subject="no subject on phones", message="Ferry at 8")
    assert outbox(server, phone, 2)[-1]["text"] == "Ferry at 8"
    _press_first_button(page)  # the same link cancels
    publish(smn, topic_urn, message="not for a canceled phone")
    _press_first_button(page)  # and brings back
    publish(smn, topic_urn, message="welcome back")
    assert [entry["text"] for entry in outbox(server, phone, 3)[1:]] == ["Ferry at 8", "welcome back"]


def test_a_phone_that_wants_a_code_confirms_with_it(smn: SmnClient, server: Server, topic_urn: str) -> None:
    phone, _ = _add_phone(smn, server, topic_urn)
    publish(smn, topic_urn, message="confirmed")
    assert outbox(server, phone, 2)[-1]["text"] == "confirmed"


def test_a_text_of_more_than_a_thousand_characters_is_not_sent(smn: SmnClient, server: Server, topic_urn: str) -> None:
    phone, urn = _add_phone(smn, server, topic_urn)
    publish(smn, topic_urn, message="x" * 1001)
    assert "1000" in dead_letter(server, urn)["reason"]
    publish(smn, topic_urn, message="y" * 1000)
    assert len(outbox(server, phone, 2)[-1]["text"]) == 1000


# --- across dialects ---------------------------------------------------------------------------------------------------


def test_what_sns_publishes_reaches_smns_subscribers_and_the_other_way_round(
    smn: SmnClient, sns: Any, topic_urn: str, receiver: Receiver
) -> None:
    name = topic_urn.rpartition(":")[2]
    arn = sns.create_topic(Name=name)["TopicArn"]
    hook(smn, topic_urn, receiver, "/smn")
    sns.subscribe(TopicArn=arn, Protocol="http", Endpoint=f"{receiver.url}/sns")
    receiver.confirm("/sns")
    structure = json.dumps({"default": "from SNS", "http": "from SNS to hooks"})
    attributes = {"n": {"DataType": "Number", "StringValue": "7"}}
    sent = sns.publish(
        TopicArn=arn, Message=structure, MessageStructure="json", Subject="S", MessageAttributes=attributes
    )
    got = receiver.wait_for_type("Notification", path="/smn").json
    assert (got["message"], got["subject"]) == ("from SNS to hooks", "S")
    assert got["message_id"] == sent["MessageId"].replace("-", "")
    given = [
        {"name": "week", "type": "STRING", "value": "sunday"},
        {"name": "days", "type": "STRING_ARRAY", "value": ["monday", "friday"]},
    ]
    message_id = publish(smn, topic_urn, message="from SMN", message_attributes=given)
    shown = receiver.wait_for_type("Notification", 2, "/sns").json
    assert (shown["Message"], shown["MessageId"]) == ("from SMN", message_id)
    assert "Subject" not in shown
    assert shown["MessageAttributes"] == {
        "week": {"Type": "String", "Value": "sunday"},
        "days": {"Type": "String.Array", "Value": '["monday","friday"]'},
    }
    assert receiver.wait_for_type("Notification", 2, "/smn").json["message"] == "from SMN"


def test_a_message_survives_a_restart_of_the_server(data: Path, receiver: Receiver) -> None:
    """What waits for its next attempt is made anew from the store, URN and signature included."""
    server = Server(data, environment={"TIDINGS_SMN_RETRY_BASE_S": "3"}).start()
    smn = smn_client(server)
    topic_urn: str = ask(smn, "CreateTopic", body={"name": "restart"})["topic_urn"]
    hook(smn, topic_urn, receiver)
    receiver.answer = lambda _: 500
    publish(smn, topic_urn, message="kept")
    first = receiver.wait_for_type("Notification")
    assert server.stop() == 0, server.log()
    receiver.answer = lambda _: 200
    again = Server(data, port=server.port, environment=server.environment).start()
    try:
        assert receiver.wait_for_type("Notification", 2).body == first.body
    finally:
        assert again.stop() == 0, again.log()
