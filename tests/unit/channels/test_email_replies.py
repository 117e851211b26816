"""What a relay's reply means."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tidings.channels.email.channel import outcome_of
from tidings.domain.outcomes import Refused, RetryLater


@given(st.integers(200, 599), st.text())
def test_only_5xx_replies_about_the_mail_are_final(code, text):
    outcome = outcome_of(code, text)
    final = 500 <= code <= 599 and code not in (530, 534, 535, 538)
    assert isinstance(outcome, Refused if final else RetryLater)
    assert "\n" not in outcome.reason
