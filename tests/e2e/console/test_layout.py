"""Every page of the console at the widths at which it once broke: nothing sticks out, no script fails, and acts stand in their own row."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect
from tests.e2e.console.conftest import ACCOUNT, ConsoleSite, SignIn
from tests.e2e.console.test_texting_addresses import ADDRESS, prepare

from tidings.domain.model import Origin, Way
from tidings.domain.optout import TOPICS_APP, IncomingText, SmsType
from tidings.domain.texts import TextCount, TextTally
from tidings.domain.unit import Unit

pytestmark = pytest.mark.asyncio(loop_scope="session")

PATHS = (
    "", "/topics", "/subscriptions", "/dead-letters", "/ledger", "/account", "/sessions", "/outbox",
    "/texting/addresses", "/texting/rules", "/texting/unsubscribed", "/texting/records", "/texting/review",
    "/texting/replies", "/texting/counts", "/texting/number?phone=%2B12025550100",
)  # fmt: skip
STICKS_OUT = "document.documentElement.scrollWidth > innerWidth"
OUTSIDE_ITS_ROW = """[...document.querySelectorAll('td a.lift')].filter(link => {
  const row = link.closest('tr').getBoundingClientRect(), own = link.getBoundingClientRect();
  return own.top < row.top || own.bottom > row.bottom || own.right > row.right;
}).length"""
BLANK = """[...document.querySelectorAll('.cards td')].filter(
  cell => getComputedStyle(cell).display === 'block' && !cell.textContent.trim() && !cell.querySelector('input')
).length"""


async def fill(site: ConsoleSite) -> None:
    await prepare(site, apps=("shop", "codes"))
    for number, text in enumerate(("STOP", "unsubscribe", "What time is it there?")):
        await site.app.texting.inbound.receive(IncomingText(ADDRESS, f"+1202555010{number}", text), Origin(Way.KEYWORD))
    topic = await site.topic("weather-warnings-for-the-whole-harbor-district")
    await site.subscribe(topic, "somebody.with.a.long.name@subdomain.of.example.org")
    hour = site.app.clock.now().replace(minute=0, second=0, microsecond=0)
    tallies = [
        TextTally(ACCOUNT, TOPICS_APP, SmsType.NOTIFICATION, hour, what, 12_345)
        for what in (TextCount.REQUESTED, TextCount.DELIVERED)
    ]
    await site.app.store.commit(Unit(text_tallies=tallies))


async def test_no_page_sticks_out_and_no_script_fails(site: ConsoleSite, sign_in: SignIn) -> None:
    await fill(site)
    page = await sign_in()
    failed: list[str] = []
    page.on("pageerror", lambda error: failed.append(f"{page.url}: {error}"))
    for path in PATHS:
        await page.goto(f"{site.url}/console{path}")
        for width in (320, 375, 900, 1024, 1280):
            await page.set_viewport_size({"width": width, "height": 900})
            where = f"{path} at {width}"
            assert await page.evaluate(STICKS_OUT) is False, where
            assert await page.evaluate(OUTSIDE_ITS_ROW) == 0, where
            assert await page.evaluate(BLANK) == 0, where
    assert failed == []


async def test_the_menu_is_reached_whole_on_a_short_screen(site: ConsoleSite, sign_in: SignIn) -> None:
    page = await sign_in(viewport={"width": 1280, "height": 400})
    await page.get_by_role("button", name="Sign out").scroll_into_view_if_needed()
    await expect(page.get_by_role("button", name="Sign out")).to_be_in_viewport(ratio=1)
    await page.get_by_role("link", name="Overview").scroll_into_view_if_needed()
    await expect(page.get_by_role("link", name="Overview")).to_be_in_viewport(ratio=1)


async def test_a_chart_fills_its_card(site: ConsoleSite, harness: Page) -> None:
    await fill(site)
    await harness.goto(f"{site.url}/console/texting/counts")
    chart, sheet = harness.locator(".chart"), harness.locator(".sheet", has=harness.locator(".chart"))
    inner = await sheet.evaluate("e => e.clientWidth - 2 * parseFloat(getComputedStyle(e).paddingLeft)")
    assert await chart.evaluate("e => e.getBoundingClientRect().width") == pytest.approx(inner, abs=1)
    await harness.get_by_label("Time").select_option("day")
    await expect(harness.get_by_text("Last 24 hours")).to_be_visible()
