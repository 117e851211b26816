"""The pages' texts in every language: one TOML file each in `languages/`, read once at start.

Called by `negotiation` (which languages there are) and `render`. Never guesses: a key or placeholder that is missing in a
language fails a test, and at run time raises KeyError. How to add a language: docs/how-to/translate.md.
Source of the plural categories: Unicode CLDR, Language Plural Rules. Why not Babel: decision 0017.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from typing import Any

from markupsafe import Markup, escape

PLACEHOLDER = re.compile(r"\{([a-z]+)\}")
DEFAULT = "en"


def _east_slavic(count: int) -> str:
    if count % 10 == 1 and count % 100 != 11:
        return "one"
    return "few" if count % 10 in (2, 3, 4) and count % 100 not in (12, 13, 14) else "many"


def _arabic(count: int) -> str:
    if count <= 2:
        return ("zero", "one", "two")[count]
    if 3 <= count % 100 <= 10:
        return "few"
    return "many" if count % 100 >= 11 else "other"


CATEGORIES = frozenset({"zero", "one", "two", "few", "many", "other"})
PLURALS: Mapping[str, tuple[Callable[[int], str], frozenset[str]]] = {
    # name in a catalogue: (category of a whole number, categories that each counted text must have)
    "none": (lambda count: "other", frozenset({"other"})),
    "one": (lambda count: "one" if count == 1 else "other", frozenset({"one", "other"})),
    "zero-one": (lambda count: "one" if count <= 1 else "other", frozenset({"one", "other"})),
    "east-slavic": (_east_slavic, frozenset({"one", "few", "many"})),
    "arabic": (_arabic, CATEGORIES),
}

Text = str | Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """One language. `texts`: dotted key -> text, or plural category -> text for what counts. `version` grows with every
    change of wording, because the ledger records it as what the person saw."""

    tag: str
    name: str
    direction: str
    version: int
    plural: str
    months: Sequence[str]
    texts: Mapping[str, Text]

    def text(self, key: str, **values: object) -> str:
        """The text with its placeholders filled, as plain text."""
        return PLACEHOLDER.sub(lambda found: str(values[found[1]]), self._plain(key))

    def html(self, key: str, **values: object) -> Markup:
        """The same for a page: values are escaped and isolated, so that a name in Arabic, or one full of direction marks,
        cannot turn the sentence around it."""
        return self._fill(self._plain(key), values)

    def counted(self, key: str, count: int, **values: object) -> Markup:
        """The text for `count` things, for a page."""
        return self._fill(self._form(key, count), {"count": count, **values})

    def counted_text(self, key: str, count: int, **values: object) -> str:
        """The text for `count` things, as plain text."""
        filled = {"count": count, **values}
        return PLACEHOLDER.sub(lambda found: str(filled[found[1]]), self._form(key, count))

    def lines(self, key: str) -> list[str]:
        """The keys of the lines of a list in the catalogue."""
        found: list[str] = []
        while (line := f"{key}.{len(found)}") in self.texts:
            found.append(line)
        return found

    def day(self, day: date) -> str:
        """A date as this language writes it."""
        return self.text("language.date", day=day.day, month=self.months[day.month - 1], year=day.year)

    def _plain(self, key: str) -> str:
        text = self.texts[key]
        if not isinstance(text, str):
            raise KeyError(key)
        return text

    def _form(self, key: str, count: int) -> str:
        forms = self.texts[key]
        if isinstance(forms, str):
            raise KeyError(key)
        return forms[PLURALS[self.plural][0](count)]

    @staticmethod
    def _fill(text: str, values: Mapping[str, object]) -> Markup:
        def isolated(found: re.Match[str]) -> str:
            value = values[found[1]]
            return str(value) if isinstance(value, int) else f"<bdi>{escape(value)}</bdi>"

        return Markup(PLACEHOLDER.sub(isolated, str(escape(text))))  # noqa: S704 - text and values are escaped above


def read_catalogue(source: str) -> Catalogue:
    """A catalogue from TOML. Raises ValueError with the key that is wrong."""
    tables = tomllib.loads(source)
    language = tables.pop("language", {})
    texts: dict[str, Text] = {}
    try:
        plural, direction = language["plural"], language["direction"]
        categories = PLURALS[plural][1]
        texts["language.date"] = language["date"]
        for name, table in tables.items():
            _flatten(name, table, categories, texts)
        if direction not in ("ltr", "rtl") or len(language["months"]) != 12:
            raise ValueError("language: direction is ltr or rtl, and a year has 12 months")
        return Catalogue(
            tag=language["tag"],
            name=language["name"],
            direction=direction,
            version=int(language["version"]),
            plural=plural,
            months=tuple(language["months"]),
            texts=texts,
        )
    except KeyError as error:
        raise ValueError(f"language: {error} is missing or unknown") from error


def load_catalogues() -> dict[str, Catalogue]:
    """Every language in the package by its tag, the default first."""
    folder = files(__package__) / "languages"
    found = [read_catalogue(file.read_text("utf-8")) for file in folder.iterdir() if file.name.endswith(".toml")]
    return {one.tag: one for one in sorted(found, key=lambda one: (one.tag != DEFAULT, one.tag))}


def _flatten(key: str, value: Any, categories: frozenset[str], into: dict[str, Text]) -> None:
    if isinstance(value, str):
        into[key] = value
    elif isinstance(value, list):
        for place, line in enumerate(value):
            _flatten(f"{key}.{place}", line, categories, into)
    elif isinstance(value, dict) and value and value.keys() <= CATEGORIES:
        _check_forms(key, value, categories)
        into[key] = value
    elif isinstance(value, dict):
        for name, inner in value.items():
            _flatten(f"{key}.{name}", inner, categories, into)
    else:
        raise ValueError(f"{key}: a text, a list of texts or a table of plural forms")


def _check_forms(key: str, forms: Mapping[str, object], categories: frozenset[str]) -> None:
    if forms.keys() != categories or not all(isinstance(form, str) for form in forms.values()):
        raise ValueError(f"{key}: needs exactly the forms {', '.join(sorted(categories))}")
