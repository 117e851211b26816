"""Filter policies with Huawei's SDK: set, listed, kept when messages go out, replaced, removed."""

from __future__ import annotations

from typing import Any

import pytest
from huaweicloudsdksmn.v2 import SmnClient
from tests.support.receiver import Receiver
from tests.support.server import Server
from tests.support.smn import ACCOUNT, REGION, ask, refused, smn_client

WEEK = {"name": "week", "string_equals": ["sunday", "wednesday"]}
TIME = {"name": "time", "string_equals": ["morning", "afternoon"]}
NOBODY = "0" * 32


def add(smn: SmnClient, topic_urn: str, endpoint: str = "anna@example.org", protocol: str = "email") -> str:
    body = {"protocol": protocol, "endpoint": endpoint}
    urn: str = ask(smn, "AddSubscription", topic_urn=topic_urn, body=body)["subscription_urn"]
    return urn


def put(smn: SmnClient, *polices: tuple[str, Any], how: str = "Create") -> list[tuple[str, str]]:
    """(code, URN) of each result."""
    body = {"polices": [{"subscription_urn": urn, "filter_polices": wanted} for urn, wanted in polices]}
    answer = ask(smn, f"Batch{how}SubscriptionsFilterPolices", body=body)
    return [(result["code"], result["subscription_urn"]) for result in answer["batch_result"]]


def drop(smn: SmnClient, *urns: str) -> list[str]:
    answer = ask(smn, "BatchDeleteSubscriptionsFilterPolices", body={"subscription_urns": list(urns)})
    return [result["code"] for result in answer["batch_result"]]


def listed(smn: SmnClient, topic_urn: str) -> list[Any]:
    found = ask(smn, "ListSubscriptionsByTopic", topic_urn=topic_urn)["subscriptions"]
    return [item["filter_polices"] for item in found]


def test_policies_are_set_listed_replaced_and_removed(smn: SmnClient, topic_urn: str) -> None:
    urn = add(smn, topic_urn)
    assert put(smn, (urn, [WEEK, TIME])) == [("200", urn)]
    assert listed(smn, topic_urn) == [[WEEK, TIME]]
    assert put(smn, (urn, [TIME]), how="Update") == [("200", urn)]
    assert listed(smn, topic_urn) == [[TIME]]
    assert put(smn, (urn, [WEEK])) == [("200", urn)], "creating on top of others replaces them"
    assert listed(smn, topic_urn) == [[WEEK]]
    assert drop(smn, urn) == ["200"]
    assert drop(smn, urn) == ["200"], "removing what is not there changes nothing"
    assert listed(smn, topic_urn) == [[]]


def test_a_message_is_rejected_only_by_an_attribute_that_it_has(
    smn: SmnClient, topic_urn: str, receiver: Receiver
) -> None:
    """The documented example: A wants sunday or wednesday, in the morning or afternoon; B wants monday."""
    urns = {name: add(smn, topic_urn, f"{receiver.url}/{name}", "http") for name in "ab"}
    for name in urns:
        receiver.confirm(f"/{name}")
    monday = {"name": "week", "string_equals": ["monday"]}
    put(smn, (urns["a"], [WEEK, TIME]), (urns["b"], [monday]))
    sent = [
        ("sunday", [attribute("week", "sunday")]),
        ("sunday night", [attribute("week", "sunday"), attribute("time", "night")]),
        ("monday morning", [attribute("week", "monday"), attribute("time", "morning")]),
        ("several", [{"name": "week", "type": "STRING_ARRAY", "value": ["monday", "wednesday"]}]),
        ("another", [attribute("color", "red")]),
        ("none", []),
    ]
    for message, attributes in sent:
        body = {"message": message, "message_attributes": attributes}
        ask(smn, "PublishMessage", topic_urn=topic_urn, body=body)
    expected = {"a": {"sunday", "several", "another", "none"}, "b": {"monday morning", "several", "another", "none"}}
    for name, wanted in expected.items():
        receiver.wait_for_type("Notification", len(wanted), f"/{name}")
        assert {got.json["message"] for got in receiver.of_type("Notification", f"/{name}")} == wanted


def attribute(name: str, value: str) -> dict[str, str]:
    return {"name": name, "type": "STRING", "value": value}


BAD_POLICIES: list[Any] = [
    None,
    "x",
    [],
    [7],
    [WEEK, WEEK],
    [{"name": f"n{number}", "string_equals": ["v"]} for number in range(6)],
    [{"string_equals": ["v"]}],
    [{"name": "n"}],
    *([{"name": name, "string_equals": ["v"]}] for name in ("", "N", "_n", "n_", "a__b", "smn_a", "a-b", "n" * 33, 7)),
    *([{"name": "n", "string_equals": values}] for values in ([], "v", ["v", "v"], [""], ["a b"], ["v" * 33], [7])),
    [{"name": "n", "string_equals": [str(number) for number in range(11)]}],
]


@pytest.mark.parametrize("how", ["Create", "Update"])
def test_policies_that_are_none_are_refused_each_on_its_own(smn: SmnClient, topic_urn: str, how: str) -> None:
    urn, good = add(smn, topic_urn), add(smn, topic_urn, "ben@example.org")
    wanted = [(urn, bad) for bad in BAD_POLICIES]
    told = put(smn, *wanted, (good, [WEEK]), how=how)
    assert told == [("SMN.0043", urn)] * len(BAD_POLICIES) + [("200", good)]
    assert listed(smn, topic_urn) == [[], [WEEK]]


@pytest.mark.parametrize(
    "policy",
    [
        {"name": "n" * 32, "string_equals": ["v" * 32]},
        {"name": "a_1_b", "string_equals": ["Straße", "星期天", "a_b", "7"]},
        {"name": "n", "string_equals": [str(number) for number in range(10)]},
    ],
)
def test_policies_at_their_limits_are_kept(smn: SmnClient, topic_urn: str, policy: dict[str, Any]) -> None:
    urn = add(smn, topic_urn)
    assert put(smn, (urn, [policy])) == [("200", urn)]
    assert listed(smn, topic_urn) == [[policy]]


def test_each_subscription_is_answered_in_order(
    server: Server, smn: SmnClient, bob: SmnClient, sns: Any, topic_urn: str
) -> None:
    urn = add(smn, topic_urn)
    missing = f"{topic_urn}:{NOBODY}"
    assert put(smn, ("x", [WEEK]), (urn, [WEEK]), (missing, [WEEK])) == [
        ("SMN.0014", "x"),
        ("200", urn),
        ("SMN.0013", missing),
    ]
    assert drop(smn, missing, urn, "x") == ["SMN.0013", "200", "SMN.0014"]
    for somebody in (bob, smn_client(server, "eveskey", "eves-secret")):
        with refused(403, "SMN.00308"):
            put(somebody, (urn, [WEEK]))
        with refused(403, "SMN.00308"):
            drop(somebody, urn)
    # What boto3 subscribed is filtered by SNS's rules; a policy that nobody keeps is not taken.
    arn = f"arn:aws:sns:{REGION}:{ACCOUNT}:{topic_urn.rpartition(':')[2]}"
    sns.subscribe(TopicArn=arn, Protocol="email", Endpoint="machine@example.org")
    theirs = ask(smn, "ListSubscriptionsByTopic", topic_urn=topic_urn)["subscriptions"][1]["subscription_urn"]
    assert put(smn, (theirs, [WEEK])) == [("SMN.0043", theirs)]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"polices": []},
        {"polices": "x"},
        {"polices": ["x"]},
        {"polices": [{"filter_polices": [WEEK]}]},
        {"polices": [{"subscription_urn": 7, "filter_polices": [WEEK]}]},
        {"polices": [{"subscription_urn": "x", "filter_polices": [WEEK]}] * 101},
    ],
)
def test_a_body_that_is_none_is_refused(smn: SmnClient, body: dict[str, Any]) -> None:
    for how in ("Create", "Update"):
        with refused(400, "SMN.0043"):
            ask(smn, f"Batch{how}SubscriptionsFilterPolices", body=body)


@pytest.mark.parametrize("urns", [None, [], "x", [7], [{"subscription_urn": "x"}], ["x"] * 101])
def test_a_list_of_urns_that_is_none_is_refused(smn: SmnClient, urns: Any) -> None:
    with refused(400, "SMN.0043"):
        ask(smn, "BatchDeleteSubscriptionsFilterPolices", body={"subscription_urns": urns})
