"""Rows of texts that applications send -> the JSON shapes of this API. Pure; called by the actions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Literal, Protocol

from tidings.dialects.native import shapes_texts as shapes
from tidings.dialects.native.names import shown_endpoint
from tidings.dialects.native.views_optouts import type_name
from tidings.domain.model import AccountId
from tidings.domain.optout import SmsType
from tidings.domain.texts import Reach, Review, SmsSign, SmsTemplate, TextTally

_REACHES: Mapping[Reach, Literal["mainland", "global", "both"]] = {
    Reach.MAINLAND: "mainland",
    Reach.GLOBAL: "global",
    Reach.BOTH: "both",
}
_REVIEWS: Mapping[Review, Literal["usable", "waiting", "later", "refused"]] = {
    Review.USABLE: "usable",
    Review.WAITING: "waiting",
    Review.LATER: "later",
    Review.REFUSED: "refused",
}
_CALLBACKS: Mapping[str, Literal["status", "replies", "consent"]] = {
    "status": "status",
    "replies": "replies",
    "consent": "consent",
}
CountsKey = tuple[datetime, str, SmsType]
"""Hour, application, type: what a row of counts is about, and its place in the list."""


class TransportStatus(Protocol):
    """How a connection to an SMSC is."""

    @property
    def name(self) -> str: ...
    @property
    def is_up(self) -> bool: ...
    @property
    def problem(self) -> str: ...


class CallbackStatus(Protocol):
    """How a callback of an application is."""

    @property
    def account_id(self) -> AccountId: ...
    @property
    def app_id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def url(self) -> str: ...
    @property
    def problem(self) -> str: ...
    @property
    def failures(self) -> int: ...
    @property
    def waiting_since(self) -> datetime | None: ...


def read_reach(name: str) -> Reach:
    """One of the names that a shape has let in."""
    return Reach[name.upper()]


def sign(row: SmsSign) -> shapes.SmsSign:
    return shapes.SmsSign(
        row.id,
        row.content,
        _REACHES[row.reach],
        _REVIEWS[row.review],
        row.remark,
        row.review_reply,
        row.created_at,
    )


def template(row: SmsTemplate) -> shapes.SmsTemplate:
    return shapes.SmsTemplate(
        row.id,
        row.name,
        row.content,
        type_name(row.sms_type),
        _REACHES[row.reach],
        _REVIEWS[row.review],
        row.remark,
        row.review_reply,
        row.created_at,
    )


def transport(row: TransportStatus) -> shapes.SmsTransport:
    return shapes.SmsTransport(row.name, row.is_up, row.problem)


def callback(row: CallbackStatus) -> shapes.SmsCallback:
    return shapes.SmsCallback(
        row.app_id, _CALLBACKS[row.name], shown_endpoint(row.url), row.problem, row.failures, row.waiting_since
    )


def counts(tallies: Iterable[TextTally]) -> list[tuple[CountsKey, shapes.SmsCounts]]:
    """A row for every hour, application and type of which anything was counted, in this order."""
    found: dict[CountsKey, shapes.SmsCounts] = {}
    for tally in tallies:
        key = tally.hour, tally.app_id, tally.sms_type
        row = found.get(key)
        if row is None:
            row = shapes.SmsCounts(hour=tally.hour, app_id=tally.app_id, type=type_name(tally.sms_type))
            found[key] = row
        setattr(row, tally.what.value.replace("-", "_"), tally.count)
    return sorted(found.items(), key=lambda item: item[0])
