"""The JSON of opt-outs by text: inbound addresses, keywords, blocking rules, people, records and reviews.

Called by the actions of this dialect. As in `shapes`, docstrings and descriptions are the API's own reference text.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from tidings.dialects.native.shapes import Page

REPLY_CHARACTERS_MAX = 1600
TEXT_CHARACTERS_MAX = 2000

NUMBER_CHARACTERS_MAX = 64
Phone = Annotated[
    str, Meta(max_length=NUMBER_CHARACTERS_MAX, description="with `+` and the country; blanks and dashes are let be")
]
Address = Annotated[str, Meta(description="the inbound address; `*` stands for the whole account")]
AppId = Annotated[
    str, Meta(description="the SMS application; `topics` is the one in whose name texts of topics are sent")
]
TypeName = Annotated[
    Literal["marketing", "notification", "verification_code"], Meta(description="what a text is: its SMS type")
]
KindName = Annotated[
    Literal["10dlc", "toll-free", "short-code", "long-code"],
    Meta(description="toll-free: the carrier answers STOP itself, so that we do not"),
]
Reason = Annotated[str, Meta(min_length=1, max_length=500, description="why; it is kept in the record")]
StandName = Literal["opted-out", "opted-in"]
RecordEvent = Literal["opted-out", "opted-in", "review", "reviewed"]


class Types(Struct, forbid_unknown_fields=True):
    """Which SMS types an opt-out blocks."""

    types: Annotated[list[TypeName], Meta(min_length=1, max_length=3)]


class BlockingRule(Struct):
    """What an opt-out at an inbound address blocks of an application."""

    address: Address
    app_id: AppId
    types: list[TypeName]


class Blocks(Struct):
    """What an opt-out blocks."""

    app_id: Annotated[str, Meta(description="the SMS application; `*` stands for all of them")]
    types: list[TypeName]


class Keywords(Struct):
    """The words that somebody may text, as they were typed. They are compared without regard to case, width and punctuation."""

    opt_out: list[str]
    opt_in: list[str]
    help: list[str]


class Replies(Struct):
    """What is answered when a word of that set was texted; empty: nothing."""

    opt_out: str
    opt_in: str
    help: str


class Warned(Struct):
    """What lets opt-outs go unheard or without effect. Nobody is kept from sending by it."""

    kind: Literal[
        "address-without-rule",
        "address-without-required-keywords",
        "application-without-rule",
        "application-without-inbound-address",
    ]
    address: Annotated[str, Meta(description="the inbound address that it is about; may be empty")]
    app_id: Annotated[str, Meta(description="the SMS application that it is about; may be empty")]
    text: Annotated[str, Meta(description="the same for people")]


class InboundAddress(Struct):
    """A number on which people's texts arrive."""

    address: str
    kind: Annotated[str, Meta(description="10dlc, toll-free, short-code or long-code")]
    country: Annotated[str, Meta(description="ISO 3166, for short codes; may be empty")]
    description: str
    keywords: Keywords
    replies: Replies
    rules: Annotated[
        list[BlockingRule], Meta(description="an application without a rule is not blocked; `topics` always is")
    ]
    opted_out: Annotated[int, Meta(description="how many phones are opted out here")]
    warnings: Annotated[list[Warned], Meta(description="what is amiss with this address")]
    created_at: datetime


class NewInboundAddress(Struct, forbid_unknown_fields=True):
    """An inbound address to add. It starts with the default keywords, and with a rule of all types for each application named."""

    address: Annotated[str, Meta(min_length=3, max_length=20, description="E.164, or the digits of a short code")]
    kind: KindName
    country: Annotated[str, Meta(pattern="^[A-Z]{2}$", description="ISO 3166; short codes need it")] | UnsetType = UNSET
    description: Annotated[str, Meta(max_length=500)] | UnsetType = UNSET
    app_ids: Annotated[list[AppId], Meta(max_length=100)] | UnsetType = UNSET


class AddressChange(Struct, forbid_unknown_fields=True):
    """What to change about an inbound address."""

    description: Annotated[str, Meta(max_length=500)]


Words = Annotated[list[Annotated[str, Meta(min_length=1, max_length=100)]], Meta(max_length=100)]
Reply = Annotated[str, Meta(max_length=REPLY_CHARACTERS_MAX)]


class KeywordSets(Struct, forbid_unknown_fields=True):
    """The sets to replace, each whole."""

    opt_out: Words | UnsetType = UNSET
    opt_in: Words | UnsetType = UNSET
    help: Words | UnsetType = UNSET


class ReplyTexts(Struct, forbid_unknown_fields=True):
    """The replies to replace; an empty one answers nothing."""

    opt_out: Reply | UnsetType = UNSET
    opt_in: Reply | UnsetType = UNSET
    help: Reply | UnsetType = UNSET


class KeywordChange(Struct, forbid_unknown_fields=True):
    """New keywords and replies. What is left out stays; a word may stand in one set only."""

    keywords: KeywordSets | UnsetType = UNSET
    replies: ReplyTexts | UnsetType = UNSET


class TextToMatch(Struct, forbid_unknown_fields=True):
    """A text to try out."""

    text: Annotated[str, Meta(max_length=TEXT_CHARACTERS_MAX)]


class Meaning(Struct):
    """What a text means."""

    set: Annotated[Literal["opt-out", "opt-in", "help"] | None, Meta(description="null: it is no keyword")]
    keyword: Annotated[str, Meta(description="which one, as it was typed")]
    normalized: Annotated[str, Meta(description="the form in which it was compared")]
    review: Annotated[
        bool, Meta(description="a person might mean to opt out, and it does not count as such: somebody has to decide")
    ]
    rule: Annotated[str, Meta(description="the name of the rule that found it; empty: none did")]


class SmsApplication(Struct):
    """In whose name texts are sent."""

    app_id: str
    sender: Annotated[str, Meta(description="its number or sender id; empty: the transport's own")]
    status_url: Annotated[str, Meta(description="told what became of its texts; empty: nobody is")]
    reply_url: Annotated[str, Meta(description="told what people reply; empty: nobody is")]
    consent_url: Annotated[str, Meta(description="told who opts out and in; empty: nobody is")]
    has_callback_secret: Annotated[bool, Meta(description="whether those calls are signed; the secret is never shown")]
    warnings: Annotated[list[Warned], Meta(description="what is amiss with this application")]
    created_at: datetime


CallbackUrl = Annotated[str, Meta(max_length=500, description="an http or https URL; empty: nobody is told")]


class ApplicationChange(Struct, forbid_unknown_fields=True):
    """What to write about an application. What is left out stays."""

    sender: Annotated[str, Meta(max_length=20, description="empty: the transport's own")] | UnsetType = UNSET
    status_url: CallbackUrl | UnsetType = UNSET
    reply_url: CallbackUrl | UnsetType = UNSET
    consent_url: CallbackUrl | UnsetType = UNSET
    callback_secret: (
        Annotated[str, Meta(max_length=200, description="8 characters or more; empty: the calls are not signed")]
        | UnsetType
    ) = UNSET


class OptOut(Struct):
    """A phone that is opted out at an inbound address."""

    address: Address
    phone: str
    since: datetime
    event_at: Annotated[datetime, Meta(description="when it was said, by the network's clock where that is known")]
    way: Annotated[str, Meta(description="how it came: keyword, api, console, carrier, import …")]
    reason: str
    keyword: str
    raw_text: Annotated[str, Meta(description="what the person wrote")]
    principal: Annotated[str, Meta(description="who called, for what somebody of the account did")]
    blocks: list[Blocks]


class NewOptOut(Struct, forbid_unknown_fields=True):
    """Whom to opt out, where, and why."""

    address: Address
    phone: Phone
    reason: Reason


class Lift(Struct, forbid_unknown_fields=True):
    """Whose opt-out to lift, where, and why."""

    address: Address
    phone: Phone
    reason: Reason
    forced: Annotated[
        bool, Meta(description="also within 30 days of the person's own STOP, which is refused otherwise")
    ] = False


class OptedOut(Struct):
    """What opting out came to."""

    opt_out: OptOut
    changed: Annotated[bool, Meta(description="false: the phone was opted out there before")]


class Lifted(Struct):
    """What lifting came to."""

    changed: Annotated[bool, Meta(description="false: the phone was not opted out there")]


class BlockedBy(Struct):
    """One reason why a text would not go out."""

    opt_out: OptOut
    rule: Annotated[BlockingRule | None, Meta(description="null: account-wide, or a text of topics")]


class Check(Struct):
    """Whether a text would go out, and what keeps it."""

    blocked: bool
    by: list[BlockedBy]


class OptOutRecord(Struct):
    """One change, or one text to decide on. Records are never changed or removed."""

    id: int
    at: Annotated[datetime, Meta(description="when it reached us")]
    event: RecordEvent
    address: Address
    phone: str
    before: StandName | None
    after: StandName | None
    changed: Annotated[bool, Meta(description="false when it stayed as it was: said again, or to no effect")]
    way: Annotated[str, Meta(description="how it reached us: keyword, api, console, carrier, import, system")]
    detail: Annotated[str, Meta(description="the reason given, or what was decided")]
    keyword: str
    raw_text: Annotated[str, Meta(description="what the person wrote")]
    transport_id: Annotated[str, Meta(description="the text's id in the network")]
    sent_at: Annotated[datetime | None, Meta(description="its time in the network")]
    principal: str
    remote_address: str
    user_agent: str
    request_id: str


class Review(Struct):
    """A text that no keyword matches but a person might have meant as an opt-out."""

    id: int
    at: datetime
    address: str
    phone: str
    raw_text: Annotated[str, Meta(description="what the person wrote")]
    why: Annotated[
        str, Meta(description="the rule that found it, and what it finds; empty for texts from before rules had names")
    ]
    business_days: Annotated[int, Meta(description="how many have begun since, Monday to Friday, holidays counted in")]
    business_days_max: Annotated[int, Meta(description="by when it must have been honored")]
    overdue: bool


class Decision(Struct, forbid_unknown_fields=True):
    """What the person meant, and why you think so."""

    decision: Literal["opt-out", "ignore"]
    reason: Reason


class ReplyTextIn(Struct, forbid_unknown_fields=True):
    """A text as if somebody had sent it."""

    phone: Annotated[
        str, Meta(max_length=NUMBER_CHARACTERS_MAX, description="who sends it, as a network writes it")
    ] = msgspec.field(name="from")
    address: Annotated[str, Meta(max_length=NUMBER_CHARACTERS_MAX, description="the inbound address, likewise")] = (
        msgspec.field(name="to")
    )
    text: Annotated[str, Meta(max_length=TEXT_CHARACTERS_MAX)]
    transport_id: (
        Annotated[str, Meta(max_length=100, description="its id in the network; the same one again is a repeat")]
        | UnsetType
    ) = UNSET
    sent_at: Annotated[datetime, Meta(tz=True, description="its time in the network")] | UnsetType = UNSET


class InboundText(Meaning, kw_only=True):
    """What an incoming text came to."""

    account_id: Annotated[str, Meta(description="whose inbound address it is")]
    changed: Annotated[bool, Meta(description="whether the phone's standing changed")]
    repeat: Annotated[bool, Meta(description="it had been heard before")]
    late: Annotated[bool, Meta(description="older than what counts, so recorded only")]
    reply: Annotated[str, Meta(description="what it is answered with; empty: nothing")]


class DevOptOut(Struct, forbid_unknown_fields=True):
    """Which number to opt out."""

    phone: Annotated[str, Meta(max_length=NUMBER_CHARACTERS_MAX, description="E.164")] = msgspec.field(
        name="phoneNumber"
    )


class InboundAddressPage(Page[InboundAddress]):
    """One page of inbound addresses."""

    warnings: Annotated[list[Warned], Meta(description="all of the account, on every page")]


class BlockingRulePage(Page[BlockingRule]):
    """The rules of an inbound address."""


class SmsApplicationPage(Page[SmsApplication]):
    """One page of applications."""


class OptOutPage(Page[OptOut]):
    """One page of opted-out phones."""


class OptOutRecordPage(Page[OptOutRecord]):
    """One page of records."""


class ReviewPage(Page[Review]):
    """One page of texts to decide on."""
