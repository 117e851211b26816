"""How a running server uses the interpreter, and what it does from time to time until its task is canceled. Called by `application`."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from tidings.delivery.gate import Gate
from tidings.services.housekeeping import BITE_ROWS

HOUSEKEEPING_EVERY_S = 20.0
FORGET_EVERY_S = 300.0
THREAD_SWITCH_S = 0.0005
GC_THRESHOLDS = (50_000, 20, 50)

_log = structlog.get_logger(__name__)


def tune_interpreter() -> None:
    """Once, when everything is made that lives as long as the server."""
    # The writer thread needs the interpreter for microseconds per commit; by default it may wait 5 ms for it each time.
    sys.setswitchinterval(THREAD_SWITCH_S)
    # What comes now is freed by counting: full collections only make callers wait.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)


async def tidy_for_ever(tidy: Callable[[], Awaitable[int]], wake: asyncio.Event) -> None:
    """Call `tidy`, which returns how many rows it removed, every HOUSEKEEPING_EVERY_S, at once while there is a whole bite to remove, and
    whenever `wake` is set."""
    while True:
        try:
            rows = await tidy()
        except Exception:  # noqa: BLE001 - a failed round must not end the timer
            _log.exception("housekeeping failed; trying again")
            rows = 0
        if rows >= BITE_ROWS:
            await asyncio.sleep(0)
            continue
        wake.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(wake.wait(), HOUSEKEEPING_EVERY_S)


async def forget_for_ever(gate: Gate) -> None:
    """Let the gate forget what it need not remember any more."""
    while True:
        await asyncio.sleep(FORGET_EVERY_S)
        gate.rotate()
