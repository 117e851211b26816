"""Texts that applications send: signs and templates, the outcome of each text, and what is counted. Pure values.

A *text* is one message for one phone, in one or more parts. Its *serial* is the id of its message. Its outcome is a *report*,
kept for some days for those who pull reports and for the callbacks.
Source: SMS API reference, version 2021-01-11 (SendSms, PullSmsSendStatus, AddSmsTemplate, AddSmsSign).
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tidings.domain.model import AccountId
from tidings.domain.optout import SmsType

TEXTS_KEPT = timedelta(days=8)
"""How long a text and its report can be asked for: the cloud gives them for seven days."""


class Reach(enum.IntEnum):
    """For which numbers a sign or template may be used. The numbers are Tencent Cloud's."""

    MAINLAND = 0
    GLOBAL = 1
    BOTH = 3


class Review(enum.IntEnum):
    """Whether a sign or template may be used. The numbers are Tencent Cloud's."""

    USABLE = 0
    WAITING = 1
    LATER = 2  # approved, not in effect yet
    REFUSED = -1


@dataclass(frozen=True, slots=True)
class SmsSign:
    """Whose name stands before a text. Unique by (account, id) and by (account, content). `kind`, `document`: the cloud's numbers."""

    id: int
    account_id: AccountId
    content: str
    reach: Reach
    review: Review
    created_at: datetime
    kind: int = 0
    document: int = 0
    remark: str = ""
    review_reply: str = ""
    version: int = 1


@dataclass(frozen=True, slots=True)
class SmsTemplate:
    """A text with places `{1}`, `{2}`…, which says what type its texts are. Unique by (account, id)."""

    id: int
    account_id: AccountId
    name: str
    content: str
    sms_type: SmsType
    reach: Reach
    review: Review
    created_at: datetime
    remark: str = ""
    review_reply: str = ""
    version: int = 1


class TextState(enum.StrEnum):
    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"
    BLOCKED = "blocked"  # an opt-out came while it waited


@dataclass(frozen=True, slots=True)
class SentText:
    """A text that was accepted, and its outcome. `parts`: into how many it is split. `session`: what the caller wants to see
    again in the report. `digest`: of what is said, to know the same again. `report_id`: given by the store when the report comes, and
    grows; 0 before. `detail`: the network's words."""

    serial: str
    account_id: AccountId
    app_id: str
    phone: str
    sms_type: SmsType
    accepted_at: datetime
    parts: int
    template_id: int = 0
    sign: str = ""
    session: str = ""
    extend: str = ""
    digest: bytes = b""
    state: TextState = TextState.WAITING
    detail: str = ""
    reported_at: datetime | None = None
    report_id: int = 0


@dataclass(frozen=True, slots=True)
class TextReport:
    """The end of a text's way. The first one counts; a text that is not kept is none. state: not WAITING."""

    serial: str
    state: TextState
    detail: str
    at: datetime


@dataclass(frozen=True, slots=True)
class TextReceipt:
    """What a network says of a part of a text that it took. `transport_ids`: its ids, as the network writes them; kept are those of
    `outcomes.Delivered.receipt_ids`, maybe in another spelling. `delivered`: True, False, or None while it is on its way. `opted_out`: the
    network refuses it because the person had opted out there; `unreachable`: the phone was off or away. `phone`: to whom; `address`: from
    which number of ours; empty where it does not say. `country_code`: of numbers that do not say theirs.
    """

    transport_ids: tuple[str, ...]
    delivered: bool | None
    detail: str
    phone: str = ""
    address: str = ""
    opted_out: bool = False
    unreachable: bool = False
    country_code: str = ""


class TextCount(enum.StrEnum):
    """What is counted by hour, application and type. The first five when a text is asked for, the others when its end is known."""

    REQUESTED = "requested"
    ACCEPTED = "accepted"
    PARTS = "parts"  # of accepted ones
    INVALID_NUMBER = "invalid-number"
    LIMITED = "limited"  # by a frequency limit
    BLOCKED = "blocked"  # by an opt-out, at acceptance or later
    DELIVERED = "delivered"
    FAILED = "failed"  # whatever the reason
    UNREACHABLE = "unreachable"  # of failed ones: phone off or away
    CONVERTED = "converted"


@dataclass(frozen=True, slots=True)
class TextTally:
    """So many in the hour that begins at `hour` (aware UTC). `app_id`: `optout.TOPICS_APP` for texts of topics."""

    account_id: AccountId
    app_id: str
    sms_type: SmsType
    hour: datetime
    what: TextCount
    count: int


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who reads reports, replies or changes of consent one after the other, each once: a puller or a callback.

    name: `pull-status`, `pull-replies`, `status`, `replies`, `consent`. `after`: the last id that was read.
    """

    account_id: AccountId
    app_id: str
    name: str
    after: int


@dataclass(frozen=True, slots=True)
class SentTextQuery:
    """Which texts of an account to list: newest first. None or empty means any; `until` is exclusive. `reported`: only those whose end
    is known, by the time of their report."""

    account_id: AccountId
    app_id: str | None = None
    phones: Sequence[str] = ()
    since: datetime | None = None
    until: datetime | None = None
    reported: bool = False
    offset: int = 0
    limit: int = 100


# Settings of an application (`optout.SmsApplication.settings`).
STATUS_URL = "status-url"
REPLY_URL = "reply-url"
CONSENT_URL = "consent-url"
CALLBACK_SECRET = "callback-secret"  # noqa: S105 - the setting's name; its value is sealed by the vault, base64
