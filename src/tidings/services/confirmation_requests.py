"""How an endpoint is asked for its consent: a new subscription, a revived one, one more request. Called by `subscriptions`.

Each function decides on what it has read and commits one Unit; `Conflict` is the caller's to answer by reading again.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from tidings.domain import lifecycle
from tidings.domain.errors import QuotaExceeded
from tidings.domain.grants import Grant
from tidings.domain.lifecycle import ASKED, REQUESTS_REMEMBERED, LifecycleRules, Pace
from tidings.domain.model import (
    NO_ID,
    ConfirmationRequest,
    Event,
    Kind,
    Origin,
    RequestEvent,
    State,
    Subscription,
    SubscriptionId,
    TokenPurpose,
    Topic,
)
from tidings.domain.ports import Clock, Store
from tidings.domain.protocols import Protocols
from tidings.domain.unit import Counted, Guard, RequestsAtMost, RoomFor, Unit
from tidings.keyed_locks import KeyedLocks
from tidings.services.notices import Notices, ledger_entry
from tidings.services.quotas import Quotas


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a Subscribe call asks for, once authorized."""

    grant: Grant
    topic: Topic
    dialect: str
    protocol: str
    endpoint: str
    settings: Mapping[str, str]
    origin: Origin
    endpoint_key: str = ""


class ConfirmationRequests:
    """`lifecycle_rules`: each dialect's variations by name. `paces`: how often a recipient is asked, by protocol; none: as often as wanted.
    `decline_hold`: how long a declined request holds back further ones. `protocols`: who reads at an endpoint."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        quotas: Quotas,
        lifecycle_rules: Mapping[str, LifecycleRules],
        notices: Notices,
        *,
        new_uid: Callable[[], str],
        paces: Mapping[str, Sequence[Pace]],
        decline_hold: timedelta,
        protocols: Protocols,
    ) -> None:
        self._store = store
        self._clock = clock
        self._quotas = quotas
        self._lifecycle_rules = lifecycle_rules
        self._notices = notices
        self._new_uid = new_uid
        self._paces = paces
        self._decline_hold = decline_hold
        self._protocols = protocols
        self._locks: KeyedLocks[str] = KeyedLocks()

    def lock_for(self, protocol: str, endpoint: str) -> AbstractAsyncContextManager[object]:
        """Held while an endpoint is asked, from the decision to its commit, which spares conflicts: the guard is what lets no two requests
        at once each see none before."""
        if protocol not in self._paces:
            return nullcontext()
        return self._locks.lock_for(self._protocols.recipient(protocol, endpoint))

    def event(self, what: RequestEvent, subscription: Subscription, now: datetime) -> ConfirmationRequest:
        """An event of the requests that went to a subscription's endpoint."""
        recipient = self._protocols.recipient(subscription.protocol, subscription.endpoint)
        return ConfirmationRequest(recipient, now, what, subscription.account_id, subscription.topic_id)

    async def anew(self, wanted: Wanted) -> tuple[Subscription, Unit]:
        """A new subscription, or the canceled one revived where the cloud keeps its name. Raises QuotaExceeded."""
        now = self._clock.now()
        topic = wanted.topic
        subscription = self._new(wanted, now)
        unit = Unit(guards=await self._check_quotas(topic, subscription))
        old = await self._store.canceled_subscription(topic.id, wanted.protocol, wanted.endpoint, wanted.endpoint_key)
        if old is not None and not lifecycle.is_owner(wanted.grant.principal, old, topic):
            old = None  # neither its name nor its way back is another account's
        keeps = old is not None and self._lifecycle_rules[wanted.dialect].keeps_uid
        if old is not None:
            # Subscribing again after a cancel closes the way back.
            unit.tokens_void.append(old.uid)
            if keeps:
                subscription = _revived(old, subscription)
            else:
                unit.subscriptions_changed.append(lifecycle.expire(old))
        subscription = await self._begin(unit, topic, subscription, old if keeps else None, now, wanted.origin)
        (unit.subscriptions_changed if keeps else unit.subscriptions_new).append(subscription)
        return subscription, unit

    async def covered(self, wanted: Wanted, live: Subscription, key: bytes) -> tuple[Subscription, Unit]:
        """What a caller is told who asks for an endpoint that another owner's subscription covers: as if it were new. Nothing is sent,
        and the topic's ledger says so. key: makes the uid, always the same for the same call. Raises QuotaExceeded."""
        now = self._clock.now()
        told = self._new(wanted, now)
        await self._check_quotas(wanted.topic, told)
        name = f"{told.account_id}:{wanted.topic.uid}:{wanted.protocol}:{wanted.endpoint}:{wanted.endpoint_key}"
        uid = hmac.digest(key, f"covered:{name}".encode("utf-8", "replace"), "sha256")[:16].hex()
        entry = ledger_entry(
            wanted.topic,
            live,
            Event.CONFIRMATION_HELD,
            live.state,
            now,
            wanted.origin,
            "another account's; nothing was sent",
        )
        return replace(told, uid=uid), Unit(ledger=[entry])

    async def once_more(
        self, topic: Topic, live: Subscription, origin: Origin, *, before: State | None = None
    ) -> tuple[Subscription, Unit]:
        """A fresh confirmation request for an unconfirmed subscription, unless it was asked too often. before: its state until now,
        where that was another."""
        now = self._clock.now()
        unit = Unit()
        before = live.state if before is None else before
        subscription = await self._ask(unit, topic, live, now, origin, Event.CONFIRMATION_SENT, before)
        unit.subscriptions_changed.append(subscription)
        return subscription, unit

    def _new(self, wanted: Wanted, now: datetime) -> Subscription:
        principal, topic = wanted.grant.principal, wanted.topic
        owner = self._protocols.owner(wanted.protocol, wanted.endpoint) or topic.account_id
        ours = {principal.account_id, owner} == {topic.account_id}
        state = lifecycle.first_state(self._lifecycle_rules[wanted.dialect], wanted.protocol, owner_is_topic_owner=ours)
        confirmed = state is State.CONFIRMED
        return Subscription(
            id=SubscriptionId(NO_ID),
            uid=self._new_uid(),
            topic_id=topic.id,
            account_id=principal.account_id,
            dialect=wanted.dialect,
            protocol=wanted.protocol,
            endpoint=wanted.endpoint,
            state=state,
            settings=wanted.settings,
            principal=principal.arn,
            created_at=now,
            confirmed_at=now if confirmed else None,
            confirmation_was_authenticated=confirmed,
            endpoint_key=wanted.endpoint_key,
        )

    async def _begin(
        self,
        unit: Unit,
        topic: Topic,
        subscription: Subscription,
        revived: Subscription | None,
        now: datetime,
        origin: Origin,
    ) -> Subscription:
        before = revived.state if revived is not None else None
        if subscription.state is State.UNCONFIRMED:
            return await self._ask(unit, topic, subscription, now, origin, Event.SUBSCRIBED, before)
        detail = f"{subscription.protocol} needs no confirmation here"
        unit.ledger.append(ledger_entry(topic, subscription, Event.SUBSCRIBED, before, now, origin, detail))
        return subscription

    async def _ask(
        self,
        unit: Unit,
        topic: Topic,
        subscription: Subscription,
        now: datetime,
        origin: Origin,
        event: Event,
        before: State | None,
    ) -> Subscription:
        """Add the request and its ledger entry to the unit, or the entry that says why there is none."""
        held, guards = await self._why_not(subscription, now)
        if not held:
            asked = replace(subscription, confirmation_sent_at=now)
            self._notices.make_token(unit, asked, TokenPurpose.CONFIRM, Kind.CONFIRMATION, now)
            unit.confirmation_requests.append(self.event(RequestEvent.ASKED, asked, now))
            unit.guards += guards
            unit.ledger.append(ledger_entry(topic, asked, event, before, now, origin, ASKED))
            return asked
        if event is Event.SUBSCRIBED:
            unit.ledger.append(ledger_entry(topic, subscription, event, before, now, origin))
        unit.ledger.append(
            ledger_entry(topic, subscription, Event.CONFIRMATION_HELD, subscription.state, now, origin, held)
        )
        return subscription

    async def _why_not(self, subscription: Subscription, now: datetime) -> tuple[str, list[Guard]]:
        """Why the endpoint is not asked now, empty when it is; and what must still be so when that is written."""
        paces = self._paces.get(subscription.protocol, ())
        if not paces:
            return "", []
        recipient = self._protocols.recipient(subscription.protocol, subscription.endpoint)
        since = now - max(REQUESTS_REMEMBERED, self._decline_hold)
        past = await self._store.confirmation_requests(recipient, since=since)
        held = lifecycle.why_not_ask(
            paces,
            past,
            now,
            account_id=subscription.account_id,
            topic_id=subscription.topic_id,
            hold=self._decline_hold,
        )
        return held, [RequestsAtMost(recipient, since, len(past))]

    async def _check_quotas(self, topic: Topic, new: Subscription) -> list[Guard]:
        """What must still be so when it is written. Raises QuotaExceeded."""
        counts = await self._store.topic_counts(topic.id)
        live_max = self._quotas.subscriptions_per_topic
        if counts.confirmed + counts.unconfirmed >= live_max:
            raise QuotaExceeded("subscriptions", live_max)
        room: list[Guard] = [RoomFor(Counted.LIVE, topic.id, live_max)]
        if new.state is not State.UNCONFIRMED or not self._lifecycle_rules[new.dialect].lapses:
            return room  # what never lapses would fill the quota of those that wait
        pending_max = self._quotas.pending_per_account
        if await self._store.pending_count(topic.account_id) >= pending_max:
            raise QuotaExceeded("pending subscriptions", pending_max)
        room.append(RoomFor(Counted.UNCONFIRMED, topic.account_id, pending_max))
        return room


def _revived(old: Subscription, new: Subscription) -> Subscription:
    """The canceled subscription as the new call found it: its name and age, and its settings where they mean something still."""
    return replace(
        new,
        id=old.id,
        uid=old.uid,
        settings=old.settings if old.dialect == new.dialect else new.settings,
        created_at=old.created_at,
        version=old.version,
    )
