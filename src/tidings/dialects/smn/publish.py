"""PublishMessage: the hot path. Checks, then one append to the flow. And direct SMS, which is not offered.

Source: SMN API reference, "Publishing Messages in the Text Format / Using a Message Structure / Using a Template".
"""

from __future__ import annotations

from datetime import timedelta

from tidings.dialects.smn import messages
from tidings.dialects.smn.calls import Answer, Call, Route, SmnServices, done, find_topic, permit
from tidings.dialects.smn.errors import not_offered
from tidings.dialects.smn.limits import DIALECT
from tidings.dialects.smn.messages import Members, Texts
from tidings.domain.grants import Verb
from tidings.domain.model import AccountId, Kind, Message


async def publish(services: SmnServices, call: Call) -> Answer:
    topic = await find_topic(services, call)
    grant = await permit(services, call, Verb.PUBLISH, topic, "smn:topic:publish", statement="Publish")
    members = call.body
    subject = messages.read_subject(members)
    body, bodies = await _texts(services, call.principal.account_id, members)
    ttl_s = messages.read_ttl_s(members)
    attributes, protocols = messages.read_attributes(members)
    message = Message(
        id=services.new_id(),
        kind=Kind.NOTIFICATION,
        account_id=topic.account_id,
        dialect=DIALECT,
        accepted_at=services.clock.wall(),
        topic_id=topic.id,
        subject=subject,
        body=body,
        bodies=bodies,
        attributes=attributes,
        protocols=protocols,
        expires_at=services.clock.now() + timedelta(seconds=ttl_s),
        language=messages.read_language(members),
    )
    await services.publisher.publish(grant, (message,))
    return done(message_id=message.id)


async def _texts(services: SmnServices, account_id: AccountId, members: Members) -> Texts:
    """By precedence: structure, template, message; empty ones count as not given. Raises SmnError."""
    structure = messages.read_member(members, "message_structure", "SMN.0021")
    if structure:
        return messages.read_structure(structure)
    template = messages.read_member(members, "message_template_name", "SMN.0032")
    if template:
        tags = messages.read_tags(members)
        return messages.fill(await services.templates.named(account_id, template), tags)
    return messages.read_text(members)


async def publish_to_phone(services: SmnServices, call: Call) -> Answer:
    raise not_offered("A text message to a number without a topic")


ROUTES: tuple[Route, ...] = (
    Route("POST", "v2/{project_id}/notifications/topics/{topic_urn}/publish", "PublishMessage", publish),
    Route("POST", "v2/{project_id}/notifications/sms", "PublishSms", publish_to_phone),
)
