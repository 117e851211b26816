"""How many texts a second one bind takes: our channel on one core, npm's `smpp` as SMSC on another.

`python -m bench.smpp_rate`. Everything is ours from `send` to `settle`; nothing but that is done. Prints one line for each round:
submit_sm a second, and the CPU time of ours for one. Exit code 1: less than the target in every round.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from datetime import UTC, datetime
from time import perf_counter, process_time

import uvloop
from tests.support.outgoing import make_outgoing
from tests.support.smsc import Smsc

from tidings.channels.sms import SmppChannel
from tidings.domain.envelope import Outgoing, TextContent
from tidings.domain.optout import IncomingText
from tidings.domain.outcomes import Delivered, Outcome
from tidings.wire.smpp import SmppUrl

TARGET_PER_S = 3_000
AHEAD = 256
"""Texts handed over and not settled yet; delivery keeps about as many per page."""


class _Clock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def wall(self) -> datetime:
        return datetime.now(UTC)


class Round:
    """Sends so many texts, always some ahead, and waits for the last."""

    def __init__(self, channel: SmppChannel, texts: int) -> None:
        self._channel = channel
        self._left = texts
        self._out = 0
        self._done = asyncio.Event()
        self.delivered = 0

    async def run(self) -> None:
        for _ in range(min(AHEAD, self._left)):
            self._next()
        await self._done.wait()

    def _next(self) -> None:
        self._left -= 1
        self._out += 1
        number = f"+1202555{self._left % 10_000:04d}"
        content = TextContent(f"Your code is {self._left:06d}. It is valid for ten minutes.")
        self._channel.send(make_outgoing(content, number, "sms", timeout_s=60), self._settled)

    def _settled(self, _: Outgoing, outcome: Outcome) -> None:
        self.delivered += isinstance(outcome, Delivered)
        self._out -= 1
        if self._left:
            self._next()
        elif not self._out:
            self._done.set()


async def measure(options: argparse.Namespace) -> float:
    """The best round's submit_sm a second."""

    async def receive(_: IncomingText) -> None:
        """Nobody answers here."""

    best = 0.0
    async with Smsc(quiet=True, prefix=("taskset", "-c", str(options.smsc_core))) as smsc:
        url = SmppUrl.read(smsc.url(f"source=+12025550100&window={options.window}"))
        channel = SmppChannel(lambda _: None, urls=[url], clock=_Clock(), receive=receive)
        for number in range(options.rounds + 1):
            texts = options.texts if number else options.texts // 10
            started, cpu = perf_counter(), process_time()
            sending = Round(channel, texts)
            await sending.run()
            took, cpu = perf_counter() - started, process_time() - cpu
            assert sending.delivered == texts, f"only {sending.delivered} of {texts} were taken"
            if number:  # the first one warms up
                best = max(best, texts / took)
                print(
                    f"window {options.window}: {texts / took:,.0f} submit_sm/s, {cpu / texts * 1e6:.1f} µs of ours each"
                )
        await channel.close()
    return best


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.smpp_rate", description=__doc__)
    parser.add_argument("--texts", type=int, default=20_000)
    parser.add_argument("--window", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--core", type=int, default=0)
    parser.add_argument("--smsc-core", type=int, default=1)
    chosen = parser.parse_args()
    os.sched_setaffinity(0, {chosen.core})
    sys.exit(0 if uvloop.run(measure(chosen)) >= TARGET_PER_S else 1)
