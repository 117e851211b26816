"""The words of SMN's own messages, and what a structured message says to a bot."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.build import ACCOUNT, NOW, UID

from tidings.dialects.smn import bots, texts
from tidings.domain.envelope import BotContent
from tidings.domain.model import Kind, Message, Subscriber, SubscriptionId
from tidings.store.vault import FileVault
from tidings.wire.plain_text import is_plain

LINK = "https://t.example/s/p/" + "p" * 44


@pytest.mark.parametrize(
    ("tag", "language"),
    [("", ""), ("en-us", "en"), ("zh-CN", "zh-CN"), ("zh-cn", "zh-CN"), ("ZH_TW", "zh-CN"), ("fr", "")],
)
def test_a_tag_means_a_language_we_write(tag: str, language: str) -> None:
    assert texts.language_of(tag) == language


def test_the_notices_of_a_web_hook_tell_how_long_its_link_works() -> None:
    assert texts.hook_confirmation("urn", 172_800).endswith("valid for 48 hours.")
    assert texts.hook_goodbye("urn", 3_600).endswith("valid for 1 hour.")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", 1),
        ("x" * 160, 1),
        ("x" * 161, 2),
        ("x" * 306, 2),
        ("x" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("潮" * 70, 1),
        ("潮" * 71, 2),
        ("🦀" * 36, 2),
    ],
)
def test_a_long_text_takes_several_messages(text: str, parts: int) -> None:
    assert texts.parts_of(text) == parts


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_an_introduction_is_told_where_it_costs_nothing(language: str) -> None:
    told = texts.phone_confirmation("Harbor", LINK, "Tides.", language, is_code=False)
    assert "Tides." in told
    left_out = texts.phone_confirmation("Harbor", LINK, "T" * 110, language, is_code=False)
    assert "T" * 110 not in left_out or texts.parts_of(left_out) == texts.parts_of(told)
    assert LINK in left_out
    assert not set("[]【】") & set(told)  # networks in China refuse these


@given(st.text(max_size=60), st.text(max_size=60), st.sampled_from(["en", "zh-CN"]), st.booleans())
def test_no_name_or_introduction_breaks_the_text_or_hides_the_secret(
    name: str, introduction: str, language: str, is_code: bool
) -> None:
    told = texts.phone_confirmation(name, "123456", introduction, language, is_code=is_code)
    assert "123456" in told
    assert is_plain(told)


def speak(bodies: dict[str, str], protocol: str = "dingding", settings: dict[str, str] | None = None) -> BotContent:
    message = Message("m", Kind.NOTIFICATION, ACCOUNT, "smn", NOW, subject="S", body="default", bodies=bodies)
    who = Subscriber(SubscriptionId(1), UID, ACCOUNT, "smn", protocol, "https://bot.example/", settings or {})
    return bots.speak(message, who, FileVault(b"v" * 32))


def test_a_bot_says_subject_and_text() -> None:
    assert speak({}) == BotContent("S\ndefault")
    assert speak({"dingding": "own words"}) == BotContent("S\nown words")
    assert speak({"feishu": "not for this bot"}) == BotContent("S\ndefault")
    assert speak({"dingding": '{"no": "form"}'}) == BotContent('S\n{"no": "form"}')
    assert speak({"dingding": "{broken"}) == BotContent("S\n{broken")


@pytest.mark.parametrize(
    "members",
    [
        {"msgType": "markdown", "content": "# hi", "title": "T"},
        {"msgType": "markdown", "text": "# hi", "title": "T"},
        {"msgType": "Markdown", "markdown": "# hi", "subject": "T"},
        {"msgtype": "markdown", "markdown": {"title": "T", "text": "# hi"}},
        {"msgType": "markdown", "markdown": {"content": "# hi"}, "title": "T"},
        {"msgType": "markdown", "content": {"text": "# hi", "title": "T"}},
    ],
)
def test_a_structured_message_may_use_smns_members_or_the_services(members: dict[str, Any]) -> None:
    assert speak({"dingding": json.dumps(members)}) == BotContent("# hi", "markdown", "T")


def test_mentions_color_and_keyword_go_along() -> None:
    own = json.dumps({"msgType": "text", "content": "hi @1", "at": {"atMobiles": ["1"]}, "color": "red"})
    spoken = speak({"dingding": own}, settings={"smn:keyword": "alarm"})
    assert spoken == BotContent("hi @1", mentions={"atMobiles": ["1"]}, color="red", keyword="alarm")


def test_a_structured_message_without_words_is_refused() -> None:
    with pytest.raises(ValueError, match="no text"):
        speak({"dingding": '{"msgType":"text"}'})


@given(st.text(max_size=40) | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps))
def test_whatever_a_publisher_writes_is_said_or_refused(text: str) -> None:
    try:
        assert speak({"dingding": text}).text
    except ValueError:
        assert "msgType" in text
