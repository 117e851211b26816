"""Tests know the product by what it offers: reaching into private names ties them to how it is written, and keeps it from being changed."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parents[1]

OTHERS = {"_replace", "_exit", "_deserialize", "_serialize", "_build_req_inter"}
"""Of the standard library and of the clouds' SDKs, which offer nothing else for it."""

REACHES = {
    "integration/test_callbacks.py": 5,
    "integration/test_cli_optouts.py": 1,
    "integration/test_server_connections.py": 1,
    "integration/toy_app.py": 3,
    "support/kannel.py": 1,
    "support/smsc.py": 1,
    "unit/channels/test_email_mime.py": 2,
    "unit/channels/test_http_parts.py": 1,
    "unit/cli/test_ledger_pages.py": 1,
    "unit/console/harness.py": 1,
    "unit/delivery/test_pace.py": 1,
    "unit/delivery/test_signing.py": 10,
    "unit/delivery/test_text_reports.py": 8,
    "unit/dialects/native/test_native_openapi.py": 1,
    "unit/dialects/smn/test_smn_auth.py": 1,
    "unit/dialects/smn/test_smn_policies.py": 2,
    "unit/dialects/sns/test_sns_sms.py": 2,
    "unit/dialects/tencent/test_tencent_dialect.py": 1,
    "unit/domain/test_globs.py": 4,
    "unit/pages/test_pages_standing.py": 1,
    "unit/server/test_claims.py": 1,
    "unit/services/test_texts.py": 2,
    "unit/store/test_texts.py": 1,
}
"""Where it still happens, and how often. A number may only sink: what is offered instead is tested instead."""


_MAYBE = re.compile(
    r"(?<!\bself)(?<!\bcls)\._[A-Za-z]|import [^\n]*\b_[A-Za-z]|^    _[A-Za-z]\w*,$|[\"']_[A-Za-z]\w*[\"'],",
    re.MULTILINE,
)
"""What a file has that reaches: reading all of them as syntax takes seconds."""


def private(name: object) -> bool:
    return isinstance(name, str) and name.startswith("_") and not name.startswith("__") and name not in OTHERS


def own(tree: ast.AST) -> set[str]:
    """The names that the file gives to things of its own."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and _of_self(node):
            found.add(node.attr)
    return found


def reaches(text: str) -> Iterator[str]:
    """Every use of a private name of somebody else."""
    if not _MAYBE.search(text):
        return
    tree = ast.parse(text)
    mine = own(tree)
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(attr=name) if private(name) and name not in mine and not _of_self(node):
                yield name
            case ast.ImportFrom(module=str(module), names=names) if module.startswith("tidings"):
                yield from (alias.name for alias in names if private(alias.name))
            case ast.Call(func=ast.Attribute(attr="setattr"), args=[_, ast.Constant(name), *_]) if private(name):
                yield str(name)


def _of_self(node: ast.Attribute) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")


def test_a_reach_is_seen_in_each_of_its_forms() -> None:
    text = """
from tidings.cli.ledger import _entries, show
class Mine:
    def __init__(self): self._own = 1
app._tasks, app.tasks, self._own, mine._own, entry._replace, app.__dict__
monkeypatch.setattr(module, "_ROWS", 7)
"""
    assert sorted(reaches(text)) == ["_ROWS", "_entries", "_tasks"]


def test_tests_reach_into_no_more_private_names_than_they_did() -> None:
    found = Counter(
        path.relative_to(TESTS).as_posix()
        for path in TESTS.rglob("*.py")
        if "node_modules" not in path.parts
        for _ in reaches(path.read_text("utf-8"))
    )
    more = {file: count for file, count in found.items() if count > REACHES.get(file, 0)}
    assert more == {}, "test what it offers instead"
    fewer = {file: found[file] for file, count in REACHES.items() if found[file] < count}
    assert fewer == {}, "good: write the new number down"
