"""Opt-outs by text as an unmodified SNS client sees them: a real server, people who text STOP, and the outbox that shows what went out."""

from __future__ import annotations

import json
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any
from urllib.parse import quote
from urllib.request import Request, urlopen

import pytest
from botocore.exceptions import ClientError
from tests.support.patience import PATIENCE_S
from tests.support.server import KEY_ID, SECRET, Server

INBOUND = "+12025550100"
_numbers = count(200)


def api(server: Server, method: str, path: str, body: object = None) -> Any:
    """Tidings' own API, as the account's owner."""
    credential = b64encode(f"{KEY_ID}:{SECRET}".encode()).decode()
    headers = {"Authorization": f"Basic {credential}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    with urlopen(
        Request(f"{server.url}/api/v1/{path}", data=data, headers=headers, method=method), timeout=10
    ) as answer:
        raw = answer.read()
    return json.loads(raw) if raw else None


def text(server: Server, phone: str, words: str, to: str = INBOUND) -> dict[str, Any]:
    """Act as a person with a phone."""
    answer: dict[str, Any] = api(server, "POST", "dev/replies", {"from": phone, "to": to, "text": words})
    return answer


def received(server: Server, phone: str) -> list[str]:
    return [
        entry["text"] for entry in api(server, "GET", f"dev/outbox?channel=sms&limit=1000&to={quote(phone)}")["items"]
    ]


def listed(sns: Any) -> list[str]:
    """All pages of opted-out numbers."""
    answer = sns.list_phone_numbers_opted_out()
    found = list(answer["phoneNumbers"])
    while "nextToken" in answer:
        answer = sns.list_phone_numbers_opted_out(nextToken=answer["nextToken"])
        found += answer["phoneNumbers"]
    return found


def wait_until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not done():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.02)  # polling another process: there is no event to wait for


@pytest.fixture(scope="module", autouse=True)
def inbound(server: Server) -> None:
    api(server, "POST", "inbound-addresses", {"address": INBOUND, "kind": "10dlc"})


@pytest.fixture
def phone() -> str:
    """A number that no other test uses."""
    return f"+1202555{next(_numbers):04}"


@pytest.fixture
def topic(sns: Any, topic_name: str) -> Iterator[str]:
    arn = str(sns.create_topic(Name=topic_name)["TopicArn"])
    yield arn
    sns.delete_topic(TopicArn=arn)


def test_who_texts_stop_is_opted_out_and_gets_no_more_texts_until_opted_in(
    server: Server, sns: Any, topic: str, phone: str
) -> None:
    arn = sns.subscribe(TopicArn=topic, Protocol="sms", Endpoint=phone)["SubscriptionArn"]
    sns.publish(TopicArn=topic, Message="one")
    wait_until(lambda: received(server, phone) == ["one"])

    assert text(server, phone, "Stop!")["changed"]
    assert sns.check_if_phone_number_is_opted_out(phoneNumber=phone)["isOptedOut"] is True
    assert phone in listed(sns)
    before = len(received(server, phone))
    assert sns.publish(TopicArn=topic, Message="two")["MessageId"]
    assert sns.publish(PhoneNumber=phone, Message="three")["MessageId"]
    assert sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]["PendingConfirmation"] == "false"

    # Messages of a topic leave in turn: when a later one is out at another phone, the earlier ones are settled.
    witness = f"+1202555{next(_numbers):04}"
    sns.subscribe(TopicArn=topic, Protocol="sms", Endpoint=witness)
    sns.publish(TopicArn=topic, Message="four")
    wait_until(lambda: "four" in received(server, witness))
    assert not {"two", "three", "four"} & set(received(server, phone)[before:])

    sns.opt_in_phone_number(phoneNumber=phone)
    assert sns.check_if_phone_number_is_opted_out(phoneNumber=phone)["isOptedOut"] is False
    sns.publish(TopicArn=topic, Message="five")
    wait_until(lambda: received(server, phone)[-1] == "five")
    assert not {"two", "three", "four"} & set(received(server, phone))


def test_a_second_opt_in_within_thirty_days_is_refused(server: Server, sns: Any, phone: str) -> None:
    text(server, phone, "STOP")
    sns.opt_in_phone_number(phoneNumber=phone)
    text(server, phone, "STOP")
    with pytest.raises(sns.exceptions.InvalidParameterException, match="once every 30 days"):
        sns.opt_in_phone_number(phoneNumber=phone)
    assert sns.check_if_phone_number_is_opted_out(phoneNumber=phone)["isOptedOut"] is True
    text(server, phone, "START")
    assert sns.check_if_phone_number_is_opted_out(phoneNumber=phone)["isOptedOut"] is False


def test_the_cloud_s_pages_walk_the_whole_list(server: Server, sns: Any) -> None:
    phones = [f"+1202556{n:04}" for n in range(120)]
    for phone in phones:
        text(server, phone, "STOP")
    found = listed(sns)
    assert len(set(found)) == len(found)
    assert set(phones) <= set(found)


def test_a_rule_decides_which_of_the_clouds_two_types_is_blocked(server: Server, sns: Any, phone: str) -> None:
    address = "+12025550101"
    api(server, "POST", "inbound-addresses", {"address": address, "kind": "10dlc", "app_ids": []})
    api(server, "PUT", f"inbound-addresses/{quote(address)}/rules/topics", {"types": ["marketing"]})
    text(server, phone, "STOP", to=address)
    assert sns.check_if_phone_number_is_opted_out(phoneNumber=phone)["isOptedOut"] is True
    kind = {"DataType": "String", "StringValue": "Transactional"}
    sns.publish(PhoneNumber=phone, Message="an offer")
    sns.publish(PhoneNumber=phone, Message="your bill", MessageAttributes={"AWS.SNS.SMS.SMSType": kind})
    wait_until(lambda: "your bill" in received(server, phone))
    assert "an offer" not in received(server, phone)


def test_a_text_comes_from_the_number_or_name_that_the_publisher_gives(server: Server, sns: Any, phone: str) -> None:
    name = {"AWS.SNS.SMS.SenderID": {"DataType": "String", "StringValue": "News"}}
    number = {"AWS.MM.SMS.OriginationNumber": {"DataType": "String", "StringValue": INBOUND}}
    for message, attributes in (("one", name), ("two", name | number)):
        sns.publish(PhoneNumber=phone, Message=message, MessageAttributes=attributes)
    wait_until(lambda: len(received(server, phone)) == 2)
    entries = api(server, "GET", f"dev/outbox?channel=sms&to={quote(phone)}")["items"]
    assert {entry["text"]: entry["from"] for entry in entries} == {"one": "News", "two": INBOUND}


def test_the_account_s_numbers_and_its_sender_are_told(server: Server, sns: Any) -> None:
    (first, *_) = sns.list_origination_numbers()["PhoneNumbers"]
    assert (first["PhoneNumber"], first["Iso2CountryCode"], first["NumberCapabilities"]) == (INBOUND, "US", ["SMS"])
    sns.set_sms_attributes(attributes={"DefaultSenderID": "News1"})
    assert sns.get_sms_attributes(attributes=["DefaultSenderID"])["attributes"] == {"DefaultSenderID": "News1"}
    sns.set_sms_attributes(attributes={"MonthlySpendLimit": "5"})
    sns.set_sms_attributes(attributes={"DefaultSenderID": ""})
    kept = sns.get_sms_attributes()["attributes"]
    assert (kept["MonthlySpendLimit"], "DefaultSenderID" in kept) == ("5", False)


def test_the_default_type_decides_what_a_rule_blocks(server: Server, sns: Any, phone: str) -> None:
    """A rule for the texts of topics that blocks marketing only: Transactional as the default goes round it, Promotional does not."""
    path = f"inbound-addresses/{quote(INBOUND)}/rules/topics"
    api(server, "PUT", path, {"types": ["marketing"]})
    api(server, "POST", "dev/replies", {"from": phone, "to": INBOUND, "text": "STOP"})
    marked = {"AWS.SNS.SMS.SMSType": {"DataType": "String", "StringValue": "Transactional"}}
    try:
        sns.publish(PhoneNumber=phone, Message="blocked")
        sns.publish(PhoneNumber=phone, Message="marked", MessageAttributes=marked)
        sns.set_sms_attributes(attributes={"DefaultSMSType": "Transactional"})
        sns.publish(PhoneNumber=phone, Message="by default")
        wait_until(lambda: {"marked", "by default"} <= set(received(server, phone)))
        assert "blocked" not in received(server, phone)
    finally:
        sns.set_sms_attributes(attributes={"DefaultSMSType": ""})
        api(server, "DELETE", path)


def test_there_is_no_sandbox(sns: Any, phone: str) -> None:
    assert sns.get_sms_sandbox_account_status()["IsInSandbox"] is False
    assert sns.list_sms_sandbox_phone_numbers()["PhoneNumbers"] == []
    with pytest.raises(sns.exceptions.UserErrorException):
        sns.create_sms_sandbox_phone_number(PhoneNumber=phone)
    with pytest.raises(sns.exceptions.ResourceNotFoundException):
        sns.verify_sms_sandbox_phone_number(PhoneNumber=phone, OneTimePassword="12345")
    with pytest.raises(sns.exceptions.ResourceNotFoundException):
        sns.delete_sms_sandbox_phone_number(PhoneNumber=phone)


def test_a_sandbox_number_that_opted_out_is_told_so(server: Server, sns: Any, phone: str) -> None:
    text(server, phone, "STOP")
    with pytest.raises(sns.exceptions.OptedOutException):
        sns.create_sms_sandbox_phone_number(PhoneNumber=phone)


def test_what_is_no_number_is_refused_as_the_model_says(sns: Any) -> None:
    for call in (sns.check_if_phone_number_is_opted_out, sns.opt_in_phone_number):
        with pytest.raises(sns.exceptions.InvalidParameterException, match="input incorrectly formatted"):
            call(phoneNumber="STOP")
    wrong = {"DataType": "String", "StringValue": "Personal"}
    with pytest.raises(ClientError, match="ParameterValueInvalid"):
        sns.publish(PhoneNumber="+12025550199", Message="m", MessageAttributes={"AWS.SNS.SMS.SMSType": wrong})
