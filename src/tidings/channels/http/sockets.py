"""How many sockets are open, over all hosts, and who may have the next one.

Shared by every `lane`. A socket is counted from the moment it is asked for until it is gone. When the server is half full hosts get
fewer each, so that many slow hosts cannot take them all; when it is full the one idle longest is closed for whoever needs it,
and hosts that find none wait in line.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from tidings.channels.http.connection import Connection


class Waiting(Protocol):
    def grow(self) -> None:
        """Try again to open a connection."""
        ...


class Sockets:
    """`open`: those in lanes. `idle`: those of them without work, longest first. `hungry`: the line."""

    __slots__ = ("_count", "_empty", "_max", "_per_host", "hungry", "idle", "open")

    def __init__(self, sockets_max: int, per_host: int) -> None:
        self._max = sockets_max
        self._per_host = per_host
        self._count = 0
        self._empty: asyncio.Future[None] | None = None
        self.open: set[Connection] = set()
        self.idle: dict[Connection, None] = {}
        self.hungry: dict[Waiting, None] = {}

    def allowance(self) -> int:
        """How many connections one host may have now."""
        busy = self._count - len(self.idle)
        if busy * 2 < self._max:
            return self._per_host
        return min(4, self._per_host) if busy * 4 < self._max * 3 else 1

    def reserve(self) -> bool:
        """Count one more, closing an idle one when full. False: all are busy."""
        if self._count >= self._max:
            if not self.idle:
                return False
            oldest = next(iter(self.idle))
            del self.idle[oldest]
            oldest.abort()
        self._count += 1
        return True

    def release(self) -> None:
        """Count one less and let the first in line try; whoever still finds none stands in line again."""
        self._count -= 1
        while self.hungry and (self._count < self._max or self.idle):
            first = next(iter(self.hungry))
            del self.hungry[first]
            first.grow()
        if self._count == 0 and self._empty is not None and not self._empty.done():
            self._empty.set_result(None)

    async def wait_empty(self) -> None:
        """Return when no socket is open or being opened."""
        if self._count:
            self._empty = asyncio.get_running_loop().create_future()
            await self._empty
