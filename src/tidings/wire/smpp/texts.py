"""Incoming texts: what a deliver_sm's octets say in any coding, and which part of a long text they are.

Called by `channels/sms` and `joining`. Never refuses a text: what its coding does not explain is read as well as can be, because it
may be somebody's STOP. Sources: SMPP 3.4 sections 5.2.19 and 5.3.2.22-24; 3GPP TS 23.038 section 4, TS 23.040 section 9.2.3.24.
"""

from __future__ import annotations

from typing import NamedTuple

from tidings.wire.smpp import gsm
from tidings.wire.smpp.pdu import SAR_NUMBER, SAR_REFERENCE, SAR_TOTAL, DeliverSm
from tidings.wire.smpp.splitting import WITH_HEADER
from tidings.wire.smpp.url import Coding0

_CONCATENATED_8, _CONCATENATED_16 = 0x00, 0x08
_CODECS = {
    3: "iso8859-1",
    5: "shift_jis",
    6: "iso8859-5",
    7: "iso8859-8",
    10: "iso2022_jp",
    13: "euc_jp",
    14: "euc_kr",
}
_DEFAULT, _IA5, _UCS2 = 0, 1, 8


class Place(NamedTuple):
    """Where a part belongs: `reference` tells long texts of one phone apart, together with the way in which they are numbered."""

    way: str
    reference: int
    total: int
    number: int


class Body(NamedTuple):
    """`place`: None for a text that came whole."""

    octets: bytes
    data_coding: int
    place: Place | None


def read_body(deliver: DeliverSm) -> Body:
    """The text's octets without their header, and their place. Never raises: a header that cannot be is taken for text."""
    octets, place = deliver.octets, None
    if deliver.esm_class & WITH_HEADER and octets and octets[0] < len(octets):
        header, octets = octets[1 : octets[0] + 1], octets[octets[0] + 1 :]
        place = _place_in_header(header)
    return Body(octets, deliver.data_coding, place or _place_in_parameters(deliver))


def _place_in_header(header: bytes) -> Place | None:
    at = 0
    while at + 2 <= len(header):
        element, length = header[at], header[at + 1]
        value = header[at + 2 : at + 2 + length]
        if element == _CONCATENATED_8 and len(value) == 3 == length:
            return _place("8", value[0], value[1], value[2])
        if element == _CONCATENATED_16 and len(value) == 4 == length:
            return _place("16", int.from_bytes(value[:2]), value[2], value[3])
        at += 2 + length
    return None


def _place_in_parameters(deliver: DeliverSm) -> Place | None:
    values = [deliver.parameters.get(tag, b"") for tag in (SAR_REFERENCE, SAR_TOTAL, SAR_NUMBER)]
    if not all(values) or len(values[0]) > 2 or len(values[1]) != 1 or len(values[2]) != 1:
        return None
    return _place("sar", int.from_bytes(values[0]), values[1][0], values[2][0])


def _place(way: str, reference: int, total: int, number: int) -> Place | None:
    return Place(way, reference, total, number) if total > 1 and 1 <= number <= total else None


def decode(octets: bytes, data_coding: int, coding0: Coding0) -> str:
    """The text. data_coding 0 is the SMSC's own alphabet, `coding0`; 8 is read as UTF-16, for emoji. Never raises."""
    coding = _general(data_coding)
    if coding == _UCS2:
        return _utf16(octets)
    try:
        if coding == _DEFAULT:
            return gsm.decode(octets) if coding0 is Coding0.GSM else octets.decode("iso8859-1")
        if coding == _IA5:
            return octets.decode("ascii")
        if coding in _CODECS:
            return octets.decode(_CODECS[coding])
    except UnicodeDecodeError:
        pass
    return _guessed(octets)


def _general(data_coding: int) -> int:
    """SMPP's own numbers stay; those that SMSCs hand through from the network become 0, 8, or 4 (binary)."""
    if data_coding < 0x10:
        return data_coding
    group = data_coding >> 4
    if group in (0xC, 0xD):  # message waiting
        return _DEFAULT
    if group == 0xE:
        return _UCS2
    if group == 0xF:  # message class
        return 4 if data_coding & 0x04 else _DEFAULT
    alphabet = data_coding >> 2 & 0x03  # general groups
    return (_DEFAULT, 4, _UCS2, 4)[alphabet]


def _utf16(octets: bytes) -> str:
    if octets[:2] == b"\xff\xfe":
        return octets[2:].decode("utf-16-le", "replace")
    return octets.removeprefix(b"\xfe\xff").decode("utf-16-be", "replace")


def _guessed(octets: bytes) -> str:
    if len(octets) % 2 == 0 and octets and octets[::2].count(0) * 2 >= len(octets) / 2 > octets[1::2].count(0):
        return _utf16(octets)
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        return octets.decode("iso8859-1")
