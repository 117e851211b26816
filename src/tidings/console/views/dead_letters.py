"""Dead letters: deliveries that were given up; look at them, send them again.

Never shows what was published: that is the publisher's, and may be somebody's secret.
"""

from __future__ import annotations

from collections.abc import Iterable

from tidings.console.errors import MISSING, BadRequest
from tidings.console.formatting import plural
from tidings.console.routing import ROOT, Answer, Call, Moved, Route, Shown
from tidings.console.views.topics import topic_of
from tidings.domain.grants import Verb
from tidings.domain.model import DeadQuery, Delivery, Topic, TopicId

PAGE_ROWS = 50
SELECTED_MAX = 1_000


async def dead_letters(call: Call) -> Answer:
    """A page of them, oldest first."""
    query = call.query
    after = query.whole("after", "Page")
    of_topic = query.text("topic", "Topic", characters_max=64)
    topic = await topic_of(call, of_topic) if of_topic else None
    wanted = DeadQuery(topic_id=topic.id if topic is not None else None, after=after, limit=PAGE_ROWS + 1)
    found = await call.services.deliveries.dead_letters(call.grant, wanted) if query.ok else []
    shown = [delivery for delivery, _ in found[:PAGE_ROWS]]
    values = {
        "rows": shown,
        "topics": await _topics(call, (delivery.topic_id for delivery in shown)),
        "topic": topic,
        "first": {"topic": of_topic} if after else None,
        "next": {"topic": of_topic, "after": shown[-1].id} if len(found) > PAGE_ROWS else None,
        "query": query,
    }
    return Shown("dead_letters.html", "Dead letters", values, status=200 if query.ok else 422)


async def dead_letter(call: Call) -> Answer:
    """One of them."""
    text = call.path["id"]
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise BadRequest(MISSING)
    number = int(text)
    found = await call.services.deliveries.dead_letters(call.grant, DeadQuery(after=number - 1, limit=1))
    if not found or found[0][0].id != number:
        raise BadRequest(MISSING)
    delivery, message = found[0]
    topics = await _topics(call, (delivery.topic_id,))
    values = {
        "row": delivery,
        "kind": message.kind.value,
        "accepted_at": message.accepted_at,
        "topic": topics.get(delivery.topic_id),
        "is_there": await _is_there(call, delivery),
    }
    return Shown("dead_letter.html", f"Dead letter {number}", values)


async def send_again(call: Call) -> Answer:
    """One or those that were ticked, from their first attempt. The gate is asked again."""
    ids = call.form.numbers("id", "Dead letters", most=SELECTED_MAX)
    here = f"{ROOT}/dead-letters"
    if not call.form.ok:
        return Moved(here, call.form.refusals["id"], good=False)
    if not ids:
        return Moved(here, "Tick at least one dead letter first.", good=False)
    sent = await call.services.deliveries.send_again(call.grant, ids)
    gone = len(ids) - len(sent)
    told = f" {plural(gone, 'was', 'were')} no dead letters any more." if gone else ""
    if not sent:
        return Moved(here, "Nothing was sent:" + told, good=False)
    return Moved(here, f"{plural(len(sent), 'dead letter is', 'dead letters are')} on the way again.{told}")


async def _topics(call: Call, topic_ids: Iterable[TopicId | None]) -> dict[TopicId | None, Topic]:
    """Those of the topics that still exist."""
    found: dict[TopicId | None, Topic] = {}
    for topic_id in set(topic_ids):
        topic = await call.services.topics.find_by_id(topic_id) if topic_id is not None else None
        if topic is not None:
            found[topic_id] = topic
    return found


async def _is_there(call: Call, delivery: Delivery) -> bool:
    if not delivery.subscription_uid:
        return False
    return await call.services.subscriptions.find(delivery.subscription_uid) is not None


ROUTES = (
    Route("GET", "/dead-letters", dead_letters, Verb.MANAGE_DELIVERIES, "dead-letters", "dead-letters"),
    Route("POST", "/dead-letters/send-again", send_again, Verb.MANAGE_DELIVERIES, "send-again", "dead-letters"),
    Route("GET", "/dead-letters/{id}", dead_letter, Verb.MANAGE_DELIVERIES, "dead-letter", "dead-letters"),
)
