"""Counters, gauges and latencies in Prometheus' text form. Made once by `wiring`, handed to the server, delivery and services;
asked by `server` for `/metrics`.

Increments are plain additions on the event loop's thread (about 0.1 µs; a client library's locked counter costs five times
that, and fan-out makes 90,000 a second); the library's classes are used at scrape time only. No global registry.
Source: Prometheus documentation, metric and label naming.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
LATENCY_BOUNDS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
LAG_EVERY_S = 0.5


class _Latency:
    """Counts per bucket and their sum, for one set of labels."""

    __slots__ = ("counts", "sum_s")

    def __init__(self) -> None:
        self.counts = [0] * (len(LATENCY_BOUNDS_S) + 1)
        self.sum_s = 0.0

    def observe(self, seconds: float) -> None:
        self.counts[bisect_left(LATENCY_BOUNDS_S, seconds)] += 1
        self.sum_s += seconds

    def buckets(self) -> list[tuple[str, float]]:
        total = 0
        rows = []
        for bound, count in zip((*map(str, LATENCY_BOUNDS_S), "+Inf"), self.counts, strict=True):
            total += count
            rows.append((bound, float(total)))
        return rows


class Metrics(Collector):
    """One application's figures. `backlog`, `waiting`, `loop_lag_s`, `clock_lead_s` and `binds_up` are set by whoever knows them; the
    rest is counted here."""

    def __init__(self) -> None:
        self.backlog = 0.0
        self.waiting = 0.0
        self.loop_lag_s = 0.0
        self.clock_lead_s = 0.0
        self.binds_up: Mapping[str, int] = {}
        """How many binds to an SMSC are up, by its name; those that are down count as 0."""
        self._published = 0
        self._delivered: defaultdict[str, int] = defaultdict(int)
        self._attempts: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._dead: defaultdict[str, int] = defaultdict(int)
        self._texts_blocked: defaultdict[str, int] = defaultdict(int)
        self._consent: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._throttled: defaultdict[str, int] = defaultdict(int)
        self._callbacks: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._requests: defaultdict[tuple[str, int], int] = defaultdict(int)
        self._latencies: defaultdict[tuple[str, int], _Latency] = defaultdict(_Latency)
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def published(self, messages: int = 1) -> None:
        """Messages were accepted."""
        self._published += messages

    def delivered(self, protocol: str, deliveries: int = 1) -> None:
        """A receiver took it."""
        self._delivered[protocol] += deliveries

    def attempt(self, protocol: str, outcome_name: str, attempts: int = 1) -> None:
        """An attempt ended; `outcome_name` is the outcome's class in lower case: delivered, retrylater, refused, blocked, busy."""
        self._attempts[protocol, outcome_name] += attempts

    def dead_letter(self, protocol: str) -> None:
        """A delivery was given up."""
        self._dead[protocol] += 1

    def text_blocked(self, type_name: str) -> None:
        """An opt-out kept a text back; `type_name`: marketing, notification, verification-code."""
        self._texts_blocked[type_name] += 1

    def consent(self, event: str, way: str) -> None:
        """The ledger got a line: subscribed, confirmed, canceled … by which way."""
        self._consent[event, way] += 1

    def throttled(self, what: str) -> None:
        """A call was turned away by a rate limit."""
        self._throttled[what] += 1

    def callback(self, name: str, outcome_name: str) -> None:
        """A callback (status, replies, consent) was answered as it should be (delivered), or not (failed)."""
        self._callbacks[name, outcome_name] += 1

    def request(self, dialect: str, status: int, seconds: float) -> None:
        """A request was answered."""
        self._requests[dialect, status] += 1
        self._latencies[dialect, status // 100].observe(seconds)

    async def watch_loop(self) -> None:
        """Measure for ever how late the event loop runs what is due; a task of `wiring`."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + LAG_EVERY_S
            await asyncio.sleep(LAG_EVERY_S)
            self.loop_lag_s = max(0.0, loop.time() - due)

    def render(self) -> bytes:
        """The figures in Prometheus' text form."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        yield _counter("tidings_published_messages", "Messages accepted.", (), [((), self._published)])
        yield _counter("tidings_delivered", "Deliveries a receiver took.", ("protocol",), _by_one(self._delivered))
        yield _counter(
            "tidings_attempts", "Delivery attempts by outcome.", ("protocol", "outcome"), self._attempts.items()
        )
        yield _counter("tidings_dead_letters", "Deliveries given up.", ("protocol",), _by_one(self._dead))
        yield _counter(
            "tidings_texts_blocked", "Texts kept back by an opt-out.", ("type",), _by_one(self._texts_blocked)
        )
        yield _counter(
            "tidings_consent_changes", "Ledger entries by event and way.", ("event", "way"), self._consent.items()
        )
        yield _counter(
            "tidings_callbacks",
            "Requests to applications' own addresses by outcome.",
            ("callback", "outcome"),
            self._callbacks.items(),
        )
        yield _counter("tidings_throttled", "Calls turned away by a rate limit.", ("what",), _by_one(self._throttled))
        requests = (((dialect, str(status)), count) for (dialect, status), count in self._requests.items())
        yield _counter("tidings_requests", "Requests answered.", ("dialect", "status"), requests)
        latency = HistogramMetricFamily(
            "tidings_request_seconds",
            "Time from a request's headers to its answer.",
            labels=("dialect", "status_class"),
        )
        for (dialect, status_class), figures in self._latencies.items():
            latency.add_metric((dialect, f"{status_class}xx"), figures.buckets(), figures.sum_s)
        yield latency
        yield GaugeMetricFamily("tidings_backlog_messages", "Accepted and not finished.", value=self.backlog)
        yield GaugeMetricFamily("tidings_waiting_deliveries", "Waiting for another attempt.", value=self.waiting)
        binds = GaugeMetricFamily("tidings_sms_binds_up", "Binds to an SMSC that are up.", labels=("bind",))
        for name, up in self.binds_up.items():
            binds.add_metric((name,), up)
        yield binds
        yield GaugeMetricFamily(
            "tidings_clock_lead_seconds",
            "How far our clock is ahead of the machine's; negative while that one is doubted.",
            value=self.clock_lead_s,
        )
        yield GaugeMetricFamily("tidings_loop_lag_seconds", "How late the event loop runs.", value=self.loop_lag_s)


def _by_one(counts: dict[str, int]) -> Iterator[tuple[tuple[str, ...], int]]:
    return (((name,), count) for name, count in counts.items())


def _counter(
    name: str, text: str, labels: tuple[str, ...], counts: Iterable[tuple[tuple[str, ...], int]]
) -> CounterMetricFamily:
    family = CounterMetricFamily(name, text, labels=labels)
    for values, count in counts:
        family.add_metric(values, count)
    return family
