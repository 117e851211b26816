"""What octets may say when their coding is told wrongly, or not at all: the likeliest reading first, then others that make sense.

Called by `texts`, `joining` and the gateways. Phones, SMSCs and gateways label texts wrongly in every way there is: UCS-2 with its octets
swapped or under the default alphabet, eight-bit text under UCS-2, packed septets, a terminator left at the end. None is refused, because it
may be somebody's STOP. Whoever calls asks what each reading means. The work grows with the octets and is bounded by READ_OCTETS.
Sources: SMPP 3.4 section 5.2.19; 3GPP TS 23.038 sections 4 and 6.1.2.1 (packing).
"""

from __future__ import annotations

import unicodedata
from typing import Final

from tidings.wire.smpp import gsm

READ_OCTETS: Final = 480
"""Of longer texts only the reading that was told: three parts."""
OTHERS_MAX: Final = 6

_TERMINATORS: Final = b"\x00\x1a\x1b\r\n"
_LONE: Final = tuple(bytes((octet,)) for octet in _TERMINATORS)
_NOBODYS: Final = frozenset({"Cn", "Co", "Cs", "Cc"})
_STRANGE: Final = 0.2
"""More than this share of characters that nobody writes is no reading."""
_SHORT_OCTETS: Final = 24
"""Only so short a text of ASCII's octets is also tried as Chinese or as packed: each reading has its price."""
_PLAIN_LETTERS: Final = 6
"""So many octets that are all letters of ASCII are no Chinese in UCS-2."""


def unpacked(octets: bytes, fill_bits: int = 0) -> bytes:
    """Septets, one an octet, of packed ones; fill_bits: to skip at the beginning, behind a header."""
    bits = int.from_bytes(octets, "little") >> fill_bits
    count = (len(octets) * 8 - fill_bits) // 7
    septets = bytes(bits >> 7 * place & 0x7F for place in range(count))
    # Seven bits of filling, or the carriage return that the standard puts there.
    return septets[:-1] if count and count % 8 == 0 and septets[-1] in (0x00, 0x0D) else septets


def is_utf16(octets: bytes) -> str:
    """`utf-16-be` or `utf-16-le` where every other octet is the same high one, or empty: texts of one alphabet in UCS-2."""
    if octets[:2] in (b"\xfe\xff", b"\xff\xfe"):
        return "utf-16-be" if octets[0] == 0xFE else "utf-16-le"
    even, odd = octets[::2], octets[1::2]
    if len(odd) < 2:
        return ""
    for high, low, codec in ((even, odd, "utf-16-be"), (odd, even, "utf-16-le")):
        pages = {octet for octet in high[: len(odd)] if octet}
        if pages <= {min(pages, default=0)} and max(pages, default=0) < 0x10 and not _is_one_page(low[: len(odd)]):
            return codec
    return ""


def _is_one_page(octets: bytes) -> bool:
    return all(octet < 0x10 for octet in octets)


def strangeness(text: str) -> float:
    """The share of characters that nobody writes."""
    text = text.rstrip("\0\x1a\x1b")
    bad = sum(c == "\ufffd" or (c not in "\t\n\r\f" and unicodedata.category(c) in _NOBODYS) for c in text)
    return bad / len(text) if text else 1.0


def utf16(octets: bytes, codec: str = "") -> str:
    """By the mark at the beginning, else in network order. A lone octet at the end is the terminator that was added, or lacks its zero."""
    marked = octets[:2] == b"\xff\xfe"
    codec = codec or ("utf-16-le" if marked else "utf-16-be")
    if len(octets) % 2 and codec == "utf-16-le" and octets[-1] not in _TERMINATORS:
        octets += b"\0"
    whole = octets[: len(octets) // 2 * 2] if octets[-1:] in _LONE else octets
    return whole.decode(codec, "replace").removeprefix("\ufeff")


def readings(octets: bytes, told: str, *, is_ucs2: bool, fill_bits: int = 0) -> tuple[str, ...]:
    """The likeliest reading, then at most OTHERS_MAX others that make sense.

    told: the text by the coding that came with it. is_ucs2: whether that was UCS-2. fill_bits: of a header that was cut off.
    """
    if not octets or len(octets) > READ_OCTETS:
        return (told,)
    body = octets.rstrip(_TERMINATORS)
    codec = is_utf16(body)
    if is_ucs2 and codec == "utf-16-be" and told == body.decode(codec, "replace") and strangeness(told) == 0:
        return (told,)  # as it was told, every other octet the same: nothing else looks like that
    if not is_ucs2 and not codec and octets.isascii() and (b" " in octets or len(octets) > _SHORT_OCTETS):
        return tuple(dict.fromkeys((told, body.decode("ascii"))))
    fitting, loose = (
        [text for text in found if text.strip() and strangeness(text) == 0]
        for found in _candidates(octets, body, fill_bits)
    )
    if is_ucs2 and _is_plain(body):
        first = body.decode("ascii")
    elif codec and (not is_ucs2 or codec == "utf-16-le"):
        first = utf16(body, codec)
    elif strangeness(told) <= _STRANGE or not fitting:
        first = told
    else:
        first = fitting[0]
    return tuple(dict.fromkeys((first, told, *fitting, *loose)))[: OTHERS_MAX + 1]


def _is_plain(body: bytes) -> bool:
    """Letters of ASCII, more than Chinese would have by chance, or an odd number."""
    few = len(body) < _PLAIN_LETTERS and len(body) % 2 == 0
    return bool(body) and not few and all(0x20 <= octet < 0x7F for octet in body)


def _candidates(octets: bytes, body: bytes, fill_bits: int) -> tuple[list[str], list[str]]:
    """Other codings, the likelier ones first: those that do not fit any octets, and those that fit many.

    body: the octets without what is left of a terminator.
    """
    fitting = []
    header = octets[0] + 1
    for part in (body, octets[header:].rstrip(_TERMINATORS)) if 3 < header < len(octets) else (body,):
        if part.isascii():
            fitting += [part.decode("ascii"), gsm.decode(part)]
        else:
            fitting.append(_decoded(part, "utf-8"))
    packed = [gsm.decode(unpacked(octets, fill)) for fill in dict.fromkeys((fill_bits, 0, 1))]
    fitting += [text for text in packed if _is_mostly_plain(text)]
    if len(body) > 1:
        fitting += [utf16(body, "utf-16-le"), utf16(body, "utf-16-be"), utf16(b"\0" + body, "utf-16-be")]
    return fitting, [_decoded(body, codec) for codec in ("cp1252", "gb18030", "shift_jis", "euc_kr")]


def _is_mostly_plain(text: str) -> bool:
    plain = sum(c.isascii() and (c.isalnum() or c in " .,!?'\n@") for c in text)
    return plain >= len(text) * (1 - _STRANGE)


def _decoded(octets: bytes, codec: str) -> str:
    try:
        return octets.decode(codec)
    except UnicodeDecodeError:
        return ""
