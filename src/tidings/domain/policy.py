"""Access policies of topics: read and check the document, answer "may this caller do this?", add and remove statements.

Dialects hand in their vocabulary (service prefix and actions) and the facts of a request; what becomes of the verdict is
`access/authorize`'s question, and how an error sounds is the dialect's. Never fetches anything: what a key of a condition is
worth is in the `Ask`.

Source: IAM user guide, "Policy evaluation logic" and "JSON policy element reference"; SNS developer guide, "Example cases for
Amazon SNS access control".
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tidings.domain.conditions import Condition, read_conditions
from tidings.domain.errors import AlreadyExists, InvalidValue
from tidings.domain.globs import glob
from tidings.domain.grants import Verdict

FIELD = "Policy"
JSON_CHARACTERS_MAX = 256 * 1024
"""Of any JSON text among a call's parameters: reading it holds everybody up."""
VERSIONS = ("2008-10-17", "2012-10-17")


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What one service's policies may say. `prefix` stands before the colon of an action; names compare without case."""

    prefix: str
    actions: frozenset[str]
    document_bytes_max: int = 30 * 1024
    statements_max: int = 100
    principals_max: int = 200


@dataclass(frozen=True, slots=True)
class Ask:
    """One request as a policy sees it. `context`: condition keys in lower case; an absent key is absent."""

    account_id: str
    principal_arn: str
    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement, patterns in lower case where they compare without case. `not_`: the Not-form was used."""

    sid: str
    allows: bool
    principals: tuple[str, ...]
    not_principals: bool
    actions: tuple[str, ...]
    not_actions: bool
    resources: tuple[str, ...]
    not_resources: bool
    conditions: tuple[Condition, ...]

    def covers(self, ask: Ask) -> bool:
        """Whether every element of the statement fits the request."""
        return (
            any(_is_caller(principal, ask) for principal in self.principals) is not self.not_principals
            and any(glob(action, ask.action.lower()) for action in self.actions) is not self.not_actions
            and any(glob(resource, ask.resource) for resource in self.resources) is not self.not_resources
            and all(condition.holds(ask.context) for condition in self.conditions)
        )


@dataclass(frozen=True, slots=True)
class Policy:
    """A checked policy, ready to be asked."""

    statements: tuple[Statement, ...]

    def verdict(self, ask: Ask) -> Verdict:
        """An explicit deny wins, then an allow; otherwise the policy is silent."""
        verdict = Verdict.SILENT
        for statement in self.statements:
            if statement.allows and verdict is Verdict.ALLOW:
                continue
            if statement.covers(ask):
                if not statement.allows:
                    return Verdict.DENY
                verdict = Verdict.ALLOW
        return verdict


def parse(text: str, vocabulary: Vocabulary, resource: str, *, stored: bool = False) -> Policy:
    """Check a policy for `resource` and make it ready. Raises InvalidValue (field `Policy`).

    stored: it was accepted before, perhaps by rules that were less strict. What names nobody then allows nobody, and denies whom
    its stars reach.
    """
    document = _load(text, vocabulary)
    version = document.get("Version", VERSIONS[0])
    if version not in VERSIONS:
        raise InvalidValue(FIELD, "Policy version is not supported", str(version))
    raw = document.get("Statement")
    if isinstance(raw, dict):
        raw = [raw]
    if not isinstance(
        raw, list
    ):  # an empty list is what removing the last statement leaves: a policy that says nothing
        raise InvalidValue(FIELD, "Policy must contain a list of statements")
    if len(raw) > vocabulary.statements_max:
        raise InvalidValue(FIELD, f"Policy may contain at most {vocabulary.statements_max} statements")
    statements = tuple(_statement(one, vocabulary, resource, stored) for one in raw)
    sids = [statement.sid for statement in statements if statement.sid]
    if len(sids) != len(set(sids)):
        raise InvalidValue(FIELD, "Statement IDs (SID) in a single policy must be unique")
    if sum(len(statement.principals) for statement in statements) > vocabulary.principals_max:
        raise InvalidValue(FIELD, f"Policy may name at most {vocabulary.principals_max} principals")
    return Policy(statements)


def add_statement(
    text: str, vocabulary: Vocabulary, resource: str, *, label: str, principals: Sequence[str], actions: Sequence[str]
) -> str:
    """The document with one more Allow statement, called `label`. Raises AlreadyExists (label) and InvalidValue.

    actions: bare names of the vocabulary. One action is written as a string, several as a list, as SNS does.
    """
    document = _load(text, vocabulary)
    statements = _raw_statements(document)
    if any(statement.get("Sid") == label for statement in statements):
        raise AlreadyExists("statement", "label")
    for action in actions:
        if action.lower() not in {name.lower() for name in vocabulary.actions} | {"*"}:
            raise InvalidValue(FIELD, "Policy statement action out of service scope!", action)
    named = [f"{vocabulary.prefix}:{action}" for action in actions]
    statements.append(
        {
            "Sid": label,
            "Effect": "Allow",
            "Principal": {"AWS": principals[0] if len(principals) == 1 else list(principals)},
            "Action": named[0] if len(named) == 1 else named,
            "Resource": resource,
        }
    )
    changed = json.dumps({**document, "Statement": statements}, ensure_ascii=False, separators=(",", ":"))
    parse(changed, vocabulary, resource, stored=True)
    return changed


def remove_statement(text: str, vocabulary: Vocabulary, *, label: str) -> str | None:
    """The document without the statement called `label`, or None if there is none of that name."""
    document = _load(text, vocabulary)
    statements = _raw_statements(document)
    kept = [statement for statement in statements if statement.get("Sid") != label]
    if len(kept) == len(statements):
        return None
    return json.dumps({**document, "Statement": kept}, ensure_ascii=False, separators=(",", ":"))


def read_json_object(text: str, field_name: str) -> dict[str, Any]:
    """A JSON object by the letter of RFC 8259: no NaN, no doubled names. Raises InvalidValue."""
    if len(text) > JSON_CHARACTERS_MAX:
        raise InvalidValue(field_name, "failed to parse JSON. Too large")
    try:
        document = json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        # Observed: SNS puts a full stop here, then its parser's words.
        raise InvalidValue(field_name, f"failed to parse JSON. {_fault(error)}") from error
    if not isinstance(document, dict):
        raise InvalidValue(field_name, "failed to parse JSON. Not an object")
    return document


def _fault(error: Exception) -> str:
    """What is wrong with a text that is no JSON, and where; none of the text itself."""
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} (line {error.lineno}, column {error.colno})"
    return "Too deeply nested" if isinstance(error, RecursionError) else f"Not allowed: {error}"[:200]


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("doubled name")
    return found


def _load(text: str, vocabulary: Vocabulary) -> dict[str, Any]:
    if len(text.encode()) > vocabulary.document_bytes_max:
        raise InvalidValue(FIELD, "Policy is too large")
    return read_json_object(text, FIELD)


def _raw_statements(document: dict[str, Any]) -> list[dict[str, Any]]:
    raw = document.get("Statement", [])
    return [raw] if isinstance(raw, dict) else list(raw)


def _statement(raw: Any, vocabulary: Vocabulary, resource: str, stored: bool) -> Statement:
    if not isinstance(raw, dict):
        raise InvalidValue(FIELD, "Policy statement must be an object")
    unknown = raw.keys() - _ELEMENTS
    if unknown:
        raise InvalidValue(FIELD, f"Policy statement has an unknown element: {min(unknown)[:100]}")
    effect = raw.get("Effect")
    if effect not in ("Allow", "Deny"):
        raise InvalidValue(FIELD, "Policy statement effect must be Allow or Deny")
    sid = raw.get("Sid", "")
    if not isinstance(sid, str):
        raise InvalidValue(FIELD, "Policy statement Sid must be a string")
    principals, not_principals = _either(raw, "Principal")
    actions, not_actions = _either(raw, "Action")
    resources, not_resources = _either(raw, "Resource")
    resource_patterns = _strings(resources, "Resource")
    if not not_resources and not all(glob(pattern, resource) for pattern in resource_patterns):
        raise InvalidValue(FIELD, "Policy statement must apply to a single resource", ",".join(resource_patterns))
    patterns = tuple(_action(name, vocabulary) for name in _strings(actions, "Action"))
    named = _principals(principals, stored, denies=effect == "Deny")
    if not stored:
        _check_reach(named if not_principals else (), patterns if not_actions else (), vocabulary)
        if not_resources and any(glob(pattern, resource) for pattern in resource_patterns):
            raise InvalidValue(FIELD, "Policy statement must apply to a single resource", ",".join(resource_patterns))
    return Statement(
        sid=sid,
        allows=effect == "Allow",
        principals=named,
        not_principals=not_principals,
        actions=patterns,
        not_actions=not_actions,
        resources=resource_patterns,
        not_resources=not_resources,
        conditions=read_conditions(raw.get("Condition", {}), FIELD),
    )


_ELEMENTS = frozenset(
    {
        "Sid",
        "Effect",
        "Principal",
        "NotPrincipal",
        "Action",
        "NotAction",
        "Resource",
        "NotResource",
        "Condition",
    }
)


def _either(raw: dict[str, Any], name: str) -> tuple[Any, bool]:
    """The element or its Not-form; exactly one must be there."""
    if (name in raw) is (f"Not{name}" in raw):
        raise InvalidValue(FIELD, f"Policy statement must contain either {name} or Not{name}")
    return (raw[name], False) if name in raw else (raw[f"Not{name}"], True)


def _strings(value: Any, name: str) -> tuple[str, ...]:
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list) or not listed or not all(isinstance(one, str) and one for one in listed):
        raise InvalidValue(FIELD, f"Policy statement {name} must be a string or a list of strings")
    return tuple(listed)


def _action(name: str, vocabulary: Vocabulary) -> str:
    """A pattern over bare action names, in lower case; it must fit at least one action."""
    lowered = name.lower()
    pattern = lowered.removeprefix(f"{vocabulary.prefix.lower()}:")
    if lowered != "*" and pattern == lowered:
        raise InvalidValue(FIELD, "Policy statement action out of service scope!", name)
    if not any(glob(pattern, action.lower()) for action in vocabulary.actions):
        raise InvalidValue(FIELD, "Policy statement action out of service scope!", name)
    return pattern


def _check_reach(not_principals: Sequence[str], not_actions: Sequence[str], vocabulary: Vocabulary) -> None:
    """Refuse Not-forms that leave nothing over: such a statement looks as if it forbade something. Raises InvalidValue."""
    if "*" in not_principals:
        raise InvalidValue(FIELD, "Policy statement NotPrincipal must leave somebody over")
    if not_actions and all(any(glob(one, action.lower()) for one in not_actions) for action in vocabulary.actions):
        raise InvalidValue(FIELD, "Policy statement action out of service scope!", "NotAction")


_PRINCIPAL = re.compile(
    r"arn:aws(?:-cn|-us-gov)?:iam::(?P<account>[0-9]{12}):(?:root|user/(?P<user>[A-Za-z0-9_.@+=,-]{1,64}))\Z"
)
"""Whom an ARN can name: an account or a user of it, in any partition, because an account is one here in all regions. No caller has a
role, and no part takes a star. Source: IAM user guide, "AWS JSON policy elements: Principal"."""
_SERVICE = re.compile(r"[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63}){1,6}\Z")


def _principals(value: Any, stored: bool, *, denies: bool) -> tuple[str, ...]:
    """As they are compared: `*`, an account, `ACCOUNT:user/NAME`, `Service:NAME` (which no caller has).

    Whoever nobody here can be is refused, so that no Deny is accepted that denies nobody. Raises InvalidValue `PrincipalNotFound`.
    """
    if value == "*":
        return ("*",)
    if not isinstance(value, dict) or not value:
        raise InvalidValue(FIELD, "Policy statement Principal must be * or an object")
    found: list[str] = []
    for kind, names in value.items():
        if kind not in ("AWS", "Service", "Federated", "CanonicalUser"):
            raise InvalidValue(FIELD, f"Policy statement has an unknown kind of principal: {kind[:100]}")
        for name in _strings(names, "Principal"):
            known = _principal(kind, name)
            if known:
                found.append(known)
            elif not stored:
                raise InvalidValue(FIELD, "PrincipalNotFound", name)
            else:
                found.append(f"{_PATTERN}{name}" if denies and kind == "AWS" else f"{kind}:{name}")
    return tuple(found)


_PATTERN = "pattern:"
"""Before a principal of an older policy that names nobody by the rules of today."""


def _principal(kind: str, name: str) -> str:
    """One principal as it is compared, or empty if nobody here can be it."""
    if kind == "Service":
        return f"Service:{name}" if _SERVICE.match(name) else ""
    if kind != "AWS":
        return ""
    if name == "*" or _is_account_id(name):
        return name
    named = _PRINCIPAL.match(name)
    if named is None:
        return ""
    return f"{named['account']}:user/{named['user']}" if named["user"] else named["account"]


def _is_account_id(text: str) -> bool:
    return len(text) == 12 and text.isascii() and text.isdigit()


def _is_caller(principal: str, ask: Ask) -> bool:
    if principal == "*" or principal == ask.account_id:
        return True
    if principal.startswith(_PATTERN):
        pattern, caller = principal.removeprefix(_PATTERN).split(":", 2), ask.principal_arn.split(":", 2)
        return len(pattern) == 3 and glob(pattern[2], caller[2])
    return principal == f"{ask.account_id}:{ask.principal_arn.rpartition(':')[2]}"
