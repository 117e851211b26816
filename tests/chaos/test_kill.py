"""kill -9 at random moments under load: every acknowledged publish is delivered, every acknowledged cancel and deletion is honored.

TIDINGS_TEST_KILLS sets how often (30 in the suite's quick form by SNS, a third of that by SMN), TIDINGS_TEST_SEED the moments.
"""

from __future__ import annotations

import os
import random
import threading
import time
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from tests.support.receiver import Receiver
from tests.support.server import Server
from tests.support.smn import Http, sign_in

KILLS = int(os.environ.get("TIDINGS_TEST_KILLS", "30"))
SEED = int(os.environ.get("TIDINGS_TEST_SEED", "20261121"))
PUBLISHERS = 3
STILL = "/still-here"
PASSWORD = "kill-test-password"


class Sns:
    """The load's calls by boto3."""

    text_member = "Message"

    def __init__(self, server: Server) -> None:
        self._sns = server.sns(connect_timeout=3, read_timeout=5)
        self._topic = self._sns.create_topic(Name="kill")["TopicArn"]

    def subscribe(self, endpoint: str) -> str:
        answer = self._sns.subscribe(
            TopicArn=self._topic, Protocol="http", Endpoint=endpoint, ReturnSubscriptionArn=True
        )
        return str(answer["SubscriptionArn"])

    def publish(self, text: str) -> None:
        self._sns.publish(TopicArn=self._topic, Message=text)

    def leave(self, name: str, number: int) -> None:
        self._sns.unsubscribe(SubscriptionArn=name)


class Smn:
    """The load's calls by SMN over plain HTTP: every second one leaves by the link of its messages, the others are deleted."""

    text_member = "message"

    def __init__(self, server: Server) -> None:
        self._http = Http(server, sign_in(server, "admin", PASSWORD, "default"))
        self._topic = self._ask("POST", "", {"name": "kill"})["topic_urn"]

    def subscribe(self, endpoint: str) -> str:
        body = {"protocol": "http", "endpoint": endpoint}
        return str(self._ask("POST", f"/{self._topic}/subscriptions", body)["subscription_urn"])

    def publish(self, text: str) -> None:
        self._ask("POST", f"/{self._topic}/publish", {"message": text})

    def leave(self, name: str, number: int) -> None:
        if number % 2:
            self._ask("DELETE", f"/{self._topic}/subscriptions/{name}")
        elif self._http("GET", f"/smn/subscription/unsubscribe?subscription_urn={name}", token="").status != 200:
            raise NotAcknowledged(name)

    def _ask(self, method: str, rest: str, body: Any = None) -> Any:
        reply = self._http.topics(method, rest, body)
        if reply.status >= 300:
            raise NotAcknowledged(reply.raw)
        return reply.body


class NotAcknowledged(Exception):
    """The server answered, but did not say yes."""


UNANSWERED = (BotoCoreError, ClientError, OSError, HTTPException, NotAcknowledged)
CLOUDS: dict[str, tuple[type[Sns] | type[Smn], int]] = {"sns": (Sns, KILLS), "smn": (Smn, KILLS // 3)}


class Load:
    """Publishes and cancels until the server dies, and remembers what was acknowledged."""

    def __init__(self, cloud: Sns | Smn, receiver: Receiver) -> None:
        self.cloud, self.receiver = cloud, receiver
        self.published: list[str] = []  # texts, acknowledged
        self.begun: dict[str, float] = {}  # text -> when its call began
        self.left: dict[str, float] = {}  # path -> when its cancel or deletion was acknowledged
        self.dying = threading.Event()
        self.number = 0
        self.lock = threading.Lock()

    def publish(self) -> None:
        while not self.dying.is_set():
            with self.lock:
                self.number += 1
                text = f"message {self.number}"
            self.begun[text] = time.monotonic()
            try:
                self.cloud.publish(text)
            except UNANSWERED:
                continue
            self.published.append(text)

    def leave(self, names: dict[str, str]) -> None:
        for number, (path, name) in enumerate(names.items()):
            if self.dying.is_set():
                return
            try:
                self.cloud.leave(name, number)
            except UNANSWERED:
                continue
            self.left[path] = time.monotonic()

    def subscribe(self, path: str) -> str:
        name = self.cloud.subscribe(f"{self.receiver.url}{path}")
        self.receiver.confirm(path)
        return name

    def received(self, path: str) -> list[str]:
        """The texts that came to a path, in their order."""
        member = self.cloud.text_member
        return [str(got.json[member]) for got in self.receiver.of_type("Notification", path)]


@pytest.mark.timeout(60 + KILLS * 10)
@pytest.mark.parametrize("name", CLOUDS)
def test_nothing_acknowledged_is_lost_by_kill_9(data: Path, receiver: Receiver, name: str) -> None:
    make, kills = CLOUDS[name]
    chance = random.Random(SEED)
    server = Server(data, environment={"TIDINGS_PASSWORD": PASSWORD}, is_measured=False).start()
    load = Load(make(server), receiver)
    load.subscribe(STILL)
    for kill in range(kills):
        names = {path: load.subscribe(path) for path in (f"/{kill}-a", f"/{kill}-b")}
        load.dying.clear()
        workers = [threading.Thread(target=load.publish) for _ in range(PUBLISHERS)]
        workers.append(threading.Thread(target=load.leave, args=(names,)))
        for worker in workers:
            worker.start()
        time.sleep(chance.uniform(0.02, 0.4))  # the moment of the kill is what is random here
        server.kill()
        load.dying.set()
        for worker in workers:
            worker.join()
        server.start()
    _check_published(load, kills)
    _check_left(load, kills)
    assert server.stop() == 0, server.log()


def _check_published(load: Load, kills: int) -> None:
    assert len(load.published) > kills, "the load did nothing"
    load.receiver.wait(lambda _: not set(load.published) - set(load.received(STILL)), timeout_s=60)


def _check_left(load: Load, kills: int) -> None:
    assert len(load.left) >= kills // 2, "nobody left"
    for path, at in load.left.items():
        late = [text for text in load.received(path) if load.begun[text] > at]
        assert not late, f"{path} had left and then got {late}"
