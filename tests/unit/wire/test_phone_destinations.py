from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.wire.phone_destinations import Destinations

ORDINARY = (
    "+12025550123", "+18885550100", "+14165550123", "+525512345678", "+5491123456789", "+5511987654321", "+447911123456",
    "+33612345678", "+4915123456789", "+34612345678", "+393312345678", "+41781234567", "+8613800138000", "+85251234567",
    "+886912345678", "+819012345678", "+821012345678", "+919876543210", "+61412345678", "+6421123456", "+27821234567",
    "+2250701234567", "+77011234567", "+79161234567", "+99999", "+15005550006", "10086", "106575000",
)  # fmt: skip
OF_NO_COUNTRY = (
    "+8001234567", "+80812345678", "+870773111632", "+878101234567890", "+881612345678", "+88213300001", "+883510012345",
    "+8881234567", "+979112345678",
)  # fmt: skip


@pytest.mark.parametrize("number", ORDINARY)
def test_people_are_texted(number: str) -> None:
    assert Destinations().refused(number) == ""


@pytest.mark.parametrize(
    "number", ["+19005550123", "+449012345678", "+33899123456", "+491805123456", "+611900654321", "+81990123456"]
)
def test_numbers_that_charge_the_caller_are_not(number: str) -> None:
    assert "premium" in Destinations().refused(number)
    assert Destinations(special=True).refused(number) == ""


@pytest.mark.parametrize("number", OF_NO_COUNTRY)
def test_satellites_and_numbers_of_no_country_are_not(number: str) -> None:
    assert "satellite" in Destinations().refused(number)
    assert Destinations(special=True).refused(number) == ""
    assert Destinations(["US"], special=True).refused(number) != ""


def test_only_the_countries_that_are_named_are_texted() -> None:
    some = Destinations(["US", "CN"])
    assert some.refused("+12025550123") == some.refused("+8613800138000") == some.refused("10086") == ""
    assert "country" in some.refused("+447911123456")
    assert "country" in some.refused("+14165550123")  # Canada has the same calling code
    assert Destinations(["US", "CA"]).refused("+14165550123") == ""
    assert "country" in Destinations(["RU"]).refused("+77011234567")


@given(st.from_regex(r"\\+?[0-9]{0,20}", fullmatch=True))
def test_any_digits_have_an_answer(number: str) -> None:
    assert isinstance(Destinations(["US"]).refused(number), str)
