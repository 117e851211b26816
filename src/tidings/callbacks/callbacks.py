"""Tells applications the outcomes of their texts, what people replied, and who opted out or in: by POST to their own addresses.

Made and started by `wiring`; woken by commits. Finds the applications that want to be told, and gives each callback a feed of its own,
so that no receiver waits for another. Goes out through the web hooks' channel with its egress rules. Never called by a request handler,
never changes what it tells.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

import structlog

from tidings.callbacks.feed import URLS, CallbackStatus, Feed, FeedContext, WholeStore
from tidings.domain.model import AccountId
from tidings.domain.optout import SmsApplication
from tidings.domain.ports import Clock, Poster, Vault
from tidings.domain.unit import Unit
from tidings.observe.metrics import Metrics

POLL_S = 20.0
"""Without being woken: an administrator's command in another process may have written something."""
GATHER_S = 0.1
"""After being woken: what is committed within this time goes out together."""
STOP_GRACE_S = 5.0

_log = structlog.get_logger(__name__)


class Callbacks:
    """All callbacks of a server. `poster`: the web hooks' channel. now_s: real time, because receivers check signatures by theirs."""

    def __init__(
        self,
        store: WholeStore,
        poster: Poster,
        vault: Vault,
        clock: Clock,
        metrics: Metrics,
        *,
        now_s: Callable[[], float],
    ) -> None:
        self._context = FeedContext(store, poster, vault, clock, metrics, now_s)
        self._feeds: dict[tuple[AccountId, str, str], Feed] = {}
        self._tasks: dict[Feed, asyncio.Task[None]] = {}
        self._news = asyncio.Event()
        self._must_look = True
        self._keeper: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._keeper = asyncio.get_running_loop().create_task(self._keep())

    async def stop(self) -> None:
        """Begin no request, wait a moment for those on their way. What was not answered is told again at the next start."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        for key in list(self._feeds):
            self._end(key)
        tasks = list(self._tasks.values())
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=STOP_GRACE_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def forget(self) -> None:
        """Developer mode: the logs were emptied."""
        for feed in self._feeds.values():
            feed.save_again()

    def wake(self) -> None:
        """Something may be there to be told."""
        self._news.set()

    def committed(self, unit: Unit) -> None:
        """A unit became durable: wake if it concerns anybody here."""
        if unit.sms_applications or unit.accounts:
            self._must_look = True
            self._news.set()
        elif unit.text_reports or unit.inbound_texts or unit.blocking_rules or any(it.address for it in unit.ledger):
            self._news.set()

    def status(self) -> list[CallbackStatus]:
        """How all callbacks are, by account, application and name."""
        return [self._feeds[key].status() for key in sorted(self._feeds)]

    async def _keep(self) -> None:
        while True:
            self._news.clear()
            try:
                if self._must_look:
                    await self._look()
                for feed in self._feeds.values():
                    feed.news.set()
            except Exception as error:  # noqa: BLE001 - whatever it is, the next look may do
                _log.error("callbacks not looked up; trying again", exc_info=error)
                self._must_look = True
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_S):
                    await self._news.wait()
                    await asyncio.sleep(GATHER_S)
                    continue
            self._must_look = True

    async def _look(self) -> None:
        """Find the applications that want to be told; begin and end feeds."""
        self._must_look = False
        store, found = self._context.store, set()
        for account in await store.accounts():
            for application in await store.sms_applications(account.account_id):
                for name, setting in URLS.items():
                    if application.settings.get(setting):
                        key = application.account_id, application.app_id, name
                        found.add(key)
                        self._put(key, application)
        for key in self._feeds.keys() - found:
            self._end(key)

    def _put(self, key: tuple[AccountId, str, str], application: SmsApplication) -> None:
        feed = self._feeds.get(key)
        if feed is not None:
            feed.application = application
            return
        feed = self._feeds[key] = Feed(self._context, application, key[2])
        task = self._tasks[feed] = asyncio.get_running_loop().create_task(feed.run())
        task.add_done_callback(lambda _: self._tasks.pop(feed))

    def _end(self, key: tuple[AccountId, str, str]) -> None:
        feed = self._feeds.pop(key)
        feed.stopping = True
        feed.news.set()
