"""When to try again: the phases and back-off functions of SNS's delivery policy, as pure arithmetic.

`delivery/settle` asks; a dialect's Envelopes say which plan a subscription has. Source: Amazon SNS message delivery retries.
"""

from __future__ import annotations

from dataclasses import dataclass

BACKOFF_FUNCTIONS = ("linear", "arithmetic", "geometric", "exponential")


@dataclass(frozen=True, slots=True)
class RetryPlan:
    """Retries after the first attempt: immediate, then `min_count` at `min_s`, then backoff from `min_s` to `max_s`, then
    `max_count` at `max_s`. All delays in seconds. `retries_4xx`: an HTTP 408, 425 or 429 is worth another attempt."""

    no_delay_count: int
    min_count: int
    backoff_count: int
    max_count: int
    min_s: float
    max_s: float
    function: str
    pre_backoff_s: float | None = None  # delay of the min phase when it differs from min_s
    retries_4xx: bool = True

    @property
    def attempts_max(self) -> int:
        return 1 + self.no_delay_count + self.min_count + self.backoff_count + self.max_count


HTTP_PLAN = RetryPlan(0, 0, 3, 0, 20, 20, "linear")
"""Default of HTTP and HTTPS: three retries, 20 s apart."""

QUEUE_PLAN = RetryPlan(3, 2, 10, 100_000, 1, 20, "exponential")
"""SQS and other endpoints managed by the cloud: 100,015 retries over 23 days."""

PEOPLE_PLAN = RetryPlan(0, 2, 10, 38, 10, 600, "exponential")
"""Mail, SMS and push: 50 retries over 6 hours."""


def delay_s(plan: RetryPlan, attempts: int) -> float | None:
    """Seconds to wait before the next attempt when `attempts` (>= 1) have failed, without jitter; None: give up."""
    retry = attempts - 1
    if retry < plan.no_delay_count:
        return 0.0
    retry -= plan.no_delay_count
    if retry < plan.min_count:
        return plan.min_s if plan.pre_backoff_s is None else plan.pre_backoff_s
    retry -= plan.min_count
    if retry < plan.backoff_count:
        return backoff_s(plan.function, retry, plan.backoff_count, plan.min_s, plan.max_s)
    retry -= plan.backoff_count
    if retry < plan.max_count:
        return float(plan.max_s)
    return None


def backoff_s(function: str, i: int, n: int, a: float, b: float) -> float:
    """Delay of back-off retry `i` (0-based) of `n`, from `a` to `b` seconds."""
    if n <= 1:
        return float(a)
    match function:
        case "linear":
            return a + (b - a) * i / (n - 1)
        case "arithmetic":
            return a + (b - a) * i * (i + 1) / (n * (n - 1))
        case "geometric":
            return float(a * (b / a) ** (i / (n - 1)))
        case "exponential":
            # Written with negative powers so that n = 100 does not overflow a float.
            return a + (b - a) * (2.0 ** (i - n + 1) - 2.0 ** (1 - n)) / (1 - 2.0 ** (1 - n))
        case _:
            raise ValueError(f"unknown backoff function: {function}")


def jittered_s(delay: float, fraction: float) -> float:
    """The delay moved by up to 10 % either way; `fraction` is a random number in [0, 1)."""
    return delay * (0.9 + 0.2 * fraction)
