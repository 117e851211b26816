"""How often passwords may be tried: one address fills no more than its own places, and nobody locks a user out."""

from __future__ import annotations

import asyncio

import pytest

from tidings.access.sign_in_limits import (
    DELAY_OF_USER_MAX_S,
    FREE_FAILURES,
    FREE_FAILURES_OF_USER,
    WAITING_MAX,
    WAITING_PER_ADDRESS,
    WAITING_RESERVED,
    SignInLimits,
)
from tidings.domain.errors import Throttled
from tidings.domain.model import AccountId

ACCOUNT = AccountId("000000000000")
HOME, EVE = "192.0.2.1", "198.51.100.66"


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Door:
    """Verifications that last until they are let go."""

    def __init__(self, **options: object) -> None:
        self.clock = Clock()
        self.limits = SignInLimits(monotonic_s=self.clock, **options)  # type: ignore[arg-type]
        self.release = asyncio.Event()
        self.begun: list[str] = []
        self.tasks: list[asyncio.Task[None]] = []

    async def _verify(self, address: str, user: str) -> None:
        async with self.limits.turn(address, ACCOUNT, user):
            self.begun.append(address)
            await self.release.wait()

    async def come(self, address: str, user: str = "ada") -> asyncio.Task[None]:
        task = asyncio.create_task(self._verify(address, user))
        self.tasks.append(task)
        for _ in range(5):
            await asyncio.sleep(0)
        return task

    async def leave(self) -> list[type]:
        self.release.set()
        return [type(done) for done in await asyncio.gather(*self.tasks, return_exceptions=True)]


async def test_an_address_has_one_turn_and_two_who_wait() -> None:
    door = Door()
    for _ in range(10):
        await door.come(EVE)
    assert door.begun == [EVE]
    assert (await door.leave()).count(Throttled) == 10 - 1 - WAITING_PER_ADDRESS


async def test_others_have_their_turn_while_one_address_attacks() -> None:
    door = Door()
    for _ in range(10):
        await door.come(EVE)
    await door.come(HOME)
    assert door.begun == [EVE, HOME]
    await door.leave()


@pytest.mark.parametrize("other", ["2001:db8:0:1::2", "2001:db8:0:1:ffff::1"])
async def test_the_addresses_of_one_ipv6_network_are_one(other: str) -> None:
    door = Door()
    for address in ("2001:db8:0:1::1", other, other, other):
        await door.come(address)
    assert (await door.leave()).count(Throttled) == 1
    assert not (await Door().come("2001:db8:0:2::1")).done()


async def test_a_crowd_of_addresses_leaves_places_for_those_who_are_known() -> None:
    door = Door()
    door.limits.succeeded(HOME, ACCOUNT, "ada")
    for number in range(WAITING_MAX + 5):
        await door.come(f"198.51.100.{number}")
    assert not (await door.come(HOME)).done()
    assert (await door.leave()).count(Throttled) == 5
    assert WAITING_RESERVED > 0


async def test_wrong_passwords_of_a_user_are_slowed_down_and_a_right_one_ends_that() -> None:
    door = Door()
    door.release.set()
    for _ in range(FREE_FAILURES):
        async with door.limits.turn(EVE, ACCOUNT, "ada"):
            door.limits.failed(EVE, ACCOUNT, "ada")
    waits = []
    for _ in range(8):
        with pytest.raises(Throttled) as told:
            async with door.limits.turn(EVE, ACCOUNT, "ada"):
                raise AssertionError("let in")
        waits.append(told.value.after_s)
        door.clock.now += told.value.after_s
        async with door.limits.turn(EVE, ACCOUNT, "ada"):
            door.limits.failed(EVE, ACCOUNT, "ada")
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]
    async with door.limits.turn(EVE, ACCOUNT, "bob"), door.limits.turn(HOME, ACCOUNT, "ada"):
        pass
    door.clock.now += 60.0
    async with door.limits.turn(EVE, ACCOUNT, "ada"):
        door.limits.succeeded(EVE, ACCOUNT, "ada")
    async with door.limits.turn(EVE, ACCOUNT, "ada"):
        pass


async def test_a_right_password_makes_all_failures_free_again() -> None:
    door = Door()
    for _ in range(2):
        for _ in range(FREE_FAILURES - 1):
            door.limits.failed(EVE, ACCOUNT, "ada")
        async with door.limits.turn(EVE, ACCOUNT, "ada"):
            door.limits.succeeded(EVE, ACCOUNT, "ada")


async def test_a_place_is_free_again_when_its_password_was_verified() -> None:
    door = Door()
    for _ in range(WAITING_MAX + WAITING_RESERVED + 1):
        async with door.limits.turn(EVE, ACCOUNT, "ada"):
            pass


async def test_many_addresses_slow_a_user_down_but_not_where_he_signed_in_lately() -> None:
    door = Door()
    door.limits.succeeded(HOME, ACCOUNT, "ada")
    for number in range(FREE_FAILURES_OF_USER + 20):
        door.limits.failed(f"198.51.100.{number}", ACCOUNT, "ada")
    with pytest.raises(Throttled) as told:
        async with door.limits.turn("203.0.113.9", ACCOUNT, "ada"):
            raise AssertionError("let in")
    assert told.value.after_s == DELAY_OF_USER_MAX_S
    async with door.limits.turn(HOME, ACCOUNT, "ada"):
        pass


async def test_an_address_s_rate_is_taken_before_its_password_is_looked_at() -> None:
    taken = []

    def rate(group: str) -> None:
        taken.append(group)
        if group != HOME:
            raise Throttled(3.0)

    door = Door(rate=rate)
    for number in range(WAITING_MAX + 1):
        with pytest.raises(Throttled):
            async with door.limits.turn(f"::ffff:192.0.2.{7 + number}", ACCOUNT, "ada"):
                raise AssertionError("let in")
    assert taken[:2] == ["192.0.2.7", "192.0.2.8"]
    # They hold no places.
    await door.come(HOME)
    assert door.begun == [HOME]
    await door.leave()
