"""Writes what a unit says of texts: those that applications send, and what their deliveries came to.

Called by `units` within the writer's transaction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

import apsw

from tidings.domain.model import AccountId
from tidings.domain.texts import SentText, TextReport, TextTally
from tidings.domain.unit import Unit
from tidings.store.sqlite import text_rows
from tidings.store.sqlite.bulk_insert import grouped, put_many
from tidings.store.sqlite.database import SQL, first
from tidings.store.sqlite.rows import micros

_SENT_TEXT_ADD = grouped(SQL["sent_text_add"])


def write_unit(db: apsw.Connection, unit: Unit) -> None:
    """Texts come before their parts and reports."""
    if unit.texts_sent:
        _add_sent(db, unit.texts_sent)
    if unit.text_parts:
        db.executemany(SQL["text_part_put"], [(serial, part) for serial, ids in unit.text_parts for part in ids])
    if unit.text_reports:
        _report(db, unit.text_reports)
    if unit.text_tallies:
        _add_tallies(db, unit.text_tallies)
    if unit.texts_delivered:
        delivered = unit.texts_delivered.items()
        db.executemany(SQL["text_add"], [(topic_id, micros(hour), count) for (topic_id, hour), count in delivered])
    if unit.senders_used:
        _use_senders(db, unit.senders_used)
    if unit.readers:
        db.executemany(SQL["reader_move"], map(text_rows.reader_row, unit.readers))


def part_arrived(db: apsw.Connection, serial: str, transport_id: str) -> bool:
    """Note that a part arrived; whether no part of the text is missing any more. False for a part that is not kept."""
    db.execute(SQL["text_part_arrive"], (serial, transport_id))
    return bool(first(db, SQL["text_part_complete"], (serial, transport_id)))


def _add_sent(db: apsw.Connection, texts: Sequence[SentText]) -> None:
    put_many(db, _SENT_TEXT_ADD, [text_rows.sent_text_row(text) for text in texts])


def _report(db: apsw.Connection, reports: Sequence[TextReport]) -> None:
    """Numbers are given before it is known which reports count; those of others are never used."""
    number = first(db, SQL["text_report_numbers"], (len(reports),)) - len(reports)
    db.executemany(
        SQL["text_report_put"],
        [
            (report.serial, report.state.value, report.detail, micros(report.at), number + place)
            for place, report in enumerate(reports, 1)
        ],
    )


def _add_tallies(db: apsw.Connection, tallies: Iterable[TextTally]) -> None:
    counts: Counter[tuple[AccountId, str, int, datetime, str]] = Counter()
    for tally in tallies:
        counts[tally.account_id, tally.app_id, tally.sms_type.value, tally.hour, tally.what.value] += tally.count
    bindings = [
        (account, app, kind, micros(hour), what, count) for (account, app, kind, hour, what), count in counts.items()
    ]
    db.executemany(SQL["sms_tally_add"], bindings)


def _use_senders(db: apsw.Connection, used: Iterable[tuple[AccountId, str, datetime]]) -> None:
    db.executemany(SQL["sender_use_put"], [(account, sender, micros(day)) for account, sender, day in used])
