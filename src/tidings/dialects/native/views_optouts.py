"""Rows of opt-outs by text -> the JSON shapes of this API. Pure; called by the actions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from tidings.dialects.native import shapes_optouts as shapes
from tidings.domain import model
from tidings.domain.business_days import BUSINESS_DAYS_MAX, business_days
from tidings.domain.keywords import Meaning
from tidings.domain.optout import (
    ACCOUNT_WIDE,
    EVERY_TYPE,
    TOPICS_APP,
    BlockingRule,
    InboundAddress,
    KeywordSet,
    OptOut,
    SmsApplication,
    SmsType,
)
from tidings.domain.texts import CALLBACK_SECRET, CONSENT_URL, REPLY_URL, STATUS_URL
from tidings.services.texting.inbound_texts import InboundResult
from tidings.services.texting.optouts import Blocked
from tidings.services.texting.sms_warnings import Warned

_EVENTS: dict[model.Event, shapes.RecordEvent] = {
    model.Event.OPTED_OUT: "opted-out",
    model.Event.OPTED_IN: "opted-in",
    model.Event.REVIEW: "review",
    model.Event.REVIEWED: "reviewed",
}
EVENTS = {name: event for event, name in _EVENTS.items()}
SETTINGS = {
    "status_url": STATUS_URL,
    "reply_url": REPLY_URL,
    "consent_url": CONSENT_URL,
    "callback_secret": CALLBACK_SECRET,
}
"""The members that stand for an application's settings."""
SETS = {"opt_out": KeywordSet.OPT_OUT, "opt_in": KeywordSet.OPT_IN, "help": KeywordSet.HELP}
"""The members that stand for the sets of keywords, in bodies that have one for each."""


def type_names(types: frozenset[SmsType]) -> list[shapes.TypeName]:
    return [type_name(sms_type) for sms_type in sorted(types)]


def type_name(sms_type: SmsType) -> shapes.TypeName:
    match sms_type:
        case SmsType.MARKETING:
            return "marketing"
        case SmsType.NOTIFICATION:
            return "notification"
        case SmsType.VERIFICATION_CODE:
            return "verification_code"


def read_type(name: str) -> SmsType:
    """One of the names that a shape has let in."""
    return SmsType[name.upper()]


def rule(row: BlockingRule) -> shapes.BlockingRule:
    return shapes.BlockingRule(row.address, row.app_id, type_names(row.types))


def inbound_address(
    row: InboundAddress, rules: Sequence[BlockingRule], opted_out: int, warnings: Sequence[Warned]
) -> shapes.InboundAddress:
    """rules, warnings: the account's; those of other addresses are left out."""
    return shapes.InboundAddress(
        address=row.address,
        kind=row.kind.value,
        country=row.country,
        description=row.description,
        keywords=shapes.Keywords(**{name: list(row.keywords.get(known, ())) for name, known in SETS.items()}),
        replies=shapes.Replies(**{name: row.replies.get(known, "") for name, known in SETS.items()}),
        rules=[rule(found) for found in rules if found.address == row.address],
        opted_out=opted_out,
        warnings=[warned(found) for found in warnings if found.address == row.address],
        created_at=row.created_at,
    )


def application(row: SmsApplication, warnings: Sequence[Warned]) -> shapes.SmsApplication:
    """warnings: the account's; those of other applications are left out."""
    return shapes.SmsApplication(
        app_id=row.app_id,
        sender=row.sender,
        status_url=row.settings.get(STATUS_URL, ""),
        reply_url=row.settings.get(REPLY_URL, ""),
        consent_url=row.settings.get(CONSENT_URL, ""),
        has_callback_secret=CALLBACK_SECRET in row.settings,
        warnings=[warned(found) for found in warnings if found.app_id == row.app_id],
        created_at=row.created_at,
    )


def warned(row: Warned) -> shapes.Warned:
    return shapes.Warned(row.kind.value, row.address, row.app_id, row.text)


def meaning(row: Meaning) -> shapes.Meaning:
    return shapes.Meaning(
        row.set.value if row.set is not None else None, row.keyword, row.normalized, row.review, row.rule
    )


def received(row: InboundResult) -> shapes.InboundText:
    said = row.meaning
    return shapes.InboundText(
        set=said.set.value if said.set is not None else None,
        keyword=said.keyword,
        normalized=said.normalized,
        review=said.review,
        rule=said.rule,
        account_id=row.owner,
        changed=row.changed,
        repeat=row.repeat,
        late=row.late,
        reply=row.reply,
    )


def blocks(address: str, rules: Sequence[BlockingRule]) -> list[shapes.Blocks]:
    """What an opt-out at this address blocks, as `domain.optout.covers` decides it; rules: the account's."""
    if address == ACCOUNT_WIDE:
        return [shapes.Blocks("*", type_names(EVERY_TYPE))]
    of_address = [found for found in rules if found.address == address]
    told = [shapes.Blocks(found.app_id, type_names(found.types)) for found in of_address]
    if not any(found.app_id == TOPICS_APP for found in of_address):
        told.append(shapes.Blocks(TOPICS_APP, type_names(EVERY_TYPE)))
    return told


def opt_out(row: OptOut, rules: Sequence[BlockingRule]) -> shapes.OptOut:
    return shapes.OptOut(
        address=row.address,
        phone=row.phone,
        since=row.since,
        event_at=row.event_at,
        way=row.way.value,
        reason=row.reason,
        keyword=row.keyword,
        raw_text=row.raw_text,
        principal=row.principal,
        blocks=blocks(row.address, rules),
    )


def check(found: Sequence[Blocked], rules: Sequence[BlockingRule]) -> shapes.Check:
    by = [
        shapes.BlockedBy(opt_out(reason.opt_out, rules), rule(reason.rule) if reason.rule is not None else None)
        for reason in found
    ]
    return shapes.Check(bool(by), by)


def record(entry: model.LedgerEntry) -> shapes.OptOutRecord:
    """Of an entry with one of `EVENTS`."""
    origin = entry.origin
    return shapes.OptOutRecord(
        id=entry.id,
        at=entry.at,
        event=_EVENTS[entry.event],
        address=entry.address,
        phone=entry.endpoint,
        before=_stand(entry.before),
        after=_stand(entry.after),
        changed=entry.is_change,
        way=origin.way.value,
        detail=entry.detail,
        keyword=entry.keyword,
        raw_text=origin.raw_text,
        transport_id=entry.transport_id,
        sent_at=entry.sent_at,
        principal=origin.principal,
        remote_address=origin.remote_address,
        user_agent=origin.user_agent,
        request_id=origin.request_id,
    )


def review(entry: model.LedgerEntry, now: datetime) -> shapes.Review:
    age = business_days(entry.at, now)
    return shapes.Review(
        id=entry.id,
        at=entry.at,
        address=entry.address,
        phone=entry.endpoint,
        raw_text=entry.origin.raw_text,
        why=entry.detail,
        business_days=age,
        business_days_max=BUSINESS_DAYS_MAX,
        overdue=age > BUSINESS_DAYS_MAX,
    )


def _stand(state: model.State | None) -> shapes.StandName | None:
    match state:
        case model.State.CANCELED:
            return "opted-out"
        case model.State.CONFIRMED:
            return "opted-in"
    return None
