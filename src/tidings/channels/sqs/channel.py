"""Sends to queues in batches: what waits for a queue goes together, what comes alone goes at once.

Called by delivery. Each queue has a lane of its own: bounded, and with few batches in flight, so that one queue's trouble is
not another's. A batch grows only while others are in flight, so an idle lane adds no wait. Connections and time-outs are those of the
web hooks' channel that it has for itself. Never decides when to try again.
Source: Amazon SQS API reference, SendMessageBatch.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from time import monotonic

import structlog

from tidings.channels.sqs.protocol import (
    BATCH_BYTES_MAX,
    CONTENT_TYPE,
    ENTRIES_MAX,
    TARGET,
    Answer,
    Queue,
    aws_endpoint,
    batch_body,
    entry_of,
    outcomes_of,
)
from tidings.domain.envelope import HttpContent, Outgoing, Permit
from tidings.domain.outcomes import BLOCKED, Blocked, Busy, Outcome, Refused, RetryLater
from tidings.domain.ports import ClosingPoster, Settle
from tidings.wire.egress import Target, check_url
from tidings.wire.sigv4 import sign_request

BATCHES_IN_FLIGHT = 4
"""Per queue. Ordered queues have one, or batches could overtake each other."""
HELD_MAX = 2_000
"""Messages waiting per queue, and their bytes; what does not fit waits as rows."""
HELD_BYTES_MAX = 16 << 20
WAIT_S = 20.0
"""A message that waited longer goes back as a row: whoever handed it over may count it as lost soon after its time-out."""
BUSY_AFTER_S = 1.0

_log = structlog.get_logger(__name__)


def _utc_now() -> datetime:
    # Not the product's clock, which developer mode moves: the queue service compares this with its own.
    return datetime.now(UTC)


@dataclass(slots=True, eq=False)
class _Item:
    outgoing: Outgoing
    settle: Settle
    entry: bytes
    since: float
    alone: bool = False

    def waited_too_long(self) -> bool:
        return monotonic() - self.since > min(WAIT_S, self.outgoing.timeout_s)


@dataclass(slots=True, eq=False)
class _Lane:
    """One queue. `queue_url` names it to the service, `endpoint` and `target` are where requests go."""

    queue: Queue
    queue_url: str
    endpoint: str
    target: Target
    waiting: deque[_Item] = field(default_factory=deque)
    held_bytes: int = 0
    in_flight: int = 0

    def add(self, item: _Item) -> None:
        self.waiting.append(item)
        self.held_bytes += len(item.entry)

    def is_full(self) -> bool:
        return len(self.waiting) >= HELD_MAX or self.held_bytes >= HELD_BYTES_MAX

    def wants_batch(self) -> bool:
        most = 1 if self.queue.is_fifo else BATCHES_IN_FLIGHT
        return self.in_flight == 0 or (self.in_flight < most and len(self.waiting) > ENTRIES_MAX * self.in_flight)

    def take(self) -> list[_Item]:
        """The next batch: up to ten entries that fit together, at least one if any waits."""
        batch: list[_Item] = []
        size = 0
        while self.waiting and len(batch) < ENTRIES_MAX:
            item = self.waiting[0]
            size += len(item.entry)
            if batch and (size > BATCH_BYTES_MAX or item.alone or batch[0].alone):
                break
            batch.append(self.waiting.popleft())
            self.held_bytes -= len(item.entry)
        return batch

    def put_back(self, batch: list[_Item]) -> None:
        """In front, so that order is kept; each of them travels alone."""
        for item in reversed(batch):
            item.alone = True
            self.waiting.appendleft(item)
            self.held_bytes += len(item.entry)


@dataclass(slots=True, eq=False)
class _Batch(Outgoing):
    """A request that carries entries. They are taken from the lane only when a connection is there, so that they are many."""

    lane: _Lane | None = None
    items: list[_Item] = field(default_factory=list)
    answer: Answer | None = None


class SqsChannel:
    """Queues of one SQS-compatible service, or of AWS.

    connect: makes the channel that carries the requests, with a permit of ours; it is closed with us and should reach
    `egress.ANYWHERE`: the operator, or AWS's own naming, chose the host. endpoint: `http(s)://host[:port]`, None for AWS's own by
    region. Without an access key requests go unsigned, as some local services take them. Raises ValueError for an endpoint that
    cannot be read.
    """

    protocols = frozenset({"sqs"})

    def __init__(
        self,
        permit: Permit,
        connect: Callable[[Permit], ClosingPoster],
        *,
        endpoint: str | None,
        access_key_id: str,
        secret_access_key: str,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._permit = permit
        self._endpoint = endpoint.rstrip("/") if endpoint else None
        if self._endpoint is not None:
            _target(self._endpoint)
        self._access_key_id = access_key_id
        self._secret_access_key = secret_access_key
        self._now = now
        self._lanes: dict[str, _Lane] = {}
        self._closing = False
        self._http = connect(self._fill)

    def send(self, outgoing: Outgoing, settle: Settle) -> None:
        """Queue a message; `Busy` when its queue's lane is full or the channel is closing."""
        lane = self._lanes.get(outgoing.endpoint)
        if self._closing or (lane is not None and lane.is_full()):
            settle(outgoing, Busy(BUSY_AFTER_S))
            return
        try:
            lane = lane or self._open_lane(outgoing.endpoint)
            entry = entry_of(outgoing.content)
        except ValueError as exc:
            settle(outgoing, Refused(str(exc)))
            return
        lane.add(_Item(outgoing, settle, entry, monotonic()))
        self._lanes[lane.queue.arn] = lane
        if lane.wants_batch():
            lane.in_flight += 1
            # In the loop's next turn: whatever is sent in this one goes with it.
            asyncio.get_running_loop().call_soon(self._post, lane)

    async def close(self) -> None:
        """Give back what waits and let what was started end, at most until its time-out."""
        self._closing = True
        for lane in list(self._lanes.values()):
            _give_back(lane)
        await self._http.close()

    def _open_lane(self, arn: str) -> _Lane:
        queue = Queue.read(arn)
        endpoint = self._endpoint or aws_endpoint(queue)
        return _Lane(queue, f"{endpoint}/{queue.account}/{queue.name}", endpoint, _target(endpoint))

    def _post(self, lane: _Lane) -> None:
        """Ask for a connection for the lane's next batch, within the time-out of the message that waits first; or end this flight."""
        if not lane.waiting:
            lane.in_flight -= 1
            if not lane.in_flight:
                self._lanes.pop(lane.queue.arn, None)
            return
        first = lane.waiting[0].outgoing
        batch = _Batch(
            first.message,
            first.subscriber,
            lane.endpoint,
            HttpContent(b"", b""),
            timeout_s=first.timeout_s,
            lane=lane,
        )
        self._http.send(batch, self._settled, partial(_keep_answer, batch))

    def _fill(self, batch: Outgoing) -> Outcome | None:
        """The permit of the requests, asked when the next octets would be the batch's: takes the entries, asks consent for each, signs.
        BLOCKED: none is left to send. Asked again when the connection turned out closed."""
        assert isinstance(batch, _Batch)
        assert batch.lane is not None
        try:
            batch.items = self._permitted(batch.items or batch.lane.take())
            if batch.items:
                batch.content = self._request(batch.lane, batch.items)
        except Exception as exc:  # noqa: BLE001 - a bug must cost neither the messages nor the lane
            _log.error("batch failed", queue=batch.lane.queue.arn, exc_info=exc)
            items, batch.items = batch.items, []
            _settle(items, RetryLater(f"internal: {type(exc).__name__}"))
        return None if batch.items else BLOCKED

    def _permitted(self, items: list[_Item]) -> list[_Item]:
        allowed = []
        for item in items:
            if item.waited_too_long():
                _settle([item], Busy(BUSY_AFTER_S))
            else:
                try:
                    refusal = self._permit(item.outgoing)
                except Exception as error:  # noqa: BLE001 - one message's trouble is not the batch's
                    _log.error("consent could not be asked", queue=item.outgoing.endpoint, exc_info=error)
                    _settle([item], RetryLater("internal: consent could not be asked"))
                    continue
                if refusal is None:
                    allowed.append(item)
                else:
                    _settle([item], refusal)
        return allowed

    def _request(self, lane: _Lane, items: list[_Item]) -> HttpContent:
        body = batch_body(lane.queue_url, [item.entry for item in items])
        headers = {"host": lane.target.authority, "content-type": CONTENT_TYPE, "x-amz-target": TARGET}
        if self._access_key_id:
            headers = sign_request(
                "POST",
                lane.target.path_and_query,
                headers,
                body,
                at=self._now(),
                access_key_id=self._access_key_id,
                secret_access_key=self._secret_access_key,
                region=lane.queue.region,
                service="sqs",
            )
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if name != "host")
        return HttpContent(head.encode("latin-1"), body)

    def _settled(self, batch: Outgoing, outcome: Outcome) -> None:
        assert isinstance(batch, _Batch)
        assert batch.lane is not None
        lane, items = batch.lane, batch.items
        if batch.answer is not None:
            outcomes = _outcomes(lane, batch.answer, len(items))
            if outcomes is None:
                lane.put_back(items)  # Nobody said whose fault it was: alone, each gets its own answer.
            else:
                for item, own in zip(items, outcomes, strict=True):
                    _settle([item], own)
        elif not isinstance(outcome, Blocked):  # Blocked: nothing was left to send
            if not isinstance(outcome, Busy):
                outcome = RetryLater(f"queue service: {_reason(outcome)}"[:300])
            _settle(items or lane.take(), outcome)
            _give_back(lane)  # whoever waits would meet the same; as rows they wait without losing an attempt
        if self._closing:
            _give_back(lane)
        self._post(lane)


def _target(endpoint: str) -> Target:
    """Raises ValueError."""
    try:
        target = check_url(endpoint)
    except ValueError as error:
        raise ValueError(f"the SQS endpoint is http(s)://host[:port][/path]: {error}") from None
    if target.userinfo or "?" in target.path_and_query:
        raise ValueError("the SQS endpoint is http(s)://host[:port][/path]")
    return target


def _keep_answer(batch: _Batch, status: int, body: bytes) -> None:
    batch.answer = Answer(status, body)


def _reason(outcome: Outcome) -> str:
    return outcome.reason if isinstance(outcome, RetryLater | Refused) else type(outcome).__name__


def _outcomes(lane: _Lane, answer: Answer, count: int) -> list[Outcome] | None:
    """As `outcomes_of`; an answer that breaks its reader means later for all, and costs no lane."""
    try:
        return outcomes_of(answer, count)
    except Exception as error:  # noqa: BLE001 - the messages are in nobody's hands but ours
        _log.error("an answer of the queue service could not be read", queue=lane.queue.arn, exc_info=error)
        return [RetryLater("the answer of the queue service cannot be read")] * count


def _settle(batch: list[_Item], outcome: Outcome) -> None:
    for item in batch:
        try:
            item.settle(item.outgoing, outcome)
        except Exception as error:  # noqa: BLE001 - the others still get theirs
            _log.error("an outcome could not be told", queue=item.outgoing.endpoint, exc_info=error)


def _give_back(lane: _Lane) -> None:
    # First all out, then settled: settling may send again.
    items = list(lane.waiting)
    lane.waiting.clear()
    lane.held_bytes = 0
    _settle(items, Busy(BUSY_AFTER_S))
