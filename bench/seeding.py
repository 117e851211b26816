"""Adds confirmed subscriptions to a data directory, through the store of whatever revision of the product is imported here.

`python -m bench.seeding STATE COUNT SEED`, run by `bench.seed` with a contender's own interpreter. STATE: the file beside the database
that says how many there are.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bench.receiver import endpoint
from bench.scenarios.scenario import SEEDED_TOPIC
from tidings.domain.model import NO_ID, AccountId, LedgerEntry, LedgerQuery, Subscription, SubscriptionId
from tidings.domain.ports import Store
from tidings.domain.unit import Unit
from tidings.store.sqlite import SqliteStore

ACCOUNT = AccountId("000000000000")
REGION = "us-east-1"
ROWS_A_UNIT = 250  # a savepoint's cost per statement grows with the pages that it has touched
UNITS_AT_ONCE = 20  # which share a flush


class Seeding:
    """What is added to one database."""

    def __init__(self, state: Path, seed: int) -> None:
        known = json.loads(state.read_text())
        self._state = state
        self._exist: int = known["exist"]
        self._ports: list[int] = known["ports"]
        self._random = random.Random(seed)

    async def add(self, count: int) -> None:
        """Until there are so many."""
        store = await SqliteStore.open(self._state.with_name("tidings.db"))
        try:
            await self._add(store, count)
        finally:
            await store.close()

    async def _add(self, store: Store, count: int) -> None:
        topic = await store.topic(ACCOUNT, REGION, SEEDED_TOPIC)
        assert topic is not None
        first = await store.live_subscription(topic.id, "http", endpoint(self._ports, 0))
        assert first is not None
        entries = await store.ledger(LedgerQuery(subscription_uid=first.uid))
        while self._exist < count:
            until = min(self._exist + ROWS_A_UNIT * UNITS_AT_ONCE, count)
            parts = [range(at, min(at + ROWS_A_UNIT, until)) for at in range(self._exist, until, ROWS_A_UNIT)]
            await asyncio.gather(*(store.commit(self._unit(first, entries, numbers)) for numbers in parts))
            self._note(until)

    def _note(self, exist: int) -> None:
        self._exist = exist
        self._state.write_text(json.dumps({"exist": exist, "ports": self._ports}))

    def _unit(self, first: Subscription, entries: Sequence[LedgerEntry], numbers: range) -> Unit:
        unit = Unit()
        for number in numbers:
            uid = f"{self._random.getrandbits(128):032x}"
            address = endpoint(self._ports, number)
            unit.subscriptions_new.append(
                replace(first, id=SubscriptionId(NO_ID), uid=uid, endpoint=address, version=1)
            )
            unit.ledger += [replace(entry, id=0, subscription_uid=uid, endpoint=address) for entry in entries]
        return unit


if __name__ == "__main__":
    asyncio.run(Seeding(Path(sys.argv[1]), int(sys.argv[3])).add(int(sys.argv[2])))
