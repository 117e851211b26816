"""Topics, subscriptions, ledger, dead letters and outbox, as an operator uses them in a real browser."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.async_api import Page, expect
from tests.e2e.console.conftest import ACCOUNT, BY_CALL, ConsoleSite, SignIn
from tests.support.patience import PATIENCE_S
from tests.support.receiver import Receiver

from tidings.domain.grants import Verb
from tidings.domain.model import Kind, LedgerQuery, Message, State, Subscription, Way
from tidings.domain.optout import AddressKind
from tidings.domain.unit import Unit

pytestmark = pytest.mark.asyncio(loop_scope="session")

PAGES = ("", "/topics", "/subscriptions", "/dead-letters", "/ledger", "/outbox", "/account", "/sessions")


async def _until(ready: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not await ready():
            await asyncio.sleep(0.02)


async def _captured(site: ConsoleSite, count: int) -> None:
    outbox = site.app.delivery.outbox
    assert outbox is not None

    async def ready() -> bool:
        return len(outbox.entries()) >= count

    await _until(ready)


async def test_an_empty_server_says_what_to_do_next(site: ConsoleSite, harness: Page) -> None:
    for path, heading in (
        ("", "No consent was given yet"),
        ("/topics", "No topics yet"),
        ("/subscriptions", "Nobody is subscribed yet"),
        ("/dead-letters", "No dead letters"),
        ("/ledger", "The ledger is empty"),
        ("/outbox", "Nothing went out yet"),
    ):
        await harness.goto(f"{site.url}/console{path}")
        await expect(harness.get_by_role("heading", name=heading)).to_be_visible()


async def test_topics_are_found_while_one_types_and_the_address_keeps_it(site: ConsoleSite, harness: Page) -> None:
    await site.topic("weather", "Weather warnings")
    await site.topic("harbor-news", "Harbor news")
    await harness.goto(f"{site.url}/console/topics")
    await expect(harness.locator("tbody tr")).to_have_count(2)
    await harness.get_by_label("Name contains").press_sequentially("harb")
    await expect(harness.locator("tbody tr")).to_have_count(1)
    await expect(harness.locator("#spoken")).to_have_text("1 topic")
    await expect(harness).to_have_url(re.compile("name=harb"))
    await harness.get_by_role("link", name="harbor-news").click()
    await expect(harness.get_by_role("heading", name="Harbor news")).to_be_visible()
    await expect(harness.get_by_text("arn:aws:sns:us-east-1:000000000000:harbor-news", exact=True)).to_be_visible()
    await harness.go_back()
    await expect(harness.locator("tbody tr")).to_have_count(1)


async def test_a_subscription_is_found_by_endpoint_and_canceled_with_a_reason(site: ConsoleSite, harness: Page) -> None:
    topic = await site.topic()
    anna = await site.subscribe(topic, "https://hooks.example.com/anna", "https")
    await site.subscribe(topic, "ben@example.org")
    await site.app.store.commit(
        Unit(subscriptions_changed=[replace((await _stored(site, anna.uid)), state=State.CONFIRMED)])
    )
    await harness.goto(f"{site.url}/console/subscriptions")
    await harness.get_by_label("Endpoint").fill("https://hooks.example.com/anna")
    await expect(harness.locator("tbody tr")).to_have_count(1)
    await harness.locator("tbody a").click()
    await harness.get_by_text("Cancel this subscription…").click()
    await harness.get_by_label("Reason").first.fill("She called us")
    await harness.get_by_role("button", name="Cancel it now").click()
    await expect(harness.get_by_role("status").first).to_contain_text("Canceled. Nothing more is sent")
    assert (await _stored(site, anna.uid)).state is State.CANCELED
    await expect(harness.locator(".story li").first).to_contain_text("She called us")
    await harness.locator(".story a").first.click()
    await expect(harness.get_by_text("arn:aws:iam::000000000000:user/admin")).to_be_visible()
    await expect(harness.locator("pre")).to_have_text("She called us")


async def test_everything_works_without_scripts(site: ConsoleSite, sign_in: SignIn) -> None:
    topic = await site.topic()
    anna = await site.subscribe(topic)
    await _captured(site, 1)
    page = await sign_in("/subscriptions", java_script_enabled=False, viewport={"width": 360, "height": 780})
    await page.get_by_label("State").select_option("unconfirmed")
    await page.get_by_role("button", name="Search").click()
    await page.get_by_role("link", name="anna@example.org").click()
    await page.get_by_role("button", name="Send the confirmation again").click()
    await expect(page.get_by_text("is asked once more")).to_be_visible()
    await _captured(site, 2)
    await page.get_by_text("Delete this subscription…").click()
    await page.get_by_label("Reason").fill("Typed wrong")
    await page.get_by_role("button", name="Delete it now").click()
    await expect(page.get_by_text("was deleted")).to_be_visible()
    assert await site.app.subscriptions.find(anna.uid) is None
    await page.goto(f"{site.url}/console/ledger?event=deleted")
    await expect(page.locator("tbody tr")).to_have_count(1)
    entry = (await site.app.store.ledger(LedgerQuery(subscription_uid=anna.uid)))[-1]
    assert (entry.origin.way, entry.origin.raw_text) == (Way.CONSOLE, "Typed wrong")


async def test_a_mail_in_the_outbox_confirms_as_its_reader_would(site: ConsoleSite, harness: Page) -> None:
    anna = await site.subscribe(await site.topic())
    await _captured(site, 1)
    await harness.goto(f"{site.url}/console/outbox")
    await harness.get_by_role("link", name="anna@example.org").click()
    frame = harness.frame_locator("iframe.mail")
    await expect(frame.get_by_role("link", name="Confirm subscription")).to_be_visible()
    async with harness.context.expect_page() as opened:
        await frame.get_by_role("link", name="Confirm subscription").click()
    subscriber = await opened.value
    await subscriber.get_by_role("button").first.click()
    await subscriber.wait_for_load_state()
    assert (await _stored(site, anna.uid)).state is State.CONFIRMED


async def test_a_new_mail_appears_in_the_outbox_by_itself(site: ConsoleSite, harness: Page) -> None:
    topic = await site.topic()
    await harness.goto(f"{site.url}/console/outbox")
    await expect(harness.get_by_role("heading", name="Nothing went out yet")).to_be_visible()
    await site.subscribe(topic, "late@example.org")
    await expect(harness.get_by_role("link", name="late@example.org")).to_be_visible()


async def test_a_phone_answers_stop_from_the_outbox(site: ConsoleSite, harness: Page) -> None:
    address = "+18885550100"
    await site.app.texting.addresses.add(
        site.grant(Verb.MANAGE_OPT_OUTS), address, kind=AddressKind.LONG_CODE, description="US", origin=BY_CALL
    )
    await site.subscribe(await site.topic(), "+12025550143", "sms", "smn")
    await _captured(site, 1)
    await harness.goto(f"{site.url}/console/outbox")
    await harness.get_by_role("link", name="+12025550143").click()
    await harness.get_by_role("textbox", name="Text").fill("stop")
    await harness.get_by_role("button", name="Send the answer").click()
    await expect(harness.get_by_role("status").first).to_contain_text("That is an opt-out.")
    records = await site.app.texting.records.find(site.grant(Verb.READ_OPT_OUTS), LedgerQuery())
    assert [(entry.address, entry.endpoint, entry.origin.raw_text) for entry in records] == [
        (address, "+12025550143", "stop")
    ]


async def test_chosen_dead_letters_are_sent_again_and_arrive(
    site: ConsoleSite, harness: Page, receiver: Receiver
) -> None:
    topic = await site.topic()
    hook = await site.subscribe(topic, f"{receiver.url}/hook", "http")
    await site.app.store.commit(
        Unit(subscriptions_changed=[replace((await _stored(site, hook.uid)), state=State.CONFIRMED)])
    )
    receiver.answer = lambda _: 403
    message = Message("m-1", Kind.NOTIFICATION, ACCOUNT, "sns", site.app.clock.now(), topic.id, body="The ferry leaves")
    await site.app.flow.append([message])

    async def is_dead() -> bool:
        await harness.goto(f"{site.url}/console/dead-letters")
        return await harness.locator("tbody tr").count() == 1

    await _until(is_dead)
    await expect(harness.locator("tbody")).to_contain_text("403")
    receiver.answer = lambda _: 200
    await harness.get_by_role("button", name="Send the chosen ones again").click()
    await expect(harness.get_by_text("Tick at least one dead letter first.")).to_be_visible()
    await harness.get_by_role("checkbox").check()
    await harness.get_by_role("button", name="Send the chosen ones again").click()
    await expect(harness.get_by_text("1 dead letter is on the way again.")).to_be_visible()
    await expect(harness.get_by_role("heading", name="No dead letters")).to_be_visible()


async def test_the_ledger_is_filtered_and_taken_along(site: ConsoleSite, harness: Page, tmp_path: Path) -> None:
    topic = await site.topic()
    await site.subscribe(topic)
    await site.subscribe(topic, "ben@example.org")
    await harness.goto(f"{site.url}/console/ledger")
    await expect(harness.locator("tbody tr")).to_have_count(2)
    await harness.get_by_label("Endpoint").fill("ben@example.org")
    await expect(harness.locator("tbody tr")).to_have_count(1)
    async with harness.expect_download() as started:
        await harness.get_by_role("link", name="Export as CSV").click()
    saved = tmp_path / "ledger.csv"
    await (await started.value).save_as(saved)
    assert [line.split(",")[6] for line in saved.read_text().splitlines()] == ["endpoint", "ben@example.org"]


@pytest.mark.parametrize("width", [320, 768, 1280])
async def test_no_page_is_wider_than_its_screen_and_every_field_has_a_name(
    site: ConsoleSite, sign_in: SignIn, width: int
) -> None:
    topic = await site.topic("a-topic-with-a-rather-long-name-that-has-no-end-" + "x" * 100)
    row = await site.subscribe(topic, "https://hooks.example.com/" + "notifications/" * 12, "https")
    page = await sign_in(viewport={"width": width, "height": 800})
    for path in (*PAGES, f"/topics/{topic.uid}", f"/subscriptions/{row.uid}", "/ledger/1", "/nothing"):
        await page.goto(f"{site.url}/console{path}")
        assert await page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert await page.locator("h1").count() == 1, path
        nameless = await page.evaluate(
            """[...document.querySelectorAll('input:not([type=hidden]), select, textarea, button, a, summary')]
               .filter(e => !(e.labels?.length || e.textContent.trim() || e.getAttribute('aria-label'))).map(e => e.outerHTML)"""
        )
        assert nameless == [], path
        twice = await page.evaluate(
            "(ids => ids.filter((id, n) => ids.indexOf(id) !== n))([...document.querySelectorAll('[id]')].map(e => e.id))"
        )
        assert twice == [], path


async def _stored(site: ConsoleSite, uid: str) -> Subscription:
    found = await site.app.store.subscription(uid)
    assert found is not None
    return found
