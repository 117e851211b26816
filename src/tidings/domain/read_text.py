"""A text as the rules of `optout_intent` see it: its words in several forms, each made when a rule asks for it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Final

from tidings.domain import text_forms
from tidings.domain.optout_words import ABOUT_MESSAGES, ASKING_WORDS, COURTESIES, HARMLESS

REVIEWED_CHARACTERS: Final = 500

Way = tuple[str, ...]
Ways = Mapping[Way, str]
"""The words of each keyword for opting out, and the keyword as typed."""


class ReadText:
    """A text as the rules see it; what few rules need is made when one asks for it.

    `read`: of the text, as much as is read; `form`: that, normalized; `whole`: whether nothing was left out. `ways`: the operator's.
    """

    def __init__(self, read: str, form: str, ways: Ways, *, whole: bool) -> None:
        self.read = read
        self.form = form
        self.ways = ways
        self.whole = whole
        self.part = form if len(form) <= REVIEWED_CHARACTERS else _ends(form)

    @cached_property
    def words(self) -> list[str]:
        return text_forms.words(self.part)

    @cached_property
    def native(self) -> list[str]:
        """Words without accents, in their own script."""
        return text_forms.words(text_forms.bare(self.part))

    @cached_property
    def latin(self) -> list[str]:
        """Words as they look to somebody who reads Latin letters."""
        if self.part.isascii() and "0" not in self.part:
            return self.native
        return text_forms.words(text_forms.skeleton(self.part))

    @cached_property
    def received(self) -> list[str]:
        """The same, without what only looks like a wish, such as a bus stop."""
        line = text_forms.line(self.latin)
        if " stop" not in line:
            return self.latin
        for pair in HARMLESS:
            line = line.replace(pair, " ")
        return line.split()

    @cached_property
    def said(self) -> list[str]:
        """The words that are no courtesies."""
        return [word for word in self.received if word not in COURTESIES]

    @cached_property
    def squeezed(self) -> str:
        """All of it without spaces, for scripts that set no words apart."""
        return text_forms.bare(self.part).replace(" ", "")

    @cached_property
    def is_of_messages(self) -> bool:
        return not ABOUT_MESSAGES.isdisjoint(self.latin)

    @cached_property
    def others(self) -> int:
        """How many words there are besides courtesies and phrases of asking."""
        return sum(word not in COURTESIES and word not in ASKING_WORDS for word in self.latin)


def _ends(form: str) -> str:
    """The beginning of a long text and its end: people answer below what they quote."""
    end = REVIEWED_CHARACTERS // 4
    return f"{form[: REVIEWED_CHARACTERS - end]} {form[-end:]}"
