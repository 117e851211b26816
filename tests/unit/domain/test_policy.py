"""Access policies: what a document may say, what it answers, and adding and removing statements."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.domain.conditions import read_conditions
from tidings.domain.errors import AlreadyExists, InvalidValue
from tidings.domain.grants import Verdict
from tidings.domain.policy import (
    JSON_CHARACTERS_MAX,
    Ask,
    Vocabulary,
    add_statement,
    parse,
    read_json_object,
    remove_statement,
)

ARN = "arn:aws:sns:us-east-1:000000000000:news"
WORDS = Vocabulary("SNS", frozenset({"Publish", "Subscribe", "GetTopicAttributes"}))
GUEST = "111111111111"


def statement(**changes: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": "*", "Action": "SNS:Publish", "Resource": ARN, **changes}


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def ask(action: str = "Publish", account: str = GUEST, user: str = "bob", **context: str) -> Ask:
    keys = {name.replace("_", ":", 1).lower(): value for name, value in context.items()}
    return Ask(account, f"arn:aws:iam::{account}:user/{user}", action, ARN, keys)


def verdict(text: str, question: Ask) -> Verdict:
    return parse(text, WORDS, ARN).verdict(question)


def test_a_policy_without_a_fitting_statement_is_silent() -> None:
    assert verdict(document(statement(Action="SNS:Subscribe")), ask()) is Verdict.SILENT
    assert verdict(document(), ask()) is Verdict.SILENT


def test_one_statement_needs_no_list() -> None:
    assert verdict(json.dumps({"Statement": statement()}), ask()) is Verdict.ALLOW


def test_an_explicit_deny_wins_wherever_it_stands() -> None:
    deny = statement(Effect="Deny")
    assert verdict(document(statement(), deny), ask()) is Verdict.DENY
    assert verdict(document(deny, statement()), ask()) is Verdict.DENY


@pytest.mark.parametrize(
    ("principal", "fits"),
    [
        ("*", True),
        ({"AWS": "*"}, True),
        ({"AWS": GUEST}, True),
        ({"AWS": f"arn:aws:iam::{GUEST}:root"}, True),
        ({"AWS": f"arn:aws:iam::{GUEST}:user/bob"}, True),
        ({"AWS": f"arn:aws:iam::{GUEST}:user/eve"}, False),
        ({"AWS": ["222222222222", GUEST]}, True),
        ({"AWS": "222222222222"}, False),
        ({"AWS": "arn:aws:iam::222222222222:root"}, False),
        ({"Service": "s3.amazonaws.com"}, False),
    ],
)
def test_a_principal_is_everybody_an_account_or_one_user(principal: Any, fits: bool) -> None:
    wanted = Verdict.ALLOW if fits else Verdict.SILENT
    assert verdict(document(statement(Principal=principal)), ask()) is wanted


@pytest.mark.parametrize(
    "principal",
    [
        f"arn:aws-cn:iam::{GUEST}:root",
        f"arn:aws-us-gov:iam::{GUEST}:user/bob",
        f"arn:aws-cn:iam::{GUEST}:user/bob",
        GUEST,
        "*",
        ["222222222222", f"arn:aws:iam::{GUEST}:user/bob"],
    ],
)
def test_a_deny_reaches_its_principal_in_every_partition(principal: Any) -> None:
    text = document(statement(), statement(Effect="Deny", Principal={"AWS": principal}))
    assert verdict(text, ask()) is Verdict.DENY


@pytest.mark.parametrize("effect", ["Allow", "Deny"])
@pytest.mark.parametrize("element", ["Principal", "NotPrincipal"])
@pytest.mark.parametrize(
    "principal",
    [
        {"AWS": f"arn:aws:iam::{GUEST}:user/*"},
        {"AWS": f"arn:aws:iam::{GUEST}:*"},
        {"AWS": f"arn:aws:iam::{GUEST}:user/b?b"},
        {"AWS": "arn:aws:iam::*:root"},
        {"AWS": "arn:aws:iam::*:user/bob"},
        {"AWS": f"arn:*:iam::{GUEST}:root"},
        {"AWS": f"arn:aws-mars:iam::{GUEST}:root"},
        {"AWS": f"arn:aws:iam:us-east-1:{GUEST}:root"},
        {"AWS": f"arn:aws:iam::{GUEST}:user/path/bob"},
        {"AWS": f"arn:aws:iam::{GUEST}:role/reader"},
        {"AWS": f"arn:aws:iam::{GUEST}:group/readers"},
        {"AWS": f"arn:aws:sts::{GUEST}:assumed-role/reader/session"},
        {"AWS": f"arn:aws:sts::{GUEST}:federated-user/bob"},
        {"AWS": f"arn:aws:sts::{GUEST}:root"},
        {"AWS": f"ARN:AWS:IAM::{GUEST}:root"},
        {"AWS": "11111111111*"},
        {"AWS": ["*", "nobody"]},
        {"Federated": "accounts.example.com"},
        {"CanonicalUser": "79a59df900b949e55d96a1e698fbaced"},
        {"Service": "*"},
        {"Service": GUEST},
        {"AWS": GUEST, "Federated": "*"},
    ],
)
def test_a_principal_that_nobody_can_be_is_refused(principal: Any, element: str, effect: str) -> None:
    one = statement(Effect=effect)
    del one["Principal"]
    with pytest.raises(InvalidValue, match="PrincipalNotFound"):
        parse(document({**one, element: principal}), WORDS, ARN)


@pytest.mark.parametrize("effect", ["Allow", "Deny"])
@pytest.mark.parametrize(
    "nobody",
    [
        {"NotPrincipal": "*"},
        {"NotPrincipal": {"AWS": "*"}},
        {"NotPrincipal": {"AWS": [GUEST, "*"]}},
        {"NotAction": "*"},
        {"NotAction": "SNS:*"},
        {"NotResource": ARN},
        {"NotResource": "*"},
    ],
)
def test_a_statement_that_leaves_nothing_over_is_refused(nobody: dict[str, Any], effect: str) -> None:
    one = statement(Effect=effect)
    (name,) = nobody
    del one[name.removeprefix("Not")]
    with pytest.raises(InvalidValue):
        parse(document({**one, **nobody}), WORDS, ARN)


def test_a_service_is_no_account_of_that_name() -> None:
    deny = statement(Effect="Deny", Principal={"Service": "sns.amazonaws.com"})
    assert verdict(document(statement(), deny), ask()) is Verdict.ALLOW
    others = statement(Effect="Deny", NotPrincipal={"Service": "sns.amazonaws.com"})
    del others["Principal"]
    assert verdict(document(statement(), others), ask()) is Verdict.DENY


def test_what_was_stored_before_denies_whom_its_stars_reach_and_allows_nobody() -> None:
    def stored(effect: str, principal: str) -> Verdict:
        text = document(statement(Effect=effect, Principal={"AWS": principal}))
        return parse(text, WORDS, ARN, stored=True).verdict(ask())

    assert stored("Deny", f"arn:aws-cn:iam::{GUEST}:user/*") is Verdict.DENY
    assert stored("Deny", f"arn:aws:iam::{GUEST}:role/reader") is Verdict.SILENT
    assert stored("Allow", f"arn:aws:iam::{GUEST}:user/*") is Verdict.SILENT


@pytest.mark.parametrize(
    "action", ["SNS:Publish", "sns:publish", "SNS:*", "*", "SNS:Pub*", ["SNS:Subscribe", "SNS:Publish"]]
)
def test_actions_compare_without_case_and_may_be_patterns(action: Any) -> None:
    assert verdict(document(statement(Action=action)), ask()) is Verdict.ALLOW


def test_the_not_forms_turn_an_element_around() -> None:
    text = document({"Effect": "Deny", "NotPrincipal": {"AWS": GUEST}, "NotAction": "SNS:Subscribe", "Resource": ARN})
    assert verdict(text, ask(account=GUEST)) is Verdict.SILENT
    assert verdict(text, ask(account="222222222222")) is Verdict.DENY
    assert verdict(text, ask("Subscribe", account="222222222222")) is Verdict.SILENT


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ("", "failed to parse JSON"),
        ("[]", "Not an object"),
        ("{", "failed to parse JSON"),
        ('{"Statement": [], "Statement": []}', "failed to parse JSON"),
        ('{"Statement": NaN}', "failed to parse JSON"),
        ("[" * 30_000, "failed to parse JSON"),
        ('{"Version": "2020-01-01", "Statement": []}', "version"),
        ('{"Version": ["2012-10-17"], "Statement": []}', "version"),
        ("{}", "list of statements"),
        ('{"Statement": "x"}', "list of statements"),
        ('{"Statement": [1]}', "must be an object"),
        (document(statement(Effect="Maybe")), "effect"),
        (document(statement(Effect=["Allow"])), "effect"),
        (document(statement(Sid=5)), "Sid"),
        (document(statement(Extra=1)), "unknown element: Extra"),
        (document(statement(NotAction="SNS:Publish")), "either Action or NotAction"),
        (document({"Effect": "Allow", "Principal": "*", "Action": "SNS:Publish"}), "either Resource"),
        (document({"Effect": "Allow", "Action": "SNS:Publish", "Resource": ARN}), "either Principal"),
        (json.dumps({"Version": "2010-01-01", "Statement": [statement()]}), "version is not supported"),
        (document(statement(Action="SQS:SendMessage")), "out of service scope!"),
        (document(statement(Action="SNS:Fly")), "out of service scope!"),
        (document(statement(Action=[])), "Action must be a string"),
        (document(statement(Action=[1])), "Action must be a string"),
        (document(statement(Resource="arn:aws:sns:us-east-1:000000000000:other")), "single resource"),
        (document(statement(Principal="me")), "Principal must be"),
        (document(statement(Principal={})), "Principal must be"),
        (document(statement(Principal={"AWS": "nobody"})), "PrincipalNotFound"),
        (document(statement(Principal={"AWS": "arn:aws:s3:::bucket"})), "PrincipalNotFound"),
        (document(statement(Principal={"Robot": "x"})), "unknown kind of principal"),
        (document(statement(Sid="a"), statement(Sid="a")), "unique"),
        (document(*[statement() for _ in range(101)]), "at most 100 statements"),
        (document(statement(Principal={"AWS": [GUEST] * 201})), "at most 200 principals"),
        (document(statement(Sid="x" * 31_000)), "too large"),
        (document(statement(Condition=[])), "Condition must be an object"),
        (document(statement(Condition={"StringEquals": []})), "must be an object"),
        (document(statement(Condition={"Sounds": {"aws:x": "y"}})), "operator is not known"),
        (document(statement(Condition={"StringEquals": {"plain": "y"}})), "key is not known"),
        (document(statement(Condition={"StringEquals": {"aws:x": []}})), "1 to 1000 values"),
        (document(statement(Condition={"StringEquals": {"aws:x": {}}})), "must be a string"),
        (document(statement(Condition={"NumericEquals": {"aws:x": "ten"}})), "does not fit"),
        (document(statement(Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/99"}})), "does not fit"),
        (document(statement(Condition={"IpAddress": {"aws:SourceIp": "1" * 65}})), "does not fit"),
        (document(statement(Condition={"DateLessThan": {"aws:CurrentTime": "soon"}})), "does not fit"),
        (document(statement(Condition={"Bool": {"aws:SecureTransport": "perhaps"}})), "does not fit"),
    ],
)
def test_a_policy_that_says_something_else_is_refused(broken: str, said: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        parse(broken, WORDS, ARN)
    assert caught.value.field == "Policy"
    assert said in caught.value.reason


@pytest.mark.parametrize("resource", [ARN, "*", "arn:aws:sns:*:000000000000:news", [ARN]])
def test_a_resource_may_be_any_pattern_that_means_the_topic(resource: Any) -> None:
    assert verdict(document(statement(Resource=resource)), ask()) is Verdict.ALLOW


NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC).isoformat()


@pytest.mark.parametrize(
    ("operator", "key", "operand", "value", "holds"),
    [
        ("StringEquals", "sns:Protocol", "https", "https", True),
        ("StringEquals", "sns:Protocol", "https", "HTTPS", False),
        ("StringEquals", "sns:Protocol", ["http", "https"], "https", True),
        ("StringEquals", "sns:Protocol", "https", None, False),
        ("StringEqualsIfExists", "sns:Protocol", "https", None, True),
        ("StringNotEquals", "sns:Protocol", "https", "http", True),
        ("StringNotEquals", "sns:Protocol", ["http", "https"], "http", False),
        ("StringNotEquals", "sns:Protocol", "https", None, True),
        ("StringEqualsIgnoreCase", "sns:Protocol", "https", "HTTPS", True),
        ("StringNotEqualsIgnoreCase", "sns:Protocol", "https", "HTTPS", False),
        ("StringLike", "sns:Endpoint", "*@example.com", "bob@example.com", True),
        ("StringLike", "sns:Endpoint", "*@example.com", "bob@example.com.evil", False),
        ("StringNotLike", "sns:Endpoint", "*@example.com", "bob@evil.example", True),
        ("NumericEquals", "aws:n", 10, "10.0", True),
        ("NumericNotEquals", "aws:n", "10", "11", True),
        ("NumericLessThan", "aws:n", "10", "9", True),
        ("NumericLessThan", "aws:n", "10", "x", False),
        ("NumericLessThanEquals", "aws:n", "10", "10", True),
        ("NumericGreaterThan", "aws:n", "10", "10", False),
        ("NumericGreaterThanEquals", "aws:n", "10", "10", True),
        ("DateLessThan", "aws:CurrentTime", "2027-01-01T00:00:00Z", NOON, True),
        ("DateGreaterThan", "aws:CurrentTime", "2027-01-01T00:00:00Z", NOON, False),
        ("DateGreaterThan", "aws:EpochTime", "1000", "1001", True),
        ("DateEquals", "aws:CurrentTime", "2026-01-02T12:00:00", NOON, True),
        ("NumericEquals", "aws:n", 10, "1" * 65, False),
        ("DateLessThan", "aws:EpochTime", "99999999999", "100000000000", False),
        ("DateGreaterThan", "aws:CurrentTime", "2020-01-01", "2" * 65, False),
        ("Bool", "aws:SecureTransport", "true", "true", True),
        ("Bool", "aws:SecureTransport", True, "false", False),
        ("IpAddress", "aws:SourceIp", "10.0.0.0/8", "10.1.2.3", True),
        ("IpAddress", "aws:SourceIp", "10.0.0.0/8", "::ffff:10.1.2.3", True),
        ("IpAddress", "aws:SourceIp", "10.0.0.0/8", "11.1.2.3", False),
        ("IpAddress", "aws:SourceIp", "10.0.0.0/8", "not an address", False),
        ("IpAddress", "aws:SourceIp", "10.0.0.0/8", "1" * 65, False),
        ("NotIpAddress", "aws:SourceIp", "10.0.0.0/8", "11.1.2.3", True),
        ("IpAddress", "aws:SourceIp", "2001:db8::/32", "2001:db8::1", True),
        ("ArnLike", "aws:SourceArn", "arn:aws:s3:*:*:bucket*", "arn:aws:s3:us-east-1:000000000000:bucket-1", True),
        ("ArnEquals", "aws:SourceArn", "arn:aws:s3:*", "arn:aws:s3:us-east-1:000000000000:x", False),
        ("ArnNotLike", "aws:SourceArn", "arn:aws:s3:*:*:a", "arn:aws:s3:r:1:b", True),
        ("ArnNotEquals", "aws:SourceArn", "arn:aws:s3:*:*:a", "arn:aws:s3:r:1:a", False),
        ("Null", "aws:SourceArn", "true", None, True),
        ("Null", "aws:SourceArn", "true", "there", False),
        ("Null", "aws:SourceArn", "false", "there", True),
        ("Null", "aws:SourceArn", "false", None, False),
        ("ForAnyValue:StringEquals", "aws:tag", "a", "a", True),
        ("ForAnyValue:StringNotEquals", "aws:tag", "a", None, False),
        ("ForAllValues:StringEquals", "aws:tag", "a", None, True),
    ],
)
def test_conditions_mean_what_iam_says(operator: str, key: str, operand: Any, value: str | None, holds: bool) -> None:
    (condition,) = read_conditions({operator: {key: operand}}, "Policy")
    context = {} if value is None else {key.lower(): value}
    assert condition.holds(context) is holds


def test_all_conditions_must_hold() -> None:
    condition = {"StringEquals": {"sns:Protocol": "https"}, "StringLike": {"sns:Endpoint": "https://example.com/*"}}
    text = document(statement(Action="SNS:Subscribe", Condition=condition))
    good = ask("Subscribe", sns_protocol="https", sns_endpoint="https://example.com/x")
    bad = ask("Subscribe", sns_protocol="https", sns_endpoint="https://evil.example/x")
    assert verdict(text, good) is Verdict.ALLOW
    assert verdict(text, bad) is Verdict.SILENT


def test_an_added_statement_allows_what_it_names_and_can_be_removed() -> None:
    before = document(statement(Sid="own", Principal={"AWS": "000000000000"}))
    root = f"arn:aws:iam::{GUEST}:root"
    after = add_statement(before, WORDS, ARN, label="guests", principals=[root], actions=["Publish"])
    assert json.loads(after)["Statement"][1] == {
        "Sid": "guests",
        "Effect": "Allow",
        "Principal": {"AWS": root},
        "Action": "SNS:Publish",
        "Resource": ARN,
    }
    assert verdict(before, ask()) is Verdict.SILENT
    assert verdict(after, ask()) is Verdict.ALLOW
    removed = remove_statement(after, WORDS, label="guests")
    assert removed is not None
    assert json.loads(removed) == json.loads(before)


def test_several_actions_and_accounts_are_written_as_lists() -> None:
    text = add_statement(
        document(), WORDS, ARN, label="l", principals=[GUEST, "222222222222"], actions=["Publish", "Subscribe"]
    )
    (added,) = json.loads(text)["Statement"]
    assert added["Action"] == ["SNS:Publish", "SNS:Subscribe"]
    assert added["Principal"] == {"AWS": [GUEST, "222222222222"]}


def test_a_label_can_be_used_once() -> None:
    with pytest.raises(AlreadyExists):
        add_statement(document(statement(Sid="a")), WORDS, ARN, label="a", principals=[GUEST], actions=["Publish"])


def test_an_unknown_action_cannot_be_added() -> None:
    with pytest.raises(InvalidValue, match="out of service scope!"):
        add_statement(document(), WORDS, ARN, label="a", principals=[GUEST], actions=["Fly"])


def test_adding_beyond_the_limits_is_refused() -> None:
    full = document(*[statement(Sid=f"s{n}") for n in range(100)])
    with pytest.raises(InvalidValue, match="at most 100"):
        add_statement(full, WORDS, ARN, label="one-more", principals=[GUEST], actions=["Publish"])


def test_removing_an_unknown_label_finds_nothing() -> None:
    assert remove_statement(document(statement(Sid="a")), WORDS, label="b") is None


def test_a_policy_whose_last_statement_was_removed_is_still_a_policy() -> None:
    text = remove_statement(document(statement(Sid="a")), WORDS, label="a")
    assert text is not None
    assert verdict(text, ask()) is Verdict.SILENT


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "Version",
                        "Statement",
                        "Effect",
                        "Principal",
                        "Action",
                        "Resource",
                        "Condition",
                        "AWS",
                        "StringEquals",
                    ]
                ),
                inner,
                max_size=6,
            )
        ),
        max_leaves=20,
    )
)
def test_any_json_is_a_policy_or_an_invalid_value(value: Any) -> None:
    try:
        parsed = parse(json.dumps(value), WORDS, ARN)
    except InvalidValue:
        return
    assert parsed.verdict(ask()) in Verdict


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "Effect": st.sampled_from(["Allow", "Deny"]),
                "Principal": st.sampled_from(["*", {"AWS": GUEST}, {"AWS": "222222222222"}]),
                "Action": st.sampled_from(["SNS:Publish", "SNS:Subscribe", "*"]),
                "Resource": st.just(ARN),
            }
        ),
        max_size=6,
    ),
    st.randoms(),
)
def test_the_order_of_statements_never_matters(statements: list[dict[str, Any]], random: Any) -> None:
    shuffled = list(statements)
    random.shuffle(shuffled)
    assert verdict(document(*statements), ask()) is verdict(document(*shuffled), ask())


def test_json_that_is_too_large_is_not_read() -> None:
    with pytest.raises(InvalidValue, match="Too large"):
        read_json_object("{}" + " " * JSON_CHARACTERS_MAX, "Policy")
    assert read_json_object("{}" + " " * (JSON_CHARACTERS_MAX - 2), "Policy") == {}
