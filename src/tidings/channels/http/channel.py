"""The http and https channel: the `Channel` port, the lanes by host, and one coarse clock for all time-outs.

Called by `delivery`, settles through the callback it is handed. Every `settle` comes from a callback of its own (see
`answer.Settlements`), so `send` may be called from inside `settle` to any depth of queue. It renders nothing, decides nothing about
consent but asks the permit before each write, and decides nothing about when to try again.

Sources: SNS developer guide, message delivery to HTTP/S endpoints; RFC 9110, RFC 9112.
"""

from __future__ import annotations

import asyncio
import ssl
from functools import cache

from tidings.channels.http.answer import Settlements
from tidings.channels.http.answer_classifier import ClassifiedConnection
from tidings.channels.http.connection import Connection
from tidings.channels.http.dial import Dialer
from tidings.channels.http.lane import Lane, LaneContext
from tidings.channels.http.request import Attempt, ClassifiedAttempt, PutBack, as_it_is, asking, plan
from tidings.channels.http.resolve import Lookup, Resolver, system_lookup
from tidings.channels.http.sockets import Sockets
from tidings.domain.envelope import HttpContent, HttpQuery, Outgoing, Permit
from tidings.domain.outcomes import Refused, RetryLater
from tidings.domain.ports import AnswerClassifier, Settle
from tidings.wire.egress import EgressPolicy

SWEEP_S = 0.1
"""Time-outs are looked at this often, all together: so an attempt costs no timer. It is also their precision."""

_CLASSIFIED = "classified "
"""Before the origin of lanes whose answers are classified by their bodies."""


@cache
def _verifying() -> ssl.SSLContext:
    """One for all channels: reading the system's certificates takes 25 ms and some megabytes."""
    return ssl.create_default_context()


class HttpChannel:
    """POSTs `HttpContent` to endpoints. One per process and event loop."""

    protocols = frozenset({"http", "https"})

    def __init__(
        self,
        permit: Permit,
        policy: EgressPolicy,
        *,
        connections_per_host: int = 32,
        queue_per_host: int = 2000,
        sockets_max: int = 1000,
        idle_s: float = 30.0,
        sick_s: float = 5.0,
        resolve_ttl_s: float = 30.0,
        tls_context: ssl.SSLContext | None = None,
        lookup: Lookup = system_lookup,
        put_back: PutBack = as_it_is,
    ) -> None:
        """idle_s: how long a connection is kept without work. sick_s: how long a host that fails again and again is left
        alone before the next probe. lookup: name to addresses, blocking, called in a thread.
        put_back: makes an endpoint with its password of what is stored; called only for an endpoint that has a user.
        """
        self._permit = permit
        self._put_back = put_back
        self._queue_per_host = queue_per_host
        self._idle_s = idle_s
        self._sick_s = sick_s
        self._sockets = Sockets(sockets_max, connections_per_host)
        self._resolver = Resolver(resolve_ttl_s, lookup)
        self._dialer = Dialer(policy, self._resolver, tls_context or _verifying())
        self._lanes: dict[str, Lane] = {}
        self._context: LaneContext | None = None  # made at the first use, when there is a loop
        self._sweeper: asyncio.TimerHandle | None = None
        self._stopping = False

    def send(self, outgoing: Outgoing, settle: Settle, classify: AnswerClassifier | None = None) -> None:
        """Start or queue one attempt. The deadline of `outgoing.timeout_s` runs from now. With a classifier, it is the answer's body
        that decides."""
        context = self._context or self._open_context()
        loop = context.loop
        content = outgoing.content
        try:
            ready = plan(outgoing.endpoint, outgoing.subscriber.settings, self._put_back)
        except ValueError as error:
            context.settlements.add(Attempt(outgoing, settle, b"", 0.0), Refused(f"endpoint: {error}"))
            return
        deadline = loop.time() + outgoing.timeout_s
        if classify is None:
            attempt, origin = Attempt(outgoing, settle, ready.prefix, deadline), ready.origin
        else:
            prefix = asking(ready.prefix, content) if isinstance(content, HttpQuery) else ready.prefix
            attempt = ClassifiedAttempt(outgoing, settle, prefix, deadline, classify)
            origin = _CLASSIFIED + ready.origin
        if self._stopping:
            context.settlements.add(attempt, RetryLater("stopping"))
        elif not isinstance(content, HttpContent):
            context.settlements.add(attempt, Refused("the message has no HTTP form"))
        else:
            lane = self._lanes.get(origin)
            if lane is None:
                connect = Connection if classify is None else ClassifiedConnection
                lane = self._lanes[origin] = Lane(ready.target, context, lambda: self._drop(origin), connect)
                if self._sweeper is None:
                    self._sweeper = loop.call_later(SWEEP_S, self._sweep)
            lane.take(attempt)

    @property
    def hosts(self) -> int:
        """Hosts something is held for: queued, being sent, kept open, or known to be sick."""
        return len(self._lanes)

    async def close(self) -> None:
        """Settle what was not started as RetryLater, wait for what was, at most until its deadline, and close every socket."""
        self._stopping = True
        context = self._context
        if context is not None:
            for lane in list(self._lanes.values()):
                lane.stop()
            for connection in list(self._sockets.open):
                connection.abort_if_settled()
            await self._sockets.wait_empty()
            await context.settlements.wait_empty()
            self._lanes.clear()  # What is left are hosts that were sick.
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        self._resolver.close()

    def _open_context(self) -> LaneContext:
        loop = asyncio.get_running_loop()
        settlements = Settlements(loop)
        self._context = LaneContext(
            loop,
            self._permit,
            settlements,
            self._sockets,
            self._dialer,
            self._queue_per_host,
            self._idle_s,
            self._sick_s,
        )
        return self._context

    def _drop(self, origin: str) -> None:
        self._lanes.pop(origin, None)

    def _sweep(self) -> None:
        """Look at every deadline: at most `sockets_max` connections, and the lanes, which keep their earliest one."""
        assert self._context is not None
        now = self._context.loop.time()
        for connection in list(self._sockets.open):
            if connection.deadline <= now:
                connection.expire()
        for lane in list(self._lanes.values()):
            if lane.due <= now:
                lane.expire(now)
        self._sweeper = self._context.loop.call_later(SWEEP_S, self._sweep) if self._lanes else None
