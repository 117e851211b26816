"""Adding, changing and deleting one subscription with Huawei's SDK: what is taken, what is refused, and with which code."""

from __future__ import annotations

import json
import re
import sqlite3
import time
from typing import Any

import pytest
from huaweicloudsdksmn.v2 import SmnClient
from tests.support.patience import PATIENCE_S
from tests.support.receiver import Receiver
from tests.support.server import Server
from tests.support.smn import PROJECT, REGION, Http, ask, refused, smn_client, urn_path

URN = re.compile(rf"urn:smn:{REGION}:{PROJECT}:[A-Za-z0-9_-]+:[0-9a-f]{{32}}")
MAIL = {"protocol": "email", "endpoint": "anna@example.org"}
NOBODY = "0" * 32


def add(smn: SmnClient, topic_urn: str, **body: Any) -> dict[str, Any]:
    return ask(smn, "AddSubscription", topic_urn=topic_urn, body=body)


def items(smn: SmnClient, topic_urn: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ask(smn, "ListSubscriptionsByTopic", topic_urn=topic_urn)["subscriptions"]
    return found


def path_of(topic_urn: str, rest: str = "") -> str:
    return f"/v2/{PROJECT}/notifications/topics/{urn_path(topic_urn)}/subscriptions{rest}"


def texts_to(server: Server, number: str, count: int) -> list[str]:
    """What the phone got. Polls the outbox of another process: there is no event to wait for."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        items = server.api("dev/outbox?channel=sms&limit=1000")["items"]
        found = [item["text"] for item in items if number in json.dumps(item)]
        if len(found) >= count:
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.02)


# --- adding -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("protocol", "endpoint"),
    [
        ("email", "anna@example.org"),
        ("sms", "+12025550123"),
        ("sms", "13800138000"),
        ("http", "http://receiver.example/hook?a=1"),
        ("https", "https://receiver.example/hook"),
    ],
)
def test_an_endpoint_is_added_unconfirmed_and_listed_as_it_was_written(
    smn: SmnClient, http: Http, topic_urn: str, protocol: str, endpoint: str
) -> None:
    reply = http(
        "POST", path_of(topic_urn), {"protocol": protocol, "endpoint": endpoint, "remark": "first", "extension": None}
    )
    assert reply.status == 201
    assert re.fullmatch(URN, reply.body["subscription_urn"])
    assert reply.headers["x-request-id"] == reply.body["request_id"]
    (item,) = items(smn, topic_urn)
    assert item == {
        "topic_urn": topic_urn,
        "protocol": protocol,
        "subscription_urn": reply.body["subscription_urn"],
        "owner": PROJECT,
        "endpoint": endpoint,
        "remark": "first",
        "status": 0,
        "filter_polices": [],
        "extension": {"verification_code_enabled": False},
    }


def test_adding_again_gives_the_same_urn_with_200_and_keeps_the_first_remark(
    smn: SmnClient, http: Http, topic_urn: str
) -> None:
    first = add(smn, topic_urn, **MAIL, remark="first")["subscription_urn"]
    for again in (MAIL, {**MAIL, "remark": "second"}, {**MAIL, "endpoint": "anna@EXAMPLE.org"}):
        reply = http("POST", path_of(topic_urn), again)
        assert (reply.status, reply.body["subscription_urn"]) == (200, first)
    (item,) = items(smn, topic_urn)
    assert (item["remark"], item["endpoint"]) == ("first", "anna@example.org")


def test_a_number_of_mainland_china_is_the_same_with_and_without_its_country(
    smn: SmnClient, http: Http, topic_urn: str
) -> None:
    first = add(smn, topic_urn, protocol="sms", endpoint="13800138000")["subscription_urn"]
    reply = http("POST", path_of(topic_urn), {"protocol": "sms", "endpoint": "+8613800138000"})
    assert (reply.status, reply.body["subscription_urn"]) == (200, first)
    assert [item["endpoint"] for item in items(smn, topic_urn)] == ["13800138000"]


def test_adding_an_unconfirmed_web_hook_again_asks_it_again(smn: SmnClient, topic_urn: str, receiver: Receiver) -> None:
    for count in (1, 2):
        add(smn, topic_urn, protocol="http", endpoint=receiver.url)
        receiver.wait_for_type("SubscriptionConfirmation", count)


def test_a_canceled_web_hook_that_is_added_again_keeps_urn_and_remark_and_must_confirm(
    smn: SmnClient, http: Http, topic_urn: str, receiver: Receiver
) -> None:
    body = {"protocol": "http", "endpoint": receiver.url, "remark": "first"}
    urn = add(smn, topic_urn, **body)["subscription_urn"]
    receiver.confirm()
    ask(smn, "UnsubscribeTopic", subscription_urn=urn)
    assert items(smn, topic_urn)[0]["status"] == 3
    reply = http("POST", path_of(topic_urn), {**body, "remark": "second"})
    assert (reply.status, reply.body["subscription_urn"]) == (200, urn)
    (item,) = items(smn, topic_urn)
    assert (item["status"], item["remark"]) == (0, "first")
    receiver.confirm(count=2)
    assert items(smn, topic_urn)[0]["status"] == 1


BAD = [
    ({}, 400, "SMN.0011"),
    ({"protocol": "email"}, 400, "SMN.0012"),
    ({"protocol": "email", "endpoint": ""}, 400, "SMN.0012"),
    ({"protocol": "email", "endpoint": 7}, 400, "SMN.0012"),
    ({"protocol": "email", "endpoint": "anna"}, 400, "SMN.0012"),
    ({"protocol": "email", "endpoint": "a" * 65 + "@example.org"}, 400, "SMN.0012"),
    ({"protocol": "email", "endpoint": "a@example.org\r\nBcc: b@example.org"}, 400, "SMN.0012"),
    ({"protocol": "Email", "endpoint": "anna@example.org"}, 400, "SMN.0011"),
    ({"protocol": ["email"], "endpoint": "anna@example.org"}, 400, "SMN.0011"),
    ({"protocol": "fax", "endpoint": "+12025550123"}, 400, "SMN.0011"),
    ({"protocol": "functionstage", "endpoint": "urn:fss:f"}, 400, "SMN.0011"),
    ({"protocol": "functiongraph", "endpoint": "urn:fss:f"}, 400, "SMN.0011"),
    ({"protocol": "callnotify", "endpoint": "+12025550123"}, 400, "SMN.0011"),
    ({"protocol": "dingTalkBot", "endpoint": "user"}, 400, "SMN.0011"),
    ({"protocol": "sqs", "endpoint": "arn:aws:sqs:us-east-1:000000000000:q"}, 400, "SMN.0011"),
    ({"protocol": "sms", "endpoint": "12025550123"}, 400, "SMN.0012"),
    ({"protocol": "sms", "endpoint": "+1"}, 400, "SMN.0012"),
    ({"protocol": "sms", "endpoint": "+12025550123x"}, 400, "SMN.0012"),
    ({"protocol": "http", "endpoint": "https://receiver.example/"}, 400, "SMN.0012"),
    ({"protocol": "https", "endpoint": "http://receiver.example/"}, 400, "SMN.0012"),
    ({"protocol": "http", "endpoint": "http://receiver.example/" + "x" * 2048}, 400, "SMN.0012"),
    ({"protocol": "http", "endpoint": "http:///nowhere"}, 400, "SMN.0012"),
    ({"protocol": "http", "endpoint": "http://10.0.0.1/"}, 403, "SMN.0069"),
    ({"protocol": "http", "endpoint": "http://169.254.169.254/latest"}, 403, "SMN.0069"),
    ({"protocol": "https", "endpoint": "https://[fd00::1]/"}, 403, "SMN.0069"),
    ({"protocol": "http", "endpoint": "http://0xa000001/"}, 403, "SMN.0069"),
    ({"protocol": "feishu", "endpoint": "http://open.feishu.example/hook"}, 400, "SMN.0012"),
    ({"protocol": "feishu", "endpoint": "https://192.168.0.1/hook"}, 403, "SMN.0069"),
    ({**MAIL, "remark": "x" * 129}, 400, "SMN.0017"),
    ({**MAIL, "remark": "é" * 65}, 400, "SMN.0017"),
    ({**MAIL, "remark": 1}, 400, "SMN.0017"),
    ({"protocol": "http", "endpoint": "http://h.example/", "extension": "x"}, 400, "SMN.0043"),
    ({"protocol": "http", "endpoint": "http://h.example/", "extension": {"header": {"a_b": "1"}}}, 400, "SMN.0043"),
    ({"protocol": "http", "endpoint": "http://h.example/", "extension": {"header": {"x-smn-a": "1"}}}, 400, "SMN.0043"),
    ({"protocol": "http", "endpoint": "http://h.example/", "extension": {"header": {"Host": "1"}}}, 400, "SMN.0043"),
    ({"protocol": "http", "endpoint": "http://h.example/", "extension": {"header": {"a": "1\n2"}}}, 400, "SMN.0043"),
    ({"protocol": "sms", "endpoint": "+12025550123", "extension": {"verification_code_enabled": "1"}}, 400, "SMN.0043"),
    ({"protocol": "welink", "endpoint": "https://h.example/"}, 400, "SMN.0043"),
    (
        {"protocol": "feishu", "endpoint": "https://h.example/", "extension": {"keyword": "k", "sign_secret": "s"}},
        400,
        "SMN.0043",
    ),
]


@pytest.mark.parametrize(("body", "status", "code"), BAD, ids=lambda value: None if isinstance(value, dict) else value)
def test_what_is_no_subscription_is_refused_and_not_listed(
    smn: SmnClient, topic_urn: str, body: dict[str, Any], status: int, code: str
) -> None:
    with refused(status, code):
        add(smn, topic_urn, **body)
    assert items(smn, topic_urn) == []


@pytest.mark.parametrize("body", [b"[]", b"7", b"{", b'"x"', b"\xff"])
def test_a_body_that_is_no_object_is_refused(http: Http, topic_urn: str, body: bytes) -> None:
    assert http("POST", path_of(topic_urn), body).status == 400


@pytest.mark.parametrize("remark", ["x" * 128, "é" * 64, "", "备注"])
def test_a_remark_of_128_bytes_is_kept(smn: SmnClient, topic_urn: str, remark: str) -> None:
    add(smn, topic_urn, **MAIL, remark=remark)
    assert items(smn, topic_urn)[0]["remark"] == remark


def test_a_topic_that_is_not_there_or_has_no_name_is_told_first(smn: SmnClient, topic_urn: str) -> None:
    with refused(404, "SMN.0006"):
        add(smn, f"{topic_urn}-not", protocol="fax")
    for urn in ("urn:smn:nonsense", f"{topic_urn}:{NOBODY}", "x"):
        with refused(400, "SMN.0005"):
            add(smn, urn, protocol="fax")


def test_who_may_not_subscribe_is_told_before_the_body_is_classified(
    server: Server, bob: SmnClient, topic_urn: str
) -> None:
    eve = smn_client(server, "eveskey", "eves-secret")
    for somebody in (eve, smn_client(server, "listerskey", "listers-secret"), bob):
        with refused(403, "SMN.00308"):
            add(somebody, topic_urn, protocol="fax")


def test_a_policy_lets_another_account_subscribe_and_he_owns_it(smn: SmnClient, bob: SmnClient, topic_urn: str) -> None:
    allow(smn, topic_urn, "SMN:Subscribe", "111111111111")
    urn = add(bob, topic_urn, **MAIL)["subscription_urn"]
    assert urn.startswith(f"{topic_urn}:")
    (item,) = ask(bob, "ListSubscriptions", endpoint="anna@example.org")["subscriptions"]
    assert (item["subscription_urn"], item["owner"], item["topic_urn"]) == (urn, PROJECT, topic_urn)
    assert [one["subscription_urn"] for one in items(smn, topic_urn)] == [urn]
    ask(bob, "CancelSubscription", subscription_urn=urn)
    assert items(smn, topic_urn) == []


def allow(smn: SmnClient, topic_urn: str, action: str, account: str) -> None:
    statement = {
        "Sid": "s",
        "Effect": "Allow",
        "Principal": {"CSP": [f"urn:csp:iam::{account}:root"]},
        "Action": [action],
        "Resource": topic_urn,
    }
    value = json.dumps({"Version": "2016-09-07", "Id": "p", "Statement": [statement]})
    ask(smn, "UpdateTopicAttribute", topic_urn=topic_urn, name="access_policy", body={"value": value})


# --- extensions ---------------------------------------------------------------------------------------------------------------


def test_a_web_hooks_own_headers_are_on_every_notification(smn: SmnClient, topic_urn: str, receiver: Receiver) -> None:
    header = {"X-Team": "night shift", "abc": "1"}
    add(smn, topic_urn, protocol="http", endpoint=receiver.url, extension={"header": header})
    assert "x-team" not in receiver.confirm().headers
    ask(smn, "PublishMessage", topic_urn=topic_urn, body={"message": "m"})
    got = receiver.wait_for_type("Notification")
    assert (got.headers["x-team"], got.headers["abc"]) == ("night shift", "1")


def test_no_secret_of_a_bot_is_shown_or_readable_in_the_database(
    server: Server, smn: SmnClient, topic_urn: str
) -> None:
    secret, client = "sign-secret-canary-93", "client-canary-94"
    ding = {"protocol": "dingding", "endpoint": "https://bot.example/d", "extension": {"sign_secret": secret}}
    welink = {
        "protocol": "welink",
        "endpoint": "https://bot.example/w",
        "extension": {"client_id": client, "client_secret": client},
    }
    for body in (ding, welink):
        add(smn, topic_urn, **body)
    listed = items(smn, topic_urn)
    assert [item["status"] for item in listed] == [2, 2], "a bot needs no confirmation"
    assert secret not in json.dumps(listed)
    for file in (server.data / "state").rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert secret.encode() not in content
            assert client.encode() not in content
    with sqlite3.connect(f"file:{server.data / 'state' / 'tidings.db'}?mode=ro", uri=True) as database:
        kept = [row[0] for row in database.execute("SELECT settings FROM subscription")]
    assert any("smn:sign_secret" in text for text in kept), "it is kept, sealed"


# --- changing -----------------------------------------------------------------------------------------------------------------


def test_the_remark_is_changed_and_cleared(smn: SmnClient, topic_urn: str) -> None:
    urn = add(smn, topic_urn, **MAIL, remark="first")["subscription_urn"]
    for remark in ("second", "x" * 128, ""):
        answer = ask(smn, "UpdateSubscription", topic_urn=topic_urn, subscription_urn=urn, body={"remark": remark})
        assert answer["subscription_urn"] == urn
        assert items(smn, topic_urn)[0]["remark"] == remark


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "SMN.0017"),
        ({"remark": "x" * 129}, 400, "SMN.0017"),
        ({"remark": []}, 400, "SMN.0017"),
        ({"verification_code": "000000"}, 403, "SMN.0022"),
        ({"verification_code": 7}, 403, "SMN.0022"),
        ({"verification_code": "\u0661" * 6, "remark": "x"}, 403, "SMN.0022"),
    ],
)
def test_a_change_that_is_none_is_refused(
    smn: SmnClient, topic_urn: str, body: dict[str, Any], status: int, code: str
) -> None:
    urn = add(smn, topic_urn, **MAIL, remark="first")["subscription_urn"]
    with refused(status, code):
        ask(smn, "UpdateSubscription", topic_urn=topic_urn, subscription_urn=urn, body=body)
    (item,) = items(smn, topic_urn)
    assert (item["remark"], item["status"]) == ("first", 0)


def test_a_subscription_of_another_topic_is_not_found_under_this_one(smn: SmnClient, topic_urn: str) -> None:
    other = ask(smn, "CreateTopic", body={"name": f"{topic_urn.rpartition(':')[2]}-2"})["topic_urn"]
    urn = add(smn, other, **MAIL)["subscription_urn"]
    for operation, more in (("UpdateSubscription", {"body": {"remark": "r"}}), ("DeleteSubscriptionsByTopic", {})):
        with refused(404, "SMN.0013"):
            ask(smn, operation, topic_urn=topic_urn, subscription_urn=urn, **more)
        with refused(404, "SMN.0013"):
            ask(smn, operation, topic_urn=topic_urn, subscription_urn=f"{topic_urn}:{NOBODY}", **more)
        for wrong in (topic_urn, "x", f"{topic_urn}:{'G' * 32}"):
            with refused(400, "SMN.0014"):
                ask(smn, operation, topic_urn=topic_urn, subscription_urn=wrong, **more)
    assert len(items(smn, other)) == 1


def test_a_phone_that_was_sent_a_code_is_confirmed_with_it(server: Server, smn: SmnClient, topic_urn: str) -> None:
    number = "+12025550188"
    body = {"protocol": "sms", "endpoint": number, "extension": {"verification_code_enabled": True}}
    urn = add(smn, topic_urn, **body)["subscription_urn"]
    (text,) = texts_to(server, number, 1)
    code = re.search(r"\b[0-9]{6}\b", text)
    assert code is not None, text
    assert "/s/p/" not in text
    assert items(smn, topic_urn)[0]["extension"] == {"verification_code_enabled": True}
    wrong = f"{(int(code[0]) + 1) % 1_000_000:06d}"
    with refused(403, "SMN.0022"):
        ask(smn, "UpdateSubscription", topic_urn=topic_urn, subscription_urn=urn, body={"verification_code": wrong})
    assert items(smn, topic_urn)[0]["status"] == 0
    changed = {"verification_code": code[0], "remark": "confirmed by code"}
    ask(smn, "UpdateSubscription", topic_urn=topic_urn, subscription_urn=urn, body=changed)
    (item,) = items(smn, topic_urn)
    assert (item["status"], item["remark"]) == (1, "confirmed by code")


def test_codes_cannot_be_guessed_for_long(server: Server, smn: SmnClient, http: Http, topic_urn: str) -> None:
    number = "+12025550189"
    body = {"protocol": "sms", "endpoint": number, "extension": {"verification_code_enabled": True}}
    urn = add(smn, topic_urn, **body)["subscription_urn"]
    (text,) = texts_to(server, number, 1)
    guesses = [code for guess in range(31) if (code := f"{guess:06d}") not in text]
    # Not with the SDK: it would wait and try again.
    path = path_of(topic_urn, f"/{urn_path(urn)}")
    replies = [http("PUT", path, {"verification_code": code}) for code in guesses]
    assert {(reply.status, reply.code) for reply in replies} == {(403, "SMN.0022"), (429, "APIG.0308")}
    assert sum(reply.status == 403 for reply in replies) < 20
    assert items(smn, topic_urn)[0]["status"] == 0


# --- deleting -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", ["CancelSubscription", "DeleteSubscriptionsByTopic"])
def test_a_deleted_subscription_is_gone_from_every_state(
    smn: SmnClient, topic_urn: str, receiver: Receiver, operation: str
) -> None:
    more = {"topic_urn": topic_urn} if operation == "DeleteSubscriptionsByTopic" else {}
    for state in ("unconfirmed", "confirmed", "canceled"):
        urn = add(smn, topic_urn, protocol="http", endpoint=f"{receiver.url}/{state}")["subscription_urn"]
        if state != "unconfirmed":
            receiver.confirm(f"/{state}")
        if state == "canceled":
            ask(smn, "UnsubscribeTopic", subscription_urn=urn)
        ask(smn, operation, subscription_urn=urn, **more)
        assert items(smn, topic_urn) == []
        with refused(404, "SMN.0013"):
            ask(smn, operation, subscription_urn=urn, **more)
    ask(smn, "PublishMessage", topic_urn=topic_urn, body={"message": "m"})
    new = add(smn, topic_urn, protocol="http", endpoint=f"{receiver.url}/last")["subscription_urn"]
    receiver.wait_for_type("SubscriptionConfirmation", 1, "/last")
    assert not receiver.of_type("UnsubscribeConfirmation", "/confirmed"), "an owner's deletion says nothing"
    assert not receiver.of_type("Notification")
    assert new != urn


@pytest.mark.parametrize("body", [None, b"null", b"", b"{}", b"not json at all"])
def test_a_deletion_does_not_look_at_its_body(smn: SmnClient, http: Http, topic_urn: str, body: bytes | None) -> None:
    urn = add(smn, topic_urn, **MAIL)["subscription_urn"]
    reply = http("DELETE", f"/v2/{PROJECT}/notifications/subscriptions/{urn}", body)
    assert (reply.status, set(reply.body)) == (200, {"request_id"})
    assert items(smn, topic_urn) == []


def test_only_the_subscriber_and_the_topics_owner_may_delete(
    server: Server, smn: SmnClient, bob: SmnClient, topic_urn: str
) -> None:
    urn = add(smn, topic_urn, **MAIL)["subscription_urn"]
    eve = smn_client(server, "eveskey", "eves-secret")
    allow(smn, topic_urn, "*", "111111111111")
    for somebody in (eve, bob):
        with refused(403, "SMN.00308"):
            ask(somebody, "CancelSubscription", subscription_urn=urn)
        with refused(403, "SMN.00308"):
            ask(somebody, "UpdateSubscription", topic_urn=topic_urn, subscription_urn=urn, body={"remark": "mine"})
    bobs = add(bob, topic_urn, protocol="email", endpoint="bob@example.org")["subscription_urn"]
    ask(smn, "CancelSubscription", subscription_urn=bobs)
    with refused(400, "SMN.0014"):
        ask(smn, "CancelSubscription", subscription_urn="x")
