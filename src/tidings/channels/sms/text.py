"""One text on its way out: its parts, and the outcome of each.

Made by `channel`, written and answered by `session`. It is settled once; whatever is answered afterwards is ignored.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from tidings.domain.envelope import Outgoing, TextContent
from tidings.domain.outcomes import Delivered, Outcome, Refused, RetryLater
from tidings.domain.ports import Settle
from tidings.wire.smpp import statuses
from tidings.wire.smpp.pdu import message_id_of
from tidings.wire.smpp.splitting import Part, split
from tidings.wire.smpp.url import SmppUrl

LOST = RetryLater("the connection to the SMSC was lost before it answered; the text may arrive twice")
DETAIL_CHARACTERS_MAX = 500


@dataclass(frozen=True, slots=True)
class Timing:
    """How long things take, in seconds. The defaults suit any SMSC; tests are in more of a hurry.

    `enquire`: between enquire_links; `answer`: for the SMSC's answer to those and to a bind. `again`, `again_max`: before the next try to
    bind, doubled each time. `pause`, `pause_max`: after the SMSC said that it has too much, doubled each time. `hold`: how long a part of
    a long text waits unanswered for the others. `close`: for what was started when the channel closes. `sweep`: between looks at what
    is late.
    """

    enquire: float = 30.0
    answer: float = 10.0
    connect: float = 10.0
    again: float = 1.0
    again_max: float = 60.0
    pause: float = 1.0
    pause_max: float = 16.0
    hold: float = 5.0
    receive: float = 30.0
    close: float = 15.0
    sweep: float = 0.25


class Text:
    """`parts`: none until it is begun; then `todo` are those not written yet, in order. `deadline`: of waiting, then of the attempt, by
    the loop's clock. `afterwards`: called when it has been settled."""

    __slots__ = (
        "_ids",
        "_settle",
        "_url",
        "_wants_receipts",
        "afterwards",
        "content",
        "deadline",
        "destination",
        "done",
        "outgoing",
        "parts",
        "reference",
        "source",
        "todo",
    )

    def __init__(
        self,
        outgoing: Outgoing,
        settle: Settle,
        content: TextContent,
        destination: bytes,
        reference: int,
        deadline: float,
    ) -> None:
        self.outgoing = outgoing
        self.content = content
        self.destination = destination
        self.reference = reference
        self.deadline = deadline
        self.source = b""
        self.parts: list[Part] = []
        self.todo: deque[int] = deque()
        self.done = False
        self.afterwards: list[Callable[[], None]] = []
        self._ids: dict[int, str] = {}
        self._settle = settle
        self._url: SmppUrl | None = None
        self._wants_receipts = False

    def begin(self, source: bytes, url: SmppUrl, deadline: float, *, wants_receipts: bool) -> None:
        """Make its parts for the bind that takes it. Raises ValueError when it cannot be sent at all."""
        self.source = source
        self.parts = split(self.content.text, self.reference, url.coding0)
        self._url = url
        self._wants_receipts = wants_receipts
        self.todo.extend(range(len(self.parts)))
        self.deadline = deadline

    def end(self, outcome: Outcome) -> None:
        """Settle, unless that was done before."""
        if not self.done:
            self.done = True
            self.todo.clear()
            self._settle(self.outgoing, outcome)
            for call in self.afterwards:
                call()
            self.afterwards.clear()

    def answered(self, part: int, status: int, body: bytes, pause_s: float) -> bool:
        """A part was answered. True: it is to be written again, because others of its text are out already."""
        if self.done:
            return False
        if status == statuses.OK:
            self._ids[part] = message_id_of(body)
            if len(self._ids) == len(self.parts):
                self.end(self._taken())
            return False
        opted_out = self._url is not None and status in self._url.optout_statuses
        if opted_out or statuses.is_permanent(status):
            self.end(Refused(f"SMSC: {statuses.name(status)}", opted_out=opted_out))
            return False
        if status in statuses.CONGESTED and len(self.parts) > 1:
            self.todo.appendleft(part)
            return True
        after_s = pause_s if status in statuses.CONGESTED else None
        self.end(RetryLater(f"SMSC: {statuses.name(status)}", after_s))
        return False

    def _taken(self) -> Delivered:
        ids = [self._ids[number] for number in range(len(self.parts))]
        detail = f"SMSC id {', '.join(ids)}"[:DETAIL_CHARACTERS_MAX]
        # A part without an id gets no receipt that we could tell from others: then the whole text waits for none.
        if not self._wants_receipts or self._url is None or not all(ids):
            return Delivered(detail)
        place = self._url.place
        return Delivered(detail, tuple(dict.fromkeys(f"{place}/{message_id}" for message_id in ids)))
