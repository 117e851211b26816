"""Signature Version 4 against botocore, the signer that our callers run."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from tidings.wire import sigv4

KEY_ID = "AKIDEXAMPLE"
segments = st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="/"), max_size=8)
paths = st.lists(segments, max_size=4).map(lambda parts: "/" + "/".join(quote(part, safe="") for part in parts))
words = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=12)
queries = st.lists(st.tuples(words, words), max_size=5).map(
    lambda pairs: "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in pairs)
)
values = st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), max_size=30)
header_names = st.from_regex(r"x-[a-z][a-z0-9-]{0,12}", fullmatch=True).filter(
    lambda name: not name.startswith("x-amz")
)
headers = st.dictionaries(header_names, values, max_size=4)
secrets = st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)


def signed_by_botocore(auth: type, request: AWSRequest, secret: str) -> AWSRequest:
    auth(Credentials(KEY_ID, secret), "sns", "eu-west-1").add_auth(request)
    return request


@given(st.sampled_from(["GET", "POST"]), paths, queries, headers, st.binary(max_size=64), secrets)
def test_a_request_signed_by_us_carries_the_signature_of_botocore(method, path, query, given_headers, body, secret):
    url = f"http://example.test:8010{path}" + (f"?{query}" if query else "")
    theirs = signed_by_botocore(SigV4Auth, AWSRequest(method, url, headers=dict(given_headers), data=body), secret)
    at = datetime.strptime(theirs.headers["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)

    ours = sigv4.sign_request(
        method,
        path,
        {"host": "example.test:8010", **given_headers},
        body,
        query=query,
        at=at,
        access_key_id=KEY_ID,
        secret_access_key=secret,
        region="eu-west-1",
        service="sns",
    )

    assert ours["authorization"] == theirs.headers["Authorization"]
    assert ours["x-amz-date"] == theirs.headers["X-Amz-Date"]


@given(paths, queries, secrets)
def test_a_presigned_url_of_botocore_verifies_without_its_own_signature(path, query, secret):
    url = f"https://example.test{path}" + (f"?{query}" if query else "")
    theirs = urlsplit(signed_by_botocore(SigV4QueryAuth, AWSRequest("GET", url), secret).url)
    signed = dict(pair.partition("=")[::2] for pair in theirs.query.split("&"))
    stamp = signed["X-Amz-Date"]

    canonical = sigv4.canonical_request(
        "GET", theirs.path, theirs.query, {"host": "example.test"}, ["host"], hashlib.sha256(b"").hexdigest()
    )
    scope = sigv4.credential_scope(stamp[:8], "eu-west-1", "sns")
    key = sigv4.signing_key(secret, stamp[:8], "eu-west-1", "sns")

    assert key.hex(sigv4.string_to_sign(stamp, scope, canonical)) == signed["X-Amz-Signature"]


def test_the_signing_key_is_the_one_of_the_documentation():
    # Source: AWS General Reference, "Examples of how to derive a signing key for Signature Version 4".
    key = sigv4.signing_key("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "20120215", "us-east-1", "iam")
    documented = bytes.fromhex("f4780e2d9f65fa895f9c67b32ce1baf0b0d8a43505a000a1a9e090d414db404d")
    assert key.hex(b"text") == hmac.digest(documented, b"text", "sha256").hex()


def test_a_session_token_is_signed_and_sent():
    sent = sigv4.sign_request(
        "POST",
        "/",
        {"host": "h"},
        b"",
        at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        access_key_id=KEY_ID,
        secret_access_key="s",
        region="r",
        service="sqs",
        session_token="token",
    )
    assert sent["x-amz-security-token"] == "token"
    assert "SignedHeaders=host;x-amz-date;x-amz-security-token," in sent["authorization"]


def test_a_plus_in_a_query_is_a_space():
    assert sigv4.canonical_query("b=x+y&a=%2B") == "a=%2B&b=x%20y"


def test_an_unsigned_change_of_a_query_changes_the_canonical_text():
    assert sigv4.canonical_query("Action=Publish") != sigv4.canonical_query("Action=Publish&X=1")


@given(st.text(), st.text(), st.text(), st.dictionaries(st.text(), st.text()))
def test_no_text_of_a_stranger_raises(method, path, query, given_headers):
    canonical = sigv4.canonical_request(method, path, query, given_headers, ["host", *given_headers], "")
    sigv4.string_to_sign("x", "y\ud800", canonical)
    assert sigv4.signing_key("\udcff", path, query, "sns")


@given(st.lists(st.text(), min_size=3, max_size=3))
def test_the_cache_of_signing_keys_is_bounded(parts):
    sigv4.signing_key("secret", *parts)
    info = sigv4.signing_key.cache_info()
    assert info.maxsize == sigv4.KEYS_CACHED
    assert info.currsize <= sigv4.KEYS_CACHED
