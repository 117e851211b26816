"""What a server does from time to time, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from structlog.testing import capture_logs
from tests.support.virtual_time import in_virtual_time

from tidings.services.housekeeping import BITE_ROWS
from tidings.wiring.running import HOUSEKEEPING_EVERY_S, tidy_for_ever


class Rounds:
    """`at`: when there was a round, in the loop's time. `rows`: how many rows the next ones find; then none."""

    def __init__(self, *rows: int | Exception) -> None:
        self.at: list[float] = []
        self.rows = list(rows)

    async def tidy(self) -> int:
        self.at.append(asyncio.get_running_loop().time())
        found = self.rows.pop(0) if self.rows else 0
        if isinstance(found, Exception):
            raise found
        return found


@asynccontextmanager
async def tidying(rounds: Rounds) -> AsyncIterator[Callable[[], None]]:
    wake = asyncio.Event()
    task = asyncio.create_task(tidy_for_ever(rounds.tidy, wake))
    yield wake.set
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@in_virtual_time
async def test_there_is_a_round_at_the_start_and_then_one_each_period() -> None:
    rounds = Rounds()
    async with tidying(rounds):
        await asyncio.sleep(2.5 * HOUSEKEEPING_EVERY_S)
    assert rounds.at == [0, HOUSEKEEPING_EVERY_S, 2 * HOUSEKEEPING_EVERY_S]


@in_virtual_time
async def test_it_goes_on_at_once_while_there_is_a_whole_bite_to_remove() -> None:
    rounds = Rounds(BITE_ROWS, BITE_ROWS, BITE_ROWS - 1)
    async with tidying(rounds):
        await asyncio.sleep(0.5 * HOUSEKEEPING_EVERY_S)
    assert rounds.at == [0, 0, 0]


@in_virtual_time
async def test_a_round_that_failed_is_told_and_is_not_the_last() -> None:
    rounds = Rounds(RuntimeError("disk full"))
    with capture_logs() as lines:
        async with tidying(rounds):
            await asyncio.sleep(1.5 * HOUSEKEEPING_EVERY_S)
    assert rounds.at == [0, HOUSEKEEPING_EVERY_S]
    assert [line["event"] for line in lines] == ["housekeeping failed; trying again"]


@in_virtual_time
async def test_it_can_be_woken() -> None:
    rounds = Rounds()
    async with tidying(rounds) as wake:
        await asyncio.sleep(3)
        wake()
        await asyncio.sleep(3)
    assert rounds.at == [0, 3]
