"""How often things may be asked, as the settings say: by one caller, and of one recipient who shall confirm. Called by `application`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from tidings.access.limiter import TokenBuckets
from tidings.domain.lifecycle import PACES, Pace
from tidings.settings import DEFAULT, Settings

DETECTIONS_PER_S = 10.0


def rate_limiter(settings: Settings, *, throttled: Callable[[str], None]) -> TokenBuckets:
    """The Limiter of all dialects and pages. throttled: told the name of a limit that turned a call away."""
    rates: dict[str, float] = {
        "sns:Unsubscribe": settings.unsubscribe_rate,
        "sns:Subscribe": settings.unsubscribe_rate,
        "smn:Unsubscribe": settings.unsubscribe_rate,
        "smn:Detect": DETECTIONS_PER_S,
    }
    # In developer mode one test suite opens the links of all its subscribers, from one address.
    if not settings.dev or settings.origin("anonymous_rate") != DEFAULT:
        anonymous = ("sns:ConfirmSubscription", "smn:ConfirmSubscription", "pages")
        rates |= dict.fromkeys(anonymous, settings.anonymous_rate)
    return TokenBuckets(rates, throttled=throttled)


def confirmation_paces(settings: Settings) -> Mapping[str, Sequence[Pace]]:
    """By protocol, how often a recipient is asked to confirm.

    A developer's web hooks are his own, and his test suites ask them by the hundred.
    """
    if not settings.confirm_pace:
        return {}
    return {protocol: paces for protocol, paces in PACES.items() if not (settings.dev and protocol.startswith("http"))}
