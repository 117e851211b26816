"""One table: what went wrong -> which kind page, with which status. Called by `subscriber`; a test walks the tree of errors
and fails when one has no row. The pages' words are in `languages/`, under `problem`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

from tidings.domain.errors import (
    AlreadyExists,
    Conflict,
    Denied,
    InvalidToken,
    InvalidValue,
    MalformedToken,
    NotAuthenticated,
    NotFound,
    OptedOut,
    QuotaExceeded,
    Throttled,
    TidingsError,
    TokenExpired,
    Unavailable,
    WrongState,
)

RETRY_AFTER_S = 60


@dataclass(frozen=True, slots=True)
class ErrorPage:
    """The name of a kind page, its status, and when to come again."""

    name: str
    status: int
    retry_after_s: int = 0
    allow: str = ""


class BadRequest(Exception):
    """A request that no form or link of ours makes. Answered by the page it carries."""

    def __init__(self, problem: ErrorPage) -> None:
        super().__init__(problem.name)
        self.problem = problem


# 404: we never knew it. 410: we did, and it is over; both are final for a program. Source: RFC 9110, 15.5.
ROWS: Mapping[type[TidingsError], ErrorPage] = {
    MalformedToken: ErrorPage("malformed", 404),
    TokenExpired: ErrorPage("expired", 410),
    InvalidToken: ErrorPage("unknown", 404),
    NotFound: ErrorPage("ended", 404),
    Denied: ErrorPage("refused", 403),
    NotAuthenticated: ErrorPage("notpersonal", 403),
    InvalidValue: ErrorPage("refused", 400),
    AlreadyExists: ErrorPage("refused", 409),
    QuotaExceeded: ErrorPage("refused", 409),
    OptedOut: ErrorPage("optedout", 409),
    WrongState: ErrorPage("refused", 409),
    Throttled: ErrorPage("throttled", 429),
    Conflict: ErrorPage("unavailable", 503, RETRY_AFTER_S),
    Unavailable: ErrorPage("unavailable", 503, RETRY_AFTER_S),
}
_REASONS: Mapping[str, ErrorPage] = {"used": ErrorPage("used", 410), "superseded": ErrorPage("superseded", 410)}
_FAILURES: Mapping[int, str] = {400: "unreadable", 404: "missing", 405: "method", 413: "toolarge", 415: "mediatype"}

MISSING = ErrorPage("missing", 404)
TOO_LARGE = ErrorPage("toolarge", 413)
WRONG_MEDIA_TYPE = ErrorPage("mediatype", 415)


def problem_of(error: TidingsError, *, of_cancel_link: bool) -> ErrorPage:
    """The kind page for an error. `of_cancel_link`: the link was one to cancel, so that what is gone needs no canceling."""
    if isinstance(error, InvalidToken) and error.reason in _REASONS:
        if of_cancel_link and error.reason == "superseded":
            return ErrorPage("ended", 410)
        return _REASONS[error.reason]
    if isinstance(error, Throttled):
        return ErrorPage("throttled", 429, max(1, ceil(error.after_s)))
    return next(ROWS[kind] for kind in type(error).__mro__ if kind in ROWS)


def problem_of_status(status: int) -> ErrorPage:
    """The kind page for what the server itself found out."""
    if status == 429:
        return ErrorPage("throttled", 429, RETRY_AFTER_S)
    if status == 503:
        return ErrorPage("unavailable", 503, RETRY_AFTER_S)
    return ErrorPage(_FAILURES.get(status, "failed"), status)
