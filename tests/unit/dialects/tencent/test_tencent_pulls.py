"""Reports and replies by the vendor's SDK, at times that a test can choose."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from tests.support.build import ACCOUNT
from tests.support.tencent import refused
from tests.unit.dialects.tencent.exchange import Exchange
from tests.unit.dialects.tencent.test_tencent_sending import (
    ADDRESS,
    APP,
    CN,
    MAINLAND,
    MAINLAND_SIGN,
    US,
    Harness,
    furnish,
)

from tidings.domain.model import NO_ID
from tidings.domain.optout import InboundText
from tidings.domain.texts import TextReport, TextState
from tidings.domain.unit import Unit

PULLS = ["PullSmsSendStatus", "PullSmsReplyStatus"]


@pytest.fixture
async def harness(exchange: Exchange) -> Harness:
    return await furnish(exchange)


def now(harness: Harness) -> int:
    return int(harness.exchange.texts_clock.time.timestamp())


async def report(
    harness: Harness, serials: Sequence[str], state: TextState = TextState.DELIVERED, detail: str = ""
) -> None:
    at = harness.exchange.texts_clock.time
    await harness.exchange.store.commit(
        Unit(text_reports=[TextReport(serial, state, detail, at) for serial in serials])
    )


async def receive(harness: Harness, text: str, phone: str = US, **more: Any) -> None:
    received = InboundText(NO_ID, ACCOUNT, ADDRESS, phone, text, harness.exchange.texts_clock.time, **more)
    await harness.exchange.store.commit(Unit(inbound_texts=[received]))


async def ask(harness: Harness, operation: str, **given: Any) -> Any:
    answer = await harness.exchange.ask(operation, {"SmsSdkAppId": APP, "Limit": 100} | given)
    return answer.PullSmsReplyStatusSet if "Reply" in operation else answer.PullSmsSendStatusSet


def by_number(harness: Harness, **more: Any) -> dict[str, Any]:
    return {"BeginTime": now(harness) - 3600, "Offset": 0, "PhoneNumber": US} | more


async def test_a_report_is_pulled_with_all_it_has(harness: Harness) -> None:
    (status,) = await harness.send(CN, template=MAINLAND, SignName=MAINLAND_SIGN, SessionContext="my id")
    assert await ask(harness, "PullSmsSendStatus") == []
    harness.exchange.texts_clock.advance(5)
    await report(harness, [status.SerialNo])
    (pulled,) = await ask(harness, "PullSmsSendStatus")
    assert vars(pulled) == {
        "_UserReceiveTime": now(harness),
        "_CountryCode": "86",
        "_SubscriberNumber": "18501234444",
        "_PhoneNumber": CN,
        "_SerialNo": status.SerialNo,
        "_ReportStatus": "SUCCESS",
        "_Description": "DELIVRD",
        "_SessionContext": "my id",
    }
    assert await ask(harness, "PullSmsSendStatus") == []


@pytest.mark.parametrize(
    ("state", "detail", "shown"),
    [
        (TextState.DELIVERED, "stat:DELIVRD err:000", ("SUCCESS", "stat:DELIVRD err:000")),
        (TextState.FAILED, "stat:EXPIRED", ("FAIL", "stat:EXPIRED")),
        (TextState.FAILED, "", ("FAIL", "UNDELIV")),
        (TextState.BLOCKED, "", ("FAIL", "the number is on the do-not-disturb list")),
    ],
)
async def test_a_failure_is_told_in_the_networks_words(
    harness: Harness, state: TextState, detail: str, shown: tuple[str, str]
) -> None:
    (status,) = await harness.send(US)
    await report(harness, [status.SerialNo], state, detail)
    (pulled,) = await ask(harness, "PullSmsSendStatus")
    assert (pulled.ReportStatus, pulled.Description) == shown


async def test_reports_come_page_by_page(harness: Harness) -> None:
    serials = [status.SerialNo for status in await harness.send(*[US] * 5)]
    await report(harness, serials)
    pages = [[one.SerialNo for one in await ask(harness, "PullSmsSendStatus", Limit=2)] for _ in range(4)]
    assert [len(page) for page in pages] == [2, 2, 1, 0]
    assert sorted(serial for page in pages for serial in page) == sorted(serials)


async def test_a_reply_is_pulled_with_the_sign_and_extension_of_what_it_answers(harness: Harness) -> None:
    await harness.send(CN, template=MAINLAND, SignName=MAINLAND_SIGN, ExtendCode="77")
    harness.exchange.texts_clock.advance(60)
    await receive(harness, "好的", CN)
    harness.exchange.texts_clock.advance(60)
    said_at = harness.exchange.texts_clock.time - timedelta(seconds=9)
    await receive(harness, "who is this?", US, sent_at=said_at)
    answered, other = await ask(harness, "PullSmsReplyStatus")
    assert vars(answered) == {
        "_ExtendCode": "77",
        "_CountryCode": "86",
        "_PhoneNumber": CN,
        "_SignName": MAINLAND_SIGN,
        "_ReplyContent": "好的",
        "_ReplyTime": now(harness) - 60,
        "_SubscriberNumber": "18501234444",
    }
    assert (other.ExtendCode, other.SignName, other.ReplyTime) == ("", "", now(harness) - 9)
    assert await ask(harness, "PullSmsReplyStatus") == []


async def test_one_numbers_reports_can_be_asked_for_again_and_again(harness: Harness) -> None:
    serials = [status.SerialNo for status in await harness.send(US, "+447400123456", US)]
    await report(harness, serials)
    for _ in range(2):
        found = await ask(harness, "PullSmsSendStatusByPhoneNumber", **by_number(harness))
        assert {one.SerialNo for one in found} == {serials[0], serials[2]}
    found = await ask(harness, "PullSmsSendStatusByPhoneNumber", **by_number(harness, Offset=1))
    assert len(found) == 1
    found = await ask(harness, "PullSmsSendStatusByPhoneNumber", **by_number(harness, EndTime=now(harness) - 1))
    assert found == []
    found = await ask(harness, "PullSmsSendStatusByPhoneNumber", **by_number(harness, EndTime=now(harness)))
    assert len(found) == 2


async def test_one_numbers_replies_likewise(harness: Harness) -> None:
    for text in ("one", "two", "three"):
        await receive(harness, text, CN)
        await receive(harness, text, US)
        harness.exchange.texts_clock.advance(10)
    for spelling in (CN, "18501234444"):
        given = by_number(harness, PhoneNumber=spelling, EndTime=now(harness) - 15)
        found = await ask(harness, "PullSmsReplyStatusByPhoneNumber", **given)
        assert [(one.ReplyContent, one.PhoneNumber) for one in found] == [("one", CN), ("two", CN)]
    found = await ask(harness, "PullSmsReplyStatusByPhoneNumber", **by_number(harness, Offset=1, Limit=1))
    assert [one.ReplyContent for one in found] == ["two"]


@pytest.mark.parametrize("operation", PULLS)
@pytest.mark.parametrize("limit", [0, -1, 101, 2**60])
async def test_a_page_has_1_to_100(harness: Harness, operation: str, limit: int) -> None:
    with refused("InvalidParameterValue.LimitVerifyFail"):
        await ask(harness, operation, Limit=limit)
    with refused("InvalidParameterValue.LimitVerifyFail"):
        await ask(harness, f"{operation}ByPhoneNumber", **by_number(harness, Limit=limit))


@pytest.mark.parametrize("operation", PULLS)
async def test_values_of_a_look_up_are_checked(harness: Harness, operation: str) -> None:
    week = 7 * 86_400
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"BeginTime": now(harness) - week - 600}, "BeginTimeVerifyFail"),
        ({"BeginTime": 2**60}, "BeginTimeVerifyFail"),
        ({"BeginTime": -(2**60)}, "BeginTimeVerifyFail"),
        ({"EndTime": now(harness) - 7200}, "EndTimeVerifyFail"),
        ({"EndTime": 2**60}, "EndTimeVerifyFail"),
        ({"Offset": -1}, "OffsetVerifyFail"),
        ({"Offset": 2**60}, "OffsetVerifyFail"),
        ({"PhoneNumber": "12"}, "IncorrectPhoneNumber"),
        ({"SmsSdkAppId": "1400000000"}, "SdkAppIdNotExist"),
        ({"SmsSdkAppId": "1400009999"}, "SdkAppIdNotExist"),
    ]
    for given, code in wrong:
        with refused(f"InvalidParameterValue.{code}"):
            await ask(harness, f"{operation}ByPhoneNumber", **by_number(harness, **given))
    assert await ask(harness, f"{operation}ByPhoneNumber", **by_number(harness, BeginTime=now(harness) - week)) == []
    for app_id in ("1400000000", "1400009999"):
        with refused("InvalidParameterValue.SdkAppIdNotExist"):
            await ask(harness, operation, SmsSdkAppId=app_id)


@pytest.mark.parametrize("operation", PULLS)
async def test_somebody_who_may_only_look_does_not_take_reports_away(harness: Harness, operation: str) -> None:
    with refused("AuthFailure.UnauthorizedOperation"):
        await harness.exchange.ask(operation, {"SmsSdkAppId": APP, "Limit": 1}, key_id="AUDITOR")
