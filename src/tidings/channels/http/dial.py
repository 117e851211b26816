"""Open one connection: resolve, ask the policy about every address, connect to one that it permits, shake hands.

Called by `lane` in a task per connection (not per attempt). The connection goes to the address that was checked; the name is
used for TLS only: as SNI and to verify the certificate.

Sources: RFC 9110 section 4.3.4; design page, "A request leaves for an address the operator did not allow" must never happen.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Callable
from typing import TypeVar

from tidings.channels.http.resolve import Resolver
from tidings.wire.egress import EgressPolicy, Target

ADDRESSES_MAX = 4
"""So many addresses of a name are tried within one time-out, each with an equal part of what is left."""

ProtocolT = TypeVar("ProtocolT", bound=asyncio.BaseProtocol)


class NotAllowed(Exception):
    """The policy permits none of the host's addresses."""


class Dialer:
    """Connects by policy."""

    def __init__(self, policy: EgressPolicy, resolver: Resolver, tls: ssl.SSLContext) -> None:
        self._policy = policy
        self._resolver = resolver
        self._tls = tls

    async def dial(self, target: Target, deadline: float, factory: Callable[[], ProtocolT]) -> ProtocolT:
        """A connected protocol. Raises NotAllowed, or OSError (TimeoutError after `deadline`, in the loop's time)."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout_at(deadline):
            addresses = await self._permitted(target)
            for left in range(len(addresses), 0, -1):
                try:
                    async with asyncio.timeout_at(loop.time() + (deadline - loop.time()) / left):
                        return await self._connect(target, addresses[-left], factory)
                except OSError:
                    if left == 1:
                        raise
        raise TimeoutError

    async def _permitted(self, target: Target) -> list[str]:
        literal = target.address
        addresses = [str(literal)] if literal is not None else await self._resolver.addresses(target.host)
        permitted = [address for address in addresses if self._policy.permits(address)]
        if addresses and not permitted:
            raise NotAllowed(f"address not allowed: {addresses[0]}")
        if not permitted:
            raise socket.gaierror(socket.EAI_NONAME, "no address")
        return permitted[:ADDRESSES_MAX]

    async def _connect(self, target: Target, address: str, factory: Callable[[], ProtocolT]) -> ProtocolT:
        loop = asyncio.get_running_loop()
        if target.scheme == "http":
            _, protocol = await loop.create_connection(factory, address, target.port)
        else:
            _, protocol = await loop.create_connection(
                factory, address, target.port, ssl=self._tls, server_hostname=target.host
            )
        return protocol


def reason_of(error: OSError) -> str:
    """A few words for people; nothing of the receiver's own text."""
    match error:
        case TimeoutError():
            return "no connection in time"
        case ssl.SSLCertVerificationError():
            return f"TLS: certificate not accepted: {error.verify_message}"
        case ssl.SSLError():
            return f"TLS: {error.reason or 'handshake failed'}"
        case socket.gaierror():
            return f"DNS: {error.strerror}"
        case ConnectionRefusedError():
            return "connection refused"
        case _ if error.errno:
            return f"connection failed: {os.strerror(error.errno)}"
        case _:
            return "connection failed"
