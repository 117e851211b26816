"""The application's clock: it never goes backwards, whatever the machine's wall clock does, over restarts too.

It follows the wall clock as long as that behaves. Between two looks it knows how much time has passed from a clock that cannot be set
(time since the machine started), so that it can tell a step from time that went by:

- The wall clock is ahead, by no more than `jump_max`: it is believed at once (a correction, a machine that slept).
- It is ahead by more: it is doubted, and time goes on at its own pace. A wall clock that stays so for `DOUBT_ENDS_AFTER` is believed.
- It is behind: time goes on at half its pace until the wall clock has come up.

At a start, time goes on from the mark: the latest time that may have been written down. The machine may have been off for long, so that
more is believed then.

No I/O: both clocks are handed in. Decision 0013.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

JUMP_MAX = timedelta(days=1)
OFF_MAX = timedelta(days=400)
"""So far ahead of the mark a wall clock is believed at a start."""
DOUBT_ENDS_AFTER = timedelta(days=1)
SAME_JUMP = timedelta(hours=1)
"""A wall clock that has moved on by more than this while it was doubted is doubted anew."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def nanoseconds(span: timedelta) -> int:
    return span // _MICROSECOND * 1000


def moment(ns: int) -> datetime:
    """Nanoseconds since 1970 as aware UTC."""
    return _EPOCH + timedelta(microseconds=ns // 1000)


SAME_MOMENT_NS = 200_000
"""So long the answer stays the same: each delivery asks, and looking at two clocks costs more than the rest of its bookkeeping."""


@dataclass(slots=True)
class _Doubt:
    """How far ahead the wall clock was when it was first doubted, and when that was by the clock that cannot be set."""

    ahead_ns: int
    since_ns: int


class SteadyClock:
    """`domain.ports.Clock`. For one thread. Developer mode may move it forward by `advance`."""

    def __init__(
        self,
        wall_ns: Callable[[], int],
        uptime_ns: Callable[[], int],
        *,
        mark: datetime | None = None,
        jump_max: timedelta = JUMP_MAX,
    ) -> None:
        """wall_ns: since 1970. uptime_ns: a clock that nobody sets. mark: the latest time that was written down; None: a new database."""
        self._wall_ns = wall_ns
        self._uptime_ns = uptime_ns
        self._jump_max_ns = nanoseconds(jump_max)
        self._advanced = timedelta()
        self._doubt: _Doubt | None = None
        self._told, self._told_at = _EPOCH, 0  # the last answer, and when it was given by the clock that cannot be set
        self._uptime = uptime_ns()
        wall = wall_ns()
        if mark is None:
            self._time = wall
            return
        marked = nanoseconds(mark - _EPOCH)
        self._time = max(marked, wall) if wall - marked <= max(nanoseconds(OFF_MAX), self._jump_max_ns) else marked

    def now(self) -> datetime:
        uptime = self._uptime_ns()
        if 0 < uptime - self._told_at < SAME_MOMENT_NS:
            return self._told
        self._told = _EPOCH + timedelta(microseconds=self._look() // 1000) + self._advanced
        self._told_at = uptime
        return self._told

    def wall(self) -> datetime:
        """The machine's wall clock, moved by developer mode: for what others compare with their own clocks."""
        return moment(self._wall_ns()) + self._advanced

    def advance(self, seconds: float) -> None:
        self._advanced += timedelta(seconds=seconds)
        self._told_at = 0

    def steady(self) -> datetime:
        """The same without what developer mode has moved: what the mark is made of."""
        return moment(self._look())

    @property
    def lead_s(self) -> float:
        """How far ahead of the wall clock this one is; negative while that one is doubted."""
        return (self._look() - self._wall_ns()) / 1e9

    @property
    def is_doubting(self) -> bool:
        self._look()
        return self._doubt is not None

    def _look(self) -> int:
        uptime, wall = self._uptime_ns(), self._wall_ns()
        passed = max(uptime - self._uptime, 0)
        self._uptime = uptime
        ahead = wall - self._time - passed
        if ahead < 0:
            self._doubt = None
            self._time = max(self._time + passed // 2, wall)
        elif ahead <= self._jump_max_ns:
            self._doubt = None
            self._time = wall
        else:
            self._time = wall if self._has_stood(ahead, uptime) else self._time + passed
        return self._time

    def _has_stood(self, ahead: int, uptime: int) -> bool:
        doubt = self._doubt
        if doubt is None or abs(ahead - doubt.ahead_ns) > nanoseconds(SAME_JUMP):
            self._doubt = _Doubt(ahead, uptime)
            return False
        if uptime - doubt.since_ns < nanoseconds(DOUBT_ENDS_AFTER):
            return False
        self._doubt = None
        return True
