"""The audit trail: what a unit changes, read before it is applied, and the entries, written and listed.

Called by `units` within the writer's transaction, and by `SqliteStore` for the list. That the store itself compares rows is what makes
the trail complete: no service can change an account, a topic or a setting of texting without an entry.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import apsw
import msgspec

from tidings.domain.audit import Act, Audited, AuditEntry, AuditQuery, change
from tidings.domain.model import Origin, Way
from tidings.domain.optout import AddressKind
from tidings.domain.unit import Unit
from tidings.store.sqlite import optout_rows, rows, text_rows
from tidings.store.sqlite.bulk_insert import add_many, grouped
from tidings.store.sqlite.database import SQL, Database, Row

_AUDIT_ADD = grouped(SQL["audit_add"])
_EVER = 2**62
_encode = msgspec.json.Encoder(order="sorted").encode
_decode = msgspec.json.Decoder(dict[str, str]).decode

Pair = tuple[Audited | None, Audited | None]


def look(db: apsw.Connection, unit: Unit) -> list[AuditEntry]:
    """The entries of a unit that is about to be applied: what it says itself, and what it changes of what is stored now."""
    entries = list(unit.audit)
    pairs = [*_of_accounts(db, unit), *_of_topics(db, unit), *_of_addresses(db, unit), *_of_texts(db, unit)]
    if pairs:
        # A change that nobody answers for is written down all the same.
        act = unit.act or Act(datetime.now(UTC), Origin(Way.SYSTEM))
        entries += [entry for before, after in pairs if (entry := change(act, before, after)) is not None]
    return entries


def write(db: apsw.Connection, entries: list[AuditEntry]) -> None:
    add_many(db, _AUDIT_ADD, [_row(entry) for entry in entries])


async def page(database: Database, query: AuditQuery) -> list[AuditEntry]:
    """The entries a query asks for."""
    bindings = {
        "account_id": query.account_id,
        "since": None if query.since is None else rows.micros(query.since),
        "until": None if query.until is None else rows.micros(query.until),
        "actions": rows.json_array(query.actions) if query.actions else None,
        "principal": query.principal,
        "text": query.text,
        "after": query.after,
        "before": query.before,
        "limit": query.limit,
    }
    name = "audit_ids" if query.before is None else "audit_ids_last"
    ids = await database.walk(SQL[name], bindings)
    entries = [_entry(row) for row in database.rows(SQL["audit_by_ids"], (ids,))]
    return entries if query.before is None else entries[::-1]


# --- before and after ------------------------------------------------------------------------------------------------------------


def _of_accounts(db: apsw.Connection, unit: Unit) -> Iterator[Pair]:
    for account in unit.accounts:
        yield _one(db, "account_by_id", rows.account, account.account_id), account
    for user in unit.users:
        yield _one(db, "user_by_name", rows.user, user.account_id, user.name), user
    for key in unit.access_keys:
        yield _one(db, "access_key_by_id", rows.access_key, key.key_id), key


def _of_topics(db: apsw.Connection, unit: Unit) -> Iterator[Pair]:
    for topic_id in unit.topics_deleted:
        yield _one(db, "topic_by_id", _topic, topic_id), None
    for topic in unit.topics_changed:
        yield _one(db, "topic_by_id", _topic, topic.id), topic
    for topic in unit.topics_new:
        yield None, topic
    if unit.act is not None and not unit.ledger:
        # Everything else about subscriptions is a matter of consent, and the ledger has it.
        for subscription in unit.subscriptions_changed:
            yield _one(db, "subscription_by_id", _subscription, subscription.id), subscription
    for template_id in unit.templates_deleted:
        yield _one(db, "template_by_id", rows.template, template_id), None
    for template in unit.templates_changed:
        yield _one(db, "template_by_id", rows.template, template.id), template
    for template in unit.templates_new:
        yield None, template


def _of_addresses(db: apsw.Connection, unit: Unit) -> Iterator[Pair]:
    for address in unit.inbound_addresses_changed:
        yield _one(db, "inbound_address_by_id", optout_rows.inbound_address, address.id), address
    for address in unit.inbound_addresses_new:
        if address.kind is not AddressKind.ACCOUNT:  # made by itself when somebody opts out of everything
            yield None, address
    for application in unit.sms_applications:
        named = application.account_id, application.app_id
        yield _one(db, "sms_application_by_id", optout_rows.sms_application, *named), application
    for gone in unit.blocking_rules_deleted:
        yield _one(db, "blocking_rule_by_name", optout_rows.blocking_rule, *gone), None
    for rule in unit.blocking_rules:
        named_rule = rule.account_id, rule.address, rule.app_id
        yield _one(db, "blocking_rule_by_name", optout_rows.blocking_rule, *named_rule), rule


def _of_texts(db: apsw.Connection, unit: Unit) -> Iterator[Pair]:
    for gone in unit.sms_signs_deleted:
        yield _one(db, "sms_sign_by_id", text_rows.sms_sign, *gone), None
    for sign in unit.sms_signs_changed:
        yield _one(db, "sms_sign_by_id", text_rows.sms_sign, sign.account_id, sign.id), sign
    for sign in unit.sms_signs_new:
        yield None, sign
    for gone in unit.sms_templates_deleted:
        yield _one(db, "sms_template_by_id", text_rows.sms_template, *gone), None
    for template in unit.sms_templates_changed:
        yield _one(db, "sms_template_by_id", text_rows.sms_template, template.account_id, template.id), template
    for template in unit.sms_templates_new:
        yield None, template


def _one(db: apsw.Connection, name: str, read: Callable[[Row], Audited], *bindings: object) -> Audited | None:
    found = db.execute(SQL[name], bindings).fetchall()
    return read(found[0]) if found else None


def _topic(row: Row) -> Audited:
    return rows.topic(row, rows.Maps())


def _subscription(row: Row) -> Audited:
    return rows.subscription(row, rows.Maps())


# --- rows ------------------------------------------------------------------------------------------------------------------------


def _row(entry: AuditEntry) -> Row:
    origin = entry.origin
    return (
        entry.account_id,
        rows.micros(entry.at),
        entry.action,
        entry.subject,
        origin.way.value,
        origin.via,
        origin.principal,
        origin.key_id,
        origin.remote_address,
        origin.user_agent,
        origin.request_id,
        _encode(entry.before).decode(),
        _encode(entry.after).decode(),
        entry.detail,
        entry.count,
    )


def _entry(row: Row) -> AuditEntry:
    way, via, principal, key_id, remote_address, user_agent, request_id = row[4:11]
    origin = Origin(Way(way), principal, remote_address, user_agent, request_id, via=via, key_id=key_id)
    told: tuple[Any, ...] = (_decode(row[11]), _decode(row[12]), *row[13:16])
    return AuditEntry(row[0], rows.moment(row[1]), row[2], row[3], origin, *told)


def is_empty(unit: Unit) -> bool:
    """Whether the unit has nothing for the trail: most have not, and a subscribe should not pay for it."""
    return not (
        unit.audit
        or unit.accounts
        or unit.users
        or unit.access_keys
        or unit.topics_deleted
        or unit.topics_changed
        or unit.topics_new
        or (unit.act is not None and unit.subscriptions_changed)
        or unit.templates_deleted
        or unit.templates_changed
        or unit.templates_new
        or unit.inbound_addresses_changed
        or unit.inbound_addresses_new
        or unit.sms_applications
        or unit.blocking_rules_deleted
        or unit.blocking_rules
        or unit.sms_signs_deleted
        or unit.sms_signs_changed
        or unit.sms_signs_new
        or unit.sms_templates_deleted
        or unit.sms_templates_changed
        or unit.sms_templates_new
    )
