"""Subscribe, confirm, cancel, come back: the heart. Called by dialects and pages; hands every change and its ledger row to
the store as one Unit, and acknowledges a cancel only after every delivering process has seen it.

Source: SNS API reference (Subscribe, ConfirmSubscription, Unsubscribe); SMN user guide (Canceling a Subscription).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from tidings.domain import lifecycle, tokens
from tidings.domain.errors import (
    Conflict,
    Denied,
    InvalidToken,
    NotAuthenticated,
    NotFound,
    WrongState,
)
from tidings.domain.grants import Grant, Verb
from tidings.domain.lifecycle import PACES, LifecycleRules, Pace
from tidings.domain.model import (
    Event,
    Kind,
    Origin,
    Principal,
    RequestEvent,
    State,
    Subscription,
    SubscriptionQuery,
    Token,
    TokenPurpose,
    Topic,
    Way,
)
from tidings.domain.ports import Clock, Store, Vault
from tidings.domain.protocols import NO_PROTOCOLS, Protocols
from tidings.domain.tokens import LinkPurpose
from tidings.domain.unit import Unit
from tidings.observe.metrics import Metrics
from tidings.services.announcing import announce_again
from tidings.services.confirmation_codes import ConfirmationCodes
from tidings.services.confirmation_requests import ConfirmationRequests, Wanted
from tidings.services.conflicts import retry_on_conflict
from tidings.services.endpoint_passwords import EndpointPasswords
from tidings.services.expiry import expire_lapsed
from tidings.services.notices import Notices, ledger_entry
from tidings.services.quotas import Quotas
from tidings.services.renewals import Renewals

DECLINE_HOLD = timedelta(days=30)
LISTED_MAX = 1000
"""Subscriptions of one endpoint shown on its page, for each of live and canceled."""


@dataclass(frozen=True, slots=True)
class Canceled:
    """A canceled subscription. `restore_token` brings it back until `subscription.come_back_until`; empty when nothing
    changed or no way back was opened."""

    subscription: Subscription
    topic: Topic
    changed: bool
    restore_token: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """A subscription with its topic, as a link's page shows them."""

    subscription: Subscription
    topic: Topic


class Subscriptions:
    """`lifecycle_rules`: each dialect's variations by name. `new_uid`, `new_token`: 32 and 64 random hex digits. `link_key`: the
    HMAC key of signed links. `anonymous_cancel`: whether whoever knows a subscription's name may cancel it, unsigned and
    without a link that was sent to its endpoint. `paces`, `decline_hold`, `protocols`: see `ConfirmationRequests`."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        vault: Vault,
        quotas: Quotas,
        lifecycle_rules: Mapping[str, LifecycleRules],
        metrics: Metrics,
        *,
        new_uid: Callable[[], str],
        new_token: Callable[[], str],
        new_message_id: Callable[[], str],
        link_key: tokens.LinkKeys,
        anonymous_cancel: bool = True,
        paces: Mapping[str, Sequence[Pace]] = PACES,
        decline_hold: timedelta = DECLINE_HOLD,
        protocols: Protocols = NO_PROTOCOLS,
    ) -> None:
        self._store = store
        self._clock = clock
        self._lifecycle_rules = lifecycle_rules
        self._metrics = metrics
        ttls = {dialect: custom.ttl for dialect, custom in lifecycle_rules.items()}
        self._notices = Notices(vault, clock, ttls, new_token=new_token, new_message_id=new_message_id)
        self._confirmation_requests = ConfirmationRequests(
            store,
            clock,
            quotas,
            lifecycle_rules,
            self._notices,
            new_uid=new_uid,
            paces=paces,
            decline_hold=decline_hold,
            protocols=protocols,
        )
        self._passwords = EndpointPasswords(vault, tokens.every_key(link_key)[-1])
        self.renewals = Renewals(store, clock, self._confirmation_requests, metrics, link_key)
        self._link_key = link_key
        self._codes = ConfirmationCodes(store, clock, link_key)
        self._anonymous_cancel = anonymous_cancel

    # --- looking -----------------------------------------------------------------------------------------------------

    async def find(self, uid: str, *, expired: bool = False) -> Found | None:
        """The subscription and its topic, before anybody is asked whether the caller may see it. expired: in that state too."""
        found = await self._remembered(uid)
        if found is None or (found.subscription.state is State.EXPIRED and not expired):
            return None
        return found

    async def _remembered(self, uid: str) -> Found | None:
        subscription = await self._store.subscription(uid)
        if subscription is None:
            return None
        topic = await self._store.topic_by_id(subscription.topic_id)
        return Found(subscription, topic) if topic is not None else None

    async def find_live(self, grant: Grant, topic: Topic, protocol: str, endpoint: str) -> Subscription | None:
        """The caller's unconfirmed or confirmed subscription of an endpoint to a topic, for a dialect's own comparison; another
        owner's is not told of."""
        grant.require(Verb.SUBSCRIBE)
        grant.require_topic(topic)
        endpoint, key, _ = self._passwords.take_out(endpoint)
        live = await self._store.live_subscription(topic.id, protocol, endpoint, key)
        return live if live is not None and lifecycle.is_owner(grant.principal, live, topic) else None

    async def page(self, grant: Grant, query: SubscriptionQuery) -> list[Subscription]:
        """List within the grant's account or topic; ascending by id."""
        await self._check_query(grant, query)
        return await self._store.subscriptions(query)

    async def total(self, grant: Grant, query: SubscriptionQuery) -> int:
        """How many `page` would list on all pages together."""
        await self._check_query(grant, query)
        return await self._store.subscriptions_total(query)

    async def live_count(self, grant: Grant, topic: Topic) -> int:
        """How many unconfirmed and confirmed ones a topic has, for a dialect's own limit on subscribing."""
        grant.require(Verb.SUBSCRIBE)
        grant.require_topic(topic)
        counts = await self._store.topic_counts(topic.id)
        return counts.unconfirmed + counts.confirmed

    async def _check_query(self, grant: Grant, query: SubscriptionQuery) -> None:
        grant.require(Verb.LIST)
        if query.account_id == grant.owner and grant.topic_id is None:
            return
        topic = await self._store.topic_by_id(query.topic_id) if query.topic_id is not None else None
        if topic is not None:
            grant.require_topic(topic)
        elif query.topic_id is None:
            raise Denied(grant.principal.arn, grant.verb.value, "other accounts' subscriptions")

    async def topics_of(self, subscriptions: Sequence[Subscription]) -> dict[int, Topic]:
        """The topics behind a page of subscriptions."""
        found = {}
        for topic_id in {subscription.topic_id for subscription in subscriptions}:
            topic = await self._store.topic_by_id(topic_id)
            if topic is not None:
                found[int(topic_id)] = topic
        return found

    # --- subscribing -------------------------------------------------------------------------------------------------

    async def subscribe(
        self,
        grant: Grant,
        topic: Topic,
        *,
        dialect: str,
        protocol: str,
        endpoint: str,
        settings: Mapping[str, str],
        origin: Origin,
    ) -> tuple[Subscription, bool]:
        """Ask an endpoint for its consent (or take it as given where the cloud does); True when it is new (its `id` is then
        not known yet).

        A live subscription of the same endpoint is returned unchanged, and sent a fresh confirmation if it is unconfirmed. If it is
        another owner's, nothing is changed or sent, and the answer is that of a new one, under a uid that names nothing: the right to
        subscribe is none to find out, or cancel, who subscribes (decision 0010). Raises QuotaExceeded, NotFound (topic deleted meanwhile).
        """
        grant.require(Verb.SUBSCRIBE)
        grant.require_topic(topic)
        endpoint, key, sealed = self._passwords.take_out(endpoint)
        wanted = Wanted(grant, topic, dialect, protocol, endpoint, {**settings, **sealed}, origin, key)
        async with self._confirmation_requests.lock_for(protocol, endpoint):
            return await self._subscribe(wanted)

    @retry_on_conflict
    async def _subscribe(self, wanted: Wanted) -> tuple[Subscription, bool]:
        topic, grant = wanted.topic, wanted.grant
        live = await self._store.live_subscription(topic.id, wanted.protocol, wanted.endpoint, wanted.endpoint_key)
        try:
            if live is None:
                return await self._subscribe_anew(wanted), True
            if not lifecycle.is_owner(grant.principal, live, topic):
                subscription, unit = await self._confirmation_requests.covered(
                    wanted, live, tokens.newest_key(self._link_key)
                )
                await self._commit(unit)
                return subscription, True
            if live.state is State.UNCONFIRMED:
                return await self._ask_once_more(topic, live, wanted.origin), False
            return live, False
        except Conflict:
            if await self._store.topic_by_id(topic.id) is None:
                raise NotFound("topic", topic.name) from None
            raise

    async def _subscribe_anew(self, wanted: Wanted) -> Subscription:
        subscription, unit = await self._confirmation_requests.anew(wanted)
        await self._commit(unit)
        return subscription

    @retry_on_conflict
    async def ask_again(self, grant: Grant, uid: str, *, origin: Origin) -> Subscription:
        """Send an unconfirmed subscription a fresh confirmation request. Raises NotFound, WrongState (not unconfirmed)."""
        grant.require(Verb.SUBSCRIBE)
        found = await self._granted(grant, uid)
        if found.subscription.state is not State.UNCONFIRMED:
            raise WrongState("subscription", found.subscription.state.name.lower(), "ask to confirm")
        async with self._confirmation_requests.lock_for(found.subscription.protocol, found.subscription.endpoint):
            return await self._ask_once_more(found.topic, found.subscription, origin)

    async def _ask_once_more(self, topic: Topic, live: Subscription, origin: Origin) -> Subscription:
        subscription, unit = await self._confirmation_requests.once_more(topic, live, origin)
        await self._commit(unit)
        return replace(subscription, version=live.version + 1)

    # --- confirming and coming back -----------------------------------------------------------------------------------

    async def look_up_token(self, token: str) -> tuple[Found, Token]:
        """What a confirmation or come-back link is about; changes nothing. Raises InvalidToken, TokenExpired."""
        stored = await self._store.token(tokens.digest(token))
        if stored is None:
            raise InvalidToken
        found = await self._remembered(stored.subscription_uid)
        if found is None:
            raise InvalidToken("superseded")
        # The rule is asked on the page too, so that it does not promise what the button would refuse.
        lifecycle.confirm(found.subscription, stored, self._clock.now(), authenticated=False, auth_on_unsubscribe=False)
        return found, stored

    async def confirm(
        self, token: str, *, by: Principal | None, auth_on_unsubscribe: bool = False, origin: Origin
    ) -> Found:
        """Turn the subscription behind a token into a confirmed one: its first time, or back from canceled.

        token: text from the link, 64 hex digits. by: the signed caller, if any; only then does `auth_on_unsubscribe` count.
        Safe to repeat: the same token gives the same subscription. Raises InvalidToken, TokenExpired.
        """
        return await self._confirm(lambda: self.look_up_token(token), by, auth_on_unsubscribe, origin)

    async def look_up_permanent(self, link: str) -> tuple[Found, Token]:
        """What a PERMANENT link is about, and what it is worth now (an expired token: nothing). Raises InvalidToken."""
        return self._by_permanent_link(await self.look_up_link(LinkPurpose.PERMANENT, link))

    async def confirm_by_permanent_link(
        self, link: str, *, purpose: TokenPurpose | None = None, origin: Origin
    ) -> Found:
        """Confirm, or come back, for the holder of a PERMANENT link. Safe to repeat.

        purpose: which of the two was meant, where that is known: then never the other. Raises InvalidToken, TokenExpired.
        """

        async def look_up() -> tuple[Found, Token]:
            found, token = await self.look_up_permanent(link)
            if purpose not in (None, token.purpose) and found.subscription.state is not State.CONFIRMED:
                raise InvalidToken("superseded")
            return found, token

        return await self._confirm(look_up, None, False, origin)

    async def confirm_by_code(self, grant: Grant, uid: str, code: str, *, origin: Origin) -> Found:
        """Confirm with the code that was sent to the endpoint. Guesses are counted (`confirmation_codes`).

        Raises NotFound, InvalidValue (field `code`), Throttled, TokenExpired, InvalidToken (canceled meanwhile).
        """
        grant.require(Verb.CHANGE_SUBSCRIPTION)

        async def look_up() -> tuple[Found, Token]:
            found = await self._granted(grant, uid)
            await self._codes.check(grant.principal.account_id, found.subscription, code)
            return self._by_permanent_link(found)

        return await self._confirm(look_up, None, False, origin)

    def _by_permanent_link(self, found: Found) -> tuple[Found, Token]:
        subscription = found.subscription
        return found, lifecycle.permanent_token(subscription, self._lifecycle_rules[subscription.dialect].ttl)

    @retry_on_conflict
    async def _confirm(
        self,
        look_up: Callable[[], Awaitable[tuple[Found, Token]]],
        by: Principal | None,
        auth_on_unsubscribe: bool,
        origin: Origin,
    ) -> Found:
        found, token = await look_up()
        now = self._clock.now()
        before = found.subscription
        confirmed = lifecycle.confirm(
            before, token, now, authenticated=by is not None, auth_on_unsubscribe=auth_on_unsubscribe
        )
        if confirmed is before:
            return found
        event = Event.CONFIRMED if token.purpose is TokenPurpose.CONFIRM else Event.RESTORED
        unit = Unit(tokens_used=[(token.digest, now)] if token.digest else [])
        if event is Event.RESTORED:
            await self._make_room(unit, found, now)
        unit.subscriptions_changed.append(confirmed)
        unit.confirmation_requests.append(self._confirmation_requests.event(RequestEvent.ANSWERED, confirmed, now))
        unit.ledger.append(ledger_entry(found.topic, confirmed, event, before.state, now, origin))
        await self._commit(unit)
        return Found(replace(confirmed, version=before.version + 1), found.topic)

    async def _make_room(self, unit: Unit, back: Found, now: datetime) -> None:
        """Whoever comes back needs no request that another account made meanwhile. Raises InvalidToken: it was confirmed already."""
        topic = back.topic
        mine = back.subscription
        other = await self._store.live_subscription(topic.id, mine.protocol, mine.endpoint, mine.endpoint_key)
        if other is None:
            return
        if other.state is not State.UNCONFIRMED:
            raise InvalidToken("superseded")
        gone = lifecycle.expire(other)
        unit.subscriptions_changed.append(gone)
        unit.tokens_void.append(other.uid)
        unit.ledger.append(ledger_entry(topic, gone, Event.EXPIRED, other.state, now, Origin(Way.SYSTEM)))

    # --- canceling -----------------------------------------------------------------------------------------------------

    async def cancel(self, uid: str, *, by: Principal | None, origin: Origin) -> Canceled | None:
        """Cancel by name: for an owner silently, for an unsigned caller (where allowed) with a goodbye to the endpoint.

        Returns None when no such subscription exists (any more): canceling is safe to repeat. When this returns, nothing is sent to
        the endpoint any more. Raises Denied (a signed caller who is no owner; only an owner may), NotAuthenticated (an unsigned
        caller, and operators want none), WrongState (unconfirmed).
        """
        if by is None:
            self.check_anonymous_cancel()
        return await self._cancel(uid, by=by, holds_link=False, origin=origin)

    def check_anonymous_cancel(self) -> None:
        """Whether somebody unknown may cancel by name alone; asked before anything is looked up. Raises NotAuthenticated."""
        if not self._anonymous_cancel:
            raise NotAuthenticated("to cancel by name needs a signature here")

    async def look_up_link(self, purpose: LinkPurpose, link: str) -> Found:
        """What a signed link is about; changes nothing. Raises InvalidToken.

        An ENDPOINT link speaks for its endpoint, so it works as long as its subscription is remembered at all.
        """
        uid = tokens.read_link(self._link_key, purpose, link)
        found = await self._remembered(uid)
        if found is None or (purpose is not LinkPurpose.ENDPOINT and found.subscription.state is State.EXPIRED):
            raise InvalidToken("superseded")
        return found

    async def cancel_by_link(self, link: str, *, purpose: LinkPurpose = LinkPurpose.CANCEL, origin: Origin) -> Canceled:
        """Cancel for the holder of a link (CANCEL or PERMANENT) that was sent to the endpoint. Safe to repeat.

        Raises InvalidToken.
        """
        found = await self.look_up_link(purpose, link)
        canceled = await self._cancel(found.subscription.uid, by=None, holds_link=True, origin=origin)
        if canceled is None:
            raise InvalidToken("superseded")
        return canceled

    async def endpoint_subscriptions(self, link: str) -> list[Found]:
        """Everything the endpoint behind an ENDPOINT link receives from this server, live ones first. Raises InvalidToken."""
        found = await self.look_up_link(LinkPurpose.ENDPOINT, link)
        endpoint, protocol = found.subscription.endpoint, found.subscription.protocol
        alike = ("email", "email-json") if protocol in ("email", "email-json") else (protocol,)
        listed: list[Found] = []
        live, gone = (State.UNCONFIRMED, State.CONFIRMED), (State.CANCELED,)
        for name, states in ((name, states) for states in (live, gone) for name in alike):
            query = SubscriptionQuery(endpoint=endpoint, protocol=name, states=states, limit=LISTED_MAX)
            rows = await self._store.subscriptions(query)
            topics = await self.topics_of(rows)
            listed += [Found(row, topics[int(row.topic_id)]) for row in rows if int(row.topic_id) in topics]
        return listed

    async def cancel_by_endpoint_link(self, link: str, uid: str, *, origin: Origin) -> Canceled:
        """Cancel one of the endpoint's subscriptions from its list. Raises InvalidToken, NotFound (not this endpoint's)."""
        is_theirs = any(found.subscription.uid == uid for found in await self.endpoint_subscriptions(link))
        canceled = await self._cancel(uid, by=None, holds_link=True, origin=origin) if is_theirs else None
        if canceled is None:
            raise NotFound("subscription", uid)
        return canceled

    @retry_on_conflict
    async def _cancel(self, uid: str, *, by: Principal | None, holds_link: bool, origin: Origin) -> Canceled | None:
        found = await self.find(uid)
        if found is None:
            return None
        before, topic = found.subscription, found.topic
        now = self._clock.now()
        decided = lifecycle.cancel(
            self._lifecycle_rules[before.dialect],
            before,
            now,
            by_owner=lifecycle.is_owner(by, before, topic),
            holds_link=holds_link,
            caller=by.arn if by is not None else "",
        )
        if not decided.changed:
            await announce_again(self._store, Unit(subscriptions_changed=[before]))
            return Canceled(before, topic, changed=False)
        unit, restore = self._cancel_unit(topic, before, decided, now, origin)
        if holds_link and before.state is State.UNCONFIRMED:
            unit.confirmation_requests.append(self._confirmation_requests.event(RequestEvent.DECLINED, before, now))
        await self._commit(unit)
        return Canceled(decided.subscription, topic, changed=True, restore_token=restore)

    def _cancel_unit(
        self, topic: Topic, before: Subscription, decided: lifecycle.Cancellation, now: datetime, origin: Origin
    ) -> tuple[Unit, str]:
        subscription = decided.subscription
        unit = Unit(
            subscriptions_changed=[subscription],
            tokens_void=[subscription.uid],
            ledger=[ledger_entry(topic, subscription, Event.CANCELED, before.state, now, origin)],
        )
        if not decided.way_back:
            return unit, ""
        kind = Kind.GOODBYE if decided.goodbye else None
        return unit, self._notices.make_token(unit, subscription, TokenPurpose.RESTORE, kind, now)

    @retry_on_conflict
    async def delete(self, grant: Grant, uid: str, *, origin: Origin) -> None:
        """Forget a subscription in any state, for an owner: nothing is sent to the endpoint, now or later. Raises NotFound."""
        grant.require(Verb.CHANGE_SUBSCRIPTION)
        found = await self._granted(grant, uid)
        before, now = found.subscription, self._clock.now()
        gone = lifecycle.expire(before)
        unit = Unit(
            subscriptions_deleted=[before],
            tokens_void=[uid],
            ledger=[ledger_entry(found.topic, gone, Event.DELETED, before.state, now, origin)],
        )
        await self._commit(unit)

    # --- the rest --------------------------------------------------------------------------------------------------------

    @retry_on_conflict
    async def change_settings(
        self, grant: Grant, uid: str, alter: Callable[[Subscription], Subscription]
    ) -> Subscription:
        """Replace settings; `alter` may be called again with a newer subscription. Raises NotFound."""
        grant.require(Verb.CHANGE_SUBSCRIPTION)
        found = await self._granted(grant, uid)
        altered = alter(found.subscription)
        if altered == found.subscription:
            return altered
        await self._store.commit(Unit(act=grant.act(self._clock.now()), subscriptions_changed=[altered]))
        return replace(altered, version=altered.version + 1)

    async def expire_lapsed(self, *, limit: int = 500) -> int:
        """Housekeeping: expire what nobody confirmed, or brought back, within the time to live; returns how many."""
        return await expire_lapsed(self._store, self._lifecycle_rules, self._clock.now(), self._commit, limit=limit)

    async def _granted(self, grant: Grant, uid: str) -> Found:
        """Raises NotFound, and Denied for a subscription that is neither the grant's owner's nor to a topic of theirs."""
        found = await self.find(uid)
        if found is None:
            raise NotFound("subscription", uid)
        grant.require_owner(found.subscription.account_id, found.topic.account_id)
        grant.require_topic_id(found.topic.id)
        return found

    async def _commit(self, unit: Unit) -> None:
        await self._store.commit(unit)
        for entry in unit.ledger:
            self._metrics.consent(entry.event, entry.origin.way)
