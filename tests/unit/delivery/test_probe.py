"""The prober: one attempt, and what is remembered of it."""

from __future__ import annotations

import pytest
from tests.support.build import ACCOUNT, OTHER_ACCOUNT, FakeClock, make_message, make_subscriber

from tidings.delivery.probe import Prober
from tidings.domain.envelope import HttpContent, Outgoing
from tidings.domain.errors import NotFound
from tidings.domain.outcomes import Delivered, Outcome, Refused, RetryLater
from tidings.domain.ports import Settle


class Waiting:
    """A channel that settles when the test says so."""

    protocols = frozenset({"http"})

    def __init__(self) -> None:
        self.sent: list[tuple[Outgoing, Settle]] = []

    def send(self, outgoing: Outgoing, settle: Settle) -> None:
        self.sent.append((outgoing, settle))

    def answer(self, outcome: Outcome) -> None:
        outgoing, settle = self.sent.pop(0)
        settle(outgoing, outcome)

    async def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def channel() -> Waiting:
    return Waiting()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def prober(channel: Waiting, clock: FakeClock) -> Prober:
    return Prober({"http": channel}, clock, kept_max=3)


def outgoing(protocol: str = "http") -> Outgoing:
    subscriber = make_subscriber(protocol)
    return Outgoing(make_message(), subscriber, subscriber.endpoint, HttpContent(b"", b""))


def test_a_probe_is_on_its_way_until_it_is_answered(prober: Prober, channel: Waiting) -> None:
    prober.start("one", ACCOUNT, outgoing())
    assert prober.outcome("one", ACCOUNT) is None
    channel.answer(Delivered("HTTP 200"))
    assert prober.outcome("one", ACCOUNT) == Delivered("HTTP 200")


def test_a_failed_probe_is_not_repeated(prober: Prober, channel: Waiting) -> None:
    prober.start("one", ACCOUNT, outgoing())
    channel.answer(RetryLater("HTTP 500"))
    assert prober.outcome("one", ACCOUNT) == RetryLater("HTTP 500")
    assert channel.sent == []


def test_nobody_sees_the_probe_of_another_account(prober: Prober) -> None:
    prober.start("one", ACCOUNT, outgoing())
    with pytest.raises(NotFound):
        prober.outcome("one", OTHER_ACCOUNT)
    with pytest.raises(NotFound):
        prober.outcome("two", ACCOUNT)


def test_the_oldest_probe_is_forgotten_for_a_new_one(prober: Prober, channel: Waiting) -> None:
    for name in ("one", "two", "three", "four"):
        prober.start(name, ACCOUNT, outgoing())
    with pytest.raises(NotFound):
        prober.outcome("one", ACCOUNT)
    channel.answer(Refused("HTTP 404"))  # of the forgotten one: nobody is disturbed
    channel.answer(Refused("HTTP 410"))
    assert prober.outcome("two", ACCOUNT) == Refused("HTTP 410")
    assert prober.outcome("four", ACCOUNT) is None


def test_a_probe_is_forgotten_after_a_day(prober: Prober, channel: Waiting, clock: FakeClock) -> None:
    prober.start("one", ACCOUNT, outgoing())
    channel.answer(Delivered())
    clock.advance(86_399)
    assert prober.outcome("one", ACCOUNT) == Delivered()
    clock.advance(1)
    with pytest.raises(NotFound):
        prober.outcome("one", ACCOUNT)


def test_a_protocol_without_a_channel_gets_no_answer(prober: Prober) -> None:
    prober.start("one", ACCOUNT, outgoing("https"))
    assert prober.outcome("one", ACCOUNT) == RetryLater("no channel for https")
