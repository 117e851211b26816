"""One person, one phone number: the number as today's numbering plan writes it, and the other ways in which it may have been kept.

Called by services, store, delivery and dialects for everything that is compared, never for what is shown. A number that no rule knows
is its own canonical form. Pure; the library's metadata gives trunk prefixes and lengths, the table below what it
forgets when a plan moves on.
Source: ITU-T E.164; the pages named in `CHANGES`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from zlib import crc32

import phonenumbers


@dataclass(frozen=True, slots=True)
class PlanChange:
    """Numbers that were written `area former rest` and are now written `area current rest`, all behind the calling code.

    `area`, `rest`: patterns; `former`, `current`: digits. `source`: title of the page that says so.
    """

    code: str
    former: str
    current: str
    rest: str
    source: str
    area: str = ""


_MEXICO = "Mexico Simplifies its Telephone Dialing Rules (3 August 2019); libphonenumber FAQ"
_ARGENTINA = "libphonenumber FAQ, on calling mobile numbers of Argentina"
_BRAZIL = (
    "Anatel, nono dígito (2012 to 2016): O Estado de S. Paulo, Celulares do AP, AM, MA, PA e RR terão nove dígitos"
)
_IVORY_COAST = (
    "ARTCI, passage de 8 à 10 chiffres (31 January 2021): Liste des indicatifs téléphoniques en Côte d'Ivoire"
)
_BENIN = "Bénin: Le format des numéros de téléphone passe de huit à dix chiffres (30 November 2024)"
_GABON = "ARCEP: Les numéros de téléphone au Gabon passent de 8 à 9 chiffres (15 November 2019)"
_VIETNAM = (
    "MobiFone, Detailed plan of the mobile phone number conversion (15 September 2018); lawnet.vn, list of prefixes"
)
_CAMEROON = "The Guardian Post, Telephone numbers to move from 8 to 9 digits (21 November 2014)"

_VIETNAM_PREFIXES = (
    "120>70 121>79 122>77 126>76 128>78 123>83 124>84 125>85 127>81 129>82 "
    "162>32 163>33 164>34 165>35 166>36 167>37 168>38 169>39 186>56 188>58 199>59"
)

CHANGES: Sequence[PlanChange] = (
    PlanChange("52", "1", "", "[2-9][0-9]{9}", _MEXICO),
    *(PlanChange("52", former, "", "[2-9][0-9]{9}", _MEXICO) for former in ("044", "045")),
    # Lines and mobiles share their numbers; a text goes to the mobile, which from abroad has the 9.
    PlanChange("54", "", "9", "(?:11|[23][0-9])[0-9]{8}", _ARGENTINA),
    # Radio telephones (7) kept eight digits.
    PlanChange("55", "", "9", "[689][0-9]{7}", _BRAZIL, area="[1-9][1-9]"),
    PlanChange("225", "", "01", "[04-9][0-3][0-9]{6}", _IVORY_COAST),
    PlanChange("225", "", "05", "[04-9][4-6][0-9]{6}", _IVORY_COAST),
    PlanChange("225", "", "07", "[04-9][7-9][0-9]{6}", _IVORY_COAST),
    PlanChange("229", "", "01", "[2-9][0-9]{7}", _BENIN),
    *(
        PlanChange("241", zero + operator, digit + operator, "[0-9]{6}", _GABON)
        for digit, operators in (("6", "256"), ("7", "47"), ("1", "1"))
        for operator in operators
        for zero in ("0", "")
    ),
    PlanChange("237", "", "6", "[5-79][0-9]{7}", _CAMEROON),
    *(
        PlanChange("84", former, current, "[0-9]{7}", _VIETNAM)
        for former, _, current in (pair.partition(">") for pair in _VIETNAM_PREFIXES.split())
    ),
)

_REGION_OF_NOBODY = "ZZ"


@dataclass(frozen=True, slots=True)
class _Rule:
    former: re.Pattern[str]
    current: re.Pattern[str]
    change: PlanChange

    def renewed(self, number: str) -> str | None:
        found = self.former.match(number)
        return None if found is None else f"+{self.change.code}{found[1]}{self.change.current}{found[2]}"

    def as_before(self, number: str) -> str | None:
        found = self.current.match(number)
        return None if found is None else f"+{self.change.code}{found[1]}{self.change.former}{found[2]}"


def _rule(change: PlanChange) -> _Rule:
    def pattern(prefix: str) -> re.Pattern[str]:
        return re.compile(rf"\+{change.code}({change.area}){prefix}({change.rest})\Z")

    return _Rule(pattern(change.former), pattern(change.current), change)


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is known of a calling code. `trunk`: what may stand before a number within the country; `lengths`: of numbers without code."""

    trunk: re.Pattern[str]
    lengths: frozenset[int]
    rules: tuple[_Rule, ...]

    def may_change(self, number: str, end: int) -> bool:
        """Whether the canonical form may be another one. `end`: of the calling code in the number."""
        found = self.trunk.match(number, end)
        return (found is not None and found.end() > end) or any(rule.former.match(number) for rule in self.rules)


def canonical(number: str) -> str:
    """The form of a number, `+` and digits, in which a person is known: today's, without trunk prefix. Anything else as it is.

    A microsecond for most, for lists of millions and for every text: only what may be written differently is looked at as a whole.
    """
    plan, end = _plan_of(number)
    if plan is None or not plan.may_change(number, end):
        return number
    return _canonical(number, plan)


def spellings(number: str) -> tuple[str, ...]:
    """Under what a person may have been kept, by this or an earlier release: the canonical form first."""
    plan, end = _plan_of(number)
    if plan is None:
        return (number,)
    may_change = plan.may_change(number, end)
    if not may_change and not plan.rules:
        return (number,)
    first = _canonical(number, plan) if may_change else number
    before = (rule.as_before(first) for rule in plan.rules)
    return tuple(dict.fromkeys((first, number, *filter(None, before))))


def is_possible(number: str) -> bool:
    """Whether the numbering plan has numbers of this length. `+` and digits, in canonical form."""
    plan, end = _plan_of(number)
    return plan is not None and len(number) - end in plan.lengths


def version() -> str:
    """Another one when a canonical form may have changed."""
    table = ";".join(",".join((row.code, row.area, row.former, row.current, row.rest)) for row in CHANGES)
    return f"phonenumbers {phonenumbers.__version__}, changes {crc32(table.encode()):08x}"


def _plan_of(number: str) -> tuple[_Plan | None, int]:
    """The plan of a number, and where the number begins in it."""
    if number[:1] == "+":
        for end in (2, 3, 4):
            plan = _plan(number[1:end])
            if plan is not None:
                return plan, end
    return None, 0


@lru_cache(maxsize=2_000)
def _plan(code: str) -> _Plan | None:
    """None where there is no such calling code."""
    region = (
        phonenumbers.region_code_for_country_code(int(code)) if code.isascii() and code.isdigit() else _REGION_OF_NOBODY
    )
    if region == _REGION_OF_NOBODY:
        return None
    found = phonenumbers.PhoneMetadata.metadata_for_region_or_calling_code(int(code), region)
    if found is None:
        return None
    rules = tuple(_rule(change) for change in CHANGES if change.code == code)
    lengths = (found.general_desc.possible_length if found.general_desc is not None else None) or ()
    return _Plan(re.compile(found.national_prefix_for_parsing or "(?!)"), frozenset(lengths), rules)


def _canonical(number: str, plan: _Plan, tries: int = 4) -> str:
    """A trunk prefix may hide behind another one, or behind what a plan has dropped."""
    for rule in plan.rules:
        renewed = rule.renewed(number)
        if renewed is not None:
            return renewed
    found = without_trunk_prefix(number)
    return found if found == number or not tries else _canonical(found, plan, tries - 1)


def without_trunk_prefix(number: str) -> str:
    """A number of `+` and digits as the library writes it in E.164, or as it is where that would be no possible number."""
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return number
    if not phonenumbers.is_possible_number(parsed):
        return number
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
