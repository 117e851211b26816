"""Opt-outs by the management API: real services over the real embedded store, and a real server for what only that can show."""

from __future__ import annotations

import json
import subprocess
import sys
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.support.build import ACCOUNT, NOW
from tests.support.server import KEY_ID, SECRET, Server
from tests.unit.dialects.native.harness import Harness, open_office

from tidings.domain.business_days import begun_before, business_days
from tidings.domain.model import Role

ADDRESS, SECOND = "+18885550100", "+18885550101"
PHONE, ANOTHER = "+12025550123", "+12025550124"
APP = "1400006666"
OTHER = "OTHERKEY:other-secret"
EVERY_TYPE = ["marketing", "notification", "verification_code"]


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[Harness]:
    async with open_office(tmp_path) as running:
        yield running


async def add(harness: Harness, address: str = ADDRESS, **more: object) -> dict[str, Any]:
    status, made = await harness.call("POST", "/inbound-addresses", {"address": address, "kind": "10dlc", **more})
    assert status == 201, made
    return dict(made)


async def add_application(harness: Harness, app_id: str = APP) -> None:
    assert (await harness.call("PUT", f"/sms-applications/{app_id}", {"sender": ADDRESS}))[0] == 200


async def opt_out(harness: Harness, phone: str = PHONE, address: str = ADDRESS, **more: object) -> dict[str, Any]:
    status, told = await harness.call(
        "POST", "/opt-outs", {"address": address, "phone": phone, "reason": "asked", **more}
    )
    assert status == 200, told
    return dict(told)


# --- inbound addresses ---------------------------------------------------------------------------------------------------------


async def test_an_address_starts_with_keywords_and_a_rule_of_every_type(harness: Harness) -> None:
    await add_application(harness)
    made = await add(harness, description="US", app_ids=[APP])
    assert "STOP" in made["keywords"]["opt_out"]
    assert made["rules"] == [{"address": ADDRESS, "app_id": APP, "types": EVERY_TYPE}]
    assert (made["opted_out"], made["description"]) == (0, "US")
    await opt_out(harness)
    status, shown = await harness.call("GET", f"/inbound-addresses/{ADDRESS}")
    assert (status, shown["opted_out"]) == (200, 1)
    assert await harness.items("/inbound-addresses") == [shown]


async def test_the_account_wide_address_is_never_listed_as_one(harness: Harness) -> None:
    await add(harness)
    await opt_out(harness, address="*")
    assert [row["address"] for row in await harness.items("/inbound-addresses")] == [ADDRESS]
    assert (await harness.call("GET", "/inbound-addresses/*"))[0] == 404


@pytest.mark.parametrize("limit", [1, 2, 3])
async def test_addresses_and_applications_are_paged(harness: Harness, limit: int) -> None:
    for number in range(3):
        await add(harness, f"+1888555010{number}")
        await add_application(harness, f"140000000{number}")
    for listed in ("inbound-addresses", "sms-applications"):
        whole = await harness.items(f"/{listed}")
        assert len(whole) >= 3
        assert await harness.items(f"/{listed}?limit={limit}") == whole


async def test_an_address_belongs_to_one_account_and_is_shown_to_no_other(harness: Harness) -> None:
    await add(harness)
    body = {"address": ADDRESS, "kind": "10dlc"}
    status, told = await harness.call("POST", "/inbound-addresses", body, credential=OTHER)
    assert (status, told["code"]) == (409, "already-exists")
    assert await harness.items("/inbound-addresses", credential=OTHER) == []
    for method, path, sent in (
        ("GET", "", None),
        ("PATCH", "", {"description": "mine"}),
        ("DELETE", "", None),
        ("PUT", "/keywords", {"replies": {"help": "x"}}),
        ("POST", "/match", {"text": "x"}),
        ("GET", "/rules", None),
        ("PUT", "/rules/topics", {"types": ["marketing"]}),
    ):
        status, told = await harness.call(method, f"/inbound-addresses/{ADDRESS}{path}", sent, credential=OTHER)
        assert (status, told["code"]) == (404, "not-found"), (method, path)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"address": "12345", "kind": "short-code"}, "country"),
        ({"address": "+1888", "kind": "10dlc"}, "address"),
        ({"address": ADDRESS, "kind": "account"}, "kind"),
        ({"address": ADDRESS, "kind": "10dlc", "country": "us"}, "country"),
        ({"address": ADDRESS}, "kind"),
        ({"address": ADDRESS, "kind": "10dlc", "colour": "red"}, "colour"),
    ],
)
async def test_a_bad_address_is_refused_by_its_member(harness: Harness, body: object, field: str) -> None:
    status, told = await harness.call("POST", "/inbound-addresses", body)
    assert (status, told["field"]) == (400, field)
    assert await harness.items("/inbound-addresses") == []


async def test_deleting_an_address_ends_its_blocking_and_adding_it_again_restores_it(harness: Harness) -> None:
    await add(harness)
    await opt_out(harness)
    assert (await harness.call("DELETE", f"/inbound-addresses/{ADDRESS}"))[0] == 204
    assert not (await harness.call("GET", f"/opt-outs/check?phone={PHONE}"))[1]["blocked"]
    assert await harness.items("/opt-outs") == []
    assert (await add(harness))["opted_out"] == 1
    assert (await harness.call("GET", f"/opt-outs/check?phone={PHONE}"))[1]["blocked"]
    (deleted, restored) = [row for row in await harness.items("/ledger") if row["detail"] == "inbound address"]
    assert (deleted["event"], restored["event"], restored["address"]) == ("deleted", "restored", ADDRESS)
    assert (restored["topic_arn"], restored["arn"], restored["urn"]) == ("", "", "")


# --- keywords and rules ----------------------------------------------------------------------------------------------------------


async def test_keywords_are_replaced_set_by_set_and_tried_out(harness: Harness) -> None:
    before = await add(harness)
    body = {"keywords": {"opt_out": ["Basta"]}, "replies": {"opt_out": "Done.", "help": ""}}
    status, changed = await harness.call("PUT", f"/inbound-addresses/{ADDRESS}/keywords", body)
    assert (status, changed["keywords"]["opt_out"]) == (200, ["Basta"])
    assert changed["keywords"]["opt_in"] == before["keywords"]["opt_in"]
    assert (changed["replies"]["opt_out"], changed["replies"]["help"]) == ("Done.", "")
    assert changed["replies"]["opt_in"] == before["replies"]["opt_in"]
    matched = {}
    for text in (" BASTA!! ", "stop the spam", "START", "hello"):
        status, told = await harness.call("POST", f"/inbound-addresses/{ADDRESS}/match", {"text": text})
        assert status == 200
        matched[text] = (told["set"], told["keyword"])
    assert matched[" BASTA!! "] == ("opt-out", "Basta")
    assert matched["START"] == ("opt-in", "START")
    assert matched["hello"] == (None, "")
    assert await harness.items("/opt-out-records") == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"keywords": {}},
        {"keywords": {"opt_out": ["YES"], "opt_in": ["yes."]}},
        {"keywords": {"opt_out": [""]}},
        {"keywords": {"optout": ["STOP"]}},
        {"replies": {"help": "x" * 2000}},
    ],
)
async def test_keywords_that_cannot_be_are_refused_and_nothing_changes(harness: Harness, body: object) -> None:
    before = await add(harness)
    status, told = await harness.call("PUT", f"/inbound-addresses/{ADDRESS}/keywords", body)
    assert (status, told["code"]) == (400, "invalid-value")
    assert (await harness.call("GET", f"/inbound-addresses/{ADDRESS}"))[1] == before


async def test_a_rule_says_which_types_are_blocked_also_for_who_is_opted_out_already(harness: Harness) -> None:
    await add_application(harness)
    await add(harness)
    await opt_out(harness)

    async def blocked() -> list[str]:
        found = []
        for sms_type in EVERY_TYPE:
            _, told = await harness.call("GET", f"/opt-outs/check?phone={PHONE}&app_id={APP}&type={sms_type}")
            found += [sms_type] if told["blocked"] else []
        return found

    assert await blocked() == []
    path = f"/inbound-addresses/{ADDRESS}/rules/{APP}"
    for types in (["marketing"], ["verification_code", "notification"], EVERY_TYPE):
        status, rule = await harness.call("PUT", path, {"types": types})
        assert (status, rule["types"]) == (200, [name for name in EVERY_TYPE if name in types])
        assert await blocked() == rule["types"]
        assert (await harness.call("GET", f"/inbound-addresses/{ADDRESS}/rules"))[1]["items"] == [rule]
        (listed,) = await harness.items("/opt-outs")
        assert {"app_id": APP, "types": rule["types"]} in listed["blocks"]
    for _ in range(2):
        assert (await harness.call("DELETE", path))[0] == 204
    assert await blocked() == []
    assert (await harness.call("GET", f"/inbound-addresses/{ADDRESS}/rules"))[1]["items"] == []


async def test_a_rule_needs_a_known_application_and_a_type(harness: Harness) -> None:
    await add(harness)
    path = f"/inbound-addresses/{ADDRESS}/rules"
    assert (await harness.call("PUT", f"{path}/nobody", {"types": ["marketing"]}))[0] == 404
    assert (await harness.call("PUT", f"{path}/topics", {"types": []}))[0] == 400
    assert (await harness.call("PUT", f"{path}/topics", {"types": ["spam"]}))[0] == 400


# --- the people ----------------------------------------------------------------------------------------------------------------


async def test_what_is_shown_as_blocked_is_what_is_blocked(harness: Harness) -> None:
    await add_application(harness)
    await add(harness, app_ids=[APP])
    await add(harness, SECOND)
    await harness.call("PUT", f"/inbound-addresses/{ADDRESS}/rules/{APP}", {"types": ["marketing"]})
    await harness.call("PUT", f"/inbound-addresses/{SECOND}/rules/topics", {"types": ["notification"]})
    for address, phone in ((ADDRESS, PHONE), (SECOND, ANOTHER), ("*", "+12025550125")):
        told = await opt_out(harness, phone, address)
        blocks = {(it["app_id"], name) for it in told["opt_out"]["blocks"] for name in it["types"]}
        for app_id in (APP, "topics"):
            for sms_type in EVERY_TYPE:
                _, check = await harness.call("GET", f"/opt-outs/check?phone={phone}&app_id={app_id}&type={sms_type}")
                shown = (app_id, sms_type) in blocks or ("*", sms_type) in blocks
                assert check["blocked"] is shown, (address, app_id, sms_type)


async def test_opting_out_is_safe_to_repeat_and_keeps_who_and_why(harness: Harness) -> None:
    await add(harness)
    first = await opt_out(harness, reason="by telephone")
    assert first["changed"]
    assert first["opt_out"]["principal"] == "arn:aws:iam::000000000000:user/admin"
    assert (first["opt_out"]["way"], first["opt_out"]["reason"]) == ("api", "by telephone")
    assert not (await opt_out(harness))["changed"]
    (record,) = await harness.items("/opt-out-records")
    assert (record["event"], record["before"], record["after"]) == ("opted-out", "opted-in", "opted-out")
    assert (record["detail"], record["phone"], record["address"]) == ("by telephone", PHONE, ADDRESS)


async def test_a_check_names_everything_that_keeps_a_text(harness: Harness) -> None:
    await add_application(harness)
    await add(harness, app_ids=[APP])
    await opt_out(harness)
    await opt_out(harness, address="*")
    _, told = await harness.call("GET", f"/opt-outs/check?phone={PHONE}&app_id={APP}&type=marketing")
    assert {(by["opt_out"]["address"], by["rule"] and by["rule"]["app_id"]) for by in told["by"]} == {
        (ADDRESS, APP),
        ("*", None),
    }
    assert (await harness.call("GET", f"/opt-outs/check?phone={ANOTHER}"))[1] == {"blocked": False, "by": []}


async def test_a_stop_of_the_person_is_lifted_by_force_only_for_thirty_days(harness: Harness) -> None:
    await add(harness)
    assert (await harness.receive(PHONE, "STOP")).changed
    body: dict[str, object] = {"address": ADDRESS, "phone": PHONE, "reason": "number reassigned"}
    status, told = await harness.call("POST", "/opt-outs/lift", body)
    assert (status, told["code"]) == (409, "wrong-state")
    assert await harness.call("POST", "/opt-outs/lift", body | {"forced": True}) == (200, {"changed": True})
    assert await harness.call("POST", "/opt-outs/lift", body) == (200, {"changed": False})
    await harness.receive(PHONE, "STOP")
    harness.clock.advance(31 * 86_400)
    assert await harness.call("POST", "/opt-outs/lift", body) == (200, {"changed": True})
    assert await harness.items("/opt-outs") == []


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/opt-outs", {"address": "*", "phone": "12025550123", "reason": "r"}, "phone"),
        ("/opt-outs", {"address": "*", "phone": PHONE, "reason": " "}, "reason"),
        ("/opt-outs", {"address": "*", "phone": PHONE}, "reason"),
        ("/opt-outs", {"phone": PHONE, "reason": "r"}, "address"),
        ("/opt-outs/lift", {"address": "*", "phone": "STOP", "reason": "r"}, "phone"),
        ("/opt-outs/lift", {"address": "*", "phone": PHONE, "reason": "r", "forced": "yes"}, "forced"),
    ],
)
async def test_a_bad_opt_out_or_lift_changes_nothing(harness: Harness, path: str, body: object, field: str) -> None:
    status, told = await harness.call("POST", path, body)
    assert (status, told["field"]) == (400, field)
    assert await harness.items("/opt-out-records") == []


async def test_an_unknown_address_or_query_is_told(harness: Harness) -> None:
    body = {"address": ADDRESS, "phone": PHONE, "reason": "r"}
    assert (await harness.call("POST", "/opt-outs", body))[0] == 404
    assert (await harness.call("POST", "/opt-outs/lift", body))[0] == 404
    for query in ("check", "check?phone=1", f"check?phone={PHONE}&type=spam"):
        assert (await harness.call("GET", f"/opt-outs/{query}"))[0] == 400, query


async def test_the_list_is_filtered_by_address_phone_and_time(harness: Harness) -> None:
    await add(harness)
    await add(harness, SECOND)
    await opt_out(harness)
    harness.clock.advance(3600)
    await opt_out(harness, ANOTHER, SECOND)
    await opt_out(harness, ANOTHER, "*")
    half = (NOW + timedelta(minutes=30)).isoformat()
    for query, wanted in (
        ("", {(ADDRESS, PHONE), (SECOND, ANOTHER), ("*", ANOTHER)}),
        (f"?address={SECOND}", {(SECOND, ANOTHER)}),
        ("?address=*", {("*", ANOTHER)}),
        (f"?phone={PHONE}", {(ADDRESS, PHONE)}),
        (f"?until={half}", {(ADDRESS, PHONE)}),
        (f"?since={half}&address=*", {("*", ANOTHER)}),
        ("?phone=+12025550199", set()),
    ):
        found = await harness.items(f"/opt-outs{query}")
        assert {(row["address"], row["phone"]) for row in found} == wanted, query
    assert await harness.items("/opt-outs", credential=OTHER) == []
    for query in ("?adress=x", "?since=yesterday", "?after=xyz", "?limit=0"):
        assert (await harness.call("GET", f"/opt-outs{query}"))[0] == 400, query


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 1000])
async def test_pages_add_up_also_when_many_opted_out_in_one_moment(harness: Harness, limit: int) -> None:
    await add(harness)
    for number in range(7):
        if number in (1, 5):
            harness.clock.advance(60)
        await opt_out(harness, f"+1202555013{number}")
        await opt_out(harness, f"+1202555013{number}", "*")
    whole = await harness.items("/opt-outs")
    assert len({(row["address"], row["phone"]) for row in whole}) == 14
    assert await harness.items(f"/opt-outs?limit={limit}") == whole


async def test_nobody_is_skipped_when_somebody_shown_before_is_lifted_meanwhile(harness: Harness) -> None:
    for number in range(6):
        harness.clock.advance(60)
        await opt_out(harness, f"+1202555013{number}", "*")
    _, first = await harness.call("GET", "/opt-outs?limit=3")
    body = {"address": "*", "phone": "+12025550130", "reason": "mistake"}
    assert (await harness.call("POST", "/opt-outs/lift", body))[1]["changed"]
    _, rest = await harness.call("GET", f"/opt-outs?after={first['next']}")
    assert [row["phone"][-1] for row in rest["items"]] == ["3", "4", "5"]


@pytest.mark.parametrize("role", list(Role))
async def test_roles_may_look_or_change_and_only_some_may_lift(harness: Harness, role: Role) -> None:
    await add(harness)
    credential = await harness.user("member", role)
    body = {"address": "*", "phone": PHONE, "reason": "r"}
    looking, changing, lifting = [
        (await harness.call(method, path, sent, credential=credential))[0]
        for method, path, sent in (
            ("GET", "/opt-outs", None),
            ("POST", "/opt-outs", body),
            ("POST", "/opt-outs/lift", body),
        )
    ]
    changes = role in (Role.OWNER, Role.OPERATOR)
    assert (looking, changing, lifting) == (
        403 if role is Role.PUBLISHER else 200,
        200 if changes else 403,
        200 if changes else 403,
    )


async def test_lifting_has_a_permission_of_its_own(harness: Harness) -> None:
    await add(harness)
    await harness.accounts.create_user(ACCOUNT, "desk", Role.OWNER, "", actions=("tidings:manage-opt-outs",))
    key, secret = await harness.accounts.create_key(ACCOUNT, "desk")
    credential = f"{key.key_id}:{secret}"
    body = {"address": ADDRESS, "phone": PHONE, "reason": "r"}
    assert (await harness.call("POST", "/opt-outs", body, credential=credential))[0] == 200
    assert (await harness.call("POST", "/opt-outs/lift", body, credential=credential))[0] == 403
    assert len(await harness.items("/opt-outs")) == 1


# --- records and reviews -------------------------------------------------------------------------------------------------------------


async def test_records_are_filtered_and_exported(harness: Harness) -> None:
    await add(harness)
    await add(harness, SECOND)
    await harness.receive(PHONE, "=STOP")
    await harness.receive(PHONE, "START")
    await opt_out(harness, ANOTHER, SECOND, reason="=cmd()")
    whole = await harness.items("/opt-out-records")
    assert [row["event"] for row in whole] == ["opted-out", "opted-in", "opted-out"]
    assert await harness.items("/opt-out-records?limit=2") == whole
    assert (whole[0]["keyword"], whole[0]["raw_text"], whole[0]["way"]) == ("STOP", "=STOP", "keyword")
    later = (NOW + timedelta(seconds=90)).isoformat()
    for query, count in (
        (f"phone={PHONE}", 2),
        (f"address={SECOND}", 1),
        ("event=opted-in", 1),
        ("way=keyword", 2),
        ("way=keyword&event=opted-out", 1),
        (f"until={later}", 1),
        (f"phone={PHONE}&since={later}", 1),
        ("event=review", 0),
    ):
        assert len(await harness.items(f"/opt-out-records?{query}")) == count, query
    status, rows = await harness.call("GET", "/opt-out-records?format=csv")
    assert (status, len(rows)) == (200, 3)
    assert (rows[0]["raw_text"], rows[2]["detail"], rows[0]["phone"]) == ("'=STOP", "'=cmd()", PHONE)
    for query in ("format=csv&limit=1", "event=confirmed", "way=magic"):
        assert (await harness.call("GET", f"/opt-out-records?{query}"))[0] == 400, query
    assert await harness.items("/opt-out-records", credential=OTHER) == []


async def test_the_ledger_shows_a_phones_opt_out_without_a_topic(harness: Harness) -> None:
    await add(harness)
    await harness.receive(PHONE, "STOP")
    (entry,) = await harness.items(f"/ledger?endpoint={PHONE}")
    assert (entry["event"], entry["address"], entry["keyword"]) == ("opted-out", ADDRESS, "STOP")
    assert {entry[name] for name in ("topic", "topic_arn", "topic_urn", "arn", "urn", "subscription")} == {""}
    status, (row,) = await harness.call("GET", "/ledger?format=csv")
    assert (status, row["address"], row["sent_at"]) == (200, ADDRESS, "")


async def test_a_doubtful_text_waits_until_somebody_decides(harness: Harness) -> None:
    await add(harness)
    for phone in (PHONE, ANOTHER, "+12025550125"):
        await harness.receive(phone, "please take me off your list")
    first, second, third = await harness.items("/reviews")
    assert (first["phone"], first["raw_text"], first["overdue"]) == (PHONE, "please take me off your list", False)
    assert await harness.items("/reviews?limit=1") == [first, second, third]
    decide = {"decision": "opt-out", "reason": "asked us to stop"}
    assert (await harness.call("POST", f"/reviews/{first['id']}/resolve", decide))[0] == 204
    ignore = {"decision": "ignore", "reason": "meant the newspaper"}
    assert (await harness.call("POST", f"/reviews/{third['id']}/resolve", ignore))[0] == 204
    assert [row["id"] for row in await harness.items("/reviews")] == [second["id"]]
    assert [row["phone"] for row in await harness.items("/opt-outs")] == [PHONE]
    status, told = await harness.call("POST", f"/reviews/{first['id']}/resolve", ignore)
    assert (status, told["code"]) == (409, "wrong-state")
    harness.clock.advance(20 * 86_400)
    (late,) = await harness.items("/reviews")
    assert (late["overdue"], late["business_days_max"]) == (True, 10)
    assert await harness.items("/reviews", credential=OTHER) == []


@pytest.mark.parametrize("record", ["0", "999999", "x", "-1", "9" * 30])
async def test_only_what_is_a_review_is_decided(harness: Harness, record: str) -> None:
    await add(harness)
    await opt_out(harness)
    (written,) = await harness.items("/opt-out-records")
    for name in (record, str(written["id"])):
        decide = {"decision": "ignore", "reason": "r"}
        assert (await harness.call("POST", f"/reviews/{name}/resolve", decide))[0] == 404


async def test_a_review_of_another_account_does_not_exist(harness: Harness) -> None:
    await add(harness)
    await harness.receive(PHONE, "please take me off your list")
    (review,) = await harness.items("/reviews")
    decide = {"decision": "ignore", "reason": "r"}
    path = f"/reviews/{review['id']}/resolve"
    assert (await harness.call("POST", path, decide, credential=OTHER))[0] == 404
    assert len(await harness.items("/reviews")) == 1


@given(st.datetimes(timezones=st.just(UTC)), st.integers(0, 400))
def test_business_days_are_the_weekdays_that_begin_after_the_day(since: datetime, days: int) -> None:
    assume(since.year < 9990)
    begun = [since.date() + timedelta(days=number) for number in range(1, days + 1)]
    assert business_days(since, since + timedelta(days=days)) == sum(day.isoweekday() <= 5 for day in begun)
    assert business_days(since + timedelta(days=days), since) == 0


@given(st.datetimes(timezones=st.just(UTC)), st.datetimes(timezones=st.just(UTC)), st.integers(1, 40))
def test_older_than_so_many_business_days_is_before_one_moment(since: datetime, now: datetime, days: int) -> None:
    assume(now.year > 1)
    assert (since < begun_before(days, now)) == (business_days(since, now) >= days)


@given(st.datetimes(timezones=st.just(UTC)), st.integers(0, 80), st.integers(1, 40))
def test_the_same_of_times_that_are_near(now: datetime, past: int, days: int) -> None:
    assume(now.year > 1)
    since = now - timedelta(days=past)
    assert (since < begun_before(days, now)) == (business_days(since, now) >= days)


# --- developer mode --------------------------------------------------------------------------------------------------------------


async def test_a_reply_acts_as_an_incoming_text_and_says_what_it_came_to(harness: Harness) -> None:
    await add(harness)
    body = {"from": PHONE, "to": ADDRESS, "text": "Stop!"}
    status, told = await harness.call("POST", "/dev/replies", body, credential=None)
    assert (status, told["set"], told["keyword"], told["changed"]) == (200, "opt-out", "STOP", True)
    assert (told["account_id"], bool(told["reply"])) == ("000000000000", True)
    assert [row["phone"] for row in await harness.items("/opt-outs")] == [PHONE]
    older = {"sent_at": (NOW - timedelta(hours=1)).isoformat(), "transport_id": "7", "text": "START"}
    _, told = await harness.call("POST", "/dev/replies", body | older, credential=None)
    assert (told["set"], told["changed"], told["late"]) == ("opt-in", False, True)
    _, told = await harness.call("POST", "/dev/replies", body | older, credential=None)
    assert told["repeat"]
    for wrong, told_status, field in (
        ({"to": "+18885550199"}, 404, None),
        ({"from": "nobody"}, 400, "from"),
        ({"text": 7}, 400, "text"),
        ({"sent_at": "now"}, 400, "sent_at"),
    ):
        status, told = await harness.call("POST", "/dev/replies", body | wrong, credential=None)
        assert (status, told.get("field")) == (told_status, field), wrong


async def test_a_number_is_opted_out_of_everything_of_developer_modes_account(harness: Harness) -> None:
    for _ in range(2):
        assert (await harness.call("POST", "/dev/opt-outs", {"phoneNumber": PHONE}, credential=None))[0] == 204
    (row,) = await harness.items("/opt-outs")
    assert (row["address"], row["phone"], row["blocks"]) == ("*", PHONE, [{"app_id": "*", "types": EVERY_TYPE}])
    status, told = await harness.call("POST", "/dev/opt-outs", {"phoneNumber": "1"}, credential=None)
    assert (status, told["field"]) == (400, "phoneNumber")
    harness.dialect = harness.open(dev=False)
    for path in ("/dev/opt-outs", "/dev/replies"):
        assert (await harness.call("POST", path, {}, credential=None))[0] == 404


# --- a real server ---------------------------------------------------------------------------------------------------------------


PROVISION = f"""
[[account]]
name = "default"
account_id = "000000000000"

[[account.sms_application]]
sdk_app_id = "{APP}"
sender = "{ADDRESS}"

[[account.inbound_address]]
address = "{ADDRESS}"
kind = "10dlc"
opt_out_keywords = ["STOP", "QUIT"]
rules = {{ "{APP}" = ["marketing"] }}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("optouts")
    (folder / "accounts.toml").write_text(PROVISION)
    server = Server(folder).start("--provision", str(folder / "accounts.toml"))
    yield server
    assert server.stop() == 0, server.log()


def ask(server: Server, path: str, body: object = None) -> tuple[int, Any]:
    credential = b64encode(f"{KEY_ID}:{SECRET}".encode()).decode()
    headers = {"authorization": f"Basic {credential}", "content-type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    try:
        with urlopen(Request(f"{server.url}/api/v1{path}", data, headers)) as answer:
            raw = answer.read()
            return answer.status, json.loads(raw) if raw else None
    except HTTPError as error:
        return error.code, json.loads(error.read())


def test_a_provisioned_server_hears_blocks_answers_and_forgets_only_what_was_not_provisioned(server: Server) -> None:
    status, told = ask(server, "/dev/replies", {"from": PHONE, "to": ADDRESS, "text": "quit."})
    assert (status, told["keyword"], told["changed"]) == (200, "QUIT", True)
    for sms_type, blocked in (("marketing", True), ("notification", False)):
        assert ask(server, f"/opt-outs/check?phone={PHONE}&app_id={APP}&type={sms_type}")[1]["blocked"] is blocked
    assert ask(server, "/dev/opt-outs", {"phoneNumber": ANOTHER})[0] == 204
    assert ask(server, f"/opt-outs/check?phone={ANOTHER}&app_id={APP}")[1]["blocked"]
    assert ask(server, "/dev/reset", {})[0] == 204
    assert ask(server, "/opt-outs")[1]["items"] == []
    assert not ask(server, f"/opt-outs/check?phone={PHONE}&app_id={APP}&type=marketing")[1]["blocked"]
    (address,) = ask(server, "/inbound-addresses")[1]["items"]
    assert (address["keywords"]["opt_out"], address["opted_out"]) == (["STOP", "QUIT"], 0)
    assert address["rules"] == [{"address": ADDRESS, "app_id": APP, "types": ["marketing"]}]


def test_an_import_by_command_counts_in_the_running_server_at_once(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "old.csv"
    file.write_text(f"phone,address\n+12025550177,{ADDRESS}\n")
    command = [sys.executable, "-m", "tidings", "optout", "import", str(file), "--data", str(server.data / "state")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    _, told = ask(server, f"/opt-outs/check?phone=+12025550177&app_id={APP}&type=marketing")
    assert told["by"][0]["opt_out"]["way"] == "import"
