"""A real SMTP server that keeps what it is given: the other side of every test about mail.

Runs in a thread with a loop of its own, so that tests with and without asyncio may use it. It listens on a free port of
127.0.0.1. Tests set its answers: `refuse` decides per stage, `pause` holds mails back before they are acknowledged.
"""

from __future__ import annotations

import asyncio
import email
import email.policy
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any, Self

from aiosmtpd.smtp import SMTP, AuthResult

from tests.support.patience import PATIENCE_S

Refuse = Callable[[str, str], str | None]
"""(stage, address) -> an SMTP reply such as `550 5.1.1 no such user`, or None to go on. Stages: mail, rcpt, data."""


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail as it was accepted: the SMTP envelope, the octets, and what the standard parser makes of them."""

    sender: str
    recipients: tuple[str, ...]
    raw: bytes
    message: EmailMessage
    connection: int
    options: tuple[str, ...]
    user: str

    def text(self) -> str:
        """The plain text part."""
        part = self.message.get_body(("plain",))
        return part.get_content().replace("\r\n", "\n") if part is not None else ""

    def html(self) -> str:
        """The HTML part, empty if there is none."""
        part = self.message.get_body(("html",))
        return part.get_content().replace("\r\n", "\n") if part is not None else ""


class Mailbox:
    """An SMTP server that accepts and records.

    tls: offers STARTTLS with it, or speaks TLS from the first byte with `implicit_tls`. users: name -> password, then
    mail needs AUTH. smtputf8: whether the extension is offered.
    """

    def __init__(
        self,
        *,
        tls: ssl.SSLContext | None = None,
        implicit_tls: bool = False,
        users: Mapping[str, str] | None = None,
        smtputf8: bool = True,
    ) -> None:
        self.messages: list[Mail] = []
        self.connections = 0
        self.refuse: Refuse = lambda _stage, _address: None
        self.port = 0
        self._tls = tls
        self._implicit_tls = implicit_tls
        self._users = users
        self._smtputf8 = smtputf8
        self._taken = 0
        self._arrived = threading.Condition()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._open: asyncio.Event | None = None
        self._transports: set[asyncio.BaseTransport] = set()

    @property
    def url(self) -> str:
        """What `TIDINGS_SMTP_URL` would say, without user and password."""
        return f"{'smtps' if self._implicit_tls else 'smtp'}://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Listen; after a `stop` on the same port again."""
        ready = threading.Event()
        failure: list[BaseException] = []
        self._thread = threading.Thread(target=self._run, args=(ready, failure), daemon=True)
        self._thread.start()
        ready.wait()
        if failure:
            raise failure[0]

    def stop(self) -> None:
        """Stop listening and drop every connection. Safe to repeat."""
        if self._loop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        self._loop = self._thread = None

    def pause(self) -> None:
        """Take mails, but leave their last reply out until `resume`."""
        self._on_loop(lambda gate: gate.clear())

    def resume(self) -> None:
        self._on_loop(lambda gate: gate.set())

    def drop_connections(self) -> None:
        """Cut every connection as a restarting relay does; keep listening."""
        self._on_loop(lambda _gate: [transport.abort() for transport in list(self._transports)])  # type: ignore[attr-defined]

    def next(self, timeout_s: float = PATIENCE_S) -> Mail:
        """The oldest mail that `next` has not returned yet; waits for it. Raises TimeoutError."""
        self.wait_for(self._taken + 1, timeout_s)
        self._taken += 1
        return self.messages[self._taken - 1]

    def skip(self) -> None:
        """`next` returns none of the mails that are here now."""
        self._taken = len(self.messages)

    async def next_async(self, timeout_s: float = PATIENCE_S) -> Mail:
        """`next` for tests on an event loop."""
        return await asyncio.to_thread(self.next, timeout_s)

    def wait_for(self, count: int, timeout_s: float = PATIENCE_S) -> list[Mail]:
        """All mails once there are at least `count`. Raises TimeoutError."""
        deadline = time.monotonic() + timeout_s
        with self._arrived:
            while len(self.messages) < count:
                left = deadline - time.monotonic()
                if left <= 0 or not self._arrived.wait(left):
                    raise TimeoutError(f"{len(self.messages)} of {count} mails after {timeout_s} s")
            return list(self.messages)

    async def wait_for_async(self, count: int, timeout_s: float = PATIENCE_S) -> list[Mail]:
        return await asyncio.to_thread(self.wait_for, count, timeout_s)

    def _on_loop(self, act: Callable[[asyncio.Event], object]) -> None:
        assert self._loop is not None
        assert self._open is not None
        done = threading.Event()
        gate = self._open

        def run() -> None:
            act(gate)
            done.set()

        self._loop.call_soon_threadsafe(run)
        done.wait(10)

    def _run(self, ready: threading.Event, failure: list[BaseException]) -> None:
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        try:
            self._open = asyncio.Event()
            self._open.set()
            listening = loop.create_server(
                self._protocol, "127.0.0.1", self.port, ssl=self._tls if self._implicit_tls else None
            )
            server = loop.run_until_complete(listening)
            self.port = server.sockets[0].getsockname()[1]
            self._loop = loop
        except BaseException as exc:
            failure.append(exc)
            loop.close()
            return
        finally:
            ready.set()
        try:
            loop.run_forever()
        finally:
            server.close()
            for transport in list(self._transports):
                transport.abort()  # type: ignore[attr-defined]
            loop.run_until_complete(_finish(loop))
            loop.close()

    def _protocol(self) -> SMTP:
        self.connections += 1
        mailbox = self
        number = self.connections

        class Session(SMTP):
            def connection_made(self, transport: Any) -> None:
                mailbox._transports.add(transport)
                super().connection_made(transport)

            def connection_lost(self, error: Any) -> None:
                mailbox._transports.discard(self.transport)
                super().connection_lost(error)

        return Session(
            _Handler(mailbox, number),
            hostname="mailbox.test",
            enable_SMTPUTF8=self._smtputf8,
            tls_context=None if self._implicit_tls else self._tls,
            auth_require_tls=False,
            authenticator=self._authenticate if self._users is not None else None,
            timeout=60,
            loop=asyncio.get_event_loop(),
        )

    def _authenticate(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        name, password = data.login.decode(), data.password.decode()
        known = self._users is not None and self._users.get(name) == password
        return AuthResult(success=known, handled=False, auth_data=name)


class _Handler:
    """aiosmtpd's hooks: one object per connection."""

    def __init__(self, mailbox: Mailbox, connection: int) -> None:
        self._mailbox = mailbox
        self._connection = connection

    async def handle_MAIL(self, _server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        if self._mailbox._users is not None and not session.authenticated:
            return "530 5.7.0 sign in first"
        reply = self._mailbox.refuse("mail", address)
        if reply is None:
            envelope.mail_from = address
            envelope.mail_options.extend(options)
        return reply or "250 2.1.0 ok"

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: list[str]) -> str:
        reply = self._mailbox.refuse("rcpt", address)
        if reply is None:
            envelope.rcpt_tos.append(address)
        return reply or "250 2.1.5 ok"

    async def handle_DATA(self, _server: Any, session: Any, envelope: Any) -> str:
        mailbox = self._mailbox
        reply = mailbox.refuse("data", envelope.rcpt_tos[0])
        if reply is not None:
            return reply
        raw = bytes(envelope.original_content or b"")
        message = email.message_from_bytes(raw, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        mail = Mail(
            sender=envelope.mail_from,
            recipients=tuple(envelope.rcpt_tos),
            raw=raw,
            message=message,
            connection=self._connection,
            options=tuple(envelope.mail_options),
            user=str(session.auth_data or ""),
        )
        with mailbox._arrived:
            mailbox.messages.append(mail)
            mailbox._arrived.notify_all()
        assert mailbox._open is not None
        await mailbox._open.wait()
        return f"250 2.0.0 kept as {len(mailbox.messages)}"


async def _finish(loop: asyncio.AbstractEventLoop) -> None:
    """Let every task of the loop end, so that nothing is left to be collected noisily."""
    await asyncio.sleep(0)
    tasks = [task for task in asyncio.all_tasks(loop) if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.sleep(0)
    await loop.shutdown_asyncgens()
