"""The outcome of an attempt. A closed set: channels return it, `delivery/settle` alone acts on it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Delivered:
    """The other side took it. `detail` is its answer in a few words (`HTTP 200`).

    `receipt_ids`: of a text, one for each part for which a receipt will come (`texts.TextReceipt`); none: this is the last word.
    """

    detail: str = ""
    receipt_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RetryLater:
    """Worth another attempt. `after_s` is the receiver's own wish (Retry-After) in seconds, if it gave one. `status`: of the HTTP
    answer that says so, for plans that take it otherwise."""

    reason: str
    after_s: float | None = None
    status: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Refused:
    """Final: trying again would not help. `opted_out`: of a text, because its receiver opted out where it was to go through."""

    reason: str
    opted_out: bool = False


@dataclass(frozen=True, slots=True)
class Blocked:
    """The consent gate closed while this waited; nothing was sent and nothing will be."""

    rule: str


@dataclass(frozen=True, slots=True)
class Busy:
    """Not attempted: the endpoint's lane is full, or what `reason` says. Waits as a row of its own, and the attempt is not counted."""

    after_s: float
    reason: str = "lane full"


Outcome = Delivered | RetryLater | Refused | Blocked | Busy

DELIVERED = Delivered()
BLOCKED = Blocked("consent")
