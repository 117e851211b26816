"""What a message looks like dressed for one way out. Dialects make these, channels send them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from tidings.domain.model import Message, MessageAttribute, Subscriber, Topic
from tidings.domain.outcomes import Outcome
from tidings.domain.retry import RetryPlan


@dataclass(slots=True, eq=False)
class HttpContent:
    """A POST: `head` is whole header lines, each ended by CRLF, without Host and Content-Length; `body` as sent.

    Not frozen for the same reason as `Subscriber`.
    """

    head: bytes
    body: bytes


@dataclass(slots=True, eq=False)
class HttpQuery(HttpContent):
    """A GET instead, where the answer's body is classified: `query` follows the endpoint's path, `body` is empty. Not logged: it may hold
    passwords."""

    query: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class MailContent:
    """A mail before MIME. `template` names the layout (notification, confirmation, goodbye, json).

    `text` is the message's own text. `confirm_url`, `cancel_url`, `manage_url`: pages for people.
    `one_click_url`: RFC 8058 POST target for `List-Unsubscribe`. `introduction`: the topic owner's own words in a confirmation
    request. Empty means: none.
    """

    template: str
    subject: str
    from_name: str
    text: str
    topic_name: str = ""
    confirm_url: str = ""
    cancel_url: str = ""
    manage_url: str = ""
    one_click_url: str = ""
    language: str = "en"
    list_id: str = ""
    introduction: str = ""


@dataclass(frozen=True, slots=True)
class TextContent:
    """A text message. `sender` is the sender id or number, empty for the channel's default."""

    text: str
    sender: str = ""
    sms_type: str = ""


@dataclass(frozen=True, slots=True)
class QueueContent:
    """A queue message: body and queue message attributes; group and dedup id for queues that order.

    trace_header: the publisher's `X-Amzn-Trace-Id`, empty when there was none.
    """

    body: str
    attributes: Mapping[str, MessageAttribute] = field(default_factory=dict)
    group_id: str = ""
    dedup_id: str = ""
    trace_header: str = ""


@dataclass(frozen=True, slots=True)
class BotContent:
    """What a group bot is to say. `form`: `text` or `markdown`; `title` is shown above a markdown text by bots that have titles.

    `keyword`: a word without which the bot's owner lets nothing pass. `sign_secret`: the bot's own, with which requests are
    signed. `mentions`: whom to call by name, in the service's own members. `color`: of the title. Empty means: none.
    """

    text: str
    form: str = "text"
    title: str = ""
    keyword: str = ""
    sign_secret: str = field(default="", repr=False)
    mentions: Mapping[str, Any] = field(default_factory=dict)
    color: str = ""


Content = HttpContent | MailContent | TextContent | QueueContent | BotContent


@dataclass(slots=True, eq=False)
class Outgoing:
    """One attempt on its way through a channel. Mutable only by whoever holds it; compared by identity.

    `content` is what to send to `endpoint`. `timeout_s`: one time-out for the whole attempt. `attempt`: 1 for the first.
    `mark`: the dispatcher's own note (the page or row this belongs to); `ahead`: what its protocol's hooks read for it. Channels never
    look at them.
    """

    message: Message
    subscriber: Subscriber
    endpoint: str
    content: Content
    attempt: int = 1
    timeout_s: float = 15.0
    mark: Any = None
    ahead: Any = None


Permit = Callable[[Outgoing], Outcome | None]
"""Asked by a channel immediately before the first byte of an attempt leaves. None: it may start. Else nothing is sent, and the attempt is
settled with this: Blocked, or what makes it wait."""


class RenderedMessage(Protocol):
    """One message's envelopes: what is equal for all its subscribers is built once, what is theirs is added by `for_subscriber`."""

    def reads_signature(self, subscriber: Subscriber) -> bool:
        """Whether this subscriber's envelope carries a signature that is still missing; `sign` will then make it."""
        ...

    async def sign(self) -> None:
        """Make the signatures that `reads_signature` found missing; safe to repeat."""
        ...

    def for_subscriber(self, subscriber: Subscriber) -> Content:
        """The envelope for one subscriber. Raises ValueError when the message cannot be shown by its protocol."""
        ...


class Envelopes(Protocol):
    """What a cloud's subscribers receive. `wiring` hands delivery a table: dialect name -> Envelopes."""

    def open(self, message: Message, topic: Topic | None, token: str) -> RenderedMessage:
        """`token`: the opened link secret of a notice, else empty. `topic` is None for DIRECT messages."""
        ...

    def retry_plan(self, topic: Topic | None, subscriber: Subscriber) -> RetryPlan: ...

    def timeout_s(self, subscriber: Subscriber) -> float: ...

    def dead_letter_queue(self, subscriber: Subscriber) -> str:
        """ARN of the queue that takes what could not be delivered, or empty."""
        ...

    def dead_letter(self, rendered: RenderedMessage, subscriber: Subscriber) -> Content:
        """The content for that queue."""
        ...

    def wants(self, message: Message, subscriber: Subscriber) -> bool:
        """Whether the subscriber's own filter lets the message through."""
        ...

    def receives_per_s_max(self, topic: Topic | None, subscriber: Subscriber) -> int | None:
        """How many first attempts a second the subscriber wants at most; None: no limit."""
        ...
