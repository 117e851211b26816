"""`SqliteStore`: `domain.ports.Store` and, by `optouts` and `texts`, `OptOutStore` and `TextStore` on one SQLite file.

Opened by `wiring` and `cli`; called by services, access and delivery. It decides nothing about the product: it applies units
and answers questions. Nothing is cached across calls, so another process (an administrator's command) may change
the same file at any time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from tidings.domain.audit import AuditEntry, AuditQuery
from tidings.domain.errors import Unavailable
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
from tidings.domain.optout import BatchResult, OptOutBatch
from tidings.domain.ports import Announcer
from tidings.domain.provisioned import Provisioned
from tidings.domain.sessions import Session
from tidings.domain.unit import Unit
from tidings.store.announcer import LocalAnnouncer
from tidings.store.sqlite import audits, listing, rows, units, upkeep
from tidings.store.sqlite.clock_mark import ClockMark
from tidings.store.sqlite.database import SQL, Database
from tidings.store.sqlite.journal import Journal
from tidings.store.sqlite.optouts import OptOutTables
from tidings.store.sqlite.text_gate import DirectTextGate
from tidings.store.sqlite.texts import TextTables
from tidings.store.sqlite.writer import Writer, answer

_CHECK_S = 5.0


class SqliteStore(OptOutTables, TextTables):
    """The registry, the ledger and the accepted messages in one file."""

    def __init__(self, database: Database, announcer: Announcer | None = None) -> None:
        """Use `open`. Must be called on the event loop that will use the store."""
        writer = Writer(database.writing)
        OptOutTables.__init__(self, database)
        TextTables.__init__(self, database, writer)
        self._maps = rows.Maps()
        self._announcer = announcer or LocalAnnouncer()
        self.journal = Journal(database, writer, self._announcer)
        self.text_gate = DirectTextGate(database)

    @classmethod
    async def open(cls, path: Path) -> SqliteStore:
        """Open the database at `path`, creating and migrating it as needed.

        Raises Unavailable: no place, no right, damaged, or made by a newer release.
        """
        return cls(await asyncio.to_thread(Database, path))

    @property
    def announcer(self) -> Announcer:
        return self._announcer

    async def commit(self, unit: Unit) -> None:
        await self.journal.commit(unit)

    async def import_opt_outs(self, batch: OptOutBatch) -> BatchResult:
        outcome: asyncio.Future[tuple[BatchResult, Awaitable[None] | None]] = asyncio.get_running_loop().create_future()

        def done(written: tuple[BatchResult, list[LedgerEntry]], error: BaseException | None) -> None:
            if error is not None:
                answer(outcome, (BatchResult(frozenset(), frozenset()), None), error)
                return
            result, entries = written
            answer(outcome, (result, self._announcer.announce(Unit(ledger=entries))), None)

        self._writer.submit(lambda db: units.import_opt_outs(db, batch), done, heavy=True)
        result, announced = await outcome
        if announced is not None:
            await announced
        return result

    async def account(self, account_id: str) -> Account | None:
        row = self._database.row(SQL["account_by_id"], (account_id,))
        return None if row is None else rows.account(row)

    async def account_of_project(self, project_id: str) -> Account | None:
        row = self._database.row(SQL["account_by_project"], (project_id,))
        return None if row is None else rows.account(row)

    async def accounts(self) -> list[Account]:
        return [rows.account(row) for row in self._database.rows(SQL["account_list"])]

    async def user(self, account_id: AccountId, name: str) -> User | None:
        row = self._database.row(SQL["user_by_name"], (account_id, name))
        return None if row is None else rows.user(row)

    async def users(self, account_id: AccountId) -> list[User]:
        return [rows.user(row) for row in self._database.rows(SQL["user_list"], (account_id,))]

    async def access_key(self, key_id: str) -> AccessKey | None:
        row = self._database.row(SQL["access_key_by_id"], (key_id,))
        return None if row is None else rows.access_key(row)

    async def access_keys(self, account_id: AccountId) -> list[AccessKey]:
        return [rows.access_key(row) for row in self._database.rows(SQL["access_key_list"], (account_id,))]

    async def session(self, digest: bytes) -> Session | None:
        row = self._database.row(SQL["session_by_digest"], (digest,))
        return None if row is None else rows.session(row)

    async def sessions(self, account_id: AccountId, user: str | None) -> list[Session]:
        return [rows.session(row) for row in self._database.rows(SQL["session_list"], (account_id, user))]

    async def topic(self, account_id: AccountId, region: str, name: str) -> Topic | None:
        return self._topic("topic_by_name", account_id, region, name)

    async def topic_by_id(self, topic_id: TopicId) -> Topic | None:
        return self._topic("topic_by_id", topic_id)

    async def topic_by_uid(self, uid: str) -> Topic | None:
        return self._topic("topic_by_uid", uid)

    async def topics(self, account_id: AccountId, region: str | None, *, after: int, limit: int) -> list[Topic]:
        if region is None:
            found = self._database.rows(SQL["topic_list"], (account_id, after, limit))
        else:
            found = self._database.rows(SQL["topic_list_of_region"], (account_id, region, after, limit))
        return [rows.topic(row, self._maps) for row in found]

    async def topic_count(self, account_id: AccountId, region: str | None) -> int:
        return int(self._database.value(SQL["topic_count"], (account_id, region)))

    async def topics_found(self, query: TopicQuery) -> list[Topic]:
        return await listing.topics(self._database, self._maps, query)

    async def topics_total(self, query: TopicQuery) -> int:
        return await listing.topics_total(self._database, query)

    async def texts_sent(self, topic_id: TopicId, *, since: datetime, until: datetime) -> list[tuple[datetime, int]]:
        found = self._database.rows(SQL["text_list"], (topic_id, rows.micros(since), rows.micros(until)))
        return [(rows.moment(hour), sent) for hour, sent in found]

    async def topic_counts(self, topic_id: TopicId) -> TopicCounts:
        row = self._database.row(SQL["topic_counts"], (topic_id,))
        return TopicCounts(0, 0, 0) if row is None else TopicCounts(*row)

    async def restorable_count(self, topic_id: TopicId, *, at: datetime) -> int:
        return int(self._database.value(SQL["subscription_restorable_count"], (topic_id, rows.micros(at))))

    async def pending_count(self, account_id: AccountId) -> int:
        row = self._database.row(SQL["pending_count"], (account_id,))
        return 0 if row is None else int(row[0])

    async def subscription(self, uid: str) -> Subscription | None:
        return self._subscription("subscription_by_uid", uid)

    async def live_subscription(
        self, topic_id: TopicId, protocol: str, endpoint: str, endpoint_key: str = ""
    ) -> Subscription | None:
        return self._subscription("subscription_live", topic_id, protocol, endpoint, endpoint_key)

    async def canceled_subscription(
        self, topic_id: TopicId, protocol: str, endpoint: str, endpoint_key: str = ""
    ) -> Subscription | None:
        return self._subscription("subscription_canceled", topic_id, protocol, endpoint, endpoint_key)

    async def unsealed_subscriptions(self, *, after: int, limit: int) -> list[Subscription]:
        found = self._database.rows(SQL["subscription_unsealed"], (after, limit))
        return [rows.subscription(row, self._maps) for row in found]

    async def mask_deliveries(self) -> None:
        await self._writer.write(upkeep.mask_deliveries, heavy=True)

    async def subscriptions(self, query: SubscriptionQuery) -> list[Subscription]:
        return await listing.subscriptions(self._database, self._maps, query)

    async def subscriptions_total(self, query: SubscriptionQuery) -> int:
        return await listing.subscriptions_total(self._database, query)

    async def lapsed(
        self, dialect: str, *, unconfirmed_since: datetime, canceled_since: datetime, limit: int
    ) -> list[Subscription]:
        if limit <= 0:
            return []
        bindings = dialect, rows.micros(unconfirmed_since), limit
        found = self._database.rows(SQL["subscription_lapsed_unconfirmed"], bindings)
        rest = limit - len(found)
        if rest > 0:
            bindings = dialect, rows.micros(canceled_since), rest
            found += self._database.rows(SQL["subscription_lapsed_canceled"], bindings)
        return [rows.subscription(row, self._maps) for row in found]

    async def confirmation_requests(self, recipient: str, *, since: datetime) -> list[ConfirmationRequest]:
        found = self._database.rows(SQL["confirmation_request_list"], (recipient, rows.micros(since)))
        return [rows.confirmation_request(row) for row in reversed(found)]

    async def template(self, uid: str) -> Template | None:
        row = self._database.row(SQL["template_by_uid"], (uid,))
        return None if row is None else rows.template(row)

    async def templates(self, query: TemplateQuery) -> list[Template]:
        return listing.templates(self._database, query)

    async def templates_total(self, query: TemplateQuery) -> int:
        return listing.templates_total(self._database, query)

    async def token(self, digest: bytes) -> Token | None:
        row = self._database.row(SQL["token_by_digest"], (digest,))
        return None if row is None else rows.token(row)

    async def ledger(self, query: LedgerQuery) -> list[LedgerEntry]:
        return await listing.ledger(self._database, query)

    async def ledger_end(self, account_id: AccountId) -> int:
        # One writer gives ids in the order in which they become visible.
        return int(self._database.value(SQL["ledger_end"], (account_id,)))

    async def provisioned(self) -> list[Provisioned]:
        return [rows.provisioned(row) for row in self._database.rows(SQL["provisioned_list"])]

    async def audit(self, query: AuditQuery) -> list[AuditEntry]:
        return await audits.page(self._database, query)

    async def page(self, topic_id: TopicId, *, after: int, limit: int, seq: int) -> list[Subscriber]:
        found = self._database.rows(SQL["subscription_page"], (topic_id, after, limit, seq))
        return rows.subscribers(found, self._maps)

    async def clock_mark(self) -> datetime | None:
        mark = self._database.value(SQL["clock_mark"])
        return rows.moment(mark) if mark else None

    def keep_clock_mark(self, now: Callable[[], datetime]) -> None:
        self._writer.clock_mark = ClockMark(now)

    async def last_seq(self) -> int:
        return await self.journal.last_seq()

    async def waiting_count(self) -> int:
        return await self.journal.waiting_count()

    async def dead_letters(self, query: DeadQuery) -> list[tuple[Delivery, Message]]:
        return await self.journal.dead_letters(query)

    async def subscribers(self, uids: Sequence[str]) -> dict[str, Subscription]:
        found = self._database.rows(SQL["subscription_by_uids"], (msgspec.json.encode(uids).decode(),))
        return {
            subscription.uid: subscription for subscription in (rows.subscription(row, self._maps) for row in found)
        }

    async def take_try(self, key: str, most: int, *, now: datetime, window: timedelta) -> datetime | None:
        return await self._writer.write(lambda db: upkeep.take_try(db, key, most, now, window))

    async def give_back_try(self, key: str) -> None:
        await self._writer.write(lambda db: db.execute(SQL["try_give_back"], (key,)))

    async def sweep(self, now: datetime, limit: int) -> int:
        return await self._writer.write(lambda db: upkeep.sweep(db, now, limit), heavy=True)

    async def reset(self) -> None:
        def done(last_seq: int | None, error: BaseException | None) -> None:
            if last_seq is not None and error is None:
                self.journal.forget(last_seq)
            answer(future, None, error)

        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._writer.submit(upkeep.reset, done, heavy=True)
        await future

    async def backup(self, path: str) -> None:
        await self._database.copy(path)

    async def check(self) -> None:
        try:
            async with asyncio.timeout(_CHECK_S):
                await self._writer.write(upkeep.beat)
        except TimeoutError as error:
            raise Unavailable(f"the store did not answer within {_CHECK_S} s") from error
        self._database.value(SQL["pulse_read"])

    async def close(self) -> None:
        await self._writer.close()
        self._database.close()

    def _topic(self, name: str, *bindings: object) -> Topic | None:
        row = self._database.row(SQL[name], bindings)
        return None if row is None else rows.topic(row, self._maps)

    def _subscription(self, name: str, *bindings: object) -> Subscription | None:
        row = self._database.row(SQL[name], bindings)
        return None if row is None else rows.subscription(row, self._maps)
