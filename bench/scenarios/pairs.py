"""Subscribe and unsubscribe, again and again: pairs a second.

The protocol is `sqs` with a queue of the topic's own account, which all contenders confirm at once, so that a pair is two
calls everywhere and nothing is delivered.
"""

from __future__ import annotations

import asyncio
from itertools import count
from time import perf_counter

from bench.client import Caller
from bench.scenarios.scenario import Figure, Outcome, Scenario, percentiles_ms
from bench.stage import Busy, Stage, text_of, warm_up

CALLERS = 16


async def measure(stage: Stage) -> Outcome:
    await warm_up(stage, await stage.create_topic("warm"), stage.options.seconds / 4)
    topic = await stage.create_topic("pairs")
    queue = ":".join([*topic.replace(":sns:", ":sqs:").split(":")[:-1], "bench-"])
    stage.signer.renew()
    numbers, latencies = count(), list[float]()
    until = perf_counter() + stage.options.seconds

    async def work() -> None:
        caller = await Caller(stage.port, stage.signer).open()
        while (started := perf_counter()) < until:
            endpoint = f"{queue}{next(numbers)}"
            answer = await caller.call("Subscribe", {"TopicArn": topic, "Protocol": "sqs", "Endpoint": endpoint})
            arn = text_of(answer, "SubscriptionArn")
            if not arn.startswith("arn:"):
                raise RuntimeError(f"the queue's subscription was not confirmed at once: {arn}")
            await caller.call("Unsubscribe", {"SubscriptionArn": arn})
            latencies.append(perf_counter() - started)
        caller.close()

    busy, began = Busy(stage.pid), perf_counter()
    await asyncio.gather(*(work() for _ in range(CALLERS)))
    took = perf_counter() - began
    figures = {"rate": len(latencies) / took, "pairs": float(len(latencies)), **busy.figures(len(latencies))}
    return Outcome(figures | percentiles_ms(latencies))


PAIRS = Scenario(
    name="pairs",
    title="Subscribe + Unsubscribe",
    figures=(
        Figure("rate", "pairs", "/s"),
        Figure("p99_ms", "pair p99 under this load", "ms"),
        Figure("cpu_us", "CPU of the server for each", "us"),
        Figure("generator_busy", "load generator busy", "share"),
    ),
    measure=measure,
)
