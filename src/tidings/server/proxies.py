"""Who is really calling, when proxies stand in between. Used by `tidings.server`; the result is what the consent ledger records.

Believes X-Forwarded-For, -Proto and -Host only from networks the operator named: everybody else can write what they like there.
Source: MDN, X-Forwarded-For, "selecting an IP address" (the right-most one that is not trusted).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Network = IPv4Network | IPv6Network
_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}(?::[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](?::[0-9]{1,5})?")
_HOPS_MAX = 32  # longer lists are somebody's joke
_ADDRESSES_KEPT = 4096


class Proxies:
    """The trusted networks and the question they answer."""

    def __init__(self, trusted: Iterable[Network]) -> None:
        self._trusted = tuple(trusted)
        self._is_trusted = lru_cache(_ADDRESSES_KEPT)(self._belongs)

    def is_trusted(self, peer: str) -> bool:
        """Whether others call through this address."""
        return bool(self._trusted) and self._is_trusted(peer)

    def resolve(self, peer: str, scheme: str, headers: Mapping[str, str]) -> tuple[str, str, str]:
        """Caller's address, scheme and host, for a connection from `peer` that carried `headers`."""
        host = headers.get("host", "")
        if not self._trusted or not self._is_trusted(peer):
            return peer, scheme, host
        remote, hops = peer, 1
        for text in reversed(headers.get("x-forwarded-for", "").split(",")[-_HOPS_MAX:]):
            address = _address(text)
            if address is None:
                break
            remote = str(address)
            if not self._is_trusted(remote):
                break
            hops += 1
        wanted = _entry(headers.get("x-forwarded-proto", ""), hops).lower()
        if wanted in ("http", "https"):
            scheme = wanted
        forwarded_host = _entry(headers.get("x-forwarded-host", ""), hops)
        return remote, scheme, forwarded_host if _HOST.fullmatch(forwarded_host) else host

    def _belongs(self, text: str) -> bool:
        address = _address(text)
        return address is not None and any(
            address in network for network in self._trusted if network.version == address.version
        )


def _entry(header: str, hops: int) -> str:
    """What the outermost of `hops` trusted proxies wrote: each appends one entry, or the first writes the only one."""
    entries = [entry.strip() for entry in header.split(",")]
    return entries[-hops] if len(entries) > hops else entries[0]


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """An address, with or without port and brackets; IPv4 inside IPv6 as IPv4."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
