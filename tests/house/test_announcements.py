"""That no change can be made without every process hearing of it: what applies units announces them, and nobody else commits."""

from __future__ import annotations

import ast
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src" / "tidings"

WRITES_UNITS = {"apply", "import_opt_outs"}
"""What of `store.sqlite.units` changes rows."""

MAY_ANNOUNCE = {"store/sqlite/journal.py", "store/sqlite/store.py", "services/announcing.py"}
"""The store; and the one way to say again what was found to be so already."""


def naming(word: str) -> list[Path]:
    """The files that the word stands in: reading all of them as syntax takes a second."""
    found = [path for path in SOURCE.rglob("*.py") if word in path.read_text("utf-8")]
    assert found, "the walk finds nothing any more"
    return found


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Those of a file that stand in no other function."""
    tree = ast.parse(path.read_text())
    bodies = [tree.body, *(node.body for node in tree.body if isinstance(node, ast.ClassDef))]
    return [node for body in bodies for node in body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def attributes(node: ast.AST) -> set[str]:
    """All `x.y` in it whose x is a plain name, and `.y` of the others."""
    found = (each for each in ast.walk(node) if isinstance(each, ast.Attribute))
    return {f"{each.value.id}.{each.attr}" if isinstance(each.value, ast.Name) else f".{each.attr}" for each in found}


def test_whatever_applies_a_unit_announces_it() -> None:
    writing = {f"units.{name}" for name in WRITES_UNITS}
    appliers = {
        (path.relative_to(SOURCE).as_posix(), function.name): attributes(function)
        for path in naming("units")
        for function in functions(path)
        if writing & attributes(function)
    }
    assert set(appliers) == {("store/sqlite/journal.py", "commit"), ("store/sqlite/store.py", "import_opt_outs")}
    assert all(".announce" in found for found in appliers.values())


def test_only_the_store_announces() -> None:
    announcing = {
        path.relative_to(SOURCE).as_posix()
        for path in naming("announce")
        if any(each.endswith(".announce") for each in attributes(ast.parse(path.read_text())))
    }
    assert announcing == MAY_ANNOUNCE
