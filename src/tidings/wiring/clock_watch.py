"""Says loudly when the machine's wall clock and the application's own are not together, and when they are again."""

from __future__ import annotations

import asyncio
from time import monotonic

import structlog

from tidings.domain.steady_clock import SteadyClock
from tidings.observe.metrics import Metrics

LOOK_EVERY_S = 2.0
SAY_AGAIN_S = 600.0
TOGETHER_S = 5.0
"""Less than this apart is nothing to speak of: a start after a crash begins up to a second ahead."""

_log = structlog.get_logger(__name__)


class ClockWatch:
    def __init__(self, clock: SteadyClock, metrics: Metrics) -> None:
        self._clock = clock
        self._metrics = metrics
        self._said = ""
        self._said_at_s = 0.0

    async def run(self) -> None:
        while True:
            self.look()
            await asyncio.sleep(LOOK_EVERY_S)

    def look(self) -> None:
        """Compare the clocks, set the gauge, and log what is new, or still so after a while."""
        lead_s, doubting = self._clock.lead_s, self._clock.is_doubting
        self._metrics.clock_lead_s = lead_s
        status = "doubted" if doubting else "ahead" if lead_s > TOGETHER_S else ""
        if status == self._said and (not status or monotonic() < self._said_at_s + SAY_AGAIN_S):
            return
        if doubting:
            _log.error(
                "the machine's clock has jumped ahead; it is followed when it has stood so for a day, or raise TIDINGS_CLOCK_JUMP_MAX_S",
                ahead_s=round(-lead_s),
            )
        elif status:
            _log.warning(
                "the machine's clock is behind; ours goes on at half its pace until they meet", behind_s=round(lead_s)
            )
        else:
            _log.info("the machine's clock and ours are together")
        self._said, self._said_at_s = status, monotonic()
