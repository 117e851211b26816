"""Which host a request was sent to: whether its name can only mean this machine. Pure.

A page of a stranger may give its own name our address after it was loaded (DNS rebinding); a browser then takes both for one origin,
and only the Host header tells. Source: RFC 6761, 6.3 (localhost); RFC 9110, 7.2 (Host).
"""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import ip_address
from urllib.parse import urlsplit


def host_name(netloc: str) -> str:
    """The name or address in a Host header or the netloc of a URL, lower case, without port and brackets; empty if it is none."""
    try:
        return (urlsplit(f"//{netloc}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def is_loopback(name: str) -> bool:
    """Whether a name or address can only be this machine's own."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ip_address(name)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def is_at_home(netlocs: Collection[str], allowed: Collection[str]) -> bool:
    """Whether all of these hosts are this machine, or names that the operator allowed (lower case)."""
    names = [host_name(netloc) for netloc in netlocs]
    return all(name in allowed or is_loopback(name) for name in names)
