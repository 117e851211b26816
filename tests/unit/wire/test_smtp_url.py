"""What an SMTP URL says."""

from __future__ import annotations

import pytest

from tidings.wire.smtp_url import read_smtp_url


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
    relay = read_smtp_url(url)
    assert (relay.port, relay.starttls, relay.implicit_tls) == (port, starttls, implicit)


def test_user_and_password_are_decoded_and_never_shown():
    relay = read_smtp_url("smtp://u%40x:p%2Fw%3A@mail.example")
    assert (relay.user, relay.password) == ("u@x", "p/w:")
    assert "p/w:" not in repr(relay)
    assert "p%2Fw" not in f"{relay!r} {relay}"


@pytest.mark.parametrize(
    "url",
    ["http://mail.example", "mail.example:25", "smtp://", "smtp://mail.example?starttls=maybe", "smtp://mail.example?tls=1",
     "smtp://u:secret/x@mail.example", "smtp://u:p@mail.example:70000", "smtp://mail.example/#secret",
     "smtp://mail.example\x07"],
)  # fmt: skip
def test_a_url_that_cannot_be_meant_stops_the_start_without_telling_the_password(url):
    with pytest.raises(ValueError, match=r"^must ") as caught:
        read_smtp_url(url)
    assert "secret" not in str(caught.value)
