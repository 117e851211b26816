"""What an outcome means for a delivery: done, again at a time, or given up. Pure decisions; the dispatcher writes them down."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from tidings.domain.outcomes import Blocked, Busy, Delivered, Outcome, Refused, RetryLater
from tidings.domain.retry import RetryPlan, delay_s, jittered_s


@dataclass(frozen=True, slots=True)
class Done:
    """Nothing is left to do."""


@dataclass(frozen=True, slots=True)
class Again:
    """Wait as a row until `due`; `attempts` have been made."""

    attempts: int
    due: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class GiveUp:
    """A dead letter. `redriven`: its dead-letter queue took it."""

    attempts: int
    reason: str
    redriven: bool = False


Decision = Done | Again | GiveUp
DONE = Done()
TOO_LATE = "the time to live is over"
"""The reason of what was not delivered while its message lived."""

_NOT_ALLOWED = "address not allowed"


def _for_tenants(reason: str) -> str:
    """What dead letters show: not what a name inside the operator's network resolves to."""
    return _NOT_ALLOWED if reason.startswith(_NOT_ALLOWED) else reason


def decide(outcome: Outcome, attempt: int, plan: RetryPlan, now: datetime, fraction: float) -> Decision:
    """attempt: the number of the attempt that ended so, from 1. fraction: a random number in [0, 1) for jitter.

    A receiver's own wish (Retry-After) may lengthen the plan's delay, up to the plan's longest.
    """
    match outcome:
        case Delivered() | Blocked():
            return DONE
        case Busy(after_s, reason):
            return Again(attempt - 1, now + timedelta(seconds=jittered_s(after_s, fraction)), reason)
        case Refused(reason):
            return GiveUp(attempt, _for_tenants(reason))
        case _:
            return _after_failure(outcome, attempt, plan, now, fraction)


def _after_failure(failure: RetryLater, attempt: int, plan: RetryPlan, now: datetime, fraction: float) -> Decision:
    delay, status = delay_s(plan, attempt), failure.status
    if delay is None or (status is not None and status < 500 and not plan.retries_4xx):
        return GiveUp(attempt, failure.reason)
    wished = min(failure.after_s or 0.0, plan.max_s)
    return Again(attempt, now + timedelta(seconds=max(jittered_s(delay, fraction), wished)), failure.reason)
