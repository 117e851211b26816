"""Applies a unit: everything that one call of a service changes, in an order in which nothing trips over itself.

Called by the writer for `SqliteStore.commit`, inside a savepoint; raising undoes the whole unit.
Old things go before new ones come: a name freed and a token voided by a unit may be taken and made anew by the same unit.
"""

from __future__ import annotations

from collections.abc import Iterable

import apsw

from tidings.domain.errors import Conflict
from tidings.domain.model import Unit
from tidings.store.sqlite import rows
from tidings.store.sqlite.database import SQL, Row


def apply(db: apsw.Connection, unit: Unit) -> None:
    """Write all of the unit but its messages. Raises Conflict, or what the database raises for a unique name taken."""
    if unit.accounts or unit.users or unit.access_keys:
        db.executemany(SQL["account_put"], map(rows.account_row, unit.accounts))
        db.executemany(SQL["user_put"], map(rows.user_row, unit.users))
        db.executemany(SQL["access_key_put"], map(rows.access_key_row, unit.access_keys))
    if unit.topics_deleted or unit.topics_changed or unit.topics_new:
        _each(db, "topic_hide", ((topic_id,) for topic_id in unit.topics_deleted))
        _each(db, "topic_change", map(rows.changed_topic_row, unit.topics_changed))
        _each(db, "topic_add", map(rows.new_topic_row, unit.topics_new))
    _each(db, "subscription_remove", ((row_id,) for row_id in unit.subscriptions_deleted))
    _each(db, "subscription_change", map(rows.changed_subscription_row, unit.subscriptions_changed))
    _each(db, "subscription_add", map(rows.new_subscription_row, unit.subscriptions_new))
    if unit.templates_deleted or unit.templates_changed or unit.templates_new:
        _each(db, "template_remove", ((row_id,) for row_id in unit.templates_deleted))
        _each(db, "template_change", map(rows.changed_template_row, unit.templates_changed))
        _each(db, "template_add", map(rows.new_template_row, unit.templates_new))
    for uid in unit.tokens_void:
        db.execute(SQL["token_void"], (uid,))
    for digest, at in unit.tokens_used:
        db.execute(SQL["token_use"], (digest, rows.micros(at)))
    for token in unit.tokens_new:
        db.execute(SQL["token_add"], rows.token_row(token))
    for entry in unit.ledger:
        db.execute(SQL["ledger_add"], rows.ledger_row(entry))


def _each(db: apsw.Connection, name: str, bindings: Iterable[Row]) -> None:
    """Run a query per row; a row that nothing answers to means that somebody was faster."""
    query = SQL[name]
    for row in bindings:
        db.execute(query, row)
        if db.changes() == 0:
            raise Conflict(f"{name}: {row[0]} is not what it was")
