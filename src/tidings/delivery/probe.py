"""Tries an endpoint out: one attempt that belongs to no subscription, made once and never repeated. The Prober of dialects.

Outcomes are kept in the memory of this process: bounded, forgotten after a day and at a restart. Nothing is written, because a
result is asked for within seconds of the attempt and tells nothing that another attempt would not.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from tidings.domain.envelope import Outgoing
from tidings.domain.errors import NotFound
from tidings.domain.model import AccountId
from tidings.domain.outcomes import Outcome, RetryLater
from tidings.domain.ports import Channel, Clock

KEEP = timedelta(days=1)
KEPT_MAX = 10_000


@dataclass(slots=True)
class _Probe:
    account_id: AccountId
    started_at: datetime
    outcome: Outcome | None = None


class Prober:
    """`channels`: by protocol, the dispatcher's own: a probe waits in the same lane and asks the same permit as a delivery.

    kept_max: probes remembered; the oldest is forgotten for a new one.
    """

    def __init__(self, channels: Mapping[str, Channel], clock: Clock, *, kept_max: int = KEPT_MAX) -> None:
        self._channels = channels
        self._clock = clock
        self._kept_max = kept_max
        self._probes: OrderedDict[str, _Probe] = OrderedDict()

    def start(self, task_id: str, account_id: AccountId, outgoing: Outgoing) -> None:
        """Send it now; the outcome is remembered under `task_id`, which must be new, for a while."""
        assert task_id not in self._probes
        probe = _Probe(account_id, self._clock.now())
        self._probes[task_id] = probe
        if len(self._probes) > self._kept_max:
            self._probes.popitem(last=False)
        channel = self._channels.get(outgoing.subscriber.protocol)
        if channel is None:
            probe.outcome = RetryLater(f"no channel for {outgoing.subscriber.protocol}")
            return

        def settled(_: Outgoing, outcome: Outcome) -> None:
            probe.outcome = outcome

        channel.send(outgoing, settled)

    def outcome(self, task_id: str, account_id: AccountId) -> Outcome | None:
        """None: still on its way. Raises NotFound (task) for an unknown, forgotten or another account's one."""
        probe = self._probes.get(task_id)
        if probe is None or probe.account_id != account_id or self._clock.now() >= probe.started_at + KEEP:
            raise NotFound("task", task_id)
        return probe.outcome
