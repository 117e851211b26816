"""The consent gate's last question, asked by every channel immediately before a send starts.

A page is read from the store with consent in its query; what has changed since is remembered here, so that whatever waits in a
lane, a queue or for a connection is refused the moment a cancel is acknowledged. Within one process that is an ordering rule:
the store commits, `apply` runs, the caller is answered.
"""

from __future__ import annotations

from tidings.domain.envelope import Outgoing
from tidings.domain.lifecycle import may_receive
from tidings.domain.model import Kind, State, TopicId


class Gate:
    """Remembers changed subscriptions for two turns of `turn` (minutes apart), longer than anything waits in memory."""

    def __init__(self) -> None:
        self._recent: dict[str, State] = {}
        self._older: dict[str, State] = {}
        self._gone: dict[TopicId, None] = {}

    def apply(self, uid: str, state: State) -> None:
        """A subscription has a new state from now on."""
        self._recent[uid] = state

    def topic_gone(self, topic_id: TopicId) -> None:
        """The topic was deleted: nothing of it is sent any more. Ids are never given again."""
        self._gone[topic_id] = None

    def permits(self, outgoing: Outgoing) -> bool:
        """Whether this attempt may start now."""
        if self._recent or self._older:
            uid = outgoing.subscriber.uid
            state = self._recent.get(uid)
            if state is None:
                state = self._older.get(uid)
            if state is not None:
                kind = outgoing.message.kind
                if not may_receive(kind is Kind.GOODBYE, kind is Kind.CONFIRMATION, state):
                    return False
        return not (self._gone and outgoing.message.topic_id in self._gone)

    def turn(self) -> None:
        """Forget what is older than the last turn."""
        self._older, self._recent = self._recent, {}
        while len(self._gone) > 10_000:
            del self._gone[next(iter(self._gone))]
