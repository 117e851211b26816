"""Patterns of policies: what they fit, and that no pair of pattern and text is expensive."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.domain import globs
from tidings.domain.globs import glob


def _fits(pattern: str, text: str) -> bool:
    """The definition, by every way to read a star."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return _fits(pattern[1:], text) or (bool(text) and _fits(pattern, text[1:]))
    return bool(text) and pattern[0] in ("?", text[0]) and _fits(pattern[1:], text[1:])


@given(st.text(alphabet="ab*?", max_size=10), st.text(alphabet="ab", max_size=10))
def test_a_glob_agrees_with_its_definition(pattern: str, text: str) -> None:
    assert glob(pattern, text) is _fits(pattern, text)


@given(st.text(alphabet="ab*?\u00e9\U0001f6d1", max_size=8), st.text(alphabet="ab\u00e9\U0001f6d1*?", max_size=8))
def test_characters_of_the_text_have_no_meaning_of_their_own(pattern: str, text: str) -> None:
    assert glob(pattern, text) is _fits(pattern, text)


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [("*b?d*", True), ("a*?c*?", True), ("*d?*", False), ("*b?e*", False), ("*x?*", False), ("*b?d*cd", False)],
)
def test_a_question_mark_between_stars_is_any_one_character(pattern: str, fits: bool) -> None:
    globs._places.cache_clear()
    globs._index.cache_clear()
    assert glob(pattern, "abcd") is fits


def _lines_run(work: Callable[[], object]) -> int:
    """How many lines of the matcher are executed: what a clock cannot count on a busy machine."""
    count = 0

    def trace(frame: object, event: str, _: object) -> object:
        nonlocal count
        code = getattr(frame, "f_code")  # noqa: B009
        if code.co_filename != globs.__file__:
            return None
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)  # type: ignore[arg-type]
    try:
        work()
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize(
    "pattern",
    [
        "*" + "a" * 124 + "?" + "a" * 124 + "b",
        "*a" * 124 + "b",
        "*" + "?a" * 124 + "b*",
        "a?" * 124 + "*b",
        "*?" * 120 + "b",
    ],
)
def test_the_work_grows_no_faster_than_the_text(pattern: str) -> None:
    globs._places.cache_clear()
    globs._index.cache_clear()
    short = _lines_run(lambda: glob(pattern, "a" * 8_000))
    long = _lines_run(lambda: glob(pattern, "a" * 80_000))
    assert not glob(pattern, "a" * 80_000)
    assert long <= 12 * max(short, 1)
    assert long <= 5 * (80_000 + len(pattern))
