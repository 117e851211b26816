"""Accept a message: the caller is answered when it is on disk. Nothing is sent from here."""

from __future__ import annotations

from collections.abc import Sequence

from tidings.domain.grants import Grant, Verb
from tidings.domain.model import Message
from tidings.domain.ports import Flow
from tidings.observe.metrics import Metrics


class Publisher:
    """The hot path: one append to the flow per call, however many messages it carries."""

    def __init__(self, flow: Flow, metrics: Metrics) -> None:
        self._flow = flow
        self._metrics = metrics

    async def publish(self, grant: Grant, messages: Sequence[Message]) -> None:
        """Accept the messages, all or none; durable when this returns. Raises Unavailable while the backlog is too long.

        The messages' ids and times were given by the dialect, which also answers with them.
        """
        grant.require(Verb.PUBLISH, Verb.PUBLISH_SMS)
        for message in messages:
            grant.require_owner(message.account_id)
            grant.require_topic_id(message.topic_id)
        await self._flow.append(messages)
        self._metrics.published(len(messages))
