"""What a text means: which keyword it is, or whether a person would understand it as one. Pure.

Called by the opt-out service for every incoming text, for edited keywords and for dry runs. It decides nothing: an opt-out is recorded,
and a text to review is shown to a person, by the service. Three answers, from sure to doubtful:

- the whole text is a keyword (any set), after `normalized`;
- the text asks plainly to be left alone: a keyword for opting out with nothing but courtesies and fillers around it, or a first line
  or sentence that does. Bringing somebody back, or help, is never guessed;
- a person might mean it: to review. Words of everyday use (cancel, end) count only where the talk is of messages or almost nothing
  else is said, so that "cancel my booking" does not fill the list.

The look is bounded, so a long or hostile text costs no more than a long one of good will.
Source: 47 CFR 64.1200(a)(10); CTIA Messaging Principles and Best Practices; Unicode UAX 15 (NFKC); UTS 39 (confusables).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tidings.domain.errors import InvalidValue
from tidings.domain.optout import KeywordSet
from tidings.domain.optout_words import (
    ABOUT_MESSAGES,
    ASKING,
    ASKING_WORDS,
    CONFUSABLES,
    COURTESIES,
    EVERYDAY,
    HARMLESS,
    OBJECTS,
    ONE_WORD,
    PHRASES,
    PIECES,
    STEMS,
)

Keywords = Mapping[KeywordSet, Sequence[str]]

DEFAULTS: Mapping[KeywordSet, tuple[str, ...]] = {
    # The seven words of 64.1200(a)(10); what carriers and AWS add to them; French for Canada; what is usual in China.
    KeywordSet.OPT_OUT: (
        *("STOP", "QUIT", "END", "REVOKE", "OPT OUT", "CANCEL", "UNSUBSCRIBE"),
        *("STOPALL", "STOP ALL", "REMOVE", "OPTOUT", "OPT-OUT"),
        *("ARRET", "ARRÊT"),
        *("TD", "退订"),
    ),
    KeywordSet.OPT_IN: ("START", "SUBSCRIBE", "UNSTOP"),  # not YES: that confirms appointments
    KeywordSet.HELP: ("HELP", "INFO", "AIDE"),
}

LENGTH_MAX: Final = 30
KEYWORDS_MAX: Final = 100

READ_CHARACTERS: Final = 2000
"""Of a text as it came: more than ten parts. What is longer is no keyword, whatever follows, but may be one to review."""

REVIEWED_CHARACTERS: Final = 500
PLAIN_WORDS_MAX: Final = 12

_INVISIBLE = frozenset(
    chr(code)
    for start, stop in (
        *(
            (0x034F, 0x034F),
            (0x115F, 0x1160),
            (0x17B4, 0x17B5),
            (0x180B, 0x180F),
        ),  # joiner, fillers, Mongolian selectors
        *((0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFFA0, 0xFFA0), (0xE0100, 0xE01EF)),  # fillers, variation selectors
    )
    for code in range(start, stop + 1)
)
"""What shows nothing and is not of the category of format characters."""

_APOSTROPHES = "'`\u2018\u2019"
_LINE_END = re.compile(r"[\r\n\u2028\u2029]+")
_SENTENCE_END = re.compile(r"[\r\n\u2028\u2029.!?;\u2026\u3002\uff01\uff1f]+")


@dataclass(frozen=True, slots=True)
class Meaning:
    """`set`: the keyword's, or None. `keyword`: as typed by the operator. `review`: no keyword, but a person might mean to opt out.

    `normalized`: of the part that was read (READ_CHARACTERS).
    """

    set: KeywordSet | None
    keyword: str
    normalized: str
    review: bool


def normalized(text: str) -> str:
    """The form in which texts and keywords are compared. Idempotent; accents stay, so ARRET and ARRÊT are two keywords."""
    return _trimmed(" ".join(_folded(text).split()))


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


def meaning(text: str, keywords: Keywords) -> Meaning:
    """What a text means at an address with these keywords. Never raises, whatever the text."""
    read = text[:READ_CHARACTERS]
    form = normalized(read)
    whole = len(read) == len(text)
    if whole and 0 < len(form) <= LENGTH_MAX:
        for name in (KeywordSet.OPT_OUT, KeywordSet.OPT_IN, KeywordSet.HELP):
            for keyword in keywords.get(name, ()):
                if normalized(keyword) == form:
                    return Meaning(name, keyword, form, review=False)
    ways = _opt_out_ways(keywords)
    found = _plain(read, form, ways, whole=whole)
    if found is not None:
        return Meaning(KeywordSet.OPT_OUT, found, form, review=False)
    return Meaning(None, "", form, review=_doubtful(read, form, ways))


# --- forms -------------------------------------------------------------------------------------------------------------------


def _folded(text: str) -> str:
    """Compatibility forms and case folded, what shows nothing removed."""
    if text.isascii():
        return text.lower()
    shown = "".join(c for c in text if c not in _INVISIBLE and unicodedata.category(c) not in ("Cf", "Me"))
    # Twice, because folding case may leave something that NFKC changes into something with a case, as with U+03D2 and U+0345.
    once = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", shown).casefold())
    return unicodedata.normalize("NFKC", once.casefold())


def _trimmed(form: str) -> str:
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


def _words(form: str) -> list[str]:
    """The words of a normalized text: letters, digits and their marks. `don't` and `do not` are one word, and so is `thank you`."""
    spaced = "".join(
        c if c.isalnum() or unicodedata.category(c)[0] == "M" else "" if c in _APOSTROPHES else " " for c in form
    )
    line = _line(spaced.split())
    for several, one in ONE_WORD.items():
        line = line.replace(several, one)
    return line.split()


def _line(words: Sequence[str]) -> str:
    """Words between spaces, so that a word or phrase with spaces around it is found only as a whole."""
    return f" {' '.join(words)} "


def _skeleton(form: str) -> str:
    """What a form looks like: accents off, letters of other scripts and a zero as the Latin ones that they resemble."""
    if form.isascii():
        return form.replace("0", "o")
    bare = "".join(c for c in unicodedata.normalize("NFD", form) if unicodedata.category(c) != "Mn")
    return unicodedata.normalize("NFKC", bare.translate(CONFUSABLES))


# --- asked plainly -------------------------------------------------------------------------------------------------------------

Ways = Mapping[tuple[str, ...], str]
"""The words of each keyword for opting out, and the keyword as typed."""


def _opt_out_ways(keywords: Keywords) -> Ways:
    ways = {tuple(_words(normalized(keyword))): keyword for keyword in reversed(keywords.get(KeywordSet.OPT_OUT, ()))}
    ways.pop((), None)
    return ways


def _everyday(way: tuple[str, ...]) -> bool:
    """Whether people also say this for other reasons. A short word of the operator's own is taken for one."""
    word = " ".join(way)
    return word in EVERYDAY or (word.isascii() and len(word) < 4)


def _plain(read: str, form: str, ways: Ways, *, whole: bool) -> str | None:
    """The keyword with which the text asks plainly to be opted out."""
    if whole and len(form) <= REVIEWED_CHARACTERS:
        found = _asks(_words(form), ways)
        if found is not None:
            return ways[found]
    # What follows on further lines is a signature or a quotation.
    words = _words(_first(_LINE_END, read))
    found = _asks(words, ways)
    if found is not None and (_of_messages(words) or not _everyday(found)):
        return ways[found]
    # On the same line "Stop! You make me laugh" is possible: a sentence must say more than the word.
    words = _words(_first(_SENTENCE_END, read))
    found = _asks(words, ways)
    if found is not None and (_of_messages(words) or ("please" in words and not _everyday(found))):
        return ways[found]
    return None


def _of_messages(words: Sequence[str]) -> bool:
    return not ABOUT_MESSAGES.isdisjoint(words)


def _first(end: re.Pattern[str], read: str) -> str:
    """The normalized form of the first part that has one and ends as told, or nothing when it is the last or too long."""
    parts = end.split(read)
    for part in parts[:-1]:
        form = normalized(part)
        if form:
            return form if len(form) <= REVIEWED_CHARACTERS else ""
    return ""


def _asks(words: Sequence[str], ways: Ways) -> tuple[str, ...] | None:
    """The keyword in words that say nothing else: [please] keyword [texting me, thanks]."""
    if len(words) > PLAIN_WORDS_MAX:
        return None
    at = next((at for at in range(len(words)) if _way_at(words, at, ways)), len(words))
    found = _way_at(words, at, ways)
    before = " ".join(word for word in words[:at] if word not in COURTESIES)
    if found is None or (before and before not in ASKING):
        return None
    after = set[str]()
    at += len(found)
    while at < len(words):
        again = _way_at(words, at, ways)
        if again is None:
            after.add(words[at])
        at += len(again or (1,))
    if not before and after <= COURTESIES:
        return found
    if not after <= COURTESIES | OBJECTS:
        return None
    # "Could you cancel", "end this": of what, is not said.
    told = _of_messages(words) or "me" in after or not _everyday(found)
    return found if told else None


def _way_at(words: Sequence[str], at: int, ways: Ways) -> tuple[str, ...] | None:
    """The longest keyword that stands at this place."""
    return max((way for way in ways if tuple(words[at : at + len(way)]) == way), key=len, default=None)


# --- to review -----------------------------------------------------------------------------------------------------------------


def _doubtful(read: str, form: str, ways: Ways) -> bool:
    """Whether somebody of the account should read this text as a possible wish to stop."""
    form = form[:REVIEWED_CHARACTERS]
    if any(piece in form for piece in PIECES):
        return True
    words = _words(_skeleton(form))
    line, native = _line(words), _line(_words(form))
    for pair in HARMLESS:
        line = line.replace(pair, " ")
    if any(phrase in line for phrase in PHRASES) or any(stem in line or stem in native for stem in STEMS):
        return True
    if _spelled(words) or _asks(_words(_first(_LINE_END, read)), ways) is not None:
        return True
    others = sum(word not in COURTESIES and word not in ASKING_WORDS for word in words)
    for way in ways:
        looks = _words(_skeleton(" ".join(way)))
        if _line(looks) in line and (_of_messages(words) or not _everyday(way) or others <= len(looks) + 1):
            return True
    return False


def _spelled(words: Sequence[str]) -> bool:
    """s t o p, and stoooop."""
    alone = "".join(words) if all(len(word) == 1 for word in words) else ""
    return f" {alone} " in PHRASES or any(re.fullmatch(r"s+t+o{3,}p+|s+t+o+p{3,}|s{3,}t+o+p+", word) for word in words)
