"""Signs, templates and how texts are doing, by the management API: real services over the real embedded store, and a real
server before npm's SMSC for what only that can show."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from tests.support.build import ACCOUNT, NOW, OTHER_ACCOUNT
from tests.support.patience import PATIENCE_S
from tests.support.server import Server
from tests.support.smsc import Smsc
from tests.unit.dialects.native.harness import Harness, open_office

from tidings.domain.model import AccountId, Role
from tidings.domain.optout import TOPICS_APP, SmsApplication, SmsType
from tidings.domain.texts import TextCount, TextTally
from tidings.domain.unit import Unit
from tidings.services.quotas import Quotas
from tidings.services.texting.text_catalog import TextCatalog

APP = "1400006666"
OTHER = "OTHERKEY:other-secret"
HOUR = timedelta(hours=1)
THIS_HOUR = NOW.replace(minute=0, second=0, microsecond=0)
SALE = {"name": "spring", "content": "Dear {1}, sale ends. Reply STOP to opt out.", "type": "marketing"}


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[Harness]:
    async with open_office(tmp_path) as running:
        yield running


@pytest.fixture
async def strict(harness: Harness) -> Harness:
    """One where an operator decides on what is new."""
    store = harness.store
    harness.catalog = TextCatalog(store, store, harness.clock, quotas=Quotas(), opt_outs=store, reviewed=True)
    harness.dialect = harness.open(dev=False)
    return harness


async def made(harness: Harness, path: str, body: dict[str, Any]) -> dict[str, Any]:
    status, told = await harness.call("POST", path, body)
    assert status == 201, told
    return dict(told)


# --- signs -----------------------------------------------------------------------------------------------------------------------


async def test_a_sign_is_added_listed_changed_and_deleted(harness: Harness) -> None:
    sign = await made(harness, "/sms-signs", {"content": "Harbor", "reach": "global", "remark": "ours"})
    assert (sign["content"], sign["reach"], sign["review"], sign["remark"]) == ("Harbor", "global", "usable", "ours")
    assert await harness.items("/sms-signs") == [sign]
    path = f"/sms-signs/{sign['id']}"
    assert await harness.call("GET", path) == (200, sign)
    status, changed = await harness.call("PATCH", path, {"content": "Port"})
    assert (status, changed) == (200, sign | {"content": "Port"})
    assert await harness.call("GET", path) == (200, changed)
    assert (await harness.call("DELETE", path))[0] == 204
    for method in ("GET", "DELETE"):
        status, told = await harness.call(method, path)
        assert (status, told["code"]) == (404, "not-found")
    assert await harness.items("/sms-signs") == []


async def test_a_sign_for_other_numbers_becomes_one_for_both_and_a_third_is_refused(harness: Harness) -> None:
    sign = await made(harness, "/sms-signs", {"content": "Harbor", "reach": "global"})
    wider = await made(harness, "/sms-signs", {"content": "Harbor", "reach": "mainland"})
    assert (wider["id"], wider["reach"]) == (sign["id"], "both")
    status, told = await harness.call("POST", "/sms-signs", {"content": "Harbor"})
    assert (status, told["code"]) == (409, "already-exists")


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/sms-signs", {}, "content"),
        ("/sms-signs", {"content": "[Harbor]"}, "content"),
        ("/sms-signs", {"content": "x" * 31}, "content"),
        ("/sms-signs", {"content": "Harbor", "reach": "moon"}, "reach"),
        ("/sms-signs", {"content": "Harbor", "remark": "\x00"}, "remark"),
        ("/sms-templates", SALE | {"content": "Sale!"}, "content"),
        ("/sms-templates", SALE | {"content": "{1} {3} Reply STOP to opt out."}, "content"),
        ("/sms-templates", SALE | {"name": " "}, "name"),
        ("/sms-templates", SALE | {"type": "poetry"}, "type"),
        ("/sms-templates", SALE | {"kind": 1}, "kind"),
    ],
)
async def test_what_may_not_be_is_refused_by_its_member(
    harness: Harness, path: str, body: dict[str, Any], field: str
) -> None:
    status, told = await harness.call("POST", path, body)
    assert (status, told["field"]) == (400, field)
    assert await harness.items(path) == []


# --- templates -------------------------------------------------------------------------------------------------------------------


async def test_a_template_is_added_listed_changed_and_deleted(harness: Harness) -> None:
    template = await made(harness, "/sms-templates", SALE)
    assert template == template | SALE | {"reach": "both", "review": "usable", "remark": "", "review_reply": ""}
    path = f"/sms-templates/{template['id']}"
    assert await harness.call("GET", path) == (200, template)
    status, changed = await harness.call("PATCH", path, {"content": "Your code is {1}.", "type": "verification_code"})
    assert (status, changed) == (200, template | {"content": "Your code is {1}.", "type": "verification_code"})
    status, told = await harness.call("PATCH", path, {"type": "marketing"})
    assert (status, told["field"]) == (400, "content")
    assert await harness.items("/sms-templates") == [changed]
    assert (await harness.call("DELETE", path))[0] == 204
    assert await harness.items("/sms-templates") == []


@pytest.mark.parametrize("limit", [1, 2, 3])
async def test_signs_and_templates_are_paged(harness: Harness, limit: int) -> None:
    for number in range(3):
        await made(harness, "/sms-signs", {"content": f"Harbor {number}"})
        await made(harness, "/sms-templates", SALE)
    for path in ("/sms-signs", "/sms-templates"):
        whole = await harness.items(path)
        assert len(whole) == 3
        assert await harness.items(f"{path}?limit={limit}") == whole


async def test_what_is_another_accounts_does_not_exist(harness: Harness) -> None:
    for path, body in (("/sms-signs", {"content": "Harbor"}), ("/sms-templates", SALE)):
        row = await made(harness, path, body)
        own = f"{path}/{row['id']}"
        assert await harness.items(path, credential=OTHER) == []
        for method, sent in (("GET", None), ("PATCH", {"remark": "x"}), ("DELETE", None)):
            assert (await harness.call(method, own, sent, credential=OTHER))[0] == 404
        assert (await harness.call("POST", f"{own}/review", {"decision": "refuse"}, credential=OTHER))[0] == 404
        assert await harness.call("GET", own) == (200, row)
    for name in ("0", "-1", "x", "9" * 30):
        assert (await harness.call("GET", f"/sms-templates/{name}"))[0] == 404


async def test_an_operator_decides_and_may_decide_otherwise(strict: Harness) -> None:
    for path, body in (("/sms-signs", {"content": "Harbor"}), ("/sms-templates", SALE)):
        row = await made(strict, path, body)
        assert row["review"] == "waiting"
        own = f"{path}/{row['id']}"
        status, decided = await strict.call("POST", f"{own}/review", {"decision": "approve"})
        assert (status, decided["review"]) == (200, "usable")
        status, told = await strict.call("PATCH", own, {"remark": "late"})
        assert (status, told["code"]) == (409, "wrong-state")
        refusal = {"decision": "refuse", "reply": "not yours"}
        assert (await strict.call("POST", f"{own}/review", refusal))[0] == 200
        shown = (await strict.call("GET", own))[1]
        assert (shown["review"], shown["review_reply"]) == ("refused", "not yours")
        assert (await strict.call("PATCH", own, {"remark": "again"}))[1]["review"] == "waiting"


async def test_roles_may_do_what_their_permission_says(harness: Harness) -> None:
    sign = await made(harness, "/sms-signs", {"content": "Harbor"})
    own, review = f"/sms-signs/{sign['id']}", {"decision": "refuse"}
    publisher, operator = await harness.user("pub", Role.PUBLISHER), await harness.user("ops", Role.OPERATOR)
    assert (await harness.call("GET", own, credential=publisher))[0] == 200
    assert (await harness.call("PATCH", own, {"remark": "x"}, credential=publisher))[0] == 403
    assert (await harness.call("PATCH", own, {"remark": "x"}, credential=operator))[0] == 200
    assert (await harness.call("POST", f"{own}/review", review, credential=operator))[0] == 403
    assert (await harness.call("GET", "/sms-transports", credential=publisher))[0] == 403
    assert (await harness.call("GET", "/sms-callbacks", credential=publisher))[0] == 403
    assert (await harness.call("GET", "/sms-counts", credential=publisher))[0] == 200


# --- how texts are doing ---------------------------------------------------------------------------------------------------------


@dataclass
class Way:
    name: str
    is_up: bool
    problem: str = ""


@dataclass
class Callback:
    account_id: AccountId
    app_id: str
    name: str
    url: str
    problem: str = ""
    failures: int = 0
    waiting_since: datetime | None = None


async def test_transports_say_whether_they_are_up(harness: Harness) -> None:
    assert await harness.items("/sms-transports") == []
    harness.transports = [Way("t@smsc:2775 (transceiver)", True), Way("r@smsc:2775 (receiver)", False, "refused")]
    assert await harness.items("/sms-transports") == [
        {"name": "t@smsc:2775 (transceiver)", "is_up": True, "problem": ""},
        {"name": "r@smsc:2775 (receiver)", "is_up": False, "problem": "refused"},
    ]


async def test_callbacks_are_the_accounts_own_and_hide_passwords(harness: Harness) -> None:
    failed = Callback(ACCOUNT, APP, "status", "https://u:secret@shop.example.com/", "HTTP 500", 3, NOW)
    harness.callbacks = [failed, Callback(OTHER_ACCOUNT, APP, "consent", "https://eve.example.com/")]
    (row,) = await harness.items("/sms-callbacks")
    assert row["url"] == "https://u:****@shop.example.com/"
    assert (row["app_id"], row["name"], row["problem"], row["failures"]) == (APP, "status", "HTTP 500", 3)
    assert datetime.fromisoformat(row["waiting_since"]) == NOW
    (foreign,) = await harness.items("/sms-callbacks", credential=OTHER)
    assert (foreign["name"], foreign["waiting_since"]) == ("consent", None)


async def count(harness: Harness, *tallies: tuple[str, SmsType, int, TextCount, int]) -> None:
    """(application, type, hours back, what, how many)"""
    rows = [
        TextTally(ACCOUNT, app, sms_type, THIS_HOUR - back * HOUR, what, many)
        for app, sms_type, back, what, many in tallies
    ]
    await harness.store.commit(Unit(text_tallies=rows, sms_applications=[SmsApplication(ACCOUNT, APP, "", NOW)]))


async def test_counts_are_by_hour_application_and_type(harness: Harness) -> None:
    assert await harness.items("/sms-counts") == []
    await count(
        harness,
        (APP, SmsType.MARKETING, 1, TextCount.REQUESTED, 9),
        (APP, SmsType.MARKETING, 1, TextCount.INVALID_NUMBER, 2),
        (APP, SmsType.VERIFICATION_CODE, 1, TextCount.DELIVERED, 4),
        (TOPICS_APP, SmsType.NOTIFICATION, 0, TextCount.BLOCKED, 1),
        (APP, SmsType.MARKETING, 30, TextCount.FAILED, 5),
    )
    rows = await harness.items("/sms-counts")
    assert [(row["app_id"], row["type"]) for row in rows] == [
        (APP, "marketing"),
        (APP, "verification_code"),
        (TOPICS_APP, "notification"),
    ]
    assert (rows[0]["requested"], rows[0]["invalid_number"], rows[0]["delivered"]) == (9, 2, 0)
    assert datetime.fromisoformat(rows[0]["hour"]) == THIS_HOUR - HOUR
    assert await harness.items("/sms-counts?limit=1") == rows
    assert await harness.items(f"/sms-counts?app_id={APP}") == rows[:2]
    assert await harness.items(f"/sms-counts?app_id={TOPICS_APP}&limit=1") == rows[2:]
    since = (THIS_HOUR - 40 * HOUR).strftime("%Y-%m-%dT%H:%M:%SZ")
    until = (THIS_HOUR - HOUR).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert [row["failed"] for row in await harness.items(f"/sms-counts?since={since}&until={until}")] == [5]
    assert await harness.items("/sms-counts", credential=OTHER) == []


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ("since=2026-01-01T00:00:00Z&until=2026-02-02T00:00:00Z", 400, "since"),
        ("since=2026-01-01T00:00:00", 400, "since"),
        ("until=0001-01-01T00:00:00Z", 400, "until"),
        ("after=c21zLWNvdW50czp8fA", 400, "after"),
        ("after=c21zLWNvdW50czoyMDI2", 400, "after"),
        ("app_id=nobody", 404, None),
    ],
)
async def test_counts_that_cannot_be_asked_for_are_refused(
    harness: Harness, query: str, status: int, field: str | None
) -> None:
    found, told = await harness.call("GET", f"/sms-counts?{query}")
    assert (found, told.get("field")) == (status, field)


def binds_up(server: Server) -> list[float]:
    with urlopen(f"{server.url}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return [float(line.rpartition(" ")[2]) for line in lines if line.startswith("tidings_sms_binds_up{")]


async def test_a_server_tells_of_its_binds_and_callbacks_as_they_come_and_go(tmp_path: Path) -> None:
    async with Smsc() as smsc:
        server = Server(tmp_path, environment={"TIDINGS_SMPP_URL": smsc.url()})
        await asyncio.to_thread(server.start)
        await smsc.wait("bind", status=0)
        async with asyncio.timeout(PATIENCE_S):
            while not (await asyncio.to_thread(server.api, "sms-transports"))["items"][0]["is_up"]:
                await asyncio.sleep(0.02)  # the SMSC has answered, and we are about to read that
        assert await asyncio.to_thread(binds_up, server) == [1]
    async with asyncio.timeout(PATIENCE_S):
        while (await asyncio.to_thread(server.api, "sms-transports"))["items"][0]["is_up"]:
            await asyncio.sleep(0.02)  # polling another process
    (row,) = server.api("sms-transports")["items"]
    assert row["problem"]
    assert "secret" not in str(row)
    assert await asyncio.to_thread(binds_up, server) == [0]
    body = {"sender": "ACME", "consent_url": "http://127.0.0.1:9/"}
    await asyncio.to_thread(server.api, f"sms-applications/{APP}", body, "PUT")
    async with asyncio.timeout(PATIENCE_S):
        while not (found := (await asyncio.to_thread(server.api, "sms-callbacks"))["items"]):
            await asyncio.sleep(0.02)
    assert [(row["app_id"], row["name"], row["failures"]) for row in found] == [(APP, "consent", 0)]
    assert await asyncio.to_thread(server.stop) == 0, server.log()
