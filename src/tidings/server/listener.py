"""The listening socket and all its connections, from `bind` to `stop`. Used by `tidings.server` only.

Makes a `Connection` of each client, keeps their number bounded, and looks once a second for those whose time is over: a timer for
each request would cost as much as the rest of it. Knows no route, no dialect, no setting.
Sources: socket(7) for the options; Python's ssl module.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import structlog

from tidings.domain.errors import Unavailable
from tidings.server.connection import Connection, ServerState

STOP_PATIENCE_S = 5.0
"""How long requests under way may take to finish after `stop`."""
HANDSHAKE_PATIENCE_S = 10.0
ACCEPT_QUEUE = 1024
SWEEP_EVERY_S = 1.0

log = structlog.get_logger("tidings.server")


class Listener:
    """One port. listen: host and port, 0 for any. tls: PEM files of certificate chain and key."""

    def __init__(self, listen: tuple[str, int] = ("127.0.0.1", 0), tls: tuple[Path, Path] | None = None) -> None:
        self._tls = tls
        self._socket: socket.socket | None = None
        self._server: asyncio.Server | None = None
        self._state: ServerState | None = None
        self._sweeper: asyncio.Task[None] | None = None
        self.address = listen

    def bind(self) -> None:
        """Take the port; callers wait in its queue until `start`. Safe to repeat. Raises Unavailable."""
        if self._socket is None and self._server is None:
            self._socket = _bound(*self.address)
            self.address = self._socket.getsockname()[:2]

    @property
    def is_tls(self) -> bool:
        return self._tls is not None

    async def start(self, state: ServerState, tick: Callable[[], None]) -> None:
        """Serve connections from now on. tick: called at every look at them. Raises Unavailable (port taken, certificate unusable)."""
        self.bind()
        assert self._socket is not None
        loop = asyncio.get_running_loop()
        try:
            context = _tls_context(*self._tls) if self._tls else None
        except Unavailable:
            self._close_socket()
            raise
        self._state = state
        self._server = await loop.create_server(
            lambda: Connection(state, loop),
            sock=self._socket,
            backlog=ACCEPT_QUEUE,
            ssl=context,
            ssl_handshake_timeout=HANDSHAKE_PATIENCE_S if context else None,
        )
        self._socket = None
        self._sweeper = loop.create_task(self._sweep(state, tick), name="slow-connections")

    async def stop(self) -> None:
        """Refuse new connections, let requests under way finish for a few seconds, close. Safe to repeat."""
        self._close_socket()
        state, self._state = self._state, None
        if state is None or self._server is None:
            return
        self._server.close()
        state.is_closing = True
        for connection in list(state.connections):
            connection.wind_up()
        if not await _is_empty(state):
            log.warning("requests were cut off", after_s=STOP_PATIENCE_S, connections=len(state.connections))
            for connection in list(state.connections):
                connection.cut_off()
            if not await _is_empty(state):
                log.error("requests would not end", connections=len(state.connections))
                for connection in list(state.connections):
                    connection.abort()
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None

    async def _sweep(self, state: ServerState, tick: Callable[[], None]) -> None:
        every = min(SWEEP_EVERY_S, state.body_patience_s / 4)
        while True:
            await asyncio.sleep(every)
            try:
                tick()
                now = perf_counter()
                for connection in list(state.connections):
                    if connection.deadline < now:
                        connection.expire()
            except Exception:
                log.exception("looking for slow connections failed")

    def _close_socket(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


async def _is_empty(state: ServerState) -> bool:
    """Wait for the last connection to go, as long as our patience lasts."""
    if not state.connections:
        return True
    try:
        await asyncio.wait_for(state.empty.wait(), STOP_PATIENCE_S)
    except TimeoutError:
        return False
    return True


def _tls_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """What TLS we speak. Raises Unavailable with a text for the operator."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise Unavailable(f"cannot use the TLS certificate {certificate} with the key {key}: {error}") from error
    return context


def _no_password() -> str:
    """Instead of OpenSSL's own question on the terminal, at which a service would hang."""
    raise ValueError("the key is protected by a password")


def _bound(host: str, port: int) -> socket.socket:
    """A listening socket. Raises Unavailable with a text for the operator."""
    listening: socket.socket | None = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if host == "::":
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listening.bind(address)
        listening.listen(ACCEPT_QUEUE)
        listening.setblocking(False)
    except OSError as error:
        if listening is not None:
            listening.close()
        raise Unavailable(f"cannot listen on {host}:{port}: {error.strerror or error}") from error
    return listening
