"""Incoming texts: what a deliver_sm's octets say in any coding, and which part of a long text they are.

Called by `channels/sms` and `joining`. Never refuses a text: what its coding does not explain is read as well as can be, because it
may be somebody's STOP. Sources: SMPP 3.4 sections 5.2.19 and 5.3.2.22-24; 3GPP TS 23.038 section 4, TS 23.040 section 9.2.3.24.
"""

from __future__ import annotations

from typing import NamedTuple

from tidings.wire.smpp import gsm
from tidings.wire.smpp.pdu import SAR_NUMBER, SAR_REFERENCE, SAR_TOTAL, DeliverSm
from tidings.wire.smpp.readings import is_utf16, readings, utf16
from tidings.wire.smpp.splitting import WITH_HEADER
from tidings.wire.smpp.url import Coding0

_CONCATENATED_8, _CONCATENATED_16 = 0x00, 0x08
_SPACE = 0x20
_UNTOLD_HEADERS = (b"\x05\x00\x03", b"\x06\x08\x04")
"""Nobody's words in any alphabet, so they are a header of parts also where esm_class does not say so."""
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
    """`place`: None for a text that came whole. `header_octets`: that were cut off before."""

    octets: bytes
    data_coding: int
    place: Place | None
    header_octets: int = 0


def read_body(deliver: DeliverSm) -> Body:
    """The text's octets without their header, and their place. Never raises: a header that cannot be is taken for text."""
    octets, place, cut = deliver.octets, None, 0
    is_told = bool(deliver.esm_class & WITH_HEADER and octets and octets[0] < len(octets))
    if is_told and octets[0] and min(octets[1 : octets[0] + 1]) >= _SPACE:
        is_told = False  # words; no header is without an octet below
    if is_told or octets.startswith(_UNTOLD_HEADERS):
        cut = octets[0] + 1
        place = _place_in_header(octets[1:cut])
        if place is None and not is_told:
            cut = 0
    return Body(octets[cut:], deliver.data_coding, place or _place_in_parameters(deliver), cut)


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


def read(body: Body, coding0: Coding0) -> tuple[str, ...]:
    """What a text may say, the likeliest first: a coding that was told wrongly hides nobody's STOP. Never raises."""
    fill_bits = -body.header_octets * 8 % 7
    told = decode(body.octets, body.data_coding, coding0)
    return readings(body.octets, told, is_ucs2=_general(body.data_coding) == _UCS2, fill_bits=fill_bits)


def decode(octets: bytes, data_coding: int, coding0: Coding0) -> str:
    """The text as its coding says. data_coding 0 is the SMSC's own alphabet, `coding0`; 8 is read as UTF-16, for emoji. Never raises."""
    coding = _general(data_coding)
    if coding == _UCS2:
        return utf16(octets)
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


def _guessed(octets: bytes) -> str:
    codec = is_utf16(octets)
    if codec:
        return utf16(octets, codec)
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        return octets.decode("iso8859-1")
