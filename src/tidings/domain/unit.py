"""What one call changes. Made by services, applied by the store."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import datetime

from tidings.domain.audit import Act, AuditEntry
from tidings.domain.errors import Conflict
from tidings.domain.model import (
    AccessKey,
    Account,
    AccountId,
    ConfirmationRequest,
    LedgerEntry,
    Message,
    Subscription,
    Template,
    Token,
    Topic,
    TopicId,
    User,
)
from tidings.domain.optout import BlockingRule, InboundAddress, InboundText, OptOut, SmsApplication
from tidings.domain.provisioned import Provisioned
from tidings.domain.sandbox import SandboxNumber
from tidings.domain.sessions import Session
from tidings.domain.texts import Reader, SentText, SmsSign, SmsTemplate, TextReport, TextTally


class TransportIdTaken(Conflict):
    """A text with this transport's id was kept at the address before. Only who hears texts tells it from other conflicts."""


class Stale(Conflict):
    """A guard of the unit does not hold: somebody changed what it was decided on."""


@dataclass(frozen=True, slots=True)
class ReaderIsAt:
    """Nobody has read on: the reader's place is the one that was read."""

    account_id: AccountId
    app_id: str
    name: str
    place: int


@dataclass(frozen=True, slots=True)
class SmsApplicationsAre:
    """The account's applications are those that were read, in the store's order."""

    account_id: AccountId
    applications: tuple[SmsApplication, ...]


@dataclass(frozen=True, slots=True)
class SandboxNumbersAre:
    """The account's numbers in the sandbox, with their tries, are those that were read, in the store's order."""

    account_id: AccountId
    numbers: tuple[SandboxNumber, ...]


class Counted(enum.Enum):
    """What there may be only so many of."""

    TOPICS = "topics"
    LIVE = "live subscriptions"
    """Unconfirmed and confirmed ones, of a topic."""
    UNCONFIRMED = "unconfirmed subscriptions"
    """Over all topics of an account."""
    TEMPLATES = "templates"
    SMS_TEMPLATES = "templates of texts"
    SMS_SIGNS = "signs"
    INBOUND_ADDRESSES = "inbound addresses"


@dataclass(frozen=True, slots=True)
class RoomFor:
    """There are fewer than `most` before the unit adds one. owner: the account; of LIVE, the topic."""

    what: Counted
    owner: AccountId | TopicId
    most: int


@dataclass(frozen=True, slots=True)
class RequestsAtMost:
    """The recipient had no more confirmation requests, and answers to them, since a time than those that were read."""

    recipient: str
    since: datetime
    most: int


@dataclass(frozen=True, slots=True)
class InboundTextsSeen:
    """Of what a phone said at an address since a time, the text `newest` (0: none) came in last."""

    account_id: AccountId
    address: str
    phone: str
    since: datetime
    newest: int


@dataclass(frozen=True, slots=True)
class TextIsWaiting:
    """The outcome of a text that an application sent is not known yet."""

    serial: str


@dataclass(frozen=True, slots=True)
class TextsAtMost:
    """An application sent each of these phones no more texts since a time than these many."""

    account_id: AccountId
    app_id: str
    since: datetime
    phones: tuple[tuple[str, int], ...]


Guard = (
    ReaderIsAt
    | SmsApplicationsAre
    | SandboxNumbersAre
    | RoomFor
    | RequestsAtMost
    | InboundTextsSeen
    | TextIsWaiting
    | TextsAtMost
)


@dataclass(slots=True)
class Unit:
    """What one call changes, applied by the store as a whole or not at all.

    Rows in the `…_changed` lists carry the version that was read; the store checks it, writes
    version + 1 and raises `Conflict` when somebody was faster. New rows carry NO_ID. `messages` enter the flow in the
    same transaction. `ledger` entries carry id 0 and, for a new subscription, the uid only.

    The store adds to the audit trail what the unit changes of accounts, topics and the settings of texting, as `act` says by whom; and of
    subscriptions what the ledger does not say. `audit`: entries about what is no change of a row.
    """

    accounts: list[Account] = field(default_factory=list)  # insert or replace, by account_id
    users: list[User] = field(default_factory=list)  # insert or replace, by (account_id, name)
    access_keys: list[AccessKey] = field(default_factory=list)  # insert or replace, by key_id
    provisioned: list[Provisioned] = field(default_factory=list)  # insert or replace, by all but digest and time
    topics_new: list[Topic] = field(default_factory=list)
    topics_changed: list[Topic] = field(default_factory=list)
    topics_deleted: list[TopicId] = field(default_factory=list)
    subscriptions_new: list[Subscription] = field(default_factory=list)
    subscriptions_changed: list[Subscription] = field(default_factory=list)
    subscriptions_deleted: list[Subscription] = field(default_factory=list)
    templates_new: list[Template] = field(default_factory=list)
    templates_changed: list[Template] = field(default_factory=list)
    templates_deleted: list[int] = field(default_factory=list)
    inbound_addresses_new: list[InboundAddress] = field(default_factory=list)
    inbound_addresses_changed: list[InboundAddress] = field(default_factory=list)
    sms_applications: list[SmsApplication] = field(default_factory=list)  # insert or replace
    # account and spellings of a number that no other account claims once the unit is applied, else Conflict
    numbers_claimed: list[tuple[AccountId, tuple[str, ...]]] = field(default_factory=list)
    blocking_rules: list[BlockingRule] = field(default_factory=list)  # insert or replace, by address and application
    # account, address, application
    blocking_rules_deleted: list[tuple[AccountId, str, str]] = field(default_factory=list)
    opt_outs: list[OptOut] = field(
        default_factory=list
    )  # new ones with version 0, changed ones with that which was read
    opt_outs_lifted: list[OptOut] = field(default_factory=list)  # with the version that was read
    # account, address, phone: nobody is opted out there once the unit is applied, else Conflict
    opt_outs_absent: list[tuple[AccountId, str, str]] = field(default_factory=list)
    # a transport's id at an address only once, else TransportIdTaken
    inbound_texts: list[InboundText] = field(default_factory=list)
    sms_signs_new: list[SmsSign] = field(
        default_factory=list
    )  # with the id that they shall have; Conflict when it is taken
    sms_signs_changed: list[SmsSign] = field(default_factory=list)
    sms_signs_deleted: list[tuple[AccountId, int]] = field(default_factory=list)
    sms_templates_new: list[SmsTemplate] = field(default_factory=list)  # likewise
    sms_templates_changed: list[SmsTemplate] = field(default_factory=list)
    sms_templates_deleted: list[tuple[AccountId, int]] = field(default_factory=list)
    texts_sent: list[SentText] = field(default_factory=list)  # WAITING ones, with their messages
    text_reports: list[TextReport] = field(default_factory=list)
    text_tallies: list[TextTally] = field(default_factory=list)  # to be added up
    # texts delivered for a topic by whole UTC hour, to be added up
    texts_delivered: dict[tuple[TopicId, datetime], int] = field(default_factory=dict)
    text_parts: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)  # serial, ids of receipts to come
    senders_used: set[tuple[AccountId, str, datetime]] = field(default_factory=set)  # account, number, day
    readers: list[Reader] = field(default_factory=list)  # insert or replace
    sandbox_accounts: list[tuple[AccountId, datetime | None]] = field(
        default_factory=list
    )  # since when; None: out of it
    sandbox_numbers: list[SandboxNumber] = field(default_factory=list)  # insert or replace, by account and phone
    sandbox_numbers_deleted: list[tuple[AccountId, str]] = field(default_factory=list)
    tokens_new: list[Token] = field(default_factory=list)
    tokens_used: list[tuple[bytes, datetime]] = field(default_factory=list)
    tokens_void: list[str] = field(default_factory=list)  # all tokens of these subscription uids
    confirmation_requests: list[ConfirmationRequest] = field(default_factory=list)
    sessions_new: list[Session] = field(default_factory=list)
    sessions_used: list[Session] = field(default_factory=list)  # nothing happens to one that has ended meanwhile
    sessions_ended: list[bytes] = field(default_factory=list)  # digests
    ledger: list[LedgerEntry] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    # what must still be so within the transaction, whichever process decided meanwhile, else Stale: for rows without a version
    guards: list[Guard] = field(default_factory=list)
    act: Act | None = None
    audit: list[AuditEntry] = field(default_factory=list)
