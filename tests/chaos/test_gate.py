"""Cancels and deletions race a continuous stream of sends: after one was acknowledged, no send that it covers is started.

TIDINGS_TEST_RACES sets how many seeds. What waits in lanes, queues and retries is part of the stream: the channel starts each
send after a random while and makes a third of them come back.
"""

from __future__ import annotations

import asyncio
import os
import random
from pathlib import Path

import pytest
from tests.support.build import ACCOUNT, make_principal
from tests.support.toys import SlowPigeons, toy_app

from tidings.access.authorize import authorize
from tidings.domain.grants import Verb
from tidings.domain.model import Origin, Way

RACES = int(os.environ.get("TIDINGS_TEST_RACES", "12"))
SUBSCRIBERS = 20
MESSAGES = 40


@pytest.mark.parametrize("seed", range(RACES))
async def test_after_an_acknowledged_cancel_or_deletion_nothing_is_started(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    events: list[tuple[str, str]] = []
    async with toy_app(
        tmp_path, lambda permit: SlowPigeons(permit, chance, lambda *event: events.append(event))
    ) as app:
        topic = await app.topic()
        subscriptions = [await app.subscribe(topic, f"loft {n}") for n in range(SUBSCRIBERS)]
        leaving = chance.sample(subscriptions, SUBSCRIBERS // 2)

        async def publish() -> None:
            for number in range(MESSAGES):
                await app.publish(topic, f"m{number}")
                await asyncio.sleep(chance.random() * 0.004)

        async def cancel() -> None:
            owner, origin = make_principal(), Origin(Way.API)
            grant = authorize(owner, Verb.CHANGE_SUBSCRIPTION, owner=ACCOUNT, resource=topic.name)
            for subscription in leaving:
                await asyncio.sleep(chance.random() * 0.015)
                if chance.random() < 0.5:
                    await app.subscriptions.cancel(subscription.uid, by=owner, origin=origin)
                else:
                    await app.subscriptions.delete(grant, subscription.uid, origin=origin)
                events.append(("acknowledged", subscription.uid))

        await asyncio.gather(publish(), cancel())
        while app.flow.backlog() or await app.store.waiting_count():
            await asyncio.sleep(0.01)
    for subscription in leaving:
        acknowledged = events.index(("acknowledged", subscription.uid))
        assert ("start", subscription.uid) not in events[acknowledged:]
    staying = {subscription.uid for subscription in subscriptions} - {subscription.uid for subscription in leaving}
    assert all(events.count(("start", uid)) >= MESSAGES for uid in staying)
