"""Signatures: accepted over the request as it was received, refused each with its documented code."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.dialogues.harness import GUEST, HOST, OWNER, PROVISIONED, SECRET, Harness, body_of
from tests.support.examples import examples

from tidings.domain.model import AccountId
from tidings.services.accounts import WantedKey
from tidings.wire import sigv4

LIST = b"Action=ListTopics&Version=2010-03-31"


def signed(harness: Harness, body: bytes = LIST, **changes: Any) -> dict[str, str]:
    """Headers of a POST, signed at the desk's time; `changes` go to the signer."""
    headers = {"host": HOST, "content-type": "application/x-www-form-urlencoded; charset=utf-8"}
    given_values: dict[str, Any] = {
        "at": harness.clock.now(),
        "access_key_id": OWNER,
        "secret_access_key": SECRET + OWNER,
        "region": "us-east-1",
        "service": "sns",
        **changes,
    }
    return sigv4.sign_request("POST", "/", headers, body, **given_values)


async def code_of(
    harness: Harness, headers: dict[str, str], body: bytes = LIST, query: str = ""
) -> tuple[int, str, str]:
    answer = await harness.handle("POST", query, headers, body)
    text = body_of(answer)
    if answer.status == 200:
        return 200, "", text
    return answer.status, text.split("<Code>")[1].split("<")[0], text.split("<Message>")[1].split("</Message>")[0]


async def test_a_right_signature_is_accepted_in_any_region(harness: Harness) -> None:
    for region in ("us-east-1", "eu-central-1", "anywhere"):
        assert (await code_of(harness, signed(harness, region=region)))[0] == 200


async def test_extra_signed_headers_and_a_session_token_change_nothing(harness: Harness) -> None:
    headers = {
        "host": HOST,
        "content-length": str(len(LIST)),
        "amz-sdk-request": "attempt=1;  max=3",
        "x-amz-content-sha256": hashlib.sha256(LIST).hexdigest(),
    }
    complete = sigv4.sign_request(
        "POST",
        "/",
        headers,
        LIST,
        at=harness.clock.now(),
        access_key_id=OWNER,
        secret_access_key=SECRET + OWNER,
        region="us-east-1",
        service="sns",
        session_token="unknown-token",
    )
    assert (await code_of(harness, complete))[0] == 200


async def test_no_signature_at_all(harness: Harness) -> None:
    told = await code_of(harness, {"host": HOST})
    assert told == (403, "MissingAuthenticationToken", "Request is missing Authentication Token")


async def test_an_unknown_or_disabled_key(harness: Harness) -> None:
    told = (403, "InvalidClientTokenId", "The security token included in the request is invalid.")
    assert await code_of(harness, signed(harness, access_key_id="nobody")) == told
    await harness.accounts.set_key(GUEST, disabled=True)
    assert await code_of(harness, signed(harness, access_key_id=GUEST, secret_access_key=SECRET + GUEST)) == told


async def test_a_disabled_user(harness: Harness) -> None:
    await harness.accounts.set_user(AccountId("000000000000"), "admin", disabled=True)
    assert (await code_of(harness, signed(harness)))[1] == "InvalidClientTokenId"


async def test_a_changed_secret_is_asked_for_at_once(harness: Harness) -> None:
    assert (await code_of(harness, signed(harness)))[0] == 200
    told = await code_of(harness, signed(harness, secret_access_key="wrong"))
    assert told[:2] == (403, "SignatureDoesNotMatch")
    assert told[2].startswith("The request signature we calculated does not match the signature you provided.")


@pytest.mark.parametrize(
    ("body", "query", "name", "value"),
    [
        (LIST + b"&NextToken=x", "", "", ""),
        (b"", "", "", ""),
        (LIST, "x=1", "", ""),
        (LIST, "", "content-type", "text/plain"),
        (LIST, "", "host", "other.example"),
    ],
)
async def test_a_change_on_the_way_breaks_the_signature(
    harness: Harness, body: bytes, query: str, name: str, value: str
) -> None:
    headers = signed(harness)
    if name == "host":
        # The server says which host was asked for; here it is another one than was signed.
        headers = signed(harness) | {"authorization": _signed_for(harness, value)}
    elif name:
        headers[name] = value
    if not body:
        headers, query = signed(harness, b"something"), "Action=ListTopics"
    assert (await code_of(harness, headers, body, query))[:2] == (403, "SignatureDoesNotMatch")


def _signed_for(harness: Harness, host: str) -> str:
    return sigv4.sign_request(
        "POST",
        "/",
        {"host": host},
        LIST,
        at=harness.clock.now(),
        access_key_id=OWNER,
        secret_access_key=SECRET + OWNER,
        region="us-east-1",
        service="sns",
    )["authorization"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"service": "sqs"}, "SignatureDoesNotMatch"),
        ({"region": "Not A Region"}, "SignatureDoesNotMatch"),
        ({"region": ""}, "SignatureDoesNotMatch"),
        ({"region": "a/b"}, "IncompleteSignature"),
    ],
)
async def test_the_scope_must_be_ours(harness: Harness, change: dict[str, str], code: str) -> None:
    assert (await code_of(harness, signed(harness, **change)))[1] == code


@pytest.mark.parametrize(
    ("old", "new", "status", "code"),
    [
        ("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256", 400, "IncompleteSignature"),
        ("AWS4-HMAC-SHA256 ", "Basic ", 400, "IncompleteSignature"),
        ("Credential=", "Kredit=", 400, "IncompleteSignature"),
        ("SignedHeaders=", "Signed=", 400, "IncompleteSignature"),
        ("Signature=", "Sig=", 400, "IncompleteSignature"),
        ("/aws4_request", "", 400, "IncompleteSignature"),
        ("/aws4_request", "/aws5_request", 403, "SignatureDoesNotMatch"),
        ("host;", "", 403, "SignatureDoesNotMatch"),
        (";x-amz-date", "", 403, "SignatureDoesNotMatch"),
    ],
)
async def test_an_incomplete_authorization(harness: Harness, old: str, new: str, status: int, code: str) -> None:
    headers = signed(harness)
    assert old in headers["authorization"]
    headers["authorization"] = headers["authorization"].replace(old, new)
    assert (await code_of(harness, headers))[:2] == (status, code)


async def test_the_day_of_the_scope_is_the_day_of_the_signature(harness: Harness) -> None:
    headers = signed(harness)
    day = headers["x-amz-date"][:8]
    headers["authorization"] = headers["authorization"].replace(f"/{day}/", "/20200101/")
    told = await code_of(harness, headers)
    assert told[1] == "SignatureDoesNotMatch"
    assert "20200101" in told[2]


@pytest.mark.parametrize(
    "stamp", ["", "yesterday", "20260101T0000000", "20261301T000000Z", "2026-01-01T00:00", "２0260101T000000Z"]
)
async def test_a_date_must_be_one(harness: Harness, stamp: str) -> None:
    headers = {**signed(harness), "x-amz-date": stamp}
    assert (await code_of(harness, headers))[:2] == (400, "IncompleteSignature")


async def test_a_signature_without_any_date(harness: Harness) -> None:
    headers = signed(harness)
    del headers["x-amz-date"]
    told = await code_of(harness, headers)
    assert told[:2] == (400, "IncompleteSignature")
    assert "X-Amz-Date" in told[2]


@pytest.mark.parametrize(("offset_s", "accepted"), [(-900, True), (-901, False), (900, True), (901, False), (0, True)])
async def test_fifteen_minutes_either_way(harness: Harness, offset_s: int, accepted: bool) -> None:
    at = harness.clock.now() + timedelta(seconds=offset_s)
    status, code, message = await code_of(harness, signed(harness, at=at))
    assert (status == 200) is accepted
    if accepted:
        return
    assert (status, code) == (403, "SignatureDoesNotMatch")
    stamp, now = sigv4.amz_date(at), sigv4.amz_date(harness.clock.now())
    if offset_s < 0:
        bound = sigv4.amz_date(harness.clock.now() - timedelta(minutes=15))
        assert message == f"Signature expired: {stamp} is now earlier than {bound} ({now} - 15 min.)"
    else:
        bound = sigv4.amz_date(harness.clock.now() + timedelta(minutes=15))
        assert message == f"Signature not yet current: {stamp} is still later than {bound} ({now} + 15 min.)"


async def test_the_old_date_header_serves_too(harness: Harness) -> None:
    at = harness.clock.now()
    headers = {"host": HOST, "date": at.strftime("%a, %d %b %Y %H:%M:%S GMT")}
    names = ["date", "host"]
    stamp = sigv4.amz_date(at)
    scope = sigv4.credential_scope(stamp[:8], "us-east-1", "sns")
    canonical = sigv4.canonical_request("POST", "/", "", headers, names, hashlib.sha256(LIST).hexdigest())
    key = sigv4.signing_key(SECRET + OWNER, stamp[:8], "us-east-1", "sns")
    proof = key.hex(sigv4.string_to_sign(stamp, scope, canonical))
    headers["authorization"] = f"AWS4-HMAC-SHA256 Credential={OWNER}/{scope},SignedHeaders=date;host,Signature={proof}"
    assert (await code_of(harness, headers))[0] == 200


async def test_a_time_that_was_not_signed_does_not_count(harness: Harness) -> None:
    at = harness.clock.now()
    stamp = sigv4.amz_date(at)
    headers = {"host": HOST, "x-amz-date": stamp}
    scope = sigv4.credential_scope(stamp[:8], "us-east-1", "sns")
    canonical = sigv4.canonical_request("POST", "/", "", headers, ["host"], hashlib.sha256(LIST).hexdigest())
    key = sigv4.signing_key(SECRET + OWNER, stamp[:8], "us-east-1", "sns")
    proof = key.hex(sigv4.string_to_sign(stamp, scope, canonical))
    headers["authorization"] = f"AWS4-HMAC-SHA256 Credential={OWNER}/{scope},SignedHeaders=host,Signature={proof}"
    assert (await code_of(harness, headers))[0] == 403


@pytest.mark.parametrize(
    "date",
    [
        "",
        "tomorrow",
        "99 Foo 2026",
        "Mon, 99 Jan 2026 00:00:00 GMT",
        "Fri, 31 Dec 9999 23:59:59 -2359",
        "Mon, 1 Jan 99999999999 00:00:00 GMT",
        "(" * 60_000,
    ],
)
async def test_an_unreadable_date_header(harness: Harness, date: str) -> None:
    headers = signed(harness)
    del headers["x-amz-date"]
    assert (await code_of(harness, headers | {"date": date}))[:2] == (400, "IncompleteSignature")


async def test_behind_a_trusted_proxy_the_host_that_was_asked_for_counts(harness: Harness) -> None:
    """The server hands over the host after trusted proxies; the Host header is the proxy's own."""
    headers = signed(harness) | {"host": "backend:8010"}
    assert (await code_of(harness, headers))[0] == 200


# --- pre-signed ------------------------------------------------------------------------------------------------------------


def presigned(expires: int = 60) -> str:
    """The query of a URL that botocore made, at the machine's time (which is the desk's)."""
    request = AWSRequest("GET", f"http://{HOST}/?{urlencode({'Action': 'ListTopics', 'Version': '2010-03-31'})}")
    SigV4QueryAuth(Credentials(OWNER, SECRET + OWNER), "sns", "us-east-1", expires=expires).add_auth(request)
    return str(request.url).partition("?")[2]


async def get(harness: Harness, query: str) -> tuple[int, str]:
    answer = await harness.get(query)
    return answer.status, body_of(answer)


async def test_a_pre_signed_url_is_accepted_until_it_expires(harness: Harness) -> None:
    query = presigned()
    assert (await get(harness, query))[0] == 200
    harness.clock.advance(3600)
    status, text = await get(harness, query)
    assert status == 400
    assert "<Code>RequestExpired</Code>" in text


async def test_a_pre_signed_url_may_live_longer_than_the_clock_skew(harness: Harness) -> None:
    query = presigned(604_800)
    harness.clock.advance(86_400)
    assert (await get(harness, query))[0] == 200


async def test_a_pre_signed_url_cannot_be_changed(harness: Harness) -> None:
    status, text = await get(harness, presigned().replace("X-Amz-Expires=60", "X-Amz-Expires=61"))
    assert status == 403
    assert "<Code>SignatureDoesNotMatch</Code>" in text


@pytest.mark.parametrize(
    "name", ["X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-SignedHeaders", "X-Amz-Date", "X-Amz-Expires"]
)
async def test_a_pre_signed_url_has_all_its_parts(harness: Harness, name: str) -> None:
    query = "&".join(part for part in presigned().split("&") if not part.startswith(name))
    status, text = await get(harness, query)
    assert status == 400
    assert "<Code>IncompleteSignature</Code>" in text


@pytest.mark.parametrize("expires", ["0", "604801", "-1", "x", "1e3", "9" * 50])
async def test_the_life_of_a_pre_signed_url_is_bounded(harness: Harness, expires: str) -> None:
    status, text = await get(harness, presigned().replace("X-Amz-Expires=60", f"X-Amz-Expires={expires}"))
    assert status == 400
    assert "<Code>IncompleteSignature</Code>" in text


async def test_a_pre_signed_url_must_sign_the_host(harness: Harness) -> None:
    status, text = await get(harness, presigned().replace("X-Amz-SignedHeaders=host", "X-Amz-SignedHeaders=accept"))
    assert status == 403
    assert "<Code>SignatureDoesNotMatch</Code>" in text


async def test_another_algorithm_in_a_url(harness: Harness) -> None:
    status, text = await get(harness, presigned().replace("AWS4-HMAC-SHA256", "NONE"))
    assert status == 400
    assert "<Code>IncompleteSignature</Code>" in text


@settings(max_examples=examples(150), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=80), st.text(max_size=20), st.sampled_from(["authorization", "x-amz-date", "date"]))
async def test_any_header_gets_a_clear_answer(harness: Harness, header: str, stamp: str, dated: str) -> None:
    headers = {"host": HOST, "authorization": f"AWS4-HMAC-SHA256 {header}", dated: stamp}
    assert (await code_of(harness, headers))[0] in (400, 403)


@settings(max_examples=examples(100), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.sampled_from(["Algorithm", "Credential", "SignedHeaders", "Date", "Expires", "Signature"]),
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20),
    )
)
async def test_any_query_gets_a_clear_answer(harness: Harness, parts: dict[str, str]) -> None:
    query = "&".join(["Action=ListTopics", *(f"X-Amz-{name}={quote(value)}" for name, value in parts.items())])
    assert (await get(harness, query))[0] in (400, 403)


async def test_a_key_with_a_new_secret_counts_from_the_next_request_on(harness: Harness) -> None:
    assert (await code_of(harness, signed(harness)))[0] == 200
    old, new = PROVISIONED[0].access_keys, WantedKey(OWNER, "another-secret", "admin")
    await harness.accounts.apply([replace(PROVISIONED[0], access_keys=(new, *old[1:]))])
    assert (await code_of(harness, signed(harness)))[1] == "SignatureDoesNotMatch"
    assert (await code_of(harness, signed(harness, secret_access_key="another-secret")))[0] == 200
