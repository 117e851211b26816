"""The alphabet of text messages: characters to septets, one septet an octet (unpacked), and back.

Called by `splitting` and `texts`. Never packs septets: on SMPP's wire they go unpacked. National shift tables are not used.
Source: 3GPP TS 23.038 sections 6.2.1 and 6.2.1.1.
"""

from __future__ import annotations

import codecs

ESCAPE = 0x1B

_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = {
    0x0A: "\f",
    0x14: "^",
    0x28: "{",
    0x29: "}",
    0x2F: "\\",
    0x3C: "[",
    0x3D: "~",
    0x3E: "]",
    0x40: "|",
    0x65: "€",
}
_ENCODING: dict[int, bytes] = {
    **{ord(character): bytes((septet,)) for septet, character in enumerate(_BASIC) if septet != ESCAPE},
    **{ord(character): bytes((ESCAPE, septet)) for septet, character in _EXTENSION.items()},
}


def encode(text: str) -> bytes:
    """The text's septets, two for a character of the extension. Raises ValueError (UnicodeEncodeError) for any other character."""
    # The C loop behind Python's own table codecs; a table may give several octets for a character.
    return codecs.charmap_encode(text, "strict", _ENCODING)[0]


def decode(septets: bytes) -> str:
    """The text of these septets. An escape before anything unknown is left out; one at the end too.

    Raises ValueError (UnicodeDecodeError) when an octet is no septet (above 0x7F).
    """
    first, *escaped = septets.split(b"\x1b")
    pieces = [_basic(first)]
    for piece in escaped:
        extension = _EXTENSION.get(piece[0]) if piece else None
        pieces.append(_basic(piece) if extension is None else extension + _basic(piece[1:]))
    return "".join(pieces)


def _basic(septets: bytes) -> str:
    return codecs.charmap_decode(septets, "strict", _BASIC)[0]
