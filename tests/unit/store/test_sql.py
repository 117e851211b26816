"""Named queries and migrations as files."""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path

import pytest

from tidings.store import sql
from tidings.store.sqlite import database


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An importable package `sqlpack` with empty folders for queries and migrations."""
    folder = tmp_path / "sqlpack"
    (folder / "queries").mkdir(parents=True)
    (folder / "migrations").mkdir()
    (folder / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "sqlpack", raising=False)
    return folder


def test_queries_are_found_by_name_without_their_comments(package: Path) -> None:
    (package / "queries" / "a.sql").write_text(
        "-- About.\n\n-- First.\n-- name: one\nSELECT 1\n-- why\nWHERE 1;\n\n-- Second.\n-- name: two\nSELECT 2;\n"
    )
    assert sql.queries("sqlpack") == {"one": "SELECT 1\nWHERE 1", "two": "SELECT 2"}


def test_a_name_given_twice_is_refused(package: Path) -> None:
    for file in ("a.sql", "b.sql"):
        (package / "queries" / file).write_text("-- name: one\nSELECT 1;\n")
    with pytest.raises(ValueError, match="one is defined twice"):
        sql.queries("sqlpack")


def test_queries_share_fragments_and_vary_in_them(package: Path) -> None:
    (package / "queries" / "a.sql").write_text(
        "-- Shared.\n-- fragment: kind\nAND kind = 1\n\n-- fragment: rows\nid\n\n"
        "-- First.\n-- name: one\n-- variant: one_count rows=count(*)\n-- variant: any_count rows=count(*); kind=\n"
        "SELECT {rows} FROM t\nWHERE 1 {kind};\n"
    )
    (package / "queries" / "b.sql").write_text("-- Second.\n-- name: two\nSELECT {rows} FROM u;\n")
    assert sql.queries("sqlpack") == {
        "one": "SELECT id FROM t\nWHERE 1 AND kind = 1",
        "one_count": "SELECT count(*) FROM t\nWHERE 1 AND kind = 1",
        "any_count": "SELECT count(*) FROM t\nWHERE 1 ",
        "two": "SELECT id FROM u",
    }


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("-- name: one\nSELECT {rows};\n", "one wants the fragment rows"),
        ("-- fragment: one\nid\n-- name: one\nSELECT 1;\n", "one is defined twice"),
        ("-- name: two\nSELECT 1;\n-- name: one\n-- variant: two rows=1\nSELECT 1;\n", "two is defined twice"),
    ],
)
def test_what_does_not_fit_together_is_refused(package: Path, text: str, told: str) -> None:
    (package / "queries" / "a.sql").write_text(text)
    with pytest.raises(ValueError, match=told):
        sql.queries("sqlpack")


def test_migrations_run_by_number_and_pre_before_post(package: Path) -> None:
    for name in ("0002_b.post", "0010_c.pre", "0002_b.pre", "0001_a.pre"):
        (package / "migrations" / f"{name}.sql").write_text(f"-- {name}")
    steps = sql.migrations("sqlpack")
    assert [(step.number, step.phase) for step in steps] == [(1, "pre"), (2, "pre"), (2, "post"), (10, "pre")]
    assert steps[2].text == "-- 0002_b.post"


def test_a_migration_with_a_name_of_another_form_is_refused(package: Path) -> None:
    (package / "migrations" / "1_a.sql").write_text("")
    with pytest.raises(ValueError, match="not named"):
        sql.migrations("sqlpack")


def test_every_query_of_the_store_has_a_sentence_above_it() -> None:
    folder = Path(database.__file__).parent / "queries"
    for file in folder.glob("*.sql"):
        lines = file.read_text().splitlines()
        for before, line in pairwise(lines):
            if line.startswith("-- name:"):
                assert before.startswith("-- "), f"{file.name}: {line}"
                assert before.endswith("."), f"{file.name}: {line}"
