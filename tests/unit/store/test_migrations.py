"""A database of the release before is brought to the present schema with what is in it, and that release can still write to it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import apsw
import pytest

from tidings.domain.model import AccountId, Role, State, SubscriptionQuery, TemplateQuery, TopicCounts, TopicId, User
from tidings.store import sql
from tidings.store.sqlite import SqliteStore
from tidings.store.sqlite.database import PACKAGE, SQL, first, run

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
OWNER, GUEST = AccountId("000000000000"), AccountId("111111111111")
USER = (
    "INSERT INTO user (account_id, name, role, password_hash, disabled, created_at) VALUES (?, ?, 'owner', 'h', 0, 0)"
)
TOPIC = (
    "INSERT INTO topic (uid, account_id, region, name, dialect, display_name, settings, tags, created_at, updated_at,"
    " version) VALUES (?, ?, ?, ?, 'sns', '', '{}', '{}', 0, 0, 1) RETURNING id"
)
SUBSCRIPTION = (
    "INSERT INTO subscription (uid, topic_id, account_id, dialect, protocol, endpoint, settings, state, region, principal,"
    " created_at, canceled_at, confirmation_was_authenticated, auth_on_unsubscribe, version)"
    " VALUES (?1, ?2, ?3, 'sns', 'email', ?1, '{}', ?4, ?5, '', 0, 0, 0, 0, 1)"
)
LEDGER = (
    "INSERT INTO ledger (at, event, account_id, topic_id, topic_name, region, subscription_uid, protocol, endpoint, before,"
    " after, way, principal, remote_address, user_agent, request_id, shown, raw_text, detail, high_water)"
    " VALUES (?1, ?2, '000000000000', 1, 'x', 'a', 'u', 'email', 'e', NULL, 0, 'api', '', '', '', '', '', '', ?3, ?1)"
)


@pytest.fixture
def old(tmp_path: Path) -> Iterator[apsw.Connection]:
    """A database of version 1."""
    connection = apsw.Connection(str(tmp_path / "tidings.db"))
    run(connection, "PRAGMA journal_mode = wal")
    run(
        connection,
        "CREATE TABLE schema_version (number INTEGER NOT NULL, phase TEXT NOT NULL, name TEXT NOT NULL,"
        " applied_at TEXT NOT NULL, PRIMARY KEY (number, phase)) STRICT, WITHOUT ROWID;"
        "INSERT INTO schema_version VALUES (1, 'pre', 'start', '')",
    )
    run(connection, sql.migrations(PACKAGE)[0].text)
    yield connection
    connection.close()


def fill(connection: apsw.Connection, mark: str) -> tuple[int, int]:
    """Write as version 1 does: two topics in two regions with subscriptions of two owners in all states."""
    ids = []
    for region in ("a", "b"):
        ids.append(first(connection, TOPIC, (f"{mark}{region}", OWNER, region, f"{mark}{region}")))
        for owner in (OWNER, GUEST):
            for state in State:
                uid = f"{mark}-{region}-{owner}-{state}"
                connection.execute(SUBSCRIPTION, (uid, ids[-1], owner, int(state), region))
    return ids[0], ids[1]


async def totals(store: SqliteStore) -> list[int]:
    queries = [SubscriptionQuery(account, region) for account in (OWNER, GUEST) for region in ("a", "b")]
    return [await store.subscriptions_total(query) for query in queries]


async def test_a_database_of_version_1_is_upgraded_with_its_rows(old: apsw.Connection, tmp_path: Path) -> None:
    old.execute(USER, (OWNER, "admin"))
    kept, _ = fill(old, "x")
    hidden, _ = fill(old, "y")
    old.execute("UPDATE topic SET deleted = 1 WHERE id = ?", (hidden,))
    for at, event, detail in (
        (1, "subscribed", "confirmation requested"),
        (2, "confirmed", ""),
        (3, "subscribed", "confirmation requested"),
    ):
        old.execute(LEDGER, (at, event, detail))
    store = await SqliteStore.open(tmp_path / "tidings.db")
    assert await store.users(OWNER) == [User(OWNER, "admin", Role.OWNER, "h", False, EPOCH)]
    assert await totals(store) == [3, 6, 3, 6]
    assert await store.topic_counts(TopicId(kept)) == TopicCounts(2, 2, 2)
    assert await store.templates_total(TemplateQuery(OWNER)) == 0
    assert await store.asked("email", "e", since=EPOCH) == [EPOCH + timedelta(microseconds=3)]
    assert len(await store.lapsed("sns", unconfirmed_since=EPOCH + timedelta(1), canceled_since=EPOCH, limit=99)) == 6
    while await store.sweep(EPOCH, 2):
        assert await totals(store) == [3, 6, 3, 6]
    await store.close()


async def test_what_version_1_writes_into_the_new_schema_is_counted(old: apsw.Connection, tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path / "tidings.db")
    topic, _ = fill(old, "x")
    old.execute(USER, (OWNER, "admin"))
    assert await totals(store) == [3, 3, 3, 3]
    assert (await store.users(OWNER))[0].actions == ()
    old.execute("UPDATE subscription SET state = 4 WHERE topic_id = ? AND account_id = ?", (topic, OWNER))
    assert await totals(store) == [0, 3, 3, 3]
    old.execute("UPDATE topic SET deleted = 1 WHERE id = ?", (topic,))
    old.execute("DELETE FROM subscription WHERE topic_id = ?", (topic,))
    old.execute("DELETE FROM topic WHERE id = ?", (topic,))
    assert await totals(store) == [0, 3, 0, 3]
    await store.close()


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ("subscription_lapsed_unconfirmed", "subscription_unconfirmed_of (dialect=? AND <expr><?)"),
        ("subscription_lapsed_canceled", "subscription_gone_of (dialect=? AND canceled_at<?)"),
        ("ledger_asked", "INDEX ledger_asked (endpoint=? AND protocol=?)"),
        (
            "subscription_ids_by_region_near",
            "COVERING INDEX subscription_by_region (account_id=? AND region=? AND id>?)",
        ),
        ("subscription_ids_by_region_far", "COVERING INDEX subscription_by_region (account_id=? AND region=?)"),
        ("subscription_ids_by_topic_far", "COVERING INDEX subscription_by_topic (topic_id=?)"),
        ("sweep_texts", "COVERING INDEX text_tally_by_hour (hour<?)"),
    ],
)
async def test_a_query_that_must_not_walk_far_uses_its_index(tmp_path: Path, query: str, index: str) -> None:
    store = await SqliteStore.open(tmp_path / "tidings.db")
    connection = apsw.Connection(str(tmp_path / "tidings.db"))
    plan = [str(row[3]) for row in connection.execute(f"EXPLAIN QUERY PLAN {SQL[query]}", _Nothing())]
    assert any(index in step for step in plan), plan
    assert not any("SCAN subscription" in step or "SCAN ledger" in step for step in plan), plan
    connection.close()
    await store.close()


class _Nothing(dict[str, None]):
    """Bindings of any name."""

    def __missing__(self, name: str) -> None:
        return None
