"""From an endpoint's text to the bytes that open its request; and what one attempt carries while it waits.

Called by `channel` once per attempt (remembered per endpoint) and by `connection`, which writes. No I/O.

Sources: RFC 9110 section 7.2 (Host), RFC 9112 section 3.2, RFC 7617 (Basic).
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from tidings.domain.envelope import HttpQuery, Outgoing
from tidings.domain.ports import AnswerClassifier, Settle
from tidings.wire.egress import URL_CHARACTERS_MAX, Target, check_url


@dataclass(slots=True)
class Plan:
    """An endpoint made ready: `origin` names its lane, `target` says where that is (its path is not
    used), `prefix` is the request up to the content's own headers.

    Not frozen: one is made for every attempt, and a frozen one costs three times as much.
    """

    origin: str
    target: Target
    prefix: bytes


# What nearly every endpoint looks like: lower-case ASCII host, nothing to decode or encode. Everything else goes the long way.
_USUAL = re.compile(r"(https?://[a-z0-9.-]+(?::[0-9]{1,5})?)(/[A-Za-z0-9\-._~!$&'()*+,;=:@%/?]*)")


PutBack = Callable[[str, Mapping[str, str]], str]
"""An endpoint as it is shown, and its subscriber's settings, to the endpoint with its password. Raises ValueError."""


def as_it_is(endpoint: str, _: Mapping[str, str]) -> str:
    """For endpoints that were never taken apart."""
    return endpoint


_NO_SETTINGS: Mapping[str, str] = {}


def plan(endpoint: str, settings: Mapping[str, str] = _NO_SETTINGS, put_back: PutBack = as_it_is) -> Plan:
    """Raises ValueError when the endpoint is not a URL we would open, or its password cannot be opened."""
    usual = _USUAL.fullmatch(endpoint)
    if usual is None or len(endpoint) > URL_CHARACTERS_MAX:
        return _plan(check_url(put_back(endpoint, settings) if "@" in endpoint else endpoint))
    start, path = usual.groups()
    origin, target, host_line = _origin(start)
    return Plan(origin, target, b"POST %b%b" % (path.encode("ascii"), host_line))


@lru_cache(maxsize=4096)
def _origin(start: str) -> tuple[str, Target, bytes]:
    """What all endpoints of one origin share: its name, its target, and the request line after the path with the Host line."""
    target = check_url(start)
    return f"{target.scheme}://{target.authority}", target, f" HTTP/1.1\r\nHost: {target.authority}\r\n".encode("ascii")


def _plan(target: Target) -> Plan:
    lines = f"POST {target.path_and_query} HTTP/1.1\r\nHost: {target.authority}\r\n"
    if target.userinfo:
        lines += f"Authorization: Basic {b64encode(target.userinfo.encode()).decode()}\r\n"
    return Plan(f"{target.scheme}://{target.authority}", target, lines.encode("ascii"))


def asking(prefix: bytes, content: HttpQuery) -> bytes:
    """The prefix of a GET with the content's query, from that of a POST to the same endpoint."""
    path, version = prefix.removeprefix(b"POST ").split(b" ", 1)
    return b"GET %b%b%b %b" % (path, b"&" if b"?" in path else b"?", content.query, version)


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


class ClassifiedAttempt(Attempt):
    """One whose answer means what `classify` says after reading its body."""

    __slots__ = ("classify",)

    def __init__(
        self, outgoing: Outgoing, settle: Settle, prefix: bytes, deadline: float, classify: AnswerClassifier
    ) -> None:
        super().__init__(outgoing, settle, prefix, deadline)
        self.classify = classify
