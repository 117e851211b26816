"""Statistics by the vendor's SDK, at times that a test can choose; conversions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.support.build import ACCOUNT
from tests.support.tencent import refused
from tests.unit.dialects.tencent.exchange import Exchange
from tests.unit.dialects.tencent.test_tencent_sending import APP, CODE, GLOBAL, US, Harness, furnish

from tidings.domain.optout import SmsType
from tidings.domain.texts import TextCount, TextTally
from tidings.domain.unit import Unit

SENT, CALLBACKS, PACKAGES = "SendStatusStatistics", "CallbackStatusStatistics", "SmsPackagesStatistics"
BEGIN, END = "InvalidParameterValue.BeginTimeVerifyFail", "InvalidParameterValue.EndTimeVerifyFail"


@pytest.fixture
async def harness(exchange: Exchange) -> Harness:
    return await furnish(exchange)  # at noon in China, 21 November 2026


async def ask(harness: Harness, operation: str, begin: str, end: str, **more: Any) -> dict[str, Any]:
    given = {"BeginTime": begin, "EndTime": end, "SmsSdkAppId": APP, "Limit": 0, "Offset": 0} | more
    answer = vars(getattr(await harness.exchange.ask(operation, given), operation))
    return {name.removeprefix("_"): value for name, value in answer.items()}


async def test_what_was_asked_for_and_sent_is_counted(harness: Harness) -> None:
    await harness.send(US, "0", "+447400123456", values=("x" * 200,))
    await harness.send(US, "+447400123456", values=())
    await harness.send(US, template=9999)  # of no known type: counted nowhere
    assert await ask(harness, SENT, "2026112112", "2026112112") == {
        "FeeCount": 4,
        "RequestCount": 5,
        "RequestSuccessCount": 2,
    }
    assert (await ask(harness, SENT, "2026112110", "2026112111"))["RequestCount"] == 0
    assert (await ask(harness, SENT, "2026112113", "2026112120"))["RequestCount"] == 0
    assert (await ask(harness, SENT, "2026010100", "2026123123"))["RequestCount"] == 5


async def test_ends_of_texts_are_counted_by_their_reason(harness: Harness) -> None:
    counts = {
        TextCount.ACCEPTED: 100,
        TextCount.DELIVERED: 80,
        TextCount.FAILED: 12,
        TextCount.UNREACHABLE: 5,
        TextCount.BLOCKED: 3,
        TextCount.LIMITED: 2,
        TextCount.INVALID_NUMBER: 1,
    }
    hour = datetime(2026, 11, 21, 3, tzinfo=UTC)
    tallies = [
        TextTally(ACCOUNT, app_id, kind, at, what, count)
        for what, count in counts.items()
        for app_id, kind, at in (
            (APP, SmsType.MARKETING, hour),
            (APP, SmsType.NOTIFICATION, hour - timedelta(hours=1)),
            (APP, SmsType.NOTIFICATION, hour - timedelta(hours=2)),
            ("another", SmsType.MARKETING, hour),
        )
    ]
    await harness.exchange.store.commit(Unit(text_tallies=tallies))
    assert await ask(harness, CALLBACKS, "2026112110", "2026112111") == {
        "CallbackCount": 184,
        "RequestSuccessCount": 200,
        "CallbackFailCount": 24,
        "CallbackSuccessCount": 160,
        "InternalErrorCount": 14,
        "InvalidNumberCount": 2,
        "ShutdownErrorCount": 10,
        "BlackListCount": 6,
        "FrequencyLimitCount": 4,
    }


@pytest.mark.parametrize("operation", [SENT, CALLBACKS, PACKAGES])
async def test_hours_are_checked(harness: Harness, operation: str) -> None:
    for begin, end, code in [
        ("2026112125", "2026112112", BEGIN),
        ("2026110", "2026112112", BEGIN),
        ("", "2026112112", BEGIN),
        ("2026-11-21", "2026112112", BEGIN),
        ("2026022912", "2026112112", BEGIN),
        ("２０２６１１２１１２", "2026112112", BEGIN),
        ("2026112110", "2026113112", END),
        ("2026112110", "now", END),
        ("2026112110", "2026112109", END),
    ]:
        with refused(code):
            await ask(harness, operation, begin, end)
    for app_id in ("1400000000", "1400009999", "topics"):
        with refused("InvalidParameterValue.SdkAppIdNotExist"):
            await ask(harness, operation, "2026112110", "2026112111", SmsSdkAppId=app_id)
    with refused("InvalidParameterValue.LimitVerifyFail"):
        await ask(harness, operation, "2026112110", "2026112111", Limit=-1)
    with refused("InvalidParameterValue.OffsetVerifyFail"):
        await ask(harness, operation, "2026112110", "2026112111", Offset=-1)


async def test_ends_of_texts_are_told_for_up_to_32_days(harness: Harness) -> None:
    await ask(harness, CALLBACKS, "2026102000", "2026112100")
    with refused(END):
        await ask(harness, CALLBACKS, "2026102000", "2026112101")
    await ask(harness, SENT, "2020010100", "2026112101")


async def test_there_are_no_packages(harness: Harness) -> None:
    given = {"SmsSdkAppId": APP, "Limit": 500, "Offset": 0, "BeginTime": "2026112110", "EndTime": "2026112111"}
    assert (await harness.exchange.ask(PACKAGES, given)).SmsPackagesStatisticsSet == []
    cases: list[tuple[dict[str, Any], str]] = [
        ({"EndTime": "2026112110"}, END),
        ({"EndTime": "2026112112"}, END),  # it must lie before the present
        ({"Limit": 501}, "InvalidParameterValue.LimitVerifyFail"),
    ]
    for wrong, code in cases:
        with refused(code):
            await harness.exchange.ask(PACKAGES, given | wrong)


async def test_a_conversion_is_ok_in_lower_case(harness: Harness) -> None:
    (status,) = await harness.send(US, template=CODE, values=("123456", "5"))
    now = int(harness.exchange.texts_clock.time.timestamp())
    given = {"SmsSdkAppId": APP, "SerialNo": status.SerialNo, "ConversionTime": now}
    answer = await harness.exchange.ask("ReportConversion", given)
    assert answer.ReportConversionStatus.Code == "ok"
    assert await harness.counted(TextCount.CONVERTED) == 1
    cases: list[tuple[dict[str, Any], str]] = [
        ({"SerialNo": "nothing"}, "InvalidParameterValue"),
        ({"ConversionTime": now + 7200}, "InvalidParameterValue"),
        ({"ConversionTime": now - 10 * 86_400}, "InvalidParameterValue"),
        ({"ConversionTime": 2**60}, "InvalidParameterValue"),
        ({"SmsSdkAppId": "1400009999"}, "InvalidParameterValue.SdkAppIdNotExist"),
    ]
    for wrong, code in cases:
        with refused(code):
            await harness.exchange.ask("ReportConversion", given | wrong)
    assert await harness.counted(TextCount.CONVERTED) == 1


async def test_somebody_who_may_look_sees_statistics(harness: Harness) -> None:
    await harness.send(US, template=GLOBAL)
    given = {"BeginTime": "2026112112", "EndTime": "2026112112", "SmsSdkAppId": APP, "Limit": 0, "Offset": 0}
    answer = await harness.exchange.ask(SENT, given, key_id="AUDITOR")
    assert answer.SendStatusStatistics.RequestCount == 1
