"""Phone numbers as SMPP writes them (type of number, numbering plan, digits) and as everybody else does (E.164, short codes).

Called by `pdu`'s users in `channels/sms`. Sources: SMPP 3.4 sections 5.2.5 and 5.2.6; ITU-T E.164.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

ADDRESS_OCTETS_MAX = 20
ALPHANUMERIC_MAX = 11
SHORT_CODE_MAX = 8

TON_UNKNOWN, TON_INTERNATIONAL, TON_NATIONAL, TON_NETWORK, TON_ALPHANUMERIC = 0, 1, 2, 3, 5
NPI_UNKNOWN, NPI_E164 = 0, 1

_DIGITS = re.compile(r"[0-9]+")
_E164 = re.compile(r"\+[1-9][0-9]{4,14}")


@dataclass(frozen=True, slots=True)
class Address:
    ton: int
    npi: int
    digits: str

    def octets(self) -> bytes:
        """As it stands in a PDU, with the octet that ends it."""
        return bytes((self.ton, self.npi)) + self.digits.encode("ascii") + b"\0"


NOBODY = Address(TON_UNKNOWN, NPI_UNKNOWN, "")


def destination(endpoint: str) -> Address:
    """Where a text goes. Raises ValueError for what is no phone number."""
    if _E164.fullmatch(endpoint):
        return Address(TON_INTERNATIONAL, NPI_E164, endpoint[1:])
    if _DIGITS.fullmatch(endpoint) and len(endpoint) <= SHORT_CODE_MAX:
        return Address(TON_UNKNOWN, NPI_UNKNOWN, endpoint)
    raise ValueError(f"not a phone number: {endpoint[:40]}")


def sender(text: str) -> Address:
    """Whom a text comes from: a number, a short code or a name of up to 11 characters; empty leaves it to the SMSC. Raises ValueError."""
    if not text:
        return NOBODY
    if _E164.fullmatch(text):
        return Address(TON_INTERNATIONAL, NPI_E164, text[1:])
    if _DIGITS.fullmatch(text):
        if len(text) <= SHORT_CODE_MAX:
            return Address(TON_NETWORK, NPI_UNKNOWN, text)
        if len(text) <= ADDRESS_OCTETS_MAX:
            return Address(TON_UNKNOWN, NPI_E164, text)
    elif len(text) <= ALPHANUMERIC_MAX and text.isascii() and text.isprintable() and not text.startswith("+"):
        return Address(TON_ALPHANUMERIC, NPI_UNKNOWN, text)
    raise ValueError(f"not a sender: {text[:40]}")


def phone_of(address: Address, country_code: str) -> str:
    """The E.164 number that an SMSC means, or what it wrote when it is none.

    country_code: of national numbers (`1`); empty when unknown. International numbers come with or without `+` or `00`, North
    American ones also as ten digits.
    """
    written = address.digits.strip()
    digits = written.removeprefix("+")
    if not _DIGITS.fullmatch(digits) or address.ton == TON_ALPHANUMERIC:
        return written
    if written.startswith("+") or address.ton == TON_INTERNATIONAL:
        return "+" + digits.lstrip("0")
    if address.ton == TON_NATIONAL and country_code:
        national = digits.lstrip("0")
        # Some say "national" and write the country all the same.
        has_country = national.startswith(country_code) and len(national) > 10
        return "+" + (national if has_country else country_code + national)
    if len(digits) <= SHORT_CODE_MAX:
        return written
    if country_code == "1" and len(digits) == 10 and digits[0] not in "01":
        return "+1" + digits
    return "+" + digits.lstrip("0")


def our_address(address: Address, own: str, country_code: str) -> str:
    """The address of ours that a text was sent to: a number or a short code. own: the bind's own number, as the operator wrote it."""
    digits = address.digits.strip().removeprefix("+")
    if own and digits == own.removeprefix("+"):
        return own
    if len(digits) <= SHORT_CODE_MAX and address.ton != TON_INTERNATIONAL:
        return digits
    return phone_of(address, country_code)
