"""Outcomes of texts, and what people wrote back: pulled in order, each once, or looked up by number.

Source: SMS API reference, version 2021-01-11, PullSmsSendStatus, PullSmsReplyStatus and both ...ByPhoneNumber.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from tidings.dialects.tencent.calls import Call, Operation, TencentServices
from tidings.dialects.tencent.codec import Shape, Values, integer, text
from tidings.dialects.tencent.errors import refuse
from tidings.dialects.tencent.limits import PULL_DAYS_MAX, PULL_MAX, VERSION
from tidings.dialects.tencent.numbers import read_person
from tidings.domain.grants import Grant, Verb
from tidings.domain.optout import InboundText
from tidings.domain.texts import SentText, SentTextQuery, TextState

DELIVERED, FAILED = "SUCCESS", "FAIL"
_WORDS = {
    TextState.DELIVERED: "DELIVRD",
    TextState.FAILED: "UNDELIV",
    TextState.BLOCKED: "the number is on the do-not-disturb list",
    TextState.WAITING: "",
}
"""Descriptions where the network had no words of its own."""
_MOMENT_MAX = 253_402_300_799  # the end of the year 9999
_GRACE = timedelta(minutes=5)
"""By so much more than a week may a caller's beginning lie back: clocks differ, and the call takes its time."""


async def pull_sms_send_status(services: TencentServices, call: Call) -> Mapping[str, Any]:
    limit = _limit(call.values)
    grant = call.grant(Verb.PUBLISH_SMS)
    found = await services.texts.pull_reports(grant, call.values.text("SmsSdkAppId"), limit)
    return {"PullSmsSendStatusSet": [_status(sent) for sent in found]}


async def pull_sms_reply_status(services: TencentServices, call: Call) -> Mapping[str, Any]:
    limit = _limit(call.values)
    grant = call.grant(Verb.PUBLISH_SMS)
    app_id = call.values.text("SmsSdkAppId")
    found = await services.texts.pull_replies(grant, app_id, limit)
    return await _replies(services, grant, app_id, found)


async def pull_sms_send_status_by_phone_number(services: TencentServices, call: Call) -> Mapping[str, Any]:
    values = call.values
    since, until = _period(values, services.clock.now())
    query = SentTextQuery(
        call.caller.account_id,
        values.text("SmsSdkAppId"),
        [_phone(values)],
        since,
        until,
        reported=True,
        offset=_offset(values),
        limit=_limit(values),
    )
    found = await services.texts.reports_of(call.grant(Verb.PUBLISH_SMS), query)
    return {"PullSmsSendStatusSet": [_status(sent) for sent in found]}


async def pull_sms_reply_status_by_phone_number(services: TencentServices, call: Call) -> Mapping[str, Any]:
    values = call.values
    since, until = _period(values, services.clock.now())
    phone, offset, limit = _phone(values), _offset(values), _limit(values)
    grant = call.grant(Verb.PUBLISH_SMS)
    app_id = values.text("SmsSdkAppId")
    found = await services.texts.replies_of(grant, app_id, phone, since, until, offset, limit)
    return await _replies(services, grant, app_id, found)


# --- parameters --------------------------------------------------------------------------------------------------------


def _limit(values: Values) -> int:
    limit = values.integer("Limit")
    if not 1 <= limit <= PULL_MAX:
        raise refuse("InvalidParameterValue.LimitVerifyFail")
    return limit


def _offset(values: Values) -> int:
    offset = values.integer("Offset")
    if not 0 <= offset <= _MOMENT_MAX:
        raise refuse("InvalidParameterValue.OffsetVerifyFail")
    return offset


def _period(values: Values, now: datetime) -> tuple[datetime, datetime]:
    """From BeginTime until after EndTime, which may be left out. Seconds since 1970."""
    begin, end = values.integer("BeginTime"), values.integer("EndTime", _MOMENT_MAX - 1)
    earliest = now - timedelta(days=PULL_DAYS_MAX) - _GRACE
    if not earliest.timestamp() <= begin < _MOMENT_MAX:
        raise refuse("InvalidParameterValue.BeginTimeVerifyFail")
    if not begin <= end < _MOMENT_MAX:
        raise refuse("InvalidParameterValue.EndTimeVerifyFail")
    return datetime.fromtimestamp(begin, UTC), datetime.fromtimestamp(end + 1, UTC)


def _phone(values: Values) -> str:
    number = read_person(values.text("PhoneNumber"))
    if number is None:
        raise refuse("InvalidParameterValue.IncorrectPhoneNumber")
    return number.e164


# --- answers -----------------------------------------------------------------------------------------------------------


def _status(sent: SentText) -> dict[str, Any]:
    assert sent.reported_at is not None
    return {
        **_number(sent.phone),
        "UserReceiveTime": int(sent.reported_at.timestamp()),
        "SerialNo": sent.serial,
        "ReportStatus": DELIVERED if sent.state is TextState.DELIVERED else FAILED,
        "Description": sent.detail or _WORDS[sent.state],
        "SessionContext": sent.session,
    }


async def _replies(
    services: TencentServices, grant: Grant, app_id: str, found: Sequence[InboundText]
) -> Mapping[str, Any]:
    """With the extension and the sign of the text that each one answers."""
    answered = await services.texts.answered(grant, app_id, found)
    return {"PullSmsReplyStatusSet": [_reply(received, answered.get(received.id)) for received in found]}


def _reply(received: InboundText, answered: SentText | None) -> dict[str, Any]:
    return {
        **_number(received.phone),
        "ExtendCode": "" if answered is None else answered.extend,
        "SignName": "" if answered is None else answered.sign,
        "ReplyContent": received.text,
        "ReplyTime": int((received.sent_at or received.at).timestamp()),
    }


def _number(phone: str) -> dict[str, str]:
    number = read_person(phone)
    return {
        "CountryCode": "" if number is None else number.nation_code,
        "SubscriberNumber": phone if number is None else number.subscriber,
        "PhoneNumber": phone,
    }


_PULL = Shape(integer("Limit", required=True), text("SmsSdkAppId", required=True))
_PULL_BY_NUMBER = Shape(
    integer("BeginTime", required=True),
    integer("Offset", required=True),
    integer("Limit", required=True),
    text("PhoneNumber", required=True),
    text("SmsSdkAppId", required=True),
    integer("EndTime"),
)
OPERATIONS = (
    Operation(VERSION, "PullSmsSendStatus", _PULL, pull_sms_send_status),
    Operation(VERSION, "PullSmsReplyStatus", _PULL, pull_sms_reply_status),
    Operation(VERSION, "PullSmsSendStatusByPhoneNumber", _PULL_BY_NUMBER, pull_sms_send_status_by_phone_number),
    Operation(VERSION, "PullSmsReplyStatusByPhoneNumber", _PULL_BY_NUMBER, pull_sms_reply_status_by_phone_number),
)
