"""What an SMTP URL says, and what a reply means."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.channels.email import Relay
from tidings.channels.email.channel import outcome_of
from tidings.domain.outcomes import Refused, RetryLater


@pytest.mark.parametrize(
    ("url", "port", "starttls", "implicit"),
    [
        ("smtp://mail.example", 25, "optional", False),
        ("smtp://user:pass@mail.example", 587, "required", False),
        ("smtp://user:pass@127.0.0.1:1025", 1025, "optional", False),
        ("smtp://user:pass@mail.example?starttls=no", 587, "no", False),
        ("smtp://mail.example:2525/?starttls=required", 2525, "required", False),
        ("smtps://user:pass@mail.example", 465, "", True),
    ],
)
def test_a_url_says_where_and_how(url, port, starttls, implicit):
    relay = Relay.read(url)
    assert (relay.port, relay.starttls, relay.implicit_tls) == (port, starttls, implicit)


def test_user_and_password_are_decoded_and_never_shown():
    relay = Relay.read("smtp://u%40x:p%2Fw%3A@mail.example")
    assert (relay.user, relay.password) == ("u@x", "p/w:")
    assert "p/w:" not in repr(relay)


@pytest.mark.parametrize(
    "url",
    ["http://mail.example", "mail.example:25", "smtp://", "smtp://mail.example?starttls=maybe", "smtp://mail.example?tls=1",
     "smtp://u:secret/x@mail.example", "smtp://u:p@mail.example:70000"],
)  # fmt: skip
def test_a_url_that_cannot_be_meant_stops_the_start_without_telling_the_password(url):
    with pytest.raises(ValueError, match=r"SMTP URL") as caught:
        Relay.read(url)
    assert "secret" not in str(caught.value)


@given(st.integers(200, 599), st.text())
def test_only_5xx_replies_about_the_mail_are_final(code, text):
    outcome = outcome_of(code, text)
    final = 500 <= code <= 599 and code not in (530, 534, 535, 538)
    assert isinstance(outcome, Refused if final else RetryLater)
    assert "\n" not in outcome.reason
