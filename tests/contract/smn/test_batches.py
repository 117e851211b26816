"""Many subscriptions in one call: each is judged on its own, in the order of the request."""

from __future__ import annotations

from typing import Any

import pytest
from huaweicloudsdksmn.v2 import SmnClient
from tests.support.receiver import Receiver
from tests.support.server import Server
from tests.support.smn import PROJECT, Http, ask, refused, smn_client, urn_path

NOBODY = "0" * 32


def add_many(http: Http, topic_urn: str, count: int) -> list[str]:
    wanted = [{"protocol": "email", "endpoint": f"reader{number}@example.org"} for number in range(count)]
    answer = add(http, topic_urn, wanted)
    return [result["subscription_urn"] for result in answer["subscriptions_result"]]


def add(http: Http, topic_urn: str, wanted: Any) -> dict[str, Any]:
    """The whole answer: the SDK's model knows only two of its members."""
    return raw(http, "POST", f"/topics/{urn_path(topic_urn)}/subscriptions", {"subscriptions": wanted})


def raw(http: Http, method: str, path: str, body: Any) -> dict[str, Any]:
    reply = http(method, f"/v2/{PROJECT}/notifications{path}", body)
    assert reply.status in (200, 201), reply.raw
    told: dict[str, Any] = reply.body
    return told


def items(smn: SmnClient, topic_urn: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ask(smn, "ListSubscriptionsByTopic", topic_urn=topic_urn)["subscriptions"]
    return found


# --- adding -----------------------------------------------------------------------------------------------------------------


def test_each_item_of_a_batch_is_answered_in_order_whatever_became_of_the_others(
    smn: SmnClient, http: Http, topic_urn: str
) -> None:
    existing = ask(smn, "AddSubscription", topic_urn=topic_urn, body={"protocol": "sms", "endpoint": "+12025550123"})[
        "subscription_urn"
    ]
    wanted = [
        {"protocol": "fax", "endpoint": "1"},
        {"protocol": "email", "endpoint": "anna@example.org", "remark": "Anna"},
        {"protocol": "sms", "endpoint": "+12025550123"},
        {"protocol": "http", "endpoint": "http://10.0.0.1/"},
        {"protocol": "email", "endpoint": "nobody"},
        {"protocol": "email", "endpoint": "anna@example.org", "remark": "twice"},
    ]
    body = {"subscriptions": wanted, "protocol": "email", "endpoint": "ignored@example.org"}
    reply = http("POST", f"/v2/{PROJECT}/notifications/topics/{urn_path(topic_urn)}/subscriptions", body)
    assert reply.status == 201
    told = reply.body["subscriptions_result"]
    assert [result["http_code"] for result in told] == [400, 201, 200, 403, 400, 200]
    assert [result.get("error_code") for result in told] == [
        "SMN.0011",
        None,
        None,
        "SMN.0069",
        "SMN.0012",
        None,
    ]
    assert told[0]["error_msg"] == "Parameter: Protocol is invalid."
    anna = told[1]["subscription_urn"]
    assert reply.body["subscription_urn"] == anna == told[5]["subscription_urn"]
    assert told[2]["subscription_urn"] == existing
    assert {result["request_id"] for result in told} == {reply.body["request_id"]}
    listed = items(smn, topic_urn)
    assert [(item["subscription_urn"], item["remark"]) for item in listed] == [(existing, ""), (anna, "Anna")]


def test_the_sdk_reads_a_batchs_answer(smn: SmnClient, topic_urn: str) -> None:
    wanted = [{"protocol": "email", "endpoint": f"a{number}@example.org"} for number in range(50)]
    answer = ask(smn, "AddSubscription", topic_urn=topic_urn, body={"subscriptions": wanted})
    listed = items(smn, topic_urn)
    assert answer["subscription_urn"] == listed[0]["subscription_urn"]
    assert [item["endpoint"] for item in listed] == [item["endpoint"] for item in wanted]


def test_a_batch_of_which_nothing_was_taken_names_no_subscription(http: Http, topic_urn: str) -> None:
    told = raw(
        http, "POST", f"/topics/{urn_path(topic_urn)}/subscriptions", {"subscriptions": [{"protocol": "fax"}] * 2}
    )
    assert "subscription_urn" not in told
    assert [result["error_code"] for result in told["subscriptions_result"]] == ["SMN.0011"] * 2


@pytest.mark.parametrize(
    "wanted",
    [
        [{"protocol": "email", "endpoint": f"a{number}@example.org"} for number in range(51)],
        ["a@example.org"],
        {"protocol": "email", "endpoint": "a@example.org"},
        "a@example.org",
        7,
        [[]],
    ],
)
def test_a_batch_that_is_none_is_refused_as_a_whole(smn: SmnClient, topic_urn: str, wanted: Any) -> None:
    with refused(400, "SMN.0043"):
        ask(smn, "AddSubscription", topic_urn=topic_urn, body={"subscriptions": wanted})
    assert items(smn, topic_urn) == []


@pytest.mark.parametrize("wanted", [[], None])
def test_an_empty_batch_is_none(smn: SmnClient, topic_urn: str, wanted: Any) -> None:
    body = {"subscriptions": wanted, "protocol": "email", "endpoint": "a@example.org"}
    ask(smn, "AddSubscription", topic_urn=topic_urn, body=body)
    assert len(items(smn, topic_urn)) == 1


def test_a_batch_that_may_not_be_is_denied_as_a_whole(server: Server, topic_urn: str) -> None:
    eve = smn_client(server, "eveskey", "eves-secret")
    for wanted in ([{"protocol": "email", "endpoint": "a@example.org"}] * 2, "nonsense"):
        with refused(403, "SMN.00308"):
            ask(eve, "AddSubscription", topic_urn=topic_urn, body={"subscriptions": wanted})


# --- deleting -----------------------------------------------------------------------------------------------------------------


def test_a_batch_is_deleted_and_answered_in_order(smn: SmnClient, http: Http, topic_urn: str) -> None:
    urns = add_many(http, topic_urn, 3)
    wanted = [urns[2], f"{topic_urn}:{NOBODY}", urns[0], "x", urns[0]]
    answer = ask(
        smn, "BatchDeleteSubscriptions", body={"subscription_urns": [{"subscription_urn": urn} for urn in wanted]}
    )
    told = answer["subscriptions_result"]
    assert [(result["http_code"], result.get("code")) for result in told] == [
        (200, None),
        (404, "SMN.0013"),
        (200, None),
        (400, "SMN.0014"),
        (404, "SMN.0013"),
    ]
    assert told[1]["message"] == "Subscription resource not found."
    assert {result["request_id"] for result in told} == {answer["request_id"]}
    assert [item["subscription_urn"] for item in items(smn, topic_urn)] == [urns[1]]


def test_a_topics_batch_leaves_other_topics_alone(smn: SmnClient, http: Http, topic_urn: str) -> None:
    other = ask(smn, "CreateTopic", body={"name": f"{topic_urn.rpartition(':')[2]}-2"})["topic_urn"]
    mine, theirs = add_many(http, topic_urn, 1)[0], add_many(http, other, 1)[0]
    body = {"subscription_urns": [{"subscription_urn": theirs}, {"subscription_urn": mine}]}
    told = ask(smn, "BatchDeleteSubscriptionsByTopic", topic_urn=topic_urn, body=body)["subscriptions_result"]
    assert [(result["http_code"], result.get("code")) for result in told] == [(404, "SMN.0013"), (200, None)]
    assert items(smn, topic_urn) == []
    assert len(items(smn, other)) == 1
    with refused(404, "SMN.0006"):
        ask(smn, "BatchDeleteSubscriptionsByTopic", topic_urn=f"{topic_urn}-not", body=body)
    with refused(400, "SMN.0005"):
        ask(smn, "BatchDeleteSubscriptionsByTopic", topic_urn="x", body=body)


def test_a_hundred_are_deleted_at_once(smn: SmnClient, http: Http, topic_urn: str) -> None:
    urns: list[str] = []
    for start in (0, 50):
        wanted = [{"protocol": "email", "endpoint": f"a{start + number}@example.org"} for number in range(50)]
        urns += [result["subscription_urn"] for result in add(http, topic_urn, wanted)["subscriptions_result"]]
    body = {"subscription_urns": [{"subscription_urn": urn} for urn in urns]}
    told = ask(smn, "BatchDeleteSubscriptions", body=body)["subscriptions_result"]
    assert [result["http_code"] for result in told] == [200] * 100
    assert items(smn, topic_urn) == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"subscription_urns": []},
        {"subscription_urns": "x"},
        {"subscription_urns": ["urn:smn:x"]},
        {"subscription_urns": [{}]},
        {"subscription_urns": [{"subscription_urn": 7}]},
        {"subscription_urns": [{"subscription_urn": "x"}] * 101},
    ],
)
def test_a_list_that_is_none_is_refused(smn: SmnClient, topic_urn: str, body: dict[str, Any]) -> None:
    with refused(400, "SMN.0043"):
        ask(smn, "BatchDeleteSubscriptions", body=body)
    with refused(400, "SMN.0043"):
        ask(smn, "BatchDeleteSubscriptionsByTopic", topic_urn=topic_urn, body=body)


def test_nobody_deletes_what_is_not_his(
    server: Server, smn: SmnClient, http: Http, bob: SmnClient, topic_urn: str
) -> None:
    (urn,) = add_many(http, topic_urn, 1)
    body = {"subscription_urns": [{"subscription_urn": urn}]}
    for somebody in (bob, smn_client(server, "eveskey", "eves-secret")):
        with refused(403, "SMN.00308"):
            ask(somebody, "BatchDeleteSubscriptions", body=body)
    body["subscription_urns"].append({"subscription_urn": f"{topic_urn}:{NOBODY}"})
    told = ask(bob, "BatchDeleteSubscriptions", body=body)["subscriptions_result"]
    assert [(result["http_code"], result.get("code")) for result in told] == [(403, "SMN.00308"), (404, "SMN.0013")]
    assert len(items(smn, topic_urn)) == 1


def test_an_owners_batch_sends_nothing_to_the_endpoints(smn: SmnClient, topic_urn: str, receiver: Receiver) -> None:
    wanted = {"protocol": "http", "endpoint": f"{receiver.url}/gone"}
    urn = ask(smn, "AddSubscription", topic_urn=topic_urn, body=wanted)["subscription_urn"]
    receiver.confirm("/gone")
    ask(smn, "BatchDeleteSubscriptions", body={"subscription_urns": [{"subscription_urn": urn}]})
    ask(smn, "AddSubscription", topic_urn=topic_urn, body={"protocol": "http", "endpoint": f"{receiver.url}/last"})
    receiver.wait_for_type("SubscriptionConfirmation", 1, "/last")
    assert len([got for got in receiver.received if got.path == "/gone"]) == 1
