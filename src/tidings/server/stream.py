"""Long answers that are made while they are sent. Used by `tidings.server` for bodies that are iterators.

The beginning is collected before anything is sent: what is short gets a length, and an export that breaks at once becomes an error
in the front end's own form. One that breaks later is cut off, so that nobody takes half of it for the whole.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable

BEGINNING_BYTES = 64 * 1024


class Stream:
    """An answer whose beginning is here and whose rest is still to be made."""

    __slots__ = ("beginning", "rest")

    def __init__(self, beginning: bytes, rest: AsyncIterator[bytes]) -> None:
        self.beginning = beginning
        self.rest = rest

    def __aiter__(self) -> AsyncIterator[bytes]:
        """What comes after the beginning."""
        return self.rest

    def __anext__(self) -> Awaitable[bytes]:
        return self.rest.__anext__()

    async def close(self) -> None:
        """Release what the rest holds. Safe to repeat."""
        await _close(self.rest)


async def begun(body: AsyncIterator[bytes]) -> bytes | Stream:
    """All of it if it is short, else a Stream, which its taker closes. Raises what the iterator raises."""
    chunks: list[bytes] = []
    size = 0
    try:
        async for chunk in body:
            chunks.append(chunk)
            size += len(chunk)
            if size >= BEGINNING_BYTES:
                return Stream(b"".join(chunks), body)
    except BaseException:
        await _close(body)
        raise
    return b"".join(chunks)


async def _close(body: AsyncIterator[bytes]) -> None:
    close = getattr(body, "aclose", None)  # a generator's; other iterators hold nothing
    if close is not None:
        await close()
