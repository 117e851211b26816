"""AWS Signature Version 4 as pure functions: what is signed, with which key, and how a request of ours gets its headers.

Called by the channels that talk to AWS-like services (`sign_request`) and by the front end that verifies AWS-like calls (the
parts below it). Never decides whether a signature is acceptable (age, scope, known key): that is the verifier's policy.
Never reads a clock.
Source: AWS IAM user guide, "Create a signed AWS API request".
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from urllib.parse import quote, quote_from_bytes, unquote_to_bytes

from tidings.wire.mac import Mac

ALGORITHM = "AWS4-HMAC-SHA256"
TERMINATOR = "aws4_request"
KEYS_CACHED = 1024
"""Signing keys kept: one per secret, day, region and service. Four HMACs saved per call; the bound keeps callers who invent
regions from filling the memory."""

_UNRESERVED = "-_.~"


def canonical_request(
    method: str,
    path: str,
    query: str,
    headers: Mapping[str, str],
    signed_headers: Sequence[str],
    payload_hash: str,
) -> bytes:
    """The text whose hash is signed.

    path: as sent, still percent-encoded (it is encoded once more, as every service but S3 wants). query: raw, without `?`;
    a pre-signed URL's `X-Amz-Signature` is left out. headers: by lower-case name. signed_headers: lower-case names in the
    order of the Authorization header; one that is missing counts as empty, so its signature does not match.
    payload_hash: lower-case hex SHA-256 of the body as received.
    """
    lines = [method, canonical_path(path), canonical_query(query)]
    lines += [f"{name}:{' '.join(headers.get(name, '').split())}" for name in signed_headers]
    lines += ["", ";".join(signed_headers), payload_hash]
    # Whatever text a stranger's header holds must become bytes without an exception, and never the same bytes for two texts.
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def canonical_path(path: str) -> str:
    """The path without dot segments and doubled slashes, each octet but `/` and the unreserved ones encoded."""
    if path in ("", "/"):
        return "/"
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in ("", "."):
            kept.append(segment)
    end = "/" if path.endswith("/") and kept else ""
    return quote(f"/{'/'.join(kept)}{end}", safe=f"/{_UNRESERVED}", errors="surrogatepass")


def canonical_query(query: str) -> str:
    """Pairs sorted by encoded name, then encoded value; space as `%20` (also one that was sent as `+`)."""
    if not query:
        return ""
    pairs = []
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if part and name != "X-Amz-Signature":
            pairs.append((_encoded(name), _encoded(value)))
    pairs.sort()
    return "&".join([f"{name}={value}" for name, value in pairs])


def _encoded(text: str) -> str:
    octets = unquote_to_bytes(text.replace("+", " ").encode("utf-8", "surrogatepass"))
    return quote_from_bytes(octets, safe=_UNRESERVED)


def credential_scope(date: str, region: str, service: str) -> str:
    """`yyyymmdd/region/service/aws4_request`."""
    return f"{date}/{region}/{service}/{TERMINATOR}"


def string_to_sign(amz_date: str, scope: str, canonical: bytes) -> bytes:
    """amz_date: `yyyymmddThhmmssZ`. scope: see `credential_scope`."""
    digest = hashlib.sha256(canonical).hexdigest()
    return f"{ALGORITHM}\n{amz_date}\n{scope}\n{digest}".encode("utf-8", "surrogatepass")


@lru_cache(maxsize=KEYS_CACHED)
def signing_key(secret: str, date: str, region: str, service: str) -> Mac:
    """The key of one secret for one day (`yyyymmdd`), region and service; `hex` of it makes signatures."""
    key = f"AWS4{secret}".encode("utf-8", "surrogatepass")
    for part in (date, region, service, TERMINATOR):
        key = hmac.digest(key, part.encode("utf-8", "surrogatepass"), "sha256")
    return Mac(key)


def amz_date(at: datetime) -> str:
    """`yyyymmddThhmmssZ` of an aware UTC time."""
    return at.strftime("%Y%m%dT%H%M%SZ")


def sign_request(
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    at: datetime,
    access_key_id: str,
    secret_access_key: str,
    region: str,
    service: str,
    query: str = "",
    session_token: str = "",
) -> dict[str, str]:
    """The headers to send: those given (lower-case names, `host` among them, all of them signed), the date and the signature."""
    stamp = amz_date(at)
    complete = {**headers, "x-amz-date": stamp}
    if session_token:
        complete["x-amz-security-token"] = session_token
    names = sorted(complete)
    canonical = canonical_request(method, path, query, complete, names, hashlib.sha256(body).hexdigest())
    scope = credential_scope(stamp[:8], region, service)
    proof = signing_key(secret_access_key, stamp[:8], region, service).hex(string_to_sign(stamp, scope, canonical))
    complete["authorization"] = (
        f"{ALGORITHM} Credential={access_key_id}/{scope}, SignedHeaders={';'.join(names)}, Signature={proof}"
    )
    return complete
