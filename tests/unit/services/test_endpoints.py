"""Endpoints and senders: what is taken must be what can be sent to, and from."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.protocols import PROTOCOLS

from tidings.domain.errors import InvalidValue
from tidings.services.endpoints import email_address, is_sender
from tidings.wire.mail_address import read_recipient
from tidings.wire.smpp.addresses import sender


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("a" * 65 + "@example.com", "64 octets before the @"),
        ("é" * 33 + "@example.com", "64 octets before the @"),
        ("a@" + "b" * 64 + ".example", "not a mail address"),
    ],
)
def test_an_address_that_can_never_be_mailed_is_refused(address: str, reason: str) -> None:
    for protocol in ("email", "email-json"):
        with pytest.raises(InvalidValue, match=reason):
            PROTOCOLS.check(protocol, address)


def test_the_longest_address_is_taken() -> None:
    assert email_address("a" * 64 + "@example.com") == "a" * 64 + "@example.com"


@given(st.from_regex(r"[a-zé0-9.+-]{1,70}@[a-zé0-9-]{1,65}\.(com|example)", fullmatch=True))
def test_whatever_is_taken_can_be_mailed(address: str) -> None:
    try:
        taken = email_address(address)
    except InvalidValue:
        return
    read_recipient(taken)


@given(
    st.one_of(st.from_regex(r"\+?[0-9]{1,22}", fullmatch=True), st.from_regex(r"[A-Za-zé ._-]{1,13}", fullmatch=True))
)
def test_whatever_may_be_a_sender_fits_into_a_text(text: str) -> None:
    if is_sender(text):
        sender(text)


@pytest.mark.parametrize("text", ["", "AbcdefghijklmN", "Mÿco", "a\n", "+1", "1" * 21, "+" + "1" * 16])
def test_what_no_text_can_come_from_is_no_sender(text: str) -> None:
    assert not is_sender(text)
