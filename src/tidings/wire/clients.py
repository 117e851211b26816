"""Whose a client address is, for limits: an IPv6 caller has 2^64 addresses at hand, so the first 64 bits count. Pure.

Source: RFC 6177 (a site gets at least a /64).
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache

ADDRESSES_KEPT = 4096
_PREFIX_BITS = 64


@lru_cache(maxsize=ADDRESSES_KEPT)
def client_group(address: str) -> str:
    """One name for all addresses that one caller may be assumed to have; whatever is no address stands for itself."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv4Address):
        return str(ip)
    if ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(ip), _PREFIX_BITS), strict=False))
