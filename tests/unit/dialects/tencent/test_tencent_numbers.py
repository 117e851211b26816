"""Phone numbers in the cloud's spellings, and the operation that looks them up."""

from __future__ import annotations

from contextlib import suppress

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.tencent import refused
from tests.unit.dialects.tencent.exchange import Exchange

from tidings.dialects.tencent.countries import COUNTRIES
from tidings.dialects.tencent.numbers import Number, read_number
from tidings.domain.errors import InvalidValue
from tidings.services.endpoints import phone_number
from tidings.wire.phone_plans import canonical

MAINLAND = Number("+8618501234444", "86", "18501234444", "CN")


@pytest.mark.parametrize(
    "text", ["+8618501234444", "8618501234444", "008618501234444", "18501234444", "+86018501234444"]
)
def test_a_number_of_mainland_china_has_many_spellings(text: str) -> None:
    assert read_number(text) == MAINLAND
    assert MAINLAND.is_mainland


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("+12025550123", Number("+12025550123", "1", "2025550123", "US")),
        ("+12425550123", Number("+12425550123", "1", "2425550123", "BS")),
        ("+15555550123", Number("+15555550123", "1", "5555550123", "DEF")),  # possible, and nobody's
        ("+4407400123456", Number("+447400123456", "44", "7400123456", "GB")),
        ("+85251234567", Number("+85251234567", "852", "51234567", "HK")),
        ("+390612345678", Number("+390612345678", "39", "0612345678", "IT")),  # a zero that belongs to the number
        ("+80012345678", Number("+80012345678", "800", "12345678", "DEF")),
    ],
)
def test_other_numbers_are_read_in_e164(text: str, number: Number) -> None:
    found = read_number(text)
    assert found is not None
    assert not found.is_mainland
    assert found == number


@pytest.mark.parametrize(
    "text",
    [
        "",
        "+",
        "12025550123",
        "+1202555O123",
        "+1-888-STOP-NOW",
        "+1 202 555 0123",
        "tel:+12025550123",
        "+999123456789",
        "+861",
        "+8618501234444\n",
        "１８５０１２３４４４４",
        "+" + "1" * 5000,
    ],
)
def test_anything_else_is_no_number(text: str) -> None:
    assert read_number(text) is None


@given(st.text("+0123456789", max_size=18) | st.text(max_size=18))
def test_what_is_read_can_be_read_again(text: str) -> None:
    found = read_number(text)
    if found is not None:
        assert read_number(found.e164) == found
        assert found.country in COUNTRIES or found.country == "DEF"


@pytest.mark.parametrize("text", ["+4600031983", "+386005032624", "+4407911123456", "+5950073313523", "+7800"])
def test_a_number_has_one_form_however_many_trunk_prefixes_it_is_written_with(text: str) -> None:
    """And the same for all dialects, for lists, and for whoever texts STOP: else that would be compared with another number."""
    found = read_number(text)
    stored = canonical(text)
    assert canonical(stored) == stored
    if found is not None:
        assert found.e164 == stored == phone_number(text) == phone_number(stored)


@given(st.integers(7, 10**14), st.sampled_from(sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)), st.booleans())
def test_lists_keep_numbers_in_the_form_in_which_they_are_texted(number: int, country: int, trunk: bool) -> None:
    text = f"+{country}{'0' if trunk else ''}{number}"[:16]
    stored = canonical(text)
    assert canonical(stored) == stored
    found = read_number(text)
    if found is not None:
        assert found.e164 == stored
    with suppress(InvalidValue):  # no number of ours
        assert canonical(phone_number(text)) == stored


def test_every_region_has_a_name() -> None:
    assert set(COUNTRIES) == phonenumbers.SUPPORTED_REGIONS
    assert COUNTRIES["CN"] == "China"
    assert all(name and name == name.strip() for name in COUNTRIES.values())


async def test_numbers_are_described_one_by_one(exchange: Exchange) -> None:
    answer = await exchange.ask("DescribePhoneNumberInfo", {"PhoneNumberSet": ["18501234444", "what?", "+80012345678"]})
    assert [info._serialize() for info in answer.PhoneNumberInfoSet] == [
        {
            "Code": "Ok",
            "Message": "Describe success",
            "NationCode": "86",
            "SubscriberNumber": "18501234444",
            "PhoneNumber": "+8618501234444",
            "IsoCode": "CN",
            "IsoName": "China",
        },
        {
            "Code": "InvalidParameterValue.IncorrectPhoneNumber",
            "Message": "This is not a phone number.",
            "NationCode": "",
            "SubscriberNumber": "",
            "PhoneNumber": "what?",
            "IsoCode": "DEF",
            "IsoName": "",
        },
        {
            "Code": "Ok",
            "Message": "Describe success",
            "NationCode": "800",
            "SubscriberNumber": "12345678",
            "PhoneNumber": "+80012345678",
            "IsoCode": "DEF",
            "IsoName": "",
        },
    ]


async def test_one_to_two_hundred_numbers_are_taken(exchange: Exchange) -> None:
    answer = await exchange.ask("DescribePhoneNumberInfo", {"PhoneNumberSet": ["+8618501234444"] * 200})
    assert len(answer.PhoneNumberInfoSet) == 200
    with refused("LimitExceeded.PhoneNumberCountLimit"):
        await exchange.ask("DescribePhoneNumberInfo", {"PhoneNumberSet": ["+8618501234444"] * 201})
    with refused("MissingParameter.EmptyPhoneNumberSet"):
        await exchange.ask("DescribePhoneNumberInfo", {"PhoneNumberSet": []})


@given(st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True), st.sampled_from(["", "86", "0086", "+86"]))
def test_a_mainland_mobile_number_is_what_the_library_says(digits: str, prefix: str) -> None:
    parsed = phonenumbers.parse(f"+86{digits}", None)
    assert phonenumbers.is_possible_number(parsed)
    assert read_number(prefix + digits) == Number(
        phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164),
        str(parsed.country_code),
        phonenumbers.national_significant_number(parsed),
        str(phonenumbers.region_code_for_number(parsed)),
    )
