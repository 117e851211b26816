"""The gate refuses what changed after a page was read."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.support.build import (
    ACCOUNT,
    NOW,
    OTHER_ACCOUNT,
    UID,
    FakeClock,
    make_message,
    make_subscriber,
    make_topic,
)

from tidings.delivery.fanout import Fanout, Page, Row
from tidings.delivery.gate import Gate, TextPermit
from tidings.delivery.own_texts import OwnText
from tidings.domain.envelope import HttpContent, Outgoing, QueueContent, TextContent
from tidings.domain.errors import Unavailable
from tidings.domain.model import Kind, State, TopicId
from tidings.domain.optout import KeywordSet
from tidings.domain.outcomes import BLOCKED, Busy, RetryLater
from tidings.domain.phone_ports import GateVerdict, TextAsk, TextGate
from tidings.domain.ports import Task
from tidings.observe.metrics import Metrics
from tidings.store.sqlite.text_gate import DirectTextGate


def _outgoing(kind: Kind = Kind.NOTIFICATION) -> Outgoing:
    return Outgoing(make_message(kind), make_subscriber(), "http://receiver.example", HttpContent(b"", b""))


def test_what_has_not_changed_may_go() -> None:
    gate = Gate()
    gate.apply("f" * 32, State.CANCELED)
    assert gate.refusal(_outgoing()) is None


@pytest.mark.parametrize("turns", [0, 1])
def test_a_canceled_subscription_gets_nothing_that_waits(turns: int) -> None:
    gate = Gate()
    gate.apply(UID, State.CANCELED)
    for _ in range(turns):
        gate.rotate()
    assert gate.refusal(_outgoing()) is BLOCKED
    assert gate.refusal(_outgoing(Kind.GOODBYE)) is None


def test_a_subscriber_who_came_back_receives_again() -> None:
    gate = Gate()
    gate.apply(UID, State.CANCELED)
    gate.rotate()
    gate.apply(UID, State.CONFIRMED)
    assert gate.refusal(_outgoing()) is None


def test_a_confirmed_subscription_gets_no_late_confirmation_request() -> None:
    gate = Gate()
    gate.apply(UID, State.CONFIRMED)
    assert gate.refusal(_outgoing(Kind.CONFIRMATION)) is BLOCKED


def test_memory_is_given_back_after_two_turns() -> None:
    gate = Gate()
    gate.apply(UID, State.CANCELED)
    gate.rotate()
    gate.rotate()
    assert gate.refusal(_outgoing()) is None


def test_nothing_of_a_deleted_topic_leaves() -> None:
    gate = Gate()
    gate.topic_gone(TopicId(1))
    assert gate.refusal(_outgoing()) is BLOCKED
    for topic_id in range(2, 10_003):
        gate.topic_gone(TopicId(topic_id))
    gate.rotate()
    assert gate.refusal(_outgoing()) is None


PHONE = "+12025550123"


class Everybody(DirectTextGate):
    """A gate at which everybody has opted out; it keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[TextAsk] = []
        self.answer: str | None = "+12025550100"

    def recheck(self, ask: TextAsk, ahead: GateVerdict | None) -> str | None:
        self.asked.append(ask)
        return self.answer


@pytest.fixture
def everybody() -> Everybody:
    return Everybody()


def gate_of(gate: TextGate) -> Gate:
    return Gate({"sms": TextPermit(gate, FakeClock(), Metrics()).refusal})


def a_text(kind: Kind = Kind.DIRECT, **changes: Any) -> Outgoing:
    message = replace(make_message(kind), **changes)
    return Outgoing(message, make_subscriber("sms", PHONE), PHONE, TextContent("hello"))


def test_a_text_without_application_and_type_is_asked_for_as_a_topics_notification(everybody: Everybody) -> None:
    assert gate_of(everybody).refusal(a_text()) is BLOCKED
    assert gate_of(everybody).refusal(a_text(sms_app="1400006666", sms_type=1)) is BLOCKED
    assert everybody.asked == [TextAsk(ACCOUNT, "topics", 2, PHONE), TextAsk(ACCOUNT, "1400006666", 1, PHONE)]


def test_a_text_to_somebody_who_did_not_opt_out_may_go(everybody: Everybody) -> None:
    everybody.answer = ""
    assert gate_of(everybody).refusal(a_text()) is None


def test_a_type_that_nobody_knows_is_blocked_like_others(everybody: Everybody) -> None:
    assert gate_of(everybody).refusal(a_text(sms_type=9)) is BLOCKED


def test_nobody_is_asked_about_what_is_no_text(everybody: Everybody) -> None:
    assert gate_of(everybody).refusal(_outgoing()) is None
    dead_letter = a_text()
    dead_letter.content = QueueContent("{}")
    assert gate_of(everybody).refusal(dead_letter) is None
    assert everybody.asked == []


def test_an_answer_goes_round_opt_outs_but_not_after_its_time(everybody: Everybody) -> None:
    assert gate_of(everybody).refusal(a_text(answers="help", expires_at=NOW + timedelta(seconds=1))) is None
    assert gate_of(everybody).refusal(a_text(answers="help", expires_at=NOW)) is BLOCKED


@pytest.mark.parametrize("opted_out", [False, True])
def test_nobody_is_told_to_be_back_after_another_stop(everybody: Everybody, opted_out: bool) -> None:
    everybody.answer = "+12025550100" if opted_out else ""
    answer = a_text(answers=KeywordSet.OPT_IN, sender="+12025550100")
    assert gate_of(everybody).refusal(answer) == (BLOCKED if opted_out else None)
    assert everybody.asked == [TextAsk(ACCOUNT, "topics", 2, PHONE, "+12025550100")]


def test_a_text_whose_verdict_does_not_hold_is_asked_about_anew_and_was_no_attempt(everybody: Everybody) -> None:
    everybody.answer = None
    refusal = gate_of(everybody).refusal(a_text())
    assert isinstance(refusal, Busy)
    assert refusal.after_s == 0


def test_a_text_waits_while_the_store_cannot_be_asked(everybody: Everybody, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable(ask: TextAsk, ahead: GateVerdict | None) -> str:
        raise Unavailable("disk I/O error")

    monkeypatch.setattr(everybody, "recheck", unreadable)
    assert gate_of(everybody).refusal(a_text()) == RetryLater("opt-outs cannot be looked up: disk I/O error")


@pytest.mark.parametrize("kind", [Kind.CONFIRMATION, Kind.GOODBYE])
def test_a_notice_is_the_topics_text_whoever_owns_the_subscription(everybody: Everybody, kind: Kind) -> None:
    notice = a_text(kind, account_id=OTHER_ACCOUNT)
    topic = make_topic()
    notice.mark = Row(1, topic, OwnText(notice.message))
    assert gate_of(everybody).refusal(notice) is BLOCKED
    notice.mark = Page(Fanout(Task(1, notice.message), topic, {}, 0), 1, 0.0)
    assert gate_of(everybody).refusal(notice) is BLOCKED
    assert [asked[0] for asked in everybody.asked] == [ACCOUNT, ACCOUNT]


def test_what_a_canceled_subscription_waits_for_is_not_even_asked(everybody: Everybody) -> None:
    gate = gate_of(everybody)
    gate.apply(UID, State.CANCELED)
    assert gate.refusal(a_text(Kind.NOTIFICATION)) is BLOCKED
    assert everybody.asked == []
