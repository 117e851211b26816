"""What an outcome means for a delivery."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.support.build import NOW

from tidings.delivery.settle import DONE, Again, GiveUp, decide
from tidings.domain.outcomes import Blocked, Busy, Delivered, Refused, RetryLater
from tidings.domain.retry import HTTP_PLAN, RetryPlan

MIDDLE = 0.5  # jitter that changes nothing


@pytest.mark.parametrize("outcome", [Delivered("HTTP 200"), Blocked("canceled")])
def test_delivered_and_blocked_leave_nothing_to_do(outcome: Delivered | Blocked) -> None:
    assert decide(outcome, 1, HTTP_PLAN, NOW, MIDDLE) is DONE


def test_refused_is_given_up_at_once() -> None:
    assert decide(Refused("HTTP 403"), 1, HTTP_PLAN, NOW, MIDDLE) == GiveUp(1, "HTTP 403")


def test_a_dead_letter_does_not_say_what_a_name_inside_resolves_to() -> None:
    decision = decide(Refused("address not allowed: 10.0.0.1"), 1, HTTP_PLAN, NOW, MIDDLE)
    assert decision == GiveUp(1, "address not allowed")


def test_later_waits_as_the_plan_says_and_then_gives_up() -> None:
    later = RetryLater("HTTP 500")
    assert decide(later, 1, HTTP_PLAN, NOW, MIDDLE) == Again(1, NOW + timedelta(seconds=20), "HTTP 500")
    assert decide(later, 4, HTTP_PLAN, NOW, MIDDLE) == GiveUp(4, "HTTP 500")


def test_a_receivers_wish_lengthens_the_wait_up_to_the_plans_longest() -> None:
    plan = RetryPlan(0, 0, 3, 0, 5, 60, "linear")
    for wish, wait in ((30.0, 30), (500.0, 60), (1.0, 5)):
        decided = decide(RetryLater("HTTP 429", wish), 1, plan, NOW, MIDDLE)
        assert decided == Again(1, NOW + timedelta(seconds=wait), "HTTP 429")


def test_a_full_lane_does_not_count_as_an_attempt() -> None:
    assert decide(Busy(1.0), 1, HTTP_PLAN, NOW, MIDDLE) == Again(0, NOW + timedelta(seconds=1), "lane full")


def test_a_plan_may_take_every_4xx_for_an_answer_that_is_final() -> None:
    plan = RetryPlan(0, 0, 3, 0, 5, 60, "linear", retries_4xx=False)
    for status in (408, 425, 429):
        later = RetryLater(f"HTTP {status}", 7.0, status)
        assert decide(later, 1, plan, NOW, MIDDLE) == GiveUp(1, f"HTTP {status}")
        assert isinstance(decide(later, 1, HTTP_PLAN, NOW, MIDDLE), Again)
    for again in (
        RetryLater("HTTP 500", None, 500),
        RetryLater("HTTP 503", None, 503),
        RetryLater("no answer within 5 s"),
    ):
        assert isinstance(decide(again, 1, plan, NOW, MIDDLE), Again)
