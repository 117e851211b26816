"""May this caller do this? Combines the caller's role with what the resource's own policy said.

The policy languages differ between clouds, so a dialect evaluates its own and hands the verdict in.
"""

from __future__ import annotations

from tidings.domain.errors import Denied
from tidings.domain.grants import Grant, Verb, Verdict
from tidings.domain.model import AccountId, Principal, Role

_LOOK = frozenset({Verb.READ_TOPIC, Verb.LIST, Verb.READ_SUBSCRIPTION, Verb.READ_LEDGER})
ROLE_VERBS: dict[Role, frozenset[Verb]] = {
    Role.OWNER: frozenset(Verb),
    Role.OPERATOR: frozenset(Verb) - {Verb.MANAGE_ACCOUNT},
    Role.PUBLISHER: _LOOK - {Verb.READ_LEDGER} | {Verb.PUBLISH, Verb.PUBLISH_SMS},
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
) -> Grant:
    """Grant or raise Denied.

    owner: account of the resource. action: the wire's name of the action, for the error. A resource policy's deny always
    wins; inside the owner's account role or policy suffices; across accounts both must allow.
    Source: SNS developer guide, access policy evaluation logic.
    """
    role_allows = verb in ROLE_VERBS[principal.role]
    if principal.account_id == owner:
        allowed = role_allows or verdict is Verdict.ALLOW
    else:
        allowed = role_allows and verdict is Verdict.ALLOW
    if verdict is Verdict.DENY or not allowed:
        raise Denied(principal.arn, action or verb.value, resource)
    return Grant(principal, verb, owner, resource)
