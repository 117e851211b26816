"""Keeps one bind up: connects, binds, asks whether the SMSC is there, and begins again after every loss, with growing patience.

Made by `channel`, one for each URL. What is said on the connection is `session`'s.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass

import structlog

from tidings.channels.sms.session import Session, SessionOwner, Stage
from tidings.channels.sms.text import Timing
from tidings.wire.smpp import statuses
from tidings.wire.smpp.tls import context_of
from tidings.wire.smpp.url import SmppUrl

PROBLEM_CHARACTERS_MAX = 300
STEADY = 10
"""A bind that held ten times the first patience was a good one; one that is dropped at once is asked for less and less often."""

_log = structlog.get_logger(__name__)


class BindRefused(Exception):
    """The SMSC does not want us: a wrong password, mostly."""


@dataclass(frozen=True, slots=True)
class BindStatus:
    """How a bind is, for people. `problem`: why it is not up, empty when it is. `in_flight`: submit_sm not answered yet."""

    name: str
    source: str
    is_up: bool
    problem: str
    in_flight: int


class Bind:
    def __init__(self, url: SmppUrl, owner: SessionOwner, timing: Timing, *, wants_receipts: bool) -> None:
        self.url = url
        self.session: Session | None = None
        self.problem = "not connected yet"
        self._owner = owner
        self._timing = timing
        self._wants_receipts = wants_receipts
        self._task: asyncio.Task[None] | None = None
        self._closing = False

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run())

    @property
    def is_up(self) -> bool:
        return self.session is not None and self.session.stage is Stage.BOUND

    def status(self) -> BindStatus:
        in_flight = self.session.in_flight if self.session is not None else 0
        return BindStatus(self.url.name, self.url.source, self.is_up, "" if self.is_up else self.problem, in_flight)

    async def close(self) -> None:
        """Unbind and go."""
        self._closing = True
        session, task = self.session, self._task
        if session is not None:
            await session.unbind()
            await asyncio.wait([session.lost], timeout=self._timing.answer)
            session.abort("closed")
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        again_s = self._timing.again
        while not self._closing:
            was_up = False
            try:
                was_up = await self._stay()
            except TimeoutError:
                self.problem = "the SMSC did not answer in time"
            except (OSError, BindRefused) as exc:
                self.problem = (str(exc) or type(exc).__name__)[:PROBLEM_CHARACTERS_MAX]
            except Exception as exc:  # noqa: BLE001 - a bug must not cost the bind for ever
                self.problem = f"internal: {type(exc).__name__}"
                _log.error("bind failed", bind=self.url.name, exc_info=exc)
            if self._closing:
                return
            again_s = self._timing.again if was_up else again_s
            _log.warning("bind is down", bind=self.url.name, problem=self.problem, again_s=again_s)
            await asyncio.sleep(again_s * random.uniform(0.8, 1.2))  # noqa: S311 - so that binds do not knock all at once
            again_s = min(2 * again_s, self._timing.again_max)

    async def _stay(self) -> bool:
        """Connect, bind, and stay until the connection is lost; True: it had been bound for so long that patience begins anew."""
        loop = asyncio.get_running_loop()
        session: Session | None = None
        try:
            async with asyncio.timeout(self._timing.connect):
                context = context_of(self.url)
                _, session = await loop.create_connection(self._session, self.url.host, self.url.port, ssl=context)
            status = await session.bind()
            if status != statuses.OK:
                raise BindRefused(f"the SMSC refuses the bind: {statuses.name(status)}")
            self.session = session
            bound_at = loop.time()
            _log.info("bound", bind=self.url.name)
            self._owner.moved()
            await self._watch(session)
            self.problem = session.problem[:PROBLEM_CHARACTERS_MAX]
            return loop.time() - bound_at > STEADY * self._timing.again
        finally:
            self.session = None
            if session is not None and not session.lost.done():
                session.abort("left")

    def _session(self) -> Session:
        return Session(self.url, self._owner, self._timing, wants_receipts=self._wants_receipts)

    async def _watch(self, session: Session) -> None:
        """Ask regularly, and leave when there is no answer. Returns when the connection is lost."""
        while not session.lost.done():
            await asyncio.wait([session.lost], timeout=self._timing.enquire)
            try:
                if not session.lost.done():
                    await session.enquire()
            except TimeoutError:
                session.abort("the SMSC does not answer enquire_link")
                await asyncio.wait([session.lost])
            except ConnectionError:
                return
