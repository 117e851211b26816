from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.wire.accept import prefers_json, prefers_page

FIREFOX = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "json"),
    [
        ("", False),
        ("*/*", False),
        ("application/json", True),
        ("Application/JSON; charset=utf-8", True),
        ("text/html,application/xhtml+xml,application/json;q=0.9", False),
        ("application/json, text/html;q=0.5", True),
        ("application/json;q=0", False),
        ("text/html;q=0, application/json;q=0.1", True),
        ("application/json;q=0.2, application/json;q=1", True),
    ],
)
def test_json_is_for_those_who_name_it(accept: str, json: bool) -> None:
    assert prefers_json(accept) is json


@pytest.mark.parametrize(
    ("accept", "page"),
    [
        (FIREFOX, True),
        ("text/html", True),
        ("text/html;q=0.5, application/json", False),
        ("", False),
        ("*/*", False),
        ("text/*", False),
        ("application/json", False),
        ("text/html;q=0", False),
    ],
)
def test_a_page_is_for_those_who_name_it(accept: str, page: bool) -> None:
    assert prefers_page(accept) is page


@given(st.text())
def test_no_header_breaks_the_choice(header: str) -> None:
    assert not (prefers_json(header) and prefers_page(header))
