"""Callbacks against a real web server: forms, order, patience, and what a crash between the request and its note does."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from tests.support.build import ACCOUNT, NOW, OTHER_ACCOUNT, FakeClock
from tests.support.patience import PATIENCE_S
from tests.support.permits import permit_all

from tidings.callbacks import Callbacks, callbacks
from tidings.callbacks import feed as callback_feed
from tidings.callbacks.forms import classify_result, reply_body
from tidings.channels.http import HttpChannel
from tidings.domain.errors import Unavailable
from tidings.domain.model import Account, AccountId, Event, LedgerEntry, Origin, State, TopicId, Way
from tidings.domain.optout import (
    ACCOUNT_WIDE,
    EVERY_TYPE,
    AddressKind,
    BlockingRule,
    InboundAddress,
    InboundText,
    SmsApplication,
    SmsType,
)
from tidings.domain.outcomes import Delivered, RetryLater
from tidings.domain.texts import (
    CALLBACK_SECRET,
    CONSENT_URL,
    REPLY_URL,
    STATUS_URL,
    Reader,
    SentText,
    TextReport,
    TextState,
)
from tidings.domain.unit import Unit
from tidings.observe.metrics import Metrics
from tidings.store.sqlite import SqliteStore
from tidings.store.vault import FileVault
from tidings.wire.egress import EgressPolicy

APP, OTHER_APP, PHONE = "1400006666", "1400007777", "+8613800138000"
NUMBER, OTHER_NUMBER = "+12025550100", "+12025550199"
FINE = '{"result": 0, "errmsg": "OK"}'
REAL_S = 1_792_000_000
LOOPBACK = EgressPolicy(loopback=True)


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Constants, not code: tests do not wait for seconds."""
    monkeypatch.setattr(callback_feed, "AGAIN_S", 0.02)
    monkeypatch.setattr(callbacks, "GATHER_S", 0.005)


class Application:
    """The receiver of an application. `answer`: what it says to a path; `held`: it thinks until that is set."""

    def __init__(self) -> None:
        self.got: list[tuple[str, Any, dict[str, str], bytes]] = []
        self.answer: Callable[[str], tuple[int, str]] = lambda path: (200, FINE)
        self.held: dict[str, asyncio.Event] = {}
        self.url = ""
        self._changed = asyncio.Event()

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.got.append((request.path, json.loads(body), dict(request.headers), body))
        self._changed.set()
        if request.path in self.held:
            await self.held[request.path].wait()
        status, text = self.answer(request.path)
        return web.Response(status=status, text=text, content_type="application/json")

    def at(self, path: str) -> list[Any]:
        return [told for where, told, _, _ in self.got if where == path]

    async def until(self, count: int, path: str) -> list[Any]:
        async with asyncio.timeout(PATIENCE_S):
            while len(self.at(path)) < count:
                self._changed.clear()
                await self._changed.wait()
        return self.at(path)


class App:
    """The real store, channel and callbacks."""

    def __init__(self, store: SqliteStore) -> None:
        self.store, self.clock, self.metrics = store, FakeClock(), Metrics()
        self.vault = FileVault(b"v" * 32)
        self.number = 0
        self.open()

    def open(self, egress: EgressPolicy = LOOPBACK) -> None:
        self.http = HttpChannel(permit_all, egress)
        self.callbacks = Callbacks(
            self.store, self.http, self.vault, self.clock, self.metrics, now_s=lambda: float(REAL_S)
        )
        self.store.announcer.listen(self.callbacks.committed)
        self.callbacks.start()

    async def close(self) -> None:
        await self.callbacks.stop()
        await self.http.close()

    def crash(self) -> None:
        """Nothing is waited for, nothing more is written."""
        for task in [self.callbacks._keeper, *self.callbacks._tasks.values()]:
            assert task is not None
            task.cancel()

    async def put(self, app_id: str = APP, sender: str = "", account_id: AccountId = ACCOUNT, **settings: str) -> None:
        """The application's settings, with `status`, `reply`, `consent`, `secret` for short; returns when callbacks have begun."""
        names = {"status": STATUS_URL, "reply": REPLY_URL, "consent": CONSENT_URL, "secret": CALLBACK_SECRET}
        kept = {names[name]: value for name, value in settings.items()}
        await self.store.commit(Unit(sms_applications=[SmsApplication(account_id, app_id, sender, NOW, kept)]))
        wanted = {
            callback_feed.STATUS: "status" in settings,
            callback_feed.REPLIES: "reply" in settings,
            callback_feed.CONSENT: "consent" in settings,
        }
        async with asyncio.timeout(PATIENCE_S):
            for name, is_wanted in wanted.items():
                while is_wanted and not await self.store.reader(account_id, app_id, name):
                    await asyncio.sleep(0.005)

    async def report(
        self, count: int = 1, state: TextState = TextState.DELIVERED, detail: str = "DELIVRD", app_id: str = APP
    ) -> list[str]:
        serials = [f"s-{self.number + offset + 1}" for offset in range(count)]
        self.number += count
        texts = [SentText(serial, ACCOUNT, app_id, PHONE, SmsType.MARKETING, NOW, 1) for serial in serials]
        reports = [TextReport(serial, state, detail, NOW) for serial in serials]
        await self.store.commit(Unit(texts_sent=texts, text_reports=reports))
        return serials

    async def receive(self, text: str, address: str = NUMBER) -> None:
        received = InboundText(0, ACCOUNT, address, PHONE, text, NOW, NOW - timedelta(seconds=2))
        await self.store.commit(Unit(inbound_texts=[received]))

    async def note(self, address: str = NUMBER, event: Event = Event.OPTED_OUT, **changes: Any) -> None:
        origin = Origin(Way.KEYWORD, raw_text="Stop.")
        entry = LedgerEntry(
            0, NOW, event, ACCOUNT, TopicId(0), "", "", "", "sms", PHONE, State.CONFIRMED, State.CANCELED, origin,
            "answered", address, "STOP",
        )  # fmt: skip
        await self.store.commit(Unit(ledger=[replace(entry, **changes)]))

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                await asyncio.sleep(0.005)

    async def saved(self, name: str, place: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while await self.store.reader(ACCOUNT, APP, name) != place:
                await asyncio.sleep(0.005)


@pytest.fixture
async def application() -> AsyncIterator[Application]:
    application, server = Application(), web.Application()
    server.router.add_post("/{path:.*}", application.handle)
    runner = web.AppRunner(server, shutdown_timeout=0.5)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    application.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield application
    for held in application.held.values():
        held.set()
    await runner.cleanup()


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[App]:
    store = await SqliteStore.open(tmp_path / "tidings.db")
    await store.commit(
        Unit(
            accounts=[Account(ACCOUNT, "one", "0" * 32, NOW), Account(OTHER_ACCOUNT, "two", "1" * 32, NOW)],
            inbound_addresses_new=[
                InboundAddress(0, ACCOUNT, address, AddressKind.TEN_DLC, NOW) for address in (NUMBER, OTHER_NUMBER)
            ],
            blocking_rules=[BlockingRule(ACCOUNT, NUMBER, APP, EVERY_TYPE)],
        )
    )
    app = App(store)
    yield app
    await app.close()
    await store.close()


# --- forms -----------------------------------------------------------------------------------------------------------------------------


async def test_reports_are_told_as_a_list_in_the_clouds_form(app: App, application: Application) -> None:
    await app.put(status=f"{application.url}/status")
    await app.report()
    await app.report(1, TextState.FAILED, "UNDELIV, error 027")
    await app.report(1, TextState.FAILED, "SMSC: ESME_RINVDSTADR (0x0B)")
    await app.report(1, TextState.BLOCKED, "the receiver has opted out")
    await app.until(lambda: sum(map(len, application.at("/status"))) == 4)
    told = [report for reports in application.at("/status") for report in reports]
    assert told[0] == {
        "user_receive_time": "2026-11-21 20:00:00",
        "nationcode": "86",
        "mobile": "13800138000",
        "report_status": "SUCCESS",
        "errmsg": "DELIVRD",
        "description": "DELIVRD",
        "sid": "s-1",
    }
    assert [(it["report_status"], it["errmsg"]) for it in told[1:]] == [
        ("FAIL", "UNDELIV"),
        ("FAIL", "SUBFAIL"),
        ("FAIL", "REJECTD"),
    ]
    headers = application.got[0][2]
    assert headers["Content-Type"] == "application/json; charset=utf-8"
    assert headers["X-Tidings-Event"] == "status"
    assert "X-Tidings-Signature" not in headers


async def test_a_reply_is_told_by_itself_to_those_who_hear_at_its_address(app: App, application: Application) -> None:
    await app.put(reply=f"{application.url}/rule")
    await app.put(OTHER_APP, sender=OTHER_NUMBER, reply=f"{application.url}/sender")
    await app.put("1400008888", reply=f"{application.url}/nobody")
    await app.receive("STOP")
    await app.receive("你好", OTHER_NUMBER)
    await app.receive("again")
    assert [told["text"] for told in await application.until(2, "/rule")] == ["STOP", "again"]
    assert await application.until(1, "/sender") == [
        {
            "extend": "",
            "mobile": "13800138000",
            "nationcode": "86",
            "sign": "",
            "text": "你好",
            "time": int(NOW.timestamp()) - 2,
        }
    ]
    assert application.at("/nobody") == []


async def test_changes_of_consent_are_told_in_our_own_form(app: App, application: Application) -> None:
    await app.put(consent=f"{application.url}/consent")
    await app.note(OTHER_NUMBER)
    await app.note()
    await app.note(ACCOUNT_WIDE, before=State.CANCELED, after=State.CONFIRMED, event=Event.OPTED_IN)
    await app.note(event=Event.REVIEW, after=State.CONFIRMED)
    first, second, third = await application.until(3, "/consent")
    assert first == {
        "id": 2,
        "event": "opted-out",
        "phone": PHONE,
        "address": NUMBER,
        "state": "opted-out",
        "way": "keyword",
        "keyword": "STOP",
        "text": "Stop.",
        "reason": "answered",
        "at": "2026-11-21T12:00:00+00:00",
        "sms_sdk_app_id": APP,
    }
    assert (second["event"], second["address"], second["state"]) == ("opted-in", "*", "opted-in")
    assert third["event"] == "review"


async def test_an_answer_in_200_without_a_body_will_do_for_consent_only(app: App, application: Application) -> None:
    application.answer = lambda path: (204 if path == "/consent" else 200, "")
    await app.put(consent=f"{application.url}/consent", status=f"{application.url}/status")
    await app.note()
    await app.note()
    await app.report()
    await application.until(2, "/consent")
    await application.until(3, "/status")
    assert await app.store.reader(ACCOUNT, APP, "status") == callback_feed.FROM_THE_START


async def test_a_secret_signs_time_and_body(app: App, application: Application) -> None:
    sealed = base64.b64encode(app.vault.seal(b"a secret")).decode()
    await app.put(status=f"{application.url}/status", secret=sealed)
    await app.report()
    await application.until(1, "/status")
    _, _, headers, body = application.got[0]
    mac = hmac.new(b"a secret", f"{REAL_S}.".encode() + body, hashlib.sha256).hexdigest()
    assert headers["X-Tidings-Signature"] == f"t={REAL_S},v1={mac}"


async def test_a_secret_of_another_vault_is_no_reason_to_go_unsigned(app: App, application: Application) -> None:
    await app.put(status=f"{application.url}/status", secret=base64.b64encode(b"not sealed").decode())
    await app.report()
    await app.until(lambda: "secret" in app.callbacks.status()[0].problem)
    assert application.got == []


async def test_an_answer_that_is_nested_without_end_is_a_failure_like_any_other(
    app: App, application: Application
) -> None:
    application.answer = lambda path: (200, FINE if len(application.got) > 1 else "[" * 60_000)
    await app.put(status=f"{application.url}/status")
    await app.report()
    first, second = await application.until(2, "/status")
    assert first == second


@pytest.mark.parametrize(
    ("status", "body", "is_fine"),
    [
        (200, b'{"result": 0}', True),
        (201, b'{"result": "0", "errmsg": "OK"}', True),
        (200, b'{"result": 1}', False),
        (200, b'{"result": false}', False),
        (200, b'{"result": null}', False),
        (200, b"{}", False),
        (200, b"[]", False),
        (200, b"OK", False),
        (200, b"\xff", False),
        (200, b"", False),
        (200, b"[" * 60_000, False),
        (500, b'{"result": 0}', False),
        (302, b'{"result": 0}', False),
        (404, b'{"result": 0}', False),
    ],
)
def test_only_result_0_is_an_answer(status: int, body: bytes, is_fine: bool) -> None:
    assert isinstance(classify_result(status, body), Delivered if is_fine else RetryLater)


def test_a_phone_that_is_no_number_is_told_as_it_is() -> None:
    told = json.loads(reply_body(InboundText(1, ACCOUNT, NUMBER, "55512", "hi", NOW)))
    assert (told["nationcode"], told["mobile"], told["time"]) == ("", "55512", int(NOW.timestamp()))


# --- order and patience ----------------------------------------------------------------------------------------------------------------


async def test_a_new_callback_begins_at_the_end(app: App, application: Application) -> None:
    await app.report(3)
    await app.receive("old")
    await app.note()
    await app.put(
        status=f"{application.url}/status", reply=f"{application.url}/reply", consent=f"{application.url}/consent"
    )
    [serial] = await app.report()
    await app.receive("new")
    await app.note(keyword="NEW")
    assert [it["sid"] for it in (await application.until(1, "/status"))[0]] == [serial]
    assert [it["text"] for it in await application.until(1, "/reply")] == ["new"]
    assert [it["keyword"] for it in await application.until(1, "/consent")] == ["NEW"]


async def test_an_application_that_was_away_gets_everything_in_order(app: App, application: Application) -> None:
    application.answer = lambda path: (503, "")
    await app.put(status=f"{application.url}/status", reply=f"{application.url}/reply")
    serials = await app.report(120)
    for number in range(5):
        await app.receive(f"text {number}")
    await application.until(3, "/status")
    await application.until(3, "/reply")
    [replies, status] = app.callbacks.status()
    assert (status.name, status.problem, status.waiting_since) == ("status", "HTTP 503", NOW)
    assert status.failures >= 2
    assert replies.problem == "HTTP 503"
    assert b'tidings_callbacks_total{callback="status",outcome="failed"}' in app.metrics.render()
    del application.got[:]
    application.answer = lambda path: (200, FINE)
    await app.saved("status", 120)
    told = application.at("/status")
    assert [len(reports) for reports in told] == [50, 50, 20]
    assert [it["sid"] for reports in told for it in reports] == serials
    await application.until(5, "/reply")
    assert [it["text"] for it in application.at("/reply")] == [f"text {number}" for number in range(5)]
    await app.until(lambda: all(not it.problem and it.waiting_since is None for it in app.callbacks.status()))


async def test_a_new_address_is_tried_at_once(
    app: App, application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callback_feed, "AGAIN_S", 600.0)
    application.answer = lambda path: (404 if path == "/wrong" else 200, FINE)
    await app.put(status=f"{application.url}/wrong")
    [serial] = await app.report()
    await app.until(lambda: app.callbacks.status()[0].failures)
    await app.report()  # being woken is no reason to try
    await app.put(status=f"{application.url}/right")
    assert (await application.until(1, "/right"))[0][0]["sid"] == serial
    assert len(application.at("/wrong")) == 1


async def test_a_slow_application_holds_up_no_other(app: App, application: Application) -> None:
    application.held["/slow"] = asyncio.Event()
    await app.put(status=f"{application.url}/slow", reply=f"{application.url}/reply")
    await app.put(OTHER_APP, status=f"{application.url}/quick")
    await app.report()
    await application.until(1, "/slow")
    for number in range(3):
        await app.report(app_id=OTHER_APP)
        await application.until(number + 1, "/quick")
    await app.receive("hello")
    await application.until(1, "/reply")
    assert len(application.at("/slow")) == 1


async def test_an_address_that_was_taken_away_is_not_called_any_more(app: App, application: Application) -> None:
    await app.put(status=f"{application.url}/status")
    await app.report()
    await application.until(1, "/status")
    await app.put()
    await app.until(lambda: not app.callbacks.status())
    await app.report()
    await app.put(status=f"{application.url}/status")
    assert [it["sid"] for it in (await application.until(2, "/status"))[1]] == ["s-2"]  # kept while there was none


async def test_callbacks_obey_the_egress_rules(app: App, application: Application) -> None:
    await app.close()
    app.open(EgressPolicy())
    await app.put(status=f"{application.url}/status")
    await app.report()
    await app.until(lambda: app.callbacks.status()[0].problem)
    assert application.got == []


async def test_entries_of_others_are_read_once_only(
    app: App, application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callback_feed, "SKIPPED_SAVED", 100)
    await app.put(consent=f"{application.url}/consent")
    feed = app.callbacks._feeds[ACCOUNT, APP, "consent"]
    for _ in range(60):
        await app.note(OTHER_NUMBER)
    await app.until(lambda: feed._after == 60)
    assert await app.store.reader(ACCOUNT, APP, "consent") == callback_feed.FROM_THE_START
    for _ in range(60):
        await app.note(OTHER_NUMBER)
    await app.until(lambda: feed._after == 120)
    assert await app.store.reader(ACCOUNT, APP, "consent") >= 100


# --- crashes ---------------------------------------------------------------------------------------------------------------------------


async def test_a_crash_after_the_request_tells_it_twice_and_loses_nothing(app: App, application: Application) -> None:
    await app.put(status=f"{application.url}/status")
    application.held["/status"] = asyncio.Event()
    serials = await app.report(2)
    await application.until(1, "/status")
    app.crash()
    application.held.pop("/status").set()
    await app.http.close()
    serials += await app.report(1)
    app.open()
    await app.saved("status", 3)
    told = [[it["sid"] for it in reports] for reports in application.at("/status")]
    assert told == [serials[:2], serials]


async def test_what_happens_while_nobody_listens_is_told_later_even_from_an_empty_log(
    app: App, application: Application
) -> None:
    await app.put(status=f"{application.url}/status")
    assert await app.store.reader(ACCOUNT, APP, "status") == callback_feed.FROM_THE_START
    app.crash()
    await app.http.close()
    [serial] = await app.report()
    app.open()
    assert [it["sid"] for it in (await application.until(1, "/status"))[0]] == [serial]


async def test_an_orderly_stop_waits_for_the_answer_on_its_way(app: App, application: Application) -> None:
    await app.put(status=f"{application.url}/status")
    application.held["/status"] = asyncio.Event()
    await app.report()
    await application.until(1, "/status")
    stopping = asyncio.create_task(app.close())
    await asyncio.sleep(0.02)
    assert not stopping.done()
    application.held["/status"].set()
    await stopping
    assert await app.store.reader(ACCOUNT, APP, "status") == 1
    assert len(application.got) == 1


async def test_what_was_received_is_not_told_again_when_the_note_of_it_fails(
    app: App, application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    await app.put(status=f"{application.url}/status")
    commit, refused = app.store.commit, 0

    async def failing(unit: Unit) -> None:
        nonlocal refused
        if unit.readers and refused < 2:
            refused += 1
            raise Unavailable("disk full")
        await commit(unit)

    monkeypatch.setattr(app.store, "commit", failing)
    await app.report()
    await app.until(lambda: refused == 2)
    await app.report()
    await app.saved("status", 2)
    assert [[it["sid"] for it in reports] for reports in application.at("/status")] == [["s-1"], ["s-2"]]


async def test_a_reset_loses_neither_the_place_nor_what_comes(app: App, application: Application) -> None:
    await app.put(reply=f"{application.url}/reply")
    await app.receive("one")
    await application.until(1, "/reply")
    await app.store.reset()
    app.callbacks.forget()
    await app.receive("two")
    assert [it["text"] for it in await application.until(2, "/reply")] == ["one", "two"]
    async with asyncio.timeout(PATIENCE_S):
        while await app.store.reader(ACCOUNT, APP, "replies") <= 0:
            await asyncio.sleep(0.005)


async def test_a_receiver_that_is_gone_is_told_about(app: App) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    await app.put(status=f"http://127.0.0.1:{port}/")
    await app.report()
    await app.until(lambda: app.callbacks.status()[0].failures >= 2)
    assert "refused" in app.callbacks.status()[0].problem.lower()


async def test_readers_are_independent_of_pulls(app: App, application: Application) -> None:
    await app.put(status=f"{application.url}/status")
    await app.store.commit(Unit(readers=[Reader(ACCOUNT, APP, "pull-status", 99)]))
    await app.report()
    await application.until(1, "/status")
