"""Which topics a filter over tags finds."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.dialects.smn.errors import SmnError
from tidings.dialects.smn.tags import Filter, read_filter

KEYS, VALUES = st.sampled_from("abc"), st.sampled_from("12")
TAGS = st.dictionaries(KEYS, VALUES)
WANTED = st.dictionaries(KEYS, st.frozensets(VALUES))


def fits(kept: dict[str, str], **body: Any) -> bool:
    return read_filter(body).fits("news", kept)


def test_an_empty_filter_fits_everything() -> None:
    assert fits({})
    assert fits({"a": "1"}, tags=[], tags_any=[], not_tags=[], not_tags_any=[], matches=[], without_any_tag=False)


def test_values_of_a_key_are_alternatives_and_none_means_any() -> None:
    assert fits({"a": "2"}, tags=[{"key": "a", "values": ["1", "2"]}])
    assert not fits({"a": "3"}, tags=[{"key": "a", "values": ["1", "2"]}])
    assert fits({"a": "3"}, tags=[{"key": "a", "values": []}])
    assert fits({"a": "3"}, tags=[{"key": "a"}])
    assert not fits({"A": "3"}, tags=[{"key": "a"}])


@given(TAGS, WANTED)
def test_the_not_forms_are_the_opposite(tags: dict[str, str], wanted: dict[str, frozenset[str]]) -> None:
    none: dict[str, frozenset[str]] = {}
    if wanted:
        every = Filter(wanted, none, none, none).fits("x", tags)
        some = Filter(none, wanted, none, none).fits("x", tags)
        assert Filter(none, none, wanted, none).fits("x", tags) is not every
        assert Filter(none, none, none, wanted).fits("x", tags) is not some
        assert some or not every


@given(TAGS, WANTED, WANTED)
def test_what_is_given_together_must_fit_together(
    tags: dict[str, str], one: dict[str, frozenset[str]], other: dict[str, frozenset[str]]
) -> None:
    none: dict[str, frozenset[str]] = {}
    both = Filter(one, none, none, other).fits("x", tags)
    assert both is (Filter(one, none, none, none).fits("x", tags) and Filter(none, none, none, other).fits("x", tags))


def test_without_any_tag_leaves_the_others_out() -> None:
    assert fits({}, without_any_tag=True, tags=[{"key": "a"}])
    assert not fits({"a": "1"}, without_any_tag=True, tags=[{"key": "a"}])
    assert not fits({}, without_any_tag=True, matches=[{"key": "resource_name", "value": "other"}])


def test_names_match_exactly() -> None:
    assert fits({}, matches=[{"key": "resource_name", "value": "news"}])
    assert not fits({}, matches=[{"key": "resource_name", "value": "new"}])
    assert not fits({}, matches=[{"key": "resource_name", "value": ""}])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["key", "value", "values"]), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(
    st.dictionaries(
        st.sampled_from(["tags", "tags_any", "not_tags", "not_tags_any", "matches", "without_any_tag"]),
        JSON,
        max_size=3,
    )
)
def test_any_filter_is_read_or_refused_with_the_code_of_tags(body: dict[str, Any]) -> None:
    found, code = None, ""
    try:
        found = read_filter(body)
    except SmnError as error:
        code = error.code
    assert code == "SMN.0038" if found is None else found.fits("news", {}) in (True, False)


@pytest.mark.parametrize("count", [20, 21])
def test_a_filter_has_at_most_20_keys(count: int) -> None:
    body = {"tags": [{"key": str(n)} for n in range(count)]}
    if count == 20:
        assert len(read_filter(body).tags) == 20
    else:
        with pytest.raises(SmnError):
            read_filter(body)
