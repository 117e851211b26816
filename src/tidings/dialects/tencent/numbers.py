"""Phone numbers as Tencent Cloud SMS takes and shows them, and the operation that looks them up.

Reads a number in any of the cloud's spellings; whether it may be texted is not asked here.
Source: SMS API reference, SendSms and DescribePhoneNumberInfo; ITU-T E.164.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import phonenumbers

from tidings.dialects.tencent.calls import Call, Operation, TencentServices
from tidings.dialects.tencent.codec import Shape, texts
from tidings.dialects.tencent.codes import Language, text_of
from tidings.dialects.tencent.countries import COUNTRIES
from tidings.dialects.tencent.errors import refuse
from tidings.dialects.tencent.limits import NUMBERS_MAX, VERSION
from tidings.domain.grants import Verb
from tidings.wire import phone_numbers
from tidings.wire.phone_plans import is_possible

UNKNOWN_COUNTRY = "DEF"
MAINLAND = "86"
INCORRECT = "InvalidParameterValue.IncorrectPhoneNumber"

# 15 digits and a trunk zero are the most there can be.
_GIVEN = re.compile(r"\+[1-9][0-9]{6,15}\Z")
_E164 = re.compile(r"\+[1-9][0-9]{4,15}\Z")
_MAINLAND_MOBILE = re.compile(r"(?:0086|\+?86)?(1[3-9][0-9]{9})\Z")


@dataclass(frozen=True, slots=True)
class Number:
    """A number that can exist. `country`: ISO 3166, or DEF where the numbering plan names none."""

    e164: str
    nation_code: str
    subscriber: str
    country: str

    @property
    def is_mainland(self) -> bool:
        return self.nation_code == MAINLAND


def read_number(text: str) -> Number | None:
    """A number that can be texted: in E.164, or one of mainland China also as 0086..., 86... or its bare 11 digits. None if it is none."""
    number = read_person(text) if _GIVEN.match(text) or _MAINLAND_MOBILE.match(text) else None
    return number if number is not None and is_possible(number.e164) else None


def read_person(text: str) -> Number | None:
    """The same for opt-outs, in whatever spelling, where nobody asks whether there can be such a number."""
    mobile = _MAINLAND_MOBILE.match(text)
    if mobile is not None:  # the library says the same, and takes a hundred times as long
        return Number(f"+{MAINLAND}{mobile[1]}", MAINLAND, mobile[1], "CN")
    e164 = phone_numbers.international(text)
    if e164 is None or not _E164.match(e164):
        return None
    try:
        parsed = phonenumbers.parse(e164, None)
    except phonenumbers.NumberParseException:
        return Number(e164, "", e164[1:], UNKNOWN_COUNTRY)
    country = phonenumbers.region_code_for_number(parsed)
    code = str(parsed.country_code)
    return Number(e164, code, e164[1 + len(code) :], country if country in COUNTRIES else UNKNOWN_COUNTRY)


async def describe_phone_number_info(services: TencentServices, call: Call) -> Mapping[str, Any]:
    given = call.values.texts("PhoneNumberSet")
    if not given:
        raise refuse("MissingParameter.EmptyPhoneNumberSet")
    if len(given) > NUMBERS_MAX:
        raise refuse("LimitExceeded.PhoneNumberCountLimit", str(NUMBERS_MAX))
    call.grant(Verb.LIST)
    return {"PhoneNumberInfoSet": [_describe(text, call.language) for text in given]}


def _describe(text: str, language: Language) -> dict[str, str]:
    number = read_number(text)
    if number is None:
        # Unverified: the code; the cloud says only that the number comes back as it was given.
        number = Number(text, "", "", UNKNOWN_COUNTRY)
        code, message = INCORRECT, text_of(INCORRECT, language)
    else:
        code, message = "Ok", "Describe success"
    return {
        "Code": code,
        "Message": message,
        "NationCode": number.nation_code,
        "SubscriberNumber": number.subscriber,
        "PhoneNumber": number.e164,
        "IsoCode": number.country,
        "IsoName": COUNTRIES.get(number.country, ""),
    }


OPERATIONS = (
    Operation(
        VERSION,
        "DescribePhoneNumberInfo",
        Shape(texts("PhoneNumberSet", required=True)),
        describe_phone_number_info,
    ),
)
