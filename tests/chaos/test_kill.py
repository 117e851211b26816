"""kill -9 at random moments under load: every acknowledged publish is delivered, every acknowledged cancel is honored.

TIDINGS_TEST_KILLS sets how often (30 in the suite's quick form), TIDINGS_TEST_SEED the moments.
"""

from __future__ import annotations

import os
import random
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from tests.support.receiver import Receiver
from tests.support.server import Server

KILLS = int(os.environ.get("TIDINGS_TEST_KILLS", "30"))
SEED = int(os.environ.get("TIDINGS_TEST_SEED", "20261121"))
PUBLISHERS = 3
STILL = "/still-here"


class Load:
    """Publishes and cancels until the server dies, and remembers what was acknowledged."""

    def __init__(self, server: Server, receiver: Receiver, topic: str) -> None:
        self.server, self.receiver, self.topic = server, receiver, topic
        self.published: list[str] = []  # texts, acknowledged
        self.begun: dict[str, float] = {}  # text -> when its call began
        self.canceled: dict[str, float] = {}  # path -> when its cancel was acknowledged
        self.dying = threading.Event()
        self.number = 0
        self.lock = threading.Lock()

    def publish(self, sns: Any) -> None:
        while not self.dying.is_set():
            with self.lock:
                self.number += 1
                text = f"message {self.number}"
            self.begun[text] = time.monotonic()
            try:
                sns.publish(TopicArn=self.topic, Message=text)
            except (BotoCoreError, ClientError):
                continue
            self.published.append(text)

    def cancel(self, sns: Any, arns: dict[str, str]) -> None:
        for path, arn in arns.items():
            if self.dying.is_set():
                return
            try:
                sns.unsubscribe(SubscriptionArn=arn)
            except (BotoCoreError, ClientError):
                continue
            self.canceled[path] = time.monotonic()


def _subscribe(sns: Any, receiver: Receiver, topic: str, path: str) -> str:
    answer = sns.subscribe(
        TopicArn=topic, Protocol="http", Endpoint=f"{receiver.url}{path}", ReturnSubscriptionArn=True
    )
    receiver.confirm(path)
    return str(answer["SubscriptionArn"])


@pytest.mark.timeout(60 + KILLS * 10)
def test_nothing_acknowledged_is_lost_by_kill_9(data: Path, receiver: Receiver) -> None:
    chance = random.Random(SEED)
    server = Server(data).start()
    sns = server.sns(connect_timeout=3, read_timeout=5)
    topic = sns.create_topic(Name="kill")["TopicArn"]
    _subscribe(sns, receiver, topic, STILL)
    load = Load(server, receiver, topic)
    for kill in range(KILLS):
        arns = {path: _subscribe(sns, receiver, topic, path) for path in (f"/{kill}-a", f"/{kill}-b")}
        load.dying.clear()
        workers = [threading.Thread(target=load.publish, args=(sns,)) for _ in range(PUBLISHERS)]
        workers.append(threading.Thread(target=load.cancel, args=(sns, arns)))
        for worker in workers:
            worker.start()
        time.sleep(chance.uniform(0.02, 0.4))  # the moment of the kill is what is random here
        server.kill()
        load.dying.set()
        for worker in workers:
            worker.join()
        server.start()
    _check_published(load)
    _check_canceled(load)
    assert server.stop() == 0, server.log()


def _check_published(load: Load) -> None:
    def missing() -> set[str]:
        return set(load.published) - {got.json["Message"] for got in load.receiver.of_type("Notification", STILL)}

    assert len(load.published) > KILLS, "the load did nothing"
    load.receiver.wait(lambda _: not missing(), timeout_s=60)


def _check_canceled(load: Load) -> None:
    assert len(load.canceled) >= KILLS // 2, "the load canceled nothing"
    for path, at in load.canceled.items():
        late = [
            got.json["Message"]
            for got in load.receiver.of_type("Notification", path)
            if load.begun[got.json["Message"]] > at
        ]
        assert not late, f"{path} was canceled and then got {late}"
