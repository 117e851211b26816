"""A real browser before the subscribers' pages, served over HTTP from real services and a real store.

Everything runs on one loop for the whole session (`pytestmark` of each module): a browser is too dear to start per test.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web
from multidict import CIMultiDict
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect
from tests.support.patience import PATIENCE_S
from tests.support.subscribers import App, open_app

from tidings.dialects.contract import WireRequest

CHROMIUM = os.environ.get("TIDINGS_TEST_CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

expect.set_options(timeout=PATIENCE_S * 1000)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    if not Path(CHROMIUM).exists():
        if os.environ.get("CI"):
            pytest.fail(f"no browser at {CHROMIUM}")
        pytest.skip(f"no browser at {CHROMIUM}")
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield running
        await running.close()


@dataclass(slots=True)
class Site:
    """The pages at an address of this machine."""

    app: App
    url: str


OpenSite = Callable[..., Awaitable[Site]]


@pytest_asyncio.fixture(loop_scope="session")
async def open_site(tmp_path: Path) -> AsyncIterator[OpenSite]:
    """Serve a server whose Pages get the given options; several in one test if need be."""
    async with AsyncExitStack() as stack:

        async def open_one(**options: object) -> Site:
            folder = tmp_path / f"site-{len(list(tmp_path.iterdir()))}"
            folder.mkdir()
            app = await stack.enter_async_context(open_app(folder, **options))
            runner = web.AppRunner(_app(app))
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            listener = web.TCPSite(runner, "127.0.0.1", 0)
            await listener.start()
            return Site(app, f"http://127.0.0.1:{runner.addresses[0][1]}")

        yield open_one


@pytest_asyncio.fixture(loop_scope="session")
async def site(open_site: OpenSite) -> Site:
    return await open_site()


OpenPage = Callable[..., Awaitable[Page]]


@pytest_asyncio.fixture(loop_scope="session")
async def open_page(browser: Browser) -> AsyncIterator[OpenPage]:
    """A fresh page in a context of its own: a phone, without scripts, in English, unless told otherwise.

    When the test ends, nothing may have been complained about in the browser's console.
    """
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    async def open_one(**options: object) -> Page:
        settings: dict[str, object] = {
            "viewport": {"width": 390, "height": 844},
            "locale": "en-US",
            "java_script_enabled": False,
            **options,
        }
        context = await browser.new_context(**settings)  # type: ignore[arg-type]
        contexts.append(context)
        page = await context.new_page()
        page.set_default_timeout(PATIENCE_S * 1000)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("requestfailed", lambda request: complaints.append(f"{request.url}: {request.failure}"))
        return page

    yield open_one
    for context in contexts:
        await context.close()
    # A kind page's status is no complaint, nor is an icon that was still loading when the person went on.
    expected = ("status of 4", "status of 5", "net::ERR_ABORTED")
    assert [line for line in complaints if not any(words in line for words in expected)] == []


@pytest_asyncio.fixture(loop_scope="session")
async def phone(open_page: OpenPage) -> Page:
    return await open_page()


def _app(app: App) -> web.Application:
    async def answer(request: web.Request) -> web.Response:
        wire = WireRequest(
            method=request.method,
            path=request.path,
            query=request.rel_url.raw_query_string,
            headers={name.lower(): ",".join(request.headers.getall(name)) for name in request.headers},
            body=await request.read(),
            remote=request.remote or "",
            scheme="http",
            host=request.host,
            request_id="e2e-request",
        )
        given = await app.pages.handle(wire) if app.pages.claim(wire) else None
        if given is None:
            return web.Response(status=404)
        assert isinstance(given.body, bytes)
        headers = CIMultiDict(given.headers)
        headers["Content-Type"] = given.content_type
        return web.Response(status=given.status, body=given.body, headers=headers)

    web_app = web.Application()
    web_app.router.add_route("*", "/{path:.*}", answer)
    return web_app
