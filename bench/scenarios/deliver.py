"""One HTTP subscriber, end to end: how many messages a second are published AND received.

At most WINDOW messages are under way: a publish waits until the subscriber has received enough. So the figure is what a
server can do for long, not how fast it can fill a queue.
"""

from __future__ import annotations

import asyncio

from bench.client import ClosedLoop
from bench.scenarios.scenario import Figure, Outcome, Scenario
from bench.stage import Busy, Cycle, Stage, warm_up
from bench.verify import check_signatures

WINDOW = 1000
QUIET_S = 6.0  # longer than any contender's delivery time-out


async def measure_signed(stage: Stage) -> Outcome:
    outcome = await measure(stage, raw=False)
    if stage.contender.signs:
        bodies = stage.receiver.tally.bodies
        checked = await asyncio.to_thread(check_signatures, bodies)
        outcome.figures["signatures_checked"] = float(checked)
    return outcome


async def measure_raw(stage: Stage) -> Outcome:
    return await measure(stage, raw=True)


async def measure(stage: Stage, *, raw: bool) -> Outcome:
    await warm_up(stage, await stage.create_topic("warm"), stage.options.seconds / 4)
    topic = await stage.create_topic("deliver")
    tally = stage.receiver.expect(stage.options.distinct, by_path=False)
    await stage.subscribe(topic, 1, raw=raw)
    cycle = Cycle(stage.publishes(topic, stage.options.distinct), may_send=lambda: cycle.total - tally.total < WINDOW)
    loop = ClosedLoop(stage.port, stage.options.connections, cycle, b"<MessageId>")
    stage.receiver.arrived = loop.resume
    busy = Busy(stage.pid)
    took = await loop.run(stage.options.seconds)
    received, used = tally.total, busy.figures(tally.total)
    await tally.wait_for(cycle.total, QUIET_S)
    missing, surplus = tally.compare(cycle.sent)
    figures = {
        "rate": received / took,
        "sent": float(cycle.total),
        "missing": float(missing),
        "surplus": float(surplus),
        **used,
    }
    return Outcome(figures, [f"{missing} of {cycle.total} messages never arrived"] if missing else [])


FIGURES = (
    Figure("rate", "deliveries", "/s"),
    Figure("missing", "lost", "messages"),
    Figure("surplus", "delivered twice", "messages", shown=False),
    Figure("cpu_us", "CPU of the server for each", "us"),
    Figure("generator_busy", "load generator busy", "share"),
)
SIGNED = Scenario("deliver-signed", "One HTTP subscriber, JSON envelope", FIGURES, measure_signed, signs=True)
RAW = Scenario("deliver-raw", "One HTTP subscriber, raw delivery", FIGURES, measure_raw)
