"""What an outcome of the channel looks like as the result of a detection."""

from __future__ import annotations

import pytest

from tidings.channels.http.answer import outcome_of
from tidings.dialects.smn.detection import read_outcome
from tidings.domain.outcomes import Blocked, Busy, Delivered, Outcome, Refused, RetryLater


@pytest.mark.parametrize("status", [200, 204, 299, 301, 400, 404, 408, 429, 500, 503, 599])
def test_what_the_endpoint_answered_is_the_code(status: int) -> None:
    code, text = read_outcome(outcome_of(status, None))
    assert code == status
    assert text


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (RetryLater("no answer within 5 s"), -1),
        (RetryLater("connection refused"), -1),
        (RetryLater("DNS: Name or service not known"), -1),
        (RetryLater("TLS: certificate not accepted: expired"), -1),
        (RetryLater("host does not answer"), -1),  # left alone for a while
        (Refused("address not allowed: 10.0.0.1"), -1),
        (Blocked("consent"), -1),
        (Busy(1.0), -2),
        (Delivered("HTTP 202"), 202),
    ],
)
def test_where_nothing_came_back_the_code_says_why(outcome: Outcome, code: int) -> None:
    told = read_outcome(outcome)
    assert told[0] == code
    if code == -1:
        assert told[1] == "The endpoint did not answer."
