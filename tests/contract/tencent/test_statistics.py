"""Packages, of which there are none, and conversions; what is counted is shown by `test_pulls`."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from tencentcloud.sms.v20210111.sms_client import SmsClient
from tests.contract.tencent.conftest import APP, OTHER_APP, VERIFICATION_CODE, MakeTemplate
from tests.contract.tencent.test_sending import send
from tests.support.tencent import ask, refused


def hour(ahead: int) -> str:
    return f"{datetime.now(UTC) + timedelta(hours=8 + ahead):%Y%m%d%H}"


def test_there_are_no_packages(sms: SmsClient) -> None:
    given = {"SmsSdkAppId": APP, "Limit": 10, "Offset": 0, "BeginTime": hour(-48), "EndTime": hour(-1)}
    assert ask(sms, "SmsPackagesStatistics", **given).SmsPackagesStatisticsSet == []
    with refused("InvalidParameterValue.EndTimeVerifyFail"):
        ask(sms, "SmsPackagesStatistics", **given | {"EndTime": hour(1)})
    with refused("InvalidParameterValue.LimitVerifyFail"):
        ask(sms, "SmsPackagesStatistics", **given | {"Limit": 501})
    with refused("InvalidParameterValue.SdkAppIdNotExist"):
        ask(sms, "SmsPackagesStatistics", **given | {"SmsSdkAppId": OTHER_APP})


def test_a_code_that_was_entered_is_a_conversion(sms: SmsClient, templates: MakeTemplate, phone: str) -> None:
    template = templates("{1} is your code", kind=VERIFICATION_CODE)
    (status,) = send(sms, phone, template=template, values=("123456",))
    given = {"SmsSdkAppId": APP, "SerialNo": status.SerialNo, "ConversionTime": int(time.time())}
    assert ask(sms, "ReportConversion", **given).ReportConversionStatus.Code == "ok"
    with refused("InvalidParameterValue"):
        ask(sms, "ReportConversion", **given | {"SerialNo": "unknown"})


def test_hours_are_checked(sms: SmsClient) -> None:
    given = {"SmsSdkAppId": APP, "Limit": 0, "Offset": 0, "BeginTime": hour(-48), "EndTime": hour(0)}
    for operation in ("SendStatusStatistics", "CallbackStatusStatistics"):
        with refused("InvalidParameterValue.BeginTimeVerifyFail"):
            ask(sms, operation, **given | {"BeginTime": "2026112199"})
        with refused("InvalidParameterValue.EndTimeVerifyFail"):
            ask(sms, operation, **given | {"EndTime": hour(-49)})
    with refused("InvalidParameterValue.EndTimeVerifyFail"):
        ask(sms, "CallbackStatusStatistics", **given | {"BeginTime": hour(-33 * 24)})
