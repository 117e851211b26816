"""How product errors sound in SMN: status, code, text, and the one table from the tree of `domain/errors` to them.

Called by the dialect's entrance; operations raise `refuse("SMN.0002")` directly where only SMN has a word for what is wrong.
Two forms: the service's (`code`, `message`) and the gateway's for what never reached the service (`error_code`, `error_msg`).
Source: SMN API reference, "Exception Response" and "Error Codes"; API gateway FAQ, "Common Errors Related to IAM Authentication
Information".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tidings.dialects.smn.codes import CODES
from tidings.domain import errors


class SmnError(Exception):
    """A refusal in SMN's words. `gateway`: told in the gateway's form."""

    def __init__(self, code: str, message: str, status: int, *, gateway: bool = False) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.gateway = gateway


def refuse(code: str, *facts: str) -> SmnError:
    """The refusal of that code of section "Error Codes"; `facts` fill its placeholders."""
    status, message = CODES[code]
    return SmnError(code, message.format(*facts) if facts else message, status)


def not_offered(what: str) -> SmnError:
    """Something SMN has and this server has not. Source: SMN API reference, "Returned Value" (501)."""
    return SmnError("SMN.0018", f"{what} is not offered by this server.", 501)


def unreadable(why: str) -> SmnError:
    """A body that is no JSON object, or a member of the wrong JSON type that no code is documented for."""
    return SmnError("SMN.0019", f"The request cannot be read: {why}", 400)


def missing_parameter(name: str) -> SmnError:
    """A parameter of a public link is not there, and no code is documented for that."""
    return SmnError("SMN.0019", f"The parameter {name} is required.", 400)


def no_such_api() -> SmnError:
    return SmnError(
        "APIG.0101", "The API does not exist or has not been published in the environment", 404, gateway=True
    )


AUTH_PREFIX = "Incorrect IAM authentication information: "


def unauthenticated(reason: str) -> SmnError:
    """Source: API gateway FAQ. reason: what follows the prefix that clients look for."""
    return SmnError("APIG.0301", AUTH_PREFIX + reason, 401, gateway=True)


NO_CREDENTIALS = "x-auth-token not found"
BAD_TOKEN = "decrypt token fail"  # noqa: S105  the words of the wire, no secret
BAD_SIGNATURE = "verify aksk signature fail"
UNKNOWN_KEY = "Get secretKey failed,ak:***,err:ak not exist"
KEY_LOCKED = "AK access failed to reach the limit,forbidden"


def translate(error: errors.TidingsError) -> SmnError:
    """The wire's form of a product error: the row of its class, or of the nearest class above it."""
    for kind in type(error).__mro__:
        row = TABLE.get(kind)
        if row is not None:
            return row(error)
    raise AssertionError(f"no row for {type(error).__name__}")


_NOT_FOUND = {"topic": "SMN.0006", "subscription": "SMN.0013", "template": "SMN.0027", "task": "SMN.0060"}
_QUOTAS = {
    "topics": "SMN.0004",
    "subscriptions": "SMN.0007",
    "pending subscriptions": "SMN.0078",
    "templates": "SMN.0044",
    "tags": "SMN.0038",
}


def _not_found(error: errors.NotFound) -> SmnError:
    code = _NOT_FOUND.get(error.kind)
    return refuse(code) if code is not None else SmnError("SMN.0045", f"{error.kind} not found.", 404)


def _quota(error: errors.QuotaExceeded) -> SmnError:
    return refuse(_QUOTAS.get(error.kind, "SMN.0007"))


def _busy(_: errors.TidingsError) -> SmnError:
    return SmnError("SMN.0018", "The service cannot take the request now.", 503)


Row = Callable[[Any], SmnError]

TABLE: dict[type[errors.TidingsError], Row] = {
    errors.TidingsError: lambda _: refuse("SMN.0018"),
    errors.NotAuthenticated: lambda _: unauthenticated(NO_CREDENTIALS),
    errors.UnknownCredential: lambda _: unauthenticated(UNKNOWN_KEY),
    errors.WrongSignature: lambda _: unauthenticated(BAD_SIGNATURE),
    errors.RequestExpired: lambda _: unauthenticated(BAD_SIGNATURE),
    errors.Denied: lambda error: refuse("SMN.00308", error.action),
    errors.NotFound: _not_found,
    errors.AlreadyExists: lambda error: refuse("SMN.0025" if error.kind == "template" else "SMN.0043"),
    errors.InvalidValue: lambda error: unreadable(str(error)),
    errors.InvalidToken: lambda _: refuse("SMN.0022"),
    errors.WrongState: lambda _: refuse("SMN.00290"),
    errors.QuotaExceeded: _quota,
    errors.Throttled: lambda _: SmnError(
        "APIG.0308", "The throttling threshold has been reached: try again later", 429, gateway=True
    ),
    errors.Unavailable: _busy,
    errors.Conflict: _busy,
}

FAILURES = {
    400: ("APIG.0101", "The request is not well-formed"),
    408: ("APIG.0202", "The request took too long to arrive"),
    411: ("APIG.0101", "The request must say how long it is"),
    413: ("APIG.0201", "Request entity too large"),
    429: ("APIG.0308", "The throttling threshold has been reached: try again later"),
    431: ("APIG.0201", "Request entity too large"),
    503: ("SMN.0018", "The service cannot take the request now."),
}
"""What the server itself found out, by status; anything else of ours is SMN.0018."""
