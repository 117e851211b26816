"""What nobody asks for but time: expired links and subscriptions, rows of deleted topics. Called by a timer in `wiring`."""

from __future__ import annotations

from tidings.domain.ports import Clock, Store
from tidings.services.subscriptions import Subscriptions

BITE_ROWS = 500
"""Rows per transaction, so that callers waiting for the writer are held up by milliseconds."""


class Housekeeping:
    def __init__(self, store: Store, subscriptions: Subscriptions, clock: Clock) -> None:
        self._store = store
        self._subscriptions = subscriptions
        self._clock = clock

    async def tidy(self) -> int:
        """One bite of everything that is due; returns how many rows, so that the caller knows whether to go on at once."""
        expired = await self._subscriptions.expire_lapsed(limit=BITE_ROWS)
        return expired + await self._store.sweep(self._clock.now(), BITE_ROWS)
