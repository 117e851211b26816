"""Lists of subscriptions and of the ledger: which index to walk, and on which thread.

Called by `SqliteStore`. A list is made in two steps: the row ids (one value, found in an index that also answers the filters and
the offset), then the rows. The first step runs on the reading thread when it may have to walk far.
"""

from __future__ import annotations

from typing import Any

from tidings.domain.model import LedgerEntry, LedgerQuery, State, Subscription, SubscriptionQuery
from tidings.store.sqlite import rows
from tidings.store.sqlite.database import SQL, Database

_LISTED = (State.UNCONFIRMED, State.CONFIRMED, State.CANCELED)
# Index entries; 0.05 ms on the loop.
_QUICK_OFFSET = 1_000


async def subscriptions(database: Database, maps: rows.Maps, query: SubscriptionQuery) -> list[Subscription]:
    """The subscriptions a query asks for."""
    name, exact = _subscription_path(query)
    states = tuple(query.states) or _LISTED
    bindings = {
        "account_id": query.account_id,
        "region": query.region,
        "topic_id": query.topic_id,
        "endpoint": query.endpoint,
        "protocol": query.protocol,
        "state": states[0].value,
        "states": sum({1 << state.value for state in states}),
        "after": query.after,
        "limit": query.limit,
        "offset": query.offset,
    }
    # Rows of deleted topics are skipped one by one until they have been swept.
    quick = exact and query.offset <= _QUICK_OFFSET and not database.value(SQL["topic_any_deleted"])
    ids = database.value(SQL[name], bindings) if quick else await database.walk(SQL[name], bindings)
    return [rows.subscription(row, maps) for row in database.rows(SQL["subscription_by_ids"], (ids,))]


def _subscription_path(query: SubscriptionQuery) -> tuple[str, bool]:
    """The query that walks the best index, and whether that index gives nothing that the filters throw away."""
    any_state = not query.states
    if query.endpoint is not None:
        others = (query.account_id, query.region, query.topic_id, query.protocol)
        return "subscription_ids_by_endpoint", any_state and not any(value is not None for value in others)
    if query.topic_id is not None:
        exact = query.account_id is None and query.region is None and query.protocol is None
        if len(set(query.states)) == 1:
            return "subscription_ids_by_state", exact
        return "subscription_ids_by_topic", exact and any_state
    exact = any_state and query.protocol is None
    if query.account_id is None:
        return "subscription_ids", exact and query.region is None
    if query.region is None:
        return "subscription_ids_by_account", exact
    return "subscription_ids_by_region", exact


async def ledger(database: Database, query: LedgerQuery) -> list[LedgerEntry]:
    """The ledger entries a query asks for."""
    after = query.after
    since = rows.micros_or_none(query.since)
    if since is not None:
        first = database.row(SQL["ledger_first_since"], (since,))
        if first is None:
            return []
        after = max(after, first[0] - 1)
    bindings: dict[str, Any] = {
        "account_id": query.account_id,
        "endpoint": query.endpoint,
        "topic_id": query.topic_id,
        "subscription_uid": query.subscription_uid,
        "since": since,
        "until": rows.micros_or_none(query.until),
        "after": after,
        "limit": query.limit,
    }
    name, exact = _ledger_path(query)
    ids = database.value(SQL[name], bindings) if exact else await database.walk(SQL[name], bindings)
    return [rows.ledger_entry(row) for row in database.rows(SQL["ledger_by_ids"], (ids,))]


def _ledger_path(query: LedgerQuery) -> tuple[str, bool]:
    untimed = query.since is None and query.until is None
    if query.subscription_uid is not None:
        return "ledger_ids_by_subscription", untimed
    if query.endpoint is not None:
        return "ledger_ids_by_endpoint", untimed and query.account_id is None and query.topic_id is None
    if query.topic_id is not None:
        return "ledger_ids_by_topic", untimed and query.account_id is None
    if query.account_id is not None:
        return "ledger_ids_by_account", untimed
    return "ledger_ids", untimed
