"""Who is calling? A sign-in token, or a request signed with an access key, verified over the request as it was received.

Called by the dialect for every operation that is not public; secrets come from `access/authenticate`, tokens from
`access/sign_in_tokens`. Never decides what a caller may do.
Source: API gateway developer guide, "AK/SK Signing and Authentication Algorithm"; API gateway FAQ, "Common Errors Related to IAM
Authentication Information". Observed: huaweicloudsdkcore 3.1.219.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from urllib.parse import parse_qsl, quote

from tidings.dialects.contract import WireRequest
from tidings.dialects.smn.calls import SmnServices
from tidings.dialects.smn.codec import QUERY_FIELDS_MAX
from tidings.dialects.smn.errors import (
    BAD_SIGNATURE,
    BAD_TOKEN,
    KEY_LOCKED,
    NO_CREDENTIALS,
    UNKNOWN_KEY,
    SmnError,
    unauthenticated,
)
from tidings.domain.errors import NotAuthenticated, UnknownCredential
from tidings.domain.model import Principal
from tidings.domain.ports import Clock
from tidings.wire.mac import Mac

ALGORITHM = "SDK-HMAC-SHA256"
"""The others that the SDK knows (SM3, SM2, ECDSA, derived keys) are not offered."""
TOKEN_HEADER = "x-auth-token"  # noqa: S105  a header's name
DATE_HEADER = "x-sdk-date"
HASH_HEADER = "x-sdk-content-sha256"
UNSIGNED = "UNSIGNED-PAYLOAD"
EMPTY_HASH = hashlib.sha256(b"").hexdigest()
STARTS_CACHED = 1024
KEYS_CACHED = 1024
START_CHARACTERS_MAX = 512
"""Of Authorization headers whose beginning is remembered: one longer than any SDK's is read anew each time."""
LOCKED_FOR = timedelta(minutes=5)
KEYS_WATCHED_MAX = 10_000

_HEADER = re.compile(
    rf"{ALGORITHM} +Access=(?P<key>[!-+\--~]{{1,128}}) *, *SignedHeaders=(?P<headers>[!-+\--~]{{1,4096}}) *, *Signature=\Z"
)


@dataclass(frozen=True, slots=True)
class Claim:
    """What an Authorization header says, up to the signature itself. `signed`: names of headers, as they were listed."""

    key_id: str
    signed: tuple[str, ...]


class Gatekeeper:
    """Asked for the caller of each request. One per server: it also counts wrong signatures."""

    def __init__(self, services: SmnServices) -> None:
        self._authenticator = services.authenticator
        self._sign_in_tokens = services.sign_in_tokens
        self._clock = services.signing_clock
        self._skew = services.skew
        self._locks = Locks(services.clock, services.lock_after)

    async def verify(self, request: WireRequest) -> Principal:
        """The caller; where both a token and a signature are given, the token says who it is. Raises SmnError."""
        token = request.headers.get(TOKEN_HEADER)
        if token:
            return await self._by_token(token)
        header = request.headers.get("authorization")
        if header is None:
            raise unauthenticated(NO_CREDENTIALS)
        return await self._by_signature(request, header)

    async def _by_token(self, text: str) -> Principal:
        try:
            ticket = self._sign_in_tokens.known(text) or await self._sign_in_tokens.read(text)
        except NotAuthenticated as error:
            raise unauthenticated(BAD_TOKEN) from error
        return ticket.principal

    async def _by_signature(self, request: WireRequest, header: str) -> Principal:
        claim, signature = read_header(header)
        try:
            credential = self._authenticator.known(claim.key_id) or await self._authenticator.credential(claim.key_id)
        except UnknownCredential as error:
            raise unauthenticated(UNKNOWN_KEY) from error
        self._locks.check(claim.key_id)
        stamp = request.headers.get(DATE_HEADER, "")
        self._check_time(stamp)
        expected = sign(credential.secret, stamp, canonical_request(request, claim.signed))
        if not hmac.compare_digest(expected.encode(), signature.encode("utf-8", "surrogatepass")):
            self._locks.failed(claim.key_id)
            raise wrong()
        self._locks.passed(claim.key_id)
        return credential.principal

    def _check_time(self, stamp: str) -> None:
        signed_at = _moment(stamp)
        if signed_at is None:
            raise wrong("X-Sdk-Date must be a time such as 20260131T235959Z")
        if abs(self._clock.now() - signed_at) > self._skew:
            raise wrong("X-Sdk-Date is too far from the server's time")


class Locks:
    """Keys that were signed for wrongly so many times in a row that they may rest. `after` 0: never.

    In memory, for the keys last seen: nobody can fill it with keys that do not exist.
    """

    def __init__(self, clock: Clock, after: int) -> None:
        self._clock = clock
        self._after = after
        self._failures: OrderedDict[str, tuple[int, datetime]] = OrderedDict()

    def check(self, key_id: str) -> None:
        """Raises SmnError while the key is locked."""
        if not self._after:
            return
        failures, at = self._failures.get(key_id, (0, None))
        if at is None or failures < self._after:
            return
        if self._clock.now() - at < LOCKED_FOR:
            raise unauthenticated(KEY_LOCKED)
        del self._failures[key_id]

    def failed(self, key_id: str) -> None:
        if not self._after:
            return
        failures, _ = self._failures.pop(key_id, (0, None))
        self._failures[key_id] = (failures + 1, self._clock.now())
        if len(self._failures) > KEYS_WATCHED_MAX:
            self._failures.popitem(last=False)

    def passed(self, key_id: str) -> None:
        if self._failures:
            self._failures.pop(key_id, None)


def wrong(why: str = "") -> SmnError:
    """The signature does not belong to the request."""
    return unauthenticated(f"{BAD_SIGNATURE}: {why}" if why else BAD_SIGNATURE)


def read_header(header: str) -> tuple[Claim, str]:
    """What an Authorization header claims, and its signature. Raises SmnError."""
    start, mark, signature = header.rpartition("Signature=")
    start += mark
    claim = _read_start(start) if len(start) <= START_CHARACTERS_MAX else _read_start.__wrapped__(start)
    if claim is None:
        raise wrong(f"Authorization must be: {ALGORITHM} Access=..., SignedHeaders=..., Signature=...")
    if "host" not in claim.signed or DATE_HEADER not in claim.signed:
        raise wrong("host and x-sdk-date must be among the SignedHeaders")
    return claim, signature


@lru_cache(maxsize=STARTS_CACHED)
def _read_start(start: str) -> Claim | None:
    """What comes before the signature, which is the same in all requests of a caller."""
    found = _HEADER.match(start)
    return None if found is None else Claim(found["key"], tuple(found["headers"].lower().split(";")))


def canonical_request(request: WireRequest, signed: Sequence[str]) -> str:
    """What is signed: method, path, query, the headers named, their names, hash of the body. Raises SmnError."""
    headers = request.headers
    if request.host and headers.get("host") != request.host:
        # Behind a trusted proxy the host that was signed is the one the proxy was asked for.
        headers = {**headers, "host": request.host}
    return "\n".join(
        (
            request.method.upper(),
            canonical_path(request.path),
            canonical_query(request.query),
            canonical_headers(headers, signed),
            ";".join(signed),
            payload_hash(request.body, headers, signed),
        )
    )


@lru_cache(maxsize=STARTS_CACHED)
def canonical_path(path: str) -> str:
    """path: percent-decoded."""
    encoded = quote(path, safe="/~", errors="surrogatepass")
    return encoded if encoded.endswith("/") else encoded + "/"


def canonical_query(query: str) -> str:
    """query: raw. Pairs by name and value, each encoded anew. Raises SmnError."""
    if not query:
        return ""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=QUERY_FIELDS_MAX)
    except (ValueError, UnicodeError) as error:
        raise wrong("the query string is not well-formed") from error
    return "&".join(f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in sorted(pairs))


def canonical_headers(headers: Mapping[str, str], signed: Sequence[str]) -> str:
    """A line for each; the last has its newline too. Raises SmnError."""
    try:
        return "".join([f"{name}:{headers[name].strip()}\n" for name in signed])
    except KeyError as error:
        raise wrong(f"the signed header {error.args[0][:100]} is not there") from error


def payload_hash(body: bytes, headers: Mapping[str, str], signed: Sequence[str]) -> str:
    """The body's hash as it was signed. The header that may state it counts only when it is itself signed, and must be true:
    otherwise a captured request could be given another body. Raises SmnError."""
    if not body:
        return EMPTY_HASH
    stated = headers.get(HASH_HEADER) if HASH_HEADER in signed else None
    if stated == UNSIGNED:
        return UNSIGNED
    found = hashlib.sha256(body).hexdigest()
    if stated is not None and stated.lower() != found:
        raise wrong("X-Sdk-Content-Sha256 is not the hash of the body")
    return stated or found


def sign(secret: str, stamp: str, canonical: str) -> str:
    """The signature of a canonical request: the secret itself is the key."""
    hashed = hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()
    return _signing_key(secret).hex(f"{ALGORITHM}\n{stamp}\n{hashed}".encode())


@lru_cache(maxsize=KEYS_CACHED)
def _signing_key(secret: str) -> Mac:
    return Mac(secret.encode())


@lru_cache(maxsize=256)
def _moment(stamp: str) -> datetime | None:
    """`yyyymmddThhmmssZ` as a time."""
    if len(stamp) == 16 and stamp.isascii() and stamp[8] == "T" and stamp[15] == "Z":
        try:
            return datetime.fromisoformat(stamp)
        except ValueError:
            return None
    return None
