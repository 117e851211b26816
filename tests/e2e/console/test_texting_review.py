"""The review queue when it is long: pages, figures, and a decision that somebody else has made meanwhile."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page, expect
from tests.e2e.console.conftest import BY_CALL, ConsoleSite
from tests.e2e.console.test_texting_addresses import ADDRESS, prepare

from tidings.domain.grants import Verb
from tidings.domain.model import Origin, Way
from tidings.domain.optout import IncomingText

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_long_queue_is_paged_and_counted_and_what_was_decided_is_gone(site: ConsoleSite, harness: Page) -> None:
    await prepare(site)
    texting = site.app.texting
    for number in range(25):
        received = IncomingText(ADDRESS, f"+120255502{number:02}", "please take me off your list")
        await texting.inbound.receive(received, Origin(Way.KEYWORD))
    reading = site.grant(Verb.READ_OPT_OUTS)
    first, second = await texting.records.open_reviews(reading, limit=2)
    deciding = site.grant(Verb.MANAGE_OPT_OUTS)
    await texting.records.resolve(deciding, first.id, opt_out=False, reason="a joke", origin=BY_CALL)
    await harness.goto(f"{site.url}/console/texting/review")
    texts = harness.locator("ol.queue > li")
    await expect(texts).to_have_count(20)
    await expect(harness.locator("dl.figures")).to_contain_text(re.compile(r"Waiting\s*24"))
    await expect(texts.first).to_contain_text(second.endpoint)
    await harness.get_by_role("link", name="Next").click()
    await expect(texts).to_have_count(4)
    await expect(texts.last).to_contain_text("+12025550224")
    # Somebody decides on all of the last page while it is looked at: the queue begins anew.
    last_page = harness.url
    for review in (await texting.records.open_reviews(reading, limit=99))[20:]:
        await texting.records.resolve(deciding, review.id, opt_out=True, reason="asked", origin=BY_CALL)
    await harness.goto(last_page)
    await expect(texts).to_have_count(20)
    await expect(texts.first).to_contain_text(second.endpoint)


async def test_a_decision_without_a_reason_shows_that_text_alone_and_one_that_is_late_says_so(
    site: ConsoleSite, harness: Page
) -> None:
    await prepare(site)
    for number in range(3):
        received = IncomingText(ADDRESS, f"+120255502{number:02}", "please take me off your list")
        await site.app.texting.inbound.receive(received, Origin(Way.KEYWORD))
    await harness.goto(f"{site.url}/console/texting/review")
    texts = harness.locator("ol.queue > li")
    await texts.nth(1).locator("input[maxlength]").fill("   ")
    await texts.nth(1).get_by_role("button", name="Opt out", exact=True).click()
    await expect(texts).to_have_count(1)
    await expect(texts.first).to_contain_text("+12025550201")
    (_, shown, _) = await site.app.texting.records.open_reviews(site.grant(Verb.READ_OPT_OUTS))
    grant = site.grant(Verb.MANAGE_OPT_OUTS)
    await site.app.texting.records.resolve(grant, shown.id, opt_out=False, reason="a joke", origin=BY_CALL)
    await texts.first.locator("input[maxlength]").fill("asked")
    await texts.first.get_by_role("button", name="Opt out", exact=True).click()
    await expect(harness.get_by_text("Somebody was faster: that text is decided.")).to_be_visible()


@pytest.mark.parametrize("path", ["ledger.csv", "texting/records.csv", "texting/unsubscribed.csv"])
async def test_an_export_of_nothing_has_its_head_line(site: ConsoleSite, harness: Page, path: str) -> None:
    for query in ("", "?phone=%2B12025550177"):
        answer = await harness.request.get(f"{site.url}/console/{path}{query}")
        assert (answer.status, answer.headers["content-type"].partition(";")[0]) == (200, "text/csv")
        head, *below = (await answer.text()).splitlines()
        assert len(head.split(",")) > 3
        assert below == []
