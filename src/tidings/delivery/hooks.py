"""What a protocol has the loop of delivery ask and tell. `wiring` registers the hooks of each protocol that has some; the loop itself knows
none by its name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from tidings.delivery.settle import Decision
from tidings.domain.envelope import Outgoing
from tidings.domain.model import Message, Topic
from tidings.domain.outcomes import Outcome


class Planned(NamedTuple):
    """An attempt that will be made next."""

    message: Message
    topic: Topic | None
    endpoint: str


class DeliveryHooks(Protocol):
    """Everything but `look_ahead` and `close` runs on the event loop, for every attempt, and never waits. What belongs into one
    transaction with the outcomes goes into the loop's `Journal`."""

    async def look_ahead(self, planned: Sequence[Planned]) -> Sequence[object]:
        """Read of the store what `prepare`, or the permit, will want to know of attempts, a page of them at most. Each carries its own as
        `Outgoing.ahead`, never None. Raises Unavailable: then they wait."""
        ...

    def prepare(self, outgoing: Outgoing) -> str:
        """Make an attempt ready, its endpoint and content, immediately before its channel has it. Returns why it may never go out, or
        empty."""
        ...

    def settled(self, outgoing: Outgoing, outcome: Outcome, decision: Decision) -> None:
        """What an attempt came to, and what that means."""
        ...

    def failed(self, message: Message, topic: Topic | None, reason: str) -> None:
        """A delivery was given up without an attempt."""
        ...

    def blocked(self, message: Message, topic: Topic | None) -> None:
        """A delivery ended without an attempt because its consent was gone."""
        ...

    async def close(self) -> None:
        """Called when no attempt is made any more, before the journal is written for the last time."""
        ...
