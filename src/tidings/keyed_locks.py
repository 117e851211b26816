"""One lock per name, for as long as somebody holds or waits for it. Below all layers: services and the loop of delivery use it."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from typing import Generic, TypeVar
from weakref import WeakValueDictionary

Key = TypeVar("Key", bound=Hashable)


class KeyedLocks(Generic[Key]):
    """Nothing is left of a lock that nobody uses. It holds in this process and event loop only."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[Key, asyncio.Lock] = WeakValueDictionary()

    def __len__(self) -> int:
        return len(self._locks)

    def lock_for(self, key: Key) -> asyncio.Lock:
        """For `async with`. Whoever asks for the same key while the lock is in use is given the same lock."""
        lock = self._locks.get(key)
        if lock is None:
            lock = self._locks[key] = asyncio.Lock()
        return lock
