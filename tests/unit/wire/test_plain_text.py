"""What is taken out of texts that are shown, and what is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.wire.plain_text import is_plain, one_line, replaced, undirected

FAMILY = "👨\u200d👩\u200d👧"
KEPT = [
    FAMILY,
    "می\u200cخواهم",
    "क्\u200dष",
    "❤\ufe0f",
    "\U0001faef",
    "\u200eLRM\u200f",
    "a\u00adb",
    "\U000e0067",
    "\ue000",
]
ENDS = [
    "\r\n",
    "\n",
    "\r",
    "\x85",
    "\u2028",
    "\u2029",
    "\x0b",
    "\x0c",
    "\x1c",
    "\0",
    "\x1b",
    "\x9b",
    "\x7f",
    "\ud800",
    "\ufffe",
]
DIRECTIONS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


@pytest.mark.parametrize("text", KEPT)
def test_what_joins_and_forms_letters_stays(text: str) -> None:
    assert one_line(f" {text}  {text} ") == f"{text} {text}"
    assert is_plain(text)
    assert replaced(text, "�") == text


@pytest.mark.parametrize("end", ENDS)
def test_control_characters_and_line_ends_become_one_space(end: str) -> None:
    assert one_line(f"a{end}{end} b{end}") == "a b"
    assert not is_plain(f"a{end}")
    assert replaced(f"a{end}", "�") == "a" + "�" * len(end)
    assert is_plain(f"a{end}", lines=True) is (end == "\n")


@pytest.mark.parametrize("mark", DIRECTIONS)
def test_explicit_marks_of_direction_go_without_a_trace(mark: str) -> None:
    assert one_line(f"a{mark}b") == undirected(f"a{mark}b") == "ab"
    assert not is_plain(f"a{mark}", lines=True)


@given(st.text())
def test_a_line_is_plain_and_stays_as_it_is(text: str) -> None:
    line = one_line(text)
    assert is_plain(line)
    assert one_line(line) == line
    assert len(line.splitlines()) <= 1
