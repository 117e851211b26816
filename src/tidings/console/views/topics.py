"""Topics: search them, look at one."""

from __future__ import annotations

import re
from collections import Counter
from datetime import timedelta

from markupsafe import Markup

from tidings.console.charts import Bar, bars
from tidings.console.errors import MISSING, BadRequest
from tidings.console.formatting import days_before, midnight, plural
from tidings.console.routing import Answer, Call, Route, Shown
from tidings.domain.grants import Verb
from tidings.domain.model import State, SubscriptionQuery, Topic, TopicQuery

PAGE_TOPICS = 50
PAGE_SUBSCRIPTIONS = 10
DAYS = 14
OFFSET_MAX = 1_000_000
UID = re.compile(r"[0-9a-f]{32}\Z")
_REGION = re.compile(r"[a-z0-9-]{0,64}\Z")


async def topics(call: Call) -> Answer:
    """A page of the account's topics, newest first."""
    query, grant = call.query, call.grant
    name = query.text("name", "Name", characters_max=256)
    region = query.text("region", "Region", characters_max=64)
    start = query.whole("from", "Page", most=OFFSET_MAX)
    if not _REGION.match(region):
        query.refuse("region", "Region: small letters, digits and hyphens, such as us-east-1.")
    wanted = TopicQuery(grant.owner, region or None, name_part=name or None, offset=start, limit=PAGE_TOPICS)
    found, total = await call.services.topics.search(grant, wanted) if query.ok else ([], 0)
    look = call.authorize(Verb.READ_TOPIC) if call.may(Verb.READ_TOPIC) else None
    counted = [(topic, await call.services.topics.counts(look, topic.id)) for topic in found] if look else []
    link: dict[str, object] = {"name": name, "region": region}
    values = {
        "query": query,
        "topics": counted,
        "total": total,
        "start": start,
        "is_searched": bool(name or region or start or query.refusals),
        "first": link if start else None,
        "next": link | {"from": start + PAGE_TOPICS} if start + len(found) < total else None,
        "public_url": call.services.public_url,
    }
    status = 200 if query.ok else 422
    return Shown("topics.html", "Topics", values, block="results", spoken=plural(total, "topic"), status=status)


async def topic(call: Call) -> Answer:
    """One topic: its counts, attributes, newest subscribers and texts."""
    found = await topic_of(call, call.path["uid"])
    services, look = call.services, call.grant
    subscriptions = None
    if call.may(Verb.LIST):
        listed = SubscriptionQuery(topic_id=found.id, limit=PAGE_SUBSCRIPTIONS)
        subscriptions = await services.subscriptions.page(call.authorize(Verb.LIST), listed)
    now = services.clock.now()
    days = days_before(now, DAYS)
    hours = await services.topics.texts_sent(look, found.id, since=days[0], until=now + timedelta(hours=1))
    texts = Counter[object]()
    for hour, sent in hours:
        texts[midnight(hour)] += sent
    values = {
        "topic": found,
        "counts": await services.topics.counts(look, found.id),
        "names": {
            one.label: one.topic(found.region, found.account_id, call.account.project_id, found.name)
            for one in services.names
        },
        "subscriptions": subscriptions,
        "texts": texts.total(),
        "days": DAYS,
        "chart": bars(
            [Bar(f"{day.day} {day:%b}", (texts[day],)) for day in days],
            (("texts", "came"),),
            f"Texts delivered per day over {DAYS} days: {texts.total()}",
        )
        if texts
        else Markup(""),
        "State": State,
    }
    return Shown("topic.html", found.name, values)


async def topic_of(call: Call, uid: str) -> Topic:
    """The account's topic of that uid. Raises BadRequest."""
    found = await call.services.topics.find_by_uid(uid) if UID.match(uid) else None
    if found is None or found.account_id != call.principal.account_id:
        raise BadRequest(MISSING)
    return found


ROUTES = (
    Route("GET", "/topics", topics, Verb.LIST, "topics", "topics"),
    Route("GET", "/topics/{uid}", topic, Verb.READ_TOPIC, "topic", "topics"),
)
