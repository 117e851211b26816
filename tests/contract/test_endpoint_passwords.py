"""Passwords within endpoints: delivered with, shown nowhere, unreadable in the data directory."""

from __future__ import annotations

import json
import sqlite3
from base64 import b64encode
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from tests.support.receiver import Receiver
from tests.support.server import Server
from tests.support.smn import PROJECT, Http, ask, smn_client

SECRET = "s3cr3t-Pa55"


def _with(receiver: Receiver, password: str, path: str) -> str:
    return receiver.url.replace("http://", f"http://user:{password}@") + path


def _everything_shown(server: Server, sns: Any, arn: str, topic: str) -> str:
    smn = smn_client(server)
    told = [
        sns.list_subscriptions(),
        sns.list_subscriptions_by_topic(TopicArn=topic),
        sns.get_subscription_attributes(SubscriptionArn=arn),
        ask(smn, "ListSubscriptions"),
        server.api("subscriptions"),
        server.api("ledger"),
    ]
    return json.dumps(told, default=str)


def _readable(folder: Path, *secrets: str) -> list[str]:
    files = [file for file in folder.rglob("*") if file.is_file()]
    return [f"{file.name}: {secret}" for file in files for secret in secrets if secret.encode() in file.read_bytes()]


@pytest.mark.parametrize("made_by", ["sns", "smn"])
def test_a_password_is_used_and_never_shown(
    server: Server, sns: Any, receiver: Receiver, topic_name: str, made_by: str
) -> None:
    topic = sns.create_topic(Name=topic_name)["TopicArn"]
    endpoint = _with(receiver, SECRET, f"/{made_by}")
    shown = endpoint.replace(SECRET, "****")

    def subscribe(to: str) -> str:
        if made_by == "sns":
            given = {"TopicArn": topic, "Protocol": "http", "Endpoint": to, "ReturnSubscriptionArn": True}
            return str(sns.subscribe(**given)["SubscriptionArn"])
        urn = f"urn:smn:us-east-1:{PROJECT}:{topic_name}"
        body = {"protocol": "http", "endpoint": to, "remark": to[:9]}
        answer = ask(smn_client(server), "AddSubscription", topic_urn=urn, body=body)
        uid = answer["subscription_urn"].rsplit(":", 1)[1]
        return str(server.api(f"subscriptions/{uid}")["arn"])

    arn = subscribe(endpoint)
    assert subscribe(endpoint) == arn
    other = subscribe(_with(receiver, "another-one", f"/{made_by}"))
    assert other != arn
    receiver.confirm(f"/{made_by}")
    wanted = {"Basic " + b64encode(f"user:{one}".encode()).decode() for one in (SECRET, "another-one")}
    receiver.wait_for_type("SubscriptionConfirmation", 3, f"/{made_by}")
    assert {got.headers["authorization"] for got in receiver.received} == wanted
    told = _everything_shown(server, sns, arn, topic)
    assert SECRET not in told
    assert "another-one" not in told
    assert shown in told
    for given in (endpoint, shown):
        found = server.api(f"subscriptions?endpoint={quote(given, safe='')}")["items"]
        assert {one["arn"] for one in found} == {arn, other}
        assert all("endpoint:password" not in one["settings"] for one in found)
    assert _readable(server.data, SECRET, "another-one") == []
    assert SECRET not in server.log()


def test_what_was_stored_in_clear_is_sealed_at_a_start(tmp_path: Path, receiver: Receiver) -> None:
    server = Server(tmp_path).start()
    sns = server.sns()
    topic = sns.create_topic(Name="old")["TopicArn"]
    endpoint = _with(receiver, SECRET, "/old")
    arn = sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=endpoint, ReturnSubscriptionArn=True)[
        "SubscriptionArn"
    ]
    receiver.confirm("/old")
    assert server.stop() == 0
    with sqlite3.connect(tmp_path / "state" / "tidings.db") as database:
        database.execute("UPDATE subscription SET endpoint = ?, endpoint_key = '', settings = '{}'", (endpoint,))
    database.close()
    server.start()
    try:
        sns.publish(TopicArn=topic, Message="hello")
        got = receiver.wait_for_type("Notification", 1, "/old")
        assert got.headers["authorization"] == "Basic " + b64encode(f"user:{SECRET}".encode()).decode()
        shown = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]["Endpoint"]
        assert shown == endpoint.replace(SECRET, "****")
        with sqlite3.connect(tmp_path / "state" / "tidings.db") as database:
            assert SECRET not in str(database.execute("SELECT endpoint, settings FROM subscription").fetchall())
        database.close()
        again = sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=endpoint, ReturnSubscriptionArn=True)
        assert again["SubscriptionArn"] == arn
    finally:
        assert server.stop() == 0


def test_an_export_shows_none(server: Server, sns: Any, receiver: Receiver, topic_name: str) -> None:
    topic = sns.create_topic(Name=topic_name)["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=_with(receiver, SECRET, "/console"))
    receiver.wait_for_type("SubscriptionConfirmation", 1, "/console")
    key = b64encode(b"tidings:tidings-dev-secret").decode()
    headers = {"Authorization": f"Basic {key}", "Accept": "text/csv"}
    reply = Http(server)("GET", "/api/v1/ledger", headers=headers)
    assert reply.headers["content-type"].startswith("text/csv")
    assert SECRET.encode() not in reply.raw
    assert b"user:****@" in reply.raw
