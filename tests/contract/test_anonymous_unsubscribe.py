"""TIDINGS_ANONYMOUS_UNSUBSCRIBE=off at every entrance: who knows only a name cancels nothing, who holds a personal link does."""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from tests.support.receiver import Receiver
from tests.support.server import Server
from tests.support.smn import ask, smn_client
from tests.support.smtp import Mailbox


@pytest.fixture(scope="module")
def mailbox() -> Iterator[Mailbox]:
    with Mailbox() as mailbox:
        yield mailbox


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, mailbox: Mailbox) -> Iterator[Server]:
    settings = {"TIDINGS_ANONYMOUS_UNSUBSCRIBE": "off", "TIDINGS_SMTP_URL": mailbox.url}
    server = Server(tmp_path_factory.mktemp("off"), environment=settings).start()
    yield server
    assert server.stop() == 0, server.log()


def _request(server: Server, method: str, path: str, body: bytes | None = None, **headers: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


def _path(text: str, kind: str) -> str:
    found = re.search(rf"/s/{kind}/[0-9A-Za-z_-]+", text)
    assert found is not None, text
    return found[0]


@pytest.mark.parametrize("made_by", ["sns", "smn"])
def test_a_name_alone_cancels_nowhere(
    server: Server, sns: Any, receiver: Receiver, topic_name: str, made_by: str
) -> None:
    topic = sns.create_topic(Name=topic_name)["TopicArn"]
    urn = f"urn:smn:us-east-1:0123456789abcdef0123456789abcdef:{topic_name}"
    smn = smn_client(server)
    if made_by == "sns":
        sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=receiver.url)
    else:
        ask(smn, "AddSubscription", topic_urn=urn, body={"protocol": "http", "endpoint": receiver.url})
    receiver.confirm("/")
    (one,) = server.api(f"subscriptions?endpoint={quote(receiver.url)}&topic={quote(topic)}")["items"]
    uid, arn = one["uid"], one["arn"]
    paths = [
        f"/?Action=Unsubscribe&SubscriptionArn={arn}",
        f"/smn/subscription/unsubscribe?subscription_urn={urn}:{uid}",
        f"/v2/notifications/subscriptions/unsubscribe?subscription_urn={urn}:{uid}",
        f"/rest/v2/notifications/subscription/unsubscribe?subscription_urn={urn}:{uid}",
        f"/s/u/{uid}",
    ]
    for path in paths:
        for method, body in (("GET", None), ("POST", b""), ("POST", b"List-Unsubscribe=One-Click")):
            assert _request(server, method, path, body) in (401, 403), (method, path)
    form = f"Action=Unsubscribe&SubscriptionArn={quote(arn)}".encode()
    assert _request(server, "POST", "/", form, **{"Content-Type": "application/x-www-form-urlencoded"}) == 403
    assert server.api(f"subscriptions/{uid}")["state"] == "confirmed"
    sns.unsubscribe(SubscriptionArn=arn)
    assert server.api(f"subscriptions/{uid}")["state"] == "canceled"


def test_a_personal_link_still_cancels(server: Server, sns: Any, mailbox: Mailbox, topic_name: str) -> None:
    topic = sns.create_topic(Name=topic_name)["TopicArn"]
    arn = sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="ann@example.com", ReturnSubscriptionArn=True)[
        "SubscriptionArn"
    ]
    uid = arn.rsplit(":", 1)[1].replace("-", "")
    assert _request(server, "POST", _path(mailbox.next().text(), "y")) == 200
    sns.publish(TopicArn=topic, Message="hello")
    assert _request(server, "POST", _path(mailbox.next().text(), "c"), b"List-Unsubscribe=One-Click") == 200
    assert server.api(f"subscriptions/{uid}")["state"] == "canceled"
