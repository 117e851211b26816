"""Guesses at a confirmation code are counted on disk: per subscription and per account, over restarts and many calls at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.support.build import ACCOUNT, OTHER_ACCOUNT, FakeClock
from tests.support.stores import a_subscription, a_topic

from tidings.domain.errors import InvalidValue, Throttled
from tidings.domain.model import AccountId, Subscription
from tidings.domain.tokens import confirmation_code
from tidings.services import confirmation_codes
from tidings.services.confirmation_codes import GUESSES_PER_ACCOUNT, GUESSES_PER_SUBSCRIPTION, ConfirmationCodes
from tidings.store.sqlite import SqliteStore

KEY = b"k" * 32


class Harness:
    """The codes of one server, which can be started again."""

    def __init__(self, path: Path, store: SqliteStore) -> None:
        self.path, self.store, self.clock = path, store, FakeClock()
        self.start()

    def start(self) -> None:
        self.codes = ConfirmationCodes(self.store, self.clock, KEY)

    async def restart(self) -> None:
        await self.store.close()
        self.store = await SqliteStore.open(self.path)
        self.start()

    def asked(self, number: int = 1) -> Subscription:
        return replace(a_subscription(number, a_topic(1)), confirmation_sent_at=self.clock.now())

    def right(self, subscription: Subscription) -> str:
        assert subscription.confirmation_sent_at is not None
        return confirmation_code(KEY, subscription.uid, subscription.confirmation_sent_at)

    async def guess(self, subscription: Subscription, account: AccountId = ACCOUNT) -> str:
        """What a wrong guess is answered with."""
        try:
            await self.codes.check(account, subscription, "wrong")
        except InvalidValue:
            return "wrong"
        except Throttled:
            return "throttled"
        raise AssertionError("taken")


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[Harness]:
    harness = Harness(tmp_path / "tidings.db", await SqliteStore.open(tmp_path / "tidings.db"))
    yield harness
    await harness.store.close()


async def test_guesses_at_one_subscription_end_also_over_a_restart(harness: Harness) -> None:
    asked = harness.asked()
    for number in range(GUESSES_PER_SUBSCRIPTION):
        if number == 3:
            await harness.restart()
        assert await harness.guess(asked, AccountId(f"{number:012}")) == "wrong"
    await harness.restart()
    assert await harness.guess(asked) == "throttled"
    with pytest.raises(Throttled) as caught:  # the right one is not told either
        await harness.codes.check(ACCOUNT, asked, harness.right(asked))
    assert caught.value.after_s == confirmation_codes.SUBSCRIPTION_WINDOW.total_seconds()
    harness.clock.advance(caught.value.after_s)
    await harness.codes.check(ACCOUNT, asked, harness.right(asked))


async def test_many_calls_at_once_give_no_more_guesses(harness: Harness) -> None:
    answers = await asyncio.gather(*(harness.guess(harness.asked()) for _ in range(40)))
    assert answers.count("wrong") == GUESSES_PER_SUBSCRIPTION


async def test_one_account_does_not_guess_at_one_subscription_after_the_other(harness: Harness) -> None:
    answers = [await harness.guess(harness.asked(number // 5)) for number in range(GUESSES_PER_ACCOUNT + 20)]
    assert answers.count("wrong") == GUESSES_PER_ACCOUNT
    await harness.restart()
    assert await harness.guess(harness.asked(500)) == "throttled"
    assert await harness.guess(harness.asked(501), OTHER_ACCOUNT) == "wrong"
    harness.clock.advance(86_400)
    assert await harness.guess(harness.asked(502)) == "wrong"


async def test_right_codes_are_not_counted(harness: Harness) -> None:
    for number in range(GUESSES_PER_ACCOUNT + 5):
        asked = harness.asked(number)
        await harness.codes.check(ACCOUNT, asked, harness.right(asked))


async def test_counts_that_are_over_are_swept(harness: Harness) -> None:
    await harness.guess(harness.asked())
    assert await harness.store.sweep(harness.clock.now(), 100) == 0
    harness.clock.advance(2 * 86_400)
    assert await harness.store.sweep(harness.clock.now(), 100) == 2
