"""How often passwords may be tried: per address, per user, and in all. Asked by `authenticate`, so by everything that takes passwords.

A password costs 64 MiB and a fifth of a second, so an attacker must neither fill all places nor lock a user out: an address has one
verification at a time and a short queue of its own; addresses from which somebody signed in lately have places in reserve and are
not delayed by what others do to their user. In memory, for one process.
Source: OWASP, Authentication Cheat Sheet, "Protect against automated attacks"; NIST SP 800-63B, 5.2.2 (rate limiting).
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import monotonic

from tidings.domain.errors import Throttled
from tidings.domain.model import AccountId
from tidings.domain.ttl_cache import TtlCache
from tidings.wire.clients import client_group

VERIFICATIONS_MAX = 2
"""Passwords verified at one time over all addresses: deliveries need the other cores."""
WAITING_PER_ADDRESS = 2
"""Beside the one whose turn it is."""
WAITING_MAX = 32
WAITING_RESERVED = 16
"""More for addresses from which a password was right lately."""
BUSY_S = 1.0

FREE_FAILURES = 10
"""Of one user from one address: people mistype, scripts are set up wrong."""
FREE_FAILURES_OF_USER = 50
"""Of one user from all addresses where nobody signed in lately."""
DELAY_MAX_S = 60.0
DELAY_OF_USER_MAX_S = 10.0
"""Short: whoever comes from a new address shares it with the attacker."""
FORGET_AFTER_S = 3600.0
KNOWN_FOR_S = 30 * 86_400.0
REMEMBERED_MAX = 20_000


class _Failures:
    """Failures in a row by name, with the time of the last. `delay_max_s`: of the longest wait."""

    def __init__(self, free: int, delay_max_s: float) -> None:
        self._free = free
        self._delay_max_s = delay_max_s
        self._counts: OrderedDict[tuple[str, ...], tuple[int, float]] = OrderedDict()

    def wait_s(self, name: tuple[str, ...], now: float) -> float:
        count, last = self._counts.get(name, (0, now))
        if count < self._free or now - last > FORGET_AFTER_S:
            return 0.0
        exponent = min(count - self._free, 10)
        return max(0.0, last + min(self._delay_max_s, 2.0**exponent) - now)

    def add(self, name: tuple[str, ...], now: float) -> None:
        count, last = self._counts.pop(name, (0, now))
        self._counts[name] = (1 if now - last > FORGET_AFTER_S else count + 1, now)
        if len(self._counts) > REMEMBERED_MAX:
            self._counts.popitem(last=False)

    def clear(self, name: tuple[str, ...]) -> None:
        self._counts.pop(name, None)


class SignInLimits:
    """One per process. rate: takes one try of an address, raises Throttled."""

    def __init__(
        self, rate: Callable[[str], None] = lambda _: None, *, monotonic_s: Callable[[], float] = monotonic
    ) -> None:
        self._rate = rate
        self._monotonic_s = monotonic_s
        self._verifying = asyncio.Semaphore(VERIFICATIONS_MAX)
        self._waiting = 0
        self._queues: dict[str, tuple[asyncio.Lock, int]] = {}
        self._by_address = _Failures(FREE_FAILURES, DELAY_MAX_S)
        self._by_user = _Failures(FREE_FAILURES_OF_USER, DELAY_OF_USER_MAX_S)
        # Addresses, and users at them, from which a password was right. Never wrong: it is a fact of the past.
        self._known: TtlCache[tuple[str, ...], bool] = TtlCache(
            KNOWN_FOR_S, size_max=REMEMBERED_MAX, monotonic_s=monotonic_s
        )

    @asynccontextmanager
    async def turn(self, address: str, account_id: AccountId, user: str) -> AsyncIterator[None]:
        """Wait for this address's turn to verify one password. Raises Throttled."""
        group = client_group(address)
        self._check_delays(group, account_id, user)
        lock, queued = self._queues.get(group, (None, 0))
        places = WAITING_MAX + (WAITING_RESERVED if self._is_known((group,)) else 0)
        if queued > WAITING_PER_ADDRESS or self._waiting >= places:
            raise Throttled(BUSY_S)
        self._rate(group)
        lock = lock or asyncio.Lock()
        self._queues[group] = (lock, queued + 1)
        self._waiting += 1
        try:
            async with lock, self._verifying:
                yield
        finally:
            self._waiting -= 1
            left = self._queues[group][1] - 1
            if left:
                self._queues[group] = (lock, left)
            else:
                del self._queues[group]

    def failed(self, address: str, account_id: AccountId, user: str) -> None:
        """Count a wrong password, also of a user that does not exist."""
        group, now = client_group(address), self._monotonic_s()
        self._by_address.add((group, account_id, user), now)
        if not self._is_known((group, account_id, user)):
            self._by_user.add((account_id, user), now)

    def succeeded(self, address: str, account_id: AccountId, user: str) -> None:
        """Remember that this user signed in from here."""
        group = client_group(address)
        self._by_address.clear((group, account_id, user))
        for name in ((group,), (group, account_id, user)):
            self._known.keep(name, True)

    def _check_delays(self, group: str, account_id: AccountId, user: str) -> None:
        now = self._monotonic_s()
        wait_s = self._by_address.wait_s((group, account_id, user), now)
        if not self._is_known((group, account_id, user)):
            wait_s = max(wait_s, self._by_user.wait_s((account_id, user), now))
        if wait_s > 0:
            raise Throttled(wait_s)

    def _is_known(self, name: tuple[str, ...]) -> bool:
        return self._known.get(name) is not None
