"""The people who are opted out: find them, opt out, lift, and ask why a text would not go out. Called by the router.

Lifting somebody's opt-out is the dangerous act: it has a permission of its own, and takes a reason as opting out does.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from tidings.dialects.contract import WireResponse
from tidings.dialects.native import codec, views_optouts
from tidings.dialects.native import shapes_optouts as shapes
from tidings.dialects.native.routing import Call, Nothing, operation
from tidings.dialects.native.topics import After, Limit
from tidings.domain.errors import InvalidValue, NotFound
from tidings.domain.grants import Verb
from tidings.domain.optout import TOPICS_APP, OptOut, OptOutQuery
from tidings.services.texting.texting import Texting

_POSITION = re.compile(r"([0-9]{1,17})\.([0-9]{1,9})\Z", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class OptOutsQuery(Struct):
    address: (
        Annotated[str, Meta(description="only at this inbound address; `*` for the account-wide ones")] | UnsetType
    ) = UNSET
    phone: Annotated[str, Meta(description="only this phone, E.164")] | UnsetType = UNSET
    since: Annotated[datetime, Meta(tz=True, description="opted out at or after this time")] | UnsetType = UNSET
    until: Annotated[datetime, Meta(tz=True, description="opted out before this time")] | UnsetType = UNSET
    limit: Limit = 100
    after: After = ""


class CheckQuery(Struct):
    phone: Annotated[str, Meta(description="whom the text would go to, E.164")]
    app_id: Annotated[str, Meta(description="the application in whose name")] = TOPICS_APP
    type: Annotated[shapes.TypeName, Meta(description="what the text would be")] = "notification"


class OptOutActions:
    GROUP = "opt-outs"

    def __init__(self, texting: Texting) -> None:
        self._texting = texting

    @operation("GET", "/opt-outs", Verb.READ_OPT_OUTS, shapes.OptOutPage)
    async def list_opt_outs(self, call: Call, query: OptOutsQuery, _: Nothing) -> WireResponse:
        """Who is opted out now, since when, why, and what that blocks; the longest first."""
        wanted = OptOutQuery(
            call.grant.owner,
            addresses=(query.address,) if query.address else (),
            phones=(query.phone,) if query.phone else (),
            since=utc("since", query.since) if query.since else None,
            until=utc("until", query.until) if query.until else None,
            limit=query.limit + 1,
        )
        since, skipped = _read_position(query.after)
        if since is not None:
            wanted = replace(wanted, since=since, offset=skipped)
        rows, _total = await self._texting.opt_outs.page(call.grant, wanted)
        rules = await self._texting.rules.all(call.grant)
        following = _position(rows[: query.limit], since, skipped)
        return codec.page(
            "opt-outs", rows, query.limit, lambda _row: following, lambda row: views_optouts.opt_out(row, rules)
        )

    @operation("POST", "/opt-outs", Verb.MANAGE_OPT_OUTS, shapes.OptedOut, refusals=(404, 409))
    async def opt_out(self, call: Call, _: Nothing, body: shapes.NewOptOut) -> WireResponse:
        """Opt a phone out. Once answered, nothing that this covers is sent any more. Safe to repeat."""
        changed = await self._texting.opt_outs.opt_out(
            call.grant, body.address, body.phone, reason=body.reason, origin=call.origin
        )
        rows, _total = await self._texting.opt_outs.page(
            call.grant, OptOutQuery(call.grant.owner, addresses=(body.address,), phones=(body.phone,), limit=1)
        )
        if not rows:  # somebody lifted it in this very moment
            raise NotFound("opt-out", body.phone)
        rules = await self._texting.rules.all(call.grant)
        return codec.answer(shapes.OptedOut(views_optouts.opt_out(rows[0], rules), changed))

    @operation(
        "POST",
        "/opt-outs/lift",
        Verb.LIFT_OPT_OUTS,
        shapes.Lifted,
        name="liftOptOut",
        refusals=(404, 409),
    )
    async def lift(self, call: Call, _: Nothing, body: shapes.Lift) -> WireResponse:
        """Lift a phone's opt-out. Refused within 30 days of the person's own STOP unless forced. Safe to repeat."""
        changed = await self._texting.opt_outs.opt_in(
            call.grant, body.address, body.phone, reason=body.reason, origin=call.origin, forced=body.forced
        )
        return codec.answer(shapes.Lifted(changed))

    @operation("GET", "/opt-outs/check", Verb.READ_OPT_OUTS, shapes.Check, name="checkPhone", refusals=(404,))
    async def check(self, call: Call, query: CheckQuery, _: Nothing) -> WireResponse:
        """Whether a text would go out to a phone, and everything that keeps it."""
        sms_type = views_optouts.read_type(query.type)
        found = await self._texting.opt_outs.why(call.grant, query.phone, query.app_id, sms_type)
        return codec.answer(views_optouts.check(found, await self._texting.rules.all(call.grant)))


def _position(shown: Sequence[OptOut], since: datetime | None, skipped: int) -> str:
    """Where a list goes on: the last time shown, and how many of that time have been shown.

    A plain offset would make a long list slower page by page, and skip somebody whenever an earlier one was lifted.
    """
    if not shown:
        return ""
    last = shown[-1].since
    alike = sum(1 for row in shown if row.since == last) + (skipped if last == since else 0)
    return f"{(last - _EPOCH) // _MICROSECOND}.{alike}"


def _read_position(after: str) -> tuple[datetime | None, int]:
    if not after:
        return None, 0
    found = _POSITION.match(codec.read_cursor("opt-outs", after))
    if found is None:
        raise InvalidValue("after", "not a cursor of this list", after)
    try:
        return _EPOCH + int(found[1]) * _MICROSECOND, int(found[2])
    except OverflowError as error:
        raise InvalidValue("after", "not a cursor of this list", after) from error


def utc(name: str, time: datetime) -> datetime:
    """A time of a query. Raises InvalidValue for one at the edge of the calendar."""
    try:
        return time.astimezone(UTC)
    except OverflowError as error:
        raise InvalidValue(name, "out of range") from error
