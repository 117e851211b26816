"""Statements for accepted messages and waiting deliveries, many rows at a time.

Called by the journal within the writer's transaction. Hot path: a publish is one row in, one row out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import apsw
import msgspec

from tidings.domain.model import Message
from tidings.domain.ports import NewDelivery, Progress, Settled
from tidings.store.sqlite import rows
from tidings.store.sqlite.bulk_insert import add_many, grouped
from tidings.store.sqlite.database import SQL, Row

Fresh = tuple[int, Message, int]
"""A message that has just become durable: its place in the flow, itself, its bytes."""

_json = msgspec.json.encode
_MESSAGE_ADD = grouped(SQL["message_add"])
_DELIVERY_ADD = grouped(SQL["delivery_add"])


@dataclass(slots=True)
class Written:
    """What several callers' progress came to: ids of parked rows for each, and how many messages became finished."""

    parked: list[list[int]]
    finished: int


def add_messages(db: apsw.Connection, messages: Sequence[Message], bodies: Sequence[bytes]) -> list[Fresh]:
    """Insert messages; their places in the flow are consecutive within one statement."""
    bindings = [(message.topic_id, message.id, body) for message, body in zip(messages, bodies, strict=True)]
    seqs = add_many(db, _MESSAGE_ADD, bindings)
    return [(seq, message, len(body)) for seq, message, body in zip(seqs, messages, bodies, strict=True)]


def write_progress(db: apsw.Connection, made: Sequence[Progress], forgotten: int) -> Written:
    """Apply several callers' progress. Rows for messages at or before `forgotten` are dropped and get the id 0."""
    parked = [_park(db, progress.parked, forgotten) if progress.parked else [] for progress in made]
    settled = [row for progress in made for row in progress.settled]
    if settled:
        _settle(db, settled)
    cursors = [move for progress in made for move in progress.cursors]
    if cursors:
        db.executemany(SQL["message_move"], cursors)
    finished = [seq for progress in made for seq in progress.finished]
    return Written(parked, _finish(db, finished) if finished else 0)


def _finish(db: apsw.Connection, seqs: Sequence[int]) -> int:
    text = _json(seqs).decode()
    db.execute(SQL["message_finish"], (text,))
    finished = db.changes()
    if finished < len(seqs):
        db.execute(SQL["message_keep"], (text,))
        finished += db.changes()
    db.execute(SQL["message_forget"], (text,))
    return finished


def _park(db: apsw.Connection, deliveries: Sequence[NewDelivery], forgotten: int) -> list[int]:
    kept = [delivery for delivery in deliveries if delivery.message_seq > forgotten]
    ids = iter(add_many(db, _DELIVERY_ADD, [_delivery_row(delivery) for delivery in kept]))
    return [next(ids) if delivery.message_seq > forgotten else 0 for delivery in deliveries]


def _delivery_row(new: NewDelivery) -> Row:
    message = new.message
    return (
        new.message_seq,
        message.id,
        message.account_id,
        message.topic_id,
        new.subscription_uid,
        new.protocol,
        new.endpoint,
        new.attempts,
        rows.micros(new.due),
        rows.micros(message.accepted_at),
        "dead" if new.dead else "waiting",
        new.reason,
        int(new.redriven),
    )


def _settle(db: apsw.Connection, settled: Iterable[Settled]) -> None:
    gone, kept = [], []
    for row in settled:
        if row.due is None and not row.dead:
            gone.append(row.delivery_id)
        else:
            state = "dead" if row.dead else "waiting"
            due = rows.micros_or_none(row.due)
            kept.append((row.delivery_id, row.attempts, due, state, row.reason, int(row.redriven)))
    if kept:
        db.executemany(SQL["delivery_change"], kept)
    if gone:
        removed = db.execute(SQL["delivery_remove"], (_json(gone).decode(),)).fetchall()
        seqs = _json(sorted({row[0] for row in removed})).decode()
        db.execute(SQL["message_release"], (seqs,))
        db.execute(SQL["message_forget"], (seqs,))
