"""A toy cloud and a toy channel, kept in the test folder, are one entry each in the real application's two lists, and all works with them.

If this test ever needs a change elsewhere in `src/`, a seam is broken.
"""

from __future__ import annotations

import ast
import asyncio
import re
import tomllib
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import aiohttp

from tests.support.toys import PIGEON, REGION, TOY_CLOUD, ToyChannel, ToyNames
from tidings.cli.bootstrap import DEV_KEY_ID, DEV_SECRET, Wanted, bootstrap
from tidings.dialects.cloud import Cloud
from tidings.dialects.clouds import CLOUDS
from tidings.settings import load
from tidings.wiring import Application
from tidings.wiring.channels import CHANNELS, ChannelKind, ChannelParts

SOURCES = Path(__file__).parents[2] / "src" / "tidings"


class Birds:
    """A channel kind's maker that remembers what it made."""

    channel: ToyChannel

    def make(self, parts: ChannelParts) -> ToyChannel:
        self.channel = ToyChannel(parts.permit)
        return self.channel


@asynccontextmanager
async def running(folder: Path, clouds: tuple[Cloud, ...], *channels: ChannelKind) -> AsyncIterator[Application]:
    settings = load({"data": str(folder), "listen": "127.0.0.1:0", "dev": True}, {})
    app = await Application.build(settings, clouds=clouds, channels=(*CHANNELS, *channels))
    await bootstrap(app.accounts, Wanted(dev=True))
    await app.start()
    try:
        yield app
    finally:
        await app.stop()


def browsing() -> aiohttp.ClientSession:
    """Keeps cookies of bare addresses too, as browsers do."""
    return aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))


def text_of(page: str) -> str:
    return re.sub(r"<[^>]+>", "", page)


async def signed_in(browser: aiohttp.ClientSession, app: Application) -> None:
    """To the console, as the owner."""
    async with browser.get(f"{app.public_url}/console/sign-in") as page:
        mark = re.search(r'name="mark" value="([0-9a-f]+)"', await page.text())
    assert mark is not None
    form = {"mark": mark[1], "user": "admin", "password": DEV_SECRET}
    async with browser.post(
        f"{app.public_url}/console/sign-in", data=form, headers={"Origin": app.public_url}
    ) as answer:
        assert answer.status == 200


async def test_a_new_cloud_and_a_new_channel_are_one_entry_each(tmp_path: Path) -> None:
    birds = Birds()
    kind = ChannelKind(make=birds.make, protocols=(PIGEON,))
    async with running(tmp_path, (*CLOUDS, TOY_CLOUD), kind) as app, browsing() as browser:

        async def ask(method: str, path: str, body: str = "", status: int = 200) -> str:
            async with browser.request(method, f"{app.public_url}{path}", data=body.encode()) as answer:
                assert answer.status == status, await answer.text()
                return await answer.text()

        topic = await ask("POST", "/toy/topics", "birds", 201)
        assert "not a loft" in await ask("POST", "/toy/topics/birds/subscriptions", "cage 1", 400)
        uid = await ask("POST", "/toy/topics/birds/subscriptions", "loft 1", 201)
        await ask("POST", "/toy/topics/birds/messages", "coo", 202)
        assert await asyncio.wait_for(birds.channel.carried.get(), 30) == "loft 1: coo"

        await signed_in(browser, app)
        shown = text_of(await ask("GET", f"/console/topics/{topic}"))
        assert "Pigeonhole" in shown
        assert f"pigeonhole {REGION}/birds" in shown
        assert "loft 1" in await ask("GET", "/console/subscriptions?protocol=pigeon")
        assert 'tidings_requests_total{dialect="toy",status="202"} 1.0' in await ask("GET", "/metrics")

        await ask("DELETE", f"/toy/subscriptions/{uid}", "", 204)
        await ask("POST", "/toy/topics/birds/messages", "coo again", 202)
        while app.flow.backlog():
            await asyncio.sleep(0.01)
        assert birds.channel.carried.empty()


async def test_names_of_topics_come_from_the_clouds_own_naming(tmp_path: Path) -> None:
    renamed = tuple(replace(cloud, names=ToyNames()) if cloud.name == "smn" else cloud for cloud in CLOUDS)
    async with running(tmp_path, (*renamed, TOY_CLOUD)) as app, browsing() as browser:
        async with browser.post(f"{app.public_url}/toy/topics", data=b"news") as answer:
            uid = await answer.text()
        await signed_in(browser, app)
        async with browser.get(f"{app.public_url}/console/topics/{uid}") as page:
            shown = text_of(await page.text())
        assert f"arn:aws:sns:{REGION}:" in shown
        assert f"pigeonhole {REGION}/news" in shown
        assert "urn:smn" not in shown
        signed = {"Authorization": f"Basic {b64encode(f'{DEV_KEY_ID}:{DEV_SECRET}'.encode()).decode()}"}
        async with browser.get(f"{app.public_url}/api/v1/topics/{uid}", headers=signed) as answer:
            assert (await answer.json())["urn"] == f"pigeonhole {REGION}/news"


def test_nothing_but_its_package_and_the_list_names_a_cloud() -> None:
    names = {cloud.name for cloud in CLOUDS}
    named = re.compile(rf"\b(from|import) tidings\.dialects\.({'|'.join(names)})\b")
    others = [file for file in SOURCES.rglob("*.py") if not names & set(file.relative_to(SOURCES).parts[:-1])]
    assert len(others) > 300
    found = {str(file.relative_to(SOURCES)) for file in others if named.search(file.read_text("utf-8"))}
    assert found == {"dialects/clouds.py"}


def test_the_import_rules_know_every_front_end_and_channel() -> None:
    rules = tomllib.loads((SOURCES.parents[1] / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    layers = " ".join(next(rule["layers"] for rule in rules if rule["type"] == "layers"))
    channels = next(rule["modules"] for rule in rules if rule["type"] == "independence")
    for package in (path.parent.name for path in SOURCES.glob("dialects/*/__init__.py")):
        assert re.search(rf"tidings\.dialects\.{package}\b", layers), package
    for package in (path.parent.name for path in SOURCES.glob("channels/*/__init__.py")):
        assert f"tidings.channels.{package}" in channels or package == "mime", package


def test_the_loop_of_delivery_knows_no_protocol_by_name() -> None:
    names = {protocol.name for kind in CHANNELS for protocol in kind.protocols}
    assert {"sms", "sqs", "email", "http"} <= names
    found = [
        f"{path.name}:{node.lineno}: {node.value}"
        for folder in ("delivery", "flow")
        for path in sorted((SOURCES / folder).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and node.value in names
    ]
    assert found == []
