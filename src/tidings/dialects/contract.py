"""What a front end must offer, and the shapes in which the server hands it requests. Knows no HTTP server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Protocol

from tidings.domain.model import Origin, Principal, Way

USER_AGENT_CHARACTERS_MAX = 512
"""What ledger and audit trail keep of it: browsers send 100 to 250."""


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


class Claim(IntEnum):
    """Whose a request is. OWN: it has the front end's path or marks. FALLBACK: the front end answers it if it is nobody's own."""

    NONE = 0
    FALLBACK = 1
    OWN = 2

    @classmethod
    def own_if(cls, is_own: bool) -> Claim:
        return cls.OWN if is_own else cls.NONE


def origin_of(
    request: WireRequest, way: Way, via: str = "", caller: Principal | None = None, shown: str = ""
) -> Origin:
    """What ledger and audit trail keep of a request. via: the front end; caller: who signed it; shown: see `Origin`."""
    return Origin(
        way=way,
        principal="" if caller is None else caller.arn,
        remote_address=request.remote,
        user_agent=request.headers.get("user-agent", "")[:USER_AGENT_CHARACTERS_MAX],
        request_id=request.request_id,
        shown=shown,
        via=via,
        key_id="" if caller is None else caller.key_id,
    )


class Dialect(Protocol):
    """A front end. The first in the server's list that says OWN answers, else the first that says FALLBACK."""

    name: str

    def claim(self, request: WireRequest) -> Claim:
        """Decided by what is this front end's own, without knowing any other."""
        ...

    async def handle(self, request: WireRequest) -> WireResponse:
        """Answer the request; every TidingsError is answered in the dialect's own form. Anything else is a bug."""
        ...

    def failure(self, request: WireRequest, status: int, detail: str) -> WireResponse:
        """The dialect's own form for what the server found out: 413 body too large, 400 not HTTP as we take it, 500 our
        fault, 503 stopping."""
        ...
