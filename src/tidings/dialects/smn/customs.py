"""How SMN varies the life of a subscription.

Source: SMN user guide, "Requesting Subscription Confirmation", "Canceling a Subscription", "Traffic Control over Subscription
Confirmation"; SMN API reference, "Canceling a Subscription".
"""

from __future__ import annotations

from datetime import timedelta

from tidings.domain.lifecycle import Customs, Pace
from tidings.domain.limits import CONFIRM_TTL_S

_HOUR, _TWO_DAYS, _WEEK = timedelta(hours=1), timedelta(days=2), timedelta(days=7)
_TEN_MINUTES = timedelta(minutes=10)
_WEB_PACES = (Pace(200, _TEN_MINUTES, _TEN_MINUTES),)
PACES = {
    "email": (Pace(20, _HOUR, _HOUR), Pace(40, _TWO_DAYS, _WEEK)),
    "sms": (Pace(10, _HOUR, _HOUR), Pace(20, _TWO_DAYS, _WEEK)),
    "http": _WEB_PACES,
    "https": _WEB_PACES,
}


def customs(ttl_s: int = CONFIRM_TTL_S, *, paced: bool = True) -> Customs:
    """SMN's customs; ttl_s: life of confirmation and come-back links. paced: whether an endpoint is asked only so often.

    A phone gets no goodbye: its owner cancels on a page, which offers the way back itself. Nothing lapses: what nobody confirmed
    stays listed with status 0, what was canceled with status 3, until an owner deletes it.
    """
    return Customs(
        needs_confirmation=frozenset({"email", "sms", "http", "https"}),
        says_goodbye=frozenset({"email", "http", "https"}),
        signed_only=frozenset(),
        unconfirmed_cancelable=True,
        keeps_uid=True,
        lapses=False,
        paces=PACES if paced else {},
        ttl=timedelta(seconds=ttl_s),
    )
