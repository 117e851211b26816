"""Sessions of the console on the server: ending them, time-outs, their list, and the cookie's name. Without a browser."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from tests.unit.console.desk import ACCOUNT, OWNER, PASSWORD, Desk, header, open_desk, text_of

from tidings.access.sessions import SESSIONS_MAX, Sessions
from tidings.cli.bootstrap import DEV_SECRET
from tidings.domain.audit import AuditEntry, AuditQuery
from tidings.domain.model import Origin, Role, Way
from tidings.store.sqlite import SqliteStore

COOKIE = "tidings_session"
ORIGIN_OF_A_BROWSER = Origin(Way.CONSOLE, remote_address="192.0.2.7", via="console")
_END = re.compile(r'action="(/console/sessions/[0-9a-f]{32}/end)"')


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(tmp_path) as opened:
        yield opened


async def second_browser(desk: Desk, user: str = "admin", password: str = DEV_SECRET) -> Desk:
    """Another browser before the same console, signed in."""
    other = Desk(desk.house, desk.console)
    other.remote = "198.51.100.9"
    assert (await other.sign_in(user, password)).status == 303
    return other


async def acts(desk: Desk, *actions: str) -> list[AuditEntry]:
    return await desk.house.store.audit(AuditQuery(ACCOUNT, actions=actions))


async def test_a_copied_cookie_works_no_more_after_signing_out(desk: Desk) -> None:
    await desk.sign_in()
    copied = dict(desk.cookies)
    other = await second_browser(desk)
    await desk.post("/console/sign-out", {})
    desk.cookies = copied
    assert (await desk.get("/console")).status == 303
    assert (await other.get("/console")).status == 200
    assert [entry.origin.principal for entry in await acts(desk, "sign-out")] == [OWNER.arn]


async def test_what_is_stored_signs_nobody_in(desk: Desk) -> None:
    await desk.sign_in()
    text = desk.cookies[COOKIE]
    [stored] = await desk.house.store.sessions(ACCOUNT, None)
    assert stored.digest == sha256(text.encode()).digest()
    for other in (stored.digest.hex(), stored.id, text + "A", text[:-1], "", "é", "A" * 5_000):
        desk.cookies[COOKIE] = other
        assert (await desk.get("/console")).status == 303


async def test_a_session_that_is_not_used_ends_and_one_that_is_used_lasts_to_its_end(desk: Desk) -> None:
    await desk.sign_in()
    idle = await second_browser(desk)
    for _ in range(12 * 2 - 1):
        desk.house.clock.advance(30 * 60)
        assert (await desk.get("/console")).status == 200
    assert (await idle.get("/console")).status == 303
    desk.house.clock.advance(30 * 60)
    assert (await desk.get("/console")).status == 303


async def test_a_page_that_renews_itself_is_no_use(desk: Desk) -> None:
    await desk.sign_in()
    for _ in range(3):
        desk.house.clock.advance(15 * 60)
        assert (await desk.get("/console", hx_request="true", x_refresh="timer")).status == 200
    desk.house.clock.advance(15 * 60)
    answer = await desk.get("/console", hx_request="true", x_refresh="timer")
    assert header(answer, "hx-redirect") == "/console/sign-in"


async def test_last_used_is_written_once_a_minute_and_no_more(desk: Desk) -> None:
    await desk.sign_in()
    [begun] = await desk.house.store.sessions(ACCOUNT, None)
    desk.house.clock.advance(30)
    desk.remote = "203.0.113.5"
    await desk.get("/console")
    assert await desk.house.store.sessions(ACCOUNT, None) == [begun]
    desk.house.clock.advance(31)
    await desk.get("/console")
    [used] = await desk.house.store.sessions(ACCOUNT, None)
    assert used.used_at - begun.used_at >= timedelta(minutes=1)
    assert used.remote_address == "203.0.113.5"
    assert replace(used, used_at=begun.used_at, ends_at=begun.ends_at, remote_address=begun.remote_address) == begun


async def test_signing_in_anew_ends_the_session_that_the_browser_had(desk: Desk) -> None:
    await desk.sign_in()
    first, kept = desk.cookies[COOKIE], dict(desk.cookies)
    desk.cookies = {COOKIE: first}
    desk.cookies["tidings_visit"] = "0" * 32
    mark = desk.console._sessions.mark("0" * 32)
    form = {"user": "admin", "password": DEV_SECRET, "mark": mark}
    assert (await desk.post("/console/sign-in", form)).status == 303
    assert desk.cookies[COOKIE] != first
    desk.cookies = kept
    assert (await desk.get("/console")).status == 303


async def test_a_user_has_so_many_sessions_and_the_one_used_longest_ago_goes(desk: Desk) -> None:
    sessions = desk.house._sessions
    origin = ORIGIN_OF_A_BROWSER
    begun = []
    for _ in range(SESSIONS_MAX + 1):
        begun.append((await sessions.begin(OWNER, origin)).session)
        desk.house.clock.advance(1)
    kept = await desk.house.store.sessions(ACCOUNT, "admin")
    assert [each.digest for each in kept] == [each.digest for each in reversed(begun[1:])]
    assert [entry.detail for entry in await acts(desk, "session.end")] == ["too many sessions"]


@pytest.mark.parametrize("change", [{"disabled": True}, {"role": Role.AUDITOR}, {"actions": ("tidings:list",)}])
async def test_a_changed_user_is_signed_in_nowhere_and_not_listed(desk: Desk, change: dict[str, object]) -> None:
    await desk.user("olga", Role.OPERATOR)
    other = await second_browser(desk, "olga", PASSWORD)
    assert (await other.get("/console")).status == 200
    await desk.house.accounts.set_user(ACCOUNT, "olga", **change)  # type: ignore[arg-type]
    assert (await other.get("/console")).status == 303
    assert await desk.house._sessions.all(ACCOUNT, None) == []


async def test_the_list_shows_ones_own_and_ends_one(desk: Desk) -> None:
    await desk.sign_in()
    other = await second_browser(desk)
    page = text_of(await desk.get("/console/sessions"))
    assert page.count("This one") == 1
    assert "198.51.100.9" in page
    [path] = _END.findall(page)
    assert (await desk.post(path, {"mark": "0" * 64})).status == 403
    assert (await other.get("/console")).status == 200
    await desk.get("/console/sessions")
    assert header(await desk.post(path, {}), "location") == "/console/sessions"
    assert (await other.get("/console")).status == 303
    assert (await desk.get("/console")).status == 200
    [entry] = await acts(desk, "session.end")
    assert (entry.subject, entry.origin.principal, entry.before["remote_address"]) == (
        "admin",
        OWNER.arn,
        "198.51.100.9",
    )
    assert (await desk.post(path, {})).status == 303
    assert "had ended already" in text_of(await desk.get("/console/sessions"))


async def test_all_others_end_but_this_one_and_other_peoples(desk: Desk) -> None:
    await desk.user("olga", Role.OPERATOR)
    await desk.sign_in()
    others = [await second_browser(desk), await second_browser(desk)]
    olga = await second_browser(desk, "olga", PASSWORD)
    await desk.get("/console/sessions")
    assert (await desk.post("/console/sessions/end-others", {})).status == 303
    assert [(await each.get("/console")).status for each in (desk, *others, olga)] == [200, 303, 303, 200]


async def test_an_owner_sees_the_account_and_others_themselves_only(desk: Desk) -> None:
    await desk.user("olga", Role.OPERATOR)
    await desk.user("paul", Role.PUBLISHER)
    stranger = await desk.house.accounts.create_account("other", account_id="1" * 12)
    await desk.house.accounts.create_user(stranger.account_id, "eve", Role.OWNER, PASSWORD)
    await desk.sign_in()
    olga = await second_browser(desk, "olga", PASSWORD)
    paul = await second_browser(desk, "paul", PASSWORD)
    [pauls] = await desk.house.store.sessions(ACCOUNT, "paul")
    page = text_of(await olga.get("/console/sessions"))
    assert ("paul" in page, _END.findall(page)) == (False, [])
    await olga.post(f"/console/sessions/{pauls.id}/end", {})
    assert (await paul.get("/console")).status == 200
    eve = Desk(desk.house, desk.console)
    await eve.get("/console/sign-in")
    await eve.post("/console/sign-in", {"account": "other", "user": "eve", "password": PASSWORD})
    assert ">eve<" in text_of(await eve.get("/console/sessions"))
    await eve.post(f"/console/sessions/{pauls.id}/end", {})
    assert (await paul.get("/console")).status == 200
    page = text_of(await desk.get("/console/sessions"))
    assert (">olga<" in page, ">paul<" in page, ">eve<" in page) == (True, True, False)
    await desk.post(f"/console/sessions/{pauls.id}/end", {})
    assert (await paul.get("/console")).status == 303


async def test_under_https_the_cookie_belongs_to_this_host_and_the_old_name_is_nothing(desk: Desk) -> None:
    desk.scheme = "https"
    await desk.get("/console/sign-in")
    answer = await desk.post("/console/sign-in", {"user": "admin", "password": DEV_SECRET})
    cookies = [value for name, value in answer.headers if name == "Set-Cookie"]
    assert [value.partition("=")[0] for value in cookies] == [f"__Host-{COOKIE}", "__Host-tidings_visit"]
    for value in cookies:
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(value.split("; "))
        assert "domain" not in value.lower()
    assert (await desk.get("/console")).status == 200
    desk.cookies = {COOKIE: desk.cookies[f"__Host-{COOKIE}"]}
    assert (await desk.get("/console")).status == 303
    desk.scheme = "http"
    assert (await desk.get("/console")).status == 200


async def test_it_holds_over_a_restart_and_ends_in_every_process(desk: Desk, tmp_path: Path) -> None:
    await desk.sign_in()
    text, origin = desk.cookies[COOKIE], ORIGIN_OF_A_BROWSER
    store = await SqliteStore.open(tmp_path / "tidings.db")
    try:
        elsewhere = Sessions(store, desk.house.clock)
        assert (await elsewhere.read(text, origin)).principal.user == "admin"
        [session] = await elsewhere.all(ACCOUNT, "admin")
        await elsewhere.end(ACCOUNT, "admin", session.id, origin)
        assert (await desk.get("/console")).status == 303
    finally:
        await store.close()


async def test_housekeeping_removes_what_has_ended(desk: Desk) -> None:
    await desk.sign_in()
    desk.house.clock.advance(3_500)
    await desk.house._housekeeping.tidy()
    assert len(await desk.house.store.sessions(ACCOUNT, None)) == 1
    desk.house.clock.advance(200)
    await desk.house._housekeeping.tidy()
    assert await desk.house.store.sessions(ACCOUNT, None) == []
