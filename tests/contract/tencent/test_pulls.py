"""What became of texts, from the developer outbox; replies and their way back to the application; statistics over both."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tencentcloud.sms.v20210111.sms_client import SmsClient
from tests.contract.tencent.conftest import ADDRESS, APP, SECOND_ADDRESS, SECOND_APP, Mailbox, MakeSign, MakeTemplate
from tests.contract.tencent.test_sending import send
from tests.support.patience import PATIENCE_S
from tests.support.tencent import ask, refused

CHINA = timedelta(hours=8)


def hour(ahead: int = 0) -> str:
    return f"{datetime.now(UTC) + CHINA + timedelta(hours=ahead):%Y%m%d%H}"


def pull(sms: SmsClient, app: str = APP, at_least: int = 0) -> list[Any]:
    """Everything that can be pulled, once there are `at_least` so many."""
    found: list[Any] = []
    deadline = time.monotonic() + PATIENCE_S
    while True:
        page = ask(sms, "PullSmsSendStatus", Limit=2, SmsSdkAppId=app).PullSmsSendStatusSet
        found += page
        if not page and len(found) >= at_least:
            return found
        assert time.monotonic() < deadline, f"{len(found)} reports, waiting for {at_least}"
        if not page:
            time.sleep(0.02)  # polling another process: there is no event to wait for


def statistics(sms: SmsClient, operation: str, app: str) -> Any:
    answer = ask(sms, operation, BeginTime=hour(-1), EndTime=hour(1), SmsSdkAppId=app, Limit=0, Offset=0)
    return getattr(answer, operation)


@pytest.fixture(autouse=True)
def emptied(sms: SmsClient) -> None:
    """What earlier tests left is not this one's."""
    for app in (APP, SECOND_APP):
        pull(sms, app)
        while ask(sms, "PullSmsReplyStatus", Limit=100, SmsSdkAppId=app).PullSmsReplyStatusSet:
            pass


def test_each_report_is_pulled_once(sms: SmsClient, templates: MakeTemplate, phone: str) -> None:
    began = int(time.time())
    statuses = send(sms, *[phone] * 5, template=templates("Hello"), SessionContext="my id")
    found = pull(sms, at_least=5)
    assert sorted(one.SerialNo for one in found) == sorted(status.SerialNo for status in statuses)
    for one in found:
        assert (one.PhoneNumber, one.CountryCode, one.SubscriberNumber) == (phone, "1", phone[2:])
        assert (one.ReportStatus, one.SessionContext) == ("SUCCESS", "my id")
        assert began <= one.UserReceiveTime <= time.time() + 1
    assert pull(sms) == []
    by_number = ask(
        sms,
        "PullSmsSendStatusByPhoneNumber",
        BeginTime=began - 60,
        Offset=0,
        Limit=100,
        PhoneNumber=phone,
        SmsSdkAppId=APP,
    )
    assert len(by_number.PullSmsSendStatusSet) == 5


def test_replies_come_to_the_applications_of_their_address(
    sms: SmsClient, templates: MakeTemplate, signs: MakeSign, mailbox: Mailbox, phone: str
) -> None:
    began = int(time.time())
    sign = signs(reach=1)
    send(sms, phone, template=templates("Is that so?"), SignName=sign, ExtendCode="77")
    mailbox.reply(phone, "So it is", ADDRESS)
    mailbox.reply(phone, "Who is this?", SECOND_ADDRESS)
    (reply,) = ask(sms, "PullSmsReplyStatus", Limit=100, SmsSdkAppId=APP).PullSmsReplyStatusSet
    assert (reply.ReplyContent, reply.PhoneNumber, reply.CountryCode) == ("So it is", phone, "1")
    assert (reply.SignName, reply.ExtendCode, reply.SubscriberNumber) == (sign, "77", phone[2:])
    assert began <= reply.ReplyTime <= time.time() + 1
    assert ask(sms, "PullSmsReplyStatus", Limit=100, SmsSdkAppId=APP).PullSmsReplyStatusSet == []
    (reply,) = ask(sms, "PullSmsReplyStatus", Limit=100, SmsSdkAppId=SECOND_APP).PullSmsReplyStatusSet
    assert (reply.ReplyContent, reply.SignName) == ("Who is this?", "")
    by_number = ask(
        sms,
        "PullSmsReplyStatusByPhoneNumber",
        BeginTime=began - 60,
        EndTime=began + 60,
        Offset=0,
        Limit=100,
        PhoneNumber=phone,
        SmsSdkAppId=APP,
    )
    assert [one.ReplyContent for one in by_number.PullSmsReplyStatusSet] == ["So it is"]


def test_a_stop_is_a_reply_too(sms: SmsClient, mailbox: Mailbox, phone: str) -> None:
    mailbox.reply(phone, "STOP")
    (reply,) = ask(sms, "PullSmsReplyStatus", Limit=100, SmsSdkAppId=APP).PullSmsReplyStatusSet
    assert (reply.ReplyContent, reply.PhoneNumber) == ("STOP", phone)


def test_values_are_checked(sms: SmsClient) -> None:
    with refused("InvalidParameterValue.LimitVerifyFail"):
        ask(sms, "PullSmsSendStatus", Limit=101, SmsSdkAppId=APP)
    with refused("InvalidParameterValue.SdkAppIdNotExist"):
        ask(sms, "PullSmsSendStatus", Limit=1, SmsSdkAppId="1400000000")
    with refused("MissingParameter"):
        ask(sms, "PullSmsSendStatus", SmsSdkAppId=APP)


def test_texts_are_counted(sms: SmsClient, templates: MakeTemplate, mailbox: Mailbox, phone: str) -> None:
    template = templates("{1}")
    before, after_before = (
        statistics(sms, "SendStatusStatistics", SECOND_APP),
        statistics(sms, "CallbackStatusStatistics", SECOND_APP),
    )
    mailbox.reply(phone, "STOP", SECOND_ADDRESS)
    others = [f"{phone[:-4]}8{phone[-3:]}", f"{phone[:-4]}9{phone[-3:]}"]
    told = send(sms, phone, *others, "12", template=template, values=("x" * 200,), app=SECOND_APP)
    assert [status.Fee for status in told] == [0, 2, 2, 0]
    pull(sms, SECOND_APP, at_least=2)
    sent, ended = (statistics(sms, name, SECOND_APP) for name in ("SendStatusStatistics", "CallbackStatusStatistics"))
    assert [
        sent.RequestCount - before.RequestCount,
        sent.RequestSuccessCount - before.RequestSuccessCount,
        sent.FeeCount - before.FeeCount,
    ] == [4, 2, 4]
    assert [
        getattr(ended, name) - getattr(after_before, name)
        for name in (
            "CallbackCount",
            "CallbackSuccessCount",
            "CallbackFailCount",
            "BlackListCount",
            "InvalidNumberCount",
        )
    ] == [2, 2, 0, 1, 1]
