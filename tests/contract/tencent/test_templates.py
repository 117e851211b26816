"""Templates by the vendor's SDK: added, modified, deleted, listed, and what is refused."""

from __future__ import annotations

import time
from typing import Any

import pytest
from tencentcloud.common.common_client import CommonClient
from tencentcloud.sms.v20210111.sms_client import SmsClient
from tests.contract.tencent.conftest import AUDITOR_KEY, AUDITOR_SECRET, GLOBAL, MAINLAND, MakeTemplate
from tests.support.tencent import ask, common_client, refused, sms_client

TEXT = {
    "TemplateName": "greeting",
    "TemplateContent": "Hello {1}, your parcel {2} is here.",
    "SmsType": 2,
    "International": GLOBAL,
    "Remark": "parcels",
}
MARKETING = TEXT | {"SmsType": 1, "TemplateContent": "Dear {1}, sale ends tonight. Reply STOP to opt out."}


def add(sms: SmsClient, **given: Any) -> int:
    template_id = ask(sms, "AddSmsTemplate", **(TEXT | given)).AddTemplateStatus.TemplateId
    assert isinstance(template_id, str)  # here alone
    return int(template_id)


def listed(sms: SmsClient, *ids: int, reach: int = GLOBAL, **window: int) -> list[Any]:
    answer = ask(sms, "DescribeSmsTemplateList", International=reach, TemplateIdSet=list(ids), **window)
    return list(answer.DescribeTemplateStatusSet)


def test_an_added_template_is_usable_at_once_and_shown_with_all_its_fields(sms: SmsClient) -> None:
    template_id = add(sms)
    (shown,) = listed(sms, template_id)
    assert shown.TemplateId == template_id
    assert (shown.International, shown.StatusCode, shown.ReviewReply) == (GLOBAL, 0, "")
    assert (shown.TemplateName, shown.TemplateContent) == (TEXT["TemplateName"], TEXT["TemplateContent"])
    assert abs(shown.CreateTime - time.time()) < 120


def test_the_identifiers_of_templates_grow_and_are_not_given_again(sms: SmsClient) -> None:
    first, second = add(sms), add(sms)
    assert 1_000_000 < first < second
    assert add(sms) > second


def test_templates_are_listed_by_pages_and_by_where_they_may_be_sent(sms: SmsClient) -> None:
    ids = {add(sms, International=MAINLAND) for _ in range(3)}
    whole = [row.TemplateId for row in listed(sms, reach=MAINLAND, Limit=100)]
    assert ids <= set(whole)
    assert [row.TemplateId for row in listed(sms, reach=MAINLAND, Limit=2, Offset=1)] == whole[1:3]
    assert not ids & {row.TemplateId for row in listed(sms, reach=GLOBAL, Limit=100)}
    assert listed(sms, *ids, reach=GLOBAL) == []
    assert {row.TemplateId for row in listed(sms, *ids, reach=MAINLAND, Limit=1)} == ids  # pages are for lists only
    assert listed(sms, 999, reach=MAINLAND) == []


def test_a_modified_template_keeps_what_was_left_out(sms: SmsClient) -> None:
    template_id = add(sms)
    answer = ask(
        sms, "ModifySmsTemplate", TemplateId=template_id, TemplateContent="Good day {1}.", International=GLOBAL
    )
    assert answer.ModifyTemplateStatus.TemplateId == template_id
    (shown,) = listed(sms, template_id)
    assert (shown.TemplateContent, shown.TemplateName) == ("Good day {1}.", TEXT["TemplateName"])


def test_where_a_template_may_be_sent_does_not_change(sms: SmsClient) -> None:
    template_id = add(sms)
    with refused("InvalidParameterValue.InvalidInternational"):
        ask(sms, "ModifySmsTemplate", **TEXT | {"TemplateId": template_id, "International": MAINLAND})


def test_a_deleted_template_is_gone(sms: SmsClient) -> None:
    template_id = add(sms)
    status = ask(sms, "DeleteSmsTemplate", TemplateId=template_id).DeleteTemplateStatus
    assert status.DeleteStatus == "return successfully!"
    assert abs(status.DeleteTime - time.time()) < 120
    assert listed(sms, template_id) == []
    with refused("FailedOperation.TemplateIdNotExist"):
        ask(sms, "DeleteSmsTemplate", TemplateId=template_id)
    with refused("FailedOperation.MissingTemplateToModify"):
        ask(sms, "ModifySmsTemplate", **TEXT | {"TemplateId": template_id})


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"SmsType": 4}, "InvalidParameterValue.InvalidSmsType"),
        ({"International": 2}, "InvalidParameterValue.InvalidInternational"),
        ({"International": 3}, "InvalidParameterValue.InvalidInternational"),
        ({"TemplateContent": ""}, "InvalidParameterValue.InvalidTemplateFormat"),
        ({"TemplateContent": "Hello {2}."}, "InvalidParameterValue.InvalidTemplateFormat"),
        ({"TemplateContent": "Hello {1} and {3}."}, "InvalidParameterValue.InvalidTemplateFormat"),
        ({"TemplateContent": "Hello {name}."}, "InvalidParameterValue.InvalidTemplateFormat"),
        ({"TemplateContent": "Hello {1."}, "InvalidParameterValue.InvalidTemplateFormat"),
        ({"TemplateContent": "x" * 501}, "InvalidParameterValue.ContentLengthLimit"),
        ({"TemplateName": " "}, "InvalidParameterValue"),
        ({"TemplateName": None}, "MissingParameter"),
        ({"SmsType": None}, "MissingParameter"),
        ({"International": None}, "MissingParameter"),
        (
            {"SmsType": 1, "TemplateContent": "Everything must go."},
            "InvalidParameterValue.MarketingTemplateWithoutUnsubscribe",
        ),
    ],
)
def test_a_template_that_cannot_be_one_is_refused(sms: SmsClient, changed: dict[str, Any], code: str) -> None:
    with refused(code):
        ask(sms, "AddSmsTemplate", **TEXT | changed)


def test_a_marketing_template_that_loses_its_way_out_is_refused(sms: SmsClient) -> None:
    template_id = int(ask(sms, "AddSmsTemplate", **MARKETING).AddTemplateStatus.TemplateId)
    with refused("InvalidParameterValue.MarketingTemplateWithoutUnsubscribe"):
        ask(sms, "ModifySmsTemplate", TemplateId=template_id, TemplateContent="Dear {1}, sale ends tonight.")
    (shown,) = listed(sms, template_id)
    assert shown.TemplateContent == MARKETING["TemplateContent"]


def test_the_type_of_older_texts_is_that_of_a_notification(sms: SmsClient) -> None:
    assert listed(sms, add(sms, SmsType=0))


@pytest.mark.parametrize(
    ("window", "code"),
    [
        ({"Limit": 101}, "InvalidParameterValue.LimitVerifyFail"),
        ({"Offset": -1}, "InvalidParameterValue.OffsetVerifyFail"),
        ({"TemplateIdSet": list(range(101))}, "InvalidParameterValue"),
        ({"International": 7}, "InvalidParameterValue.InvalidInternational"),
    ],
)
def test_a_list_that_cannot_be_is_refused(sms: SmsClient, window: dict[str, Any], code: str) -> None:
    with refused(code):
        ask(sms, "DescribeSmsTemplateList", **{"International": GLOBAL} | window)


def test_templates_are_of_one_account(sms: SmsClient, bob: SmsClient, templates: MakeTemplate) -> None:
    template_id = int(templates("Hello."))
    assert listed(bob, template_id) == []
    with refused("FailedOperation.TemplateIdNotExist"):
        ask(bob, "DeleteSmsTemplate", TemplateId=template_id)


def test_who_may_look_may_not_change(endpoint: str, sms: SmsClient) -> None:
    eve = sms_client(endpoint, AUDITOR_KEY, AUDITOR_SECRET)
    assert listed(eve, add(sms))
    with refused("AuthFailure.UnauthorizedOperation"):
        ask(eve, "AddSmsTemplate", **TEXT)


def test_an_operators_decision_is_shown_and_can_be_another_one(
    sms: SmsClient, manager: CommonClient, endpoint: str
) -> None:
    template_id = add(sms)
    given = {"TemplateId": template_id, "Decision": "REFUSE", "Reply": "too vague"}
    manager.call_json("ReviewSmsTemplate", given)
    (shown,) = listed(sms, template_id)
    assert (shown.StatusCode, shown.ReviewReply) == (-1, "too vague")
    manager.call_json("ReviewSmsTemplate", {"TemplateId": template_id, "Decision": "APPROVE"})
    assert listed(sms, template_id)[0].StatusCode == 0
    with refused("InvalidParameterValue"):
        manager.call_json("ReviewSmsTemplate", given | {"Decision": "PERHAPS"})
    with refused("AuthFailure.UnauthorizedOperation"):
        common_client(endpoint, key_id=AUDITOR_KEY, secret=AUDITOR_SECRET).call_json("ReviewSmsTemplate", given)
