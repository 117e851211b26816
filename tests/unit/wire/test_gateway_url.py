"""The setting that names the HTTP gateway: what it may say, and that no error repeats its passwords."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.wire.gateway_url import GatewayKind, parse_gateway_url

PASSWORD = "s3cr3t-pass"


def test_kannels_url_is_taken_apart() -> None:
    url = parse_gateway_url(
        "kannel+http://tester:p%40ss%3A@[::1]:13013/cgi-bin/sendsms?from=+18885550100&charset=iso-8859-15&dlr=1&smsc=mast"
    )
    assert (url.kind, url.endpoint) == (GatewayKind.KANNEL, "http://[::1]:13013/cgi-bin/sendsms")
    assert (url.user, url.password) == ("tester", "p@ss:")
    assert (url.sender, url.charset, url.receipts, url.smsc) == ("+18885550100", "ISO-8859-15", True, "mast")
    assert url.name == "kannel+http://[::1]:13013"


def test_kannels_url_may_be_short() -> None:
    url = parse_gateway_url("KANNEL+https://u:p@sms.example")
    assert (url.endpoint, url.sender, url.charset, url.receipts) == (
        "https://sms.example/cgi-bin/sendsms",
        "",
        "UTF-8",
        False,
    )


def test_the_query_of_our_own_form_belongs_to_the_gateway_and_the_fragment_to_us() -> None:
    url = parse_gateway_url("https://u:p@sms.example/send?key=k1&from=x#from=Tidings&dlr=1")
    assert (url.kind, url.endpoint) == (GatewayKind.WEBHOOK, "https://u:p@sms.example/send?key=k1&from=x")
    assert (url.sender, url.receipts, url.name) == ("Tidings", True, "https://sms.example")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "kannel+http://",
        f"kannel+ftp://u:{PASSWORD}@h/",
        f"kannel+http://:{PASSWORD}@h/",
        "kannel+http://user@h/",
        "kannel+http://h/cgi-bin/sendsms",
        f"kannel+http://u:{PASSWORD}@h:99999/",
        f"kannel+http://u:{PASSWORD}@h/?form=+1888",
        f"kannel+http://u:{PASSWORD}@h/?from=a&from=b",
        f"kannel+http://u:{PASSWORD}@h/?from=this is no sender",
        f"kannel+http://u:{PASSWORD}@h/?from=longer-than-eleven",
        f"kannel+http://u:{PASSWORD}@h/?charset=UTF-7",
        f"kannel+http://u:{PASSWORD}@h/?dlr=yes",
        f"kannel+http://u:{PASSWORD}@h/?smsc=%00",
        f"kannel+http://u:%ff{PASSWORD}@h/",
        f"ftp://u:{PASSWORD}@h/",
        f"https://u:{PASSWORD}@h/#charset=UTF-8",
        f"https://u:{PASSWORD}@h/#dlr=2",
        f"https://u:{PASSWORD}@999.1.1.1/",
    ],
)
def test_what_is_no_gateways_url_is_told_without_its_password(text: str) -> None:
    with pytest.raises(ValueError, match="SMS gateway URL: ") as caught:
        parse_gateway_url(text)
    assert PASSWORD not in str(caught.value)
    assert caught.value.__cause__ is None


@given(st.text(max_size=60), st.sampled_from(["kannel+http://", "kannel+https://u:p@", "http://", "https://u@h/#", ""]))
def test_any_text_is_a_url_or_a_clear_error(text: str, start: str) -> None:
    told = ""
    try:
        told = parse_gateway_url(start + text).endpoint.lower()
    except ValueError as error:
        told = str(error)
    assert told.startswith(("SMS gateway URL: ", "http"))


@given(st.text("abcdefgh%&?#/:@ é", min_size=1, max_size=20))
def test_neither_repr_nor_name_shows_a_password(password: str) -> None:
    secret = f"zZ{password}Zz"
    url = parse_gateway_url(f"kannel+http://user:{quote(secret, safe='')}@h/?dlr=1")
    assert url.password == secret
    assert "zZ" not in repr(url) + url.name
    assert "zZ" not in repr(parse_gateway_url(f"http://user:{quote(secret, safe='')}@h/x"))
