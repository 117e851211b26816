"""Work for timers, probes and developer mode: sweeping in bounded bites, forgetting everything.

Called by the writer for `SqliteStore.sweep` and `reset`, as heavy work on its thread. Each statement does a whole bite, so that
the interpreter lock is asked for a few times only.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import apsw
import msgspec

from tidings.domain.passwords import masked
from tidings.domain.texts import TEXTS_KEPT
from tidings.store.sqlite import rows
from tidings.store.sqlite.database import SQL, Row, first, run

TOPIC_TEXTS_KEPT = timedelta(days=32)
"""How long hours of topics' text messages are kept: a month's statistics and a day."""

TOKENS_KEPT = timedelta(days=30)
"""How long expired links can say that they are, and offer a new one."""

REQUESTS_KEPT = timedelta(days=366)
"""How long requests to confirm are kept: a declined one may be remembered for a year."""

HEARD_KEPT = timedelta(days=90)
"""How long incoming texts are kept: callbacks and people of the account may come to them late."""

FAR_DUE = timedelta(days=8)
"""No delivery waits for so long: the longest delay between attempts is an hour, and a paced topic's queue some days."""

TRIES_KEPT = timedelta(days=1)
"""How long tries are counted: the longest window."""

SMS_TALLIES_KEPT = timedelta(days=400)
"""How long counts of applications' texts are kept: a year's statistics and a month."""


def sweep(db: apsw.Connection, now: datetime, limit: int) -> int:
    """Remove up to `limit` rows that nobody can see or need any more; returns how many."""
    removed = _bite(db, "sweep_tokens", rows.micros(now - TOKENS_KEPT), limit)
    removed += _bite(db, "sweep_confirmation_requests", rows.micros(now - REQUESTS_KEPT), limit - removed)
    removed += _bite(db, "sweep_texts", rows.micros(now - TOPIC_TEXTS_KEPT), limit - removed)
    removed += _bite(db, "sweep_inbound_texts", rows.micros(now - HEARD_KEPT), limit - removed)
    # Parts first: they are found by their texts. They are no rows of the bite: a text has a handful.
    _bite(db, "sweep_text_parts", rows.micros(now - TEXTS_KEPT), limit - removed)
    removed += _bite(db, "sweep_sent", rows.micros(now - TEXTS_KEPT), limit - removed)
    removed += _bite(db, "sweep_tries", rows.micros(now - TRIES_KEPT), limit - removed)
    removed += _bite(db, "sweep_sessions", rows.micros(now), limit - removed)
    removed += _bite(db, "sweep_sms_tallies", rows.micros(now - SMS_TALLIES_KEPT), limit - removed)
    if removed < limit:
        db.execute(SQL["sweep_far_due"], (rows.micros(now), rows.micros(now + FAR_DUE), limit - removed))
        removed += db.changes()
    while removed < limit and (topic_id := first(db, SQL["sweep_next_topic"])) is not None:
        removed += _bite(db, "sweep_subscriptions", topic_id, limit - removed)
        removed += _bite(db, "sweep_topic_texts", topic_id, limit - removed)
        removed += _sweep_deliveries(db, topic_id, limit - removed)
        if removed < limit:
            db.execute(SQL["sweep_topic"], (topic_id,))
            removed += 1
    return removed


def mask_deliveries(db: apsw.Connection) -> None:
    """Take the passwords out of the endpoints that deliveries show."""
    for delivery_id, endpoint in db.execute(SQL["delivery_unsealed"]).fetchall():
        db.execute(SQL["delivery_mask"], (delivery_id, masked(str(endpoint))))


def take_try(db: apsw.Connection, key: str, most: int, now: datetime, window: timedelta) -> datetime | None:
    """Count a try; see `ports.Store`."""
    db.execute(SQL["try_take"], (key, rows.micros(now), rows.micros(now - window), most))
    return None if db.changes() else rows.moment(first(db, SQL["try_begun"], (key,))) + window


def beat(db: apsw.Connection) -> None:
    """Write something."""
    db.execute(SQL["pulse_beat"])


def reset(db: apsw.Connection) -> int:
    """Forget everything but what is provisioned; returns the newest place in the flow that was ever given.

    Kept are accounts, users, keys, and applications, signs and templates of texts, inbound addresses and blocking rules.

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
