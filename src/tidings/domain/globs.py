"""Wildcard patterns of policies and of users' actions: `*` is any run of characters, `?` any one. Pure.

Pattern and text may both come from people who do not trust each other, so nothing here backtracks: each part between two stars is
placed once, as far left as it fits. Source: IAM user guide, "String condition operators" (StringLike).
"""

from __future__ import annotations

from functools import lru_cache

PLACES_KEPT = 256
TEXTS_KEPT = 4
"""Where the characters of recent texts stand: one endpoint is compared with many patterns."""


def glob(pattern: str, text: str) -> bool:
    """Whether the pattern fits the whole text.

    Takes at most one pass over the text per part between stars that finds it, and len(pattern) operations on bit sets of
    len(text) bits; a part that cannot fit ends it.
    """
    if "*" not in pattern:
        return len(pattern) == len(text) and _fits_at(pattern, text, 0)
    first, *middle, last = pattern.split("*")
    start, end = len(first), len(text) - len(last)
    if start > end or not _fits_at(first, text, 0) or not _fits_at(last, text, end):
        return False
    for part in middle:
        start = _after(part, text, start, end)
        if start < 0:
            return False
    return True


def _fits_at(part: str, text: str, at: int) -> bool:
    """Whether a part without stars stands at this place; there must be room for it."""
    if "?" not in part:
        return text.startswith(part, at)
    return all(wanted in ("?", found) for wanted, found in zip(part, text[at : at + len(part)], strict=True))


def _after(part: str, text: str, start: int, end: int) -> int:
    """Where the first occurrence of a part without stars ends within `text[start:end]`; -1: nowhere."""
    if start + len(part) > end:
        return -1
    if "?" not in part:
        found = text.find(part, start, end)
        return found if found < 0 else found + len(part)
    fitting = -1  # every place
    for offset, character in enumerate(part):
        if character != "?":
            fitting &= _places(text, character) >> offset
            if not fitting:
                return -1
    fitting >>= start
    found = start + (fitting & -fitting).bit_length() - 1
    return found + len(part) if fitting and found + len(part) <= end else -1


@lru_cache(maxsize=PLACES_KEPT)
def _places(text: str, character: str) -> int:
    """The places of a character as bits."""
    bits = bytearray(len(text) // 8 + 1)
    for at in _index(text).get(character, ()):
        bits[at >> 3] |= 1 << (at & 7)
    return int.from_bytes(bits, "little")


@lru_cache(maxsize=TEXTS_KEPT)
def _index(text: str) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for at, character in enumerate(text):
        found.setdefault(character, []).append(at)
    return found
