"""Texts of others made fit to be shown: what steers a terminal, a header or a reader's eyes goes, everything else stays.

Removed are control characters, line breaks and lone surrogates, and the explicit marks of direction (embeddings, overrides, isolates)
with which a name can be made to look like another. What joins and forms letters stays (zero width joiners, variation selectors, tags of
flags), and so does what this release of Unicode does not know yet: an allow-list would be out of date each autumn.
Sources: Unicode Standard Annex 9 (2.1-2.4, explicit directional formatting), RFC 5322 (2.2, what a header's body may hold).
"""

from __future__ import annotations

import re

_CONTROLS = "\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff"
_DIRECTIONS = "\u202a-\u202e\u2066-\u2069"
_CONTROL = re.compile(f"[{_CONTROLS}]")
_DIRECTION = re.compile(f"[{_DIRECTIONS}]")
_UNFIT = re.compile(f"[{_CONTROLS}{_DIRECTIONS}]")
_UNFIT_IN_LINES = re.compile(f"(?!\\n)[{_CONTROLS}{_DIRECTIONS}]")


def one_line(text: str) -> str:
    """The text with every run of white space and control characters made one space: fit for a header and for a name."""
    if text.isascii() and text.isprintable() and "  " not in text:
        return text.strip()
    return " ".join(_CONTROL.sub(" ", undirected(text)).split())


def undirected(text: str) -> str:
    """The text without explicit marks of direction."""
    return text if text.isascii() else _DIRECTION.sub("", text)


def is_plain(text: str, *, lines: bool = False) -> bool:
    """Whether there is nothing in it that would have to go. lines: LF may be in it."""
    return (_UNFIT_IN_LINES if lines else _UNFIT).search(text) is None


def replaced(text: str, mark: str) -> str:
    """The text with `mark` for each character that would have to go: for terminals, and for words of peers."""
    return _UNFIT.sub(mark, text)
