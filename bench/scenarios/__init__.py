"""What is measured: one module for each question, and `ALL`, the list that `bench.compare` walks."""

from __future__ import annotations

from bench.scenarios import deliver, fanout, latency, lists, million, pairs, publish, smn_lists
from bench.scenarios.scenario import Figure, Outcome, Scenario

ALL: tuple[Scenario, ...] = (
    publish.PUBLISH,
    deliver.SIGNED,
    deliver.RAW,
    latency.LATENCY,
    fanout.FANOUT,
    pairs.PAIRS,
    lists.LIST_1K,
    lists.LIST_100K,
    lists.LIST_1M,
    smn_lists.SMN_LIST_1M,
    million.MILLION,
)

__all__ = ["ALL", "Figure", "Outcome", "Scenario"]
