"""The life of a subscription as pure rules: unconfirmed -> confirmed -> canceled, back within the window, or expired.

`services/subscriptions` reads, asks these functions, and commits what they say. Each cloud's variations are a `LifecycleRules` value,
written in that cloud's dialect next to its source.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from tidings.domain.errors import Denied, InvalidToken, TokenExpired, WrongState
from tidings.domain.limits import CONFIRM_TTL_S
from tidings.domain.model import (
    ConfirmationRequest,
    Principal,
    RequestEvent,
    State,
    Subscription,
    Token,
    TokenPurpose,
    Topic,
)

ASKED = "confirmation requested"
"""Detail of the ledger entries that went with a confirmation request."""


@dataclass(frozen=True, slots=True)
class Pace:
    """At most `count` confirmation requests to one endpoint within `window`; then none for `pause`."""

    count: int
    window: timedelta
    pause: timedelta


def may_ask(paces: Sequence[Pace], asked: Sequence[datetime], now: datetime) -> bool:
    """Whether an endpoint may be asked to confirm once more. asked: when it was since it last confirmed, ascending."""
    for pace in paces:
        for first, last in zip(asked, asked[pace.count - 1 :], strict=False):
            if last - first <= pace.window and now < last + pace.pause:
                return False
    return True


_HOUR, _TWO_DAYS, _WEEK = timedelta(hours=1), timedelta(days=2), timedelta(days=7)
_WEB_PACES = (Pace(200, timedelta(minutes=10), timedelta(minutes=10)),)
_MAIL_PACES = (Pace(20, _HOUR, _HOUR), Pace(40, _TWO_DAYS, _WEEK))
PACES: Mapping[str, Sequence[Pace]] = {
    "email": _MAIL_PACES,
    "email-json": _MAIL_PACES,
    "sms": (Pace(10, _HOUR, _HOUR), Pace(20, _TWO_DAYS, _WEEK)),
    "http": _WEB_PACES,
    "https": _WEB_PACES,
}
"""How often one recipient is asked, over all clouds, accounts and topics. Source: SMN user guide, "Traffic Control over Subscription
Confirmation"; SNS documents none, and its users' test suites stay below."""

REQUESTS_REMEMBERED = max(pace.window + pace.pause for paces in PACES.values() for pace in paces)


def why_not_ask(
    paces: Sequence[Pace],
    past: Sequence[ConfirmationRequest],
    now: datetime,
    *,
    account_id: str,
    topic_id: int,
    hold: timedelta,
) -> str:
    """Why a recipient may not be asked to confirm now, empty when it may. past: what happened to its requests, oldest first.

    A request that its recipient declined holds back those of the same account or topic for `hold`, unless it confirms one meanwhile.
    """
    asked: list[datetime] = []
    declined = False
    for one in past:
        mine = one.account_id == account_id or one.topic_id == topic_id
        match one.what:
            case RequestEvent.ASKED:
                asked.append(one.at)
            case RequestEvent.ANSWERED:
                asked.clear()
                declined = declined and not mine
            case _:
                declined = declined or (mine and now - one.at < hold)
    if declined:
        return "declined before; nothing was sent"
    return "" if may_ask(paces, asked, now) else "asked too often; nothing was sent"


@dataclass(frozen=True, slots=True)
class LifecycleRules:
    """How one cloud varies the life of a subscription.

    needs_confirmation: protocols whose endpoint must confirm. says_goodbye: protocols that get a final message with a way
    back when they were canceled by somebody other than an owner. signed_only: protocols that only an owner's signed call
    may cancel. unconfirmed_cancelable: whether canceling an unconfirmed one is allowed. keeps_uid: subscribing a canceled
    endpoint again revives the old subscription (as unconfirmed) instead of making a new one. lapses: what nobody confirmed or
    brought back in time is forgotten; else it stays listed as it is. ttl: life of links.
    """

    needs_confirmation: frozenset[str]
    says_goodbye: frozenset[str]
    signed_only: frozenset[str]
    unconfirmed_cancelable: bool
    keeps_uid: bool
    lapses: bool = True
    ttl: timedelta = timedelta(seconds=CONFIRM_TTL_S)


@dataclass(frozen=True, slots=True)
class Cancellation:
    """What canceling comes to. `changed` is False when it was canceled before. `way_back`: a token may restore it until
    `come_back_until`. `goodbye`: send that token in a final message."""

    subscription: Subscription
    changed: bool
    way_back: bool
    goodbye: bool


def first_state(lifecycle_rules: LifecycleRules, protocol: str, *, owner_is_topic_owner: bool) -> State:
    """The state of a new subscription. An endpoint of the cloud's own (a queue) confirms by belonging to the topic's owner."""
    if protocol in lifecycle_rules.needs_confirmation:
        return State.UNCONFIRMED
    if protocol in lifecycle_rules.signed_only and not owner_is_topic_owner:
        return State.UNCONFIRMED
    return State.CONFIRMED


def confirm(
    subscription: Subscription, token: Token, now: datetime, *, authenticated: bool, auth_on_unsubscribe: bool
) -> Subscription:
    """The subscription after its token was shown; the same object when a repeat changes nothing.

    Serves both purposes: a confirmation token confirms an unconfirmed one, a restore token brings a canceled one back.
    Raises InvalidToken (used up) or TokenExpired.
    """
    if now >= token.expires_at:
        raise TokenExpired
    if token.used_at is not None:
        if subscription.state is State.CONFIRMED:
            return subscription
        raise InvalidToken("used")
    wanted = State.UNCONFIRMED if token.purpose is TokenPurpose.CONFIRM else State.CANCELED
    if subscription.state is State.CONFIRMED:
        return subscription
    if subscription.state is not wanted:
        raise InvalidToken("superseded")
    return replace(
        subscription,
        state=State.CONFIRMED,
        confirmed_at=now,
        canceled_at=None,
        come_back_until=None,
        confirmation_was_authenticated=authenticated,
        auth_on_unsubscribe=authenticated and auth_on_unsubscribe,
    )


def permanent_token(subscription: Subscription, ttl: timedelta) -> Token:
    """What a link that needs no storage is worth now: confirm within `ttl` of the last request, come back within the window.

    For links that reached the endpoint itself and stay with it (a text message's), as `confirm` reads tokens.
    """
    uid = subscription.uid
    if subscription.state is State.CANCELED:
        at = subscription.canceled_at or subscription.created_at
        return Token(b"", TokenPurpose.RESTORE, uid, at, subscription.come_back_until or at)
    at = subscription.confirmation_sent_at or subscription.created_at
    return Token(b"", TokenPurpose.CONFIRM, uid, at, at + ttl)


def is_owner(principal: Principal | None, subscription: Subscription, topic: Topic) -> bool:
    """Whether the caller belongs to the account of the subscription or of its topic."""
    return principal is not None and principal.account_id in (subscription.account_id, topic.account_id)


def cancel(
    lifecycle_rules: LifecycleRules,
    subscription: Subscription,
    now: datetime,
    *,
    by_owner: bool,
    holds_link: bool = False,
    caller: str = "",
) -> Cancellation:
    """Cancel for an owner, for the holder of a link that we sent to the endpoint, or for somebody unknown who knows the name.

    caller: who signed; empty for nobody. Raises Denied when the caller is known and no owner, or when only a signed call of an owner
    may cancel (a link that reached the endpoint itself always may), and WrongState for an unconfirmed one where the cloud does not
    allow that. Source: SNS API reference, Unsubscribe.
    """
    needs_owner = caller or subscription.auth_on_unsubscribe or subscription.protocol in lifecycle_rules.signed_only
    if needs_owner and not by_owner and not holds_link:
        raise Denied(caller or "anonymous", "Unsubscribe", subscription.uid)
    if subscription.state in (State.CANCELED, State.EXPIRED):
        return Cancellation(subscription, changed=False, way_back=False, goodbye=False)
    if subscription.state is State.UNCONFIRMED and not (lifecycle_rules.unconfirmed_cancelable or holds_link):
        raise WrongState("subscription", "unconfirmed", "cancel")
    # An owner who canceled by mistake subscribes again; everybody else is let back in by the endpoint itself.
    way_back = subscription.state is State.CONFIRMED and not by_owner
    canceled = replace(
        subscription,
        state=State.CANCELED,
        canceled_at=now,
        come_back_until=now + lifecycle_rules.ttl if way_back else None,
    )
    goodbye = way_back and subscription.protocol in lifecycle_rules.says_goodbye
    return Cancellation(canceled, changed=True, way_back=way_back, goodbye=goodbye)


def expire(subscription: Subscription) -> Subscription:
    """What nobody confirmed, or brought back, in time."""
    return replace(subscription, state=State.EXPIRED, come_back_until=None)


def may_receive(kind_is_goodbye: bool, kind_is_confirmation: bool, state: State) -> bool:
    """The gate's rule for one subscription: notices carry their own exemption, once; everything else needs consent."""
    if kind_is_goodbye:
        return state is State.CANCELED
    if kind_is_confirmation:
        return state is State.UNCONFIRMED
    return state is State.CONFIRMED
