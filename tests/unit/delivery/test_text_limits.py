from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime

import pytest
from tests.support.build import ACCOUNT, NOW, OTHER_ACCOUNT, FakeClock
from tests.support.outgoing import make_outgoing

from tidings.delivery import text_limits
from tidings.delivery.text_limits import OutgoingTextLimits, TextQuotas
from tidings.domain.envelope import Outgoing, TextContent
from tidings.domain.model import AccountId, Kind
from tidings.domain.optout import TOPICS_APP
from tidings.wire.phone_destinations import Destinations

PHONE = "+12025550123"


def limits(clock: FakeClock, sent: int = 0, **quotas: int) -> OutgoingTextLimits:
    async def sent_since(account_id: AccountId, since: datetime) -> int:
        return sent

    return OutgoingTextLimits(Destinations(), TextQuotas(**quotas), sent_since, clock)


def text(body: str = "news", phone: str = PHONE, *, attempt: int = 1, **message: object) -> Outgoing:
    outgoing = make_outgoing(TextContent(body), phone, "sms")
    outgoing.attempt = attempt
    outgoing.message = replace(outgoing.message, **message)
    return outgoing


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.mark.parametrize(
    ("quotas", "after_s"), [({"per_30_s": 2}, 30), ({"per_hour": 2}, 3_600), ({"per_day": 2}, 86_400)]
)
def test_a_phone_gets_so_many_texts_in_a_window(clock: FakeClock, quotas: dict[str, int], after_s: int) -> None:
    held = limits(clock, **quotas)
    assert [held.refused(text(str(number)), ACCOUNT) for number in range(2)] == ["", ""]
    assert "one phone" in held.refused(text("3"), ACCOUNT)
    assert held.refused(text("3", "+12025550124"), ACCOUNT) == ""
    clock.advance(after_s)
    assert held.refused(text("3"), ACCOUNT) == ""


def test_equal_texts_are_counted_apart(clock: FakeClock) -> None:
    held = limits(clock, same_content_per_day=1)
    assert held.refused(text("sale"), ACCOUNT) == held.refused(text("news"), ACCOUNT) == ""
    assert "equal" in held.refused(text("sale"), ACCOUNT)


def test_what_is_tried_again_was_counted(clock: FakeClock) -> None:
    held = limits(clock, per_day=1, per_account_day=1)
    assert held.refused(text(), ACCOUNT) == ""
    assert held.refused(text(attempt=2), ACCOUNT) == ""


@pytest.mark.parametrize("message", [{"kind": Kind.CONFIRMATION}, {"kind": Kind.GOODBYE}])
def test_questions_and_goodbyes_have_a_pace_of_their_own(clock: FakeClock, message: dict[str, object]) -> None:
    held = limits(clock, per_day=1)
    assert [held.refused(text(**message), ACCOUNT) for _ in range(3)] == ["", "", ""]


def test_an_answer_to_a_text_is_always_given(clock: FakeClock) -> None:
    held = limits(clock, per_day=1, per_account_day=1)
    assert held.refused(text(), ACCOUNT) == ""
    assert held.refused(text(dialect="native", sms_app=TOPICS_APP), ACCOUNT) == ""
    assert "account" in held.refused(text(dialect="native", sms_app="1400"), ACCOUNT)


async def test_an_account_has_so_many_texts_a_day_counted_over_restarts(clock: FakeClock) -> None:
    asked: list[datetime] = []

    async def sent_since(account_id: AccountId, since: datetime) -> int:
        asked.append(since)
        return 9 if len(asked) == 1 else 0

    held = OutgoingTextLimits(Destinations(), TextQuotas(per_account_day=10), sent_since, clock)
    for _ in range(2):
        await held.look_ahead(ACCOUNT)
    assert held.refused(text(), ACCOUNT) == ""
    assert "10 texts a day" in held.refused(text("other", "+12025550124"), ACCOUNT)
    await held.look_ahead(ACCOUNT)
    assert "10 texts a day" in held.refused(text("other", "+12025550125"), ACCOUNT)
    other = type(ACCOUNT)("1" * 12)
    await held.look_ahead(other)
    assert held.refused(text(), other) == ""
    today = clock.time = NOW.replace(hour=0, minute=0, second=0, microsecond=0)
    clock.advance(86_400)
    assert held.refused(text(), ACCOUNT) == ""
    await held.look_ahead(ACCOUNT)
    assert asked == [today, today]


async def test_texts_that_were_counted_while_the_store_looked_stay_counted(clock: FakeClock) -> None:
    looking, go_on = asyncio.Event(), asyncio.Event()

    async def sent_since(account_id: AccountId, since: datetime) -> int:
        if looking.is_set():
            return 0
        looking.set()
        await go_on.wait()
        return 0

    held = OutgoingTextLimits(Destinations(), TextQuotas(per_account_day=1), sent_since, clock)
    slow = asyncio.create_task(held.look_ahead(ACCOUNT))
    await looking.wait()
    await held.look_ahead(ACCOUNT)
    assert held.refused(text(), ACCOUNT) == ""
    go_on.set()
    await slow
    assert "1 texts a day" in held.refused(text("other", "+12025550124"), ACCOUNT)


async def test_a_count_that_is_read_over_midnight_is_not_kept(clock: FakeClock) -> None:
    async def sent_since(account_id: AccountId, since: datetime) -> int:
        clock.advance(86_400)
        held.refused(text(), OTHER_ACCOUNT)  # another text begins the day
        return 9

    held = OutgoingTextLimits(Destinations(), TextQuotas(per_account_day=1), sent_since, clock)
    await held.look_ahead(ACCOUNT)
    assert held.refused(text(), ACCOUNT) == ""


def test_without_limits_nothing_is_counted(clock: FakeClock) -> None:
    held = limits(clock)
    assert all(held.refused(text(), ACCOUNT) == "" for _ in range(100))
    assert "premium" in held.refused(text(phone="+19005550123"), ACCOUNT)


def test_the_phone_that_was_texted_longest_ago_is_forgotten_first(
    clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_limits, "PHONES_MAX", 2)
    held = limits(clock, per_hour=1)
    phones = ["+12025550120", "+12025550121", "+12025550120", "+12025550122", "+12025550120", "+12025550121"]
    assert [bool(held.refused(text(phone=phone), ACCOUNT)) for phone in phones] == [
        *(False, False, True),  # the first one has been texted last
        *(False, True, False),
    ]
