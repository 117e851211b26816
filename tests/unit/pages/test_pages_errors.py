"""Every error has a kind page, and every kind page its words."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tidings.domain.errors import (
    InvalidToken,
    MalformedToken,
    OptedOut,
    Throttled,
    TidingsError,
    TokenExpired,
    Unavailable,
)
from tidings.pages import errors
from tidings.pages.catalogue import load_catalogues
from tidings.pages.errors import ROWS, ErrorPage, problem_of, problem_of_status

CATALOGUES = load_catalogues()


def _tree(kind: type[TidingsError] = TidingsError) -> Iterator[type[TidingsError]]:
    for below in kind.__subclasses__():
        if below.__module__ == "tidings.domain.errors":
            yield below
            yield from _tree(below)


@pytest.mark.parametrize("kind", sorted(_tree(), key=lambda kind: kind.__name__))
def test_every_error_has_a_page(kind: type[TidingsError]) -> None:
    problem = next((ROWS[base] for base in kind.__mro__ if base in ROWS), None)
    assert problem is not None
    assert 400 <= problem.status < 600


def _problems() -> set[str]:
    stated = {row.name for row in ROWS.values()} | {
        row.name for row in vars(errors).values() if isinstance(row, ErrorPage)
    }
    return stated | {"used", "superseded", "ended"} | {problem_of_status(status).name for status in range(400, 600)}


@pytest.mark.parametrize("tag", sorted(CATALOGUES))
@pytest.mark.parametrize("name", sorted(_problems()))
def test_every_page_says_what_happened_and_what_to_do_next(name: str, tag: str) -> None:
    texts = CATALOGUES[tag]
    assert texts.text(f"problem.{name}.heading")
    assert texts.text(f"problem.{name}.lead")
    assert texts.lines(f"problem.{name}.next")


@pytest.mark.parametrize(
    ("error", "of_cancel_link", "name", "status"),
    [
        (InvalidToken(), False, "unknown", 404),
        (MalformedToken(), False, "malformed", 404),
        (TokenExpired(), False, "expired", 410),
        (InvalidToken("used"), False, "used", 410),
        (InvalidToken("superseded"), False, "superseded", 410),
        (InvalidToken("superseded"), True, "ended", 410),
        (OptedOut("+12125550100"), False, "optedout", 409),
        (Throttled(2.5), False, "throttled", 429),
        (Unavailable("disk full"), False, "unavailable", 503),
    ],
)
def test_links_that_do_not_work_are_told_apart(
    error: TidingsError, of_cancel_link: bool, name: str, status: int
) -> None:
    problem = problem_of(error, of_cancel_link=of_cancel_link)
    assert (problem.name, problem.status) == (name, status)


def test_whoever_must_wait_is_told_how_long() -> None:
    assert problem_of(Throttled(2.5), of_cancel_link=False).retry_after_s == 3
    assert problem_of(Throttled(0.0), of_cancel_link=False).retry_after_s == 1
    assert problem_of(Unavailable(), of_cancel_link=False).retry_after_s > 0
    assert problem_of_status(503).retry_after_s > 0
