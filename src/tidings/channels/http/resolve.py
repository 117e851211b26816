"""Names to addresses, by the system's resolver in threads of its own, remembered for a short time.

Called by `dial`. It decides nothing about addresses: `dial` asks the policy and connects to the very addresses returned here,
so that no second lookup can give another answer (DNS rebinding).
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, zip_longest
from time import monotonic
from typing import Any

from tidings.domain.ttl_cache import TtlCache

Lookup = Callable[[str], Sequence[str]]

THREADS = 32
"""A dead name server holds a thread for seconds; this many keep the lookups of other hosts going."""

REMEMBERED_MAX = 10_000


def system_lookup(host: str) -> list[str]:
    """Every address of the name, in the order the system prefers. Blocks. Raises OSError."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise OSError(f"not a host name: {host}") from error
    return [str(entry[4][0]) for entry in found]


class Resolver:
    """One lookup at a time per name, however many ask."""

    def __init__(
        self, ttl_s: float, lookup: Lookup = system_lookup, *, monotonic_s: Callable[[], float] = monotonic
    ) -> None:
        self._lookup = lookup
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="resolve")
        # Addresses by name. Wrong when a name's addresses change: then until its time is over.
        self._known: TtlCache[str, list[str]] = TtlCache(ttl_s, size_max=REMEMBERED_MAX, monotonic_s=monotonic_s)
        self._asked: dict[str, asyncio.Future[Sequence[str]]] = {}

    async def addresses(self, host: str) -> list[str]:
        """Addresses of a name, families alternating so that a broken one costs one try. Raises OSError."""
        loop = asyncio.get_running_loop()
        known = self._known.get(host)
        if known is not None:
            return known
        asked = self._asked.get(host)
        if asked is None:
            asked = loop.run_in_executor(self._threads, self._lookup, host)
            self._asked[host] = asked
            asked.add_done_callback(lambda done: self._answered(host, done))
        # Shielded: others may be waiting for the same answer.
        return _alternating(await asyncio.shield(asked))

    def _answered(self, host: str, done: asyncio.Future[Sequence[str]]) -> None:
        self._asked.pop(host, None)
        if done.cancelled() or done.exception() is not None:
            return
        self._known.keep(host, _alternating(done.result()))

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def _alternating(addresses: Sequence[str]) -> list[str]:
    unique = list(dict.fromkeys(addresses))
    if not unique:
        return []
    first_is_v6 = ":" in unique[0]
    preferred = [a for a in unique if (":" in a) is first_is_v6]
    others = [a for a in unique if (":" in a) is not first_is_v6]
    pairs: chain[Any] = chain.from_iterable(zip_longest(preferred, others))
    return [address for address in pairs if address is not None]
