"""Reads phone numbers as people, networks and gateways write them: with or without the country, with blanks, dashes and other digits.

One function for whoever texted and for numbers of ours that were texted; called by services for texts that come in, by SMPP, and
for what people type. It never guesses between two countries: what is not written internationally belongs to the country that is asked
for. Pure. Source: ITU-T E.164 and E.123; RFC 3966; SMPP 3.4 section 5.2.5 (type of number).
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

import phonenumbers

from tidings.wire.phone_plans import canonical, is_possible

TON_UNKNOWN, TON_INTERNATIONAL, TON_NATIONAL = 0, 1, 2
DIGITS_MAX = 15
"""Of an international number. Source: ITU-T E.164, section 6."""
_WRITTEN_MAX = 24
"""Digits of a number with prefixes before it."""
_CHARACTERS_MAX = 120
_SHORT_MAX = 8
"""Digits of a short code, which is nobody's number in any plan."""
_SCHEMES = ("tel:", "sms:")
_SUBSCRIBER_MIN = 7
"""Digits of somebody's number where no plan says otherwise; what is shorter is a service's short code."""
_SEPARATORS = frozenset("-./()[]_·\u2212")
_CODE = re.compile(r"[1-9][0-9]{0,2}\Z")
_NUMBER = re.compile(r"\+?[0-9]+\Z")


def plain(text: str) -> str | None:
    """The digits of a number, behind a `+` if one is written, without what stands between them; None for what is no number."""
    text = unicodedata.normalize("NFKC", text[:_CHARACTERS_MAX]).strip()
    for scheme in _SCHEMES:
        if text[: len(scheme)].lower() == scheme:
            text = text[len(scheme) :].partition(";")[0].partition("?")[0]
    found = "".join(filter(None, map(_digit_or_nothing, text)))
    return found if _NUMBER.match(found) and len(found) <= _WRITTEN_MAX else None


def international(text: str) -> str | None:
    """A number that says its country, by `+` or `00`, in its canonical form; None for what does not or is no number."""
    digits = plain(text)
    if digits is None:
        return None
    if digits.startswith("00"):
        digits = "+" + digits[2:]
    if not digits.startswith("+") or digits.startswith("+0") or len(digits) > DIGITS_MAX + 2:
        return None
    return canonical(digits)


def read(text: str, country_code: str = "", ton: int = TON_UNKNOWN) -> str | None:
    """The number that is meant, in its canonical form; digits that no plan knows stay as they came. None for what is no number.

    country_code: of numbers that do not say theirs (`44`); empty when unknown. ton: the type that an SMSC gives.
    """
    found = readings(text, country_code, ton)
    return found[0] if found else None


def readings(text: str, country_code: str = "", ton: int = TON_UNKNOWN) -> list[str]:
    """What a number may mean, the likeliest first; empty for what is no number."""
    digits = plain(text)
    if digits is None:
        return []
    if digits.startswith("+"):
        digits = digits[1:]
        if not digits.startswith("0"):
            return [canonical("+" + digits)]
    found = _abroad(digits, country_code)
    if found:
        return [found]
    if not country_code:
        return _without_country(digits)
    return list(dict.fromkeys(_in_country(digits, country_code, ton)))


def read_country_code(text: str) -> str:
    """A calling code as an operator sets it, `44`, with or without `+`; empty for none. Raises ValueError."""
    code = text.strip().removeprefix("+")
    if code and (not _CODE.match(code) or phonenumbers.region_code_for_country_code(int(code)) == "ZZ"):
        raise ValueError("country_code must be the calling code of a country, 1 to 3 digits")
    return code


def calling_code(number: str, region: str = "") -> str:
    """The calling code of an international number, else of a country (ISO 3166); empty where neither says one."""
    if number.startswith("+"):
        try:
            return str(phonenumbers.parse(number, None).country_code)
        except phonenumbers.NumberParseException:
            return ""
    return str(phonenumbers.country_code_for_region(region) or "") if region else ""


def national_digits(number: str) -> str:
    """An international number as it is written at home, without a trunk prefix; empty for what is none."""
    code = calling_code(number)
    return number[1 + len(code) :] if code else ""


def _digit_or_nothing(character: str) -> str:
    """A digit of whatever script, `+`, nothing for what may stand between digits; anything else stays, and makes it no number."""
    digit = unicodedata.decimal(character, None)
    if digit is not None:
        return str(digit)
    is_between = (
        character in _SEPARATORS or character.isspace() or unicodedata.category(character) in ("Pd", "Cf", "Cc")
    )
    return "" if is_between else character


def _abroad(digits: str, country_code: str) -> str:
    """What follows a prefix for calls abroad: 00, or the country's own where a number in use follows."""
    if digits.startswith("00"):
        rest = canonical("+" + digits.lstrip("0"))
        if is_possible(rest):
            return rest
    prefix = _prefix_abroad(country_code)
    found = prefix.match(digits) if prefix is not None else None
    if found is not None and digits[found.end() : found.end() + 1] not in ("", "0"):
        rest = canonical("+" + digits[found.end() :])
        if is_given_out(rest) and not is_given_out(_national(digits, country_code)):
            return rest
    return ""


def _in_country(digits: str, code: str, ton: int) -> list[str]:
    """A number of the country, with its code or without; else one of another country that is given out; else what it may be here."""
    # A number never begins with the zero that is dialed before it, so that one is surely national.
    is_national = ton == TON_NATIONAL or digits.startswith("0")
    national = _national(digits, code)
    whole = "" if digits.startswith("0") else canonical("+" + digits)
    with_code = whole if digits.startswith(code) else ""
    own = [national, with_code] if is_national else [with_code, national]
    found = [number for number in own if is_given_out(number)]
    if not is_national and is_given_out(whole):
        found.insert(0 if ton == TON_INTERNATIONAL else len(found), whole)
    likely = [national] if is_national or _is_length_of_mobile(national, code) else []
    found += [number for number in (*likely, with_code, whole, national) if number and is_possible(number)]
    if found:
        return found
    return [whole or national] if len(digits) >= _SUBSCRIBER_MIN else []


def _without_country(digits: str) -> list[str]:
    """An international number without its sign, or whatever it is."""
    if len(digits) < _SUBSCRIBER_MIN:
        return []
    if len(digits) <= _SHORT_MAX or digits.startswith("0"):
        return [digits]
    return [canonical("+" + digits)]


def _national(digits: str, code: str) -> str:
    """Digits read within the country: with or without a trunk prefix."""
    number = canonical(f"+{code}{digits}")
    try:
        parsed = phonenumbers.parse(digits, phonenumbers.region_code_for_country_code(int(code)))
    except phonenumbers.NumberParseException:
        return number
    found = canonical(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164))
    return found if is_possible(found) or not is_possible(number) else number


def is_given_out(number: str) -> bool:
    """Whether such a number is given out, as far as the library knows."""
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(number, None))
    except phonenumbers.NumberParseException:
        return False


def _is_length_of_mobile(number: str, code: str) -> bool:
    return number.startswith("+" + code) and len(number) - 1 - len(code) in _mobile_lengths(code)


@lru_cache(maxsize=300)
def _mobile_lengths(code: str) -> frozenset[int]:
    found = _metadata(code)
    return frozenset((found.mobile.possible_length if found is not None and found.mobile is not None else None) or ())


@lru_cache(maxsize=300)
def _prefix_abroad(code: str) -> re.Pattern[str] | None:
    """What is dialed in a country before a number of another one, where that is not 00."""
    found = _metadata(code) if code else None
    prefix = found.international_prefix if found is not None else None
    return re.compile(prefix) if prefix and prefix != "00" else None


def _metadata(code: str) -> phonenumbers.PhoneMetadata | None:
    region = phonenumbers.region_code_for_country_code(int(code))
    return phonenumbers.PhoneMetadata.metadata_for_region_or_calling_code(int(code), region)
