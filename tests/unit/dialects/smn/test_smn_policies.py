"""Access policies: what they say about callers, and that nothing but SMN's codes comes out of bad ones."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.build import ACCOUNT, OTHER_ACCOUNT, make_principal, make_topic

from tidings.dialects.smn import names, policies
from tidings.dialects.smn.errors import SmnError
from tidings.domain.grants import Verb, Verdict
from tidings.domain.model import AccountId, Principal, Role

PROJECT, OTHER_PROJECT = "a" * 32, "b" * 32
URN = f"urn:smn:us-east-1:{PROJECT}:news"
BOB = make_principal(OTHER_ACCOUNT, user="bob")
ALLOW, DENY, SILENT = Verdict.ALLOW, Verdict.DENY, Verdict.SILENT


def account(domain: str) -> str:
    return f"urn:csp:iam::{domain}:root"


def statement(principal: Any = "*", action: Any = "*", effect: str = "Allow", **more: Any) -> dict[str, Any]:
    made = {"Effect": effect, "Principal": {"CSP": principal}, "Action": action, "Resource": URN, **more}
    return {name: value for name, value in made.items() if value is not None}


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2016-09-07", "Id": "x", "Statement": list(statements)})


def says(text: str, caller: Principal = BOB, action: str = "Publish", **facts: str) -> Verdict:
    project = PROJECT if caller.account_id == ACCOUNT else OTHER_PROJECT
    return policies.verdict(text, URN, caller, project, action, facts)


def test_no_policy_says_nothing() -> None:
    assert says("") is SILENT


@pytest.mark.parametrize(
    ("principal", "verdict"),
    [
        ("*", ALLOW),
        (["*"], ALLOW),
        (account(OTHER_ACCOUNT), ALLOW),
        (account(names.domain_id(OTHER_ACCOUNT)), ALLOW),
        (account(OTHER_PROJECT), ALLOW),
        (f"urn:csp:iam::{OTHER_ACCOUNT}:user/bob", ALLOW),
        (f"urn:csp:iam::{names.domain_id(OTHER_ACCOUNT)}:user/{names.user_id(OTHER_ACCOUNT, 'bob')}", ALLOW),
        (["urn:csp:iam::nobody:root", account(OTHER_ACCOUNT)], ALLOW),
        (account(ACCOUNT), SILENT),
        (account(PROJECT), SILENT),
        (f"urn:csp:iam::{OTHER_ACCOUNT}:user/eve", SILENT),
        (f"urn:csp:iam::{ACCOUNT}:user/bob", SILENT),
    ],
)
def test_callers_have_several_names(principal: Any, verdict: Verdict) -> None:
    assert says(policy(statement(principal))) is verdict


@pytest.mark.parametrize("effect", ["Allow", "Deny"])
def test_a_domains_id_compares_without_case(effect: str) -> None:
    text = policy(statement(account(names.domain_id(OTHER_ACCOUNT).upper()), effect=effect))
    assert says(text) is (ALLOW if effect == "Allow" else DENY)


@pytest.mark.parametrize(
    "principal",
    [
        {"CSP": "urn:csp:iam::nobody:root"},
        {"CSP": f"urn:csp:iam::{OTHER_ACCOUNT}:user/*"},
        {"CSP": f"urn:csp:iam::{OTHER_ACCOUNT}:*"},
        {"CSP": "urn:csp:iam::*:root"},
        {"CSP": f"urn:csp:iam::{OTHER_ACCOUNT}:agency/x"},
        {"CSP": f"urn:csp:sts::{OTHER_ACCOUNT}:root"},
        {"CSP": OTHER_ACCOUNT},
        {"OrgPath": "o-1/r-1/*"},
        {"OrgPath": "*", "CSP": account(OTHER_ACCOUNT)},
    ],
)
def test_a_deny_of_somebody_who_cannot_be_here_is_refused(principal: dict[str, Any]) -> None:
    for one in ({**statement(effect="Deny"), "Principal": principal}, {**statement(None), "NotPrincipal": principal}):
        if "NotPrincipal" in one:
            del one["Principal"]
        with pytest.raises(SmnError) as caught:
            policies.read(policy(one), URN)
        assert caught.value.code == "SMN.0056"


def test_a_deny_of_other_topics_is_refused() -> None:
    with pytest.raises(SmnError) as caught:
        policies.read(policy(statement(effect="Deny", NotResource=URN, Resource=None)), URN)
    assert caught.value.code == "SMN.0053"


@pytest.mark.parametrize("nobody", ["*", ["*", account(OTHER_ACCOUNT)]])
def test_a_not_principal_that_leaves_nobody_over_is_refused(nobody: Any) -> None:
    one = {**statement(None, effect="Deny"), "NotPrincipal": {"CSP": nobody}}
    del one["Principal"]
    with pytest.raises(SmnError) as caught:
        policies.read(policy(one), URN)
    assert caught.value.code == "SMN.0056"


def test_services_and_organizations_are_nobody_here() -> None:
    assert says(policy({**statement(), "Principal": {"Service": ["obs", "bob"]}})) is SILENT
    assert says(policy({**statement(), "Principal": {"OrgPath": "*"}})) is SILENT


@pytest.mark.parametrize(
    ("action", "asked", "verdict"),
    [
        ("*", "DeleteTopic", ALLOW),
        ("SMN:*", "Publish", ALLOW),
        ("smn:publish", "Publish", ALLOW),
        ("SMN:Update*", "UpdateTopicAttribute", ALLOW),
        ("SMN:Update*", "DeleteTopic", SILENT),
        ("SMN:UpdateTopic", "UpdateTopicAttribute", SILENT),
        (["SMN:Publish", "SMN:DeleteTopic"], "DeleteTopic", ALLOW),
    ],
)
def test_actions_may_end_in_a_star(action: Any, asked: str, verdict: Verdict) -> None:
    assert says(policy(statement(action=action)), action=asked) is verdict


def test_a_deny_wins_wherever_it_stands() -> None:
    allow, deny = statement(), statement(account(OTHER_ACCOUNT), "SMN:Publish", "Deny")
    assert says(policy(allow, deny)) is DENY
    assert says(policy(deny, allow)) is DENY
    assert says(policy(deny, allow), action="DeleteTopic") is ALLOW


def test_the_not_forms_mean_everything_else() -> None:
    others = statement(None, NotPrincipal={"CSP": account(ACCOUNT)}, Principal=None)
    assert says(policy(others)) is ALLOW
    assert says(policy({**others, "NotPrincipal": {"CSP": account(OTHER_ACCOUNT)}})) is SILENT
    rest = statement(action=None, NotAction="SMN:Publish", Action=None)
    assert says(policy(rest)) is SILENT
    assert says(policy(rest), action="Subscribe") is ALLOW
    elsewhere = statement(NotResource=URN, Resource=None)
    assert says(policy(elsewhere)) is SILENT


def test_conditions_look_at_the_request() -> None:
    only_https = policy(statement(Condition={"StringEquals": {"smn:Protocol": "https"}}))
    assert says(only_https, action="Subscribe", protocol="https") is ALLOW
    assert says(only_https, action="Subscribe", protocol="email") is SILENT
    assert says(only_https, action="Subscribe") is SILENT
    outside = policy(statement(effect="Deny", Condition={"NotIpAddress": {"g:SourceIp": "10.0.0.0/8"}}))
    assert says(outside, sourceip="192.0.2.1") is DENY
    assert says(outside, sourceip="10.1.2.3") is SILENT


def test_the_owner_keeps_his_rights_and_his_other_users_do_not() -> None:
    text = policy(statement(effect="Deny"))
    owner = make_principal()
    assert says(text, owner) is SILENT
    assert says(text, replace(owner, role=Role.OPERATOR)) is DENY
    assert says(text, replace(owner, actions=("*",))) is DENY
    assert says(text, BOB) is DENY


def test_what_cannot_be_read_denies() -> None:
    assert says("{") is DENY
    assert says("{", make_principal()) is SILENT


class KnownProjects:
    """The one question that a judge asks."""

    def known(self, account_id: str) -> str:
        return {ACCOUNT: PROJECT, OTHER_ACCOUNT: OTHER_PROJECT}[AccountId(account_id)]


class UnknownProjects:
    def known(self, account_id: str) -> str:
        raise ValueError(account_id)


class TestJudge:
    def judged(self, text: str, verb: Verb, caller: Principal = BOB, projects: Any = None) -> Verdict:
        topic = make_topic(settings={"smn:access_policy": text} if text else {})
        return policies.make_evaluator(projects or KnownProjects())(topic, caller, verb, {"protocol": "https"})

    def test_calls_of_other_front_ends_are_classified_by_smns_words(self) -> None:
        text = policy(statement(action=["SMN:Publish", "SMN:UpdateTopic"]))
        assert self.judged(text, Verb.PUBLISH) is ALLOW
        assert self.judged(text, Verb.DELETE_TOPIC) is SILENT
        assert self.judged("", Verb.PUBLISH) is SILENT

    def test_a_change_needs_all_that_it_may_be_here(self) -> None:
        half = statement(action="SMN:UpdateTopic")
        assert self.judged(policy(half), Verb.CHANGE_TOPIC) is SILENT
        assert self.judged(policy(statement(action="SMN:Update*")), Verb.CHANGE_TOPIC) is ALLOW
        assert self.judged(policy({**half, "Effect": "Deny"}), Verb.CHANGE_TOPIC) is DENY

    def test_what_smn_has_no_word_for_is_not_classified(self) -> None:
        text = policy(statement(effect="Deny"))
        assert self.judged(text, Verb.PUBLISH) is DENY
        for verb in (Verb.CREATE_TOPIC, Verb.READ_SUBSCRIPTION, Verb.CHANGE_SUBSCRIPTION, Verb.PUBLISH_SMS):
            assert self.judged(text, verb) is SILENT

    def test_facts_reach_the_conditions(self) -> None:
        text = policy(statement(Condition={"StringEquals": {"smn:protocol": "https"}}))
        assert self.judged(text, Verb.SUBSCRIBE) is ALLOW

    def test_the_owner_is_known(self) -> None:
        assert self.judged(policy(statement(effect="Deny")), Verb.PUBLISH, make_principal()) is SILENT

    def test_an_account_whose_project_is_not_known_is_kept_out(self) -> None:
        assert self.judged(policy(statement()), Verb.PUBLISH, projects=UnknownProjects()) is DENY


def test_a_policy_must_be_about_its_topic() -> None:
    assert policies.read(policy(statement()), URN)
    with pytest.raises(SmnError) as caught:
        policies.read(policy(statement()), URN + "s")
    assert caught.value.code == "SMN.0053"


WORDS = st.sampled_from(
    [
        "*",
        "Allow",
        "Deny",
        "SMN:Publish",
        "SMN:*",
        URN,
        account(OTHER_ACCOUNT),
        "2016-09-07",
        "StringEquals",
        "smn:protocol",
    ]
)
NAMES = st.sampled_from(sorted(policies._DOCUMENT | policies._ELEMENTS | {"CSP", "Service"}))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | WORDS | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | WORDS, inner, max_size=5),
    max_leaves=12,
)
STATEMENTS = st.fixed_dictionaries(
    {
        "Effect": st.sampled_from(["Allow", "Deny"]) | VALUES,
        "Principal": st.fixed_dictionaries({"CSP": WORDS | VALUES}) | VALUES,
        "Action": WORDS | VALUES,
        "Resource": st.just(URN) | VALUES,
    },
    optional={"Condition": VALUES, "Sid": VALUES, "NotAction": VALUES},
)
DOCUMENTS = (
    st.fixed_dictionaries({"Version": st.just("2016-09-07"), "Id": st.just("x"), "Statement": st.lists(STATEMENTS)})
    | VALUES
)


@given(DOCUMENTS)
def test_any_document_is_either_ready_or_refused_with_a_code_of_policies(document: Any) -> None:
    text = json.dumps(document)
    refusal = None
    try:
        policies.read(text, URN)
    except SmnError as error:
        refusal = error
    if refusal is None:
        assert says(text) in Verdict
    else:
        assert refusal.status == 400
        assert "SMN.0048" <= refusal.code <= "SMN.0058"
