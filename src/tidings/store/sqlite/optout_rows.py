"""Rows of opt-outs by text to values of the domain and back; see `rows`.

Called by `optouts` and `units`. The types of a blocking rule are bits of one number, so that a query can ask for one of them.
"""

from __future__ import annotations

import msgspec

from tidings.domain.model import AccountId, Way
from tidings.domain.optout import (
    EVERY_TYPE,
    AddressKind,
    BlockingRule,
    InboundAddress,
    InboundText,
    KeywordSet,
    OptOut,
    SmsApplication,
    SmsType,
)
from tidings.domain.sandbox import SandboxNumber
from tidings.store.sqlite.database import Row
from tidings.store.sqlite.rows import map_text, micros, micros_or_none, moment, moment_or_none

_WAYS = {way.value: way for way in Way}
_decode_keywords = msgspec.json.Decoder(dict[KeywordSet, tuple[str, ...]]).decode
_decode_replies = msgspec.json.Decoder(dict[KeywordSet, str]).decode
_decode_settings = msgspec.json.Decoder(dict[str, str]).decode
_encode = msgspec.json.Encoder(order="sorted").encode


def inbound_address(row: Row) -> InboundAddress:
    created_at, keywords, replies = moment(row[4]), _decode_keywords(row[7]), _decode_replies(row[8])
    told: Row = (AddressKind(row[3]), created_at, *row[5:7], keywords, replies, moment_or_none(row[9]), row[10])
    return InboundAddress(*row[:3], *told)


def new_inbound_address_row(value: InboundAddress) -> Row:
    return (value.account_id, value.address, *_inbound_address_row(value), value.version)


def changed_inbound_address_row(value: InboundAddress) -> Row:
    return (value.id, value.version, *_inbound_address_row(value))


def _inbound_address_row(value: InboundAddress) -> Row:
    return (
        value.kind.value,
        micros(value.created_at),
        value.country,
        value.description,
        _encode(value.keywords).decode(),
        _encode(value.replies).decode(),
        micros_or_none(value.deleted_at),
    )


def sms_application(row: Row) -> SmsApplication:
    return SmsApplication(row[0], row[1], row[2], moment(row[3]), _decode_settings(row[4]))


def sms_application_row(value: SmsApplication) -> Row:
    return value.account_id, value.app_id, value.sender, micros(value.created_at), map_text(value.settings)


def blocking_rule(row: Row) -> BlockingRule:
    account_id, address, app_id, bits = row
    return BlockingRule(account_id, address, app_id, frozenset(kind for kind in SmsType if bits >> kind & 1))


def blocking_rule_row(value: BlockingRule) -> Row:
    bits = sum(1 << kind for kind in EVERY_TYPE & value.types)
    return value.account_id, value.address, value.app_id, bits


def opt_out(row: Row) -> OptOut:
    fields: Row = (*row[:3], moment(row[3]), moment(row[4]), _WAYS[row[5]], *row[6:])
    return OptOut(*fields)


def lifted_row(opt_out: OptOut) -> Row:
    """What names an opt-out as it was read."""
    return opt_out.account_id, opt_out.address, opt_out.phone, opt_out.version


def opt_out_row(value: OptOut, address_id: int, version: int) -> Row:
    """address_id: the row id of the value's address. version: that the row gets."""
    told = value.way.value, value.reason, value.keyword, value.raw_text, value.principal
    return value.phone, address_id, value.account_id, micros(value.since), micros(value.event_at), *told, version


def inbound_text(row: Row) -> InboundText:
    fields: Row = (*row[:5], moment(row[5]), moment_or_none(row[6]), *row[7:])
    return InboundText(*fields)


def inbound_text_row(value: InboundText) -> Row:
    told = value.account_id, value.address, value.phone, value.text
    return *told, micros(value.at), micros_or_none(value.sent_at), value.transport_id, value.matched


def sandbox_number(row: Row) -> SandboxNumber:
    sends, salt, digest, tries = row[4:8]
    times = moment(row[2]), moment(row[3])
    return SandboxNumber(AccountId(row[0]), row[1], *times, sends, salt, digest, tries, moment_or_none(row[8]))


def sandbox_number_row(value: SandboxNumber) -> Row:
    times = micros(value.created_at), micros(value.sent_at)
    kept = value.sends, value.salt, value.digest, value.tries, micros_or_none(value.verified_at)
    return value.account_id, value.phone, *times, *kept
