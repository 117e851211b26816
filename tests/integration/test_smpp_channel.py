"""The channel of text messages against an SMSC that nobody of us wrote (npm's `smpp`), on a real connection."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from tests.support.build import FakeClock
from tests.support.outgoing import Outcomes, make_outgoing
from tests.support.patience import PATIENCE_S
from tests.support.permits import permit_all, permit_if
from tests.support.smsc import Smsc

from tidings.channels.sms import SmppChannel, Timing
from tidings.domain.envelope import MailContent, TextContent
from tidings.domain.errors import InvalidValue, NotFound
from tidings.domain.optout import IncomingText
from tidings.domain.outcomes import Blocked, Busy, Delivered, Refused, RetryLater
from tidings.domain.texts import TextReceipt
from tidings.wire.smpp import SmppUrl, pdu

PHONE = "+12025550123"
OWN = "+12025550100"
SOURCE = f"source={OWN}"
QUICK = Timing(again=0.05, again_max=0.2, pause=0.05, pause_max=0.2, hold=0.4, sweep=0.02, answer=30.0, close=30.0)


class ReceivedTexts:
    """What was heard, in order. `excuse`: raised instead, when set. `gate`: closed, hearing waits."""

    def __init__(self) -> None:
        self.texts: list[IncomingText] = []
        self.receipts: list[TextReceipt] = []
        self.excuses: list[Exception] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.began = asyncio.Event()
        self.changed = asyncio.Event()

    async def receive(self, text: IncomingText) -> None:
        self.began.set()
        await self.gate.wait()
        if self.excuses:
            raise self.excuses.pop(0)
        self.texts.append(text)
        self.changed.set()

    async def receipt(self, receipt: TextReceipt) -> None:
        if self.excuses:
            raise self.excuses.pop(0)
        self.receipts.append(receipt)
        self.changed.set()

    async def until(self, count: int) -> list[str]:
        async with asyncio.timeout(PATIENCE_S):
            while len(self.texts) < count:
                self.changed.clear()
                await self.changed.wait()
        return [text.text for text in self.texts]


@pytest.fixture
async def smsc() -> AsyncIterator[Smsc]:
    async with Smsc() as running:
        yield running


@asynccontextmanager
async def channel_to(
    *urls: str, received: ReceivedTexts | None = None, may_go=lambda _: True, **options
) -> AsyncIterator[SmppChannel]:
    received = received or ReceivedTexts()
    options = {"timing": QUICK, "clock": FakeClock(), "receipt": received.receipt, **options}
    channel = SmppChannel(
        permit_if(may_go), urls=[SmppUrl.read(url) for url in urls], receive=received.receive, **options
    )
    channel.start()
    try:
        yield channel
    finally:
        await channel.close()


def text_of(text: str, endpoint: str = PHONE, *, sender: str = "", **options):
    return make_outgoing(TextContent(text, sender), endpoint, "sms", **options)


async def outcome_of(channel: SmppChannel, text: str = "hello", endpoint: str = PHONE, **options):
    outcomes = Outcomes()
    outgoing = text_of(text, endpoint, **options)
    channel.send(outgoing, outcomes)
    return await outcomes.of(outgoing)


async def up(channel: SmppChannel) -> None:
    """Until all binds are up."""
    await settled(lambda: all(status.is_up for status in channel.status()))


async def settled(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.sleep(0.01)


# --- binding -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["transceiver", "transmitter"])
async def test_a_bind_says_who_we_are(smsc, kind):
    async with channel_to(smsc.url(f"bind={kind}&system_type=VMA")) as channel:
        await up(channel)
        said = (await smsc.wait("bind"))[0]
        assert (said["kind"], said["systemId"], said["systemType"]) == (f"bind_{kind}", "tidings", "VMA")
        assert said["version"] == 0x34
    await smsc.wait("unbind")
    await smsc.wait("closed")


async def test_a_wrong_password_is_told_and_nothing_is_sent(smsc):
    async with channel_to(smsc.url(password="hunter2")) as channel:
        outcome = await outcome_of(channel, timeout_s=0.5)
        assert isinstance(outcome, RetryLater)
        assert "ESME_RINVPASWD" in outcome.reason
        assert "hunter2" not in outcome.reason
        assert not channel.status()[0].is_up
        await smsc.wait("bind", 3, status=0x0E)
    assert smsc.of("submit") == []


async def test_an_smsc_that_refuses_at_first_is_asked_again(smsc):
    smsc.set("bindStatuses", [0x0D, 0x08])
    async with channel_to(smsc.url()) as channel:
        assert isinstance(await outcome_of(channel), Delivered)
    assert [said["status"] for said in smsc.of("bind")] == [0x0D, 0x08, 0]


async def test_a_restarted_smsc_is_found_again(smsc):
    async with channel_to(smsc.url()) as channel:
        assert isinstance(await outcome_of(channel), Delivered)
        smsc.order("stop")
        await smsc.wait("stopped")
        await settled(lambda: not channel.status()[0].is_up)
        smsc.order("listen")
        assert isinstance(await outcome_of(channel), Delivered)
    assert len(smsc.of("bind")) == 2


async def test_an_unbind_of_the_smsc_is_answered_and_the_bind_comes_back(smsc):
    async with channel_to(smsc.url()) as channel:
        await up(channel)
        assert (await smsc.ask("unbind", bind=0))["status"] == 0
        await smsc.wait("bind", 2)
        assert isinstance(await outcome_of(channel), Delivered)


async def test_enquire_link_is_asked_and_answered(smsc):
    timing = Timing(enquire=0.1, answer=1.0, sweep=0.02)
    async with channel_to(smsc.url(), timing=timing) as channel:
        await up(channel)
        await smsc.wait("enquire", 3)
        assert (await smsc.ask("enquire", bind=0))["status"] == 0
        assert channel.status()[0].is_up
    assert len(smsc.of("bind")) == 1


async def test_an_smsc_that_answers_no_enquire_link_is_left(smsc):
    timing = Timing(enquire=0.1, answer=0.2, again=0.05, sweep=0.02)
    async with channel_to(smsc.url(), timing=timing) as channel:
        await up(channel)
        smsc.set("deaf", True)
        await smsc.wait("closed")
        smsc.set("deaf", False)
        assert isinstance(await outcome_of(channel), Delivered)


# --- sending -----------------------------------------------------------------------------------------------------------------


async def test_a_text_arrives_with_numbers_typed_as_they_are(smsc):
    async with channel_to(smsc.url(SOURCE)) as channel:
        assert await outcome_of(channel) == Delivered("SMSC id m1", (f"127.0.0.1:{smsc.port}/m1",))
        await outcome_of(channel, sender="Tidings", endpoint="+447911123456")
        await outcome_of(channel, sender="55512")
    number, name, short = smsc.of("submit")
    assert (number["from"], number["fromTon"], number["fromNpi"]) == ("12025550100", 1, 1)
    assert (number["to"], number["toTon"], number["toNpi"]) == ("12025550123", 1, 1)
    assert (number["esm"], number["coding"], number["text"], number["receipt"]) == (0, 0, "hello", 1)
    assert (name["from"], name["fromTon"], name["to"]) == ("Tidings", 5, "447911123456")
    assert (short["from"], short["fromTon"]) == ("55512", 3)


async def test_no_receipts_are_asked_for_when_nobody_wants_them(smsc):
    async with channel_to(smsc.url(), receipt=None) as channel:
        assert await outcome_of(channel) == Delivered("SMSC id m1")
        number = smsc.deliver(esm_class=4, short_message="id:m1 stat:DELIVRD err:000")
        assert await smsc.answer(number) == 0
    assert smsc.of("submit")[0]["receipt"] == 0


@pytest.mark.parametrize(
    ("text", "parts", "coding"),
    [
        ("", 1, 0),
        ("x" * 160, 1, 0),
        ("x" * 161, 2, 0),
        ("x" * 306, 2, 0),
        ("x" * 307, 3, 0),
        ("x" * 158 + "€", 1, 0),
        ("x" * 159 + "€", 2, 0),
        ("x" * 152 + "€" * 78, 3, 0),  # an escape that would be cut twice
        ("x" * 152 + "€" + "y" * 151, 2, 0),
        ("[{€}]" * 70, 5, 0),
        ("grüße @ 5 £ \n Ω¿ñ", 1, 0),
        ("é" * 69 + "ł", 1, 8),
        ("ł" * 71, 2, 8),
        ("ł" * 134, 2, 8),
        ("ł" * 135, 3, 8),
        ("\U0001f6d1" * 35, 1, 8),
        ("ł" * 66 + "\U0001f6d1" * 4, 2, 8),  # a surrogate pair at the edge
        ("你好" * 100, 3, 8),
    ],
)
async def test_texts_arrive_whole_in_as_few_parts_as_they_need(smsc, text, parts, coding):
    async with channel_to(smsc.url()) as channel:
        outcome = await outcome_of(channel, text)
        said = (await smsc.wait("text"))[0]
    ids = [f"m{number}" for number in range(1, parts + 1)]
    assert outcome == Delivered("SMSC id " + ", ".join(ids), tuple(f"127.0.0.1:{smsc.port}/{it}" for it in ids))
    assert (said["text"], said["parts"]) == (text, parts)
    submitted = smsc.of("submit")
    assert {one["coding"] for one in submitted} == {coding}
    assert [one["esm"] for one in submitted] == [0x40 if parts > 1 else 0] * parts
    if parts > 1:
        assert [one["udh"][0][-4:] for one in submitted] == [
            f"{parts:02x}{number:02x}" for number in range(1, parts + 1)
        ]


async def test_the_longest_text_goes_out_and_a_longer_one_is_refused(smsc):
    async with channel_to(smsc.url("window=5")) as channel:
        longest = "".join(chr(ord("a") + number % 26) for number in range(153 * 255))
        assert isinstance(await outcome_of(channel, longest), Delivered)
        assert (await smsc.wait("text"))[0]["text"] == longest
        outcome = await outcome_of(channel, longest + "z")
    assert outcome == Refused("the text needs 256 parts; at most 255 can be sent")


async def test_an_smsc_whose_default_is_latin_gets_latin(smsc):
    async with channel_to(smsc.url("coding0=latin1")) as channel:
        await outcome_of(channel, "Ä@ö")
        await outcome_of(channel, "5 €")  # not in Latin-1
        await outcome_of(channel, "ç")  # not in the alphabet of phones
    latin, euro, cedilla = smsc.of("submit")
    assert latin["coding"] == 0
    assert latin["octets"] - len("12025550123") == 16 + 18 - 1 + 3
    assert [euro["coding"], cedilla["coding"]] == [8, 8]


@pytest.mark.parametrize("endpoint", ["", "+", "bob@example.com", "+0123456", "+12025550123x", "123456789"])
async def test_what_is_no_phone_number_is_refused(smsc, endpoint):
    async with channel_to(smsc.url()) as channel:
        assert isinstance(await outcome_of(channel, endpoint=endpoint), Refused)


async def test_a_sender_or_content_that_cannot_be_is_refused(smsc):
    async with channel_to(smsc.url()) as channel:
        assert isinstance(await outcome_of(channel, sender="a name too long"), Refused)
        outcomes = Outcomes()
        channel.send(make_outgoing(MailContent("notification", "s", "f", "t"), PHONE, "sms"), outcomes)
        assert isinstance((await outcomes.wait_for(1))[0], Refused)
        assert isinstance(await outcome_of(channel), Delivered)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (0x0B, Refused("SMSC: ESME_RINVDSTADR (0x0B)")),
        (0x0A, Refused("SMSC: ESME_RINVSRCADR (0x0A)")),
        (0x58, RetryLater("SMSC: ESME_RTHROTTLED (0x58)", 0.05)),
        (0x14, RetryLater("SMSC: ESME_RMSGQFUL (0x14)", 0.05)),
        (0x08, RetryLater("SMSC: ESME_RSYSERR (0x08)")),
        (0x0400, RetryLater("SMSC: status 0x00000400")),
    ],
)
async def test_what_the_smsc_answers_decides(smsc, status, outcome):
    smsc.set("statuses", [status])
    async with channel_to(smsc.url()) as channel:
        assert await outcome_of(channel) == outcome
        assert isinstance(await outcome_of(channel), Delivered)


async def test_a_throttled_part_is_said_again_because_the_others_are_out(smsc):
    smsc.set("statuses", [0, 0x58, 0, 0x14])
    async with channel_to(smsc.url()) as channel:
        outcome = await outcome_of(channel, "x" * 400)
        assert outcome.detail == "SMSC id m1, m5, m3"
        assert (await smsc.wait("text"))[0]["text"] == "x" * 400


async def test_after_throttling_the_bind_pauses_for_all(smsc):
    smsc.set("statuses", [0x58])
    timing = Timing(pause=0.4, sweep=0.02)
    async with channel_to(smsc.url(), timing=timing) as channel:
        await outcome_of(channel)
        began = asyncio.get_running_loop().time()
        assert isinstance(await outcome_of(channel), Delivered)
        assert asyncio.get_running_loop().time() - began > 0.3


async def test_the_window_is_never_exceeded_and_always_used(smsc):
    smsc.set("hold", True)
    async with channel_to(smsc.url("window=7")) as channel:
        outcomes = Outcomes()
        for _ in range(40):
            channel.send(text_of("x" * 200), outcomes)  # two parts each
        await smsc.wait("submit", 7)
        assert channel.status()[0].in_flight == 7
        while len(outcomes.settled) < 40:
            smsc.order("release")
            await asyncio.sleep(0.01)
        counted = await smsc.ask("count")
    assert (counted["submitted"], counted["unansweredMax"]) == (80, 7)
    assert all(isinstance(outcome, Delivered) for _, outcome in outcomes.settled)


async def test_texts_go_over_all_binds_in_turns_and_parts_stay_together(smsc):
    async with channel_to(smsc.url("window=4"), smsc.url("window=4")) as channel:
        await up(channel)
        outcomes = Outcomes()
        for number in range(40):
            channel.send(text_of(f"{number:03d} " + "x" * 250, f"+1202555{number:04d}"), outcomes)
        await outcomes.wait_for(40)
    bind_of: dict[str, set[int]] = {}
    for one in smsc.of("submit"):
        bind_of.setdefault(one["to"], set()).add(one["bind"])
    assert {len(binds) for binds in bind_of.values()} == {1}
    share = [binds.copy().pop() for binds in bind_of.values()].count(0)
    assert 10 <= share <= 30
    assert len(await smsc.wait("text", 40, parts=2)) == 40


async def test_a_text_from_a_binds_own_number_goes_through_that_bind(smsc):
    other = "+12025550199"
    async with channel_to(smsc.url(SOURCE), smsc.url(f"source={other}".replace("+", "%2B"))) as channel:
        await up(channel)
        for _ in range(4):
            await outcome_of(channel, sender=other)
    assert {one["from"] for one in smsc.of("submit")} == {"12025550199"}
    assert len({one["bind"] for one in smsc.of("submit")}) == 1


async def test_a_dead_bind_leaves_the_texts_to_the_others(smsc):
    dead = "smpp://tidings:secret@127.0.0.1:1"
    async with channel_to(dead, smsc.url()) as channel:
        for _ in range(4):
            assert isinstance(await outcome_of(channel), Delivered)
        assert [status.is_up for status in channel.status()] == [False, True]


async def test_texts_wait_for_a_bind_that_is_not_up_yet(smsc):
    smsc.set("bindStatuses", [0x0D, 0x0D])
    async with channel_to(smsc.url()) as channel:
        outcomes = Outcomes()
        for _ in range(10):
            channel.send(text_of("early"), outcomes)
        assert all(isinstance(outcome, Delivered) for outcome in await outcomes.wait_for(10))


async def test_without_any_bind_a_text_is_tried_later():
    async with channel_to("smpp://tidings:secret@127.0.0.1:1") as channel:
        outcome = await outcome_of(channel, timeout_s=0.2)
    assert isinstance(outcome, RetryLater)
    assert "no bind is up" in outcome.reason


async def test_a_full_queue_is_busy(smsc):
    smsc.set("hold", True)
    async with channel_to(smsc.url("window=1"), held_max=3) as channel:
        outcomes = Outcomes()
        for _ in range(20):
            channel.send(text_of("x"), outcomes)
        assert len(outcomes.settled) == 17
        assert all(isinstance(outcome, Busy) for _, outcome in outcomes.settled)
        smsc.set("hold", False)
        await smsc.wait("submit")
        smsc.order("release")
        await outcomes.wait_for(20)
        assert sum(isinstance(outcome, Delivered) for _, outcome in outcomes.settled) == 3


async def test_a_text_that_waited_too_long_behind_others_is_given_back(smsc):
    smsc.set("mute", True)
    async with channel_to(smsc.url("window=1")) as channel:
        outcomes = Outcomes()
        first, second = text_of("x", timeout_s=1.5), text_of("y", timeout_s=0.3)
        channel.send(first, outcomes)
        await smsc.wait("submit")
        channel.send(second, outcomes)
        assert isinstance(await outcomes.of(second), Busy)
        outcome = await outcomes.of(first)
        assert outcome == RetryLater("no answer from the SMSC within 1.5 s; the text may arrive twice")
        smsc.set("mute", False)
        assert isinstance(await outcome_of(channel), Delivered)  # its place is free again


async def test_an_unanswered_text_is_tried_again_after_the_connection_is_lost(smsc):
    smsc.set("mute", True)
    async with channel_to(smsc.url()) as channel:
        outcomes = Outcomes()
        lost = text_of("x" * 200)
        channel.send(lost, outcomes)
        await smsc.wait("submit", 2)
        smsc.order("drop", bind=0)
        outcome = await outcomes.of(lost)
        assert isinstance(outcome, RetryLater)
        assert "twice" in outcome.reason
        smsc.set("mute", False)
        assert isinstance(await outcome_of(channel), Delivered)


# --- consent -----------------------------------------------------------------------------------------------------------------


async def test_a_refused_permit_sends_nothing(smsc):
    async with channel_to(smsc.url(), may_go=lambda outgoing: outgoing.endpoint != PHONE) as channel:
        assert isinstance(await outcome_of(channel), Blocked)
        assert isinstance(await outcome_of(channel, endpoint="+12025550124"), Delivered)
    assert [one["to"] for one in smsc.of("submit")] == ["12025550124"]


async def test_the_permit_is_asked_when_the_text_leaves_not_when_it_is_handed_over(smsc):
    stopped = False
    smsc.set("hold", True)
    async with channel_to(smsc.url("window=1"), may_go=lambda _: not stopped) as channel:
        outcomes = Outcomes()
        first, second, third = text_of("1"), text_of("2"), text_of("x" * 320)
        for text in (first, second, third):
            channel.send(text, outcomes)
        await smsc.wait("submit")
        stopped = True
        smsc.set("hold", False)
        smsc.order("release")
        assert [type(outcome) for outcome in await outcomes.wait_for(3)] == [Delivered, Blocked, Blocked]
    assert len(smsc.of("submit")) == 1


async def test_parts_that_wait_for_room_are_not_sent_after_a_stop(smsc):
    stopped = False
    smsc.set("hold", True)
    async with channel_to(smsc.url("window=2"), may_go=lambda _: not stopped) as channel:
        outcomes = Outcomes()
        channel.send(text_of("x" * 600), outcomes)
        await smsc.wait("submit", 2)
        stopped = True
        smsc.order("release")
        assert isinstance((await outcomes.wait_for(1))[0], Blocked)
    assert len(smsc.of("submit")) == 2


async def test_a_bug_in_the_server_costs_one_attempt_and_no_text(smsc):
    bugs = [RuntimeError("a bug")]

    def may_go(_):
        if bugs:
            raise bugs.pop()
        return True

    async with channel_to(smsc.url(), may_go=may_go) as channel:
        assert await outcome_of(channel) == RetryLater("internal: RuntimeError")
        assert isinstance(await outcome_of(channel), Delivered)


# --- closing -----------------------------------------------------------------------------------------------------------------


async def test_closing_gives_back_what_waits_and_waits_for_what_was_written(smsc):
    smsc.set("hold", True)
    received = ReceivedTexts()
    channel = SmppChannel(
        permit_all,
        urls=[SmppUrl.read(smsc.url("window=1"))],
        receive=received.receive,
        clock=FakeClock(),
        timing=QUICK,
    )
    outcomes = Outcomes()
    written, waiting = text_of("x"), text_of("y")
    channel.send(written, outcomes)
    channel.send(waiting, outcomes)
    await smsc.wait("submit")
    closing = asyncio.create_task(channel.close())
    assert isinstance(await outcomes.of(waiting), Busy)
    assert len(outcomes.settled) == 1
    smsc.order("release")
    assert isinstance(await outcomes.of(written), Delivered)
    await closing
    await smsc.wait("unbind")
    assert isinstance(await outcome_of(channel), Busy)


async def test_closing_before_the_start_is_nothing():
    channel = SmppChannel(
        permit_all,
        urls=[SmppUrl.read("smpp://a:b@127.0.0.1:1")],
        receive=ReceivedTexts().receive,
        clock=FakeClock(),
    )
    await channel.close()


def test_receivers_alone_cannot_send():
    with pytest.raises(ValueError, match="at least one"):
        SmppChannel(
            permit_all,
            urls=[SmppUrl.read("smpp://a:b@h?bind=receiver")],
            receive=ReceivedTexts().receive,
            clock=FakeClock(),
        )


# --- hearing -----------------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def hearing(smsc: Smsc, options: str = SOURCE, **more) -> AsyncIterator[ReceivedTexts]:
    received = ReceivedTexts()
    async with channel_to(smsc.url(options), received=received, **more) as channel:
        await up(channel)
        yield received


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"short_message": "STOP"}, "STOP"),
        ({"short_message": {"hex": b"Stop.".hex()}, "data_coding": 1}, "Stop."),
        ({"short_message": {"hex": "ARRÊT".encode("latin-1").hex()}, "data_coding": 3}, "ARRÊT"),
        ({"short_message": {"hex": "STOP 🛑".encode("utf-16-be").hex()}, "data_coding": 8}, "STOP 🛑"),
        ({"short_message": {"hex": "停止".encode("utf-16-be").hex()}, "data_coding": 0x18}, "停止"),
        ({"short_message": {"hex": "СТОП".encode("iso8859-5").hex()}, "data_coding": 6}, "СТОП"),
        ({"short_message": {"hex": "1b651b3c"}, "data_coding": 0}, "€["),
        ({"short_message": {"hex": b"stop".hex()}, "data_coding": 4}, "stop"),
        ({"short_message": {"hex": "停".encode().hex()}, "data_coding": 0}, "停"),
        ({"short_message": {"hex": b"STOP".hex()}, "data_coding": 0xF0}, "STOP"),
        ({"short_message": "", "message_payload": {"hex": b"STOP ALL".hex()}}, "STOP ALL"),
        ({"short_message": ""}, ""),
        ({"short_message": {"hex": "03010102" + b"STOP".hex()}, "esm_class": 0x40}, "STOP"),
    ],
)
async def test_texts_are_read_in_every_coding(smsc, fields, text):
    async with hearing(smsc) as received:
        number = smsc.deliver(**fields)
        assert await smsc.answer(number) == 0
        assert received.texts == [IncomingText(OWN, PHONE, text)]


@pytest.mark.parametrize(
    ("ton", "written", "phone"),
    [
        (1, "12025550123", PHONE),
        (1, "+12025550123", PHONE),
        (2, "2025550123", PHONE),
        (0, "12025550123", PHONE),
        (0, "2025550123", PHONE),
        (1, "447911123456", "+447911123456"),
        (5, "ACME", "ACME"),
        (3, "55512", "55512"),
    ],
)
async def test_numbers_are_read_as_they_are_typed(smsc, ton, written, phone):
    async with hearing(smsc) as received:
        number = smsc.deliver(source_addr_ton=ton, source_addr=written, short_message="hi")
        await smsc.answer(number)
        assert received.texts[0].phone == phone


async def test_a_short_code_is_an_address_as_it_stands(smsc):
    async with hearing(smsc) as received:
        await smsc.answer(smsc.deliver(dest_addr_ton=3, destination_addr="55512", short_message="hi"))
        assert received.texts[0].address == "55512"


def in_parts(way: str, octets: list[bytes], reference: int = 9) -> list[dict]:
    total = len(octets)
    fields = []
    for number, part in enumerate(octets, 1):
        if way == "sar":
            sar = {"sar_msg_ref_num": reference, "sar_total_segments": total, "sar_segment_seqnum": number}
            fields.append({"short_message": {"hex": part.hex()}, **sar})
            continue
        header = bytes((5, 0, 3, reference, total, number))
        if way == "udh16":
            header = bytes((6, 8, 4, 1, reference, total, number))
        whole = (header + part).hex()
        if way == "payload":
            fields.append({"short_message": "", "message_payload": {"hex": whole}, "esm_class": 0x40})
        else:
            fields.append({"short_message": {"hex": whole}, "esm_class": 0x40})
    return fields


@pytest.mark.parametrize("way", ["udh8", "udh16", "sar", "payload"])
@pytest.mark.parametrize("order", [[0, 1, 2], [2, 0, 1]])
async def test_long_texts_are_joined_before_they_are_heard(smsc, way, order):
    parts = in_parts(way, [b"please ", b"STOP ", b"now"])
    async with hearing(smsc) as received:
        numbers = [smsc.deliver(**parts[index]) for index in order]
        assert [await smsc.answer(number) for number in numbers] == [0, 0, 0]
        assert received.texts == [IncomingText(OWN, PHONE, "please STOP now")]


async def test_a_surrogate_pair_that_the_sender_cut_is_joined(smsc):
    octets = "stop 🛑".encode("utf-16-be")
    parts = in_parts("udh8", [octets[:-2], octets[-2:]])
    async with hearing(smsc) as received:
        for part in parts:
            smsc.deliver(**part, data_coding=8)
        assert await received.until(1) == ["stop 🛑"]


async def test_parts_over_two_binds_are_one_text(smsc):
    parts = in_parts("udh8", [b"ST", b"OP"])
    received = ReceivedTexts()
    async with channel_to(smsc.url(SOURCE), smsc.url(SOURCE), received=received) as channel:
        await up(channel)
        numbers = [smsc.deliver(bind, **part) for bind, part in enumerate(parts)]
        assert [await smsc.answer(number) for number in numbers] == [0, 0]
    assert [text.text for text in received.texts] == ["STOP"]


async def test_no_part_is_answered_ok_before_the_whole_was_heard(smsc):
    first, second = in_parts("udh8", [b"ST", b"OP"])
    async with hearing(smsc) as received:
        assert await smsc.answer(smsc.deliver(**first)) == 0x64  # after a while: bring it again
        assert received.texts == []
        assert await smsc.answer(smsc.deliver(**second)) == 0  # the first is still here
        assert [text.text for text in received.texts] == ["STOP"]
        assert await smsc.answer(smsc.deliver(**first)) == 0  # brought again: known
        assert [text.text for text in received.texts] == ["STOP"]


async def test_an_incomplete_text_is_heard_after_two_minutes(smsc):
    clock = FakeClock()
    first, _, third = in_parts("udh8", [b"STOP ", b"it ", b"all"])
    async with hearing(smsc, clock=clock) as received:
        for part in (first, third):
            assert await smsc.answer(smsc.deliver(**part)) == 0x64
        clock.advance(121)
        assert await received.until(1) == ["STOP all"]
        assert await smsc.answer(smsc.deliver(**first)) == 0
        assert len(received.texts) == 1


async def test_a_reference_used_again_begins_a_new_text(smsc):
    async with hearing(smsc) as received:
        for octets in ([b"one ", b"two"], [b"three ", b"four"]):
            numbers = [smsc.deliver(**part) for part in in_parts("udh8", octets)]
            assert [await smsc.answer(number) for number in numbers] == [0, 0]
        assert [text.text for text in received.texts] == ["one two", "three four"]


async def test_the_answer_waits_for_the_receiving(smsc):
    async with hearing(smsc) as received:
        received.gate.clear()
        number = smsc.deliver(short_message="STOP")
        await received.began.wait()
        assert (await smsc.ask("enquire", bind=0))["status"] == 0
        assert smsc.of("answer", id=number) == []
        received.gate.set()
        assert await smsc.answer(number) == 0


async def test_what_could_not_be_received_is_brought_again_and_then_received(smsc):
    async with hearing(smsc) as received:
        received.excuses = [OSError("disk full"), RuntimeError("a bug")]
        statuses = [await smsc.answer(smsc.deliver(short_message="STOP")) for _ in range(3)]
        assert statuses == [0x64, 0x64, 0]
        assert [text.text for text in received.texts] == ["STOP"]


async def test_a_long_text_that_could_not_be_received_is_heard_when_a_part_comes_again(smsc):
    parts = in_parts("udh8", [b"ST", b"OP"])
    async with hearing(smsc) as received:
        received.excuses = [OSError("disk full")]
        numbers = [smsc.deliver(**part) for part in parts]
        assert [await smsc.answer(number) for number in numbers] == [0x64, 0x64]
        numbers = [smsc.deliver(**part) for part in parts]
        assert [await smsc.answer(number) for number in numbers] == [0, 0]
        assert [text.text for text in received.texts] == ["STOP"]


@pytest.mark.parametrize("excuse", [NotFound("inbound address", "1"), InvalidValue("phone", "no number")])
async def test_a_text_that_is_not_ours_is_not_asked_for_again(smsc, excuse):
    async with hearing(smsc) as received:
        received.excuses = [excuse]
        assert await smsc.answer(smsc.deliver(short_message="hello")) == 0x66


async def test_one_phones_texts_are_heard_in_their_order(smsc):
    async with hearing(smsc) as received:
        for number in range(60):
            smsc.deliver(short_message=f"{number}")
        assert await received.until(60) == [str(number) for number in range(60)]


async def test_texts_of_a_lost_connection_are_heard_all_the_same(smsc):
    async with hearing(smsc) as received:
        received.gate.clear()
        smsc.deliver(short_message="STOP")
        await received.began.wait()
        smsc.order("drop", bind=0)
        await smsc.wait("bind", 2)
        received.gate.set()
        assert await received.until(1) == ["STOP"]
        assert await smsc.answer(smsc.deliver(1, short_message="again")) == 0


@pytest.mark.parametrize(
    ("fields", "message_id", "delivered", "detail"),
    [
        (
            {
                "short_message": "id:77 sub:001 dlvrd:001 submit date:2611210831 done date:2611210832 "
                "stat:DELIVRD err:000 text:STOP"
            },
            "77",
            True,
            "DELIVRD",
        ),
        ({"short_message": "", "receipted_message_id": "4D", "message_state": 5}, "4D", False, "UNDELIV"),
        ({"short_message": "id:4D stat:REJECTD err:045"}, "4D", False, "REJECTD, error 045"),
        (
            {"short_message": "id:1 stat:ENROUTE", "receipted_message_id": "x-1", "message_state": 2},
            "x-1",
            True,
            "DELIVRD",
        ),
        ({"short_message": "id:1 stat:ENROUTE"}, "1", None, "ENROUTE"),
    ],
)
async def test_receipts_are_never_heard_as_texts(smsc, fields, message_id, delivered, detail):
    async with hearing(smsc) as received:
        assert await smsc.answer(smsc.deliver(esm_class=4, **fields)) == 0
        assert received.texts == []
        got = received.receipts[0]
        assert got.transport_ids[0] == f"127.0.0.1:{smsc.port}/{message_id}"
        assert (got.delivered, got.detail, got.phone, got.address) == (delivered, detail, PHONE, OWN)
        assert not got.opted_out
        assert not got.unreachable


async def test_a_receipt_that_names_nothing_is_of_no_text(smsc):
    async with hearing(smsc) as received:
        assert await smsc.answer(smsc.deliver(esm_class=4, short_message="STOP")) == 0
        assert (received.texts, received.receipts[0].transport_ids, received.receipts[0].delivered) == ([], (), None)


async def test_an_expired_text_says_that_the_phone_was_away(smsc):
    async with hearing(smsc) as received:
        assert await smsc.answer(smsc.deliver(esm_class=4, short_message="id:1 stat:EXPIRED err:000")) == 0
        assert (received.receipts[0].unreachable, received.receipts[0].detail) == (True, "EXPIRED")


async def test_a_receipt_does_not_overtake_the_answer_to_its_text(smsc):
    """The SMSC reports on the first part while it still holds the answers."""
    outcomes, received = Outcomes(), ReceivedTexts()
    async with channel_to(smsc.url(SOURCE), received=received) as channel:
        smsc.set("hold", True)
        channel.send(text_of("ł" * 100), outcomes)
        await smsc.wait("submit", 2)
        early = smsc.deliver(esm_class=4, short_message="id:m1 stat:DELIVRD")
        other = smsc.deliver(esm_class=4, short_message="id:x stat:DELIVRD", source_addr="12025550199")
        assert await smsc.answer(other) == 0
        assert smsc.of("answer", id=early) == []
        assert [got.transport_ids[0].rpartition("/")[2] for got in received.receipts] == ["x"]
        assert outcomes.settled == []
        smsc.order("release")
        assert await smsc.answer(early) == 0
        assert len(outcomes.settled) == 1
        assert [got.transport_ids[0].rpartition("/")[2] for got in received.receipts] == ["x", "m1"]


async def test_a_receipt_for_a_text_that_is_never_answered_is_handed_on_in_the_end(smsc):
    received = ReceivedTexts()
    async with channel_to(smsc.url(SOURCE), received=received) as channel:
        smsc.set("mute", True)
        outcomes = Outcomes()
        channel.send(text_of("hello", timeout_s=0.4), outcomes)
        await smsc.wait("submit")
        assert await smsc.answer(smsc.deliver(esm_class=4, short_message="id:m1 stat:DELIVRD")) == 0
        assert isinstance(outcomes.settled[0][1], RetryLater)


async def test_receipts_to_one_phone_do_not_wait_for_texts_that_came_later(smsc):
    received = ReceivedTexts()
    async with channel_to(smsc.url(SOURCE), received=received) as channel:
        for number in range(100):
            await outcome_of(channel, f"text {number}")
        smsc.set("hold", True)
        outcomes = Outcomes()
        channel.send(text_of("one"), outcomes)
        await smsc.wait("submit", 101)
        early = smsc.deliver(esm_class=4, short_message="id:m101 stat:DELIVRD")
        await smsc.ask("enquire", bind=0)  # so that the receipt is here
        channel.send(text_of("two"), outcomes)
        await smsc.wait("submit", 102)
        smsc.set("hold", False)
        smsc.order("release")
        assert await smsc.answer(early) == 0


async def test_codes_that_mean_opted_out_are_told_as_such(smsc):
    received = ReceivedTexts()
    options = f"{SOURCE}&optout_codes=0x0000040B,470"
    async with channel_to(smsc.url(options), received=received) as channel:
        smsc.set("statuses", [0x40B, 0x0B])
        assert await outcome_of(channel) == Refused("SMSC: status 0x0000040B", opted_out=True)
        refused = await outcome_of(channel)
        assert isinstance(refused, Refused)
        assert not refused.opted_out
        for text in ("id:1 stat:UNDELIV err:470", "id:1 stat:UNDELIV err:471", "id:1 stat:DELIVRD err:470"):
            assert await smsc.answer(smsc.deliver(esm_class=4, short_message=text)) == 0
    assert [got.opted_out for got in received.receipts] == [True, False, False]


async def test_whoever_sent_a_text_without_sender_sees_from_which_number_it_went(smsc):
    async with channel_to(smsc.url(SOURCE)) as channel:
        outgoing, outcomes = text_of("hello"), Outcomes()
        channel.send(outgoing, outcomes)
        await outcomes.of(outgoing)
        assert outgoing.content == TextContent("hello", OWN)


async def test_a_receipt_that_could_not_be_kept_is_brought_again(smsc):
    async with hearing(smsc) as received:
        received.excuses = [OSError("disk full")]
        number = smsc.deliver(esm_class=4, short_message="id:1 stat:DELIVRD")
        assert await smsc.answer(number) == 0x64


async def test_closing_lets_the_receiving_end_and_answers_it(smsc):
    received = ReceivedTexts()
    async with channel_to(smsc.url(SOURCE), received=received) as channel:
        await up(channel)
        received.gate.clear()
        number = smsc.deliver(short_message="STOP")
        held = smsc.deliver(**in_parts("udh8", [b"a", b"b"])[0])
        await received.began.wait()
        closing = asyncio.create_task(channel.close())
        assert await smsc.answer(held) == 0x64
        received.gate.set()
        assert await smsc.answer(number) == 0
        await closing
    assert [text.text for text in received.texts] == ["STOP"]


# --- an SMSC that does not behave ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "octets",
    [
        bytes(64),
        b"\xff" * 64,
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x00\x00\x00\x0f" + bytes(11),
        b"\x7f\xff\xff\xff" + bytes(12),
    ],
)
async def test_what_is_no_smpp_ends_that_connection_only(smsc, octets):
    async with channel_to(smsc.url(), smsc.url()) as channel:
        await up(channel)
        smsc.order("raw", bind=0, hex=octets.hex())
        await smsc.wait("closed", bind=0)
        assert isinstance(await outcome_of(channel), Delivered)
        await smsc.wait("bind", 3)
    assert smsc.of("closed", bind=1) == smsc.of("closed", bind=1)[:1]


@pytest.mark.parametrize(
    ("octets", "command", "status"),
    [
        (b"\x00\x00\x00\x10\x00\x00\x77\x77\x00\x00\x00\x00\x00\x00\x00\x2a", "generic_nack", 0x03),
        (b"\x00\x00\x00\x14\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00\x2aabcd", "deliver_sm_resp", 0x65),
    ],
)
async def test_a_pdu_that_cannot_be_understood_is_answered_and_the_bind_goes_on(smsc, octets, command, status):
    async with channel_to(smsc.url()) as channel:
        await up(channel)
        smsc.order("raw", bind=0, hex=octets.hex())
        said = (await smsc.wait("other", command=command))[0]
        assert (said["status"], said["sequence"]) == (status, 42)
        assert isinstance(await outcome_of(channel), Delivered)
    assert len(smsc.of("bind")) == 1


async def test_answers_to_nothing_are_ignored(smsc):
    async with channel_to(smsc.url()) as channel:
        await up(channel)
        for command in (0x80000004, 0x80000009, 0x80000000, 0x80000015, 0x80007777, 0x80000006):
            for sequence in (0, 1, 2, 0xFFFFFFFF):
                words = (16, command, 0, sequence)
                smsc.order("raw", bind=0, hex=b"".join(word.to_bytes(4) for word in words).hex())
        assert isinstance(await outcome_of(channel), Delivered)
    assert len(smsc.of("bind")) == 1


async def test_half_a_pdu_is_waited_for(smsc):
    octets = b"".join(word.to_bytes(4) for word in (16, 0x15, 0, 77))
    async with channel_to(smsc.url()) as channel:
        await up(channel)
        smsc.order("raw", bind=0, hex=octets[:5].hex())
        outcomes = Outcomes()
        channel.send(text_of("meanwhile"), outcomes)
        await smsc.wait("submit")  # its answer ends that PDU, and so belongs to nothing
        smsc.order("drop", bind=0)
        assert isinstance((await outcomes.wait_for(1))[0], RetryLater)
        await smsc.wait("bind", 2)
        smsc.order("raw", bind=1, hex=octets[:5].hex())
        smsc.order("raw", bind=1, hex=octets[5:].hex())
        await smsc.wait("other", command="enquire_link_resp", sequence=77)


HONEST = [
    pdu.pdu(pdu.ENQUIRE_LINK, 5),
    pdu.pdu(pdu.SUBMIT_SM | pdu.RESPONSE, 2, b"m1\0"),
    pdu.pdu(pdu.SUBMIT_SM | pdu.RESPONSE, 3, b"", 0x58),
    pdu.pdu(pdu.GENERIC_NACK, 2, b"", 3),
    pdu.pdu(pdu.UNBIND, 6),
    pdu.pdu(pdu.BIND_TRANSCEIVER | pdu.RESPONSE, 1, b"smsc\0"),
    *(
        pdu.pdu(pdu.DELIVER_SM, 7, b"\0\1\x0112025550123\0\1\x0112025550100\0" + fixed + octets)
        for fixed, octets in [
            (bytes((0, 0, 0, 0, 0, 0, 0, 0, 0, 4)), b"STOP"),
            (bytes((0x40, 0, 0, 0, 0, 0, 0, 0, 0, 8)), b"\5\0\3\1\2\1ST"),
            (bytes((4, 0, 0, 0, 0, 0, 0, 0, 0, 17)), b"id:1 stat:DELIVRD"),
            (bytes((0, 0, 0, 0, 0, 0, 0, 8, 0, 0)), b"\4\x24\0\4\0S\0T"),
        ]
    ),
]


class Liar:
    """An SMSC that binds everybody and then says one lie: PDUs with changed, lost and added octets, in pieces."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)
        self.lies = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.read(1000)
            writer.write(pdu.pdu(pdu.BIND_TRANSCEIVER | pdu.RESPONSE, 1, b"liar\0"))
            lie = b"".join(self._lie() for _ in range(5))
            while lie:
                size = self._dice.randint(1, 200)
                writer.write(lie[:size])
                lie = lie[size:]
                await writer.drain()
                await asyncio.sleep(0)
            self.lies += 1
            async with asyncio.timeout(0.02):
                while await reader.read(1000):
                    pass
        except (OSError, TimeoutError):
            pass
        finally:
            writer.close()

    def _lie(self) -> bytes:
        octets = bytearray(self._dice.choice(HONEST))
        for _ in range(self._dice.randint(0, 6)):
            at = self._dice.randrange(len(octets))
            match self._dice.randrange(4):
                case 0:
                    octets[at] = self._dice.randrange(256)
                case 1:
                    octets[at:at] = self._dice.randbytes(self._dice.randint(1, 9))
                case 2:
                    del octets[at : at + 3]
                    octets = octets or bytearray(1)
                case 3:
                    octets[:4] = len(octets).to_bytes(4)
        return bytes(octets)


@pytest.mark.parametrize("seed", range(3))
async def test_a_lying_smsc_costs_neither_the_process_nor_the_other_bind(smsc, seed):
    liar, received, outcomes = Liar(seed), ReceivedTexts(), Outcomes()
    server = await asyncio.start_server(liar, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    timing = Timing(again=0.001, again_max=0.002, pause=0.01, pause_max=0.02, sweep=0.02)
    async with channel_to(f"smpp://a:b@127.0.0.1:{port}", smsc.url(), received=received, timing=timing) as channel:
        sent = 0
        while liar.lies < 150:
            for _ in range(5):
                channel.send(text_of("x", timeout_s=5), outcomes)
                sent += 1
            await asyncio.sleep(0.02)
        settled_outcomes = await outcomes.wait_for(sent)
        assert len(settled_outcomes) == sent
        assert {type(outcome) for outcome in settled_outcomes} <= {Delivered, RetryLater, Refused}
        assert len(smsc.of("submit")) >= sent / 4
        assert channel.status()[1].is_up
        await smsc.answer(smsc.deliver(short_message="still here"))
    server.close()
    await server.wait_closed()
    assert len(smsc.of("bind")) == 1
    assert "still here" in [text.text for text in received.texts]


async def test_an_smsc_that_floods_without_reading_is_left():
    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(pdu.pdu(pdu.BIND_TRANSCEIVER | pdu.RESPONSE, 1, b"\0"))
        try:
            while True:
                writer.write(pdu.pdu(pdu.ENQUIRE_LINK, 5) * 5_000)
                await writer.drain()
        except OSError:
            left.set()
        finally:
            writer.close()

    left = asyncio.Event()
    server = await asyncio.start_server(flood, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with channel_to(f"smpp://a:b@127.0.0.1:{port}", timing=Timing(again=60)) as channel:
        async with asyncio.timeout(PATIENCE_S):
            await left.wait()
        await settled(lambda: "does not read" in channel.status()[0].problem)
    server.close()
    await server.wait_closed()
