"""What was looked up a moment ago, so that it is not looked up again. The one cache with a time in this code.

Bounded: the oldest goes first. Whoever uses one says what it holds, when it is wrong, and who clears it. Not for several threads.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from time import monotonic
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class TtlCache(Generic[Key, Value]):
    """`ttl_s`: how long something is kept. `changes` counts the calls of `forget_all`: who looks something up reads it first and hands
    it to `keep`, so that what was looked up before a change is not kept after it."""

    def __init__(self, ttl_s: float, *, size_max: int, monotonic_s: Callable[[], float] = monotonic) -> None:
        self._ttl_s = ttl_s
        self._size_max = size_max
        self._monotonic_s = monotonic_s
        self._kept: OrderedDict[Key, tuple[float, Value]] = OrderedDict()
        self.changes = 0

    def get(self, key: Key) -> Value | None:
        kept = self._kept.get(key)
        return kept[1] if kept is not None and kept[0] > self._monotonic_s() else None

    def keep(self, key: Key, value: Value, changes: int | None = None) -> None:
        """Remember a value, unless everything was forgotten while it was being looked up."""
        if changes is not None and changes != self.changes:
            return
        self._kept[key] = (self._monotonic_s() + self._ttl_s, value)
        self._kept.move_to_end(key)
        if len(self._kept) > self._size_max:
            self._kept.popitem(last=False)

    def forget_all(self) -> None:
        self.changes += 1
        self._kept.clear()
