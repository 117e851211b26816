"""The one HTTP port: makes a `WireRequest` of what came in, asks each front end in order whether it is its own, and sends its
answer. Measures and logs what was asked and answered.

Started and stopped by `wiring`; hands on to `dialects` and `pages` through `dialects.contract`, and to `system_endpoints`.
Knows no cloud and no setting, and decides nothing about a request but its size and its patience. Inside: `listener` has the port
and the `connection`s, each with an `intake` (bytes in, requests out); `reply` and `stream` make bytes of answers. A request's parts
that no text can hold: bytes of a path that are not UTF-8 arrive as U+FFFD, header values that are not UTF-8 as Latin-1.
Sources: RFC 9110, RFC 9112.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from time import perf_counter

import structlog

from tidings.dialects.contract import Claim, Dialect, WireRequest, WireResponse
from tidings.domain.errors import Unavailable
from tidings.domain.links import without_secret
from tidings.observe.metrics import Metrics
from tidings.server.connection import Connection, ServerState
from tidings.server.intake import Arrived, Malformed
from tidings.server.listener import Listener
from tidings.server.proxies import Network, Proxies
from tidings.server.refusal import Refusal
from tidings.server.reply import Heads, is_bodiless
from tidings.server.shares import connections_max
from tidings.server.stream import Stream, begun
from tidings.server.system_endpoints import SystemEndpoint, SystemEndpoints
from tidings.wire.clients import client_group

BODY_BYTES_MAX = 2 * 1024 * 1024
BODY_PATIENCE_S = 30.0
"""A body must be here by then; whoever is slower is holding a connection, not sending a notification."""
SLOW_S = 1.0
CLIENT_GONE = 499
"""What metrics call a request whose caller left before the answer."""
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
_ALLOW = ("allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
_SERVER = "server"
_NOBODY = "none"
_PATH_SHOWN_MAX = 200

log = structlog.get_logger("tidings.server")


class Server:
    """Answers on one port until stopped."""

    def __init__(
        self,
        dialects: Sequence[Dialect],
        *,
        metrics: Metrics,
        ready: Callable[[], Awaitable[None]],
        certificates: Callable[[str], bytes | None],
        new_request_id: Callable[[], str],
        listener: Listener,
        trusted_proxies: Iterable[Network] = (),
        body_bytes_max: int = BODY_BYTES_MAX,
        body_patience_s: float = BODY_PATIENCE_S,
        refresh: Callable[[], Awaitable[None]] | None = None,
        security_contact: str = "",
    ) -> None:
        """ready: raises a TidingsError while work cannot be taken. certificates: PEM by file name, None if there is none.
        refresh: brings the gauges of `metrics` up to date before they are shown.
        security_contact: the URI for security.txt; empty: there is no such file.
        """
        self._dialects = tuple(dialects)
        self._metrics = metrics
        self._new_request_id = new_request_id
        self._system_endpoints = SystemEndpoints(metrics, ready, certificates, refresh, security_contact)
        self._proxies = Proxies(trusted_proxies)
        self._heads = Heads()
        self._listener = listener
        self._scheme = "https" if listener.is_tls else "http"
        self._state = ServerState(
            self._serve,
            self._complain,
            self._broken_off,
            body_bytes_max,
            body_patience_s,
            self._client_of,
            self._proxies.is_trusted,
        )
        self._logs_all = False

    @property
    def address(self) -> tuple[str, int]:
        """Host and port; the real port once bound."""
        return self._listener.address

    async def start(self) -> None:
        """Answer from now on. Raises Unavailable (port taken, certificate unusable)."""
        self._logs_all = log.is_enabled_for(logging.DEBUG)
        self._heads.tick()
        self._state.connections_max = connections_max()
        await self._listener.start(self._state, self._heads.tick)

    async def stop(self) -> None:
        """Refuse new connections, let requests under way finish for a few seconds, close. Safe to repeat."""
        await self._listener.stop()

    async def _serve(self, connection: Connection, arrived: Arrived) -> None:
        """One request, from its arrival to the end of its answer. Whatever happens ends here."""
        request_id = self._new_request_id()
        remote, scheme, host = self._proxies.resolve(connection.peer, self._scheme, arrived.headers)
        request = WireRequest(
            arrived.method, arrived.path, arrived.query, arrived.headers, arrived.body, remote, scheme, host, request_id
        )
        name, status, closes = _NOBODY, CLIENT_GONE, True
        try:
            name, response = await self._answer(request, arrived.refusal)
            body = response.body
            closes = connection.will_close(arrived)
            if isinstance(body, bytes):
                head = self._heads.head(
                    response, request_id, len(body), closes=closes, is_old=arrived.is_old, is_secure=scheme == "https"
                )
                if connection.send(head if is_bodiless(request.method, response.status) else head + body):
                    status = response.status
            else:
                closes = closes or arrived.is_old  # HTTP/1.0 knows no other end of a body without a length
                status = await self._send_stream(connection, arrived, request, response, closes)
        except Exception:  # noqa: BLE001  a front end failed where it may not: `owns`, `failure`, a header's value
            _log_failure(name, request.method, request.path, request_id)
            status, closes = 500, True
            plain = WireResponse(status, b"" if request.method == "HEAD" else b"internal error\n")
            connection.send(self._plain(plain, request_id))
        finally:
            connection.answered(arrived, closes=closes)
            seconds = perf_counter() - arrived.started
            self._metrics.request(name, status, seconds)
            if self._logs_all or status >= 400 or seconds > SLOW_S:
                _log_access(request.method, request.path, status, seconds, name, remote, request_id)

    async def _answer(self, request: WireRequest, refusal: Refusal | None) -> tuple[str, WireResponse]:
        """The answer, and the name of who gave it."""
        if request.method not in _METHODS:
            if request.method == "OPTIONS":
                return _SERVER, WireResponse(204, headers=(_ALLOW,))
            return _SERVER, WireResponse(405, b"method not allowed\n", headers=(_ALLOW,))
        endpoint = self._system_endpoints.find(request.path)
        if endpoint is not None:
            return _SERVER, await _answer_of(endpoint, request, refusal)
        dialect = self._whose(request)
        if dialect is not None:
            return dialect.name, await self._spoken(dialect, request, refusal)
        return _NOBODY, WireResponse(404, b"not found\n")

    def _whose(self, request: WireRequest) -> Dialect | None:
        fallback = None
        for dialect in self._dialects:
            claim = dialect.claim(request)
            if claim is Claim.OWN:
                return dialect
            if claim is Claim.FALLBACK and fallback is None:
                fallback = dialect
        return fallback

    async def _spoken(self, dialect: Dialect, request: WireRequest, refusal: Refusal | None) -> WireResponse:
        """The dialect's answer, in its own form even where the server gives it."""
        if refusal is not None:
            return dialect.failure(request, refusal.status, refusal.detail)
        try:
            response = await dialect.handle(request)
            if isinstance(response.body, bytes):
                return response
            return replace(response, body=await begun(response.body))
        except Unavailable as error:  # from an iterator: in a front end's own work it is the front end's
            return dialect.failure(request, 503, str(error))
        except asyncio.CancelledError:  # by Listener.stop, whose patience is over; this task ends with the answer
            return dialect.failure(request, 503, "the server is stopping")
        except Exception:  # noqa: BLE001  this is the border: logged, and told without detail
            _log_failure(dialect.name, request.method, request.path, request.request_id)
            return dialect.failure(request, 500, "internal error")

    async def _send_stream(
        self, connection: Connection, arrived: Arrived, request: WireRequest, response: WireResponse, closes: bool
    ) -> int:
        """Send an answer while it is made; returns the status to count. Cuts the connection when its making fails."""
        stream = response.body
        assert isinstance(stream, Stream)
        head = self._heads.head(
            response,
            request.request_id,
            None,
            closes=closes,
            is_old=arrived.is_old,
            is_secure=request.scheme == "https",
        )
        try:
            if is_bodiless(request.method, response.status):
                sent = connection.send(head)
            else:
                sent = await connection.send_stream(head, stream, is_chunked=not arrived.is_old)
        except asyncio.CancelledError:
            connection.abort()
            return 503
        except Exception:  # noqa: BLE001  the border again; the status has left already
            _log_failure(_NOBODY, request.method, request.path, request.request_id)
            connection.abort()
            return 500
        finally:
            await stream.close()
        return response.status if sent else CLIENT_GONE

    def _client_of(self, connection: Connection, arrived: Arrived) -> str:
        """Whose share of memory a request is: the caller's, also behind a trusted proxy."""
        return client_group(self._proxies.resolve(connection.peer, self._scheme, arrived.headers)[0])

    def _complain(self, connection: Connection, fault: Malformed) -> bytes:
        """The answer to what is no request."""
        request_id = self._new_request_id()
        self._metrics.request(_NOBODY, fault.status, 0.0)
        log.info("malformed", status=fault.status, detail=fault.detail, remote=connection.peer, request_id=request_id)
        headers = (_ALLOW,) if fault.status == 405 else ()
        return self._plain(WireResponse(fault.status, f"{fault.detail}\n".encode(), headers=headers), request_id)

    def _plain(self, response: WireResponse, request_id: str) -> bytes:
        """The last answer on its connection, in nobody's form."""
        assert isinstance(response.body, bytes)
        return (
            self._heads.head(response, request_id, len(response.body), closes=True, is_secure=self._scheme == "https")
            + response.body
        )

    def _broken_off(self, connection: Connection, arrived: Arrived) -> None:
        """Count a request whose caller left before its body was here."""
        seconds = perf_counter() - arrived.started
        remote, _, _ = self._proxies.resolve(connection.peer, self._scheme, arrived.headers)
        self._metrics.request(_NOBODY, CLIENT_GONE, seconds)
        _log_access(arrived.method, arrived.path, CLIENT_GONE, seconds, _NOBODY, remote, self._new_request_id())


async def _answer_of(endpoint: SystemEndpoint, request: WireRequest, refusal: Refusal | None) -> WireResponse:
    """The answer of one of the server's own endpoints."""
    if refusal is not None:
        return WireResponse(refusal.status, f"{refusal.detail}\n".encode())
    if request.method not in ("GET", "HEAD"):
        return WireResponse(405, b"method not allowed\n", headers=(("allow", "GET, HEAD, OPTIONS"),))
    try:
        return await endpoint(request)
    except Exception:  # noqa: BLE001  the border again
        _log_failure(_SERVER, request.method, request.path, request.request_id)
        return WireResponse(500, b"internal error\n")


def _log_failure(who: str, method: str, path: str, request_id: str) -> None:
    """Called while the exception is being handled."""
    log.exception("a request failed", dialect=who, method=method, path=_shown(path), request_id=request_id)


def _log_access(
    method: str, path: str, status: int, seconds: float, dialect: str, remote: str, request_id: str
) -> None:
    """One line a request; never its query, where tokens are."""
    if status >= 500 and status != 503:
        write = log.error
    else:
        write = log.info if status >= 400 or seconds > SLOW_S else log.debug
    write(
        "request",
        method=method,
        path=_shown(path),
        status=status,
        ms=round(seconds * 1000, 1),
        dialect=dialect,
        remote=remote,
        request_id=request_id,
    )


def _shown(path: str) -> str:
    return without_secret(path)[:_PATH_SHOWN_MAX]
