"""`LocalAnnouncer`: `domain.ports.Announcer` of a server with one process. Made by a store that is given none; only the store calls it.

Several processes need one whose answer waits for each of them; whoever keeps something in memory only knows the port.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tidings.domain.unit import Unit


class LocalAnnouncer:
    def __init__(self) -> None:
        self._listeners: list[Callable[[Unit], None]] = []

    def listen(self, apply: Callable[[Unit], None]) -> None:
        self._listeners.append(apply)

    def announce(self, unit: Unit) -> Awaitable[None] | None:
        for apply in self._listeners:
            apply(unit)
        return None
