"""Access policies of topics: read and check what UpdateTopicAttribute is given, answer what a stored one says about a call.

Called by `calls.permit` on every call that has a word in policies, by `attributes` to check a new one, and through
`make_evaluator` by other dialects. Knows accounts, users, services and organizations as principals; no caller here is a service or
in an organization, so statements about those fit nobody.
Source: SMN API reference, "Updating a Topic Policy"; SMN user guide, "Basic Mode".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from tidings.access.authorize import PolicyEvaluator, strictest
from tidings.dialects.smn import names
from tidings.dialects.smn.errors import SmnError, refuse
from tidings.dialects.smn.limits import PREFIX
from tidings.domain.conditions import Condition, read_conditions
from tidings.domain.errors import InvalidValue
from tidings.domain.globs import glob
from tidings.domain.grants import Verb, Verdict
from tidings.domain.model import Principal, Role, Topic
from tidings.domain.policy import read_json_object
from tidings.services.projects import Projects

VERSION = "2016-09-07"
SETTING = PREFIX + "access_policy"
ACTIONS = frozenset(
    {
        "UpdateTopic",
        "DeleteTopic",
        "QueryTopicDetail",
        "ListTopicAttributes",
        "UpdateTopicAttribute",
        "DeleteTopicAttributes",
        "DeleteTopicAttributeByName",
        "ListSubscriptionsByTopic",
        "Subscribe",
        "Unsubscribe",
        "Publish",
    }
)
STATEMENTS_MAX = 100
NAMED_MAX = 1_000
"""Principals, actions or resources of one statement; 30 KB cannot usefully hold more."""

_NO_FACTS: Mapping[str, str] = {}
_LOWERED = frozenset(action.lower() for action in ACTIONS)
_FACTS = {"protocol": "smn:protocol", "endpoint": "smn:endpoint", "sourceip": "g:sourceip"}
"""A fact of a request -> the condition key that it is the value of."""
_KEYS = frozenset(_FACTS.values())
_DOCUMENT = frozenset({"Version", "Id", "Statement"})
_ELEMENTS = frozenset(
    {"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"}
)
_ACCOUNT = re.compile(
    r"urn:csp:iam::(?P<domain>[0-9A-Za-z_-]{1,64}):(?:root|user/(?P<user>[A-Za-z0-9_.@+=,-]{1,64}))\Z"
)
_DOMAIN = re.compile(r"(?:[0-9]{12}|[0-9a-f]{32})\Z")
"""An account by one of its ids, see `_names`."""
_SERVICE = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}\Z")


@dataclass(frozen=True, slots=True)
class Ask:
    """One request as a policy sees it. `names`: every way to write the caller. `action`: in lower case, without service."""

    names: frozenset[str]
    action: str
    resource: str
    context: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement. `not_`: the Not-form was used."""

    sid: str
    allows: bool
    principals: frozenset[str]
    not_principals: bool
    actions: tuple[str, ...]
    not_actions: bool
    resources: tuple[str, ...]
    not_resources: bool
    conditions: tuple[Condition, ...]

    def covers(self, ask: Ask) -> bool:
        """Whether every element of the statement fits the request."""
        named = "*" in self.principals or not self.principals.isdisjoint(ask.names)
        return (
            named is not self.not_principals
            and any(glob(action, ask.action) for action in self.actions) is not self.not_actions
            and any(resource in ("*", ask.resource) for resource in self.resources) is not self.not_resources
            and all(condition.holds(ask.context) for condition in self.conditions)
        )


def read(text: str, urn: str) -> tuple[Statement, ...]:
    """Check a policy for the topic of this URN. Raises SmnError SMN.0048 to SMN.0058, each for its part."""
    statements = _parse(text)
    for statement in statements:
        if not all(resource in ("*", urn) for resource in statement.resources):
            raise refuse("SMN.0053")
        if statement.not_resources and not statement.allows:
            raise refuse("SMN.0053")  # a Deny of everything but this topic denies nothing here
    return statements


def verdict(
    text: str,
    urn: str,
    principal: Principal,
    project_id: str,
    statement: str,
    facts: Mapping[str, str] = _NO_FACTS,
) -> Verdict:
    """What a stored policy says about a caller's action on the topic of this URN; an explicit deny wins.

    project_id: the caller's. statement: the action without service, `Publish`. facts: `protocol`, `endpoint`, `sourceip`.
    A policy cannot lock out the owner of the topic's account. Source: SMN user guide, "Basic Mode" (the creator's rights).
    """
    if not text:
        return Verdict.SILENT
    if principal.role is Role.OWNER and not principal.actions and urn.split(":")[3] == project_id:
        return Verdict.SILENT
    try:
        statements = _ready(text)
    except SmnError:
        return Verdict.DENY  # nobody stored this by UpdateTopicAttribute: what it meant to forbid is not known
    context = {_FACTS[name]: value for name, value in facts.items() if name in _FACTS}
    ask = Ask(_names(principal.account_id, principal.user, project_id), statement.lower(), urn, context)
    found = Verdict.SILENT
    for one in statements:
        if one.allows and found is Verdict.ALLOW:
            continue
        if one.covers(ask):
            if not one.allows:
                return Verdict.DENY
            found = Verdict.ALLOW
    return found


_ASKED: dict[Verb, tuple[str, ...]] = {
    Verb.READ_TOPIC: ("QueryTopicDetail", "ListTopicAttributes"),
    Verb.CHANGE_TOPIC: ("UpdateTopic", "UpdateTopicAttribute"),
    Verb.DELETE_TOPIC: ("DeleteTopic",),
    Verb.LIST: ("ListSubscriptionsByTopic",),
    Verb.SUBSCRIBE: ("Subscribe",),
    Verb.PUBLISH: ("Publish",),
}
"""What a call of another dialect would have to be allowed here: all of these."""


def make_evaluator(projects: Projects) -> PolicyEvaluator:
    """The evaluator that other dialects ask about a topic on which SMN keeps a policy. projects: loaded, for URNs."""

    def evaluate(topic: Topic, principal: Principal, verb: Verb, facts: Mapping[str, str]) -> Verdict:
        text, asked = topic.settings.get(SETTING, ""), _ASKED.get(verb)
        if not text or asked is None:
            return Verdict.SILENT
        try:
            owner = projects.known(topic.account_id)
            caller = owner if principal.account_id == topic.account_id else projects.known(principal.account_id)
        except ValueError:
            return Verdict.DENY  # an account made a moment ago by another process: its policies cannot be read yet
        urn = names.topic_urn(topic, owner)
        said = [verdict(text, urn, principal, caller, action, facts) for action in asked]
        return Verdict.SILENT if Verdict.SILENT in said and Verdict.DENY not in said else strictest(said)

    return evaluate


@lru_cache(maxsize=4096)
def _names(account_id: str, user: str, project_id: str) -> frozenset[str]:
    """Every way to write a caller: his account by any of its ids, and himself by name or id."""
    domains = (account_id, names.domain_id(account_id), project_id)
    tails = ("root", f"user/{user}", f"user/{names.user_id(account_id, user)}")
    return frozenset(f"urn:csp:iam::{domain}:{tail}" for domain in domains for tail in tails)


@lru_cache(maxsize=4096)
def _ready(text: str) -> tuple[Statement, ...]:
    return _parse(text, stored=True)


def _parse(text: str, *, stored: bool = False) -> tuple[Statement, ...]:
    """stored: it was accepted before, perhaps by rules that were less strict."""
    try:
        document = read_json_object(text, "access_policy")
    except InvalidValue as error:
        raise refuse("SMN.0048") from error
    if not document.keys() <= _DOCUMENT:
        raise refuse("SMN.0048")
    if document.get("Version") != VERSION:
        raise refuse("SMN.0049")
    if not isinstance(document.get("Id"), str) or not document["Id"]:
        raise refuse("SMN.0050")
    raw = document.get("Statement")
    if not isinstance(raw, list) or not 1 <= len(raw) <= STATEMENTS_MAX:
        raise refuse("SMN.0051")
    statements = tuple(_statement(one, stored) for one in raw)
    sids = [statement.sid for statement in statements if statement.sid]
    if len(sids) != len(set(sids)):
        raise refuse("SMN.0052")
    return statements


def _statement(raw: Any, stored: bool) -> Statement:
    if not isinstance(raw, dict) or not raw.keys() <= _ELEMENTS:
        raise refuse("SMN.0051")
    sid = raw.get("Sid", "")
    if not isinstance(sid, str):
        raise refuse("SMN.0052")
    if raw.get("Effect") not in ("Allow", "Deny"):
        raise refuse("SMN.0054")
    principals, not_principals = _either(raw, "Principal", "SMN.0056")
    actions, not_actions = _either(raw, "Action", "SMN.0055")
    resources, not_resources = _either(raw, "Resource", "SMN.0053")
    named = _principals(principals)
    patterns = tuple(_action(name) for name in _strings(actions, "SMN.0055"))
    if not stored:
        _check_principals(named, denies=raw["Effect"] == "Deny", not_form=not_principals)
        if not_actions and all(any(glob(pattern, action) for pattern in patterns) for action in _LOWERED):
            raise refuse("SMN.0055")
    return Statement(
        sid=sid,
        allows=raw["Effect"] == "Allow",
        principals=named,
        not_principals=not_principals,
        actions=patterns,
        not_actions=not_actions,
        resources=_strings(resources, "SMN.0053"),
        not_resources=not_resources,
        conditions=_conditions(raw.get("Condition", {})),
    )


def _either(raw: dict[str, Any], name: str, code: str) -> tuple[Any, bool]:
    """The element or its Not-form; exactly one must be there."""
    if (name in raw) is (f"Not{name}" in raw):
        raise refuse(code)
    return (raw[name], False) if name in raw else (raw[f"Not{name}"], True)


def _strings(value: Any, code: str) -> tuple[str, ...]:
    listed: Sequence[Any] = [value] if isinstance(value, str) else value
    if not isinstance(listed, list) or not 1 <= len(listed) <= NAMED_MAX:
        raise refuse(code)
    if not all(isinstance(one, str) and one for one in listed):
        raise refuse(code)
    return tuple(listed)


def _action(name: str) -> str:
    """A pattern over actions in lower case: a name, or its beginning and a star; it must fit at least one action."""
    lowered = name.lower()
    pattern = lowered.removeprefix("smn:")
    if (lowered != "*" and pattern == lowered) or "*" in pattern[:-1] or "?" in pattern:
        raise refuse("SMN.0055")
    if not any(glob(pattern, action) for action in _LOWERED):
        raise refuse("SMN.0055")
    return pattern


def _principals(value: Any) -> frozenset[str]:
    """As they are compared: `*`, an account's or user's URN, `Service:NAME`, `OrgPath:PATH`."""
    if not isinstance(value, dict) or not value:
        raise refuse("SMN.0056")
    found: set[str] = set()
    for kind, named in value.items():
        for name in _strings(named, "SMN.0056"):
            match kind:
                case "CSP" if name == "*":
                    found.add(name)
                case "CSP" if (known := _ACCOUNT.match(name)) is not None:
                    found.add(f"{name[: known.start('domain')]}{known['domain'].lower()}{name[known.end('domain') :]}")
                case "Service" if _SERVICE.match(name):
                    found.add(f"Service:{name}")
                case "OrgPath":
                    found.add(f"OrgPath:{name}")
                case _:
                    raise refuse("SMN.0056")
    return frozenset(found)


def _check_principals(named: frozenset[str], *, denies: bool, not_form: bool) -> None:
    """Refuse a Deny of somebody who cannot exist here, and a Not-form that leaves nobody over. Raises SmnError SMN.0056.

    A service is somebody (of the cloud), though no caller here is one; an organization's path is nobody: accounts here are in none.
    """
    if not_form and "*" in named:
        raise refuse("SMN.0056")
    if not (denies or not_form):
        return  # what allows nobody is safe
    for name in named:
        account = _ACCOUNT.match(name)
        if name.startswith("OrgPath:") or (account is not None and not _DOMAIN.match(account["domain"])):
            raise refuse("SMN.0056")


def _conditions(raw: Any) -> tuple[Condition, ...]:
    """Only on keys that every call is checked for: a condition that nobody can evaluate must not look as if it held."""
    try:
        conditions = read_conditions(raw, "Condition")
    except InvalidValue as error:
        raise refuse("SMN.0058") from error
    if any(condition.key not in _KEYS for condition in conditions):
        raise refuse("SMN.0058")
    return conditions
