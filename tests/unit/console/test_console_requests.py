"""Sessions, marks on forms, permissions and hostile requests: the console's door, without a browser."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.examples import examples
from tests.unit.console.harness import ACCOUNT, FORM, ORIGIN, OWNER, PASSWORD, Harness, header, open_console, text_of

from tidings import console
from tidings.cli.bootstrap import DEV_SECRET
from tidings.console import DEV_PASSWORD, texting
from tidings.console.routing import ROOT
from tidings.console.views import ROUTES
from tidings.domain.model import LedgerQuery, Role, State, Way


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[Harness]:
    async with open_console(tmp_path) as opened:
        yield opened


def test_the_sign_in_page_shows_the_password_that_developer_mode_sets() -> None:
    assert DEV_PASSWORD == DEV_SECRET


# --- sessions ------------------------------------------------------------------------------------------------------


async def test_without_a_session_every_page_leads_to_the_sign_in_page(harness: Harness) -> None:
    for route in (*ROUTES, *texting.ROUTES):
        answer = await harness.send(route.method, f"{ROOT}{route.path.replace('{', '').replace('}', '')}")
        assert answer.status == 303, route.name
        assert header(answer, "location").startswith("/console/sign-in")


async def test_signing_in_leads_where_one_wanted_to_go_and_nowhere_else(harness: Harness) -> None:
    asked = await harness.get("/console/topics?name=a%20b")
    assert header(asked, "location") == "/console/sign-in?next=%2Fconsole%2Ftopics%3Fname%3Da%2520b"
    for wanted, there in (
        ("/console/topics?name=a%20b", "/console/topics?name=a%20b"),
        ("https://evil.example/console/", "/console"),
        ("//evil.example/console/", "/console"),
        ("/console/../s/x", "/console"),
        ("/console/%2E%2e/s/x", "/console"),
        ("/\\evil.example", "/console"),
        ("/consoleevil", "/console"),
    ):
        harness.cookies.clear()
        await harness.get("/console/sign-in")
        answer = await harness.post("/console/sign-in", {"user": "admin", "password": DEV_SECRET, "next": wanted})
        assert (answer.status, header(answer, "location")) == (303, there)


async def test_a_wrong_password_and_an_unknown_user_are_answered_alike(harness: Harness) -> None:
    wrong = await harness.sign_in("admin", "nonsense")
    unknown = await harness.sign_in("nobody", "nonsense")
    assert wrong.status == unknown.status == 401
    assert "do not match" in text_of(wrong)
    assert text_of(wrong).replace("admin", "").count("refused") == text_of(unknown).count("refused")
    assert "tidings_session" not in harness.cookies
    assert 'value="nonsense"' not in text_of(wrong)


async def test_guessing_is_slowed_down(harness: Harness) -> None:
    await harness.get("/console/sign-in")
    guesses = [harness.post("/console/sign-in", {"user": "admin", "password": f"guess {n}"}) for n in range(20)]
    answers = await asyncio.gather(*guesses)
    slowed = [answer for answer in answers if answer.status == 429]
    assert len(slowed) >= 5
    assert "Too many attempts" in text_of(slowed[-1])
    assert int(header(slowed[-1], "retry-after")) >= 1


async def test_the_session_cookie_is_for_the_console_alone_and_for_no_script(harness: Harness) -> None:
    await harness.get("/console/sign-in")
    answer = await harness.post("/console/sign-in", {"user": "admin", "password": DEV_SECRET})
    cookie = next(value for _, value in answer.headers if value.startswith("tidings_session="))
    for part in ("Path=/console;", "HttpOnly", "SameSite=Lax", "Max-Age=43200"):
        assert part in cookie
    assert "Secure" not in cookie


async def test_a_changed_password_ends_the_session(harness: Harness) -> None:
    await harness.sign_in()
    assert (await harness.get("/console")).status == 200
    await harness.services.accounts.set_user(ACCOUNT, "admin", password="another one")
    assert (await harness.get("/console")).status == 303


async def test_a_session_is_no_token_of_a_cloud_nor_the_other_way_round(harness: Harness) -> None:
    await harness.sign_in()
    token = await harness.services.services.sign_in_tokens.issue(OWNER)
    harness.cookies["tidings_session"] = token.text
    assert (await harness.get("/console")).status == 303


async def test_signing_out_ends_it(harness: Harness) -> None:
    await harness.sign_in()
    assert header(await harness.post("/console/sign-out", {}), "location") == "/console/sign-in"
    assert (await harness.get("/console")).status == 303


# --- marks on forms -------------------------------------------------------------------------------------------------


async def test_a_form_of_another_site_is_refused_and_changes_nothing(harness: Harness) -> None:
    subscription = await harness.subscribe(await harness.topic())
    await harness.sign_in()
    path, form = f"/console/subscriptions/{subscription.uid}/delete", {"reason": "because"}
    refused = [
        await harness.post(path, form, origin="https://evil.example"),
        await harness.post(path, form, origin="null"),
        await harness.post(path, form, sec_fetch_site="cross-site"),
        await harness.post(path, form, sec_fetch_site="same-site"),
        await harness.post(path, {**form, "mark": ""}),
        await harness.post(path, {**form, "mark": "0" * 64}),
        await harness.post(path, {**form, "mark": "ü" * 64}),
    ]
    assert [answer.status for answer in refused] == [403] * 7
    assert "was not accepted" in text_of(refused[0])
    assert await harness.services.subscriptions.find(subscription.uid) is not None
    assert (await harness.post(path, form)).status == 303
    assert await harness.services.subscriptions.find(subscription.uid) is None


async def test_the_mark_of_one_session_is_worth_nothing_in_another(harness: Harness) -> None:
    subscription = await harness.subscribe(await harness.topic())
    await harness.user("olga", Role.OPERATOR)
    await harness.sign_in("olga", PASSWORD)
    stolen = harness.mark
    await harness.sign_in()
    answer = await harness.post(
        f"/console/subscriptions/{subscription.uid}/delete", {"reason": "because", "mark": stolen}
    )
    assert answer.status == 403


async def test_signing_in_needs_a_mark_too(harness: Harness) -> None:
    await harness.get("/console/sign-in")
    credentials = {"user": "admin", "password": DEV_SECRET}
    assert (await harness.post("/console/sign-in", {**credentials, "mark": "0" * 64})).status == 403
    assert (await harness.post("/console/sign-in", credentials, sec_fetch_site="cross-site")).status == 403


async def test_a_text_for_the_next_page_cannot_be_forged(harness: Harness) -> None:
    await harness.sign_in()
    harness.cookies["tidings_said"] = "K1lvdSB3b24=.00"
    assert "You won" not in text_of(await harness.get("/console"))


# --- permissions ----------------------------------------------------------------------------------------------------


async def test_what_a_user_may_not_do_is_not_offered_and_refused_when_tried(harness: Harness) -> None:
    subscription = await harness.subscribe(await harness.topic())
    await harness.user("auditor", Role.AUDITOR)
    await harness.sign_in("auditor", PASSWORD)
    page = text_of(await harness.get(f"/console/subscriptions/{subscription.uid}"))
    assert "What you can do" not in page
    assert "/console/dead-letters" not in page
    assert "/console/ledger" in page
    for path in ("/console/dead-letters", "/console/account", "/console/outbox"):
        assert (await harness.get(path)).status == 403, path
    act = f"/console/subscriptions/{subscription.uid}"
    for verb in ("cancel", "delete", "ask-again"):
        answer = await harness.post(f"{act}/{verb}", {"reason": "because"})
        assert (answer.status, "You may not do this" in text_of(answer)) == (403, True)


async def test_a_publisher_reads_no_ledger(harness: Harness) -> None:
    await harness.user("paul", Role.PUBLISHER)
    await harness.sign_in("paul", PASSWORD)
    assert "Latest changes" not in text_of(await harness.get("/console"))
    for path in ("/console/ledger", "/console/ledger.csv", "/console/ledger/1"):
        assert (await harness.get(path)).status == 403


async def test_a_user_with_actions_of_his_own_may_do_exactly_these(harness: Harness) -> None:
    await harness.user("lister", Role.OWNER, ("tidings:list",))
    await harness.sign_in("lister", PASSWORD)
    assert (await harness.get("/console/topics")).status == 200
    assert (await harness.get("/console/ledger")).status == 403
    assert (await harness.get("/console")).status == 200


async def test_another_accounts_things_do_not_exist(harness: Harness) -> None:
    subscription = await harness.subscribe(await harness.topic())
    other = await harness.services.accounts.create_account("other", account_id="1" * 12)
    await harness.services.accounts.create_user(other.account_id, "eve", Role.OWNER, PASSWORD)
    harness.cookies.clear()
    await harness.get("/console/sign-in")
    await harness.post("/console/sign-in", {"account": "other", "user": "eve", "password": PASSWORD})
    for path in (f"subscriptions/{subscription.uid}", "ledger/1"):
        assert (await harness.get(f"/console/{path}")).status == 404
    for path in ("", "/subscriptions", "/topics", "/ledger"):
        assert "anna@" not in text_of(await harness.get(f"/console{path}"))


# --- acts -----------------------------------------------------------------------------------------------------------


async def test_an_act_is_in_the_ledger_with_its_person_and_reason(harness: Harness) -> None:
    subscription = await harness.subscribe(await harness.topic(), "https://hooks.example.com/a", "https")
    await harness.sign_in()
    await harness.post(
        f"/console/subscriptions/{subscription.uid}/delete", {"reason": "He called us"}, user_agent="Test/1"
    )
    entry = (await harness.services.store.ledger(LedgerQuery(subscription_uid=subscription.uid)))[-1]
    assert (entry.origin.way, entry.origin.principal) == (Way.CONSOLE, f"arn:aws:iam::{ACCOUNT}:user/admin")
    assert (entry.origin.raw_text, entry.origin.user_agent) == ("He called us", "Test/1")
    assert (entry.before, entry.after) == (State.UNCONFIRMED, State.EXPIRED)


async def test_a_missing_or_overlong_reason_is_refused_next_to_its_field(harness: Harness) -> None:
    subscription = await harness.subscribe(await harness.topic())
    await harness.sign_in()
    path = f"/console/subscriptions/{subscription.uid}/delete"
    empty = await harness.post(path, {"reason": " "})
    assert (empty.status, "Reason is needed." in text_of(empty)) == (422, True)
    long = await harness.post(path, {"reason": "x" * 501})
    assert (long.status, "at most 500 characters, not 501" in text_of(long)) == (422, True)
    assert "x" * 501 in text_of(long)
    assert await harness.services.subscriptions.find(subscription.uid) is not None


async def test_dead_letters_are_sent_again_one_or_many_and_never_show_their_text(harness: Harness) -> None:
    ids = await harness.dead_letters(await harness.subscribe(await harness.topic()), 3)
    await harness.sign_in()
    page = text_of(await harness.get("/console/dead-letters"))
    assert page.count("550 unknown") == 3
    one = text_of(await harness.get(f"/console/dead-letters/{ids[0]}"))
    assert "secret text" not in page + one
    await harness.post("/console/dead-letters/send-again", {"id": [str(number) for number in ids[:2]]})
    assert "2 dead letters are on the way again" in text_of(await harness.get("/console/dead-letters"))
    assert (await harness.get(f"/console/dead-letters/{ids[0]}")).status == 404
    assert (await harness.get(f"/console/dead-letters/{ids[2]}")).status == 200
    await harness.post("/console/dead-letters/send-again", {"id": ["x", "-1"]})
    assert "at most 1000 entries" in text_of(await harness.get("/console/dead-letters"))


async def test_the_ledger_as_csv_has_what_the_filters_find_and_no_formulas(harness: Harness) -> None:
    topic = await harness.topic()
    await harness.subscribe(topic)
    await harness.subscribe(topic, "+12025550143", "sms")
    await harness.sign_in()
    answer = await harness.get("/console/ledger.csv?endpoint=anna@EXAMPLE.org")
    assert not isinstance(answer.body, bytes)
    lines = b"".join([chunk async for chunk in answer.body]).decode().splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("id,at,event,before,after,protocol,endpoint")
    assert "anna@example.org" in lines[1]
    assert """'=HYPERLINK""" in lines[1]
    assert "attachment" in header(answer, "content-disposition")
    everything = await harness.get("/console/ledger.csv")
    assert not isinstance(everything.body, bytes)
    assert ",+12025550143," in b"".join([chunk async for chunk in everything.body]).decode()


async def test_an_export_of_nothing_is_a_file_with_its_names_alone(harness: Harness) -> None:
    await harness.sign_in()
    answer = await harness.get("/console/ledger.csv?endpoint=nobody@example.org")
    assert not isinstance(answer.body, bytes)
    assert b"".join([chunk async for chunk in answer.body]).startswith(b"id,at,event")


async def test_the_ledger_is_read_from_its_newest_entry_page_by_page(harness: Harness) -> None:
    topic = await harness.topic()
    for number in range(60):
        await harness.subscribe(topic, f"reader{number}@example.org")
    await harness.sign_in()
    for query in ("", "event=subscribed", "way=api&since=2020-01-01", "until=2199-01-01"):
        seen, path = [], f"/console/ledger?{query}"
        while path:
            page = text_of(await harness.get(path))
            seen += [int(number) for number in re.findall(r'href="/console/ledger/(\d+)"', page)]
            found = re.search(r'href="([^"]+)" rel="next"', page)
            path = html.unescape(found[1]) if found else ""
        assert seen == sorted(seen, reverse=True)
        assert len(seen) == len(set(seen)) == 60, query


async def test_topics_of_all_regions_are_found_unless_one_is_named(harness: Harness) -> None:
    await harness.topic("weather-east")
    await harness.topic("weather-west", "eu-west-1")
    await harness.sign_in()
    assert "2 topics" in text_of(await harness.get("/console/topics?name=WEATHER"))
    one = text_of(await harness.get("/console/topics?region=eu-west-1"))
    assert "weather-west" in one
    assert "weather-east" not in one


# --- fragments ------------------------------------------------------------------------------------------------------


async def test_htmx_gets_the_part_it_asks_for_and_tells_the_screen_reader(harness: Harness) -> None:
    await harness.topic()
    await harness.sign_in()
    part = text_of(await harness.get("/console/topics?name=wea", hx_request="true"))
    assert "<html" not in part
    assert '<table class="cards">' in part
    assert '<div id="spoken" hx-swap-oob="innerHTML">1 topic</div>' in part
    assert "<html" in text_of(await harness.get("/console/topics?name=wea"))
    harness.cookies.clear()
    gone = await harness.get("/console/topics", hx_request="true")
    assert (gone.status, header(gone, "hx-redirect")) == (200, "/console/sign-in?next=%2Fconsole%2Ftopics")


# --- hostile requests -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/nothing", "/topics/x", f"/topics/{'0' * 32}", "/topics/", "/ledger/0", "/ledger/9e9",
                                  f"/ledger/{'9' * 30}", "/dead-letters/-1", "/outbox/999", "/outbox/x/html", "//", "/\0",
                                  "/static/../console.py", "/static/nothing.js", "/subscriptions/ü", "/nowhere"])  # fmt: skip
async def test_what_does_not_exist_is_a_page_of_its_own(harness: Harness, path: str) -> None:
    await harness.sign_in()
    answer = await harness.get(f"/console{path}")
    assert (answer.status, "does not exist" in text_of(answer)) == (404, True)


async def test_a_wrong_method_is_told_which_are_right(harness: Harness) -> None:
    await harness.sign_in()
    for method, path, allow in (
        ("POST", "/console/topics", "GET, HEAD"),
        ("DELETE", "/console/sign-in", "GET, HEAD, POST"),
        ("GET", "/console/sign-out", "POST"),
        ("PUT", "/console/static/style.css", "GET, HEAD"),
        ("GET", "/console/dead-letters/send-again", "POST"),
    ):
        answer = await harness.send(method, path)
        if path == "/console/dead-letters/send-again":
            assert answer.status in (404, 405)
            continue
        assert (answer.status, header(answer, "allow")) == (405, allow), path


async def test_forms_that_are_none_are_refused(harness: Harness) -> None:
    await harness.sign_in()
    path = "/console/dead-letters/send-again"
    for content_type, body, status in (
        ("application/json", b"{}", 415),
        (FORM, b"a=" + b"x" * 70_000, 413),
        (FORM, b"&".join([b"a=1"] * 2_000), 400),
        ("multipart/form-data", b"--x", 400),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\nno name\r\n--x--", 400),
        (FORM, b"\xff\xfe=%ff&mark=%00", 403),
    ):
        answer = await harness.send("POST", path, body, {"content-type": content_type, "origin": ORIGIN})
        assert answer.status == status, (content_type, body[:20])


_TEXTS = st.text(max_size=60) | st.sampled_from(
    ["\0", "%", "'", '"><script>', "{{7*7}}", "9" * 40, "-1", "2026-13-99", "💥"]
)
_GETS = [route.path for route in (*ROUTES, *texting.ROUTES) if route.method == "GET"]
_POSTS = [route.path for route in (*ROUTES, *texting.ROUTES) if route.method == "POST"]
_TEMPLATES = Path(console.__file__).parent / "templates"
_WRITTEN = " ".join(page.read_text("utf-8") for page in _TEMPLATES.rglob("*.html"))
_NAMES = sorted({"after", "before", "since", "until", "id"} | set(re.findall(r'name="([a-z_0-9-]+)"', _WRITTEN)))
"""Of all fields of all forms."""


@given(data=st.data())
@settings(max_examples=examples(150), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_no_text_in_a_path_query_or_form_makes_an_error_of_ours(harness: Harness, data: st.DataObject) -> None:
    if "tidings_session" not in harness.cookies:
        await harness.dead_letters(await harness.subscribe(await harness.topic()), 1)
        await harness.sign_in()
    is_post = data.draw(st.booleans())
    path = data.draw(st.sampled_from(_POSTS if is_post else _GETS))
    while "{" in path:
        before, _, rest = path.partition("{")
        path = before + data.draw(_TEXTS) + rest.partition("}")[2]
    fields = data.draw(st.dictionaries(st.sampled_from(_NAMES), _TEXTS, max_size=4))
    if is_post:
        answer = await harness.post(f"/console{path}", fields)
    else:
        answer = await harness.get(
            f"/console{path}?{urlencode(fields)}", hx_request=data.draw(st.sampled_from(["true", ""]))
        )
    assert answer.status < 500
    if not isinstance(answer.body, bytes):
        assert [chunk async for chunk in answer.body]
    assert b"<script>" not in (answer.body if isinstance(answer.body, bytes) else b"")


async def test_what_strangers_wrote_is_shown_and_never_run(harness: Harness) -> None:
    topic = await harness.topic()
    await harness.subscribe(topic, "https://hooks.example.com/<script>alert(1)</script>", "https")
    await harness.sign_in()
    for path in ("", "/subscriptions", "/ledger", f"/topics/{topic.uid}", "/topics?name=%3Cscript%3E"):
        assert "<script>" not in text_of(await harness.get(f"/console{path}"))


async def test_pages_are_private_and_static_files_are_kept(harness: Harness) -> None:
    await harness.sign_in()
    page = await harness.get("/console")
    policy = header(page, "content-security-policy")
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert header(page, "cache-control") == "no-store"
    for name in ("style.css", "htmx.js", "icon.svg"):
        answer = await harness.get(f"/console/static/{name}")
        assert (answer.status, "immutable" in header(answer, "cache-control")) == (200, True)


async def test_outside_developer_mode_there_is_no_outbox_and_no_known_password(tmp_path: Path) -> None:
    async with open_console(tmp_path, dev=False) as harness:
        assert DEV_SECRET not in text_of(await harness.get("/console/sign-in"))
        await harness.sign_in()
        assert "/console/outbox" not in text_of(await harness.get("/console"))
        for path in ("/console/outbox", "/console/outbox/1"):
            assert (await harness.get(path)).status == 404
        assert (await harness.post("/console/outbox/clear", {})).status == 404
