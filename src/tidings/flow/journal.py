"""What the embedded flow needs of a store's journal, by structure: packages of one layer do not import each other.

`tidings.store.sqlite.journal.Journal` is one. Whoever reads may be suspended, and anything may have been written when the answer is
there; what is awaited of a write is done when the change is durable.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Protocol

from tidings.domain.audit import AuditEntry
from tidings.domain.model import AccountId, Delivery, Message
from tidings.domain.ports import Progress
from tidings.domain.unit import Unit

Fresh = tuple[int, Message, int]
"""A message just made durable: its place in the flow, itself, its bytes."""

Loaded = tuple[int, Message, int, int]
"""A message read back: its place in the flow, itself, its cursor, its bytes."""


class Journal(Protocol):
    """Rows of accepted messages and of deliveries that wait."""

    unfinished: int
    """Messages accepted and not finished, as far as this process knows."""

    def listen(self, on_messages: Callable[[Sequence[Fresh]], None], on_forgotten: Callable[[], None]) -> None:
        """Say whom to tell, on the event loop, of messages just made durable (in order) and that all were forgotten."""
        ...

    def claim(self) -> None:
        """Become the one process that delivers. Raises Unavailable; safe to repeat."""
        ...

    def append(self, messages: Sequence[Message]) -> Awaitable[None]: ...
    def record(self, progress: Progress, unit: Unit | None = None) -> Awaitable[list[int]]:
        """The ids of the parked rows; the unit is written and announced in the same transaction."""
        ...

    def recount(self) -> None:
        """Bring `unfinished` up to date, soon: another process may have added messages."""
        ...

    async def last_seq(self) -> int:
        """The newest place in the flow that was ever given."""
        ...

    async def load(self, after: int, limit: int) -> list[Loaded]:
        """Unfinished messages after a place in the flow, oldest first."""
        ...

    async def messages(self, seqs: Sequence[int]) -> dict[int, Message]: ...
    async def due(self, after: tuple[datetime, int], until: datetime | None, limit: int) -> list[tuple[datetime, int]]:
        """Times and ids of waiting deliveries, earliest first, after a time and id and not due later than `until`."""
        ...

    async def deliveries(self, ids: Sequence[int]) -> dict[int, Delivery]: ...
    async def send_again(
        self, account_id: AccountId, delivery_ids: Sequence[int], now: datetime, entry: AuditEntry | None = None
    ) -> list[int]: ...
