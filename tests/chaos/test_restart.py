"""Stops of every kind: what was accepted is delivered after the next start, and nothing is forgotten."""

from __future__ import annotations

import time
from pathlib import Path

from tests.support.receiver import Receiver
from tests.support.server import Server


def test_what_was_accepted_is_delivered_after_a_clean_stop(data: Path, receiver: Receiver) -> None:
    server = Server(data, is_measured=False).start()
    sns = server.sns()
    topic = sns.create_topic(Name="stop", Attributes={"DisplayName": "Kept"})["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=receiver.url)
    receiver.confirm()
    receiver.answer = lambda _: 503
    sent = {sns.publish(TopicArn=topic, Message=f"m{i}")["MessageId"] for i in range(20)}
    receiver.wait(lambda _: len(receiver.of_type("Notification")) >= 20)
    assert server.stop() == 0, server.log()
    receiver.answer = lambda _: 200
    count = len(receiver.of_type("Notification"))
    server.start()
    assert server.sns().get_topic_attributes(TopicArn=topic)["Attributes"]["DisplayName"] == "Kept"
    receiver.wait(
        lambda _: {got.json["MessageId"] for got in receiver.of_type("Notification")[count:]} == sent, timeout_s=40
    )
    assert server.stop() == 0, server.log()


def test_a_dead_receiver_does_not_slow_the_others(data: Path, receiver: Receiver) -> None:
    """A receiver that never answers is subscribed beside one that does; the latter hears at once."""
    slow = Receiver(answer=lambda _: time.sleep(30) or 200).start()  # type: ignore[func-returns-value]
    server = Server(data, is_measured=False).start()
    sns = server.sns()
    topic = sns.create_topic(Name="lanes")["TopicArn"]
    slow.answer = lambda _: 200
    for url in (slow.url, receiver.url):
        sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=url)
    slow.confirm()
    receiver.confirm()
    slow.answer = lambda _: time.sleep(30) or 200  # type: ignore[func-returns-value]
    began = time.monotonic()
    for i in range(200):
        sns.publish(TopicArn=topic, Message=f"m{i}")
    receiver.wait(lambda _: len(receiver.of_type("Notification")) >= 200)
    assert time.monotonic() - began < 14, "held up by the time-out of the dead one"
    server.kill()
    slow.stop()
