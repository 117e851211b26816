"""What a phone receives as it was said: texts of applications, and the server's own answers to a STOP, START or HELP. The Envelopes of
messages that no topic's dialect dresses.

`wiring` hands these to `render` beside the dialects' ones.
"""

from __future__ import annotations

from tidings.domain.envelope import Content, TextContent
from tidings.domain.model import Message, Subscriber, Topic
from tidings.domain.retry import PEOPLE_PLAN, RetryPlan

TIMEOUT_S = 60.0


class OwnTexts:
    """Envelopes of texts that are sent as they are, from the number that they name."""

    def open(self, message: Message, topic: Topic | None, token: str) -> OwnText:
        return OwnText(message)

    def retry_plan(self, topic: Topic | None, subscriber: Subscriber) -> RetryPlan:
        return PEOPLE_PLAN

    def timeout_s(self, subscriber: Subscriber) -> float:
        return TIMEOUT_S

    def dead_letter_queue(self, subscriber: Subscriber) -> str:
        return ""

    def dead_letter(self, rendered: object, subscriber: Subscriber) -> Content:
        raise AssertionError("an answer has no dead-letter queue")

    def wants(self, message: Message, subscriber: Subscriber) -> bool:
        return True

    def receives_per_s_max(self, topic: Topic | None, subscriber: Subscriber) -> int | None:
        return None


class OwnText:
    """One message's envelope."""

    def __init__(self, message: Message) -> None:
        self._message = message

    def reads_signature(self, subscriber: Subscriber) -> bool:
        return False

    async def sign(self) -> None:
        """There is nothing to sign."""

    def for_subscriber(self, subscriber: Subscriber) -> Content:
        return TextContent(self._message.body, self._message.sender)
