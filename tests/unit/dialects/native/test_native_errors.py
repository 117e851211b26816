"""The table of errors covers the whole tree, and tells nothing that it should not."""

from __future__ import annotations

import msgspec
import pytest

from tidings.dialects.contract import WireResponse
from tidings.dialects.native import errors
from tidings.domain import errors as domain

SAMPLES: dict[type[domain.TidingsError], domain.TidingsError] = {
    domain.Denied: domain.Denied("arn:aws:iam::000000000000:user/ada", "cancelSubscription", "/api/v1/x"),
    domain.NotFound: domain.NotFound("topic", "news"),
    domain.AlreadyExists: domain.AlreadyExists("user", "ada"),
    domain.InvalidValue: domain.InvalidValue("password", "too short", "hunter2"),
    domain.InvalidToken: domain.InvalidToken(),
    domain.MalformedToken: domain.MalformedToken(),
    domain.TokenExpired: domain.TokenExpired(),
    domain.WrongState: domain.WrongState("subscription", "unconfirmed", "cancel"),
    domain.OptedOut: domain.OptedOut("+18885550100"),
    domain.QuotaExceeded: domain.QuotaExceeded("topics", 3),
    domain.Throttled: domain.Throttled(2.5),
}


def tree(kind: type[domain.TidingsError] = domain.TidingsError) -> list[type[domain.TidingsError]]:
    own = [found for found in kind.__subclasses__() if found.__module__ == domain.__name__]
    return [kind, *(leaf for child in own for leaf in tree(child))]


def body(response: WireResponse) -> dict[str, object]:
    assert isinstance(response.body, bytes)
    return msgspec.json.decode(response.body, type=dict[str, object])


def test_every_error_of_the_tree_has_a_row_of_its_own() -> None:
    assert set(tree()) == set(errors.ROWS)


@pytest.mark.parametrize("kind", tree(), ids=lambda kind: kind.__name__)
def test_every_error_is_told_as_a_problem_document(kind: type[domain.TidingsError]) -> None:
    error = SAMPLES.get(kind) or kind("what it was")
    response = errors.problem(error, "r-1")
    told = body(response)
    assert response.content_type == "application/problem+json"
    assert told["status"] == response.status == errors.ROWS[kind].status
    assert 400 <= response.status < 500 or kind is domain.Unavailable
    assert (told["code"], told["request_id"]) == (errors.ROWS[kind].code, "r-1")
    assert told["detail"]


def test_an_unknown_name_and_a_wrong_secret_sound_alike() -> None:
    unknown = errors.problem(domain.UnknownCredential("access key"), "r")
    wrong = errors.problem(domain.WrongSignature("password"), "r")
    assert unknown == wrong
    assert ("www-authenticate", 'Basic realm="Tidings", charset="UTF-8"') in unknown.headers


def test_a_value_that_was_sent_is_not_sent_back() -> None:
    response = errors.problem(SAMPLES[domain.InvalidValue], "r")
    assert "hunter2" not in str(response.body)
    assert body(response)["field"] == "password"


def test_who_is_throttled_hears_when_to_come_back() -> None:
    assert ("retry-after", "3") in errors.problem(domain.Throttled(2.5), "r").headers


def test_an_error_that_the_table_does_not_know_is_told_as_its_ancestor() -> None:
    class Newer(domain.NotFound):
        pass

    assert errors.problem(Newer("topic"), "r").status == 404


def test_what_the_server_refuses_for_its_shares_has_a_code_of_its_own() -> None:
    assert {status: errors.HTTP_CODES.get(status) for status in (408, 413, 429, 503)} == {
        408: "too-slow",
        413: "body-too-large",
        429: "throttled",
        503: "unavailable",
    }
