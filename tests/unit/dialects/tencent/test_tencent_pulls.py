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
    Desk,
    furnish,
)

from tidings.domain.model import NO_ID
from tidings.domain.optout import HeardText
from tidings.domain.texts import TextReport, TextState
from tidings.domain.unit import Unit

PULLS = ["PullSmsSendStatus", "PullSmsReplyStatus"]


@pytest.fixture
async def desk(exchange: Exchange) -> Desk:
    return await furnish(exchange)


def now(desk: Desk) -> int:
    return int(desk.exchange.texts_clock.time.timestamp())


async def report(desk: Desk, serials: Sequence[str], state: TextState = TextState.DELIVERED, detail: str = "") -> None:
    at = desk.exchange.texts_clock.time
    await desk.exchange.store.commit(Unit(text_reports=[TextReport(serial, state, detail, at) for serial in serials]))


async def hear(desk: Desk, text: str, phone: str = US, **more: Any) -> None:
    heard = HeardText(NO_ID, ACCOUNT, ADDRESS, phone, text, desk.exchange.texts_clock.time, **more)
    await desk.exchange.store.commit(Unit(texts_heard=[heard]))


async def ask(desk: Desk, operation: str, **given: Any) -> Any:
    answer = await desk.exchange.ask(operation, {"SmsSdkAppId": APP, "Limit": 100} | given)
    return answer.PullSmsReplyStatusSet if "Reply" in operation else answer.PullSmsSendStatusSet


def by_number(desk: Desk, **more: Any) -> dict[str, Any]:
    return {"BeginTime": now(desk) - 3600, "Offset": 0, "PhoneNumber": US} | more


async def test_a_report_is_pulled_with_all_it_has(desk: Desk) -> None:
    (status,) = await desk.send(CN, template=MAINLAND, SignName=MAINLAND_SIGN, SessionContext="my id")
    assert await ask(desk, "PullSmsSendStatus") == []
    desk.exchange.texts_clock.advance(5)
    await report(desk, [status.SerialNo])
    (pulled,) = await ask(desk, "PullSmsSendStatus")
    assert vars(pulled) == {
        "_UserReceiveTime": now(desk),
        "_CountryCode": "86",
        "_SubscriberNumber": "18501234444",
        "_PhoneNumber": CN,
        "_SerialNo": status.SerialNo,
        "_ReportStatus": "SUCCESS",
        "_Description": "DELIVRD",
        "_SessionContext": "my id",
    }
    assert await ask(desk, "PullSmsSendStatus") == []


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
    desk: Desk, state: TextState, detail: str, shown: tuple[str, str]
) -> None:
    (status,) = await desk.send(US)
    await report(desk, [status.SerialNo], state, detail)
    (pulled,) = await ask(desk, "PullSmsSendStatus")
    assert (pulled.ReportStatus, pulled.Description) == shown


async def test_reports_come_page_by_page(desk: Desk) -> None:
    serials = [status.SerialNo for status in await desk.send(*[US] * 5)]
    await report(desk, serials)
    pages = [[one.SerialNo for one in await ask(desk, "PullSmsSendStatus", Limit=2)] for _ in range(4)]
    assert [len(page) for page in pages] == [2, 2, 1, 0]
    assert sorted(serial for page in pages for serial in page) == sorted(serials)


async def test_a_reply_is_pulled_with_the_sign_and_extension_of_what_it_answers(desk: Desk) -> None:
    await desk.send(CN, template=MAINLAND, SignName=MAINLAND_SIGN, ExtendCode="77")
    desk.exchange.texts_clock.advance(60)
    await hear(desk, "好的", CN)
    desk.exchange.texts_clock.advance(60)
    said_at = desk.exchange.texts_clock.time - timedelta(seconds=9)
    await hear(desk, "who is this?", US, sent_at=said_at)
    answered, other = await ask(desk, "PullSmsReplyStatus")
    assert vars(answered) == {
        "_ExtendCode": "77",
        "_CountryCode": "86",
        "_PhoneNumber": CN,
        "_SignName": MAINLAND_SIGN,
        "_ReplyContent": "好的",
        "_ReplyTime": now(desk) - 60,
        "_SubscriberNumber": "18501234444",
    }
    assert (other.ExtendCode, other.SignName, other.ReplyTime) == ("", "", now(desk) - 9)
    assert await ask(desk, "PullSmsReplyStatus") == []


async def test_one_numbers_reports_can_be_asked_for_again_and_again(desk: Desk) -> None:
    serials = [status.SerialNo for status in await desk.send(US, "+447400123456", US)]
    await report(desk, serials)
    for _ in range(2):
        found = await ask(desk, "PullSmsSendStatusByPhoneNumber", **by_number(desk))
        assert {one.SerialNo for one in found} == {serials[0], serials[2]}
    found = await ask(desk, "PullSmsSendStatusByPhoneNumber", **by_number(desk, Offset=1))
    assert len(found) == 1
    found = await ask(desk, "PullSmsSendStatusByPhoneNumber", **by_number(desk, EndTime=now(desk) - 1))
    assert found == []
    found = await ask(desk, "PullSmsSendStatusByPhoneNumber", **by_number(desk, EndTime=now(desk)))
    assert len(found) == 2


async def test_one_numbers_replies_likewise(desk: Desk) -> None:
    for text in ("one", "two", "three"):
        await hear(desk, text, CN)
        await hear(desk, text, US)
        desk.exchange.texts_clock.advance(10)
    for spelling in (CN, "18501234444"):
        given = by_number(desk, PhoneNumber=spelling, EndTime=now(desk) - 15)
        found = await ask(desk, "PullSmsReplyStatusByPhoneNumber", **given)
        assert [(one.ReplyContent, one.PhoneNumber) for one in found] == [("one", CN), ("two", CN)]
    found = await ask(desk, "PullSmsReplyStatusByPhoneNumber", **by_number(desk, Offset=1, Limit=1))
    assert [one.ReplyContent for one in found] == ["two"]


@pytest.mark.parametrize("operation", PULLS)
@pytest.mark.parametrize("limit", [0, -1, 101, 2**60])
async def test_a_page_has_1_to_100(desk: Desk, operation: str, limit: int) -> None:
    with refused("InvalidParameterValue.LimitVerifyFail"):
        await ask(desk, operation, Limit=limit)
    with refused("InvalidParameterValue.LimitVerifyFail"):
        await ask(desk, f"{operation}ByPhoneNumber", **by_number(desk, Limit=limit))


@pytest.mark.parametrize("operation", PULLS)
async def test_values_of_a_look_up_are_checked(desk: Desk, operation: str) -> None:
    week = 7 * 86_400
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"BeginTime": now(desk) - week - 600}, "BeginTimeVerifyFail"),
        ({"BeginTime": 2**60}, "BeginTimeVerifyFail"),
        ({"BeginTime": -(2**60)}, "BeginTimeVerifyFail"),
        ({"EndTime": now(desk) - 7200}, "EndTimeVerifyFail"),
        ({"EndTime": 2**60}, "EndTimeVerifyFail"),
        ({"Offset": -1}, "OffsetVerifyFail"),
        ({"Offset": 2**60}, "OffsetVerifyFail"),
        ({"PhoneNumber": "12"}, "IncorrectPhoneNumber"),
        ({"SmsSdkAppId": "1400000000"}, "SdkAppIdNotExist"),
        ({"SmsSdkAppId": "1400009999"}, "SdkAppIdNotExist"),
    ]
    for given, code in wrong:
        with refused(f"InvalidParameterValue.{code}"):
            await ask(desk, f"{operation}ByPhoneNumber", **by_number(desk, **given))
    assert await ask(desk, f"{operation}ByPhoneNumber", **by_number(desk, BeginTime=now(desk) - week)) == []
    for app_id in ("1400000000", "1400009999"):
        with refused("InvalidParameterValue.SdkAppIdNotExist"):
            await ask(desk, operation, SmsSdkAppId=app_id)


@pytest.mark.parametrize("operation", PULLS)
async def test_somebody_who_may_only_look_does_not_take_reports_away(desk: Desk, operation: str) -> None:
    with refused("AuthFailure.UnauthorizedOperation"):
        await desk.exchange.ask(operation, {"SmsSdkAppId": APP, "Limit": 1}, key_id="AUDITOR")
