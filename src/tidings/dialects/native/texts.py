"""How texts are doing: the connections to SMS centers, the applications' callbacks, and what was counted. Called by the router.

Connections are the whole server's; callbacks and counts the caller's account's. Nothing is changed here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from tidings.dialects.contract import WireResponse
from tidings.dialects.native import codec, views_texts
from tidings.dialects.native import shapes_texts as shapes
from tidings.dialects.native.optouts import utc
from tidings.dialects.native.routing import Call, Nothing, operation
from tidings.dialects.native.shapes import Page
from tidings.dialects.native.topics import After, Limit
from tidings.domain.errors import InvalidValue
from tidings.domain.grants import Verb
from tidings.domain.optout import TOPICS_APP, SmsType
from tidings.domain.ports import Clock
from tidings.services.texting.text_catalog import TextCatalog
from tidings.services.texting.texts import Texts

HOUR = timedelta(hours=1)
COUNTED = 24 * HOUR
"""What is shown when nobody says since when."""
COUNTED_MAX = timedelta(days=31)


@dataclass(frozen=True, slots=True)
class TextServices:
    """What this API needs of texts. `transports`, `callbacks`: how the connections to SMSCs and the callbacks of all accounts are now."""

    texts: Texts
    catalog: TextCatalog
    transports: Callable[[], Sequence[views_texts.TransportStatus]]
    callbacks: Callable[[], Sequence[views_texts.CallbackStatus]]


class CountsQuery(Struct):
    since: (
        Annotated[
            datetime,
            Meta(tz=True, description="hours that begin at or after this time; if left out, the 24 before `until`"),
        ]
        | UnsetType
    ) = UNSET
    until: (
        Annotated[
            datetime,
            Meta(
                tz=True, description="hours that begin before this time, at most 31 days after `since`; all if left out"
            ),
        ]
        | UnsetType
    ) = UNSET
    app_id: Annotated[str, Meta(description="only this application; `topics` for texts of topics")] | UnsetType = UNSET
    limit: Limit = 100
    after: After = ""


class TextActions:
    GROUP = "texts"

    def __init__(self, services: TextServices, clock: Clock) -> None:
        self._services = services
        self._clock = clock

    @operation("GET", "/sms-transports", Verb.READ_OPT_OUTS, shapes.SmsTransportPage, name="listSmsTransports")
    async def list_transports(self, _call: Call, _: Nothing, __: Nothing) -> WireResponse:
        """How the connections to SMS centers are; an HTTP gateway and the outbox have none."""
        return codec.answer(Page([views_texts.transport(row) for row in self._services.transports()], None))

    @operation("GET", "/sms-callbacks", Verb.READ_OPT_OUTS, shapes.SmsCallbackPage, name="listSmsCallbacks")
    async def list_callbacks(self, call: Call, _: Nothing, __: Nothing) -> WireResponse:
        """How the addresses are that applications have their reports, replies and changes of consent sent to."""
        own = [row for row in self._services.callbacks() if row.account_id == call.grant.owner]
        return codec.answer(Page([views_texts.callback(row) for row in own], None))

    @operation("GET", "/sms-counts", Verb.LIST, shapes.SmsCountsPage, name="listSmsCounts", refusals=(404,))
    async def list_counts(self, call: Call, query: CountsQuery, _: Nothing) -> WireResponse:
        """How many texts were asked for, sent, blocked and delivered: by hour, application and type, oldest first."""
        since, until = self._span(query)
        after = _read_place(query.after)
        if after is not None:
            since = max(since, after[0])
        # The service knows no application of topics: nobody sends by that name. Its counts are there all the same.
        app_id = query.app_id if query.app_id and query.app_id != TOPICS_APP else None
        found = await self._services.texts.tallies(call.grant, app_id, since, until)
        if query.app_id:
            found = [tally for tally in found if tally.app_id == query.app_id]
        rows = [row for row in views_texts.counts(found) if after is None or row[0] > after]
        return codec.page("sms-counts", rows, query.limit, lambda row: _place(row[0]), lambda row: row[1])

    def _span(self, query: CountsQuery) -> tuple[datetime, datetime]:
        until = utc("until", query.until) if query.until else self._clock.now() + HOUR  # with the one that runs
        try:
            since = utc("since", query.since) if query.since else until - COUNTED
        except OverflowError as error:
            raise InvalidValue("until", "out of range") from error
        if until - since > COUNTED_MAX:
            raise InvalidValue("since", f"more than {COUNTED_MAX.days} days before until")
        return since, until


def _place(key: views_texts.CountsKey) -> str:
    hour, app_id, sms_type = key
    return f"{hour.isoformat()}|{app_id}|{sms_type.value}"


def _read_place(after: str) -> views_texts.CountsKey | None:
    if not after:
        return None
    try:
        hour, app_id, number = codec.read_cursor("sms-counts", after).split("|")
        return utc("after", datetime.fromisoformat(hour)), app_id, SmsType(int(number))
    except ValueError as error:
        raise InvalidValue("after", "not a cursor of this list", after) from error
