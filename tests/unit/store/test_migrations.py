"""A database of the release before is brought to the present schema with what is in it, and that release can still write to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import apsw
import msgspec
import pytest
from tests.support.stores import a_message, an_entry

from tidings.domain.errors import Conflict, Unavailable
from tidings.domain.model import (
    AccountId,
    Event,
    LedgerQuery,
    Role,
    State,
    SubscriptionQuery,
    TemplateQuery,
    TopicCounts,
    TopicId,
    User,
)
from tidings.domain.optout import InboundText
from tidings.domain.unit import TransportIdTaken, Unit
from tidings.store import sql
from tidings.store.sqlite import SqliteStore, rows
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


@pytest.fixture(params=[1, 2, 3])
def version(request: pytest.FixtureRequest) -> int:
    """The schema that the database has at first."""
    return int(request.param)


@pytest.fixture
def old(tmp_path: Path, version: int) -> Iterator[apsw.Connection]:
    """A database of an older version."""
    connection = apsw.Connection(str(tmp_path / "tidings.db"))
    run(connection, "PRAGMA journal_mode = wal")
    run(
        connection,
        "CREATE TABLE schema_version (number INTEGER NOT NULL, phase TEXT NOT NULL, name TEXT NOT NULL,"
        " applied_at TEXT NOT NULL, PRIMARY KEY (number, phase)) STRICT, WITHOUT ROWID",
    )
    for step in sql.migrations(PACKAGE)[:version]:
        run(connection, step.text)
        connection.execute("INSERT INTO schema_version VALUES (?, ?, ?, '')", (step.number, step.phase, step.name))
    yield connection
    connection.close()


def fill(connection: apsw.Connection, mark: str) -> tuple[int, int]:
    """Write as every version does: two topics in two regions with subscriptions of two owners in all states."""
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


async def test_a_database_of_an_older_version_is_upgraded_with_its_rows(old: apsw.Connection, tmp_path: Path) -> None:
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
    assert await store.confirmation_requests("mail:e", since=EPOCH) == []
    assert len(await store.lapsed("sns", unconfirmed_since=EPOCH + timedelta(1), canceled_since=EPOCH, limit=99)) == 6
    while await store.sweep(EPOCH, 2):
        assert await totals(store) == [3, 6, 3, 6]
    await store.close()


async def test_what_an_older_version_writes_into_the_new_schema_is_counted(
    old: apsw.Connection, tmp_path: Path
) -> None:
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


async def test_records_of_an_older_version_stay_and_may_still_be_added(old: apsw.Connection, tmp_path: Path) -> None:
    old.execute(LEDGER, (2, "subscribed", ""))
    store = await SqliteStore.open(tmp_path / "tidings.db")
    old.execute(LEDGER, (1, "confirmed", ""))
    await store.commit(Unit(ledger=[an_entry(1, EPOCH, address="24273", keyword="STOP", event=Event.OPTED_OUT)]))
    found = await store.ledger(LedgerQuery())
    assert [(row.address, row.keyword, row.transport_id, row.sent_at) for row in found[:2]] == [("", "", "", None)] * 2
    assert [row.at for row in found] == [EPOCH + timedelta(microseconds=us) for us in (2, 1, 0)]
    assert await store.ledger(LedgerQuery(OWNER, address="24273")) == found[2:]
    assert await store.ledger(LedgerQuery(OWNER, events=[Event.OPTED_OUT])) == found[2:]
    await store.close()


async def test_consent_of_an_older_version_gets_its_place_in_the_order(old: apsw.Connection, tmp_path: Path) -> None:
    """Before the upgrade: before every message that is not finished. After it: where it was written down, by either release."""
    message = "INSERT INTO message (topic_id, id, body) VALUES (?1, ?2, x'')"
    before, _ = fill(old, "x")
    old.execute(message, (before, "m1"))
    store = await SqliteStore.open(tmp_path / "tidings.db")
    later, _ = fill(old, "y")
    old.execute(message, (later, "m2"))
    old.execute("UPDATE subscription SET state = 1, confirmed_at = 0 WHERE topic_id = ? AND state = 3", (later,))
    old.execute(message, (later, "m3"))

    async def receivers(topic_id: int, seq: int) -> int:
        return len(await store.page(TopicId(topic_id), after=0, limit=9, seq=seq))

    assert await store.last_seq() == 3
    assert [await receivers(before, seq) for seq in (1, 2, 3)] == [2, 2, 2]
    assert [await receivers(later, seq) for seq in (1, 2, 3)] == [0, 2, 4]
    await store.close()


def test_a_message_that_an_older_version_accepted_is_read() -> None:
    added = ("sms_app", "sms_type", "answers", "sender")
    message = a_message(1)
    fields = {
        name: value for name, value in msgspec.msgpack.decode(rows.encode_message(message)).items() if name not in added
    }
    assert rows.decode_message(msgspec.msgpack.encode(fields)) == message
    text = replace(message, sms_app="1400", sms_type=1, answers="help", sender="24273")
    assert rows.decode_message(rows.encode_message(text)) == text


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ("subscription_lapsed_unconfirmed", "subscription_unconfirmed_of (dialect=? AND <expr><?)"),
        ("subscription_lapsed_canceled", "subscription_gone_of (dialect=? AND canceled_at<?)"),
        ("subscription_unsealed", "INDEX subscription_unsealed (id>?)"),
        ("confirmation_request_list", "INDEX confirmation_request_by_recipient (recipient=?)"),
        ("sweep_confirmation_requests", "COVERING INDEX confirmation_request_by_time (at<?)"),
        ("session_list", "INDEX console_session_by_user (account_id=? AND user>? AND user<?)"),
        ("sweep_sessions", "INDEX console_session_by_end (ends_at<?)"),
        ("subscription_restorable_count", "INDEX subscription_restorable (topic_id=? AND come_back_until>?)"),
        (
            "subscription_ids_by_region_near",
            "COVERING INDEX subscription_by_region (account_id=? AND region=? AND id>?)",
        ),
        ("subscription_ids_by_region_far", "COVERING INDEX subscription_by_region (account_id=? AND region=?)"),
        ("subscription_ids_by_topic_far", "COVERING INDEX subscription_by_topic (topic_id=?)"),
        ("text_blocked", "SEARCH opt_out USING COVERING INDEX opt_out_by_phone (phone=?)"),
        ("texts_blocked", "SEARCH opt_out USING COVERING INDEX opt_out_by_phone (phone=?)"),
        ("opt_out_by_phone", "SEARCH opt_out USING INDEX opt_out_by_phone (phone=?)"),
        ("opt_out_by_keys", "SEARCH opt_out USING INDEX opt_out_by_phone (phone=? AND address_id=?)"),
        ("opt_out_keys_by_phone", "SEARCH opt_out USING INDEX opt_out_by_phone (phone=?)"),
        ("opt_out_keys_by_account", "COVERING INDEX opt_out_by_account (account_id=? AND since>? AND since<?)"),
        ("opt_out_keys_by_address", "COVERING INDEX opt_out_by_address (address_id=? AND since>? AND since<?)"),
        ("ledger_ids_by_address", "COVERING INDEX ledger_by_address (account_id=? AND address=? AND event=? AND id>?)"),
        ("ledger_ids_by_event", "COVERING INDEX ledger_by_event (account_id=? AND event=? AND id>?)"),
        ("sweep_inbound_texts", "INDEX inbound_text_by_time (at<?)"),
        ("inbound_text_list", "INDEX inbound_text_by_account (account_id=? AND id>?)"),
        ("inbound_text_last", "INDEX inbound_text_by_account (account_id=? AND id<?)"),
        ("inbound_text_list_at", "INDEX inbound_text_by_address (account_id=? AND address=? AND id>?)"),
        ("inbound_text_list_unmatched_at", "INDEX inbound_text_unmatched (account_id=? AND address=? AND id>?)"),
        ("inbound_text_ids_unmatched", "COVERING INDEX inbound_text_by_account (account_id=? AND id>?)"),
        ("inbound_text_newest", "INDEX inbound_text_by_address (account_id=? AND address=?)"),
        (
            "sent_text_to",
            "COVERING INDEX sent_text_by_phone (day=? AND phone=? AND account_id=? AND app_id=? AND accepted_at>?)",
        ),
        ("sent_text_ids_by_phone", "INDEX sent_text_by_phone (day=? AND phone=? AND account_id=?)"),
        ("sent_text_ids", "COVERING INDEX sent_text_by_account (account_id=? AND accepted_at>? AND accepted_at<?)"),
        ("sent_text_ids_reported", "COVERING INDEX sent_text_by_report (account_id=?)"),
        ("sent_text_reports", "INDEX sent_text_by_report (account_id=? AND app_id=? AND report_id>?)"),
        ("text_report_put", "INDEX sent_text_by_serial (serial=?)"),
        ("text_part_by_id", "SEARCH text_part USING PRIMARY KEY (transport_id=?)"),
        ("text_parts_alike", "SEARCH text_part USING INDEX text_part_by_plain_id (plain_id=?)"),
        ("text_part_arrive", "SEARCH text_part USING PRIMARY KEY (transport_id=?)"),
        ("text_part_complete", "COVERING INDEX text_part_by_text (text_id=? AND delivered=?)"),
        ("sms_tally_list", "SEARCH sms_tally USING PRIMARY KEY (account_id=? AND hour>? AND hour<?)"),
        ("sweep_text_parts", "COVERING INDEX sent_text_by_time (accepted_at<?)"),
        ("sweep_sent", "COVERING INDEX sent_text_by_time (accepted_at<?)"),
        ("sweep_sms_tallies", "COVERING INDEX sms_tally_by_hour (hour<?)"),
        ("sweep_texts", "COVERING INDEX text_tally_by_hour (hour<?)"),
    ],
)
async def test_a_query_that_must_not_walk_far_uses_its_index(tmp_path: Path, query: str, index: str) -> None:
    store = await SqliteStore.open(tmp_path / "tidings.db")
    connection = apsw.Connection(str(tmp_path / "tidings.db"))
    plan = [str(row[3]) for row in connection.execute(f"EXPLAIN QUERY PLAN {SQL[query]}", _Nothing())]
    assert any(index in step for step in plan), plan
    whole = [
        f"SCAN {table}"
        for table in ("subscription", "ledger", "opt_out", "inbound_text", "sent_text", "text_part", "sms_tally")
    ]
    assert not any(scan in step for scan in whole for step in plan), plan
    connection.close()
    await store.close()


class _Nothing(dict[str, None]):
    """Bindings of any name."""

    def __missing__(self, name: str) -> None:
        return None


@pytest.mark.parametrize("version", [3], indirect=True)
async def test_opt_outs_that_the_release_before_writes_get_versions_of_their_own(
    old: apsw.Connection, tmp_path: Path, version: int
) -> None:
    """So that an opt-out which that release replaced, or lifted and made again, is not taken for the one that was read."""
    put = (
        "INSERT INTO opt_out (phone, address_id, account_id, since, event_at, way, reason, keyword, raw_text, principal)"
        " VALUES ('+12025550123', 1, ?, 0, 0, 'keyword', '', '', '', '') ON CONFLICT (phone, address_id) DO UPDATE"
        " SET since = excluded.since, event_at = excluded.event_at, way = excluded.way"
    )
    old.execute(
        "INSERT INTO inbound_address VALUES (1, ?, '+12025550100', 'long-code', 0, '', '', '{}', '{}', NULL, 1)",
        (OWNER,),
    )
    old.execute(put, (OWNER,))
    store = await SqliteStore.open(tmp_path / "tidings.db")
    seen = set()
    for change in ("", put, "DELETE FROM opt_out WHERE account_id = ?1;" + put):
        if change:
            old.execute(change, (OWNER,) * change.count("?"))
        (row,) = await store.opt_outs(OWNER, "+12025550123")
        assert row.version not in seen
        seen.add(row.version)
    await store.commit(Unit(opt_outs=[row]))
    (changed,) = await store.opt_outs(OWNER, "+12025550123")
    assert changed.version not in seen
    with pytest.raises(Conflict):
        await store.commit(Unit(opt_outs_lifted=[row]))
    await store.commit(Unit(opt_outs_lifted=[changed]))
    await store.close()


# What the release before says of texts that came in, one statement of each kind; `INDEXED BY` wants a table.
HEARD = (
    "INSERT INTO heard_text (account_id, address, phone, text, at, sent_at, transport_id, matched)"
    " VALUES (?1, '24273', '+12025550123', ?2, 1, NULL, ?2, '')"
)
HEARD_TEXTS = (
    "SELECT text FROM heard_text INDEXED BY heard_text_by_account WHERE account_id = ?1 AND id > 0 ORDER BY id"
)
HEARD_LATELY = (
    "SELECT at FROM heard_text INDEXED BY heard_text_by_address WHERE account_id = ?1 AND address = '24273'"
    " ORDER BY id DESC LIMIT 1"
)
HEARD_SWEEP = (
    "DELETE FROM heard_text WHERE id IN (SELECT id FROM heard_text INDEXED BY heard_text_by_time WHERE at < 0 LIMIT 9)"
)


def a_text(words: str) -> InboundText:
    return InboundText(0, OWNER, "24273", "+12025550123", words, EPOCH + timedelta(seconds=1), None, words, "")


async def texts_of(store: SqliteStore) -> list[tuple[int, str]]:
    return [(text.id, text.text) for text in await store.inbound_text_page(OWNER, after=0, limit=99)]


@pytest.mark.parametrize("version", [11], indirect=True)
async def test_the_release_before_goes_on_hearing_texts_until_a_server_of_this_one_starts(
    old: apsw.Connection, tmp_path: Path, version: int
) -> None:
    old.execute(HEARD, (OWNER, "one"))
    store = await SqliteStore.open(tmp_path / "tidings.db")
    await store.commit(Unit(inbound_texts=[a_text("two")]))
    with pytest.raises(TransportIdTaken):
        await store.commit(Unit(inbound_texts=[a_text("one")], ledger=[an_entry(1)]))
    assert await store.ledger(LedgerQuery(an_entry(1).account_id)) == []
    old.execute(HEARD, (OWNER, "three"))
    old.execute(HEARD_SWEEP)
    assert old.execute(HEARD_TEXTS, (OWNER,)).fetchall() == [("one",), ("two",), ("three",)]
    assert old.execute(HEARD_LATELY, (OWNER,)).fetchall() == [(1,)]
    assert await texts_of(store) == [(1, "one"), (2, "two"), (3, "three")]

    store.journal.claim()
    assert await texts_of(store) == [(1, "one"), (2, "two"), (3, "three")]
    old.execute("DELETE FROM inbound_text WHERE text = 'three'")
    await store.commit(Unit(inbound_texts=[a_text("four")]))
    assert await texts_of(store) == [(1, "one"), (2, "two"), (4, "four")]
    with pytest.raises(TransportIdTaken):
        await store.commit(Unit(inbound_texts=[a_text("one")]))
    assert old.execute("SELECT name FROM sqlite_schema WHERE name LIKE 'heard_text%'").fetchall() == []
    await store.close()


@pytest.mark.parametrize("version", [11], indirect=True)
async def test_nothing_is_taken_from_a_server_that_runs(old: apsw.Connection, tmp_path: Path, version: int) -> None:
    running = await SqliteStore.open(tmp_path / "running" / "tidings.db")
    running.journal.claim()
    (tmp_path / "tidings.db.delivery").symlink_to(tmp_path / "running" / "tidings.db.delivery")
    store = await SqliteStore.open(tmp_path / "tidings.db")
    with pytest.raises(Unavailable, match="another Tidings server"):
        store.journal.claim()
    assert old.execute(HEARD_TEXTS, (OWNER,)).fetchall() == []
    await store.close()
    await running.close()
