"""Opt-outs by text: what is kept of them, and the rule that decides whether a text may go out. Pure values and functions.

A person opts out by texting STOP to an *inbound address* of an account. What that blocks is said by *blocking rules*: per address and
application a set of message types. The state belongs to (address, phone); a rule never touches it.
Source: Tencent Cloud SMS console guide (inbound addresses, keywords, blocking rules, unsubscribed users); 47 CFR 64.1200(a)(10).
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from tidings.domain.model import AccountId, LedgerEntry, Way

ACCOUNT_WIDE = "*"
"""The address that stands for all of an account: an opt-out here blocks every application and type. It is never listed as one."""

TOPICS_APP = "topics"
"""The application in whose name texts of topics, and SNS's texts to numbers, are sent. Every account has it."""

_REVIEWED = re.compile(r"record ([0-9]{1,18})(?: |\Z)", re.ASCII)


class SmsType(enum.IntEnum):
    """What a text is. The numbers are Tencent Cloud's."""

    MARKETING = 1
    NOTIFICATION = 2
    VERIFICATION_CODE = 3


EVERY_TYPE = frozenset(SmsType)


class AddressKind(enum.StrEnum):
    TEN_DLC = "10dlc"
    TOLL_FREE = "toll-free"  # the carrier answers STOP itself
    SHORT_CODE = "short-code"
    LONG_CODE = "long-code"
    ACCOUNT = "account"  # ACCOUNT_WIDE's


class KeywordSet(enum.StrEnum):
    OPT_OUT = "opt-out"
    OPT_IN = "opt-in"
    HELP = "help"


@dataclass(frozen=True, slots=True)
class InboundAddress:
    """A number on which replies arrive: E.164, or the digits of a short code with its country (ISO 3166, upper case).

    `keywords`: as typed, by set; the three sets share no normalized form. `replies`: texts sent once when a set was matched; absent: none.
    `deleted_at`: hidden, blocks nothing, and comes back with all its states when it is added again. `id` is given by the store.
    """

    id: int
    account_id: AccountId
    address: str
    kind: AddressKind
    created_at: datetime
    country: str = ""
    description: str = ""
    keywords: Mapping[KeywordSet, tuple[str, ...]] = field(default_factory=dict)
    replies: Mapping[KeywordSet, str] = field(default_factory=dict)
    deleted_at: datetime | None = None
    version: int = 1


@dataclass(frozen=True, slots=True)
class SmsApplication:
    """A sender of texts within an account (SdkAppId). `sender`: its default number or sender id, empty for the transport's own.

    `settings`: where its callbacks go (`domain.texts`), and of TOPICS_APP what dialects keep, with their prefix (`sns:…`).
    """

    account_id: AccountId
    app_id: str
    sender: str
    created_at: datetime
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NumberClaim:
    """That a number is an account's: as a live inbound address, or (`app_id`) as the sender of an application."""

    account_id: AccountId
    number: str
    app_id: str = ""


@dataclass(frozen=True, slots=True)
class BlockingRule:
    """What an opt-out at an address blocks of an application: at least one type. One per address and application."""

    account_id: AccountId
    address: str
    app_id: str
    types: frozenset[SmsType]


@dataclass(frozen=True, slots=True)
class OptOut:
    """Somebody who is opted out at an address. `event_at`: when it was said, by the SMSC's clock where it tells; an older START
    does not lift it. `way`, `reason`, `keyword`, `raw_text`, `principal`: how it came, as the ledger has it. `version`: given by the
    store, another one at every change; 0 for one that the store does not have."""

    account_id: AccountId
    address: str
    phone: str
    since: datetime
    event_at: datetime
    way: Way
    reason: str = ""
    keyword: str = ""
    raw_text: str = ""
    principal: str = ""
    version: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class OptOutBatch:
    """Opt-outs of a list, all of one account and new to whoever read it, each with its ledger entry (`ledger`, in the same order).
    `seen`: the newest ledger entry of an opt-in that was considered."""

    account_id: AccountId
    opt_outs: Sequence[OptOut]
    ledger: Sequence[LedgerEntry]
    seen: int


@dataclass(frozen=True, slots=True)
class BatchResult:
    """Those of a batch that were not written, by address and phone. `known`: were opted out by then. `opted_in`: the phone opted in
    after what was considered."""

    known: frozenset[tuple[str, str]]
    opted_in: frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class IncomingText:
    """A text that a person sent to an inbound address. `transport_id`: the transport's own id of it, empty where there is none;
    a repeat of it is one event. `sent_at`: by the SMSC's clock. `carrier_answered`: somebody before us has replied already.
    `carrier_opted_out`: somebody before us took it for an opt-out, whatever it says. `other_readings`: what its octets say in codings that
    were not told. `address`, `phone`: as the transport writes them; `country_code` (`44`): of those that do not say their country, empty
    where the transport does not know."""

    address: str
    phone: str
    text: str
    transport_id: str = ""
    sent_at: datetime | None = None
    carrier_answered: bool = False
    carrier_opted_out: bool = False
    country_code: str = ""
    other_readings: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class InboundText:
    """An incoming text as it is kept for a while: for those who pull replies, and to know a repeat. `matched`: the set whose keyword
    it was, or empty. `id` is given by the store and grows."""

    id: int
    account_id: AccountId
    address: str
    phone: str
    text: str
    at: datetime
    sent_at: datetime | None = None
    transport_id: str = ""
    matched: str = ""


@dataclass(frozen=True, slots=True)
class OptOutQuery:
    """Which opted-out phones of an account to list: ascending by (since, phone), skipping `offset`. None or empty means any; `until` is
    exclusive."""

    account_id: AccountId
    addresses: Sequence[str] = ()
    phones: Sequence[str] = ()
    since: datetime | None = None
    until: datetime | None = None
    offset: int = 0
    limit: int = 100


def covers(address: InboundAddress, rule: BlockingRule | None, app_id: str, sms_type: SmsType) -> bool:
    """Whether an opt-out at this address blocks this type of this application. rule: of this address and application, if any.

    An application without a rule is not blocked, as in the cloud; but topics, for which nobody sets rules, are blocked whole.
    """
    if address.deleted_at is not None:
        return False
    if address.address == ACCOUNT_WIDE:
        return True
    if rule is None:
        return app_id == TOPICS_APP
    return sms_type in rule.types


def review_mark(record_id: int) -> str:
    """With which the detail of a REVIEWED entry begins: the record that it decides."""
    return f"record {record_id}"


def reviewed_record(detail: str) -> int | None:
    """The record that a REVIEWED entry with this detail decides; None where none is named."""
    found = _REVIEWED.match(detail)
    return None if found is None else int(found[1])
