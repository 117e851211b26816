"""The JSON of texts that applications send: signs, templates, and how the ways out, the callbacks and the figures are.

Called by the actions of this dialect. As in `shapes`, docstrings and descriptions are the API's own reference text.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from tidings.dialects.native.shapes import Page
from tidings.dialects.native.shapes_optouts import AppId, TypeName

ReachName = Annotated[
    Literal["mainland", "global", "both"],
    Meta(description="for which numbers: mainland China's, all others, or both"),
]
ReviewName = Annotated[
    Literal["usable", "waiting", "later", "refused"],
    Meta(description="whether it may be used; waiting: for an operator's decision"),
]
Remark = Annotated[str, Meta(max_length=500, description="for whoever decides on it")]
SignContent = Annotated[str, Meta(min_length=1, max_length=30, description="without brackets")]
TemplateContent = Annotated[
    str, Meta(min_length=1, max_length=500, description="with places `{1}`, `{2}`… without gaps")
]
TemplateName = Annotated[str, Meta(min_length=1, max_length=100)]


class SmsSign(Struct):
    """Whose name stands before a text."""

    id: int
    content: str
    reach: ReachName
    review: ReviewName
    remark: str
    review_reply: Annotated[str, Meta(description="what whoever decided said of it")]
    created_at: datetime


class NewSmsSign(Struct, forbid_unknown_fields=True):
    """A sign to add."""

    content: SignContent
    reach: ReachName = "both"
    remark: Remark = ""


class SmsSignChange(Struct, forbid_unknown_fields=True):
    """What to change about a sign. What is left out stays."""

    content: SignContent | UnsetType = UNSET
    remark: Remark | UnsetType = UNSET


class SmsTemplate(Struct):
    """A text with places, which says what type its texts are."""

    id: int
    name: str
    content: str
    type: TypeName
    reach: ReachName
    review: ReviewName
    remark: str
    review_reply: Annotated[str, Meta(description="what whoever decided said of it")]
    created_at: datetime


class NewSmsTemplate(Struct, forbid_unknown_fields=True):
    """A template to add. A marketing text has to say how to get no more."""

    name: TemplateName
    content: TemplateContent
    type: TypeName
    reach: ReachName = "both"
    remark: Remark = ""


class SmsTemplateChange(Struct, forbid_unknown_fields=True):
    """What to change about a template. What is left out stays."""

    name: TemplateName | UnsetType = UNSET
    content: TemplateContent | UnsetType = UNSET
    type: TypeName | UnsetType = UNSET
    remark: Remark | UnsetType = UNSET


class ReviewDecision(Struct, forbid_unknown_fields=True):
    """An operator's decision on a sign or template."""

    decision: Literal["approve", "refuse"]
    reply: Annotated[str, Meta(max_length=500, description="shown as `review_reply`")] = ""


class SmsTransport(Struct):
    """A connection to an SMS center."""

    name: str
    is_up: bool
    problem: Annotated[str, Meta(description="why it is not up; empty when it is")]


class SmsCallback(Struct):
    """An address of an application that is told something."""

    app_id: str
    name: Annotated[Literal["status", "replies", "consent"], Meta(description="what it is told")]
    url: Annotated[str, Meta(description="a password within it is shown as `****`")]
    problem: Annotated[str, Meta(description="why the last request failed; empty when it did not")]
    failures: Annotated[int, Meta(description="in a row")]
    waiting_since: Annotated[datetime | None, Meta(description="of the oldest that was not told yet; null: nothing")]


class SmsCounts(Struct, kw_only=True):
    """What was counted of an application's texts of a type in an hour."""

    hour: Annotated[datetime, Meta(description="its beginning")]
    app_id: AppId
    type: TypeName
    requested: int = 0
    accepted: int = 0
    parts: Annotated[int, Meta(description="of accepted ones")] = 0
    invalid_number: int = 0
    limited: Annotated[int, Meta(description="refused by a frequency limit")] = 0
    blocked: Annotated[int, Meta(description="by an opt-out, at acceptance or later")] = 0
    delivered: int = 0
    failed: int = 0
    unreachable: Annotated[int, Meta(description="of failed ones: the phone was off or away")] = 0
    converted: Annotated[int, Meta(description="of which the sender said that they did what they were for")] = 0


class SmsSignPage(Page[SmsSign]):
    """One page of signs."""


class SmsTemplatePage(Page[SmsTemplate]):
    """One page of templates."""


class SmsTransportPage(Page[SmsTransport]):
    """All connections to SMS centers."""


class SmsCallbackPage(Page[SmsCallback]):
    """The account's callbacks."""


class SmsCountsPage(Page[SmsCounts]):
    """One page of counts."""
