"""The ports: packages of one layer know each other only through these.

Every implementation of Store and of Flow passes the same suite (`tests/integration`). Services decide on values they read,
and hand the store a `Unit` that it applies as a whole or refuses with `Conflict`; so PostgreSQL needs nothing that SQLite
has not.

Logs are read by a cursor: whoever keeps the last id that he was given and asks for what comes `after` it is given everything once, in the
order of ids. Where several processes write, ids may become visible out of order; so a list by `after` shows an id only when no smaller one
can appear any more, whatever it filters. Lists from the newest end (`before`) promise nothing of the kind: they are for looking at.
A reader that wants nothing of before begins at the log's `…_end`, which keeps the same promise.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from tidings.domain.audit import AuditEntry, AuditQuery
from tidings.domain.envelope import Outgoing
from tidings.domain.model import (
    AccessKey,
    Account,
    AccountId,
    ConfirmationRequest,
    DeadQuery,
    Delivery,
    LedgerEntry,
    LedgerQuery,
    Message,
    Subscriber,
    Subscription,
    SubscriptionQuery,
    Template,
    TemplateQuery,
    Token,
    Topic,
    TopicCounts,
    TopicId,
    TopicQuery,
    User,
)
from tidings.domain.outcomes import Outcome
from tidings.domain.provisioned import Provisioned
from tidings.domain.sessions import Session
from tidings.domain.unit import Unit


class Clock(Protocol):
    """Time, handed in. Developer mode's clock can be moved forward."""

    def now(self) -> datetime:
        """The time, aware UTC; never earlier than before, also over restarts. For everything that is compared or kept."""
        ...

    def wall(self) -> datetime:
        """The machine's wall clock, which may step: for what others compare with clocks of their own, and nothing else."""
        ...


class ResourceNames(Protocol):
    """How a cloud names topics and their subscriptions. `label`: what such a name is called, as in `ARN`."""

    label: str

    def topic(self, region: str, account_id: AccountId, project_id: str, name: str) -> str:
        """account_id, project_id: the topic's account's."""
        ...

    def subscription(self, topic: str, uid: str) -> str:
        """topic: its name in this cloud."""
        ...


class Vault(Protocol):
    """Keeps secrets unreadable outside the process: key outside the database."""

    def seal(self, plain: bytes) -> bytes: ...

    def open(self, sealed: bytes) -> bytes:
        """Raises ValueError if `sealed` was not made by this vault."""
        ...


class Store(Protocol):
    """The registry, the ledger and the accepted messages: the truth."""

    @property
    def announcer(self) -> Announcer:
        """Where to listen to what is committed."""
        ...

    async def commit(self, unit: Unit) -> None:
        """Apply the unit in one durable transaction, and announce it; when this returns it survives `kill -9`, and no process sends
        or answers as if it had not been.

        Raises Conflict (stale version, or a unique name taken meanwhile) or Unavailable; then nothing was changed.
        Unique: topic (account, region, name); live (unconfirmed or confirmed) subscription (topic, protocol, endpoint);
        template (account, name, protocol).
        Deleting a topic hides it, its subscriptions and its undelivered messages at once; `sweep` does the rest.
        """
        ...

    async def account(self, account_id: str) -> Account | None: ...
    async def account_of_project(self, project_id: str) -> Account | None: ...
    async def accounts(self) -> list[Account]: ...
    async def user(self, account_id: AccountId, name: str) -> User | None: ...
    async def users(self, account_id: AccountId) -> list[User]: ...
    async def access_key(self, key_id: str) -> AccessKey | None: ...
    async def access_keys(self, account_id: AccountId) -> list[AccessKey]: ...

    async def session(self, digest: bytes) -> Session | None: ...
    async def sessions(self, account_id: AccountId, user: str | None) -> list[Session]:
        """Of a user, or of the whole account; the one used last first."""
        ...

    async def topic(self, account_id: AccountId, region: str, name: str) -> Topic | None: ...
    async def topic_by_id(self, topic_id: TopicId) -> Topic | None: ...
    async def topic_by_uid(self, uid: str) -> Topic | None: ...
    async def topics(self, account_id: AccountId, region: str | None, *, after: int, limit: int) -> list[Topic]:
        """Ascending by id, starting after the id `after`."""
        ...

    async def topic_count(self, account_id: AccountId, region: str | None) -> int: ...
    async def topics_found(self, query: TopicQuery) -> list[Topic]:
        """Descending by id."""
        ...

    async def topics_total(self, query: TopicQuery) -> int:
        """How many the query finds whatever its offset and limit; O(1) when it names account and region only."""
        ...

    async def texts_sent(self, topic_id: TopicId, *, since: datetime, until: datetime) -> list[tuple[datetime, int]]:
        """Text messages delivered for a topic, by whole UTC hour in [since, until), ascending; hours without any are left out."""
        ...

    async def topic_counts(self, topic_id: TopicId) -> TopicCounts:
        """Kept up to date by the store, not counted: O(1) at any size."""
        ...

    async def restorable_count(self, topic_id: TopicId, *, at: datetime) -> int:
        """Canceled subscriptions of a topic that may still come back after a time."""
        ...

    async def pending_count(self, account_id: AccountId) -> int:
        """Unconfirmed subscriptions over all topics of the account."""
        ...

    async def subscription(self, uid: str) -> Subscription | None: ...
    async def live_subscription(
        self, topic_id: TopicId, protocol: str, endpoint: str, endpoint_key: str = ""
    ) -> Subscription | None:
        """The unconfirmed or confirmed one; at most one exists."""
        ...

    async def canceled_subscription(
        self, topic_id: TopicId, protocol: str, endpoint: str, endpoint_key: str = ""
    ) -> Subscription | None:
        """The newest canceled one, if any."""
        ...

    async def unsealed_subscriptions(self, *, after: int, limit: int) -> list[Subscription]:
        """Those whose endpoint may hold a password in clear, ascending by id."""
        ...

    async def mask_deliveries(self) -> None:
        """Take passwords out of the endpoints of waiting and given-up deliveries, where they are only shown."""
        ...

    async def subscriptions(self, query: SubscriptionQuery) -> list[Subscription]:
        """Ascending by id. `account_id` filters by the subscription's owner. Deleted topics' are never listed."""
        ...

    async def subscriptions_total(self, query: SubscriptionQuery) -> int:
        """How many the query finds whatever its after, offset and limit. O(1) when it names nothing but account and region, or
        nothing but a topic."""
        ...

    async def lapsed(
        self, dialect: str, *, unconfirmed_since: datetime, canceled_since: datetime, limit: int
    ) -> list[Subscription]:
        """Unconfirmed ones of a dialect whose last confirmation was sent before, and canceled ones canceled before, the given
        times."""
        ...

    async def confirmation_requests(self, recipient: str, *, since: datetime) -> list[ConfirmationRequest]:
        """What happened to a recipient's requests to confirm after `since`, oldest first; the newest 1,000 only."""
        ...

    async def template(self, uid: str) -> Template | None: ...
    async def templates(self, query: TemplateQuery) -> list[Template]: ...
    async def templates_total(self, query: TemplateQuery) -> int: ...

    async def token(self, digest: bytes) -> Token | None: ...
    async def ledger(self, query: LedgerQuery) -> list[LedgerEntry]:
        """By `after`, a log that is read by a cursor."""
        ...

    async def ledger_end(self, account_id: AccountId) -> int:
        """Where an account's ledger ends now: no id up to here can appear any more; 0 for an empty one."""
        ...

    async def provisioned(self) -> list[Provisioned]:
        """What was given from outside, whoever gave it."""
        ...

    async def audit(self, query: AuditQuery) -> list[AuditEntry]:
        """What `Unit.audit` and the changes of units have added. By `after`, a log that is read by a cursor."""
        ...

    async def page(self, topic_id: TopicId, *, after: int, limit: int, seq: int) -> list[Subscriber]:
        """Confirmed subscriptions of a topic with id > `after`, ascending, whose confirmation was written down before the message at
        `seq`, a place in the flow: order decides, not clocks."""
        ...

    async def clock_mark(self) -> datetime | None:
        """The latest time that may have been written down, None in a new database: where the application's clock goes on."""
        ...

    def keep_clock_mark(self, now: Callable[[], datetime]) -> None:
        """From now on see to it that whatever is written down has a time before the mark. now: the clock that gives those times."""
        ...

    async def last_seq(self) -> int:
        """The newest place in the flow that was ever given; 0 before the first message."""
        ...

    async def subscribers(self, uids: Sequence[str]) -> dict[str, Subscription]:
        """The subscriptions behind these uids that still exist, for what waited."""
        ...

    async def waiting_count(self) -> int:
        """Deliveries that wait for another attempt."""
        ...

    async def dead_letters(self, query: DeadQuery) -> list[tuple[Delivery, Message]]:
        """Deliveries that were given up, with their messages, ascending by id."""
        ...

    async def take_try(self, key: str, most: int, *, now: datetime, window: timedelta) -> datetime | None:
        """Count a try, durably: None when this is one of the first `most` of the window that began with the first of them, else when
        the window ends. A window lasts a day at most."""
        ...

    async def give_back_try(self, key: str) -> None:
        """Take the newest try back."""
        ...

    async def sweep(self, now: datetime, limit: int) -> int:
        """Remove up to `limit` rows of deleted topics, expired tokens and messages nobody waits for; returns how many."""
        ...

    async def reset(self) -> None:
        """Developer mode: forget topics, subscriptions, messages and ledger; keep accounts, users and keys."""
        ...

    async def backup(self, path: str) -> None:
        """Write a consistent copy to `path` while running."""
        ...

    async def check(self) -> None:
        """Raise Unavailable if the store cannot be read and written."""
        ...

    async def close(self) -> None: ...


@dataclass(slots=True, eq=False)
class Task:
    """A leased message: deliver it to everybody after `cursor`. `seq` is its place in the flow."""

    seq: int
    message: Message
    cursor: int = 0


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """A delivery that becomes a row: it failed its first attempt, or its lane was full."""

    message_seq: int
    message: Message
    subscription_uid: str
    protocol: str
    endpoint: str
    attempts: int
    due: datetime
    reason: str
    dead: bool = False
    redriven: bool = False


@dataclass(frozen=True, slots=True)
class Settled:
    """The outcome of a leased delivery row.

    `due` set: wait until then. `dead`: keep as a dead letter. Neither: it is done, remove it.
    """

    delivery_id: int
    attempts: int
    due: datetime | None = None
    dead: bool = False
    redriven: bool = False
    reason: str = ""


@dataclass(slots=True)
class Progress:
    """Of messages on their way: rows first seen, rows settled, cursors moved, messages finished. Written in one transaction."""

    parked: list[NewDelivery] = field(default_factory=list)
    settled: list[Settled] = field(default_factory=list)
    cursors: list[tuple[int, int]] = field(default_factory=list)  # (message seq, cursor)
    finished: list[int] = field(default_factory=list)  # message seqs


class Flow(Protocol):
    """The durable journal between accepting and delivering."""

    async def append(self, messages: Sequence[Message]) -> None:
        """Accept messages: durable when this returns. Raises Unavailable. Waits while the backlog is over its bound."""
        ...

    async def room(self) -> None:
        """Wait while the backlog is over its bound, as `append` does: for messages that enter with a unit. Raises Unavailable."""
        ...

    async def take(self, limit: int) -> list[Task]:
        """Lease up to `limit` messages, waiting until there is one: a topic's oldest first, topics in turns. Messages cut off by a
        crash come again.

        A message is handed out once until it is finished or the process ends. Ends with an empty list after `stop`. Asked by one task
        at a time; the same is so of `take_due` with `next_due`.
        """
        ...

    async def take_due(self, now: datetime, limit: int) -> list[tuple[Delivery, Message]]:
        """Lease up to `limit` waiting deliveries that are due, earliest first. Not handed out again until settled."""
        ...

    async def next_due(self) -> datetime | None:
        """When the next waiting delivery that is not leased is due."""
        ...

    async def due_changed(self, within_s: float) -> None:
        """Wait until a delivery was given a time after `take_due` was last called, or `look_again` was; at most so many seconds."""
        ...

    def look_again(self) -> None:
        """Let whoever waits for that look for what is due: the clock was moved."""
        ...

    async def record(self, progress: Progress, unit: Unit | None = None) -> list[int]:
        """Write progress durably; returns the ids of `parked` rows in their order. Parked rows that are not dead come back
        from `take_due` when due.

        unit: what the deliveries came to, for the store: written and announced with the progress, or neither of them is (`Store.commit`
        says when).
        """
        ...

    def backlog(self) -> int:
        """Messages accepted and not yet finished; O(1)."""
        ...

    async def send_again(
        self, account_id: AccountId, delivery_ids: Sequence[int], now: datetime, entry: AuditEntry | None = None
    ) -> list[int]:
        """Make dead letters of the account due now with attempts 0; returns the ids that were dead letters. `entry`: of the audit trail,
        written in the same transaction with which ones and how many they are."""
        ...

    def stop(self) -> None:
        """Let `take` end; what is not finished comes again at the next start."""
        ...


Settle = Callable[[Outgoing, Outcome], None]
"""Called exactly once per Outgoing, on the event loop."""


class Channel(Protocol):
    """A way out. `send` never blocks and never raises: whatever happens comes back through `settle`.

    A channel asks its `Permit` immediately before an attempt starts and settles with what that says when refused. It bounds what it
    holds per endpoint host and settles with Busy when that is full.
    """

    protocols: frozenset[str]

    def send(self, outgoing: Outgoing, settle: Settle) -> None: ...

    async def close(self) -> None:
        """Stop taking; wait for what has started, for at most its own time-out."""
        ...


AnswerClassifier = Callable[[int, bytes], Outcome | None]
"""What an HTTP answer means, from its status and as much of its body as was read; None: what its status says."""


class Poster(Protocol):
    """A channel for web addresses that other channels may post through."""

    def send(self, outgoing: Outgoing, settle: Settle, classify: AnswerClassifier | None = None) -> None:
        """As a Channel's; with a classifier, the answer's body decides too."""
        ...


class ClosingPoster(Poster, Protocol):
    """One that a channel has for itself and closes."""

    async def close(self) -> None:
        """As a Channel's."""
        ...


class Prober(Protocol):
    """Tries an endpoint out: one attempt that belongs to no subscription, and its outcome."""

    def start(self, task_id: str, account_id: AccountId, outgoing: Outgoing) -> None:
        """Send it now; the outcome is remembered under `task_id` for a while."""
        ...

    def outcome(self, task_id: str, account_id: AccountId) -> Outcome | None:
        """None: still on its way. Raises NotFound (task) for an unknown, forgotten or another account's one."""
        ...


class Signer(Protocol):
    """Signs the string a dialect asks for, off the event loop."""

    certificate_url: str

    async def sign(self, text: bytes, algorithm: str) -> str:
        """Base64 of RSA PKCS#1 v1.5 over `sha1` or `sha256`. Waits while the queue is full."""
        ...


class Announcer(Protocol):
    """Tells every process of each unit when it is durable and before it is acknowledged. The store does it within `commit`, so that
    nobody else needs to think of it."""

    def listen(self, apply: Callable[[Unit], None]) -> None:
        """From now on have `apply` called with each unit, on the event loop, in the order in which they became durable: for whatever
        is kept in memory. It must neither wait nor raise."""
        ...

    def announce(self, unit: Unit) -> Awaitable[None] | None:
        """Called the moment the unit is durable, also when its caller has given up. The listeners of this process are told before
        this returns. What is returned ends when no process will start a send that the unit forbids, or believe what it made wrong; the
        caller is not answered before. None: that is so already."""
        ...


class Limiter(Protocol):
    def take(self, key: str) -> None:
        """Take one call from the bucket `key`. Raises Throttled."""
        ...
