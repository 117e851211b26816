"""Every page about texting: fits a phone, keeps quiet in the browser's console, and answers bad input kindly."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from playwright.async_api import Page, expect
from tests.e2e.console.conftest import ACCOUNT, ConsoleSite, SignIn
from tests.e2e.console.test_texting_addresses import ADDRESS, PHONE, prepare
from tests.e2e.console.test_texting_people import receive

from tidings.console.texting import ROUTES
from tidings.domain.grants import Verb
from tidings.domain.optout import SmsType
from tidings.domain.texts import Reach, Review, TextCount, TextTally
from tidings.domain.unit import Unit

pytestmark = pytest.mark.asyncio(loop_scope="session")

PAGES = (
    "/texting/addresses",
    "/texting/addresses/new",
    "/texting/addresses/%2B12025550199?try=stop",
    "/texting/addresses/%2B12025550199/keywords",
    "/texting/rules",
    "/texting/applications/new",
    "/texting/applications/shop",
    "/texting/unsubscribed",
    "/texting/unsubscribed/new",
    "/texting/unsubscribed/lift?address=%2B12025550199&phone=%2B12025550131",
    "/texting/unsubscribed/import",
    "/texting/records",
    "/texting/review",
    "/texting/number?phone=%2B12025550131",
    "/texting/replies?show=all",
    "/texting/counts?range=day",
    "/texting/catalog",
    "/texting/signs/new",
    "/texting/templates/new",
)
HOSTILE = (
    "%00",
    "%FF%FE",
    "-1",
    "99999999999999999999",
    "%F0%9F%91%8D",
    "'\"><script>",
    "..%2F..",
    "%E2%80%AE" * 200,
    "=1%2B1",
)


async def fill(site: ConsoleSite) -> None:
    await prepare(site)
    await receive(site, "STOP please, and a very long word: " + "x" * 120)
    await receive(site, "STOP", PHONE)
    await receive(site, "take me off your list", "+12025550132")
    catalog, grant = site.app.catalog, site.grant(Verb.MANAGE_TEMPLATES)
    await catalog.add_sign(grant, "Harbor", reach=Reach.BOTH)
    await catalog.add_template(
        grant, name="Code", content="Your code is {1}", sms_type=SmsType.VERIFICATION_CODE, reach=Reach.BOTH
    )
    await tally(site)


async def tally(site: ConsoleSite) -> None:
    hour = site.app.clock.now().replace(minute=0, second=0, microsecond=0)
    counts = ((TextCount.REQUESTED, 9), (TextCount.DELIVERED, 5), (TextCount.FAILED, 1), (TextCount.BLOCKED, 3))
    tallies = [TextTally(ACCOUNT, "shop", SmsType.MARKETING, hour, what, count) for what, count in counts]
    tallies += [replace(row, hour=hour - timedelta(days=20)) for row in tallies]
    await site.app.store.commit(Unit(text_tallies=tallies))


async def test_every_page_fits_a_phone(site: ConsoleSite, sign_in: SignIn) -> None:
    await fill(site)
    page = await sign_in(viewport={"width": 360, "height": 780})
    for path in PAGES:
        answer = await page.goto(f"{site.url}/console{path}")
        assert answer is not None
        assert answer.status == 200, path
        assert await page.evaluate("document.documentElement.scrollWidth") <= 360, path
        assert await page.locator("h1").count() == 1, path


async def test_bad_input_in_queries_paths_and_forms_is_never_a_fault_of_ours(site: ConsoleSite, harness: Page) -> None:
    await fill(site)
    mark = await harness.locator("input[name=mark]").first.get_attribute("value")
    names = (
        "phone",
        "address",
        "app",
        "type",
        "since",
        "until",
        "from",
        "before",
        "range",
        "event",
        "way",
        "try",
        "at",
    )
    for route in ROUTES:
        for value in HOSTILE:
            path = f"{site.url}/console" + route.path
            for name in ("address", "app", "record", "id"):
                path = path.replace(f"{{{name}}}", value if "%" in value else "+12025550199")
            if route.method == "GET":
                query = "&".join(f"{name}={value}" for name in names)
                answer = await harness.request.get(f"{path}?{query}", max_redirects=0)
            else:
                form: dict[str, str | float | bool] = {
                    "mark": mark or "",
                    "decision": value,
                    "reason": value,
                    "phones": value,
                    "content": value,
                }
                form |= {"name": value, "app_id": value, "sender": value, "words-opt-out": value, "address": value}
                answer = await harness.request.post(path, form=form, max_redirects=0)
            assert answer.status < 500, (route.method, path, value)


async def test_a_form_without_its_mark_changes_nothing(site: ConsoleSite, harness: Page) -> None:
    await prepare(site)
    for route in ROUTES:
        if route.method == "POST":
            answer = await harness.request.post(
                f"{site.url}/console" + route.path.replace("{address}", ADDRESS), form={"a": "b"}
            )
            assert answer.status in (400, 403), route.path


async def test_the_counts_are_drawn_and_told_as_a_table(site: ConsoleSite, harness: Page) -> None:
    await prepare(site)
    await tally(site)
    await harness.goto(f"{site.url}/console/texting/counts?range=day")
    chart = harness.get_by_role("img", name="Texts in 24 hours: 5 delivered, 1 failed, 3 blocked")
    await expect(chart).to_be_visible()
    await expect(harness.get_by_role("row", name="shop Marketing")).to_contain_text("3")
    await harness.get_by_text("The same as a table").click()
    await expect(harness.locator(".figures-table tbody tr")).to_have_count(24)
    await harness.get_by_label("Time").select_option("month")
    await expect(harness.get_by_role("img", name="Texts in 30 days: 10 delivered")).to_be_visible()


async def test_replies_that_matched_nothing_can_be_tried_again(site: ConsoleSite, harness: Page) -> None:
    await prepare(site)
    await receive(site, "see you at five")
    await receive(site, "STOP")
    await harness.goto(f"{site.url}/console/texting/replies")
    await expect(harness.locator("tbody tr")).to_have_count(1)
    await harness.get_by_role("link", name="Try again").click()
    await expect(harness.locator("#tried")).to_contain_text("Matches nothing")
    await harness.goto(f"{site.url}/console/texting/replies?show=all")
    await expect(harness.locator("tbody tr")).to_have_count(2)


async def test_a_template_is_added_reviewed_and_deleted(site: ConsoleSite, sign_in: SignIn) -> None:
    page = await sign_in("/texting/templates/new", java_script_enabled=False)
    await page.get_by_label("Name").fill("Sale")
    await page.get_by_label("Text").fill("20 percent off, {1}")
    await page.get_by_label("Type").select_option("1")
    await page.get_by_role("button", name="Add the template").click()
    await expect(page.get_by_text("A marketing text says how to get no more.")).to_be_visible()
    assert await page.get_by_label("Text").input_value() == "20 percent off, {1}"
    await page.get_by_label("Text").fill("20 percent off, {1}. Reply STOP to opt out")
    await page.get_by_role("button", name="Add the template").click()
    await page.locator("td a").first.click()
    await page.get_by_role("button", name="Refuse").click()
    await expect(page.get_by_text("Say why it is refused.")).to_be_visible()
    await page.get_by_label("Remark").fill("No such sale")
    await page.get_by_role("button", name="Refuse").click()
    (row,) = await site.app.catalog.templates(site.grant(Verb.LIST))
    assert (row.review, row.review_reply) == (Review.REFUSED, "No such sale")
    await page.locator("td a").first.click()
    await page.get_by_text("Delete…").click()
    await page.get_by_role("button", name="Delete it").click()
    assert await site.app.catalog.templates(site.grant(Verb.LIST)) == []


async def test_a_sign_is_added_once(site: ConsoleSite, sign_in: SignIn) -> None:
    page = await sign_in("/texting/signs/new", java_script_enabled=False)
    await page.get_by_label("Sign", exact=False).first.fill("Harbor")
    await page.get_by_role("button", name="Add the sign").click()
    await expect(page.get_by_text("The sign Harbor was added")).to_be_visible()
    await page.goto(f"{site.url}/console/texting/signs/new")
    await page.get_by_label("Sign", exact=False).first.fill("Harbor")
    await page.get_by_role("button", name="Add the sign").click()
    await expect(page.get_by_text("There is such a sign already.")).to_be_visible()
