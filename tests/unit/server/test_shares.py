"""Shares of memory and connections: nobody takes all, and what is given back is nobody's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.server import shares
from tidings.server.shares import Counted, Room, has_credentials, per_address

MIB = 1024 * 1024


def fill(room: Room, address: str, bodies: int, size: int = 2 * MIB, *, is_signed: bool = True) -> list[int]:
    """The statuses of what came, 0 where there was room; what was refused is given back, as the server does."""
    told = []
    for _ in range(bodies):
        counted = Counted(room.share(address), is_signed)
        room.held += size
        refusal = room.count(counted, size)
        if refusal is not None:
            room.release(size, counted)
        told.append(refusal.status if refusal is not None else 0)
    return told


def test_one_address_without_credentials_holds_little() -> None:
    room = Room()
    told = fill(room, "eve", 129, is_signed=False)
    assert told.count(0) == shares.UNSIGNED_BYTES_MAX // (2 * MIB)
    assert set(told) == {0, 429}
    assert fill(room, "ann", 2) == [0, 0]


def test_what_came_unsigned_leaves_room_when_it_is_given_back() -> None:
    room = Room()
    room.count(Counted(room.share("ann"), is_signed=True), MIB)  # the share lives on
    for _ in range(2 * shares.UNSIGNED_BYTES_MAX // MIB):
        counted = Counted(room.share("ann"), is_signed=False)
        assert room.count(counted, MIB) is None
        room.release(MIB, counted)


def test_sixty_four_large_calls_of_one_publisher_at_once_are_taken() -> None:
    assert set(fill(Room(), "ann", 64, MIB)) == {0}
    assert set(fill(Room(), "ann", 200, 256 * 1024)) == {0}


def test_addresses_that_claim_credentials_leave_room_for_those_who_hold_little() -> None:
    room = Room()
    for number in range(10):
        fill(room, f"eve{number}", 129)
    assert room.held <= shares.BODIES_BYTES_MAX
    assert fill(room, "ann", 4) == [0, 0, 0, 0]


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(65_537, 3 * MIB), st.booleans(), st.booleans()), max_size=60)
)
def test_whatever_was_held_is_given_back(steps: list[tuple[str, int, bool, bool]]) -> None:
    room = Room()
    held: list[tuple[int, Counted]] = []
    for address, size, is_signed, ends in steps:
        counted = Counted(room.share(address), is_signed)
        room.held += size
        refused = room.count(counted, size) is not None
        assert room.shares[address].held >= size
        if refused or ends:
            room.release(size, counted)
        else:
            held.append((size, counted))
    for size, counted in held:
        room.release(size, counted)
    assert room.held == 0
    assert not room.shares


@given(st.integers(1, 20_000))
def test_an_address_s_connections_are_part_of_all(most: int) -> None:
    assert 1 <= per_address(most) <= min(most, 1_000)


def test_connections_beyond_the_shares_are_refused_and_others_are_not() -> None:
    room, most = Room(), 4_000
    told = [room.admit(room.share("eve"), most, is_proxy=False) for _ in range(1_100)]
    assert [refusal.status for refusal in told if refusal is not None] == [429] * 100
    for _ in range(2_500):
        assert room.admit(room.share("proxy"), most, is_proxy=True) is None
    full = [room.admit(room.share("bob"), most, is_proxy=False) for _ in range(40)]
    assert [refusal.status for refusal in full if refusal is not None] == [503] * 8
    assert room.admit(room.share("ann"), most, is_proxy=False) is None
    for name, share in list(room.shares.items()):
        for _ in range(share.connections):
            room.leave(share)
        assert name not in room.shares
    assert room.connections == 0


@pytest.mark.parametrize(
    ("headers", "query", "is_signed"),
    [
        ({"host": "h", "content-type": "x"}, "", False),
        ({"authorization": "AWS4-HMAC-SHA256 x"}, "", True),
        ({"x-auth-token": "x"}, "", True),
        ({"cookie": "x"}, "", True),
        ({}, "Action=Publish&X-Amz-Signature=00", True),
        ({}, "Action=ConfirmSubscription&Token=00", False),
    ],
)
def test_what_counts_as_credentials(headers: dict[str, str], query: str, is_signed: bool) -> None:
    assert has_credentials(headers, query) is is_signed
