"""How SMN varies the life of a subscription.

Source: SMN user guide, "Requesting Subscription Confirmation", "Canceling a Subscription"; SMN API reference, "Canceling a Subscription".
"""

from __future__ import annotations

from datetime import timedelta

from tidings.domain.lifecycle import LifecycleRules
from tidings.domain.limits import CONFIRM_TTL_S


def lifecycle_rules(ttl_s: int = CONFIRM_TTL_S) -> LifecycleRules:
    """SMN's rules; ttl_s: life of confirmation and come-back links.

    A phone gets no goodbye: its owner cancels on a page, which offers the way back itself. Nothing lapses: what nobody confirmed
    stays listed with status 0, what was canceled with status 3, until an owner deletes it.
    """
    return LifecycleRules(
        needs_confirmation=frozenset({"email", "sms", "http", "https"}),
        says_goodbye=frozenset({"email", "http", "https"}),
        signed_only=frozenset(),
        unconfirmed_cancelable=True,
        keeps_uid=True,
        lapses=False,
        ttl=timedelta(seconds=ttl_s),
    )
