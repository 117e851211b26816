"""What SMN subscribers receive, byte by byte, without a server."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.build import ACCOUNT, UID, make_topic

from tidings.dialects.smn.addresses import unsubscribe_link
from tidings.dialects.smn.envelopes import SmnEnvelopes
from tidings.domain.envelope import BotContent, HttpContent, MailContent, TextContent
from tidings.domain.mail_content import Links
from tidings.domain.model import Kind, Message, MessageAttribute, Subscriber, SubscriptionId, Topic, TopicId
from tidings.domain.retry import PEOPLE_PLAN, delay_s
from tidings.domain.tokens import LinkPurpose, confirmation_code, read_link
from tidings.store.vault import FileVault

AT = datetime(2026, 3, 4, 5, 6, 7, 890123, tzinfo=UTC)
PROJECT = "f" * 32
URN = f"urn:smn:us-east-1:{PROJECT}:news"
TOKEN = "ab" * 32
KEY = b"k" * 32
MESSAGE_ID = "0f8fad5b-d9cb-469f-a165-70867728950e"
PLAIN_ID = "0f8fad5bd9cb469fa16570867728950e"
CERTIFICATE = "SMN_us-east-1_" + "0" * 32 + ".pem"
VAULT = FileVault(b"v" * 32)


class Pen:
    """A signer that shows what it was asked to sign. A fake of our own: the real one hides its text in a signature."""

    certificate_url = "https://t.example/certs/another.pem"

    def __init__(self) -> None:
        self.texts: list[bytes] = []

    async def sign(self, text: bytes, algorithm: str) -> str:
        assert algorithm == "sha256"
        self.texts.append(text)
        return b64encode(text).decode()


class OneProject:
    async def project_of(self, account_id: str) -> str:
        assert account_id == ACCOUNT
        return PROJECT


def make_envelopes(pen: Pen | None = None) -> SmnEnvelopes:
    projects: Any = OneProject()
    return SmnEnvelopes(
        pen or Pen(),
        Links("https://t.example", KEY),
        projects,
        VAULT,
        region="us-east-1",
        certificate_name=CERTIFICATE,
        retry_base_s=5.0,
    )


def make_message(
    kind: Kind = Kind.NOTIFICATION, body: str = "hello", subject: str | None = None, **more: Any
) -> Message:
    return Message(MESSAGE_ID, kind, ACCOUNT, "smn", AT, TopicId(1), subject, body, subscription_uid=UID, **more)


def subscriber(protocol: str = "http", settings: Mapping[str, str] | None = None, uid: str = UID) -> Subscriber:
    endpoint = "https://receiver.example/hook"
    return Subscriber(SubscriptionId(1), uid, ACCOUNT, "smn", protocol, endpoint, settings or {})


async def dressed(
    message: Message, who: Subscriber, topic: Topic | None = None, pen: Pen | None = None, token: str = TOKEN
) -> Any:
    rendered = make_envelopes(pen).open(message, topic or make_topic(), token)
    if rendered.reads_signature(who):
        await rendered.sign()
    return rendered.for_subscriber(who)


def lines_of(content: HttpContent) -> list[str]:
    assert content.head.endswith(b"\r\n")
    return content.head.decode().removesuffix("\r\n").split("\r\n")


async def test_a_notification_has_the_documented_members_in_their_order_and_four_headers() -> None:
    pen = Pen()
    content = await dressed(make_message(subject="High water"), subscriber(), pen=pen)
    assert lines_of(content) == [
        "X-SMN-MESSAGE-TYPE: Notification",
        f"X-SMN-MESSAGE-ID: {PLAIN_ID}",
        f"X-SMN-TOPIC-URN: {URN}",
        f"X-SMN-SUBSCRIPTION-URN: {URN}:{UID}",
        "Content-Type: application/json; charset=UTF-8",
        "User-Agent: Tidings",
    ]
    members = json.loads(content.body)
    assert list(members) == [
        "type",
        "signature",
        "signature_version",
        "signing_cert_url",
        "topic_urn",
        "message_id",
        "message",
        "subject",
        "unsubscribe_url",
        "timestamp",
    ]
    assert members["signature_version"] == "v1"
    assert members["signing_cert_url"] == f"https://t.example/smn/{CERTIFICATE}"
    assert (members["message_id"], members["timestamp"]) == (PLAIN_ID, "2026-03-04T05:06:07Z")
    assert members["unsubscribe_url"] == unsubscribe_link("https://t.example", f"{URN}:{UID}", "us-east-1")
    assert pen.texts == [
        (
            "message\nhello\n"
            f"message_id\n{PLAIN_ID}\n"
            "subject\nHigh water\n"
            "timestamp\n2026-03-04T05:06:07Z\n"
            f"topic_urn\n{URN}\n"
            "type\nNotification\n"
        ).encode()
    ]


@pytest.mark.parametrize("subject", [None, ""])
async def test_without_a_subject_neither_the_member_nor_its_line_is_there(subject: str | None) -> None:
    pen = Pen()
    content = await dressed(make_message(subject=subject), subscriber(), pen=pen)
    assert "subject" not in json.loads(content.body)
    assert b"subject" not in pen.texts[0]


@pytest.mark.parametrize(
    ("kind", "type_", "told"),
    [
        (Kind.CONFIRMATION, "SubscriptionConfirmation", [URN, "subscribe_url", "48 hours"]),
        (Kind.GOODBYE, "UnsubscribeConfirmation", ["unsubscribed", f"{URN}:{UID}", "48 hours"]),
    ],
)
async def test_a_notice_carries_its_link_and_signs_it(kind: Kind, type_: str, told: list[str]) -> None:
    pen = Pen()
    content = await dressed(make_message(kind, body=""), subscriber(settings={"smn:header": '{"x-own":"1"}'}), pen=pen)
    members = json.loads(content.body)
    assert list(members) == [
        "type",
        "signature",
        "signature_version",
        "signing_cert_url",
        "topic_urn",
        "message_id",
        "message",
        "subscribe_url",
        "timestamp",
    ]
    assert members["type"] == type_
    assert all(part in members["message"] for part in told)
    link = urlsplit(members["subscribe_url"])
    assert link.path == "/smn/subscription/confirm"
    assert parse_qs(link.query) == {
        "token": [TOKEN],
        "topic_urn": [URN],
        "region": ["us-east-1"],
        "region_id": ["us-east-1"],
    }
    assert pen.texts == [
        (
            f"message\n{members['message']}\nmessage_id\n{PLAIN_ID}\nsubscribe_url\n{members['subscribe_url']}\n"
            f"timestamp\n2026-03-04T05:06:07Z\ntopic_urn\n{URN}\ntype\n{type_}\n"
        ).encode()
    ]
    assert f"X-SMN-SUBSCRIPTION-URN: {URN}:{UID}" in lines_of(content)
    assert "x-own: 1" not in lines_of(content)  # of a confirmed subscription only


async def test_a_message_is_signed_once_per_text_whoever_receives_it() -> None:
    pen = Pen()
    message = make_message(bodies={"https": "secret hello"})
    rendered = make_envelopes(pen).open(message, make_topic(), "")
    readers = [subscriber(protocol, uid=f"{n:032x}") for n in range(50) for protocol in ("http", "https", "email")]
    for who in readers:
        rendered.reads_signature(who)
    await rendered.sign()
    assert not any(rendered.reads_signature(who) for who in readers)
    assert len(pen.texts) == 2
    bodies = [json.loads(rendered.for_subscriber(who).body) for who in readers if who.protocol != "email"]  # type: ignore[union-attr]
    assert [body["message"] for body in bodies] == ["hello", "secret hello"] * 50
    assert len({body["unsubscribe_url"] for body in bodies}) == 50


@given(st.text(min_size=1), st.text())
async def test_any_text_survives_the_way_into_json(body: str, subject: str) -> None:
    message = make_message(body=body, subject=subject)
    try:
        body.encode(), subject.encode()
    except UnicodeEncodeError:
        return  # half a character: no JSON body of a call can hold one
    content = await dressed(message, subscriber())
    members = json.loads(content.body)
    assert (members["message"], members.get("subject", "")) == (body, subject)
    assert json.loads(json.dumps(members)) == members


async def test_own_headers_follow_the_documented_ones() -> None:
    content = await dressed(make_message(), subscriber(settings={"smn:header": '{"x-team":"harbor 7","Tier":""}'}))
    assert lines_of(content)[-2:] == ["x-team: harbor 7", "Tier: "]


@given(st.dictionaries(st.text(min_size=1), st.text(), min_size=1, max_size=3))
async def test_own_headers_never_add_a_line_of_their_own_making(own: dict[str, str]) -> None:
    try:
        content = await dressed(make_message(), subscriber(settings={"smn:header": json.dumps(own)}))
    except ValueError:
        return
    assert len(lines_of(content)) == 6 + len(own)
    assert content.head.isascii()


@pytest.mark.parametrize("own", [{"x": "a\r\nHost: evil"}, {"x\r\nHost": "evil"}, {"x": "\u4f60"}, {"": "v"}, {"x": 1}])
async def test_a_header_that_cannot_be_one_is_refused(own: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="malformed"):
        await dressed(make_message(), subscriber(settings={"smn:header": json.dumps(own)}))


async def test_a_mail_has_links_for_people_and_the_topics_name_as_its_sender() -> None:
    topic = make_topic(display_name="Harbor", settings={"smn:introduction": "Tides and ferries."})
    mail = await dressed(make_message(subject="High water", bodies={"email": "for mail"}), subscriber("email"), topic)
    assert isinstance(mail, MailContent)
    assert (mail.template, mail.subject, mail.from_name, mail.text) == (
        "notification",
        "High water",
        "Harbor",
        "for mail",
    )
    assert mail.cancel_url.startswith("https://t.example/s/c/")
    assert mail.one_click_url.startswith("https://t.example/s/c/")
    assert (mail.confirm_url, mail.introduction, mail.language) == ("", "", "en")
    asked = await dressed(make_message(Kind.CONFIRMATION, "", language="zh-CN"), subscriber("email"), topic)
    assert (asked.template, asked.introduction, asked.language) == ("confirmation", "Tides and ferries.", "zh-CN")
    assert asked.confirm_url == f"https://t.example/s/y/{TOKEN}"
    assert (asked.subject, asked.cancel_url, asked.one_click_url) == ("", "", "")
    bye = await dressed(make_message(Kind.GOODBYE, ""), subscriber("email"), topic)
    assert (bye.template, bye.confirm_url, bye.introduction) == ("goodbye", f"https://t.example/s/r/{TOKEN}", "")


async def test_a_phone_gets_the_text_and_nothing_else() -> None:
    topic = make_topic(display_name="Harbor")
    content = await dressed(make_message(subject="s", bodies={"sms": "short"}), subscriber("sms"), topic)
    assert content == TextContent("short")
    longest = await dressed(make_message(body="x" * 1000), subscriber("sms"))
    assert len(longest.text) == 1000
    with pytest.raises(ValueError, match="1000"):
        await dressed(make_message(body="x" * 1001), subscriber("sms"))


async def test_a_phone_is_asked_with_the_one_link_that_stays() -> None:
    topic = make_topic(display_name="Harbor", settings={"smn:introduction": "Tides."})
    content = await dressed(make_message(Kind.CONFIRMATION, ""), subscriber("sms"), topic)
    link = content.text.rpartition("https://")[2].split()[0]
    assert link.startswith("t.example/s/p/")
    assert read_link(KEY, LinkPurpose.PERMANENT, link.removeprefix("t.example/s/p/")) == UID
    assert "Harbor" in content.text
    assert TOKEN not in content.text


@pytest.mark.parametrize("language", ["", "zh-CN"])
async def test_a_phone_that_wants_a_code_gets_a_code_and_no_link(language: str) -> None:
    wants = {"smn:verification_code_enabled": "true"}
    content = await dressed(make_message(Kind.CONFIRMATION, "", language=language), subscriber("sms", wants))
    assert confirmation_code(KEY, UID, AT) in content.text
    assert "http" not in content.text


async def test_a_phone_is_told_nothing_when_its_owner_cancels() -> None:
    with pytest.raises(ValueError, match="cancels"):
        await dressed(make_message(Kind.GOODBYE, ""), subscriber("sms"))


async def test_a_bot_speaks_and_is_never_asked() -> None:
    sealed = b64encode(VAULT.seal(b"the secret")).decode()
    content = await dressed(make_message(subject="s"), subscriber("feishu", {"smn:sign_secret": sealed}))
    assert content == BotContent("s\nhello", sign_secret="the secret")
    assert "the secret" not in repr(content)
    with pytest.raises(ValueError, match="no envelope"):
        await dressed(make_message(Kind.CONFIRMATION, ""), subscriber("feishu"))


async def test_messages_of_another_dialect_are_shown_in_smns_form() -> None:
    message = replace(
        make_message(bodies={"http": "for hooks", "sqs": "for queues"}),
        dialect="sns",
        attributes={"data": MessageAttribute("Binary", "AAE=")},
    )
    members = json.loads((await dressed(message, subscriber())).body)
    assert (members["message"], members["message_id"]) == ("for hooks", PLAIN_ID)


def test_a_web_hook_is_tried_six_more_times_each_after_twice_the_wait() -> None:
    plan = make_envelopes().retry_plan(None, subscriber())
    assert [delay_s(plan, attempt) for attempt in range(1, 7)] == pytest.approx([5, 10, 20, 40, 80, 160])
    assert delay_s(plan, 7) is None
    assert not plan.retries_4xx
    for protocol in ("email", "sms", "dingding"):
        assert make_envelopes().retry_plan(None, subscriber(protocol)) is PEOPLE_PLAN


def test_web_hooks_and_bots_have_five_seconds() -> None:
    envelopes = make_envelopes()
    assert [envelopes.timeout_s(subscriber(p)) for p in ("http", "https", "feishu", "email")] == [5.0, 5.0, 5.0, 60.0]


def test_filter_policies_decide_who_wants_a_message() -> None:
    envelopes = make_envelopes()
    policies = json.dumps([{"name": "week", "string_equals": ["sunday", "monday"]}])
    filtered = subscriber(settings={"smn:filter_polices": policies})

    def wants(attributes: dict[str, MessageAttribute]) -> bool:
        return envelopes.wants(make_message(attributes=attributes), filtered)

    assert wants({})
    assert wants({"week": MessageAttribute("String", "sunday")})
    assert not wants({"week": MessageAttribute("String", "friday")})
    assert wants({"week": MessageAttribute("String.Array", '["friday","monday"]')})
    assert wants({"other": MessageAttribute("String", "friday")})
    assert envelopes.wants(make_message(attributes={"week": MessageAttribute("String", "friday")}), subscriber())
