"""Templates filled in, signs, and the rules of values and whole texts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.build import ACCOUNT, NOW

from tidings.dialects.tencent.composing import (
    CHINA,
    fill,
    place_count,
    reaches,
    text_refused,
    values_refused,
    with_sign,
)
from tidings.domain.optout import SmsType
from tidings.domain.texts import Reach, Review, SmsSign, SmsTemplate
from tidings.wire.smpp import gsm
from tidings.wire.smpp.splitting import split

NOT_MATCHING = "FailedOperation.TemplateParamSetNotMatchApprovedTemplate"
NO_CODE = "InvalidParameterValue.TemplateParameterFormatError"
TOO_LONG = "InvalidParameterValue.TemplateParameterLengthLimit"
URL = "InvalidParameterValue.ProhibitedUseUrlInTemplateParameter"
VALUES = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def template(content: str, kind: SmsType = SmsType.NOTIFICATION, reach: Reach = Reach.BOTH) -> SmsTemplate:
    return SmsTemplate(1101, ACCOUNT, "name", content, kind, reach, Review.USABLE, NOW)


# --- filling in --------------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.text("ab{} 你", max_size=5), VALUES), max_size=9), st.text("ab 你", max_size=5))
def test_every_place_is_filled_by_its_value_and_nothing_else_changes(pieces: list[tuple[str, str]], end: str) -> None:
    pieces = [(text.replace("{", "(").replace("}", ")"), value) for text, value in pieces]
    content = "".join(f"{text}{{{index}}}" for index, (text, _) in enumerate(pieces, 1)) + end
    values = [value for _, value in pieces]
    assert place_count(content) == len(values)
    assert fill(content, values) == "".join(text + value for text, value in pieces) + end


def test_a_place_may_come_twice_and_a_value_is_not_looked_at_for_places() -> None:
    assert fill("{1}, {2} and {1}", ["{2}", "b"]) == "{2}, b and {2}"


@given(st.integers(0, 12), st.integers(0, 12))
def test_the_number_of_values_must_be_the_number_of_places(places: int, values: int) -> None:
    content = " ".join(f"{{{index}}}" for index in range(1, places + 1)) or "nothing"
    expected = None if places == values else NOT_MATCHING
    assert values_refused(template(content), ["1"] * values, mainland=True) == expected


# --- values ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["", "0", "123456"])
def test_a_code_has_up_to_six_digits(value: str) -> None:
    code = template("{1} is your code", SmsType.VERIFICATION_CODE)
    assert values_refused(code, [value], mainland=True) is None


@pytest.mark.parametrize("value", ["1234567", "12a", " 1", "1\n", "１２", "-1", "abc"])
@pytest.mark.parametrize("mainland", [True, False])
def test_anything_else_is_no_code(value: str, mainland: bool) -> None:
    code = template("{1} is your code", SmsType.VERIFICATION_CODE)
    assert values_refused(code, [value], mainland=mainland) == NO_CODE
    assert values_refused(template("{1} is your code"), [value], mainland=mainland) is None


def test_a_value_is_not_longer_than_a_text() -> None:
    assert values_refused(template("{1}"), ["x" * 500], mainland=True) is None
    assert values_refused(template("{1}"), ["x" * 501], mainland=True) == TOO_LONG
    assert values_refused(template("{1}"), ["x" * 501], mainland=False) == TOO_LONG


@pytest.mark.parametrize(
    "value",
    [
        "https://a.example/b",
        "HTTP://1.2.3.4",
        "weixin://dl/business",
        "www.tencent",
        "url.cn/abc",
        "see t.cn/A6 now",
        "shop.example.com",
        "点击tencent.com",
        "a.co/b",
    ],
)
def test_a_url_is_no_value_in_mainland_china(value: str) -> None:
    assert values_refused(template("{1}"), [value], mainland=True) == URL
    assert values_refused(template("{1}"), [value], mainland=False) is None


@pytest.mark.parametrize(
    "value", ["3.50", "2026.11.21", "Mr.Smith", "a/b", "12:30", "10.5元/斤", "e.g. this", "www", "St.Peter", "Node.js"]
)
def test_a_dot_or_a_slash_makes_no_url(value: str) -> None:
    assert values_refused(template("{1}"), [value], mainland=True) is None


# --- the whole text ----------------------------------------------------------------------------------------------------


def test_the_sign_stands_before_the_text() -> None:
    assert with_sign("你好", "腾讯云", mainland=True) == "【腾讯云】你好"
    assert with_sign("hello", "Tidings", mainland=True) == "【Tidings】hello"
    assert with_sign("hello", "Tidings", mainland=False) == "[Tidings] hello"
    assert with_sign("你好", "腾讯云", mainland=False) == "【腾讯云】你好"
    assert with_sign("hello", "", mainland=False) == "hello"


@given(st.text("abcdefghij €[]", max_size=140), st.text("Tidings", min_size=1, max_size=12))
def test_outside_mainland_china_a_sign_keeps_the_text_in_its_alphabet(text: str, sign: str) -> None:
    whole = with_sign(text, sign, mainland=False)
    gsm.encode(whole)
    assert len(split(whole, 0)) <= 2


@pytest.mark.parametrize(("length", "code"), [(500, None), (501, "InvalidParameterValue.ContentLengthLimit")])
def test_a_text_has_up_to_500_characters(length: int, code: str | None) -> None:
    assert text_refused("x" * length, SmsType.NOTIFICATION, NOW, mainland=False) == code


@given(
    st.integers(1_577_836_800, 2_208_988_800).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
    st.sampled_from(SmsType),
    st.booleans(),
)
def test_marketing_is_sent_by_day_in_mainland_china(at: datetime, kind: SmsType, mainland: bool) -> None:
    by_day = 8 <= (at + timedelta(hours=8)).hour < 22
    refused = text_refused("text", kind, at, mainland=mainland)
    expected = mainland and kind is SmsType.MARKETING and not by_day
    assert refused == ("FailedOperation.MarketingSendTimeConstraint" if expected else None)


@pytest.mark.parametrize(("hour", "minute", "sent"), [(7, 59, False), (8, 0, True), (21, 59, True), (22, 0, False)])
def test_the_day_begins_at_8_and_ends_at_22(hour: int, minute: int, sent: bool) -> None:
    at = datetime(2026, 11, 21, hour, minute, tzinfo=CHINA)
    assert (text_refused("text", SmsType.MARKETING, at, mainland=True) is None) is sent


@pytest.mark.parametrize(
    ("reach", "mainland", "fits"),
    [
        (Reach.MAINLAND, True, True),
        (Reach.MAINLAND, False, False),
        (Reach.GLOBAL, True, False),
        (Reach.GLOBAL, False, True),
        (Reach.BOTH, True, True),
        (Reach.BOTH, False, True),
    ],
)
def test_templates_and_signs_are_for_their_kind_of_numbers(reach: Reach, mainland: bool, fits: bool) -> None:
    assert reaches(template("text", reach=reach), mainland=mainland) is fits
    assert reaches(SmsSign(1, ACCOUNT, "Tidings", reach, Review.USABLE, NOW), mainland=mainland) is fits
