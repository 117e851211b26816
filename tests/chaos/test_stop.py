"""STOP and START race a continuous stream of texts: after a STOP was acknowledged, no text to that phone is started until START was.

TIDINGS_TEST_RACES sets how many seeds. What waits in the channel and in retries is part of the stream: the mast starts each text after a
random while and makes a third of them come back.
"""

from __future__ import annotations

import asyncio
import os
import random
from pathlib import Path

import pytest
from tests.support.phones import SlowMast, phone_app

RACES = int(os.environ.get("TIDINGS_TEST_RACES", "12"))
PHONES = [f"+120255501{n:02d}" for n in range(20)]
TEXTS = 30


async def started_while_opted_out(
    path: Path, seed: int, *, asks_opt_outs: bool = True, remembers: bool = False
) -> tuple[int, int]:
    """How many texts were started at a phone that had said STOP, and how many at the others."""
    chance = random.Random(seed)
    out: set[str] = set()
    wrong, right = [0], [0]

    def seen(phone: str) -> None:
        (wrong if phone in out else right)[0] += 1

    async with phone_app(
        path, lambda permit: SlowMast(permit, chance, seen), asks_opt_outs=asks_opt_outs, remembers=remembers
    ) as app:
        await app.add_number()

        async def send() -> None:
            for number in range(TEXTS):
                for phone in PHONES:
                    await app.send(f"m{number}", phone=phone)
                await asyncio.sleep(chance.random() * 0.004)

        async def change_their_minds() -> None:
            for number in range(30):
                await asyncio.sleep(chance.random() * 0.01)
                phone = chance.choice(PHONES[:10])
                app.clock.advance(1)
                if phone in out:
                    out.discard(phone)  # from the moment it is asked for, a text may start
                    assert (await app.receive("START", phone=phone, transport_id=f"t{number}")).changed
                else:
                    assert (await app.receive("STOP", phone=phone, transport_id=f"t{number}")).changed
                    out.add(phone)

        await asyncio.gather(send(), change_their_minds())
        await app.settled()
    return wrong[0], right[0]


@pytest.mark.parametrize("remembers", [False, True], ids=["direct", "remembered"])
@pytest.mark.parametrize("seed", range(RACES))
async def test_after_an_acknowledged_stop_no_text_is_started_until_start(
    tmp_path: Path, seed: int, remembers: bool
) -> None:
    wrong, right = await started_while_opted_out(tmp_path, seed, remembers=remembers)
    assert wrong == 0
    assert right >= TEXTS * 10  # those who never said STOP got every text


async def test_without_the_gates_question_texts_are_started_after_stop(tmp_path: Path) -> None:
    """The race is one: the same stream fails when nobody asks."""
    wrong, _ = await started_while_opted_out(tmp_path, 1, asks_opt_outs=False)
    assert wrong > 0
