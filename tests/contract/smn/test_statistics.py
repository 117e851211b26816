"""ListTopicMessageStatistics: text messages of a topic, hour by hour."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from huaweicloudsdksmn.v2 import SmnClient
from tests.support.patience import PATIENCE_S
from tests.support.server import Server
from tests.support.smn import PROJECT, ask, refused, smn_client

HOUR = timedelta(hours=1)


def this_hour() -> datetime:
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0)


def text(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def statistics(smn: SmnClient, topic_urn: str, start: Any, end: Any) -> dict[str, Any]:
    return ask(smn, "ListTopicMessageStatistics", topic_urn=topic_urn, start_time=start, end_time=end)


def test_every_hour_is_listed_also_without_messages(smn: SmnClient, topic_urn: str) -> None:
    start = this_hour() - 5 * HOUR
    answer = statistics(smn, topic_urn, text(start), text(start + 5 * HOUR))
    assert answer["total"] == {"sms": 0}
    assert answer["statistics"] == [{"start_time": text(start + n * HOUR), "count": {"sms": 0}} for n in range(5)]
    assert len(answer["request_id"]) == 32


def test_the_last_31_days_can_be_asked_for_at_once(smn: SmnClient, topic_urn: str) -> None:
    end = this_hour() + HOUR
    answer = statistics(smn, topic_urn, text(end - timedelta(days=31)), text(end))
    assert len(answer["statistics"]) == 31 * 24


def test_a_text_message_is_counted_in_its_hour(smn: SmnClient, sns: Any, topic_urn: str) -> None:
    arn = topic_urn.replace("urn:smn", "arn:aws:sns").replace(PROJECT, "000000000000")
    sns.subscribe(TopicArn=arn, Protocol="sms", Endpoint="+12025550123")
    start = this_hour()
    for _ in range(2):
        ask(smn, "PublishMessage", topic_urn=topic_urn, body={"message": "hello"})
    answer: dict[str, Any] = {}
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:  # the count is written a moment after the delivery; nothing tells when
        end = this_hour() + HOUR  # the hour may change meanwhile
        answer = statistics(smn, topic_urn, text(start), text(end))
        if answer["total"]["sms"] == 2:
            break
        time.sleep(0.05)
    assert answer["total"] == {"sms": 2}
    assert sum(hour["count"]["sms"] for hour in answer["statistics"]) == 2
    assert answer["statistics"][0]["start_time"] == text(start)


@pytest.mark.parametrize(
    ("start", "end", "code"),
    [
        (None, "2026-01-01T00:00:00Z", "SMN.0103"),
        ("", "2026-01-01T00:00:00Z", "SMN.0103"),
        ("yesterday", "2026-01-01T00:00:00Z", "SMN.0103"),
        ("2026-01-01T00:30:00Z", "2026-01-01T02:00:00Z", "SMN.0103"),
        ("2026-01-01T00:00:01Z", "2026-01-01T02:00:00Z", "SMN.0103"),
        ("2026-02-30T00:00:00Z", "2026-03-01T02:00:00Z", "SMN.0103"),
        ("0000-01-01T00:00:00Z", "2026-03-01T02:00:00Z", "SMN.0103"),
        ("2026-01-01T24:00:00Z", "2026-03-01T02:00:00Z", "SMN.0103"),
        ("٢026-01-01T00:00:00Z", "2026-03-01T02:00:00Z", "SMN.0103"),
        ("2026-01-01T00:00:00Z\n", "2026-03-01T02:00:00Z", "SMN.0103"),
        ("2026-01-01T00:00:00Z", None, "SMN.0104"),
        ("2026-01-01T00:00:00Z", "2026-01-01T02:59:00Z", "SMN.0104"),
        ("2026-01-01T00:00:00Z", "9" * 400, "SMN.0104"),
        ("2026-01-01T02:00:00Z", "2026-01-01T02:00:00Z", "SMN.0114"),
        ("2026-01-01T02:00:00Z", "2026-01-01T01:00:00Z", "SMN.0114"),
        ("0001-01-01T00:00:00Z", "2026-01-01T01:00:00Z", "SMN.0113"),
        ("2026-01-01T00:00:00Z", "9999-12-31T23:00:00Z", "SMN.0113"),
    ],
)
def test_bad_times_are_refused(smn: SmnClient, topic_urn: str, start: Any, end: Any, code: str) -> None:
    with refused(400, code):
        statistics(smn, topic_urn, start, end)


def test_what_is_older_than_31_days_or_to_come_is_refused(smn: SmnClient, topic_urn: str) -> None:
    now = this_hour()
    with refused(400, "SMN.0113"):
        statistics(smn, topic_urn, text(now - timedelta(days=31) - HOUR), text(now))
    with refused(400, "SMN.0113"):
        statistics(smn, topic_urn, text(now), text(now + 3 * HOUR))


def test_who_may_see_the_statistics(server: Server, smn: SmnClient, bob: SmnClient, topic_urn: str) -> None:
    start, end = text(this_hour() - HOUR), text(this_hour())
    for name in ("eve", "lister"):
        looker = smn_client(server, f"{name}skey", f"{name}s-secret")
        assert statistics(looker, topic_urn, start, end)["total"] == {"sms": 0}
    with refused(403, "SMN.00308"):
        statistics(bob, topic_urn, start, end)
    with refused(404, "SMN.0006"):
        statistics(smn, f"{topic_urn}x", start, end)
