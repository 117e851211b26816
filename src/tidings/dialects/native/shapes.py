"""The JSON that goes in and out, as typed structs: what they say is checked, and documented by `openapi`.

Called by every action of this dialect. The structs' docstrings and descriptions are the API's own reference text. Secrets,
hashes and link tokens have no field here, except a new access key's secret, once.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Generic, Literal, TypeVar

from msgspec import UNSET, Meta, Struct, UnsetType

Item = TypeVar("Item")
StateName = Literal["unconfirmed", "confirmed", "canceled", "expired"]
Uid = Annotated[str, Meta(description="32 hex digits", pattern="^[0-9a-f]{32}$")]
AccountNumber = Annotated[str, Meta(description="12 digits", pattern="^[0-9]{12}$")]
TopicUrn = Annotated[str, Meta(description="the topic's name in SMN")]
SubscriptionUrn = Annotated[str, Meta(description="the subscription's name in SMN")]
RoleName = Annotated[
    Literal["owner", "operator", "publisher", "auditor"],
    Meta(
        description="owner: everything; operator: everything but users and keys; publisher: publish and look, without the "
        "ledger; auditor: look"
    ),
]


class Page(Struct, Generic[Item]):
    """One page of a list."""

    items: list[Item]
    next: Annotated[
        str | None, Meta(description="give this as `after` to get the following page; null on the last one")
    ]


class Problem(Struct):
    """What went wrong (RFC 9457). `code` is for programs, `detail` for people."""

    status: int
    title: Annotated[str, Meta(description="the HTTP status in words")]
    code: str
    detail: str
    request_id: Annotated[str, Meta(description="look for this in the server's log")]
    field: Annotated[str, Meta(description="which parameter or member is meant")] | UnsetType = UNSET


class LedgerEntry(Struct):
    """One change of consent. Entries are never changed or removed."""

    id: int
    at: datetime
    event: Annotated[
        Literal[
            "subscribed",
            "confirmation-sent",
            "confirmation-held",
            "confirmed",
            "canceled",
            "restored",
            "expired",
            "deleted",
            "opted-out",
            "opted-in",
            "review",
            "reviewed",
        ],
        Meta(description="confirmation-held: the endpoint had been asked too often, and nothing was sent"),
    ]
    topic: Annotated[str, Meta(description="the topic's name; this and the five below are empty for a phone's opt-out")]
    region: str
    topic_arn: str
    subscription: Annotated[str, Meta(description="32 hex digits", pattern="^([0-9a-f]{32})?$")]
    arn: Annotated[str, Meta(description="the subscription's ARN")]
    protocol: str
    endpoint: str
    before: StateName | None
    after: StateName | None
    changed: Annotated[bool, Meta(description="false when it stayed as it was: said again, or to no effect")]
    way: Annotated[
        str,
        Meta(
            description="how it reached us: api, anonymous-api, link, one-click, keyword, console, bounce, complaint, "
            "carrier, import, system"
        ),
    ]
    principal: Annotated[str, Meta(description="who called, where that was proved; empty for a link's holder")]
    remote_address: str
    user_agent: str
    request_id: str
    shown: Annotated[str, Meta(description="which page or text the person saw before acting")]
    raw_text: Annotated[str, Meta(description="what the person wrote, for keywords")]
    detail: str
    topic_urn: TopicUrn
    urn: SubscriptionUrn
    address: Annotated[str, Meta(description="the inbound address, for a phone's opt-out; `*`: account-wide")]
    keyword: Annotated[str, Meta(description="which keyword it was")]
    transport_id: Annotated[str, Meta(description="a text's id in the network")]
    sent_at: Annotated[datetime | None, Meta(description="a text's time in the network")]


class Subscription(Struct):
    """One endpoint's consent to hear from one topic."""

    uid: Uid
    arn: str
    urn: SubscriptionUrn
    topic_uid: Uid
    topic_arn: str
    topic_urn: TopicUrn
    topic: Annotated[str, Meta(description="the topic's name")]
    region: str
    account_id: Annotated[str, Meta(description="the subscription's owner, who may differ from the topic's")]
    protocol: str
    endpoint: Annotated[str, Meta(description="a password within a URL is shown as ****")]
    state: StateName
    dialect: Annotated[str, Meta(description="in whose API it was made; decides what the endpoint receives")]
    principal: Annotated[str, Meta(description="who asked for it")]
    settings: dict[str, str]
    auth_on_unsubscribe: Annotated[bool, Meta(description="only an owner's signed call or a link may cancel it")]
    created_at: datetime
    confirmation_sent_at: datetime | None
    confirmed_at: datetime | None
    canceled_at: datetime | None
    come_back_until: Annotated[datetime | None, Meta(description="until then the endpoint may undo its cancel")]


class Cancellation(Struct):
    """What canceling came to."""

    subscription: Subscription
    changed: Annotated[bool, Meta(description="false when it was canceled before")]


class Counts(Struct):
    """Subscriptions by state."""

    confirmed: int
    unconfirmed: int
    canceled: int


class Topic(Struct):
    """Something people publish to."""

    uid: Uid
    arn: str
    urn: TopicUrn
    account_id: AccountNumber
    region: str
    name: str
    display_name: str
    dialect: str
    settings: dict[str, str]
    tags: dict[str, str]
    created_at: datetime
    updated_at: datetime


class TopicWithCounts(Topic, kw_only=True):
    """A topic and how many subscriptions it has."""

    subscriptions: Counts


class DeadLetter(Struct):
    """A delivery that was given up."""

    id: int
    message_id: str
    kind: Literal["notification", "confirmation", "goodbye", "direct"]
    subject: str | None
    accepted_at: datetime
    topic_arn: Annotated[str | None, Meta(description="null for a message to a phone number")]
    topic_urn: Annotated[str | None, Meta(description="the topic's name in SMN; null likewise")]
    subscription: Annotated[str, Meta(description="uid; empty for a message to a phone number")]
    protocol: str
    endpoint: str
    attempts: int
    first_at: datetime
    reason: str
    redriven: Annotated[bool, Meta(description="its dead-letter queue took it")]


class SendAgain(Struct, forbid_unknown_fields=True):
    """Which dead letters to deliver again, from their first attempt."""

    ids: Annotated[
        list[Annotated[int, Meta(ge=1, le=2**63 - 1)]],
        Meta(min_length=1, max_length=1000, description="`id`s from the list of dead letters"),
    ]


class SentAgain(Struct):
    """Which were taken up. The others are no dead letters of this account (any more)."""

    ids: list[int]


class Account(Struct):
    """Who owns topics."""

    account_id: AccountNumber
    name: str
    project_id: Annotated[str, Meta(description="the same account's name in SMN, 32 hex digits")]
    created_at: datetime
    sms_sandbox: Annotated[bool, Meta(description="its topics text to verified numbers only")]


class AccountChange(Struct, forbid_unknown_fields=True):
    """What to change about an account."""

    sms_sandbox: bool


class User(Struct):
    """A person or program of the account."""

    name: str
    role: RoleName
    actions: Annotated[
        list[str], Meta(description="when there are any, exactly what they match is allowed, in place of the role")
    ]
    has_password: Annotated[bool, Meta(description="false: cannot sign in by password")]
    disabled: bool
    created_at: datetime


Password = Annotated[str, Meta(min_length=8, max_length=1024)]
Actions = Annotated[
    list[Annotated[str, Meta(min_length=1, max_length=128, pattern=r"^(\*|[A-Za-z0-9*?_-]*:[A-Za-z0-9:*?_-]*)$")]],
    Meta(
        max_length=64,
        description="patterns such as `sns:Publish`, `smn:topic:*` or `tidings:publish`, without regard to case; `*` stands "
        "for any run of characters and `?` for one. Exactly what they match is allowed, in place of the role; an empty list "
        "lets the role decide. `tidings:VERB` is a permission of this API, which holds in every API",
    ),
]


class NewUser(Struct, forbid_unknown_fields=True):
    """A user to make."""

    name: Annotated[str, Meta(min_length=1, max_length=64, pattern="^[A-Za-z0-9][A-Za-z0-9_.@+=,-]*$")]
    role: RoleName
    password: Annotated[Password, Meta(description="without it the user works by access keys only")] | UnsetType = UNSET
    actions: Actions | UnsetType = UNSET


class UserChange(Struct, forbid_unknown_fields=True):
    """What to change about a user; at least one of them."""

    disabled: Annotated[bool, Meta(description="a disabled user's keys do not work either")] | UnsetType = UNSET
    password: Password | UnsetType = UNSET
    actions: Actions | UnsetType = UNSET


class AccessKey(Struct):
    """A key for signed calls. Its secret is shown when it is made and never again."""

    key_id: str
    user: str
    disabled: bool
    created_at: datetime


class NewKey(Struct, forbid_unknown_fields=True):
    """Whose key to make."""

    user: Annotated[str, Meta(min_length=1, max_length=64, pattern="^[A-Za-z0-9][A-Za-z0-9_.@+=,-]*$")]


class MadeKey(AccessKey, kw_only=True):
    """A new key with its secret, which cannot be read again."""

    secret: str


class KeyChange(Struct, forbid_unknown_fields=True):
    """What to change about a key."""

    disabled: bool


class Captured(Struct):
    """A mail or text that would have gone out. More members tell its text, subject, headers and the links within."""

    channel: Annotated[str, Meta(description="email or sms")]
    to: str


class Outbox(Struct):
    """What was captured, newest last."""

    items: list[Captured]


class ClockStep(Struct, forbid_unknown_fields=True):
    """How far to move the server's clock forward."""

    advance_s: Annotated[float, Meta(ge=0, le=315_360_000, description="seconds; at most ten years")]


class ClockTime(Struct):
    """The server's time after that."""

    now: datetime


class LedgerPage(Page[LedgerEntry]):
    """One page of ledger entries."""


class SubscriptionPage(Page[Subscription]):
    """One page of subscriptions."""


class TopicPage(Page[Topic]):
    """One page of topics."""


class DeadLetterPage(Page[DeadLetter]):
    """One page of dead letters."""


class AccountPage(Page[Account]):
    """One page of accounts."""


class UserPage(Page[User]):
    """One page of users."""


class AccessKeyPage(Page[AccessKey]):
    """One page of access keys."""
