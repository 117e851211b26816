"""The nouns of the product: what the store keeps, the flow carries and the channels send.

Plain frozen values without behaviour; the rules that move them from state to state live beside this file.
Times are aware UTC `datetime`s. Ids of rows (`TopicId`, `SubscriptionId`) are given by the store in the order of adding, so
they serve as cursors; `uid`s (32 lower-case hex digits) are given by the service and appear in ARNs, URNs and links.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NewType

AccountId = NewType("AccountId", str)  # 12 digits
TopicId = NewType("TopicId", int)
SubscriptionId = NewType("SubscriptionId", int)
NO_ID = 0  # what a row that the store has not seen yet carries
NEWEST = 2**63 - 1  # no row's id is above it


class State(enum.IntEnum):
    """A subscription's state. The numbers are SMN's, so that a stored row reads the same everywhere."""

    UNCONFIRMED = 0
    CONFIRMED = 1
    CANCELED = 3
    EXPIRED = 4


class Way(enum.StrEnum):
    """By which way a change of consent reached us."""

    API = "api"  # a signed call
    ANONYMOUS = "anonymous-api"  # an unsigned call that the dialect allows
    LINK = "link"  # a link followed by a program, or a page's button pressed by a person
    ONE_CLICK = "one-click"  # RFC 8058
    KEYWORD = "keyword"
    CONSOLE = "console"
    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    CARRIER = "carrier"  # the network said that the person opted out
    IMPORT = "import"
    CLI = "cli"  # a command of the operating system's user
    SYSTEM = "system"  # nobody asked: expiry, deletion of the topic, no confirmation needed


class Event(enum.StrEnum):
    """What the ledger says happened to a subscription."""

    SUBSCRIBED = "subscribed"
    CONFIRMATION_SENT = "confirmation-sent"
    CONFIRMATION_HELD = "confirmation-held"  # asked for too often: nothing was sent
    CONFIRMED = "confirmed"
    CANCELED = "canceled"
    RESTORED = "restored"
    EXPIRED = "expired"
    DELETED = "deleted"
    OPTED_OUT = "opted-out"  # a phone, at an inbound address
    OPTED_IN = "opted-in"
    REVIEW = "review"  # a text that no keyword matches but a person would understand
    REVIEWED = "reviewed"


@dataclass(frozen=True, slots=True)
class Account:
    """Who owns topics. `project_id` (32 hex) is the same account's name in SMN."""

    account_id: AccountId
    name: str
    project_id: str
    created_at: datetime


class Role(enum.StrEnum):
    """What a user of an account may do; `access.authorize` holds the table."""

    OWNER = "owner"  # everything
    OPERATOR = "operator"  # everything but accounts, users, keys and the audit trail
    PUBLISHER = "publisher"  # publish and look
    AUDITOR = "auditor"  # look


@dataclass(frozen=True, slots=True)
class User:
    """A person or program of an account. `password_hash` is argon2 or empty (cannot sign in).

    `actions`: patterns such as `smn:topic:list` or `sns:Publish`; when given, exactly what they match is allowed, in place of
    what the role allows.
    """

    account_id: AccountId
    name: str
    role: Role
    password_hash: str
    disabled: bool
    created_at: datetime
    actions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AccessKey:
    """A key for signed calls. `sealed_secret` is encrypted by the vault with a key outside the database."""

    key_id: str
    account_id: AccountId
    user: str
    sealed_secret: bytes
    disabled: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is calling. `key_id` names the access key that proved it, empty for a password or session. `actions`: the user's."""

    account_id: AccountId
    user: str
    role: Role
    key_id: str = ""
    actions: tuple[str, ...] = ()

    @property
    def arn(self) -> str:
        """The caller's name as policies and the ledger write it: `arn:aws:iam::ACCOUNT:user/NAME`."""
        return f"arn:aws:iam::{self.account_id}:user/{self.user}"


@dataclass(frozen=True, slots=True)
class Topic:
    """Something people publish to. Unique by (account_id, region, name).

    `settings` holds what a dialect keeps about a topic, by that dialect's own attribute names with its prefix
    (`sns:SignatureVersion`, `smn:introduction`); `display_name` is common to all. `version` counts changes.
    """

    id: TopicId
    uid: str
    account_id: AccountId
    region: str
    name: str
    dialect: str
    display_name: str
    settings: Mapping[str, str]
    tags: Mapping[str, str]
    created_at: datetime
    updated_at: datetime
    version: int = 1


@dataclass(frozen=True, slots=True)
class Subscription:
    """One endpoint's consent to hear from one topic.

    `account_id` is the owner (who called Subscribe), which may differ from the topic's. `settings` as for topics
    (`sns:RawMessageDelivery`, `smn:remark`). `auth_on_unsubscribe`: only signed calls of the owners may cancel.
    `come_back_until`: canceled, and a restore token may still bring it back. `version` counts changes.
    `endpoint_key`: tells endpoints apart whose URLs differ in their password only; `endpoint` shows none (`domain.passwords`).
    """

    id: SubscriptionId
    uid: str
    topic_id: TopicId
    account_id: AccountId
    dialect: str
    protocol: str
    endpoint: str
    state: State
    settings: Mapping[str, str]
    principal: str
    created_at: datetime
    confirmed_at: datetime | None = None
    canceled_at: datetime | None = None
    confirmation_sent_at: datetime | None = None
    come_back_until: datetime | None = None
    confirmation_was_authenticated: bool = False
    auth_on_unsubscribe: bool = False
    version: int = 1
    endpoint_key: str = ""


@dataclass(slots=True, eq=False)
class Subscriber:
    """What a delivery needs to know of a confirmed subscription, and no more (there may be millions in flight).

    `settings` is shared between rows with equal settings. Not frozen, because one is made for every delivery of a large
    fan-out and a frozen one costs three times as much; nobody changes it all the same.
    """

    id: SubscriptionId
    uid: str
    account_id: AccountId
    dialect: str
    protocol: str
    endpoint: str
    settings: Mapping[str, str]


class TokenPurpose(enum.StrEnum):
    CONFIRM = "confirm"
    RESTORE = "restore"


@dataclass(frozen=True, slots=True)
class Token:
    """A link's secret, stored as SHA-256 of the text. Used tokens stay until they expire so that a repeat is recognized."""

    digest: bytes
    purpose: TokenPurpose
    subscription_uid: str
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None = None


class RequestEvent(enum.StrEnum):
    """The history of requests to confirm that went to one recipient."""

    ASKED = "asked"
    ANSWERED = "answered"  # confirmed, or came back
    DECLINED = "declined"  # said on its page that it did not ask for this


@dataclass(frozen=True, slots=True)
class ConfirmationRequest:
    """One event in the life of a recipient's requests. `recipient`: `services.endpoints.recipient`. `account_id`: who asked."""

    recipient: str
    at: datetime
    what: RequestEvent
    account_id: AccountId
    topic_id: TopicId


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a change came from; copied into the ledger and the audit trail.

    `shown`: what the person saw before acting (name and language of the page or text), empty for programs. For the audit trail only:
    `via`: the front end (`sns`, `smn`, `tencent`, `native`, `console`, `cli`, `provisioning`); `key_id`: the access key that signed.
    """

    way: Way
    principal: str = ""
    remote_address: str = ""
    user_agent: str = ""
    request_id: str = ""
    shown: str = ""
    raw_text: str = ""
    via: str = ""
    key_id: str = ""


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One change of consent. Append-only. `id` is given by the store and grows.

    Of a phone's opt-out or opt-in: no topic (id 0) and no subscription; `address` is the inbound address, `keyword` what matched,
    `transport_id` the text's id at the SMSC, `sent_at` its time there. `before` and `after` are CANCELED for opted out and
    CONFIRMED for not.
    """

    id: int
    at: datetime
    event: Event
    account_id: AccountId
    topic_id: TopicId
    topic_name: str
    region: str
    subscription_uid: str
    protocol: str
    endpoint: str
    before: State | None
    after: State | None
    origin: Origin
    detail: str = ""
    address: str = ""
    keyword: str = ""
    transport_id: str = ""
    sent_at: datetime | None = None

    @property
    def is_change(self) -> bool:
        """False when the state is known and stayed as it was: something was said again, or to no effect."""
        return self.before is None or self.before is not self.after


class Kind(enum.StrEnum):
    """What a message is. Notices (confirmation, goodbye) are for one subscription and enter the flow like a publish."""

    NOTIFICATION = "notification"
    CONFIRMATION = "confirmation"
    GOODBYE = "goodbye"
    DIRECT = "direct"  # to a phone number, without topic


@dataclass(frozen=True, slots=True)
class MessageAttribute:
    """`type` as the publisher wrote it (`String`, `Number.int`, …); `value` is text, binary as base64."""

    type: str
    value: str


@dataclass(slots=True)
class Message:
    """Something accepted for delivery. Not frozen for the same reason as `Subscriber`: one is made for every publish.

    `topic_id` is None for DIRECT; `subscription_uid` is set for notices; `endpoint` is the number of a DIRECT message.
    `bodies`: texts per protocol that replace `body`. `sealed_token`: the notice's link secret, encrypted by the vault.
    `sequence`, `group_id`, `dedup_id`: for ordered topics and queues, empty otherwise.
    `protocols`: only subscriptions of these receive it; empty means all. `expires_at`: no attempt starts at or after it.
    `language`: of the words that we add, a tag such as `zh-CN`; empty means the server's.
    `sms_app`, `sms_type`: in whose name and as what its texts are sent (`domain.optout`); empty and 0: topics, notification. `answers`:
    what it is the one answer to (`optout.KeywordSet`), round what opt-outs block; empty for all others. `sender`: the number or sender
    id its texts come from, empty for the channel's own. `trace_header`: the publisher's `X-Amzn-Trace-Id`, handed on to queues.
    `accepted_at` is what receivers are told, by the machine's wall clock; whoever compares times with others of ours has `expires_at`,
    and `asked_at` of a confirmation request.
    """

    id: str
    kind: Kind
    account_id: AccountId
    dialect: str
    accepted_at: datetime
    topic_id: TopicId | None = None
    subject: str | None = None
    body: str = ""
    bodies: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, MessageAttribute] = field(default_factory=dict)
    subscription_uid: str = ""
    endpoint: str = ""
    sealed_token: bytes = b""
    group_id: str = ""
    dedup_id: str = ""
    sequence: str = ""
    protocols: tuple[str, ...] = ()
    expires_at: datetime | None = None
    language: str = ""
    sms_app: str = ""
    sms_type: int = 0
    answers: str = ""
    sender: str = ""
    trace_header: str = ""
    asked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Template:
    """A text with variables `{name}`, kept to be filled in at publish. Unique by (account_id, name, protocol).

    `protocol`: whose subscribers get this text; `default` for everybody else's. `id` is given by the store and grows.
    """

    id: int
    uid: str
    account_id: AccountId
    name: str
    protocol: str
    content: str
    created_at: datetime
    updated_at: datetime
    version: int = 1


class DeliveryState(enum.StrEnum):
    WAITING = "waiting"  # for its next attempt
    DEAD = "dead"  # given up; an operator can see it and send it again


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message for one subscription (or number) that did not go out at the first attempt.

    `subscription_uid` is empty for DIRECT messages. `attempts` counts those made. `redriven`: its dead-letter queue took it.
    """

    id: int
    message_seq: int
    message_id: str
    account_id: AccountId
    topic_id: TopicId | None
    subscription_uid: str
    protocol: str
    endpoint: str
    attempts: int
    due: datetime
    first_at: datetime
    state: DeliveryState
    reason: str = ""
    redriven: bool = False


@dataclass(frozen=True, slots=True)
class TopicCounts:
    """Subscriptions of a topic by state; `canceled` counts those still listed."""

    confirmed: int
    unconfirmed: int
    canceled: int


@dataclass(frozen=True, slots=True)
class SubscriptionQuery:
    """Which subscriptions to list, ascending by id, starting after `after`, skipping `offset`. None means any.

    `setting`: name of a setting and a text that its value must contain, ignoring the case of ASCII letters. `protocols`: any of
    these; `without`: none of these; empty means any. `restorable_at`: canceled ones only if they may still come back after it.
    """

    account_id: AccountId | None = None
    region: str | None = None
    topic_id: TopicId | None = None
    endpoint: str | None = None
    protocol: str | None = None
    states: Sequence[State] = ()
    setting: tuple[str, str] | None = None
    after: int = 0
    offset: int = 0
    limit: int = 100
    protocols: Sequence[str] = ()
    without: Sequence[str] = ()
    restorable_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class TopicQuery:
    """Which topics of an account to list, newest first, skipping `offset`. None means any.

    `region` None: of all regions. `name` and `uid` are exact; `name_part` and `display_part` are contained, ignoring the case of ASCII
    letters. `setting`: name and exact value of a setting; one that is not there counts as empty.
    """

    account_id: AccountId
    region: str | None
    name: str | None = None
    uid: str | None = None
    name_part: str | None = None
    display_part: str | None = None
    setting: tuple[str, str] | None = None
    offset: int = 0
    limit: int = 100


@dataclass(frozen=True, slots=True)
class TemplateQuery:
    """Which templates of an account to list, ascending by id, skipping `offset`. None means any; both are exact."""

    account_id: AccountId
    name: str | None = None
    protocol: str | None = None
    offset: int = 0
    limit: int = 100


@dataclass(frozen=True, slots=True)
class LedgerQuery:
    """Which ledger entries to list, ascending by id, starting after `after`. None means any; `until` is exclusive.

    `address`: of this inbound address. `events`, `ways`: one of these. `before`: newest first, starting below this id (`NEWEST` for
    the very newest).
    """

    account_id: AccountId | None = None
    endpoint: str | None = None
    topic_id: TopicId | None = None
    subscription_uid: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    address: str | None = None
    events: Sequence[Event] = ()
    ways: Sequence[Way] = ()
    after: int = 0
    limit: int = 100
    before: int | None = None


@dataclass(frozen=True, slots=True)
class DeadQuery:
    """Which dead letters to list, ascending by id, starting after `after`."""

    account_id: AccountId | None = None
    topic_id: TopicId | None = None
    subscription_uid: str | None = None
    after: int = 0
    limit: int = 100
