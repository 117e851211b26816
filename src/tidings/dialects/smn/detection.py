"""PublishHttpDetect, ShowHttpDetectResult: is anybody there, at the address that is to be subscribed?

One signed POST in the form of a notification goes out at once, through the channel that deliveries take. Its result is kept in
memory only: bounded, and forgotten after a day or a restart.
Source: SMN API reference, "Publishing a Detection Message", "Obtaining the HTTP Detection Result".
"""

from __future__ import annotations

import re

from tidings.dialects.smn import codec, extensions, webhook_endpoints
from tidings.dialects.smn.calls import (
    Answer,
    Call,
    Route,
    SmnServices,
    done,
    find_topic,
    permit,
    permit_account,
    topic_urn,
)
from tidings.dialects.smn.errors import refuse
from tidings.dialects.smn.limits import DIALECT, HTTP_TIMEOUT_S
from tidings.domain.envelope import Outgoing
from tidings.domain.grants import Verb
from tidings.domain.model import NO_ID, Kind, Message, Subscriber, SubscriptionId, Topic
from tidings.domain.outcomes import Blocked, Busy, Delivered, Outcome, Refused, RetryLater

PROBE_TEXT = (
    "This is a detection message: it only tries out whether this endpoint can be reached. Nothing is to be done."
)
ENDPOINT_FINE, NOT_EXECUTED, FAILED = 0, 1, 2
NO_ANSWER, QUEUE_FULL = -1, -2
"""What `httpCode` says when there is no HTTP status. SMN's 0 (on a blacklist) is never told: see `read_outcome`."""

_UNREACHED = "The endpoint did not answer."
_STATUS = re.compile(r"HTTP ([1-5][0-9]{2})\b")


async def publish_detection(services: SmnServices, call: Call) -> Answer:
    topic = await find_topic(services, call)
    protocol = codec.text(call.body, "protocol", refuse("SMN.0011"))
    endpoint = codec.text(call.body, "endpoint", refuse("SMN.0012"))
    facts = {"protocol": protocol or "", "endpoint": endpoint or ""}
    # Whoever may subscribe an address may try it out before.
    grant = await permit(
        services, call, Verb.SUBSCRIBE, topic, "smn:topic:update", statement="Subscribe", aliases=_ALIASES, facts=facts
    )
    if protocol not in ("http", "https"):
        raise refuse("SMN.0011")
    endpoint = webhook_endpoints.check_url_of(services.protocols, services.egress, protocol, endpoint or "")
    settings = extensions.read(services.vault, protocol, call.body.get("extension"))
    services.limiter.take(f"smn:Detect:{grant.principal.account_id}")
    task_id = services.new_id()
    outgoing = await _probe(services, topic, protocol, endpoint, settings)
    services.prober.start(_name(topic, task_id), grant.principal.account_id, outgoing)
    return done(task_id=task_id)


async def show_detection(services: SmnServices, call: Call) -> Answer:
    topic = await find_topic(services, call)
    resource = await topic_urn(services, topic)
    grant = permit_account(call, Verb.SUBSCRIBE, "smn:topic:update", resource=resource)
    outcome = services.prober.outcome(_name(topic, call.path["task_id"]), grant.owner)
    if outcome is None:
        return done(status=NOT_EXECUTED)
    code, text = read_outcome(outcome)
    status = ENDPOINT_FINE if isinstance(outcome, Delivered) else FAILED
    return done(status=status, detail={"httpCode": code, "httpResponse": text})


async def _probe(
    services: SmnServices, topic: Topic, protocol: str, endpoint: str, settings: dict[str, str]
) -> Outgoing:
    message = Message(
        id=services.new_id(),
        kind=Kind.NOTIFICATION,
        account_id=topic.account_id,
        dialect=DIALECT,
        accepted_at=services.clock.wall(),
        topic_id=topic.id,
        body=PROBE_TEXT,
    )
    # Its uid is nobody's: the link in the message cancels nothing, and no change of consent concerns it.
    subscriber = Subscriber(
        SubscriptionId(NO_ID), services.new_id(), topic.account_id, DIALECT, protocol, endpoint, settings
    )
    rendered = services.envelopes.open(message, topic, "")
    if rendered.reads_signature(subscriber):
        await rendered.sign()
    return Outgoing(message, subscriber, endpoint, rendered.for_subscriber(subscriber), 1, HTTP_TIMEOUT_S)


def read_outcome(outcome: Outcome) -> tuple[int, str]:
    """(httpCode, httpResponse): the status that came, or what stands for none, and what happened in a few words.

    Alike for every address that was not allowed, not found, not reached or left alone: what names inside the operator's network
    resolve to, and who listens there, is no tenant's business.
    """
    match outcome:
        case Delivered(detail):
            return _status(detail, NO_ANSWER), "The endpoint is available."
        case Busy():
            return QUEUE_FULL, "The queue is full: the detection was not executed."
        case Blocked():
            return NO_ANSWER, _UNREACHED
        case RetryLater(reason) | Refused(reason):
            status = _status(reason, NO_ANSWER)
            return status, _UNREACHED if status == NO_ANSWER else reason


def _status(text: str, otherwise: int) -> int:
    found = _STATUS.match(text)
    return int(found[1]) if found is not None else otherwise


def _name(topic: Topic, task_id: str) -> str:
    return f"{topic.uid}:{task_id}"


_ALIASES = ("smn:topic:subscribe",)
_ALL = "v2/{project_id}/notifications/topics/{topic_urn}/detection"

ROUTES: tuple[Route, ...] = (
    Route("POST", _ALL, "PublishHttpDetect", publish_detection),
    Route("GET", f"{_ALL}/{{task_id}}", "ShowHttpDetectResult", show_detection),
)
