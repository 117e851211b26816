"""What a scenario is, and the percentiles they share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from bench.stage import Stage

WARM_UP_CALLS = 100
"""Before a list is timed: a server that has just started looks after its rows first, and its pages are not in memory yet."""
SEEDED_TOPIC = "seeded"


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of a scenario. `shown`: in the printed table; the results file holds all."""

    key: str
    title: str
    unit: str
    shown: bool = True


@dataclass(slots=True)
class Outcome:
    """One measurement: figures by key, and what a reader has to know beside them (losses, for example)."""

    figures: dict[str, float]
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Scenario:
    """`measure` gets a running contender. `ours_only`: the rivals have no figure.

    `seeded`: so many subscriptions exist in topic SEEDED_TOPIC, put into the store before the start (ours only).
    `once`: measured in the first round only, because it takes long. `signs`: the RSA rate is measured beside it.
    """

    name: str
    title: str
    figures: tuple[Figure, ...]
    measure: Callable[[Stage], Awaitable[Outcome]]
    ours_only: bool = False
    seeded: int = 0
    once: bool = False
    signs: bool = False


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile; `share` 0.99 for p99."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def percentiles_ms(values: Sequence[float], prefix: str = "") -> dict[str, float]:
    """p50, p90, p99 and the maximum of seconds, in milliseconds."""
    return {
        f"{prefix}p50_ms": percentile(values, 0.50) * 1000,
        f"{prefix}p90_ms": percentile(values, 0.90) * 1000,
        f"{prefix}p99_ms": percentile(values, 0.99) * 1000,
        f"{prefix}max_ms": max(values) * 1000,
    }
