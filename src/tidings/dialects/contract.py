"""What a front end must offer, and the shapes in which the server hands it requests. Knows no HTTP server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(slots=True)
class WireRequest:
    """A request as it came in. Nobody changes it; it is not frozen because making a frozen one costs three times as much.

    `path` is percent-decoded, `query` is raw without `?`. `headers`: names in lower case, values as text; a repeated header
    is joined by `,`. `remote` is the caller's address after trusted proxies. `scheme` and `host` likewise.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    remote: str
    scheme: str
    host: str
    request_id: str


@dataclass(slots=True)
class WireResponse:
    """An answer, likewise. `body` is bytes, or an iterator of chunks for long exports."""

    status: int
    body: bytes | AsyncIterator[bytes] = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = field(default=())


class Dialect(Protocol):
    """A front end: asked in order whether a request is its own."""

    name: str

    def owns(self, request: WireRequest) -> bool:
        """Decided from method, path, query and headers alone."""
        ...

    async def handle(self, request: WireRequest) -> WireResponse:
        """Answer the request; every TidingsError is answered in the dialect's own form. Anything else is a bug."""
        ...

    def failure(self, request: WireRequest, status: int, detail: str) -> WireResponse:
        """The dialect's own form for what the server found out: 413 body too large, 400 not HTTP as we take it, 500 our
        fault, 503 stopping."""
        ...
