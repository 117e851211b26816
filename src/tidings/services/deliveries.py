"""What could not be delivered: look at it, and send it again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tidings.domain.audit import Action, AuditEntry
from tidings.domain.grants import Grant, Verb
from tidings.domain.model import DeadQuery, Delivery, Message
from tidings.domain.ports import Clock, Flow, Store


class Deliveries:
    def __init__(self, store: Store, flow: Flow, clock: Clock) -> None:
        self._store = store
        self._flow = flow
        self._clock = clock

    async def dead_letters(self, grant: Grant, query: DeadQuery) -> list[tuple[Delivery, Message]]:
        """The account's dead letters, ascending by id, starting after `query.after`."""
        grant.require(Verb.MANAGE_DELIVERIES)
        return await self._store.dead_letters(replace(query, account_id=grant.owner))

    async def send_again(self, grant: Grant, delivery_ids: Sequence[int]) -> list[int]:
        """Give dead letters a new life from their first attempt; returns the ids that were dead letters of the account.

        The consent gate is asked again: a subscription canceled meanwhile gets nothing.
        """
        grant.require(Verb.MANAGE_DELIVERIES)
        now = self._clock.now()
        entry = AuditEntry(grant.owner, now, Action.RESEND, "", grant.origin)
        return await self._flow.send_again(grant.owner, delivery_ids, now, entry)
