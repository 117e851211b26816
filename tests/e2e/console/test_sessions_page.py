"""The page of sessions, as a person uses it: with and without scripts, with the keyboard alone."""

from __future__ import annotations

import pytest
from playwright.async_api import expect
from tests.e2e.console.conftest import ConsoleSite, SignIn

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize("scripts", [True, False])
async def test_another_session_is_ended_and_signed_out_there(site: ConsoleSite, sign_in: SignIn, scripts: bool) -> None:
    other = await sign_in(user_agent="Old phone")
    page = await sign_in(java_script_enabled=scripts)
    await page.get_by_role("link", name="Sessions", exact=True).click()
    row = page.get_by_role("row").filter(has_text="Old phone")
    mine = page.get_by_role("row").filter(has_text="This one")
    await expect(mine).to_have_count(1)
    await expect(mine.get_by_role("button")).to_have_count(0)
    await expect(row).to_contain_text("127.0.0.1")
    await row.get_by_role("button", name="End", exact=True).click()
    await expect(page.get_by_text("A session of admin was ended.")).to_be_visible()
    await expect(row).to_have_count(0)
    await other.goto(f"{site.url}/console/topics")
    await expect(other.get_by_role("heading", name="Sign in")).to_be_visible()


async def test_the_keyboard_alone_ends_all_others(site: ConsoleSite, sign_in: SignIn) -> None:
    others = [await sign_in(), await sign_in()]
    page = await sign_in("/sessions", java_script_enabled=False)
    button = page.get_by_role("button", name="End all my other sessions")
    await expect(button).to_be_visible()
    for _ in range(60):
        await page.keyboard.press("Tab")
        if await button.evaluate("button => button === document.activeElement"):
            break
    await expect(button).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("2 other sessions of yours ended.")).to_be_visible()
    await expect(button).to_have_count(0)
    for other in others:
        await other.goto(f"{site.url}/console/topics")
        await expect(other.get_by_role("heading", name="Sign in")).to_be_visible()
