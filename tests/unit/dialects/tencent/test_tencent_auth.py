"""Signatures as the SDK makes them, over whatever parameters, and as the published algorithm makes them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tencentcloud.common.http.request import RequestInternal
from tests.support.tencent import SHA1, SHA256, TC3, common_client

from tidings.dialects.contract import WireRequest
from tidings.dialects.tencent import auth
from tidings.dialects.tencent.errors import TcError

HOST = "sms.example:8010"
SECRET = "a secret/with+signs é"
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)
# No digits: `a_0` and the first of a list `a` are the same to the older signature.
NAMES = st.from_regex(r"[A-Za-z][A-Za-z_]{0,8}", fullmatch=True).filter(lambda name: name not in auth.COMMON_PARAMETERS)
PARAMETERS = st.dictionaries(
    NAMES,
    TEXT
    | st.lists(TEXT, min_size=1, max_size=12)
    | st.integers(-(2**31), 2**31).map(str)
    | st.lists(st.dictionaries(NAMES, TEXT, min_size=1, max_size=3), min_size=1, max_size=3),
    max_size=5,
)


def as_received(given: dict[str, Any], method: str, signing: str, unsigned: bool = False) -> WireRequest:
    """What the server makes of a request that the SDK signed."""
    client = common_client(HOST, "2021-01-11", "KEY", SECRET, method=method, signing=signing, unsigned=unsigned)
    sent = RequestInternal(HOST, method, "/", header={})
    client._build_req_inter("SendSms", given, sent)
    headers = {name.lower(): value for name, value in sent.header.items()} | {"host": HOST}
    query, body = (sent.data, b"") if method == "GET" else ("", sent.data.encode())
    return WireRequest(method, "/", query, headers, body, "192.0.2.1", "http", HOST, "id")


def fits(request: WireRequest, secret: str = SECRET) -> bool:
    claim = auth.read(request)
    assert (claim.key_id, claim.action, claim.version, claim.token) == ("KEY", "SendSms", "2021-01-11", "")
    return claim.seal.fits(secret, datetime.fromtimestamp(int(claim.stamp), UTC))


@given(PARAMETERS, st.sampled_from(["POST", "GET"]), st.sampled_from([TC3, SHA1, SHA256]), st.booleans())
@example({"A": "a&b=c +%20~*()'é😀", "Signature_": "x"}, "GET", SHA1, False)
@example({"A": [" ", ""], "B": ""}, "GET", TC3, True)
@example({}, "GET", TC3, False)
@example({"A": [str(n) for n in range(12)]}, "POST", SHA256, False)
def test_what_the_sdk_signs_is_recognized_and_read_as_it_was_given(
    parameters: dict[str, Any], method: str, signing: str, unsigned: bool
) -> None:
    request = as_received(parameters, method, signing, unsigned)
    assert fits(request)
    assert not fits(request, SECRET + "x")
    found = auth.read(request).seal.parameters()
    assert found.members == parameters
    assert found.is_text is (method == "GET" or signing != TC3)


@given(PARAMETERS, st.sampled_from([TC3, SHA1]), st.integers(0, 10_000))
def test_a_changed_byte_is_noticed(parameters: dict[str, Any], signing: str, at: int) -> None:
    request = as_received({**parameters, "Z": "z"}, "POST", signing)
    body = request.body
    # Among digits and lower-case letters, so that what is changed stays what it is: a form.
    places = [index for index, byte in enumerate(body) if chr(byte) in "acegikmoqsuwz"]
    index = places[at % len(places)]
    request.body = (
        body[:index] + bytes([body[index] - 1 if body[index] == ord("z") else body[index] + 1]) + body[index + 1 :]
    )
    try:
        claim = auth.read(request)
    except TcError:
        assert signing == SHA1  # the name of a common parameter was changed: no call any more
        return
    assert not claim.seal.fits(SECRET, datetime.fromtimestamp(int(claim.stamp), UTC))


def test_a_body_that_was_not_signed_may_be_another() -> None:
    request = as_received({"A": "a"}, "POST", TC3, unsigned=True)
    request.body = b'{"A": "b"}'
    assert fits(request)
    request.headers = {name: value for name, value in request.headers.items() if name != auth.HASH_HEADER}
    assert not fits(request)


def test_saying_that_a_body_was_not_signed_does_not_help() -> None:
    request = as_received({"A": "a"}, "POST", TC3)
    request.headers = {**request.headers, auth.HASH_HEADER: auth.UNSIGNED}
    assert not fits(request)


def test_the_query_of_a_post_does_not_count() -> None:
    request = as_received({"A": "a"}, "POST", TC3)
    request.query = "A=b"
    assert fits(request)
    assert auth.read(request).seal.parameters().members == {"A": "a"}


def sealed(signed: dict[str, str], received: dict[str, str], *, lowered: bool, date: str = "2026-11-21") -> WireRequest:
    """Signed by the algorithm as it is published, by hand."""
    stamp = "1795262400"  # 2026-11-21T12:00:00Z
    common = {"x-tc-action": "SendSms", "x-tc-version": "2021-01-11", "x-tc-timestamp": stamp}
    request = WireRequest("POST", "/", "", common | signed, b"{}", "", "http", "", "id")
    names = tuple(sorted(signed))
    canonical = auth.canonical_request(request, names, lowered=lowered)
    request.headers = {
        **common,
        **received,
        "authorization": f"TC3-HMAC-SHA256 Credential=KEY/{date}/sms/tc3_request,SignedHeaders={';'.join(names)},"
        f" Signature={auth.sign(SECRET, date, stamp, canonical)}",
    }
    return request


CASED = {"content-type": "application/json; charset=UTF-8", "host": "SMS.Example", "x-tc-action": "SendSms"}


def test_values_may_be_signed_lowered_or_as_they_are() -> None:
    assert fits(sealed(CASED, CASED, lowered=True))
    assert fits(sealed(CASED, CASED, lowered=False))
    changed = CASED | {"host": "sms.example"}
    assert fits(sealed(CASED, changed, lowered=True))
    assert not fits(sealed(CASED, changed, lowered=False))
    assert not fits(sealed(CASED, CASED | {"content-type": "application/json"}, lowered=True))


def test_the_date_of_the_scope_is_that_of_the_time() -> None:
    assert not fits(sealed(CASED, CASED, lowered=True, date="2026-11-20"))


def test_behind_a_trusted_proxy_the_host_that_was_asked_for_counts() -> None:
    for signing in (TC3, SHA1):
        request = as_received({"A": "a"}, "POST", signing)
        request.headers = {**request.headers, "host": "127.0.0.1:9000"}
        assert fits(request)


@given(st.text(max_size=80))
@example("TC3-HMAC-SHA256 Credential=a/2026-11-21/sms/tc3_request, SignedHeaders=host, Signature=b")
@example("TC3-HMAC-SHA256 Credential=a/2026-11-21/sms/tc3_request, SignedHeaders=content-type;host;x-no, Signature=b")
@example("TC3-HMAC-SHA256 Credential=a/b/2026-11-21/sms/tc3_request, SignedHeaders=content-type;host, Signature=b")
@example("TC3-HMAC-SHA1 Credential=a/2026-11-21/sms/tc3_request, SignedHeaders=content-type;host, Signature=b")
def test_any_other_header_is_refused(header: str) -> None:
    request = sealed(CASED, CASED | {"authorization": header}, lowered=True)
    request.headers = {**request.headers, "authorization": header}
    with pytest.raises(TcError) as caught:
        auth.read(request)
    assert caught.value.code == "AuthFailure.InvalidAuthorization"


def test_a_very_long_header_is_read_too() -> None:
    many = CASED | {f"x-{n}": "v" for n in range(200)}
    assert fits(sealed(many, many, lowered=True))


def test_without_a_method_the_older_signature_is_sha1() -> None:
    request = as_received({"A": "a"}, "GET", SHA1)
    claim = auth.read(request)
    assert isinstance(claim.seal, auth.ParameterSeal)
    pairs = {name: value for name, value in claim.seal.pairs.items() if name != "SignatureMethod"}
    signature = auth.sign_pairs(SECRET, "sha1", "GET", HOST, pairs)
    assert auth.ParameterSeal("GET", HOST, {**pairs, "Signature": signature}, auth.OLD_METHODS[""]).fits(
        SECRET, datetime.now(UTC)
    )


BASE = "Action=SendSms&Version=2021-01-11&Timestamp=1&SecretId=a&Signature=b"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        (BASE + "&SignatureMethod=MD5", "InvalidParameter"),
        (BASE + "&A=1&A=2", "InvalidParameter"),
        (BASE + "&A_B=1&A.B=2", "InvalidParameter"),
        (BASE + "&A=%ff", "InvalidParameter"),
        (BASE.replace("Action=SendSms&", ""), "MissingParameter"),
        (BASE.replace("Timestamp=1", "Timestamp=-1"), "InvalidParameter"),
        (BASE + "&A=" + "x" * 40_000, "RequestSizeLimitExceeded"),
        (BASE + "&a=" * 10_001, "InvalidParameter"),
    ],
)
def test_parameters_that_cannot_be_a_call_are_refused(query: str, code: str) -> None:
    is_many = len(query) > 32_000 and code == "InvalidParameter"
    form = {"content-type": auth.FORM}
    request = (
        WireRequest("POST", "/", "", form, query.encode(), "", "http", HOST, "id")
        if is_many
        else WireRequest("GET", "/", query, {}, b"", "", "http", HOST, "id")
    )
    with pytest.raises(TcError) as caught:
        auth.read(request)
    assert caught.value.code == code


def test_a_form_has_its_type_and_its_size() -> None:
    for kind, body, code in (
        ("application/json", BASE.encode(), "UnsupportedProtocol"),
        (auth.FORM, BASE.encode() + b"&A=" + b"x" * 2**20, "RequestSizeLimitExceeded"),
    ):
        with pytest.raises(TcError) as caught:
            auth.read(WireRequest("POST", "/", "", {"content-type": kind}, body, "", "http", HOST, "id"))
        assert caught.value.code == code
