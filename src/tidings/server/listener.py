"""The listening socket and the HTTP server behind it: granian, embedded in our event loop. Used by `tidings.server` only.

This file alone knows granian's server; what it calls for each request is handed in. Knows no route, no dialect, no setting.
Sources: granian's README (embedded server, RSGI specification); socket(7) for the options.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import structlog
from granian._granian import RSGIHTTPProtocol as HTTPProtocol
from granian._granian import SocketHolder
from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.http import HTTP1Settings
from granian.rsgi import Scope
from granian.server.embed import Server as GranianServer

from tidings.domain.errors import Unavailable

STOP_PATIENCE_S = 5.0
"""How long requests under way may take to finish after `stop`."""
KEEP_ALIVE_MS = 75_000
"""Longest wait for a request's headers, and so for the next request: longer than the 60 s for which load balancers keep a connection."""
HEADERS_BYTES_MAX = 64 * 1024
CONNECTIONS_MAX = 10_000
ACCEPT_QUEUE = 1024
# Granian would install log handlers on standard output unless told to touch nothing.
_LOGGING_AS_IT_IS = {"version": 1, "incremental": True, "formatters": {}, "handlers": {}, "loggers": {}}

Answer = Callable[[Scope, HTTPProtocol], Awaitable[None]]
log = structlog.get_logger("tidings.server")


class _Embedded(GranianServer):
    """Granian on a socket of ours: bound once (granian's own would share its port with any second server), on port 0 too."""

    def __init__(self, bound: socket.socket, answer: Answer, **options: Any) -> None:
        super().__init__(answer, **options)
        self._bound = bound

    def _init_shared_socket(self) -> None:
        # Observed: granian 2.8; its type stubs know no constructor.
        holder: Any = SocketHolder
        self._shd = holder(self._bound.detach(), False, ACCEPT_QUEUE)  # file descriptor, is it a Unix socket, queue
        self._ssp = None


class Listener:
    """One port, from `bind` to `stop`."""

    def __init__(self, listen: tuple[str, int], tls: tuple[Path, Path] | None) -> None:
        self._tls = tls
        self._socket: socket.socket | None = None
        self._granian: Any = None
        self._running: asyncio.Task[None] | None = None
        self.address = listen

    def bind(self) -> None:
        """Take the port; callers wait in its queue until `start`. Safe to repeat. Raises Unavailable."""
        if self._socket is None and self._running is None:
            self._socket = _bound(*self.address)
            self.address = self._socket.getsockname()[:2]

    async def start(self, answer: Answer) -> None:
        """Call `answer` for each request from now on. Raises Unavailable (port taken, certificate unusable)."""
        self.bind()
        assert self._socket is not None
        certificate, key = self._tls or (None, None)
        try:
            self._granian = _Embedded(
                self._socket,
                answer,
                interface=Interfaces.RSGI,
                http=HTTPModes.http1,
                websockets=False,
                backlog=ACCEPT_QUEUE,
                backpressure=CONNECTIONS_MAX,
                http1_settings=HTTP1Settings(header_read_timeout=KEEP_ALIVE_MS, max_buffer_size=HEADERS_BYTES_MAX),
                log_enabled=False,
                log_dictconfig=_LOGGING_AS_IT_IS,
                ssl_cert=certificate,
                ssl_key=key,
                ssl_protocol_min=SSLProtocols.tls12,
            )
        except OSError as error:  # ssl.SSLError is one
            self._close_socket()
            raise Unavailable(f"cannot use the TLS certificate {certificate} with the key {key}: {error}") from error
        self._running = asyncio.get_running_loop().create_task(self._granian.serve(), name="http-server")
        await asyncio.sleep(0)  # one step: granian takes the socket and starts its thread, or fails
        self._socket = None
        if self._running.done():
            self._running.result()

    async def stop(self, cut_off: Callable[[], None]) -> None:
        """Refuse new connections, let requests under way finish for a few seconds, close. Safe to repeat.

        cut_off: ends what is still under way then.
        """
        self._close_socket()
        if self._running is None or self._granian is None:
            return
        self._granian.stop()
        done, _ = await asyncio.wait({self._running}, timeout=STOP_PATIENCE_S)
        if not done:
            log.warning("requests were cut off", after_s=STOP_PATIENCE_S)
            cut_off()
            await asyncio.wait({self._running}, timeout=STOP_PATIENCE_S)
        self._running = None

    def _close_socket(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


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
