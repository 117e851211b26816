"""What may be published: each member at its limits and beyond, with the documented code and status."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.build import ACCOUNT, NOW, UID

from tidings.dialects.smn import messages
from tidings.dialects.smn.errors import SmnError
from tidings.domain.model import MessageAttribute, Template

KB = 1024
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=20), inner, max_size=4),
    max_leaves=12,
)


def refusal(read: Callable[[], Any]) -> tuple[str, int]:
    with pytest.raises(SmnError) as refused:
        read()
    return refused.value.code, refused.value.status


def attribute(name: Any, kind: Any, value: Any) -> dict[str, Any]:
    return {"message_attributes": [{"name": name, "type": kind, "value": value}]}


def templates(**contents: str) -> dict[str, Template]:
    return {
        protocol: Template(1, UID, ACCOUNT, "letter", protocol, content, NOW, NOW)
        for protocol, content in contents.items()
    }


# --- subject and text --------------------------------------------------------------------------------------------------


def test_an_empty_subject_is_none() -> None:
    assert messages.read_subject({}) is None
    assert messages.read_subject({"subject": None}) is None
    assert messages.read_subject({"subject": ""}) is None
    assert messages.read_subject({"subject": "é" * 256}) == "é" * 256


@pytest.mark.parametrize("subject", ["x" * 513, "é" * 257, 5, ["x"], {}, True, "a\x00b", "\udc00"])
def test_a_bad_subject_is_refused(subject: Any) -> None:
    assert refusal(lambda: messages.read_subject({"subject": subject})) == ("SMN.0008", 403)


@pytest.mark.parametrize("message", ["x" * (256 * KB), "汉" * 87381, " ", '{"a":1}'])
def test_a_text_up_to_the_limit_is_for_everybody(message: str) -> None:
    assert messages.read_text({"message": message}) == (message, {})


@pytest.mark.parametrize("message", [None, "", "x" * (256 * KB + 1), "汉" * 87382, 5, {"a": 1}, [], "\x00", "\ud800"])
def test_a_bad_text_is_refused(message: Any) -> None:
    assert refusal(lambda: messages.read_text({"message": message})) == ("SMN.0009", 403)


# --- structure ---------------------------------------------------------------------------------------------------------


def test_a_structure_gives_a_text_per_protocol() -> None:
    given_texts = {"default": "d", "email": "mail", "sms": "text", "nobody-knows": 5, "http": "", "functionstage": "f"}
    assert messages.read_structure(json.dumps(given_texts)) == (
        "d",
        {"email": "mail", "sms": "text", "functionstage": "f"},
    )


@pytest.mark.parametrize("protocol", ["dingding", "feishu", "wechat", "dingTalkBot"])
@pytest.mark.parametrize("kind", ["text", "markdown"])
@pytest.mark.parametrize("as_text", [False, True])
def test_a_robots_text_keeps_its_json_form(protocol: str, kind: str, as_text: bool) -> None:
    said = {"msgType": kind, "content": "héllo", "at": {"isAtAll": True}}
    structure = json.dumps({"default": "d", protocol: json.dumps(said) if as_text else said})
    _, bodies = messages.read_structure(structure)
    assert json.loads(bodies[protocol]) == said


@pytest.mark.parametrize(
    "structure",
    [
        "",
        "no json",
        "[]",
        "null",
        '"default"',
        "{}",
        '{"email": "x"}',
        '{"default": 5}',
        '{"default": null}',
        '{"default": ""}',
        '{"default": {"a": "b"}}',
        '{"default": "a\\u0000b"}',
        '{"default": "\\ud800"}',
        '{"default": "d", "email": 5}',
        '{"default": "d", "sms": {"text": "x"}}',
        '{"default": "d", "http": ["x"]}',
        '{"default": "d", "https": true}',
        '{"default": "d", "email": "\\u0000"}',
        '{"default": "d", "feishu": "plain"}',
        '{"default": "d", "feishu": {"content": "x"}}',
        '{"default": "d", "feishu": {"msgType": "image", "content": "x"}}',
        '{"default": "d", "feishu": {"msgType": ["text"], "content": "x"}}',
        '{"default": "d", "feishu": {"msgType": "text", "content": "\\u0000"}}',
        '{"default": "d", "welink": {"msgType": "markdown", "content": "x"}}',
        '{"default": "d", "dingding": 5}',
        '{"default": "d"} more',
        '{"default": "d", }',
        '{"default": NaN}',
        '{"a":' * 5000,
        '{"default": "d"}' + " " * (256 * KB),
        "\x00",
        "\ud800",
    ],
)
def test_a_bad_structure_is_refused(structure: str) -> None:
    assert refusal(lambda: messages.read_structure(structure)) == ("SMN.0021", 400)


def test_the_size_of_a_structure_counts_the_text_as_written() -> None:
    structure = '{"default": "d"}'
    at_limit = structure + " " * (256 * KB - len(structure))
    assert messages.read_structure(at_limit) == ("d", {})
    assert refusal(lambda: messages.read_structure(at_limit + " ")) == ("SMN.0021", 400)


@given(JSON)
def test_any_json_is_a_structure_or_refused_with_its_code(value: Any) -> None:
    try:
        default, bodies = messages.read_structure(json.dumps(value))
    except SmnError as error:
        told = error.code
    else:
        told = "taken"
        assert default
        assert all(isinstance(text, str) for text in bodies.values())
    assert told in ("SMN.0021", "taken")


# --- templates ---------------------------------------------------------------------------------------------------------


def test_the_members_of_a_template_give_a_text_each() -> None:
    members = templates(default="Hello {name}", sms="Hi {name}", email="Dear {name} {other}")
    assert messages.fill(members, {"name": "{other}", "unused": "x"}) == (
        "Hello {other}",
        {"sms": "Hi {other}", "email": "Dear {other} {other}"},
    )


def test_what_is_missing_of_a_template_is_told_apart() -> None:
    assert refusal(lambda: messages.fill({}, {})) == ("SMN.0027", 404)
    assert refusal(lambda: messages.fill(templates(email="x"), {})) == ("SMN.0076", 404)


def test_a_template_must_not_grow_over_the_size_of_a_message_nor_become_empty() -> None:
    value = "x" * 1024
    assert messages.fill(templates(default="{a}" * 256), {"a": value})[0] == value * 256
    too_long = templates(default="{a}" * 256 + "!")
    assert refusal(lambda: messages.fill(too_long, {"a": value})) == ("SMN.0009", 403)
    assert refusal(lambda: messages.fill(templates(default="{a}"), {"a": ""})) == ("SMN.0009", 403)


@pytest.mark.parametrize("tags", [None, {}, {"a" * 21: "é" * 512}, {"a": ""}, {f"v{n}": "x" for n in range(90)}])
def test_tags_at_their_limits_are_taken(tags: Any) -> None:
    assert messages.read_tags({"tags": tags}) == (tags or {})


@pytest.mark.parametrize(
    "tags", [[], "a", 5, {"a" * 22: "x"}, {"": "x"}, {"a": "x" * 1025}, {"a": 5}, {"a": None}, {"a": "\x00"}]
)
def test_bad_tags_are_refused(tags: Any) -> None:
    assert refusal(lambda: messages.read_tags({"tags": tags})) == ("SMN.0038", 400)


def test_more_than_90_tags_are_refused() -> None:
    assert refusal(lambda: messages.read_tags({"tags": {f"v{n}": "x" for n in range(91)}})) == ("SMN.0075", 403)


# --- time to live and language -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ttl", "seconds"), [(None, 3600), ("1", 1), ("3600", 3600), ("604800", 604800), (60, 60), ("0060", 60)]
)
def test_a_time_to_live_is_text_or_a_number(ttl: Any, seconds: int) -> None:
    assert messages.read_ttl_s({"time_to_live": ttl}) == seconds


@pytest.mark.parametrize(
    "ttl", ["", "0", "-1", "604801", "1.5", "1h", " 1", "1\n", "٣", "9" * 400, 0, -1, 604801, 1.5, True, [], {}]
)
def test_a_bad_time_to_live_is_refused(ttl: Any) -> None:
    assert refusal(lambda: messages.read_ttl_s({"time_to_live": ttl})) == ("SMN.0009", 403)


@pytest.mark.parametrize(
    ("locale", "language"),
    [("zh-cn", "zh-CN"), ("zh_CN", "zh-CN"), ("zh-tw", "zh-CN"), ("en-us", "en"), ("fr-fr", ""), ("", ""), (None, "")],
)
def test_a_locale_is_one_of_our_languages_or_left_to_the_server(locale: Any, language: str) -> None:
    assert messages.read_language({"locale": locale}) == language


@pytest.mark.parametrize("locale", [5, [], {}, "\x00"])
def test_a_locale_that_is_no_text_is_refused(locale: Any) -> None:
    assert refusal(lambda: messages.read_language({"locale": locale})) == ("SMN.0009", 403)


# --- attributes ----------------------------------------------------------------------------------------------------------


def test_attributes_are_written_so_that_subscribers_of_both_clouds_read_them() -> None:
    given_attributes = [
        {"name": "week", "type": "STRING", "value": "sunday"},
        {"name": "time", "type": "STRING", "value": ["morning"]},
        {"name": "color", "type": "STRING_ARRAY", "value": ["红", "blue_1"]},
        {"name": "smn_protocol", "type": "PROTOCOL", "value": ["email", "sms", "email"]},
    ]
    assert messages.read_attributes({"message_attributes": given_attributes}) == (
        {
            "week": MessageAttribute("String", "sunday"),
            "time": MessageAttribute("String", "morning"),
            "color": MessageAttribute("String.Array", '["红","blue_1"]'),
        },
        ("email", "sms"),
    )


@pytest.mark.parametrize("members", [{}, {"message_attributes": None}, {"message_attributes": []}])
def test_no_attributes_are_none(members: dict[str, Any]) -> None:
    assert messages.read_attributes(members) == ({}, ())


@pytest.mark.parametrize(
    "name", [None, "", 5, "A", "a-b", "_a", "a_", "a__b", "a b", "a\n", "smn_x", "x" * 33, [], "é"]
)
def test_a_bad_attribute_name_is_refused(name: Any) -> None:
    assert refusal(lambda: messages.read_attributes(attribute(name, "STRING", "x"))) == ("SMN.0046", 400)


@pytest.mark.parametrize("kind", [None, "", "string", "NUMBER", 5, [], {}, "PROTOCOL"])
def test_a_bad_attribute_type_is_refused(kind: Any) -> None:
    assert refusal(lambda: messages.read_attributes(attribute("a", kind, "x"))) == ("SMN.0108", 400)


def test_the_protocol_attribute_has_its_own_type() -> None:
    members = attribute("smn_protocol", "STRING_ARRAY", ["email"])
    assert refusal(lambda: messages.read_attributes(members)) == ("SMN.0108", 400)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("STRING", None),
        ("STRING", ""),
        ("STRING", "x" * 33),
        ("STRING", "a b"),
        ("STRING", "a-b"),
        ("STRING", "a\n"),
        ("STRING", 5),
        ("STRING", []),
        ("STRING", ["a", "b"]),
        ("STRING", [5]),
        ("STRING", {"a": "b"}),
        ("STRING_ARRAY", "a"),
        ("STRING_ARRAY", []),
        ("STRING_ARRAY", ["a", "a"]),
        ("STRING_ARRAY", [f"v{n}" for n in range(11)]),
        ("STRING_ARRAY", ["a", 5]),
        ("STRING_ARRAY", [["a"]]),
        ("STRING_ARRAY", ["x" * 33]),
    ],
)
def test_a_bad_attribute_value_is_refused(kind: str, value: Any) -> None:
    assert refusal(lambda: messages.read_attributes(attribute("a", kind, value))) == ("SMN.0009", 403)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (None, ("SMN.0009", 403)),
        ("email", ("SMN.0009", 403)),
        ([], ("SMN.0009", 403)),
        (["carrier-pigeon"], ("SMN.0011", 400)),
        ([["email"]], ("SMN.0011", 400)),
    ],
)
def test_a_bad_list_of_protocols_is_refused(value: Any, code: tuple[str, int]) -> None:
    assert refusal(lambda: messages.read_attributes(attribute("smn_protocol", "PROTOCOL", value))) == code


@pytest.mark.parametrize("given_attributes", ["a", 5, {"name": "a"}, ["a"], [None], [[]]])
def test_attributes_of_another_shape_are_refused(given_attributes: Any) -> None:
    members = {"message_attributes": given_attributes}
    assert refusal(lambda: messages.read_attributes(members)) == ("SMN.0009", 403)


def test_an_attribute_given_twice_is_refused() -> None:
    twice = attribute("a", "STRING", "x")["message_attributes"] * 2
    assert refusal(lambda: messages.read_attributes({"message_attributes": twice})) == ("SMN.0046", 400)
    twice = attribute("smn_protocol", "PROTOCOL", ["sms"])["message_attributes"] * 2
    assert refusal(lambda: messages.read_attributes({"message_attributes": twice})) == ("SMN.0046", 400)


@given(st.dictionaries(st.sampled_from(["subject", "message", "tags", "time_to_live", "message_attributes"]), JSON))
def test_whatever_is_sent_is_read_or_refused_with_a_documented_code(members: dict[str, Any]) -> None:
    readers: list[Callable[[dict[str, Any]], object]] = [
        messages.read_subject,
        messages.read_text,
        messages.read_tags,
        messages.read_ttl_s,
        messages.read_language,
        messages.read_attributes,
    ]
    told = set()
    for read in readers:
        try:
            read(members)
        except SmnError as error:
            told.add(error.status)
    assert told <= {400, 403}
