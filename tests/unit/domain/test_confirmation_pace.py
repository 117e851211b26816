"""How often an endpoint may be asked to confirm, what a permanent link is worth, codes instead of links."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.build import NOW, make_subscription
from tests.support.protocols import PROTOCOLS

from tidings.domain import lifecycle, tokens
from tidings.domain.errors import InvalidToken, TokenExpired
from tidings.domain.lifecycle import Pace, may_ask
from tidings.domain.model import AccountId, ConfirmationRequest, RequestEvent, State, TokenPurpose, TopicId
from tidings.domain.tokens import LinkPurpose

HOUR = timedelta(hours=1)
TTL = timedelta(hours=48)
PACE = Pace(3, HOUR, 2 * HOUR)
KEY = b"k" * 32


def _confirm(subscription, now):  # type: ignore[no-untyped-def]
    token = lifecycle.permanent_token(subscription, TTL)
    return lifecycle.confirm(subscription, token, now, authenticated=False, auth_on_unsubscribe=False)


def test_an_endpoint_is_asked_as_often_as_the_pace_says_and_then_left_alone_for_its_pause() -> None:
    asked = [NOW, NOW + timedelta(minutes=20), NOW + timedelta(minutes=60)]
    assert may_ask([PACE], asked[:2], asked[2])
    assert not may_ask([PACE], asked, asked[-1])
    assert not may_ask([PACE], asked, asked[-1] + 2 * HOUR - timedelta(microseconds=1))
    assert may_ask([PACE], asked, asked[-1] + 2 * HOUR)


def test_requests_spread_wider_than_the_window_are_never_held() -> None:
    asked = [NOW + n * timedelta(minutes=31) for n in range(50)]
    assert may_ask([PACE], asked, asked[-1])


@given(st.lists(st.integers(0, 10_000), max_size=40), st.integers(1, 5))
def test_whoever_asks_only_when_allowed_never_exceeds_the_pace(minutes: list[int], count: int) -> None:
    pace = Pace(count, HOUR, HOUR)
    asked = []
    for at in sorted(NOW + timedelta(minutes=minute) for minute in minutes):
        if may_ask([pace], asked, at):
            asked.append(at)
    for first in asked:
        assert sum(first <= at < first + HOUR for at in asked) <= count


def test_a_standing_link_confirms_for_48_hours_after_the_last_request() -> None:
    asked = replace(make_subscription(State.UNCONFIRMED, protocol="sms"), confirmation_sent_at=NOW)
    assert _confirm(asked, NOW + TTL - timedelta(microseconds=1)).state is State.CONFIRMED
    with pytest.raises(TokenExpired):
        _confirm(asked, NOW + TTL)
    again = replace(asked, confirmation_sent_at=NOW + TTL)
    assert _confirm(again, NOW + TTL).state is State.CONFIRMED


def test_a_standing_link_brings_back_what_was_canceled_within_its_window_only() -> None:
    canceled = replace(
        make_subscription(State.CANCELED, protocol="sms"), canceled_at=NOW, come_back_until=NOW + timedelta(hours=48)
    )
    token = lifecycle.permanent_token(canceled, TTL)
    assert token.purpose is TokenPurpose.RESTORE
    assert _confirm(canceled, NOW + timedelta(hours=47)).state is State.CONFIRMED
    with pytest.raises(TokenExpired):
        _confirm(canceled, NOW + timedelta(hours=48))


def test_what_an_owner_canceled_has_no_way_back() -> None:
    with pytest.raises(TokenExpired):
        _confirm(replace(make_subscription(State.CANCELED), canceled_at=NOW, come_back_until=None), NOW)


def test_a_code_belongs_to_one_request_of_one_subscription() -> None:
    code = tokens.confirmation_code(KEY, "a" * 32, NOW)
    assert len(code) == 6
    assert code.isdigit()
    assert code == tokens.confirmation_code(KEY, "a" * 32, NOW)
    others = {
        tokens.confirmation_code(KEY, "a" * 32, NOW + timedelta(microseconds=1)),
        tokens.confirmation_code(KEY, "b" * 32, NOW),
        tokens.confirmation_code(b"x" * 32, "a" * 32, NOW),
    }
    assert code not in others


@pytest.mark.parametrize("purpose", list(LinkPurpose))
def test_a_link_of_one_purpose_is_worth_nothing_for_another(purpose: LinkPurpose) -> None:
    link = tokens.sign_link(KEY, LinkPurpose.PERMANENT, "a" * 32)
    if purpose is LinkPurpose.PERMANENT:
        assert tokens.read_link(KEY, purpose, link) == "a" * 32
        return
    with pytest.raises(InvalidToken):
        tokens.read_link(KEY, purpose, link)
    with pytest.raises(InvalidToken):
        tokens.read_link(KEY, purpose, purpose.value + link[1:])


def _event(what: RequestEvent, days: float, account: str = "1", topic: int = 1) -> ConfirmationRequest:
    return ConfirmationRequest("mail:a@b", NOW + timedelta(days=days), what, AccountId(account), TopicId(topic))


@pytest.mark.parametrize(
    ("account", "topic", "days", "answered", "held"),
    [
        ("1", 1, 1, None, True),
        ("1", 2, 1, None, True),
        ("2", 1, 1, None, True),
        ("2", 2, 1, None, False),
        ("1", 1, 29.9, None, True),
        ("1", 1, 30, None, False),
        ("1", 2, 1, ("1", 3), False),
        ("1", 2, 1, ("2", 3), True),
    ],
)
def test_a_declined_request_holds_its_account_and_topic_for_a_while(
    account: str, topic: int, days: float, answered: tuple[str, int] | None, held: bool
) -> None:
    past = [_event(RequestEvent.ASKED, 0), _event(RequestEvent.DECLINED, 0)]
    if answered is not None:
        past.append(_event(RequestEvent.ANSWERED, 0.1, *answered))
    why = lifecycle.why_not_ask(
        [PACE], past, NOW + timedelta(days=days), account_id=account, topic_id=topic, hold=timedelta(days=30)
    )
    assert why == ("declined before; nothing was sent" if held else "")


@pytest.mark.parametrize(
    ("protocol", "endpoint", "recipient"),
    [
        ("email", "Ann@Example.com", "mail:ann@example.com"),
        ("email-json", "ann+tag+more@example.com", "mail:ann@example.com"),
        ("email", "+@example.com", "mail:+@example.com"),
        ("email", "\uff41nn\uff0btag@example.com", "mail:ann@example.com"),
        ("http", "HTTP://u:p@Host:80/Path?q#f", "web:http://host:80/Path?q"),
        ("https", "https://host", "web:https://host"),
        ("sms", "+15550100", "sms:+15550100"),
    ],
)
def test_spellings_of_one_recipient_are_one(protocol: str, endpoint: str, recipient: str) -> None:
    assert PROTOCOLS.recipient(protocol, endpoint) == recipient
