"""Where texts may go: which countries, and no numbers that charge whoever calls them. Asked before every text, whichever way it comes.

Premium-rate and shared-cost numbers, satellites and the numbers of no country are what fraud with texts lives on, and no subscriber
reads texts there. Pure; the library's metadata says which numbers are of which kind.
Sources: ITU-T E.164 (list of assigned country codes); libphonenumber, types of phone numbers.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache

import phonenumbers
from phonenumbers import PhoneMetadata

NO_COUNTRY = frozenset({"800", "808", "870", "875", "876", "877", "878", "879", "881", "882", "883", "888", "979"})
"""Calling codes of services: freephone, shared cost, satellites, universal numbers, networks, disaster relief, premium rate."""


class Destinations:
    """`countries`: ISO 3166 codes; empty: every country. `special`: also numbers that charge the caller, satellites and numbers of no
    country."""

    def __init__(self, countries: Collection[str] = (), *, special: bool = False) -> None:
        self._countries = frozenset(countries)
        self._codes = frozenset(str(phonenumbers.country_code_for_region(country)) for country in countries)
        self._special = special

    def refused(self, number: str) -> str:
        """Why no text goes to this number (E.164), or empty. What does not begin with `+` is a short code, which its transport knows."""
        if not number.startswith("+"):
            return ""
        code = _code_of(number)
        if not self._special and (code in NO_COUNTRY or _charges_the_caller(code, number[1 + len(code) :])):
            return "texts to premium-rate, shared-cost, satellite and universal numbers are not allowed"
        if self._codes and (code not in self._codes or self._is_neighbors(number, code)):
            return "texts to this country are not allowed"
        return ""

    def _is_neighbors(self, number: str, code: str) -> bool:
        """Whether the number is given out in a country that shares its code with an allowed one, and is not allowed itself."""
        if self._countries.issuperset(phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(code), ())):
            return False
        try:
            region = phonenumbers.region_code_for_number(phonenumbers.parse(number, None))
        except phonenumbers.NumberParseException:
            return False
        return region is not None and region not in self._countries


def _code_of(number: str) -> str:
    """The calling code: no code is the beginning of another."""
    for length in (1, 2, 3):
        code = number[1 : 1 + length]
        if code.isdigit() and (code in NO_COUNTRY or int(code) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE):
            return code
    return ""


def _charges_the_caller(code: str, national: str) -> bool:
    pattern = _charging(code)
    return pattern is not None and pattern.fullmatch(national) is not None


@lru_cache(maxsize=300)
def _charging(code: str) -> re.Pattern[str] | None:
    """Premium-rate and shared-cost numbers of all countries with this calling code."""
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(code), ()) if code else ()
    plans = [plan for plan in map(PhoneMetadata.metadata_for_region, regions) if plan is not None]
    kinds = [kind for plan in plans for kind in (plan.premium_rate, plan.shared_cost) if kind is not None]
    patterns = [kind.national_number_pattern for kind in kinds if kind.national_number_pattern]
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns)) if patterns else None
