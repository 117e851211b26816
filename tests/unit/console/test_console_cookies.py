"""Our cookie is found among those of others, however odd these are. Why not `http.cookies`: decision 0017."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.console.services import ConsoleServices
from tidings.console.sessions import Sessions, cookie
from tidings.dialects.contract import WireRequest

NAME = "__Host-tidings_session"


def found(header: str, name: str = NAME) -> str:
    return cookie(WireRequest("GET", "/", "", {"cookie": header}, b"", "192.0.2.7", "https", "t.example", "r"), name)


ODD = [
    "a=b",
    "a[b]=1",
    "junk",
    '{"x":1}=2',
    'x={"a":"b"}',
    'x="a',
    "ü=1",
    "x=a b",
    "x=é",
    "=1",
    "x=@<>",
    "$x=1",
    "Path=/",
    "Secure",
    "",
    "x=1=2",
]


@pytest.mark.parametrize("other", ODD)
def test_no_other_cookie_hides_ours(other: str) -> None:
    assert found(f"{other}; {NAME}=abc-_1; y=2") == "abc-_1"
    assert found(f"{NAME}=abc-_1; {other}") == "abc-_1"
    assert found(f"{other}, {NAME}=abc-_1") == "abc-_1"  # two headers, joined
    assert found(other) == ""


def test_the_first_of_a_name_counts_and_a_longer_name_is_another() -> None:
    assert found(f"x{NAME}=1; {NAME}x=2; {NAME}=3; {NAME}=4") == "3"
    assert found(f"{NAME.lower()}=1") == ""


def test_an_endless_header_is_not_read() -> None:
    assert found("x=1; " * 4_000 + f"{NAME}=abc") == ""


def test_a_mark_of_a_form_is_no_mark_of_what_is_said() -> None:
    services = SimpleNamespace(public_url="https://t.example", csrf_key=b"k" * 32)
    sessions = Sessions(cast(ConsoleServices, services), "")
    request = WireRequest("GET", "/", "", {}, b"", "192.0.2.7", "https", "t.example", "r")
    _, header = sessions.say(request, "Done.", good=True)
    kept, mac = header.partition(";")[0].partition("=")[2].rsplit(".", 1)
    for proof, told in ((mac, ("Done.", True)), (sessions.mark(kept), None)):
        headers = {"cookie": f"__Host-tidings_said={kept}.{proof}"}
        again = WireRequest("GET", "/", "", headers, b"", "192.0.2.7", "https", "t.example", "r")
        assert sessions.said(again) == told


@given(st.text())
def test_any_header_is_read(header: str) -> None:
    assert ";" not in found(header)
