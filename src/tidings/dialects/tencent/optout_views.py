"""Rows of opt-outs as the members of our own operations. Pure; called by `management` and `unsubscribed`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from tidings.dialects.tencent.listing import seconds
from tidings.domain.keywords import Meaning
from tidings.domain.model import Event, LedgerEntry, State, Way
from tidings.domain.optout import (
    ACCOUNT_WIDE,
    EVERY_TYPE,
    TOPICS_APP,
    AddressKind,
    BlockingRule,
    InboundAddress,
    KeywordSet,
    OptOut,
    SmsType,
)
from tidings.services.texting.optouts import Blocked
from tidings.services.texting.sms_warnings import Warned

SETS = {"OptOut": KeywordSet.OPT_OUT, "OptIn": KeywordSet.OPT_IN, "Help": KeywordSet.HELP}
"""With what the names of the members about each set begin."""
TYPES = {
    "OPT_OUT": Event.OPTED_OUT,
    "OPT_IN": Event.OPTED_IN,
    "REVIEW": Event.REVIEW,
    "REVIEWED": Event.REVIEWED,
}
SOURCES = {
    "MO": Way.KEYWORD,
    "OPERATOR": Way.CONSOLE,
    "API": Way.API,
    "IMPORT": Way.IMPORT,
    "CARRIER": Way.CARRIER,
    "SYSTEM": Way.SYSTEM,
}

_TYPE_NAMES = {event: name for name, event in TYPES.items()}
_SOURCE_NAMES = {way: name for name, way in SOURCES.items()}
_RESULTS = {known: known.value.upper().replace("-", "_") for known in KeywordSet}
_STATES = {State.CANCELED: "UNSUBSCRIBED", State.CONFIRMED: "SUBSCRIBED"}


def name_of(kind: AddressKind) -> str:
    return kind.value.upper().replace("-", "_")


def source(way: Way) -> str:
    return _SOURCE_NAMES.get(way, way.value.upper().replace("-", "_"))


def types(of: Iterable[SmsType]) -> list[int]:
    return sorted(int(sms_type) for sms_type in of)


def inbound_address(
    row: InboundAddress,
    rules: Sequence[BlockingRule],
    warnings: Sequence[Warned],
    count: int,
    heard_at: datetime | None,
) -> dict[str, Any]:
    """rules, warnings: the account's."""
    shown: dict[str, Any] = {
        "InboundAddress": row.address,
        "Kind": name_of(row.kind),
        "Country": row.country,
        "Description": row.description,
    }
    for name, known in SETS.items():
        shown[f"{name}KeywordSet"] = list(row.keywords.get(known, ()))
        shown[f"{name}Reply"] = row.replies.get(known, "")
    return shown | {
        "BlockingRuleSet": [
            {"SmsSdkAppId": rule.app_id, "SmsTypeSet": types(rule.types)}
            for rule in rules
            if rule.address == row.address
        ],
        "UnsubscribedCount": count,
        "LastReplyTime": 0 if heard_at is None else seconds(heard_at),
        "WarningSet": [warning.text for warning in warnings if warning.address == row.address],
        "CreateTime": seconds(row.created_at),
    }


def meaning(row: Meaning) -> dict[str, Any]:
    result = _RESULTS[row.set] if row.set is not None else "REVIEW" if row.review else "NONE"
    return {"Result": result, "Keyword": row.keyword, "Normalised": row.normalized, "Rule": row.rule}


def user(row: OptOut, rules: Sequence[BlockingRule]) -> dict[str, Any]:
    """rules: the account's."""
    return {
        "PhoneNumber": row.phone,
        "InboundAddress": row.address,
        "Since": seconds(row.since),
        "Source": source(row.way),
        "Reason": row.reason,
        "Keyword": row.keyword,
        "Content": row.raw_text,
        "Operator": row.principal,
        "BlockedFor": _blocked_for(row.address, rules),
    }


def _blocked_for(address: str, rules: Sequence[BlockingRule]) -> list[dict[str, Any]]:
    """As `domain.optout.covers` decides it."""
    if address == ACCOUNT_WIDE:
        return [{"SmsSdkAppId": "*", "SmsTypeSet": types(EVERY_TYPE)}]
    blocked: Mapping[str, frozenset[SmsType]] = {rule.app_id: rule.types for rule in rules if rule.address == address}
    blocked = {TOPICS_APP: EVERY_TYPE, **blocked}
    return [{"SmsSdkAppId": app_id, "SmsTypeSet": types(blocked[app_id])} for app_id in sorted(blocked)]


def blocked(found: Sequence[Blocked]) -> list[dict[str, Any]]:
    """Each reason why a text would not go out. A rule without an application is none of the account's: it always blocks."""
    return [
        {
            "InboundAddress": reason.opt_out.address,
            "Since": seconds(reason.opt_out.since),
            "Source": source(reason.opt_out.way),
            "SmsSdkAppId": "" if reason.rule is None else reason.rule.app_id,
            "SmsTypeSet": types(EVERY_TYPE if reason.rule is None else reason.rule.types),
        }
        for reason in found
    ]


def record(entry: LedgerEntry) -> dict[str, Any]:
    origin = entry.origin
    return {
        "RecordId": entry.id,
        "InboundAddress": entry.address,
        "PhoneNumber": entry.endpoint,
        "Type": _TYPE_NAMES[entry.event],
        "Source": source(origin.way),
        "Reason": entry.detail,
        "Keyword": entry.keyword,
        "Content": origin.raw_text,
        "MessageId": entry.transport_id,
        "SendTime": 0 if entry.sent_at is None else seconds(entry.sent_at),
        "CreateTime": seconds(entry.at),
        "Operator": origin.principal,
        "StatusBefore": "" if entry.before is None else _STATES.get(entry.before, ""),
        "StatusAfter": "" if entry.after is None else _STATES.get(entry.after, ""),
    }
