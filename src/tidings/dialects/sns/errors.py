"""How errors sound in SNS: wire code, status and text. One table for the product's errors, one class for the dialect's own.

Texts are part of the contract: SDK users and infrastructure tools match on them.
Source: SNS service model (codes, statuses); SNS API reference, "Common errors"; texts as observed on the live service.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from tidings.dialects.sns.limits import CONSTRAINT_ECHO_CHARACTERS_MAX, ECHO_CHARACTERS_MAX
from tidings.domain import errors


class SnsError(Exception):
    """A refusal in the words of the wire. members: what the error's shape has besides, by name."""

    def __init__(
        self, code: str, message: str, status: int = 400, *, members: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        super().__init__(message)
        self.members = members
        self.code = code
        self.message = message
        self.status = status


def invalid(name: str, reason: str = "") -> SnsError:
    """InvalidParameter for a parameter, with the reason behind it if there is one to give."""
    return SnsError("InvalidParameter", f"Invalid parameter: {name}{f' Reason: {reason}' if reason else ''}")


def value_invalid(message: str) -> SnsError:
    """What is wrong with a message attribute; SDKs call it InvalidParameterValueException."""
    return SnsError("ParameterValueInvalid", message)


def missing(member: str) -> SnsError:
    """A required member was not sent. member: its name with a capital, as on the wire."""
    path = member[:1].lower() + member[1:]
    return SnsError(
        "ValidationError",
        f"1 validation error detected: Value null at '{path}' failed to satisfy constraint: Member must not be null",
    )


def violated(value: str, path: str, constraint: str) -> SnsError:
    """A member outside of the model's length or pattern. path: where it stands, as in `tags.1.member.key`."""
    shown = echo(value, CONSTRAINT_ECHO_CHARACTERS_MAX)
    return SnsError(
        "ValidationError",
        f"1 validation error detected: Value '{shown}' at '{path}' failed to satisfy constraint: Member must {constraint}",
    )


def check_length(value: str, path: str, least: int, most: int) -> None:
    """Raises SnsError for a member whose length the model does not allow."""
    if len(value) < least:
        raise violated(value, path, f"have length greater than or equal to {least}")
    if len(value) > most:
        raise violated(value, path, f"have length less than or equal to {most}")


def check_pattern(value: str, path: str, pattern: str) -> None:
    """Raises SnsError for a member that the model's pattern does not allow. pattern: as the model writes it, quoted in the refusal."""
    if re.fullmatch(pattern.removeprefix("^").removesuffix("$"), value) is None:
        raise violated(value, path, f"satisfy regular expression pattern: {pattern}")


def empty(member: str) -> SnsError:
    """A required member was sent without a value."""
    return invalid(member, "no value for required parameter")


def not_offered(name: str, what: str) -> SnsError:
    """Something SNS has and this server has not yet: refused, never silently ignored."""
    return SnsError("InvalidParameter", f"Invalid parameter: {name}: {what} are not offered by this server yet")


def echo(value: str, most: int = ECHO_CHARACTERS_MAX) -> str:
    """A caller's value, short enough for a message."""
    return value if len(value) <= most else f"{value[:most]}..."


def translate(error: errors.TidingsError) -> SnsError:
    """The wire's form of a product error: the row of its class, or of the nearest class above it."""
    for kind in type(error).__mro__:
        row = TABLE.get(kind)
        if row is not None:
            return row(error)
    raise AssertionError(f"no row for {type(error).__name__}")


def _denied(error: errors.Denied) -> SnsError:
    # Terraform retries on the phrases "is not authorized to perform" and "no identity-based policy allows".
    action = error.action if ":" in error.action else f"SNS:{error.action}"
    return SnsError(
        "AuthorizationError",
        f"User: {error.principal} is not authorized to perform: {action} on resource: {error.resource}"
        f" because no identity-based policy allows the {action} action",
        403,
    )


def _not_found(error: errors.NotFound) -> SnsError:
    return SnsError("NotFound", f"{error.kind[:1].upper()}{error.kind[1:]} does not exist", 404)


def _exists(error: errors.AlreadyExists) -> SnsError:
    if error.kind == "statement":
        return invalid("Statement already exists")
    return invalid("Attributes", f"{error.kind[:1].upper()}{error.kind[1:]} already exists with different attributes")


def _wrong_state(error: errors.WrongState) -> SnsError:
    if error.kind == "subscription" and error.wanted == "cancel":
        # Terraform takes this text for success.
        return invalid("SubscriptionArn", "Cannot unsubscribe a subscription that is pending confirmation")
    return SnsError("InvalidState", f"The {error.kind} is {error.state}")


_QUOTAS = {
    "topics": ("TopicLimitExceeded", 403),
    "subscriptions": ("SubscriptionLimitExceeded", 403),
    "pending subscriptions": ("SubscriptionLimitExceeded", 403),
}


def _quota(error: errors.QuotaExceeded) -> SnsError:
    if error.kind == "tags":
        return SnsError("TagLimitExceeded", "Could not complete request: tag quota of per resource exceeded")
    code, status = _QUOTAS.get(error.kind, ("InvalidParameter", 400))
    return SnsError(code, f"The limit of {error.limit} {error.kind} is reached", status)


SIGNATURE_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and"
    " signing method. Consult the service documentation for details."
)

Row = Callable[[Any], SnsError]

TABLE: dict[type[errors.TidingsError], Row] = {
    errors.TidingsError: lambda _: SnsError("InternalError", "The request could not be carried out", 500),
    errors.NotAuthenticated: lambda _: SnsError(
        "MissingAuthenticationToken", "Request is missing Authentication Token", 403
    ),
    errors.UnknownCredential: lambda _: SnsError(
        "InvalidClientTokenId", "The security token included in the request is invalid.", 403
    ),
    errors.WrongSignature: lambda _: SnsError("SignatureDoesNotMatch", SIGNATURE_MISMATCH, 403),
    errors.RequestExpired: lambda _: SnsError("RequestExpired", "Request has expired.", 400),
    errors.Denied: _denied,
    errors.NotFound: _not_found,
    errors.AlreadyExists: _exists,
    errors.InvalidValue: lambda error: invalid(error.field, error.reason),
    errors.InvalidToken: lambda _: invalid("Token"),
    errors.MalformedToken: lambda _: SnsError("InvalidParameter", "Invalid token"),
    errors.TokenExpired: lambda _: invalid("Token"),
    errors.WrongState: _wrong_state,
    errors.OptedOut: lambda error: SnsError("OptedOut", f"{echo(error.endpoint)} has opted out", 400),
    errors.QuotaExceeded: _quota,
    # 429 and not 400: every SDK then waits and tries again by itself.
    errors.Throttled: lambda _: SnsError("Throttling", "Rate exceeded", 429),
    errors.Unavailable: lambda _: SnsError("ServiceUnavailable", "The service cannot take the request now", 503),
    errors.Conflict: lambda _: SnsError("ServiceUnavailable", "The service cannot take the request now", 503),
}

FAILURES = {
    400: ("MalformedQueryString", "The request is not well-formed"),
    404: ("MalformedQueryString", "The request is not well-formed"),
    408: ("RequestTimeout", "The request took too long to arrive"),
    411: ("MissingContentLength", "The request must say how long it is"),
    413: ("RequestEntityTooLarge", "The request is too large"),
    429: ("Throttling", "Rate exceeded"),
    503: ("ServiceUnavailable", "The service cannot take the request now"),
}
"""What the server itself found out, by status; anything else of ours is InternalError."""
