"""ListTopicMessageStatistics: how many text messages went out for a topic, hour by hour.

Source: SMN API reference and SDK, ListTopicMessageStatistics (whole hours, UTC, of the last 31 days).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from tidings.dialects.smn import codec
from tidings.dialects.smn.calls import Answer, Call, Route, SmnServices, done, find_topic, permit
from tidings.dialects.smn.errors import refuse
from tidings.dialects.smn.limits import STATISTICS_DAYS_MAX
from tidings.domain.grants import Verb

_HOUR = timedelta(hours=1)
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:00:00Z\Z")


async def list_statistics(services: SmnServices, call: Call) -> Answer:
    """Every hour of [start_time, end_time), those without any too: a chart needs no gaps."""
    topic = await find_topic(services, call)
    grant = await permit(services, call, Verb.READ_TOPIC, topic, "smn:topic:list", statement="QueryTopicDetail")
    start, end = _range(call, services.clock.now())
    counted = dict(await services.topics.texts_sent(grant, topic.id, since=start, until=end))
    hours = [start + n * _HOUR for n in range((end - start) // _HOUR)]
    return done(
        total={"sms": sum(counted.values())},
        statistics=[{"start_time": codec.moment(at), "count": {"sms": counted.get(at, 0)}} for at in hours],
    )


def _range(call: Call, now: datetime) -> tuple[datetime, datetime]:
    """The hours asked for: of the last 31 days, the current one included. Raises SmnError."""
    start = _hour(call, "start_time", "SMN.0103")
    end = _hour(call, "end_time", "SMN.0104")
    if end <= start:
        raise refuse("SMN.0114")
    this_hour = now.replace(minute=0, second=0, microsecond=0)
    if start < this_hour - timedelta(days=STATISTICS_DAYS_MAX) or end > this_hour + _HOUR:
        raise refuse("SMN.0113")
    return start, end


def _hour(call: Call, name: str, code: str) -> datetime:
    text = call.query.get(name, "")
    if _TIME.match(text) is None:
        raise refuse(code)
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise refuse(code) from None


ROUTES: tuple[Route, ...] = (
    Route(
        "GET",
        "v2/{project_id}/notifications/topics/{topic_urn}/statistics",
        "ListTopicMessageStatistics",
        list_statistics,
    ),
)
