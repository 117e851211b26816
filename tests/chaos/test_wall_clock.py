"""The wall clock of the machine steps while the server works: what was acknowledged is delivered, nothing hangs, nothing is undone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.support.receiver import Receiver
from tests.support.server import Server
from tests.support.wallclock import HOUR, YEAR, WallClock

STEPS = {"1h": HOUR, "-1h": -HOUR, "20h": 20 * HOUR, "-20h": -20 * HOUR, "10y": 10 * YEAR}
QUICK = '{"healthyRetryPolicy": {"minDelayTarget": 1, "maxDelayTarget": 1, "numRetries": 50}}'


@pytest.fixture
def wall(data: Path, monkeypatch: pytest.MonkeyPatch) -> WallClock:
    return WallClock(data, monkeypatch)


@pytest.fixture
def server(data: Path, wall: WallClock) -> Any:
    server = Server(data, environment=wall.environment, is_measured=False).start()
    yield server
    server.kill()


def subscribe(server: Server, receiver: Receiver, name: str = "clock") -> str:
    sns = server.sns()
    topic: str = sns.create_topic(Name=name)["TopicArn"]
    before = len(receiver.of_type("SubscriptionConfirmation"))
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=receiver.url, Attributes={"DeliveryPolicy": QUICK})
    receiver.confirm(count=before + 1)
    return topic


def publish(server: Server, topic: str, count: int = 10) -> set[str]:
    sns = server.sns()
    return {sns.publish(TopicArn=topic, Message=f"m{number}")["MessageId"] for number in range(count)}


def wait_for(receiver: Receiver, sent: set[str]) -> None:
    receiver.wait(lambda _: sent <= {got.json["MessageId"] for got in receiver.of_type("Notification")})


@pytest.mark.parametrize("step_s", STEPS.values(), ids=STEPS)
def test_what_is_published_around_a_step_reaches_who_had_confirmed(
    server: Server, wall: WallClock, receiver: Receiver, step_s: int
) -> None:
    topic = subscribe(server, receiver)
    sent = publish(server, topic)
    wall.set(step_s)
    sent |= publish(server, topic)
    other = subscribe(server, receiver, "confirmed-then")
    sent |= publish(server, other)
    wall.set(0)
    sent |= publish(server, topic) | publish(server, other)
    wait_for(receiver, sent)


@pytest.mark.parametrize("step_s", STEPS.values(), ids=STEPS)
def test_a_step_over_a_restart_and_back_over_another_loses_nothing(
    server: Server, wall: WallClock, receiver: Receiver, step_s: int
) -> None:
    topic = subscribe(server, receiver)
    receiver.answer = lambda _: 503
    sent = publish(server, topic)
    receiver.wait(lambda _: len(receiver.of_type("Notification")) >= len(sent))
    assert server.stop() == 0, server.log()
    wall.set(step_s)
    server.start()
    sent |= publish(server, topic)
    server.kill()
    wall.set(0)
    server.start()
    sent |= publish(server, topic)
    receiver.answer = lambda _: 200
    wait_for(receiver, sent)


@pytest.mark.parametrize("step_s", STEPS.values(), ids=STEPS)
def test_retries_go_on_after_a_step_and_after_its_end(
    server: Server, wall: WallClock, receiver: Receiver, step_s: int
) -> None:
    topic = subscribe(server, receiver)
    receiver.answer = lambda _: 503
    sent = publish(server, topic)
    receiver.wait(lambda _: len(receiver.of_type("Notification")) >= len(sent))
    wall.set(step_s)
    count = len(receiver.of_type("Notification"))
    receiver.wait(lambda _: len(receiver.of_type("Notification")) >= count + len(sent))
    sent |= publish(server, topic)
    receiver.wait(lambda _: len(receiver.of_type("Notification")) >= count + 3 * len(sent))
    wall.set(0)
    receiver.answer = lambda _: 200
    wait_for(receiver, sent)
