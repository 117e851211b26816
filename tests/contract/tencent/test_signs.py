"""Signs by the vendor's SDK: added, modified, deleted, listed, and what is refused."""

from __future__ import annotations

import time
from base64 import b64encode
from itertools import count
from typing import Any

import pytest
from tencentcloud.common.common_client import CommonClient
from tencentcloud.sms.v20210111.sms_client import SmsClient
from tests.contract.tencent.conftest import GLOBAL, MAINLAND
from tests.support.tencent import ask, refused

_numbers = count(1)


def wanted(**given: Any) -> dict[str, Any]:
    usual = {
        "SignName": f"Sign{next(_numbers)}",
        "SignType": 0,
        "DocumentType": 1,
        "International": GLOBAL,
        "SignPurpose": 0,
        "ProofImage": b64encode(b"a picture of a paper").decode(),
        "Remark": "ours",
    }
    return usual | given


def add(sms: SmsClient, **given: Any) -> int:
    sign_id: int = ask(sms, "AddSmsSign", **wanted(**given)).AddSignStatus.SignId
    assert type(sign_id) is int
    return sign_id


def listed(sms: SmsClient, *ids: int, reach: int = GLOBAL, **window: int) -> list[Any]:
    answer = ask(sms, "DescribeSmsSignList", International=reach, SignIdSet=list(ids), **window)
    return list(answer.DescribeSignListStatusSet)


def test_an_added_sign_is_usable_at_once_and_shown_with_all_its_fields(sms: SmsClient) -> None:
    sign_id = add(sms, SignName="易美")
    (shown,) = listed(sms, sign_id)
    assert (shown.SignId, shown.SignName, shown.International) == (sign_id, "易美", GLOBAL)
    assert (shown.StatusCode, shown.ReviewReply) == (0, "")
    assert (shown.QualificationId, shown.QualificationName, shown.QualificationStatusCode) == (0, "", 0)
    assert abs(shown.CreateTime - time.time()) < 120


def test_ten_signs_are_listed_unless_another_number_is_asked_for(sms: SmsClient) -> None:
    made = [add(sms, International=MAINLAND) for _ in range(11)]
    whole = [row.SignId for row in listed(sms, reach=MAINLAND, Limit=100)]
    assert set(made) <= set(whole)
    assert [row.SignId for row in listed(sms, reach=MAINLAND)] == whole[:10]
    assert [row.SignId for row in listed(sms, reach=MAINLAND, Limit=3, Offset=2)] == whole[2:5]
    assert listed(sms, *made, reach=GLOBAL) == []


def test_a_modified_sign_keeps_what_was_left_out(sms: SmsClient) -> None:
    sign_id = add(sms)
    answer = ask(sms, "ModifySmsSign", SignId=sign_id, SignName="Another name")
    assert answer.ModifySignStatus.SignId == sign_id
    (shown,) = listed(sms, sign_id)
    assert shown.SignName == "Another name"
    with refused("InvalidParameterValue.InvalidInternational"):
        ask(sms, "ModifySmsSign", SignId=sign_id, International=MAINLAND)
    with refused("InvalidParameterValue.SignExistAndUnapproved"):
        ask(sms, "ModifySmsSign", SignId=add(sms), SignName="Another name")


def test_a_deleted_sign_is_gone(sms: SmsClient) -> None:
    sign_id = add(sms)
    status = ask(sms, "DeleteSmsSign", SignId=sign_id).DeleteSignStatus
    assert status.DeleteStatus == "return successfully!"
    assert abs(status.DeleteTime - time.time()) < 120
    assert listed(sms, sign_id) == []
    with refused("FailedOperation.SignIdNotExist"):
        ask(sms, "DeleteSmsSign", SignId=sign_id)
    with refused("FailedOperation.MissingSignatureToModify"):
        ask(sms, "ModifySmsSign", SignId=sign_id, SignName="x")


def test_the_same_sign_twice_is_refused_and_for_other_numbers_it_is_one_for_all(sms: SmsClient) -> None:
    given = wanted()
    sign_id = add(sms, **given)
    with refused("InvalidParameterValue.SignExistAndUnapproved"):
        ask(sms, "AddSmsSign", **given)
    assert add(sms, **given | {"International": MAINLAND}) == sign_id
    for reach in (MAINLAND, GLOBAL):
        (shown,) = listed(sms, sign_id, reach=reach)
        assert shown.International == reach


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"SignName": ""}, "InvalidParameterValue"),
        ({"SignName": "【Tidings】"}, "InvalidParameterValue"),
        ({"SignName": "x" * 31}, "InvalidParameterValue.SignNameLengthTooLong"),
        ({"SignName": None}, "MissingParameter"),
        ({"International": None}, "MissingParameter"),
        ({"International": 3}, "InvalidParameterValue.InvalidInternational"),
        ({"SignType": 2}, "InvalidParameterValue"),
        ({"DocumentType": 7}, "InvalidParameterValue.InvalidDocumentType"),
        ({"SignType": 4, "DocumentType": 1}, "InvalidParameterValue.InvalidDocumentType"),
        ({"SignPurpose": 2}, "InvalidParameterValue.InvalidSignPurpose"),
        ({"ProofImage": "data:image/jpeg;base64,QUJD"}, "InvalidParameterValue.ImageInvalid"),
        ({"CommissionImage": "no base64"}, "InvalidParameterValue.ImageInvalid"),
        ({"ProofImage": "QUJD" * 360_000}, "InvalidParameterValue.ImageInvalid"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_sign_that_cannot_be_one_is_refused(sms: SmsClient, changed: dict[str, Any], code: str) -> None:
    with refused(code):
        ask(sms, "AddSmsSign", **wanted(**changed))


@pytest.mark.parametrize(
    ("window", "code"),
    [
        ({"Limit": 101}, "InvalidParameterValue.LimitVerifyFail"),
        ({"Offset": -1}, "InvalidParameterValue.OffsetVerifyFail"),
        ({"SignIdSet": list(range(101))}, "InvalidParameterValue"),
    ],
)
def test_a_list_that_cannot_be_is_refused(sms: SmsClient, window: dict[str, Any], code: str) -> None:
    with refused(code):
        ask(sms, "DescribeSmsSignList", **{"International": GLOBAL} | window)


def test_signs_are_of_one_account(sms: SmsClient, bob: SmsClient) -> None:
    given = wanted()
    sign_id = add(sms, **given)
    assert listed(bob, sign_id) == []
    ask(bob, "AddSmsSign", **given)


def test_a_refused_sign_can_be_asked_for_again(sms: SmsClient, manager: CommonClient) -> None:
    given = wanted()
    sign_id = add(sms, **given)
    manager.call_json("ReviewSmsSign", {"SignId": sign_id, "Decision": "REFUSE", "Reply": "not yours"})
    (shown,) = listed(sms, sign_id)
    assert (shown.StatusCode, shown.ReviewReply) == (-1, "not yours")
    assert add(sms, **given) == sign_id
    assert listed(sms, sign_id)[0].StatusCode == 0
