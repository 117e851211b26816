"""So many calls a second, per caller: token buckets in memory. The Limiter of dialects.

A key is `NAME:WHO`; the rate belongs to the name. Within one process; several nodes each grant their own rate.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from time import monotonic

from tidings.domain.errors import Throttled

CALLERS_MAX = 100_000


class TokenBuckets:
    """`rates`: name -> calls per second. A name without a rate is not limited. `bursts`: name -> calls that may come at once
    after a rest; one second's worth where it says nothing.

    throttled: told the name whenever a call is turned away.
    """

    def __init__(
        self,
        rates: Mapping[str, float],
        *,
        bursts: Mapping[str, float] | None = None,
        throttled: Callable[[str], None] = lambda _: None,
        monotonic_s: Callable[[], float] = monotonic,
    ) -> None:
        bursts = bursts or {}
        self._rates = tuple((f"{name}:", rate, bursts.get(name, max(rate, 1.0))) for name, rate in rates.items())
        self._throttled = throttled
        self._monotonic_s = monotonic_s
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str) -> None:
        """Take one call from the bucket `key`. Raises Throttled with the seconds until the next one."""
        known = next((known for known in self._rates if key.startswith(known[0])), None)
        if known is None:
            return
        name, rate, burst = known
        now = self._monotonic_s()
        left, at = self._buckets.pop(key, (burst, now))
        left = min(burst, left + (now - at) * rate)
        if left < 1.0:
            self._buckets[key] = (left, now)
            self._throttled(name[:-1])
            raise Throttled((1.0 - left) / rate)
        self._buckets[key] = (left - 1.0, now)
        if len(self._buckets) > CALLERS_MAX:
            self._buckets.popitem(last=False)
