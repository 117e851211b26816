"""What a subscriber does, in a real browser, on a phone, without scripts: confirm, cancel, come back, see everything."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect
from tests.e2e.conftest import OpenPage, OpenSite, Site
from tests.support.subscribers import cancel_path, list_path, named_path, standing_path

from tidings.domain.model import Event, State, Way

pytestmark = pytest.mark.asyncio(loop_scope="session")


def _button(page: Page, name: str):
    return page.get_by_role("button", name=name, exact=True)


async def test_a_person_confirms_cancels_and_comes_back(site: Site, phone: Page) -> None:
    app = site.app
    subscription, token = await app.ask(await app.topic())

    await phone.goto(f"{site.url}/s/y/{token}")
    await expect(phone.get_by_role("heading", level=1)).to_have_text("Do you want to receive “Weather warnings”?")
    await expect(phone).to_have_title("Do you want to receive “Weather warnings”? · Example Notices")
    await expect(phone.get_by_role("main")).to_contain_text("a•••@example.org")
    assert (await app.stored(subscription)).state is State.UNCONFIRMED

    await _button(phone, "Yes, send them to me").click()
    await expect(phone.get_by_role("heading", level=1)).to_have_text("You are subscribed to “Weather warnings”")
    assert (await app.stored(subscription)).state is State.CONFIRMED

    await phone.goto(f"{site.url}{cancel_path(subscription)}")
    assert (await app.stored(subscription)).state is State.CONFIRMED
    await _button(phone, "Cancel this subscription").click()
    await expect(phone.get_by_role("heading", level=1)).to_have_text("You have canceled “Weather warnings”")
    assert (await app.stored(subscription)).state is State.CANCELED

    await _button(phone, "Subscribe me again").click()
    await expect(phone.get_by_role("heading", level=1)).to_have_text("Welcome back to “Weather warnings”")
    assert (await app.stored(subscription)).state is State.CONFIRMED

    told = [(entry.event, entry.origin.way, entry.origin.shown) for entry in await app.ledger(subscription)]
    assert told[1:] == [
        (Event.CONFIRMED, Way.LINK, "confirm/en/3"),
        (Event.CANCELED, Way.LINK, "cancel/en/3"),
        (Event.RESTORED, Way.LINK, "canceled/en/3"),
    ]
    assert "Chrome" in (await app.ledger(subscription))[1].origin.user_agent


async def test_a_scanner_that_follows_every_link_changes_nothing(site: Site, phone: Page) -> None:
    app = site.app
    confirmed = await app.subscriber()
    asked, token = await app.ask(await app.topic("later"))
    hers = await app.subscriber(await app.topic("third"), "+12125550100", "sms", "smn")
    waiting = [f"/s/y/{token}", cancel_path(confirmed), cancel_path(asked), list_path(confirmed)]
    waiting += [standing_path(hers), named_path(hers), named_path(confirmed)]
    seen: set[str] = set()
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        await phone.goto(f"{site.url}{path}")
        found = [await link.get_attribute("href") for link in await phone.get_by_role("link").all()]
        waiting += [href for href in found if href and href.startswith("/s/")]
    assert len(seen) > 8
    assert (await app.stored(hers)).state is State.CONFIRMED
    assert (await app.stored(confirmed)).state is State.CONFIRMED
    assert (await app.stored(asked)).state is State.UNCONFIRMED


async def test_reloading_an_answer_does_no_harm(site: Site, phone: Page) -> None:
    app = site.app
    subscription = await app.subscriber()
    await phone.goto(f"{site.url}{cancel_path(subscription)}")
    await _button(phone, "Cancel this subscription").click()
    await expect(phone.get_by_role("heading", level=1)).to_have_text("You have canceled “Weather warnings”")
    await phone.reload()
    await expect(phone.get_by_role("heading", level=1)).to_have_text("You are not subscribed to “Weather warnings”")
    assert [entry.event for entry in await app.ledger(subscription)].count(Event.CANCELED) == 1


async def test_the_list_of_an_address_cancels_one_and_then_the_rest(site: Site, phone: Page) -> None:
    app = site.app
    topics = {name: await app.topic(name.lower(), name) for name in ("Alpha", "Beta", "Gamma")}
    mine = {name: await app.subscriber(topic) for name, topic in topics.items()}
    theirs = await app.subscriber(topics["Alpha"], endpoint="ben@example.org")

    await phone.goto(f"{site.url}{cancel_path(mine['Alpha'])}")
    await phone.get_by_role("link", name="See everything this address receives").click()
    assert await phone.get_by_role("heading", level=2).all_text_contents() == ["Alpha", "Beta", "Gamma"]

    await phone.get_by_role("button", name="Cancel Beta", exact=True).click()
    await expect(phone.get_by_role("heading", level=1)).to_have_text("You have canceled “Beta”")
    await phone.get_by_role("link", name="Back to everything this address receives").click()
    await expect(phone.get_by_text("2 subscriptions from Example Notices.")).to_be_visible()
    await expect(phone.get_by_role("heading", name="Recently canceled")).to_be_visible()

    await phone.get_by_role("link", name="Cancel all of them").click()
    await expect(phone.get_by_role("heading", level=1)).to_have_text("Cancel all 2 subscriptions?")
    await phone.get_by_role("link", name="No, keep them").click()
    await phone.get_by_role("link", name="Cancel all of them").click()
    await _button(phone, "Yes, cancel all 2").click()
    await expect(phone.get_by_role("heading", level=1)).to_have_text("Done. 2 subscriptions are canceled")
    for subscription in mine.values():
        assert (await app.stored(subscription)).state is State.CANCELED
    assert (await app.stored(theirs)).state is State.CONFIRMED


async def test_a_phones_owner_confirms_and_cancels_with_the_one_link_of_the_text(site: Site, phone: Page) -> None:
    app = site.app
    subscription, token = await app.ask(await app.topic(), "+12125550100", "sms")
    await phone.goto(f"{site.url}/s/y/{token}")
    await expect(phone.get_by_role("main")).to_contain_text("+1 •••• 0100")
    await _button(phone, "Yes, send them to me").click()
    await phone.goto(f"{site.url}/s/y/{token}")
    await _button(phone, "Cancel this subscription").click()
    await expect(phone.get_by_role("heading", level=1)).to_have_text("You have canceled “Weather warnings”")
    assert (await app.stored(subscription)).state is State.CANCELED


async def test_a_phones_standing_link_confirms_cancels_and_brings_back(site: Site, phone: Page) -> None:
    app = site.app
    subscription, _ = await app.ask(await app.topic(), "+12125550100", "sms", "smn")
    link = f"{site.url}{standing_path(subscription)}"
    heading = phone.get_by_role("heading", level=1)

    await phone.goto(link)
    await expect(heading).to_have_text("Do you want to receive “Weather warnings”?")
    assert (await app.stored(subscription)).state is State.UNCONFIRMED
    await _button(phone, "Yes, send them to me").click()
    await expect(heading).to_have_text("You are subscribed to “Weather warnings”")
    await expect(phone.get_by_role("main")).to_contain_text("The same link cancels this subscription at any time")

    await phone.goto(link)
    assert (await app.stored(subscription)).state is State.CONFIRMED
    await _button(phone, "Cancel this subscription").click()
    await expect(heading).to_have_text("You have canceled “Weather warnings”")
    await _button(phone, "Subscribe me again").click()
    await expect(heading).to_have_text("Welcome back to “Weather warnings”")
    await _button(phone, "Cancel this subscription").click()
    assert (await app.stored(subscription)).state is State.CANCELED

    await phone.goto(link)
    await _button(phone, "Yes, subscribe me again").click()
    assert (await app.stored(subscription)).state is State.CONFIRMED
    await phone.goto(link)
    await _button(phone, "Cancel this subscription").click()
    app.clock.advance(48 * 3600)
    await phone.goto(link)
    await expect(heading).to_have_text("You are not subscribed to “Weather warnings”")
    assert await phone.locator("form").count() == 0
    told = [(entry.event, entry.origin.shown) for entry in await app.ledger(subscription)]
    assert told[1:] == [
        (Event.CONFIRMED, "confirm/en/3"),
        (Event.CANCELED, "cancel/en/3"),
        (Event.RESTORED, "canceled/en/3"),
        (Event.CANCELED, "restored/en/3"),
        (Event.RESTORED, "restore/en/3"),
        (Event.CANCELED, "cancel/en/3"),
    ]


async def test_a_tab_left_open_does_not_undo_what_another_did(site: Site, open_page: OpenPage) -> None:
    app = site.app
    subscription, _ = await app.ask(await app.topic(), "+12125550100", "sms", "smn")
    link = f"{site.url}{standing_path(subscription)}"
    old, new = await open_page(), await open_page()
    await old.goto(link)
    await new.goto(link)
    await _button(new, "Yes, send them to me").click()
    await _button(new, "Cancel this subscription").click()
    await expect(new.get_by_role("heading", level=1)).to_contain_text("You have canceled")
    await _button(old, "Yes, send them to me").click()
    await expect(old.get_by_role("heading", level=1)).to_contain_text("Come back to")
    assert (await app.stored(subscription)).state is State.CANCELED


async def test_a_phones_owner_reads_chinese_and_uses_the_keyboard(site: Site, open_page: OpenPage) -> None:
    page = await open_page(locale="zh-CN", java_script_enabled=True)
    subscription, _ = await site.app.ask(await site.app.topic(display_name="天气预警"), "+8613800138000", "sms", "smn")
    await page.goto(f"{site.url}{standing_path(subscription)}")
    await expect(page.get_by_role("heading", level=1)).to_have_text("是否接收“天气预警”的消息？")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("您已订阅“天气预警”")
    await expect(page.get_by_role("main")).to_contain_text("您随时可以用同一链接取消订阅")
    assert (await site.app.stored(subscription)).state is State.CONFIRMED


async def test_a_reader_of_chinese_is_met_in_chinese_and_may_switch(site: Site, open_page: OpenPage) -> None:
    app = site.app
    page = await open_page(locale="zh-CN")
    subscription, token = await app.ask(await app.topic(display_name="天气预警"))
    await page.goto(f"{site.url}/s/y/{token}")
    await expect(page.get_by_role("heading", level=1)).to_have_text("是否接收“天气预警”的消息？")
    await expect(page.locator("html")).to_have_attribute("lang", "zh-CN")

    await page.get_by_role("navigation", name="语言").get_by_role("link", name="English").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Do you want to receive “天气预警”?")
    await _button(page, "Yes, send them to me").click()
    await expect(page.locator("html")).to_have_attribute("lang", "en")
    assert (await app.ledger(subscription))[-1].origin.shown == "confirm/en/3"


async def test_an_old_link_is_met_kindly(site: Site, phone: Page) -> None:
    _, token = await site.app.ask(await site.app.topic())
    site.app.clock.advance(48 * 3600)
    answer = await phone.goto(f"{site.url}/s/y/{token}")
    assert answer is not None
    assert answer.status == 410
    await expect(phone.get_by_role("heading", level=1)).to_have_text("This link is too old")
    await expect(phone.get_by_role("region", name="What you can do").get_by_role("listitem")).to_have_count(2)


async def test_with_scripts_allowed_a_page_runs_none_even_if_a_topic_tries(site: Site, open_page: OpenPage) -> None:
    page = await open_page(java_script_enabled=True)
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    topic = await site.app.topic("evil", "<img src=x onerror=alert(1)><script>alert(2)</script>")
    _, token = await site.app.ask(topic)
    await page.goto(f"{site.url}/s/y/{token}")
    await _button(page, "Yes, send them to me").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("<script>alert(2)</script>")
    assert dialogs == []
    assert await page.locator("script, img, iframe").count() == 0


async def test_the_pages_work_under_a_path(open_site: OpenSite, phone: Page) -> None:
    """Behind a proxy that strips a path, links and forms carry it: here nothing strips it, so they lead nowhere but are right."""
    site = await open_site(public_url="https://example.org/tidings")
    subscription = await site.app.subscriber()
    await phone.goto(f"{site.url}{cancel_path(subscription)}")
    action = await phone.locator("form").get_attribute("action")
    assert action == f"/tidings{cancel_path(subscription)}?lang=en"
