"""Forms in, XML out: for every input a value or one clear refusal, and always a well-formed document."""

from __future__ import annotations

import time
from urllib.parse import quote, quote_plus, unquote_to_bytes
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.dialects.sns.codec import (
    Malformed,
    answer,
    decode_form,
    escape,
    group,
    has_elements,
    listed,
    mapped,
    page_token,
    read_page_token,
    refusal,
)

text = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]))


@given(st.dictionaries(text.filter(bool), text, max_size=6), st.sampled_from([quote, quote_plus]))
def test_what_was_encoded_comes_back(params: dict[str, str], encode: object) -> None:
    assert callable(encode)
    raw = "&".join(f"{encode(name, safe='')}={encode(value, safe='')}" for name, value in params.items())
    assert decode_form(raw.encode()) == params


@given(st.binary(max_size=60))
def test_any_bytes_are_a_form_or_malformed(raw: bytes) -> None:
    try:
        params = decode_form(raw)
    except Malformed:
        return
    for name, value in params.items():
        assert "\x00" not in name + value
        (name + value).encode()


@given(st.text(alphabet="%=+&\r\n\t ab4C3", max_size=20))
def test_escapes_are_read_as_the_standard_library_reads_them(raw: str) -> None:
    try:
        params = decode_form(b"n=" + raw.replace("&", "").encode())
    except Malformed:
        return
    expected = unquote_to_bytes(raw.replace("&", "").replace("+", " ")).decode()
    assert params == {"n": expected}


@pytest.mark.parametrize(
    "raw",
    [b"a=%", b"a=%4", b"a=%zz", b"a=%00", b"a=\x00", b"a=%ff", b"a=%ed%a0%80", b"a=\xff", b"%=1", b"a=%c3"],
)
def test_broken_escapes_and_broken_text_are_malformed(raw: bytes) -> None:
    with pytest.raises(Malformed):
        decode_form(raw)


def test_an_empty_value_is_a_value_and_the_last_of_two_counts() -> None:
    assert decode_form(b"a=&b&c=1&c=2&&") == {"a": "", "b": "", "c": "2"}


def test_a_million_parameters_are_refused_at_once() -> None:
    raw = b"&".join([b"a=1"] * 500_000)
    started = time.monotonic()
    with pytest.raises(Malformed, match="at most"):
        decode_form(raw)
    assert time.monotonic() - started < 0.5


def test_two_mebibytes_decode_in_linear_time() -> None:
    started = time.monotonic()
    (value,) = decode_form(b"m=" + b"%7B%22a%22%3A1%7D+" * 110_000).values()
    assert value == '{"a":1} ' * 110_000
    assert time.monotonic() - started < 2


def test_groups_allow_gaps_and_any_order() -> None:
    params = {
        "Tags.member.7.Value": "w",
        "Tags.member.2.Key": "k",
        "Tags.member.7.Key": "l",
        "Tags.member.2.Value": "v",
        "X": "y",
    }
    assert group(params, "Tags.member") == [{"Key": "k", "Value": "v"}, {"Value": "w", "Key": "l"}]
    assert group({"TagKeys.member.1": "k"}, "TagKeys.member") == [{"": "k"}]
    assert group({"TagKeysX.member.1": "k"}, "TagKeys.member") == []


@pytest.mark.parametrize("index", ["x", "", "-1", "1e3", "9" * 5000, "\u0661"])
def test_an_index_must_be_a_number(index: str) -> None:
    with pytest.raises(Malformed):
        group({f"Tags.member.{index}.Key": "k"}, "Tags.member")


def test_an_empty_list_counts_as_none() -> None:
    assert not has_elements({"Tags": ""}, "Tags")
    assert has_elements({"Tags.member.1.Key": ""}, "Tags")
    assert not has_elements({"TagsX": ""}, "Tags")


@given(st.text(st.characters()))
def test_any_text_makes_a_well_formed_document(value: str) -> None:
    document = answer("DoThis", f"<A>{escape(value)}</A>", "rid")
    root = ElementTree.fromstring(document)
    assert root[0][0].text == (value if value and value == _legal(value) else _legal(value) or None)


def _legal(value: str) -> str:
    return "".join(c if _is_xml(c) else "\ufffd" for c in value)


def _is_xml(c: str) -> bool:
    return c in "\t\n\r" or "\x20" <= c <= "\ud7ff" or "\ue000" <= c <= "\ufffd" or c > "\uffff"


@given(st.text(st.characters()), st.integers(400, 599))
def test_any_error_text_makes_a_well_formed_document(message: str, status: int) -> None:
    root = ElementTree.fromstring(refusal(status, "Code", message, "rid"))
    kind = root[0][0].text
    assert kind == ("Sender" if status < 500 else "Receiver")
    assert root[1].text == "rid"


def test_lists_and_maps_have_the_shapes_of_the_protocol() -> None:
    assert listed("Topics", []) == "<Topics/>"
    assert listed("Topics", ["<A>1</A>"]) == "<Topics><member><A>1</A></member></Topics>"
    assert mapped("Attributes", {}) == "<Attributes/>"
    assert mapped("Attributes", {"a": "<"}) == "<Attributes><entry><key>a</key><value>&lt;</value></entry></Attributes>"


def test_an_action_without_result_has_no_result_element() -> None:
    assert b"Result" not in answer("DeleteTopic", None, "rid")
    assert b"<TagResourceResult></TagResourceResult>" in answer("TagResource", "", "rid")


@given(st.integers(1, 10**17), st.sampled_from(["topics", "subscriptions"]))
def test_a_page_token_goes_on_where_it_was_made_for(after: int, scope: str) -> None:
    assert read_page_token(scope, page_token(scope, after)) == after
    with pytest.raises(ValueError, match="NextToken"):
        read_page_token("another", page_token(scope, after))


@given(st.text(max_size=120))
def test_any_other_page_token_is_refused(token: str) -> None:
    try:
        after = read_page_token("topics", token)
    except ValueError:
        return
    assert token in ("", page_token("topics", after))
