"""Between a caller's requests much is remembered of key, user, topic and policy. Whatever changes one of them counts from the very next
request on, in each cloud's own protocol."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from huaweicloudsdkcore.exceptions.exceptions import ServiceResponseException
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tests.support.server import Server
from tests.support.smn import ask as ask_smn
from tests.support.smn import smn_client
from tests.support.tencent import ask as ask_tencent
from tests.support.tencent import sms_client

ACCEPTED = "accepted"
NO_KEY, NOT_ALLOWED = "no such key", "not allowed"
ANSWERS = {
    "InvalidClientTokenId": NO_KEY,
    "AuthorizationError": NOT_ALLOWED,
    "APIG.0301": NO_KEY,
    "SMN.00308": NOT_ALLOWED,
    "AuthFailure.SecretIdNotFound": NO_KEY,
    "AuthFailure.UnauthorizedOperation": NOT_ALLOWED,
    "UnauthorizedOperation": NOT_ALLOWED,
}
Publish = Callable[[], str]


def publisher(cloud: str, server: Server, topic: str, key: dict[str, str]) -> Publish:
    """Publishes by that cloud's SDK; says whether it was accepted, or why not."""
    if cloud == "sns":
        sns = server.sns(key["key_id"], key["secret"])

        def publish() -> str:
            try:
                sns.publish(TopicArn=topic, Message="m")
            except ClientError as error:
                return ANSWERS[error.response["Error"]["Code"]]
            return ACCEPTED

    elif cloud == "smn":
        smn = smn_client(server, key["key_id"], key["secret"], project_id=None)
        topics = ask_smn(smn, "ListTopics", limit=100)["topics"]
        (urn,) = (one["topic_urn"] for one in topics if one["name"] == topic.rpartition(":")[2])

        def publish() -> str:
            try:
                ask_smn(smn, "PublishMessage", topic_urn=urn, body={"message": "m"})
            except ServiceResponseException as error:
                return ANSWERS[error.error_code]
            return ACCEPTED

    else:
        sms = sms_client(server.url.removeprefix("http://"), key["key_id"], key["secret"])

        def publish() -> str:
            # There is no such application: whoever hears that was let in.
            try:
                ask_tencent(sms, "SendSms", PhoneNumberSet=["+12025550100"], SmsSdkAppId="1400000001", TemplateId="1")
            except TencentCloudSDKException as error:
                code = str(error.get_code())
                return ACCEPTED if "SdkAppId" in code else ANSWERS[code]
            return ACCEPTED

    return publish


@pytest.fixture
def topic(sns: Any, topic_name: str) -> str:
    return str(sns.create_topic(Name=topic_name)["TopicArn"])


@pytest.fixture
def user(topic_name: str) -> str:
    return topic_name[-60:].strip("-").lower()


@pytest.fixture
def key(server: Server, user: str) -> dict[str, str]:
    server.api("users", {"name": user, "role": "publisher"})
    made = server.api("access-keys", {"user": user})
    return {"key_id": made["key_id"], "secret": made["secret"]}


@pytest.fixture(params=["sns", "smn", "tencent"])
def publish(request: pytest.FixtureRequest, server: Server, topic: str, key: dict[str, str]) -> Publish:
    publish = publisher(request.param, server, topic, key)
    assert [publish(), publish()] == [ACCEPTED, ACCEPTED]
    return publish


def test_a_disabled_key(server: Server, key: dict[str, str], publish: Publish) -> None:
    path = f"access-keys/{key['key_id']}"
    server.api(path, {"disabled": True}, "PATCH")
    assert publish() == NO_KEY
    server.api(path, {"disabled": False}, "PATCH")
    assert publish() == ACCEPTED


def test_a_disabled_user(server: Server, user: str, publish: Publish) -> None:
    server.api(f"users/{user}", {"disabled": True}, "PATCH")
    assert publish() == NO_KEY
    server.api(f"users/{user}", {"disabled": False}, "PATCH")
    assert publish() == ACCEPTED


def test_a_users_actions(server: Server, user: str, publish: Publish) -> None:
    server.api(f"users/{user}", {"actions": ["tidings:read-topic"]}, "PATCH")
    assert publish() == NOT_ALLOWED
    server.api(f"users/{user}", {"actions": ["tidings:publish", "tidings:publish-sms"]}, "PATCH")
    assert publish() == ACCEPTED


def test_a_key_of_another_secret(server: Server, topic: str, key: dict[str, str], publish: Publish) -> None:
    forged = {**key, "secret": key["secret"][:-1] + ("A" if key["secret"][-1] != "A" else "B")}
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        server.sns(forged["key_id"], forged["secret"]).publish(TopicArn=topic, Message="m")
    assert publish() == ACCEPTED


def test_a_policy_of_the_topic(sns: Any, server: Server, topic: str, key: dict[str, str]) -> None:
    publish = publisher("sns", server, topic, key)
    assert [publish(), publish()] == [ACCEPTED, ACCEPTED]
    for effect, answer in (("Deny", NOT_ALLOWED), ("Allow", ACCEPTED), ("Deny", NOT_ALLOWED)):
        said = {"Sid": "s", "Effect": effect, "Principal": {"AWS": "*"}, "Action": "SNS:Publish", "Resource": topic}
        policy = json.dumps({"Version": "2012-10-17", "Id": "p", "Statement": [said]})
        sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
        assert publish() == answer


def test_a_topic_that_is_deleted_and_made_again(sns: Any, server: Server, topic: str, key: dict[str, str]) -> None:
    theirs = server.sns(key["key_id"], key["secret"])
    theirs.publish(TopicArn=topic, Message="m")
    sns.delete_topic(TopicArn=topic)
    with pytest.raises(ClientError, match="Topic does not exist"):
        theirs.publish(TopicArn=topic, Message="m")
    again = sns.create_topic(Name=topic.rpartition(":")[2], Attributes={"MaximumMessageSize": "1024"})["TopicArn"]
    assert again == topic
    with pytest.raises(ClientError, match="Message too long"):
        theirs.publish(TopicArn=topic, Message="m" * 1025)
    assert theirs.publish(TopicArn=topic, Message="m")["MessageId"]


def test_a_policy_with_a_condition_is_asked_each_time(sns: Any, server: Server, topic: str) -> None:
    condition = {"StringLike": {"aws:UserAgent": "refused*"}}
    said = {"Sid": "s", "Effect": "Deny", "Principal": "*", "Action": "SNS:Publish", "Resource": topic}
    policy = json.dumps({"Version": "2012-10-17", "Id": "p", "Statement": [{**said, "Condition": condition}]})
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    clients = {name: server.sns(user_agent=name) for name in ("taken", "refused")}
    for _ in range(2):
        assert clients["taken"].publish(TopicArn=topic, Message="m")["MessageId"]
        with pytest.raises(ClientError, match="is not authorized to perform"):
            clients["refused"].publish(TopicArn=topic, Message="m")
