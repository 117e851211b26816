"""Delivery policies: what may be set, what is shown, and the plan that results."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.domain.delivery_policy import (
    content_type,
    effective_subscription,
    effective_topic,
    http_plan,
    read_subscription,
    read_topic,
    receives_per_s_max,
)
from tidings.domain.errors import InvalidValue
from tidings.domain.retry import BACKOFF_FUNCTIONS, HTTP_PLAN, delay_s

DEFAULTS = {
    "minDelayTarget": 20,
    "maxDelayTarget": 20,
    "numRetries": 3,
    "numMaxDelayRetries": 0,
    "numNoDelayRetries": 0,
    "numMinDelayRetries": 0,
    "backoffFunction": "linear",
}
PYPI = {
    "minDelayTarget": 5,
    "maxDelayTarget": 30,
    "numRetries": 100,
    "numNoDelayRetries": 5,
    "numMinDelayRetries": 5,
    "numMaxDelayRetries": 25,
    "backoffFunction": "exponential",
}


def topic(**healthy: Any) -> str:
    return json.dumps({"http": {"defaultHealthyRetryPolicy": healthy}})


def subscription(**healthy: Any) -> str:
    return json.dumps({"healthyRetryPolicy": healthy})


def test_without_any_policy_the_defaults_are_shown_as_the_live_service_prints_them() -> None:
    assert json.loads(effective_topic("")) == {
        "http": {
            "defaultHealthyRetryPolicy": DEFAULTS,
            "disableSubscriptionOverrides": False,
            "defaultRequestPolicy": {"headerContentType": "text/plain; charset=UTF-8"},
        }
    }
    assert http_plan("", "") == HTTP_PLAN
    assert content_type("", "") == "text/plain; charset=UTF-8"
    assert receives_per_s_max("", "") is None


def test_a_partly_set_topic_policy_keeps_what_was_given_and_fills_in_what_is_effective() -> None:
    kept = read_topic(topic(numRetries=5))
    assert json.loads(kept) == {
        "http": {"defaultHealthyRetryPolicy": {"numRetries": 5}, "disableSubscriptionOverrides": False}
    }
    shown = json.loads(effective_topic(kept))["http"]
    assert shown["defaultHealthyRetryPolicy"] == {**DEFAULTS, "numRetries": 5}


def test_a_subscription_policy_is_kept_with_all_five_members() -> None:
    assert json.loads(read_subscription(subscription(**PYPI))) == {
        "healthyRetryPolicy": PYPI,
        "sicklyRetryPolicy": None,
        "throttlePolicy": None,
        "requestPolicy": None,
        "guaranteed": False,
    }


def test_the_obsolete_members_are_accepted_and_echoed() -> None:
    given_text = json.dumps({"healthyRetryPolicy": PYPI, "sicklyRetryPolicy": None, "guaranteed": True})
    assert json.loads(read_subscription(given_text))["guaranteed"] is True


def test_what_a_subscription_says_wins_over_its_topic() -> None:
    of_topic, own = read_topic(topic(numRetries=9)), read_subscription(subscription(numRetries=1))
    assert http_plan(of_topic, "").attempts_max == 10
    assert http_plan(of_topic, own).attempts_max == 2
    assert json.loads(effective_subscription(of_topic, own))["healthyRetryPolicy"]["numRetries"] == 1


def test_a_topic_may_forbid_its_subscriptions_their_own_policy() -> None:
    of_topic = read_topic(
        json.dumps({"http": {"defaultHealthyRetryPolicy": {"numRetries": 9}, "disableSubscriptionOverrides": True}})
    )
    assert http_plan(of_topic, read_subscription(subscription(numRetries=1))).attempts_max == 10


def test_content_type_and_throttle_are_inherited_too() -> None:
    of_topic = read_topic(
        json.dumps(
            {
                "http": {
                    "defaultRequestPolicy": {"headerContentType": "application/json"},
                    "defaultThrottlePolicy": {"maxReceivesPerSecond": 7},
                }
            }
        )
    )
    own = read_subscription(
        json.dumps({"requestPolicy": {"headerContentType": "text/xml"}, "throttlePolicy": {"maxReceivesPerSecond": 1}})
    )
    assert (content_type(of_topic, ""), receives_per_s_max(of_topic, "")) == ("application/json", 7)
    assert (content_type(of_topic, own), receives_per_s_max(of_topic, own)) == ("text/xml", 1)
    assert json.loads(effective_topic(of_topic))["http"]["defaultThrottlePolicy"] == {"maxReceivesPerSecond": 7}


def test_the_phases_of_a_plan_are_the_members_of_the_policy() -> None:
    plan = http_plan("", read_subscription(subscription(**PYPI)))
    assert (plan.no_delay_count, plan.min_count, plan.backoff_count, plan.max_count) == (5, 5, 65, 25)
    assert (plan.min_s, plan.max_s, plan.function) == (5, 30, "exponential")


@pytest.mark.parametrize(
    ("healthy", "said"),
    [
        ({"minDelayTarget": 0}, "healthyRetryPolicy.minDelayTarget must be greater than or equal to 1"),
        ({"minDelayTarget": 21}, "less than or equal to maxDelayTarget"),
        ({"maxDelayTarget": 3601}, "less than or equal to 3600"),
        ({"numRetries": 101}, "less than or equal to 100"),
        ({"numRetries": -1}, "greater than or equal to 0"),
        ({"numRetries": True}, "must be an integer"),
        ({"numRetries": "3"}, "must be an integer"),
        ({"numRetries": 3.0}, "must be an integer"),
        ({"numNoDelayRetries": 2, "numMinDelayRetries": 2}, "numRetries must be greater than or equal to the total"),
        ({"backoffFunction": "random"}, "backoffFunction must be one of"),
        ({"backoffFunction": ["linear"]}, "backoffFunction must be one of"),
        ({"minDelayTarget": 60, "maxDelayTarget": 3600, "numRetries": 100}, "3600 seconds in total"),
        ({"numRetires": 3}, "numRetires is not supported"),
    ],
)
def test_members_out_of_range_are_refused_in_both_forms(healthy: dict[str, Any], said: str) -> None:
    for read, text in ((read_topic, topic(**healthy)), (read_subscription, subscription(**healthy))):
        with pytest.raises(InvalidValue) as caught:
            read(text)
        assert caught.value.field == "DeliveryPolicy"
        assert said in caught.value.reason or said.removeprefix("healthyRetryPolicy.") in caught.value.reason


@pytest.mark.parametrize(
    "broken",
    [
        "",
        "x",
        "[]",
        "null",
        '{"http": 5}',
        '{"https": {}}',
        '{"http": {"x": 1}}',
        '{"http": {"disableSubscriptionOverrides": "no"}}',
        '{"http": {"defaultThrottlePolicy": {"maxReceivesPerSecond": 0}}}',
        '{"http": {"defaultThrottlePolicy": {}}}',
        '{"http": {"defaultRequestPolicy": {"headerContentType": "image/png"}}}',
        '{"http": {"defaultRequestPolicy": {"headerContentType": "text/plain\\r\\nX-Evil: 1"}}}',
        '{"http": {"defaultRequestPolicy": {"headerContentType": 1}}}',
        '{"http": {"defaultHealthyRetryPolicy": []}}',
    ],
)
def test_another_document_is_refused(broken: str) -> None:
    with pytest.raises(InvalidValue):
        read_topic(broken)


def test_what_is_guaranteed_is_true_or_false() -> None:
    with pytest.raises(InvalidValue, match="guaranteed"):
        read_subscription(json.dumps({"healthyRetryPolicy": PYPI, "guaranteed": "yes"}))


def test_a_member_that_is_null_is_not_set() -> None:
    kept = json.loads(read_subscription(subscription(**{**PYPI, "backoffFunction": None})))
    assert kept["healthyRetryPolicy"] == {name: value for name, value in PYPI.items() if name != "backoffFunction"}


def test_a_topic_policy_may_be_empty() -> None:
    assert read_topic("{}") == "{}"
    assert json.loads(effective_topic("{}")) == json.loads(effective_topic(""))


small = st.integers(0, 30)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "minDelayTarget": st.integers(1, 60),
            "maxDelayTarget": st.integers(1, 60),
            "numRetries": small,
            "numNoDelayRetries": st.integers(0, 10),
            "numMinDelayRetries": st.integers(0, 10),
            "numMaxDelayRetries": st.integers(0, 10),
            "backoffFunction": st.sampled_from(BACKOFF_FUNCTIONS),
        },
    )
)
def test_an_accepted_policy_makes_a_plan_that_ends_within_the_hour(healthy: dict[str, Any]) -> None:
    try:
        own = read_subscription(subscription(**healthy))
    except InvalidValue:
        return
    assert read_subscription(own) == own, "a stored policy can be set again"
    plan = http_plan("", own)
    merged = {**DEFAULTS, **healthy}
    assert plan.attempts_max == 1 + merged["numRetries"]
    delays = [delay_s(plan, attempts) for attempts in range(1, plan.attempts_max)]
    assert None not in delays
    assert sum(delay or 0 for delay in delays) <= 3600
    assert delay_s(plan, plan.attempts_max) is None


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "http",
                        "defaultHealthyRetryPolicy",
                        "numRetries",
                        "healthyRetryPolicy",
                        "throttlePolicy",
                        "maxReceivesPerSecond",
                        "requestPolicy",
                        "headerContentType",
                        "guaranteed",
                    ]
                ),
                inner,
                max_size=5,
            )
        ),
        max_leaves=15,
    )
)
def test_any_json_is_a_policy_or_an_invalid_value(value: Any) -> None:
    for read in (read_topic, read_subscription):
        try:
            kept = read(json.dumps(value))
        except InvalidValue:
            continue
        assert read(kept) == kept
