"""What a text means: which keyword it is, or whether a person would understand it as one. Pure.

Called by the opt-out service for every incoming text, for edited keywords and for dry runs. It decides nothing: an opt-out is recorded,
and a text to review is shown to a person, by the service. Three answers, from sure to doubtful:

- the whole text is a keyword (any set), after `normalized`;
- the text asks plainly to be left alone, by a rule of `optout_intent.OPTING_OUT`;
- a person might mean it, by a rule of `optout_intent.SHOWING`: to review.

The look is bounded, so a long or hostile text costs no more than a long one of good will.
Source: 47 CFR 64.1200(a)(10); CTIA Messaging Principles and Best Practices.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from tidings.domain import optout_intent
from tidings.domain.errors import InvalidValue
from tidings.domain.optout import KeywordSet
from tidings.domain.optout_intent import REQUIRED, asks, may_mean, ways_of
from tidings.domain.read_text import ReadText, Ways
from tidings.domain.text_forms import normalized

__all__ = [
    "DEFAULTS",
    "KEYWORDS_MAX",
    "LENGTH_MAX",
    "READ_CHARACTERS",
    "REQUIRED",
    "Keywords",
    "Meaning",
    "about",
    "check",
    "meaning",
    "meaning_of_readings",
    "missing",
    "normalized",
]

Keywords = Mapping[KeywordSet, Sequence[str]]

DEFAULTS: Mapping[KeywordSet, tuple[str, ...]] = {
    # The seven words of 64.1200(a)(10); what carriers and AWS add to them; French for Canada; what is usual in China.
    KeywordSet.OPT_OUT: (
        *REQUIRED,
        *("STOPALL", "STOP ALL", "REMOVE", "OPTOUT", "OPT-OUT"),
        *("ARRET", "ARRÊT"),
        *("TD", "退订"),
    ),
    KeywordSet.OPT_IN: ("START", "SUBSCRIBE", "UNSTOP"),  # not YES: that confirms appointments
    KeywordSet.HELP: ("HELP", "INFO", "AIDE"),
}

LENGTH_MAX: Final = 30
KEYWORDS_MAX: Final = 100

READ_CHARACTERS: Final = 1000
"""Of a text as it came: six parts and more, three quarters from its beginning, the rest from its end. What is longer is no keyword,
whatever follows, but may be one to review."""
_FOREIGN_CHARACTERS: Final = 600
"""The same of a text that is not all ASCII: eight parts and more."""

KEYWORD: Final = "keyword"
FAR_INSIDE: Final = "far-inside"
UNREADABLE: Final = "unreadable"
_READING_CHARACTERS_MIN: Final = 4
_ABOUT: Final = {
    KEYWORD: "the whole text is a keyword",
    FAR_INSIDE: "one of the plainest words for stopping far inside a long text",
    **optout_intent.ABOUT,
}
_PLAINEST_WORDS = ("stop", "unsubscribe", "opt out", "opt-out", "optout", "退订", "退訂", "停止")
_PLAINEST = re.compile(r"\b(?:stop|unsubscribe|opt[ -]?out)\b|退订|退訂|停止")


@dataclass(frozen=True, slots=True)
class Meaning:
    """`set`: the keyword's, or None. `keyword`: as typed by the operator. `review`: a person might mean to opt out, and it does not
    count as such; also with the set HELP, when a word that always counts is a keyword for help. `rule`: the name of what found it, empty
    where nothing did.

    `normalized`: of the part that was read (READ_CHARACTERS).
    """

    set: KeywordSet | None
    keyword: str
    normalized: str
    review: bool
    rule: str = ""


def check(keywords: Keywords) -> None:
    """Raises InvalidValue (field `keywords`) for an empty keyword, one that is too long, or a form that two sets share."""
    seen: dict[str, tuple[KeywordSet, str]] = {}
    for name, words in keywords.items():
        if len(words) > KEYWORDS_MAX:
            raise InvalidValue("keywords", f"at most {KEYWORDS_MAX} keywords for {name.value}", str(len(words)))
        for word in words:
            form = _checked(word)
            other_name, other = seen.setdefault(form, (name, word))
            if other_name is not name:
                reason = f"{other!r} ({other_name.value}) and {word!r} ({name.value}) are the same keyword"
                raise InvalidValue("keywords", reason, word)


def distinct(words: Iterable[str]) -> tuple[str, ...]:
    """Keywords as typed, each form once: the first spelling stays. What is no keyword stays for `check` to refuse."""
    found: dict[str, str] = {}
    for word in words:
        found.setdefault(normalized(word[:READ_CHARACTERS]) or word, word)
    return tuple(found.values())


def missing(opt_out_keywords: Sequence[str]) -> list[str]:
    """Which words of REQUIRED do not opt out by these keywords; each of them is shown to a person all the same."""
    forms = {normalized(word) for word in opt_out_keywords}
    return [word for word in REQUIRED if normalized(word) not in forms]


def meaning(text: str, keywords: Keywords) -> Meaning:
    """What a text means at an address with these keywords. Never raises, whatever the text."""
    read = _read(text)
    form = normalized(read)
    whole = read is text
    if whole and 0 < len(form) <= LENGTH_MAX:
        for name in (KeywordSet.OPT_OUT, KeywordSet.OPT_IN, KeywordSet.HELP):
            for keyword in keywords.get(name, ()):
                if _form_of(keyword) == form:
                    return _of_keyword(name, keyword, form)
    ways = _ways(tuple(keywords.get(KeywordSet.OPT_OUT, ())))
    look = ReadText(read, form, ways, whole=whole)
    asked = asks(look)
    if asked is not None:
        rule, keyword = asked
        return Meaning(KeywordSet.OPT_OUT, keyword, form, review=False, rule=rule)
    rule = may_mean(look) or (FAR_INSIDE if not whole and _is_far_inside(text) else "")
    return Meaning(None, "", form, review=bool(rule), rule=rule)


def meaning_of_readings(readings: Sequence[str], keywords: Keywords) -> tuple[str, Meaning]:
    """Which of the readings of a text counts, and what it means: the first, unless only another one asks to stop.

    Another reading opts out where it says enough not to be chance; bringing back or help is never taken from one.
    """
    first = readings[0], meaning(readings[0], keywords)
    if first[1].set is not None or len(readings) == 1:
        return first
    shown = first if first[1].review and first[1].rule != UNREADABLE else None
    for other in readings[1:]:
        found = meaning(other, keywords)
        long = len(found.normalized) >= _READING_CHARACTERS_MIN or not found.normalized.isascii()
        if found.set is KeywordSet.OPT_OUT and long:
            return other, found
        if shown is None and (found.set is KeywordSet.OPT_OUT or (found.review and found.rule != UNREADABLE)):
            shown = other, replace(found, set=None, keyword="", review=True)
    return shown or first


def about(rule: str) -> str:
    """A rule of a Meaning for people: its name, and what it finds."""
    told = _ABOUT.get(rule) or next((about for name, about in _ABOUT.items() if rule.startswith(f"{name}-")), "")
    return f"{rule}: {told}" if told else rule


def _of_keyword(name: KeywordSet, keyword: str, form: str) -> Meaning:
    """A word that always counts as a wish to stop never brings anybody back, and is shown also where it asks for help."""
    if name is KeywordSet.OPT_OUT or form not in _REQUIRED_FORMS:
        return Meaning(name, keyword, form, review=False, rule=KEYWORD)
    if name is KeywordSet.HELP:
        return Meaning(name, keyword, form, review=True, rule="required-word")
    return Meaning(None, "", form, review=True, rule="required-word")


def _read(text: str) -> str:
    """The part that is looked at. What one character unfolds into counts, so that none is worth a page."""
    most = READ_CHARACTERS if text.isascii() else _FOREIGN_CHARACTERS
    if len(text) > most:
        text = f"{text[: most - most // 4]}\n{text[-(most // 4) :]}"
    unfolded = text if text.isascii() else unicodedata.normalize("NFKC", text)
    return text if len(unfolded) <= 2 * most else unfolded[:most]


def _is_far_inside(text: str) -> bool:
    lower = text.lower()
    return any(word in lower for word in _PLAINEST_WORDS) and _PLAINEST.search(lower) is not None


@lru_cache(maxsize=4096)
def _form_of(keyword: str) -> str:
    return normalized(keyword)


@lru_cache(maxsize=1024)
def _ways(keywords: tuple[str, ...]) -> Ways:
    return ways_of(keywords)


_REQUIRED_FORMS: Final = frozenset(map(normalized, REQUIRED))


# --- keywords as they are edited ---------------------------------------------------------------------------------------------


def _checked(keyword: str) -> str:
    """The normalized form of an acceptable keyword."""
    if any(unicodedata.category(c) in ("Cc", "Cs") for c in keyword[:READ_CHARACTERS]):
        raise InvalidValue("keywords", "a keyword has no control characters", keyword)
    form = normalized(keyword[:READ_CHARACTERS])
    if not form:
        raise InvalidValue("keywords", "a keyword has at least one letter or digit", keyword)
    if len(form) > LENGTH_MAX or len(keyword) > READ_CHARACTERS:
        raise InvalidValue("keywords", f"a keyword has at most {LENGTH_MAX} characters", keyword)
    return form
