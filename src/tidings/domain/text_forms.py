"""The forms in which texts, keywords and lists of words are compared. Pure; used by `keywords`, `optout_intent` and `template_texts`.

Every form is made in time that grows with the length of the text and no faster.
Source: Unicode UAX 15 (NFKC); UTS 39 (confusables).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

from tidings.domain.optout_words import CONFUSABLES, ONE_WORD

_FILLERS: Final = (
    *((0x034F, 0x034F), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F)),  # joiner, fillers, Mongolian selectors
    *((0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFFA0, 0xFFA0), (0xE0100, 0xE01EF)),  # fillers, variation selectors
)
"""What shows nothing and is not of the category of format characters."""

_FILLER_CODES: Final = frozenset(code for start, stop in _FILLERS for code in range(start, stop + 1))
_APOSTROPHES: Final = "'`\u2018\u2019\u02bc\u00b4\u2032"
_PLAIN_APOSTROPHES: Final = dict.fromkeys(map(ord, "\u00b4\u02bc\u2032"), "'")
_NO_WORD: Final = re.compile(r"[\W_]+")
_ARABIC: Final = str.maketrans(
    "\u0649\u06cc\u0629\u06a9\u06c1\u06d5\u06be", "\u064a\u064a\u0647\u0643\u0647\u0647\u0647", "\u0640"
)
"""Letters that people write one for the other, and the stroke that only makes words longer."""


def normalized(text: str) -> str:
    """The form in which texts and keywords are compared. Idempotent; accents stay, so ARRET and ARRÊT are two keywords."""
    return trimmed(" ".join(folded(text).split()))


def folded(text: str) -> str:
    """Compatibility forms and case folded, what shows nothing removed."""
    if text.isascii():
        return text.lower()
    shown = "".join(c for c in text if not _is_unseen(c)).translate(_PLAIN_APOSTROPHES)
    # Twice, because folding case may leave something that NFKC changes into something with a case, as with U+03D2 and U+0345.
    once = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", shown).casefold())
    return unicodedata.normalize("NFKC", once.casefold())


def _is_unseen(character: str) -> bool:
    return unicodedata.category(character) in ("Cf", "Me") or ord(character) in _FILLER_CODES


def trimmed(form: str) -> str:
    """Without punctuation, symbols, emoji, controls and white space at both ends; a mark goes with what it stands on."""
    start, end = 0, len(form)
    while start < end and unicodedata.category(form[start])[0] in "PSZCM":
        start += 1
    while start < end:
        base = end - 1
        while base > start and unicodedata.category(form[base])[0] == "M":
            base -= 1
        if unicodedata.category(form[base])[0] not in "PSZC":
            break
        end = base
    return form[start:end]


def words(form: str) -> list[str]:
    """The words of a normalized text: letters, digits and their marks. `don't` and `do not` are one word, and so is `thank you`."""
    if form.isascii():
        spaced = _NO_WORD.sub(" ", form.replace("'", "").replace("`", ""))
    else:
        spaced = "".join(
            c if c.isalnum() or unicodedata.category(c)[0] == "M" else "" if c in _APOSTROPHES else " " for c in form
        )
    found = line(spaced.split())
    for several, one in ONE_WORD.items():
        found = found.replace(several, one)
    return found.split()


def line(each: Sequence[str]) -> str:
    """Words between spaces, so that a word or phrase with spaces around it is found only as a whole."""
    return f" {' '.join(each)} "


def bare(form: str) -> str:
    """A normalized text without accents and marks, in its own script."""
    if form.isascii():
        return form
    letters = "".join(c for c in unicodedata.normalize("NFD", form) if unicodedata.category(c) != "Mn")
    return unicodedata.normalize("NFKC", letters.translate(_ARABIC))


def skeleton(form: str) -> str:
    """What a form looks like: accents off, letters of other scripts and a zero as the Latin ones that they resemble."""
    if form.isascii():
        return form.replace("0", "o")
    return unicodedata.normalize("NFKC", bare(form).translate(CONFUSABLES))
