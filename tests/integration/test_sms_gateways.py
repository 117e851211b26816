"""Texts through HTTP gateways, both ways: a real Kannel between us and an SMSC that nobody of us wrote (npm's `smpp`), our own form
against an aiohttp server, and what gateways bring through the real port, opt-out service, store, flow and gate.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from base64 import b64decode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlencode

import aiohttp
import pytest
from aiohttp import web
from tests.integration.http_servers import oracle
from tests.support.hostile import BROKEN, HOSTILE, SEED
from tests.support.kannel import Kannel
from tests.support.outgoing import Outcomes, make_outgoing
from tests.support.patience import PATIENCE_S
from tests.support.permits import permit_all
from tests.support.phones import NUMBER, PHONE, RADIO, PhoneApp, phone_app
from tests.support.smsc import Smsc

from tidings.channels.http import HttpChannel
from tidings.channels.sms_gateway import SmsGatewayChannel
from tidings.dialects.contract import WireRequest, WireResponse
from tidings.dialects.gateways import GatewaysDialect
from tidings.dialects.gateways.twilio import signature
from tidings.domain.envelope import MailContent, Permit, TextContent
from tidings.domain.errors import Unavailable
from tidings.domain.model import Event, Way
from tidings.domain.optout import AddressKind, IncomingText, KeywordSet
from tidings.domain.outcomes import BLOCKED, Delivered, Outcome, Refused, RetryLater
from tidings.domain.texts import TextReceipt
from tidings.domain.unit import Unit
from tidings.observe.metrics import Metrics
from tidings.server import Server
from tidings.server.listener import Listener
from tidings.services.texting.inbound_addresses import DEFAULT_REPLIES
from tidings.services.texting.inbound_texts import InboundResult
from tidings.wire.egress import ANYWHERE
from tidings.wire.gateway_signature import is_signed, sign
from tidings.wire.gateway_url import parse_gateway_url

SECRET = "gateway-secret-0123456789"
TOKEN = "twilio-auth-token"
LONG_GSM = "The tide comes at six [€ 5]. " * 20
LONG_UCS2 = "Прилив в шесть 🌊 " * 20


class RealClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def wall(self) -> datetime:
        return datetime.now(UTC)


class Watched(GatewaysDialect):
    """`asked`: (request, status) in order."""

    def __init__(self, *given, **options) -> None:
        super().__init__(*given, **options)
        self.asked: list[tuple[WireRequest, int]] = []
        self.changed = asyncio.Event()

    async def handle(self, request: WireRequest) -> WireResponse:
        response = await super().handle(request)
        self.asked.append((request, response.status))
        self.changed.set()
        return response

    def statuses(self, path: str, within: str = "") -> list[int]:
        return [status for request, status in self.asked if request.path == path and within in request.query]


@dataclass
class Post:
    """The server of phones behind the real port. `excuses`: raised by hearing, oldest first, before the server hears."""

    app: PhoneApp
    dialect: Watched
    public_url: str
    receipts: list[TextReceipt]
    excuses: list[Exception] = field(default_factory=list)

    async def until(self, condition: Callable[[], bool], timeout_s: float = PATIENCE_S) -> None:
        """Until something that a gateway brought makes it so."""
        async with asyncio.timeout(timeout_s):
            while not condition():
                self.dialect.changed.clear()
                await self.dialect.changed.wait()

    async def opted_out(self, phone: str = PHONE) -> bool:
        return bool(await self.app.opted_out_at(phone))


def gateway_channel(permit: Permit, url: str, public_url: str = "http://here.example", secret: str = SECRET):
    return SmsGatewayChannel(
        permit,
        lambda own: HttpChannel(own, ANYWHERE),
        parse_gateway_url(url),
        public_url=public_url,
        secret=secret,
    )


@asynccontextmanager
async def post_office(path: Path, connect: Callable[[str], object] | None = None) -> AsyncIterator[Post]:
    """connect: from our public URL to the gateway's URL; without it nothing is sent."""
    listener = Listener()
    listener.bind()
    host, port = listener.address
    public_url = f"http://{host}:{port}"
    async with connect(public_url) if connect else _nothing() as url:
        made = (lambda permit: gateway_channel(permit, url, public_url)) if url else None
        async with phone_app(path, **({"make_channel": made} if made else {})) as app:
            await app.add_number()
            receipts: list[TextReceipt] = []
            post = Post(app, None, public_url, receipts)

            async def receive(text: IncomingText) -> InboundResult:
                if post.excuses:
                    raise post.excuses.pop(0)
                return await app.texting.inbound.receive(text, RADIO)

            async def receipt(told: TextReceipt) -> None:
                receipts.append(told)
                if told.opted_out:
                    await app.texting.opt_outs.refused_by_carrier(
                        told.address, told.phone, reason=told.detail, origin=RADIO
                    )

            post.dialect = Watched(
                receive, receipt, RealClock(), public_url=public_url, secret=SECRET, twilio_auth_token=TOKEN
            )
            server = Server(
                [post.dialect],
                metrics=Metrics(),
                ready=_ready,
                certificates=lambda _: None,
                new_request_id=lambda: "r-1",
                listener=listener,
            )
            await server.start()
            try:
                yield post
            finally:
                await server.stop()


async def _ready() -> None:
    """Always."""


@asynccontextmanager
async def _nothing() -> AsyncIterator[str]:
    yield ""


@dataclass
class Line:
    """Us, Kannel and the SMSC."""

    post: Post
    kannel: Kannel
    smsc: Smsc

    async def texts(self, count: int) -> list[str]:
        return [event["text"] for event in await self.smsc.wait("text", count)]


@pytest.fixture
async def line(tmp_path: Path) -> AsyncIterator[Line]:
    parts: list = []

    @asynccontextmanager
    async def connect(public_url: str) -> AsyncIterator[str]:
        get_url = f"{public_url}/gateways/kannel/mo?secret={SECRET}&from=%p&to=%P&octets=%b&coding=%c&charset=%C&id=%I&time=%T"
        async with Smsc() as smsc, Kannel(tmp_path / "kannel", smsc_port=smsc.port, get_url=get_url) as kannel:
            await smsc.wait("bind")
            parts.extend((kannel, smsc))
            yield kannel.url(f"from={NUMBER}&charset=UTF-8&dlr=1")

    async with post_office(tmp_path, connect) as post:
        yield Line(post, *parts)


# --- through Kannel ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "coding", "parts"),
    [
        ("Tide at 6: bring €5 [~]", 0, 1),
        ("Прилив в 6 🌊", 8, 1),
        (LONG_GSM, 0, 5),
        (LONG_UCS2, 8, 6),
    ],
)
async def test_a_text_arrives_at_the_phone_as_it_was_written(line: Line, text: str, coding: int, parts: int) -> None:
    await line.post.app.send(text)
    [arrived] = await line.texts(1)
    assert arrived == f"{PHONE}: {text}"
    submitted = line.smsc.of("submit")
    assert len(submitted) == parts
    assert {(it["from"], it["fromTon"], it["to"], it["toTon"], it["coding"]) for it in submitted} == {
        (NUMBER[1:], 1, PHONE[1:], 1, coding)
    }
    await line.post.app.settled()


async def test_receipts_come_back_under_our_id(line: Line) -> None:
    await line.post.app.send("Tide")
    await line.smsc.wait("submit")
    line.smsc.deliver(
        esm_class=4, short_message=_receipt_text("m1", "DELIVRD"), receipted_message_id="m1", message_state=2
    )
    await line.post.until(lambda: len(line.post.receipts) >= 2)
    accepted, delivered = line.post.receipts
    assert (accepted.delivered, accepted.detail) == (None, "Kannel: accepted: ACK/")
    assert (delivered.delivered, delivered.phone, delivered.address) == (True, PHONE, NUMBER)
    assert "stat:DELIVRD" in delivered.detail
    assert accepted.transport_ids == delivered.transport_ids
    assert len(delivered.transport_ids[0]) == 32  # the message's


async def test_a_text_of_several_parts_has_one_receipt(line: Line) -> None:
    await line.post.app.send(LONG_GSM)
    await line.smsc.wait("submit", 5)
    for number in range(1, 6):
        line.smsc.deliver(
            esm_class=4, short_message=_receipt_text(f"m{number}", "DELIVRD"), receipted_message_id=f"m{number}"
        )
    await line.smsc.wait("answer", 5)
    await line.post.until(lambda: any(told.delivered for told in line.post.receipts))
    assert [told.delivered for told in line.post.receipts] == [None, True]


@pytest.mark.parametrize(("state", "unreachable"), [("UNDELIV", False), ("EXPIRED", True)])
async def test_a_text_that_did_not_arrive_is_told_so(line: Line, state: str, unreachable: bool) -> None:
    await line.post.app.send("Tide")
    await line.smsc.wait("submit")
    line.smsc.deliver(esm_class=4, short_message=_receipt_text("m1", state), receipted_message_id="m1")
    await line.post.until(lambda: len(line.post.receipts) >= 2)
    failed = line.post.receipts[-1]
    assert (failed.delivered, failed.unreachable) == (False, unreachable)


async def test_what_the_smsc_refuses_is_told_as_failed(line: Line) -> None:
    line.smsc.set("statuses", [0x0B])
    await line.post.app.send("Tide")
    await line.post.until(lambda: bool(line.post.receipts))
    [refused] = line.post.receipts
    assert refused.delivered is False
    assert "rejected" in refused.detail


@pytest.mark.parametrize(
    "fields",
    [
        {"short_message": {"hex": b"STOP".hex()}},
        {"short_message": {"hex": b"  stop! ".hex()}},
        {"short_message": {"hex": "STOP".encode("utf-16-be").hex()}, "data_coding": 8},
        {"short_message": {"hex": "ＡＲＲÊＴ 🛑".encode("utf-16-be").hex()}, "data_coding": 8},
        {"short_message": {"hex": "Arrêt.".encode("latin-1").hex()}, "data_coding": 3},
        {"message_payload": {"hex": b"Unsubscribe".hex()}, "short_message": {"hex": ""}},
    ],
)
async def test_a_stop_to_kannel_is_an_opt_out_and_nothing_more_goes_out(line: Line, fields: dict) -> None:
    post, reply = line.post, DEFAULT_REPLIES[KeywordSet.OPT_OUT]
    line.smsc.deliver(**fields)
    await post.until(lambda: post.dialect.statuses("/gateways/kannel/mo") == [200])
    assert await post.opted_out()
    assert await line.texts(1) == [reply]
    for number in range(3):
        await post.app.send(f"kept back {number}")
    await post.app.settled()
    line.smsc.deliver(short_message={"hex": b"START".hex()})
    await post.until(lambda: len(post.dialect.statuses("/gateways/kannel/mo")) == 2)
    await post.app.send("welcome")
    assert await line.texts(3) == [reply, DEFAULT_REPLIES[KeywordSet.OPT_IN], f"{PHONE}: welcome"]
    stop, start = await post.app.records()
    assert (stop.event, start.event) == (Event.OPTED_OUT, Event.OPTED_IN)
    assert stop.transport_id
    assert stop.sent_at is not None


async def test_a_stop_in_two_parts_is_joined_by_kannel(line: Line) -> None:
    for number, piece in ((2, b"CRIBE"), (1, b"UNSUBS")):
        line.smsc.deliver(
            esm_class=0x40,
            short_message={"udh": f"0500030702{number:02x}", "message": {"hex": piece.hex()}},
        )
    await line.post.until(lambda: line.post.dialect.statuses("/gateways/kannel/mo") == [200])
    assert await line.post.opted_out()


async def test_kannel_brings_again_what_could_not_be_kept_and_never_what_is_not_ours(line: Line) -> None:
    post = line.post
    line.smsc.deliver(short_message={"hex": b"hello".hex()}, destination_addr="12025550177")
    await post.until(lambda: len(post.dialect.asked) == 1)
    post.excuses = [Unavailable("disk full"), TimeoutError()]
    line.smsc.deliver(short_message={"hex": b"STOP".hex()})
    await post.until(lambda: len(post.dialect.asked) == 4)
    assert post.dialect.statuses("/gateways/kannel/mo", "STOP") == [503, 503, 200]
    assert post.dialect.statuses("/gateways/kannel/mo", "hello") == [202]
    assert await post.opted_out()
    assert len(await post.app.records()) == 1
    assert line.smsc.of("text", text=DEFAULT_REPLIES[KeywordSet.OPT_OUT]) or await line.texts(1)


async def test_kannel_keeps_what_it_takes_while_the_smsc_is_away(line: Line) -> None:
    line.smsc.order("stop")
    await line.smsc.wait("stopped")
    outcome = await outcome_of(line.kannel.url(f"from={NUMBER}"), "later")
    assert isinstance(outcome, Delivered)
    line.smsc.order("listen")
    assert await line.texts(1) == ["later"]


async def test_kannel_in_trouble_is_told_in_our_words(line: Line) -> None:
    source = f"from={NUMBER}"
    wrong = await outcome_of(line.kannel.url(source, password="hunter2"), "x")
    assert wrong == RetryLater("Kannel: HTTP 403: user or password not accepted")
    assert await outcome_of(line.kannel.url(), "x") == Refused("Kannel: HTTP 400: no sender is set")
    elsewhere = line.kannel.url(source).replace("/cgi-bin/sendsms", "/other")
    assert await outcome_of(elsewhere, "x") == RetryLater("Kannel: HTTP 404: no sendsms at this path")
    assert line.smsc.of("submit") == []


def _receipt_text(message_id: str, state: str) -> str:
    return (
        f"id:{message_id} sub:001 dlvrd:001 submit date:2611210000 done date:2611210000 stat:{state} err:000 text:Tide"
    )


# --- our own form, going out -----------------------------------------------------------------------------------------------------


async def outcome_of(
    url: str, text: str = "hello", endpoint: str = PHONE, *, permit: Permit = permit_all, content=None, **options
) -> Outcome:
    outcomes = Outcomes()
    outgoing = make_outgoing(content or TextContent(text), endpoint, "sms", timeout_s=5)
    channel = gateway_channel(permit, url, **options)
    try:
        channel.send(outgoing, outcomes)
        return await outcomes.of(outgoing)
    finally:
        await channel.close()


@dataclass
class Taken:
    """A request that a gateway got."""

    path: str
    headers: dict[str, str]
    body: bytes
    status: int = 200
    answer: bytes = b""


@asynccontextmanager
async def webhook(status: int = 200, answer: bytes = b"", headers: dict[str, str] | None = None):
    taken: list[Taken] = []

    async def take(request: web.Request) -> web.Response:
        taken.append(Taken(request.path_qs, {k.lower(): v for k, v in request.headers.items()}, await request.read()))
        return web.Response(status=status, body=answer, headers=headers)

    async with oracle(take) as url:
        yield url, taken


async def test_our_own_form_is_a_signed_post() -> None:
    async with webhook(202, b'{"id": "gw-7"}') as (url, taken):
        address = url.replace("//", "//us%40er:p%3Ass@") + f"/send?key=k1#from={NUMBER}&dlr=1"
        assert await outcome_of(address, "Прилив 🌊") == Delivered("HTTP 202", ("gw-7",))
    [got] = taken
    assert got.path == "/send?key=k1"
    assert b64decode(got.headers["authorization"].removeprefix("Basic ")) == b"us@er:p:ss"
    assert got.headers["content-type"] == "application/json"
    assert is_signed(SECRET, got.headers["x-tidings-signature"], got.body, time.time())
    assert not is_signed("another", got.headers["x-tidings-signature"], got.body, time.time())
    assert json.loads(got.body) == {
        "id": "0f8fad5b-d9cb-469f-a165-70867728950e.1",
        "from": NUMBER,
        "to": PHONE,
        "text": "Прилив 🌊",
        "type": "notification",
        "sms_sdk_app_id": "topics",
        "account_id": "000000000000",
        "receipt": True,
    }


async def test_without_a_secret_nothing_is_signed() -> None:
    async with webhook() as (url, taken):
        assert await outcome_of(url, secret="") == Delivered("HTTP 200")
    assert "x-tidings-signature" not in taken[0].headers


@pytest.mark.parametrize("answer", [b"", b"no json", b'{"id": ""}', b'{"id": ["x"]}', b'{"id": true}', b"[" * 50_000])
async def test_a_gateway_that_gives_no_id_keeps_ours(answer: bytes) -> None:
    async with webhook(200, answer) as (url, _):
        assert await outcome_of(f"{url}#dlr=1") == Delivered("HTTP 200", ("0f8fad5b-d9cb-469f-a165-70867728950e.1",))


@pytest.mark.parametrize(
    ("status", "answer", "outcome"),
    [
        (400, b"", Refused("HTTP 400")),
        (403, b'{"opted_out": false}', Refused("HTTP 403")),
        (422, b'{"opted_out": true}', Refused("HTTP 422: opted out at the gateway", opted_out=True)),
        (302, b"", Refused("HTTP 302: redirects are not followed")),
        (408, b"", RetryLater("HTTP 408")),
        (425, b"", RetryLater("HTTP 425")),
        (429, b"", RetryLater("HTTP 429", 7.0)),
        (500, b'{"opted_out": true}', RetryLater("HTTP 500")),
        (503, b"", RetryLater("HTTP 503", 7.0)),
    ],
)
async def test_statuses_of_our_own_form_say_what_comes_next(status: int, answer: bytes, outcome: Outcome) -> None:
    async with webhook(status, answer, {"Retry-After": "7"} if status in (429, 503) else None) as (url, _):
        assert await outcome_of(url) == outcome


async def test_the_gate_is_asked_about_the_text_before_each_attempt() -> None:
    asked = []

    def permit(outgoing) -> Outcome:
        asked.append((outgoing.endpoint, outgoing.content))
        return BLOCKED

    async with webhook() as (url, taken):
        assert await outcome_of(url, permit=permit) is BLOCKED
    assert asked == [(PHONE, TextContent("hello"))]
    assert taken == []


async def test_a_text_that_the_gate_makes_wait_is_not_sent() -> None:
    cannot_tell = RetryLater("opt-outs cannot be looked up: disk gone")

    async with webhook() as (url, taken):
        assert await outcome_of(url, permit=lambda _: cannot_tell) == cannot_tell
    assert taken == []


async def test_what_has_no_form_for_phones_is_refused() -> None:
    mail = MailContent("notification", "s", "f", "t")
    for kind in ("http://127.0.0.1:9", "kannel+http://u:p@127.0.0.1:9"):
        assert await outcome_of(kind, content=mail) == Refused("the message has no form for phones")
        assert await outcome_of(kind, endpoint="mailto:x") == Refused("not a phone number: mailto:x")
        assert await outcome_of(kind, content=TextContent("x", "no such sender")) == Refused(
            "not a sender: no such sender"
        )
        assert await outcome_of(kind) == RetryLater("connection refused")


async def test_a_page_that_says_200_is_not_kannel() -> None:
    async with webhook(200, b"<html>0: Welcome</html>") as (url, taken):
        outcome = await outcome_of(f"kannel+{url}".replace("//", "//u:p@") + "/x")
        assert outcome == Refused("the answer is not Kannel's")
    assert taken[0].path.startswith("/x?username=u&password=p&")


# --- what gateways bring ---------------------------------------------------------------------------------------------------------


@pytest.fixture
async def post(tmp_path: Path) -> AsyncIterator[Post]:
    async with post_office(tmp_path) as post:
        yield post


async def ask(post: Post, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, str, str]:
    """Status, content type and body."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, post.public_url + path, data=body, headers=named) as answer,
    ):
        return answer.status, answer.headers.get("Content-Type", ""), await answer.text()


async def twilio(
    post: Post, path: str = "/gateways/twilio/sms", *, token: str = TOKEN, **fields: str
) -> tuple[int, str, str]:
    form = {"MessageSid": "SM1", "From": PHONE, "To": NUMBER, "AccountSid": "AC1", "NumMedia": "0", **fields}
    signed = signature(token, post.public_url + path, {name: [value] for name, value in form.items()})
    return await ask(
        post,
        "POST",
        path,
        urlencode(form).encode(),
        X_Twilio_Signature=signed,
        Content_Type="application/x-www-form-urlencoded",
    )


async def own(
    post: Post, what: str, at_s: float | None = None, secret: str = SECRET, **members
) -> tuple[int, str, str]:
    body = json.dumps(members).encode()
    return await ask(
        post,
        "POST",
        f"/gateways/webhook/{what}",
        body,
        X_Tidings_Signature=sign(secret, body, int(time.time() if at_s is None else at_s)),
        Content_Type="application/json",
    )


async def test_a_stop_from_twilio_is_an_opt_out_that_we_confirm(post: Post) -> None:
    assert await twilio(post, Body="Stop.") == (
        200,
        "text/xml; charset=utf-8",
        "<Response/>",
    )
    assert await post.opted_out()
    await post.app.settled()
    assert [sent.text for sent in post.app.channel.sent] == [DEFAULT_REPLIES[KeywordSet.OPT_OUT]]
    assert await twilio(post, Body="Stop.") == (200, "text/xml; charset=utf-8", "<Response/>")
    assert len(await post.app.records()) == 1  # the same MessageSid


async def test_what_the_provider_answered_is_recorded_and_not_answered_again(post: Post) -> None:
    await twilio(post, Body="STOP", OptOutType="STOP")
    assert await post.opted_out()
    [record] = await post.app.records()
    assert (record.event, record.origin.way) == (Event.OPTED_OUT, Way.CARRIER)
    await twilio(post, Body="START", OptOutType="START", MessageSid="SM2")
    assert not await post.opted_out()
    await twilio(post, Body="HELP", OptOutType="HELP", MessageSid="SM3")
    await post.app.settled()
    assert post.app.channel.sent == []


async def test_a_stop_by_a_word_that_only_the_provider_knows_counts_too(post: Post) -> None:
    await twilio(post, Body="BAJA", OptOutType="STOP")
    assert await post.opted_out()
    [record] = await post.app.records(Event.OPTED_OUT)
    assert (record.event, record.origin.way) == (Event.OPTED_OUT, Way.CARRIER)
    await twilio(post, Body="START", MessageSid="SM2")
    await twilio(post, Body="BAJA", OptOutType="STOP")  # brought again
    assert not await post.opted_out()


async def test_a_stop_that_only_the_provider_knows_is_kept_with_its_text_or_not_at_all(post: Post) -> None:
    """Between two transactions a crash would leave the text and lose the opt-out: brought again, it would be a repeat."""
    commits: list[Unit] = []
    commit = post.app.store.commit

    async def dies_after_the_first(unit: Unit) -> None:
        if commits:
            raise Unavailable("killed")
        commits.append(unit)
        await commit(unit)

    post.app.store.commit = dies_after_the_first
    await twilio(post, Body="BAJA", OptOutType="STOP")
    post.app.store.commit = commit
    assert (await twilio(post, Body="BAJA", OptOutType="STOP"))[0] == 200
    assert await post.opted_out()


async def test_wrong_signatures_and_secrets_are_turned_away(post: Post) -> None:
    assert (await twilio(post, token="wrong", Body="STOP"))[0] == 403
    assert (await own(post, "mo", secret="wrong", id="1", to=NUMBER, text="STOP", **{"from": PHONE}))[0] == 403
    assert (await own(post, "mo", time.time() - 301, id="1", to=NUMBER, text="STOP", **{"from": PHONE}))[0] == 403
    assert (await own(post, "mo", time.time() + 310, id="1", to=NUMBER, text="STOP", **{"from": PHONE}))[0] == 403
    query = urlencode({"from": PHONE, "to": NUMBER, "octets": "STOP", "coding": "0"})
    for secret in ("", "secret=&", "secret=wrong&", f"secret={SECRET}x&", f"secret=wrong&secret={SECRET}&"):
        for door in ("mo", "dlr"):
            assert (await ask(post, "GET", f"/gateways/kannel/{door}?{secret}{query}"))[0] == 403
    assert not await post.opted_out()
    assert post.receipts == []


async def test_who_may_not_speak_at_all_finds_nothing(tmp_path: Path) -> None:
    closed = GatewaysDialect(None, None, RealClock(), public_url="http://x")
    for path in ("kannel/mo", "kannel/dlr", "twilio/sms", "twilio/status", "webhook/mo", "webhook/status", "", "x"):
        for method in ("GET", "POST"):
            request = WireRequest(method, f"/gateways/{path}", "", {}, b"", "192.0.2.1", "http", "x", "r-1")
            assert (await closed.handle(request)).status == 404


async def test_our_own_form_brings_texts_and_receipts(post: Post) -> None:
    sent_at = "2026-11-21T11:59:00Z"
    stop = {"id": "in-1", "from": PHONE, "to": NUMBER, "text": "STOP", "sent_at": sent_at}
    assert await own(post, "mo", **stop) == (200, "application/json", '{"result":"ok"}')
    assert await own(post, "mo", **stop) == (200, "application/json", '{"result":"ok"}')
    [record] = await post.app.records()
    assert (record.transport_id, record.sent_at) == ("in-1", datetime.fromisoformat(sent_at))
    await own(post, "mo", id="in-2", to=NUMBER, text="START", answered=True, **{"from": PHONE})
    assert not await post.opted_out()
    await post.app.settled()
    assert len(post.app.channel.sent) == 1  # START was answered by the gateway
    await own(post, "status", id="gw-7", message_id="m-7", status="expired", detail="phone off", to=PHONE)
    assert post.receipts == [TextReceipt(("gw-7", "m-7"), False, "expired: phone off", PHONE, "", unreachable=True)]


@pytest.mark.parametrize(
    ("fields", "delivered", "opted_out"),
    [
        ({"MessageStatus": "delivered"}, True, False),
        ({"MessageStatus": "sent"}, None, False),
        ({"MessageStatus": "undelivered", "ErrorCode": "30005"}, False, False),
        ({"MessageStatus": "failed", "ErrorCode": "21610", "ErrorMessage": "unsubscribed"}, False, True),
    ],
)
async def test_twilio_tells_what_became_of_a_text(post: Post, fields: dict, delivered: bool, opted_out: bool) -> None:
    status = await twilio(post, "/gateways/twilio/status", **{"From": NUMBER, "To": PHONE, **fields})
    assert status[0] == 200
    [told] = post.receipts
    assert (told.transport_ids, told.delivered, told.opted_out) == (("SM1",), delivered, opted_out)
    assert (told.phone, told.address) == (PHONE, NUMBER)
    assert await post.opted_out() is opted_out


async def test_texts_for_others_and_from_nobody_are_refused_in_each_gateways_manner(post: Post) -> None:
    elsewhere = "+12025550177"
    assert (await twilio(post, To=elsewhere, Body="STOP"))[::2] == (404, "<Response/>")
    assert (await twilio(post, From="whatsapp:+1", Body="STOP"))[::2] == (400, "<Response/>")
    stop = {"id": "1", "from": PHONE, "to": elsewhere, "text": "STOP"}
    assert await own(post, "mo", **stop) == (404, "application/json", '{"error":"no such inbound address here"}')
    assert (await own(post, "mo", **{**stop, "from": "Bank"}))[0] in (400, 404)
    assert (await own(post, "mo", **{**stop, "id": ""}))[0] == 400
    query = urlencode({"secret": SECRET, "from": PHONE, "to": elsewhere, "octets": "STOP"})
    assert (await ask(post, "GET", f"/gateways/kannel/mo?{query}"))[::2] == (202, "")
    assert (await ask(post, "POST", f"/gateways/kannel/mo?{query}"))[0] == 405
    assert (await ask(post, "GET", "/gateways/twilio/sms"))[0] == 405
    assert await post.app.records() == []


async def test_a_text_that_cannot_be_kept_is_never_answered_as_taken(post: Post) -> None:
    post.excuses = [Unavailable("disk full"), TimeoutError()]
    assert (await twilio(post, Body="STOP"))[0] == 503
    assert (await own(post, "mo", id="1", to=NUMBER, text="STOP", **{"from": PHONE}))[0] == 503
    assert not await post.opted_out()


async def test_a_toll_free_carriers_stop_is_not_confirmed_by_us(post: Post) -> None:
    await post.app.add_number("+18885550100", AddressKind.TOLL_FREE)
    query = urlencode({"secret": SECRET, "from": PHONE, "to": "18885550100", "octets": "STOP", "id": "k1"})
    assert (await ask(post, "GET", f"/gateways/kannel/mo?{query}"))[0] == 200
    await post.app.settled()
    assert post.app.channel.sent == []
    assert await post.opted_out()


# --- hostile input ---------------------------------------------------------------------------------------------------------------


REQUESTS = 600


def hostile_request(dice: random.Random, public_url: str) -> WireRequest:
    """A request that its sender signed properly, most of the time, and that says anything at all."""
    path = dice.choice(["kannel/mo", "kannel/dlr", "twilio/sms", "twilio/status", "webhook/mo", "webhook/status"])
    path = f"/gateways/{path}"
    fields: dict[str, str] = {
        "from": PHONE,
        "to": NUMBER,
        "octets": "STOP",
        "coding": "0",
        "id": f"h{dice.randrange(5)}",
        "time": "1795255741",
        "status": "1",
        "answer": "ACK/",
        "MessageSid": "SM1",
        "From": PHONE,
        "To": NUMBER,
        "Body": "STOP",
        "MessageStatus": "failed",
        "ErrorCode": "21610",
        "OptOutType": "STOP",
    }
    for name in dice.sample(sorted(fields), dice.randrange(4)):
        fields[name] = dice.choice(HOSTILE)
    for name in dice.sample(sorted(fields), dice.randrange(3)):
        del fields[name]
    if "webhook" in path:
        return _hostile_json(dice, path, fields)
    if "kannel" in path:
        query = _broken(dice, urlencode({"secret": SECRET, **fields}).encode()).decode("latin-1")
        return WireRequest("GET", path, query, {}, b"", "", "http", "x", "r")
    body = _broken(dice, urlencode(fields).encode())
    form = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
    headers = {"x-twilio-signature": signature(TOKEN, public_url + path, form)}
    return WireRequest("POST", path, "", headers, body, "", "http", "x", "r")


def _broken(dice: random.Random, octets: bytes) -> bytes:
    at = dice.randrange(len(octets))
    return octets[:at] + dice.choice(BROKEN) + octets[at:] if dice.random() < 0.3 else octets


def _hostile_json(dice: random.Random, path: str, fields: dict[str, str]) -> WireRequest:
    members: dict[str, object] = {"text": "STOP", "sent_at": 1795255741, "opted_out": False, **fields}
    for name in dice.sample(sorted(members), dice.randrange(3)):
        members[name] = dice.choice([None, 1e300, -1e11, 0, True, [], {}, [[]], "0001-01-01T00:00:00+14:00", "\ud800"])
    body = json.dumps(members).encode()
    if dice.random() < 0.2:
        body = dice.choice([*(value.encode() for value in HOSTILE), *BROKEN, body[: dice.randrange(len(body))]])
    headers = {"x-tidings-signature": sign(SECRET, body, int(time.time()))}
    return WireRequest("POST", path, "", headers, body, "", "http", "x", "r")


async def test_hostile_requests_get_an_answer_and_break_nothing(post: Post) -> None:
    dice, statuses = random.Random(SEED), set()
    for _ in range(REQUESTS):
        request = hostile_request(dice, post.public_url)
        async with asyncio.timeout(PATIENCE_S):
            response = await post.dialect.handle(request)
        assert response.status < 500, request
        assert isinstance(response.body, bytes)
        assert all("\r" not in value and "\n" not in value and value.isascii() for _, value in response.headers)
        statuses.add(response.status)
    assert statuses == {200, 202, 400, 403, 404}
    phone = "+12025550124"
    assert (await twilio(post, Body="STOP", From=phone))[0] == 200
    assert await post.opted_out(phone)


async def test_heads_that_nobody_can_read_get_an_answer_of_the_gateways(post: Post) -> None:
    for path, broken in (
        (path, raw) for path in ("kannel/mo", "twilio/sms", "webhook/mo", "nobody/x") for raw in BROKEN
    ):
        reader, writer = await asyncio.open_connection(*post.public_url.removeprefix("http://").split(":"))
        writer.write(
            b"GET /gateways/%b?octets=%b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % (path.encode(), broken)
        )
        answer = await reader.read()
        writer.close()
        assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 403", b"HTTP/1.1 404", b"HTTP/1.1 405")), (path, broken)
