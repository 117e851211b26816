"""The console of a whole server that is not running, asked as a browser would: what its tests stand on."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlencode

from tests.support.build import make_message

from tidings.access.authorize import authorize
from tidings.cli.bootstrap import DEV_ACCOUNT_ID, DEV_SECRET, Wanted, bootstrap
from tidings.console import Console
from tidings.dialects.contract import WireRequest, WireResponse
from tidings.domain.grants import Grant, Verb
from tidings.domain.model import AccountId, Origin, Principal, Role, Subscription, Topic, Way
from tidings.domain.ports import NewDelivery, Progress
from tidings.settings import load
from tidings.wiring import Application

ACCOUNT = AccountId(DEV_ACCOUNT_ID)
OWNER = Principal(ACCOUNT, "admin", Role.OWNER)
PASSWORD = "correct horse battery"
HOST = "console.example"
ORIGIN = f"http://{HOST}"
FORM = "application/x-www-form-urlencoded"
_MARK = re.compile(r'name="mark" value="([0-9a-f]{64})"')


class Harness:
    """`cookies` are a browser's. `get` and `post` follow no redirect; `post` sends the mark of the page that was drawn last."""

    def __init__(self, services: Application, console: Console) -> None:
        self.services = services
        self.console = console
        self.cookies: dict[str, str] = {}
        self.mark = ""
        self.scheme = "http"
        self.remote = "192.0.2.7"

    # --- asking ------------------------------------------------------------------------------------------------------

    async def get(self, path: str, **headers: str) -> WireResponse:
        return await self.send("GET", path, b"", headers)

    async def post(self, path: str, form: Mapping[str, object], **headers: str) -> WireResponse:
        body = urlencode({"mark": self.mark, **form}, doseq=True).encode()
        return await self.send("POST", path, body, {"content-type": FORM, "origin": ORIGIN, **headers})

    async def send(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> WireResponse:
        where, _, query = path.partition("?")
        named = {name.replace("_", "-"): value for name, value in (headers or {}).items()}
        if self.cookies:
            named.setdefault("cookie", "; ".join(f"{name}={value}" for name, value in self.cookies.items()))
        request = WireRequest(method, where, query, named, body, self.remote, self.scheme, HOST, "req-1")
        assert self.console.claim(request)
        answer = await self.console.handle(request)
        for name, value in answer.headers:
            if name == "Set-Cookie":
                key, _, rest = value.partition("=")
                self.cookies[key] = rest.partition(";")[0]
        if isinstance(answer.body, bytes):
            found = _MARK.search(answer.body.decode("utf-8", "replace"))
            self.mark = found[1] if found else self.mark
        return answer

    async def sign_in(self, user: str = "admin", password: str = DEV_SECRET) -> WireResponse:
        """From nothing; afterwards `mark` is the session's."""
        self.cookies.clear()
        await self.get("/console/sign-in")
        answer = await self.post("/console/sign-in", {"user": user, "password": password})
        if answer.status == 303:
            await self.get("/console")
        return answer

    # --- preparing ---------------------------------------------------------------------------------------------------

    def grant(self, verb: Verb) -> Grant:
        return authorize(OWNER, verb, owner=ACCOUNT, resource="test")

    async def user(self, name: str, role: Role, actions: tuple[str, ...] = ()) -> None:
        await self.services.accounts.create_user(ACCOUNT, name, role, PASSWORD, actions=actions)

    async def topic(self, name: str = "weather", region: str = "us-east-1") -> Topic:
        made, _ = await self.services.topics.create(
            self.grant(Verb.CREATE_TOPIC),
            region=region,
            name=name,
            dialect="sns",
            display_name="",
            settings={},
            tags={},
        )
        return made

    async def subscribe(
        self, topic: Topic, endpoint: str = "anna@example.org", protocol: str = "email"
    ) -> Subscription:
        made, _ = await self.services.subscriptions.subscribe(
            self.grant(Verb.SUBSCRIBE),
            topic,
            dialect="sns",
            protocol=protocol,
            endpoint=endpoint,
            settings={},
            origin=Origin(Way.API, user_agent='=HYPERLINK("x")'),
        )
        return made

    async def dead_letters(self, subscription: Subscription, count: int) -> list[int]:
        """Give up `count` deliveries to the subscription; their ids."""
        message = make_message(body="secret text", message_id="m-1", topic_id=int(subscription.topic_id))
        await self.services.flow.append([message])
        task = next(task for task in await self.services.flow.take(100) if task.message.id == message.id)
        now = self.services.clock.now()
        parked = [
            NewDelivery(
                task.seq, message, subscription.uid, "email", subscription.endpoint, 4, now, "550 unknown", dead=True
            )
            for _ in range(count)
        ]
        return await self.services.flow.record(Progress(parked=parked, finished=[task.seq]))


@asynccontextmanager
async def open_console(folder: Path, *, dev: bool = True) -> AsyncIterator[Harness]:
    services = await Application.build(
        load({"data": str(folder), "listen": "127.0.0.1:0", "dev": dev, "dev_public": dev, "public_url": ORIGIN}, {})
    )
    try:
        await bootstrap(services.accounts, Wanted(dev=True))
        console = next(one for one in services.server._dialects if isinstance(one, Console))
        yield Harness(services, console)
    finally:
        await services.server.stop()
        await services.store.close()


def text_of(answer: WireResponse) -> str:
    assert isinstance(answer.body, bytes)
    return answer.body.decode()


def header(answer: WireResponse, name: str) -> str:
    return next((value for key, value in answer.headers if key.lower() == name.lower()), "")


__all__ = ["Harness", "header", "open_console", "text_of"]
