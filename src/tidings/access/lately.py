"""What was looked up a moment ago, so that a caller who calls again is not looked up again. Used by this package only.

Bounded, and short-lived because another process may change a key or user without telling us.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

KEEP_S = 2.0
KEPT_MAX = 10_000

Found = TypeVar("Found")


class Lately(Generic[Found]):
    """`changes` counts the calls of `forget`: who looks something up reads it first and hands it to `keep`."""

    def __init__(self, monotonic_s: Callable[[], float]) -> None:
        self._monotonic_s = monotonic_s
        self._kept: OrderedDict[str, tuple[float, Found]] = OrderedDict()
        self.changes = 0

    def get(self, name: str) -> Found | None:
        kept = self._kept.get(name)
        return kept[1] if kept is not None and kept[0] > self._monotonic_s() else None

    def keep(self, name: str, found: Found, changes: int) -> None:
        """Remember what was found, unless everything was forgotten while it was being looked up."""
        if changes != self.changes:
            return
        self._kept[name] = (self._monotonic_s() + KEEP_S, found)
        self._kept.move_to_end(name)
        if len(self._kept) > KEPT_MAX:
            self._kept.popitem(last=False)

    def forget(self) -> None:
        self.changes += 1
        self._kept.clear()
