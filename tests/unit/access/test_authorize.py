"""Who may do what: the role's table, a user's own actions in its place, and the resource's policy beside both."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.build import ACCOUNT, OTHER_ACCOUNT

from tidings.access.authorize import ROLE_VERBS, authorize, strictest
from tidings.domain.errors import Denied
from tidings.domain.grants import Verb, Verdict
from tidings.domain.model import AccountId, Principal, Role

SNS, SMN = "SNS:Publish", "smn:topic:publish"
PUBLISHES = ((SNS, ()), (SMN, ("smn:topic:update",)), ("publishMessage", ()))
"""How the dialects ask about publishing: the action, and its aliases."""


def allowed(
    principal: Principal,
    verb: Verb,
    action: str = "",
    *,
    owner: AccountId = ACCOUNT,
    verdict: Verdict = Verdict.SILENT,
    aliases: tuple[str, ...] = (),
) -> bool:
    try:
        grant = authorize(
            principal, verb, owner=owner, resource="r", verdict=verdict, action=action, aliases=iter(aliases)
        )
    except Denied:
        return False
    assert (grant.principal, grant.verb, grant.owner, grant.resource) == (principal, verb, owner, "r")
    return True


def user(*actions: str, role: Role = Role.OWNER) -> Principal:
    return Principal(ACCOUNT, "ada", role, "", actions)


@pytest.mark.parametrize("role", list(Role))
def test_without_actions_the_role_decides(role: Role) -> None:
    for verb in Verb:
        assert allowed(user(role=role), verb) is (verb in ROLE_VERBS[role])


def test_lifting_an_opt_out_is_a_permission_of_its_own_and_auditors_may_look() -> None:
    may = {
        role: {
            verb
            for verb in (Verb.READ_OPT_OUTS, Verb.MANAGE_OPT_OUTS, Verb.LIFT_OPT_OUTS)
            if allowed(user(role=role), verb)
        }
        for role in Role
    }
    everything = {Verb.READ_OPT_OUTS, Verb.MANAGE_OPT_OUTS, Verb.LIFT_OPT_OUTS}
    assert may == {
        Role.OWNER: everything,
        Role.OPERATOR: everything,
        Role.PUBLISHER: set(),
        Role.AUDITOR: {Verb.READ_OPT_OUTS},
    }
    assert not allowed(user("tidings:manage-opt-outs"), Verb.LIFT_OPT_OUTS)


def test_who_may_only_list_topics_of_smn_publishes_nowhere() -> None:
    lister = user("smn:topic:list")
    assert allowed(lister, Verb.LIST, "smn:topic:list")
    assert not any(allowed(lister, Verb.PUBLISH, action, aliases=aliases) for action, aliases in PUBLISHES)
    assert not allowed(lister, Verb.LIST, "SNS:ListTopics")


def test_our_own_name_of_an_action_holds_in_every_dialect() -> None:
    publisher = user("tidings:publish", role=Role.AUDITOR)
    assert all(allowed(publisher, Verb.PUBLISH, action, aliases=aliases) for action, aliases in PUBLISHES)
    assert not allowed(publisher, Verb.LIST, "SNS:ListTopics")


@pytest.mark.parametrize(
    ("pattern", "matched"),
    [
        ("sns:publish", {SNS}),
        ("SNS:*", {SNS}),
        ("SMN:TOPIC:PUBLIS?", {SMN}),
        ("smn:topic:update", {SMN}),
        ("*", {SNS, SMN, "publishMessage"}),
        ("tidings:pub*", {SNS, SMN, "publishMessage"}),
        ("tidings:publish-sms", set()),
        ("*:publish", {SNS, SMN, "publishMessage"}),
        ("sns:Publis", set()),
        ("publishMessage:*", set()),
    ],
)
def test_a_pattern_matches_names_aliases_and_verbs_without_regard_to_case(pattern: str, matched: set[str]) -> None:
    found = {name for name, aliases in PUBLISHES if allowed(user(pattern), Verb.PUBLISH, name, aliases=aliases)}
    assert found == matched


def test_actions_replace_the_role_whatever_it_is() -> None:
    for role, verb in product(Role, Verb):
        assert allowed(user("tidings:list", role=role), verb) is (verb is Verb.LIST)


@pytest.mark.parametrize("principal", [user(role=Role.PUBLISHER), user("tidings:publish")])
def test_across_accounts_the_resources_policy_is_needed_too(principal: Principal) -> None:
    assert not allowed(principal, Verb.PUBLISH, SNS, owner=OTHER_ACCOUNT)
    assert allowed(principal, Verb.PUBLISH, SNS, owner=OTHER_ACCOUNT, verdict=Verdict.ALLOW)
    assert not allowed(principal, Verb.DELETE_TOPIC, "SNS:DeleteTopic", owner=OTHER_ACCOUNT, verdict=Verdict.ALLOW)


def test_in_the_owners_account_the_resources_policy_suffices() -> None:
    assert allowed(user("smn:topic:list"), Verb.PUBLISH, SNS, verdict=Verdict.ALLOW)


@given(st.sampled_from(Role), st.sampled_from(Verb), st.sampled_from([(), ("*",), ("tidings:*",)]), st.booleans())
def test_a_deny_always_wins(role: Role, verb: Verb, actions: tuple[str, ...], own: bool) -> None:
    owner = ACCOUNT if own else OTHER_ACCOUNT
    assert not allowed(user(*actions, role=role), verb, SNS, owner=owner, verdict=Verdict.DENY)


def test_a_denied_call_is_told_by_the_wires_name() -> None:
    with pytest.raises(Denied) as caught:
        authorize(user("smn:topic:list"), Verb.PUBLISH, owner=ACCOUNT, resource="the-topic", action=SNS)
    assert (caught.value.principal, caught.value.action, caught.value.resource) == (
        "arn:aws:iam::000000000000:user/ada",
        SNS,
        "the-topic",
    )


@given(st.lists(st.sampled_from(Verdict)))
def test_of_several_policies_a_deny_wins_then_an_allow(verdicts: list[Verdict]) -> None:
    order = (Verdict.DENY, Verdict.ALLOW, Verdict.SILENT)
    assert strictest(iter(verdicts)) is min(verdicts, key=order.index, default=Verdict.SILENT)
