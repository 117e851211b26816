"""The management API as a program sees it: real services over the real embedded store behind the dialect."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote
from uuid import UUID

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.build import NOW, OTHER_ACCOUNT, make_principal
from tests.support.examples import examples
from tests.unit.dialects.native.harness import OTHER_PROJECT, PROJECT, Harness, open_office, read

from tidings.access.authorize import authorize
from tidings.domain.grants import Verb, Verdict
from tidings.domain.model import Event, LedgerQuery, Origin, Role, State, Way
from tidings.domain.unit import Unit
from tidings.services.accounts import WantedAccount

OTHER = "OTHERKEY:other-secret"
BY_LINK = Origin(Way.LINK)
DOCUMENT = Path(__file__).parents[2] / "docs/reference/api.md"


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[Harness]:
    async with open_office(tmp_path) as running:
        yield running


# --- the ledger ------------------------------------------------------------------------------------------------------


async def test_the_ledger_tells_what_happened_by_which_way_and_from_where(harness: Harness) -> None:
    topic = await harness.topic()
    subscription = await harness.subscriber(topic)
    await harness.call("POST", f"/subscriptions/{subscription.uid}/cancel")
    asked, confirmed, canceled = await harness.items("/ledger")
    assert [entry["event"] for entry in (asked, confirmed, canceled)] == ["subscribed", "confirmed", "canceled"]
    assert (asked["before"], asked["after"]) == (None, "unconfirmed")
    assert confirmed["way"] == "link"
    assert (confirmed["remote_address"], confirmed["shown"]) == ("198.51.100.9", "confirm/en")
    assert (canceled["way"], canceled["principal"]) == ("api", "arn:aws:iam::000000000000:user/admin")
    assert (canceled["remote_address"], canceled["user_agent"], canceled["request_id"]) == (
        "192.0.2.7",
        "office/1",
        "req-1",
    )
    assert canceled["arn"] == f"arn:aws:sns:us-east-1:000000000000:news:{UUID(subscription.uid)}"
    assert canceled["urn"] == f"urn:smn:us-east-1:{PROJECT}:news:{subscription.uid}"
    assert canceled["topic_urn"] == f"urn:smn:us-east-1:{PROJECT}:news"


async def test_every_event_that_the_ledger_knows_is_shown_and_documented(harness: Harness) -> None:
    await harness.subscriber(await harness.topic())
    (written, _) = await harness.store.ledger(LedgerQuery())
    entries = [replace(written, event=event) for event in Event]
    await harness.store.commit(Unit(ledger=entries))
    shown = [entry["event"] for entry in await harness.items("/ledger")]  # each is held against the description
    assert shown == ["subscribed", "confirmed", *(event.value for event in Event)]
    assert "confirmation-held" in shown


async def test_the_ledger_is_searched_by_endpoint_topic_subscription_and_time(harness: Harness) -> None:
    news, sale = await harness.topic(), await harness.topic("sale")
    ada = await harness.subscriber(news)
    harness.clock.advance(3600)
    await harness.subscriber(sale, "+18885550100", "sms")
    one_hour = (NOW + timedelta(minutes=30)).isoformat()
    arn = f"arn:aws:sns:us-east-1:000000000000:news:{UUID(ada.uid)}"
    assert len(await harness.items("/ledger")) == 4
    for query in (
        "endpoint=ada@EXAMPLE.com",
        f"topic={news.uid}",
        "topic=arn:aws:sns:us-east-1:000000000000:news",
        f"subscription={ada.uid}",
        f"subscription={arn}",
        f"topic=urn:smn:us-east-1:{PROJECT}:news",
        f"subscription=urn:smn:us-east-1:{PROJECT}:news:{ada.uid}",
        f"until={one_hour}",
    ):
        assert {entry["endpoint"] for entry in await harness.items(f"/ledger?{query}")} == {"ada@example.com"}, query
    for query in ("endpoint=+18885550100", "endpoint=%2B18885550100", f"since={one_hour}"):
        assert {entry["endpoint"] for entry in await harness.items(f"/ledger?{query}")} == {"+18885550100"}, query
    assert await harness.items("/ledger?endpoint=nobody@example.com") == []


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 1000])
async def test_pages_of_any_size_add_up_to_the_whole(harness: Harness, limit: int) -> None:
    for number in range(2):
        await harness.subscriber(await harness.topic(f"t{number}"))
    for listed in ("ledger", "topics", "subscriptions"):
        whole = await harness.items(f"/{listed}")
        assert whole
        assert await harness.items(f"/{listed}?limit={limit}") == whole


async def test_the_last_page_says_that_it_is_the_last(harness: Harness) -> None:
    await harness.topic("a")
    await harness.topic("b")
    for path, last in (("/topics?limit=2", True), ("/topics?limit=1", False), ("/users?limit=1", True)):
        _, page = await harness.call("GET", path)
        assert (page["next"] is None) is last, path


async def test_the_csv_says_what_the_json_says(harness: Harness) -> None:
    await harness.subscriber(await harness.topic(), "+18885550100", "sms")
    entries = await harness.items("/ledger")
    status, rows = await harness.call("GET", "/ledger?format=csv")
    assert status == 200
    assert await harness.call("GET", "/ledger", accept="text/csv") == (200, rows)
    for row, entry in zip(rows, entries, strict=True):
        user_agent = row.pop("user_agent")
        assert user_agent == ("'" if entry["user_agent"] else "") + entry.pop("user_agent")
        assert row == {name: "" if value is None else str(value) for name, value in entry.items()}


async def test_a_long_export_comes_in_pieces(harness: Harness) -> None:
    topic = await harness.topic()
    for number in range(600):
        await harness.ask(topic, f"reader{number}@example.com")
    answer = await harness.send("GET", "/ledger?format=csv")
    assert not isinstance(answer.body, bytes)
    chunks = [chunk async for chunk in answer.body]
    assert len(chunks) == 2
    assert b"".join(chunks).count(b"\r\n") == 601
    assert dict(answer.headers)["content-disposition"].startswith("attachment")


async def test_a_csv_takes_no_limit(harness: Harness) -> None:
    status, told = await harness.call("GET", "/ledger?format=csv&limit=10")
    assert (status, told["field"]) == (400, "limit")


# --- subscriptions and topics ------------------------------------------------------------------------------------------


async def test_subscriptions_are_found_by_endpoint_topic_state_and_protocol(harness: Harness) -> None:
    news, sale = await harness.topic(), await harness.topic("sale")
    ada = await harness.subscriber(news)
    await harness.ask(sale)
    await harness.subscriber(sale, "https://ada:pass@example.com/hook", "https")
    for query, count in (
        ("", 3),
        ("endpoint=ada@example.com", 2),
        ("endpoint=ada@example.com&state=unconfirmed", 1),
        (f"topic={sale.uid}", 2),
        ("protocol=https", 1),
        ("state=canceled", 0),
        (f"topic={news.uid}&protocol=https", 0),
    ):
        assert len(await harness.items(f"/subscriptions?{query}" if query else "/subscriptions")) == count, query
    (web,) = await harness.items("/subscriptions?protocol=https")
    assert web["endpoint"] == "https://ada:****@example.com/hook"
    status, one = await harness.call("GET", f"/subscriptions/{UUID(ada.uid)}")
    assert (status, one["state"], one["topic_arn"]) == (200, "confirmed", "arn:aws:sns:us-east-1:000000000000:news")
    assert one["confirmed_at"] == "2026-11-21T12:00:00Z"
    assert one["topic_urn"] == f"urn:smn:us-east-1:{PROJECT}:news"
    assert one["urn"] == f"{one['topic_urn']}:{ada.uid}"
    assert await harness.items(f"/subscriptions?topic={one['topic_urn']}") == [one]


async def test_canceling_is_safe_to_repeat_and_stays_listed(harness: Harness) -> None:
    subscription = await harness.subscriber(await harness.topic())
    status, first = await harness.call("POST", f"/subscriptions/{subscription.uid}/cancel")
    assert (status, first["changed"], first["subscription"]["state"]) == (200, True, "canceled")
    status, second = await harness.call("POST", f"/subscriptions/{subscription.uid}/cancel", {})
    assert (status, second["changed"]) == (200, False)
    assert [row["uid"] for row in await harness.items("/subscriptions?state=canceled")] == [subscription.uid]
    assert [entry["event"] for entry in await harness.items("/ledger")].count("canceled") == 1


async def test_what_the_life_of_a_subscription_forbids_is_a_conflict(harness: Harness) -> None:
    topic = await harness.topic()
    waiting = await harness.ask(topic)
    confirmed = await harness.subscriber(topic, "bob@example.com")
    for path in (f"{waiting.uid}/cancel", f"{confirmed.uid}/resend-confirmation"):
        status, told = await harness.call("POST", f"/subscriptions/{path}")
        assert (status, told["code"]) == (409, "wrong-state")


async def test_a_confirmation_can_be_sent_again(harness: Harness) -> None:
    waiting = await harness.ask(await harness.topic())
    harness.clock.advance(60)
    sent = len(harness.tokens)
    status, told = await harness.call("POST", f"/subscriptions/{waiting.uid}/resend-confirmation")
    assert (status, told["uid"], told["state"]) == (200, waiting.uid, "unconfirmed")
    assert told["confirmation_sent_at"] == "2026-11-21T12:01:00Z"
    assert len(harness.tokens) == sent + 1
    assert [entry["event"] for entry in await harness.items("/ledger")] == ["subscribed", "confirmation-sent"]


async def test_topics_are_listed_by_region_and_shown_with_their_counts(harness: Harness) -> None:
    topic = await harness.topic()
    await harness.topic("news", region="eu-west-1")
    await harness.subscriber(topic)
    await harness.ask(topic, "bob@example.com")
    assert [row["region"] for row in await harness.items("/topics")] == ["us-east-1", "eu-west-1"]
    (listed,) = await harness.items("/topics?region=us-east-1")
    status, shown = await harness.call("GET", f"/topics/{topic.uid}")
    assert status == 200
    assert shown.pop("subscriptions") == {"confirmed": 1, "unconfirmed": 1, "canceled": 0}
    assert shown == listed
    assert (listed["arn"], listed["tags"]) == ("arn:aws:sns:us-east-1:000000000000:news", {"team": "a"})
    assert listed["urn"] == f"urn:smn:us-east-1:{PROJECT}:news"
    for name in (listed["arn"], listed["urn"]):
        assert (await harness.call("GET", f"/topics/{name}"))[1]["uid"] == topic.uid


async def test_a_subscription_to_another_accounts_topic_bears_that_accounts_names(harness: Harness) -> None:
    theirs = await harness.topic("theirs", OTHER_ACCOUNT)
    grant = authorize(
        make_principal(), Verb.SUBSCRIBE, owner=OTHER_ACCOUNT, resource="theirs", verdict=Verdict.ALLOW, action="x"
    )
    mine, _ = await harness.subscriptions.subscribe(
        grant, theirs, dialect="sns", protocol="sms", endpoint="+18885550100", settings={}, origin=BY_LINK
    )
    (shown,) = await harness.items("/subscriptions")
    assert (shown["uid"], shown["account_id"]) == (mine.uid, "000000000000")
    assert shown["urn"] == f"urn:smn:us-east-1:{OTHER_PROJECT}:theirs:{mine.uid}"
    assert shown["arn"] == f"arn:aws:sns:us-east-1:{OTHER_ACCOUNT}:theirs:{UUID(mine.uid)}"


async def test_an_account_that_gets_another_project_is_shown_with_it_at_once(harness: Harness) -> None:
    await harness.topic()
    assert (await harness.items("/topics"))[0]["urn"] == f"urn:smn:us-east-1:{PROJECT}:news"
    await harness.accounts.apply((WantedAccount("000000000000", "default", "a" * 32),))
    assert (await harness.items("/topics"))[0]["urn"] == f"urn:smn:us-east-1:{'a' * 32}:news"


async def test_what_belongs_to_another_account_does_not_exist(harness: Harness) -> None:
    topic = await harness.topic("theirs", OTHER_ACCOUNT)
    subscription = await harness.subscriber(topic)
    arn = f"arn:aws:sns:us-east-1:{OTHER_ACCOUNT}:theirs"
    for method, path in (
        ("GET", f"/topics/{topic.uid}"),
        ("GET", f"/subscriptions/{subscription.uid}"),
        ("POST", f"/subscriptions/{subscription.uid}/cancel"),
        ("POST", f"/subscriptions/{subscription.uid}/resend-confirmation"),
        ("GET", f"/subscriptions?topic={arn}"),
        ("GET", f"/ledger?topic={topic.uid}"),
        ("GET", f"/dead-letters?topic={arn}"),
        ("GET", f"/topics/{arn}"),
        ("GET", f"/topics/urn:smn:us-east-1:{OTHER_PROJECT}:theirs"),
        ("GET", f"/topics/urn:smn:us-east-1:{PROJECT}:theirs"),
        ("GET", f"/ledger?topic=urn:smn:us-east-1:{OTHER_PROJECT}:theirs"),
    ):
        status, told = await harness.call(method, path)
        assert (status, told["code"]) == (404, "not-found"), path
    assert (
        await harness.items("/subscriptions") == await harness.items("/topics") == await harness.items("/ledger") == []
    )
    assert await harness.items(f"/ledger?subscription={subscription.uid}") == []
    assert len(await harness.items(f"/ledger?subscription={subscription.uid}", OTHER)) == 2
    stored = await harness.store.subscription(subscription.uid)
    assert stored is not None
    assert stored.state is State.CONFIRMED


# --- dead letters ------------------------------------------------------------------------------------------------------


async def test_dead_letters_are_listed_without_their_text_and_sent_again_once(harness: Harness) -> None:
    topic = await harness.topic()
    ada = await harness.subscriber(topic)
    bob = await harness.subscriber(topic, "bob@example.com")
    ids = await harness.dead_letters(ada, 3)
    (other,) = await harness.dead_letters(bob, 1)
    listed = await harness.items("/dead-letters?limit=2")
    assert [row["id"] for row in listed] == [*ids, other]
    assert listed[0]["reason"] == "550 no such user"
    assert listed[0]["topic_urn"] == f"urn:smn:us-east-1:{PROJECT}:news"
    assert "secret text" not in str(listed)
    assert [row["id"] for row in await harness.items(f"/dead-letters?topic={topic.uid}&subscription={bob.uid}")] == [
        other
    ]
    assert await harness.call("POST", "/dead-letters/send-again", {"ids": [ids[0], ids[0], 987654]}) == (
        200,
        {"ids": [ids[0]]},
    )
    assert await harness.call("POST", "/dead-letters/send-again", {"ids": [ids[0]]}) == (200, {"ids": []})
    assert [row["id"] for row in await harness.items("/dead-letters")] == [*ids[1:], other]


async def test_nobody_sees_or_sends_another_accounts_dead_letters(harness: Harness) -> None:
    ids = await harness.dead_letters(await harness.subscriber(await harness.topic()), 1)
    assert await harness.items("/dead-letters", OTHER) == []
    assert await harness.call("POST", "/dead-letters/send-again", {"ids": ids}, OTHER) == (200, {"ids": []})
    assert len(await harness.items("/dead-letters")) == 1


# --- accounts ----------------------------------------------------------------------------------------------------------


async def test_a_user_and_a_key_are_made_used_and_disabled(harness: Harness) -> None:
    status, user = await harness.call("POST", "/users", {"name": "reports", "role": "auditor"})
    assert (status, user["role"], user["has_password"]) == (201, "auditor", False)
    status, key = await harness.call("POST", "/access-keys", {"user": "reports"})
    assert status == 201
    credential = f"{key['key_id']}:{key['secret']}"
    assert (await harness.call("GET", "/ledger", credential=credential))[0] == 200
    status, changed = await harness.call("PATCH", f"/access-keys/{key['key_id']}", {"disabled": True})
    assert (status, changed["disabled"]) == (200, True)
    assert (await harness.call("GET", "/ledger", credential=credential))[0] == 401
    await harness.call("PATCH", f"/access-keys/{key['key_id']}", {"disabled": False})
    assert (await harness.call("GET", "/ledger", credential=credential))[0] == 200
    assert (await harness.call("PATCH", "/users/reports", {"disabled": True}))[0] == 200
    assert (await harness.call("GET", "/ledger", credential=credential))[0] == 401


async def test_a_users_actions_are_given_shown_obeyed_and_taken_away(harness: Harness) -> None:
    patterns = ["tidings:list", "smn:topic:*"]
    status, made = await harness.call("POST", "/users", {"name": "ci", "role": "owner", "actions": patterns})
    assert (status, made["actions"]) == (201, patterns)
    _, key = await harness.call("POST", "/access-keys", {"user": "ci"})
    credential = f"{key['key_id']}:{key['secret']}"

    async def statuses() -> list[int]:
        return [
            (await harness.call("GET", path, credential=credential))[0] for path in ("/topics", "/ledger", "/users")
        ]

    assert await statuses() == [200, 403, 403]
    status, changed = await harness.call("PATCH", "/users/ci", {"actions": ["TIDINGS:READ-*"]})
    assert (status, changed["actions"], changed["role"]) == (200, ["TIDINGS:READ-*"], "owner")
    assert await statuses() == [403, 200, 403]
    assert {row["name"]: row["actions"] for row in await harness.items("/users")} == {
        "admin": [],
        "ci": changed["actions"],
    }
    status, changed = await harness.call("PATCH", "/users/ci", {"actions": []})
    assert (status, changed["actions"]) == (200, [])
    assert await statuses() == [200, 200, 200]


@pytest.mark.parametrize(
    "actions",
    [
        "*",
        [""],
        ["publish"],
        ["sns:Publish "],
        ["sns:Pub/lish"],
        ["sns:é"],
        ["**"],
        [1],
        ["a:b"] * 65,
        ["a:" + "b" * 127],
    ],
)
async def test_what_is_no_pattern_of_actions_is_refused(harness: Harness, actions: object) -> None:
    for method, path, body in (
        ("POST", "/users", {"name": "ci", "role": "owner", "actions": actions}),
        ("PATCH", "/users/admin", {"actions": actions}),
    ):
        status, told = await harness.call(method, path, body)
        assert (status, told["code"], told["field"].startswith("actions")) == (400, "invalid-value", True), told
    assert [row["name"] for row in await harness.items("/users")] == ["admin"]


async def test_lists_of_users_and_keys_show_no_secret_and_only_the_own_account(harness: Harness) -> None:
    await harness.user("zoe", Role.AUDITOR)
    assert [row["name"] for row in await harness.items("/users?limit=1")] == ["admin", "zoe"]
    keys = await harness.items("/access-keys?limit=1")
    assert sorted(row["user"] for row in keys) == ["admin", "zoe"]
    assert [row["account_id"] for row in await harness.items("/accounts")] == ["000000000000"]
    for listed in (keys, await harness.items("/users")):
        assert not any(word in str(listed) for word in ("tidings-dev-secret", "argon2", "sealed"))
    assert [row["key_id"] for row in await harness.items("/access-keys", OTHER)] == ["OTHERKEY"]


async def test_nobody_locks_themselves_out_or_reaches_another_account(harness: Harness) -> None:
    for path, body, expected in (
        ("/users/admin", {"disabled": True}, (409, "wrong-state")),
        ("/users/admin", {"actions": ["tidings:list"]}, (409, "wrong-state")),
        ("/users/eve", {"actions": []}, (404, "not-found")),
        ("/access-keys/tidings", {"disabled": True}, (409, "wrong-state")),
        ("/users/eve", {"disabled": True}, (404, "not-found")),
        ("/access-keys/OTHERKEY", {"disabled": True}, (404, "not-found")),
        ("/users/admin", {}, (400, "invalid-value")),
    ):
        status, told = await harness.call("PATCH", path, body)
        assert (status, told["code"]) == expected, path
    status, told = await harness.call("POST", "/users", {"name": "admin", "role": "owner"})
    assert (status, told["code"]) == (409, "already-exists")
    status, told = await harness.call("POST", "/access-keys", {"user": "eve"})
    assert (status, told["code"]) == (404, "not-found")
    status, told = await harness.call("POST", "/users", {"name": "bob", "role": "king"})
    assert (status, told["field"]) == (400, "role")


# --- developer mode ------------------------------------------------------------------------------------------------------


async def test_developer_tools_need_no_credentials(harness: Harness) -> None:
    await harness.subscriber(await harness.topic())
    harness.captured += [{"channel": "email", "to": f"a{n}@example.com", "subject": "hi"} for n in range(3)]
    harness.captured.append({"channel": "sms", "to": "+18885550100", "body": "hi"})
    status, found = await harness.call("GET", "/dev/outbox?channel=email&limit=2", credential=None)
    assert (status, [row["to"] for row in found["items"]]) == (200, ["a1@example.com", "a2@example.com"])
    status, found = await harness.call("GET", "/dev/outbox?to=+18885550100", credential=None)
    assert (status, found["items"]) == (200, harness.captured[-1:])
    assert await harness.call("DELETE", "/dev/outbox", credential=None) == (204, None)
    assert harness.captured == []
    before = harness.clock.now()
    status, told = await harness.call("POST", "/dev/clock", {"advance_s": 172801}, credential=None)
    assert (status, harness.clock.now() - before) == (200, timedelta(seconds=172801))
    assert told == {"now": "2026-11-23T12:00:01Z"}
    assert await harness.call("POST", "/dev/reset", credential=None) == (204, None)
    assert harness.resets == 1
    assert await harness.items("/topics") == []


@pytest.mark.parametrize("step", [-1, 1e12, "1", None, True])
async def test_the_clock_goes_forward_and_not_too_far(harness: Harness, step: object) -> None:
    assert (await harness.call("POST", "/dev/clock", {"advance_s": step}))[0] == 400
    assert harness.clock.now() == NOW


async def test_the_clock_stops_before_the_end_of_time(harness: Harness) -> None:
    statuses = [(await harness.call("POST", "/dev/clock", {"advance_s": 315_360_000}))[0] for _ in range(20)]
    assert set(statuses) == {200, 400}
    assert harness.clock.now().year < 2200


async def test_without_developer_mode_its_tools_do_not_exist(harness: Harness) -> None:
    harness.dialect = harness.open(dev=False)
    for method, path in (
        ("POST", "/dev/reset"),
        ("GET", "/dev/outbox"),
        ("POST", "/dev/clock"),
        ("POST", "/dev/replies"),
    ):
        status, told = await harness.call(method, path)
        assert (status, told["code"]) == (404, "no-such-path")
    assert harness.resets == 0


# --- bad input -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_a_foreign_page_changes_nothing(harness: Harness, site: str) -> None:
    status, told = await harness.call("POST", "/dev/reset", credential=None, sec_fetch_site=site)
    assert (status, told["code"]) == (403, "cross-site")
    assert harness.resets == 0
    assert (await harness.call("POST", "/dev/reset", credential=None, sec_fetch_site="same-origin"))[0] == 204


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("/ledger?endpont=ada@example.com", "endpont"),
        ("/ledger?topic=news", "topic"),
        ("/ledger?subscription=1", "subscription"),
        ("/ledger?since=0001-01-01T00:00:00%2B12:00", "since"),
        ("/ledger?until=9999-12-31T23:59:59-12:00", "until"),
        ("/ledger?after=bm90aGluZw", "after"),
        ("/subscriptions?state=expired", "state"),
        ("/subscriptions?endpoint=a@@b", "endpoint"),
        ("/topics?region=US EAST", "region"),
        ("/topics/0123?verbose=1", "verbose"),
        ("/dead-letters?limit=1001", "limit"),
    ],
)
async def test_a_malformed_parameter_is_named(harness: Harness, query: str, field: str) -> None:
    status, told = await harness.call("GET", query)
    assert (status, told["code"], told["field"]) == (400, "invalid-value", field)


PARAMETERS = st.sampled_from(
    ["endpoint", "topic", "subscription", "since", "limit", "after", "region", "state", "protocol", "to"]
)
VALUES = st.one_of(
    st.text(max_size=40).map(lambda text: quote(text, errors="replace")),
    st.text(alphabet="0123456789abcdef-:TZ%+=.@", max_size=40),
    st.integers().map(str),
    st.datetimes().map(lambda time: time.isoformat() + "+00:00"),
    st.sampled_from(
        ["csv", "json", "confirmed", "bGVkZ2VyOjE", "dG9waWNzOjE", "0" * 32, "us-east-1", "sms", "%ff", ""]
    ),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["ids", "name", "role", "user", "disabled", "password", "actions", "advance_s", "y"]), inner
        )
    ),
    max_leaves=8,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=examples(150))
@given(
    st.integers(0, 30),
    st.lists(st.tuples(PARAMETERS, VALUES), max_size=3),
    JSON.map(msgspec.json.encode) | st.binary(max_size=40) | st.just(b""),
    st.text(max_size=20).filter(lambda text: "/" not in text) | st.just("0" * 32),
)
async def test_no_input_is_our_fault(
    harness: Harness, number: int, query: list[tuple[str, str]], body: bytes, part: str
) -> None:
    operation = harness.dialect.operations[number % len(harness.dialect.operations)]
    path = re.sub(r"\{\w+\}", lambda _: part.replace("?", "") or "x", operation.path)
    answer = await harness.send(
        operation.method, f"{path}?{'&'.join(f'{name}={value}' for name, value in query)}", body
    )
    raw = await read(answer)
    harness.check_documented(operation.method, path, answer.status, answer.content_type, raw)
    assert answer.status in (200, 201, 204) or 400 <= answer.status < 500
    if answer.status >= 400:
        told = msgspec.json.decode(raw)
        assert answer.content_type == "application/problem+json"
        assert told["status"] == answer.status
        assert told["code"]
        assert told["detail"]


# --- the page ----------------------------------------------------------------------------------------------------------------


def test_every_operation_has_an_example(harness: Harness) -> None:
    """That they run is seen in `tests/server/test_documents.py`."""
    page = "\n".join(re.findall(r"^.*\bcurl .*$", DOCUMENT.read_text(), re.MULTILINE))
    for name, part in {
        "SUBSCRIPTION": "uid", "TOPIC": "uid", "KEY_ID": "key_id", "REVIEW": "record_id", "ADDRESS": "address",
        "APP": "app_id", "SIGN": "sign_id", "TEMPLATE": "template_id", "SESSION": "session_id",
    }.items():  # fmt: skip
        page = page.replace(f"${name}", f"{{{part}}}")
    page = page.replace("/users/reports", "/users/{name}").replace("/accounts/default", "/accounts/{name}")
    used = {operation.path for operation in harness.dialect.operations} - {"", "/openapi.json"}
    assert not [path for path in used if path not in page]


def test_every_permission_is_named_where_actions_are_explained() -> None:
    page = (DOCUMENT.parents[1] / "how-to/provision-accounts.md").read_text()
    assert not [verb.value for verb in Verb if f"`{verb.value}`" not in page.replace("tidings:", "")]
