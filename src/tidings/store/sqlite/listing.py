"""Lists and counts of subscriptions, topics, templates and of the ledger: which index to walk, and on which thread.

Called by `SqliteStore`. A list is made in two steps: the row ids (one value, found in an index that also answers the usual filters
and the offset), then the rows. The first step runs on the reading thread when it may have to walk far. A long list without
filters is walked from its nearer end, so the middle is the most expensive place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import product
from typing import Any

import msgspec

from tidings.domain.model import (
    Event,
    LedgerEntry,
    LedgerQuery,
    State,
    Subscription,
    SubscriptionQuery,
    Template,
    TemplateQuery,
    Topic,
    TopicQuery,
)
from tidings.store.sqlite import rows
from tidings.store.sqlite.database import SQL, Database
from tidings.wire.phone_plans import spellings

_LISTED = frozenset({State.UNCONFIRMED, State.CONFIRMED, State.CANCELED})
# Index entries; 0.05 ms on the loop.
_QUICK_OFFSET = 1_000
_AT_ONCE: Sequence[Event | None] = (None,)
_OF_PHONES = frozenset(
    {Event.OPTED_OUT, Event.OPTED_IN, Event.REVIEW, Event.REVIEWED}
)  # those with an index of their own
_encode = msgspec.json.encode
_decode_ids = msgspec.json.Decoder(list[int]).decode
_UNBOUNDED = {"after": 0, "offset": 0, "limit": -1}


async def subscriptions(database: Database, maps: rows.Maps, query: SubscriptionQuery) -> list[Subscription]:
    """The subscriptions a query asks for."""
    forms = _forms(query.endpoint)
    if len(forms) == 1:
        return await _subscriptions(database, maps, replace(query, endpoint=forms[0]))
    found: list[Subscription] = []
    for form in forms:  # few of each
        asked = replace(query, endpoint=form, offset=0, limit=query.offset + query.limit)
        found += await _subscriptions(database, maps, asked)
    return sorted(found, key=lambda row: row.id)[query.offset : query.offset + query.limit]


async def _subscriptions(database: Database, maps: rows.Maps, query: SubscriptionQuery) -> list[Subscription]:
    if query.restorable_at is not None and query.offset == 0:
        # Canceled ones that cannot come back are few and removed soon: a page without any needs no walk of another thread.
        page = await _subscriptions(database, maps, replace(query, restorable_at=None))
        if all(_may_come_back(row, query.restorable_at) for row in page):
            return page
    bindings = _subscription_bindings(query)
    tallied = _tallied(query)
    skip = query.offset
    if tallied is None:
        name, exact = _subscription_path(query)
    else:
        exact = True
        name = f"subscription_ids_by_{tallied}_near"
        if query.offset > 0 and query.after == 0:
            total = database.value(SQL[f"subscription_total_by_{tallied}"], bindings)
            behind = max(total - query.offset - query.limit, 0)
            if behind < query.offset:
                # Only the choice of the end rests on this count; the walk itself reads it again in its own snapshot.
                name, skip = f"subscription_ids_by_{tallied}_far", behind
    # Rows of deleted topics are skipped one by one until they have been swept.
    quick = exact and skip <= _QUICK_OFFSET and not database.value(SQL["topic_any_deleted"])
    ids = database.value(SQL[name], bindings) if quick else await database.walk(SQL[name], bindings)
    return [rows.subscription(row, maps) for row in database.rows(SQL["subscription_by_ids"], (ids,))]


def _may_come_back(row: Subscription, at: datetime) -> bool:
    """Whether a list of what is there or may be again at a time shows the subscription."""
    return row.state is not State.CANCELED or (row.come_back_until is not None and row.come_back_until > at)


def _forms(endpoint: str | None) -> Sequence[str | None]:
    """Under what an endpoint may have been kept: a phone under every form that its number has had."""
    return (None,) if endpoint is None else spellings(endpoint)


async def subscriptions_total(database: Database, query: SubscriptionQuery) -> int:
    """How many subscriptions a query finds on all pages."""
    bindings = _subscription_bindings(query) | _UNBOUNDED
    tallied = _tallied(query)
    if tallied is not None:
        return int(database.value(SQL[f"subscription_total_by_{tallied}"], bindings))
    name, _ = _subscription_path(query)
    text = SQL[name.replace("_ids", "_count")]
    return sum([int(await database.walk(text, bindings | {"endpoint": form})) for form in _forms(query.endpoint)])


def _subscription_bindings(query: SubscriptionQuery) -> dict[str, Any]:
    states = set(query.states) or _LISTED
    return {
        "account_id": query.account_id,
        "region": query.region,
        "topic_id": query.topic_id,
        "endpoint": query.endpoint,
        "protocol": query.protocol,
        "protocols": _json_array(query.protocols),
        "without": _json_array(query.without),
        "state": min(states).value,
        "states": sum(1 << state.value for state in states),
        "restorable": rows.micros_or_none(query.restorable_at),
        **_setting(query.setting),
        "after": query.after,
        "limit": query.limit,
        "offset": query.offset,
    }


def _tallied(query: SubscriptionQuery) -> str | None:
    """What tally counts exactly what the query finds: `region`, `topic` or none."""
    others = (query.protocols or None, query.without or None, query.restorable_at)
    filters = (query.endpoint, query.protocol, query.setting, *others)
    if not _any_state(query) or any(value is not None for value in filters):
        return None
    match query:
        case SubscriptionQuery(account_id=str(), region=str(), topic_id=None):
            return "region"
        case SubscriptionQuery(account_id=None, region=None, topic_id=int()):
            return "topic"
    return None


def _any_state(query: SubscriptionQuery) -> bool:
    return not query.states or set(query.states) == _LISTED


def _json_array(names: Sequence[str]) -> str | None:
    return _encode(list(names)).decode() if names else None


def _subscription_path(query: SubscriptionQuery) -> tuple[str, bool]:
    """The query that walks the best index, and whether that index gives nothing that the filters throw away.

    The index is that of the filter which leaves least: an endpoint has few subscriptions, a topic fewer than an account. It is exact
    when no other filter is set: then a page reads as many entries as it shows, and the event loop may ask; else `Database.walk` does.
    """
    rest = query.setting is None and not query.protocols and not query.without and query.restorable_at is None
    any_state = _any_state(query) and rest
    if query.endpoint is not None:
        others = (query.account_id, query.region, query.topic_id, query.protocol)
        return "subscription_ids_by_endpoint", any_state and not any(value is not None for value in others)
    if query.topic_id is not None:
        exact = query.account_id is None and query.region is None and query.protocol is None
        if len(set(query.states)) == 1:
            return "subscription_ids_by_state", exact and rest
        return "subscription_ids_by_topic", exact and any_state
    exact = any_state and query.protocol is None
    if query.account_id is None:
        return "subscription_ids", exact and query.region is None
    if query.region is None:
        return "subscription_ids_by_account", exact
    return "subscription_ids_by_region", exact


async def topics(database: Database, maps: rows.Maps, query: TopicQuery) -> list[Topic]:
    """The topics a query asks for, newest first."""
    name = _topic_path(query)
    quick = name == "topic_ids_by_key" or (_is_unfiltered(query) and query.offset <= _QUICK_OFFSET)
    bindings = _topic_bindings(query)
    text = SQL[name if query.region is not None else f"{name}_everywhere"]
    ids = database.value(text, bindings) if quick else await database.walk(text, bindings)
    return [rows.topic(row, maps) for row in database.rows(SQL["topic_by_ids"], (ids,))]


async def topics_total(database: Database, query: TopicQuery) -> int:
    """How many topics a query finds on all pages."""
    if _is_unfiltered(query):
        return int(database.value(SQL["topic_count"], (query.account_id, query.region)))
    name = _topic_path(query)
    count = name.replace("_ids", "_id_count")
    text = SQL[count if query.region is not None else f"{count}_everywhere"]
    return int(await database.walk(text, _topic_bindings(query) | _UNBOUNDED))


def _topic_path(query: TopicQuery) -> str:
    return "topic_ids" if query.name is None and query.uid is None else "topic_ids_by_key"


def _is_unfiltered(query: TopicQuery) -> bool:
    filters = (query.name, query.uid, query.name_part, query.display_part, query.setting)
    return all(value is None for value in filters)


def _topic_bindings(query: TopicQuery) -> dict[str, Any]:
    return {
        "account_id": query.account_id,
        "region": query.region,
        "name": query.name,
        "uid": query.uid,
        "name_part": query.name_part,
        "display_part": query.display_part,
        **_setting(query.setting),
        "limit": query.limit,
        "offset": query.offset,
    }


def _setting(wanted: tuple[str, str] | None) -> dict[str, str | None]:
    """Where in the JSON text of the settings the value is, and what it is compared with."""
    if wanted is None:
        return {"path": None, "text": None}
    name, text = wanted
    # Written as a JSON string, as the one who wrote the settings wrote their names: SQLite compares the two as they stand.
    return {"path": f"$.{msgspec.json.encode(name).decode()}", "text": text}


def templates(database: Database, query: TemplateQuery) -> list[Template]:
    """The templates a query asks for. Quick: an account has at most hundreds."""
    name = "template_list" if query.name is None else "template_list_of_name"
    return [rows.template(row) for row in database.rows(SQL[name], _template_bindings(query))]


def templates_total(database: Database, query: TemplateQuery) -> int:
    """How many templates a query finds on all pages."""
    return int(database.value(SQL["template_total"], _template_bindings(query)))


def _template_bindings(query: TemplateQuery) -> dict[str, Any]:
    return {
        "account_id": query.account_id,
        "name": query.name,
        "protocol": query.protocol,
        "limit": query.limit,
        "offset": query.offset,
    }


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
        "address": query.address,
        "events": _json_array(query.events),
        "ways": _json_array(query.ways),
        "since": since,
        "until": rows.micros_or_none(query.until),
        "after": after,
        "before": query.before,
        "limit": query.limit,
    }
    name, events, exact = _ledger_path(query)
    backwards = query.before is not None
    text = SQL[f"{name}_newest" if backwards else name]
    found: list[int] = []
    for event, endpoint in product(events, _forms(query.endpoint)):
        bindings |= {"event": event, "endpoint": endpoint}
        ids = database.value(text, bindings) if exact else await database.walk(text, bindings)
        found += _decode_ids(ids)
    wanted = _encode(sorted(found, reverse=backwards)[: query.limit]).decode()
    entries = [rows.ledger_entry(row) for row in database.rows(SQL["ledger_by_ids"], (wanted,))]
    return entries[::-1] if backwards else entries


def _ledger_path(query: LedgerQuery) -> tuple[str, Sequence[Event | None], bool]:
    """The query that walks the best index, for which events to ask it one by one, and whether that index gives nothing that the
    filters throw away.

    As for subscriptions, from what leaves least to what leaves most. Two indexes hold the event before the id: they are asked once
    per event, and the caller merges by id. `_AT_ONCE`: one question for all events.
    """
    filters = (query.since, query.until, query.address, query.events or None, query.ways or None)
    plain = all(value is None for value in filters)
    if query.subscription_uid is not None:
        return "ledger_ids_by_subscription", _AT_ONCE, plain
    if query.endpoint is not None:
        return "ledger_ids_by_endpoint", _AT_ONCE, plain and query.account_id is None and query.topic_id is None
    if query.topic_id is not None:
        return "ledger_ids_by_topic", _AT_ONCE, plain and query.account_id is None
    if query.account_id is None:
        return "ledger_ids", _AT_ONCE, plain
    exact = query.since is None and query.until is None and not query.ways
    if query.address:
        return "ledger_ids_by_address", sorted(set(query.events or Event)), exact
    if query.events and _OF_PHONES.issuperset(query.events):
        return "ledger_ids_by_event", sorted(set(query.events)), exact
    return "ledger_ids_by_account", _AT_ONCE, plain
