"""Everything on its way to one host (scheme, name, port): a bounded queue, bounded connections, and the host's health.

Made by `channel` for the first attempt, dropped when nothing is left. Connections call back when they are free or lost and
are handed the next attempt directly. A host that cannot be reached several times in a row is *sick*: its attempts end at once for
a few seconds, but for one that probes, so that a dead host fills neither memory nor sockets.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from tidings.channels.http.answer import Settlements
from tidings.channels.http.connection import Connection
from tidings.channels.http.dial import Dialer, NotAllowed, reason_of
from tidings.channels.http.request import Attempt
from tidings.channels.http.sockets import Sockets
from tidings.domain.envelope import Permit
from tidings.domain.outcomes import Busy, Outcome, Refused, RetryLater
from tidings.wire.egress import Target

FIRST_DIALS = 4
"""Connections tried at one time while none has succeeded: a black hole gets no more sockets than this."""

UNREACHED_MAX = 3
"""Failures to connect in a row that make a host sick: name, address and TLS belong to the host, so few are enough."""

UNANSWERED_MAX = 32
"""Requests without answer in a row that make it sick: many, because one bad path on a shared host must not."""

SICK_FORGET_S = 30.0
"""A sick host that nobody has asked for during this time is forgotten."""

PAUSE_S = 1.0
"""Before another connection is tried to a host that has some and refused one more."""

BUSY_S = 1.0
SHARE = 16
"""Requests that a connection may serve in a row while hosts without connection stand in line."""


@dataclass(frozen=True, slots=True)
class LaneContext:
    """What all lanes share."""

    loop: asyncio.AbstractEventLoop
    permit: Permit
    settlements: Settlements
    sockets: Sockets
    dialer: Dialer
    queue_max: int
    idle_s: float
    sick_s: float


class Lane:
    """See the module. `drop` is called when nothing is left."""

    __slots__ = (
        "_connect",
        "_context",
        "_dialing",
        "_dials",
        "_drop",
        "_idle",
        "_open",
        "_pause_until",
        "_queue",
        "_sick_until",
        "_silent",
        "_stopping",
        "_target",
        "_trouble",
        "_unreached",
        "due",
    )

    def __init__(
        self, target: Target, context: LaneContext, drop: Callable[[], None], connect: type[Connection] = Connection
    ) -> None:
        self._connect = connect
        self._target = target
        self._context = context
        self._drop = drop
        self._queue: deque[Attempt] = deque()
        self._idle: list[Connection] = []
        self._open = 0
        self._dialing = 0
        self._dials: set[asyncio.Task[Connection]] = set()
        self.due = float("inf")  # when `expire` has something to look at, in the loop's time
        self._pause_until = 0.0
        self._unreached = 0
        self._silent = 0
        self._trouble = ""  # why the host is sick; empty: it is not
        self._sick_until = 0.0
        self._stopping = False

    def take(self, attempt: Attempt) -> None:
        """Start the attempt, queue it, or settle it when there is no room or no sense."""
        if self._trouble and not self._may_probe():
            self._settle(attempt, RetryLater(self._trouble))
            return
        idle = self._idle
        while idle:
            connection = idle.pop()
            self._context.sockets.idle.pop(connection, None)
            if connection.usable():
                if not connection.start(attempt):
                    self._rest(connection)
                return
        if len(self._queue) >= self._context.queue_max:
            self._settle(attempt, Busy(BUSY_S))
            return
        self._queue.append(attempt)
        if attempt.deadline < self.due:
            self.due = attempt.deadline
        self.grow()

    def _may_probe(self) -> bool:
        working = self._open - len(self._idle)
        return not (self._queue or self._dialing or working) and self._context.loop.time() >= self._sick_until

    def _settle(self, attempt: Attempt, outcome: Outcome) -> None:
        self._context.settlements.add(attempt, outcome)

    # What connections say.

    def free(self, connection: Connection) -> None:
        queue = self._queue
        served = connection.served
        if queue and served and self._context.sockets.hungry and (self._open > 1 or served % SHARE == 0):
            connection.abort()  # Its socket is for a host that has none; what is queued here stands in line for another.
            return
        while queue:
            if connection.start(queue.popleft()):
                return
        self._rest(connection)

    def _rest(self, connection: Connection) -> None:
        """Keep a connection that has nothing to do, unless its socket is wanted elsewhere."""
        if self._stopping or self._context.sockets.hungry:
            connection.abort()
            return
        connection.deadline = self._context.loop.time() + self._context.idle_s
        self._idle.append(connection)
        self._context.sockets.idle[connection] = None

    def answered(self) -> None:
        if self._unreached or self._silent or self._trouble:
            self._unreached = self._silent = 0
            self._trouble = ""

    def unanswered(self) -> None:
        self._silent += 1
        if self._silent >= UNANSWERED_MAX or self._trouble:
            self._sicken("host does not answer")

    def try_again(self, attempt: Attempt) -> None:
        if self._stopping:
            self._settle(attempt, RetryLater("stopping"))
            return
        # `lost` follows and opens a connection for it. Those now idle are probably as dead as the one it came from.
        self._queue.appendleft(attempt)
        self.due = min(self.due, attempt.deadline)

    def lost(self, connection: Connection) -> None:
        self._open -= 1
        if connection in self._idle:
            self._idle.remove(connection)
        sockets = self._context.sockets
        sockets.idle.pop(connection, None)
        sockets.open.discard(connection)
        sockets.release()
        self.grow()
        self.drop_if_empty()

    # Opening connections.

    def grow(self) -> None:
        """Open connections for what is queued, as far as the host's share goes."""
        queued = len(self._queue)
        sockets = self._context.sockets
        while self._dialing < queued and not self._stopping:
            limit = sockets.allowance()
            if not self._open:
                limit = min(limit, FIRST_DIALS)
            elif self._context.loop.time() < self._pause_until:
                return
            if self._trouble:
                limit = 1
            if self._open + self._dialing >= limit:
                if self._idle:
                    # Only an attempt that wants a new connection waits beside idle ones: make room for it.
                    self._idle.pop(0).abort()
                return
            if not sockets.reserve():
                sockets.hungry[self] = None
                return
            deadline = self._queue[self._dialing].deadline
            self._dialing += 1
            task = self._context.loop.create_task(self._context.dialer.dial(self._target, deadline, self._connection))
            self._dials.add(task)
            task.add_done_callback(self._dialed)

    def _connection(self) -> Connection:
        return self._connect(self, self._context.permit, self._context.settlements)

    def _dialed(self, dial: asyncio.Task[Connection]) -> None:
        self._dials.discard(dial)
        self._dialing -= 1
        error = None if dial.cancelled() else dial.exception()
        if error is None and not dial.cancelled() and dial.result().usable():
            self._opened(dial.result())
        else:
            self._context.sockets.release()
            match error:
                case NotAllowed():
                    self._end_all(Refused(str(error)))
                case OSError():
                    self._unreachable(reason_of(error))
                case None:
                    self._unreachable("connection closed before an answer")
                case _:
                    self._unreachable("internal error")
                    self._context.loop.call_exception_handler({"message": "dialing failed", "exception": error})
        self.grow()
        self.drop_if_empty()

    def _opened(self, connection: Connection) -> None:
        self._open += 1
        connection.owned = True
        self._context.sockets.open.add(connection)
        self._unreached = 0
        self.free(connection)

    def _unreachable(self, reason: str) -> None:
        if self._open > len(self._idle):  # Those at work will come for what is queued.
            self._pause_until = self._context.loop.time() + PAUSE_S
            return
        self._unreached += 1
        if self._queue:
            self._settle(self._queue.popleft(), RetryLater(reason))
        if self._unreached >= UNREACHED_MAX or self._trouble:
            self._sicken(reason)

    def _sicken(self, reason: str) -> None:
        self._trouble = reason
        self._sick_until = self._context.loop.time() + self._context.sick_s
        self._end_all(RetryLater(reason))
        self.due = self._sick_until + SICK_FORGET_S

    def _end_all(self, outcome: Outcome) -> None:
        queue = self._queue
        while queue:
            self._settle(queue.popleft(), outcome)

    # Time, and the end.

    def expire(self, now: float) -> None:
        """Settle what waited longer than its time-out; forget a host that was sick long ago."""
        waiting, self._queue = self._queue, deque()
        for attempt in waiting:
            if attempt.deadline > now:
                self._queue.append(attempt)
            elif self._dialing and not self._open:
                self._settle(attempt, RetryLater(f"no connection within {attempt.outgoing.timeout_s:g} s"))
            else:
                # It never had its turn, so this was no attempt.
                self._settle(attempt, Busy(BUSY_S))
        self.due = min((attempt.deadline for attempt in self._queue), default=float("inf"))
        if self._trouble:
            if now >= self._sick_until + SICK_FORGET_S:
                self._trouble = ""
            else:
                self.due = min(self.due, self._sick_until + SICK_FORGET_S)
        self.drop_if_empty()

    def drop_if_empty(self) -> None:
        if not (self._open or self._dialing or self._queue or self._trouble):
            self._context.sockets.hungry.pop(self, None)
            self._drop()

    def stop(self) -> None:
        """Start nothing more and settle what is queued; what was started goes on."""
        self._stopping = True
        self._end_all(RetryLater("stopping"))
        for dial in self._dials:
            dial.cancel()
