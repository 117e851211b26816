"""Outgoing texts: which alphabet, and where a long one is cut.

Called by `channels/sms`. Parts are exact in septets (160, or 153 beside a header) or UTF-16 units (70, or 67); an escape or a surrogate
pair is never cut. Sources: 3GPP TS 23.040 section 9.2.3.24.1 (concatenation), TS 23.038; SMPP 3.4 section 5.2.19 (data_coding).
"""

from __future__ import annotations

from typing import NamedTuple

from tidings.wire.smpp import gsm
from tidings.wire.smpp.url import Coding0

SEPTETS_SINGLE, SEPTETS_PART = 160, 153
UCS2_SINGLE, UCS2_PART = 140, 134  # octets
PARTS_MAX = 255

CODING_DEFAULT, CODING_UCS2 = 0, 8
WITH_HEADER = 0x40
"""esm_class: the text begins with a user data header."""


class Part(NamedTuple):
    """What one submit_sm carries."""

    esm_class: int
    data_coding: int
    octets: bytes


def split(text: str, reference: int, coding0: Coding0 = Coding0.GSM) -> list[Part]:
    """The text in as few parts as it needs, in order; one for an empty text.

    reference: 0-255, tells the parts of one long text from those of another to the same phone. Raises ValueError for more than
    255 parts.
    """
    try:
        septets = gsm.encode(text)
        if coding0 is Coding0.LATIN1:
            text.encode("latin-1")  # or this SMSC's default alphabet cannot carry it
    except UnicodeEncodeError:
        units = text.encode("utf-16-be", "replace")
        return _parts(_cut_units(units), reference, CODING_UCS2)
    pieces = _cut_septets(septets)
    if coding0 is Coding0.LATIN1:
        # The air interface counts septets whatever the SMSC is told.
        pieces = [gsm.decode(piece).encode("latin-1") for piece in pieces]
    return _parts(pieces, reference, CODING_DEFAULT)


def _parts(pieces: list[bytes], reference: int, coding: int) -> list[Part]:
    total = len(pieces)
    if total == 1:
        return [Part(0, coding, pieces[0])]
    if total > PARTS_MAX:
        raise ValueError(f"the text needs {total} parts; at most {PARTS_MAX} can be sent")
    return [
        Part(WITH_HEADER, coding, bytes((5, 0, 3, reference, total, number)) + piece)
        for number, piece in enumerate(pieces, 1)
    ]


def _cut_septets(septets: bytes) -> list[bytes]:
    if len(septets) <= SEPTETS_SINGLE:
        return [septets]
    pieces, start = [], 0
    while start < len(septets):
        end = start + SEPTETS_PART
        if end < len(septets) and septets[end - 1] == gsm.ESCAPE:
            end -= 1
        pieces.append(septets[start:end])
        start = end
    return pieces


def _cut_units(units: bytes) -> list[bytes]:
    if len(units) <= UCS2_SINGLE:
        return [units]
    pieces, start = [], 0
    while start < len(units):
        end = start + UCS2_PART
        if end < len(units) and units[end - 2] & 0xFC == 0xD8:  # the first half of a surrogate pair
            end -= 2
        pieces.append(units[start:end])
        start = end
    return pieces
