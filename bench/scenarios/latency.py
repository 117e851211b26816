"""An idle server, one message after the other: from before the publish call is written until the subscriber has the post."""

from __future__ import annotations

import asyncio
from time import perf_counter

from bench.scenarios.scenario import Figure, Outcome, Scenario, percentiles_ms
from bench.stage import Stage, warm_up

MESSAGES = 200
PAUSE_S = 0.01
QUIET_S = 6.0


async def measure(stage: Stage) -> Outcome:
    await warm_up(stage, await stage.create_topic("warm"), stage.options.seconds / 4)
    figures: dict[str, float] = {}
    for prefix, raw in (("", False), ("raw_", True)):
        latencies = await one_by_one(stage, await stage.create_topic(f"latency-{prefix}"), raw=raw)
        figures |= percentiles_ms(latencies, prefix)
    return Outcome(figures)


async def one_by_one(stage: Stage, topic: str, *, raw: bool) -> list[float]:
    """Seconds from publish to receipt of each message."""
    count = 20 if stage.options.quick else MESSAGES
    tally = stage.receiver.expect(count, by_path=False)
    await stage.subscribe(topic, 1, raw=raw)
    tally.times = {}
    latencies = []
    for number, request in enumerate(stage.publishes(topic, count)):
        started = perf_counter()
        await stage.caller.send(request)
        if not await tally.wait_for(number + 1, QUIET_S):
            raise RuntimeError(f"message {number} never arrived")
        latencies.append(tally.times[number] - started)
        await asyncio.sleep(PAUSE_S)
    return latencies


LATENCY = Scenario(
    name="latency",
    title="Idle, publish to receipt",
    figures=(
        Figure("p50_ms", "JSON envelope p50", "ms"),
        Figure("p99_ms", "JSON envelope p99", "ms"),
        Figure("raw_p50_ms", "raw p50", "ms"),
        Figure("raw_p99_ms", "raw p99", "ms"),
    ),
    measure=measure,
)
