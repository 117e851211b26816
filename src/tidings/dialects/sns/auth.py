"""Who signed this request? Signature Version 4 by header or query, verified over the request as it was received.

Called by the dialect for every request; the secret comes from `access/authenticate`, the arithmetic from `wire/sigv4`. Never
looks at parameters of actions, and never decides what a caller may do.
Source: IAM user guide, "Create a signed AWS API request" and "Troubleshoot AWS signature version 4 errors".
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache

from tidings.access.authenticate import Authenticator
from tidings.dialects.contract import WireRequest
from tidings.dialects.sns import names
from tidings.dialects.sns.errors import SnsError, echo
from tidings.dialects.sns.limits import PRESIGNED_S_MAX, SERVICE
from tidings.domain.errors import RequestExpired, WrongSignature
from tidings.domain.model import Principal
from tidings.wire import sigv4

STARTS_CACHED = 1024
DATE_CHARACTERS_MAX = 64
START_CHARACTERS_MAX = 512
"""Of Authorization headers whose beginning is remembered: one longer than any SDK's is read anew each time."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A request whose signature is right: who sent it, and the region of its scope."""

    principal: Principal
    region: str


@dataclass(frozen=True, slots=True)
class Credential:
    """The scope that was signed with, and which headers were: what all of a caller's requests of a day have in common.

    fault: what is wrong with the scope whatever the rest of the request says; empty when nothing is.
    """

    key_id: str
    date: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    scope: str
    fault: str


@dataclass(slots=True)
class Claim:
    """What a request says about its own signature. `lifetime_s`: of a pre-signed URL, else None."""

    credential: Credential
    signature: str
    stamp: str
    lifetime_s: int | None = None


async def verify(
    request: WireRequest, query: Mapping[str, str], authenticator: Authenticator, now: datetime, skew: timedelta
) -> Signed | None:
    """The signer of the request, or None when it bears no signature at all.

    query: decoded parameters of the query string. skew: how far the caller's clock may be off, either way.
    Raises SnsError, UnknownCredential, WrongSignature, RequestExpired.
    """
    header = request.headers.get("authorization")
    if header is not None:
        claim = _by_header(header, request)
    elif "X-Amz-Signature" in query or "X-Amz-Algorithm" in query:
        claim = _by_query(query)
    else:
        return None
    signed = claim.credential
    known = authenticator.known(signed.key_id) or await authenticator.credential(signed.key_id)
    if signed.fault:
        raise _mismatch(signed.fault)
    _check_date(claim)
    _check_time(claim, now, skew)
    headers = request.headers
    if request.host and headers.get("host") != request.host:
        # Behind a trusted proxy the host that was signed is the one the proxy was asked for.
        headers = {**headers, "host": request.host}
    canonical = sigv4.canonical_request(
        request.method,
        request.path,
        request.query,
        headers,
        signed.signed_headers,
        hashlib.sha256(request.body).hexdigest(),
    )
    key = sigv4.signing_key(known.secret, signed.date, signed.region, SERVICE)
    expected = key.hex(sigv4.string_to_sign(claim.stamp, signed.scope, canonical))
    if not hmac.compare_digest(expected.encode(), claim.signature.encode("utf-8", "surrogatepass")):
        raise WrongSignature("signature")
    return Signed(known.principal, signed.region)


def _by_header(header: str, request: WireRequest) -> Claim:
    start, mark, signature = header.rpartition("Signature=")
    if mark and signature and "," not in signature and len(start) <= START_CHARACTERS_MAX:
        credential = _start_of_header(start)
    else:
        signature, credential = _parts_of_header(header)
    stamp, date_header = _stamp(request.headers)
    signed_headers = credential.signed_headers
    if "host" not in signed_headers or date_header not in signed_headers:
        raise _mismatch(f"'host' and '{date_header}' must be among the SignedHeaders of the AWS Authorization.")
    return Claim(credential, signature, stamp)


@lru_cache(maxsize=STARTS_CACHED)
def _start_of_header(start: str) -> Credential:
    """What comes before the signature, which is the same in all of a caller's requests of a day."""
    return _parts_of_header(f"{start}Signature=0")[1]


def _parts_of_header(header: str) -> tuple[str, Credential]:
    """The signature, and what it was made with."""
    scheme, _, rest = header.partition(" ")
    if scheme != sigv4.ALGORITHM:
        raise _incomplete(f"Unsupported AWS 'algorithm': '{echo(scheme)}'")
    parts: dict[str, str] = {}
    for part in rest.split(","):
        name, _, value = part.strip().partition("=")
        parts[name] = value
    lacking = [name for name in ("Credential", "Signature", "SignedHeaders") if not parts.get(name)]
    if lacking:
        raise _incomplete(" ".join(f"Authorization header requires '{name}' parameter." for name in lacking))
    return parts["Signature"], _credential(parts["Credential"], parts["SignedHeaders"])


def _by_query(query: Mapping[str, str]) -> Claim:
    names_needed = (
        "X-Amz-Algorithm",
        "X-Amz-Credential",
        "X-Amz-Signature",
        "X-Amz-SignedHeaders",
        "X-Amz-Date",
        "X-Amz-Expires",
    )
    lacking = [name for name in names_needed if not query.get(name)]
    if lacking:
        raise _incomplete(" ".join(f"AWS query-string parameters must include '{name}'." for name in lacking))
    if query["X-Amz-Algorithm"] != sigv4.ALGORITHM:
        raise _incomplete(f"Unsupported AWS 'algorithm': '{echo(query['X-Amz-Algorithm'])}'")
    expires = query["X-Amz-Expires"]
    if not (expires.isascii() and expires.isdigit() and len(expires) <= 6 and 1 <= int(expires) <= PRESIGNED_S_MAX):
        raise _incomplete(f"X-Amz-Expires must be between 1 and {PRESIGNED_S_MAX} seconds")
    if "host" not in query["X-Amz-SignedHeaders"].lower().split(";"):
        raise _mismatch("'host' must be among the X-Amz-SignedHeaders.")
    stamp = query["X-Amz-Date"]
    _moment(stamp)
    credential = _credential(query["X-Amz-Credential"], query["X-Amz-SignedHeaders"])
    return Claim(credential, query["X-Amz-Signature"], stamp, lifetime_s=int(expires))


def _credential(text: str, signed_headers: str) -> Credential:
    parts = text.split("/")
    if len(parts) != 5:
        raise _incomplete(
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term,"
            f" got '{echo(text)}'"
        )
    if parts[4] != sigv4.TERMINATOR:
        raise _mismatch(f"Credential should be scoped with a valid terminator: '{sigv4.TERMINATOR}'.")
    key_id, date, region, service, _ = parts
    fault = ""
    if service != SERVICE:
        fault = f"Credential should be scoped to correct service: '{SERVICE}'."
    elif not names.is_region(region):
        fault = "Credential should be scoped to a valid region."
    scope = sigv4.credential_scope(date, region, service)
    return Credential(key_id, date, region, service, tuple(signed_headers.lower().split(";")), scope, fault)


def _check_date(claim: Claim) -> None:
    date = claim.credential.date
    if date != claim.stamp[:8]:
        raise _mismatch(
            f"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP:"
            f" '{echo(date)}' != '{claim.stamp[:8]}'."
        )


def _check_time(claim: Claim, now: datetime, skew: timedelta) -> None:
    signed_at = _moment(claim.stamp)
    latest = now + skew
    if signed_at > latest:
        raise _mismatch(
            f"Signature not yet current: {claim.stamp} is still later than {sigv4.amz_date(latest)}"
            f" ({sigv4.amz_date(now)} + {skew.total_seconds() / 60:g} min.)"
        )
    if claim.lifetime_s is not None:
        if signed_at + timedelta(seconds=claim.lifetime_s) < now:
            raise RequestExpired("pre-signed")
        return
    earliest = now - skew
    if signed_at < earliest:
        raise _mismatch(
            f"Signature expired: {claim.stamp} is now earlier than {sigv4.amz_date(earliest)}"
            f" ({sigv4.amz_date(now)} - {skew.total_seconds() / 60:g} min.)"
        )


def _stamp(headers: Mapping[str, str]) -> tuple[str, str]:
    """The time of signing, and the name of the header that says it."""
    stamp = headers.get("x-amz-date")
    if stamp is not None:
        _moment(stamp)
        return stamp, "x-amz-date"
    date = headers.get("date")
    if date is None:
        raise _incomplete("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
    try:
        if len(date) > DATE_CHARACTERS_MAX:
            raise ValueError(date)
        moment = parsedate_to_datetime(date)
        return sigv4.amz_date(moment.astimezone(UTC) if moment.tzinfo else moment), "date"
    except (ValueError, TypeError, OverflowError):
        _moment(date)
        return date, "date"


@lru_cache(maxsize=256)
def _moment(stamp: str) -> datetime:
    """`yyyymmddThhmmssZ` as a time."""
    if len(stamp) == 16 and stamp.isascii() and stamp[8] == "T" and stamp[15] == "Z":
        try:
            return datetime.fromisoformat(stamp)
        except ValueError:
            pass  # answered below, like every other form
    raise _incomplete(f"Date must be in ISO-8601 'basic format'. Got '{echo(stamp)}'.")


def _incomplete(message: str) -> SnsError:
    return SnsError("IncompleteSignature", message, 400)


def _mismatch(message: str) -> SnsError:
    return SnsError("SignatureDoesNotMatch", message, 403)
