"""Reads named queries and numbered migrations from the `.sql` files that ship beside a store's code.

Called by the stores when they are imported and opened. In a query file each query starts with a line `-- name: NAME`; the
sentence above it is for people. What several queries share is a `-- fragment: NAME`, which stands in them as `{NAME}`. A query that
differs from another one in fragments only is a line behind that one's name: `-- variant: NAME fragment=its text; other=its text`.

Migrations are named `NNNN_words.pre.sql` and `NNNN_words.post.sql`: *pre* only adds, so that the release before still runs on the new
schema; *post* takes away, and runs when no server of that release can be running.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import MappingProxyType

_SECTION = re.compile(r"^-- (name|fragment): ([a-z_]+)$", re.MULTILINE)
_VARIANT = re.compile(r"^-- variant: ([a-z_0-9]+) (.+)$", re.MULTILINE)
_PLACE = re.compile(r"\{([a-z_]+)\}")
_MIGRATION = re.compile(r"(\d{4})_([a-z0-9_]+)\.(pre|post)\.sql\Z")


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema. `number` and `phase` (pre before post) say when it runs."""

    number: int
    phase: str
    name: str
    text: str


def queries(package: str) -> Mapping[str, str]:
    """All named queries of a package's `queries` folder. Raises ValueError when a name is given twice or a fragment is not there."""
    fragments: dict[str, str] = {}
    written: dict[str, tuple[str, Mapping[str, str]]] = {}  # by name: the text, and fragments of its own
    for file in _sql_files(package, "queries"):
        # re.split with two groups gives: text before, kind, name, text, kind, name, text …
        parts = _SECTION.split(file.read_text(encoding="utf-8"))
        for kind, name, section in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
            text = _without_comments(section)
            if name in written or name in fragments:
                raise ValueError(f"{kind} {name} is defined twice")
            if kind == "fragment":
                fragments[name] = text
                continue
            written[name] = (text, {})
            for variant, changes in _VARIANT.findall(section):
                if variant in written:
                    raise ValueError(f"variant {variant} is defined twice")
                written[variant] = (text, _changes(changes))
    return MappingProxyType({name: _filled(name, text, {**fragments, **own}) for name, (text, own) in written.items()})


def _changes(text: str) -> Mapping[str, str]:
    return {name.strip(): value for name, _, value in (part.partition("=") for part in text.split("; "))}


def _filled(name: str, text: str, fragments: Mapping[str, str]) -> str:
    def fragment(place: re.Match[str]) -> str:
        if place[1] not in fragments:
            raise ValueError(f"query {name} wants the fragment {place[1]}, which is not there")
        return fragments[place[1]]

    return _PLACE.sub(fragment, text)


def migrations(package: str) -> list[Migration]:
    """All migrations of a package's `migrations` folder, in the order in which they run."""
    steps = []
    for file in _sql_files(package, "migrations"):
        parsed = _MIGRATION.match(file.name)
        if parsed is None:
            raise ValueError(f"{file.name} is not named NNNN_words.pre.sql or NNNN_words.post.sql")
        number, name, phase = parsed.groups()
        steps.append(Migration(int(number), phase, name, file.read_text(encoding="utf-8")))
    return sorted(steps, key=lambda step: (step.number, step.phase != "pre"))


def _sql_files(package: str, folder: str) -> list[Traversable]:
    return sorted((f for f in (files(package) / folder).iterdir() if f.name.endswith(".sql")), key=lambda f: f.name)


def _without_comments(text: str) -> str:
    lines = (line for line in text.splitlines() if not line.startswith("--"))
    return "\n".join(lines).strip().rstrip(";")
