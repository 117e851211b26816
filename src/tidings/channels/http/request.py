"""From an endpoint's text to the bytes that open its request; and what one attempt carries while it waits.

Called by `channel` once per attempt (remembered per endpoint) and by `connection`, which writes. No I/O.

Sources: RFC 9110 section 7.2 (Host), RFC 9112 section 3.2, RFC 7617 (Basic).
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass

from tidings.domain.envelope import Outgoing
from tidings.domain.ports import Settle
from tidings.wire.egress import Target, check_url


@dataclass(frozen=True, slots=True)
class Plan:
    """An endpoint made ready: `origin` names its lane, `prefix` is the request up to the content's own headers."""

    origin: str
    target: Target
    prefix: bytes


def plan(endpoint: str) -> Plan:
    """Raises ValueError when the endpoint is not a URL we would open."""
    target = check_url(endpoint)
    lines = f"POST {target.path_and_query} HTTP/1.1\r\nHost: {target.authority}\r\n"
    if target.userinfo:
        lines += f"Authorization: Basic {b64encode(target.userinfo.encode()).decode()}\r\n"
    return Plan(f"{target.scheme}://{target.authority}", target, lines.encode("ascii"))


class Attempt:
    """One Outgoing on its way through a lane.

    `deadline` is in the loop's time. `again`: it was written to a kept connection that turned out closed, and has its second,
    last try on another.
    """

    __slots__ = ("again", "deadline", "outgoing", "prefix", "settle")

    def __init__(self, outgoing: Outgoing, settle: Settle, prefix: bytes, deadline: float) -> None:
        self.outgoing = outgoing
        self.settle = settle
        self.prefix = prefix
        self.deadline = deadline
        self.again = False
