"""Who is opted out: found, added, lifted, imported, exported, reviewed, and asked about by number."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from playwright.async_api import Page, expect
from tests.e2e.console.conftest import ACCOUNT, BY_CALL, ConsoleSite, SignIn
from tests.e2e.console.test_texting_addresses import ADDRESS, PHONE, prepare

from tidings.cli.bootstrap import DEV_SECRET
from tidings.domain.grants import Verb
from tidings.domain.model import LedgerQuery, Origin, Role, Way
from tidings.domain.optout import ACCOUNT_WIDE, IncomingText, OptOutQuery, SmsType

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def receive(site: ConsoleSite, text: str, phone: str = PHONE) -> None:
    await site.app.texting.inbound.receive(IncomingText(ADDRESS, phone, text), Origin(Way.KEYWORD))


async def is_opted_out(site: ConsoleSite, phone: str) -> bool:
    rows, _ = await site.app.texting.opt_outs.page(
        site.grant(Verb.READ_OPT_OUTS), OptOutQuery(ACCOUNT, phones=(phone,))
    )
    return bool(rows)


async def test_somebody_is_opted_out_with_a_reason_and_found_by_number(site: ConsoleSite, sign_in: SignIn) -> None:
    await prepare(site)
    page = await sign_in("/texting/unsubscribed/new", java_script_enabled=False)
    await page.get_by_label("Numbers").fill("+1 202 555 0131\nnonsense")
    await page.get_by_label("Reason").fill("By mail on 3 November")
    await page.get_by_role("button", name="Opt out").click()
    await expect(page.get_by_text("“nonsense”: not an E.164 number.")).to_be_visible()
    assert await page.get_by_label("Numbers").input_value() == "+1 202 555 0131\nnonsense"
    await page.get_by_label("Numbers").fill("+1 202 555 0131\n+12025550132")
    await page.get_by_role("button", name="Opt out").click()
    await expect(page.get_by_text("2 numbers opted out.")).to_be_visible()
    await page.get_by_label("Number").fill("+1 (202) 555-0132")
    await page.get_by_role("button", name="Search").click()
    await expect(page.get_by_text("1 opt-out;")).to_be_visible()
    await expect(page.get_by_text("By mail on 3 November")).to_be_visible()
    await expect(page.get_by_text("Every application")).to_be_visible()


async def test_the_list_is_narrowed_while_one_types(site: ConsoleSite, harness: Page) -> None:
    await prepare(site, apps=("shop", "codes"))
    grant = site.grant(Verb.MANAGE_OPT_OUTS)
    await site.app.texting.rules.put(grant, ADDRESS, "codes", frozenset({SmsType.MARKETING}))
    await site.app.texting.rules.delete(grant, ADDRESS, "codes")
    await receive(site, "stop")
    await site.app.texting.opt_outs.opt_out(grant, ACCOUNT_WIDE, "+12025550132", reason="by mail", origin=BY_CALL)
    await harness.goto(f"{site.url}/console/texting/unsubscribed")
    await expect(harness.get_by_text("2 opt-outs;")).to_be_visible()
    await harness.get_by_label("Blocked for").select_option("codes")
    await expect(harness.get_by_text("1 opt-out;")).to_be_visible()
    await expect(harness.get_by_role("link", name="+12025550132", exact=True)).to_be_visible()
    await harness.get_by_label("Blocked for").select_option("")
    await harness.get_by_label("Number", exact=True).press_sequentially(PHONE)
    await expect(harness.get_by_text("1 opt-out;")).to_be_visible()
    await expect(harness.get_by_text("stop", exact=True)).to_be_visible()


async def test_lifting_asks_for_a_reason_and_within_30_days_for_another_yes(site: ConsoleSite, sign_in: SignIn) -> None:
    await prepare(site)
    await receive(site, "STOP")
    page = await sign_in("/texting/unsubscribed", java_script_enabled=False)
    await page.get_by_role("link", name=f"Lift the opt-out of {PHONE}").click()
    await expect(page.get_by_text("This person asked for no more texts.")).to_be_visible()
    await page.get_by_label("Reason").fill("asked on the phone")
    await page.get_by_role("button", name="Lift the opt-out").click()
    await expect(page.get_by_text("Tick this to lift it all the same.")).to_be_visible()
    assert await page.get_by_label("Reason").input_value() == "asked on the phone"
    assert await is_opted_out(site, PHONE)
    await page.get_by_label("Lift it all the same").check()
    await page.get_by_role("button", name="Lift the opt-out").click()
    await expect(page.get_by_text(f"{PHONE} gets texts again.")).to_be_visible()
    assert not await is_opted_out(site, PHONE)
    last = (await site.app.texting.records.find(site.grant(Verb.READ_OPT_OUTS), LedgerQuery(endpoint=PHONE)))[-1]
    assert (last.origin.way, last.detail) == (Way.CONSOLE, "asked on the phone")


async def test_an_auditor_sees_everybody_and_may_change_nothing(site: ConsoleSite, sign_in: SignIn) -> None:
    await prepare(site)
    await receive(site, "STOP")
    await site.app.accounts.create_user(ACCOUNT, "eve", Role.AUDITOR, DEV_SECRET)
    page = await sign_in("/texting/unsubscribed", user="eve")
    await expect(page.get_by_role("link", name=PHONE, exact=True)).to_be_visible()
    await expect(page.get_by_role("link", name="Opt somebody out")).to_have_count(0)
    await expect(page.get_by_text("Lift…")).to_have_count(0)
    answer = await page.goto(
        f"{site.url}/console/texting/unsubscribed/lift?address=%2B12025550199&phone=%2B12025550131"
    )
    assert answer is not None
    assert answer.status == 403


async def test_a_long_list_is_uploaded_in_pieces_and_watched_to_its_end(
    site: ConsoleSite, harness: Page, tmp_path: Path
) -> None:
    await prepare(site)
    count = 120_000  # more bytes than one request may have
    file = tmp_path / "old-system.csv"
    file.write_text("phone,reason\n" + "".join(f"+1202{number:07},asked by mail\n" for number in range(count)))
    await harness.goto(f"{site.url}/console/texting/unsubscribed/import")
    await harness.get_by_label("CSV file").set_input_files(file)
    await harness.get_by_label("Address of lines that name none").select_option(ADDRESS)
    await harness.get_by_role("button", name="Import").click()
    await expect(harness.get_by_role("heading", name="Done")).to_be_visible()
    await expect(harness.locator(".figures")).to_contain_text("120\u202f000")
    _, total = await site.app.texting.opt_outs.page(
        site.grant(Verb.READ_OPT_OUTS), OptOutQuery(ACCOUNT, addresses=(ADDRESS,), limit=1)
    )
    assert total == count


async def test_a_list_with_bad_lines_changes_nothing_unless_told_to_leave_them_out(
    site: ConsoleSite, sign_in: SignIn, tmp_path: Path
) -> None:
    await prepare(site)
    file = tmp_path / "list.csv"
    file.write_text(f"phone,address\n{PHONE},{ADDRESS}\n12025550132,\n+12025550133,+19999999999\n")
    page = await sign_in("/texting/unsubscribed/import", java_script_enabled=False)
    await page.get_by_label("CSV file").set_input_files(file)
    await page.get_by_role("button", name="Import").click()
    for _ in range(50):
        if await page.get_by_role("heading", name="Nothing was imported").count():
            break
        await page.reload()
    await expect(page.get_by_text("2 lines of 3 cannot be taken.")).to_be_visible()
    await expect(page.get_by_text("phone: not an E.164 number")).to_be_visible()
    assert not await is_opted_out(site, PHONE)
    await page.get_by_role("link", name="Import another list").click()
    await page.get_by_label("CSV file").set_input_files(file)
    await page.get_by_label("Leave bad lines out").check()
    await page.get_by_role("button", name="Import").click()
    for _ in range(50):
        if await page.get_by_role("heading", name="Done").count():
            break
        await page.reload()
    assert await is_opted_out(site, PHONE)


async def test_the_export_has_everybody_in_a_form_that_spreadsheets_do_not_run(
    site: ConsoleSite, harness: Page
) -> None:
    await prepare(site)
    await receive(site, "=stop=")
    for number in range(3):
        await receive(site, "STOP", f"+1202555020{number}")
    answer = await harness.request.get(f"{site.url}/console/texting/unsubscribed.csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="tidings-unsubscribed.csv"'
    rows = list(csv.DictReader(io.StringIO(await answer.text())))
    assert [row["phone"] for row in rows] == [PHONE, "+12025550200", "+12025550201", "+12025550202"]
    assert rows[0]["raw_text"] == "'=stop="
    assert "shop: Marketing" in rows[0]["blocks"]
    records = await harness.request.get(f"{site.url}/console/texting/records.csv?phone=%2B12025550131")
    listed = list(csv.DictReader(io.StringIO(await records.text())))
    assert [(row["event"], row["before"], row["after"]) for row in listed] == [("opted-out", "opted-in", "opted-out")]


async def test_a_text_is_reviewed_with_the_keyboard_alone(site: ConsoleSite, harness: Page) -> None:
    await prepare(site)
    await receive(site, "take me off your list", PHONE)
    await receive(site, "please take me off this list of yours now", "+12025550132")
    await harness.goto(f"{site.url}/console/texting/review")
    await expect(harness.get_by_text("0 of 10 business days")).to_have_count(2)
    await harness.keyboard.type("Asked in own words")
    await harness.keyboard.press("Enter")
    await expect(harness.get_by_text("Opted out. 1 text left.")).to_be_visible()
    assert await is_opted_out(site, PHONE)
    await harness.keyboard.type("A joke")
    await harness.keyboard.press("Tab")
    await harness.keyboard.press("Tab")
    await harness.keyboard.press("Enter")
    await expect(harness.get_by_text("That was the last one.")).to_be_visible()
    assert not await is_opted_out(site, "+12025550132")


async def test_the_age_of_a_text_to_review_turns_red_before_ten_business_days(site: ConsoleSite, harness: Page) -> None:
    await prepare(site)
    await receive(site, "take me off your list")
    site.app.clock.advance(16 * 86_400)
    await harness.context.clear_cookies()
    await harness.goto(f"{site.url}/console/texting/review")
    await harness.get_by_label("User").fill("admin")
    await harness.get_by_label("Password").fill(DEV_SECRET)
    await harness.get_by_role("button", name="Sign in").click()
    await expect(harness.locator(".age.bad")).to_contain_text("Overdue:")


async def test_the_number_check_says_what_keeps_a_text_and_shows_what_is_known(
    site: ConsoleSite, harness: Page
) -> None:
    await prepare(site)
    await receive(site, "Stop please")
    await site.subscribe(await site.topic(), PHONE, "sms")
    await harness.goto(f"{site.url}/console/texting/number")
    await harness.get_by_label("Number").fill("+1 202 555 0131")
    await expect(harness.get_by_role("heading", name="This text would not go out")).to_be_visible()
    await harness.get_by_label("Text of").select_option("shop")
    await expect(harness.get_by_role("heading", name="This text would not go out")).to_be_visible()
    results = harness.locator("#results")
    await expect(results).to_contain_text("the rule for shop there covers this type")
    await expect(results).to_contain_text("Stop please")
    await expect(results.get_by_role("link", name="weather")).to_be_visible()
    await harness.get_by_label("Number").fill("+12025550177")
    await expect(harness.get_by_role("heading", name="This text would go out")).to_be_visible()
    await expect(results).to_contain_text("This number never opted out or in.")


async def test_a_list_with_bad_lines_is_taken_without_them_and_without_choosing_it_again(
    site: ConsoleSite, sign_in: SignIn, tmp_path: Path
) -> None:
    await prepare(site)
    file = tmp_path / "list.csv"
    file.write_text("phone\n+12025550140\nnonsense\n")
    page = await sign_in("/texting/unsubscribed/import", java_script_enabled=False)
    await page.get_by_label("CSV file").set_input_files(file)
    await page.get_by_role("button", name="Import").click()
    while await page.get_by_role("link", name="Look again").count():
        await page.get_by_role("link", name="Look again").click()
    await expect(page.get_by_role("heading", name="Nothing was imported")).to_be_visible()
    await page.get_by_role("button", name="Leave 1 bad line out and import 1").click()
    while await page.get_by_role("link", name="Look again").count():
        await page.get_by_role("link", name="Look again").click()
    await expect(page.get_by_role("heading", name="Done")).to_be_visible()
    assert await is_opted_out(site, "+12025550140")
