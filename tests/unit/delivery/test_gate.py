"""The gate refuses what changed after a page was read."""

from __future__ import annotations

import pytest
from tests.support.build import UID, make_message, make_subscriber

from tidings.delivery.gate import Gate
from tidings.domain.envelope import HttpContent, Outgoing
from tidings.domain.model import Kind, State, TopicId


def _outgoing(kind: Kind = Kind.NOTIFICATION) -> Outgoing:
    return Outgoing(make_message(kind), make_subscriber(), "http://receiver.example", HttpContent(b"", b""))


def test_what_has_not_changed_may_go() -> None:
    gate = Gate()
    gate.apply("f" * 32, State.CANCELED)
    assert gate.permits(_outgoing())


@pytest.mark.parametrize("turns", [0, 1])
def test_a_canceled_subscription_gets_nothing_that_waits(turns: int) -> None:
    gate = Gate()
    gate.apply(UID, State.CANCELED)
    for _ in range(turns):
        gate.turn()
    assert not gate.permits(_outgoing())
    assert gate.permits(_outgoing(Kind.GOODBYE))


def test_a_subscriber_who_came_back_receives_again() -> None:
    gate = Gate()
    gate.apply(UID, State.CANCELED)
    gate.turn()
    gate.apply(UID, State.CONFIRMED)
    assert gate.permits(_outgoing())


def test_a_confirmed_subscription_gets_no_late_confirmation_request() -> None:
    gate = Gate()
    gate.apply(UID, State.CONFIRMED)
    assert not gate.permits(_outgoing(Kind.CONFIRMATION))


def test_memory_is_given_back_after_two_turns() -> None:
    gate = Gate()
    gate.apply(UID, State.CANCELED)
    gate.turn()
    gate.turn()
    assert gate.permits(_outgoing())


def test_nothing_of_a_deleted_topic_leaves() -> None:
    gate = Gate()
    gate.topic_gone(TopicId(1))
    assert not gate.permits(_outgoing())
    for topic_id in range(2, 10_003):
        gate.topic_gone(TopicId(topic_id))
    gate.turn()
    assert gate.permits(_outgoing())
