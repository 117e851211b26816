"""Endpoints in the one form in which they are kept, extensions as sealed settings, addresses of links."""

from __future__ import annotations

from base64 import b64decode
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.protocols import PROTOCOLS as KNOWN

from tidings.dialects.smn import addresses, endpoints, extensions
from tidings.dialects.smn.errors import SmnError
from tidings.dialects.smn.limits import PROTOCOLS
from tidings.store.vault import FileVault
from tidings.wire.egress import EgressPolicy

PUBLIC, DEVELOPER = EgressPolicy(), EgressPolicy(loopback=True)
VAULT = FileVault(b"v" * 32)


@pytest.mark.parametrize(
    ("protocol", "text", "kept"),
    [
        ("email", "Anna@EXAMPLE.org", "Anna@example.org"),
        ("sms", "13800138000", "+8613800138000"),
        ("sms", "+8613800138000", "+8613800138000"),
        ("http", "http://receiver.example/x?y=1", "http://receiver.example/x?y=1"),
        ("wechat", "https://qyapi.example/bot?key=1", "https://qyapi.example/bot?key=1"),
    ],
)
def test_an_endpoint_has_one_form(protocol: str, text: str, kept: str) -> None:
    assert endpoints.read(KNOWN, PUBLIC, protocol, text) == kept
    assert endpoints.wanted(text) == kept
    assert endpoints.read(KNOWN, PUBLIC, protocol, kept) == kept


@pytest.mark.parametrize("protocol", PROTOCOLS)
@given(text=st.text(max_size=40))
def test_whatever_is_sent_as_an_endpoint_is_kept_in_one_form_or_refused(protocol: str, text: str) -> None:
    kept, code = None, ""
    try:
        kept = endpoints.read(KNOWN, PUBLIC, protocol, text)
    except SmnError as error:
        code = error.code
    if kept is None:
        assert code in ("SMN.0012", "SMN.0069")
    else:
        assert endpoints.read(KNOWN, PUBLIC, protocol, kept) == kept


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST", "localhost.", "[::1]", "127.1", "2130706433"])
def test_this_machine_is_an_endpoint_for_developers_only(host: str) -> None:
    for protocol, url in (
        ("http", f"http://{host}:8080/"),
        ("https", f"https://{host}/"),
        ("dingding", f"https://{host}/"),
    ):
        with pytest.raises(SmnError, match=r"SMN\.0069"):
            endpoints.read(KNOWN, PUBLIC, protocol, url)
        assert endpoints.read(KNOWN, DEVELOPER, protocol, url) == url


@given(text=st.text(max_size=60))
def test_whatever_is_looked_for_can_be_looked_for(text: str) -> None:
    assert isinstance(endpoints.wanted(text), str)


def test_secrets_are_sealed_and_keywords_kept() -> None:
    kept = extensions.read(VAULT, "feishu", {"sign_secret": "canary"})
    assert set(kept) == {"smn:sign_secret"}
    assert "canary" not in kept["smn:sign_secret"]
    assert VAULT.open(b64decode(kept["smn:sign_secret"])) == b"canary"
    assert extensions.read(VAULT, "dingding", {"keyword": "alert", "sign_secret": None}) == {"smn:keyword": "alert"}
    welink = extensions.read(VAULT, "welink", {"client_id": "one", "client_secret": "two"})
    assert [VAULT.open(b64decode(welink[name])) for name in ("smn:client_id", "smn:client_secret")] == [b"one", b"two"]


@pytest.mark.parametrize("protocol", ["email", "wechat", "sms", "http"])
def test_what_a_protocol_has_no_use_for_is_not_kept(protocol: str) -> None:
    assert extensions.read(VAULT, protocol, {"sign_secret": "s", "client_id": "c", "robot_code": 7}) == {}
    assert extensions.read(VAULT, protocol, None) == {}


@pytest.mark.parametrize("given_", [[], "x", 7, True])
@pytest.mark.parametrize("protocol", ["email", "http", "feishu"])
def test_an_extension_is_an_object(protocol: str, given_: object) -> None:
    with pytest.raises(SmnError, match=r"SMN\.0043"):
        extensions.read(VAULT, protocol, given_)


@pytest.mark.parametrize("value", [7, "\ud800", "\x00", "x" * 257, ["a"]])
def test_a_secret_is_a_text_of_a_sensible_length(value: object) -> None:
    for protocol, name in (("feishu", "keyword"), ("dingding", "sign_secret"), ("welink", "client_id")):
        with pytest.raises(SmnError, match=r"SMN\.0043"):
            extensions.read(VAULT, protocol, {"client_secret": "s", name: value})


@given(urn=st.text(min_size=1, max_size=40), region=st.text(min_size=1, max_size=10), token=st.text(min_size=1))
def test_a_link_says_exactly_what_it_was_given(urn: str, region: str, token: str) -> None:
    for link, expected in (
        (
            addresses.confirm_link("https://h.example/base/", urn, region, token),
            {"token": token, "topic_urn": urn, "region": region, "region_id": region},
        ),
        (
            addresses.unsubscribe_link("https://h.example/base", urn, region),
            {"subscription_urn": urn, "region": region, "region_id": region},
        ),
    ):
        parts = urlsplit(link)
        assert link.isascii()
        assert parts.path in ("/base/smn/subscription/confirm", "/base/smn/subscription/unsubscribe")
        assert parse_qs(parts.query, keep_blank_values=True) == {name: [value] for name, value in expected.items()}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_endpoint_that_is_too_long_is_read_no_further(protocol: str) -> None:
    for text in ("a" * 2_000_000 + "@example.org", "https://" + "ü." * 900_000, "+" + "1" * 1_800_000):
        with pytest.raises(SmnError, match=r"SMN\.0012"):
            endpoints.read(KNOWN, PUBLIC, protocol, text)
        assert endpoints.wanted(text) == text
