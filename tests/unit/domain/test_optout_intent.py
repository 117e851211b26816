"""What people text, in many languages, and how much of it is understood: floors over a corpus, and the hard cases one by one.

data/optout_intent.tsv has a text, its language and its label, separated by tabs: `stop` (whoever reads it knows that no more texts
are wanted), `unclear` (might mean that), `none`. Three things can happen to a text: it opts out, it is shown to a person, or it passes.

- Opting out must be right: what opts out is labelled `stop`, whoever the operator is.
- Nothing may vanish: what is labelled `stop` opts out or is shown, what is `unclear` is shown.
- The list for people must stay short: what is labelled `none` passes.
"""

from __future__ import annotations

import codecs
import re
from pathlib import Path
from typing import NamedTuple

import pytest

from tidings.domain.keywords import DEFAULTS, meaning
from tidings.domain.optout import KeywordSet

CORPUS = Path(__file__).parent / "data" / "optout_intent.tsv"
HOW_TO = {KeywordSet.OPT_OUT: ("STOP", "UNSUBSCRIBE", "QUIT"), KeywordSet.OPT_IN: ("START", "SUBSCRIBE")}
"""A list that leaves out four of the seven words."""
KEYWORDS = {"defaults": DEFAULTS, "few": HOW_TO, "none": {}}

OPTED_OUT_PRECISION = 1.0  # a stranger's text that opts out silences somebody who wants to hear
STOP_SEEN = 1.0  # opted out or shown
STOP_OPTED_OUT = {"defaults": 0.1, "few": 0.07, "none": 0.0}  # the rest waits for a person
UNCLEAR_SHOWN = 0.99
NONE_PASSED = 0.97


class Line(NamedTuple):
    text: str
    language: str
    label: str


def _plain(text: str) -> str:
    return re.sub(r"\\(n|u[0-9a-f]{4})", lambda found: codecs.decode(found[0], "unicode_escape"), text)


def _lines() -> list[Line]:
    rows = (row.split("\t") for row in CORPUS.read_text(encoding="utf-8").split("\n") if row and row[0] != "#")
    return [Line(_plain(text), language, label) for text, language, label in rows]


LINES = _lines()


def became(text: str, name: str = "defaults") -> str:
    found = meaning(text, KEYWORDS[name])
    return "stop" if found.set is KeywordSet.OPT_OUT else "shown" if found.review else "passed"


def share(label: str, name: str, *wanted: str) -> tuple[float, list[Line]]:
    """How many lines of a label became one of these, and those that did not."""
    lines = [line for line in LINES if line.label == label]
    others = [line for line in lines if became(line.text, name) not in wanted]
    return 1 - len(others) / len(lines), others


def test_the_corpus_is_large_and_of_many_languages() -> None:
    assert len(LINES) >= 400
    assert len({line.language for line in LINES}) >= 15
    assert {line.label for line in LINES} == {"stop", "unclear", "none"}
    assert len({line[:2] for line in LINES}) == len(LINES)
    for label in ("stop", "none"):
        assert len({line.language for line in LINES if line.label == label}) >= 15


@pytest.mark.parametrize("name", KEYWORDS)
def test_what_opts_out_is_a_wish(name: str) -> None:
    out = [line for line in LINES if became(line.text, name) == "stop"]
    wrong = [line for line in out if line.label != "stop"]
    assert not out or 1 - len(wrong) / len(out) >= OPTED_OUT_PRECISION, wrong


@pytest.mark.parametrize("name", KEYWORDS)
def test_no_wish_vanishes(name: str) -> None:
    seen, lost = share("stop", name, "stop", "shown")
    assert seen >= STOP_SEEN, lost
    opted_out, _ = share("stop", name, "stop")
    assert opted_out >= STOP_OPTED_OUT[name]


@pytest.mark.parametrize("name", KEYWORDS)
def test_what_is_unclear_is_shown_to_a_person(name: str) -> None:
    shown, others = share("unclear", name, "shown")
    assert shown >= UNCLEAR_SHOWN, others


@pytest.mark.parametrize("name", KEYWORDS)
def test_what_is_no_wish_does_not_fill_the_list(name: str) -> None:
    passed, others = share("none", name, "passed")
    assert passed >= NONE_PASSED, others


@pytest.mark.parametrize("name", KEYWORDS)
@pytest.mark.parametrize(
    "text",
    [
        *(
            "Don't stop!",
            "don\u2019t stop",
            "don\u00b4t stop",
            "do not stop",
            "please don't stop",
            "Don't stop texting me!",
            "never stop",
        ),
        *(
            "where is the bus stop",
            "Which bus stop?",
            "cancel my appointment",
            "Please cancel my appointment",
            "when does it end",
        ),
        *(
            "When does the sale end?",
            "quit smoking tips",
            "how do I quit smoking",
            "Stop texting me? No, I like it",
            "Stop! You make me laugh",
        ),
        *("STOPWATCH", "unstoppable", "the weekend", "No stop", "I can't stop laughing"),
    ],
)
def test_a_stranger_who_wants_nothing_of_the_kind_is_not_opted_out(text: str, name: str) -> None:
    assert became(text, name) != "stop"


@pytest.mark.parametrize(
    "text",
    [
        "where is the bus stop",
        "cancel my appointment",
        "when does it end",
        "quit smoking tips",
        "yes",
        "no",
        "1",
        "\u2764\ufe0f",
    ],
)
def test_everyday_texts_are_shown_to_nobody(text: str) -> None:
    assert became(text) == "passed"


@pytest.mark.parametrize("name", KEYWORDS)
@pytest.mark.parametrize(
    "text",
    [
        *(
            "cancel",
            "end",
            "Un-subscribe",
            "STOPSTOP",
            "STOP1",
            "no more",
            "\U0001f6d1",
            "回复TD",
            "SAIR",
            "توقف",
            "ARRET",
            "BAJA",
            "ALTO",
        ),
        *(
            "PARE",
            "STOPP",
            "AVSLUTA",
            "STAP",
            "退订",
            "TD",
            "T",
            "停止",
            "配信停止",
            "수신거부",
            "СТОП",
            "إلغاء",
            "بس",
            "бас",
        ),
    ],
)
def test_a_wish_in_another_spelling_or_language_never_vanishes(text: str, name: str) -> None:
    assert became(text, name) in ("stop", "shown")
