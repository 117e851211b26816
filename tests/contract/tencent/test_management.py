"""Our own operations by the vendor's CommonClient: inbound addresses, keywords, rules, trying out."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from tencentcloud.common.common_client import CommonClient
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tests.contract.tencent.conftest import (
    ADDRESS,
    APP,
    AUDITOR_KEY,
    AUDITOR_SECRET,
    OTHER_KEY,
    OTHER_SECRET,
    SECOND_ADDRESS,
    SECOND_APP,
    Mailbox,
    MakeTemplate,
)
from tests.support.patience import PATIENCE_S
from tests.support.tencent import ask, common_client, refused, sms_client

from tidings.domain.keywords import REQUIRED

NOT_THERE = "ResourceNotFound.InboundAddressNotExist"
_numbers = count(1)


def call(manager: CommonClient, action: str, **given: Any) -> dict[str, Any]:
    answer: dict[str, Any] = manager.call_json(action, given)["Response"]
    assert len(answer.pop("RequestId")) == 36
    return answer


def shown(manager: CommonClient, address: str) -> dict[str, Any]:
    answer = call(manager, "DescribeInboundAddressList", InboundAddressSet=[address])
    assert answer["TotalCount"] == 1
    found: dict[str, Any] = answer["InboundAddressSet"][0]
    return found


def refusal(manager: CommonClient, action: str, **given: Any) -> str:
    """How the call is refused, or nothing."""
    try:
        call(manager, action, **given)
    except TencentCloudSDKException as error:
        return f"{error.get_code()}: {error.get_message()}"
    return ""


@pytest.fixture
def address(manager: CommonClient) -> Iterator[str]:
    """An inbound address of this test alone."""
    made = f"+1302555{next(_numbers):04d}"
    call(manager, "AddInboundAddress", InboundAddress=made, Kind="10DLC", Description="of a test")
    yield made
    call(manager, "DeleteInboundAddress", InboundAddress=made, Force=True)


# --- addresses -------------------------------------------------------------------------------------------------------------------


def test_an_added_address_starts_with_default_keywords_and_a_rule_for_each_application(manager: CommonClient) -> None:
    number = "+18005550177"
    given = {"InboundAddress": number, "Description": "toll-free", "SmsSdkAppIdSet": [APP, SECOND_APP]}
    assert call(manager, "AddInboundAddress", **given) == {"InboundAddress": number}
    row = shown(manager, number)
    assert (row["Kind"], row["Country"], row["Description"]) == ("TOLL_FREE", "", "toll-free")
    assert {"STOP", "UNSUBSCRIBE"} <= set(row["OptOutKeywordSet"])
    assert "START" in row["OptInKeywordSet"]
    assert "HELP" in row["HelpKeywordSet"]
    assert all(row[name] for name in ("OptOutReply", "OptInReply", "HelpReply"))
    assert row["BlockingRuleSet"] == [{"SmsSdkAppId": app, "SmsTypeSet": [1, 2, 3]} for app in (APP, SECOND_APP)]
    assert (row["UnsubscribedCount"], row["LastReplyTime"], row["WarningSet"]) == (0, 0, [])
    assert abs(row["CreateTime"] - time.time()) < 120
    with refused("ResourceInUse.InboundAddressExist"):
        call(manager, "AddInboundAddress", **given)
    call(manager, "DeleteInboundAddress", InboundAddress=number)


@pytest.mark.parametrize("kind", ["short code", "SHORT_CODE", "short-code", ""])
def test_a_short_code_belongs_to_a_country(manager: CommonClient, kind: str) -> None:
    with refused("InvalidParameterValue"):
        call(manager, "AddInboundAddress", InboundAddress="24273", Kind=kind)
    call(manager, "AddInboundAddress", InboundAddress="24273", Kind=kind, Country="CA")
    assert (shown(manager, "24273")["Kind"], shown(manager, "24273")["Country"]) == ("SHORT_CODE", "CA")
    call(manager, "DeleteInboundAddress", InboundAddress="24273")


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"InboundAddress": "12ab"}, "InvalidParameterValue.InvalidInboundAddress"),
        ({"InboundAddress": "+1202"}, "InvalidParameterValue.InvalidInboundAddress"),
        ({"InboundAddress": "*"}, "InvalidParameterValue.InvalidInboundAddress"),
        ({"InboundAddress": "+12025550160", "Kind": "ACCOUNT"}, "InvalidParameterValue"),
        ({"InboundAddress": "+12025550160", "SmsSdkAppIdSet": ["1"]}, "InvalidParameterValue.SdkAppIdNotExist"),
        ({"InboundAddress": "+12025550160", "Description": "x" * 501}, "InvalidParameterValue"),
        ({"InboundAddress": 12025550160}, "InvalidParameter"),
        ({"InboundAddress": "+12025550160", "Color": "red"}, "UnknownParameter"),
        ({}, "MissingParameter"),
        ({"InboundAddress": ADDRESS}, "ResourceInUse.InboundAddressExist"),
    ],
)
def test_an_address_that_cannot_be_one_is_refused(manager: CommonClient, given: dict[str, Any], code: str) -> None:
    with refused(code):
        call(manager, "AddInboundAddress", **({"Kind": "10dlc"} | given if given else given))


def test_addresses_are_listed_by_pages(manager: CommonClient, address: str) -> None:
    whole = call(manager, "DescribeInboundAddressList", Limit=100)
    names = [row["InboundAddress"] for row in whole["InboundAddressSet"]]
    assert whole["TotalCount"] == len(names) >= 3
    assert {ADDRESS, SECOND_ADDRESS, address} <= set(names)
    page = call(manager, "DescribeInboundAddressList", Offset=1, Limit=1)
    assert [row["InboundAddress"] for row in page["InboundAddressSet"]] == names[1:2]
    assert page["TotalCount"] == whole["TotalCount"]
    with refused("InvalidParameterValue.LimitVerifyFail"):
        call(manager, "DescribeInboundAddressList", Limit=101)


def test_a_description_is_modified(manager: CommonClient, address: str) -> None:
    assert call(manager, "ModifyInboundAddress", InboundAddress=address, Description="new") == {}
    assert shown(manager, address)["Description"] == "new"


def test_an_unknown_or_foreign_address_is_not_found(manager: CommonClient, endpoint: str) -> None:
    bob = common_client(endpoint, key_id=OTHER_KEY, secret=OTHER_SECRET)
    for client, name in ((manager, "+12025550000"), (bob, ADDRESS), (manager, "*")):
        for action, more in (
            ("ModifyInboundAddress", {"Description": "x"}),
            ("DeleteInboundAddress", {}),
            ("ModifyInboundKeywords", {"HelpReply": "x"}),
            ("SetBlockingRule", {"SmsSdkAppId": APP, "SmsTypeSet": [1]}),
            ("DeleteBlockingRule", {"SmsSdkAppId": APP}),
            ("MatchKeyword", {"Content": "x"}),
            ("SimulateReply", {"Content": "STOP", "PhoneNumber": "+12025550123"}),
        ):
            with refused(NOT_THERE):
                call(client, action, InboundAddress=name, **more)
    assert call(bob, "DescribeInboundAddressList", InboundAddressSet=[ADDRESS])["TotalCount"] == 0


def test_an_address_in_use_is_deleted_only_when_forced(
    manager: CommonClient,
    endpoint: str,
    address: str,
    phone: str,
    templates: MakeTemplate,
    mailbox: Mailbox,
) -> None:
    call(manager, "DeleteInboundAddress", InboundAddress=address)  # nothing was ever sent from it
    call(manager, "AddInboundAddress", InboundAddress=address, Kind="10DLC")
    ask(
        sms_client(endpoint),
        "SendSms",
        PhoneNumberSet=[phone],
        SmsSdkAppId=APP,
        TemplateId=templates("Hello."),
        SenderId=address,
    )
    mailbox.texts(phone, at_least=1)
    deadline = time.monotonic() + PATIENCE_S
    while not (told := refusal(manager, "DeleteInboundAddress", InboundAddress=address)):
        call(manager, "AddInboundAddress", InboundAddress=address, Kind="10DLC")
        assert time.monotonic() < deadline, "the text's sender was not noted"
        time.sleep(0.02)  # the delivery is written down a moment after the outbox shows it
    assert told.startswith("FailedOperation: ")
    assert "60 days" in told
    call(manager, "DeleteInboundAddress", InboundAddress=address, Force=True)
    call(manager, "AddInboundAddress", InboundAddress=address, Kind="10DLC")


# --- keywords and rules -----------------------------------------------------------------------------------------------------------


def test_keywords_and_answers_are_replaced_set_by_set(manager: CommonClient, address: str) -> None:
    before = shown(manager, address)
    given = {"OptOutKeywordSet": ["Basta", *REQUIRED], "OptOutReply": "Done.", "HelpReply": "", "HelpKeywordSet": []}
    assert call(manager, "ModifyInboundKeywords", InboundAddress=address, **given) == {}
    after = shown(manager, address)
    assert after == before | given
    assert call(manager, "MatchKeyword", InboundAddress=address, Content=" basta! ") == {
        "Rule": "keyword",
        "Result": "OPT_OUT",
        "Keyword": "Basta",
        "Normalised": "basta",
    }


@pytest.mark.parametrize(
    "sets",
    [
        {"OptOutKeywordSet": ["Stop", "STOP!"], "OptInKeywordSet": ["stop"]},
        {"OptInKeywordSet": ["unsubscribe"]},
        {"HelpKeywordSet": ["?!"]},
        {"HelpKeywordSet": [""]},
        {"OptOutKeywordSet": ["x" * 31]},
    ],
)
def test_keywords_that_collide_or_are_none_are_refused_whole(
    manager: CommonClient, address: str, sets: dict[str, list[str]]
) -> None:
    before = shown(manager, address)
    with refused("InvalidParameterValue.KeywordConflict"):
        call(manager, "ModifyInboundKeywords", InboundAddress=address, OptInReply="changed", **sets)
    assert shown(manager, address) == before


def test_an_answer_longer_than_a_text_may_be_is_refused(manager: CommonClient, address: str) -> None:
    with refused("InvalidParameterValue"):
        call(manager, "ModifyInboundKeywords", InboundAddress=address, HelpReply="x" * 1601)


@pytest.mark.parametrize(
    ("content", "result"),
    [
        ("ＳＴＯＰ", "OPT_OUT"),
        ("please stop texting me", "OPT_OUT"),
        ("start", "OPT_IN"),
        ("Help?", "HELP"),
        ("I don't want these any more", "REVIEW"),
        ("see you at noon", "NONE"),
        ("", "NONE"),
    ],
)
def test_what_a_text_would_mean_is_tried_out(manager: CommonClient, content: str, result: str) -> None:
    assert call(manager, "MatchKeyword", InboundAddress=ADDRESS, Content=content)["Result"] == result


def test_a_rule_replaces_the_one_before_and_deleting_it_is_safe_to_repeat(manager: CommonClient, address: str) -> None:
    rule = {"InboundAddress": address, "SmsSdkAppId": APP}
    for types in ([1, 3], [2]):
        assert call(manager, "SetBlockingRule", **rule, SmsTypeSet=types) == {}
        assert shown(manager, address)["BlockingRuleSet"] == [{"SmsSdkAppId": APP, "SmsTypeSet": types}]
    for _ in range(2):
        assert call(manager, "DeleteBlockingRule", **rule) == {}
    row = shown(manager, address)
    assert row["BlockingRuleSet"] == []
    assert "no blocking rule" in row["WarningSet"][0]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"SmsTypeSet": []}, "InvalidParameterValue.InvalidSmsType"),
        ({"SmsTypeSet": [0]}, "InvalidParameterValue.InvalidSmsType"),
        ({"SmsTypeSet": [1, 4]}, "InvalidParameterValue.InvalidSmsType"),
        ({"SmsTypeSet": ["1"]}, "InvalidParameter"),
        ({"SmsSdkAppId": "nobody", "SmsTypeSet": [1]}, "InvalidParameterValue.SdkAppIdNotExist"),
        ({}, "MissingParameter"),
    ],
)
def test_a_rule_that_blocks_nothing_is_refused(
    manager: CommonClient, address: str, given: dict[str, Any], code: str
) -> None:
    with refused(code):
        call(manager, "SetBlockingRule", **{"InboundAddress": address, "SmsSdkAppId": APP} | given)


# --- replies and who may ------------------------------------------------------------------------------------------------------------


def test_a_simulated_reply_counts_as_one_from_the_network(manager: CommonClient, address: str, phone: str) -> None:
    said = {"InboundAddress": address, "PhoneNumber": phone, "Content": "Stop."}
    answer = call(manager, "SimulateReply", **said)
    assert (answer["Result"], answer["Keyword"], answer["Changed"], answer["Repeated"]) == (
        "OPT_OUT",
        "STOP",
        True,
        False,
    )
    assert "unsubscribed" in answer["Reply"]
    assert call(manager, "SimulateReply", **said)["Repeated"] is True
    row = shown(manager, address)
    assert row["UnsubscribedCount"] == 1
    assert abs(row["LastReplyTime"] - time.time()) < 120
    with refused("InvalidParameterValue.IncorrectPhoneNumber"):
        call(manager, "SimulateReply", **said | {"PhoneNumber": "nobody"})


def test_a_simulated_reply_is_read_in_the_spellings_of_networks(manager: CommonClient) -> None:
    call(manager, "AddInboundAddress", InboundAddress="+12025550164")
    for spelling, phone in (("0012025550164", "2027737731"), ("2025550164", "+1 (202) 773-7732")):
        said = {"InboundAddress": spelling, "PhoneNumber": phone, "Content": "STOP"}
        assert call(manager, "SimulateReply", **said)["Changed"] is True
    assert shown(manager, "+12025550164")["UnsubscribedCount"] == 2


def test_an_auditor_looks_and_changes_nothing(endpoint: str, address: str) -> None:
    eve = common_client(endpoint, key_id=AUDITOR_KEY, secret=AUDITOR_SECRET)
    assert shown(eve, address)["Description"] == "of a test"
    assert call(eve, "MatchKeyword", InboundAddress=address, Content="STOP")["Result"] == "OPT_OUT"
    for action, more in (
        ("AddInboundAddress", {"Kind": "10dlc"}),
        ("ModifyInboundAddress", {"Description": "x"}),
        ("DeleteInboundAddress", {}),
        ("ModifyInboundKeywords", {"HelpReply": "x"}),
        ("SetBlockingRule", {"SmsSdkAppId": APP, "SmsTypeSet": [1]}),
        ("DeleteBlockingRule", {"SmsSdkAppId": APP}),
        ("SimulateReply", {"PhoneNumber": "+12025550123", "Content": "STOP"}),
    ):
        with refused("AuthFailure.UnauthorizedOperation"):
            call(eve, action, InboundAddress=address, **more)


def test_the_names_of_one_version_do_not_exist_in_the_other(manager: CommonClient, endpoint: str) -> None:
    with refused("InvalidAction"):
        call(manager, "AddSmsTemplate", TemplateName="x")
    with refused("InvalidAction"):
        call(common_client(endpoint, "2021-01-11"), "MatchKeyword", InboundAddress=ADDRESS, Content="x")
    with refused("NoSuchVersion"):
        call(common_client(endpoint, "2019-07-11"), "MatchKeyword", InboundAddress=ADDRESS, Content="x")


@pytest.mark.parametrize("signing", ["TC3-HMAC-SHA256", "HmacSHA256"])
def test_lists_and_flags_come_through_a_query_too(endpoint: str, signing: str) -> None:
    client = common_client(endpoint, method="GET", signing=signing)
    number = f"+1303555{next(_numbers):04d}"
    call(client, "AddInboundAddress", InboundAddress=number, Kind="10dlc", SmsSdkAppIdSet=[APP])
    call(client, "SetBlockingRule", InboundAddress=number, SmsSdkAppId=APP, SmsTypeSet=[1, 2])
    assert shown(client, number)["BlockingRuleSet"] == [{"SmsSdkAppId": APP, "SmsTypeSet": [1, 2]}]
    call(client, "DeleteInboundAddress", InboundAddress=number, Force=True)
    assert call(client, "DescribeInboundAddressList", InboundAddressSet=[number])["TotalCount"] == 0
