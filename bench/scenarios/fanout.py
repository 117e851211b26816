"""One publish to 1,000 HTTP subscribers of one receiver: deliveries a second from the call to the last post."""

from __future__ import annotations

from array import array
from statistics import median
from time import perf_counter

from bench.processes import PeakMemory
from bench.scenarios.scenario import Figure, Outcome, Scenario
from bench.stage import Busy, Stage, warm_up

SUBSCRIBERS = 1000
PUBLISHES_MAX = 30
QUIET_S = 6.0


async def measure(stage: Stage) -> Outcome:
    count = 50 if stage.options.quick else SUBSCRIBERS
    await warm_up(stage, await stage.create_topic("warm"), stage.options.seconds / 4)
    topic = await stage.create_topic("fanout")
    tally = stage.receiver.expect(count, by_path=True)
    await stage.subscribe(topic, count, raw=False)
    rates: list[float] = []
    busy, began, complete = Busy(stage.pid), perf_counter(), True
    async with PeakMemory(stage.pid) as peak:
        for request in stage.publishes(topic, PUBLISHES_MAX):
            before, started = tally.total, perf_counter()
            await stage.caller.send(request)
            complete = await tally.wait_for(before + count, QUIET_S)
            if tally.total > before:
                rates.append((tally.total - before) / (tally.last_at - started))
            if not complete or perf_counter() - began > stage.options.seconds:
                break
        used = busy.figures(tally.total)
    expected = array("I", [len(rates)]) * count
    missing, surplus = tally.compare(expected)
    figures = {
        "rate": median(rates) if rates else 0.0,
        "publishes": float(len(rates)),
        "missing": float(missing),
        "surplus": float(surplus),
        "peak_pss_mib": peak.highest.pss_mib,
        **used,
    }
    notes = [f"{missing} of {len(rates) * count} posts never arrived"] if missing else []
    return Outcome(figures, notes)


FANOUT = Scenario(
    name="fanout",
    title="One publish to 1,000 HTTP subscribers",
    figures=(
        Figure("rate", "deliveries", "/s"),
        Figure("missing", "lost", "posts"),
        Figure("peak_pss_mib", "peak memory", "MiB"),
        Figure("cpu_us", "CPU of the server for each", "us"),
        Figure("generator_busy", "receiver busy", "share"),
    ),
    measure=measure,
)
