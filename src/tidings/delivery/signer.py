"""Hands texts to the signing process and their signatures back: the Signer of the dialects' envelopes.

At most WAITING_MAX texts wait at one time; who comes then waits outside, so that a flood slows acceptance down instead of
filling memory. A signing process that dies is started again and what it owed is asked of the new one.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from pathlib import Path
from typing import cast

import structlog

from tidings.domain.errors import Unavailable

WAITING_MAX = 1024
ALGORITHMS = {"sha1": 1, "sha256": 2}
RESTART_S = 0.2

_log = structlog.get_logger(__name__)


class ProcessSigner:
    """One signing process. `certificate_url` is where receivers find the certificate."""

    def __init__(self, key_path: Path, certificate_url: str) -> None:
        self.certificate_url = certificate_url
        self._key_path = key_path
        self._transport: asyncio.SubprocessTransport | None = None
        self._waiting: deque[tuple[bytes, asyncio.Future[str]]] = deque()
        self._unsent: list[bytes] = []
        self._room = asyncio.Event()
        self._closing = False
        self._restarts: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.subprocess_exec(
            lambda: _Pipe(self),
            sys.executable,
            "-m",
            "tidings.delivery.signing_process",
            str(self._key_path),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=None,
        )
        self._unsent = [request for request, _ in self._waiting]
        self._flush()

    async def sign(self, text: bytes, algorithm: str) -> str:
        """Base64 of RSA PKCS#1 v1.5 over `sha1` or `sha256`. Raises Unavailable when stopping."""
        while len(self._waiting) >= WAITING_MAX and not self._closing:
            self._room.clear()
            await self._room.wait()
        if self._closing:
            raise Unavailable("stopping")
        loop = asyncio.get_running_loop()
        request = b"%b%c%b" % (len(text).to_bytes(4, "big"), ALGORITHMS[algorithm], text)
        future: asyncio.Future[str] = loop.create_future()
        self._waiting.append((request, future))
        if not self._unsent:
            # What is asked for in one turn of the loop goes out in one write: each would wake the other process.
            loop.call_soon(self._flush)
        self._unsent.append(request)
        return await future

    def _flush(self) -> None:
        if self._transport is None or not self._unsent:
            return  # between two processes: `start` will send what waits
        requests, self._unsent = self._unsent, []
        # uvloop's transports do not inherit from asyncio's.
        cast(asyncio.WriteTransport, self._transport.get_pipe_transport(0)).write(b"".join(requests))

    def signed(self, signature: str) -> None:
        """The process answers in the order it was asked."""
        _, future = self._waiting.popleft()
        if not future.done():
            future.set_result(signature)
        if not self._room.is_set() and len(self._waiting) < WAITING_MAX // 2:
            self._room.set()

    def ended(self) -> None:
        """The process is gone."""
        self._transport = None
        if not self._closing:
            _log.error("signing process ended; starting another", waiting=len(self._waiting))
            restart = asyncio.get_running_loop().create_task(self._restart())
            self._restarts.add(restart)
            restart.add_done_callback(self._restarts.discard)

    async def _restart(self) -> None:
        await asyncio.sleep(RESTART_S)
        await self.start()

    async def close(self) -> None:
        """End the process; what still waits is told Unavailable."""
        self._closing = True
        for restart in self._restarts:
            restart.cancel()
        if self._transport is not None:
            self._transport.close()
        self._room.set()
        while self._waiting:
            _, future = self._waiting.popleft()
            if not future.done():
                future.set_exception(Unavailable("stopping"))


class _Pipe(asyncio.SubprocessProtocol):
    """Cuts the process's output into signatures."""

    def __init__(self, signer: ProcessSigner) -> None:
        self._signer = signer
        self._pending = bytearray()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        pending = self._pending
        pending += data
        start = 0
        while len(pending) - start >= 2:
            end = start + 2 + int.from_bytes(pending[start : start + 2], "big")
            if len(pending) < end:
                break
            self._signer.signed(pending[start + 2 : end].decode())
            start = end
        del pending[:start]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def process_exited(self) -> None:
        self._transport.close()
        self._signer.ended()
