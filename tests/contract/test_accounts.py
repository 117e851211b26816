"""Several accounts on one server: name spaces apart, topic policies enforced, users by role. And the AWS CLI, unmodified."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.receiver import Receiver
from tests.support.server import KEY_ID, SECRET, Server

OTHER = "111111111111"
PROVISION = f"""
[[account]]
name = "other"
account_id = "{OTHER}"
users = [
  {{ name = "bob", role = "owner" }},
  {{ name = "eve", role = "auditor" }},
  {{ name = "lister", role = "owner", actions = ["smn:topic:list"] }},
  {{ name = "sender", role = "auditor", actions = ["tidings:publish"] }},
  {{ name = "sns", role = "auditor", actions = ["sns:Pub*", "sns:GetTopicAttributes"] }},
]
access_keys = [
  {{ id = "bobskey", secret = "bobs-secret", user = "bob" }},
  {{ id = "eveskey", secret = "eves-secret", user = "eve" }},
  {{ id = "listerskey", secret = "listers-secret", user = "lister" }},
  {{ id = "senderskey", secret = "senders-secret", user = "sender" }},
  {{ id = "snskey", secret = "sns-secret", user = "sns" }},
]
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("accounts")
    provision = folder / "provision.toml"
    provision.write_text(PROVISION)
    server = Server(folder).start("--provision", str(provision))
    yield server
    assert server.stop() == 0, server.log()


@pytest.fixture
def bob(server: Server) -> Any:
    return server.sns("bobskey", "bobs-secret")


@pytest.fixture
def topic(sns: Any, topic_name: str) -> str:
    return str(sns.create_topic(Name=topic_name)["TopicArn"])


def _refused(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 403, error
    assert "is not authorized to perform" in error["Error"]["Message"]
    return str(error["Error"]["Code"])


def test_another_account_may_do_nothing_by_default(bob: Any, topic: str) -> None:
    assert _refused(bob.publish, TopicArn=topic, Message="m") == "AuthorizationError"
    assert _refused(bob.subscribe, TopicArn=topic, Protocol="sms", Endpoint="+12025550100") == "AuthorizationError"
    assert _refused(bob.delete_topic, TopicArn=topic) == "AuthorizationError"
    assert topic not in [listed["TopicArn"] for listed in bob.list_topics()["Topics"]]


def test_a_permission_opens_one_action_until_it_is_removed(sns: Any, bob: Any, topic: str) -> None:
    sns.add_permission(TopicArn=topic, Label="let-bob", AWSAccountId=[OTHER], ActionName=["Publish"])
    assert bob.publish(TopicArn=topic, Message="m")["MessageId"]
    assert _refused(bob.get_topic_attributes, TopicArn=topic) == "AuthorizationError"
    sns.remove_permission(TopicArn=topic, Label="let-bob")
    assert _refused(bob.publish, TopicArn=topic, Message="m") == "AuthorizationError"


def test_an_explicit_deny_wins(sns: Any, bob: Any, topic: str) -> None:
    statements = [
        {"Sid": str(i), "Effect": effect, "Principal": {"AWS": OTHER}, "Action": "SNS:Publish", "Resource": topic}
        for i, effect in enumerate(("Allow", "Deny"))
    ]
    policy = json.dumps({"Version": "2012-10-17", "Id": "p", "Statement": statements})
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    assert json.loads(sns.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"]) == json.loads(policy)
    assert _refused(bob.publish, TopicArn=topic, Message="m") == "AuthorizationError"


def test_the_subscriber_and_the_topics_owner_may_both_cancel(
    sns: Any, bob: Any, topic: str, receiver: Receiver
) -> None:
    sns.add_permission(TopicArn=topic, Label="bob", AWSAccountId=[OTHER], ActionName=["Subscribe"])
    for count, client in enumerate((sns, bob), 1):
        answer = bob.subscribe(
            TopicArn=topic, Protocol="http", Endpoint=f"{receiver.url}/hook", ReturnSubscriptionArn=True
        )
        receiver.confirm("/hook", count)
        client.unsubscribe(SubscriptionArn=answer["SubscriptionArn"])
    assert not receiver.of_type("UnsubscribeConfirmation")


def test_an_auditor_looks_and_does_not_touch(server: Server, bob: Any, topic_name: str) -> None:
    eve = server.sns("eveskey", "eves-secret")
    arn = bob.create_topic(Name=topic_name)["TopicArn"]
    assert eve.get_topic_attributes(TopicArn=arn)["Attributes"]["Owner"] == OTHER
    assert _refused(eve.create_topic, Name="hers") == "AuthorizationError"


def test_a_users_actions_say_exactly_what_may_be_done(server: Server, bob: Any, topic_name: str) -> None:
    arn = bob.create_topic(Name=topic_name)["TopicArn"]
    lister, sender, sns_user = (server.sns(f"{who}key", f"{who}-secret") for who in ("listers", "senders", "sns"))
    assert _refused(lister.publish, TopicArn=arn, Message="m") == "AuthorizationError"
    assert _refused(lister.list_topics) == "AuthorizationError"
    assert sender.publish(TopicArn=arn, Message="m")["MessageId"]
    assert _refused(sender.get_topic_attributes, TopicArn=arn) == "AuthorizationError"
    batch = sns_user.publish_batch(TopicArn=arn, PublishBatchRequestEntries=[{"Id": "1", "Message": "m"}])
    assert len(batch["Successful"]) == 1
    assert sns_user.get_topic_attributes(TopicArn=arn)["Attributes"]["Owner"] == OTHER
    assert _refused(sns_user.delete_topic, TopicArn=arn) == "AuthorizationError"


def test_across_accounts_a_users_actions_need_the_topics_policy_too(server: Server, sns: Any, topic: str) -> None:
    sender, lister = (server.sns(f"{who}key", f"{who}-secret") for who in ("senders", "listers"))
    assert _refused(sender.publish, TopicArn=topic, Message="m") == "AuthorizationError"
    sns.add_permission(TopicArn=topic, Label="other", AWSAccountId=[OTHER], ActionName=["Publish"])
    assert sender.publish(TopicArn=topic, Message="m")["MessageId"]
    assert _refused(lister.publish, TopicArn=topic, Message="m") == "AuthorizationError"


def test_the_aws_cli_does_the_main_job(server: Server, receiver: Receiver, tmp_path: Path) -> None:
    aws = shutil.which("aws", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    assert aws is not None

    def run(*words: str) -> dict[str, Any]:
        environment = {
            **os.environ,
            "AWS_ACCESS_KEY_ID": KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_CONFIG_FILE": str(tmp_path / "none"),
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        command = [sys.executable, aws, "--endpoint-url", server.url, "--output", "json", "sns", *words]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        parsed: dict[str, Any] = json.loads(done.stdout) if done.stdout.strip() else {}
        return parsed

    topic = run("create-topic", "--name", "from-cli", "--tags", "Key=team,Value=harbor")["TopicArn"]
    run("subscribe", "--topic-arn", topic, "--protocol", "http", "--notification-endpoint", receiver.url)
    receiver.confirm()
    sent = run("publish", "--topic-arn", topic, "--message", "from the command line")
    assert receiver.wait_for_type("Notification").json["MessageId"] == sent["MessageId"]
    [row] = run("list-subscriptions-by-topic", "--topic-arn", topic)["Subscriptions"]
    run("unsubscribe", "--subscription-arn", row["SubscriptionArn"])
    assert run("get-topic-attributes", "--topic-arn", topic)["Attributes"]["SubscriptionsConfirmed"] == "0"
