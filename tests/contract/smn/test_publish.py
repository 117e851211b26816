"""PublishMessage by the vendor's SDK: what is taken, what is refused with which code, and what a subscriber of it hears."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from huaweicloudsdksmn.v2 import MessageAttribute, PublishMessageRequestBody, SmnClient
from tests.support.receiver import Receiver
from tests.support.server import Server
from tests.support.smn import PROJECT, Http, ask, refused, smn_client, urn_path

KB = 1024
SMN = {"message": "hello"}


def publish(smn: SmnClient, topic_urn: str, **members: Any) -> dict[str, Any]:
    return ask(smn, "PublishMessage", topic_urn=topic_urn, body=members)


@pytest.fixture
def template(smn: SmnClient) -> Iterator[str]:
    name = f"t-{uuid.uuid4().hex}"
    made = [
        ask(smn, "CreateMessageTemplate", body={"message_template_name": name, "protocol": protocol, "content": text})
        for protocol, text in (("default", "Hello {name}"), ("http", "Hook {name} {other}"))
    ]
    yield name
    for one in made:
        ask(smn, "DeleteMessageTemplate", message_template_id=one["message_template_id"])


@pytest.fixture
def hook(sns: Any, receiver: Receiver, topic_urn: str) -> Receiver:
    """A confirmed web hook of the topic, made by the other cloud's SDK: one topic, whoever publishes."""
    arn = topic_urn.replace("urn:smn", "arn:aws:sns").replace(PROJECT, "000000000000")
    sns.subscribe(TopicArn=arn, Protocol="http", Endpoint=f"{receiver.url}/hook")
    receiver.confirm()
    return receiver


def received(hook: Receiver) -> dict[str, Any]:
    return hook.wait_for_type("Notification").json


def test_a_published_text_is_answered_with_its_id(smn: SmnClient, topic_urn: str) -> None:
    answer = ask(
        smn,
        "PublishMessage",
        topic_urn=topic_urn,
        body=PublishMessageRequestBody(subject="News", message="hello", time_to_live="60", locale="zh-cn"),
    )
    assert re.fullmatch(r"[0-9a-f]{32}", answer["message_id"])
    assert re.fullmatch(r"[0-9a-f]{32}", answer["request_id"])
    assert publish(smn, topic_urn, message="hello")["message_id"] != answer["message_id"]


def test_a_published_text_reaches_the_other_clouds_subscriber(smn: SmnClient, topic_urn: str, hook: Receiver) -> None:
    attributes = [
        MessageAttribute("week", "STRING", "sunday"),
        MessageAttribute("time", "STRING_ARRAY", ["morning", "noon"]),
        MessageAttribute("smn_protocol", "PROTOCOL", ["http"]),
    ]
    body = PublishMessageRequestBody(subject="News", message="hello", message_attributes=attributes)
    message_id = ask(smn, "PublishMessage", topic_urn=topic_urn, body=body)["message_id"]
    told = received(hook)
    assert told["MessageId"].replace("-", "") == message_id
    assert (told["Subject"], told["Message"]) == ("News", "hello")
    assert told["MessageAttributes"] == {
        "week": {"Type": "String", "Value": "sunday"},
        "time": {"Type": "String.Array", "Value": '["morning","noon"]'},
    }


def test_only_the_protocols_named_receive_a_message(smn: SmnClient, topic_urn: str, hook: Receiver) -> None:
    only_mail = [{"name": "smn_protocol", "type": "PROTOCOL", "value": ["email"]}]
    publish(smn, topic_urn, message="not for you", message_attributes=only_mail)
    publish(smn, topic_urn, message="for all")
    assert received(hook)["Message"] == "for all"


def test_a_structure_wins_over_a_template_and_that_over_a_text(
    smn: SmnClient, topic_urn: str, hook: Receiver, template: str
) -> None:
    structure = json.dumps({"default": "default text", "http": "hook text"})
    publish(
        smn, topic_urn, message="plain", message_structure=structure, message_template_name="unknown", tags={"a": "b"}
    )
    assert received(hook)["Message"] == "hook text"


def test_a_template_wins_over_a_text_and_is_filled_by_protocol(
    smn: SmnClient, topic_urn: str, hook: Receiver, template: str
) -> None:
    publish(smn, topic_urn, message="plain", message_template_name=template, tags={"name": "{other}"})
    assert received(hook)["Message"] == "Hook {other} {other}"


def test_a_structure_without_a_text_of_the_protocol_gives_the_default(
    smn: SmnClient, topic_urn: str, hook: Receiver
) -> None:
    publish(smn, topic_urn, message_structure=json.dumps({"default": "for everybody", "sms": "short"}))
    assert received(hook)["Message"] == "for everybody"


@pytest.mark.parametrize(
    "members",
    [
        {"message": "x" * (256 * KB)},
        {"message": "hello", "subject": "é" * 256},
        {"message": "hello", "subject": "two\r\nBcc: lines@example.com"},
        {"message": "hello", "time_to_live": 604800},
        {"message": "hello", "message_structure": None, "message_template_name": None, "tags": None},
        {"message": "hello", "message_structure": "", "message_template_name": "", "tags": {}, "locale": ""},
        {"message": "hello", "message_attributes": [{"name": "a", "type": "STRING", "value": ["b"]}]},
        {"message_structure": json.dumps({"default": "d", "feishu": {"msgType": "markdown", "content": "**x**"}})},
    ],
)
def test_what_is_within_the_limits_is_taken(smn: SmnClient, topic_urn: str, members: dict[str, Any]) -> None:
    assert re.fullmatch(r"[0-9a-f]{32}", publish(smn, topic_urn, **members)["message_id"])


@pytest.mark.parametrize(
    ("members", "status", "code"),
    [
        ({}, 403, "SMN.0009"),
        ({"subject": "only"}, 403, "SMN.0009"),
        ({"message": ""}, 403, "SMN.0009"),
        ({"message": 5}, 403, "SMN.0009"),
        ({"message": {"a": "b"}}, 403, "SMN.0009"),
        ({"message": "a\x00b"}, 403, "SMN.0009"),
        ({"message": "x" * (256 * KB + 1)}, 403, "SMN.0009"),
        (SMN | {"subject": "x" * 513}, 403, "SMN.0008"),
        (SMN | {"subject": 5}, 403, "SMN.0008"),
        (SMN | {"message_structure": "no json"}, 400, "SMN.0021"),
        (SMN | {"message_structure": '{"email": "no default"}'}, 400, "SMN.0021"),
        (SMN | {"message_structure": {"default": "an object"}}, 400, "SMN.0021"),
        (SMN | {"message_structure": '{"default": "d", "sms": 5}'}, 400, "SMN.0021"),
        (SMN | {"message_structure": '{"default": "d", "feishu": {"msgType": "image"}}'}, 400, "SMN.0021"),
        (SMN | {"message_template_name": "unknown"}, 404, "SMN.0027"),
        (SMN | {"message_template_name": "no name at all \u2028"}, 404, "SMN.0027"),
        (SMN | {"message_template_name": 5}, 400, "SMN.0032"),
        (SMN | {"message_template_name": "t", "tags": {"a": 5}}, 400, "SMN.0038"),
        (SMN | {"message_template_name": "t", "tags": {f"v{n}": "x" for n in range(91)}}, 403, "SMN.0075"),
        (SMN | {"time_to_live": "0"}, 403, "SMN.0009"),
        (SMN | {"time_to_live": "604801"}, 403, "SMN.0009"),
        (SMN | {"locale": 5}, 403, "SMN.0009"),
        (SMN | {"message_attributes": [{"name": "A", "type": "STRING", "value": "x"}]}, 400, "SMN.0046"),
        (SMN | {"message_attributes": [{"name": "a", "type": "NUMBER", "value": "1"}]}, 400, "SMN.0108"),
        (SMN | {"message_attributes": [{"name": "a", "type": "STRING", "value": "x y"}]}, 403, "SMN.0009"),
        (
            SMN | {"message_attributes": [{"name": "smn_protocol", "type": "PROTOCOL", "value": ["pigeon"]}]},
            400,
            "SMN.0011",
        ),
    ],
)
def test_what_is_out_of_the_limits_is_refused(
    smn: SmnClient, topic_urn: str, members: dict[str, Any], status: int, code: str
) -> None:
    with refused(status, code):
        publish(smn, topic_urn, **members)


def test_a_template_without_its_default_cannot_be_published(smn: SmnClient, topic_urn: str) -> None:
    name = f"t-{uuid.uuid4().hex}"
    body = {"message_template_name": name, "protocol": "sms", "content": "x"}
    made = ask(smn, "CreateMessageTemplate", body=body)["message_template_id"]
    with refused(404, "SMN.0076"):
        publish(smn, topic_urn, message_template_name=name, tags={})
    ask(smn, "DeleteMessageTemplate", message_template_id=made)


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{", b"\xff\xfe", b'{"message":"\\ud800"}', b'{"a":' * 5000])
def test_a_body_that_is_no_message_is_refused(http: Http, topic_urn: str, body: bytes) -> None:
    reply = http.topics("POST", f"/{urn_path(topic_urn)}/publish", body)
    assert (reply.status, reply.code) in {(400, "SMN.0019"), (403, "SMN.0009")}


def test_a_topic_that_is_not_there_or_no_topics_name_is_refused(smn: SmnClient, topic_urn: str) -> None:
    with refused(404, "SMN.0006"):
        publish(smn, f"{topic_urn}x", message="hello")
    with refused(400, "SMN.0005"):
        publish(smn, "urn:smn:nothing", message="hello")


def test_who_may_publish_and_who_may_not(server: Server, bob: SmnClient, topic_urn: str) -> None:
    pam = smn_client(server, "pamskey", "pams-secret")
    assert publish(pam, topic_urn, message="hello")["message_id"]
    for client in (smn_client(server, "eveskey", "eves-secret"), bob):
        with refused(403, "SMN.00308"):
            publish(client, topic_urn, message="hello")
        with refused(403, "SMN.00308"):  # and is told nothing about what he sent
            publish(client, topic_urn, message="")


def test_a_text_message_without_a_topic_is_not_offered(http: Http) -> None:
    reply = http("POST", f"/v2/{PROJECT}/notifications/sms", {"endpoint": "+8613800000000", "message": "hello"})
    assert (reply.status, reply.code) == (501, "SMN.0018")
    assert "not offered" in reply.body["message"]
