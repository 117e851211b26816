"""Puts many confirmed subscriptions into the embedded store before the server starts. Ours only.

Called by `bench.compare` for the scenarios with 100,000 subscriptions and more. The first subscription is made and
confirmed through the API; the others are copies of its row and of its ledger entries with other ids and endpoints, committed
through the product's own store. So the server finds what a million calls would have left, but no tokens.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from time import monotonic

from bench.contenders import Contender
from bench.receiver import Receiver
from bench.scenarios.scenario import SEEDED_TOPIC
from bench.stage import Options, Stage
from tidings.domain.model import NO_ID, AccountId, LedgerEntry, LedgerQuery, Subscription, SubscriptionId
from tidings.domain.ports import Store
from tidings.domain.unit import Unit
from tidings.store.sqlite import SqliteStore

ACCOUNT = AccountId("000000000000")
REGION = "us-east-1"
ROWS_A_UNIT = 250  # a savepoint's cost per statement grows with the pages that it has touched
UNITS_AT_ONCE = 20  # which share a flush
STATE = "seeded.json"


def kept_ports(directory: Path) -> list[int]:
    """The ports on which a kept directory's subscribers listen; empty for a new one."""
    state = directory / STATE
    return list(json.loads(state.read_text())["ports"]) if state.exists() else []


class SeededData:
    """A data directory whose topic SEEDED_TOPIC grows from one scenario to the next. No server may run on it meanwhile.

    The directory can be kept for another run, if its endpoints' ports (`kept_ports`) are still free then.
    """

    def __init__(self, directory: Path, options: Options, receiver: Receiver) -> None:
        self._directory = directory
        self._state = directory / STATE
        self._options = options
        self._receiver = receiver
        self._random = random.Random(options.seed)
        self._exist = int(json.loads(self._state.read_text())["exist"]) if self._state.exists() else 0

    async def grow(self, contender: Contender, count: int) -> Path:
        """Have at least `count` subscriptions, numbered from 0 as the receiver numbers its endpoints; returns the directory."""
        if self._exist == 0:
            async with Stage(contender, self._options, self._receiver, self._directory) as stage:
                self._receiver.expect(1, by_path=True)
                await stage.subscribe(await stage.create_topic(SEEDED_TOPIC), 1, raw=False)
            self._note(1)
        if self._exist < count:
            started = monotonic()
            store = await SqliteStore.open(self._directory / "tidings.db")
            try:
                await self._add(store, count)
            finally:
                await store.close()
            print(
                f"seeded {count} subscriptions in {monotonic() - started:.1f} s; ", end="", file=sys.stderr, flush=True
            )
        return self._directory

    async def _add(self, store: Store, count: int) -> None:
        topic = await store.topic(ACCOUNT, REGION, SEEDED_TOPIC)
        assert topic is not None
        first = await store.live_subscription(topic.id, "http", self._receiver.endpoint(0))
        assert first is not None
        entries = await store.ledger(LedgerQuery(subscription_uid=first.uid))
        while self._exist < count:
            until = min(self._exist + ROWS_A_UNIT * UNITS_AT_ONCE, count)
            parts = [range(at, min(at + ROWS_A_UNIT, until)) for at in range(self._exist, until, ROWS_A_UNIT)]
            await asyncio.gather(*(store.commit(self._unit(first, entries, numbers)) for numbers in parts))
            self._note(until)

    def _note(self, exist: int) -> None:
        self._exist = exist
        self._state.write_text(json.dumps({"exist": exist, "ports": self._receiver.ports}))

    def _unit(self, first: Subscription, entries: Sequence[LedgerEntry], numbers: range) -> Unit:
        unit = Unit()
        for number in numbers:
            uid = f"{self._random.getrandbits(128):032x}"
            endpoint = self._receiver.endpoint(number)
            unit.subscriptions_new.append(
                replace(first, id=SubscriptionId(NO_ID), uid=uid, endpoint=endpoint, version=1)
            )
            unit.ledger += [replace(entry, id=0, subscription_uid=uid, endpoint=endpoint) for entry in entries]
        return unit
