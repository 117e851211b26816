"""Publish to a topic without subscribers: how many calls a second are authenticated, accepted and answered."""

from __future__ import annotations

from bench.client import ClosedLoop
from bench.scenarios.scenario import Figure, Outcome, Scenario, percentiles_ms
from bench.stage import Busy, Cycle, Stage, warm_up


async def measure(stage: Stage) -> Outcome:
    await warm_up(stage, await stage.create_topic("warm"), stage.options.seconds / 4)
    topic = await stage.create_topic("publish")
    cycle = Cycle(stage.publishes(topic, stage.options.distinct))
    loop = ClosedLoop(stage.port, stage.options.connections, cycle, b"<MessageId>")
    busy = Busy(stage.pid)
    took = await loop.run(stage.options.seconds)
    figures = {"rate": cycle.total / took, "calls": float(cycle.total), **busy.figures(cycle.total)}
    return Outcome(figures | percentiles_ms(loop.latencies))


PUBLISH = Scenario(
    name="publish",
    title="Publish, no subscribers",
    figures=(
        Figure("rate", "publishes", "/s"),
        Figure("p50_ms", "call p50 under this load", "ms"),
        Figure("p99_ms", "call p99 under this load", "ms"),
        Figure("cpu_us", "CPU of the server for each", "us"),
        Figure("generator_busy", "load generator busy", "share"),
    ),
    measure=measure,
)
