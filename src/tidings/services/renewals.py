"""A fresh request to confirm for whoever opens a link that is too old. Called by the pages.

The holder of an expired link is somebody whom we once wrote to at the endpoint; all he can do is to have one more message sent there, and
only as often as everybody else may ask. Nothing is confirmed by it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from tidings.domain import tokens
from tidings.domain.errors import InvalidToken
from tidings.domain.model import Origin, State, Subscription, Topic
from tidings.domain.ports import Clock, Store
from tidings.domain.tokens import LinkPurpose
from tidings.observe.metrics import Metrics
from tidings.services.confirmation_requests import ConfirmationRequests
from tidings.services.conflicts import retry_on_conflict


@dataclass(frozen=True, slots=True)
class Renewed:
    """The outcome. `sent`: a message is on its way; else its endpoint was asked too often, or is confirmed already."""

    subscription: Subscription
    topic: Topic
    sent: bool


class Renewals:
    """`link_key`: the HMAC key of signed links."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        asking: ConfirmationRequests,
        metrics: Metrics,
        link_key: tokens.LinkKeys,
    ) -> None:
        self._store = store
        self._clock = clock
        self._confirmation_requests = asking
        self._metrics = metrics
        self._link_key = link_key

    async def by_token(self, token: str, *, origin: Origin) -> Renewed:
        """Ask again for the holder of an expired confirmation or come-back token. Raises InvalidToken (unknown, or not expired)."""
        stored = await self._store.token(tokens.digest(token))
        if stored is None:
            raise InvalidToken
        if self._clock.now() < stored.expires_at:
            raise InvalidToken("superseded")
        return await self._renew(stored.subscription_uid, origin)

    async def by_permanent_link(self, link: str, *, origin: Origin) -> Renewed:
        """The same for a PERMANENT link whose request was not answered in time. Raises InvalidToken."""
        return await self._renew(tokens.read_link(self._link_key, LinkPurpose.PERMANENT, link), origin)

    @retry_on_conflict
    async def _renew(self, uid: str, origin: Origin) -> Renewed:
        subscription = await self._store.subscription(uid)
        topic = await self._store.topic_by_id(subscription.topic_id) if subscription is not None else None
        if subscription is None or topic is None:
            raise InvalidToken("superseded")
        async with self._confirmation_requests.lock_for(subscription.protocol, subscription.endpoint):
            return await self._ask(topic, subscription, origin)

    async def _ask(self, topic: Topic, old: Subscription, origin: Origin) -> Renewed:
        """Ask for the subscription that there is now, or the old one brought back to unconfirmed. Raises Conflict."""
        live = await self._store.live_subscription(topic.id, old.protocol, old.endpoint, old.endpoint_key)
        if live is not None and live.state is State.CONFIRMED:
            return Renewed(live, topic, sent=False)
        before = live or old
        waiting = replace(before, state=State.UNCONFIRMED, canceled_at=None, come_back_until=None)
        asked, unit = await self._confirmation_requests.once_more(topic, waiting, origin, before=before.state)
        if not unit.messages and live is None:
            return Renewed(old, topic, sent=False)  # what ended stays so when nothing may be sent
        await self._store.commit(unit)
        for entry in unit.ledger:
            self._metrics.consent(entry.event, entry.origin.way)
        return Renewed(asked, topic, sent=bool(unit.messages))
