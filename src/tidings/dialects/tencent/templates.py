"""Templates of texts: add, modify, delete and list them, and an operator's decision on one. Called by the dialect.

Whether a template must be decided on before it may be used is the server's setting. Without review an approved one may be modified,
because every one is approved at once; with review that is refused, as in the cloud.
Source: SMS API reference, version 2021-01-11 (AddSmsTemplate, ModifySmsTemplate, DeleteSmsTemplate, DescribeSmsTemplateList).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidings.dialects.tencent import listing
from tidings.dialects.tencent.calls import Call, Operation, TencentServices
from tidings.dialects.tencent.codec import Shape, Values, integer, integers, text
from tidings.dialects.tencent.errors import refuse, values_named
from tidings.dialects.tencent.limits import MANAGEMENT_VERSION, VERSION
from tidings.domain.errors import NotFound
from tidings.domain.grants import Verb
from tidings.domain.optout import SmsType
from tidings.domain.texts import Reach, SmsTemplate

ORDINARY = 0
"""A type of older texts of the documentation: what is no marketing."""
DELETED = "return successfully!"
DECISIONS = {"APPROVE": True, "REFUSE": False}

_LISTED = 100
"""Where no Limit is given; the documentation's default of 0 would list nothing."""
_NAMES = {
    "name": "TemplateName",
    "content": "InvalidParameterValue.InvalidTemplateFormat",
    "content length": "InvalidParameterValue.ContentLengthLimit",
    "unsubscribe": "InvalidParameterValue.MarketingTemplateWithoutUnsubscribe",
    "reach": "InvalidParameterValue.InvalidInternational",
    "remark": "Remark",
    "reply": "Reply",
}


async def add_sms_template(services: TencentServices, call: Call) -> Mapping[str, Any]:
    values = call.values
    sms_type, reach = _type(values), listing.reach_of(values)
    assert sms_type is not None
    assert reach is not None
    with values_named(_NAMES):
        made = await services.catalog.add_template(
            call.grant(Verb.MANAGE_TEMPLATES),
            name=values.text("TemplateName"),
            content=values.text("TemplateContent"),
            sms_type=sms_type,
            reach=reach,
            remark=values.text("Remark"),
        )
    return {"AddTemplateStatus": {"TemplateId": str(made.id)}}  # a string here and nowhere else


async def modify_sms_template(services: TencentServices, call: Call) -> Mapping[str, Any]:
    """What is left out stays as it is; the documentation wants all of it every time."""
    values = call.values
    template_id = values.integer("TemplateId")
    try:
        with values_named(_NAMES):
            await services.catalog.change_template(
                call.grant(Verb.MANAGE_TEMPLATES, f"template/{template_id}"),
                template_id,
                name=_given(values, "TemplateName"),
                content=_given(values, "TemplateContent"),
                sms_type=_type(values),
                reach=listing.reach_of(values),
                remark=_given(values, "Remark"),
            )
    except NotFound as error:
        raise refuse("FailedOperation.MissingTemplateToModify") from error
    return {"ModifyTemplateStatus": {"TemplateId": template_id}}


async def delete_sms_template(services: TencentServices, call: Call) -> Mapping[str, Any]:
    template_id = call.values.integer("TemplateId")
    await services.catalog.delete_template(call.grant(Verb.MANAGE_TEMPLATES, f"template/{template_id}"), template_id)
    deleted_at = listing.seconds(services.clock.now())
    return {"DeleteTemplateStatus": {"DeleteStatus": DELETED, "DeleteTime": deleted_at}}


async def describe_sms_template_list(services: TencentServices, call: Call) -> Mapping[str, Any]:
    """Those that are named, or a page, of those for the numbers that International says."""
    values = call.values
    reach, wanted = listing.reach_of(values), listing.ids(values, "TemplateIdSet")
    offset, limit = listing.window(values, _LISTED)
    found = await services.catalog.templates(call.grant(Verb.LIST))
    shown = [row for row in found if row.reach in (reach, Reach.BOTH)]
    shown = [row for row in shown if row.id in wanted] if wanted else shown[offset : offset + limit]
    return {"DescribeTemplateStatusSet": [_view(row) for row in shown]}


async def review_sms_template(services: TencentServices, call: Call) -> Mapping[str, Any]:
    """Ours: decide on a template that waits, or otherwise than before."""
    template_id = call.values.integer("TemplateId")
    with values_named(_NAMES):
        await services.catalog.review_template(
            call.grant(Verb.MANAGE_ACCOUNT, f"template/{template_id}"),
            template_id,
            approved=read_decision(call.values),
            reply=call.values.text("Reply"),
        )
    return {}


def read_decision(values: Values) -> bool:
    """Raises TcError."""
    decision = DECISIONS.get(values.text("Decision").upper())
    if decision is None:
        raise refuse("InvalidParameterValue", "Decision", f"one of {', '.join(DECISIONS)}")
    return decision


def _view(row: SmsTemplate) -> dict[str, Any]:
    return {
        "TemplateId": row.id,
        "International": int(row.reach),
        "StatusCode": int(row.review),
        "ReviewReply": row.review_reply,
        "TemplateName": row.name,
        "CreateTime": listing.seconds(row.created_at),
        "TemplateContent": row.content,
    }


def _type(values: Values) -> SmsType | None:
    if "SmsType" not in values:
        return None
    number = values.integer("SmsType")
    return SmsType.NOTIFICATION if number == ORDINARY else listing.sms_type(number)


def _given(values: Values, name: str) -> str | None:
    return values.text(name) if name in values else None


OPERATIONS = (
    Operation(
        VERSION,
        "AddSmsTemplate",
        Shape(
            text("TemplateName", required=True),
            text("TemplateContent", required=True),
            integer("SmsType", required=True),
            integer("International", required=True),
            text("Remark"),
        ),
        add_sms_template,
    ),
    Operation(
        VERSION,
        "ModifySmsTemplate",
        Shape(
            integer("TemplateId", required=True),
            text("TemplateName"),
            text("TemplateContent"),
            integer("SmsType"),
            integer("International"),
            text("Remark"),
        ),
        modify_sms_template,
    ),
    Operation(VERSION, "DeleteSmsTemplate", Shape(integer("TemplateId", required=True)), delete_sms_template),
    Operation(
        VERSION,
        "DescribeSmsTemplateList",
        Shape(integer("International", required=True), integers("TemplateIdSet"), integer("Limit"), integer("Offset")),
        describe_sms_template_list,
    ),
    Operation(
        MANAGEMENT_VERSION,
        "ReviewSmsTemplate",
        Shape(integer("TemplateId", required=True), text("Decision", required=True), text("Reply")),
        review_sms_template,
    ),
)
