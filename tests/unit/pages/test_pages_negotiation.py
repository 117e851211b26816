from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.subscribers import make_request

from tidings.pages.errors import BadRequest
from tidings.pages.negotiation import (
    FORM_BYTES_MAX,
    choose_language,
    is_one_click,
    query_value,
    read_form,
)

TAGS = ("en", "zh-CN")
MULTIPART = "multipart/form-data; boundary=b"
PART = b'--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n'


@pytest.mark.parametrize(
    ("asked", "accepted", "chosen"),
    [
        ("", "", "en"),
        ("", "zh-CN,zh;q=0.9", "zh-CN"),
        ("", "zh-Hans-SG", "zh-CN"),
        ("", "zh-TW", "zh-CN"),
        ("", "fr, zh;q=0.5, en;q=0.4", "zh-CN"),
        ("", "zh;q=0.4, en-GB;q=0.8", "en"),
        ("", "zh;q=0, fr", "en"),
        ("", "*", "en"),
        ("", "de", "en"),
        ("zh-cn", "en", "zh-CN"),
        ("klingon", "zh", "zh-CN"),
        ("", "zh;q=nonsense, en", "en"),
        ("", "zh;q=nan", "en"),
    ],
)
def test_the_language_is_the_one_asked_for_or_the_readers(asked: str, accepted: str, chosen: str) -> None:
    assert choose_language(TAGS, asked, accepted) == chosen


@given(st.text(), st.text())
def test_no_header_breaks_the_choice(asked: str, header: str) -> None:
    assert choose_language(TAGS, asked, header) in TAGS
    assert isinstance(query_value(header, asked), str)


def test_the_first_value_of_a_parameter_counts() -> None:
    assert query_value("lang=en&lang=zh", "lang") == "en"
    assert query_value("", "lang") == ""


def _form(body: bytes, content_type: str = "application/x-www-form-urlencoded") -> dict[str, str]:
    return dict(read_form(make_request("POST", "/s/c/x", body, {"content-type": content_type})))


def test_a_form_is_read() -> None:
    assert _form(b"shown=cancel%2Fen%2F1&x=") == {"shown": "cancel/en/1", "x": ""}


def test_a_form_with_too_many_fields_is_an_empty_one() -> None:
    assert _form(b"&".join(b"shown=x" for _ in range(17))) == {}


def test_a_post_without_body_is_an_empty_form() -> None:
    assert _form(b"", "") == {}
    assert _form(b"", "text/plain") == {}


@pytest.mark.parametrize(
    "content_type", ["application/x-www-form-urlencoded", "APPLICATION/x-www-form-urlencoded ; a=b"]
)
def test_one_click_comes_as_a_form(content_type: str) -> None:
    assert is_one_click(_form(b"List-Unsubscribe=One-Click", content_type))


@pytest.mark.parametrize(
    "body",
    [PART, PART.replace(b"\r\n", b"\n"), PART.replace(b'"\r\n\r\n', b'"\r\nContent-Type: text/plain\r\n\r\n')],
)
def test_one_click_comes_as_multipart_too(body: bytes) -> None:
    assert is_one_click(_form(body, MULTIPART))


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"x" * (FORM_BYTES_MAX + 1), "application/x-www-form-urlencoded", 413),
        (b"{}", "application/json", 415),
        (b"x", "", 415),
        (PART.replace(b"One-Click", b"Two-Click"), MULTIPART, 415),
    ],
)
def test_what_is_no_form_of_ours_is_refused(body: bytes, content_type: str, status: int) -> None:
    with pytest.raises(BadRequest) as refused:
        _form(body, content_type)
    assert refused.value.problem.status == status


@given(st.binary(max_size=FORM_BYTES_MAX), st.sampled_from(["application/x-www-form-urlencoded", MULTIPART]))
def test_no_body_breaks_the_form(body: bytes, content_type: str) -> None:
    with suppress(BadRequest):
        assert all(isinstance(value, str) for value in _form(body, content_type).values())
