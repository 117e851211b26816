"""The one HTTP port: makes a `WireRequest` of what came in, asks each front end in order whether it is its own, and sends its
answer. Measures and logs what was asked and answered.

Started and stopped by `wiring`; hands on to `dialects` and `pages` through `dialects.contract`, and to the house's own `doors`.
Knows no cloud and no setting, and decides nothing about a request but its size and its patience. A request's parts that no
text can hold arrive as hyper leaves them: bytes of a path that are not UTF-8 as U+FFFD, header values that are not ASCII not
at all. Sources: RFC 9110, RFC 9112; granian's RSGI specification.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import structlog
from granian._granian import RSGIHTTPProtocol as HTTPProtocol
from granian._granian import RSGIProtocolClosed as ProtocolClosed
from granian.rsgi import Scope

from tidings.dialects.contract import Dialect, WireRequest, WireResponse
from tidings.domain.errors import Unavailable
from tidings.domain.links import without_secret
from tidings.observe.metrics import Metrics
from tidings.server.doors import Door, Doors
from tidings.server.listener import Listener
from tidings.server.proxies import Network, Proxies
from tidings.server.spool import FileResponse, Spool

BODY_BYTES_MAX = 2 * 1024 * 1024
BODIES_BYTES_MAX = 256 * 1024 * 1024
"""All request bodies held at one time: bounds memory whatever the number of connections."""
BODY_PATIENCE_S = 30.0
"""A body must be here by then; whoever is slower is holding a connection, not sending a notification."""
DISCARD_FACTOR = 8
"""A body up to this many times too long is read and thrown away, so that its sender reads our 413 instead of a reset."""
SLOW_S = 1.0
CLIENT_GONE = 499
"""What metrics call a request whose caller left before the answer."""
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
_ALLOW = ("allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
_CLOSE = ("connection", "close")
_SERVER = ("server", "tidings")
_HOUSE = "house"
_NOBODY = "none"
_PATH_SHOWN_MAX = 200

log = structlog.get_logger("tidings.server")


class _Refused(Exception):
    """The server itself will not take the request."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


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
        listen: tuple[str, int] = ("127.0.0.1", 0),
        tls: tuple[Path, Path] | None = None,
        trusted_proxies: Iterable[Network] = (),
        body_bytes_max: int = BODY_BYTES_MAX,
        body_patience_s: float = BODY_PATIENCE_S,
        refresh: Callable[[], Awaitable[None]] | None = None,
        spool_directory: Path | None = None,
    ) -> None:
        """ready: raises a TidingsError while work cannot be taken. certificates: PEM by file name, None if there is none.
        tls: PEM files of certificate chain and key. refresh: brings the gauges of `metrics` up to date before they are shown.
        spool_directory: where long answers wait for their readers; None means the system's directory for such files.
        """
        self._dialects = tuple(dialects)
        self._metrics = metrics
        self._new_request_id = new_request_id
        self._doors = Doors(metrics, ready, certificates, refresh)
        self._proxies = Proxies(trusted_proxies)
        self._spool = Spool(spool_directory)
        self._listener = Listener(listen, tls)
        self._scheme = "https" if tls else "http"
        self._body_bytes_max = body_bytes_max
        self._body_patience_s = body_patience_s
        self._bodies_bytes = 0
        self._logs_all = False
        self._under_way: set[asyncio.Task[object]] = set()
        self._reading: dict[asyncio.Task[object], float] = {}  # who waits for a body, until when
        self._sweeper: asyncio.Task[None] | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Host and port; the real port once bound."""
        return self._listener.address

    def bind(self) -> tuple[str, int]:
        """Take the port before `start`, so that a public URL can be made of it. Safe to repeat. Raises Unavailable."""
        self._listener.bind()
        return self.address

    def serve(self, dialects: Sequence[Dialect]) -> None:
        """Ask these front ends, in this order, instead of those given before: some need the address that `bind` found."""
        self._dialects = tuple(dialects)

    async def start(self) -> None:
        """Answer from now on. Raises Unavailable (port taken, certificate unusable)."""
        self._logs_all = log.is_enabled_for(logging.DEBUG)
        await self._listener.start(self._serve)
        self._sweeper = asyncio.get_running_loop().create_task(self._end_slow_bodies(), name="slow-bodies")

    async def stop(self) -> None:
        """Refuse new connections, let requests under way finish for a few seconds, close. Safe to repeat."""
        await self._listener.stop(self._cut_off)
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        self._spool.close()

    def _cut_off(self) -> None:
        for task in self._under_way:
            task.cancel()

    async def _serve(self, scope: Scope, protocol: HTTPProtocol) -> None:
        """One request, from granian's callback to the answer. Whatever happens ends here."""
        started = perf_counter()
        task = asyncio.current_task()
        assert task is not None
        self._under_way.add(task)
        request_id = self._new_request_id()
        headers: dict[str, str] = {}
        for key, value in scope.headers.items():
            headers[key] = f"{headers[key]},{value}" if key in headers else value
        peer = scope.client.rpartition(":")[0].strip("[]")
        remote, scheme, host = self._proxies.resolve(peer, self._scheme, headers)
        name, status, held = _NOBODY, CLIENT_GONE, 0
        body, refused = b"", None
        try:
            if "content-length" in headers or "transfer-encoding" in headers:
                try:
                    held = self._hold(headers)
                    body = await self._body(protocol, headers, task)
                except _Refused as error:
                    refused = error
            request = WireRequest(
                scope.method, scope.path, scope.query_string, headers, body, remote, scheme, host, request_id
            )
            name, response = await self._answer(request, refused)
            status = self._send(protocol, request_id, response)
        except ProtocolClosed:
            status = CLIENT_GONE
        except Exception:  # noqa: BLE001  a front end failed where it may not (`owns`, `failure`)
            _log_failure(name, scope.method, scope.path, request_id)
            status = 500
            protocol.response_bytes(status, [("content-type", "text/plain")], b"internal error\n")
        finally:
            self._under_way.discard(task)
            self._bodies_bytes -= held
            seconds = perf_counter() - started
            self._metrics.request(name, status, seconds)
            if self._logs_all or status >= 400 or seconds > SLOW_S:
                _log_access(scope, status, seconds, name, remote, request_id)

    def _hold(self, headers: Mapping[str, str]) -> int:
        """Reserve room for the body that was announced; returns how much. Raises _Refused."""
        length = headers.get("content-length", "")
        if not length:
            size = self._body_bytes_max  # chunked: it may become this long
        elif length.isdecimal() and length.isascii():
            size = min(int(length), self._body_bytes_max)
        else:
            raise _Refused(400, "malformed Content-Length")
        if self._bodies_bytes + size > BODIES_BYTES_MAX:
            raise _Refused(503, "too many requests are being read; try again")
        self._bodies_bytes += size
        return size

    async def _body(self, protocol: HTTPProtocol, headers: Mapping[str, str], task: asyncio.Task[object]) -> bytes:
        """The whole body. Raises _Refused (too long, too slow), ProtocolClosed (cut off)."""
        length = headers.get("content-length", "")
        if length == "0":
            return b""
        self._reading[task] = perf_counter() + self._body_patience_s
        try:
            if length and int(length) <= self._body_bytes_max:
                return bytes(await protocol())
            # A chunked body that breaks off ends like one that is complete; what matters is signed or parsed anyway.
            return await self._streamed(protocol, int(length) if length else 0)
        except asyncio.CancelledError:
            if perf_counter() < self._reading[task]:
                raise  # somebody else wants us to end
            task.uncancel()
            raise _Refused(408, "the request's body did not arrive in time") from None
        finally:
            del self._reading[task]

    async def _end_slow_bodies(self) -> None:
        """One look a second at who reads for too long: a timer for each request would cost as much as the rest of it."""
        while True:
            await asyncio.sleep(min(1.0, self._body_patience_s / 4))
            now = perf_counter()
            for task, deadline in list(self._reading.items()):
                if deadline > now:
                    break  # the dict is in the order of arrival
                task.cancel()

    async def _streamed(self, protocol: HTTPProtocol, announced: int) -> bytes:
        """A body of unknown or too great length; after the limit it is only counted."""
        most = self._body_bytes_max
        if announced > most * DISCARD_FACTOR:
            raise _Refused(413, f"the request's body is longer than {most} bytes")
        chunks: list[bytes] = []
        size = 0
        async for chunk in protocol:
            size += len(chunk)
            if size <= most:
                chunks.append(chunk)
            elif size > most * DISCARD_FACTOR:
                break
            else:
                chunks.clear()
        if size > most:
            raise _Refused(413, f"the request's body is longer than {most} bytes")
        return b"".join(chunks)

    async def _answer(self, request: WireRequest, refused: _Refused | None) -> tuple[str, WireResponse]:
        """The answer, and the name of who gave it."""
        if request.method not in _METHODS:
            if request.method == "OPTIONS":
                return _HOUSE, WireResponse(204, headers=(_ALLOW,))
            return _HOUSE, WireResponse(405, b"method not allowed\n", headers=(_ALLOW,))
        door = self._doors.find(request.path)
        if door is not None:
            return _HOUSE, await _through(door, request, refused)
        for dialect in self._dialects:
            if dialect.owns(request):
                return dialect.name, await self._spoken(dialect, request, refused)
        return _NOBODY, WireResponse(404, b"not found\n")

    async def _spoken(self, dialect: Dialect, request: WireRequest, refused: _Refused | None) -> WireResponse:
        """The dialect's answer, in its own form even where the server gives it."""
        if refused is not None:
            response = dialect.failure(request, refused.status, refused.detail)
            # What is left of the body is not read, so that the connection cannot be used again.
            return replace(response, headers=(*response.headers, _CLOSE))
        try:
            response = await dialect.handle(request)
            return response if isinstance(response.body, bytes) else await self._whole(request, response)
        except Unavailable as error:  # from an iterator, or the disk: in a front end's own work it is the front end's
            return dialect.failure(request, 503, str(error))
        except Exception:  # noqa: BLE001  this is the border: logged, and told without detail
            _log_failure(dialect.name, request.method, request.path, request.request_id)
            return dialect.failure(request, 500, "internal error")

    async def _whole(self, request: WireRequest, response: WireResponse) -> WireResponse:
        if request.method == "HEAD":
            return replace(response, body=b"")
        return await self._spool.collect(response)

    def _send(self, protocol: HTTPProtocol, request_id: str, response: WireResponse) -> int:
        """Send the answer; returns its status. Raises ProtocolClosed when nobody listens any more."""
        headers = [
            ("content-type", response.content_type),
            _SERVER,
            ("x-request-id", request_id),
            *response.headers,
        ]
        if isinstance(response, FileResponse):
            headers.append(("content-length", str(response.size)))
            try:
                protocol.response_file(response.status, headers, str(response.file))
            finally:
                self._spool.sent(response.file)
        else:
            assert isinstance(response.body, bytes)
            protocol.response_bytes(response.status, headers, response.body)
        return response.status


async def _through(door: Door, request: WireRequest, refused: _Refused | None) -> WireResponse:
    """The answer of one of the house's own doors."""
    if refused is not None:
        return WireResponse(refused.status, f"{refused.detail}\n".encode(), headers=(_CLOSE,))
    if request.method not in ("GET", "HEAD"):
        return WireResponse(405, b"method not allowed\n", headers=(("allow", "GET, HEAD, OPTIONS"),))
    try:
        return await door(request)
    except Exception:  # noqa: BLE001  the border again
        _log_failure(_HOUSE, request.method, request.path, request.request_id)
        return WireResponse(500, b"internal error\n")


def _log_failure(who: str, method: str, path: str, request_id: str) -> None:
    """Called while the exception is being handled."""
    log.exception("a request failed", dialect=who, method=method, path=_shown(path), request_id=request_id)


def _log_access(scope: Scope, status: int, seconds: float, dialect: str, remote: str, request_id: str) -> None:
    """One line a request; never its query, where tokens are."""
    if status >= 500 and status != 503:
        write = log.error
    else:
        write = log.info if status >= 400 or seconds > SLOW_S else log.debug
    write(
        "request",
        method=scope.method,
        path=_shown(scope.path),
        status=status,
        ms=round(seconds * 1000, 1),
        dialect=dialect,
        remote=remote,
        request_id=request_id,
    )


def _shown(path: str) -> str:
    return without_secret(path)[:_PATH_SHOWN_MAX]
