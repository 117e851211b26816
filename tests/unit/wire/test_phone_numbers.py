"""Numbers in the spellings of people and networks: each is read as itself, never as a number of somebody else."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.wire import phone_numbers
from tidings.wire.phone_numbers import TON_INTERNATIONAL, TON_NATIONAL, TON_UNKNOWN
from tidings.wire.phone_plans import CHANGES, canonical, is_possible, spellings

MOBILES = {
    "1": ["2025550123", "4165550123", "8085550123"],
    "7": ["9161234567", "7011234567"],
    "33": ["612345678"],
    "39": ["3471234567"],
    "44": ["7911123456", "7400123456"],
    "49": ["15123456789"],
    "52": ["5512345678", "8112345678"],
    "54": ["91123456789"],
    "55": ["11987654321"],
    "61": ["412345678"],
    "84": ["912345678", "701234567"],
    "86": ["13800138002", "18501234444"],
    "91": ["9812345678"],
    "225": ["0701234567"],
    "229": ["0197123456"],
    "234": ["8021234567"],
    "254": ["712345678"],
    "351": ["912345678"],
    "852": ["51234567"],
}
NUMBERS = [f"+{code}{national}" for code, found in MOBILES.items() for national in found]
DIGITS = ["0123456789", "０１２３４５６７８９", "٠١٢٣٤٥٦٧٨٩", "०१२३४५६७८९"]


@pytest.mark.parametrize("number", NUMBERS)
def test_the_numbers_of_this_page_are_in_use(number: str) -> None:
    assert phonenumbers.is_valid_number(phonenumbers.parse(number, None))
    assert canonical(number) == number


@pytest.mark.parametrize(
    ("text", "country_code", "ton", "number"),
    [
        ("13800138002", "86", TON_UNKNOWN, "+8613800138002"),
        ("13800138002", "86", TON_INTERNATIONAL, "+8613800138002"),  # +1 380 013... is given to nobody
        ("8613800138002", "86", TON_UNKNOWN, "+8613800138002"),
        ("07700900125", "44", TON_UNKNOWN, "+447700900125"),
        ("07700900125", "44", TON_INTERNATIONAL, "+447700900125"),
        ("7700900125", "44", TON_NATIONAL, "+447700900125"),
        ("447700900125", "44", TON_UNKNOWN, "+447700900125"),
        ("2027737733", "1", TON_NATIONAL, "+12027737733"),
        ("2027737733", "1", TON_UNKNOWN, "+12027737733"),
        ("12025550123", "", TON_UNKNOWN, "+12025550123"),
        ("12025550123", "86", TON_INTERNATIONAL, "+12025550123"),
        ("447911123456", "86", TON_UNKNOWN, "+447911123456"),
        ("447911123456", "1", TON_UNKNOWN, "+447911123456"),
        ("0012025550100", "44", TON_UNKNOWN, "+12025550100"),
        ("0012025550100", "", TON_UNKNOWN, "+12025550100"),
        ("011447911123456", "1", TON_UNKNOWN, "+447911123456"),
        ("0011447911123456", "61", TON_UNKNOWN, "+447911123456"),
        ("810447911123456", "7", TON_UNKNOWN, "+447911123456"),
        ("89161234567", "7", TON_UNKNOWN, "+79161234567"),
        ("tel:+1-202-555-0123;ext=5", "", TON_UNKNOWN, "+12025550123"),
        ("+44 (0)7911 123456", "", TON_UNKNOWN, "+447911123456"),
        ("＋４４７９１１１２３４５６", "", TON_UNKNOWN, "+447911123456"),
        ("(202) 555.0123", "1", TON_UNKNOWN, "+12025550123"),
        ("5215512345678", "52", TON_UNKNOWN, "+525512345678"),
        ("0445512345678", "52", TON_UNKNOWN, "+525512345678"),
        ("011 15-2345-6789", "54", TON_UNKNOWN, "+5491123456789"),
        ("015 11 8765 4321", "55", TON_UNKNOWN, "+5511987654321"),
        ("97123456", "229", TON_UNKNOWN, "+2290197123456"),
        ("07012345", "225", TON_UNKNOWN, "+2250707012345"),
        ("99912345678901", "44", TON_UNKNOWN, "+99912345678901"),  # nobody's plan: as it came
        ("51234", "500", TON_UNKNOWN, "+50051234"),  # a plan with short numbers
        ("12025550123", "86", TON_UNKNOWN, "+12025550123"),  # no number of China begins so
        ("4790123456", "1", TON_UNKNOWN, "+4790123456"),  # nor of America
        ("4790123456", "1", TON_NATIONAL, "+14790123456"),
        ("1234567", "44", TON_UNKNOWN, "+441234567"),
    ],
)
def test_a_number_belongs_to_the_country_that_is_asked_for(text: str, country_code: str, ton: int, number: str) -> None:
    assert phone_numbers.read(text, country_code, ton) == number


@pytest.mark.parametrize(
    "text", ["", "+", "ACME", "12345", "+1202555O123", "1-888-STOP-NOW", "*#06#", "1" * 60, "٠" * 500]
)
def test_what_is_no_number_is_said_so(text: str) -> None:
    assert phone_numbers.read(text, "44") is None
    assert phone_numbers.international(text) is None


@st.composite
def written(draw: st.DrawFn) -> tuple[str, str, str]:
    """A number in use, some spelling of it, and the country that is asked for."""
    code = draw(st.sampled_from(sorted(MOBILES)))
    national = draw(st.sampled_from(MOBILES[code]))
    asked = draw(st.sampled_from(sorted(MOBILES)))
    forms = [f"+{code}{national}", f"00{code}{national}"]
    if asked == code:
        trunk = {"7": "8", "86": "0", "44": "0", "33": "0", "61": "0", "49": "0", "84": "0"}.get(code, "")
        forms += [national, trunk + national, code + national]
    text = draw(st.sampled_from(forms))
    digits = draw(st.sampled_from(DIGITS))
    pieces = [digits[int(c)] if c.isdigit() else c for c in text]
    between = draw(
        st.lists(st.sampled_from(["", "", "", " ", "-", ".", "\u00a0", "\u200e", " ("]), min_size=24, max_size=24)
    )
    return f"+{code}{national}", "".join(a + b for a, b in zip(pieces, between, strict=False)), asked


@given(written())
def test_any_spelling_of_a_number_is_read_as_itself(case: tuple[str, str, str]) -> None:
    number, text, country_code = case
    assert phone_numbers.read(text, country_code) == number


@given(
    st.sampled_from(NUMBERS),
    st.sampled_from(sorted(MOBILES)),
    st.sampled_from([TON_UNKNOWN, TON_INTERNATIONAL, TON_NATIONAL]),
)
def test_bare_digits_are_a_number_of_the_country_or_what_they_say(number: str, country_code: str, ton: int) -> None:
    """Never one of a third country: there is nobody who says so."""
    found = phone_numbers.read(number[1:], country_code, ton)
    assert found is not None
    valid = phonenumbers.is_valid_number(phonenumbers.parse(found, None)) if found.startswith("+") else False
    assert found == number or found.startswith("+" + country_code) or not valid


@given(st.text(max_size=40), st.sampled_from(["", *MOBILES]), st.integers(0, 6))
def test_whatever_is_written_gets_an_answer_that_stays(text: str, country_code: str, ton: int) -> None:
    found = phone_numbers.read(text, country_code, ton)
    if found is not None:
        assert canonical(found) == found
        assert found.removeprefix("+").isascii()
        assert found.removeprefix("+").isdigit()


FORMER = [
    ("+5215512345678", "+525512345678"),
    ("+541112345678", "+5491112345678"),
    ("+5401112345678", "+5491112345678"),
    ("+54111512345678", "+5491112345678"),
    ("+551187654321", "+5511987654321"),
    ("+22507012345", "+2250707012345"),
    ("+22545012345", "+2250545012345"),
    ("+22541012345", "+2250141012345"),
    ("+22997123456", "+2290197123456"),
    ("+24107123456", "+24177123456"),
    ("+2417123456", "+24177123456"),
    ("+241066123456", "+24166123456"),
    ("+23777123456", "+237677123456"),
    ("+841201234567", "+84701234567"),
    ("+841691234567", "+84391234567"),
    ("+841991234567", "+84591234567"),
]


@pytest.mark.parametrize(("former", "current"), FORMER)
def test_a_person_keeps_one_number_when_the_plan_moves_on(former: str, current: str) -> None:
    assert canonical(former) == canonical(current) == current
    assert is_possible(current)
    assert spellings(former)[0] == spellings(current)[0] == current
    assert former in spellings(former)


@pytest.mark.parametrize(
    "number", ["+551132654321", "+551177654321", "+22588123", "+23788012345", "+525512345678", "+12025550123"]
)
def test_numbers_that_did_not_move_stay(number: str) -> None:
    """Lines of Brazil, its radio telephones, numbers that no rule is about."""
    assert canonical(number) == number


def test_every_rule_names_its_source_and_reaches_a_number_that_stays() -> None:
    assert all(change.source and change.former != change.current for change in CHANGES)
    assert {change.code for change in CHANGES} == {"52", "54", "55", "84", "225", "229", "237", "241"}


@given(st.sampled_from(sorted({change.code for change in CHANGES})), st.from_regex(r"[0-9]{5,12}\Z"))
def test_every_former_form_leads_back_to_the_person(code: str, national: str) -> None:
    number = f"+{code}{national}"
    first, *others = spellings(number)
    assert first == canonical(number) == canonical(first)
    assert all(canonical(other) == first for other in others)
