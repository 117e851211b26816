"""Applies a unit: everything that one call of a service changes, in an order in which nothing trips over itself.

Called by the writer for `SqliteStore.commit`, inside a savepoint; raising undoes the whole unit.
Old things go before new ones come: a name freed and a token voided by a unit may be taken and made anew by the same unit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import apsw

from tidings.domain.audit import Action, AuditEntry
from tidings.domain.errors import Conflict
from tidings.domain.model import Event, LedgerEntry
from tidings.domain.optout import BatchResult, OptOut, OptOutBatch, reviewed_record
from tidings.domain.unit import TransportIdTaken, Unit
from tidings.store.sqlite import audits, guards, optout_rows, rows, text_rows, text_writes
from tidings.store.sqlite.bulk_insert import add_many, grouped, put_many
from tidings.store.sqlite.database import SQL, Row, first
from tidings.wire.phone_plans import canonical

_OPT_OUT_ADD = grouped(SQL["opt_out_add"])
_OPT_OUT_ADD_ABSENT = grouped(SQL["opt_out_add_absent"])
_LEDGER_ADD = grouped(SQL["ledger_add"])
# Rows that take some 5 ms: more than the event loop should be held for.
_LONG = 200


def is_long(unit: Unit) -> bool:
    """Whether the unit is so large (an import, a list of phones) that it should not be applied on the event loop."""
    return len(unit.opt_outs) + len(unit.opt_outs_lifted) + len(unit.ledger) + len(unit.texts_sent) > _LONG


def apply(db: apsw.Connection, unit: Unit) -> None:
    """Write all of the unit but its messages. Raises Conflict, or what the database raises for a unique name taken."""
    guards.check(db, unit.guards)
    # Before anything is changed, to know what it was.
    seen = [] if audits.is_empty(unit) else audits.look(db, unit)
    if unit.accounts or unit.users or unit.access_keys:
        db.executemany(SQL["account_put"], map(rows.account_row, unit.accounts))
        db.executemany(SQL["user_put"], map(rows.user_row, unit.users))
        db.executemany(SQL["access_key_put"], map(rows.access_key_row, unit.access_keys))
    if unit.provisioned:
        db.executemany(SQL["provisioned_put"], map(rows.provisioned_row, unit.provisioned))
    if unit.topics_deleted or unit.topics_changed or unit.topics_new:
        _each(db, "topic_hide", ((topic_id,) for topic_id in unit.topics_deleted))
        _each(db, "topic_change", map(rows.changed_topic_row, unit.topics_changed))
        _each(db, "topic_add", map(rows.new_topic_row, unit.topics_new))
    _each(db, "subscription_remove", ((row.id,) for row in unit.subscriptions_deleted))
    _each(db, "subscription_change", map(rows.changed_subscription_row, unit.subscriptions_changed))
    _each(db, "subscription_add", map(rows.new_subscription_row, unit.subscriptions_new))
    if unit.templates_deleted or unit.templates_changed or unit.templates_new:
        _each(db, "template_remove", ((row_id,) for row_id in unit.templates_deleted))
        _each(db, "template_change", map(rows.changed_template_row, unit.templates_changed))
        _each(db, "template_add", map(rows.new_template_row, unit.templates_new))
    _apply_opt_outs(db, unit)
    _apply_texts(db, unit)
    if unit.sandbox_accounts or unit.sandbox_numbers or unit.sandbox_numbers_deleted:
        _apply_sandbox(db, unit)
    for uid in unit.tokens_void:
        db.execute(SQL["token_void"], (uid,))
    for digest, at in unit.tokens_used:
        db.execute(SQL["token_use"], (digest, rows.micros(at)))
    for token in unit.tokens_new:
        db.execute(SQL["token_add"], rows.token_row(token))
    if unit.confirmation_requests:
        db.executemany(SQL["confirmation_request_add"], map(rows.confirmation_request_row, unit.confirmation_requests))
    if unit.sessions_new or unit.sessions_used or unit.sessions_ended:
        db.executemany(SQL["session_end"], ((digest,) for digest in unit.sessions_ended))
        db.executemany(SQL["session_use"], map(rows.used_session_row, unit.sessions_used))
        db.executemany(SQL["session_add"], map(rows.session_row, unit.sessions_new))
    if unit.ledger:
        _write_down(db, unit.ledger)
    if seen:
        audits.write(db, seen)


def _apply_opt_outs(db: apsw.Connection, unit: Unit) -> None:
    """Addresses first: what follows names them."""
    _each(db, "inbound_address_change", map(optout_rows.changed_inbound_address_row, unit.inbound_addresses_changed))
    _each(db, "inbound_address_add", map(optout_rows.new_inbound_address_row, unit.inbound_addresses_new))
    _each(db, "sms_application_put", map(optout_rows.sms_application_row, unit.sms_applications))
    for account_id, numbers in unit.numbers_claimed:
        claims = db.execute(SQL["number_claims_of"], (rows.json_array(numbers),)).fetchall()
        if any(claim[0] != account_id for claim in claims):
            raise Conflict(f"{numbers[0]} is claimed by another account")
    _each(db, "blocking_rule_remove", unit.blocking_rules_deleted)
    _each(db, "blocking_rule_put", map(optout_rows.blocking_rule_row, unit.blocking_rules))
    _each(db, "opt_out_lift", map(optout_rows.lifted_row, unit.opt_outs_lifted))
    if unit.opt_outs:
        _opt_out(db, unit.opt_outs)
    for place in unit.opt_outs_absent:
        if first(db, SQL["opt_out_is_there"], place) is not None:
            raise Conflict(f"{place[2]} is opted out at {place[1]}")
    try:
        db.executemany(SQL["inbound_text_add"], map(optout_rows.inbound_text_row, unit.inbound_texts))
    except apsw.ConstraintError as error:
        raise TransportIdTaken(str(error)) from error


def _apply_sandbox(db: apsw.Connection, unit: Unit) -> None:
    for account_id, since in unit.sandbox_accounts:
        if since is None:
            db.execute(SQL["sandbox_leave"], (account_id,))
        else:
            db.execute(SQL["sandbox_enter"], (account_id, rows.micros(since)))
    _each(db, "sandbox_number_remove", unit.sandbox_numbers_deleted)
    _each(db, "sandbox_number_put", map(optout_rows.sandbox_number_row, unit.sandbox_numbers))


def _apply_texts(db: apsw.Connection, unit: Unit) -> None:
    _each(db, "sms_sign_remove", unit.sms_signs_deleted)
    _each(db, "sms_sign_change", map(text_rows.sms_sign_row, unit.sms_signs_changed))
    _each(db, "sms_sign_add", map(text_rows.sms_sign_row, unit.sms_signs_new))
    _each(db, "sms_template_remove", unit.sms_templates_deleted)
    _each(db, "sms_template_change", map(text_rows.sms_template_row, unit.sms_templates_changed))
    _each(db, "sms_template_add", map(text_rows.sms_template_row, unit.sms_templates_new))
    text_writes.write_unit(db, unit)


def _opt_out(db: apsw.Connection, opt_outs: Sequence[OptOut]) -> None:
    ids, version = _address_ids(db, opt_outs), _next_version(db)
    new: list[Row] = []
    for opt_out in opt_outs:
        row = optout_rows.opt_out_row(opt_out, ids[opt_out.account_id, opt_out.address], version)
        if opt_out.version:
            _each(db, "opt_out_change", [(*row, opt_out.version)])
        else:
            new.append(row)
    put_many(db, _OPT_OUT_ADD, new)


def import_opt_outs(db: apsw.Connection, batch: OptOutBatch) -> tuple[BatchResult, list[LedgerEntry]]:
    """Write those of a batch that may be written; with the entries that were."""
    opted_in = {canonical(row[0]) for row in db.execute(SQL["ledger_opted_in"], (batch.account_id, batch.seen))}
    rows_of = list(zip(batch.opt_outs, batch.ledger, strict=True))
    if opted_in:
        rows_of = [row for row in rows_of if row[0].phone not in opted_in]
    left_out = frozenset((row.address, row.phone) for row in batch.opt_outs if row.phone in opted_in)
    ids, version = _address_ids(db, batch.opt_outs), _next_version(db)
    bindings = [optout_rows.opt_out_row(row, ids[row.account_id, row.address], version) for row, _ in rows_of]
    known: frozenset[tuple[str, str]] = frozenset()
    if put_many(db, _OPT_OUT_ADD_ABSENT, bindings) < len(bindings):
        keys = rows.json_array([row[:2] for row in bindings])
        there = set[Row](db.execute(SQL["opt_out_not_of_version"], (keys, version)))
        known = frozenset((row.address, row.phone) for row, _ in rows_of if _key(row, ids) in there)
        rows_of = [row for row in rows_of if _key(row[0], ids) not in there]
    entries = [entry for _, entry in rows_of]
    if entries:
        _write_down(db, entries)
        first_one = entries[0]
        told = AuditEntry(
            batch.account_id, first_one.at, Action.OPT_OUT_IMPORT, "", first_one.origin, count=len(entries)
        )
        audits.write(db, [told])
    return BatchResult(known, left_out), entries


def _key(opt_out: OptOut, ids: Mapping[tuple[str, str], int]) -> Row:
    return opt_out.phone, ids[opt_out.account_id, opt_out.address]


def _address_ids(db: apsw.Connection, opt_outs: Sequence[OptOut]) -> dict[tuple[str, str], int]:
    """The row ids of addresses, by account and address. Raises Conflict."""
    ids: dict[tuple[str, str], int] = {}
    for name in {(opt_out.account_id, opt_out.address) for opt_out in opt_outs}:
        address_id = first(db, SQL["inbound_address_id"], name)
        if address_id is None:
            raise Conflict(f"inbound address {name[1]} is not there")
        ids[name] = address_id
    return ids


def _next_version(db: apsw.Connection) -> int:
    return int(first(db, SQL["opt_out_version_next"]))


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
