"""What becomes of texts: reports, counts and receipts, in whatever order they come; on the real store, through the real journal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tests.support.build import ACCOUNT, NOW, OTHER_ACCOUNT, FakeClock, make_topic

from tidings.delivery.fanout import Fanout, Page
from tidings.delivery.hooks import Planned
from tidings.delivery.journal import Journal
from tidings.delivery.render import subscriber_of_number
from tidings.delivery.settle import DONE, TOO_LATE, Again, GiveUp
from tidings.delivery.text_limits import OutgoingTextLimits, TextQuotas
from tidings.delivery.text_reports import NO_SUCH_NUMBER, OPTED_OUT, TextReports
from tidings.domain.envelope import Outgoing, TextContent
from tidings.domain.errors import InvalidValue, NotFound, Unavailable
from tidings.domain.model import Account, Kind, Message, TopicId
from tidings.domain.optout import SmsApplication, SmsType
from tidings.domain.outcomes import Blocked, Delivered, Outcome, Refused, RetryLater
from tidings.domain.ports import Progress, Task
from tidings.domain.texts import SentText, TextReceipt, TextState
from tidings.domain.unit import Unit
from tidings.flow.embedded import EmbeddedFlow
from tidings.store.sqlite import SqliteStore
from tidings.wire.phone_destinations import Destinations

APP, PHONE, NUMBER = "1400006666", "+12025550123", "+12025550100"
DAY = timedelta(days=1)


class HeldFlow(EmbeddedFlow):
    """Progress reaches the store when the gate is open; `broken`: then the writing ends before, as when the server does."""

    gate: asyncio.Event
    broken = False

    async def record(self, progress: Progress, unit: Unit | None = None) -> list[int]:
        await self.gate.wait()
        if self.broken:
            raise asyncio.CancelledError
        return await super().record(progress, unit)


class Harness:
    """Reports, the journal behind them, and what they told others."""

    def __init__(self, store: SqliteStore, **options: str) -> None:
        self.store, self.clock = store, FakeClock()
        self.flow = HeldFlow.open(store.journal, backlog_max=100)
        assert isinstance(self.flow, HeldFlow)
        self.flow.gate = asyncio.Event()
        self.flow.gate.set()
        self.journal = Journal(self.flow)
        self.refused: list[tuple[str, str, str]] = []
        self.excuse: Exception | None = None
        self.reported = 0
        self.reports = TextReports(
            store,
            store,
            store.text_gate,
            self.clock,
            self.journal,
            carrier_refused=self._carrier_refused,
            reported=self._reported,
            **options,
        )

    async def _carrier_refused(self, address: str, phone: str, reason: str, country_code: str) -> None:
        if self.excuse is not None:
            raise self.excuse
        self.refused.append((address, phone, reason))

    def _reported(self) -> None:
        self.reported += 1

    async def text(self, serial: str = "s-1", *, parts: int = 1, phone: str = PHONE) -> Outgoing:
        """An accepted text of the application, on its way."""
        sent = SentText(serial, ACCOUNT, APP, phone, SmsType.MARKETING, self.clock.now(), parts)
        message = Message(
            serial, Kind.DIRECT, ACCOUNT, "native", self.clock.now(), endpoint=phone, sms_app=APP, sms_type=1
        )
        await self.store.commit(Unit(texts_sent=[sent]))
        return self.outgoing(message)

    def outgoing(self, message: Message, content: TextContent | None = None) -> Outgoing:
        subscriber = subscriber_of_number(message)
        return Outgoing(message, subscriber, message.endpoint, content or TextContent("hello", NUMBER))

    async def settled(self, outgoing: Outgoing, outcome: Outcome) -> None:
        decision = DONE if isinstance(outcome, Delivered | Blocked) else GiveUp(3, getattr(outcome, "reason", ""))
        self.reports.settled(outgoing, outcome, decision)
        await self.journal.flush()

    async def state(self, serial: str = "s-1") -> tuple[TextState, str]:
        found = await self.store.sent_text(serial)
        assert found is not None
        return found.state, found.detail

    async def counts(self, account_id: str = ACCOUNT) -> dict[tuple[str, int, str], int]:
        tallies = await self.store.text_tallies(account_id, since=NOW - 9 * DAY, until=NOW + 9 * DAY)  # type: ignore[arg-type]
        return {(tally.app_id, int(tally.sms_type), tally.what.value): tally.count for tally in tallies}


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[Harness]:
    store = await SqliteStore.open(tmp_path / "tidings.db")
    await store.commit(Unit(accounts=[Account(ACCOUNT, "one", "0" * 32, NOW)]))
    yield Harness(store)
    await store.close()


def a_receipt(message_id: str = "h:1/a", delivered: bool | None = True, **changes: object) -> TextReceipt:
    return replace(TextReceipt((message_id,), delivered, "DELIVRD" if delivered else "UNDELIV", PHONE), **changes)


async def held(harness: Harness, outgoing: Outgoing, outcome: Outcome) -> asyncio.Task[None]:
    """Settle; the journal is writing and does not get on."""
    harness.flow.gate.clear()
    return asyncio.create_task(harness.settled(outgoing, outcome))


async def turns(count: int = 20) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


# --- what an attempt came to --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "state", "detail"),
    [
        (Delivered("accepted"), TextState.DELIVERED, "accepted"),
        (Refused("no such number"), TextState.FAILED, "no such number"),
        (RetryLater("no network"), TextState.FAILED, "no network"),
        (Blocked("consent"), TextState.BLOCKED, OPTED_OUT),
    ],
)
async def test_the_last_word_is_reported_and_counted(
    harness: Harness, outcome: Outcome, state: TextState, detail: str
) -> None:
    await harness.settled(await harness.text(), outcome)
    assert await harness.state() == (state, detail)
    assert await harness.counts() == {(APP, 1, state.value): 1}
    assert harness.reported == 1


async def test_an_attempt_that_is_tried_again_is_no_end(harness: Harness) -> None:
    outgoing = await harness.text()
    harness.reports.settled(outgoing, RetryLater("busy"), Again(1, NOW, "busy"))
    await harness.journal.flush()
    assert await harness.state() == (TextState.WAITING, "")
    assert await harness.counts() == {}


async def test_what_the_gate_refused_because_of_its_age_was_not_blocked_by_anybody(harness: Harness) -> None:
    outgoing = await harness.text()
    outgoing.message.expires_at = NOW
    await harness.settled(outgoing, Blocked("consent"))
    assert await harness.state() == (TextState.FAILED, TOO_LATE)


async def test_a_text_with_receipts_to_come_waits_for_them(harness: Harness) -> None:
    await harness.settled(await harness.text(), Delivered("SMSC id a", ("h:1/a",)))
    assert await harness.state() == (TextState.WAITING, "")
    assert await harness.counts() == {}
    harness.clock.advance(5)
    await harness.reports.receipt(a_receipt())
    assert await harness.state() == (TextState.DELIVERED, "DELIVRD")
    assert await harness.counts() == {(APP, 1, "delivered"): 1}
    assert harness.reported == 1
    found = await harness.store.sent_text("s-1")
    assert found is not None
    assert found.reported_at == NOW + timedelta(seconds=5)


async def test_texts_of_topics_are_counted_only_and_for_their_topic(harness: Harness) -> None:
    topic = make_topic()
    message = Message("m", Kind.NOTIFICATION, ACCOUNT, "sns", NOW, TopicId(1), endpoint=PHONE)
    await harness.settled(harness.outgoing(message), Delivered("ok", ("h:1/a",)))
    notice = harness.outgoing(replace(message, kind=Kind.CONFIRMATION, account_id=OTHER_ACCOUNT))
    notice.mark = Page(Fanout(Task(1, notice.message), topic, {}, 0), 1, 0.0)
    await harness.settled(notice, Delivered("ok"))
    assert await harness.counts() == {("topics", 2, what): 2 for what in ("requested", "accepted", "delivered")}
    assert await harness.counts(OTHER_ACCOUNT) == {}
    assert await harness.store.text_part(["h:1/a"]) is None
    assert harness.reported == 0


async def test_counts_of_one_write_are_added_up_before_it(harness: Harness) -> None:
    message = Message("m", Kind.NOTIFICATION, ACCOUNT, "sns", NOW, TopicId(1), endpoint=PHONE, sms_type=9)
    for _ in range(1000):
        harness.reports.settled(harness.outgoing(message), Delivered(), DONE)
    assert len(harness.journal._tallies) == 3
    await harness.journal.flush()
    assert await harness.counts() == {("topics", 2, what): 1000 for what in ("requested", "accepted", "delivered")}


@pytest.mark.parametrize("outcome", [Delivered("ok"), Refused("no such number"), Blocked("consent")])
async def test_what_topics_ask_for_is_never_less_than_what_came_of_it(harness: Harness, outcome: Outcome) -> None:
    message = Message("m", Kind.NOTIFICATION, ACCOUNT, "sns", NOW, TopicId(1), endpoint=PHONE)
    await harness.settled(harness.outgoing(message), outcome)
    counts = {what: count for (_, _, what), count in (await harness.counts()).items()}
    ended = sum(counts.get(what, 0) for what in ("delivered", "failed", "blocked"))
    assert counts["requested"] == ended == 1
    assert counts.get("accepted", 0) == counts["requested"] - counts.get("blocked", 0)


# --- receipts ----------------------------------------------------------------------------------------------------------------------


async def test_a_text_in_parts_is_delivered_when_all_parts_are(harness: Harness) -> None:
    await harness.settled(await harness.text(parts=3), Delivered("ok", ("h:1/a", "h:1/b", "h:1/c")))
    for message_id in ("h:1/c", "h:1/a", "h:1/a"):
        await harness.reports.receipt(a_receipt(message_id))
        assert (await harness.state())[0] is TextState.WAITING
    await harness.reports.receipt(a_receipt("h:1/b"))
    assert (await harness.state())[0] is TextState.DELIVERED
    assert await harness.counts() == {(APP, 1, "delivered"): 1}


@pytest.mark.parametrize(
    ("answered", "reported"),
    [
        ("0000001A2B", "6699"),
        ("0000001A2B", "1a2b"),
        ("1A2E", "1a2e"),
        ("6699", "00001A2B"),
        ("1A2B", '"1a2b"'),
        ("42", "0000000042"),
    ],
)
async def test_a_receipt_finds_its_text_however_the_network_spells_the_id(
    harness: Harness, answered: str, reported: str
) -> None:
    await harness.settled(await harness.text(), Delivered("ok", (f"h:1/{answered}",)))
    await harness.reports.receipt(a_receipt(f"h:2/{reported}"))
    assert (await harness.state())[0] is TextState.WAITING
    await harness.reports.receipt(a_receipt(f"h:1/{reported}"))
    assert (await harness.state())[0] is TextState.DELIVERED


async def test_a_receipt_in_another_spelling_waits_for_what_is_not_written_yet(harness: Harness) -> None:
    writing = await held(harness, await harness.text(), Delivered("ok", ("h:1/0000001A2B",)))
    taking = asyncio.create_task(harness.reports.receipt(a_receipt("h:1/6699")))
    await turns()
    assert not taking.done()
    harness.flow.gate.set()
    await asyncio.gather(writing, taking)
    assert (await harness.state())[0] is TextState.DELIVERED
    assert harness.reports._unwritten == {}


async def test_the_exact_spelling_counts_before_another(harness: Harness) -> None:
    """10 in hexadecimal digits is 16, and both are of the same phone."""
    await harness.settled(await harness.text("s-1"), Delivered("ok", ("h:1/10",)))
    await harness.settled(await harness.text("s-2"), Delivered("ok", ("h:1/16",)))
    await harness.reports.receipt(a_receipt("h:1/16"))
    assert [(await harness.state(serial))[0] for serial in ("s-1", "s-2")] == [TextState.WAITING, TextState.DELIVERED]
    await harness.reports.receipt(a_receipt("h:1/0010"))  # the same notation counts before the other
    assert (await harness.state("s-1"))[0] is TextState.DELIVERED


async def test_an_id_in_another_notation_is_only_of_the_phones_own_text(harness: Harness) -> None:
    await harness.settled(await harness.text("s-1", phone="+12025550199"), Delivered("ok", ("h:1/1a",)))
    await harness.settled(await harness.text("s-2"), Delivered("ok", ("h:1/001A",)))
    await harness.reports.receipt(a_receipt("h:1/26"))
    assert [(await harness.state(serial))[0] for serial in ("s-1", "s-2")] == [TextState.WAITING, TextState.DELIVERED]


async def test_of_two_that_an_id_may_mean_none_is_chosen_unless_one_has_ended(harness: Harness) -> None:
    await harness.settled(await harness.text("s-1"), Delivered("ok", ("h:1/1A",)))
    await harness.settled(await harness.text("s-2"), Delivered("ok", ("h:1/1a",)))
    await harness.reports.receipt(a_receipt("h:1/26"))
    assert [(await harness.state(serial))[0] for serial in ("s-1", "s-2")] == [TextState.WAITING] * 2
    await harness.reports.receipt(a_receipt("h:1/1A"))
    await harness.reports.receipt(a_receipt("h:1/26"))
    assert [(await harness.state(serial))[0] for serial in ("s-1", "s-2")] == [TextState.DELIVERED] * 2


async def test_a_text_failed_as_soon_as_one_part_did_and_only_once(harness: Harness) -> None:
    await harness.settled(await harness.text(parts=2), Delivered("ok", ("h:1/a", "h:1/b")))
    receipts = [a_receipt("h:1/b", False, unreachable=True), a_receipt("h:1/a", False), a_receipt("h:1/a")]
    await asyncio.gather(*(harness.reports.receipt(receipt) for receipt in receipts))
    await harness.reports.receipt(a_receipt("h:1/b"))
    assert await harness.state() == (TextState.FAILED, "UNDELIV")
    assert await harness.counts() == {(APP, 1, "failed"): 1, (APP, 1, "unreachable"): 1}
    assert harness.reported == 1


async def test_a_receipt_that_comes_before_its_text_is_on_disk_waits_for_it(harness: Harness) -> None:
    writing = await held(harness, await harness.text(), Delivered("ok", ("h:1/a",)))
    taking = asyncio.create_task(harness.reports.receipt(a_receipt()))
    await turns()
    assert not taking.done()
    harness.flow.gate.set()
    await asyncio.gather(writing, taking)
    assert (await harness.state())[0] is TextState.DELIVERED
    assert harness.reports._unwritten == {}


@pytest.mark.parametrize("delivered", [True, False])
async def test_a_gateway_may_bring_the_receipt_before_it_answers(harness: Harness, delivered: bool) -> None:
    """One that knows texts by our own ids."""
    outgoing = await harness.text()
    await harness.reports.receipt(a_receipt("s-1", delivered, phone="+12025550199"))
    assert (await harness.state())[0] is TextState.WAITING
    await harness.reports.receipt(a_receipt("s-1", delivered))
    state = TextState.DELIVERED if delivered else TextState.FAILED
    assert (await harness.state())[0] is state
    await harness.settled(outgoing, Delivered("taken", ("s-1",)))
    await harness.reports.receipt(a_receipt("s-1", delivered))
    assert (await harness.state())[0] is state
    assert await harness.counts() == {(APP, 1, state.value): 1}
    assert harness.reported == 1


async def test_a_receipt_is_brought_again_when_its_text_cannot_be_written(harness: Harness) -> None:
    writing = await held(harness, await harness.text(), Delivered("ok", ("h:1/a",)))
    taking = asyncio.create_task(harness.reports.receipt(a_receipt()))
    await turns()
    harness.flow.broken = True
    harness.flow.gate.set()
    with pytest.raises(asyncio.CancelledError):
        await writing
    with pytest.raises(Unavailable):
        await taking
    assert harness.reports._unwritten == {}


async def test_a_receipt_that_is_given_up_does_not_disturb_others(harness: Harness) -> None:
    writing = await held(harness, await harness.text(), Delivered("ok", ("h:1/a",)))
    given_up, taking = (asyncio.create_task(harness.reports.receipt(a_receipt())) for _ in range(2))
    await turns()
    given_up.cancel()
    await turns()
    harness.flow.gate.set()
    await asyncio.gather(writing, taking)
    assert (await harness.state())[0] is TextState.DELIVERED


async def test_receipts_of_others_are_accepted(harness: Harness) -> None:
    await harness.reports.receipt(a_receipt("h:1/nobody"))
    await harness.reports.receipt(TextReceipt((), True, "DELIVRD"))
    assert await harness.counts() == {}
    assert harness.reported == 0


async def test_a_receipt_of_a_text_on_its_way_says_nothing_yet(harness: Harness) -> None:
    await harness.settled(await harness.text(), Delivered("ok", ("h:1/a",)))
    await harness.reports.receipt(a_receipt("h:1/a", None))
    assert (await harness.state())[0] is TextState.WAITING


async def test_an_id_in_another_notation_is_not_taken_for_another_phones_text(harness: Harness) -> None:
    """Decimal 10 and hexadecimal 10 are two texts; the phone tells which is meant."""
    await harness.settled(await harness.text("ten"), Delivered("ok", ("h:1/10",)))
    await harness.settled(await harness.text("sixteen", phone="+12025550199"), Delivered("ok", ("h:1/16",)))
    await harness.reports.receipt(
        TextReceipt(("h:1/10", "h:1/a", "h:1/16"), True, "DELIVRD", "2025550199")  # as a network writes it
    )
    assert (await harness.state("ten"))[0] is TextState.WAITING
    assert (await harness.state("sixteen"))[0] is TextState.DELIVERED


async def test_a_report_that_was_given_is_not_changed_by_another_attempt(harness: Harness) -> None:
    await harness.settled(await harness.text(), Refused("no"))
    found = await harness.store.sent_text("s-1")
    assert found is not None
    await harness.settled(
        harness.outgoing(Message("s-1", Kind.DIRECT, ACCOUNT, "x", NOW, sms_app=APP)), Delivered("yes")
    )
    assert await harness.store.sent_text("s-1") == found


# --- who opted out at the network ----------------------------------------------------------------------------------------------------


async def test_a_receipt_that_says_opted_out_is_kept_for_the_number_it_was_sent_from(harness: Harness) -> None:
    receipt = a_receipt("h:1/x", False, opted_out=True, address=NUMBER)
    await harness.reports.receipt(receipt)
    assert harness.refused == [(NUMBER, PHONE, "UNDELIV")]
    harness.excuse = Unavailable("disk full")
    with pytest.raises(Unavailable):
        await harness.reports.receipt(receipt)


async def test_a_refusal_that_says_opted_out_is_kept_for_the_number_it_was_sent_from(harness: Harness) -> None:
    await harness.settled(await harness.text(), Refused("SMSC: opted out", opted_out=True))
    await harness.reports.close()
    assert harness.refused == [(NUMBER, PHONE, "SMSC: opted out")]
    assert await harness.state() == (TextState.FAILED, "SMSC: opted out")


@pytest.mark.parametrize("excuse", [NotFound("inbound address", NUMBER), InvalidValue("phone", "none")])
async def test_an_opt_out_at_a_number_that_is_not_ours_is_nobodys(harness: Harness, excuse: Exception) -> None:
    harness.excuse = excuse
    await harness.reports.receipt(a_receipt("h:1/x", False, opted_out=True, address=NUMBER))
    await harness.reports.receipt(a_receipt("h:1/x", False, opted_out=True, address=""))
    await harness.settled(await harness.text(), Refused("opted out", opted_out=True))
    await harness.reports.close()
    assert harness.refused == []


# --- senders -----------------------------------------------------------------------------------------------------------------------


async def test_a_text_gets_its_applications_sender_or_else_the_servers(tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path / "tidings.db")
    harness = Harness(store, default_sender="+12025550999")
    await store.commit(
        Unit(
            accounts=[Account(ACCOUNT, "one", "0" * 32, NOW)],
            sms_applications=[
                SmsApplication(ACCOUNT, APP, NUMBER, NOW),
                SmsApplication(ACCOUNT, "topics", "News", NOW),
                SmsApplication(ACCOUNT, "mute", "", NOW),
            ],
        )
    )
    message = Message("m", Kind.DIRECT, ACCOUNT, "native", NOW, endpoint=PHONE)
    for app_id, given, used in [
        (APP, "", NUMBER),
        ("", "", "News"),
        ("mute", "", "+12025550999"),
        ("unknown", "", "+12025550999"),
        (APP, "Given", "Given"),
    ]:
        outgoing = harness.outgoing(replace(message, sms_app=app_id), TextContent("hello", given, "Promotional"))
        assert await prepared(harness.reports, outgoing) == ""
        assert outgoing.content == TextContent("hello", used, "Promotional")
    await store.close()


async def test_a_used_sender_is_written_once_a_day(harness: Harness) -> None:
    day = NOW.replace(hour=0)
    assert await harness.store.last_text_from(ACCOUNT, NUMBER) is None
    for serial in ("a", "b"):
        harness.reports.settled(await harness.text(serial), Delivered("ok", (f"h:1/{serial}",)), DONE)
        assert harness.journal._outcomes().senders_used == ({(ACCOUNT, NUMBER, day)} if serial == "a" else set())
        await harness.journal.flush()
    assert await harness.store.last_text_from(ACCOUNT, NUMBER) == day
    harness.clock.advance(86_400)
    await harness.settled(await harness.text("c"), Delivered("ok"))
    assert await harness.store.last_text_from(ACCOUNT, NUMBER) == day + DAY


async def test_a_text_that_was_refused_used_no_sender(harness: Harness) -> None:
    await harness.settled(await harness.text(), Refused("no"))
    assert await harness.store.last_text_from(ACCOUNT, NUMBER) is None


async def test_a_text_without_any_sender_keeps_none_and_uses_none(harness: Harness) -> None:
    outgoing = await harness.text()
    outgoing.content = TextContent("hello")
    assert await prepared(harness.reports, outgoing) == ""
    assert outgoing.content == TextContent("hello")
    await harness.settled(outgoing, Delivered("ok"))
    assert await harness.state() == (TextState.DELIVERED, "ok")
    assert await harness.store.last_text_from(ACCOUNT, "") is None


async def test_no_carrier_is_asked_about_a_number_that_cannot_be(harness: Harness) -> None:
    outgoing = await harness.text(phone="+12")
    assert await prepared(harness.reports, outgoing) == NO_SUCH_NUMBER


async def test_a_text_over_a_limit_does_not_go_out(harness: Harness) -> None:
    limits = OutgoingTextLimits(Destinations(), TextQuotas(per_hour=1), _none_sent, harness.clock)
    reports = TextReports(
        harness.store,
        harness.store,
        harness.store.text_gate,
        harness.clock,
        harness.journal,
        carrier_refused=_nobody,
        limits=limits,
    )
    message = Message("m", Kind.DIRECT, ACCOUNT, "sns", NOW, endpoint=PHONE)
    assert await prepared(reports, harness.outgoing(message)) == ""
    assert "an hour" in await prepared(reports, harness.outgoing(message))


async def _none_sent(account_id: str, since: datetime) -> int:
    return 0


async def prepared(reports: TextReports, outgoing: Outgoing) -> str:
    [outgoing.ahead] = await reports.look_ahead([Planned(outgoing.message, None, outgoing.endpoint)])
    return reports.prepare(outgoing)


async def _nobody(address: str, phone: str, reason: str, country_code: str) -> None:
    raise AssertionError("nobody opted out")


async def test_what_developers_forget_is_written_again(harness: Harness) -> None:
    await harness.settled(await harness.text("a"), Delivered("ok"))
    harness.reports.forget()
    harness.reports.settled(await harness.text("b"), Delivered("ok"), DONE)
    assert len(harness.journal._outcomes().senders_used) == 1


async def test_an_opt_out_that_cannot_be_kept_now_costs_nothing_else(harness: Harness) -> None:
    harness.excuse = Unavailable("disk full")
    outgoing = await harness.text()
    harness.reports.settled(outgoing, Refused("opted out", opted_out=True), GiveUp(1, "opted out"))
    await harness.reports.close()
    await harness.journal.flush()
    assert await harness.state() == (TextState.FAILED, "opted out")
    assert harness.refused == []


async def test_an_id_that_came_twice_waits_for_its_newest_text(harness: Harness) -> None:
    harness.flow.gate.clear()
    harness.reports.settled(await harness.text("a"), Delivered("ok", ("h:1/a",)), DONE)
    first = asyncio.ensure_future(harness.journal.flush())
    await asyncio.sleep(0)
    harness.reports.settled(await harness.text("b"), Delivered("ok", ("h:1/a", "h:1/b")), DONE)
    harness.flow.gate.set()
    await first
    harness.reports.settled(await harness.text("c"), Delivered("ok", ("h:1/c",)), DONE)
    assert len(harness.reports._unwritten) == 3
    await harness.journal.flush()
    await asyncio.sleep(0)
    assert harness.reports._unwritten == {}


async def test_reports_of_one_write_are_told_of_once(harness: Harness) -> None:
    for serial in ("a", "b"):
        harness.reports.settled(await harness.text(serial), Delivered("ok"), DONE)
    assert harness.reported == 0
    await harness.journal.flush()
    await asyncio.sleep(0)
    assert harness.reported == 1
    await harness.settled(await harness.text("c"), Delivered("ok"))
    await asyncio.sleep(0)
    assert harness.reported == 2


async def test_of_reports_that_were_not_written_nobody_is_told(harness: Harness) -> None:
    harness.flow.broken = True
    harness.reports.settled(await harness.text(), Delivered("ok"), DONE)
    with pytest.raises(asyncio.CancelledError):
        await harness.journal.flush()
    await asyncio.sleep(0)
    assert harness.reported == 0
