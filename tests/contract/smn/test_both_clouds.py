"""One truth, two clouds: what SNS's SDK makes, SMN's SDK sees, with both kinds of names; and projects see nothing of each other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from huaweicloudsdksmn.v2 import SmnClient
from tests.support.receiver import Receiver
from tests.support.server import Server
from tests.support.smn import ACCOUNT, PROJECT, REGION, ask, refused, smn_client

OTHER_ACCOUNT = "111122223333"
OTHER_PROJECT = "f" * 32
PROVISION = f"""
[[account]]
name = "default"
account_id = "{ACCOUNT}"
project_id = "{PROJECT}"
users = [
  {{ name = "admin", role = "owner" }},
  {{ name = "poster", role = "publisher" }},
  {{ name = "lister", role = "auditor", actions = ["smn:topic:list"] }},
  {{ name = "publisher", role = "auditor", actions = ["smn:topic:publish"] }},
  {{ name = "remover", role = "auditor", actions = ["smn:topic:deleteSubscription", "smn:topic:list"] }},
]
access_keys = [
  {{ id = "tidings", secret = "tidings-dev-secret", user = "admin" }},
  {{ id = "poster", secret = "poster-secret", user = "poster" }},
  {{ id = "lister", secret = "lister-secret", user = "lister" }},
  {{ id = "publisher", secret = "publisher-secret", user = "publisher" }},
  {{ id = "remover", secret = "remover-secret", user = "remover" }},
]

[[account]]
name = "other"
account_id = "{OTHER_ACCOUNT}"
project_id = "{OTHER_PROJECT}"
users = [{{ name = "them", role = "owner" }}]
access_keys = [{{ id = "theirs", secret = "their-secret", user = "them" }}]
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder: Path = tmp_path_factory.mktemp("clouds")
    (folder / "accounts.toml").write_text(PROVISION)
    server = Server(folder, environment={"TIDINGS_PROVISION": str(folder / "accounts.toml")}).start()
    yield server
    assert server.stop() == 0, server.log()


@pytest.fixture
def smn(server: Server) -> SmnClient:
    return smn_client(server)


@pytest.fixture
def theirs(server: Server) -> SmnClient:
    return smn_client(server, "theirs", "their-secret", OTHER_PROJECT)


def urn(name: str, project: str = PROJECT) -> str:
    return f"urn:smn:{REGION}:{project}:{name}"


def test_a_topic_made_with_boto3_is_listed_with_its_urn_and_the_other_way_round(
    sns: Any, smn: SmnClient, topic_name: str
) -> None:
    sns.create_topic(Name=f"{topic_name}-a", Attributes={"DisplayName": "From SNS"})
    found = ask(smn, "ListTopicDetails", topic_urn=urn(f"{topic_name}-a"))
    assert (found["display_name"], found["topic_urn"]) == ("From SNS", urn(f"{topic_name}-a"))
    made = ask(smn, "CreateTopic", body={"name": f"{topic_name}-b", "display_name": "From SMN"})
    arn = f"arn:aws:sns:{REGION}:{ACCOUNT}:{topic_name}-b"
    assert sns.get_topic_attributes(TopicArn=arn)["Attributes"]["DisplayName"] == "From SMN"
    assert made["topic_urn"] == urn(f"{topic_name}-b")
    assert arn in {topic["TopicArn"] for topic in sns.list_topics()["Topics"]}


def test_one_publish_reaches_each_in_the_form_of_its_own_cloud(
    sns: Any, smn: SmnClient, topic_name: str, receiver: Receiver
) -> None:
    arn = sns.create_topic(Name=topic_name)["TopicArn"]
    sns.subscribe(TopicArn=arn, Protocol="http", Endpoint=f"{receiver.url}/sns")
    receiver.confirm("/sns")
    added = ask(
        smn, "AddSubscription", topic_urn=urn(topic_name), body={"protocol": "http", "endpoint": f"{receiver.url}/smn"}
    )
    receiver.confirm("/smn")
    listed = ask(smn, "ListSubscriptionsByTopic", topic_urn=urn(topic_name))["subscriptions"]
    assert [item["endpoint"] for item in listed] == [f"{receiver.url}/sns", f"{receiver.url}/smn"]
    by_arn = sns.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"]
    assert {item["Endpoint"] for item in by_arn} == {item["endpoint"] for item in listed}
    uid = added["subscription_urn"].rsplit(":", 1)[1]
    assert uid in {item["SubscriptionArn"].rsplit(":", 1)[1].replace("-", "") for item in by_arn}

    by_sns = sns.publish(TopicArn=arn, Message="one", Subject="S")["MessageId"]
    assert receiver.wait_for_type("Notification", 1, "/sns").json["Message"] == "one"
    smn_form = receiver.wait_for_type("Notification", 1, "/smn").json
    assert (smn_form["message"], smn_form["subject"]) == ("one", "S")
    assert smn_form["message_id"] == by_sns.replace("-", "")
    by_smn = ask(smn, "PublishMessage", topic_urn=urn(topic_name), body={"message": "two"})["message_id"]
    assert receiver.wait_for_type("Notification", 2, "/smn").json["message_id"] == by_smn
    sns_form = receiver.wait_for_type("Notification", 2, "/sns").json
    assert (sns_form["Message"], sns_form["MessageId"]) == ("two", by_smn)


def test_what_one_cloud_cancels_the_other_sees_canceled(
    sns: Any, smn: SmnClient, topic_name: str, receiver: Receiver
) -> None:
    arn = sns.create_topic(Name=topic_name)["TopicArn"]
    sns.subscribe(TopicArn=arn, Protocol="http", Endpoint=f"{receiver.url}/{topic_name}")
    receiver.confirm()
    item = ask(smn, "ListSubscriptionsByTopic", topic_urn=urn(topic_name))["subscriptions"][0]
    assert item["status"] == 1
    uid = item["subscription_urn"].rsplit(":", 1)[1]
    dashed = "-".join((uid[:8], uid[8:12], uid[12:16], uid[16:20], uid[20:]))
    sns.unsubscribe(SubscriptionArn=f"{arn}:{dashed}")
    item = ask(smn, "ListSubscriptionsByTopic", topic_urn=urn(topic_name))["subscriptions"][0]
    assert item["status"] == 3
    ask(smn, "CancelSubscription", subscription_urn=item["subscription_urn"])
    assert sns.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"] == []


def test_a_deny_of_either_policy_is_kept_by_both_clouds(
    server: Server, sns: Any, smn: SmnClient, topic_name: str
) -> None:
    arn = sns.create_topic(Name=topic_name)["TopicArn"]
    deny = {"Sid": "no", "Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "SNS:Publish", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    sns.set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=policy)
    with refused(403, "SMN.00308"):
        ask(smn, "PublishMessage", topic_urn=urn(topic_name), body={"message": "m"})
    policy = policy.replace("Deny", "Allow").replace('"AWS": "*"', f'"AWS": "{ACCOUNT}"')
    sns.set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=policy)
    ask(smn, "PublishMessage", topic_urn=urn(topic_name), body={"message": "m"})
    statement = {
        "Sid": "no",
        "Effect": "Deny",
        "Principal": {"CSP": ["*"]},
        "Action": ["SMN:Publish"],
        "Resource": urn(topic_name),
    }
    value = json.dumps({"Version": "2016-09-07", "Id": "p", "Statement": [statement]})
    ask(smn, "UpdateTopicAttribute", topic_urn=urn(topic_name), name="access_policy", body={"value": value})
    poster = server.sns("poster", "poster-secret")
    with pytest.raises(ClientError, match="not authorized"):
        poster.publish(TopicArn=arn, Message="m")
    sns.publish(TopicArn=arn, Message="the owner keeps his rights, as SMN says")
    ask(smn, "DeleteTopicAttributes", topic_urn=urn(topic_name))
    poster.publish(TopicArn=arn, Message="m")


def test_projects_see_nothing_of_each_other(smn: SmnClient, theirs: SmnClient, topic_name: str) -> None:
    topic = ask(smn, "CreateTopic", body={"name": topic_name})["topic_urn"]
    added = ask(smn, "AddSubscription", topic_urn=topic, body={"protocol": "sms", "endpoint": "+12025550177"})
    template = ask(
        smn,
        "CreateMessageTemplate",
        body={"message_template_name": topic_name[:60], "protocol": "default", "content": "c"},
    )["message_template_id"]
    assert ask(theirs, "ListTopics")["topics"] == []
    assert ask(theirs, "ListSubscriptions")["subscription_count"] == 0
    assert ask(theirs, "ListMessageTemplates")["message_template_count"] == 0
    subscription = added["subscription_urn"]
    attempts: list[tuple[str, dict[str, Any]]] = [
        ("ListTopicDetails", {"topic_urn": topic}),
        ("UpdateTopic", {"topic_urn": topic, "body": {"display_name": "mine"}}),
        ("DeleteTopic", {"topic_urn": topic}),
        ("ListTopicAttributes", {"topic_urn": topic}),
        ("UpdateTopicAttribute", {"topic_urn": topic, "name": "introduction", "body": {"value": "mine"}}),
        ("DeleteTopicAttributes", {"topic_urn": topic}),
        ("ListSubscriptionsByTopic", {"topic_urn": topic}),
        ("AddSubscription", {"topic_urn": topic, "body": {"protocol": "email", "endpoint": "me@example.org"}}),
        ("PublishMessage", {"topic_urn": topic, "body": {"message": "m"}}),
        ("CancelSubscription", {"subscription_urn": subscription}),
        ("DeleteSubscriptionsByTopic", {"topic_urn": topic, "subscription_urn": subscription}),
        ("UpdateSubscription", {"topic_urn": topic, "subscription_urn": subscription, "body": {"remark": "mine"}}),
    ]
    for operation, given in attempts:
        with refused(403, "SMN.00308"):
            ask(theirs, operation, **given)
    for operation, given in (
        ("ListMessageTemplateDetails", {}),
        ("UpdateMessageTemplate", {"body": {"content": "mine"}}),
        ("DeleteMessageTemplate", {}),
    ):
        with refused(404, "SMN.0027"):
            ask(theirs, operation, message_template_id=template, **given)
    assert ask(smn, "ListTopicDetails", topic_urn=topic)["display_name"] == ""


def test_the_project_of_the_path_must_be_the_callers_own(server: Server) -> None:
    with refused(403, "SMN.0001"):
        ask(smn_client(server, "theirs", "their-secret", PROJECT), "ListTopics")


def test_a_policy_lets_another_project_publish_and_only_that(
    smn: SmnClient, theirs: SmnClient, topic_name: str
) -> None:
    topic = ask(smn, "CreateTopic", body={"name": topic_name})["topic_urn"]
    statement = {
        "Sid": "them",
        "Effect": "Allow",
        "Principal": {"CSP": [f"urn:csp:iam::{OTHER_ACCOUNT}:root"]},
        "Action": ["SMN:Publish"],
        "Resource": topic,
    }
    value = json.dumps({"Version": "2016-09-07", "Id": "p", "Statement": [statement]})
    ask(smn, "UpdateTopicAttribute", topic_urn=topic, name="access_policy", body={"value": value})
    assert ask(theirs, "PublishMessage", topic_urn=topic, body={"message": "m"})["message_id"]
    with refused(403, "SMN.00308"):
        ask(theirs, "ListTopicDetails", topic_urn=topic)


def test_users_do_what_their_actions_say_and_nothing_else(server: Server, smn: SmnClient, topic_name: str) -> None:
    topic = ask(smn, "CreateTopic", body={"name": topic_name})["topic_urn"]
    body = {"protocol": "sms", "endpoint": "+12025550178"}
    subscription = ask(smn, "AddSubscription", topic_urn=topic, body=body)["subscription_urn"]
    calls: dict[str, dict[str, Any]] = {
        "ListSubscriptions": {},
        "PublishMessage": {"topic_urn": topic, "body": {"message": "m"}},
        "CancelSubscription": {"subscription_urn": subscription},
    }
    may = {"lister": {"ListSubscriptions"}, "publisher": {"PublishMessage"}, "remover": set(calls) - {"PublishMessage"}}
    for user, allowed in may.items():
        client = smn_client(server, user, f"{user}-secret")
        for operation, given in calls.items():
            if operation in allowed:
                ask(client, operation, **given)
            else:
                with refused(403, "SMN.00308"):
                    ask(client, operation, **given)
