"""Rows of the domain -> the JSON shapes of this API. Pure; called by the actions.

What must not be seen has no field in `shapes`; a password inside an endpoint's URL is covered here.
"""

from __future__ import annotations

from msgspec.structs import asdict

from tidings.dialects.native import names, shapes
from tidings.domain import model
from tidings.domain.passwords import SETTING as PASSWORD_SETTING


def state_name(state: model.State) -> shapes.StateName:
    match state:
        case model.State.UNCONFIRMED:
            return "unconfirmed"
        case model.State.CONFIRMED:
            return "confirmed"
        case model.State.CANCELED:
            return "canceled"
        case model.State.EXPIRED:
            return "expired"


def ledger_entry(entry: model.LedgerEntry, naming: names.Naming) -> shapes.LedgerEntry:
    """naming: of the entry's account."""
    origin = entry.origin
    topic_arn = arn = topic_urn = urn = ""
    if entry.topic_name:  # a phone's opt-out has no topic
        topic_arn = naming.topic_arn(entry.region, entry.topic_name)
        topic_urn = naming.topic_urn(entry.region, entry.topic_name)
    if entry.subscription_uid:
        of_topic = (entry.region, entry.topic_name, entry.subscription_uid)
        arn = naming.subscription_arn(*of_topic)
        urn = naming.subscription_urn(*of_topic)
    return shapes.LedgerEntry(
        id=entry.id,
        at=entry.at,
        event=entry.event.value,
        topic=entry.topic_name,
        region=entry.region,
        topic_arn=topic_arn,
        subscription=entry.subscription_uid,
        arn=arn,
        protocol=entry.protocol,
        endpoint=names.shown_endpoint(entry.endpoint),
        before=state_name(entry.before) if entry.before is not None else None,
        after=state_name(entry.after) if entry.after is not None else None,
        changed=entry.is_change,
        way=origin.way.value,
        principal=origin.principal,
        remote_address=origin.remote_address,
        user_agent=origin.user_agent,
        request_id=origin.request_id,
        shown=origin.shown,
        raw_text=origin.raw_text,
        detail=entry.detail,
        topic_urn=topic_urn,
        urn=urn,
        address=entry.address,
        keyword=entry.keyword,
        transport_id=entry.transport_id,
        sent_at=entry.sent_at,
    )


def subscription(row: model.Subscription, topic: model.Topic, naming: names.Naming) -> shapes.Subscription:
    """naming: of the topic's account."""
    return shapes.Subscription(
        uid=row.uid,
        arn=naming.subscription_arn(topic.region, topic.name, row.uid),
        urn=naming.subscription_urn(topic.region, topic.name, row.uid),
        topic_uid=topic.uid,
        topic_arn=naming.topic_arn(topic.region, topic.name),
        topic_urn=naming.topic_urn(topic.region, topic.name),
        topic=topic.name,
        region=topic.region,
        account_id=row.account_id,
        protocol=row.protocol,
        endpoint=names.shown_endpoint(row.endpoint),
        state=state_name(row.state),
        dialect=row.dialect,
        principal=row.principal,
        settings={name: text for name, text in row.settings.items() if name != PASSWORD_SETTING},
        auth_on_unsubscribe=row.auth_on_unsubscribe,
        created_at=row.created_at,
        confirmation_sent_at=row.confirmation_sent_at,
        confirmed_at=row.confirmed_at,
        canceled_at=row.canceled_at,
        come_back_until=row.come_back_until,
    )


def topic(row: model.Topic, naming: names.Naming) -> shapes.Topic:
    """naming: of the topic's account."""
    return shapes.Topic(
        uid=row.uid,
        arn=naming.topic_arn(row.region, row.name),
        urn=naming.topic_urn(row.region, row.name),
        account_id=row.account_id,
        region=row.region,
        name=row.name,
        display_name=row.display_name,
        dialect=row.dialect,
        settings=dict(row.settings),
        tags=dict(row.tags),
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def topic_with_counts(row: model.Topic, counts: model.TopicCounts, naming: names.Naming) -> shapes.TopicWithCounts:
    counted = shapes.Counts(counts.confirmed, counts.unconfirmed, counts.canceled)
    return shapes.TopicWithCounts(**asdict(topic(row, naming)), subscriptions=counted)


def dead_letter(
    delivery: model.Delivery, message: model.Message, of_topic: model.Topic | None, naming: names.Naming
) -> shapes.DeadLetter:
    """naming: of the topic's account."""
    arn = urn = None
    if of_topic is not None:
        arn = naming.topic_arn(of_topic.region, of_topic.name)
        urn = naming.topic_urn(of_topic.region, of_topic.name)
    return shapes.DeadLetter(
        id=delivery.id,
        message_id=delivery.message_id,
        kind=message.kind.value,
        subject=message.subject,
        accepted_at=message.accepted_at,
        topic_arn=arn,
        topic_urn=urn,
        subscription=delivery.subscription_uid,
        protocol=delivery.protocol,
        endpoint=names.shown_endpoint(delivery.endpoint),
        attempts=delivery.attempts,
        first_at=delivery.first_at,
        reason=delivery.reason,
        redriven=delivery.redriven,
    )


def account(row: model.Account, sms_sandbox: bool) -> shapes.Account:
    return shapes.Account(row.account_id, row.name, row.project_id, row.created_at, sms_sandbox)


def user(row: model.User) -> shapes.User:
    return shapes.User(
        row.name, row.role.value, list(row.actions), bool(row.password_hash), row.disabled, row.created_at
    )


def access_key(row: model.AccessKey) -> shapes.AccessKey:
    return shapes.AccessKey(row.key_id, row.user, row.disabled, row.created_at)
