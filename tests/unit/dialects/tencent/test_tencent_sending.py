"""SendSms and SendMultiGlobalSms through the vendor's SDK: every code, and the order in which rules are asked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.support.build import ACCOUNT, OTHER_ACCOUNT
from tests.support.tencent import refused
from tests.unit.dialects.tencent.exchange import Exchange, open_exchange

from tidings.domain.errors import Unavailable
from tidings.domain.model import NO_ID, Account, Way
from tidings.domain.optout import (
    EVERY_TYPE,
    AddressKind,
    BlockingRule,
    InboundAddress,
    OptOut,
    SmsApplication,
    SmsType,
)
from tidings.domain.texts import Reach, Review, SmsSign, SmsTemplate, TextCount
from tidings.domain.unit import Unit
from tidings.services.texting.texts import TextLimits

APP, ADDRESS, OTHERS_ADDRESS = "1400006666", "+18885550100", "+18885550109"
US, GB, CN = "+12025550123", "+447400123456", "+8618501234444"
GLOBAL, MAINLAND, BOTH, CODE, ADVERT, WAITING, REFUSED, LONG = range(1101, 1109)
GLOBAL_SIGN, MAINLAND_SIGN, WAITING_SIGN = "Tidings", "腾讯云", "Later"
FAILED = "FailedOperation"
NOON = datetime(2026, 11, 21, 4, tzinfo=UTC)
"""In China."""


@dataclass
class Harness:
    """An account that may send."""

    exchange: Exchange

    async def send(
        self, *phones: str, template: object = GLOBAL, values: tuple[str, ...] = ("Ann",), **more: Any
    ) -> Any:
        asked = {
            "PhoneNumberSet": list(phones),
            "SmsSdkAppId": APP,
            "TemplateId": str(template),
            "TemplateParamSet": list(values),
            **more,
        }
        answer = await self.exchange.ask("SendSms", {name: value for name, value in asked.items() if value is not None})
        return answer.SendStatusSet

    async def codes(self, *phones: str, **more: Any) -> list[str]:
        statuses = await self.send(*phones, **more)
        for status in statuses:
            if status.Code != "Ok":
                assert (status.SerialNo, status.Fee, status.IsoCode) == ("", 0, "")
                assert status.Message.isascii()
        return [status.Code for status in statuses]

    async def code(self, phone: str = US, **more: Any) -> str:
        (code,) = await self.codes(phone, **more)
        return code

    async def multi(self, *infos: dict[str, Any], **more: Any) -> Any:
        answer = await self.exchange.ask("SendMultiGlobalSms", {"SmsSdkAppId": APP, "MultiSmsInfoSet": infos} | more)
        return answer.SendMultiStatusSet

    async def bodies(self) -> list[str]:
        return [task.message.body for task in await self.exchange.flow.take(1000)]

    async def counted(self, what: TextCount) -> int:
        since, until = datetime(2020, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
        tallies = await self.exchange.store.text_tallies(ACCOUNT, app_id=APP, since=since, until=until)
        return sum(tally.count for tally in tallies if tally.what is what)


async def furnish(exchange: Exchange) -> Harness:
    exchange.texts_clock.time = NOON
    now = exchange.clock.now()

    def template(template_id: int, content: str, kind: SmsType, reach: Reach) -> SmsTemplate:
        return SmsTemplate(template_id, ACCOUNT, "name", content, kind, reach, Review.USABLE, now)

    def sign(sign_id: int, content: str, reach: Reach) -> SmsSign:
        return SmsSign(sign_id, ACCOUNT, content, reach, Review.USABLE, now)

    waiting = template(WAITING, "Dear {1}", SmsType.NOTIFICATION, Reach.BOTH)
    await exchange.store.commit(
        Unit(
            accounts=[Account(OTHER_ACCOUNT, "other", "1" * 32, now)],
            sms_applications=[
                SmsApplication(ACCOUNT, APP, ADDRESS, now),
                SmsApplication(OTHER_ACCOUNT, "1400009999", "", now),
            ],
            inbound_addresses_new=[
                InboundAddress(NO_ID, ACCOUNT, ADDRESS, AddressKind.TEN_DLC, now),
                InboundAddress(NO_ID, OTHER_ACCOUNT, OTHERS_ADDRESS, AddressKind.TEN_DLC, now),
            ],
            blocking_rules=[BlockingRule(ACCOUNT, ADDRESS, APP, EVERY_TYPE)],
            sms_templates_new=[
                template(GLOBAL, "Dear {1}", SmsType.NOTIFICATION, Reach.GLOBAL),
                template(MAINLAND, "亲爱的{1}", SmsType.NOTIFICATION, Reach.MAINLAND),
                template(BOTH, "Dear {1}, hello {1}", SmsType.NOTIFICATION, Reach.BOTH),
                template(CODE, "{1} is your code for {2} minutes", SmsType.VERIFICATION_CODE, Reach.BOTH),
                template(ADVERT, "Sale! 拒收请回复R", SmsType.MARKETING, Reach.BOTH),
                template(LONG, "x" * 490 + "{1}", SmsType.NOTIFICATION, Reach.BOTH),
                replace(waiting, review=Review.WAITING),
                replace(waiting, id=REFUSED, review=Review.REFUSED),
            ],
            sms_signs_new=[
                sign(1, GLOBAL_SIGN, Reach.GLOBAL),
                sign(2, MAINLAND_SIGN, Reach.MAINLAND),
                replace(sign(3, WAITING_SIGN, Reach.BOTH), review=Review.WAITING),
            ],
        )
    )
    return Harness(exchange)


@pytest.fixture
async def harness(exchange: Exchange) -> Harness:
    return await furnish(exchange)


# --- answers -----------------------------------------------------------------------------------------------------------


async def test_every_number_has_its_answer_in_the_clouds_form(harness: Harness) -> None:
    statuses = await harness.send(US, "0", GB, SessionContext="my id")
    shown = [(one.PhoneNumber, one.Code, one.Message, one.Fee, one.IsoCode, one.SessionContext) for one in statuses]
    assert shown == [
        (US, "Ok", "send success", 1, "US", "my id"),
        ("0", "InvalidParameterValue.IncorrectPhoneNumber", "This is not a phone number.", 0, "", "my id"),
        (GB, "Ok", "send success", 1, "GB", "my id"),
    ]
    assert len({one.SerialNo for one in statuses}) == 3
    assert await harness.bodies() == ["Dear Ann"] * 2


async def test_a_message_per_number_is_in_the_callers_language(harness: Harness) -> None:
    answer = await harness.exchange.ask(
        "SendSms", {"PhoneNumberSet": ["0"], "SmsSdkAppId": APP, "TemplateId": "1101"}, language="zh-CN"
    )
    assert answer.SendStatusSet[0].Message == "手机号格式错误。"


@pytest.mark.parametrize("spelling", ["+8618501234444", "008618501234444", "8618501234444", "18501234444"])
async def test_a_mainland_number_may_be_written_in_four_ways(harness: Harness, spelling: str) -> None:
    (status,) = await harness.send(spelling, template=MAINLAND, SignName=MAINLAND_SIGN)
    assert (status.Code, status.PhoneNumber, status.IsoCode) == ("Ok", CN, "CN")
    assert await harness.bodies() == ["【腾讯云】亲爱的Ann"]


async def test_a_sign_may_be_left_out_outside_mainland_china(harness: Harness) -> None:
    assert await harness.codes(US, SignName=GLOBAL_SIGN) == ["Ok"]
    assert await harness.codes(US) == ["Ok"]
    assert await harness.bodies() == ["[Tidings] Dear Ann", "Dear Ann"]


async def test_the_fee_is_the_number_of_parts(harness: Harness) -> None:
    (status,) = await harness.send(US, values=("x" * 156,))
    assert status.Fee == 2


async def test_a_call_succeeds_though_every_number_failed(harness: Harness) -> None:
    assert await harness.codes("1", "+1", "+0", "Ann") == ["InvalidParameterValue.IncorrectPhoneNumber"] * 4
    assert harness.exchange.flow.backlog() == 0
    assert await harness.counted(TextCount.INVALID_NUMBER) == 4
    assert await harness.counted(TextCount.REQUESTED) == 4


# --- the request -------------------------------------------------------------------------------------------------------


async def test_what_is_wrong_with_the_request_is_told_once(harness: Harness) -> None:
    with refused("MissingParameter.EmptyPhoneNumberSet"):
        await harness.send()
    with refused("MissingParameter"):
        await harness.send(US, SmsSdkAppId=None)
    with refused("InvalidParameter"):
        await harness.send(US, TemplateId=1101)
    with refused("LimitExceeded.PhoneNumberCountLimit"):
        await harness.send(*[US] * 201)
    with refused("InvalidParameterValue"):
        await harness.send(US, SessionContext="é" * 256)
    with refused("InvalidParameterValue"):
        await harness.send(US, SenderId="<script>")
    with refused("InvalidParameterValue"):
        await harness.send(US, ExtendCode="x")
    with refused("InvalidParameterValue"):
        await harness.send(US, SenderId=OTHERS_ADDRESS)
    for app_id in ("1400000000", "1400009999", "topics", ""):
        with refused("InvalidParameterValue.SdkAppIdNotExist"):
            await harness.send(US, SmsSdkAppId=app_id)
    with refused("UnsupportedOperation.ContainDomesticAndInternationalPhoneNumber"):
        await harness.send(US, CN)
    assert harness.exchange.flow.backlog() == 0


async def test_two_hundred_numbers_and_511_bytes_of_session_are_taken(harness: Harness) -> None:
    statuses = await harness.send(*[f"+1202556{n:04d}" for n in range(200)], SessionContext="é" * 255 + "x")
    assert {status.Code for status in statuses} == {"Ok"}
    assert len(await harness.bodies()) == 200


async def test_a_full_server_is_an_error_that_may_be_repeated(harness: Harness) -> None:
    harness.exchange.flow.stop()
    with pytest.raises(Unavailable):
        await harness.exchange.flow.room()
    with refused("InternalError"):
        await harness.send(US)


async def test_somebody_who_may_only_look_sends_nothing(harness: Harness) -> None:
    asked = {"PhoneNumberSet": [US], "SmsSdkAppId": APP, "TemplateId": str(GLOBAL), "TemplateParamSet": ["Ann"]}
    with refused("AuthFailure.UnauthorizedOperation"):
        await harness.exchange.ask("SendSms", asked, key_id="AUDITOR")
    answer = await harness.exchange.ask("SendSms", asked, key_id="LIMITED")  # to this very action
    assert answer.SendStatusSet[0].Code == "Ok"


# --- per number --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("phone", "given", "code"),
    [
        (US, {"template": 9999}, f"{FAILED}.TemplateUnapprovedOrNotExist"),
        (US, {"template": "abc"}, f"{FAILED}.TemplateUnapprovedOrNotExist"),
        (US, {"template": "1" * 30}, f"{FAILED}.TemplateUnapprovedOrNotExist"),
        (US, {"template": WAITING}, f"{FAILED}.TemplateIncorrectOrUnapproved"),
        (US, {"template": REFUSED}, f"{FAILED}.TemplateIncorrectOrUnapproved"),
        (US, {"template": MAINLAND}, "UnsupportedOperation.ChineseMainlandTemplateToGlobalPhone"),
        (CN, {"template": GLOBAL}, "UnsupportedOperation.GlobalTemplateToChineseMainlandPhone"),
        (CN, {"template": MAINLAND}, f"{FAILED}.SignatureIncorrectOrUnapproved"),
        (CN, {"template": MAINLAND, "SignName": ""}, f"{FAILED}.SignatureIncorrectOrUnapproved"),
        (CN, {"template": MAINLAND, "SignName": "2"}, f"{FAILED}.SignatureIncorrectOrUnapproved"),
        (CN, {"template": MAINLAND, "SignName": GLOBAL_SIGN}, f"{FAILED}.SignatureIncorrectOrUnapproved"),
        (CN, {"template": MAINLAND, "SignName": WAITING_SIGN}, f"{FAILED}.SignatureIncorrectOrUnapproved"),
        (US, {"SignName": MAINLAND_SIGN}, f"{FAILED}.SignatureIncorrectOrUnapproved"),
        (US, {"SignName": "nobody's"}, f"{FAILED}.SignatureIncorrectOrUnapproved"),
        (US, {"values": ()}, f"{FAILED}.TemplateParamSetNotMatchApprovedTemplate"),
        (US, {"values": ("a", "b")}, f"{FAILED}.TemplateParamSetNotMatchApprovedTemplate"),
        (US, {"template": CODE, "values": ("12a", "5")}, "InvalidParameterValue.TemplateParameterFormatError"),
        (US, {"template": CODE, "values": ("1234567", "5")}, "InvalidParameterValue.TemplateParameterFormatError"),
        (US, {"values": ("x" * 501,)}, "InvalidParameterValue.TemplateParameterLengthLimit"),
        (
            CN,
            {"template": MAINLAND, "SignName": MAINLAND_SIGN, "values": ("t.cn/abc",)},
            "InvalidParameterValue.ProhibitedUseUrlInTemplateParameter",
        ),
        (US, {"template": LONG, "values": ("x" * 11,)}, "InvalidParameterValue.ContentLengthLimit"),
        (US, {"template": LONG, "values": ("x" * 10,)}, "Ok"),
        (
            US,
            {"template": LONG, "values": ("x" * 10,), "SignName": GLOBAL_SIGN},
            "InvalidParameterValue.ContentLengthLimit",
        ),
        (US, {"template": CODE, "values": ("", "5")}, "Ok"),
        (US, {"values": ("https://a.example/b",)}, "Ok"),
    ],
)
async def test_a_rule_that_is_broken_is_told_per_number(
    harness: Harness, phone: str, given: dict[str, Any], code: str
) -> None:
    assert await harness.code(phone, **given) == code


async def test_rules_are_asked_in_their_order(harness: Harness) -> None:
    """Number, template, its kind, sign, values, the whole text."""
    everything: dict[str, Any] = {"template": 9999, "SignName": "nobody's", "values": ("1", "2", "3")}
    assert await harness.code("0", **everything) == "InvalidParameterValue.IncorrectPhoneNumber"
    assert await harness.code(CN, **everything) == f"{FAILED}.TemplateUnapprovedOrNotExist"
    everything["template"] = GLOBAL
    assert await harness.code(CN, **everything) == "UnsupportedOperation.GlobalTemplateToChineseMainlandPhone"
    everything["template"] = CODE
    assert await harness.code(CN, **everything) == f"{FAILED}.SignatureIncorrectOrUnapproved"
    everything["SignName"] = MAINLAND_SIGN
    assert await harness.code(CN, **everything) == f"{FAILED}.TemplateParamSetNotMatchApprovedTemplate"
    everything["values"] = ("www.a.cn", "x" * 501)
    assert await harness.code(CN, **everything) == "InvalidParameterValue.TemplateParameterFormatError"


@pytest.mark.parametrize(
    ("hour", "code"), [(23, f"{FAILED}.MarketingSendTimeConstraint"), (0, "Ok"), (13, "Ok"), (14, None)]
)
async def test_marketing_keeps_to_the_day_in_mainland_china(harness: Harness, hour: int, code: str | None) -> None:
    harness.exchange.texts_clock.time = datetime(2026, 11, 21, hour, 0, tzinfo=UTC)
    code = code or f"{FAILED}.MarketingSendTimeConstraint"
    assert await harness.code(CN, template=ADVERT, values=(), SignName=MAINLAND_SIGN) == code
    assert await harness.code(US, template=ADVERT, values=()) == "Ok"


async def test_who_opted_out_is_on_the_blacklist(harness: Harness) -> None:
    now = harness.exchange.clock.now()
    await harness.exchange.store.commit(Unit(opt_outs=[OptOut(ACCOUNT, ADDRESS, US, now, now, Way.KEYWORD)]))
    assert await harness.codes(US, GB) == [f"{FAILED}.PhoneNumberInBlacklist", "Ok"]
    assert await harness.counted(TextCount.BLOCKED) == 1


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (TextLimits(per_30_s=1), "LimitExceeded.PhoneNumberThirtySecondLimit"),
        (TextLimits(per_hour=1), "LimitExceeded.PhoneNumberOneHourLimit"),
        (TextLimits(per_day=1), "LimitExceeded.PhoneNumberDailyLimit"),
        (TextLimits(same_content_per_day=1), "LimitExceeded.PhoneNumberSameContentDailyLimit"),
    ],
)
async def test_frequency_limits_have_codes_of_their_own(tmp_path: Path, limits: TextLimits, code: str) -> None:
    async with open_exchange(tmp_path, limits) as exchange:
        harness = await furnish(exchange)
        assert await harness.codes(US, GB, US) == ["Ok", "Ok", code]
        assert await harness.code(US) == code
        assert await harness.counted(TextCount.LIMITED) == 2


# --- SendMultiGlobalSms ------------------------------------------------------------------------------------------------


async def test_each_number_has_a_text_of_its_own(harness: Harness) -> None:
    statuses = await harness.multi(
        {
            "PhoneNumber": US,
            "TemplateId": "1101",
            "TemplateParamSet": ["Ann"],
            "SessionContext": "a",
            "SenderId": "Shop",
        },
        {"PhoneNumber": GB, "TemplateId": "1104", "TemplateParamSet": ["123456", "5"], "SessionContext": "b"},
        {"PhoneNumber": CN, "TemplateId": "1103", "TemplateParamSet": ["x"]},
        {"PhoneNumber": "0", "TemplateId": "1101", "TemplateParamSet": ["Ann"]},
        {"PhoneNumber": US, "TemplateId": "9999"},
    )
    assert [(one.Code, one.SessionContext, one.IsoCode) for one in statuses] == [
        ("Ok", "a", "US"),
        ("Ok", "b", "GB"),
        ("UnsupportedOperation.ContainDomesticPhoneNumber", "", ""),
        ("InvalidParameterValue.IncorrectPhoneNumber", "", ""),
        (f"{FAILED}.TemplateUnapprovedOrNotExist", "", ""),
    ]
    tasks = await harness.exchange.flow.take(10)
    assert [(task.message.body, task.message.sender, task.message.sms_type) for task in tasks] == [
        ("Dear Ann", "Shop", 2),
        ("123456 is your code for 5 minutes", ADDRESS, 3),
    ]


async def test_the_request_of_many_texts_is_checked_too(harness: Harness) -> None:
    info = {"PhoneNumber": US, "TemplateId": "1101", "TemplateParamSet": ["Ann"]}
    with refused("InvalidParameterValue.MultiSmsInfoSetEmpty"):
        await harness.multi()
    with refused("LimitExceeded.PhoneNumberCountLimit"):
        await harness.multi(*[info] * 201)
    with refused("MissingParameter"):
        await harness.multi({"PhoneNumber": US})
    with refused("InvalidParameterValue") as caught:
        await harness.multi(info, info | {"SessionContext": "x" * 512})
    assert "MultiSmsInfoSet.1.SessionContext" in caught.value.get_message()
    with refused("InvalidParameterValue"):
        await harness.multi(info | {"SenderId": "x" * 21})
    with refused("InvalidParameterValue.SdkAppIdNotExist"):
        await harness.multi(info, SmsSdkAppId="1400000000")
    assert harness.exchange.flow.backlog() == 0
