"""How patient a callback is with its receiver, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from tests.support.build import ACCOUNT, NOW
from tests.support.delivery import NoVault
from tests.support.virtual_time import VirtualClock, in_virtual_time

from tidings.callbacks.feed import AGAIN_MAX_S, REPLIES, STATUS, Feed, FeedContext
from tidings.domain.envelope import Outgoing
from tidings.domain.optout import BlockingRule, InboundText, SmsApplication, SmsType
from tidings.domain.outcomes import Busy, Delivered, Outcome, RetryLater
from tidings.domain.ports import Settle
from tidings.domain.texts import REPLY_URL, STATUS_URL, SentText, TextState
from tidings.domain.unit import Unit
from tidings.observe.metrics import Metrics

URL = "http://receiver.example/status"
AWAY = RetryLater("connection refused")


class Reports:
    """One text that was reported, to be told to one application."""

    def __init__(self) -> None:
        self.place = 1
        self.text = SentText("s-1", ACCOUNT, "app", "+8613800138000", SmsType.MARKETING, NOW, 1, TextState.DELIVERED)

    async def reader(self, account_id: str, app_id: str, name: str) -> int:
        return self.place

    async def text_reports(self, account_id: str, app_id: str, *, after: int, limit: int) -> list[SentText]:
        return [replace(self.text, report_id=2, reported_at=NOW)] if after < 2 else []

    async def commit(self, unit: Unit) -> None:
        (reader,) = unit.readers
        self.place = reader.after


class Receiver:
    """Answers at once: with `outcomes`, one after the other; the last stays. `at`: when it was asked, in the loop's time."""

    def __init__(self, *outcomes: Outcome) -> None:
        self.outcomes = list(outcomes)
        self.at: list[float] = []

    def send(self, outgoing: Outgoing, settle: Settle, classify: Any = None) -> None:
        self.at.append(asyncio.get_running_loop().time())
        settle(outgoing, self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0])


@asynccontextmanager
async def telling(receiver: Receiver, store: Reports, clock: Callable[[], float] = lambda: 0.0) -> AsyncIterator[Feed]:
    context = FeedContext(store, receiver, NoVault(), VirtualClock(), Metrics(), clock)  # type: ignore[arg-type]
    feed = Feed(context, SmsApplication(ACCOUNT, "app", "", NOW, {STATUS_URL: URL}), STATUS)
    task = asyncio.create_task(feed.run())
    yield feed
    feed.stopping = True
    feed.news.set()
    await task


@in_virtual_time
async def test_who_does_not_receive_is_asked_less_and_less_often_but_at_least_every_ten_minutes() -> None:
    receiver, store = Receiver(AWAY), Reports()
    async with telling(receiver, store) as feed:
        await asyncio.sleep(1024 + 1100 * AGAIN_MAX_S)
        waits = [later - earlier for earlier, later in zip(receiver.at, receiver.at[1:], strict=False)]
        assert waits[:11] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, AGAIN_MAX_S]
        assert set(waits[10:]) == {AGAIN_MAX_S}
        assert len(waits) > 1100
        assert (feed.status().problem, feed.status().failures) == ("connection refused", len(receiver.at))
        assert store.place == 1


@in_virtual_time
async def test_one_that_receives_again_is_well_and_has_all_patience_anew() -> None:
    receiver, store = Receiver(AWAY, AWAY, AWAY, Delivered("HTTP 200")), Reports()
    async with telling(receiver, store) as feed:
        await asyncio.sleep(60)
        assert receiver.at == [0, 1, 3, 7]
        assert (feed.status().problem, feed.status().failures, feed.status().waiting_since) == ("", 0, None)
        assert store.place == 2


@in_virtual_time
async def test_what_had_no_turn_is_tried_when_there_is_one_and_is_no_failure_of_the_receiver() -> None:
    receiver, store = Receiver(*[Busy(0.5)] * 5, Delivered("HTTP 200")), Reports()
    async with telling(receiver, store) as feed:
        await asyncio.sleep(2.25)
        assert (feed.status().problem, feed.status().failures, feed.status().waiting_since) == ("", 0, NOW)
        await asyncio.sleep(60)
        assert receiver.at == [0, 0.5, 1, 1.5, 2, 2.5]
        assert store.place == 2


class Replies:
    """Texts that came in, of which one of a smaller id may still appear below the newest: `visible` up to `end` is complete."""

    def __init__(self) -> None:
        self.visible = [3, 5, 7]
        self.end = 5
        self.place = 3

    async def reader(self, account_id: str, app_id: str, name: str) -> int:
        return self.place

    async def inbound_text_end(self, account_id: str) -> int:
        return self.end

    async def blocking_rules(self, account_id: str) -> list[BlockingRule]:
        return []

    async def inbound_text_page(
        self, account_id: str, *, after: int, limit: int, addresses: Sequence[str]
    ) -> list[InboundText]:
        text = InboundText(0, ACCOUNT, "+12025550100", "+12025550123", "hello", NOW)
        return [replace(text, id=place) for place in sorted(self.visible) if after < place <= self.end]

    async def commit(self, unit: Unit) -> None:
        (reader,) = unit.readers
        self.place = reader.after


@in_virtual_time
async def test_what_appears_late_below_a_newer_entry_is_told_in_its_place() -> None:
    receiver, store = Receiver(Delivered("HTTP 200")), Replies()
    context = FeedContext(store, receiver, NoVault(), VirtualClock(), Metrics(), lambda: 0.0)  # type: ignore[arg-type]
    feed = Feed(context, SmsApplication(ACCOUNT, "app", "+12025550100", NOW, {REPLY_URL: URL}), REPLIES)
    task = asyncio.create_task(feed.run())
    await asyncio.sleep(1)
    assert (store.place, len(receiver.at)) == (5, 1)
    store.visible.append(6)
    store.end = 7
    feed.news.set()
    await asyncio.sleep(1)
    assert (store.place, len(receiver.at)) == (7, 3)
    feed.stopping = True
    feed.news.set()
    await task


@in_virtual_time
async def test_a_new_callback_begins_where_nothing_can_appear_any_more() -> None:
    receiver, store = Receiver(Delivered("HTTP 200")), Replies()
    store.place = 0
    context = FeedContext(store, receiver, NoVault(), VirtualClock(), Metrics(), lambda: 0.0)  # type: ignore[arg-type]
    feed = Feed(context, SmsApplication(ACCOUNT, "app", "+12025550100", NOW, {REPLY_URL: URL}), REPLIES)
    task = asyncio.create_task(feed.run())
    await asyncio.sleep(1)
    assert (store.place, receiver.at) == (5, [])
    feed.stopping = True
    feed.news.set()
    await task
