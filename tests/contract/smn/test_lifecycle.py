"""The heart, end to end, per protocol: add, confirm, hear, cancel by the subscriber's own way, silence, listed, back, deleted.

Real parts: Huawei's SDK, a web hook on a socket, a real SMTP server, developer mode's outbox for texts. The hours are the server's
own clock, moved by developer mode.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest
from huaweicloudsdksmn.v2 import SmnClient
from tests.support.patience import PATIENCE_S
from tests.support.receiver import Receiver
from tests.support.server import Server
from tests.support.smn import ask, refused, smn_client
from tests.support.smtp import Mailbox

TWO_DAYS_S = 48 * 3600
UNCONFIRMED, CONFIRMED, CANCELED = 0, 1, 3


@pytest.fixture(scope="module")
def mailbox() -> Iterator[Mailbox]:
    with Mailbox() as mailbox:
        yield mailbox


@pytest.fixture
def server(tmp_path: Any, mailbox: Mailbox) -> Iterator[Server]:
    """One of its own for each test, because the clock is moved."""
    server = Server(tmp_path, environment={"TIDINGS_SMTP_URL": mailbox.url}).start()
    yield server
    assert server.stop() == 0, server.log()


def visit(url: str) -> tuple[int, str]:
    """Open a link, as a program or a scanner does."""
    try:
        with urlopen(url) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()


def press(url: str) -> tuple[int, str]:
    """Press the button of the page behind a link: its form, with all it holds, as a browser sends it."""
    status, page = visit(url)
    assert status == 200, page
    form = re.search(r'<form[^>]*method="post"[^>]*action="([^"]+)"(.*?)</form>', page, re.DOTALL | re.IGNORECASE)
    assert form is not None, page
    fields = dict(re.findall(r'name="([^"]+)"[^>]*value="([^"]*)"', form[2]))
    target = url.split("/s/")[0] + form[1] if form[1].startswith("/") else form[1]
    request = Request(target, data=urlencode(fields).encode())
    request.add_header("Content-Type", "application/x-www-form-urlencoded")
    try:
        with urlopen(request) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()


@dataclass
class Story:
    """One endpoint's way through its life. `confirm`, `cancel`: as its owner does it; `back`: the way back that was sent or shown."""

    server: Server
    smn: SmnClient
    protocol: str
    endpoint: str
    topic: str
    received: Callable[[str], bool]
    urn: str = ""

    def add(self) -> str:
        added = ask(
            self.smn,
            "AddSubscription",
            topic_urn=self.topic,
            body={"protocol": self.protocol, "endpoint": self.endpoint, "remark": "from the test"},
        )
        self.urn = added["subscription_urn"]
        return self.urn

    def status(self) -> int:
        """As both lists show it."""
        found = ask(self.smn, "ListSubscriptions")["subscriptions"]
        by_topic = ask(self.smn, "ListSubscriptionsByTopic", topic_urn=self.topic)["subscriptions"]
        (item,) = [item for item in found if item["subscription_urn"] == self.urn]
        assert item in by_topic
        assert (item["protocol"], item["endpoint"], item["remark"]) == (self.protocol, self.endpoint, "from the test")
        assert item["topic_urn"] == self.topic
        assert item["owner"] == self.topic.split(":")[3]
        return int(item["status"])

    def publish(self, text: str) -> None:
        ask(self.smn, "PublishMessage", topic_urn=self.topic, body={"subject": "News", "message": text})

    def later(self, seconds: float) -> None:
        self.server.api("dev/clock", {"advance_s": seconds})

    def events(self) -> list[str]:
        uid = self.urn.rsplit(":", 1)[1]
        return [item["event"] for item in self.server.api(f"ledger?subscription={uid}")["items"]]


@pytest.fixture
def smn(server: Server) -> SmnClient:
    return smn_client(server)


@pytest.fixture
def topic(smn: SmnClient) -> str:
    made = ask(smn, "CreateTopic", body={"name": "harbor", "display_name": "Harbor news"})
    return str(made["topic_urn"])


# --- web hooks ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def hook(server: Server, smn: SmnClient, topic: str, receiver: Receiver) -> Story:
    return Story(
        server,
        smn,
        "http",
        f"{receiver.url}/hook",
        topic,
        lambda text: any(text in r.body.decode() for r in receiver.received),
    )


def test_a_web_hook_cancels_with_one_call_and_comes_back_with_one(hook: Story, receiver: Receiver) -> None:
    hook.add()
    asked = receiver.wait_for_type("SubscriptionConfirmation").json
    assert hook.status() == UNCONFIRMED
    hook.publish("too early")
    status, body = visit(asked["subscribe_url"])
    assert status == 200
    assert json.loads(body)["subscription_urn"] == hook.urn
    assert hook.status() == CONFIRMED
    hook.publish("first")
    received = receiver.wait_for_type("Notification").json
    assert received["message"] == "first"

    status, body = visit(received["unsubscribe_url"])
    assert status == 200
    assert "message" in json.loads(body)
    assert hook.status() == CANCELED
    goodbye = receiver.wait_for_type("UnsubscribeConfirmation").json
    hook.publish("not for those who left")
    assert visit(received["unsubscribe_url"])[0] == 200, "twice is no error"

    hook.later(TWO_DAYS_S - 60)
    assert visit(goodbye["subscribe_url"])[0] == 200
    assert hook.status() == CONFIRMED
    hook.publish("welcome back")
    assert receiver.wait_for_type("Notification", 2).json["message"] == "welcome back"
    assert len(receiver.of_type("UnsubscribeConfirmation")) == 1
    assert not hook.received("too early")
    assert not hook.received("not for those who left")
    assert hook.events() == ["subscribed", "confirmed", "canceled", "restored"]


def test_the_way_back_of_a_web_hook_is_closed_after_48_hours(hook: Story, receiver: Receiver) -> None:
    hook.add()
    receiver.confirm()
    hook.publish("x")
    visit(receiver.wait_for_type("Notification").json["unsubscribe_url"])
    goodbye = receiver.wait_for_type("UnsubscribeConfirmation").json
    hook.later(TWO_DAYS_S)
    status, body = visit(goodbye["subscribe_url"])
    assert status == 403
    assert json.loads(body)["code"] == "SMN.0022"
    assert hook.status() == CANCELED
    hook.later(40 * 86_400)
    assert hook.status() == CANCELED, "status 3 stays listed"


def test_a_confirmation_link_is_dead_after_48_hours_and_adding_again_sends_a_fresh_one(
    hook: Story, receiver: Receiver
) -> None:
    first = hook.add()
    old = receiver.wait_for_type("SubscriptionConfirmation").json["subscribe_url"]
    hook.later(TWO_DAYS_S)
    assert visit(old)[0] == 403
    assert hook.status() == UNCONFIRMED
    assert hook.add() == first
    assert visit(receiver.wait_for_type("SubscriptionConfirmation", 2).json["subscribe_url"])[0] == 200
    assert hook.status() == CONFIRMED


def test_a_deleted_subscription_is_gone_silently_and_its_links_with_it(hook: Story, receiver: Receiver) -> None:
    hook.add()
    receiver.confirm()
    hook.publish("x")
    received = receiver.wait_for_type("Notification").json
    ask(hook.smn, "CancelSubscription", subscription_urn=hook.urn)
    assert ask(hook.smn, "ListSubscriptions")["subscriptions"] == []
    hook.publish("nobody hears this")
    assert visit(received["unsubscribe_url"])[0] == 404
    with refused(404, "SMN.0013"):
        ask(hook.smn, "CancelSubscription", subscription_urn=hook.urn)
    assert hook.add() != received["unsubscribe_url"].rsplit("=", 1)[1]
    receiver.wait_for_type("SubscriptionConfirmation", 2)
    assert not hook.received("nobody hears this")
    assert not receiver.of_type("UnsubscribeConfirmation")


def test_a_canceled_web_hook_that_is_added_again_keeps_its_urn_and_must_confirm(
    hook: Story, receiver: Receiver
) -> None:
    first = hook.add()
    receiver.confirm()
    hook.publish("x")
    visit(receiver.wait_for_type("Notification").json["unsubscribe_url"])
    goodbye = receiver.wait_for_type("UnsubscribeConfirmation").json
    assert hook.add() == first
    assert hook.status() == UNCONFIRMED
    asked = receiver.wait_for_type("SubscriptionConfirmation", 2).json
    assert visit(goodbye["subscribe_url"])[0] == 403, "adding again closes the old way back"
    assert hook.status() == UNCONFIRMED
    assert visit(asked["subscribe_url"])[0] == 200
    assert hook.status() == CONFIRMED


# --- mail ---------------------------------------------------------------------------------------------------------------------


def link_of(text: str, kind: str) -> str:
    found = re.search(rf"https?://\S+/s/{kind}/[\w-]+", text)
    assert found is not None, text
    return found[0]


@pytest.fixture
def mail(server: Server, smn: SmnClient, topic: str, mailbox: Mailbox) -> Story:
    mailbox.skip()
    return Story(
        server, smn, "email", "anna@example.org", topic, lambda text: any(text in m.text() for m in mailbox.messages)
    )


def test_a_reader_cancels_by_the_link_of_a_mail_and_a_mistake_is_undone(mail: Story, mailbox: Mailbox) -> None:
    mail.add()
    asked = mailbox.next().text()
    confirm = link_of(asked, "y")
    assert visit(confirm)[0] == 200
    assert mail.status() == UNCONFIRMED, "a scanner that opens the link confirms nothing"
    assert press(confirm)[0] == 200
    assert mail.status() == CONFIRMED
    mail.publish("the ferry leaves from pier 2")
    letter = mailbox.next()
    assert letter.message["Subject"] == "News"
    assert "Harbor news" in letter.message["From"]
    cancel = link_of(letter.text(), "c")
    assert visit(cancel)[0] == 200
    assert mail.status() == CONFIRMED, "a scanner that opens the link cancels nothing"

    assert press(cancel)[0] == 200
    assert mail.status() == CANCELED
    back = link_of(mailbox.next().text(), "r")
    mail.publish("mail for nobody")
    mail.later(TWO_DAYS_S - 60)
    assert press(back)[0] == 200
    assert mail.status() == CONFIRMED
    mail.publish("welcome back by mail")
    assert "welcome back by mail" in mailbox.next().text()
    assert not mail.received("mail for nobody")


def test_the_way_back_of_a_reader_is_closed_after_48_hours(mail: Story, mailbox: Mailbox) -> None:
    mail.add()
    press(link_of(mailbox.next().text(), "y"))
    mail.publish("x")
    press(link_of(mailbox.next().text(), "c"))
    back = link_of(mailbox.next().text(), "r")
    mail.later(TWO_DAYS_S)
    assert visit(back)[0] in (403, 404, 410)
    assert mail.status() == CANCELED


# --- text messages --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def phone(server: Server, smn: SmnClient, topic: str) -> Story:
    number = "+12025550123"

    def received(text: str) -> bool:
        return any(text in item["text"] for item in texts(server))

    return Story(server, smn, "sms", number, topic, received)


def texts(server: Server) -> list[dict[str, Any]]:
    return list(server.api("dev/outbox?channel=sms")["items"])


def wait_for_text(server: Server, count: int) -> str:
    """The `count`th captured text. Polls the outbox of another process: there is no event to wait for."""
    deadline = time.monotonic() + PATIENCE_S
    while len(found := texts(server)) < count:
        assert time.monotonic() < deadline, f"{len(found)} of {count} texts: {found}"
        time.sleep(0.02)
    return str(found[count - 1]["text"])


def test_a_phones_owner_cancels_on_the_page_of_the_confirmation_text(phone: Story) -> None:
    phone.add()
    link = link_of(wait_for_text(phone.server, 1), "p")
    assert visit(link)[0] == 200
    assert phone.status() == UNCONFIRMED
    assert press(link)[0] == 200
    assert phone.status() == CONFIRMED
    phone.publish("storm at six")
    text = wait_for_text(phone.server, 2)
    assert text == "storm at six", "a notification has no link"

    phone.later(300 * 86_400)
    assert visit(link)[0] == 200
    assert phone.status() == CONFIRMED
    assert press(link)[0] == 200
    assert phone.status() == CANCELED
    phone.publish("text for nobody")
    phone.later(TWO_DAYS_S - 60)
    assert press(link)[0] == 200
    assert phone.status() == CONFIRMED
    phone.publish("welcome back by text")
    assert wait_for_text(phone.server, 3) == "welcome back by text"
    assert not phone.received("text for nobody")
    assert phone.events() == ["subscribed", "confirmed", "canceled", "restored"]


def test_the_way_back_of_a_phone_is_closed_after_48_hours(phone: Story) -> None:
    phone.add()
    link = link_of(wait_for_text(phone.server, 1), "p")
    press(link)
    press(link)
    assert phone.status() == CANCELED
    phone.later(TWO_DAYS_S)
    status, page = visit(link)
    assert status == 200
    assert "<form" not in page
    assert phone.status() == CANCELED
