"""Our own operations by the vendor's CommonClient: the people who are unsubscribed, the record, reviews, and what would be blocked."""

from __future__ import annotations

import time
from itertools import count
from typing import Any

import pytest
from tencentcloud.common.common_client import CommonClient
from tests.contract.tencent.conftest import (
    ADDRESS,
    APP,
    AUDITOR_KEY,
    AUDITOR_SECRET,
    OTHER_APP,
    OTHER_KEY,
    OTHER_SECRET,
    SECOND_ADDRESS,
    SECOND_APP,
    Mailbox,
)
from tests.contract.tencent.test_management import NOT_THERE, call
from tests.support.tencent import common_client, refused

_numbers = count(1)


@pytest.fixture
def place(manager: CommonClient) -> str:
    """An inbound address of this test alone, with a rule for APP."""
    made = f"+1304555{next(_numbers):04d}"
    call(manager, "AddInboundAddress", InboundAddress=made, Kind="10DLC", SmsSdkAppIdSet=[APP])
    return made


def add(manager: CommonClient, place: str, *phones: str, reason: str = "asked at the counter") -> list[dict[str, Any]]:
    given = {"InboundAddress": place, "PhoneNumberSet": list(phones), "Reason": reason}
    return list(call(manager, "AddUnsubscribedUser", **given)["UnsubscribedUserStatusSet"])


def remove(manager: CommonClient, place: str, *phones: str, **more: Any) -> list[dict[str, Any]]:
    given = {"InboundAddress": place, "PhoneNumberSet": list(phones), "Reason": "asked to come back"} | more
    return list(call(manager, "RemoveUnsubscribedUser", **given)["UnsubscribedUserStatusSet"])


def users(manager: CommonClient, **given: Any) -> list[dict[str, Any]]:
    answer = call(manager, "DescribeUnsubscribedUserList", **given)
    rows: list[dict[str, Any]] = answer["UnsubscribedUserSet"]
    assert answer["TotalCount"] >= len(rows)
    return rows


def records(manager: CommonClient, **given: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = call(manager, "DescribeSubscriptionRecordList", **given)["RecordSet"]
    return rows


# --- the people --------------------------------------------------------------------------------------------------------------------


def test_who_texts_stop_is_listed_with_everything_known(
    manager: CommonClient, place: str, phone: str, mailbox: Mailbox
) -> None:
    mailbox.reply(phone, "stop!", place)
    (row,) = users(manager, InboundAddress=place)
    assert (row["PhoneNumber"], row["InboundAddress"], row["Source"]) == (phone, place, "MO")
    assert (row["Keyword"], row["Content"], row["Operator"]) == ("STOP", "stop!", "")
    assert row["Reason"] == f"replied STOP to {place}"
    assert row["BlockedFor"] == [
        {"SmsSdkAppId": APP, "SmsTypeSet": [1, 2, 3]},
        {"SmsSdkAppId": "topics", "SmsTypeSet": [1, 2, 3]},
    ]
    assert abs(row["Since"] - time.time()) < 120


def test_each_number_gets_a_status_of_its_own(manager: CommonClient, place: str, phone: str) -> None:
    first, wrong, again = add(manager, place, phone, "+1", phone)
    assert first == {"PhoneNumber": phone, "Code": "Ok", "Message": "success", "Changed": True}
    assert (wrong["PhoneNumber"], wrong["Code"]) == ("+1", "InvalidParameterValue.IncorrectPhoneNumber")
    assert (again["Code"], again["Changed"]) == ("Ok", False)
    (row,) = users(manager, InboundAddress=place)
    assert (row["Source"], row["Reason"]) == ("API", "asked at the counter")
    assert row["Operator"].endswith("admin")
    (lifted,) = remove(manager, place, phone)
    assert (lifted["Code"], lifted["Changed"]) == ("Ok", True)
    assert users(manager, InboundAddress=place) == []


def test_numbers_of_mainland_china_come_in_any_of_the_clouds_spellings(manager: CommonClient, place: str) -> None:
    statuses = add(manager, place, "18501234444", "008618501234444")
    assert [(row["PhoneNumber"], row["Changed"]) for row in statuses] == [
        ("+8618501234444", True),
        ("+8618501234444", False),
    ]
    assert users(manager, InboundAddress=place, PhoneNumberSet=["8618501234444"])


def test_a_persons_own_stop_is_not_lifted_for_thirty_days_unless_forced(
    manager: CommonClient, place: str, phone: str, mailbox: Mailbox
) -> None:
    mailbox.reply(phone, "STOP", place)
    (kept,) = remove(manager, place, phone)
    assert (kept["Code"], kept["Changed"]) == ("FailedOperation", False)
    assert "30 days" in kept["Message"]
    (lifted,) = remove(manager, place, phone, Force=True)
    assert lifted["Changed"] is True


def test_an_opt_out_of_the_whole_account_blocks_everything(manager: CommonClient, phone: str) -> None:
    assert add(manager, "*", phone)[0]["Changed"] is True
    (row,) = users(manager, PhoneNumberSet=[phone])
    assert row["BlockedFor"] == [{"SmsSdkAppId": "*", "SmsTypeSet": [1, 2, 3]}]
    assert users(manager, PhoneNumberSet=[phone], SmsSdkAppId=SECOND_APP) == [row]
    assert remove(manager, "*", phone)[0]["Changed"] is True


def test_users_are_found_by_address_number_application_and_time(manager: CommonClient, place: str, phone: str) -> None:
    other = phone[:-4] + "9999"
    began = int(time.time())
    add(manager, place, phone, other)
    assert [row["PhoneNumber"] for row in users(manager, InboundAddress=place, PhoneNumberSet=[other])] == [other]
    assert len(users(manager, InboundAddress=place, SmsSdkAppId=APP)) == 2
    assert users(manager, InboundAddress=place, SmsSdkAppId=SECOND_APP) == []
    assert len(users(manager, InboundAddress=place, SmsSdkAppId="topics")) == 2
    assert len(users(manager, InboundAddress=place, BeginTime=began)) == 2
    assert users(manager, InboundAddress=place, EndTime=began) == []
    page = call(manager, "DescribeUnsubscribedUserList", InboundAddress=place, Limit=1, Offset=1)
    assert (page["TotalCount"], len(page["UnsubscribedUserSet"])) == (2, 1)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"PhoneNumberSet": []}, "MissingParameter.EmptyPhoneNumberSet"),
        ({"PhoneNumberSet": ["+12025550123"] * 201}, "LimitExceeded.PhoneNumberCountLimit"),
        ({"PhoneNumberSet": None}, "MissingParameter"),
        ({"Reason": None}, "MissingParameter"),
        ({"Reason": " "}, "InvalidParameterValue"),
        ({"Reason": "x" * 501}, "InvalidParameterValue"),
        ({"InboundAddress": "+12025550000"}, NOT_THERE),
    ],
)
@pytest.mark.parametrize("action", ["AddUnsubscribedUser", "RemoveUnsubscribedUser"])
def test_what_concerns_all_numbers_is_refused_before_the_first(
    manager: CommonClient, action: str, given: dict[str, Any], code: str
) -> None:
    usual = {"InboundAddress": ADDRESS, "PhoneNumberSet": ["+12025550123"], "Reason": "why"}
    with refused(code):
        call(manager, action, **{k: v for k, v in (usual | given).items() if v is not None})


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"BeginTime": 2, "EndTime": 1}, "InvalidParameterValue.EndTimeVerifyFail"),
        ({"BeginTime": -1}, "InvalidParameterValue.BeginTimeVerifyFail"),
        ({"EndTime": 2**62}, "InvalidParameterValue.EndTimeVerifyFail"),
        ({"PhoneNumberSet": ["nobody"]}, "InvalidParameterValue.IncorrectPhoneNumber"),
        ({"Offset": -1}, "InvalidParameterValue.OffsetVerifyFail"),
        ({"Limit": 101}, "InvalidParameterValue.LimitVerifyFail"),
    ],
)
@pytest.mark.parametrize("action", ["DescribeUnsubscribedUserList", "DescribeSubscriptionRecordList"])
def test_a_search_that_cannot_be_is_refused(
    manager: CommonClient, action: str, given: dict[str, Any], code: str
) -> None:
    with refused(code):
        call(manager, action, **given)


# --- the record --------------------------------------------------------------------------------------------------------------------


def test_the_record_tells_every_change_newest_first(
    manager: CommonClient, place: str, phone: str, mailbox: Mailbox
) -> None:
    mailbox.reply(phone, "Stop", place)
    remove(manager, place, phone, Force=True)
    added = records(manager, InboundAddress=place)
    assert [row["Type"] for row in added] == ["OPT_IN", "OPT_OUT"]
    lifted, said = added
    assert (said["PhoneNumber"], said["Source"], said["Keyword"], said["Content"]) == (phone, "MO", "STOP", "Stop")
    assert (said["StatusBefore"], said["StatusAfter"]) == ("SUBSCRIBED", "UNSUBSCRIBED")
    assert (lifted["Source"], lifted["Reason"], lifted["Operator"][-5:]) == ("API", "asked to come back", "admin")
    assert (lifted["StatusBefore"], lifted["StatusAfter"]) == ("UNSUBSCRIBED", "SUBSCRIBED")
    assert abs(said["CreateTime"] - time.time()) < 120
    assert said["SendTime"] == 0


def test_records_are_found_by_kind_source_number_and_pages(
    manager: CommonClient, place: str, phone: str, mailbox: Mailbox
) -> None:
    other = phone[:-4] + "9998"
    mailbox.reply(phone, "STOP", place)
    add(manager, place, other)
    newest, oldest = records(manager, InboundAddress=place)
    assert records(manager, InboundAddress=place, Source="MO") == [oldest]
    assert records(manager, InboundAddress=place, Source="api") == [newest]
    assert records(manager, InboundAddress=place, Type="OPT_IN") == []
    assert records(manager, InboundAddress=place, PhoneNumberSet=[phone]) == [oldest]
    assert records(manager, InboundAddress=place, PhoneNumberSet=[phone, other]) == [newest, oldest]
    assert records(manager, InboundAddress=place, Limit=1, Offset=1) == [oldest]
    assert records(manager, InboundAddress=place, BeforeRecordId=newest["RecordId"]) == [oldest]
    assert call(manager, "DescribeSubscriptionRecordList", InboundAddress=place, Limit=1)["TotalCount"] == 2
    for given in ({"Type": "STOP"}, {"Source": "PIGEON"}):
        with refused("InvalidParameterValue"):
            records(manager, **given)
    with refused("InvalidParameterValue.OffsetVerifyFail"):
        records(manager, Offset=1_000)


@pytest.mark.parametrize(("decision", "blocked"), [("OPT_OUT", True), ("ignore", False)])
def test_a_text_that_nobody_can_be_sure_of_is_decided_on_once(
    manager: CommonClient, place: str, phone: str, mailbox: Mailbox, decision: str, blocked: bool
) -> None:
    mailbox.reply(phone, "I don't want these any more", place)
    (review,) = records(manager, InboundAddress=place, Type="REVIEW")
    assert review["Content"] == "I don't want these any more"
    given = {"RecordId": review["RecordId"], "Decision": decision, "Reason": "read by Ann"}
    assert call(manager, "ResolveReview", **given) == {}
    assert bool(users(manager, InboundAddress=place)) is blocked
    (decided,) = records(manager, InboundAddress=place, Type="REVIEWED")
    assert "read by Ann" in decided["Reason"]
    with refused("FailedOperation"):
        call(manager, "ResolveReview", **given)
    for wrong, code in (
        ({"RecordId": decided["RecordId"]}, "ResourceNotFound"),
        ({"RecordId": -1}, "ResourceNotFound"),
        ({"RecordId": -(2**63)}, "ResourceNotFound"),
        ({"Decision": "MAYBE"}, "InvalidParameterValue"),
        ({"Reason": ""}, "InvalidParameterValue"),
    ):
        with refused(code):
            call(manager, "ResolveReview", **given | wrong)


# --- what would be blocked ------------------------------------------------------------------------------------------------------------


def test_a_check_says_of_each_number_what_blocks_it(manager: CommonClient, phone: str, mailbox: Mailbox) -> None:
    mailbox.reply(phone, "STOP", ADDRESS)
    asked = {"PhoneNumberSet": [phone, "+12025550142", "x"], "SmsSdkAppId": APP, "SmsType": 1}
    blocked, free, wrong = call(manager, "CheckPhoneNumberBlocked", **asked)["PhoneNumberBlockedSet"]
    assert (blocked["PhoneNumber"], blocked["Code"], blocked["Blocked"]) == (phone, "Ok", True)
    (by,) = blocked["BlockedBySet"]
    assert (by["InboundAddress"], by["SmsSdkAppId"], by["SmsTypeSet"], by["Source"]) == (ADDRESS, APP, [1, 2], "MO")
    assert (free["Blocked"], free["BlockedBySet"]) == (False, [])
    assert (wrong["PhoneNumber"], wrong["Code"]) == ("x", "InvalidParameterValue.IncorrectPhoneNumber")
    for more in ({"SmsType": 3}, {"SmsSdkAppId": SECOND_APP}):  # no rule of the first address covers these
        answer = call(manager, "CheckPhoneNumberBlocked", **asked | more)
        assert answer["PhoneNumberBlockedSet"][0]["Blocked"] is False
    for wrong_one, code in (
        ({"SmsType": 0}, "InvalidParameterValue.InvalidSmsType"),
        ({"SmsSdkAppId": OTHER_APP}, "InvalidParameterValue.SdkAppIdNotExist"),
    ):
        with refused(code):
            call(manager, "CheckPhoneNumberBlocked", **asked | wrong_one)


def test_another_accounts_people_are_not_seen(manager: CommonClient, endpoint: str, phone: str) -> None:
    add(manager, SECOND_ADDRESS, phone)
    bob = common_client(endpoint, key_id=OTHER_KEY, secret=OTHER_SECRET)
    assert users(bob, PhoneNumberSet=[phone]) == []
    assert records(bob, PhoneNumberSet=[phone]) == []
    with refused(NOT_THERE):
        users(bob, InboundAddress=SECOND_ADDRESS)


def test_an_auditor_sees_who_is_out_and_brings_nobody_back(manager: CommonClient, endpoint: str, phone: str) -> None:
    add(manager, ADDRESS, phone)
    eve = common_client(endpoint, key_id=AUDITOR_KEY, secret=AUDITOR_SECRET)
    assert users(eve, PhoneNumberSet=[phone])
    assert records(eve, PhoneNumberSet=[phone])
    for change in (add, remove):
        with refused("AuthFailure.UnauthorizedOperation"):
            change(eve, ADDRESS, phone)
