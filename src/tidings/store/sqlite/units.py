"""Applies a unit: everything that one call of a service changes, in an order in which nothing trips over itself.

Called by the writer for `SqliteStore.commit`, inside a savepoint; raising undoes the whole unit.
Old things go before new ones come: a name freed and a token voided by a unit may be taken and made anew by the same unit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import apsw

from tidings.domain.errors import Conflict
from tidings.domain.model import Event, LedgerEntry
from tidings.domain.optout import OptOut, reviewed_record
from tidings.domain.unit import Unit
from tidings.store.sqlite import optout_rows, rows, text_rows, text_writes
from tidings.store.sqlite.database import SQL, Row, first
from tidings.store.sqlite.many import add_many, grouped, put_many

_OPT_OUT_PUT = grouped(SQL["opt_out_put"])
_LEDGER_ADD = grouped(SQL["ledger_add"])
# Rows that take some 5 ms: more than the event loop should be held for.
_LONG = 200


def is_long(unit: Unit) -> bool:
    """Whether the unit is so large (an import, a list of phones) that it should not be applied on the event loop."""
    return len(unit.opt_outs) + len(unit.opt_outs_lifted) + len(unit.ledger) + len(unit.texts_sent) > _LONG


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
    _apply_opt_outs(db, unit)
    _apply_texts(db, unit)
    for uid in unit.tokens_void:
        db.execute(SQL["token_void"], (uid,))
    for digest, at in unit.tokens_used:
        db.execute(SQL["token_use"], (digest, rows.micros(at)))
    for token in unit.tokens_new:
        db.execute(SQL["token_add"], rows.token_row(token))
    if unit.ledger:
        _write_down(db, unit.ledger)


def _apply_opt_outs(db: apsw.Connection, unit: Unit) -> None:
    """Addresses first: what follows names them."""
    _each(db, "inbound_address_change", map(optout_rows.changed_inbound_address_row, unit.inbound_addresses_changed))
    _each(db, "inbound_address_add", map(optout_rows.new_inbound_address_row, unit.inbound_addresses_new))
    _each(db, "sms_application_put", map(optout_rows.sms_application_row, unit.sms_applications))
    _each(db, "blocking_rule_remove", unit.blocking_rules_deleted)
    _each(db, "blocking_rule_put", map(optout_rows.blocking_rule_row, unit.blocking_rules))
    _each(db, "opt_out_lift", map(optout_rows.lifted_row, unit.opt_outs_lifted))
    if unit.opt_outs:
        _opt_out(db, unit.opt_outs)
    _each(db, "heard_text_add", map(optout_rows.heard_text_row, unit.texts_heard))


def _apply_texts(db: apsw.Connection, unit: Unit) -> None:
    _each(db, "sms_sign_remove", unit.sms_signs_deleted)
    _each(db, "sms_sign_change", map(text_rows.sms_sign_row, unit.sms_signs_changed))
    _each(db, "sms_sign_add", map(text_rows.sms_sign_row, unit.sms_signs_new))
    _each(db, "sms_template_remove", unit.sms_templates_deleted)
    _each(db, "sms_template_change", map(text_rows.sms_template_row, unit.sms_templates_changed))
    _each(db, "sms_template_add", map(text_rows.sms_template_row, unit.sms_templates_new))
    text_writes.write_unit(db, unit)


def _opt_out(db: apsw.Connection, opt_outs: Sequence[OptOut]) -> None:
    ids: dict[tuple[str, str], int] = {}
    for name in {(opt_out.account_id, opt_out.address) for opt_out in opt_outs}:
        address_id = first(db, SQL["inbound_address_id"], name)
        if address_id is None:
            raise Conflict(f"inbound address {name[1]} is not there")
        ids[name] = address_id
    bindings = [optout_rows.opt_out_row(opt_out, ids[opt_out.account_id, opt_out.address]) for opt_out in opt_outs]
    put_many(db, _OPT_OUT_PUT, bindings)


def _write_down(db: apsw.Connection, entries: Sequence[LedgerEntry]) -> None:
    high_water = first(db, SQL["ledger_high_water"])
    bindings = []
    for entry in entries:
        at = rows.micros(entry.at)
        high_water = at if high_water is None else max(at, high_water)
        bindings.append(rows.ledger_row(entry, high_water))
    ids = add_many(db, _LEDGER_ADD, bindings)
    for entry_id, entry in zip(ids, entries, strict=True):
        if entry.event is Event.REVIEW:
            db.execute(SQL["open_review_add"], (entry.account_id, entry_id, rows.micros(entry.at)))
        elif entry.event is Event.REVIEWED:
            db.execute(SQL["open_review_remove"], (entry.account_id, reviewed_record(entry.detail)))


def _each(db: apsw.Connection, name: str, bindings: Iterable[Row]) -> None:
    """Run a query per row; a row that nothing answers to means that somebody was faster."""
    query = SQL[name]
    for row in bindings:
        db.execute(query, row)
        if db.changes() == 0:
            raise Conflict(f"{name}: {row[0]} is not what it was")
