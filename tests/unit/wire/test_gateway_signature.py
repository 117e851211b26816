"""The signature of our own form of gateway."""

from __future__ import annotations

import hashlib
import hmac

from hypothesis import given
from hypothesis import strategies as st

from tidings.wire.gateway_signature import SKEW_S, is_signed, sign

SECRET = "0123456789abcdef"
NOW = 1795255741


def test_it_is_what_the_documentation_says() -> None:
    digest = hmac.new(SECRET.encode(), b'1795255741.{"id":"1"}', hashlib.sha256).hexdigest()
    assert sign(SECRET, b'{"id":"1"}', NOW) == f"t=1795255741,v1={digest}"


@given(st.binary(max_size=200), st.integers(0, 10**11), st.text(min_size=1, max_size=40))
def test_what_was_signed_is_accepted_for_five_minutes_either_way(body: bytes, at: int, secret: str) -> None:
    secret = secret.encode("utf-8", "replace").decode()
    header = sign(secret, body, at)
    assert is_signed(secret, header, body, at + SKEW_S)
    assert is_signed(secret, header, body, at - SKEW_S)
    assert not is_signed(secret, header, body, at + SKEW_S + 1)
    assert not is_signed(secret, header, body, at - SKEW_S - 1)
    assert not is_signed(secret, header, body + b"x", at)
    assert not is_signed(secret + "x", header, body, at)


@given(st.text(max_size=80))
def test_any_other_header_is_refused(header: str) -> None:
    assert not is_signed(SECRET, header, b"{}", NOW)


def test_a_secret_can_be_changed_without_a_gap() -> None:
    old, new = (sign(secret, b"{}", NOW).partition(",")[2] for secret in ("old", "new"))
    header = f"t={NOW}, {old}, {new}"
    assert is_signed("old", header, b"{}", NOW)
    assert is_signed("new", header, b"{}", NOW)
    assert not is_signed("other", header, b"{}", NOW)


def test_two_times_or_none_are_refused() -> None:
    t, _, v1 = sign(SECRET, b"{}", NOW).partition(",")
    for header in (v1, f"{t},{t},{v1}", f"t=-{NOW},{v1}", f"t=１２,{v1}", f"t={NOW}.0,{v1}", f"{t},{v1}" + "," * 1000):
        assert not is_signed(SECRET, header, b"{}", NOW)
