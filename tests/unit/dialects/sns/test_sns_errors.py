"""Every error of the product has a row in the table, and sounds as SDKs and tools expect."""

from __future__ import annotations

import pytest

from tidings.dialects.sns.errors import TABLE, translate
from tidings.domain import errors

EXAMPLES: list[tuple[errors.TidingsError, str, int, str]] = [
    (errors.TidingsError(), "InternalError", 500, ""),
    (errors.NotAuthenticated(), "MissingAuthenticationToken", 403, "Request is missing Authentication Token"),
    (
        errors.UnknownCredential(),
        "InvalidClientTokenId",
        403,
        "The security token included in the request is invalid.",
    ),
    (errors.WrongSignature(), "SignatureDoesNotMatch", 403, "The request signature we calculated does not match"),
    (errors.RequestExpired(), "RequestExpired", 400, "expired"),
    (
        errors.Denied("arn:aws:iam::1:user/a", "SNS:Publish", "arn:x"),
        "AuthorizationError",
        403,
        "User: arn:aws:iam::1:user/a is not authorized to perform: SNS:Publish on resource: arn:x",
    ),
    (errors.Denied("a", "Unsubscribe", "b"), "AuthorizationError", 403, "perform: SNS:Unsubscribe on resource: b"),
    (errors.NotFound("topic"), "NotFound", 404, "Topic does not exist"),
    (errors.NotFound("subscription"), "NotFound", 404, "Subscription does not exist"),
    (errors.AlreadyExists("statement"), "InvalidParameter", 400, "Invalid parameter: Statement already exists"),
    (errors.AlreadyExists("topic"), "InvalidParameter", 400, "Topic already exists with different attributes"),
    (errors.InvalidValue("X", "y"), "InvalidParameter", 400, "Invalid parameter: X Reason: y"),
    (errors.InvalidToken(), "InvalidParameter", 400, "Invalid parameter: Token"),
    (errors.MalformedToken(), "InvalidParameter", 400, "Invalid token"),
    (errors.TokenExpired(), "InvalidParameter", 400, "Invalid parameter: Token"),
    (
        errors.WrongState("subscription", "unconfirmed", "cancel"),
        "InvalidParameter",
        400,
        "Cannot unsubscribe a subscription that is pending confirmation",
    ),
    (errors.WrongState("topic", "archived", "delete"), "InvalidState", 400, "topic is archived"),
    (errors.OptedOut("+15550100"), "OptedOut", 400, "+15550100"),
    (errors.QuotaExceeded("topics", 1), "TopicLimitExceeded", 403, "1 topics"),
    (errors.QuotaExceeded("subscriptions", 1), "SubscriptionLimitExceeded", 403, ""),
    (errors.QuotaExceeded("pending subscriptions", 1), "SubscriptionLimitExceeded", 403, ""),
    (errors.QuotaExceeded("tags", 50), "TagLimitExceeded", 400, ""),
    (errors.Throttled(), "Throttling", 429, "Rate exceeded"),
    (errors.Unavailable(), "ServiceUnavailable", 503, ""),
    (errors.Conflict(), "ServiceUnavailable", 503, ""),
]


@pytest.mark.parametrize(("error", "code", "status", "text"), EXAMPLES, ids=lambda value: type(value).__name__)
def test_an_error_has_its_code_status_and_text(error: errors.TidingsError, code: str, status: int, text: str) -> None:
    told = translate(error)
    assert (told.code, told.status) == (code, status)
    assert text in told.message


def _tree(kind: type[errors.TidingsError]) -> set[type[errors.TidingsError]]:
    return {kind}.union(*(_tree(child) for child in kind.__subclasses__() if child.__module__ == errors.__name__))


def test_every_error_of_the_product_has_a_row_and_an_example() -> None:
    assert _tree(errors.TidingsError) == set(TABLE)
    assert {type(error) for error, *_ in EXAMPLES} == set(TABLE)
