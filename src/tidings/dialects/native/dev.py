"""Developer mode: forget everything, read the outbox, move the clock. Called by the router when `wiring` handed tools in.

These operations need no credentials: the mode is for tests on one machine, and a test suite that takes Tidings for a cloud
has none of its own. Outside developer mode they do not exist.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from tidings.dialects.contract import WireResponse
from tidings.dialects.native import codec, shapes
from tidings.dialects.native.routing import AnyOperation, Call, Nothing, Operation
from tidings.dialects.native.topics import Limit
from tidings.domain.errors import InvalidValue
from tidings.domain.ports import Clock

LATEST = datetime(2200, 1, 1, tzinfo=UTC)
"""The clock goes no further: far beyond lie the ends of calendars, certificates and integers."""


@dataclass(frozen=True, slots=True)
class DevTools:
    """What developer mode can do, as functions.

    reset: forget topics, subscriptions, messages and outbox; keep what was provisioned. outbox: the newest `limit` captured
    mails and texts of (channel, to, limit), oldest of them first; None means any. Each has at least `channel` and `to`, and
    is JSON by msgspec. clear: empty the outbox. advance: move the clock forward by seconds.
    """

    reset: Callable[[], Awaitable[None]]
    outbox: Callable[[str | None, str | None, int], Sequence[Mapping[str, object]]]
    clear: Callable[[], None]
    advance: Callable[[float], None]


class OutboxQuery(Struct):
    channel: Annotated[str, Meta(pattern="^[a-z-]{1,20}$", description="only this one: email, sms")] | UnsetType = UNSET
    to: Annotated[str, Meta(description="only to exactly this address or number")] | UnsetType = UNSET
    limit: Limit = 100


class DevActions:
    def __init__(self, tools: DevTools, clock: Clock) -> None:
        self._tools = tools
        self._clock = clock

    def operations(self) -> tuple[AnyOperation, ...]:
        group = "developer mode"
        return (
            Operation(
                "POST",
                "/dev/reset",
                "reset",
                group,
                "Forget topics, subscriptions, messages, ledger and outbox; keep accounts, users and keys",
                None,
                self.reset,
                Nothing,
                Nothing,
                None,
                status=204,
            ),
            Operation(
                "GET",
                "/dev/outbox",
                "listOutbox",
                group,
                "The newest captured mails and texts, newest last",
                None,
                self.outbox,
                OutboxQuery,
                Nothing,
                shapes.Outbox,
            ),
            Operation(
                "DELETE",
                "/dev/outbox",
                "clearOutbox",
                group,
                "Empty the outbox",
                None,
                self.clear,
                Nothing,
                Nothing,
                None,
                status=204,
            ),
            Operation(
                "POST",
                "/dev/clock",
                "advanceClock",
                group,
                "Move the server's clock forward, so that expiry can be tested without waiting",
                None,
                self.advance,
                Nothing,
                shapes.ClockStep,
                shapes.ClockTime,
            ),
        )

    async def reset(self, _call: Call, _: Nothing, __: Nothing) -> WireResponse:
        await self._tools.reset()
        return codec.nothing()

    async def outbox(self, _call: Call, query: OutboxQuery, _: Nothing) -> WireResponse:
        items = self._tools.outbox(query.channel or None, query.to or None, query.limit)
        return codec.answer({"items": list(items)})

    async def clear(self, _call: Call, _: Nothing, __: Nothing) -> WireResponse:
        self._tools.clear()
        return codec.nothing()

    async def advance(self, _call: Call, _: Nothing, body: shapes.ClockStep) -> WireResponse:
        if self._clock.now() + timedelta(seconds=body.advance_s) > LATEST:
            raise InvalidValue("advance_s", f"the clock goes up to {LATEST:%Y}")
        self._tools.advance(body.advance_s)
        return codec.answer(shapes.ClockTime(self._clock.now()))
