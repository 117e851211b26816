"""What filter policies let through: the rules as properties, and policies read strictly."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.dialects.smn import codec
from tidings.dialects.smn.errors import SmnError
from tidings.dialects.smn.filter_rules import passes
from tidings.dialects.smn.filters import read_polices
from tidings.domain.model import MessageAttribute

NAMES = st.sampled_from(["week", "time", "color"])
VALUES = st.sampled_from(["a", "b", "c", "星期天"])
POLICES = st.dictionaries(NAMES, st.lists(VALUES, min_size=1, unique=True), min_size=1)
ATTRIBUTES = st.dictionaries(NAMES, st.one_of(VALUES, st.lists(VALUES, min_size=1, unique=True)))


def text_of(polices: dict[str, list[str]]) -> str:
    return codec.compact([{"name": name, "string_equals": values} for name, values in polices.items()])


def attributes_of(given_: dict[str, Any]) -> dict[str, MessageAttribute]:
    return {
        name: MessageAttribute("String.Array", json.dumps(value))
        if isinstance(value, list)
        else MessageAttribute("String", value)
        for name, value in given_.items()
    }


@given(POLICES, ATTRIBUTES)
def test_every_policy_whose_attribute_is_there_must_match_and_no_other_counts(
    polices: dict[str, list[str]], attributes: dict[str, Any]
) -> None:
    expected = all(
        set(wanted) & set(value if isinstance(value, list) else [value])
        for name, wanted in polices.items()
        if (value := attributes.get(name)) is not None
    )
    assert passes(text_of(polices), attributes_of(attributes)) is bool(expected)


@given(POLICES, ATTRIBUTES, NAMES)
def test_an_absent_attribute_never_rejects(
    polices: dict[str, list[str]], attributes: dict[str, Any], gone: str
) -> None:
    fewer = {name: value for name, value in attributes.items() if name != gone}
    if passes(text_of(polices), attributes_of(attributes)):
        assert passes(text_of(polices), attributes_of(fewer))
    assert passes(text_of(polices), {})


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), st.lists, max_leaves=8))
def test_whatever_is_sent_as_policies_is_read_or_refused_with_the_documented_code(sent: Any) -> None:
    for polices in (sent, [sent], [{"name": sent, "string_equals": ["v"]}], [{"name": "n", "string_equals": sent}]):
        refusal, read = None, None
        try:
            read = read_polices(polices)
        except SmnError as error:
            refusal = (error.code, error.status)
        assert refusal == ("SMN.0043", 400) if read is None else read == polices
        if read is not None:
            passes(codec.compact(read), attributes_of({"n": "v"}))


@pytest.mark.parametrize("value", ["a\n", "a b", "a-b", "", "x" * 33, "\ud800", "a\x00"])
def test_a_value_that_is_none_is_refused(value: str) -> None:
    with pytest.raises(SmnError, match=r"SMN\.0043"):
        read_polices([{"name": "n", "string_equals": [value]}])
