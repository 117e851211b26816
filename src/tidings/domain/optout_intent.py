"""What a text that is no keyword asks for: rules with a name each, from plain to doubtful. Pure.

Called by `keywords`. A rule of OPTING_OUT finds the operator's keyword by which the text asks to be left alone; one of SHOWING only finds
that a person might mean it, and somebody of the account reads the text. The first rule that finds something gives its name to the answer,
so that a dry run and the record of a review can say why. Bringing somebody back, or help, is never guessed.

The seven words of 47 CFR 64.1200(a)(10) are looked for whatever the operator's keywords are. Words of everyday use (cancel, end) count
only where the talk is of messages or almost nothing else is said, so that "cancel my booking" does not fill the list.

Each rule takes time that grows with the length of what is read, which is bounded. Adding a wish is adding a word to `optout_phrases`.
Source: 47 CFR 64.1200(a)(10); CTIA Messaging Principles and Best Practices.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Final

from tidings.domain import text_forms
from tidings.domain.optout_phrases import TABLES, entries
from tidings.domain.optout_words import (
    ABOUT_MESSAGES,
    ASKING,
    ASKING_WORDS,
    COURTESIES,
    EVERYDAY,
    LEET,
    MESSAGES,
    NO_TYPING_ERRORS,
    NOT_ARRIVED,
    OBJECTS,
    REFUSING,
    SIGNS,
    STRONG,
)
from tidings.domain.read_text import REVIEWED_CHARACTERS, ReadText, Way, Ways

REQUIRED: Final = ("STOP", "QUIT", "END", "REVOKE", "OPT OUT", "CANCEL", "UNSUBSCRIBE")
"""The replies that count as revocation as they are, whoever asks. Source: 47 CFR 64.1200(a)(10)."""

PLAIN_WORDS_MAX: Final = 12
_APART_LETTERS_MIN: Final = 6
_GLUED_CHARACTERS_MAX: Final = 40
_BESIDE_A_SIGN: Final = 3
"""So many words may stand beside a stop sign."""
_UNREADABLE: Final = 0.25
_PARTS_MAX: Final = 20
"""Empty lines before the first that says something."""

_LINE_END = re.compile(r"[\r\n\u2028\u2029]+")
_SENTENCE_END = re.compile(r"([\r\n\u2028\u2029.!?;\u2026\u3002\uff01\uff1f]+)")
_GLUED = re.compile(
    r"\d*(?:please|pls|plz|just)?\d*(?:stop|unsubscribe|optout)+"
    r"(?:all|it|now|this|these|me|texts?|texting|txts?|sms|msgs?|messages?|messaging|spam|spamming|please|pls|plz|sending|contacting|\d)*"
)
_RUN = re.compile(r"(.)\1+")
_LONG_RUN = re.compile(r"(.)\1\1|^(.)\2|(.)\3$|tt")
_CONTROLS = re.compile(r"[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]")
_NOBODYS = frozenset({"Cn", "Co", "Cs", "Cc"})
_NOT_THEIRS = re.compile(r" this is not (?:\S+ ){1,3}(?:phone|number|cell|line) ")


# --- asked plainly -------------------------------------------------------------------------------------------------------------


def ways_of(keywords: Sequence[str]) -> dict[Way, str]:
    """keywords: as typed; of two that are the same words, the first one counts."""
    found = {tuple(text_forms.words(text_forms.normalized(keyword))): keyword for keyword in reversed(keywords)}
    found.pop((), None)
    return found


def _is_everyday(way: Way) -> bool:
    """Whether people also say this for other reasons. A short word of the operator's own is taken for one."""
    word = " ".join(way)
    return word in EVERYDAY or (word.isascii() and len(word) < 4)


def _of_messages(words: Sequence[str]) -> bool:
    return not ABOUT_MESSAGES.isdisjoint(words)


def _way_at(words: Sequence[str], at: int, ways: Ways) -> Way | None:
    """The longest keyword that stands at this place."""
    return max((way for way in ways if tuple(words[at : at + len(way)]) == way), key=len, default=None)


def _asked(words: Sequence[str], ways: Ways) -> tuple[Way, bool] | None:
    """The keyword in words that say nothing else, [please] keyword [texting me, thanks], and whether only courtesies are around it."""
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
        return found, True
    if not after <= COURTESIES | OBJECTS:
        return None
    # "Could you cancel", "end this": of what, is not said.
    told = _of_messages(words) or "me" in after or not _is_everyday(found)
    return (found, False) if told else None


def _whole(look: ReadText, *, courtesies: bool) -> str | None:
    if not look.whole or len(look.form) > REVIEWED_CHARACTERS:
        return None
    asked = _asked(look.words, look.ways)
    return look.ways[asked[0]] if asked is not None and asked[1] is courtesies else None


def _with_courtesies(look: ReadText) -> str | None:
    return _whole(look, courtesies=True)


def _asked_for(look: ReadText) -> str | None:
    return _whole(look, courtesies=False)


def _written_apart(look: ReadText) -> str | None:
    """Un-subscribe, UN SUBSCRIBE, opt-out for a keyword that is written otherwise; not of short words: `st op` is none."""
    letters = "".join(look.words)
    if not look.whole or not _APART_LETTERS_MIN <= len(letters) <= _GLUED_CHARACTERS_MAX:
        return None
    found = next((way for way in look.ways if "".join(way) == letters and not _is_everyday(way)), None)
    return None if found is None or all(len(word) == 1 for word in look.words) else look.ways[found]


def _first(end: re.Pattern[str], read: str) -> tuple[str, str]:
    """The normalized form of the first part that has one and ends as told, and its end; nothing when it is the last or too long."""
    at = 0
    for found in islice(end.finditer(read), _PARTS_MAX):
        form = text_forms.normalized(read[at : found.start()]) if found.start() - at <= REVIEWED_CHARACTERS else " "
        if form:
            return (form if len(form) <= REVIEWED_CHARACTERS else ""), found[0]
        at = found.end()
    return "", ""


def _first_line(look: ReadText) -> str | None:
    """What follows on further lines is a signature or a quotation."""
    words = text_forms.words(_first(_LINE_END, look.read)[0])
    asked = _asked(words, look.ways)
    if asked is not None and (_of_messages(words) or not _is_everyday(asked[0])):
        return look.ways[asked[0]]
    return None


def _first_sentence(look: ReadText) -> str | None:
    """On the same line "Stop! You make me laugh" is possible: a sentence must say more than the word, and not ask whether it is meant."""
    form, end = _first(_SENTENCE_END, look.read)
    words = text_forms.words(form)
    asked = _asked(words, look.ways)
    if asked is None or ("?" in end and words[0] not in ASKING_WORDS and words[0] != "please"):
        return None
    told = _of_messages(words) or ("please" in words and not _is_everyday(asked[0]))
    return look.ways[asked[0]] if told else None


# --- shown to a person ---------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def _looks(way: Way) -> list[str]:
    return text_forms.words(text_forms.skeleton(" ".join(way)))


def _near(look: ReadText, ways: Ways) -> str | None:
    """A keyword in a text that says more. Of an everyday word only where there is talk of messages, or hardly anything else."""
    line = text_forms.line(look.received)
    for way, keyword in ways.items():
        looks = _looks(way)
        if text_forms.line(looks) in line and (
            look.is_of_messages or not _is_everyday(way) or look.others <= len(looks) + 1
        ):
            return keyword
    return None


_REQUIRED_WAYS: Final = ways_of(REQUIRED)


def _required_word(look: ReadText) -> str | None:
    return "" if _near(look, _REQUIRED_WAYS) is not None else None


def _keyword_in_text(look: ReadText) -> str | None:
    return "" if _near(look, look.ways) is not None else None


def _unclear_first_line(look: ReadText) -> str | None:
    return "" if _asked(text_forms.words(_first(_LINE_END, look.read)[0]), {**_REQUIRED_WAYS, **look.ways}) else None


class _Lists:
    """The lists of `optout_phrases`, filed under the first word."""

    def __init__(self) -> None:
        self.alone: dict[str, str] = {}
        self.latin: dict[str, list[tuple[list[str], str]]] = {}
        self.native: dict[str, list[tuple[list[str], str]]] = {}
        self.beginnings: list[tuple[str, str]] = []
        self.pieces: list[tuple[str, str]] = []
        for table in TABLES:
            for entry in entries(table.alone):
                self.alone.setdefault(" ".join(self._words(entry)), table.name)
            for entry in entries(table.anywhere):
                words = self._words(entry)
                filed = self.latin if _is_latin(entry) else self.native
                filed.setdefault(words[0], []).append((words, table.name))
            self.beginnings += [(f" {' '.join(self._words(entry))}", table.name) for entry in entries(table.beginnings)]
            self.pieces += [
                (text_forms.bare(text_forms.normalized(entry)).replace(" ", ""), table.name)
                for entry in entries(table.pieces)
            ]

    def _words(self, entry: str) -> list[str]:
        form = text_forms.normalized(entry)
        return text_forms.words(text_forms.skeleton(form) if _is_latin(entry) else text_forms.bare(form))


def _is_latin(entry: str) -> bool:
    return entry.isascii() or any(unicodedata.name(c, "").startswith("LATIN") for c in entry)


_LISTS: Final = _Lists()


def _in_list(words: Sequence[str], lists: Mapping[str, list[tuple[list[str], str]]]) -> str | None:
    for at, word in enumerate(words):
        for phrase, name in lists.get(word, ()):
            if len(phrase) == 1 or list(words[at : at + len(phrase)]) == phrase:
                return name
    return None


def _phrase(look: ReadText) -> str | None:
    found = _in_list(look.received, _LISTS.latin)
    if found is None and not look.form.isascii():
        found = _in_list(look.native, _LISTS.native)
    return found


def _alone(look: ReadText) -> str | None:
    if not look.form or len(look.form) > REVIEWED_CHARACTERS // 4:
        return None
    native = [word for word in look.native if word not in COURTESIES]
    for said in (look.said, native):
        found = _LISTS.alone.get(" ".join(said)) or (
            _LISTS.alone.get("".join(said)) if not look.form.isascii() else None
        )
        if found is not None:
            return found
    return None


def _beginning(look: ReadText) -> str | None:
    line = text_forms.line(look.received)
    native = line if look.form.isascii() else text_forms.line(look.native)
    return next((name for stem, name in _LISTS.beginnings if stem in line or stem in native), None)


def _piece(look: ReadText) -> str | None:
    if look.form.isascii():
        return None
    return next((name for piece, name in _LISTS.pieces if piece in look.squeezed), None)


def _sign(look: ReadText) -> str | None:
    shown = not look.read.isascii() and not SIGNS.isdisjoint(look.read)
    return "" if shown and len(look.words) <= _BESIDE_A_SIGN else None


def _letters_apart(look: ReadText) -> str | None:
    """s t o p, u.n.s.u.b; st.op and un-sub, but not `st op`"""
    if len(look.words) > 1 and " " not in look.form and "".join(look.words) in (*STRONG, "unsub"):
        return ""
    apart = "".join(word for word in look.said if len(word) == 1)
    few = len(apart) >= len(look.said) - 1
    return "" if few and (apart in _WHOLE_WORDS or apart.startswith("unsub")) else None


def _repeated(look: ReadText) -> str | None:
    """stoooop, STTOP, unsubscribeee"""
    for word in look.received:
        if len(word) > 3 and _LONG_RUN.search(word) and word not in NO_TYPING_ERRORS:
            letters = _RUN.sub(r"\1", word)
            if letters in _SQUEEZED:
                return ""
    return None


def _whole_words() -> frozenset[str]:
    """The words of the lists that are wishes by themselves, but not the shortest."""
    single = {
        words[0]
        for filed in (_LISTS.latin, _LISTS.native)
        for each in filed.values()
        for words, _ in each
        if not words[1:]
    }
    return frozenset({*STRONG, *single, *(word for word in _LISTS.alone if " " not in word and len(word) > 3)})


_WHOLE_WORDS: Final = _whole_words()
_SQUEEZED: Final = frozenset(_RUN.sub(r"\1", word) for word in _WHOLE_WORDS)


def _glued(look: ReadText) -> str | None:
    """STOPSTOP, STOP1, stoptexting"""
    return "" if any(len(word) <= _GLUED_CHARACTERS_MAX and _GLUED.fullmatch(word) for word in look.received) else None


def _digits_for_letters(look: ReadText) -> str | None:
    """5TOP, $TOP, UN5UB5CR1BE"""
    text = text_forms.folded(look.read[:REVIEWED_CHARACTERS])
    letters = text.translate(LEET)
    if letters == text:
        return None
    words = text_forms.words(text_forms.skeleton(letters))
    known = set(look.latin)
    return "" if any(word not in known and (word in STRONG or word.startswith("unsub")) for word in words) else None


def _typing_errors(word: str) -> frozenset[str]:
    """All that one letter too few, too many, another or in the wrong place makes of it."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    cuts = [(word[:at], word[at:]) for at in range(len(word) + 1)]
    return frozenset(
        (
            *(left + right[1:] for left, right in cuts if right),
            *(left + right[1] + right[0] + right[2:] for left, right in cuts if len(right) > 1),
            *(left + letter + right[1:] for left, right in cuts if right for letter in letters),
            *(left + letter + right for left, right in cuts for letter in letters),
        )
    )


_LIKE_STOP: Final = _typing_errors("stop") - NO_TYPING_ERRORS
_LIKE_UNSUBSCRIBE: Final = _typing_errors("unsubscribe") - {"subscribe"}
_UN: Final = frozenset(["u", "n", "on", "in", "um", "dis", "de", "non"])


def _misspelled(look: ReadText) -> str | None:
    """Stob, when nothing else is said; unsubcribe, ubsubscribe, un subscribe anywhere."""
    if len(look.said) == 1 and look.said[0] in _LIKE_STOP:
        return ""
    for at, word in enumerate(look.received):
        if word in _LIKE_UNSUBSCRIBE or (word.endswith("subscribe") and word[:-9] in _UN):
            return ""
        if word == "un" and look.received[at + 1 : at + 2] == ["subscribe"]:
            return ""
    return None


def _stopping_messages(look: ReadText) -> str | None:
    """Why have you not stopped texting me?"""
    return (
        "" if look.is_of_messages and any(word in ("stopped", "stopping", "stops") for word in look.received) else None
    )


def _against_messages(look: ReadText) -> str | None:
    """No messages; disable notifications; do NOT call or text: few words, one of refusing and one for messages."""
    if len(look.received) > PLAIN_WORDS_MAX:
        return None
    said = {*look.received, *look.native}
    if _REFUSING.isdisjoint(said) or _MESSAGES.isdisjoint(said):
        return None
    return "" if _NOT_ARRIVED.isdisjoint(said) else None


def _bare_words(listed: frozenset[str]) -> frozenset[str]:
    """Latin letters are listed without accents, others as people write them."""
    return frozenset(text_forms.bare(text_forms.normalized(word)) for word in listed)


_REFUSING: Final = _bare_words(REFUSING)
_MESSAGES: Final = _bare_words(MESSAGES)
_NOT_ARRIVED: Final = _bare_words(NOT_ARRIVED)


def _not_theirs(look: ReadText) -> str | None:
    return "" if _NOT_THEIRS.search(text_forms.line(look.received)) else None


def _unreadable(look: ReadText) -> str | None:
    """Characters that nobody writes: a coding was taken for another one, and it may be a wish all the same."""
    read = look.read[:REVIEWED_CHARACTERS]
    if read.isascii():
        bad = len(_CONTROLS.findall(read))
    else:
        bad = sum(c == "\ufffd" or (c not in "\t\n\r\0" and unicodedata.category(c) in _NOBODYS) for c in read)
    return "" if bad and bad >= _UNREADABLE * len(read.strip("\0 ")) else None


# --- the table -----------------------------------------------------------------------------------------------------------------

Finds = Callable[[ReadText], str | None]


@dataclass(frozen=True, slots=True)
class Rule:
    """`name`: in records, answers and pages. `about`: for people, what it finds. `finds`: None, or what it found: the keyword as typed, of
    a rule for opting out; else the end of the name, or nothing."""

    name: str
    about: str
    finds: Finds


OPTING_OUT: Final = (
    Rule("keyword-and-courtesy", "a keyword with nothing but courtesies around it", _with_courtesies),
    Rule("keyword-asked-for", "a keyword in a request that says nothing else", _asked_for),
    Rule("keyword-written-apart", "a keyword with other spaces or hyphens", _written_apart),
    Rule("first-line", "a first line that is such a request", _first_line),
    Rule("first-sentence", "a first sentence that is such a request", _first_sentence),
)
SHOWING: Final = (
    Rule("required-word", "one of the words that always count as a wish to stop", _required_word),
    Rule("keyword-in-text", "a keyword in a text that says more", _keyword_in_text),
    Rule("first-line-unclear", "a first line that asks for something to end", _unclear_first_line),
    Rule("phrase", "a word or phrase of somebody who wants no more", _phrase),
    Rule("alone", "a word for stopping that is all there is", _alone),
    Rule("beginning", "a word that begins like one for unsubscribing", _beginning),
    Rule("piece", "characters that stand for stopping", _piece),
    Rule("sign", "a stop sign or the like", _sign),
    Rule("letters-apart", "the letters of a word for stopping, one by one", _letters_apart),
    Rule("letters-repeated", "a word for stopping with letters repeated", _repeated),
    Rule("glued", "a word for stopping that runs into others", _glued),
    Rule("digits-for-letters", "a word for stopping with digits or signs as letters", _digits_for_letters),
    Rule("misspelled", "a word for stopping with a slip of the finger", _misspelled),
    Rule("stopping-messages", "talk of stopping messages", _stopping_messages),
    Rule("against-messages", "few words that refuse messages", _against_messages),
    Rule("wrong-person", "somebody whose number it is not", _not_theirs),
    Rule("unreadable", "characters that cannot be read", _unreadable),
)
ABOUT: Final = {rule.name: rule.about for rule in (*OPTING_OUT, *SHOWING)}


def asks(look: ReadText) -> tuple[str, str] | None:
    """The rule by which a text asks plainly to be opted out, and the keyword as typed."""
    for rule in OPTING_OUT:
        found = rule.finds(look)
        if found is not None:
            return rule.name, found
    return None


def may_mean(look: ReadText) -> str:
    """The name of the rule by which somebody should read this text, or nothing."""
    for rule in SHOWING:
        found = rule.finds(look)
        if found is not None:
            return f"{rule.name}-{found}" if found else rule.name
    return ""
