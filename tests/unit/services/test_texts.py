"""Texts that applications send, by the real service over the real embedded store."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.build import ACCOUNT, OTHER_ACCOUNT, FakeClock, make_principal
from tests.support.examples import examples

from tidings.access.authorize import authorize
from tidings.domain.errors import InvalidValue, NotFound, Throttled, Unavailable
from tidings.domain.grants import Grant, Verb
from tidings.domain.model import NO_ID, Account, AccountId, Kind, Way
from tidings.domain.optout import (
    TOPICS_APP,
    AddressKind,
    BlockingRule,
    InboundAddress,
    InboundText,
    OptOut,
    SmsApplication,
    SmsType,
)
from tidings.domain.ports import Progress
from tidings.domain.texts import SentTextQuery, TextCount, TextReport, TextState
from tidings.domain.unit import Unit
from tidings.flow.embedded import EmbeddedFlow
from tidings.observe.metrics import Metrics
from tidings.services.texting.inbound_texts import OWN_TEXTS
from tidings.services.texting.text_frequency import FrequencyOfCall
from tidings.services.texting.texts import TextAnswer, TextLimits, Texts, TextVerdict, WantedText
from tidings.store.sqlite import SqliteStore

APP, SECOND_APP = "1400006666", "1400007777"
ADDRESS, SECOND_ADDRESS, OTHERS_ADDRESS = "+18885550100", "+18885550101", "+18885550102"
PHONE, ANOTHER = "+12025550123", "+12025550124"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


class Harness:
    """The service with what it stands on."""

    def __init__(self, store: SqliteStore, limits: TextLimits | None, backlog_max: int) -> None:
        self.store, self.clock, self.metrics = store, FakeClock(), Metrics()
        self.flow = EmbeddedFlow.open(store.journal, backlog_max=backlog_max, append_patience_s=0.05)
        ids = count(1)
        self.texts = Texts(
            store,
            store,
            store,
            store.text_gate,
            self.flow,
            self.clock,
            self.metrics,
            new_message_id=lambda: f"{next(ids):032x}",
            limits=limits,
        )

    def grant(self, verb: Verb = Verb.PUBLISH_SMS, account_id: AccountId = ACCOUNT) -> Grant:
        return authorize(make_principal(account_id), verb, owner=account_id, resource="*")

    async def send(self, *wanted: WantedText, app_id: str = APP) -> list[TextAnswer]:
        return await self.texts.send(self.grant(), app_id, wanted)

    async def verdicts(self, *wanted: WantedText) -> list[TextVerdict]:
        return [answer.verdict for answer in await self.send(*wanted)]

    async def counts(self, app_id: str | None = APP) -> dict[tuple[SmsType, TextCount], int]:
        until = self.clock.now() + timedelta(days=1)
        tallies = await self.texts.tallies(self.grant(Verb.LIST), app_id, LONG_AGO, until)
        counts: Counter[tuple[SmsType, TextCount]] = Counter()
        for tally in tallies:
            counts[tally.sms_type, tally.what] += tally.count
        return dict(counts)

    async def opt_out(self, phone: str, address: str = ADDRESS) -> None:
        now = self.clock.now()
        await self.store.commit(Unit(opt_outs=[OptOut(ACCOUNT, address, phone, now, now, Way.KEYWORD)]))

    async def report(self, serials: Sequence[str], state: TextState = TextState.DELIVERED) -> None:
        now = self.clock.now()
        reports = [TextReport(serial, state, "", now) for serial in serials]
        await self.store.commit(Unit(text_reports=reports))

    async def receive(self, text: str, phone: str = PHONE, address: str = ADDRESS) -> None:
        received = InboundText(NO_ID, ACCOUNT, address, phone, text, self.clock.now())
        await self.store.commit(Unit(inbound_texts=[received]))


@asynccontextmanager
async def open_office(
    folder: Path, limits: TextLimits | None = None, backlog_max: int = 10_000
) -> AsyncIterator[Harness]:
    store = await SqliteStore.open(folder / "tidings.db")
    try:
        harness = Harness(store, limits, backlog_max)
        now = harness.clock.now()
        addresses = [(ACCOUNT, ADDRESS), (ACCOUNT, SECOND_ADDRESS), (OTHER_ACCOUNT, OTHERS_ADDRESS)]
        await store.commit(
            Unit(
                accounts=[Account(ACCOUNT, "default", "0" * 32, now), Account(OTHER_ACCOUNT, "other", "1" * 32, now)],
                sms_applications=[
                    SmsApplication(ACCOUNT, APP, "Tidings", now),
                    SmsApplication(ACCOUNT, SECOND_APP, SECOND_ADDRESS, now),
                ],
                inbound_addresses_new=[
                    InboundAddress(NO_ID, owner, address, AddressKind.TEN_DLC, now) for owner, address in addresses
                ],
                blocking_rules=[BlockingRule(ACCOUNT, ADDRESS, APP, frozenset({SmsType.MARKETING}))],
            )
        )
        yield harness
    finally:
        await store.close()


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[Harness]:
    async with open_office(tmp_path) as running:
        yield running


def wanted(
    phone: str = PHONE, body: str = "hello", kind: SmsType = SmsType.NOTIFICATION, *, sender: str = ""
) -> WantedText:
    return WantedText(phone, body, kind, 1101, "Tidings", "my id", sender, "77")


# --- sending -----------------------------------------------------------------------------------------------------------


async def test_an_accepted_text_is_a_message_and_is_kept(harness: Harness) -> None:
    (answer,) = await harness.send(wanted(body="x" * 161))
    assert (answer.verdict, answer.parts) == (TextVerdict.ACCEPTED, 2)
    (task,) = await harness.flow.take(10)
    message = task.message
    assert (message.id, message.kind, message.dialect) == (answer.serial, Kind.DIRECT, OWN_TEXTS)
    assert (message.endpoint, message.body, message.sender) == (PHONE, "x" * 161, "Tidings")
    assert (message.sms_app, message.sms_type, message.answers) == (APP, 2, "")
    text = await harness.store.sent_text(answer.serial)
    assert text is not None
    assert (text.phone, text.parts, text.template_id, text.sign) == (PHONE, 2, 1101, "Tidings")
    assert (text.session, text.extend, text.state) == ("my id", "77", TextState.WAITING)


async def test_a_sender_of_its_own_comes_before_the_applications(harness: Harness) -> None:
    await harness.send(wanted(sender="Shop"))
    (task,) = await harness.flow.take(10)
    assert task.message.sender == "Shop"


async def test_nobody_sends_from_another_accounts_number(harness: Harness) -> None:
    with pytest.raises(InvalidValue, match="sender"):
        await harness.send(wanted(), wanted(sender=OTHERS_ADDRESS))
    with pytest.raises(InvalidValue, match="sender"):
        await harness.send(wanted(sender=OTHERS_ADDRESS[1:]))
    assert harness.flow.backlog() == 0
    assert await harness.verdicts(wanted(sender=SECOND_ADDRESS)) == [TextVerdict.ACCEPTED]


async def test_an_applications_number_that_became_another_accounts_is_sent_from_no_more(harness: Harness) -> None:
    row = SmsApplication(ACCOUNT, APP, OTHERS_ADDRESS, LONG_AGO)
    await harness.store.commit(Unit(sms_applications=[row]))
    with pytest.raises(InvalidValue, match="sender"):
        await harness.send(wanted())
    assert await harness.verdicts(wanted(sender="Shop")) == [TextVerdict.ACCEPTED]


@pytest.mark.parametrize("app_id", ["1400000000", TOPICS_APP, ""])
async def test_only_an_application_of_the_account_sends(harness: Harness, app_id: str) -> None:
    await harness.store.commit(Unit(sms_applications=[SmsApplication(ACCOUNT, TOPICS_APP, "", harness.clock.now())]))
    with pytest.raises(NotFound, match="application"):
        await harness.send(wanted(), app_id=app_id)
    with pytest.raises(NotFound, match="application"):
        await harness.texts.send(harness.grant(account_id=OTHER_ACCOUNT), APP, [wanted()])


async def test_an_opt_out_blocks_what_its_rule_says_and_is_counted(harness: Harness) -> None:
    await harness.opt_out(PHONE)
    verdicts = await harness.verdicts(
        wanted(kind=SmsType.MARKETING), wanted(ANOTHER, kind=SmsType.MARKETING), wanted(kind=SmsType.NOTIFICATION)
    )
    assert verdicts == [TextVerdict.OPTED_OUT, TextVerdict.ACCEPTED, TextVerdict.ACCEPTED]
    assert harness.flow.backlog() == 2
    assert await harness.counts() == {
        (SmsType.MARKETING, TextCount.REQUESTED): 2,
        (SmsType.MARKETING, TextCount.BLOCKED): 1,
        (SmsType.MARKETING, TextCount.ACCEPTED): 1,
        (SmsType.MARKETING, TextCount.PARTS): 1,
        (SmsType.NOTIFICATION, TextCount.REQUESTED): 1,
        (SmsType.NOTIFICATION, TextCount.ACCEPTED): 1,
        (SmsType.NOTIFICATION, TextCount.PARTS): 1,
    }
    assert b'tidings_texts_blocked_total{type="marketing"} 1.0' in harness.metrics.render()
    assert b"tidings_published_messages_total 2.0" in harness.metrics.render()


async def test_an_edited_rule_counts_for_who_opted_out_before(harness: Harness) -> None:
    await harness.opt_out(PHONE)
    assert await harness.verdicts(wanted()) == [TextVerdict.ACCEPTED]
    rule = BlockingRule(ACCOUNT, ADDRESS, APP, frozenset({SmsType.NOTIFICATION}))
    await harness.store.commit(Unit(blocking_rules=[rule]))
    assert await harness.verdicts(wanted(), wanted(kind=SmsType.MARKETING)) == [
        TextVerdict.OPTED_OUT,
        TextVerdict.ACCEPTED,
    ]


async def test_a_text_that_cannot_be_split_is_refused_with_all_of_its_call(harness: Harness) -> None:
    with pytest.raises(InvalidValue, match="text"):
        await harness.send(wanted(), wanted(body="x" * 153 * 256))
    assert harness.flow.backlog() == 0


async def test_a_long_backlog_is_unavailable(tmp_path: Path) -> None:
    async with open_office(tmp_path, backlog_max=1) as harness:
        assert await harness.verdicts(wanted()) == [TextVerdict.ACCEPTED]
        with pytest.raises(Unavailable):
            await harness.send(wanted())
        (task,) = await harness.flow.take(1)
        waiting = asyncio.create_task(harness.verdicts(wanted()))
        await harness.flow.record(Progress(finished=[task.seq]))
        assert await waiting == [TextVerdict.ACCEPTED]


async def test_what_the_dialect_refused_is_counted_as_asked_for(harness: Harness) -> None:
    await harness.texts.refused(harness.grant(), APP, SmsType.MARKETING, TextCount.INVALID_NUMBER, 3)
    await harness.texts.refused(harness.grant(), APP, SmsType.MARKETING, TextCount.REQUESTED, 2)
    await harness.texts.refused(harness.grant(), APP, SmsType.MARKETING, TextCount.REQUESTED, 0)
    assert await harness.counts() == {
        (SmsType.MARKETING, TextCount.REQUESTED): 5,
        (SmsType.MARKETING, TextCount.INVALID_NUMBER): 3,
    }


# --- frequency limits ----------------------------------------------------------------------------------------------------


LIMITS = TextLimits(per_30_s=1, per_hour=2, per_day=3, same_content_per_day=2)


async def test_each_window_has_its_limit(tmp_path: Path) -> None:
    async with open_office(tmp_path, LIMITS) as harness:
        bodies = (f"text {n}" for n in count())

        async def after(seconds: float) -> TextVerdict:
            harness.clock.advance(seconds)
            return (await harness.verdicts(wanted(body=next(bodies))))[0]

        assert await after(0) is TextVerdict.ACCEPTED
        assert await after(29.9) is TextVerdict.THIRTY_SECONDS
        assert await after(0.1) is TextVerdict.ACCEPTED
        assert await after(30) is TextVerdict.HOUR
        assert await after(3600 - 60) is TextVerdict.ACCEPTED
        assert await after(3600) is TextVerdict.DAY
        assert await after(86_400 - 7200) is TextVerdict.ACCEPTED
        assert (await harness.counts())[SmsType.NOTIFICATION, TextCount.LIMITED] == 3


async def test_equal_texts_have_a_limit_of_their_own(tmp_path: Path) -> None:
    async with open_office(tmp_path, TextLimits(same_content_per_day=2)) as harness:
        assert await harness.verdicts(*[wanted(body="a")] * 3, wanted(body="b"), wanted(ANOTHER, "a")) == [
            TextVerdict.ACCEPTED,
            TextVerdict.ACCEPTED,
            TextVerdict.SAME_CONTENT,
            TextVerdict.ACCEPTED,
            TextVerdict.ACCEPTED,
        ]
        harness.clock.advance(86_400)
        assert await harness.verdicts(wanted(body="a")) == [TextVerdict.ACCEPTED]


async def test_limits_are_an_applications_own_and_blocked_texts_do_not_count(tmp_path: Path) -> None:
    async with open_office(tmp_path, TextLimits(per_day=1)) as harness:
        await harness.opt_out(PHONE)
        assert await harness.verdicts(wanted(kind=SmsType.MARKETING), wanted(), wanted()) == [
            TextVerdict.OPTED_OUT,
            TextVerdict.ACCEPTED,
            TextVerdict.DAY,
        ]
        (answer,) = await harness.send(wanted(), app_id=SECOND_APP)
        assert answer.verdict is TextVerdict.ACCEPTED


async def test_calls_at_once_do_not_pass_a_limit_together(tmp_path: Path) -> None:
    async with open_office(tmp_path, TextLimits(per_hour=5)) as harness:
        calls = [harness.verdicts(wanted(body=f"{n}"), wanted(ANOTHER, f"{n}")) for n in range(20)]
        verdicts = [verdict for call in await asyncio.gather(*calls) for verdict in call]
        assert verdicts.count(TextVerdict.ACCEPTED) == 10


async def test_a_call_that_fails_counts_for_nothing(tmp_path: Path) -> None:
    async with open_office(tmp_path, TextLimits(per_day=1)) as harness:
        harness.texts._new_message_id = lambda: "the same id"
        with pytest.raises(Throttled):
            await harness.send(wanted(), wanted(ANOTHER))
        ids = count(1)
        harness.texts._new_message_id = lambda: f"{next(ids):032x}"
        assert await harness.verdicts(wanted()) == [TextVerdict.ACCEPTED]


@settings(max_examples=examples(25), deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 4000), st.lists(st.tuples(st.integers(0, 1), st.integers(0, 2)), max_size=4)),
        max_size=8,
    )
)
def test_no_window_ever_holds_more_than_its_limit(calls: list[tuple[int, list[tuple[int, int]]]]) -> None:
    limits = TextLimits(per_30_s=2, per_hour=3, per_day=6, same_content_per_day=2)

    async def run() -> None:
        accepted: defaultdict[str, list[tuple[datetime, str]]] = defaultdict(list)
        with TemporaryDirectory() as folder:
            async with open_office(Path(folder), limits) as harness:
                for seconds, texts in calls:
                    harness.clock.advance(seconds)
                    asked = [wanted((PHONE, ANOTHER)[who], f"text {what}") for who, what in texts]
                    for text, verdict in zip(asked, await harness.verdicts(*asked), strict=True):
                        expected = _verdict(accepted[text.phone], harness.clock.now(), text.body, limits)
                        assert verdict is expected
                        if verdict is TextVerdict.ACCEPTED:
                            accepted[text.phone].append((harness.clock.now(), text.body))

    asyncio.run(run())


def _verdict(sent: list[tuple[datetime, str]], now: datetime, body: str, limits: TextLimits) -> TextVerdict:
    """The rule in the plainest words."""

    def within(seconds: int) -> list[str]:
        return [said for at, said in sent if (now - at).total_seconds() < seconds]

    if len(within(30)) >= limits.per_30_s:
        return TextVerdict.THIRTY_SECONDS
    if len(within(3600)) >= limits.per_hour:
        return TextVerdict.HOUR
    if len(within(86_400)) >= limits.per_day:
        return TextVerdict.DAY
    if within(86_400).count(body) >= limits.same_content_per_day:
        return TextVerdict.SAME_CONTENT
    return TextVerdict.ACCEPTED


# --- their outcomes -------------------------------------------------------------------------------------------------------


async def test_reports_are_pulled_once_and_in_order(harness: Harness) -> None:
    serials = [(await harness.send(wanted()))[0].serial for _ in range(5)]
    assert await harness.texts.pull_reports(harness.grant(), APP, 10) == []
    await harness.report(serials[1:])
    pulled = await harness.texts.pull_reports(harness.grant(), APP, 3)
    assert [text.serial for text in pulled] == serials[1:4]
    await harness.report(serials[:1], TextState.FAILED)
    pulled = await harness.texts.pull_reports(harness.grant(), APP, 3)
    assert [(text.serial, text.state) for text in pulled] == [
        (serials[4], TextState.DELIVERED),
        (serials[0], TextState.FAILED),
    ]
    assert await harness.texts.pull_reports(harness.grant(), APP, 3) == []
    assert await harness.texts.pull_reports(harness.grant(), SECOND_APP, 3) == []


async def test_two_who_pull_at_once_share_what_there_is(harness: Harness) -> None:
    serials = [answer.serial for answer in await harness.send(*[wanted()] * 30)]
    await harness.report(serials)
    pulls = [harness.texts.pull_reports(harness.grant(), APP, 5) for _ in range(8)]
    pulled = [text.serial for page in await asyncio.gather(*pulls) for text in page]
    assert sorted(pulled) == sorted(serials)


async def test_an_application_pulls_what_arrives_at_its_addresses(harness: Harness) -> None:
    await harness.receive("for the first")
    await harness.receive("for the second", address=SECOND_ADDRESS)
    await harness.receive("again")
    first = await harness.texts.pull_replies(harness.grant(), APP, 10)
    second = await harness.texts.pull_replies(harness.grant(), SECOND_APP, 10)
    assert [received.text for received in first] == ["for the first", "again"]
    assert [received.text for received in second] == ["for the second"]
    assert await harness.texts.pull_replies(harness.grant(), APP, 10) == []


async def test_an_application_without_addresses_hears_nothing(harness: Harness) -> None:
    await harness.store.commit(Unit(sms_applications=[SmsApplication(ACCOUNT, "1400009999", "", harness.clock.now())]))
    await harness.receive("hello?")
    assert await harness.texts.pull_replies(harness.grant(), "1400009999", 10) == []


async def test_a_reply_answers_the_last_text_before_it(harness: Harness) -> None:
    await harness.send(wanted())
    harness.clock.advance(60)
    (asked,) = await harness.send(wanted(body="are you there?"))
    harness.clock.advance(60)
    await harness.receive("yes")
    await harness.receive("who is this?", ANOTHER)
    harness.clock.advance(60)
    await harness.send(wanted(body="good"))
    replies = await harness.texts.pull_replies(harness.grant(), APP, 10)
    answered = await harness.texts.answered(harness.grant(), APP, replies)
    assert {replies[0].id: asked.serial} == {reply: text.serial for reply, text in answered.items()}
    assert await harness.texts.answered(harness.grant(), APP, []) == {}


async def test_what_a_phone_got_and_said_can_be_looked_up(harness: Harness) -> None:
    serials = [(await harness.send(wanted()))[0].serial for _ in range(3)]
    await harness.send(wanted(ANOTHER))
    await harness.report(serials[:2])
    now, query = harness.clock.now(), SentTextQuery(OTHER_ACCOUNT, APP, [PHONE], reported=True)
    found = await harness.texts.reports_of(harness.grant(Verb.READ_LEDGER), query)
    assert {text.serial for text in found} == set(serials[:2])
    for text in ("one", "two", "three"):
        await harness.receive(text)
    await harness.receive("not mine", ANOTHER)
    replies = await harness.texts.replies_of(
        harness.grant(), APP, PHONE, now - timedelta(days=7), now + timedelta(seconds=1), 1, 5
    )
    assert [received.text for received in replies] == ["two", "three"]
    assert await harness.texts.replies_of(harness.grant(), APP, PHONE, now - timedelta(days=7), now, 0, 5) == []


async def test_a_conversion_is_counted_for_the_texts_own_application(harness: Harness) -> None:
    (answer,) = await harness.send(wanted(kind=SmsType.VERIFICATION_CODE))
    now = harness.clock.now()
    await harness.texts.converted(harness.grant(), APP, answer.serial, now)
    assert (await harness.counts())[SmsType.VERIFICATION_CODE, TextCount.CONVERTED] == 1
    for app_id, serial in ((SECOND_APP, answer.serial), (APP, "unknown")):
        with pytest.raises(NotFound, match="text"):
            await harness.texts.converted(harness.grant(), app_id, serial, now)
    with pytest.raises(NotFound, match="application"):
        await harness.texts.converted(harness.grant(account_id=OTHER_ACCOUNT), APP, answer.serial, now)


async def test_a_conversion_is_not_counted_for_another_accounts_text_of_an_equal_application(harness: Harness) -> None:
    (answer,) = await harness.send(wanted())
    now = harness.clock.now()
    await harness.store.commit(Unit(sms_applications=[SmsApplication(OTHER_ACCOUNT, APP, "", now)]))
    with pytest.raises(NotFound, match="text"):
        await harness.texts.converted(harness.grant(account_id=OTHER_ACCOUNT), APP, answer.serial, now)


def test_a_text_that_is_stored_while_it_is_asked_for_counts_once() -> None:
    now = datetime(2026, 11, 30, tzinfo=UTC)
    application = SmsApplication(ACCOUNT, APP, "", now)
    call = FrequencyOfCall(application, now, TextLimits(per_hour=2), {}, timedelta(hours=1))
    sent = (now - timedelta(minutes=5), b"a")
    call.know("+12025550123", before=[sent], stored=[sent])
    assert [call.verdict("+12025550123", b"b") for _ in range(2)] == [TextVerdict.ACCEPTED, TextVerdict.HOUR]
