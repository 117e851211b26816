"""A list page while 1,000, 100,000 or 1,000,000 subscriptions exist: the first page, and one further on through NextToken.

1,000 are made through the API for every contender. More are put into our store before its start (`bench.seed`); the
rivals, who search all subscriptions at each Subscribe, would need hours to get there and have no figure.
"""

from __future__ import annotations

import asyncio
from time import perf_counter

from bench.client import Caller
from bench.scenarios.scenario import SEEDED_TOPIC, WARM_UP_CALLS, Figure, Outcome, Scenario, percentiles_ms
from bench.stage import Stage, text_of

API_SUBSCRIPTIONS = 1000
CALLS = 200
PAGES_WALKED = 500


async def measure_api(stage: Stage) -> Outcome:
    topic = await stage.create_topic(SEEDED_TOPIC)
    queue = ":".join([*topic.replace(":sns:", ":sqs:").split(":")[:-1], "list-"])
    numbers = iter(range(API_SUBSCRIPTIONS))
    stage.signer.renew()

    async def work() -> None:
        caller = await Caller(stage.port, stage.signer).open()
        for number in numbers:
            await caller.call("Subscribe", {"TopicArn": topic, "Protocol": "sqs", "Endpoint": f"{queue}{number}"})
        caller.close()

    await asyncio.gather(*(work() for _ in range(4)))
    return await measure_pages(stage, topic)


async def measure_seeded(stage: Stage) -> Outcome:
    return await measure_pages(stage, await stage.create_topic(SEEDED_TOPIC))


async def measure_pages(stage: Stage, topic: str) -> Outcome:
    figures: dict[str, float] = {}
    notes: list[str] = []
    every: list[float] = []
    for prefix, action, base in (
        ("topic_", "ListSubscriptionsByTopic", {"TopicArn": topic}),
        ("account_", "ListSubscriptions", {}),
    ):
        first = await time_calls(stage, action, base)
        figures |= percentiles_ms(first, f"{prefix}first_")
        every += first
        walked, token = await walk(stage, action, base)
        figures[f"{prefix}pages_walked"] = float(walked)
        if token:
            later = await time_calls(stage, action, base | {"NextToken": token})
            figures |= percentiles_ms(later, f"{prefix}later_")
            every += later
        else:
            notes.append(f"{action} answers everything in one page")
    return Outcome(figures | percentiles_ms(every), notes)


async def time_calls(stage: Stage, action: str, parameters: dict[str, str]) -> list[float]:
    """Seconds of each of CALLS calls, one after the other, after a few that do not count."""
    calls = 10 if stage.options.quick else CALLS
    request = stage.signer.request(action, parameters)
    seconds = []
    for number in range(WARM_UP_CALLS + calls):
        started = perf_counter()
        body = await stage.caller.send(request)
        took = perf_counter() - started
        if b"<SubscriptionArn>" not in body:
            raise RuntimeError(f"{action} listed nothing: {body[:300]!r}")
        if number >= WARM_UP_CALLS:
            seconds.append(took)
    return seconds


async def walk(stage: Stage, action: str, parameters: dict[str, str]) -> tuple[int, str]:
    """Follow NextToken; returns how many pages held something, and the token of the last of them (empty for the first)."""
    token = next_token = ""
    for page in range(PAGES_WALKED):
        body = await stage.caller.call(action, parameters | ({"NextToken": next_token} if next_token else {}))
        if b"<SubscriptionArn>" not in body:  # moto's last token leads to an empty page
            return page, token
        token = next_token
        if b"<NextToken>" not in body:
            return page + 1, token
        next_token = text_of(body, "NextToken")
    return PAGES_WALKED, token


FIGURES = (
    Figure("p50_ms", "list page p50", "ms"),
    Figure("p99_ms", "list page p99", "ms"),
    Figure("topic_first_p99_ms", "of a topic, first page p99", "ms", shown=False),
    Figure("topic_later_p99_ms", "of a topic, later page p99", "ms", shown=False),
    Figure("account_first_p99_ms", "of the account, first page p99", "ms", shown=False),
    Figure("account_later_p99_ms", "of the account, later page p99", "ms", shown=False),
)
LIST_1K = Scenario("list-1k", "List page, 1,000 exist", FIGURES, measure_api)
LIST_100K = Scenario("list-100k", "List page, 100,000 exist", FIGURES, measure_seeded, ours_only=True, seeded=100_000)
LIST_1M = Scenario("list-1m", "List page, 1,000,000 exist", FIGURES, measure_seeded, ours_only=True, seeded=1_000_000)
