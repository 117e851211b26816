"""One table: domain error -> status, code and title of a problem document.

Called by the Dialect object for every TidingsError and by the server through `failure`. A test walks the tree of errors and
fails when one has no row of its own. Never shows a value that was sent: it may be a password.
Source: RFC 9457 (Problem Details for HTTP APIs); RFC 9110, section 15.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from http import HTTPStatus

import msgspec

from tidings.dialects.contract import WireResponse
from tidings.dialects.native.shapes import Problem
from tidings.domain import errors

PROBLEM_TYPE = "application/problem+json"
CHALLENGE = ("www-authenticate", 'Basic realm="Tidings", charset="UTF-8"')


@dataclass(frozen=True, slots=True)
class Row:
    """How one error is told. `code` is for programs and never changes."""

    status: int
    code: str


ROWS: dict[type[errors.TidingsError], Row] = {
    errors.TidingsError: Row(400, "refused"),
    errors.NotAuthenticated: Row(401, "not-authenticated"),
    # An unknown name and a wrong secret are told alike, so that nobody can ask which names exist.
    errors.UnknownCredential: Row(401, "not-authenticated"),
    errors.WrongSignature: Row(401, "not-authenticated"),
    errors.RequestExpired: Row(401, "request-expired"),
    errors.Denied: Row(403, "denied"),
    errors.NotFound: Row(404, "not-found"),
    errors.AlreadyExists: Row(409, "already-exists"),
    errors.InvalidValue: Row(400, "invalid-value"),
    errors.InvalidToken: Row(400, "invalid-token"),
    errors.MalformedToken: Row(400, "malformed-token"),
    errors.TokenExpired: Row(400, "token-expired"),
    errors.WrongState: Row(409, "wrong-state"),
    errors.OptedOut: Row(409, "opted-out"),
    errors.QuotaExceeded: Row(409, "quota-exceeded"),
    errors.Throttled: Row(429, "throttled"),
    errors.Unavailable: Row(503, "unavailable"),
    errors.Conflict: Row(409, "conflict"),
}

HTTP_CODES = {
    400: "bad-request",
    403: "cross-site",
    404: "no-such-path",
    405: "method-not-allowed",
    408: "too-slow",
    413: "body-too-large",
    415: "unsupported-media-type",
    429: "throttled",
    500: "internal",
    503: "unavailable",
}
"""Codes of what HTTP itself, not the product, has a name for."""


class Refusal(Exception):
    """The request cannot be one of this API's operations: path, method or media type."""

    def __init__(self, status: int, detail: str, *headers: tuple[str, str]) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers


def row_of(error: errors.TidingsError) -> Row:
    """The error's row, or that of its nearest ancestor."""
    return next(ROWS[kind] for kind in type(error).__mro__ if kind in ROWS)


def problem(error: errors.TidingsError, request_id: str) -> WireResponse:
    """The answer to a domain error."""
    row = row_of(error)
    headers: tuple[tuple[str, str], ...] = ()
    field: str | None = None
    detail = str(error)
    match error:
        case errors.NotAuthenticated():
            headers = (CHALLENGE,)
            detail = "Sign in with HTTP Basic: an access key's id and secret, or a user's name and password."
        case errors.Throttled(after_s=after_s):
            headers = (("retry-after", str(max(1, math.ceil(after_s)))),)
        case errors.Unavailable():
            headers = (("retry-after", "1"),)
            detail = "Nothing was changed; try again."
        case errors.InvalidValue() | errors.AlreadyExists():
            field = error.field
    return render(row.status, row.code, detail, request_id, field=field, headers=headers)


def render(
    status: int,
    code: str,
    detail: str,
    request_id: str,
    *,
    field: str | None = None,
    headers: tuple[tuple[str, str], ...] = (),
) -> WireResponse:
    """A problem document. Its `type` is left out, which means `about:blank`: the title is the status's own."""
    body = Problem(
        status=status,
        title=HTTPStatus(status).phrase,
        code=code,
        detail=detail,
        request_id=request_id,
        field=field or msgspec.UNSET,
    )
    return WireResponse(status, msgspec.json.encode(body), PROBLEM_TYPE, (("cache-control", "no-store"), *headers))


def refusal(error: Refusal, request_id: str) -> WireResponse:
    code = HTTP_CODES.get(error.status, "refused")
    return render(error.status, code, error.detail, request_id, headers=error.headers)
