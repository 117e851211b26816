"""Variables of templates: what counts as one, and what filling in does."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.dialects.smn.errors import SmnError
from tidings.dialects.smn.template_text import check_content, filled, variables

NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True)
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=60)
PIECES = st.lists(st.one_of(TEXTS, NAMES.map(lambda name: f"{{{name}}}"), st.sampled_from(["{", "}", "{{", "}}"])))
CONTENTS = PIECES.map("".join)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("Dear {name}, {0day}", ["name", "0day"]),
        ("{a}{b}{a}", ["a", "b"]),
        ("{a.b-c_d}", ["a.b-c_d"]),
        ("{" + "x" * 21 + "}", ["x" * 21]),
        ("{" + "x" * 22 + "}", []),
        ("{_a} {-a} {.a} { a} {a } {} {é}", []),
        ("{{a}}", ["a"]),
        ("{a\n}", []),
    ],
)
def test_variables_are_what_the_documentation_calls_so(content: str, found: list[str]) -> None:
    assert variables(content) == found


def test_a_value_that_looks_like_a_variable_is_not_filled_in_again() -> None:
    assert filled("{a}-{b}", {"a": "{b}", "b": "{a}"}) == "{b}-{a}"


def test_a_value_may_hold_what_regular_expressions_would_read() -> None:
    assert filled("{a}", {"a": r"\1\g<0>"}) == r"\1\g<0>"


@given(CONTENTS)
def test_without_values_a_text_stays_as_it_is(content: str) -> None:
    assert filled(content, {}) == content
    assert filled(content, {"never-in-it-at-all-x": "y"}) == content.replace("{never-in-it-at-all-x}", "y")


@given(CONTENTS, st.dictionaries(NAMES, TEXTS, max_size=5))
def test_filling_in_replaces_each_variable_once_and_nothing_else(content: str, tags: dict[str, str]) -> None:
    result = filled(content, tags)
    pieces = re.split(r"(\{[A-Za-z0-9][A-Za-z0-9._-]{0,20}\})", content)
    expected = [tags.get(piece[1:-1], piece) if place % 2 else piece for place, piece in enumerate(pieces)]
    assert result == "".join(expected)


@given(CONTENTS)
def test_every_variable_can_be_filled_in(content: str) -> None:
    assert variables(filled(content, dict.fromkeys(variables(content), "!"))) == []


@pytest.mark.parametrize(
    "content",
    [
        None,
        "",
        "a\x00b",
        "\ud800",
        "x" * (256 * 1024 + 1),
        "é" * (128 * 1024 + 1),
        "{a}" * 257,
        "".join(f"{{v{n}}}" for n in range(91)),
    ],
)
def test_a_text_that_cannot_be_a_template_is_refused(content: str | None) -> None:
    with pytest.raises(SmnError) as refused:
        check_content(content)
    assert (refused.value.code, refused.value.status) == ("SMN.0024", 400)


@pytest.mark.parametrize(
    "content", ["x" * (256 * 1024), "{a}" * 256, "".join(f"{{v{n}}}" for n in range(90)), "no variables", " "]
)
def test_a_text_at_the_limits_is_a_template(content: str) -> None:
    assert check_content(content) == content
