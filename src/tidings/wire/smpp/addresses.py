"""Phone numbers as SMPP writes them (type of number, numbering plan, digits) and as everybody else does (E.164, short codes).

Called by `pdu`'s users in `channels/sms`. Sources: SMPP 3.4 sections 5.2.5 and 5.2.6; ITU-T E.164.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tidings.wire import phone_numbers

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


def phone_of(address: Address, country_code: str, own: str = "") -> str:
    """The number that an SMSC means, in its canonical form; what it wrote where that is no number, or nobody here knows its country.

    country_code: of numbers that do not say theirs (`1`); empty when unknown. own: the bind's own number; what is in use in its country is
    understood then.
    """
    written = address.digits.strip()
    if address.ton == TON_ALPHANUMERIC:
        return written
    home = phone_numbers.calling_code(own) if not country_code else ""
    found = phone_numbers.read(written, home, address.ton) if home else None
    if found is not None and found.startswith(f"+{home}") and phone_numbers.is_given_out(found):
        return found
    if not country_code:
        # Not its own country's trunk prefix, and so what it says it is.
        is_whole = address.ton == TON_INTERNATIONAL and written[:1] in "123456789" and len(written) > SHORT_CODE_MAX
        return phone_numbers.international("+" + written if is_whole else written) or written
    return phone_numbers.read(written, country_code, address.ton) or written


def our_address(address: Address, own: str, country_code: str) -> str:
    """The address of ours that a text was sent to: a short code, or a number as far as it is certain. own: the bind's own number, as the
    operator wrote it."""
    digits = address.digits.strip()
    readings = phone_numbers.readings(digits, country_code, address.ton)
    if own and (own in readings or digits.removeprefix("+") == own.removeprefix("+")):
        return own
    if address.ton == TON_NATIONAL and country_code and readings and len(digits) > SHORT_CODE_MAX:
        return readings[0]
    return digits
