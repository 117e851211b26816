"""Developer mode: forget everything, read the outbox, reply as a phone, opt a number out, move the clock.

Called by the router when `wiring` handed tools in.

These operations need no credentials: the mode is for tests on one machine, and a test suite that takes Tidings for a cloud
has none of its own. Outside developer mode they do not exist.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from tidings.access.authorize import authorize
from tidings.dialects.contract import WireRequest, WireResponse
from tidings.dialects.native import codec, shapes, shapes_optouts, views_optouts
from tidings.dialects.native.errors import Refusal
from tidings.dialects.native.optouts import utc
from tidings.dialects.native.routing import Call, Nothing, operation
from tidings.dialects.native.topics import Limit
from tidings.domain.errors import InvalidValue
from tidings.domain.grants import From, Verb
from tidings.domain.model import AccountId, Origin, Principal, Role, Way
from tidings.domain.optout import ACCOUNT_WIDE, IncomingText
from tidings.domain.ports import Clock
from tidings.services.texting.texting import Texting
from tidings.wire.hosts import is_at_home

DEV_ACCOUNT_ID = "000000000000"
"""Developer mode's account, unless it was given another."""

LATEST = datetime(2200, 1, 1, tzinfo=UTC)
"""The clock goes no further: far beyond lie the ends of calendars, certificates and integers."""


@dataclass(frozen=True, slots=True)
class DevTools:
    """What developer mode can do, as functions.

    reset: forget topics, subscriptions, messages and outbox; keep what was provisioned. outbox: the newest `limit` captured
    mails and texts of (channel, to, limit, after, before), oldest of them first; None means any. Each has at least `channel` and `to`, and
    is JSON by msgspec. clear: empty the outbox. advance: move the clock forward by seconds. account_id: whose numbers are
    opted out. hosts: names besides this machine's own under which the tools may be called.
    """

    reset: Callable[[], Awaitable[None]]
    outbox: Callable[[str | None, str | None, int, int, int | None], Sequence[Mapping[str, object]]]
    clear: Callable[[], None]
    advance: Callable[[float], None]
    account_id: AccountId
    hosts: frozenset[str] = frozenset()


class OutboxQuery(Struct):
    channel: Annotated[str, Meta(pattern="^[a-z-]{1,20}$", description="only this one: email, sms")] | UnsetType = UNSET
    to: Annotated[str, Meta(description="only to exactly this address or number")] | UnsetType = UNSET
    limit: Limit = 100
    before: Annotated[int, Meta(ge=1, description="only older than the entry of this id")] | UnsetType = UNSET


def check_caller(tools: DevTools, request: WireRequest) -> None:
    """These operations ask for no credentials, so a page of a stranger must not reach them: neither under a name of its own that
    leads here (DNS rebinding) nor by a request across origins. Raises Refusal (403)."""
    headers = request.headers
    hosts = [request.host, headers.get("host", request.host)]
    if not is_at_home(hosts, tools.hosts):
        raise Refusal(
            403, "Developer mode's tools are for this machine: call them by localhost, or see TIDINGS_DEV_PUBLIC."
        )
    if headers.get("sec-fetch-site", "none") == "cross-site":
        raise Refusal(403, "Other sites' pages have no business with developer mode's tools.")
    origin = headers.get("origin")
    is_foreign = origin is not None and not is_at_home([origin.partition("://")[2]], tools.hosts)
    if is_foreign and request.method != "GET":
        raise Refusal(403, "Other sites' pages have no business with developer mode's tools.")


class DevActions:
    GROUP = "developer mode"

    def __init__(self, tools: DevTools, texting: Texting, clock: Clock) -> None:
        self._tools = tools
        self._texting = texting
        self._clock = clock

    @operation("POST", "/dev/reset", None, None, status=204)
    async def reset(self, _call: Call, _: Nothing, __: Nothing) -> WireResponse:
        """Forget topics, subscriptions, messages, opt-outs, ledger and outbox; keep what was provisioned."""
        await self._tools.reset()
        return codec.nothing()

    @operation("GET", "/dev/outbox", None, shapes.Outbox, name="listOutbox")
    async def outbox(self, _call: Call, query: OutboxQuery, _: Nothing) -> WireResponse:
        """The newest captured mails and texts, newest last."""
        before = None if query.before is UNSET else query.before
        items = self._tools.outbox(query.channel or None, query.to or None, query.limit, 0, before)
        return codec.answer({"items": list(items)})

    @operation("DELETE", "/dev/outbox", None, None, name="clearOutbox", status=204)
    async def clear(self, _call: Call, _: Nothing, __: Nothing) -> WireResponse:
        """Empty the outbox."""
        self._tools.clear()
        return codec.nothing()

    @operation("POST", "/dev/clock", None, shapes.ClockTime, name="advanceClock")
    async def advance(self, _call: Call, _: Nothing, body: shapes.ClockStep) -> WireResponse:
        """Move the server's clock forward, so that expiry can be tested without waiting."""
        if self._clock.now() + timedelta(seconds=body.advance_s) > LATEST:
            raise InvalidValue("advance_s", f"the clock goes up to {LATEST:%Y}")
        self._tools.advance(body.advance_s)
        return codec.answer(shapes.ClockTime(self._clock.now()))

    @operation("POST", "/dev/replies", None, shapes_optouts.InboundText, refusals=(404,))
    async def reply(self, call: Call, _: Nothing, body: shapes_optouts.ReplyTextIn) -> WireResponse:
        """Act as an incoming text; answers what it came to."""
        text = IncomingText(
            body.address,
            body.phone,
            body.text,
            transport_id=body.transport_id or "",
            sent_at=utc("sent_at", body.sent_at) if body.sent_at else None,
        )
        try:
            received = await self._texting.inbound.receive(text, _origin(call, Way.KEYWORD))
        except InvalidValue as error:
            raise _named(error, "from") from error
        return codec.answer(views_optouts.received(received))

    @operation("POST", "/dev/opt-outs", None, None, name="optOutNumber", status=204, refusals=(404,))
    async def opt_out(self, call: Call, _: Nothing, body: shapes_optouts.DevOptOut) -> WireResponse:
        """Opt a number out of everything of developer mode's account. Safe to repeat."""
        principal = Principal(self._tools.account_id, "developer", Role.OWNER)
        origin = _origin(call, Way.API)
        grant = authorize(
            principal,
            Verb.MANAGE_OPT_OUTS,
            owner=principal.account_id,
            resource=body.phone,
            source=From(origin),
            action="optOutNumber",
        )
        try:
            await self._texting.opt_outs.opt_out(
                grant, ACCOUNT_WIDE, body.phone, reason="asked for in developer mode", origin=origin
            )
        except InvalidValue as error:
            raise _named(error, "phoneNumber") from error
        return codec.nothing()


def _origin(call: Call, way: Way) -> Origin:
    return Origin(way, remote_address=call.request.remote, request_id=call.request.request_id, via="developer")


def _named(error: InvalidValue, member: str) -> InvalidValue:
    """The service's error about a phone, by the name that the phone has in the body."""
    return InvalidValue(member, error.reason, error.value) if error.field == "phone" else error
