"""Who may hold how much of the server at one time: memory of request bodies, and connections, by client address and in all.

Used by `tidings.server.connection` and `intake`. One caller may use much, but never so much that others find nothing: above three
quarters of the memory, and seven eighths of the connections, only those get more who hold little. Small bodies are counted in all but
not by address: connections bound those. No I/O here.
"""

from __future__ import annotations

import resource
from collections.abc import Mapping

from tidings.server.refusal import Refusal

BODIES_BYTES_MAX = 256 * 1024 * 1024
"""All request bodies held at one time: bounds memory whatever the number of connections."""
SHARE_OF_BODIES = 3 / 8
"""Of that, one address's with credentials: 64 calls of a megabyte at once, and more."""
UNSIGNED_BYTES_MAX = 4 * 1024 * 1024
"""One address's without credentials: forms, and links in messages. A second long body at a time is nobody's habit."""
LITTLE_BYTES = 8 * 1024 * 1024
FULL_BODIES = 3 / 4
SMALL_BODY_BYTES = 64 * 1024

CONNECTIONS_MAX = 10_000
CONNECTIONS_PER_ADDRESS_MAX = 1_000
"""Many programs behind one address; not asked of trusted proxies."""
CONNECTIONS_PER_ADDRESS_MIN = 256
LITTLE_CONNECTIONS = 32
FULL_CONNECTIONS = 7 / 8
DESCRIPTORS_RESERVED = 1_500
"""For files, deliveries' own connections and what is being accepted."""

_CREDENTIALS = frozenset(
    {
        "authorization",
        "cookie",
        "x-amz-security-token",
        "x-auth-token",
        "x-twilio-signature",
        "x-tidings-signature",
    }
)


class Share:
    """What one address holds. `proxied`: connections are a trusted proxy's, which are everybody's."""

    __slots__ = ("connections", "group", "held", "unsigned")

    def __init__(self, group: str) -> None:
        self.group = group
        self.held = 0
        self.unsigned = 0
        self.connections = 0


class Counted:
    """One body's part of a share."""

    __slots__ = ("is_signed", "share", "size")

    def __init__(self, share: Share, is_signed: bool) -> None:
        self.share = share
        self.is_signed = is_signed
        self.size = 0


class Room:
    """What is held now, over all connections. `held`: bytes of bodies."""

    __slots__ = ("connections", "held", "shares")

    def __init__(self) -> None:
        self.held = 0
        self.connections = 0
        self.shares: dict[str, Share] = {}

    def share(self, group: str) -> Share:
        """The share of an address's group; it lives as long as something is held."""
        share = self.shares.get(group)
        if share is None:
            share = self.shares[group] = Share(group)
        return share

    def count(self, counted: Counted, size: int) -> Refusal | None:
        """Count a body that has grown to `size` bytes. A Refusal: there is no room for it now."""
        share, more = counted.share, size - counted.size
        counted.size = size
        share.held += more
        if not counted.is_signed:
            share.unsigned += more
            if share.unsigned > UNSIGNED_BYTES_MAX:
                return Refusal(429, "too many unsigned requests of your address are being read; try again")
        if share.held > BODIES_BYTES_MAX * SHARE_OF_BODIES:
            return Refusal(429, "too many requests of your address are being read; try again")
        if share.held > LITTLE_BYTES and self.held > BODIES_BYTES_MAX * FULL_BODIES:
            return Refusal(503, "too many requests are being read; try again")
        return None

    def release(self, size: int, counted: Counted | None) -> None:
        """Give back a body of `size` bytes."""
        self.held -= size
        if counted is not None:
            share = counted.share
            share.held -= counted.size
            if not counted.is_signed:
                share.unsigned -= counted.size
            counted.size = 0
            self._forget(share)

    def admit(self, share: Share, most: int, *, is_proxy: bool) -> Refusal | None:
        """Count a connection. A Refusal: it is one too many, but counts until `leave` all the same."""
        self.connections += 1
        share.connections += 1
        if self.connections > most:
            return Refusal(503, "too many connections")
        if is_proxy:
            return None
        if share.connections > per_address(most):
            return Refusal(429, "too many connections from your address")
        if self.connections > most * FULL_CONNECTIONS and share.connections > LITTLE_CONNECTIONS:
            return Refusal(503, "too many connections")
        return None

    def leave(self, share: Share) -> None:
        """A connection is gone."""
        self.connections -= 1
        share.connections -= 1
        self._forget(share)

    def _forget(self, share: Share) -> None:
        if not share.connections and not share.held and self.shares.get(share.group) is share:
            del self.shares[share.group]


def has_credentials(headers: Mapping[str, str], query: str) -> bool:
    """Whether a request's head claims to be somebody's; what it claims is for its front end to verify."""
    return not _CREDENTIALS.isdisjoint(headers) or "Signature=" in query


def per_address(most: int) -> int:
    """Connections of one address when there may be `most` in all."""
    return min(CONNECTIONS_PER_ADDRESS_MAX, max(most // 4, min(CONNECTIONS_PER_ADDRESS_MIN, most)))


def connections_max() -> int:
    """Connections in all, as file descriptors allow. Raises the soft limit of descriptors to the hard one, if need be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS_MAX + DESCRIPTORS_RESERVED
    most = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        soft = most
    if soft == resource.RLIM_INFINITY:
        return CONNECTIONS_MAX
    return min(CONNECTIONS_MAX, max(soft - DESCRIPTORS_RESERVED, soft // 2))
