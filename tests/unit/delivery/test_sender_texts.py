"""Texts that end without an attempt: the sender tells of each, whatever ended it, and of nothing that is no text."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.support.build import ACCOUNT, NOW, FakeClock, make_message, make_subscriber, make_topic
from tests.support.toys import ToyEnvelopes, ToyRenderedMessage

from tidings.delivery.fanout import Fanout, Row
from tidings.delivery.journal import Journal
from tidings.delivery.render import Renderer, subscriber_of_number
from tidings.delivery.sender import Sender
from tidings.delivery.settle import TOO_LATE
from tidings.delivery.text_reports import OPTED_OUT, TextReports
from tidings.domain.envelope import Content, Outgoing, RenderedMessage, TextContent
from tidings.domain.errors import Unavailable
from tidings.domain.model import Delivery, DeliveryState, Kind, Message, Subscriber, Topic
from tidings.domain.optout import SmsType
from tidings.domain.outcomes import DELIVERED
from tidings.domain.ports import Settle, Task
from tidings.domain.texts import SentText, TextState
from tidings.domain.unit import Unit
from tidings.flow.embedded import EmbeddedFlow
from tidings.observe.metrics import Metrics
from tidings.store.sqlite import SqliteStore
from tidings.store.vault import FileVault

APP, PHONE, NUMBER = "1400006666", "+12025550123", "+12025550100"


class Unspeakable(ToyRenderedMessage):
    """Has no form for phones when the text is too long."""

    def for_subscriber(self, subscriber: Subscriber) -> Content:
        if self._message.body == "too long":
            raise ValueError("longer than allowed")
        return TextContent(self._message.body)


class Envelopes(ToyEnvelopes):
    def open(self, message: Message, topic: Topic | None, token: str) -> RenderedMessage:
        return Unspeakable(message)


class Line:
    """Takes everything and keeps what it was given."""

    protocols = frozenset({"sms", "http"})

    def __init__(self) -> None:
        self.sent: list[Content] = []

    def send(self, outgoing: Outgoing, settle: Settle) -> None:
        self.sent.append(outgoing.content)
        settle(outgoing, DELIVERED)

    async def close(self) -> None:
        """Nothing is open."""


class Harness:
    def __init__(self, store: SqliteStore) -> None:
        self.store, self.line = store, Line()
        clock = FakeClock()
        self.journal = Journal(EmbeddedFlow.open(store.journal, backlog_max=9))
        self.reports = TextReports(
            store, store, store.text_gate, clock, self.journal, carrier_refused=_nobody, default_sender=NUMBER
        )
        self.sender = Sender(
            self.journal,
            clock,
            Renderer({"sns": Envelopes()}, FileVault(b"v" * 32)),
            {"sms": self.line, "http": self.line},
            Metrics(),
            {"sms": self.reports},
            None,
        )

    async def message(self, body: str = "hello", expired: bool = False) -> Message:
        message = Message(
            "s-1",
            Kind.DIRECT,
            ACCOUNT,
            "sns",
            NOW,
            body=body,
            endpoint=PHONE,
            sms_app=APP,
            sms_type=3,
            expires_at=NOW if expired else None,
        )
        sent = SentText("s-1", ACCOUNT, APP, PHONE, SmsType.VERIFICATION_CODE, NOW, 1)
        await self.store.commit(Unit(texts_sent=[sent], messages=[message]))
        return message

    async def send(self, message: Message, subscriber: Subscriber | None = None) -> None:
        subscriber = subscriber or subscriber_of_number(message)
        fanout = Fanout(Task(1, message), None, {"sns": Unspeakable(message)}, 0, exhausted=True)
        ahead = await self.sender.look_ahead(message, None, [subscriber])
        self.sender.send_page(fanout, [subscriber], ahead)

    async def found(self) -> tuple[TextState, str, dict[tuple[str, str], int]]:
        await self.journal.flush()
        text = await self.store.sent_text("s-1")
        assert text is not None
        day = timedelta(days=1)
        tallies = await self.store.text_tallies(ACCOUNT, since=NOW - day, until=NOW + day)
        return text.state, text.detail, {(tally.app_id, tally.what.value): tally.count for tally in tallies}


async def _nobody(address: str, phone: str, reason: str) -> None:
    raise AssertionError("nobody opted out")


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[Harness]:
    store = await SqliteStore.open(tmp_path / "tidings.db")
    yield Harness(store)
    await store.close()


def a_row(message: Message, protocol: str = "sms") -> Delivery:
    return Delivery(1, 1, message.id, ACCOUNT, None, "", protocol, PHONE, 2, NOW, NOW, DeliveryState.WAITING)


async def test_a_text_that_went_out_is_reported_and_carried_its_sender(harness: Harness) -> None:
    await harness.send(await harness.message())
    assert await harness.found() == (TextState.DELIVERED, "", {(APP, "delivered"): 1})
    assert harness.line.sent == [TextContent("hello", NUMBER)]


async def test_a_text_that_is_too_old_at_first_is_reported(harness: Harness) -> None:
    await harness.send(await harness.message(expired=True))
    assert await harness.found() == (TextState.FAILED, TOO_LATE, {(APP, "failed"): 1})


async def test_a_text_without_a_form_is_reported(harness: Harness) -> None:
    await harness.send(await harness.message("too long"))
    assert await harness.found() == (TextState.FAILED, "longer than allowed", {(APP, "failed"): 1})


async def test_a_waiting_text_without_a_form_is_reported(harness: Harness) -> None:
    message = await harness.message("too long")
    harness.sender.send_row(Row(1, None, Unspeakable(message)), message, subscriber_of_number(message), 2)
    assert await harness.found() == (TextState.FAILED, "longer than allowed", {(APP, "failed"): 1})


async def test_a_waiting_text_that_is_too_old_is_reported(harness: Harness) -> None:
    message = await harness.message()
    harness.sender.expire_row(a_row(message), message, None)
    assert await harness.found() == (TextState.FAILED, TOO_LATE, {(APP, "failed"): 1})


async def test_a_waiting_text_whose_consent_is_gone_is_reported(harness: Harness) -> None:
    message = await harness.message()
    harness.sender.block_row(a_row(message), message, None)
    assert await harness.found() == (TextState.BLOCKED, OPTED_OUT, {(APP, "blocked"): 1})


async def test_nothing_is_sent_when_its_sender_cannot_be_read(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unreadable(account_id: str, app_id: str) -> str:
        raise Unavailable("the disk is gone")

    monkeypatch.setattr(harness.store, "sms_sender", unreadable)
    with pytest.raises(Unavailable):
        await harness.send(await harness.message())
    assert await harness.found() == (TextState.WAITING, "", {})
    assert harness.line.sent == []


async def test_what_is_no_text_is_not_counted(harness: Harness) -> None:
    await harness.message()
    other = replace(make_message(), expires_at=None)
    for message in (other, replace(other, expires_at=NOW), replace(other, body="too long")):
        await harness.send(message, make_subscriber("http"))
    harness.sender.expire_row(a_row(other, "http"), other, make_topic())
    harness.sender.block_row(a_row(other, "http"), other, make_topic())
    assert await harness.found() == (TextState.WAITING, "", {})
