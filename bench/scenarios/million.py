"""One publish to 1,000,000 HTTP subscribers (ours only): rate, completeness, memory, and how other calls fare meanwhile.

The subscriptions are put into the store before the start (`bench.seed`). While the posts go out, two kinds of other calls are
made at a fixed pace; their latency counts from the time at which each was due, so that a stall cannot hide.
"""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Sequence
from time import perf_counter

from bench.client import Caller
from bench.processes import PeakMemory, memory
from bench.receiver import Tally
from bench.scenarios.scenario import SEEDED_TOPIC, Figure, Outcome, Scenario, percentiles_ms
from bench.stage import Busy, Stage, warm_up

SUBSCRIBERS = 1_000_000
OTHER_CALLS_PER_S = 50
OTHER_CALLERS = 8
SETTLE_S = 3.0
QUIET_S = 15.0


async def measure(stage: Stage) -> Outcome:
    other = await stage.create_topic("other")
    await warm_up(stage, other, 1.0)
    count = 2000 if stage.options.quick else SUBSCRIBERS
    topic = await stage.create_topic(SEEDED_TOPIC)
    tally = stage.receiver.expect(count, by_path=True)
    await asyncio.sleep(SETTLE_S)
    idle = memory(stage.pid)
    others = OtherCalls(stage, other)
    await others.open()
    busy, started = Busy(stage.pid), perf_counter()
    async with PeakMemory(stage.pid) as peak:
        others.start()
        await stage.caller.send(stage.publish_request(topic, 0))
        await tally.wait_for(count, QUIET_S)
        latencies = await others.stop()
    took = tally.last_at - started
    missing, surplus = tally.compare(array("I", [1]) * count)
    figures = {
        "rate": tally.distinct / took,
        "seconds": took,
        "missing": float(missing),
        "surplus": float(surplus),
        "idle_pss_mib": idle.pss_mib,
        "peak_pss_mib": peak.highest.pss_mib,
        "above_idle_mib": peak.highest.pss_mib - idle.pss_mib,
        "above_idle_rss_mib": peak.highest.rss_mib - idle.rss_mib,
        **busy.figures(tally.distinct),
        "other_calls": float(len(latencies)),
    }
    return Outcome(figures | percentiles_ms(latencies, "other_"), completeness(tally, missing, count))


def completeness(tally: Tally, missing: int, count: int) -> list[str]:
    return [f"{missing} of {count} posts never arrived ({tally.total} came)"] if missing else []


class OtherCalls:
    """GetTopicAttributes and Publish to another topic, in turn, each due at its time."""

    def __init__(self, stage: Stage, topic: str) -> None:
        self._stage = stage
        publishes: Sequence[bytes] = stage.publishes(topic, 100)
        look = stage.signer.request("GetTopicAttributes", {"TopicArn": topic})
        self._requests = [request for publish in publishes for request in (look, publish)]
        self._latencies: list[float] = []
        self._stopped = False

    async def open(self) -> None:
        self._callers = [await Caller(self._stage.port, self._stage.signer).open() for _ in range(OTHER_CALLERS)]

    def start(self) -> None:
        began = perf_counter()
        self._work = asyncio.gather(*(self._call(began, turn, caller) for turn, caller in enumerate(self._callers)))

    async def _call(self, began: float, turn: int, caller: Caller) -> None:
        while not self._stopped:
            due = began + turn / OTHER_CALLS_PER_S
            await asyncio.sleep(max(0.0, due - perf_counter()))
            await caller.send(self._requests[turn % len(self._requests)])
            self._latencies.append(perf_counter() - due)
            turn += OTHER_CALLERS

    async def stop(self) -> list[float]:
        """The latencies in seconds."""
        self._stopped = True
        await self._work
        for caller in self._callers:
            caller.close()
        return self._latencies


MILLION = Scenario(
    name="million",
    title="One publish to 1,000,000 HTTP subscribers",
    figures=(
        Figure("rate", "deliveries", "/s"),
        Figure("missing", "lost", "posts"),
        Figure("surplus", "delivered twice", "posts"),
        Figure("idle_pss_mib", "memory idle", "MiB"),
        Figure("above_idle_mib", "memory above idle, peak", "MiB"),
        Figure("other_p50_ms", "other calls p50 meanwhile", "ms"),
        Figure("other_p99_ms", "other calls p99 meanwhile", "ms"),
        Figure("generator_busy", "receiver busy", "share"),
    ),
    measure=measure,
    ours_only=True,
    seeded=SUBSCRIBERS,
    once=True,
)
