"""SMN's list page by offset while 1,000,000 subscriptions exist: the first page, the middle one and the last one. Ours only.

Each call is signed with an access key and answers with the number of all subscriptions beside the page.
"""

from __future__ import annotations

import json
from time import perf_counter

from bench.scenarios.scenario import WARM_UP_CALLS, Figure, Outcome, Scenario, percentiles_ms
from bench.signing import SmnSigner
from bench.stage import Stage

CALLS = 200
LIMIT = 100
REGION = "us-east-1"


async def measure(stage: Stage) -> Outcome:
    contender = stage.contender
    signer = SmnSigner(f"127.0.0.1:{stage.port}", contender.key_id, contender.secret)
    projects = json.loads(await stage.caller.send(signer.get("/v3/projects", {"name": REGION})))["projects"]
    path = f"/v2/{projects[0]['id']}/notifications/subscriptions"
    total = json.loads(await stage.caller.send(signer.get(path, {"offset": 0, "limit": 1})))["subscription_count"]
    figures: dict[str, float] = {"total": float(total)}
    for name, offset in (("first", 0), ("middle", (total - LIMIT) // 2), ("last", total - LIMIT)):
        request = signer.get(path, {"offset": offset, "limit": LIMIT})
        figures |= percentiles_ms(await time_pages(stage, request, total), f"{name}_")
    return Outcome(figures)


async def time_pages(stage: Stage, request: bytes, total: int) -> list[float]:
    """Seconds of each of CALLS calls, one after the other, after those that find the server and its cache at rest."""
    seconds = []
    for number in range(WARM_UP_CALLS + (10 if stage.options.quick else CALLS)):
        started = perf_counter()
        body = await stage.caller.send(request)
        took = perf_counter() - started
        page = json.loads(body)
        if page["subscription_count"] != total or len(page["subscriptions"]) != LIMIT:
            raise RuntimeError(f"not a whole page: {body[:300]!r}")
        if number >= WARM_UP_CALLS:
            seconds.append(took)
    return seconds


SMN_LIST_1M = Scenario(
    name="smn-list-1m",
    title="SMN list page by offset, 1,000,000 exist",
    figures=(
        Figure("first_p50_ms", "first page p50", "ms"),
        Figure("first_p99_ms", "first page p99", "ms"),
        Figure("middle_p50_ms", "middle page p50", "ms"),
        Figure("middle_p99_ms", "middle page p99", "ms"),
        Figure("last_p50_ms", "last page p50", "ms"),
        Figure("last_p99_ms", "last page p99", "ms"),
    ),
    measure=measure,
    ours_only=True,
    seeded=1_000_000,
)
