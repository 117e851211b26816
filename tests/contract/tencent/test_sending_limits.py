"""Frequency limits as an operator sets them."""

from __future__ import annotations

import pytest
from tencentcloud.sms.v20210111.sms_client import SmsClient
from tests.contract.tencent.conftest import SECOND_APP, MakeTemplate
from tests.contract.tencent.test_sending import codes


@pytest.fixture(scope="module")
def settings() -> dict[str, str]:
    return {"TIDINGS_SMS_PER_HOUR": "3", "TIDINGS_SMS_SAME_PER_DAY": "2"}


def test_a_number_is_texted_as_often_as_the_operator_wants(sms: SmsClient, templates: MakeTemplate, phone: str) -> None:
    template = templates("Hello {1}")
    told = codes(sms, phone, phone, phone, template=template, values=("1",))
    assert told == ["Ok", "Ok", "LimitExceeded.PhoneNumberSameContentDailyLimit"]
    assert codes(sms, phone, template=template, values=("2",)) == ["Ok"]
    assert codes(sms, phone, template=template, values=("3",)) == ["LimitExceeded.PhoneNumberOneHourLimit"]
    assert codes(sms, phone, template=template, values=("3",), app=SECOND_APP) == ["Ok"]
