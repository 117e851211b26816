"""Whether what a unit was decided on is still so. Called by `units` within the writer's transaction, before anything is changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import assert_never

import apsw

from tidings.domain.unit import (
    Counted,
    Guard,
    InboundTextsSeen,
    ReaderIsAt,
    RequestsAtMost,
    RoomFor,
    SandboxNumbersAre,
    SmsApplicationsAre,
    Stale,
    TextIsWaiting,
    TextsAtMost,
)
from tidings.store.sqlite import optout_rows
from tidings.store.sqlite.database import SQL, first
from tidings.store.sqlite.forms import forms_of
from tidings.store.sqlite.rows import json_array, micros
from tidings.wire.phone_plans import spellings

_COUNTS = {
    Counted.TOPICS: SQL["count_topics"],
    Counted.LIVE: SQL["count_live"],
    Counted.UNCONFIRMED: SQL["count_unconfirmed"],
    Counted.TEMPLATES: SQL["count_templates"],
    Counted.SMS_TEMPLATES: SQL["count_sms_templates"],
    Counted.SMS_SIGNS: SQL["count_sms_signs"],
    Counted.INBOUND_ADDRESSES: SQL["count_inbound_addresses"],
}


def check(db: apsw.Connection, guards: Iterable[Guard]) -> None:
    """Raises Stale."""
    for guard in guards:
        if not _holds(db, guard):
            raise Stale(type(guard).__name__)


def _holds(db: apsw.Connection, guard: Guard) -> bool:
    if isinstance(guard, ReaderIsAt):
        return (first(db, SQL["reader_place"], (guard.account_id, guard.app_id, guard.name)) or 0) == guard.place
    if isinstance(guard, SmsApplicationsAre):
        found = db.execute(SQL["sms_application_list"], (guard.account_id,))
        return tuple(map(optout_rows.sms_application, found)) == guard.applications
    if isinstance(guard, SandboxNumbersAre):
        found = db.execute(SQL["sandbox_number_list"], (guard.account_id,))
        return tuple(map(optout_rows.sandbox_number, found)) == guard.numbers
    if isinstance(guard, RoomFor):
        return (first(db, _COUNTS[guard.what], (guard.owner,)) or 0) < guard.most
    if isinstance(guard, RequestsAtMost):
        return int(first(db, SQL["count_requests"], (guard.recipient, micros(guard.since)))) <= guard.most
    if isinstance(guard, InboundTextsSeen):
        where = guard.account_id, guard.address, json_array(spellings(guard.phone)), micros(guard.since), guard.newest
        return first(db, SQL["inbound_text_after"], where) is None
    if isinstance(guard, TextIsWaiting):
        return bool(first(db, SQL["text_is_waiting"], (guard.serial,)))
    if isinstance(guard, TextsAtMost):
        return _texts_at_most(db, guard)
    assert_never(guard)


def _texts_at_most(db: apsw.Connection, guard: TextsAtMost) -> bool:
    asked = forms_of(phone for phone, _ in guard.phones)
    bindings = guard.account_id, guard.app_id, json_array(list(asked)), micros(guard.since)
    sent = Counter(phone for form, _, _ in db.execute(SQL["sent_text_to"], bindings) for phone in asked[form])
    return all(sent[phone] <= most for phone, most in guard.phones)
