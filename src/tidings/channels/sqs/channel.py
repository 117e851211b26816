"""Sends to queues in batches: what waits for a queue goes together, what comes alone goes at once.

Called by delivery. Each queue has a lane of its own: bounded, and with few batches in flight, so that one queue's trouble is
not another's. A batch grows only while others are in flight, so an idle lane adds no wait. Never decides when to try again.
Source: Amazon SQS API reference, SendMessageBatch.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic

import httptools
import structlog

from tidings.channels.sqs.connection import Answer, Connection, Disconnected, Origin, Pool
from tidings.channels.sqs.protocol import (
    BATCH_BYTES_MAX,
    CONTENT_TYPE,
    ENTRIES_MAX,
    TARGET,
    Queue,
    aws_endpoint,
    batch_body,
    entry_of,
    outcomes_of,
)
from tidings.domain.envelope import Outgoing, Permit
from tidings.domain.outcomes import Blocked, Busy, Outcome, Refused, RetryLater
from tidings.domain.ports import Settle
from tidings.wire.sigv4 import sign_request

BATCHES_IN_FLIGHT = 4
"""Per queue. Ordered queues have one, or batches could overtake each other."""
CONNECTIONS_MAX = 32
HELD_MAX = 2_000
"""Messages waiting per queue, and their bytes; what does not fit waits as rows."""
HELD_BYTES_MAX = 16 << 20
WAIT_S = 20.0
"""A message that waited longer goes back as a row: whoever handed it over may count it as lost soon after its time-out."""
BUSY_AFTER_S = 1.0
CLOSE_S = 15.0

_TROUBLE = (OSError, ValueError, httptools.HttpParserError)

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
    queue: Queue
    url: str
    origin: Origin
    waiting: deque[_Item] = field(default_factory=deque)
    held_bytes: int = 0
    pumps: int = 0

    def add(self, item: _Item) -> None:
        self.waiting.append(item)
        self.held_bytes += len(item.entry)

    def is_full(self) -> bool:
        return len(self.waiting) >= HELD_MAX or self.held_bytes >= HELD_BYTES_MAX

    def wants_pump(self) -> bool:
        most = 1 if self.queue.is_fifo else BATCHES_IN_FLIGHT
        return self.pumps == 0 or (self.pumps < most and len(self.waiting) > ENTRIES_MAX * self.pumps)

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


class SqsChannel:
    """Queues of one SQS-compatible service, or of AWS.

    endpoint: `http(s)://host[:port]`, None for AWS's own by region. Without an access key requests go unsigned, as some
    local services take them. Raises ValueError for an endpoint that cannot be read.
    """

    protocols = frozenset({"sqs"})

    def __init__(
        self,
        permit: Permit,
        *,
        endpoint: str | None,
        access_key_id: str,
        secret_access_key: str,
        connections_max: int = CONNECTIONS_MAX,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._permit = permit
        self._endpoint = endpoint.rstrip("/") if endpoint else None
        if self._endpoint is not None:
            Origin.read(self._endpoint)
        self._access_key_id = access_key_id
        self._secret_access_key = secret_access_key
        self._now = now
        self._lanes: dict[str, _Lane] = {}
        self._pool = Pool()
        self._slots = asyncio.Semaphore(connections_max)
        self._pumps: set[asyncio.Task[None]] = set()
        self._closing = False

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
        if lane.wants_pump():
            self._start_pump(lane)

    async def close(self) -> None:
        """Give back what waits and let what was started end, for at most `CLOSE_S`."""
        self._closing = True
        for lane in self._lanes.values():
            _give_back(lane)
        pumps = list(self._pumps)
        if pumps:
            _, late = await asyncio.wait(pumps, timeout=CLOSE_S)
            for pump in late:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
        self._pool.close()
        await asyncio.sleep(0)  # lets the event loop forget the closed connections

    def _open_lane(self, arn: str) -> _Lane:
        queue = Queue.read(arn)
        endpoint = self._endpoint or aws_endpoint(queue)
        return _Lane(queue, f"{endpoint}/{queue.account}/{queue.name}", Origin.read(endpoint))

    def _start_pump(self, lane: _Lane) -> None:
        lane.pumps += 1
        pump = asyncio.get_running_loop().create_task(self._pump(lane))
        self._pumps.add(pump)
        pump.add_done_callback(self._pumps.discard)

    async def _pump(self, lane: _Lane) -> None:
        try:
            while lane.waiting:
                async with self._slots:
                    if lane.waiting:
                        await self._send_batch(lane)
        except Exception as error:  # noqa: BLE001 - whatever it was, what waits must not wait for ever
            _log.error("a lane of queue messages failed", queue=lane.queue.arn, exc_info=error)
            _give_back(lane)
        finally:
            lane.pumps -= 1
            if lane.pumps == 0 and not lane.waiting:
                self._lanes.pop(lane.queue.arn, None)

    async def _send_batch(self, lane: _Lane) -> None:
        batch: list[_Item] = []
        try:
            answer = await self._attempt(lane, batch)
        except asyncio.CancelledError:
            _settle(batch, RetryLater("stopped while sending"))
            raise
        if isinstance(answer, RetryLater):
            _settle(batch, answer)
            return
        outcomes = _outcomes(lane, answer, len(batch))
        if outcomes is None:
            # Nobody said whose fault it was: alone, each gets its own answer. In front, so that order is kept.
            for item in reversed(batch):
                item.alone = True
                lane.waiting.appendleft(item)
                lane.held_bytes += len(item.entry)
            return
        for item, outcome in zip(batch, outcomes, strict=True):
            _settle([item], outcome)

    async def _attempt(self, lane: _Lane, batch: list[_Item]) -> Answer | RetryLater:
        """Fill `batch` from the lane and send it; trouble becomes the outcome of all its entries."""
        patience_s = lane.waiting[0].outgoing.timeout_s
        try:
            async with asyncio.timeout(patience_s):
                return await self._exchange(lane, batch)
        except TimeoutError:
            trouble = RetryLater(f"no answer from the queue service within {patience_s:g} s")
        except _TROUBLE as exc:
            trouble = RetryLater(f"queue service: {exc or type(exc).__name__}"[:300])
        except Exception as exc:  # noqa: BLE001 - a bug must cost neither the messages nor the lane
            _log.error("batch failed", queue=lane.queue.arn, exc_info=exc)
            trouble = RetryLater(f"internal: {type(exc).__name__}")
        if not batch:
            batch += lane.take()
        _give_back(lane)  # whoever waits would meet the same; as rows they wait without losing an attempt
        return trouble

    async def _exchange(self, lane: _Lane, batch: list[_Item]) -> Answer:
        while True:
            connection = await self._pool.take(lane.origin)
            reused = connection.used
            try:
                if not batch:
                    batch += lane.take()
                batch[:] = self._permitted(batch)
                if not batch:
                    return Answer(0, "", b"")
                return await self._post(lane, batch, connection)
            except Disconnected as exc:
                # The service had closed an idle connection. Said twice is better than not said: at least once.
                if not reused or exc.answered:
                    raise
            finally:
                self._pool.give(lane.origin, connection)

    def _permitted(self, batch: list[_Item]) -> list[_Item]:
        allowed = []
        for item in batch:
            if item.waited_too_long():
                _settle([item], Busy(BUSY_AFTER_S))
            else:
                try:
                    is_allowed = self._permit(item.outgoing)
                except Exception as error:  # noqa: BLE001 - one message's trouble is not the batch's
                    _log.error("consent could not be asked", queue=item.outgoing.endpoint, exc_info=error)
                    _settle([item], RetryLater("internal: consent could not be asked"))
                    continue
                if is_allowed:
                    allowed.append(item)
                else:
                    _settle([item], Blocked("consent"))
        return allowed

    async def _post(self, lane: _Lane, batch: list[_Item], connection: Connection) -> Answer:
        body = batch_body(lane.url, [item.entry for item in batch])
        headers = {"host": lane.origin.host_header, "content-type": CONTENT_TYPE, "x-amz-target": TARGET}
        if self._access_key_id:
            headers = sign_request(
                "POST",
                lane.origin.path,
                headers,
                body,
                at=self._now(),
                access_key_id=self._access_key_id,
                secret_access_key=self._secret_access_key,
                region=lane.queue.region,
                service="sqs",
            )
        lines = [f"POST {lane.origin.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        lines += [f"content-length: {len(body)}", "", ""]
        return await connection.post("\r\n".join(lines).encode("latin-1"), body)


def _outcomes(lane: _Lane, answer: Answer, count: int) -> list[Outcome] | None:
    """As `outcomes_of`; an answer that breaks its reader means later for all, and costs no lane."""
    if not count:
        return []
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
