"""Reads named queries and numbered migrations from the `.sql` files that ship beside a store's code.

Called by the stores when they are imported and opened. In a query file each query starts with a line `-- name: NAME`; the
sentence above it is for people. Migrations are named `NNNN_words.pre.sql` and `NNNN_words.post.sql`: *pre* only adds, so that
the release before still runs on the new schema; *post* takes away, and ships one release after its *pre*.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import MappingProxyType

_NAME = re.compile(r"^-- name: ([a-z_]+)$", re.MULTILINE)
_MIGRATION = re.compile(r"(\d{4})_([a-z0-9_]+)\.(pre|post)\.sql\Z")


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema. `number` and `phase` (pre before post) say when it runs."""

    number: int
    phase: str
    name: str
    text: str


def queries(package: str) -> Mapping[str, str]:
    """All named queries of a package's `queries` folder. Raises ValueError when a name is given twice."""
    found: dict[str, str] = {}
    for file in _sql_files(package, "queries"):
        # re.split with one group gives: text before, name, query, name, query …
        parts = _NAME.split(file.read_text(encoding="utf-8"))
        for name, text in zip(parts[1::2], parts[2::2], strict=True):
            if name in found:
                raise ValueError(f"query {name} is defined twice")
            found[name] = _without_comments(text)
    return MappingProxyType(found)


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
