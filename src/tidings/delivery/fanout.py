"""The dispatcher's bookkeeping of what is in flight: a message's fan-out, its pages, and rows. No I/O, no decisions."""

from __future__ import annotations

from dataclasses import dataclass, field

from tidings.delivery.settle import Decision
from tidings.domain.envelope import Outgoing, RenderedMessage
from tidings.domain.model import Subscriber, Topic
from tidings.domain.ports import Task


@dataclass(slots=True, eq=False)
class Fanout:
    """One message on its way to its subscribers.

    `after`: the last subscription id already expanded. `pages`: those started and not yet counted as done, in order.
    `read`: a page that was read already, to see whether there is more than one.
    """

    task: Task
    topic: Topic | None
    rendered_messages: dict[str, RenderedMessage]
    after: int
    exhausted: bool = False
    read: list[Subscriber] | None = None
    pages: list[Page] = field(default_factory=list)

    def advance(self) -> int | None:
        """Drop the finished pages at the front; the cursor that may be recorded now, or None if it did not move."""
        cursor = None
        while self.pages and self.pages[0].complete:
            cursor = self.pages.pop(0).last
        return cursor

    @property
    def finished(self) -> bool:
        return self.exhausted and not self.pages


@dataclass(slots=True, eq=False, weakref_slot=True)
class Page:
    """A range of a fan-out in flight. `last`: its last subscription id. `out`: what has not settled yet."""

    fanout: Fanout
    last: int
    started_s: float
    out: set[Outgoing] = field(default_factory=set)
    sent: bool = False

    @property
    def complete(self) -> bool:
        return self.sent and not self.out


@dataclass(slots=True, eq=False)
class Row:
    """A delivery that is a row of its own while an attempt is on its way.

    `id` is 0 until the flow has written it; a decision that comes earlier waits in `early`.
    """

    id: int
    topic: Topic | None
    rendered: RenderedMessage
    early: Decision | None = None


def topic_of(mark: Page | Row | None) -> Topic | None:
    """The topic whose page or row an attempt belongs to."""
    if isinstance(mark, Page):
        return mark.fanout.topic
    return None if mark is None else mark.topic


def rendered_of(outgoing: Outgoing) -> RenderedMessage:
    """The rendered message that an attempt was made from."""
    mark: Page | Row = outgoing.mark
    return mark.fanout.rendered_messages[outgoing.subscriber.dialect] if isinstance(mark, Page) else mark.rendered
