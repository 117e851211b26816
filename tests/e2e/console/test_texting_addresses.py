"""Inbound addresses, keywords and rules, as an operator works with them: with scripts, without, and on a phone."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect
from tests.e2e.console.conftest import ACCOUNT, BY_CALL, ConsoleSite, SignIn

from tidings.domain.grants import Verb
from tidings.domain.optout import AddressKind, KeywordSet, SmsType
from tidings.domain.ports import Progress
from tidings.domain.unit import Unit

pytestmark = pytest.mark.asyncio(loop_scope="session")

ADDRESS = "+12025550199"
PHONE = "+12025550131"


async def prepare(site: ConsoleSite, *, apps: tuple[str, ...] = ("shop",)) -> None:
    grant = site.grant(Verb.MANAGE_OPT_OUTS)
    for app in apps:
        await site.app.texting.applications.put(grant, app, ADDRESS)
    await site.app.texting.addresses.add(
        grant, ADDRESS, kind=AddressKind.TEN_DLC, country="US", app_ids=apps, origin=BY_CALL
    )


async def test_an_address_is_added_described_and_deleted_without_scripts(site: ConsoleSite, sign_in: SignIn) -> None:
    page = await sign_in("/texting/addresses", java_script_enabled=False, viewport={"width": 360, "height": 780})
    await expect(page.get_by_role("heading", name="No inbound address yet")).to_be_visible()
    await page.get_by_role("main").get_by_role("link", name="Add an address").first.click()
    await page.get_by_label("Number").fill("202 555 0199")
    await page.get_by_role("button", name="Add the address").click()
    await expect(page.get_by_text("Begin with + and the country")).to_be_visible()
    assert await page.get_by_label("Number").input_value() == "202 555 0199"
    await page.get_by_label("Number").fill("+1 (202) 555-0199")
    await page.get_by_label("Description").fill("Bank")
    await page.get_by_role("button", name="Add the address").click()
    await expect(page.get_by_role("heading", name=ADDRESS, exact=True)).to_be_visible()
    await page.get_by_label("Description").fill("Bank, codes only")
    await page.get_by_role("button", name="Save the description").click()
    found = await site.app.texting.addresses.get(site.grant(Verb.READ_OPT_OUTS), ADDRESS)
    assert (found.description, found.kind) == ("Bank, codes only", AddressKind.LONG_CODE)
    await page.get_by_text("Delete this address…").click()
    await page.get_by_role("button", name=f"Delete {ADDRESS}").click()
    await expect(page.get_by_role("heading", name="No inbound address yet")).to_be_visible()


async def test_an_address_that_sent_lately_is_deleted_after_another_yes_only(site: ConsoleSite, harness: Page) -> None:
    await prepare(site)
    day = site.app.clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    await site.app.flow.record(Progress(), Unit(senders_used={(ACCOUNT, ADDRESS, day)}))
    await harness.goto(f"{site.url}/console/texting/addresses/%2B12025550199")
    await harness.get_by_text("Delete this address…").click()
    await harness.get_by_role("button", name=f"Delete {ADDRESS}").click()
    await expect(harness.get_by_text("stay open for 60 days")).to_be_visible()
    assert len(await site.app.texting.addresses.all(site.grant(Verb.READ_OPT_OUTS))) == 1
    await harness.get_by_label("Delete it although").check()
    await harness.get_by_role("button", name=f"Delete {ADDRESS}").click()
    await expect(harness.get_by_text(f"{ADDRESS} was deleted.")).to_be_visible()


async def test_trying_a_text_tells_what_it_means_while_one_types(site: ConsoleSite, harness: Page) -> None:
    await prepare(site)
    await harness.goto(f"{site.url}/console/texting/addresses/%2B12025550199")
    await harness.get_by_label("What would this text mean here?").press_sequentially("please STOP!")
    await expect(harness.locator("#tried")).to_contain_text("Opts out")
    await expect(harness.locator("#tried code")).to_have_text("please stop")
    await harness.get_by_label("What would this text mean here?").fill("take me off your list")
    await expect(harness.locator("#tried")).to_contain_text("Goes to the review queue")


async def test_a_keyword_in_two_sets_is_told_at_the_field_and_what_was_typed_is_kept(
    site: ConsoleSite, sign_in: SignIn
) -> None:
    await prepare(site)
    page = await sign_in("/texting/addresses/%2B12025550199/keywords", java_script_enabled=False)
    areas = page.get_by_label("Keywords, one a line")
    await areas.nth(2).fill("HELP\nstop.")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator("#words-help-refused")).to_contain_text("“stop.” is among the opt-out words, too")
    await expect(areas.nth(2)).to_have_value("HELP\nstop.")
    await areas.nth(2).fill("HELP\nHULP")
    await areas.nth(0).fill("STOP\nQUIT\nREVOKE\nOPT OUT\nUNSUBSCRIBE")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("END, CANCEL")).to_be_visible()
    found = await site.app.texting.addresses.get(site.grant(Verb.READ_OPT_OUTS), ADDRESS)
    assert found.keywords[KeywordSet.HELP] == ("HELP", "HULP")
    assert "CANCEL" not in found.keywords[KeywordSet.OPT_OUT]


async def test_while_keywords_are_typed_collisions_lengths_and_missing_words_show(
    site: ConsoleSite, harness: Page
) -> None:
    await prepare(site)
    await harness.goto(f"{site.url}/console/texting/addresses/%2B12025550199/keywords")
    areas, answers = harness.get_by_label("Keywords, one a line"), harness.get_by_label("Answer")
    await areas.nth(1).fill("START\nHELP")
    await expect(harness.locator("#words-opt-in-live")).to_contain_text("“HELP” is among the help words")
    await areas.nth(1).fill("START")
    await expect(harness.locator("#words-opt-in-live")).not_to_contain_text("HELP")
    await answers.nth(0).fill("é" * 300)
    await expect(harness.locator("#reply-opt-out-live")).to_contain_text("2 parts")
    await answers.nth(0).fill("退" * 100)
    await expect(harness.locator("#reply-opt-out-live")).to_contain_text("70 characters a part because of 退")
    await areas.nth(0).fill("STOP")
    await expect(harness.locator("#checked")).to_contain_text("will not opt out here")
    found = await site.app.texting.addresses.get(site.grant(Verb.READ_OPT_OUTS), ADDRESS)
    assert len(found.keywords[KeywordSet.OPT_OUT]) > 10  # nothing was saved


async def test_the_matrix_saves_what_was_changed_and_asks_before_it_lifts(site: ConsoleSite, sign_in: SignIn) -> None:
    await prepare(site, apps=("shop", "codes"))
    grant = site.grant(Verb.MANAGE_OPT_OUTS)
    await site.app.texting.opt_outs.opt_out(grant, ADDRESS, PHONE, reason="by mail", origin=BY_CALL)
    page = await sign_in("/texting/rules", java_script_enabled=False)
    await page.get_by_label("shop: Verification code").uncheck()
    # Somebody else changes another rule meanwhile: the form leaves it alone.
    await site.app.texting.rules.put(grant, ADDRESS, "codes", frozenset({SmsType.MARKETING}))
    await page.get_by_role("button", name="Save these rules").click()
    await expect(page.get_by_text("1 number that opted out here would get these texts again:")).to_be_visible()
    assert await _types(site, "shop") == frozenset(SmsType)
    await page.get_by_label("Yes, these may go out again").check()
    await page.get_by_role("button", name="Save these rules").click()
    await expect(page.get_by_text("1 rule of +12025550199 changed")).to_be_visible()
    assert await _types(site, "shop") == {SmsType.MARKETING, SmsType.NOTIFICATION}
    assert await _types(site, "codes") == {SmsType.MARKETING}


async def test_topics_are_never_let_through_whole(site: ConsoleSite, harness: Page) -> None:
    await prepare(site)
    await harness.goto(f"{site.url}/console/texting/rules")
    for label in ("Marketing", "Notification", "Verification code"):
        await harness.get_by_label(f"topics (SNS and SMN): {label}").uncheck()
    await harness.get_by_role("button", name="Save these rules").click()
    await expect(harness.get_by_text("tick at least one type")).to_be_visible()


async def test_an_application_without_a_rule_is_marked_and_its_secret_never_shown(
    site: ConsoleSite, harness: Page
) -> None:
    await prepare(site)
    await harness.goto(f"{site.url}/console/texting/applications/new")
    await harness.get_by_label("Application id").fill("news")
    await harness.get_by_label("Replies go to").fill("ftp://example.org")
    await harness.get_by_label("Secret of the callbacks").fill("a secret of ours")
    await harness.get_by_role("button", name="Add the application").click()
    await expect(harness.locator("#reply-url-refused")).to_be_visible()
    await harness.get_by_label("Replies go to").fill("https://example.org/replies")
    await harness.get_by_label("Secret of the callbacks").fill("a secret of ours")
    await harness.get_by_role("button", name="Add the application").click()
    await expect(harness.get_by_text("no rule anywhere")).to_be_visible()
    await harness.get_by_role("link", name="news").click()
    await expect(harness.get_by_text("One is set; it is never shown.")).to_be_visible()
    assert "a secret of ours" not in await harness.content()


async def _types(site: ConsoleSite, app: str) -> frozenset[SmsType]:
    rules = await site.app.texting.rules.all(site.grant(Verb.READ_OPT_OUTS))
    return next(rule.types for rule in rules if (rule.address, rule.app_id) == (ADDRESS, app))
