"""An event loop whose time passes only while nothing can run: a sleep of ten minutes takes none, and the order of things is the same every
time, however busy the machine is."""

from __future__ import annotations

import asyncio
import functools
import selectors
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any, ParamSpec

from tests.support.build import NOW

_P = ParamSpec("_P")


class Stuck(Exception):
    """Everybody waits, and nobody for a time."""


class _Selector(selectors.SelectSelector):
    """Instead of waiting for a time it lets it pass."""

    passed_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise Stuck
        if not ready and timeout:
            self.passed_s += timeout
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """For code without threads and sockets. Raises Stuck out of `run` instead of hanging."""

    def __init__(self) -> None:
        self._passing = _Selector()
        super().__init__(self._passing)

    def time(self) -> float:
        return self._passing.passed_s


class VirtualClock:
    """A Clock that goes with the running loop's time, from NOW on."""

    def now(self) -> datetime:
        return NOW + timedelta(seconds=asyncio.get_running_loop().time())

    def wall(self) -> datetime:
        return self.now()


def in_virtual_time(test: Callable[_P, Coroutine[Any, Any, None]]) -> Callable[_P, None]:
    """Run a test on a loop of virtual time: `await asyncio.sleep(s)` lets everybody else do what they do within s seconds."""

    @functools.wraps(test)
    def run(*args: _P.args, **kwargs: _P.kwargs) -> None:
        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            runner.run(test(*args, **kwargs))

    return run
