"""Hands what was given up to the queue that its subscription names for it."""

from __future__ import annotations

from collections.abc import Callable

from tidings.delivery.fanout import rendered_of
from tidings.delivery.render import Renderer
from tidings.delivery.settle import DONE, Decision, GiveUp
from tidings.domain.envelope import Outgoing
from tidings.domain.model import Kind
from tidings.domain.outcomes import Blocked, Busy, Delivered, Outcome, RetryLater
from tidings.domain.ports import Channel

TRIES = 3
TIMEOUT_S = 30.0
_SECRET_KINDS = (Kind.CONFIRMATION, Kind.GOODBYE)
"""They hold a secret for their endpoint and for nobody else, so they go to no queue."""


class DeadLetterQueues:
    """channel: the one to queues; without it nothing is handed over."""

    def __init__(self, renderer: Renderer, channel: Channel | None) -> None:
        self._renderer = renderer
        self._channel = channel

    def hand_over(self, outgoing: Outgoing, given_up: GiveUp, then: Callable[[Outgoing, Decision], None]) -> bool:
        """False: its subscription has no queue. True: `then` is called with the delivery and what is to be written of it, when the queue
        has taken it, or will not."""
        envelopes = self._renderer.envelopes(outgoing.subscriber)
        queue = envelopes.dead_letter_queue(outgoing.subscriber)
        channel = self._channel
        if not queue or channel is None or outgoing.message.kind in _SECRET_KINDS:
            return False

        def settled(letter: Outgoing, outcome: Outcome) -> None:
            if isinstance(outcome, RetryLater | Busy) and letter.attempt < TRIES:
                letter.attempt += 1
                channel.send(letter, settled)
            else:
                then(outgoing, _ending(given_up, outcome))

        content = envelopes.dead_letter(rendered_of(outgoing), outgoing.subscriber)
        letter = Outgoing(outgoing.message, outgoing.subscriber, queue, content, timeout_s=TIMEOUT_S)
        channel.send(letter, settled)
        return True


def _ending(given_up: GiveUp, outcome: Outcome) -> Decision:
    """What the queue's answer makes of a delivery that was given up."""
    match outcome:
        case Delivered():
            return GiveUp(given_up.attempts, given_up.reason, redriven=True)
        case Blocked():
            return DONE  # canceled meanwhile: nobody shall see it
        case _:
            return GiveUp(given_up.attempts, f"{given_up.reason}; dead-letter queue: {outcome}")
