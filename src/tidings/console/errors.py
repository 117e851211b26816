"""One table: what went wrong -> which status and words the page has. Called by `console`; a test walks the tree of errors and fails
when one has no row."""

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

RETRY_AFTER_S = 10


@dataclass(frozen=True, slots=True)
class ErrorPage:
    """A kind page: its status, heading, what to do, and headers that go with it."""

    status: int
    title: str
    advice: str
    headers: tuple[tuple[str, str], ...] = ()


class BadRequest(Exception):
    """A request that no form or link of ours makes. Answered by the page it carries."""

    def __init__(self, problem: ErrorPage) -> None:
        super().__init__(problem.title)
        self.problem = problem


MISSING = ErrorPage(404, "This page does not exist", "The address may be mistyped, or what was here is gone.")
ELSEWHERE = ErrorPage(
    403, "Developer mode is for this machine", "Open it by localhost, or see TIDINGS_DEV_PUBLIC in the settings."
)
FORGED = ErrorPage(
    403,
    "This form was not accepted",
    "It did not come from this console, or it was drawn before you signed in again. Open the page anew and repeat it.",
)
UNREADABLE = ErrorPage(400, "This form could not be read", "Open the page anew and repeat it.")
TOO_LARGE = ErrorPage(413, "That is too much at once", "Send less in one form.")
WRONG_MEDIA_TYPE = ErrorPage(415, "This form could not be read", "Only a browser's forms are taken here.")
_INVALID = ErrorPage(422, "That cannot be taken", "Go back and look at what was entered.")
_UNAVAILABLE = ErrorPage(
    503,
    "Not possible at this moment",
    "Nothing was changed. Try again in a few seconds.",
    (("Retry-After", str(RETRY_AFTER_S)),),
)

ROWS: Mapping[type[TidingsError], ErrorPage] = {
    NotAuthenticated: ErrorPage(401, "Please sign in", "Your session has ended."),
    Denied: ErrorPage(
        403, "You may not do this", "Your role does not allow it. An owner of the account can change that."
    ),
    NotFound: MISSING,
    AlreadyExists: ErrorPage(409, "That exists already", "Go back and choose another name."),
    InvalidValue: _INVALID,
    InvalidToken: _INVALID,
    MalformedToken: _INVALID,
    TokenExpired: _INVALID,
    WrongState: ErrorPage(409, "That is not possible any more", "It has changed since the page was drawn."),
    OptedOut: ErrorPage(409, "This endpoint has opted out", "It wants nothing more."),
    QuotaExceeded: ErrorPage(409, "There are as many as there may be", "Remove one first."),
    Throttled: ErrorPage(429, "Too often", "Wait a moment and try again."),
    Conflict: _UNAVAILABLE,
    Unavailable: _UNAVAILABLE,
}
_FAILURES: Mapping[int, ErrorPage] = {
    400: UNREADABLE,
    404: MISSING,
    413: TOO_LARGE,
    415: WRONG_MEDIA_TYPE,
    408: ErrorPage(408, "That took too long to arrive", "Nothing was changed. Try again.", (("Retry-After", "1"),)),
    429: ErrorPage(
        429, "Too much at once from your address", "Nothing was changed. Try again.", (("Retry-After", "1"),)
    ),
    503: _UNAVAILABLE,
}


def wrong_method(allow: str) -> BadRequest:
    """The page is there, but not for this method."""
    problem = ErrorPage(405, "This page cannot do that", "Use its links and buttons.", (("Allow", allow),))
    return BadRequest(problem)


def problem_of(error: TidingsError) -> ErrorPage:
    """The kind page for an error."""
    if isinstance(error, Throttled):
        told = ROWS[Throttled]
        return ErrorPage(told.status, told.title, told.advice, (("Retry-After", str(max(1, ceil(error.after_s)))),))
    return next(ROWS[kind] for kind in type(error).__mro__ if kind in ROWS)


def problem_of_status(status: int) -> ErrorPage:
    """The kind page for what the server itself found out."""
    return _FAILURES.get(status) or ErrorPage(status, "Something went wrong here", "It was logged. Try again.")
