"""Attempts to hand to a channel, and a place where their outcomes arrive."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from tests.support.patience import PATIENCE_S
from tidings.domain.envelope import Content, Outgoing
from tidings.domain.model import AccountId, Kind, Message, Subscriber, SubscriptionId, TopicId
from tidings.domain.outcomes import Outcome

ACCEPTED_AT = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def make_outgoing(
    content: Content,
    endpoint: str,
    protocol: str = "email",
    *,
    message_id: str = "0f8fad5b-d9cb-469f-a165-70867728950e",
    uid: str = "c" * 32,
    timeout_s: float = 10.0,
) -> Outgoing:
    """One attempt for a confirmed subscription of account 000000000000."""
    account = AccountId("000000000000")
    message = Message(message_id, Kind.NOTIFICATION, account, "sns", ACCEPTED_AT, topic_id=TopicId(1), body="body")
    subscriber = Subscriber(SubscriptionId(1), uid, account, "sns", protocol, endpoint, {})
    return Outgoing(message, subscriber, endpoint, content, timeout_s=timeout_s)


class Outcomes:
    """A `Settle` that keeps what it is told and fails the test that settles twice."""

    def __init__(self) -> None:
        self.settled: list[tuple[Outgoing, Outcome]] = []
        self._changed = asyncio.Event()

    def __call__(self, outgoing: Outgoing, outcome: Outcome) -> None:
        asyncio.get_running_loop()  # on the event loop, as the port promises
        assert all(outgoing is not earlier for earlier, _ in self.settled), "settled twice"
        self.settled.append((outgoing, outcome))
        self._changed.set()

    async def wait_for(self, count: int, timeout_s: float = PATIENCE_S) -> list[Outcome]:
        """All outcomes, in the order of settling, once there are at least `count`."""
        async with asyncio.timeout(timeout_s):
            while len(self.settled) < count:
                self._changed.clear()
                await self._changed.wait()
        return [outcome for _, outcome in self.settled]

    async def of(self, outgoing: Outgoing, timeout_s: float = PATIENCE_S) -> Outcome:
        """The outcome of one attempt."""
        async with asyncio.timeout(timeout_s):
            while True:
                for settled, outcome in self.settled:
                    if settled is outgoing:
                        return outcome
                self._changed.clear()
                await self._changed.wait()
