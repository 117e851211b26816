"""Codes of six digits with which an endpoint's holder confirms: compared, and guesses at them counted. Called by `subscriptions`.

Every try is counted on disk before it is answered, per subscription and per account that tries, so that neither a restart nor many
subscriptions nor many calls at once give more of them. A right one is given back.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import timedelta

from tidings.domain import tokens
from tidings.domain.errors import InvalidValue, Throttled
from tidings.domain.model import AccountId, Subscription
from tidings.domain.ports import Clock, Store

GUESSES_PER_SUBSCRIPTION = 10
SUBSCRIPTION_WINDOW = timedelta(hours=1)
"""At most 480 in the two days of a code, of a million."""
GUESSES_PER_ACCOUNT = 100
ACCOUNT_WINDOW = timedelta(days=1)
"""Whoever makes one subscription after the other guesses one code of a million in thirty years."""


@dataclass(frozen=True, slots=True)
class _Limit:
    key: str
    most: int
    window: timedelta


class ConfirmationCodes:
    """`keys`: from which the codes are made, those of links."""

    def __init__(self, store: Store, clock: Clock, keys: tokens.LinkKeys) -> None:
        self._store = store
        self._clock = clock
        self._keys = keys

    async def check(self, account_id: AccountId, subscription: Subscription, code: str) -> None:
        """That it is the code which was sent to this subscription last. account_id: whose caller tries.

        Raises InvalidValue (code), Throttled.
        """
        limits = (
            _Limit(f"code:subscription:{subscription.uid}", GUESSES_PER_SUBSCRIPTION, SUBSCRIPTION_WINDOW),
            _Limit(f"code:account:{account_id}", GUESSES_PER_ACCOUNT, ACCOUNT_WINDOW),
        )
        now = self._clock.now()
        for limit in limits:
            until = await self._store.take_try(limit.key, limit.most, now=now, window=limit.window)
            if until is not None:
                raise Throttled(max((until - now).total_seconds(), 1.0))
        asked_at = subscription.confirmation_sent_at
        if asked_at is None or not any(
            hmac.compare_digest(
                tokens.confirmation_code(key, subscription.uid, asked_at).encode(), code.encode("utf-8", "replace")
            )
            for key in tokens.every_key(self._keys)
        ):
            raise InvalidValue("code", "not the code that was sent last")
        for limit in limits:
            await self._store.give_back_try(limit.key)
