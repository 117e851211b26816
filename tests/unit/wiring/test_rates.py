"""How often things may be asked, as the settings say."""

from __future__ import annotations

import pytest

from tidings.domain.errors import Throttled
from tidings.domain.lifecycle import PACES
from tidings.settings import load
from tidings.wiring.rates import confirmation_paces, rate_limiter

ANONYMOUS = ("sns:ConfirmSubscription", "smn:ConfirmSubscription", "pages")


def allowed(name: str, environment: dict[str, str], tries: int = 50) -> int:
    """How many of so many calls at one time are not turned away."""
    limiter, turned_away = rate_limiter(load({}, environment), throttled=lambda _: None), 0
    for _ in range(tries):
        try:
            limiter.take(f"{name}:192.0.2.7")
        except Throttled:
            turned_away += 1
    return tries - turned_away


@pytest.mark.parametrize("name", ANONYMOUS)
def test_who_is_not_known_asks_as_often_as_the_setting_says(name: str) -> None:
    assert allowed(name, {"TIDINGS_ANONYMOUS_RATE": "7"}) == 7


@pytest.mark.parametrize("name", ANONYMOUS)
def test_developer_mode_lets_a_test_suite_open_all_its_links_unless_a_rate_is_set(name: str) -> None:
    assert allowed(name, {"TIDINGS_DEV": "on"}) == 50
    assert allowed(name, {"TIDINGS_DEV": "on", "TIDINGS_ANONYMOUS_RATE": "7"}) == 7


@pytest.mark.parametrize("name", ["sns:Unsubscribe", "sns:Subscribe", "smn:Unsubscribe"])
def test_an_account_subscribes_and_cancels_as_often_as_the_setting_says(name: str) -> None:
    assert allowed(name, {"TIDINGS_UNSUBSCRIBE_RATE": "9"}) == 9


def test_who_is_turned_away_is_counted_by_the_name_of_the_limit() -> None:
    told: list[str] = []
    limiter = rate_limiter(load({}, {"TIDINGS_ANONYMOUS_RATE": "1"}), throttled=told.append)
    limiter.take("pages:192.0.2.7")
    with pytest.raises(Throttled):
        limiter.take("pages:192.0.2.7")
    limiter.take("pages:192.0.2.8")
    assert told == ["pages"]


def test_everybody_is_asked_to_confirm_at_a_pace_but_a_developers_own_web_hooks() -> None:
    assert confirmation_paces(load({}, {})) == PACES
    assert "https" in PACES
    assert confirmation_paces(load({}, {"TIDINGS_DEV": "on"})) == {
        protocol: paces for protocol, paces in PACES.items() if protocol not in ("http", "https")
    }
    assert confirmation_paces(load({}, {"TIDINGS_CONFIRM_PACE": "off"})) == {}
