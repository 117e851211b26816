"""Group bots, from AddSubscription to the chat: over services that answer as the real ones document, which no test can reach."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from huaweicloudsdksmn.v2 import SmnClient
from tests.support.bots import ChatServices
from tests.support.certificates import make_certificate
from tests.support.server import Server
from tests.support.smn import ask

SERVICES = ["feishu", "dingding", "wechat", "welink"]
CREDENTIALS = {"client_id": "welink-client", "client_secret": "welink-client-secret"}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_certificate(tmp_path_factory.mktemp("chat"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, certificate: tuple[Path, Path]) -> Iterator[Server]:
    """One that trusts the chat services' certificate: addresses of bots are HTTPS."""
    environment = {"SSL_CERT_FILE": str(certificate[0])}
    server = Server(tmp_path_factory.mktemp("smn-bots"), environment=environment).start()
    yield server
    assert server.stop() == 0, server.log()


@pytest.fixture
def chat(certificate: tuple[Path, Path]) -> Iterator[ChatServices]:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*certificate)
    with ChatServices(tls=tls) as services:
        yield services


def add(smn: SmnClient, topic_urn: str, chat: ChatServices, service: str, **extension: Any) -> str:
    if service == "welink":
        extension = CREDENTIALS | extension
    body = {"protocol": service, "endpoint": chat.url(service)} | ({"extension": extension} if extension else {})
    urn: str = ask(smn, "AddSubscription", topic_urn=topic_urn, body=body)["subscription_urn"]
    return urn


def publish(smn: SmnClient, topic_urn: str, **body: Any) -> None:
    ask(smn, "PublishMessage", topic_urn=topic_urn, body=body)


@pytest.mark.parametrize("service", SERVICES)
def test_a_bot_needs_no_confirmation_and_says_subject_and_text(
    smn: SmnClient, topic_urn: str, chat: ChatServices, service: str
) -> None:
    urn = add(smn, topic_urn, chat, service)
    [item] = ask(smn, "ListSubscriptionsByTopic", topic_urn=topic_urn)["subscriptions"]
    assert (item["subscription_urn"], item["protocol"]) == (urn, service)
    assert item["status"] in (1, 2)
    publish(smn, topic_urn, subject="High water", message="Pier 2 \u6f6e")
    assert "High water\nPier 2 \u6f6e" in str(chat.wait(1)[0].body).replace("\\n", "\n")
    assert chat.asked == 1  # nothing but the message came


def test_each_bot_gets_its_own_text_of_a_structured_message(smn: SmnClient, topic_urn: str, chat: ChatServices) -> None:
    for service in SERVICES:
        add(smn, topic_urn, chat, service)
    structure = {
        "default": "for all",
        "dingding": json.dumps({"msgType": "markdown", "title": "T", "content": "# tide", "at": {"isAtAll": True}}),
        "feishu": json.dumps({"msgType": "markdown", "title": "T", "content": "# tide", "color": "red"}),
        "welink": json.dumps({"msgType": "text", "content": "for WeLink"}),
    }
    publish(smn, topic_urn, message_structure=json.dumps(structure))
    said = {one.service: one.body for one in chat.wait(4)}
    assert said["dingding"]["markdown"] == {"title": "T", "text": "# tide"}
    assert said["dingding"]["at"] == {"isAtAll": True}
    assert said["feishu"]["card"]["elements"] == [{"tag": "markdown", "content": "# tide"}]
    assert said["welink"]["content"] == {"text": "for WeLink"}
    assert said["wechat"]["text"] == {"content": "for all"}


@pytest.mark.parametrize("service", ["feishu", "dingding"])
def test_a_bots_secret_signs_and_is_nowhere_to_be_read(
    smn: SmnClient, server: Server, topic_urn: str, chat: ChatServices, service: str
) -> None:
    chat.secret = f"SEC-{service}-very-secret"
    urn = add(smn, topic_urn, chat, service, sign_secret=chat.secret)
    publish(smn, topic_urn, message="signed")
    chat.wait(1)
    listed = ask(smn, "ListSubscriptionsByTopic", topic_urn=topic_urn)
    assert chat.secret not in str(listed)
    assert chat.secret not in server.log()
    kept = b"".join(path.read_bytes() for path in (server.data / "state").iterdir() if path.is_file())
    assert urn.rpartition(":")[2].encode() in kept
    assert chat.secret.encode() not in kept


@pytest.mark.parametrize("service", ["feishu", "dingding"])
def test_a_bots_keyword_is_added_where_it_is_missing(
    smn: SmnClient, topic_urn: str, chat: ChatServices, service: str
) -> None:
    chat.keyword = "alarm"
    add(smn, topic_urn, chat, service, keyword="alarm")
    publish(smn, topic_urn, message="high water")
    chat.wait(1)


def test_a_refusal_in_the_answers_body_is_final_and_seen_by_the_operator(
    smn: SmnClient, server: Server, topic_urn: str, chat: ChatServices
) -> None:
    urn = add(smn, topic_urn, chat, "wechat")
    chat.excuses.append({"errcode": 93000, "errmsg": "invalid webhook url"})
    publish(smn, topic_urn, message="lost")
    for _ in range(1000):
        letters = server.api(f"dead-letters?subscription={quote(urn)}")["items"]
        if letters:
            break
    assert (letters[0]["attempts"], letters[0]["reason"]) == (1, "wechat code 93000: the bot does not exist")
    assert chat.asked == 1


def test_what_was_sent_too_fast_is_sent_again_later(
    smn: SmnClient, server: Server, topic_urn: str, chat: ChatServices
) -> None:
    add(smn, topic_urn, chat, "dingding")
    chat.excuses.append({"errcode": 130101, "errmsg": "send too fast, exceed 20 times per minute"})
    publish(smn, topic_urn, message="patience")
    chat.wait_asked(1)
    for _ in range(200):  # until the failure is written down there is nothing that the clock could make due
        server.api("dev/clock", {"advance_s": 15})
        if chat.said:
            break
    assert chat.wait(1)[0].body["text"]["content"] == "patience"


def test_a_topic_of_sns_speaks_through_bots_too(smn: SmnClient, sns: Any, topic_urn: str, chat: ChatServices) -> None:
    add(smn, topic_urn, chat, "feishu")
    arn = sns.create_topic(Name=topic_urn.rpartition(":")[2])["TopicArn"]
    sns.publish(TopicArn=arn, Subject="S", Message="from SNS")
    assert chat.wait(1)[0].body["content"] == {"text": "S\nfrom SNS"}


def test_a_deleted_bot_says_nothing_more(smn: SmnClient, topic_urn: str, chat: ChatServices) -> None:
    gone = add(smn, topic_urn, chat, "feishu")
    add(smn, topic_urn, chat, "dingding")
    ask(smn, "CancelSubscription", subscription_urn=gone)
    publish(smn, topic_urn, message="m")
    assert [said.service for said in chat.wait(1)] == ["dingding"]
