"""The messages that wait in memory to be taken: a bounded window on the journal, in its order within each topic.

Topics take turns, message by message, so that one that is flooded delays the others by a turn and not by its flood.

Called by `embedded`, by one task at a time. Messages come straight from the commit that made them durable, without being read
back; what does not fit stays in the journal only and is loaded when the window has been emptied. The same way brings what was
left by the last process, and what another process added. Messages may be added or forgotten while the journal is read.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from tidings.domain.model import TopicId
from tidings.domain.ports import Task
from tidings.flow.journal import Fresh, Journal

LOAD_MESSAGES = 256
"""Messages read back at one time: about 2 ms on the event loop."""


class ReadyMessages:
    """Tasks in memory by topic, at most `messages_max` of together about `bytes_max`."""

    def __init__(self, journal: Journal, messages_max: int, bytes_max: int) -> None:
        self._journal = journal
        self._messages_max = messages_max
        self._bytes_max = bytes_max
        # By topic, in the order of their turns; texts to numbers share one place.
        self._lanes: dict[TopicId | None, deque[tuple[Task, int]]] = {}
        self._count = 0
        self._bytes = 0
        # The newest place that is, or was, in the window. Behind: there may be more after it in the journal.
        self._tail = 0
        self._behind = True
        self._newest = 0  # the newest place that this process was told of
        self._forgotten = 0

    def __len__(self) -> int:
        return self._count

    def add(self, fresh: Sequence[Fresh]) -> None:
        """Messages that have just become durable."""
        if fresh:
            self._newest = fresh[-1][0]
        if self._behind:
            return
        for seq, message, size in fresh:
            if seq <= self._tail:
                continue
            # A gap: another process added messages in between, or a reset took some away. The journal knows.
            if seq != self._tail + 1 or not self._has_room():
                self._behind = True
                return
            self._push(Task(seq, message), size)

    def take(self, limit: int) -> list[Task]:
        """Up to `limit` tasks in memory, each topic's oldest first."""
        lanes = self._lanes
        tasks: list[Task] = []
        while lanes and len(tasks) < limit:
            topic_id = next(iter(lanes))
            lane = lanes.pop(topic_id)
            # Alone, it has all the turns there are.
            for _ in range(1 if lanes else min(limit - len(tasks), len(lane))):
                task, size = lane.popleft()
                self._bytes -= size
                tasks.append(task)
            if lane:
                lanes[topic_id] = lane
        self._count -= len(tasks)
        return tasks

    @property
    def is_behind(self) -> bool:
        """Whether nothing is in memory and the journal may have more: `load` will tell."""
        return self._behind and not self._lanes

    async def look_for_others(self) -> None:
        """Be behind if another process added messages."""
        if await self._journal.last_seq() > self._tail:
            self._behind = True

    def forget(self) -> None:
        """Drop everything that has not been taken."""
        self._lanes.clear()
        self._count = 0
        self._bytes = 0
        self._behind = True
        self._forgotten += 1

    def _has_room(self) -> bool:
        return self._count < self._messages_max and self._bytes < self._bytes_max

    def _push(self, task: Task, size: int) -> None:
        lane = self._lanes.get(task.message.topic_id)
        if lane is None:
            lane = self._lanes[task.message.topic_id] = deque()
        lane.append((task, size))
        self._count += 1
        self._bytes += size
        self._tail = task.seq

    async def load(self) -> None:
        """Read messages back, as many as there is room for."""
        forgotten = self._forgotten
        # Asked first: whatever becomes durable later has a higher place, and is told to `add`.
        last_seq = await self._journal.last_seq()
        limit = min(LOAD_MESSAGES, self._messages_max)
        loaded = await self._journal.load(self._tail, limit)
        if forgotten != self._forgotten:
            return  # what was read is gone
        for seq, message, cursor, size in loaded:
            if not self._has_room():
                return
            self._push(Task(seq, message, cursor), size)
        if len(loaded) < limit:
            self._tail = max(self._tail, last_seq)
            # What was added while the journal was read may be missing in what it gave.
            self._behind = self._newest > self._tail
            # Some of these may be another process's, which nobody has counted.
            self._journal.recount()
