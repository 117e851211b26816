"""Long answers, written to a file before they are sent. Used by `tidings.server` for bodies that are iterators.

Granian's stream takes chunks without end while the reader is slow (observed: 2.8; 200 MB of memory for one reader who stops), but
it sends a file at the reader's pace. And an export that breaks in the middle becomes an error instead of half a file that looks
whole. The file is for its owner only and goes away as soon as it is open for sending.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tidings.dialects.contract import WireResponse
from tidings.domain.errors import Unavailable

MEMORY_BYTES = 1024 * 1024
"""What is shorter stays in memory: most exports are."""
FREE_BYTES_MIN = 512 * 1024 * 1024
"""Left free on the disk, which may be the database's: an export is not worth an outage."""
_LOOK_EVERY_BYTES = 16 * 1024 * 1024
_OPEN_BY_S = 10.0


@dataclass(frozen=True, slots=True)
class FileResponse(WireResponse):
    """An answer whose body is a file of ours."""

    file: Path = Path()
    size: int = 0


class Spool:
    """The files that are on their way. `directory`: where they are written; None means the system's."""

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory
        self._files: set[Path] = set()

    async def collect(self, response: WireResponse) -> WireResponse:
        """The same answer with its body complete. Raises what the iterator raises, and Unavailable when the disk is nearly full."""
        body = response.body
        if isinstance(body, bytes):
            return response
        try:
            return await self._collect(response, body)
        finally:
            close = getattr(body, "aclose", None)  # a generator's; other iterators hold nothing
            if close is not None:
                await close()

    async def _collect(self, response: WireResponse, body: AsyncIterator[bytes]) -> WireResponse:
        chunks: list[bytes] = []
        size = 0
        async for chunk in body:
            chunks.append(chunk)
            size += len(chunk)
            if size > MEMORY_BYTES:
                return await self._write(response, b"".join(chunks), body)
        return WireResponse(response.status, b"".join(chunks), response.content_type, response.headers)

    async def _write(self, response: WireResponse, start: bytes, body: AsyncIterator[bytes]) -> FileResponse:
        descriptor, name = tempfile.mkstemp(prefix="tidings-answer-", dir=self._directory)
        path = Path(name)
        self._files.add(path)
        try:
            with os.fdopen(descriptor, "wb") as out:
                size = out.write(start)
                look_at = 0
                async for chunk in body:
                    size += out.write(chunk)
                    if size >= look_at:
                        look_at = size + _LOOK_EVERY_BYTES
                        if shutil.disk_usage(path.parent).free < FREE_BYTES_MIN:
                            raise Unavailable("the disk is nearly full; no room for a long answer")
                    await asyncio.sleep(0)  # an iterator over what is in memory would keep everybody else waiting
        except BaseException:
            self.discard(path)
            raise
        return FileResponse(response.status, b"", response.content_type, response.headers, path, size)

    def sent(self, path: Path) -> None:
        """The server was told to send it; it is removed when it must be open."""
        asyncio.get_running_loop().call_later(_OPEN_BY_S, self.discard, path)

    def discard(self, path: Path) -> None:
        self._files.discard(path)
        with suppress(FileNotFoundError):
            path.unlink()

    def close(self) -> None:
        """Remove what is left."""
        for path in list(self._files):
            self.discard(path)
