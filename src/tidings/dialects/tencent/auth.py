"""Who is calling? Signatures in the header (TC3-HMAC-SHA256) or among the parameters (HmacSHA1, HmacSHA256), verified over the
request as it was received.

Called by the dialect for every request: `read` says what a request claims, `verify` whether it is true; secrets come from
`access/authenticate`. Never decides what a caller may do.
Source: Tencent Cloud API 3.0, "Signature v3", "Signature", "Common error codes". Observed: tencentcloud-sdk-python-common 3.1.195.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from tidings.access.authenticate import Authenticator
from tidings.dialects.contract import WireRequest
from tidings.dialects.tencent import codec
from tidings.dialects.tencent.errors import TcError, echo, refuse
from tidings.dialects.tencent.limits import FORM_BYTES_MAX, GET_BYTES_MAX, JSON_BYTES_MAX, SERVICE
from tidings.domain.errors import UnknownCredential
from tidings.domain.model import Principal
from tidings.wire.mac import Mac

ALGORITHM = "TC3-HMAC-SHA256"
TERMINATOR = "tc3_request"
HASH_HEADER = "x-tc-content-sha256"
UNSIGNED = "UNSIGNED-PAYLOAD"
UNSIGNED_HASH = hashlib.sha256(UNSIGNED.encode()).hexdigest()
FORM = "application/x-www-form-urlencoded"
STARTS_CACHED = 1024
KEYS_CACHED = 1024
START_CHARACTERS_MAX = 512
"""Of Authorization headers whose beginning is remembered: one longer than any SDK's is read anew each time."""
OLD_METHODS = {"": "sha1", "HmacSHA1": "sha1", "HmacSHA256": "sha256"}
COMMON_PARAMETERS = frozenset(
    {
        "Action",
        "Language",
        "Nonce",
        "Region",
        "RequestClient",
        "SecretId",
        "Signature",
        "SignatureMethod",
        "Timestamp",
        "Token",
        "Version",
    }
)
"""Beside an action's own, where the signature is among the parameters."""

_START = re.compile(
    rf"{ALGORITHM} +Credential=(?P<key>[^/, ]*)/(?P<date>[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}})/(?P<service>[^/, ]*)/{TERMINATOR}"
    r" *, *SignedHeaders=(?P<headers>[!-+\--~]{1,4096}) *, *Signature=\Z"
)
_KEY = re.compile(r"[!-+\-.0-~]{1,128}\Z")


@dataclass(frozen=True, slots=True)
class Claim:
    """What a request says about itself. `stamp`: seconds since 1970, as text. `seal` is what makes it believable."""

    key_id: str
    token: str
    stamp: str
    action: str
    version: str
    seal: HeaderSeal | ParameterSeal


def is_by_parameters(request: WireRequest) -> bool:
    """Whether the signature is among the parameters, the older way. Looks at no more than it must: every SNS call passes here."""
    if "authorization" in request.headers:
        return False
    if request.method == "GET":
        query = request.query
        return "SecretId=" in query and _has(query, "SecretId=") and _has(query, "Signature=")
    if request.method != "POST" or b"SecretId=" not in request.body:
        return False
    body = request.body.decode("latin-1")
    return _has(body, "SecretId=") and _has(body, "Signature=")


def _has(text: str, name: str) -> bool:
    return text.startswith(name) or f"&{name}" in text


def read(request: WireRequest) -> Claim:
    """What a request claims. Raises TcError when it is not of the form of a call."""
    if request.method not in ("GET", "POST"):
        raise refuse("UnsupportedProtocol")
    if len(request.query) > GET_BYTES_MAX or len(request.body) > JSON_BYTES_MAX:
        raise refuse("RequestSizeLimitExceeded")
    return _by_parameters(request) if is_by_parameters(request) else _by_header(request)


async def verify(claim: Claim, authenticator: Authenticator, now: datetime, skew: timedelta) -> Principal:
    """The caller. Raises TcError AuthFailure.*: first the credentials, then the time, then the signature."""
    if not _KEY.match(claim.key_id):
        raise refuse("AuthFailure.InvalidSecretId")
    try:
        credential = authenticator.known(claim.key_id) or await authenticator.credential(claim.key_id)
    except UnknownCredential as error:
        raise refuse("AuthFailure.SecretIdNotFound") from error
    if claim.token:
        raise refuse("AuthFailure.TokenFailure")  # temporary keys are not made here
    signed_at = _moment(claim.stamp)
    if abs(now - signed_at) > skew:
        raise refuse("AuthFailure.SignatureExpire", str(int(now.timestamp())), claim.stamp)
    if not claim.seal.fits(credential.secret, signed_at):
        raise refuse("AuthFailure.SignatureFailure")
    return credential.principal


def _moment(stamp: str) -> datetime:
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 11):
        raise refuse("InvalidParameter", "Timestamp")
    return datetime.fromtimestamp(int(stamp), UTC)


# --- TC3-HMAC-SHA256 ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class HeaderSeal:
    """The signature of an Authorization header. `signed`: names of headers as they were listed. `date`: of its scope."""

    request: WireRequest
    stamp: str
    date: str
    signed: tuple[str, ...]
    signature: str

    def fits(self, secret: str, signed_at: datetime) -> bool:
        if self.date != f"{signed_at:%Y-%m-%d}":
            return False
        given = self.signature.encode("utf-8", "surrogatepass")
        canonical = canonical_request(self.request, self.signed, lowered=False)
        if hmac.compare_digest(sign(secret, self.date, self.stamp, canonical).encode(), given):
            return True
        # The SDKs sign values as they send them, the published algorithm lowers them: a proxy may have changed their case between.
        lowered = canonical_request(self.request, self.signed, lowered=True)
        if lowered == canonical:
            return False
        return hmac.compare_digest(sign(secret, self.date, self.stamp, lowered).encode(), given)

    def parameters(self) -> codec.Parameters:
        """Raises TcError. Of a POST the body alone counts: its query was not signed."""
        if self.request.method == "GET":
            return codec.unflatten(codec.read_pairs(self.request.query).items())
        return codec.read_json(self.request.body)


def _by_header(request: WireRequest) -> Claim:
    headers = request.headers
    action, version, stamp = (
        _common(headers, name, name.lower()) for name in ("X-TC-Action", "X-TC-Version", "X-TC-Timestamp")
    )
    _moment(stamp)
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.method == "POST" and kind != codec.CONTENT_TYPE:
        raise TcError(
            "UnsupportedProtocol",
            f"A POST must be of the type {codec.CONTENT_TYPE}.",
            f"POST 请求的 Content-Type 只支持 {codec.CONTENT_TYPE}。",
        )
    start, mark, signature = headers.get("authorization", "").rpartition("Signature=")
    start += mark
    found = _read_start(start) if len(start) <= START_CHARACTERS_MAX else _read_start.__wrapped__(start)
    if found is None:
        raise refuse("AuthFailure.InvalidAuthorization")
    key_id, date, service, signed = found
    if not {"content-type", "host"}.issubset(signed) or any(name not in headers for name in signed):
        raise refuse("AuthFailure.InvalidAuthorization")
    if service != SERVICE:
        raise refuse("NoSuchProduct", echo(service))
    seal = HeaderSeal(request, stamp, date, signed, signature)
    return Claim(key_id, headers.get("x-tc-token", ""), stamp, action, version, seal)


def _common(given: Mapping[str, str], name: str, key: str) -> str:
    """A parameter that every call has. Raises TcError."""
    value = given.get(key)
    if not value:
        raise refuse("MissingParameter", name)
    return value


@lru_cache(maxsize=STARTS_CACHED)
def _read_start(start: str) -> tuple[str, str, str, tuple[str, ...]] | None:
    """Key, date, service and names of headers: what comes before the signature, which is the same all day for a caller."""
    found = _START.match(start)
    if found is None:
        return None
    return found["key"], found["date"], found["service"], tuple(found["headers"].lower().split(";"))


def canonical_request(request: WireRequest, signed: Sequence[str], *, lowered: bool) -> str:
    """What is signed: method, `/`, raw query of a GET, the headers named, their names, hash of the body's bytes.

    lowered: the headers' values in lower case, as the published algorithm has them.
    """
    lines = []
    for name in signed:
        # Behind a trusted proxy the host that was signed is the one the proxy was asked for.
        value = (request.host if name == "host" and request.host else request.headers[name]).strip()
        lines.append(f"{name}:{value.lower() if lowered else value}\n")
    is_unsigned = request.headers.get(HASH_HEADER) == UNSIGNED
    return "\n".join(
        (
            request.method,
            "/",
            request.query if request.method == "GET" else "",
            "".join(lines),
            ";".join(signed),
            UNSIGNED_HASH if is_unsigned else hashlib.sha256(request.body).hexdigest(),
        )
    )


def sign(secret: str, date: str, stamp: str, canonical: str) -> str:
    """The signature of a canonical request."""
    hashed = hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()
    return _signing_key(secret, date).hex(f"{ALGORITHM}\n{stamp}\n{date}/{SERVICE}/{TERMINATOR}\n{hashed}".encode())


@lru_cache(maxsize=KEYS_CACHED)
def _signing_key(secret: str, date: str) -> Mac:
    """The key of one secret for one day (`yyyy-mm-dd`)."""
    key = f"TC3{secret}".encode()
    for part in (date, SERVICE, TERMINATOR):
        key = hmac.digest(key, part.encode(), "sha256")
    return Mac(key)


# --- HmacSHA1 and HmacSHA256 -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ParameterSeal:
    """The signature among the parameters. What is signed joins decoded values without quoting them: a weakness of the algorithm,
    which lets whoever may change a request in flight move text between neighboring parameters; TC3 has it not."""

    method: str
    host: str
    pairs: Mapping[str, str]
    digest: str

    def fits(self, secret: str, signed_at: datetime) -> bool:
        expected = sign_pairs(secret, self.digest, self.method, self.host, self.pairs)
        return hmac.compare_digest(expected.encode(), self.pairs["Signature"].encode("utf-8", "surrogatepass"))

    def parameters(self) -> codec.Parameters:
        """Raises TcError."""
        return codec.unflatten((name, value) for name, value in self.pairs.items() if name not in COMMON_PARAMETERS)


def _by_parameters(request: WireRequest) -> Claim:
    if request.method == "GET":
        text = request.query
    else:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != FORM:
            raise TcError(
                "UnsupportedProtocol",
                f"A POST signed by parameters must be of the type {FORM}.",
                f"签名方法 v1 的 POST 请求的 Content-Type 只支持 {FORM}。",
            )
        if len(request.body) > FORM_BYTES_MAX:
            raise refuse("RequestSizeLimitExceeded")
        text = request.body.decode("utf-8", "surrogateescape")
    pairs = codec.read_pairs(text)
    if len({name.replace("_", ".") for name in pairs}) != len(pairs):
        raise refuse("InvalidParameter", "_")  # two names that the signature cannot tell apart
    action, version, stamp = (_common(pairs, name, name) for name in ("Action", "Version", "Timestamp"))
    _moment(stamp)
    digest = OLD_METHODS.get(pairs.get("SignatureMethod", ""))
    if digest is None:
        raise refuse("InvalidParameter", "SignatureMethod")
    host = request.host or request.headers.get("host", "")
    seal = ParameterSeal(request.method, host, pairs, digest)
    return Claim(pairs["SecretId"], pairs.get("Token", ""), stamp, action, version, seal)


def sign_pairs(secret: str, digest: str, method: str, host: str, pairs: Mapping[str, str]) -> str:
    """The signature of parameters, among which `Signature` itself does not count."""
    named = sorted((name.replace("_", "."), value) for name, value in pairs.items() if name != "Signature")
    text = f"{method}{host}/?" + "&".join(f"{name}={value}" for name, value in named)
    return b64encode(hmac.digest(secret.encode(), text.encode("utf-8", "surrogatepass"), digest)).decode()
