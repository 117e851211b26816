"""Texts by the vendor's SDK to a running server: from SendSms to the phone, and back to those who pull what became of them."""

from __future__ import annotations

import http.client
import json
from typing import Any

from tencentcloud.common.common_client import CommonClient
from tencentcloud.sms.v20210111.sms_client import SmsClient
from tests.contract.tencent.conftest import (
    ADDRESS,
    APP,
    AUDITOR_KEY,
    AUDITOR_SECRET,
    GLOBAL,
    MAINLAND,
    MARKETING,
    NOTIFICATION,
    OTHER_APP,
    PUBLISHER_KEY,
    PUBLISHER_SECRET,
    SECOND_ADDRESS,
    SECOND_APP,
    VERIFICATION_CODE,
    Mailbox,
    MakeSign,
    MakeTemplate,
)
from tests.support.tencent import ask, refused, sms_client

BLACKLISTED = "FailedOperation.PhoneNumberInBlacklist"


def send(sms: SmsClient, *phones: str, template: str, values: tuple[str, ...] = (), app: str = APP, **more: Any) -> Any:
    answer = ask(
        sms,
        "SendSms",
        PhoneNumberSet=list(phones),
        SmsSdkAppId=app,
        TemplateId=template,
        TemplateParamSet=list(values),
        **more,
    )
    return answer.SendStatusSet


def codes(sms: SmsClient, *phones: str, **more: Any) -> list[str]:
    return [status.Code for status in send(sms, *phones, **more)]


def test_a_text_arrives_from_the_applications_sender(
    sms: SmsClient, templates: MakeTemplate, mailbox: Mailbox, phone: str
) -> None:
    template = templates("Dear {1}, your order {2} is on its way.")
    (status,) = send(sms, phone, template=template, values=("Ann", "{1}"), SessionContext="my id")
    assert (status.Code, status.Message, status.Fee) == ("Ok", "send success", 1)
    assert (status.PhoneNumber, status.IsoCode, status.SessionContext) == (phone, "US", "my id")
    assert status.SerialNo
    (text,) = mailbox.texts(phone, 1)
    assert (text["text"], text["from"]) == ("Dear Ann, your order {1} is on its way.", ADDRESS)


def test_a_text_to_mainland_china_begins_with_its_sign(
    sms: SmsClient, templates: MakeTemplate, signs: MakeSign, mailbox: Mailbox, mainland_phone: str
) -> None:
    sign = signs("腾讯云")
    template = templates("您的验证码是{1}，{2}分钟内有效。", kind=VERIFICATION_CODE, reach=MAINLAND)
    bare = mainland_phone.removeprefix("+86")
    (status,) = send(sms, bare, template=template, values=("123456", "5"), SignName=sign)
    assert (status.Code, status.PhoneNumber, status.IsoCode) == ("Ok", mainland_phone, "CN")
    (text,) = mailbox.texts(mainland_phone, 1)
    assert text["text"] == "【腾讯云】您的验证码是123456，5分钟内有效。"


def test_each_number_gets_a_text_of_its_own(
    sms: SmsClient, templates: MakeTemplate, mailbox: Mailbox, phone: str
) -> None:
    template = templates("Hello {1}")
    other = f"{phone[:-4]}9{phone[-3:]}"
    infos = [
        {"PhoneNumber": phone, "TemplateId": template, "TemplateParamSet": ["Ann"], "SenderId": "Shop"},
        {"PhoneNumber": other, "TemplateId": template, "TemplateParamSet": ["Bob"], "SessionContext": "b"},
        {"PhoneNumber": "+8618501234444", "TemplateId": template, "TemplateParamSet": ["Eve"]},
    ]
    statuses = ask(sms, "SendMultiGlobalSms", SmsSdkAppId=APP, MultiSmsInfoSet=infos).SendMultiStatusSet
    assert [(status.Code, status.SessionContext) for status in statuses] == [
        ("Ok", ""),
        ("Ok", "b"),
        ("UnsupportedOperation.ContainDomesticPhoneNumber", ""),
    ]
    (first,), (second,) = mailbox.texts(phone, 1), mailbox.texts(other, 1)
    assert [(first["text"], first["from"]), (second["text"], second["from"])] == [
        ("Hello Ann", "Shop"),
        ("Hello Bob", ADDRESS),
    ]


# --- STOP and START ----------------------------------------------------------------------------------------------------


def test_who_said_stop_is_texted_no_more_until_they_say_start(
    sms: SmsClient, templates: MakeTemplate, mailbox: Mailbox, phone: str
) -> None:
    template = templates("News of the week")
    assert codes(sms, phone, template=template) == ["Ok"]
    assert mailbox.reply(phone, "Stop.")["changed"] is True
    (status,) = send(sms, phone, template=template, SessionContext="my id")
    assert (status.Code, status.SerialNo, status.Fee, status.IsoCode) == (BLACKLISTED, "", 0, "")
    assert (status.PhoneNumber, status.SessionContext) == (phone, "my id")
    assert mailbox.reply(phone, "START")["changed"] is True
    assert codes(sms, phone, template=template) == ["Ok"]
    texts = [text["text"] for text in mailbox.texts(phone, 4)]
    assert [texts.count("News of the week"), len(texts)] == [2, 4]  # and two answers


def test_a_stop_blocks_what_its_rule_says(
    sms: SmsClient, templates: MakeTemplate, mailbox: Mailbox, phone: str
) -> None:
    """APP's rule covers marketing and notifications; another application has none at this address."""
    mailbox.reply(phone, "STOP")
    kinds = {
        kind: templates("Hello {1}. Reply STOP to end." if kind is MARKETING else "{1} hello", kind=kind)
        for kind in (MARKETING, NOTIFICATION, VERIFICATION_CODE)
    }
    told = {kind: codes(sms, phone, template=template, values=("1",))[0] for kind, template in kinds.items()}
    assert told == {MARKETING: BLACKLISTED, NOTIFICATION: BLACKLISTED, VERIFICATION_CODE: "Ok"}
    assert codes(sms, phone, template=kinds[MARKETING], values=("1",), app=SECOND_APP) == ["Ok"]
    mailbox.reply(phone, "STOP", SECOND_ADDRESS)
    assert codes(sms, phone, template=kinds[MARKETING], values=("1",), app=SECOND_APP) == [BLACKLISTED]


def test_an_edited_rule_counts_for_those_who_opted_out_before(
    manager: CommonClient, sms: SmsClient, templates: MakeTemplate, mailbox: Mailbox, phone: str
) -> None:
    code = templates("{1} is your code", kind=VERIFICATION_CODE)
    mailbox.reply(phone, "STOP")
    assert codes(sms, phone, template=code, values=("1",)) == ["Ok"]
    set_rule(manager, MARKETING, NOTIFICATION, VERIFICATION_CODE)
    try:
        assert codes(sms, phone, template=code, values=("1",)) == [BLACKLISTED]
    finally:
        set_rule(manager, MARKETING, NOTIFICATION)
    assert codes(sms, phone, template=code, values=("1",)) == ["Ok"]


def set_rule(manager: CommonClient, *types: int) -> None:
    manager.call_json("SetBlockingRule", {"InboundAddress": ADDRESS, "SmsSdkAppId": APP, "SmsTypeSet": list(types)})


# --- refusals ----------------------------------------------------------------------------------------------------------


def test_a_call_succeeds_though_every_number_failed(sms: SmsClient, templates: MakeTemplate, phone: str) -> None:
    statuses = send(sms, "12", phone, template=templates("Hello {1}"))
    assert [status.Code for status in statuses] == [
        "InvalidParameterValue.IncorrectPhoneNumber",
        "FailedOperation.TemplateParamSetNotMatchApprovedTemplate",
    ]
    assert [(status.SerialNo, status.Fee, status.IsoCode) for status in statuses] == [("", 0, "")] * 2
    assert [status.PhoneNumber for status in statuses] == ["12", phone]


def test_an_application_belongs_to_its_account(
    sms: SmsClient, bob: SmsClient, templates: MakeTemplate, phone: str
) -> None:
    template = templates("Hello")
    with refused("InvalidParameterValue.SdkAppIdNotExist"):
        send(sms, phone, template=template, app=OTHER_APP)
    with refused("InvalidParameterValue.SdkAppIdNotExist"):
        send(bob, phone, template=template, app=APP)
    # And so does a template, though the application is theirs.
    assert codes(bob, phone, template=template, app=OTHER_APP) == ["FailedOperation.TemplateUnapprovedOrNotExist"]


def test_nobody_sends_from_another_accounts_number(bob: SmsClient, phone: str) -> None:
    made = ask(
        bob, "AddSmsTemplate", TemplateName="a", TemplateContent="Hello", SmsType=2, International=GLOBAL, Remark="b"
    )
    with refused("InvalidParameterValue"):
        send(bob, phone, template=made.AddTemplateStatus.TemplateId, app=OTHER_APP, SenderId=ADDRESS)


def test_a_publisher_sends_and_an_auditor_does_not(endpoint: str, templates: MakeTemplate, phone: str) -> None:
    template = templates("Hello")
    with refused("AuthFailure.UnauthorizedOperation"):
        send(sms_client(endpoint, AUDITOR_KEY, AUDITOR_SECRET), phone, template=template)
    assert codes(sms_client(endpoint, PUBLISHER_KEY, PUBLISHER_SECRET), phone, template=template) == ["Ok"]


def test_an_error_is_told_under_the_type_that_the_sdk_looks_for(endpoint: str) -> None:
    """With a charset behind it the SDK would take the error for a success: so both are shown here."""
    host, port = endpoint.split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=30)
    try:
        connection.request("POST", "/", b"{}", {"X-TC-Action": "SendSms", "Content-Type": "application/json"})
        answer = connection.getresponse()
        assert (answer.status, answer.getheader("Content-Type")) == (200, "application/json")
        assert json.loads(answer.read())["Response"]["Error"]["Code"] == "MissingParameter"
    finally:
        connection.close()
    with refused("InvalidParameterValue.SdkAppIdNotExist"):
        send(sms_client(endpoint), "+12025550123", template="1", app="1")


def test_two_hundred_numbers_are_one_call(sms: SmsClient, templates: MakeTemplate, mailbox: Mailbox) -> None:
    phones = [f"+1202557{n:04d}" for n in range(200)]
    statuses = send(sms, *phones, template=templates("Hello {1}"), values=("all",))
    assert [status.PhoneNumber for status in statuses] == phones
    assert {status.Code for status in statuses} == {"Ok"}
    assert len({status.SerialNo for status in statuses}) == 200
    for phone in (phones[0], phones[199]):
        assert [text["text"] for text in mailbox.texts(phone, 1)] == ["Hello all"]
