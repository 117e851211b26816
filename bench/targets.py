"""What is to be reached on one core, and whether it was: the table at the end of a run.

Called by `bench.report`. Ratios compare medians of the same run only; a target whose rival was not measured stays open.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

OURS = "tidings"
Medians = Mapping[tuple[str, str, str], float]  # (scenario, contender, figure) -> median of the rounds


@dataclass(frozen=True, slots=True)
class Verdict:
    target: str
    measured: str
    reached: bool | None  # None: not measured in this run


@dataclass(frozen=True, slots=True)
class Times:
    """At least `factor` times a rival's figure."""

    scenario: str
    rival: str
    factor: float
    figure: str = "rate"

    def evaluate(self, medians: Medians) -> Verdict:
        text = f"{self.scenario}: at least {self.factor:g} times {self.rival}"
        ours = medians.get((self.scenario, OURS, self.figure))
        theirs = medians.get((self.scenario, self.rival, self.figure))
        if ours is None or not theirs:
            return Verdict(text, "-", None)
        return Verdict(text, f"{ours / theirs:.1f} times", ours / theirs >= self.factor)


@dataclass(frozen=True, slots=True)
class Bound:
    """A figure of ours between two values."""

    scenario: str
    figure: str
    unit: str
    most: float = float("inf")
    least: float = float("-inf")

    def evaluate(self, medians: Medians) -> Verdict:
        words = [f"at most {self.most:g}"] if self.most != float("inf") else []
        words += [f"at least {self.least:g}"] if self.least != float("-inf") else []
        text = f"{self.scenario}: {self.figure} {' and '.join(words)} {self.unit}"
        ours = medians.get((self.scenario, OURS, self.figure))
        if ours is None:
            return Verdict(text, "-", None)
        return Verdict(text, f"{ours:.4g} {self.unit}", self.least <= ours <= self.most)


@dataclass(frozen=True, slots=True)
class ShareOfRsa:
    """At least this share of the RSA signatures that the same core makes."""

    scenario: str
    share: float

    def evaluate(self, medians: Medians) -> Verdict:
        text = f"{self.scenario}: at least {self.share:.0%} of the machine's RSA sign rate"
        ours = medians.get((self.scenario, OURS, "rate"))
        limit = medians.get(("rsa", "machine", "sha1"))
        if ours is None or not limit:
            return Verdict(text, "-", None)
        return Verdict(text, f"{ours / limit:.0%}", ours / limit >= self.share)


TARGETS: tuple[Times | Bound | ShareOfRsa, ...] = (
    Times("publish", "moto", 20),
    Times("publish", "ministack", 8),
    Times("deliver-raw", "ministack", 15),
    ShareOfRsa("deliver-signed", 0.70),
    Bound("deliver-signed", "missing", "messages", most=0),
    Bound("deliver-raw", "missing", "messages", most=0),
    Bound("latency", "p50_ms", "ms", most=3),
    Times("fanout", "ministack", 100),
    Bound("fanout", "missing", "posts", most=0),
    Bound("list-1m", "p99_ms", "ms", most=5),
    Bound("smn-list-1m", "first_p99_ms", "ms", most=5),
    Bound("smn-list-1m", "last_p99_ms", "ms", most=50),
    Bound("million", "rate", "/s", least=30_000),
    Bound("million", "missing", "posts", most=0),
    Bound("million", "above_idle_mib", "MiB", most=64),
    Bound("million", "other_p99_ms", "ms", most=50),
)
