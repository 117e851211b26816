"""Rows of texts that applications send to values of the domain and back; see `rows`.

Called by `texts` and `text_writes`.
"""

from __future__ import annotations

import msgspec

from tidings.domain.optout import SmsType
from tidings.domain.texts import Reach, Reader, Review, SentText, SmsSign, SmsTemplate, TextState, TextTally
from tidings.store.sqlite.database import Row
from tidings.store.sqlite.rows import micros, moment, moment_or_none

# Enumerations by value: a look into a table costs a third of calling the enumeration.
_TYPES = {kind.value: kind for kind in SmsType}
_STATES = {state.value: state for state in TextState}


_DAY_US = 86_400_000_000
# A month of a busy account are tens of thousands: made by the decoder, they hold the loop for a fifth of the time. Not strict: numbers
# are times.
text_tallies = msgspec.json.Decoder(list[TextTally], strict=False).decode


def sms_sign(row: Row) -> SmsSign:
    fields: Row = (*row[:3], Reach(row[3]), Review(row[4]), moment(row[5]), *row[6:])
    return SmsSign(*fields)


def sms_sign_row(value: SmsSign) -> Row:
    said = value.content, value.reach.value, value.review.value, micros(value.created_at)
    return (
        value.account_id,
        value.id,
        value.version,
        *said,
        value.kind,
        value.document,
        value.remark,
        value.review_reply,
    )


def sms_template(row: Row) -> SmsTemplate:
    fields: Row = (*row[:4], _TYPES[row[4]], Reach(row[5]), Review(row[6]), moment(row[7]), *row[8:])
    return SmsTemplate(*fields)


def sms_template_row(value: SmsTemplate) -> Row:
    said = value.name, value.content, value.sms_type.value
    review = value.reach.value, value.review.value, micros(value.created_at)
    return value.account_id, value.id, value.version, *said, *review, value.remark, value.review_reply


def sent_text(row: Row) -> SentText:
    fields: Row = (
        *row[:4],
        _TYPES[row[4]],
        moment(row[5]),
        *row[6:12],
        _STATES[row[12]],
        row[13],
        moment_or_none(row[14]),
        row[15],
    )
    return SentText(*fields)


def sent_text_row(value: SentText) -> Row:
    """Of a text that waits for its report."""
    assert value.state is TextState.WAITING
    accepted_us = micros(value.accepted_at)
    return (
        value.serial,
        value.account_id,
        value.app_id,
        value.phone,
        value.sms_type.value,
        accepted_us,
        accepted_us // _DAY_US,
        value.parts,
        value.template_id,
        value.sign,
        value.session,
        value.extend,
        value.digest,
    )


def reader_row(value: Reader) -> Row:
    return value.account_id, value.app_id, value.name, value.after
