"""The console of a whole server in developer mode, in this process, before a real browser.

Everything runs on one loop for the whole session (`pytestmark` of each module). `site` is a server of the test's own; `harness` is a page
signed in as its owner.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest_asyncio
from playwright.async_api import Page

from tidings.access.authorize import authorize
from tidings.cli.bootstrap import DEV_ACCOUNT_ID, DEV_SECRET, Wanted, bootstrap
from tidings.domain.grants import Grant, Verb
from tidings.domain.model import AccountId, Origin, Principal, Role, Subscription, Topic, Way
from tidings.settings import load
from tidings.wiring import Application

ACCOUNT = AccountId(DEV_ACCOUNT_ID)
OWNER = Principal(ACCOUNT, "admin", Role.OWNER)
BY_CALL = Origin(Way.API, OWNER.arn, "192.0.2.7", "boto3/1.44")


@dataclass(slots=True)
class ConsoleSite:
    """A running server. `url` is its address."""

    app: Application
    url: str

    def grant(self, verb: Verb) -> Grant:
        return authorize(OWNER, verb, owner=ACCOUNT, resource="test")

    async def topic(self, name: str = "weather", display_name: str = "Weather warnings") -> Topic:
        made, _ = await self.app.topics.create(
            self.grant(Verb.CREATE_TOPIC),
            region="us-east-1",
            name=name,
            dialect="sns",
            display_name=display_name,
            settings={},
            tags={"team": "harbor"},
        )
        return made

    async def subscribe(
        self, topic: Topic, endpoint: str = "anna@example.org", protocol: str = "email", dialect: str = "sns"
    ) -> Subscription:
        """Unconfirmed: the mail or text with its link goes to the outbox."""
        made, _ = await self.app.subscriptions.subscribe(
            self.grant(Verb.SUBSCRIBE),
            topic,
            dialect=dialect,
            protocol=protocol,
            endpoint=endpoint,
            settings={},
            origin=BY_CALL,
        )
        return made


@pytest_asyncio.fixture(loop_scope="session")
async def site(tmp_path: Path) -> AsyncIterator[ConsoleSite]:
    effective = load({"data": str(tmp_path), "listen": "127.0.0.1:0", "dev": True}, {})
    app = await Application.build(effective)
    await bootstrap(app.accounts, Wanted(dev=True))
    await app.start()
    yield ConsoleSite(app, app.public_url)
    await app.stop()


OpenPage = Callable[..., Awaitable[Page]]
SignIn = Callable[..., Awaitable[Page]]


@pytest_asyncio.fixture(loop_scope="session")
async def sign_in(site: ConsoleSite, open_page: OpenPage) -> SignIn:
    """Open a page of the console as a user; `options` as for `open_page`, with scripts unless told otherwise."""

    async def enter(path: str = "", user: str = "admin", password: str = DEV_SECRET, **options: object) -> Page:
        settings = {"java_script_enabled": True, "viewport": {"width": 1280, "height": 900}, **options}
        page = await open_page(**settings)
        await page.goto(f"{site.url}/console{path}")
        await page.get_by_label("User").fill(user)
        await page.get_by_label("Password").fill(password)
        await page.get_by_role("button", name="Sign in").click()
        await page.wait_for_selector("nav", state="attached")
        return page

    return enter


@pytest_asyncio.fixture(loop_scope="session")
async def harness(sign_in: SignIn) -> Page:
    """The overview, signed in as the owner, on a wide screen with scripts."""
    return await sign_in()


__all__ = ["ACCOUNT", "BY_CALL", "OWNER", "ConsoleSite"]
