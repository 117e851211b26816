"""What every change of consent leaves behind: its ledger entry, and the link secrets and notices that go to the endpoint.

Called by `subscriptions`, which puts both into the Unit of the change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from tidings.domain import tokens
from tidings.domain.model import (
    Event,
    Kind,
    LedgerEntry,
    Message,
    Origin,
    State,
    Subscription,
    Token,
    TokenPurpose,
    Topic,
)
from tidings.domain.ports import Clock, Vault
from tidings.domain.unit import Unit


class Notices:
    """`ttls`: life of link secrets by dialect. `new_token`: 64 random hex digits."""

    def __init__(
        self,
        vault: Vault,
        clock: Clock,
        ttls: Mapping[str, timedelta],
        *,
        new_token: Callable[[], str],
        new_message_id: Callable[[], str],
    ) -> None:
        self._vault = vault
        self._clock = clock
        self._ttls = ttls
        self._new_token = new_token
        self._new_message_id = new_message_id

    def make_token(
        self, unit: Unit, subscription: Subscription, purpose: TokenPurpose, kind: Kind | None, now: datetime
    ) -> str:
        """A fresh link secret, and the notice that carries it to the endpoint (none without a kind)."""
        text = self._new_token()
        ttl = self._ttls[subscription.dialect]
        unit.tokens_new.append(Token(tokens.digest(text), purpose, subscription.uid, now, now + ttl))
        if kind is not None:
            notice = Message(
                id=self._new_message_id(),
                kind=kind,
                account_id=subscription.account_id,
                dialect=subscription.dialect,
                accepted_at=self._clock.wall(),
                asked_at=now,
                topic_id=subscription.topic_id,
                subscription_uid=subscription.uid,
                sealed_token=self._vault.seal(text.encode()),
            )
            unit.messages.append(notice)
        return text


def ledger_entry(
    topic: Topic,
    subscription: Subscription,
    event: Event,
    before: State | None,
    now: datetime,
    origin: Origin,
    detail: str = "",
) -> LedgerEntry:
    return LedgerEntry(
        id=0,
        at=now,
        event=event,
        account_id=topic.account_id,
        topic_id=topic.id,
        topic_name=topic.name,
        region=topic.region,
        subscription_uid=subscription.uid,
        protocol=subscription.protocol,
        endpoint=subscription.endpoint,
        before=before,
        after=subscription.state,
        origin=origin,
        detail=detail,
    )
