"""Publish and PublishBatch: the hot path. Checks in the documented order, then one append to the flow.

Source: SNS API reference, Publish, PublishBatch; texts as observed.
"""

from __future__ import annotations

import re

from tidings.dialects.sns import attributes, codec, messages, names
from tidings.dialects.sns.calls import Call, SnsServices, find_topic, permit_account, permit_publish
from tidings.dialects.sns.errors import SnsError, echo, invalid, missing
from tidings.dialects.sns.limits import (
    BATCH_ENTRIES_MAX,
    BATCH_ID_CHARACTERS_MAX,
    MESSAGE_BYTES_DEFAULT,
    SMS_CHARACTERS_MAX,
    TRACE_HEADER_CHARACTERS_MAX,
)
from tidings.dialects.sns.messages import Draft
from tidings.dialects.sns.sms import NUMBER
from tidings.dialects.sns.sms_attributes import check_senders, sms_type
from tidings.dialects.sns.sms_defaults import SmsDefault
from tidings.domain.errors import NotFound
from tidings.domain.grants import Verb
from tidings.domain.model import AccountId, Kind, Message, Topic
from tidings.wire.phone_plans import canonical

_BATCH_ID = re.compile(r"[A-Za-z0-9_-]+\Z")
_TARGETS = ("TopicArn", "TargetArn", "PhoneNumber")
_ATTRIBUTES = "MessageAttributes.entry"
_PLAIN = frozenset({"Action", "Version", "Id", "Message", *_TARGETS})
"""Parameters of a message that is nothing but a text: most are."""


async def publish(services: SnsServices, call: Call) -> str:
    params = call.params
    given = [name for name in _TARGETS if name in params]
    if len(given) != 1:
        raise _wrong_targets(given)
    if given[0] == "PhoneNumber":
        return await _publish_to_phone(services, call)
    if given[0] == "TargetArn":
        _refuse_push(params["TargetArn"])
    topic = await find_topic(services, call, given[0])
    name = topic.name if topic is not None else params[given[0]]
    draft = _draft(params, topic, is_fifo=names.is_fifo(name))
    if topic is None:
        raise NotFound("topic")
    grant = permit_publish(services, call, topic)
    if draft.attributes:
        await check_senders(services, topic.account_id, draft.attributes)
    defaults = services.sms_defaults
    default = defaults.known(topic.account_id, topic.region) or await defaults.of(topic.account_id, topic.region)
    message = _message(services, call, topic.account_id, topic, draft, default)
    await services.publisher.publish(grant, (message,))
    return f"<MessageId>{message.id}</MessageId>"


async def _publish_to_phone(services: SnsServices, call: Call) -> str:
    params = call.params
    messages.read_subject(params)
    messages.read_message(params)
    number = params["PhoneNumber"]
    if not NUMBER.match(number):
        raise invalid("PhoneNumber", f"{echo(number)} is not valid to publish to")
    endpoint = canonical(number)
    draft = _draft(params, None, is_fifo=False)
    if len(draft.bodies.get("sms", draft.body)) > SMS_CHARACTERS_MAX:
        raise invalid("Message too long", f"a text message has at most {SMS_CHARACTERS_MAX} characters")
    grant = permit_account(call, Verb.PUBLISH_SMS, number)
    account_id = call.principal.account_id
    await check_senders(services, account_id, draft.attributes)
    default = await services.sms_defaults.of(account_id, call.region)
    message = _message(services, call, account_id, None, draft, default, endpoint=endpoint)
    await services.publisher.publish(grant, (message,))
    return f"<MessageId>{message.id}</MessageId>"


async def publish_batch(services: SnsServices, call: Call) -> str:
    """Faults of the whole request refuse it; an entry's own faults come back in `Failed`, and the others are accepted."""
    topic = await find_topic(services, call)
    entries = _entries(call)
    name = topic.name if topic is not None else call.params["TopicArn"]
    is_fifo = names.is_fifo(name)
    limit = _bytes_max(topic)
    total = 0
    for position, entry in enumerate(entries, start=1):
        raw = codec.group(entry, _ATTRIBUTES)
        text = entry["Message"]
        total += messages.size_of(text, raw)
        # Observed: these faults of one entry fail the whole request.
        messages.read_attributes(raw, f"publishBatchRequestEntries.{position}.member.messageAttributes")
        messages.read_structure(entry, text)
        if is_fifo:
            messages.read_group_and_dedup(entry, is_fifo=True, dedups_by_content=_dedups_by_content(topic))
    if total > limit:
        raise SnsError("BatchRequestTooLong", "The length of all the messages put together is more than the limit.")
    if topic is None:
        raise NotFound("topic")
    grant = permit_publish(services, call, topic)
    default = await services.sms_defaults.of(topic.account_id, topic.region)
    accepted: list[tuple[str, Message]] = []
    failed: list[str] = []
    for entry in entries:
        try:
            draft = _draft(entry, topic, is_fifo=is_fifo)
            await check_senders(services, topic.account_id, draft.attributes)
        except SnsError as error:
            failed.append(_failed(entry["Id"], error))
        else:
            accepted.append((entry["Id"], _message(services, call, topic.account_id, topic, draft, default)))
    if accepted:
        await services.publisher.publish(grant, [message for _, message in accepted])
    done = [f"<Id>{entry_id}</Id><MessageId>{message.id}</MessageId>" for entry_id, message in accepted]
    return codec.listed("Successful", done) + codec.listed("Failed", failed)


def _draft(params: codec.Params, topic: Topic | None, *, is_fifo: bool) -> Draft:
    """Check one message in the documented order. Raises SnsError."""
    if not is_fifo and params.keys() <= _PLAIN:
        text = messages.read_message(params)
        size = messages.size_of(text, [])
        if size > _bytes_max(topic):
            raise invalid("Message too long")
        return Draft(None, text, messages.NO_BODIES, messages.NO_ATTRIBUTES, size, "", "", 0)
    subject = messages.read_subject(params)
    text = messages.read_message(params)
    raw = codec.group(params, _ATTRIBUTES)
    size = messages.size_of(text, raw)
    if size > _bytes_max(topic):
        raise invalid("Message too long")
    group_id, dedup_id = messages.read_group_and_dedup(
        params, is_fifo=is_fifo, dedups_by_content=_dedups_by_content(topic)
    )
    body, bodies = messages.read_structure(params, text)
    found = messages.read_attributes(raw)
    return Draft(subject, body, bodies, found, size, group_id, dedup_id, sms_type(found))


def _message(
    services: SnsServices,
    call: Call,
    account_id: AccountId,
    topic: Topic | None,
    draft: Draft,
    default: SmsDefault,
    *,
    endpoint: str = "",
) -> Message:
    return Message(
        id=services.new_message_id(),
        kind=Kind.DIRECT if topic is None else Kind.NOTIFICATION,
        account_id=account_id,
        dialect="sns",
        accepted_at=services.clock.wall(),
        topic_id=None if topic is None else topic.id,
        subject=draft.subject,
        body=draft.body,
        bodies=draft.bodies,
        attributes=draft.attributes,
        endpoint=endpoint,
        group_id=draft.group_id,
        dedup_id=draft.dedup_id,
        sms_type=draft.sms_type or default.sms_type,
        sender=default.sender,
        trace_header=_trace_header(call),
    )


def _trace_header(call: Call) -> str:
    """What queues get as AWSTraceHeader. Source: AWS X-Ray developer guide, "Tracing header"."""
    text = call.request.headers.get("x-amzn-trace-id", "")
    return text if text and len(text) <= TRACE_HEADER_CHARACTERS_MAX and text.isascii() and text.isprintable() else ""


def _bytes_max(topic: Topic | None) -> int:
    stored = attributes.stored(topic.settings, "MaximumMessageSize") if topic is not None else ""
    return int(stored) if stored else MESSAGE_BYTES_DEFAULT


def _dedups_by_content(topic: Topic | None) -> bool:
    return topic is not None and attributes.stored(topic.settings, "ContentBasedDeduplication") == "true"


def _wrong_targets(given: list[str]) -> SnsError:
    if not given:
        return invalid("TopicArn or TargetArn", "no value for required parameter")
    return invalid(given[-1], f"only one of {', '.join(_TARGETS)} may be given")


def _refuse_push(arn: str) -> None:
    """A target that is no topic is a push endpoint, and there are none here."""
    parts = names.arn_parts(arn, "TargetArn")
    if parts[5].startswith("endpoint/"):
        raise invalid("TargetArn", "No endpoint found for the target arn specified")


def _entries(call: Call) -> list[codec.Params]:
    """The entries of a batch, their number and ids checked. Raises SnsError."""
    member = "PublishBatchRequestEntries"
    entries = codec.group(call.params, f"{member}.member")
    if not entries:
        if member not in call.params:
            raise missing(member)
        raise SnsError("EmptyBatchRequest", "The batch request doesn't contain any entries.")
    if len(entries) > BATCH_ENTRIES_MAX:
        raise SnsError("TooManyEntriesInBatchRequest", "The batch request contains more entries than permissible.")
    ids = []
    for position, entry in enumerate(entries, start=1):
        for name in ("Id", "Message"):
            if name not in entry:
                raise missing(f"{member}.{position}.member.{name.lower()}")
        ids.append(entry["Id"])
    if len(set(ids)) != len(ids):
        raise SnsError("BatchEntryIdsNotDistinct", "Two or more batch entries in the request have the same Id.")
    for entry_id in ids:
        if len(entry_id) > BATCH_ID_CHARACTERS_MAX:
            raise _bad_id("is too long", entry_id)
        if _BATCH_ID.match(entry_id) is None:
            raise _bad_id("contains an impermissible character", entry_id)
    return entries


def _bad_id(fault: str, entry_id: str) -> SnsError:
    return SnsError("InvalidBatchEntryId", f"The Id of a batch entry in the batch request {fault}: {echo(entry_id)}")


def _failed(entry_id: str, error: SnsError) -> str:
    return (
        f"<Id>{entry_id}</Id><Code>{error.code}</Code><Message>{codec.escape(error.message)}</Message>"
        "<SenderFault>true</SenderFault>"
    )
