"""Sends mails: a bounded queue before a few workers, each with a connection of its own that it keeps while there is work.

Called by delivery; what it sends is made by `channels/mime`. Outcomes follow SMTP: 2xx delivered, 4xx and trouble with the
connection or TLS later, 5xx refused. Never decides when to try again.
Source: RFC 5321 (4.2.1 reply severities, 4.5.4.1 sending strategy).
"""

from __future__ import annotations

import asyncio
from time import monotonic

import aiosmtplib
import structlog

from tidings.channels.email.relay import Connection, tls_context
from tidings.channels.mime import DkimKey, Mail, mail_of, octets
from tidings.domain.envelope import Outgoing, Permit
from tidings.domain.outcomes import Busy, Delivered, Outcome, Refused, RetryLater
from tidings.domain.ports import Settle
from tidings.wire.mail_address import read_sender
from tidings.wire.smtp_url import SmtpUrl

CONNECTIONS_MAX = 8
"""Relays commonly allow 10-20 at a time from one client."""
HELD_MAX = 1_000
"""Mails waiting in memory: a few seconds of work for eight connections. What does not fit waits as rows."""
IDLE_S = 10.0
"""An idle connection stays open this long for the next mail; relays drop theirs after minutes."""
WAIT_S = 20.0
"""A mail that waited longer goes back as a row: whoever handed it over may count it as lost soon after its time-out."""
BUSY_AFTER_S = 5.0
CLOSE_S = 15.0
REPLY_CHARACTERS = 200

_SIGN_IN_REPLIES = frozenset({530, 534, 535, 538})
"""RFC 4954: our credentials are wrong or missing. Nobody's mail should be lost for what the operator can mend."""
_TROUBLE = (aiosmtplib.SMTPException, OSError, asyncio.IncompleteReadError)

_Item = tuple[Outgoing, Settle, float]  # the last: since when it waits, monotonic

_log = structlog.get_logger(__name__)


class EmailChannel:
    """Mail through the operator's relay.

    relay: where mail goes. mail_from: `Name <address>`; a topic's display name replaces the name. dkim: signs every
    mail when given. Raises ValueError for an address that cannot be read.
    """

    protocols = frozenset({"email", "email-json"})

    def __init__(
        self,
        permit: Permit,
        *,
        relay: SmtpUrl,
        mail_from: str = "Tidings <no-reply@localhost>",
        dkim: DkimKey | None = None,
        connections_max: int = CONNECTIONS_MAX,
        held_max: int = HELD_MAX,
    ) -> None:
        self._permit = permit
        self._relay = relay
        self._context = tls_context(self._relay)
        self._mail_from = mail_from
        self._greeting = read_sender(mail_from).domain
        self._dkim = dkim
        self._connections_max = connections_max
        self._held_max = held_max
        self._waiting: asyncio.Queue[_Item | None] = asyncio.Queue()  # None: go home
        self._workers: set[asyncio.Task[None]] = set()
        self._idle = 0
        self._closing = False

    def send(self, outgoing: Outgoing, settle: Settle) -> None:
        """Queue a mail; `Busy` when the queue is full or the channel is closing."""
        if self._closing or self._waiting.qsize() >= self._held_max:
            settle(outgoing, Busy(BUSY_AFTER_S))
            return
        self._waiting.put_nowait((outgoing, settle, monotonic()))
        if self._waiting.qsize() > self._idle and len(self._workers) < self._connections_max:
            self._hire()

    async def close(self) -> None:
        """Give back what waits, let what was started end (for at most `CLOSE_S`), and say good-bye to the relay."""
        self._closing = True
        self._give_back()
        for _ in range(self._idle):
            self._waiting.put_nowait(None)
        workers = list(self._workers)
        if workers:
            _, late = await asyncio.wait(workers, timeout=CLOSE_S)
            for worker in late:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
        await asyncio.sleep(0)  # lets the event loop forget the closed connections

    def _hire(self) -> None:
        worker = asyncio.get_running_loop().create_task(self._work())
        self._workers.add(worker)
        worker.add_done_callback(self._left)

    def _left(self, worker: asyncio.Task[None]) -> None:
        self._workers.discard(worker)
        if not worker.cancelled() and worker.exception() is not None:
            _log.error("mail worker ended", exc_info=worker.exception())
        if not self._waiting.empty() and not self._closing and not self._workers:
            self._hire()

    async def _work(self) -> None:
        connection = Connection(self._relay, self._context, self._greeting)
        try:
            while (item := await self._next()) is not None:
                outgoing, settle, since = item
                if monotonic() - since > min(WAIT_S, outgoing.timeout_s):
                    settle(outgoing, Busy(BUSY_AFTER_S))
                    continue
                try:
                    outcome = await self._attempt(connection, outgoing)
                except asyncio.CancelledError:
                    settle(outgoing, RetryLater("stopped while sending"))
                    raise
                settle(outgoing, outcome)
            await connection.quit()
        finally:
            connection.abort()

    async def _next(self) -> _Item | None:
        """The next mail, or None when there was none for a while."""
        if not self._waiting.empty():
            return self._waiting.get_nowait()
        if self._closing:
            return None
        self._idle += 1
        try:
            async with asyncio.timeout(IDLE_S):
                return await self._waiting.get()
        except TimeoutError:
            # A mail may have come in the same turn as the time-out, counting on this worker.
            return None if self._waiting.empty() else self._waiting.get_nowait()
        finally:
            self._idle -= 1

    async def _attempt(self, connection: Connection, outgoing: Outgoing) -> Outcome:
        try:
            mail = mail_of(outgoing, self._mail_from)
            raw = octets(mail, self._dkim)
        except ValueError as exc:
            return Refused(str(exc))
        except Exception as exc:  # noqa: BLE001 - as below
            _log.error("a mail could not be composed", message=outgoing.message.id, exc_info=exc)
            return RetryLater(f"internal: {type(exc).__name__}")
        try:
            async with asyncio.timeout(outgoing.timeout_s):
                return await self._converse(connection, outgoing, mail, raw)
        except TimeoutError:
            connection.abort()
            return RetryLater(f"no answer from the mail relay within {outgoing.timeout_s:g} s")
        except _TROUBLE as exc:
            connection.abort()
            return RetryLater(_short(f"mail relay: {_told(exc)}"))
        except Exception as exc:  # noqa: BLE001 - a bug must cost neither the mail nor the worker
            connection.abort()
            _log.error("mail attempt failed", message=outgoing.message.id, exc_info=exc)
            return RetryLater(f"internal: {type(exc).__name__}")

    async def _converse(self, connection: Connection, outgoing: Outgoing, mail: Mail, raw: bytes) -> Outcome:
        while True:
            was_open = await self._open(connection)
            if mail.utf8 and not connection.takes_utf8():
                return Refused("the mail relay does not take addresses beyond ASCII (SMTPUTF8)")
            refusal = self._permit(outgoing)
            if refusal is not None:
                return refusal
            try:
                await connection.begin(mail, len(raw))
            except aiosmtplib.SMTPServerDisconnected:
                if not was_open:
                    raise
                # The relay had closed an idle connection; nothing has left yet.
                connection.abort()
                continue
            except aiosmtplib.SMTPResponseException as exc:
                return await self._refused(connection, exc)
            try:
                return Delivered(_short(await connection.finish(mail, raw)))
            except aiosmtplib.SMTPResponseException as exc:
                return await self._refused(connection, exc)

    async def _open(self, connection: Connection) -> bool:
        try:
            return await connection.open()
        except (Exception, asyncio.CancelledError):
            # Whoever waits would meet the same: as rows they wait without losing an attempt.
            self._give_back()
            raise

    async def _refused(self, connection: Connection, exc: aiosmtplib.SMTPResponseException) -> Outcome:
        outcome = outcome_of(exc.code, exc.message)
        if exc.code == 421:
            connection.abort()
        else:
            try:
                await connection.reset()
            except _TROUBLE:
                connection.abort()
        return outcome

    def _give_back(self) -> None:
        # First all out, then settled: settling may send again.
        items = [self._waiting.get_nowait() for _ in range(self._waiting.qsize())]
        for item in items:
            if item is not None:
                item[1](item[0], Busy(BUSY_AFTER_S))


def outcome_of(code: int, text: str) -> Outcome:
    """What a reply other than success means. Enhanced codes (RFC 3463) stay in the reason for people."""
    reason = _short(f"{code} {text}")
    if 500 <= code <= 599 and code not in _SIGN_IN_REPLIES:
        return Refused(reason)
    return RetryLater(reason)


def _told(exc: Exception) -> str:
    if isinstance(exc, aiosmtplib.SMTPResponseException):
        return f"{exc.code} {exc.message}"
    return str(exc) or type(exc).__name__


def _short(text: str) -> str:
    return " ".join(text.split())[:REPLY_CHARACTERS]
