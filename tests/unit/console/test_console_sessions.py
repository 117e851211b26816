"""Sessions of the console on the server: ending them, time-outs, their list, and the cookie's name. Without a browser."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from tests.unit.console.harness import ACCOUNT, OWNER, PASSWORD, Harness, header, open_console, text_of

from tidings.access.sessions import SESSIONS_MAX, Sessions
from tidings.cli.bootstrap import DEV_SECRET
from tidings.domain.audit import AuditEntry, AuditQuery
from tidings.domain.errors import InvalidValue
from tidings.domain.model import Origin, Role, Way
from tidings.store.sqlite import SqliteStore

COOKIE = "tidings_session"
ORIGIN_OF_A_BROWSER = Origin(Way.CONSOLE, remote_address="192.0.2.7", via="console")
_END = re.compile(r'action="(/console/sessions/[0-9a-f]{32}/end)"')


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[Harness]:
    async with open_console(tmp_path) as opened:
        yield opened


async def second_browser(harness: Harness, user: str = "admin", password: str = DEV_SECRET) -> Harness:
    """Another browser before the same console, signed in."""
    other = Harness(harness.services, harness.console)
    other.remote = "198.51.100.9"
    assert (await other.sign_in(user, password)).status == 303
    return other


async def acts(harness: Harness, *actions: str) -> list[AuditEntry]:
    return await harness.services.store.audit(AuditQuery(ACCOUNT, actions=actions))


async def test_a_copied_cookie_works_no_more_after_signing_out(harness: Harness) -> None:
    await harness.sign_in()
    copied = dict(harness.cookies)
    other = await second_browser(harness)
    await harness.post("/console/sign-out", {})
    harness.cookies = copied
    assert (await harness.get("/console")).status == 303
    assert (await other.get("/console")).status == 200
    assert [entry.origin.principal for entry in await acts(harness, "sign-out")] == [OWNER.arn]


async def test_what_is_stored_signs_nobody_in(harness: Harness) -> None:
    await harness.sign_in()
    text = harness.cookies[COOKIE]
    [stored] = await harness.services.store.sessions(ACCOUNT, None)
    assert stored.digest == sha256(text.encode()).digest()
    for other in (stored.digest.hex(), stored.id, text + "A", text[:-1], "", "é", "A" * 5_000):
        harness.cookies[COOKIE] = other
        assert (await harness.get("/console")).status == 303


async def test_a_session_that_is_not_used_ends_and_one_that_is_used_lasts_to_its_end(harness: Harness) -> None:
    await harness.sign_in()
    idle = await second_browser(harness)
    for _ in range(12 * 2 - 1):
        harness.services.clock.advance(30 * 60)
        assert (await harness.get("/console")).status == 200
    assert (await idle.get("/console")).status == 303
    harness.services.clock.advance(30 * 60)
    assert (await harness.get("/console")).status == 303


async def test_a_page_that_renews_itself_is_no_use(harness: Harness) -> None:
    await harness.sign_in()
    for _ in range(3):
        harness.services.clock.advance(15 * 60)
        assert (await harness.get("/console", hx_request="true", x_refresh="timer")).status == 200
    harness.services.clock.advance(15 * 60)
    answer = await harness.get("/console", hx_request="true", x_refresh="timer")
    assert header(answer, "hx-redirect") == "/console/sign-in"


async def test_last_used_is_written_once_a_minute_and_no_more(harness: Harness) -> None:
    await harness.sign_in()
    [begun] = await harness.services.store.sessions(ACCOUNT, None)
    harness.services.clock.advance(30)
    harness.remote = "203.0.113.5"
    await harness.get("/console")
    assert await harness.services.store.sessions(ACCOUNT, None) == [begun]
    harness.services.clock.advance(31)
    await harness.get("/console")
    [used] = await harness.services.store.sessions(ACCOUNT, None)
    assert used.used_at - begun.used_at >= timedelta(minutes=1)
    assert used.remote_address == "203.0.113.5"
    assert replace(used, used_at=begun.used_at, ends_at=begun.ends_at, remote_address=begun.remote_address) == begun


async def test_signing_in_anew_ends_the_session_that_the_browser_had(harness: Harness) -> None:
    await harness.sign_in()
    first, kept = harness.cookies[COOKIE], dict(harness.cookies)
    # A form that was drawn before there was a session.
    harness.cookies = {"tidings_visit": "0" * 32}
    await harness.get("/console/sign-in")
    harness.cookies[COOKIE] = first
    assert (await harness.post("/console/sign-in", {"user": "admin", "password": DEV_SECRET})).status == 303
    assert harness.cookies[COOKIE] != first
    harness.cookies = kept
    assert (await harness.get("/console")).status == 303


async def test_a_user_has_so_many_sessions_and_the_one_used_longest_ago_goes(harness: Harness) -> None:
    sessions = harness.services.services.sessions
    origin = ORIGIN_OF_A_BROWSER
    begun = []
    for _ in range(SESSIONS_MAX + 1):
        begun.append((await sessions.begin(OWNER, origin)).session)
        harness.services.clock.advance(1)
    kept = await harness.services.store.sessions(ACCOUNT, "admin")
    assert [each.digest for each in kept] == [each.digest for each in reversed(begun[1:])]
    assert [entry.detail for entry in await acts(harness, "session.end")] == ["too many sessions"]


@pytest.mark.parametrize("change", [{"disabled": True}, {"role": Role.AUDITOR}, {"actions": ("tidings:list",)}])
async def test_a_changed_user_is_signed_in_nowhere_and_not_listed(harness: Harness, change: dict[str, object]) -> None:
    await harness.user("olga", Role.OPERATOR)
    other = await second_browser(harness, "olga", PASSWORD)
    assert (await other.get("/console")).status == 200
    await harness.services.accounts.set_user(ACCOUNT, "olga", **change)  # type: ignore[arg-type]
    assert (await other.get("/console")).status == 303
    assert await harness.services.services.sessions.all(ACCOUNT, None) == []


async def test_the_list_shows_ones_own_and_ends_one(harness: Harness) -> None:
    await harness.sign_in()
    other = await second_browser(harness)
    page = text_of(await harness.get("/console/sessions"))
    assert page.count("This one") == 1
    assert "198.51.100.9" in page
    [path] = _END.findall(page)
    assert (await harness.post(path, {"mark": "0" * 64})).status == 403
    assert (await other.get("/console")).status == 200
    await harness.get("/console/sessions")
    assert header(await harness.post(path, {}), "location") == "/console/sessions"
    assert (await other.get("/console")).status == 303
    assert (await harness.get("/console")).status == 200
    [entry] = await acts(harness, "session.end")
    assert (entry.subject, entry.origin.principal, entry.before["remote_address"]) == (
        "admin",
        OWNER.arn,
        "198.51.100.9",
    )
    assert (await harness.post(path, {})).status == 303
    assert "had ended already" in text_of(await harness.get("/console/sessions"))


async def test_all_others_end_but_this_one_and_other_peoples(harness: Harness) -> None:
    await harness.user("olga", Role.OPERATOR)
    await harness.sign_in()
    others = [await second_browser(harness), await second_browser(harness)]
    olga = await second_browser(harness, "olga", PASSWORD)
    await harness.get("/console/sessions")
    assert (await harness.post("/console/sessions/end-others", {})).status == 303
    assert [(await each.get("/console")).status for each in (harness, *others, olga)] == [200, 303, 303, 200]


async def test_an_owner_sees_the_account_and_others_themselves_only(harness: Harness) -> None:
    await harness.user("olga", Role.OPERATOR)
    await harness.user("paul", Role.PUBLISHER)
    stranger = await harness.services.accounts.create_account("other", account_id="1" * 12)
    await harness.services.accounts.create_user(stranger.account_id, "eve", Role.OWNER, PASSWORD)
    await harness.sign_in()
    olga = await second_browser(harness, "olga", PASSWORD)
    paul = await second_browser(harness, "paul", PASSWORD)
    [pauls] = await harness.services.store.sessions(ACCOUNT, "paul")
    page = text_of(await olga.get("/console/sessions"))
    assert ("paul" in page, _END.findall(page)) == (False, [])
    await olga.post(f"/console/sessions/{pauls.id}/end", {})
    assert (await paul.get("/console")).status == 200
    eve = Harness(harness.services, harness.console)
    await eve.get("/console/sign-in")
    await eve.post("/console/sign-in", {"account": "other", "user": "eve", "password": PASSWORD})
    assert ">eve<" in text_of(await eve.get("/console/sessions"))
    await eve.post(f"/console/sessions/{pauls.id}/end", {})
    assert (await paul.get("/console")).status == 200
    page = text_of(await harness.get("/console/sessions"))
    assert (">olga<" in page, ">paul<" in page, ">eve<" in page) == (True, True, False)
    await harness.post(f"/console/sessions/{pauls.id}/end", {})
    assert (await paul.get("/console")).status == 303


async def test_under_https_the_cookie_belongs_to_this_host_and_the_old_name_is_nothing(harness: Harness) -> None:
    harness.scheme = "https"
    await harness.get("/console/sign-in")
    answer = await harness.post("/console/sign-in", {"user": "admin", "password": DEV_SECRET})
    cookies = [value for name, value in answer.headers if name == "Set-Cookie"]
    assert [value.partition("=")[0] for value in cookies] == [f"__Host-{COOKIE}", "__Host-tidings_visit"]
    for value in cookies:
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(value.split("; "))
        assert "domain" not in value.lower()
    assert (await harness.get("/console")).status == 200
    harness.cookies = {COOKIE: harness.cookies[f"__Host-{COOKIE}"]}
    assert (await harness.get("/console")).status == 303
    harness.scheme = "http"
    assert (await harness.get("/console")).status == 200


async def test_it_holds_over_a_restart_and_ends_in_every_process(harness: Harness, tmp_path: Path) -> None:
    await harness.sign_in()
    text, origin = harness.cookies[COOKIE], ORIGIN_OF_A_BROWSER
    store = await SqliteStore.open(tmp_path / "tidings.db")
    try:
        elsewhere = Sessions(store, harness.services.clock)
        assert (await elsewhere.read(text, origin)).principal.user == "admin"
        [session] = await elsewhere.all(ACCOUNT, "admin")
        await elsewhere.end(ACCOUNT, "admin", session.id, origin)
        assert (await harness.get("/console")).status == 303
    finally:
        await store.close()


async def test_housekeeping_removes_what_has_ended(harness: Harness) -> None:
    await harness.sign_in()
    harness.services.clock.advance(3_500)
    await harness.services.services.housekeeping.tidy()
    assert len(await harness.services.store.sessions(ACCOUNT, None)) == 1
    harness.services.clock.advance(200)
    await harness.services.services.housekeeping.tidy()
    assert await harness.services.store.sessions(ACCOUNT, None) == []


async def test_actions_that_nobody_can_read_are_not_kept(harness: Harness) -> None:
    with pytest.raises(InvalidValue, match="wildcards"):
        await harness.services.accounts.set_user(ACCOUNT, "admin", actions=("no such thing",))
