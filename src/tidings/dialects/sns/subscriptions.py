"""Subscriptions: ask, confirm, cancel, list, look, change. An action = parse, authorize, one service call, render.

Source: SNS API reference, Subscribe, ConfirmSubscription, Unsubscribe, ListSubscriptions, ListSubscriptionsByTopic,
GetSubscriptionAttributes, SetSubscriptionAttributes; texts as observed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from tidings.dialects.contract import WireResponse
from tidings.dialects.sns import attributes, codec, names, sms
from tidings.dialects.sns.attributes import SubscriptionContext
from tidings.dialects.sns.calls import Call, SnsServices, find_topic, permit, permit_account
from tidings.dialects.sns.errors import SnsError, echo, empty, invalid, missing
from tidings.dialects.sns.limits import (
    KNOWN_PROTOCOLS,
    LARGE_TOPIC_PROTOCOLS,
    LARGE_TOPIC_SUBSCRIPTIONS_MAX,
    MESSAGE_BYTES_DEFAULT,
    OFFERED_PROTOCOLS,
    PAGE_ITEMS,
    PROTOCOL_CHARACTERS_MAX,
)
from tidings.domain import delivery_policy, links
from tidings.domain.errors import Denied, InvalidValue, NotAuthenticated, NotFound
from tidings.domain.grants import Grant, Verb
from tidings.domain.model import AccountId, State, Subscription, SubscriptionQuery, TokenPurpose, Topic
from tidings.domain.protocols import ENDPOINT_CHARACTERS_MAX
from tidings.domain.resource_names import partition
from tidings.services.subscriptions import Found

_DEFAULTS = {"RawMessageDelivery": "false", "FilterPolicyScope": "MessageAttributes"}
"""What a given attribute is compared with where none was set. Observed."""
_MAIL = frozenset({"email", "email-json"})


async def subscribe(services: SnsServices, call: Call) -> str:
    topic = await find_topic(services, call)
    protocol = call.params.get("Protocol")
    if protocol is None:
        raise missing("Protocol")
    if topic is None:
        raise NotFound("topic")
    services.limiter.take(f"sns:Subscribe:{call.principal.account_id}")
    given_endpoint = call.params.get("Endpoint", "")
    if len(given_endpoint) > ENDPOINT_CHARACTERS_MAX or len(protocol) > PROTOCOL_CHARACTERS_MAX:
        _endpoint(
            services, protocol, given_endpoint, topic
        )  # refuses it: policies compare only what could be an endpoint
    facts = {"sns:protocol": protocol, "sns:endpoint": given_endpoint}
    grant = permit(services, call, Verb.SUBSCRIBE, topic, facts)
    endpoint = _endpoint(services, protocol, given_endpoint, topic)
    wanted = _checked(call.entries("Attributes"), protocol, topic, grant.principal.account_id)
    live = await services.subscriptions.find_live(grant, topic, protocol, endpoint)
    if live is not None:
        _check_same(live, wanted)
    else:
        await _check_large_topic(services, grant, topic, protocol)
    settings = {attributes.PREFIX + name: value for name, value in wanted.items() if value}
    if protocol == "sms" and (number := sms.without_separators(given_endpoint)) != endpoint:
        settings[attributes.GIVEN_ENDPOINT] = number
    subscription, _ = await services.subscriptions.subscribe(
        grant, topic, dialect="sns", protocol=protocol, endpoint=endpoint, settings=settings, origin=call.origin
    )
    if subscription.state is State.UNCONFIRMED and call.params.get("ReturnSubscriptionArn", "").lower() != "true":
        return "<SubscriptionArn>pending confirmation</SubscriptionArn>"
    return _arn_element(topic, subscription)


async def confirm_subscription(services: SnsServices, call: Call) -> str | WireResponse:
    """Only the token identifies the subscription; of the topic's ARN only the region counts. Works unsigned."""
    arn, token = call.params.get("TopicArn"), call.required("Token")
    if arn is None:
        raise missing("TopicArn")
    region = names.region_of(arn)
    if call.caller is None:
        services.limiter.take(f"sns:ConfirmSubscription:{call.request.remote}")
    # Observed: whatever is wrong with the ARN has this one text.
    if region is None or (call.caller is not None and region != call.region):
        raise invalid("Topic")
    auth_on_unsubscribe = call.params.get("AuthenticateOnUnsubscribe", "").lower() == "true"
    if auth_on_unsubscribe and call.caller is None:
        raise NotAuthenticated("AuthenticateOnUnsubscribe needs a signature")
    found, stored = await services.subscriptions.look_up_token(token)
    if found.topic.region != region:
        raise invalid("Topic")
    if _is_link_for_a_person(services, call, found):
        # A mail scanner follows links; a person presses the button on the page.
        page = links.confirm_url if stored.purpose is TokenPurpose.CONFIRM else links.restore_url
        location = page(services.public_url, token)
        return WireResponse(303, headers=(("Location", location), ("Cache-Control", "no-store")))
    confirmed = await services.subscriptions.confirm(
        token, by=call.caller, auth_on_unsubscribe=auth_on_unsubscribe, origin=call.origin
    )
    return _arn_element(confirmed.topic, confirmed.subscription)


async def unsubscribe(services: SnsServices, call: Call) -> None:
    """Cancel by ARN; what does not exist counts as canceled. Works unsigned where the subscription allows it."""
    arn = call.params.get("SubscriptionArn")
    if not arn:  # observed: left out is no ValidationError here
        raise empty("SubscriptionArn")
    name, uid = names.read_subscription_arn(arn)
    if call.caller is None:
        services.subscriptions.check_anonymous_cancel()
        services.limiter.take(f"sns:Unsubscribe:{call.request.remote}")
    else:
        services.limiter.take(f"sns:Unsubscribe:{call.caller.account_id}")
        if name.region != call.region:
            raise invalid("SubscriptionArn")
    found = await _named(services, name, uid)
    if call.caller is not None:
        _check_owner(call, name, found)
    if found is None or found.subscription.state is State.EXPIRED:
        return
    arn = names.subscription_arn(found.topic, found.subscription.uid)
    if call.caller is not None:
        permit_account(call, Verb.CHANGE_SUBSCRIPTION, arn)
    try:
        await services.subscriptions.cancel(uid, by=call.caller, origin=call.origin)
    except Denied as error:
        raise Denied(error.principal, "SNS:Unsubscribe", arn) from error


async def list_subscriptions(services: SnsServices, call: Call) -> str:
    after = call.after("subscriptions")
    grant = permit_account(call, Verb.LIST, f"arn:{partition(call.region)}:sns:{call.region}:*")
    query = SubscriptionQuery(
        account_id=grant.owner, region=call.region, restorable_at=call.now, after=after, limit=PAGE_ITEMS + 1
    )
    return await _render_page(services, grant, query, "subscriptions")


async def list_subscriptions_by_topic(services: SnsServices, call: Call) -> str:
    topic = await find_topic(services, call)
    after = call.after("topic-subscriptions")
    if topic is None:
        raise NotFound("topic")
    grant = permit(services, call, Verb.LIST, topic)
    query = SubscriptionQuery(topic_id=topic.id, restorable_at=call.now, after=after, limit=PAGE_ITEMS + 1)
    return await _render_page(services, grant, query, "topic-subscriptions")


async def get_subscription_attributes(services: SnsServices, call: Call) -> str:
    found = await _find(services, call)
    owner = found.subscription.account_id
    if call.principal.account_id == found.topic.account_id:
        owner = found.topic.account_id
    _permit_subscription(call, Verb.READ_SUBSCRIPTION, found, owner)
    return codec.mapped("Attributes", _shown(found))


async def set_subscription_attributes(services: SnsServices, call: Call) -> None:
    found = await _find(services, call)
    name = call.params.get("AttributeName")
    if name is None:
        raise missing("AttributeName")
    grant = _permit_subscription(call, Verb.CHANGE_SUBSCRIPTION, found, found.subscription.account_id)
    if name not in attributes.SUBSCRIPTION:
        raise invalid("AttributeName")
    context = _context(found.subscription.protocol, found.topic, found.subscription.account_id)
    value = attributes.check_subscription(name, call.params.get("AttributeValue", ""), context, in_map=False)

    def alter(subscription: Subscription) -> Subscription:
        return replace(subscription, settings=attributes.with_setting(subscription.settings, name, value))

    await services.subscriptions.change_settings(grant, found.subscription.uid, alter)


def _endpoint(services: SnsServices, protocol: str, given: str, topic: Topic) -> str:
    """The endpoint as it is stored. Raises SnsError in the words of its protocol."""
    if protocol not in KNOWN_PROTOCOLS:
        raise invalid(f"Amazon SNS does not support this protocol string: {echo(protocol)}")
    if not given:
        raise empty("Endpoint")
    if protocol not in OFFERED_PROTOCOLS:
        raise invalid("Protocol", f"{protocol} subscriptions are not offered by this server yet")
    try:
        endpoint = services.protocols.check(protocol, sms.without_separators(given) if protocol == "sms" else given)
    except InvalidValue as error:
        match protocol:
            case "sms":
                raise SnsError("InvalidParameter", f"Invalid SMS endpoint: {echo(given)}") from error
            case "sqs":
                raise invalid("SQS endpoint ARN") from error
            case "email" | "email-json":
                raise invalid("Email address") from error
            case _ if not given.lower().startswith(f"{protocol}://"):
                raise invalid("Endpoint must match the specified protocol") from error
            case _:
                raise invalid("Endpoint", error.reason) from error
    if protocol == "sqs" and names.is_fifo(endpoint) and not names.is_fifo(topic.name):
        # Observed: the prefix is there twice.
        raise invalid("Invalid parameter: Endpoint", "FIFO SQS Queues can not be subscribed to standard SNS topics")
    return endpoint


def _context(protocol: str, topic: Topic, account_id: AccountId) -> SubscriptionContext:
    return SubscriptionContext(protocol, names.is_fifo(topic.name), account_id, topic.region)


def _checked(given: Mapping[str, str], protocol: str, topic: Topic, account_id: AccountId) -> dict[str, str]:
    """The attributes of a Subscribe call as they would be stored; empty for "unset". Raises SnsError."""
    context = _context(protocol, topic, account_id)
    for name in given:
        if name not in attributes.SUBSCRIPTION:
            raise invalid("Attributes", f"Unknown attribute: {name[:100]}")
    return {name: attributes.check_subscription(name, value, context, in_map=True) for name, value in given.items()}


def _check_same(live: Subscription, wanted: Mapping[str, str]) -> None:
    for name, value in wanted.items():
        kept = attributes.stored(live.settings, name) or _DEFAULTS.get(name, "")
        if not attributes.is_same(name, value, kept):
            raise invalid("Attributes", "Subscription already exists with different attributes")


async def _check_large_topic(services: SnsServices, grant: Grant, topic: Topic, protocol: str) -> None:
    """A topic that takes large messages may not get a subscriber who cannot."""
    if int(attributes.stored(topic.settings, "MaximumMessageSize") or 0) <= MESSAGE_BYTES_DEFAULT:
        return
    if (
        protocol not in LARGE_TOPIC_PROTOCOLS
        or await services.subscriptions.live_count(grant, topic) >= LARGE_TOPIC_SUBSCRIPTIONS_MAX
    ):
        raise invalid(
            "Protocol",
            f"a topic with MaximumMessageSize above {MESSAGE_BYTES_DEFAULT} takes at most"
            f" {LARGE_TOPIC_SUBSCRIPTIONS_MAX} subscriptions, all of them SQS, Firehose or Lambda",
        )


def _is_link_for_a_person(services: SnsServices, call: Call, found: Found) -> bool:
    return (
        call.caller is None
        and call.request.method == "GET"
        and not services.strict_links
        and found.subscription.protocol in _MAIL
    )


def _is_topic(topic: Topic, name: names.TopicName) -> bool:
    return (topic.region, topic.account_id, topic.name) == (name.region, name.account_id, name.name)


async def _find(services: SnsServices, call: Call) -> Found:
    """The live subscription that SubscriptionArn names. Raises SnsError, NotFound."""
    arn = call.params.get("SubscriptionArn")
    if names.is_uuid_of_another_service(arn):
        raise NotFound("subscription")
    name, uid = names.read_subscription_arn(arn)
    if name.region != call.region:
        raise invalid("SubscriptionArn")
    found = await _named(services, name, uid)
    _check_owner(call, name, found)
    if found is None or found.subscription.state in (State.CANCELED, State.EXPIRED):
        raise NotFound("subscription")
    return found


async def _named(services: SnsServices, name: names.TopicName, uid: str) -> Found | None:
    """The subscription of an ARN in any state, also where nobody else remembers it."""
    found = await services.subscriptions.find(uid, expired=True)
    return found if found is not None and _is_topic(found.topic, name) else None


def _check_owner(call: Call, name: names.TopicName, found: Found | None) -> None:
    """Refuse a caller who owns neither the topic of an ARN nor the subscription: alike whether it is there or not, so that the answer
    does not tell who subscribes. Raises Denied."""
    owners = {name.account_id} if found is None else {name.account_id, found.subscription.account_id}
    if call.principal.account_id not in owners:
        raise Denied(call.principal.arn, f"SNS:{call.action}", call.params.get("SubscriptionArn", ""))


def _permit_subscription(call: Call, verb: Verb, found: Found, owner: AccountId) -> Grant:
    arn = names.subscription_arn(found.topic, found.subscription.uid)
    if call.principal.account_id != owner:
        raise Denied(call.principal.arn, f"SNS:{call.action}", arn)
    return permit_account(call, verb, arn)


def _shown(found: Found) -> dict[str, str]:
    subscription, topic = found.subscription, found.topic
    shown = {
        "SubscriptionArn": names.subscription_arn(topic, subscription.uid),
        "TopicArn": names.topic_arn(topic),
        "Owner": subscription.account_id,
        "Protocol": subscription.protocol,
        "Endpoint": _endpoint_shown(subscription),
        "SubscriptionPrincipal": names.in_partition(subscription.principal, topic.region),
        "PendingConfirmation": _boolean(subscription.state is State.UNCONFIRMED),
        "ConfirmationWasAuthenticated": _boolean(subscription.confirmation_was_authenticated),
        "RawMessageDelivery": attributes.stored(subscription.settings, "RawMessageDelivery") or "false",
    }
    for name in attributes.SUBSCRIPTION:
        value = attributes.stored(subscription.settings, name)
        if value:
            shown[name] = value
    if "FilterPolicy" not in shown:
        shown.pop("FilterPolicyScope", None)
    if subscription.protocol in ("http", "https"):
        shown["EffectiveDeliveryPolicy"] = delivery_policy.effective_subscription(
            attributes.stored(topic.settings, "DeliveryPolicy"),
            attributes.stored(subscription.settings, "DeliveryPolicy"),
        )
    return shown


def _endpoint_shown(subscription: Subscription) -> str:
    """As given: the cloud knows no numbering plan."""
    return subscription.settings.get(attributes.GIVEN_ENDPOINT) or subscription.endpoint


def _boolean(value: bool) -> str:
    return "true" if value else "false"


async def _render_page(services: SnsServices, grant: Grant, query: SubscriptionQuery, scope: str) -> str:
    page = await services.subscriptions.page(grant, query)
    shown: Sequence[Subscription] = page[:PAGE_ITEMS]
    topics = await services.subscriptions.topics_of(shown)
    result = codec.listed(
        "Subscriptions",
        [_member(topics[int(row.topic_id)], row) for row in shown if int(row.topic_id) in topics],
    )
    if len(page) > PAGE_ITEMS:
        result += f"<NextToken>{codec.page_token(scope, shown[-1].id)}</NextToken>"
    return result


def _member(topic: Topic, subscription: Subscription) -> str:
    match subscription.state:
        case State.UNCONFIRMED:
            arn = "PendingConfirmation"
        case State.CONFIRMED:
            arn = names.subscription_arn(topic, subscription.uid)
        case _:
            arn = "Deleted"  # and only as long as the goodbye's token can bring it back
    return (
        f"<SubscriptionArn>{arn}</SubscriptionArn><Owner>{subscription.account_id}</Owner>"
        f"<Protocol>{codec.escape(subscription.protocol)}</Protocol>"
        f"<Endpoint>{codec.escape(_endpoint_shown(subscription))}</Endpoint>"
        f"<TopicArn>{names.topic_arn(topic)}</TopicArn>"
    )


def _arn_element(topic: Topic, subscription: Subscription) -> str:
    return f"<SubscriptionArn>{names.subscription_arn(topic, subscription.uid)}</SubscriptionArn>"
