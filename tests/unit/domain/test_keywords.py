"""What people text when they want no more: sure, doubtful, and something else."""

from __future__ import annotations

import re
import time
import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from tidings.domain import optout_intent
from tidings.domain.errors import InvalidValue
from tidings.domain.keywords import (
    DEFAULTS,
    KEYWORDS_MAX,
    LENGTH_MAX,
    READ_CHARACTERS,
    REQUIRED,
    check,
    meaning,
    missing,
    normalized,
)
from tidings.domain.optout import KeywordSet

OUT, IN, HELP = KeywordSet.OPT_OUT, KeywordSet.OPT_IN, KeywordSet.HELP

any_text = st.text(st.characters(codec=None, categories=None), max_size=300)
words = st.sampled_from([(name, word) for name, each in DEFAULTS.items() for word in each])
nothing_seen = st.text(
    st.sampled_from("\u200b\u200c\u200d\ufeff\u200e\u200f\u2060\u00ad\ufe0f\u202a\u202c\U000e0101"), max_size=4
)
around = st.text(st.sampled_from(" \t\r\n.,!?:;\"'()-*#_«»。！…🛑😡❤️👍🏽🇺🇸$+=~\x00\ufffd"), max_size=6)


def said(text: str, keywords: dict[KeywordSet, tuple[str, ...]] | None = None) -> str:
    """The set, or `review`, or nothing."""
    found = meaning(text, DEFAULTS if keywords is None else keywords)
    assert not (found.set and found.review)
    assert bool(found.set) == bool(found.keyword)
    return found.set.value if found.set else "review" if found.review else ""


# --- the table of the reference ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["stop", "Stop.", " STOP!! ", '"stop"', "ＳＴＯＰ", "stop\u200b", "STOP 🛑", "\ufeffStop", "stop\x00"]
)
def test_the_word_alone_opts_out_however_it_is_dressed(text: str) -> None:
    found = meaning(text, DEFAULTS)
    assert (found.set, found.keyword, found.normalized, found.review) == (OUT, "STOP", "stop", False)


@pytest.mark.parametrize("text", ["opt out", "OPT  OUT", "opt-out", "optout", "opt\u2013out", "Opt Out."])
def test_every_spelling_of_opt_out_opts_out(text: str) -> None:
    assert said(text) == "opt-out"


def test_a_spelling_that_the_operator_has_not_is_still_read_by_its_words() -> None:
    assert meaning("opt-out", {OUT: ("opt out",)}).keyword == "opt out"
    assert meaning("optout", {OUT: ("opt out",)}).keyword == "opt out"
    assert meaning("Un-subscribe", DEFAULTS).keyword == "UNSUBSCRIBE"


@pytest.mark.parametrize("word", DEFAULTS[OUT])
def test_each_default_word_opts_out_and_is_told_as_typed(word: str) -> None:
    assert meaning(word.swapcase(), DEFAULTS).keyword == word


@pytest.mark.parametrize("word", ["stop", "quit", "end", "revoke", "opt out", "cancel", "unsubscribe"])
def test_the_seven_words_of_the_rule_are_defaults(word: str) -> None:
    assert said(word) == "opt-out"


@pytest.mark.parametrize(
    "text",
    [
        *(
            "STOP please",
            "please stop",
            "Pls stop!",
            "stop texting me",
            "Stop. Thank you",
            "stop, thanks",
            "stop thank you",
        ),
        *(
            "STOP\nJohn Smith\nSent from my iPhone",
            "Please stop\n\n--\nJohn",
            "stop stop STOP",
            "stop it",
            "ok stop now",
        ),
        *(
            "stop sending me messages please",
            "stop all texts",
            "Can you please stop",
            "I want to opt out",
            "unsubscribe me",
        ),
        *(
            "remove me",
            "end messages",
            "cancel please",
            "arrêt svp",
            "STOP s'il vous plaît",
            "stop 🛑 please",
            "stop por favor",
        ),
        *("Stop texting me. You have the wrong number", "Please stop. I don't know you", "quit texting me\nJohn"),
    ],
)
def test_a_word_with_only_courtesies_and_fillers_opts_out(text: str) -> None:
    assert said(text) == "opt-out"


@pytest.mark.parametrize(
    "text",
    [
        *(
            "stop or I call my lawyer",
            "I said stop",
            "how do i stop this",
            "STOP. This is the third time",
            "never stop",
            "stop me if",
        ),
        *(
            "don't text me",
            "Don’t text me again",
            "do not contact me",
            "leave me alone",
            "take me off your list",
            "could you guys maybe not text me any more??",
            "je ne veux plus recevoir vos messages svp",
            "Bitte nicht mehr schreiben",
            "remove my number",
        ),
        *(
            "wrong number",
            "Sorry, wrong number!",
            "no more texts",
            "opt me out",
            "not interested",
            "who gave you this number",
        ),
        *(
            "remove me from your list",
            "cancel my subscription",
            "could you cancel",
            "end this",
            "CANCEL\nmy 3pm appointment",
        ),
        *(
            "désabonnez-moi",
            "me desabonner",
            "arrêtez",
            "quiero darme de baja",
            "no más mensajes",
            "bitte abmelden",
            "Keine SMS mehr",
        ),
        *(
            "请退订",
            "我要退訂",
            "取消订阅",
            "不要再发了",
            "配信停止",
            "수신거부",
            "СТОП",
            "הסר",
            "unsubcribe",
            "UNSUSCRIBE",
            "stpo",
            "STOPPP",
        ),
        *(
            "s t o p",
            "S.T.O.P.",
            "st0p",
            "stöp",
            "STØP",
            "stop" + "\u0308",
            "Stop! You make me laugh",
            "Reply STOP to opt out",
        ),
    ],
)
def test_what_a_person_would_understand_is_shown_to_one(text: str) -> None:
    assert said(text) == "review"


@pytest.mark.parametrize(
    "text", ["ЅТОР", "SТOP", "STОP", "ΣTOP", "SΤΟΡ", "ѕtор", "ꜱᴛᴏᴘ", "UNSUВSСRIВЕ", "САNСЕL", "ЅТОР please"]
)
def test_letters_of_other_scripts_that_look_like_a_keyword_are_to_review(text: str) -> None:
    assert said(text) == "review"


@pytest.mark.parametrize(
    "text",
    [
        *(
            "stopwatch",
            "unstoppable",
            "nonstop",
            "st op",
            "non-stop",
            "stopover",
            "weekend",
            "cancellation",
            "ended",
            "informed",
        ),
        *(
            "bus stop on main street",
            "I'll stop by at 3",
            "cancel my booking",
            "Please cancel my appointment",
            "the end of the week",
        ),
        *(
            "I quit smoking last year",
            "see you at the end",
            "yes",
            "YES",
            "no",
            "thanks!",
            "ok",
            "what time is it?",
            "1",
        ),
        *(
            "START please",
            "please help",
            "info about my order",
            "Спасибо, до завтра",
            "谢谢",
            "明天见",
            "",
            " ",
            "\u200b",
            "...?!",
        ),
    ],
)
def test_what_means_something_else_is_left_alone(text: str) -> None:
    assert said(text) == ""


@pytest.mark.parametrize("text", ["START", "start.", "Subscribe", "UNSTOP", "unstop 👍"])
def test_somebody_comes_back_by_an_exact_word(text: str) -> None:
    assert said(text) == "opt-in"


@pytest.mark.parametrize("text", ["HELP", "help?", "Info", "AIDE!"])
def test_help_is_asked_for_by_an_exact_word(text: str) -> None:
    assert said(text) == "help"


# --- the operator's own words ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", REQUIRED)
@pytest.mark.parametrize("text", ["{}", "{} please", "{}!", "Please {} 🛑"])
@pytest.mark.parametrize("name", [OUT, IN, HELP])
def test_the_seven_words_always_act_whatever_the_keywords_are(name: KeywordSet, text: str, word: str) -> None:
    for keywords in ({}, {name: ("other",)}, {name: (word,)}, {name: (word.lower(),), OUT: ("BAJA",)}):
        found = meaning(text.format(word), keywords)
        assert found.set is OUT or found.review
        assert found.rule
        assert found.set is not IN


def test_a_word_of_the_seven_that_is_a_keyword_for_help_is_helped_and_shown() -> None:
    found = meaning("end", {HELP: ("END",)})
    assert (found.set, found.keyword, found.review, found.rule) == (HELP, "END", True, "required-word")


def test_what_is_missing_of_the_seven_is_told() -> None:
    assert missing(DEFAULTS[OUT]) == []
    assert missing(("stop", "Unsubscribe!", "QUIT")) == ["END", "REVOKE", "OPT OUT", "CANCEL"]
    assert missing(("stop!", "Quit", "REVOKE", "opt  out", "unsubscribe")) == ["END", "CANCEL"]
    assert missing(()) == [*REQUIRED]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("STOP", "keyword"),
        ("stop please", "keyword-and-courtesy"),
        ("stop texting me", "keyword-asked-for"),
        ("un-sub-scribe", "keyword-written-apart"),
        ("Please stop\n--\nJohn", "first-line"),
        ("STOP\nJohn", "first-line"),
        ("Please stop. I don't know you", "first-sentence"),
        ("I said stop", "required-word"),
        ("je ne veux plus recevoir ça", "phrase-french"),
        ("BAJA", "alone-spanish"),
        ("désabonnez-moi", "beginning-french"),
        ("回复TD", "alone-chinese"),
        ("请退订吧", "piece-chinese"),
        ("🛑", "sign"),
        ("s t o p", "letters-apart"),
        ("stoooop", "letters-repeated"),
        ("STOPSTOP", "glued"),
        ("5top", "digits-for-letters"),
        ("please ubsubscribe", "misspelled"),
        ("enough with the texts", "against-messages"),
        ("this is not John's phone", "wrong-person"),
        ("\ufffd\ufffd\ufffd", "unreadable"),
        ("a " * 500 + "stop " + "a " * 500, "far-inside"),
        ("see you", ""),
    ],
)
def test_each_answer_has_the_name_of_its_rule(text: str, rule: str) -> None:
    assert meaning(text, DEFAULTS).rule == rule


def test_every_rule_has_a_name_of_its_own_and_words_for_people() -> None:
    names = [rule.name for rule in (*optout_intent.OPTING_OUT, *optout_intent.SHOWING)]
    assert len(set(names)) == len(names)
    assert all(rule.about for rule in (*optout_intent.OPTING_OUT, *optout_intent.SHOWING))


def test_a_word_that_the_operator_removed_opts_nobody_out() -> None:
    kept = {**DEFAULTS, OUT: tuple(word for word in DEFAULTS[OUT] if word not in ("STOP", "CANCEL"))}
    assert said("CANCEL", kept) == "review"
    assert said("STOP", kept) == "review"


def test_without_any_keyword_a_stop_is_still_seen() -> None:
    assert said("stop", {}) == "review"
    assert said("please stop texting me", {}) == "review"


def test_an_operators_own_word_counts_like_the_others() -> None:
    own = {OUT: ("Adiós", "NO"), IN: ("Volver",)}
    assert meaning("ADIÓS!", own).keyword == "Adiós"
    assert said("adiós gracias", own) == "opt-out"
    assert said("bueno adios entonces amigo mío", own) == "review"
    assert said("volver", own) == "opt-in"
    assert said("no", own) == "opt-out"
    assert said("no that is not what I meant", own) == ""


def test_accents_tell_two_keywords_apart() -> None:
    assert said("ARRÊT", {OUT: ("ARRET",)}) == "review"
    assert normalized("ARRÊT") != normalized("ARRET")
    assert normalized("ARRE\u0302T") == normalized("arrêt")


@pytest.mark.parametrize(
    "shape", [DEFAULTS, {}, {OUT: ()}, {OUT: ("x" * LENGTH_MAX,)}, {OUT: ("Stop", "STOP", "stop!")}, {HELP: ("0",)}]
)
def test_acceptable_keywords_are_accepted(shape: dict[KeywordSet, tuple[str, ...]]) -> None:
    check(shape)


def test_as_many_keywords_as_allowed_are_accepted_and_no_more() -> None:
    many = tuple(f"word {n}" for n in range(KEYWORDS_MAX + 1))
    check({OUT: many[:-1], IN: ("word 100",)})
    with pytest.raises(InvalidValue, match="at most 100"):
        check({OUT: many})


@pytest.mark.parametrize(
    "word", ["", " ", "!!", "🛑", "\u200b", "x" * (LENGTH_MAX + 1), "x" * 3000, "st\x00op", "stop\n", "a\tb", "\ud800a"]
)
def test_a_keyword_that_nobody_could_text_is_refused(word: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        check({HELP: ("HELP", word)})
    assert caught.value.field == "keywords"


@pytest.mark.parametrize("other", ["stop", "ＳＴＯＰ", " Stop! ", "st\u200bop"])
@pytest.mark.parametrize("name", [IN, HELP])
def test_a_keyword_in_two_sets_is_refused_and_both_are_named(name: KeywordSet, other: str) -> None:
    with pytest.raises(InvalidValue, match=re.escape(repr(other))) as caught:
        check({OUT: ("QUIT", "STOP"), name: (other,)})
    assert caught.value.field == "keywords"
    assert "'STOP' (opt-out)" in caught.value.reason
    assert f"({name.value})" in caught.value.reason


# --- whatever comes ------------------------------------------------------------------------------------------------------------


@given(any_text)
@example("\u03d2\u0301")
@example("a\u00a8\u0345")
@example("stop\u00b4")
@example("\u3164stop\u115f")
def test_normalizing_twice_changes_nothing(text: str) -> None:
    once = normalized(text)
    assert normalized(once) == once


@given(any_text)
def test_a_normalized_form_shows_no_dress(text: str) -> None:
    form = normalized(text)
    assert "  " not in form
    assert not any(unicodedata.category(c) == "Cf" for c in form)
    assert not form or unicodedata.category(form[0])[0] in "LN"
    assert not form or unicodedata.category(form[-1])[0] in "LNM"


@given(any_text, st.sampled_from(["", "stop ", "please stop\n", "cancel "]))
def test_no_text_raises(start: str, text: str) -> None:
    found = meaning(start + text, DEFAULTS)
    assert found == meaning(start + text, DEFAULTS)


def wide(word: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in word)


@given(
    words,
    st.sampled_from([str.upper, str.lower, str.title, str.swapcase, wide]),
    around,
    around,
    nothing_seen,
    st.integers(0, 20),
)
def test_dress_never_changes_the_meaning_of_a_keyword(
    word: tuple[KeywordSet, str], for_subscriber: Callable[[str], str], before: str, after: str, unseen: str, place: int
) -> None:
    name, keyword = word
    text = for_subscriber(keyword)
    found = meaning(before + text[:place] + unseen + text[place:] + after, DEFAULTS)
    assert found.set is name
    assert normalized(found.keyword) == normalized(keyword)


letters = st.characters(categories=["L", "N"]).filter(lambda c: bool(normalized(c)))


@given(st.sampled_from(DEFAULTS[OUT]), st.text(letters, max_size=3), st.text(letters, max_size=3))
@example("STOP", "", "\u02bc")
def test_a_longer_word_is_no_keyword(word: str, before: str, after: str) -> None:
    longer = before + word + after
    assume(normalized(longer) not in {normalized(each) for known in DEFAULTS.values() for each in known})
    assume(before or after)
    assert meaning(longer, DEFAULTS).set is None


@given(
    st.lists(
        st.sampled_from(["stop", "not", "never", "until", "monday", "train", "he", "said"]), min_size=2, max_size=8
    )
)
def test_a_sentence_about_stopping_is_never_taken_for_a_stop(sentence: list[str]) -> None:
    assume(set(sentence) != {"stop"})
    assert meaning(" ".join(sentence), DEFAULTS).set is None


@given(st.sampled_from(DEFAULTS[IN] + DEFAULTS[HELP]), st.sampled_from(["please", "thanks", "me", "now", "texting me"]))
def test_coming_back_and_help_are_never_guessed(word: str, courtesy: str) -> None:
    assert said(f"{word} {courtesy}") == said(f"{courtesy} {word}") == ""


# --- long and hostile --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("before", [245, 300, 600, 5_000])
@pytest.mark.parametrize("after", [0, 300, 5_000])
def test_a_word_in_a_long_text_is_reviewed_wherever_it_stands(before: int, after: int) -> None:
    assert said("a " * before + "stop" + " a" * after) == "review"


def test_what_is_too_long_to_be_read_whole_is_no_keyword() -> None:
    assert said("stop" + " " * READ_CHARACTERS + "watch") == "review"
    assert said("start" + " " * READ_CHARACTERS) == ""
    assert said("STOP\n" + "> what we had sent before\n" * 400) == "opt-out"


HOSTILE = [
    *(
        "\ufdfa" * 10_000,
        "a" + "\u0315\u0300\u05ae\u0301\u0327" * 2000,
        "\u200b" * 10_000,
        ".\n" * 5000,
        "stop " * 2000,
        "s" * 10_000,
    ),
    *(
        "st o" * 2500,
        "sssttoo" * 1500,
        "🛑" * 10_000,
        "\u00a8" * 10_000,
        "\ud800" * 10_000,
        "do not " * 1500,
        "please " * 1500,
    ),
]


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_a_hostile_text_takes_no_longer_than_a_long_one(number: int) -> None:
    started = time.process_time()
    found = meaning(HOSTILE[number], DEFAULTS)
    assert time.process_time() - started < 0.25  # some 4 ms on a slow machine; what grows with the square takes seconds
    assert found.set is None
