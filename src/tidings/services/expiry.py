"""What time alone does to subscriptions. Called by `subscriptions`, for housekeeping."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

from tidings.domain import lifecycle
from tidings.domain.errors import Conflict
from tidings.domain.lifecycle import LifecycleRules
from tidings.domain.model import Event, Origin, State, Subscription, Way
from tidings.domain.ports import Store
from tidings.domain.unit import Unit
from tidings.services.notices import ledger_entry


async def expire_lapsed(
    store: Store,
    lifecycle_rules: Mapping[str, LifecycleRules],
    now: datetime,
    commit: Callable[[Unit], Awaitable[None]],
    *,
    limit: int,
) -> int:
    """Expire up to `limit` subscriptions that nobody confirmed, or brought back, within their dialect's time to live; returns how many."""
    lapsed: list[Subscription] = []
    for dialect, custom in lifecycle_rules.items():
        if custom.lapses:
            since = now - custom.ttl
            lapsed += await store.lapsed(
                dialect, unconfirmed_since=since, canceled_since=since, limit=limit - len(lapsed)
            )
    for subscription in lapsed:
        topic = await store.topic_by_id(subscription.topic_id)
        if topic is None:
            continue
        # Its tokens have expired too; they stay for a while, so that their links can say so.
        gone = lifecycle.expire(subscription)
        unit = Unit(subscriptions_changed=[gone])
        if subscription.state is State.UNCONFIRMED:
            entry = ledger_entry(topic, gone, Event.EXPIRED, subscription.state, now, Origin(Way.SYSTEM))
            unit.ledger.append(entry)
        try:
            await commit(unit)
        except Conflict:
            continue
    return len(lapsed)
