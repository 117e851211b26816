"""Lists of subscriptions: pages, filters, totals, and what an item says."""

from __future__ import annotations

from typing import Any

import pytest
from huaweicloudsdksmn.v2 import SmnClient
from tests.support.receiver import Receiver
from tests.support.server import Server
from tests.support.smn import ACCOUNT, PROJECT, REGION, Http, ask, refused, smn_client, urn_path


def add(smn: SmnClient, topic_urn: str, protocol: str, endpoint: str, **more: Any) -> str:
    body = {"protocol": protocol, "endpoint": endpoint, **more}
    urn: str = ask(smn, "AddSubscription", topic_urn=topic_urn, body=body)["subscription_urn"]
    return urn


def of_topic(smn: SmnClient, topic_urn: str, **query: Any) -> dict[str, Any]:
    return ask(smn, "ListSubscriptionsByTopic", topic_urn=topic_urn, **query)


@pytest.fixture
def lone(server: Server, http: Http, smn: SmnClient) -> SmnClient:
    """The dev account with nothing in it: lists of a whole account are counted exactly."""
    topics = ask(smn, "ListTopics")["topics"]
    while topics:
        for topic in topics:
            ask(smn, "DeleteTopic", topic_urn=topic["topic_urn"])
        topics = ask(smn, "ListTopics")["topics"]
    return smn


@pytest.fixture
def mixed(lone: SmnClient, topic_name: str, receiver: Receiver) -> list[str]:
    """Endpoints in the order of adding, of two topics, in every state."""
    topics = [ask(lone, "CreateTopic", body={"name": f"{topic_name}-{n}"})["topic_urn"] for n in (1, 2)]
    added = [
        (topics[0], "email", "anna@example.org", "Ops TEAM"),
        (topics[1], "email", "anna@example.org", "née"),
        (topics[0], "sms", "13800138000", "100%"),
        (topics[0], "http", f"{receiver.url}/confirmed", "the ops team"),
        (topics[1], "http", f"{receiver.url}/canceled", ""),
        (topics[0], "feishu", "https://bot.example/hook", "bots"),
    ]
    urns = [add(lone, topic, protocol, endpoint, remark=remark) for topic, protocol, endpoint, remark in added]
    receiver.confirm("/confirmed")
    receiver.confirm("/canceled")
    ask(lone, "UnsubscribeTopic", subscription_urn=urns[4])
    return urns


def found(smn: SmnClient, mixed: list[str], **query: Any) -> list[int]:
    """Places of what a filtered list of the account shows."""
    answer = ask(smn, "ListSubscriptions", **query)
    assert answer["subscription_count"] == len(answer["subscriptions"])
    return [mixed.index(item["subscription_urn"]) for item in answer["subscriptions"]]


def test_each_filter_narrows_the_list_of_the_account(lone: SmnClient, mixed: list[str], receiver: Receiver) -> None:
    everything = list(range(6))
    assert found(lone, mixed) == everything, "in the order of adding"
    assert found(lone, mixed, protocol="email") == [0, 1]
    assert found(lone, mixed, protocol="welink") == []
    assert found(lone, mixed, protocol="") == everything
    assert found(lone, mixed, status="0") == [0, 1, 2]
    assert found(lone, mixed, status=1) == [3]
    assert found(lone, mixed, status="2") == [5]
    assert found(lone, mixed, status="3") == [4]
    assert found(lone, mixed, status="4") == []
    assert found(lone, mixed, status="1", protocol="feishu") == []
    assert found(lone, mixed, status="2", protocol="feishu") == [5]
    assert found(lone, mixed, status="2", protocol="http") == []
    assert found(lone, mixed, endpoint="anna@example.org") == [0, 1]
    assert found(lone, mixed, endpoint="anna@EXAMPLE.ORG") == [0, 1]
    assert found(lone, mixed, endpoint="13800138000") == found(lone, mixed, endpoint="+8613800138000") == [2]
    assert found(lone, mixed, endpoint=f"{receiver.url}/canceled") == [4]
    assert found(lone, mixed, endpoint="nobody") == []
    assert found(lone, mixed, fuzzy_remark="ops team") == [0, 3]
    assert found(lone, mixed, fuzzy_remark="née") == [1]
    assert found(lone, mixed, fuzzy_remark="%") == [2]
    assert found(lone, mixed, fuzzy_remark="_") == []
    assert found(lone, mixed, fuzzy_remark="team", status="1", protocol="http") == [3]


def test_the_status_of_each_state_is_told(lone: SmnClient, mixed: list[str]) -> None:
    listed = ask(lone, "ListSubscriptions")["subscriptions"]
    assert [item["status"] for item in listed] == [0, 0, 0, 1, 3, 2]


def test_pages_of_the_account_and_of_a_topic_count_everything(lone: SmnClient, mixed: list[str]) -> None:
    topic = mixed[0].rpartition(":")[0]
    for offset, limit, places in ((0, 2, [0, 1]), (4, 100, [4, 5]), (5, 1, [5]), (6, 1, []), (1000, 100, [])):
        answer = ask(lone, "ListSubscriptions", offset=offset, limit=limit)
        assert answer["subscription_count"] == 6
        assert [item["subscription_urn"] for item in answer["subscriptions"]] == [mixed[place] for place in places]
    answer = of_topic(lone, topic, offset=1, limit=2)
    assert answer["subscription_count"] == 4
    assert [item["subscription_urn"] for item in answer["subscriptions"]] == [mixed[2], mixed[3]]
    answer = of_topic(lone, topic, fuzzy_remark="OPS")
    assert answer["subscription_count"] == 2
    answer = ask(lone, "ListSubscriptions", status="0", offset=1, limit=1)
    assert (answer["subscription_count"], answer["subscriptions"][0]["subscription_urn"]) == (3, mixed[1])


@pytest.mark.parametrize("operation", ["ListSubscriptions", "ListSubscriptionsByTopic"])
@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"offset": "-1"}, "SMN.0015"),
        ({"offset": "x"}, "SMN.0015"),
        ({"offset": "1.0"}, "SMN.0015"),
        ({"limit": "0"}, "SMN.0015"),
        ({"limit": "101"}, "SMN.0015"),
        ({"limit": ""}, "SMN.0015"),
        ({"offset": "٣"}, "SMN.0015"),
        ({"fuzzy_remark": "x" * 129}, "SMN.0017"),
        ({"fuzzy_remark": "é" * 65}, "SMN.0017"),
    ],
)
def test_a_page_that_is_none_is_refused(
    smn: SmnClient, topic_urn: str, operation: str, query: dict[str, str], code: str
) -> None:
    more = {"topic_urn": topic_urn} if operation == "ListSubscriptionsByTopic" else {}
    with refused(400, code):
        ask(smn, operation, **more, **query)


@pytest.mark.parametrize("status", ["5", "-1", "x", "01", "1.0"])
def test_a_status_that_is_none_is_refused(smn: SmnClient, status: str) -> None:
    with refused(400, "SMN.0077"):
        ask(smn, "ListSubscriptions", status=status)


def test_a_topic_without_subscriptions_has_an_empty_list_and_a_deleted_one_none(smn: SmnClient, topic_urn: str) -> None:
    answer = of_topic(smn, topic_urn)
    assert (answer["subscription_count"], answer["subscriptions"]) == (0, [])
    urn = add(smn, topic_urn, "email", "a@example.org")
    ask(smn, "DeleteTopic", topic_urn=topic_urn)
    with refused(404, "SMN.0006"):
        of_topic(smn, topic_urn)
    listed = ask(smn, "ListSubscriptions", endpoint="a@example.org")["subscriptions"]
    assert urn not in [item["subscription_urn"] for item in listed]
    with refused(400, "SMN.0005"):
        of_topic(smn, "x")


def test_what_boto3_subscribed_is_listed_too(sns: Any, smn: SmnClient, topic_urn: str) -> None:
    arn = f"arn:aws:sns:{REGION}:{ACCOUNT}:{topic_urn.rpartition(':')[2]}"
    queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:letters"
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue)
    sns.subscribe(TopicArn=arn, Protocol="email-json", Endpoint="machine@example.org")
    listed = of_topic(smn, topic_urn)["subscriptions"]
    assert [(item["protocol"], item["endpoint"], item["status"], item["remark"]) for item in listed] == [
        ("sqs", queue, 1, ""),
        ("email-json", "machine@example.org", 0, ""),
    ]


def test_an_account_lists_its_own_and_looks_need_no_more_than_a_look(
    server: Server, smn: SmnClient, bob: SmnClient, topic_urn: str
) -> None:
    add(smn, topic_urn, "email", "private@example.org")
    assert ask(bob, "ListSubscriptions")["subscriptions"] == []
    with refused(403, "SMN.00308"):
        of_topic(bob, topic_urn)
    for key, secret in (("eveskey", "eves-secret"), ("pamskey", "pams-secret"), ("listerskey", "listers-secret")):
        somebody = smn_client(server, key, secret)
        assert ask(somebody, "ListSubscriptions", endpoint="private@example.org")["subscription_count"] == 1
        assert of_topic(somebody, topic_urn)["subscriptions"][0]["owner"] == PROJECT


def test_a_list_is_read_with_raw_colons_and_encoded_ones(http: Http, topic_urn: str) -> None:
    for urn in (topic_urn, urn_path(topic_urn)):
        reply = http("GET", f"/v2/{PROJECT}/notifications/topics/{urn}/subscriptions")
        assert (reply.status, reply.body["subscriptions"]) == (200, [])
        assert list(reply.body) == ["request_id", "subscription_count", "subscriptions"]
