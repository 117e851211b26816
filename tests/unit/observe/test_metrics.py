"""Metrics: what was counted is shown, in Prometheus' form, without a registry that others share."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from tidings.observe.metrics import LATENCY_BOUNDS_S, Metrics


def samples(metrics: Metrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(metrics.render().decode())
        for sample in family.samples
    }


def test_what_was_counted_is_shown() -> None:
    metrics = Metrics()
    metrics.published(3)
    metrics.delivered("http")
    metrics.delivered("http", 2)
    metrics.attempt("http", "retrylater")
    metrics.dead_letter("email")
    metrics.text_blocked("marketing")
    metrics.consent("canceled", "one-click")
    metrics.throttled("sns:Unsubscribe")
    metrics.backlog, metrics.waiting = 7, 5
    metrics.binds_up = {"tidings@smsc.example.com:2775": 2, "other@smsc.example.com:2775": 0}
    found = samples(metrics)
    assert found["tidings_published_messages_total", ()] == 3
    assert found["tidings_delivered_total", (("protocol", "http"),)] == 3
    assert found["tidings_attempts_total", (("outcome", "retrylater"), ("protocol", "http"))] == 1
    assert found["tidings_dead_letters_total", (("protocol", "email"),)] == 1
    assert found["tidings_texts_blocked_total", (("type", "marketing"),)] == 1
    assert found["tidings_consent_changes_total", (("event", "canceled"), ("way", "one-click"))] == 1
    assert found["tidings_throttled_total", (("what", "sns:Unsubscribe"),)] == 1
    assert found["tidings_backlog_messages", ()] == 7
    assert found["tidings_waiting_deliveries", ()] == 5
    assert found["tidings_sms_binds_up", (("bind", "tidings@smsc.example.com:2775"),)] == 2
    assert found["tidings_sms_binds_up", (("bind", "other@smsc.example.com:2775"),)] == 0


def test_two_servers_do_not_share_figures() -> None:
    one, other = Metrics(), Metrics()
    one.published()
    assert samples(other)["tidings_published_messages_total", ()] == 0


@given(st.lists(st.floats(min_value=0, max_value=100, allow_nan=False), max_size=50))
def test_latencies_fall_into_the_buckets_that_hold_them(seconds: list[float]) -> None:
    metrics = Metrics()
    for value in seconds:
        metrics.request("sns", 200, value)
    if not seconds:
        return
    found = samples(metrics)
    labels = (("dialect", "sns"), ("status_class", "2xx"))
    for bound in LATENCY_BOUNDS_S:
        expected = sum(value <= bound for value in seconds)
        assert found["tidings_request_seconds_bucket", (labels[0], ("le", str(bound)), labels[1])] == expected
    assert found["tidings_request_seconds_count", labels] == len(seconds)
    assert found["tidings_requests_total", (("dialect", "sns"), ("status", "200"))] == len(seconds)


async def test_a_busy_loop_shows_as_lag() -> None:
    import time

    metrics = Metrics()
    watching = asyncio.create_task(metrics.watch_loop())
    await asyncio.sleep(0.4)
    time.sleep(0.4)  # what must never happen in the server
    while not metrics.loop_lag_s:
        await asyncio.sleep(0.01)
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching
    assert metrics.loop_lag_s > 0.1
