"""Attributes of topics: access policy and introduction."""

from __future__ import annotations

import json
from typing import Any

import pytest
from huaweicloudsdksmn.v2 import SmnClient
from tests.support.smn import Http, ask, refused, urn_path

EMPTY = {"access_policy": "", "introduction": ""}


def policy(urn: str, **changes: Any) -> dict[str, Any]:
    """A policy that is taken; changes: elements of its statement, None to leave one out."""
    statement: dict[str, Any] = {
        "Sid": "one",
        "Effect": "Allow",
        "Principal": {"CSP": ["urn:csp:iam::111111111111:root"]},
        "Action": ["SMN:Publish", "SMN:QueryTopicDetail"],
        "Resource": urn,
    }
    statement.update(changes)
    kept = {name: value for name, value in statement.items() if value is not None}
    return {"Version": "2016-09-07", "Id": "an id", "Statement": [kept]}


def attributes(smn: SmnClient, urn: str, name: str | None = None) -> dict[str, str]:
    given = {} if name is None else {"name": name}
    found: dict[str, str] = ask(smn, "ListTopicAttributes", topic_urn=urn, **given)["attributes"]
    return found


def update(smn: SmnClient, urn: str, name: str, value: Any) -> dict[str, Any]:
    return ask(smn, "UpdateTopicAttribute", topic_urn=urn, name=name, body={"value": value})


def test_a_new_topic_has_all_attributes_empty(http: Http, topic_urn: str) -> None:
    reply = http.topics("GET", f"/{urn_path(topic_urn)}/attributes")
    assert reply.status == 200
    shown = reply.body["attributes"]
    assert {name: shown[name] for name in EMPTY} == EMPTY
    assert set(shown) == {*EMPTY, "create_time", "update_time"}
    assert all(isinstance(value, str) for value in shown.values())


def test_an_introduction_is_set_shown_and_cleared(smn: SmnClient, http: Http, topic_urn: str) -> None:
    assert update(smn, topic_urn, "introduction", "界" * 40)["request_id"]
    assert attributes(smn, topic_urn)["introduction"] == "界" * 40
    one = http.topics("GET", f"/{urn_path(topic_urn)}/attributes?name=introduction").body
    assert one["attributes"] == {"introduction": "界" * 40}
    update(smn, topic_urn, "introduction", "")
    assert attributes(smn, topic_urn)["introduction"] == ""


def test_a_policy_comes_back_as_it_was_written(smn: SmnClient, topic_urn: str) -> None:
    text = json.dumps(policy(topic_urn), indent=2)
    update(smn, topic_urn, "access_policy", text)
    assert attributes(smn, topic_urn, "access_policy")["access_policy"] == text
    (topic,) = ask(smn, "ListTopicsWithAssociatedResources", name=topic_urn.rpartition(":")[2])["topics"]
    assert topic["attributes"]["access_policy"] == text


def test_one_attribute_or_all_are_deleted(smn: SmnClient, topic_urn: str) -> None:
    update(smn, topic_urn, "introduction", "hello")
    update(smn, topic_urn, "access_policy", json.dumps(policy(topic_urn)))
    assert ask(smn, "DeleteTopicAttributeByName", topic_urn=topic_urn, name="access_policy")["request_id"]
    assert attributes(smn, topic_urn)["access_policy"] == ""
    assert attributes(smn, topic_urn)["introduction"] == "hello"
    update(smn, topic_urn, "access_policy", json.dumps(policy(topic_urn)))
    assert ask(smn, "DeleteTopicAttributes", topic_urn=topic_urn)["request_id"]
    shown = attributes(smn, topic_urn)
    assert {name: shown[name] for name in EMPTY} == EMPTY
    assert ask(smn, "DeleteTopicAttributes", topic_urn=topic_urn)["request_id"]


@pytest.mark.parametrize("operation", ["UpdateTopicAttribute", "DeleteTopicAttributeByName", "ListTopicAttributes"])
def test_an_attribute_that_is_none(smn: SmnClient, topic_urn: str, operation: str) -> None:
    given = {"body": {"value": "x"}} if operation == "UpdateTopicAttribute" else {}
    with refused(400, "SMN.0046"):
        ask(smn, operation, topic_urn=topic_urn, name="Introduction", **given)


@pytest.mark.parametrize("name", ["access_policy", "introduction"])
def test_a_value_that_is_too_long(smn: SmnClient, topic_urn: str, name: str) -> None:
    limit = {"access_policy": 30 * 1024, "introduction": 120}[name]
    with refused(403, "SMN.0047"):
        update(smn, topic_urn, name, "x" * (limit + 1))


def test_a_policy_of_30_kb_is_taken(smn: SmnClient, topic_urn: str) -> None:
    text = json.dumps(policy(topic_urn))
    update(smn, topic_urn, "access_policy", text.replace('"an id"', f'"{"x" * (30 * 1024 - len(text) + 5)}"'))
    assert len(attributes(smn, topic_urn)["access_policy"]) == 30 * 1024


@pytest.mark.parametrize("value", [None, 1, {}, [], "a\x00b", "\ud800"])
def test_a_value_must_be_text(http: Http, topic_urn: str, value: Any) -> None:
    body = {} if value is None else {"value": value}
    for name in EMPTY:
        reply = http.topics("PUT", f"/{urn_path(topic_urn)}/attributes/{name}", body)
        assert (reply.status, reply.code) == (400, "SMN.0019")


OTHER = "urn:smn:us-east-1:0123456789abcdef0123456789abcdef:another"
ROOT = "urn:csp:iam::111111111111:root"


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("SMN.0052", {"Sid": 7}),
        ("SMN.0054", {"Effect": "allow"}),
        ("SMN.0054", {"Effect": None}),
        ("SMN.0056", {"Principal": None}),
        ("SMN.0056", {"Principal": "*"}),
        ("SMN.0056", {"Principal": {}}),
        ("SMN.0056", {"Principal": {"CSP": []}}),
        ("SMN.0056", {"Principal": {"AWS": ["*"]}}),
        ("SMN.0056", {"Principal": {"CSP": ["111111111111"]}}),
        ("SMN.0056", {"Principal": {"Service": ["OBS"]}}),
        ("SMN.0056", {"NotPrincipal": {"CSP": ["*"]}}),
        ("SMN.0055", {"Action": None}),
        ("SMN.0055", {"Action": []}),
        ("SMN.0055", {"Action": ["Publish"]}),
        ("SMN.0055", {"Action": ["SMN:NoSuch"]}),
        ("SMN.0055", {"Action": ["SMN:*lish"]}),
        ("SMN.0055", {"NotAction": ["SMN:Publish"]}),
        ("SMN.0053", {"Resource": None}),
        ("SMN.0053", {"Resource": OTHER}),
        ("SMN.0053", {"Resource": [1]}),
        ("SMN.0053", {"NotResource": OTHER}),
        ("SMN.0058", {"Condition": []}),
        ("SMN.0058", {"Condition": {"StringEquals": {"smn:nothing": "x"}}}),
        ("SMN.0051", {"Extra": 1}),
    ],
)
def test_a_statement_that_is_wrong_is_refused_with_its_own_code(
    smn: SmnClient, topic_urn: str, code: str, changes: dict[str, Any]
) -> None:
    with refused(400, code):
        update(smn, topic_urn, "access_policy", json.dumps(policy(topic_urn, **changes)))
    assert attributes(smn, topic_urn)["access_policy"] == ""


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("SMN.0049", {"Version": "2012-10-17"}),
        ("SMN.0049", {"Version": None}),
        ("SMN.0050", {"Id": None}),
        ("SMN.0050", {"Id": ""}),
        ("SMN.0050", {"Id": 1}),
        ("SMN.0051", {"Statement": []}),
        ("SMN.0051", {"Statement": {}}),
        ("SMN.0051", {"Statement": ["x"]}),
        ("SMN.0048", {"More": 1}),
    ],
)
def test_a_document_that_is_wrong_is_refused_with_its_own_code(
    smn: SmnClient, topic_urn: str, code: str, changes: dict[str, Any]
) -> None:
    document = {**policy(topic_urn), **changes}
    text = json.dumps({name: value for name, value in document.items() if value is not None})
    with refused(400, code):
        update(smn, topic_urn, "access_policy", text)


@pytest.mark.parametrize("text", ["{", "[]", "null", '"x"', '{"Version":"2016-09-07","Version":"2016-09-07"}', "NaN"])
def test_a_policy_that_is_no_json_object(smn: SmnClient, topic_urn: str, text: str) -> None:
    with refused(400, "SMN.0048"):
        update(smn, topic_urn, "access_policy", text)


@pytest.mark.parametrize(
    "changes",
    [
        {"Principal": {"CSP": "*"}},
        {"Principal": {"CSP": ["*"]}},
        {"Principal": {"CSP": ROOT, "Service": ["obs", "dms"]}},
        {"Principal": {"OrgPath": ["o-1/r-2/ou-3/*"]}},
        {"Principal": None, "NotPrincipal": {"CSP": ["urn:csp:iam::111111111111:user/bob"]}},
        {"Action": "*"},
        {"Action": ["SMN:*"]},
        {"Action": ["SMN:Update*"]},
        {"Action": ["smn:publish"]},
        {"Action": None, "NotAction": ["SMN:Publish"]},
        {"Resource": "*"},
        {"Sid": None},
        {"Effect": "Deny"},
        {"Condition": {"StringEquals": {"smn:Protocol": "https"}}},
        {"Condition": {"IpAddress": {"g:SourceIp": "10.0.0.0/8"}}},
    ],
)
def test_statements_that_are_taken(smn: SmnClient, topic_urn: str, changes: dict[str, Any]) -> None:
    assert update(smn, topic_urn, "access_policy", json.dumps(policy(topic_urn, **changes)))["request_id"]


def test_two_statements_must_have_different_ids(smn: SmnClient, topic_urn: str) -> None:
    document = policy(topic_urn)
    document["Statement"] *= 2
    with refused(400, "SMN.0052"):
        update(smn, topic_urn, "access_policy", json.dumps(document))


def test_an_unknown_topic(smn: SmnClient, topic_urn: str) -> None:
    with refused(404, "SMN.0006"):
        update(smn, topic_urn + "-none", "introduction", "x")
    with refused(404, "SMN.0006"):
        attributes(smn, topic_urn + "-none")
