"""May this caller do this? Combines the caller's role with what the resource's own policy said.

The policy languages differ between clouds, so a dialect evaluates its own and hands the verdict in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache

from tidings.domain.errors import Denied
from tidings.domain.globs import glob
from tidings.domain.grants import Grant, Source, Verb, Verdict
from tidings.domain.model import AccountId, Principal, Role, Topic, TopicId

PolicyEvaluator = Callable[[Topic, Principal, Verb, Mapping[str, str]], Verdict]
"""What one dialect's policy on a topic says about a call that came in by another dialect; the mapping holds the request's facts
by that name of the condition key that has no prefix (`protocol`, `endpoint`, `sourceip`)."""

DECISIONS_KEPT = 1024
"""Whether a user's actions list a call, remembered: matching up to 64 patterns at every publish would be felt."""

_ABOUT_PEOPLE = frozenset({Verb.READ_LEDGER, Verb.READ_OPT_OUTS})
_LOOK = frozenset({Verb.READ_TOPIC, Verb.LIST, Verb.READ_SUBSCRIPTION}) | _ABOUT_PEOPLE
ROLE_VERBS: dict[Role, frozenset[Verb]] = {
    Role.OWNER: frozenset(Verb),
    Role.OPERATOR: frozenset(Verb) - {Verb.MANAGE_ACCOUNT, Verb.READ_AUDIT},
    Role.PUBLISHER: _LOOK - _ABOUT_PEOPLE | {Verb.PUBLISH, Verb.PUBLISH_SMS},
    Role.AUDITOR: _LOOK,
}


def authorize(
    principal: Principal,
    verb: Verb,
    *,
    owner: AccountId,
    resource: str,
    verdict: Verdict = Verdict.SILENT,
    action: str = "",
    aliases: Iterable[str] = (),
    source: Source | None = None,
    topic_id: TopicId | None = None,
) -> Grant:
    """Grant or raise Denied.

    owner: account of the resource. action: the wire's name of the action, for the error and for a user with actions of his own;
    aliases: other names of it. Such a user may do what his patterns match of these names and of `tidings:VERB`, whatever his
    role. A resource policy's deny always wins; inside the owner's account role (or actions) or policy suffices; across accounts
    both must allow. source: the call, for the audit trail. topic_id: of the only topic that it is about.

    Source: SNS developer guide, access policy evaluation logic.
    """
    if principal.actions:
        role_allows = _is_listed(principal.actions, (action, f"tidings:{verb.value}", *aliases))
    else:
        role_allows = verb in ROLE_VERBS[principal.role]
    if principal.account_id == owner:
        allowed = role_allows or verdict is Verdict.ALLOW
    else:
        allowed = role_allows and verdict is Verdict.ALLOW
    if verdict is Verdict.DENY or not allowed:
        raise Denied(principal.arn, action or verb.value, resource)
    return Grant(principal, verb, owner, resource, source, topic_id)


def strictest(verdicts: Iterable[Verdict]) -> Verdict:
    """What several policies on one resource say together: any deny wins, then any allow."""
    said = set(verdicts)
    if Verdict.DENY in said:
        return Verdict.DENY
    return Verdict.ALLOW if Verdict.ALLOW in said else Verdict.SILENT


@lru_cache(maxsize=DECISIONS_KEPT)
def _is_listed(patterns: tuple[str, ...], names: tuple[str, ...]) -> bool:
    known = [name.lower() for name in names]
    return any(glob(pattern.lower(), name) for pattern in patterns for name in known)
