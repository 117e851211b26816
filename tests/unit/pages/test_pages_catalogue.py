"""The catalogues: every language complete, every placeholder kept, every change of wording a new version."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path

import pytest
from babel import Locale
from babel.dates import format_date
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape
from tests.support.protocols import PROTOCOLS

from tidings.pages.catalogue import PLACEHOLDER, PLURALS, Catalogue, load_catalogues, read_catalogue

CATALOGUES = load_catalogues()
ENGLISH = CATALOGUES["en"]
PAGES = {
    "confirm",
    "confirmed",
    "restore",
    "restored",
    "cancel",
    "canceled",
    "decline",
    "declined",
    "ended",
    "start",
    "renewed",
}
SOURCES = Path(str(files("tidings.pages")))

# What the ledger's `shown` points at. A change of wording needs a new `version` in the catalogue, and its line here:
# the failing test prints the digest. Lines of old versions stay.
WORDINGS = {
    "en/1": "bc05fd8de3cf74d9",
    "zh-CN/1": "eafee27da539eb74",
    "en/2": "f34503a05e0929a4",
    "zh-CN/2": "8acff23a2026f588",
    "en/3": "e40327fee84fd32a",
    "zh-CN/3": "82fcebd34db77797",
}

HEAD = """
[language]
tag = "xx"
name = "X"
direction = "ltr"
version = 1
plural = "PLURAL"
date = "{day} {month} {year}"
months = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"]
"""


def _placeholders(text: object) -> set[frozenset[str]]:
    forms = [text] if isinstance(text, str) else list(text.values())  # type: ignore[attr-defined]
    return {frozenset(PLACEHOLDER.findall(form)) for form in forms}


def test_english_comes_first_and_simplified_chinese_is_there() -> None:
    assert next(iter(CATALOGUES)) == "en"
    assert "zh-CN" in CATALOGUES


@pytest.mark.parametrize("tag", sorted(CATALOGUES))
def test_every_language_has_the_same_texts_as_english(tag: str) -> None:
    assert CATALOGUES[tag].texts.keys() == ENGLISH.texts.keys()


@pytest.mark.parametrize("tag", sorted(CATALOGUES))
def test_every_language_keeps_the_placeholders_of_english(tag: str) -> None:
    differing = {
        key
        for key, text in CATALOGUES[tag].texts.items()
        if frozenset().union(*_placeholders(text)) != frozenset().union(*_placeholders(ENGLISH.texts[key]))
    }
    # "all" counts without naming the number in English's singular; what matters is that no language invents one.
    assert differing == set()


@pytest.mark.parametrize("tag", sorted(CATALOGUES))
def test_a_catalogue_is_named_after_its_file(tag: str) -> None:
    assert (SOURCES / "languages" / f"{tag}.toml").exists()


@pytest.mark.parametrize("tag", sorted(CATALOGUES))
def test_a_change_of_wording_has_a_version_of_its_own(tag: str) -> None:
    catalogue = CATALOGUES[tag]
    told = json.dumps(
        [dict(sorted(catalogue.texts.items())), list(catalogue.months)], sort_keys=True, ensure_ascii=False
    )
    digest = hashlib.sha256(told.encode()).hexdigest()[:16]
    assert WORDINGS.get(f"{tag}/{catalogue.version}") == digest


def test_every_text_is_used_and_every_used_text_exists() -> None:
    code = "\n".join(file.read_text("utf-8") for file in [*SOURCES.glob("*.py"), *SOURCES.glob("templates/*.html")])
    unused = set()
    for key in ENGLISH.texts:
        table, _, part = key.partition(".")
        of_page = table in PAGES and part in ("heading", "lead", "button")
        of_table = table == "common" and re.search(rf"[\"']{part}[\"']", code)
        of_table = of_table or (table == "endpoint" and part in {"queue", *(one.word for one in PROTOCOLS.values())})
        if not (of_page or of_table or f'"{key}"' in code or table in ("problem", "language")):
            unused.add(key)
    assert unused == set()
    literal = set(re.findall(r'(?:text|html|counted|counted_text|lines)\(\s*"([a-z.]+)"', code))
    assert literal - ENGLISH.texts.keys() == set()


def test_values_are_escaped_and_isolated_in_a_page() -> None:
    drawn = ENGLISH.html("cancel.heading", topic="<b>\u202e")
    assert "<bdi>&lt;b&gt;\u202e</bdi>" in drawn


@given(st.text())
def test_no_value_ever_adds_markup(value: str) -> None:
    drawn = str(ENGLISH.html("cancel.heading", topic=value))
    assert drawn == str(escape("Stop receiving “")) + f"<bdi>{escape(value)}</bdi>" + str(escape("”?"))


@given(st.text())
def test_a_value_that_looks_like_a_placeholder_stays_as_it_is(value: str) -> None:
    assert ENGLISH.text("cancel.heading", topic="{topic}" + value) == f"Stop receiving “{{topic}}{value}”?"


@pytest.mark.parametrize(
    ("plural", "count", "form"),
    [
        ("none", 1, "other"),
        ("one", 0, "other"),
        ("one", 1, "one"),
        ("one", 2, "other"),
        ("zero-one", 0, "one"),
        ("zero-one", 2, "other"),
        ("east-slavic", 1, "one"),
        ("east-slavic", 11, "many"),
        ("east-slavic", 21, "one"),
        ("east-slavic", 22, "few"),
        ("east-slavic", 12, "many"),
        ("east-slavic", 5, "many"),
        ("arabic", 0, "zero"),
        ("arabic", 2, "two"),
        ("arabic", 103, "few"),
        ("arabic", 111, "many"),
        ("arabic", 100, "other"),
    ],
)
def test_plurals_follow_the_languages(plural: str, count: int, form: str) -> None:
    assert PLURALS[plural][0](count) == form


RULES_OF = {"zh": "none", "ja": "none", "ko": "none", "en": "one", "de": "one", "es": "one", "it": "one", "fr": "zero-one",
            "pt": "zero-one", "ru": "east-slavic", "uk": "east-slavic", "ar": "arabic"}  # fmt: skip
"""As docs/how-to/translate.md says."""


@pytest.mark.parametrize("tag", RULES_OF)
def test_plurals_are_those_of_cldr(tag: str) -> None:
    choose, of_cldr = PLURALS[RULES_OF[tag]][0], Locale.parse(tag).plural_form
    for count in (*range(1_200), 99_999, 100_001, 999_999):  # some say otherwise of whole millions: no count of ours
        assert choose(count) == of_cldr(count), count


@given(st.sampled_from(sorted(PLURALS)), st.integers(0, 10**6))
def test_every_number_has_a_form(plural: str, count: int) -> None:
    choose, forms = PLURALS[plural]
    assert choose(count) in forms


@pytest.mark.parametrize("catalogue", CATALOGUES.values(), ids=sorted(CATALOGUES))
def test_counted_texts_say_their_number(catalogue: Catalogue) -> None:
    assert "7" in catalogue.counted("list.lead", 7, operator="x")
    assert "7" in catalogue.counted_text("all.heading", 7)


@pytest.mark.parametrize("tag", sorted(CATALOGUES))
def test_dates_are_those_of_cldr(tag: str) -> None:
    locale = Locale.parse(tag, sep="-")
    for days in range(366):
        day = date(2028, 1, 1) + timedelta(days=days)
        assert CATALOGUES[tag].day(day) == format_date(day, "long", locale=locale)


def test_dates_are_written_as_the_language_does() -> None:
    assert ENGLISH.day(date(2026, 3, 9)) == "March 9, 2026"
    assert CATALOGUES["zh-CN"].day(date(2026, 3, 9)) == "2026年3月9日"


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("", "language"),
        (HEAD.replace("PLURAL", "dual"), "dual"),
        (HEAD.replace("PLURAL", "one").replace('"ltr"', '"up"'), "direction"),
        (HEAD.replace("PLURAL", "one").replace('"12"', ""), "12 months"),
        (HEAD.replace("PLURAL", "one") + '[a]\nb = { other = "x" }', "a.b"),
        (HEAD.replace("PLURAL", "none") + '[a]\nb = { one = "x", other = "x" }', "a.b"),
        (HEAD.replace("PLURAL", "none") + "[a]\nb = 3", "a.b"),
    ],
)
def test_a_broken_catalogue_says_what_is_wrong(source: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=re.escape(complaint)):
        read_catalogue(source)


def test_a_text_that_counts_cannot_be_read_as_one_that_does_not() -> None:
    with pytest.raises(KeyError):
        ENGLISH.text("list.lead", operator="x")
    with pytest.raises(KeyError):
        ENGLISH.counted("cancel.lead", 1)
