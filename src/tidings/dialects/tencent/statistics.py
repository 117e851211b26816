"""What was counted of an application's texts, by hours; and that a text did what it was sent for.

Source: SMS API reference, version 2021-01-11, SendStatusStatistics, CallbackStatusStatistics, SmsPackagesStatistics, ReportConversion.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from tidings.dialects.tencent.calls import Call, Operation, TencentServices
from tidings.dialects.tencent.codec import Shape, Values, integer, text
from tidings.dialects.tencent.composing import CHINA
from tidings.dialects.tencent.errors import refuse
from tidings.dialects.tencent.limits import CALLBACK_STATISTICS_DAYS_MAX, PACKAGES_MAX, VERSION
from tidings.domain.grants import Verb
from tidings.domain.texts import TextCount

_HOUR_FORM = re.compile(r"20[0-9]{8}\Z")
_HOUR = timedelta(hours=1)
_CONVERSION_DAYS_MAX = timedelta(days=8)
_CLOCKS_DIFFER = timedelta(hours=1)


async def send_status_statistics(services: TencentServices, call: Call) -> Mapping[str, Any]:
    counts = await _counts(services, call, None)
    return {
        "SendStatusStatistics": {
            "FeeCount": counts[TextCount.PARTS],
            "RequestCount": counts[TextCount.REQUESTED],
            "RequestSuccessCount": counts[TextCount.ACCEPTED],
        }
    }


async def callback_status_statistics(services: TencentServices, call: Call) -> Mapping[str, Any]:
    """Failures whose reason is not known count as the network's own."""
    counts = await _counts(services, call, timedelta(days=CALLBACK_STATISTICS_DAYS_MAX))
    delivered, failed = counts[TextCount.DELIVERED], counts[TextCount.FAILED]
    return {
        "CallbackStatusStatistics": {
            "CallbackCount": delivered + failed,
            "RequestSuccessCount": counts[TextCount.ACCEPTED],
            "CallbackFailCount": failed,
            "CallbackSuccessCount": delivered,
            "InternalErrorCount": max(0, failed - counts[TextCount.UNREACHABLE]),
            "InvalidNumberCount": counts[TextCount.INVALID_NUMBER],
            "ShutdownErrorCount": counts[TextCount.UNREACHABLE],
            "BlackListCount": counts[TextCount.BLOCKED],
            "FrequencyLimitCount": counts[TextCount.LIMITED],
        }
    }


async def _counts(services: TencentServices, call: Call, longest: timedelta | None) -> Counter[TextCount]:
    values = call.values
    since, last = _hours(values)
    if last < since or (longest is not None and last - since > longest):
        raise refuse("InvalidParameterValue.EndTimeVerifyFail")
    _check_page(values, limit_max=None)
    grant = call.grant(Verb.LIST)
    # Unverified: that the last hour counts; were it otherwise, equal times, which are allowed, would find nothing.
    tallies = await services.texts.tallies(grant, values.text("SmsSdkAppId"), since, last + _HOUR)
    counts: Counter[TextCount] = Counter()
    for tally in tallies:
        counts[tally.what] += tally.count
    return counts


async def sms_packages_statistics(services: TencentServices, call: Call) -> Mapping[str, Any]:
    """There are no packages here to be used up."""
    values = call.values
    since, last = _hours(values)
    if last <= since or last >= services.clock.now():
        raise refuse("InvalidParameterValue.EndTimeVerifyFail")
    _check_page(values, limit_max=PACKAGES_MAX)
    await services.texts.application(call.grant(Verb.LIST), values.text("SmsSdkAppId"))
    return {"SmsPackagesStatisticsSet": []}


async def report_conversion(services: TencentServices, call: Call) -> Mapping[str, Any]:
    values, now = call.values, services.clock.now()
    stamp = values.integer("ConversionTime")
    if not (now - _CONVERSION_DAYS_MAX).timestamp() <= stamp <= (now + _CLOCKS_DIFFER).timestamp():
        reason = "seconds since 1970, of the last days"
        raise refuse("InvalidParameterValue", "ConversionTime", reason)
    grant = call.grant(Verb.PUBLISH_SMS)
    at = datetime.fromtimestamp(stamp, UTC)
    await services.texts.converted(grant, values.text("SmsSdkAppId"), values.text("SerialNo"), at)
    return {"ReportConversionStatus": {"Code": "ok", "Message": "ok"}}  # lower case, unlike everywhere else


def _hours(values: Values) -> tuple[datetime, datetime]:
    """BeginTime and EndTime. Unverified: that they are China's, as the console shows them."""
    return (
        _hour(values.text("BeginTime"), "InvalidParameterValue.BeginTimeVerifyFail"),
        _hour(values.text("EndTime"), "InvalidParameterValue.EndTimeVerifyFail"),
    )


def _hour(given: str, code: str) -> datetime:
    try:
        if not _HOUR_FORM.match(given):
            raise ValueError(given)
        return datetime.strptime(given, "%Y%m%d%H").replace(tzinfo=CHINA).astimezone(UTC)
    except ValueError as error:
        raise refuse(code) from error


def _check_page(values: Values, *, limit_max: int | None) -> None:
    """Both are 0 where there are no pages; whatever else is sent there changes nothing."""
    limit = values.integer("Limit")
    if limit < 0 or (limit_max is not None and limit > limit_max):
        raise refuse("InvalidParameterValue.LimitVerifyFail")
    if values.integer("Offset") < 0:
        raise refuse("InvalidParameterValue.OffsetVerifyFail")


_STATISTICS = Shape(
    text("BeginTime", required=True),
    text("EndTime", required=True),
    text("SmsSdkAppId", required=True),
    integer("Limit", required=True),
    integer("Offset", required=True),
)
OPERATIONS = (
    Operation(VERSION, "SendStatusStatistics", _STATISTICS, send_status_statistics),
    Operation(VERSION, "CallbackStatusStatistics", _STATISTICS, callback_status_statistics),
    Operation(VERSION, "SmsPackagesStatistics", _STATISTICS, sms_packages_statistics),
    Operation(
        VERSION,
        "ReportConversion",
        Shape(
            text("SmsSdkAppId", required=True),
            text("SerialNo", required=True),
            integer("ConversionTime", required=True),
        ),
        report_conversion,
    ),
)
