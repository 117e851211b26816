"""Work for timers, probes and developer mode: sweeping in bounded bites, forgetting everything.

Called by the writer for `SqliteStore.sweep` and `reset`, as heavy work on its thread. Each statement does a whole bite, so that
the interpreter lock is asked for a few times only.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import apsw
import msgspec

from tidings.store.sqlite import rows
from tidings.store.sqlite.database import SQL, Row, first, run

TEXTS_KEPT = timedelta(days=32)
"""How long hours of text messages are kept: a month's statistics and a day."""


def sweep(db: apsw.Connection, now: datetime, limit: int) -> int:
    """Remove up to `limit` rows that nobody can see or need any more; returns how many."""
    removed = _bite(db, "sweep_tokens", rows.micros(now), limit)
    removed += _bite(db, "sweep_texts", rows.micros(now - TEXTS_KEPT), limit - removed)
    while removed < limit and (topic_id := first(db, SQL["sweep_next_topic"])) is not None:
        removed += _bite(db, "sweep_subscriptions", topic_id, limit - removed)
        removed += _bite(db, "sweep_topic_texts", topic_id, limit - removed)
        removed += _sweep_deliveries(db, topic_id, limit - removed)
        if removed < limit:
            db.execute(SQL["sweep_topic"], (topic_id,))
            removed += 1
    return removed


def beat(db: apsw.Connection) -> None:
    """Write something."""
    db.execute(SQL["pulse_beat"])


def reset(db: apsw.Connection) -> int:
    """Forget everything but accounts, users and keys; returns the newest place in the flow that was ever given.

    The one exception to the ledger being append-only: its guard is taken away and put back within the transaction.
    """
    guard = first(db, SQL["reset_guard"])
    run(db, SQL["reset_all"])
    run(db, guard)
    return int(first(db, SQL["message_last_seq"]) or 0)


def _bite(db: apsw.Connection, name: str, key: int, limit: int) -> int:
    db.execute(SQL[name], (key, limit))
    return db.changes()


def _sweep_deliveries(db: apsw.Connection, topic_id: int, limit: int) -> int:
    """Remove a bite of the topic's deliveries, and the messages that waited for nothing else."""
    removed: list[Row] = db.execute(SQL["sweep_deliveries"], (topic_id, limit)).fetchall()
    seqs = msgspec.json.encode(sorted({row[0] for row in removed})).decode()
    db.execute(SQL["message_release"], (seqs,))
    released = db.changes()
    db.execute(SQL["message_forget"], (seqs,))
    return len(removed) + released
