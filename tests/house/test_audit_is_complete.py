"""No front end and no service can leave the audit trail without knowing whose act a change is."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest

import tidings

SOURCE = Path(tidings.__file__).parent
AUDITED = (
    *("accounts", "users", "access_keys", "topics_new", "topics_changed", "topics_deleted"),
    *("templates_new", "templates_changed", "templates_deleted", "inbound_addresses_new", "inbound_addresses_changed"),
    *("sms_applications", "blocking_rules", "blocking_rules_deleted", "sms_signs_new", "sms_signs_changed"),
    *("sms_signs_deleted", "sms_templates_new", "sms_templates_changed", "sms_templates_deleted"),
)
OF_ACCOUNTS = ("create_account", "create_user", "set_user", "create_key", "set_key")
SET_LATER = {
    # The unit of a function that is given the act after it was made: `unit.act = …` stands in its caller.
    ("services/texting/inbound_addresses.py", "_addition"),
    # `Accounts._commit` does it for all.
    *(("services/accounts.py", function) for function in ("set_user", "create_key", "set_key")),
}


def calls(callees: Collection[str], *folders: str) -> Iterator[tuple[str, str, ast.Call]]:
    """Every call of these in the source of these folders: file, function around it, call."""
    for folder in folders:
        for path in sorted((SOURCE / folder).rglob("*.py")):
            text = path.read_text("utf-8")
            if not any(callee in text for callee in callees):
                continue  # reading all of them as syntax takes a second
            name = path.relative_to(SOURCE).as_posix()
            for function in ast.walk(ast.parse(text)):
                if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                    for node in ast.walk(function):
                        if isinstance(node, ast.Call) and called(node) in callees:
                            yield name, function.name, node


def called(call: ast.Call) -> str:
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def arguments(call: ast.Call) -> set[str]:
    return {keyword.arg or "" for keyword in call.keywords}


def test_every_unit_that_is_audited_says_whose_act_it_is() -> None:
    found = [
        (file, function, call.lineno, "act" in arguments(call))
        for file, function, call in calls({"Unit"}, "services", "dialects", "console", "delivery")
        if arguments(call) & set(AUDITED)
    ]
    assert len(found) > 15, "the walk finds nothing any more"
    assert [where for *where, says in found if not says and tuple(where[:2]) not in SET_LATER] == []


def test_every_permission_knows_the_call_it_was_given_for() -> None:
    found = [
        (file, call.lineno, "source" in arguments(call))
        for file, _, call in calls({"authorize"}, "dialects", "console", "pages")
        if isinstance(call.func, ast.Name)
    ]
    assert len(found) >= 8, "the walk finds nothing any more"
    assert [where for *where, knows in found if not knows] == []


@pytest.mark.parametrize("folder", ["dialects", "console"])
def test_every_front_end_says_who_changes_accounts(folder: str) -> None:
    found = [
        (file, call.lineno, called(call)) for file, _, call in calls(OF_ACCOUNTS, folder)
        if isinstance(call.func, ast.Attribute)
        and ast.unparse(call.func.value).endswith("accounts") and "origin" not in arguments(call)
    ]  # fmt: skip
    assert found == []
