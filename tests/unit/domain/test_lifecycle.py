"""The rules of a subscription's life, alone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.build import ACCOUNT, NOW, OTHER_ACCOUNT, make_principal, make_subscription, make_token, make_topic

from tidings.dialects.sns.lifecycle_rules import lifecycle_rules
from tidings.domain import lifecycle
from tidings.domain.errors import Denied, InvalidToken, TokenExpired, WrongState
from tidings.domain.model import State, TokenPurpose

SNS = lifecycle_rules(48 * 3600)
PROTOCOLS = ("http", "https", "email", "email-json", "sms", "sqs")


def _confirm(state: State, purpose: TokenPurpose = TokenPurpose.CONFIRM, **how: object):  # type: ignore[no-untyped-def]
    token = make_token(purpose, how.pop("used_at", None))  # type: ignore[arg-type]
    now = how.pop("now", NOW)
    arguments = {"authenticated": False, "auth_on_unsubscribe": False} | how
    return lifecycle.confirm(make_subscription(state), token, now, **arguments)  # type: ignore[arg-type]


def test_people_and_web_hooks_must_confirm_and_phones_need_not() -> None:
    states = {p: lifecycle.first_state(SNS, p, owner_is_topic_owner=True) for p in PROTOCOLS}
    assert {p for p, s in states.items() if s is State.UNCONFIRMED} == {"http", "https", "email", "email-json"}


def test_a_queue_of_another_account_must_confirm() -> None:
    assert lifecycle.first_state(SNS, "sqs", owner_is_topic_owner=False) is State.UNCONFIRMED


def test_a_confirmation_token_confirms() -> None:
    confirmed = _confirm(State.UNCONFIRMED, authenticated=True, auth_on_unsubscribe=True)
    assert confirmed.state is State.CONFIRMED
    assert confirmed.confirmed_at == NOW
    assert confirmed.confirmation_was_authenticated
    assert confirmed.auth_on_unsubscribe


def test_an_unsigned_confirmation_cannot_demand_signed_cancels() -> None:
    assert not _confirm(State.UNCONFIRMED, auth_on_unsubscribe=True).auth_on_unsubscribe


def test_a_token_lives_to_the_second_and_not_longer() -> None:
    last = NOW + timedelta(hours=48) - timedelta(microseconds=1)
    assert _confirm(State.UNCONFIRMED, now=last).state is State.CONFIRMED
    with pytest.raises(TokenExpired):
        _confirm(State.UNCONFIRMED, now=NOW + timedelta(hours=48))


def test_confirming_twice_gives_the_same_subscription() -> None:
    subscription = make_subscription(State.CONFIRMED)
    again = lifecycle.confirm(subscription, make_token(used_at=NOW), NOW, authenticated=True, auth_on_unsubscribe=True)
    assert again is subscription
    assert _confirm(State.CONFIRMED) == subscription


@pytest.mark.parametrize("state", [State.CANCELED, State.UNCONFIRMED, State.EXPIRED])
def test_a_used_token_opens_nothing_any_more(state: State) -> None:
    with pytest.raises(InvalidToken):
        _confirm(state, used_at=NOW)


def test_a_confirmation_token_does_not_bring_a_canceled_one_back() -> None:
    with pytest.raises(InvalidToken):
        _confirm(State.CANCELED)


def test_a_restore_token_brings_back_only_what_was_canceled() -> None:
    restored = _confirm(State.CANCELED, TokenPurpose.RESTORE)
    assert restored.state is State.CONFIRMED
    assert restored.canceled_at is None
    with pytest.raises(InvalidToken):
        _confirm(State.UNCONFIRMED, TokenPurpose.RESTORE)


def test_the_owner_cancels_silently() -> None:
    decided = lifecycle.cancel(SNS, make_subscription(), NOW, by_owner=True)
    assert decided.changed
    assert not decided.goodbye
    assert not decided.way_back
    assert decided.subscription.come_back_until is None
    assert decided.subscription.state is State.CANCELED


def test_anybody_else_cancels_with_a_goodbye_and_a_way_back_for_48_hours() -> None:
    decided = lifecycle.cancel(SNS, make_subscription(), NOW, by_owner=False)
    assert decided.goodbye
    assert decided.subscription.come_back_until == NOW + timedelta(hours=48)


def test_a_phone_gets_no_goodbye_and_still_has_a_way_back() -> None:
    decided = lifecycle.cancel(SNS, make_subscription(protocol="sms"), NOW, by_owner=False, holds_link=True)
    assert not decided.goodbye
    assert decided.way_back


def test_canceling_twice_changes_nothing() -> None:
    decided = lifecycle.cancel(SNS, make_subscription(State.CANCELED), NOW, by_owner=False)
    assert not decided.changed
    assert not decided.goodbye


@pytest.mark.parametrize(
    "subscription", [make_subscription(protocol="sqs"), make_subscription(auth_on_unsubscribe=True)]
)
def test_what_only_owners_may_cancel_is_refused_to_others_but_not_to_the_endpoint_itself(subscription) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(Denied):
        lifecycle.cancel(SNS, subscription, NOW, by_owner=False)
    assert lifecycle.cancel(SNS, subscription, NOW, by_owner=True).changed
    assert lifecycle.cancel(SNS, subscription, NOW, by_owner=False, holds_link=True).changed


def test_who_signed_and_is_no_owner_may_not_cancel_what_anybody_unknown_may() -> None:
    with pytest.raises(Denied) as refused:
        lifecycle.cancel(SNS, make_subscription(), NOW, by_owner=False, caller="arn:aws:iam::1:user/eve")
    assert refused.value.principal == "arn:aws:iam::1:user/eve"


def test_an_unconfirmed_one_only_lapses() -> None:
    with pytest.raises(WrongState):
        lifecycle.cancel(SNS, make_subscription(State.UNCONFIRMED), NOW, by_owner=True)
    declined = lifecycle.cancel(SNS, make_subscription(State.UNCONFIRMED), NOW, by_owner=False, holds_link=True)
    assert declined.changed
    assert not declined.goodbye
    assert declined.subscription.come_back_until is None


def test_owners_are_the_accounts_of_subscription_and_topic() -> None:
    subscription, topic = make_subscription(account_id=OTHER_ACCOUNT), make_topic()
    assert lifecycle.is_owner(make_principal(ACCOUNT), subscription, topic)
    assert lifecycle.is_owner(make_principal(OTHER_ACCOUNT), subscription, topic)
    assert not lifecycle.is_owner(None, subscription, topic)


def test_the_gate_lets_notices_through_in_their_own_state_only() -> None:
    allowed = {
        (kind, state)
        for kind, flags in {"note": (False, False), "goodbye": (True, False), "confirm": (False, True)}.items()
        for state in State
        if lifecycle.may_receive(*flags, state)
    }
    assert allowed == {("note", State.CONFIRMED), ("goodbye", State.CANCELED), ("confirm", State.UNCONFIRMED)}


@given(st.lists(st.sampled_from(["confirm", "cancel", "restore", "expire"]), max_size=12))
def test_whatever_happens_only_a_confirmed_one_may_receive(steps: list[str]) -> None:
    subscription = make_subscription(State.UNCONFIRMED)
    for step in steps:
        try:
            match step:
                case "confirm" | "restore":
                    purpose = TokenPurpose.CONFIRM if step == "confirm" else TokenPurpose.RESTORE
                    subscription = lifecycle.confirm(
                        subscription, make_token(purpose), NOW, authenticated=False, auth_on_unsubscribe=False
                    )
                case "cancel":
                    subscription = lifecycle.cancel(SNS, subscription, NOW, by_owner=True).subscription
                case _:
                    subscription = lifecycle.expire(subscription)
        except (InvalidToken, WrongState):
            continue
        assert (subscription.come_back_until is not None) <= (subscription.state is State.CANCELED)
        assert (subscription.state is State.CONFIRMED) == lifecycle.may_receive(False, False, subscription.state)
