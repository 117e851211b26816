"""Signs, the names that stand before texts: add, modify, delete and list them, and an operator's decision on one.

The cloud wants a proof that the name is one's own. Its images are checked for their form and not kept: whoever decides here knows who
the account is, and a trade licence is nothing to leave lying about. Qualifications do not exist here; an id is taken and forgotten.
Source: SMS API reference, version 2021-01-11 (AddSmsSign, ModifySmsSign, DeleteSmsSign, DescribeSmsSignList).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from tidings.dialects.tencent import listing
from tidings.dialects.tencent.calls import Call, Operation, TencentServices
from tidings.dialects.tencent.codec import Shape, Values, integer, integers, text
from tidings.dialects.tencent.errors import refuse, values_named
from tidings.dialects.tencent.limits import MANAGEMENT_VERSION, VERSION
from tidings.dialects.tencent.templates import DELETED, read_decision
from tidings.domain.errors import NotFound
from tidings.domain.grants import Verb
from tidings.domain.texts import Reach, SmsSign

IMAGE_BYTES_MAX = 1024 * 1024
"""What fits into a request, as long as one may usually be here."""
DOCUMENTS: Mapping[int, tuple[int, ...]] = {0: (0, 1), 1: (0, 1, 2, 3, 4), 4: (7,), 5: (2, 3)}
"""Which documents prove a sign of each type (company, app, trademark, public body)."""
OWN, OTHERS = 0, 1
"""SignPurpose: whose name it is."""

_LISTED = 10
_IMAGES = ("ProofImage", "CommissionImage")
_NAMES = {
    "content": "SignName",
    "content length": "InvalidParameterValue.SignNameLengthTooLong",
    "reach": "InvalidParameterValue.InvalidInternational",
    "remark": "Remark",
    "reply": "Reply",
}


async def add_sms_sign(services: TencentServices, call: Call) -> Mapping[str, Any]:
    """What proves the name may be left out here."""
    values = call.values
    reach, kind = listing.reach_of(values), values.integer("SignType")
    assert reach is not None
    _check_kind(kind)
    document = values.integer("DocumentType", DOCUMENTS[kind][0])
    _check_proof(values, kind, document)
    with values_named(_NAMES):
        made = await services.catalog.add_sign(
            call.grant(Verb.MANAGE_TEMPLATES),
            values.text("SignName"),
            reach=reach,
            kind=kind,
            document=document,
            remark=values.text("Remark"),
        )
    return {"AddSignStatus": {"SignId": made.id}}


async def modify_sms_sign(services: TencentServices, call: Call) -> Mapping[str, Any]:
    """What is left out stays as it is."""
    values = call.values
    sign_id, reach = values.integer("SignId"), listing.reach_of(values)
    grant = call.grant(Verb.MANAGE_TEMPLATES, f"sign/{sign_id}")
    try:
        before = await services.catalog.sign(grant, sign_id)
        kind = values.integer("SignType", before.kind)
        _check_kind(kind)
        kept = before.document if before.document in DOCUMENTS[kind] else DOCUMENTS[kind][0]
        document = values.integer("DocumentType", kept)
        _check_proof(values, kind, document)
        with values_named(_NAMES):
            await services.catalog.change_sign(
                grant,
                sign_id,
                content=values.text("SignName") if "SignName" in values else None,
                reach=reach,
                kind=kind,
                document=document,
                remark=values.text("Remark") if "Remark" in values else None,
            )
    except NotFound as error:
        raise refuse("FailedOperation.MissingSignatureToModify") from error
    return {"ModifySignStatus": {"SignId": sign_id}}


async def delete_sms_sign(services: TencentServices, call: Call) -> Mapping[str, Any]:
    sign_id = call.values.integer("SignId")
    await services.catalog.delete_sign(call.grant(Verb.MANAGE_TEMPLATES, f"sign/{sign_id}"), sign_id)
    deleted_at = listing.seconds(services.clock.now())
    return {"DeleteSignStatus": {"DeleteStatus": DELETED, "DeleteTime": deleted_at}}


async def describe_sms_sign_list(services: TencentServices, call: Call) -> Mapping[str, Any]:
    """Those that are named, or a page, of those for the numbers that International says."""
    values = call.values
    reach, wanted = listing.reach_of(values), listing.ids(values, "SignIdSet")
    assert reach is not None
    offset, limit = listing.window(values, _LISTED)
    found = await services.catalog.signs(call.grant(Verb.LIST))
    shown = [row for row in found if row.reach in (reach, Reach.BOTH)]
    shown = [row for row in shown if row.id in wanted] if wanted else shown[offset : offset + limit]
    return {"DescribeSignListStatusSet": [_view(row, reach) for row in shown]}


async def review_sms_sign(services: TencentServices, call: Call) -> Mapping[str, Any]:
    """Ours: decide on a sign that waits, or otherwise than before."""
    sign_id = call.values.integer("SignId")
    with values_named(_NAMES):
        await services.catalog.review_sign(
            call.grant(Verb.MANAGE_ACCOUNT, f"sign/{sign_id}"),
            sign_id,
            approved=read_decision(call.values),
            reply=call.values.text("Reply"),
        )
    return {}


def _view(row: SmsSign, asked: Reach) -> dict[str, Any]:
    """asked: the documentation knows no sign for all numbers, so it is shown as the one that was asked for."""
    return {
        "SignId": row.id,
        "International": int(asked),
        "StatusCode": int(row.review),
        "ReviewReply": row.review_reply,
        "SignName": row.content,
        "CreateTime": listing.seconds(row.created_at),
        "QualificationId": 0,
        "QualificationName": "",
        "QualificationStatusCode": 0,
    }


def _check_kind(kind: int) -> None:
    if kind not in DOCUMENTS:
        raise refuse("InvalidParameterValue", "SignType", f"one of {', '.join(map(str, DOCUMENTS))}")


def _check_proof(values: Values, kind: int, document: int) -> None:
    if document not in DOCUMENTS[kind]:
        raise refuse("InvalidParameterValue.InvalidDocumentType")
    purpose = values.integer("SignPurpose", OWN)
    if purpose not in (OWN, OTHERS):
        raise refuse("InvalidParameterValue.InvalidSignPurpose")
    for name in _IMAGES:
        _check_image(values.text(name))


def _check_image(encoded: str) -> None:
    """Base64 without the prefix of a data URL. Looked at and forgotten."""
    if len(encoded) > IMAGE_BYTES_MAX * 4 // 3 + 4:
        raise refuse("InvalidParameterValue.ImageInvalid")
    try:
        base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise refuse("InvalidParameterValue.ImageInvalid") from error


_SHAPE = (
    integer("DocumentType"),
    integer("SignPurpose"),
    text("ProofImage"),
    text("CommissionImage"),
    text("Remark"),
    integer("QualificationId"),
)

OPERATIONS = (
    Operation(
        VERSION,
        "AddSmsSign",
        Shape(
            text("SignName", required=True),
            integer("SignType", required=True),
            integer("International", required=True),
            *_SHAPE,
        ),
        add_sms_sign,
    ),
    Operation(
        VERSION,
        "ModifySmsSign",
        Shape(
            integer("SignId", required=True), text("SignName"), integer("SignType"), integer("International"), *_SHAPE
        ),
        modify_sms_sign,
    ),
    Operation(VERSION, "DeleteSmsSign", Shape(integer("SignId", required=True)), delete_sms_sign),
    Operation(
        VERSION,
        "DescribeSmsSignList",
        Shape(integer("International", required=True), integers("SignIdSet"), integer("Limit"), integer("Offset")),
        describe_sms_sign_list,
    ),
    Operation(
        MANAGEMENT_VERSION,
        "ReviewSmsSign",
        Shape(integer("SignId", required=True), text("Decision", required=True), text("Reply")),
        review_sms_sign,
    ),
)
