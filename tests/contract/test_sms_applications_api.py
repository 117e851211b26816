"""Applications by the management API: where their callbacks go, what is warned of, and addresses that are still in use."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.build import ACCOUNT
from tests.unit.dialects.native.harness import Harness, open_office

from tidings.domain.ports import Progress
from tidings.domain.unit import Unit

ADDRESS, APP = "+18885550100", "1400006666"
PATH = f"/sms-applications/{APP}"
HOOK = "https://hooks.example.com/sms"


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[Harness]:
    async with open_office(tmp_path) as running:
        yield running


async def test_callbacks_are_set_one_by_one_and_their_secret_is_never_shown(harness: Harness) -> None:
    body = {"sender": ADDRESS, "status_url": HOOK, "callback_secret": "correct horse"}
    status, made = await harness.call("PUT", PATH, body)
    assert (status, made["status_url"], made["has_callback_secret"]) == (200, HOOK, True)
    status, changed = await harness.call("PUT", PATH, {"reply_url": HOOK, "status_url": ""})
    assert (changed["status_url"], changed["reply_url"], changed["consent_url"]) == ("", HOOK, "")
    assert (changed["sender"], changed["has_callback_secret"]) == (ADDRESS, True)
    (shown,) = [row for row in await harness.items("/sms-applications") if row["app_id"] == APP]
    assert shown == changed
    assert "horse" not in str(shown)
    _, without = await harness.call("PUT", PATH, {"callback_secret": ""})
    assert without["has_callback_secret"] is False
    stored = await harness.store.sms_application(ACCOUNT, APP)
    assert stored is not None
    assert stored.settings == {"reply-url": HOOK}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"status_url": "gopher://example.com"}, "status_url"),
        ({"consent_url": "https://exa mple.com"}, "consent_url"),
        ({"callback_secret": "short"}, "callback_secret"),
        ({"sender": "a sender id that is too long"}, "sender"),
        ({"color": "red"}, "color"),
    ],
)
async def test_a_bad_setting_is_refused_by_its_member(harness: Harness, body: dict[str, str], field: str) -> None:
    status, told = await harness.call("PUT", PATH, body)
    assert (status, told["field"]) == (400, field)
    assert [row["app_id"] for row in await harness.items("/sms-applications")] == ["topics"]


async def test_warnings_stand_by_what_they_are_about(harness: Harness) -> None:
    await harness.call("PUT", PATH, {"sender": "ACME"})
    await harness.call("POST", "/inbound-addresses", {"address": ADDRESS, "kind": "10dlc"})
    _, listed = await harness.call("GET", "/inbound-addresses")
    assert [one["kind"] for one in listed["warnings"]] == [
        "address-without-rule",
        "application-without-inbound-address",
        "application-without-rule",
    ]
    (row,) = listed["items"]
    assert [(one["kind"], one["address"]) for one in row["warnings"]] == [("address-without-rule", ADDRESS)]
    (of_topics, of_app) = sorted(await harness.items("/sms-applications"), key=lambda item: item["app_id"] == APP)
    assert of_topics["warnings"] == []
    assert {one["app_id"] for one in of_app["warnings"]} == {APP}
    await harness.call("PUT", PATH, {"sender": ADDRESS})
    await harness.call("PUT", f"/inbound-addresses/{ADDRESS}/rules/{APP}", {"types": ["marketing"]})
    assert (await harness.call("GET", "/inbound-addresses"))[1]["warnings"] == []
    assert (await harness.call("GET", f"/inbound-addresses/{ADDRESS}"))[1]["warnings"] == []


async def test_an_address_in_use_is_deleted_only_when_forced(harness: Harness) -> None:
    await harness.call("POST", "/inbound-addresses", {"address": ADDRESS, "kind": "10dlc"})
    await harness.flow.record(Progress(), Unit(senders_used={(ACCOUNT, ADDRESS, harness.clock.now())}))
    path = f"/inbound-addresses/{ADDRESS}"
    for query in ("", "?force=false"):
        status, told = await harness.call("DELETE", path + query)
        assert (status, told["code"]) == (409, "wrong-state")
        assert "60 days" in told["detail"]
    assert (await harness.call("DELETE", f"{path}?force=perhaps"))[0] == 400
    assert (await harness.call("DELETE", f"{path}?force=true"))[0] == 204
    assert await harness.items("/inbound-addresses") == []
