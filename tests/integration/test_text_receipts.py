"""Texts of applications through an SMSC that nobody of us wrote, until their receipts are kept; and texts that never get there."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from tests.support.build import ACCOUNT, NOW, FakeClock
from tests.support.patience import PATIENCE_S
from tests.support.phones import NUMBER, PHONE, RADIO, Mast, PhoneApp, phone_app
from tests.support.smsc import Smsc

from tidings.channels.sms import SmppChannel, Timing
from tidings.delivery.settle import TOO_LATE
from tidings.delivery.text_reports import OPTED_OUT
from tidings.domain.envelope import Permit
from tidings.domain.model import Event, Kind, LedgerQuery, Message, Way
from tidings.domain.optout import EVERY_TYPE, SmsType
from tidings.domain.texts import SentText, TextState
from tidings.domain.unit import Unit
from tidings.services.texting.inbound_texts import OWN_TEXTS
from tidings.wire.smpp import SmppUrl

APP = "1400006666"
QUICK = Timing(again=0.05, again_max=0.2, pause=0.05, pause_max=0.2, sweep=0.02, answer=2.0, close=5.0)


@pytest.fixture
async def smsc() -> AsyncIterator[Smsc]:
    async with Smsc() as running:
        yield running


@asynccontextmanager
async def app_at(path: Path, smsc: Smsc, options: str = "") -> AsyncIterator[PhoneApp]:
    """A server whose texts go through the SMSC, with an inbound address and an application that it blocks."""
    apps: list[PhoneApp] = []

    def make(permit: Permit) -> SmppChannel:
        return SmppChannel(
            permit,
            urls=[SmppUrl.read(smsc.url(f"source={NUMBER}{options}"))],
            clock=FakeClock(),
            receive=lambda text: apps[0].texting.inbound.receive(text, RADIO),
            receipt=lambda receipt: apps[0].reports.receipt(receipt),
            timing=QUICK,
        )

    async with phone_app(path, make) as app:
        apps.append(app)
        await with_application(app)
        yield app


async def with_application(app: PhoneApp) -> None:
    await app.add_number()
    await app.texting.applications.put(app.grant(), APP, "")
    await app.texting.rules.put(app.grant(), NUMBER, APP, EVERY_TYPE)


async def send(app: PhoneApp, text: str = "hello", phone: str = PHONE, life: timedelta | None = None) -> str:
    """As SendSms does it: the text and its message are one unit. Its serial."""
    serial, now = app.new_id(), app.clock.now()
    message = Message(
        serial,
        Kind.DIRECT,
        ACCOUNT,
        OWN_TEXTS,
        now,
        body=text,
        endpoint=phone,
        sms_app=APP,
        sms_type=2,
        expires_at=None if life is None else now + life,
    )
    sent = SentText(serial, ACCOUNT, APP, phone, SmsType.NOTIFICATION, now, 1)
    await app.store.commit(Unit(texts_sent=[sent], messages=[message]))
    return serial


async def end_of(app: PhoneApp, *serials: str) -> list[tuple[TextState, str]]:
    found: list[tuple[TextState, str]] = []

    async def ended() -> bool:
        found[:] = []
        for serial in serials:
            text = await app.store.sent_text(serial)
            assert text is not None
            found.append((text.state, text.detail))
        return all(state is not TextState.WAITING for state, _ in found)

    async with asyncio.timeout(PATIENCE_S):
        while not await ended():
            await asyncio.sleep(0.005)
    return found


async def counts(app: PhoneApp) -> dict[str, int]:
    tallies = await app.store.text_tallies(
        ACCOUNT, app_id=APP, since=NOW - timedelta(days=1), until=NOW + timedelta(days=1)
    )
    return {tally.what.value: tally.count for tally in tallies}


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.sleep(0.005)


# --- receipts ------------------------------------------------------------------------------------------------------------------------


async def test_a_receipt_is_answered_when_it_is_kept(tmp_path: Path, smsc: Smsc) -> None:
    async with app_at(tmp_path, smsc) as app:
        serial = await send(app)
        await smsc.wait("text")
        await app.settled()
        assert await smsc.answer(smsc.deliver(esm_class=4, short_message="id:m1 stat:UNDELIV err:027")) == 0
        text = await app.store.sent_text(serial)
        assert text is not None
        assert (text.state, text.detail) == (TextState.FAILED, "UNDELIV, error 027")
        assert await app.store.last_text_from(ACCOUNT, NUMBER) == NOW.replace(hour=0)


WORDS = (
    "id:{} sub:001 dlvrd:001 submit date:2611302359 done date:2611302359 stat:DELIVRD err:000 text:Reply STOP to end"
)


@pytest.mark.parametrize(
    "fields",
    [
        {"short_message": {"hex": WORDS.format("m1").encode().hex()}},
        {"short_message": {"hex": b"id:M1 stat:DELIVRD".hex()}},
        {"short_message": {"hex": WORDS.format('"m1"').encode("utf-16-be").hex()}, "data_coding": 8},
        {"short_message": "", "receipted_message_id": "M1", "message_state": 2},
    ],
)
async def test_a_receipt_without_flag_is_one_and_fills_no_list(
    tmp_path: Path, smsc: Smsc, fields: dict[str, object]
) -> None:
    async with app_at(tmp_path, smsc) as app:
        serial = await send(app)
        await smsc.wait("text")
        await app.settled()
        assert await smsc.answer(smsc.deliver(**fields)) == 0
        assert await end_of(app, serial) == [(TextState.DELIVERED, "DELIVRD")]
        assert await app.store.ledger(LedgerQuery(ACCOUNT, endpoint=PHONE)) == []


@pytest.mark.parametrize("text", ["id: stop stat...", "id:12 stat:DELIVRD please stop"])
async def test_a_persons_text_that_looks_like_a_receipt_is_heard(tmp_path: Path, smsc: Smsc, text: str) -> None:
    async with app_at(tmp_path, smsc) as app:
        await send(app)
        await smsc.wait("text")
        assert await smsc.answer(smsc.deliver(short_message=text)) == 0
        [entry] = await app.store.ledger(LedgerQuery(ACCOUNT, endpoint=PHONE))
        assert (entry.event, entry.origin.raw_text, entry.detail.partition(":")[0]) == (
            Event.REVIEW,
            text,
            "required-word",
        )


@pytest.mark.parametrize("ids", ["", "hex"])
@pytest.mark.parametrize("when", ["early", "late"])
async def test_no_receipt_is_lost_however_early_it_comes(tmp_path: Path, smsc: Smsc, when: str, ids: str) -> None:
    """Of one to four parts, to few phones, so that they get in each other's way."""
    chance = random.Random(4)
    smsc.set("receipts", when)
    smsc.set("ids", ids)
    async with app_at(tmp_path, smsc) as app:
        serials = [
            await send(app, "ł" * chance.choice([5, 80, 250]), f"+1202555010{chance.randrange(5)}") for _ in range(150)
        ]
        assert await end_of(app, *serials) == [(TextState.DELIVERED, "DELIVRD")] * 150
        assert await counts(app) == {"delivered": 150}
        submits = len(smsc.of("submit"))
        assert len(await smsc.wait("receipted", submits)) == submits > 150
        assert {said["status"] for said in smsc.of("receipted")} == {0}


async def test_a_text_that_the_smsc_took_at_the_second_attempt_has_one_report(tmp_path: Path, smsc: Smsc) -> None:
    smsc.set("statuses", [0x58])
    smsc.set("receipts", "late")
    async with app_at(tmp_path, smsc) as app:
        serial = await send(app)
        await smsc.wait("submit")
        async with asyncio.timeout(PATIENCE_S):
            while not await app.store.waiting_count():
                await asyncio.sleep(0.005)
        assert await counts(app) == {}
        app.clock.advance(3600)
        app.flow.look_again()
        assert await end_of(app, serial) == [(TextState.DELIVERED, "DELIVRD")]
        assert await counts(app) == {"delivered": 1}


async def test_a_phone_that_was_away_is_counted_as_unreachable(tmp_path: Path, smsc: Smsc) -> None:
    smsc.set("receipts", "late")
    smsc.set("receiptText", "stat:EXPIRED err:000")
    async with app_at(tmp_path, smsc) as app:
        assert await end_of(app, await send(app)) == [(TextState.FAILED, "EXPIRED")]
        assert await counts(app) == {"failed": 1, "unreachable": 1}


# --- texts in odd codings ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("octets", "coding", "esm_class"),
    [
        ("STOP".encode("utf-16-le"), 8, 0),
        (b"STOP", 8, 0),
        ("STOP".encode("utf-16-be"), 0, 0),
        ("STOP".encode("utf-16-le"), 0, 0),
        (b"STOP\x1a", 0, 0),
        (b"STOP\x1b\x1a", 0, 0),
        ("STOP".encode("utf-16-be") + b"\x1a", 8, 0),
        (bytes.fromhex("53ea130a"), 0, 0),  # packed septets
        (b"STOP", 0, 0x40),
        (b"\x04\x05\x02\x15\x81STOP", 0, 0),
    ],
)
async def test_a_stop_in_an_odd_coding_opts_out(
    tmp_path: Path, smsc: Smsc, octets: bytes, coding: int, esm_class: int
) -> None:
    async with app_at(tmp_path, smsc) as app:
        await send(app)
        await smsc.wait("text")
        number = smsc.deliver(short_message={"hex": octets.hex()}, data_coding=coding, esm_class=esm_class)
        assert await smsc.answer(number) == 0
        [opt_out] = await app.store.opt_outs(ACCOUNT, PHONE)
        assert (opt_out.address, opt_out.raw_text.strip("\x1a")) == (NUMBER, "STOP")


# --- who opted out at the network ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by_receipt", [False, True])
async def test_who_opted_out_at_the_network_is_opted_out_here(tmp_path: Path, smsc: Smsc, by_receipt: bool) -> None:
    if by_receipt:
        smsc.set("receipts", "late")
        smsc.set("receiptText", "stat:REJECTD err:470")
    else:
        smsc.set("statuses", [0x40B])
    async with app_at(tmp_path, smsc, "&optout_codes=0x0000040B,470") as app:
        [(state, detail)] = await end_of(app, await send(app))
        assert (state, detail) == (
            TextState.FAILED,
            "REJECTD, error 470" if by_receipt else "SMSC: status 0x0000040B",
        )
        async with asyncio.timeout(PATIENCE_S):
            while not await app.opted_out_at():
                await asyncio.sleep(0.005)
        [opt_out] = await app.store.opt_outs(ACCOUNT, PHONE)
        assert (opt_out.address, opt_out.way) == (NUMBER, Way.CARRIER)
        assert await end_of(app, await send(app, "again")) == [(TextState.BLOCKED, OPTED_OUT)]
        assert len(smsc.of("submit")) == 1


# --- what never gets to a network --------------------------------------------------------------------------------------------------------


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[PhoneApp]:
    async with phone_app(tmp_path) as app:
        await with_application(app)
        yield app


def mast(app: PhoneApp) -> Mast:
    assert isinstance(app.channel, Mast)
    return app.channel


async def test_an_opt_out_while_a_text_waits_is_reported_as_such(app: PhoneApp) -> None:
    mast(app).down = True
    serial = await send(app)
    await until(lambda: bool(mast(app).outcomes))
    await app.receive("STOP")
    mast(app).down = False
    app.clock.advance(60)
    app.flow.look_again()
    assert await end_of(app, serial) == [(TextState.BLOCKED, OPTED_OUT)]
    assert await counts(app) == {"blocked": 1}


async def test_a_text_that_waited_too_long_is_reported_as_such(app: PhoneApp) -> None:
    mast(app).down = True
    waits = await send(app, life=timedelta(seconds=10))
    await until(lambda: bool(mast(app).outcomes))
    app.clock.advance(60)
    app.flow.look_again()
    late = await send(app, life=timedelta(seconds=-1))
    assert await end_of(app, waits, late) == [(TextState.FAILED, TOO_LATE)] * 2
    assert await counts(app) == {"failed": 2}
    assert mast(app).sent == []


async def test_texts_leave_from_the_number_that_their_application_has_now(app: PhoneApp) -> None:
    await app.texting.applications.put(app.grant(), APP, NUMBER)
    assert await end_of(app, await send(app)) == [(TextState.DELIVERED, "")]
    await app.texting.applications.put(app.grant(), APP, "Tidings")
    await end_of(app, await send(app))
    assert [sent.sender for sent in mast(app).sent] == [NUMBER, "Tidings"]
