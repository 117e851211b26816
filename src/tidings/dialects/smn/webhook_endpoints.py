"""What a web hook of SMN may be: its address, and the headers of its own that every message carries. Called by operations.

Source: SMN API reference, "Adding a Subscription"; huaweicloudsdksmn, SubscriptionExtension (`header`).
"""

from __future__ import annotations

import re

from tidings.dialects.smn.errors import refuse
from tidings.domain.errors import InvalidValue
from tidings.domain.protocols import Protocols
from tidings.wire.egress import EgressPolicy, check_url

HEADERS_MAX = 10
HEADERS_CHARACTERS_MAX = 1_024
"""Names and values together."""
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:-[A-Za-z0-9]+)*\Z")
_VALUE = re.compile(r"[\x20-\x7e]*\Z")
_OURS = frozenset(
    {
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
    }
)
"""Headers that say how a message travels or what it is: ours to write. Source: RFC 9110, sections 7.6.1 and 8."""


def check_url_of(protocols: Protocols, egress: EgressPolicy, protocol: str, endpoint: str) -> str:
    """The URL as it is kept. Raises SmnError SMN.0012 (no URL of the protocol), SMN.0069 (an inside address)."""
    try:
        url = protocols.check(protocol, endpoint)
    except InvalidValue as error:
        raise refuse("SMN.0012") from error
    target = check_url(url)
    address = target.address
    if address is not None and not egress.permits(address):
        raise refuse("SMN.0069")
    if target.host == "localhost" and not egress.permits("127.0.0.1"):
        # What other names mean is asked when a connection is opened: it may change until then.
        raise refuse("SMN.0069")
    return url


def read_header(given: object) -> dict[str, str]:
    """The headers that a subscriber wants on every message. Raises SmnError SMN.0043."""
    fault = refuse("SMN.0043")
    if not isinstance(given, dict) or len(given) > HEADERS_MAX:
        raise fault
    known: set[str] = set()
    size = 0
    for name, value in given.items():
        lower = name.lower()
        if _NAME.match(name) is None or lower.startswith("x-smn") or lower in _OURS or lower in known:
            raise fault
        if not isinstance(value, str) or _VALUE.match(value) is None:
            raise fault
        known.add(lower)
        size += len(name) + len(value)
    if size > HEADERS_CHARACTERS_MAX:
        raise fault
    return given
