"""Signatures as the SDK makes them, and locks of keys."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import quote, unquote

import pytest
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.sdk_request import SdkRequest
from huaweicloudsdkcore.signer.signer import Signer
from hypothesis import example, given
from hypothesis import strategies as st
from tests.support.build import FakeClock

from tidings.dialects.contract import WireRequest
from tidings.dialects.smn import auth
from tidings.dialects.smn.errors import KEY_LOCKED, SmnError

KEY, SECRET = "AKEXAMPLE", "a secret/with+signs"
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)
PATHS = st.lists(TEXT, min_size=1, max_size=5).map(
    lambda parts: "/" + "/".join(quote(part, safe=":") for part in parts)
)
PAIRS = st.lists(st.tuples(TEXT, TEXT), max_size=5)
# What a header can hold on the wire: no control characters, and the server takes UTF-8.
VALUES = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z"), include_characters=" "), max_size=12)
HEADERS = st.dictionaries(st.from_regex(r"X-[A-Za-z][A-Za-z-]{0,8}", fullmatch=True), VALUES, max_size=3).map(
    lambda found: {name.title(): value for name, value in found.items()}
)


def as_received(
    method: str, path: str, pairs: list[tuple[str, str]], headers: dict[str, str], body: bytes
) -> WireRequest:
    """What the server makes of a request that the SDK signed."""
    request = SdkRequest(
        method=method,
        schema="http",
        host="smn.example:8080",
        resource_path=path,
        query_params=list(pairs),
        header_params=dict(headers),
        body=body,
    )
    signed = Signer(BasicCredentials(KEY, SECRET)).sign(request)
    received = {
        name.lower(): value.encode("latin-1").decode().rstrip(" \t") for name, value in signed.header_params.items()
    }
    query = signed.uri.partition("?")[2]
    return WireRequest(method, unquote(path), query, received, body, "192.0.2.1", "http", "smn.example:8080", "id")


def is_right(request: WireRequest, secret: str = SECRET) -> bool:
    claim, signature = auth.read_header(request.headers["authorization"])
    assert claim.key_id == KEY
    canonical = auth.canonical_request(request, claim.signed)
    return auth.sign(secret, request.headers["x-sdk-date"], canonical) == signature


@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE"]),
    path=PATHS,
    pairs=PAIRS,
    headers=HEADERS,
    content_type=st.sampled_from(["application/json", "application/json;charset=utf-8", "text/plain"]),
    body=st.binary(max_size=40),
)
@example(
    "GET", "/v2/p/topics/urn%3Asmn%3Ar%3Ap%3An%2F%25", [("a", "b"), ("a", ""), ("", "+ ~é")], {}, "text/plain", b""
)
@example("GET", "/v2/p/topics/urn:smn:r:p:n/", [("b", "1"), ("a", "2")], {"X-A": "  x  "}, "text/plain", b"x")
def test_what_the_sdk_signs_is_recognized(
    method: str, path: str, pairs: list[tuple[str, str]], headers: dict[str, str], content_type: str, body: bytes
) -> None:
    request = as_received(method, path, pairs, {**headers, "Content-Type": content_type}, body)
    assert is_right(request)
    assert not is_right(request, SECRET + "x")


def test_a_plus_in_a_query_means_a_space_as_browsers_and_go_write_it() -> None:
    assert auth.canonical_query("name=a+b&limit=1") == "limit=1&name=a%20b"


def test_a_parameter_without_a_value_is_an_empty_one() -> None:
    assert auth.canonical_query("nocatalog") == "nocatalog="


@pytest.mark.parametrize("query", ["a=%ff", "&".join(["a=1"] * 101)])
def test_a_query_that_cannot_be_read_is_a_wrong_signature(query: str) -> None:
    with pytest.raises(SmnError, match="verify aksk signature fail"):
        auth.canonical_query(query)


def test_behind_a_trusted_proxy_the_host_that_was_asked_for_counts() -> None:
    request = as_received("GET", "/v2/p", [], {"Content-Type": "application/json"}, b"")
    request.headers = {**request.headers, "host": "127.0.0.1:9000"}
    assert is_right(request)


@given(st.text(max_size=80))
@example("SDK-HMAC-SHA256 Access=a, SignedHeaders=host, Signature=b")
@example("SDK-HMAC-SHA256 Access=a,b, SignedHeaders=host;x-sdk-date, Signature=b")
@example("SDK-HMAC-SHA256  Access=a, SignedHeaders=" + "x;" * 600 + "host, Signature=b")
def test_any_other_header_is_refused_as_a_wrong_signature(header: str) -> None:
    with pytest.raises(SmnError) as caught:
        auth.read_header(header)
    assert (caught.value.status, caught.value.code) == (401, "APIG.0301")


def test_a_very_long_header_is_read_too() -> None:
    names = ";".join(["host", "x-sdk-date", *(f"x-{n}" for n in range(200))])
    claim, signature = auth.read_header(f"SDK-HMAC-SHA256 Access=a, SignedHeaders={names}, Signature=ff")
    assert (claim.key_id, len(claim.signed), signature) == ("a", 202, "ff")


@pytest.mark.parametrize("stamp", ["", "2026-01-31T23:59:59Z", "20260132T000000Z", "20260131T235959", "x" * 16])
def test_a_date_of_another_form_is_none(stamp: str) -> None:
    assert auth._moment(stamp) is None


class TestLocks:
    def locks(self, after: int) -> tuple[auth.Locks, FakeClock]:
        clock = FakeClock()
        return auth.Locks(clock, after), clock

    def fail(self, locks: auth.Locks, times: int, key_id: str = "a") -> None:
        for _ in range(times):
            locks.check(key_id)
            locks.failed(key_id)

    def test_failures_in_a_row_lock_for_five_minutes(self) -> None:
        locks, clock = self.locks(3)
        self.fail(locks, 3)
        with pytest.raises(SmnError, match=KEY_LOCKED):
            locks.check("a")
        locks.check("b")
        clock.advance(auth.LOCKED_FOR.total_seconds() - 1)
        with pytest.raises(SmnError, match=KEY_LOCKED):
            locks.check("a")
        clock.advance(1)
        self.fail(locks, 2)
        locks.check("a")

    def test_a_good_signature_begins_a_new_row(self) -> None:
        locks, _ = self.locks(3)
        self.fail(locks, 2)
        locks.passed("a")
        self.fail(locks, 2)
        locks.check("a")

    def test_zero_means_never(self) -> None:
        locks, _ = self.locks(0)
        self.fail(locks, 100)
        locks.check("a")

    def test_only_so_many_keys_are_watched(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(auth, "KEYS_WATCHED_MAX", 2)
        locks, _ = self.locks(1)
        for key_id in ("a", "b", "c"):
            self.fail(locks, 1, key_id)
        locks.check("a")
        with pytest.raises(SmnError):
            locks.check("c")

    def test_the_time_is_short(self) -> None:
        assert timedelta(minutes=5) == auth.LOCKED_FOR
