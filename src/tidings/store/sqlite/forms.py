"""Phones that are asked for, under every form in which they may be kept. Used by `optouts` and `texts`."""

from __future__ import annotations

from collections.abc import Iterable

from tidings.wire.phone_plans import spellings


def forms_of(phones: Iterable[str]) -> dict[str, list[str]]:
    """Every form of the numbers, and for which of them it stands: mostly each for itself."""
    found: dict[str, list[str]] = {}
    for phone in dict.fromkeys(phones):
        for form in spellings(phone):
            found.setdefault(form, []).append(phone)
    return found
