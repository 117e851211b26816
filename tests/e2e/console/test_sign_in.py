"""Signing in and out, as a person does it: with and without scripts, with the keyboard alone."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect
from tests.e2e.conftest import OpenPage
from tests.e2e.console.conftest import ACCOUNT, ConsoleSite, SignIn

from tidings.domain.model import Role

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_page_asks_to_sign_in_first_and_is_shown_then(site: ConsoleSite, sign_in: SignIn) -> None:
    page = await sign_in("/topics?name=wea")
    assert page.url == f"{site.url}/console/topics?name=wea"
    assert await page.get_by_label("Name contains").input_value() == "wea"


async def test_the_sign_in_page_of_developer_mode_says_what_to_type(site: ConsoleSite, open_page: OpenPage) -> None:
    page = await open_page()
    await page.goto(f"{site.url}/console")
    said = [await key.inner_text() for key in await page.locator("kbd").all()]
    await page.get_by_label("User").fill(said[0])
    await page.get_by_label("Password").fill(said[1])
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Overview")).to_be_visible()


async def test_a_wrong_password_is_told_and_the_name_kept(site: ConsoleSite, open_page: OpenPage) -> None:
    page = await open_page(java_script_enabled=True)
    await page.goto(f"{site.url}/console")
    await page.get_by_label("User").fill("admin")
    await page.get_by_label("Password").fill("wrong")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_text("User and password do not match.")).to_be_visible()
    assert await page.get_by_label("User").input_value() == "admin"
    assert await page.get_by_label("Password").input_value() == ""
    await expect(page.get_by_label("Password")).to_be_focused()
    await expect(page.get_by_label("Password")).to_have_attribute("aria-invalid", "true")


async def test_signing_out_leads_back_and_the_pages_are_closed(site: ConsoleSite, harness: Page) -> None:
    await harness.get_by_role("button", name="Sign out").click()
    await expect(harness.get_by_role("heading", name="Sign in")).to_be_visible()
    await harness.goto(f"{site.url}/console/ledger")
    await expect(harness.get_by_role("heading", name="Sign in")).to_be_visible()


async def test_the_keyboard_alone_reaches_the_content_and_the_menu(harness: Page) -> None:
    await harness.keyboard.press("Tab")
    await expect(harness.get_by_role("link", name="Skip to content")).to_be_focused()
    await harness.keyboard.press("Enter")
    await expect(harness.locator("main")).to_be_focused()
    await harness.reload()
    for _ in range(20):
        await harness.keyboard.press("Tab")
        if await harness.evaluate("document.activeElement.textContent.trim()") == "Subscriptions":
            break
    await harness.keyboard.press("Enter")
    await expect(harness.get_by_role("heading", name="Subscriptions", exact=True)).to_be_visible()
    await expect(harness.locator("nav.wide a[aria-current=page]")).to_have_text("Subscriptions")


async def test_on_a_phone_the_menu_opens_without_scripts(sign_in: SignIn) -> None:
    page = await sign_in(java_script_enabled=False, viewport={"width": 320, "height": 700})
    link = page.locator("details nav").get_by_role("link", name="Consent ledger")
    await expect(link).to_be_hidden()
    await page.get_by_text("Menu", exact=True).click()
    await link.click()
    await expect(page.get_by_role("heading", name="Consent ledger")).to_be_visible()


async def test_an_auditor_sees_no_buttons_that_he_may_not_press(site: ConsoleSite, sign_in: SignIn) -> None:
    await site.app.accounts.create_user(ACCOUNT, "vera", Role.AUDITOR, "correct horse")
    subscription = await site.subscribe(await site.topic())
    page = await sign_in(f"/subscriptions/{subscription.uid}", user="vera", password="correct horse")
    await expect(page.get_by_role("heading", name="anna@example.org")).to_be_visible()
    assert await page.locator("main form").count() == 0
    await expect(page.locator("nav.wide")).not_to_contain_text("Dead letters")
    await page.goto(f"{site.url}/console/dead-letters")
    await expect(page.get_by_role("heading", name="You may not do this")).to_be_visible()
