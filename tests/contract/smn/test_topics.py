"""Topics, with the vendor's SDK."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from huaweicloudsdksmn.v2 import SmnClient
from tests.support.patience import PATIENCE_S
from tests.support.server import Server
from tests.support.smn import PROJECT, REGION, Http, ask, refused, urn_path

HEX = re.compile(r"[0-9a-f]{32}\Z")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\Z")


def listed(smn: SmnClient, **filters: Any) -> list[str]:
    return [topic["name"] for topic in ask(smn, "ListTopics", **filters)["topics"]]


def test_a_topic_is_made_shown_changed_and_deleted(smn: SmnClient, topic_name: str) -> None:
    made = ask(smn, "CreateTopic", body={"name": topic_name, "display_name": "你好"})
    urn = f"urn:smn:{REGION}:{PROJECT}:{topic_name}"
    assert made["topic_urn"] == urn
    assert HEX.match(made["request_id"])
    shown = ask(smn, "ListTopicDetails", topic_urn=urn)
    assert HEX.match(shown.pop("request_id"))
    assert HEX.match(shown.pop("topic_id"))
    assert MOMENT.match(shown.pop("create_time"))
    assert MOMENT.match(shown.pop("update_time"))
    assert shown == {
        "topic_urn": urn,
        "name": topic_name,
        "display_name": "你好",
        "push_policy": 0,
        "enterprise_project_id": "0",
    }
    assert ask(smn, "UpdateTopic", topic_urn=urn, body={"display_name": ""})["request_id"]
    assert ask(smn, "ListTopicDetails", topic_urn=urn)["display_name"] == ""
    assert ask(smn, "DeleteTopic", topic_urn=urn)["request_id"]
    with refused(404, "SMN.0006"):
        ask(smn, "ListTopicDetails", topic_urn=urn)
    with refused(404, "SMN.0006"):
        ask(smn, "DeleteTopic", topic_urn=urn)
    with refused(404, "SMN.0006"):
        ask(smn, "UpdateTopic", topic_urn=urn, body={"display_name": "x"})


def test_a_repeated_create_answers_200_and_changes_nothing(http: Http, topic_name: str) -> None:
    first = http.topics("POST", body={"name": topic_name, "display_name": "one"})
    second = http.topics("POST", body={"name": topic_name, "display_name": "two"})
    assert (first.status, second.status) == (201, 200)
    assert first.body["topic_urn"] == second.body["topic_urn"]
    shown = http.topics("GET", f"/{urn_path(first.body['topic_urn'])}").body
    assert shown["display_name"] == "one"
    assert shown["create_time"] == shown["update_time"]


@pytest.mark.parametrize("name", ["a", "9", "A_b-C", "x" * 255])
def test_names_that_are_taken(smn: SmnClient, name: str) -> None:
    assert ask(smn, "CreateTopic", body={"name": name})["topic_urn"].endswith(f":{name}")


@pytest.mark.parametrize(
    "name", [None, "", 1, [], "-a", "_a", "a b", "a.fifo", "é", "a\n", "x" * 256, "a:b", "../x", "a\x00"]
)
def test_names_that_are_not(http: Http, name: Any) -> None:
    body = {} if name is None else {"name": name}
    reply = http.topics("POST", body=body)
    assert (reply.status, reply.code) == (400, "SMN.0002")
    assert reply.body["request_id"] == reply.headers["x-request-id"]


@pytest.mark.parametrize(
    ("display_name", "fits"),
    [("界" * 64, True), ("界" * 64 + "x", False), ("x" * 192, True), ("x" * 193, False), (7, False), ("\x00", False)],
)
def test_a_display_name_has_192_bytes(http: Http, topic_name: str, display_name: Any, fits: bool) -> None:
    made = http.topics("POST", body={"name": topic_name[:100] + str(fits), "display_name": display_name})
    urn = f"/{urn_path(f'urn:smn:{REGION}:{PROJECT}:a')}"
    http.topics("POST", body={"name": "a"})
    changed = http.topics("PUT", urn, {"display_name": display_name})
    if fits:
        assert made.status == 201
        assert changed.status == 200
    else:
        assert (made.status, made.code) == (400, "SMN.0003")
        assert (changed.status, changed.code) == (400, "SMN.0003")


def test_an_update_needs_a_display_name(http: Http, topic_urn: str) -> None:
    for body in ({}, {"display_name": None}, None):
        reply = http.topics("PUT", f"/{urn_path(topic_urn)}", body)
        assert (reply.status, reply.code) == (400, "SMN.0003")


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', b"\xff", b"1", b'{"name":"\\ud800"}'])
def test_a_body_that_is_no_object(http: Http, body: bytes) -> None:
    reply = http.topics("POST", body=body)
    assert (reply.status, reply.code) == (400, "SMN.0019")


@pytest.mark.parametrize(
    "urn",
    [
        "x",
        "urn:smn:us-east-1",
        f"urn:smn:{REGION}:{PROJECT}:a b",
        f"urn:smn:{REGION}:{PROJECT}:a:{'0' * 32}",
        f"arn:aws:sns:{REGION}:000000000000:a",
        f"urn:smn:{REGION}:{PROJECT}:" + "x" * 300,
    ],
)
@pytest.mark.parametrize("operation", ["ListTopicDetails", "UpdateTopic", "DeleteTopic", "ListTopicAttributes"])
def test_a_urn_that_is_none(smn: SmnClient, operation: str, urn: str) -> None:
    given = {"body": {"display_name": "x"}} if operation == "UpdateTopic" else {}
    with refused(400, "SMN.0005"):
        ask(smn, operation, topic_urn=urn, **given)


@pytest.mark.parametrize("urn", [f"urn:smn:{REGION}:{'9' * 32}:a", f"urn:smn:eu-west-1:{PROJECT}:a-none"])
def test_a_urn_of_nothing(smn: SmnClient, urn: str) -> None:
    with refused(404, "SMN.0006"):
        ask(smn, "ListTopicDetails", topic_urn=urn)


@pytest.fixture(scope="module")
def bobs_topics(bob: SmnClient) -> None:
    for name in [f"list-{n}" for n in range(5)]:
        body = {"name": name, "display_name": f"Nr {name[-1]} ß%_"}
        ask(bob, "CreateTopic", body=body | ({"enterprise_project_id": "e-1"} if name == "list-3" else {}))


@pytest.mark.usefixtures("bobs_topics")
class TestList:
    """Topics of an account in which no other test makes any."""

    def test_the_newest_comes_first_and_the_count_is_the_total(self, bob: SmnClient) -> None:
        answer = ask(bob, "ListTopics")
        assert [topic["name"] for topic in answer["topics"]] == ["list-4", "list-3", "list-2", "list-1", "list-0"]
        assert answer["topic_count"] == 5
        page = ask(bob, "ListTopics", offset=1, limit=2)
        assert [topic["name"] for topic in page["topics"]] == ["list-3", "list-2"]
        assert page["topic_count"] == 5
        assert ask(bob, "ListTopics", offset=5, limit=1) | {"request_id": ""} == {
            "request_id": "",
            "topic_count": 5,
            "topics": [],
        }

    def test_each_filter_finds_its_own(self, bob: SmnClient) -> None:
        all_of_them = listed(bob)
        uid = ask(bob, "ListTopics", name="list-2")["topics"][0]["topic_id"]
        assert listed(bob, name="list-2") == ["list-2"]
        assert listed(bob, name="list") == []
        assert listed(bob, fuzzy_name="IST-1") == ["list-1"]
        assert listed(bob, fuzzy_display_name="r 4") == ["list-4"]
        assert listed(bob, fuzzy_display_name="ß%_") == all_of_them
        assert listed(bob, fuzzy_display_name="ß%x") == []
        assert listed(bob, topic_id=uid) == ["list-2"]
        assert listed(bob, topic_id="f" * 32) == []
        assert listed(bob, topic_id=uid, name="list-1") == []
        assert listed(bob, enterprise_project_id="e-1") == ["list-3"]
        assert listed(bob, enterprise_project_id="0") == ["list-4", "list-2", "list-1", "list-0"]
        assert listed(bob, enterprise_project_id="all_granted_eps") == all_of_them
        assert ask(bob, "ListTopics", fuzzy_name="list", limit=1)["topic_count"] == 5
        assert ask(bob, "ListTopics", name="list-2")["topic_count"] == 1

    def test_an_enterprise_project_is_shown(self, bob: SmnClient) -> None:
        (topic,) = ask(bob, "ListTopics", name="list-3")["topics"]
        assert topic["enterprise_project_id"] == "e-1"

    def test_associated_resources_come_along(self, bob: SmnClient) -> None:
        urn = ask(bob, "ListTopics", name="list-0")["topics"][0]["topic_urn"]
        uid = ask(bob, "ListTopics", name="list-0")["topics"][0]["topic_id"]
        tag = {"tag": {"key": "stage", "value": "test"}}
        ask(bob, "CreateResourceTag", resource_type="smn_topic", resource_id=uid, body=tag)
        answer = ask(bob, "ListTopicsWithAssociatedResources", name="list-0")
        assert answer["topic_count"] == 1
        (topic,) = answer["topics"]
        assert topic["topic_urn"] == urn
        assert topic["tags"] == [{"key": "stage", "value": "test"}]
        assert topic["logtanks"] == []
        assert topic["attributes"]["access_policy"] == ""
        assert MOMENT.match(topic["attributes"]["create_time"])


@pytest.mark.parametrize(
    "query",
    [
        "offset=-1",
        "offset=x",
        "limit=0",
        "limit=101",
        "limit=1.5",
        "offset=",
        "limit=%D9%A1",
        "offset=99999999999999999",
    ],
)
def test_pages_that_are_none(http: Http, query: str) -> None:
    for path in ("", "-with-associated-resources"):
        reply = http.topics("GET", f"{path}?{query}")
        assert (reply.status, reply.code) == (400, "SMN.0015")


def test_a_filter_that_is_too_long(http: Http) -> None:
    assert http.topics("GET", f"?fuzzy_display_name={'x' * 193}").code == "SMN.0003"
    assert http.topics("GET", f"?fuzzy_display_name={'x' * 192}").status == 200


@pytest.mark.parametrize("project", ["a b", "x" * 65, 7])
def test_an_enterprise_project_that_is_none(http: Http, topic_name: str, project: Any) -> None:
    reply = http.topics("POST", body={"name": topic_name, "enterprise_project_id": project})
    assert (reply.status, reply.code) == (400, "SMN.0019")


def test_topics_made_by_sns_are_topics_too(server: Server, smn: SmnClient) -> None:
    sns = server.sns()
    sns.create_topic(Name="_made-by-sns", Attributes={"DisplayName": "from SNS"})
    (topic,) = ask(smn, "ListTopics", name="_made-by-sns")["topics"]
    assert topic["display_name"] == "from SNS"
    assert topic["topic_urn"] == f"urn:smn:{REGION}:{PROJECT}:_made-by-sns"
    assert "_made-by-sns" in listed(smn, enterprise_project_id="0")
    ask(smn, "UpdateTopic", topic_urn=topic["topic_urn"], body={"display_name": "changed by SMN"})
    arn = f"arn:aws:sns:{REGION}:000000000000:_made-by-sns"
    assert sns.get_topic_attributes(TopicArn=arn)["Attributes"]["DisplayName"] == "changed by SMN"
    ask(smn, "DeleteTopic", topic_urn=topic["topic_urn"])
    assert arn not in [one["TopicArn"] for one in sns.list_topics()["Topics"]]


def test_a_change_is_seen_in_the_time_of_the_last_change(http: Http, topic_urn: str) -> None:
    path = f"/{urn_path(topic_urn)}"
    before = http.topics("GET", path).body

    def changed(n: int) -> bool:
        http.topics("PUT", path, {"display_name": f"change {n}"})
        return bool(http.topics("GET", path).body["update_time"] > before["update_time"])

    assert until(changed)
    assert http.topics("GET", path).body["create_time"] == before["create_time"]


def until(holds: Callable[[int], bool]) -> bool:
    """Try again until the wall clock's next second has begun: times are shown in whole seconds."""
    deadline = time.monotonic() + PATIENCE_S
    n = 0
    while time.monotonic() < deadline:
        n += 1
        if holds(n):
            return True
    return False


class TestOtherAccounts:
    def policy(self, urn: str, *actions: str, effect: str = "Allow") -> str:
        statement = {
            "Sid": "bob",
            "Effect": effect,
            "Principal": {"CSP": ["urn:csp:iam::111111111111:root"]},
            "Action": [f"SMN:{action}" for action in actions],
            "Resource": urn,
        }
        return json.dumps({"Version": "2016-09-07", "Id": "p", "Statement": [statement]})

    def test_a_topic_of_another_account_opens_by_its_policy_only(
        self, smn: SmnClient, bob: SmnClient, topic_urn: str
    ) -> None:
        with refused(403, "SMN.00308"):
            ask(bob, "ListTopicDetails", topic_urn=topic_urn)
        value = self.policy(topic_urn, "QueryTopicDetail", "UpdateTopic")
        ask(smn, "UpdateTopicAttribute", topic_urn=topic_urn, name="access_policy", body={"value": value})
        assert ask(bob, "ListTopicDetails", topic_urn=topic_urn)["topic_urn"] == topic_urn
        ask(bob, "UpdateTopic", topic_urn=topic_urn, body={"display_name": "by bob"})
        for operation in ("DeleteTopic", "ListTopicAttributes", "DeleteTopicAttributes"):
            with refused(403, "SMN.00308"):
                ask(bob, operation, topic_urn=topic_urn)
        assert topic_urn not in [topic["topic_urn"] for topic in ask(bob, "ListTopics")["topics"]]
        ask(smn, "DeleteTopicAttributeByName", topic_urn=topic_urn, name="access_policy")
        with refused(403, "SMN.00308"):
            ask(bob, "ListTopicDetails", topic_urn=topic_urn)

    def test_the_owner_cannot_lock_himself_out(self, smn: SmnClient, topic_urn: str) -> None:
        value = self.policy(topic_urn, "*", effect="Deny").replace('["urn:csp:iam::111111111111:root"]', '"*"')
        ask(smn, "UpdateTopicAttribute", topic_urn=topic_urn, name="access_policy", body={"value": value})
        assert ask(smn, "ListTopicDetails", topic_urn=topic_urn)["topic_urn"] == topic_urn
        ask(smn, "DeleteTopicAttributes", topic_urn=topic_urn)

    def test_smns_policy_counts_for_calls_of_sns(
        self, server: Server, smn: SmnClient, topic_urn: str, topic_name: str
    ) -> None:
        arn = f"arn:aws:sns:{REGION}:000000000000:{topic_name}"
        theirs = server.sns("bobskey", "bobs-secret")
        with pytest.raises(theirs.exceptions.AuthorizationErrorException):
            theirs.publish(TopicArn=arn, Message="m")
        value = self.policy(topic_urn, "Publish")
        ask(smn, "UpdateTopicAttribute", topic_urn=topic_urn, name="access_policy", body={"value": value})
        assert theirs.publish(TopicArn=arn, Message="m")["MessageId"]
        with pytest.raises(theirs.exceptions.AuthorizationErrorException):
            theirs.delete_topic(TopicArn=arn)
