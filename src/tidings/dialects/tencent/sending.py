"""Texts are sent here: SendSms, and SendMultiGlobalSms for a text of its own per number.

Every number has an answer of its own, and the call succeeds though all of them failed. Here it is checked what the request says
(numbers, templates, signs, values); who opted out or was texted too often is the service's.
Source: SMS API reference, version 2021-01-11, SendSms and SendMultiGlobalSms, "Error codes".
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tidings.dialects.tencent.calls import Call, Operation, TencentServices
from tidings.dialects.tencent.codec import Shape, Values, objects, text, texts
from tidings.dialects.tencent.codes import text_of
from tidings.dialects.tencent.composing import fill, reaches, text_refused, values_refused, with_sign
from tidings.dialects.tencent.errors import refuse
from tidings.dialects.tencent.limits import NUMBERS_MAX, SESSION_BYTES_MAX, VERSION
from tidings.dialects.tencent.numbers import INCORRECT, Number, read_number
from tidings.domain.errors import InvalidValue, NotFound
from tidings.domain.grants import Grant, Verb
from tidings.domain.optout import SmsType
from tidings.domain.texts import Review, SmsTemplate, TextCount
from tidings.services import endpoints
from tidings.services.texting.texts import TextAnswer, TextVerdict, WantedText

OK, SENT = "Ok", "send success"
VERDICTS = {
    TextVerdict.OPTED_OUT: "FailedOperation.PhoneNumberInBlacklist",
    TextVerdict.THIRTY_SECONDS: "LimitExceeded.PhoneNumberThirtySecondLimit",
    TextVerdict.HOUR: "LimitExceeded.PhoneNumberOneHourLimit",
    TextVerdict.DAY: "LimitExceeded.PhoneNumberDailyLimit",
    TextVerdict.SAME_CONTENT: "LimitExceeded.PhoneNumberSameContentDailyLimit",
}
_NO_TEMPLATE = "FailedOperation.TemplateUnapprovedOrNotExist"
_UNAPPROVED = "FailedOperation.TemplateIncorrectOrUnapproved"
_NO_SIGN = "FailedOperation.SignatureIncorrectOrUnapproved"

_TEMPLATE_ID = re.compile(r"[1-9][0-9]{0,17}\Z")
_EXTEND = re.compile(r"[0-9]{0,12}\Z")


@dataclass(frozen=True, slots=True)
class Asked:
    """A text as it was asked for. `given`: the number as it was written; `number`: what it means, None when that is nothing."""

    given: str
    number: Number | None
    template_id: str
    values: tuple[str, ...]
    session: str
    sender: str
    sign: str = ""
    extend: str = ""


async def send_sms(services: TencentServices, call: Call) -> Mapping[str, Any]:
    values = call.values
    given = values.texts("PhoneNumberSet")
    if not given:
        raise refuse("MissingParameter.EmptyPhoneNumberSet")
    _check_count(len(given))
    session, sender = _session(values, ""), _sender(values, "")
    extend = values.text("ExtendCode")
    if not _EXTEND.match(extend):
        raise refuse("InvalidParameterValue", "ExtendCode", "at most 12 digits")
    grant = call.grant(Verb.PUBLISH_SMS)
    app_id = values.text("SmsSdkAppId")
    await services.texts.application(grant, app_id)
    numbers = [read_number(one) for one in given]
    if len({number.is_mainland for number in numbers if number is not None}) > 1:
        raise refuse("UnsupportedOperation.ContainDomesticAndInternationalPhoneNumber")
    template_id, sign = values.text("TemplateId"), values.text("SignName")
    parameters = tuple(values.texts("TemplateParamSet"))
    asked = [
        Asked(one, number, template_id, parameters, session, sender, sign, extend)
        for one, number in zip(given, numbers, strict=True)
    ]
    return {"SendStatusSet": await _Sending(services, call, grant, app_id).send(asked)}


async def send_multi_global_sms(services: TencentServices, call: Call) -> Mapping[str, Any]:
    infos = call.values.objects("MultiSmsInfoSet")
    if not infos:
        raise refuse("InvalidParameterValue.MultiSmsInfoSetEmpty")
    _check_count(len(infos))
    asked = [_asked(info, f"MultiSmsInfoSet.{index}.") for index, info in enumerate(infos)]
    grant = call.grant(Verb.PUBLISH_SMS)
    app_id = call.values.text("SmsSdkAppId")
    await services.texts.application(grant, app_id)
    return {"SendMultiStatusSet": await _Sending(services, call, grant, app_id, global_only=True).send(asked)}


def _asked(info: Values, where: str) -> Asked:
    given = info.text("PhoneNumber")
    return Asked(
        given,
        read_number(given),
        info.text("TemplateId"),
        tuple(info.texts("TemplateParamSet")),
        _session(info, where),
        _sender(info, where),
    )


def _check_count(count: int) -> None:
    if count > NUMBERS_MAX:
        raise refuse("LimitExceeded.PhoneNumberCountLimit", str(NUMBERS_MAX))


def _session(values: Values, where: str) -> str:
    session = values.text("SessionContext")
    if len(session.encode()) > SESSION_BYTES_MAX:
        # Unverified: the code; the cloud says only that it must be shorter.
        raise refuse("InvalidParameterValue", f"{where}SessionContext", f"at most {SESSION_BYTES_MAX} bytes")
    return session


def _sender(values: Values, where: str) -> str:
    sender = values.text("SenderId")
    if sender and not endpoints.is_sender(sender):
        reason = "a number, or at most 11 letters and digits"
        raise refuse("InvalidParameterValue", f"{where}SenderId", reason)
    return sender


@dataclass(frozen=True, slots=True)
class Composed:
    """What is equal for all numbers with the same template and values: the text, or the code of why there is none. `sms_type` is known
    where the template is."""

    code: str
    body: str = ""
    sms_type: SmsType | None = None


class _Sending:
    """One call's texts. `global_only`: numbers of mainland China are refused."""

    def __init__(
        self, services: TencentServices, call: Call, grant: Grant, app_id: str, *, global_only: bool = False
    ) -> None:
        self._services = services
        self._language = call.language
        self._grant = grant
        self._app_id = app_id
        self._global_only = global_only
        self._now = services.clock.wall()  # a sleeper's night is that of his own clock
        self._templates: dict[str, SmsTemplate | str] = {}
        self._composed: dict[tuple[str, tuple[str, ...], str, bool], Composed] = {}

    async def send(self, asked: Sequence[Asked]) -> list[dict[str, Any]]:
        """Their answers in order."""
        codes: list[str] = []
        wanted: list[WantedText] = []
        refused: Counter[tuple[SmsType, TextCount]] = Counter()
        for one in asked:
            # A number that is none is counted as of the template's type.
            composed = await self._compose(one)
            code = self._number_refused(one) or composed.code
            codes.append(code)
            if not code:
                wanted.append(self._wanted(one, composed))
            elif composed.sms_type is not None:
                refused[composed.sms_type, TextCount.INVALID_NUMBER if code == INCORRECT else TextCount.REQUESTED] += 1
        answers = iter(await self._send(wanted))
        for (sms_type, what), count in refused.items():
            await self._services.texts.refused(self._grant, self._app_id, sms_type, what, count)
        return [
            self._failed(one, code) if code else self._answer(one, next(answers))
            for one, code in zip(asked, codes, strict=True)
        ]

    async def _send(self, wanted: Sequence[WantedText]) -> list[TextAnswer]:
        if not wanted:
            return []
        try:
            return await self._services.texts.send(self._grant, self._app_id, wanted)
        except InvalidValue as error:
            if error.field == "sender":
                raise refuse("InvalidParameterValue", "SenderId", error.reason) from error
            raise

    def _number_refused(self, one: Asked) -> str:
        if one.number is None:
            return INCORRECT
        if self._global_only and one.number.is_mainland:
            return "UnsupportedOperation.ContainDomesticPhoneNumber"
        if not self._services.texts.may_go_to(one.number.e164):
            return "LimitExceeded.AppCountryOrRegionInBlacklist"
        return ""

    async def _compose(self, one: Asked) -> Composed:
        mainland = one.number is not None and one.number.is_mainland
        key = one.template_id, one.values, one.sign, mainland
        composed = self._composed.get(key)
        if composed is None:
            composed = self._composed[key] = await self._composed_anew(one, mainland=mainland)
        return composed

    async def _composed_anew(self, one: Asked, *, mainland: bool) -> Composed:
        """In the order: template, its kind, sign, values, the whole text. Unverified: the cloud's own order."""
        template = await self._template(one.template_id)
        if isinstance(template, str):
            return Composed(template)
        kind = template.sms_type
        if not reaches(template, mainland=mainland):
            wrong = "GlobalTemplateToChineseMainlandPhone" if mainland else "ChineseMainlandTemplateToGlobalPhone"
            return Composed(f"UnsupportedOperation.{wrong}", sms_type=kind)
        if not await self._is_sign_fit(one.sign, mainland=mainland):
            return Composed(_NO_SIGN, sms_type=kind)
        code = values_refused(template, one.values, mainland=mainland)
        if code is not None:
            return Composed(code, sms_type=kind)
        body = with_sign(fill(template.content, one.values), one.sign, mainland=mainland)
        code = text_refused(body, kind, self._now, mainland=mainland)
        return Composed(code or "", body, kind)

    async def _template(self, given: str) -> SmsTemplate | str:
        """The template, or the code of why it cannot be used."""
        found = self._templates.get(given)
        if found is None:
            found = self._templates[given] = await self._template_looked_up(given)
        return found

    async def _template_looked_up(self, given: str) -> SmsTemplate | str:
        if not _TEMPLATE_ID.match(given):
            return _NO_TEMPLATE
        try:
            template = await self._services.catalog.template(self._grant, int(given))
        except NotFound:
            return _NO_TEMPLATE
        return template if template.review is Review.USABLE else _UNAPPROVED

    async def _is_sign_fit(self, content: str, *, mainland: bool) -> bool:
        if not content:
            return not mainland
        sign = await self._services.catalog.usable_sign(self._grant, content)
        return sign is not None and reaches(sign, mainland=mainland)

    def _wanted(self, one: Asked, composed: Composed) -> WantedText:
        assert one.number is not None
        assert composed.sms_type is not None
        return WantedText(
            one.number.e164,
            composed.body,
            composed.sms_type,
            int(one.template_id),
            one.sign,
            one.session,
            "" if one.number.is_mainland else one.sender,  # the networks of mainland China know no sender ids
            one.extend,
        )

    def _answer(self, one: Asked, answer: TextAnswer) -> dict[str, Any]:
        if answer.verdict is not TextVerdict.ACCEPTED:
            return self._failed(one, VERDICTS[answer.verdict])
        assert one.number is not None
        return {
            "SerialNo": answer.serial,
            "PhoneNumber": one.number.e164,
            "Fee": answer.parts,
            "SessionContext": one.session,
            "Code": OK,
            "Message": SENT,
            "IsoCode": one.number.country,
        }

    def _failed(self, one: Asked, code: str) -> dict[str, Any]:
        return {
            "SerialNo": "",
            "PhoneNumber": one.given if one.number is None else one.number.e164,
            "Fee": 0,
            "SessionContext": one.session,
            "Code": code,
            "Message": text_of(code, self._language),
            "IsoCode": "",
        }


OPERATIONS = (
    Operation(
        VERSION,
        "SendSms",
        Shape(
            texts("PhoneNumberSet", required=True),
            text("SmsSdkAppId", required=True),
            text("TemplateId", required=True),
            text("SignName"),
            texts("TemplateParamSet"),
            text("ExtendCode"),
            text("SessionContext"),
            text("SenderId"),
        ),
        send_sms,
    ),
    Operation(
        VERSION,
        "SendMultiGlobalSms",
        Shape(
            text("SmsSdkAppId", required=True),
            objects(
                "MultiSmsInfoSet",
                Shape(
                    text("PhoneNumber", required=True),
                    text("TemplateId", required=True),
                    texts("TemplateParamSet"),
                    text("SenderId"),
                    text("SessionContext"),
                ),
                required=True,
            ),
        ),
        send_multi_global_sms,
    ),
)
