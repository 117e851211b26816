"""The rules of the SMS sandbox: how often a password is sent and tried, and when a number may go."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tidings.dialects.sns.limits import SANDBOX_LANGUAGES
from tidings.domain.model import AccountId
from tidings.domain.sandbox import SandboxNumber, code_text, may_delete, may_send, may_try

NOW = datetime(2026, 12, 1, tzinfo=UTC)
NUMBER = SandboxNumber(AccountId("000000000000"), "+12025550100", NOW, NOW, 1, b"", b"")


def test_five_passwords_a_day_are_sent() -> None:
    assert may_send(None, NOW)
    assert may_send(replace(NUMBER, sends=4), NOW)
    assert not may_send(replace(NUMBER, sends=5), NOW + timedelta(hours=23))
    assert may_send(replace(NUMBER, sends=5), NOW + timedelta(hours=24))


def test_a_password_has_five_guesses_and_a_quarter_of_an_hour() -> None:
    assert may_try(replace(NUMBER, tries=4), NOW + timedelta(minutes=14))
    assert not may_try(replace(NUMBER, tries=5), NOW)
    assert not may_try(NUMBER, NOW + timedelta(minutes=15))


def test_a_verified_number_stays_for_a_day() -> None:
    verified = replace(NUMBER, verified_at=NOW)
    assert may_delete(NUMBER, NOW)
    assert not may_delete(verified, NOW + timedelta(hours=23))
    assert may_delete(verified, NOW + timedelta(hours=24))


@pytest.mark.parametrize("language", [*SANDBOX_LANGUAGES, "tlh"])
def test_every_language_says_the_password(language: str) -> None:
    text = code_text("012345", language)
    assert "012345" in text
    assert len(text) <= 70  # one part, whatever its alphabet
