"""Ids of texts at a network, in whatever spelling. Pure; called by `delivery.text_reports`.

An SMSC answers `0000001A2B` and reports `6699`, `1a2b` or `"1A2B"`. `plain` is one form for all spellings in one notation, the same that
the store computes for what it keeps (column `plain_id`); `alike` also tells what an id would be in the other notation. Two texts may meet
in such a form, so whoever looks prefers the exact spelling and wants the phone to fit.
"""

from __future__ import annotations

from typing import Final

_AROUND: Final = " \"'`<>"
_IN_FRONT: Final = "0x"
_DECIMAL, _HEXADECIMAL = frozenset("0123456789"), frozenset("0123456789abcdef")
_DIGITS_MAX: Final = 40


def plain(transport_id: str) -> str:
    """The id behind the last slash in lower case, without quotes, spaces, `0x` and leading zeros; what is before stays."""
    place, slash, own = transport_id.rpartition("/")
    return f"{place}{slash}{_plain(own)}"


def alike(transport_id: str) -> tuple[str, ...]:
    """The plain form, then those in which the same number would stand in the other notation: decimal digits, or hexadecimal ones."""
    place, slash, own = transport_id.rpartition("/")
    form = _plain(own)
    found = [form]
    if form and len(form) <= _DIGITS_MAX:
        if _DECIMAL.issuperset(form):
            found.append(f"{int(form):x}")
        if _HEXADECIMAL.issuperset(form):
            found.append(str(int(form, 16)))
    return tuple(dict.fromkeys(f"{place}{slash}{each}" for each in found))


def _plain(own: str) -> str:
    lower = own.lower() if own.isascii() else "".join(c.lower() if c.isascii() else c for c in own)
    return lower.strip(_AROUND).lstrip(_IN_FRONT)
