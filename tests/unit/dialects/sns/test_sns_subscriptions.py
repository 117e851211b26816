"""Subscriptions as boto3 and the links in messages see them."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest
from tests.dialogues.harness import AUDITOR, GUEST, LIMITED, PUBLIC_URL, Harness, body_of, open_console
from tests.support.build import ACCOUNT

from tidings.domain.lifecycle import ASKED
from tidings.domain.model import Event, Kind, Origin, State, SubscriptionQuery, TopicId, Way
from tidings.domain.tokens import LinkPurpose, sign_link
from tidings.services.quotas import Quotas

QUEUE = "arn:aws:sqs:us-east-1:000000000000:queue"
UUID = "01234567-89ab-cdef-0123-456789abcdef"
HOOK = "https://example.com/hook"
IP = "InvalidParameter"


@pytest.fixture
async def topic(harness: Harness) -> str:
    return await harness.topic()


async def attributes(harness: Harness, subscription: str, **given: Any) -> dict[str, str]:
    return dict((await harness.ask("get_subscription_attributes", SubscriptionArn=subscription, **given))["Attributes"])


async def listed(harness: Harness, **given: Any) -> list[str]:
    return [row["SubscriptionArn"] for row in (await harness.ask("list_subscriptions", **given))["Subscriptions"]]


def unsubscribe_link(subscription: str) -> str:
    return f"Action=Unsubscribe&SubscriptionArn={subscription}"


ANY_BODY = [
    (b"", None),
    (b"List-Unsubscribe=One-Click", "application/x-www-form-urlencoded"),
    (b"List-Unsubscribe=One-Click", None),
    (b"Action=Publish&TopicArn=x", "application/x-www-form-urlencoded"),
    (b'{"a": "%zz"}', "application/json"),
    (b"\x00\xff", "application/octet-stream"),
    (b"--x\r\n\r\n%", "multipart/form-data; boundary=x"),
]


@pytest.mark.parametrize(("body", "content_type"), ANY_BODY)
async def test_a_post_to_the_cancel_link_of_a_message_cancels_whatever_its_body(
    harness: Harness, topic: str, body: bytes, content_type: str | None
) -> None:
    arn = await harness.confirmed(topic)
    headers = {"host": "127.0.0.1:8010"} | ({} if content_type is None else {"content-type": content_type})
    answer = await harness.handle("POST", unsubscribe_link(arn), headers, body)
    assert (answer.status, "<UnsubscribeResponse" in body_of(answer)) == (200, True)
    assert (await harness.ledger())[-1].event is Event.CANCELED


# --- subscribing ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("protocol", "endpoint"),
    [("http", "http://example.com/h"), ("https", HOOK), ("email", "a@example.com"), ("email-json", "a@example.com")],
)
async def test_people_and_web_hooks_are_asked_first(harness: Harness, topic: str, protocol: str, endpoint: str) -> None:
    answer = await harness.ask("subscribe", TopicArn=topic, Protocol=protocol, Endpoint=endpoint)
    assert answer["SubscriptionArn"] == "pending confirmation"
    assert await listed(harness) == ["PendingConfirmation"]
    assert len(await harness.accepted(Kind.CONFIRMATION)) == 1


@pytest.mark.parametrize(("protocol", "endpoint"), [("sqs", QUEUE), ("sms", "+14155550100")])
async def test_own_queues_and_phones_are_subscribed_at_once(
    harness: Harness, topic: str, protocol: str, endpoint: str
) -> None:
    arn = (await harness.ask("subscribe", TopicArn=topic, Protocol=protocol, Endpoint=endpoint))["SubscriptionArn"]
    assert arn.startswith(f"{topic}:")
    assert await listed(harness) == [arn]
    assert (await attributes(harness, arn))["PendingConfirmation"] == "false"
    assert await harness.accepted(Kind.CONFIRMATION) == []


async def test_the_arn_of_a_pending_subscription_is_told_on_request(harness: Harness, topic: str) -> None:
    arn = await harness.pending(topic)
    assert arn.startswith(f"{topic}:")
    assert (await attributes(harness, arn))["PendingConfirmation"] == "true"


async def test_subscribing_again_sends_a_fresh_confirmation_and_keeps_the_arn(harness: Harness, topic: str) -> None:
    first = await harness.pending(topic)
    assert await harness.pending(topic) == first
    assert len(await harness.accepted(Kind.CONFIRMATION)) == 2
    confirmed = await harness.confirmed(topic)
    assert confirmed == first
    assert (await harness.ask("subscribe", TopicArn=topic, Protocol="email", Endpoint="ann@example.com"))[
        "SubscriptionArn"
    ] == first


async def test_subscribing_again_with_other_attributes_is_refused(harness: Harness, topic: str) -> None:
    given = {"TopicArn": topic, "Protocol": "https", "Endpoint": HOOK}
    await harness.ask("subscribe", Attributes={"RawMessageDelivery": "true"}, **given)
    await harness.ask("subscribe", Attributes={"RawMessageDelivery": "True"}, **given)
    await harness.ask("subscribe", **given)
    for other in ({"RawMessageDelivery": "false"}, {"DeliveryPolicy": '{"healthyRetryPolicy":{"numRetries":1}}'}):
        assert await harness.refused("subscribe", Attributes=other, **given) == (
            400,
            IP,
            "Invalid parameter: Attributes Reason: Subscription already exists with different attributes",
        )


@pytest.mark.parametrize(
    ("protocol", "endpoint", "said"),
    [
        ("pigeon", "x", "Invalid parameter: Amazon SNS does not support this protocol string: pigeon"),
        ("HTTP", "http://example.com", "Invalid parameter: Amazon SNS does not support this protocol string: HTTP"),
        (
            "lambda",
            "arn:x",
            "Invalid parameter: Protocol Reason: lambda subscriptions are not offered by this server yet",
        ),
        (
            "firehose",
            "arn:x",
            "Invalid parameter: Protocol Reason: firehose subscriptions are not offered by this server yet",
        ),
        (
            "application",
            "arn:x",
            "Invalid parameter: Protocol Reason: application subscriptions are not offered by this server yet",
        ),
        ("http", HOOK, "Invalid parameter: Endpoint must match the specified protocol"),
        ("https", "http://example.com", "Invalid parameter: Endpoint must match the specified protocol"),
        ("email", "nobody", "Invalid parameter: Email address"),
        ("email", "a@b\r\nBcc: c@d", "Invalid parameter: Email address"),
        ("sms", "12345", "Invalid SMS endpoint: 12345"),
        ("sms", "+1415555abcd", "Invalid SMS endpoint: +1415555abcd"),
        ("sqs", "https://queue", "Invalid parameter: SQS endpoint ARN"),
        (
            "sqs",
            f"{QUEUE}.fifo",
            "Invalid parameter: Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics",
        ),
        ("email", "", "Invalid parameter: Endpoint Reason: no value for required parameter"),
    ],
)
async def test_a_wrong_endpoint_is_refused_in_the_words_of_its_protocol(
    harness: Harness, topic: str, protocol: str, endpoint: str, said: str
) -> None:
    assert await harness.refused("subscribe", TopicArn=topic, Protocol=protocol, Endpoint=endpoint) == (400, IP, said)
    assert await listed(harness) == []
    assert await harness.ledger() == []


@pytest.mark.parametrize("endpoint", ["https://", "https://a b", "https://:80/", "https://a\r\nb/"])
async def test_a_url_that_is_none_is_refused_with_a_reason(harness: Harness, topic: str, endpoint: str) -> None:
    status, code, message = await harness.refused("subscribe", TopicArn=topic, Protocol="https", Endpoint=endpoint)
    assert (status, code) == (400, IP)
    assert message.startswith("Invalid parameter: Endpoint Reason: ")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"Colour": "red"}, "Attributes Reason: Unknown attribute: Colour"),
        (
            {"RawMessageDelivery": "x"},
            "Attributes Reason: RawMessageDelivery: Invalid value [x]. Must be true or false.",
        ),
        (
            {"FilterPolicy": '{"a":["b"]}'},
            "Attributes Reason: FilterPolicy: filter policies are not offered by this server yet",
        ),
        ({"ReplayPolicy": "{}"}, "Attributes Reason: ReplayPolicy: replays are not offered by this server yet"),
    ],
)
async def test_a_bad_attribute_makes_no_subscription(
    harness: Harness, topic: str, given: dict[str, str], said: str
) -> None:
    told = await harness.refused("subscribe", TopicArn=topic, Protocol="https", Endpoint=HOOK, Attributes=given)
    assert told == (400, IP, f"Invalid parameter: {said}")
    assert await listed(harness) == []


async def test_subscribing_to_an_absent_topic(harness: Harness, topic: str) -> None:
    told = await harness.refused("subscribe", TopicArn=f"{topic}x", Protocol="email", Endpoint="a@example.com")
    assert told == (404, "NotFound", "Topic does not exist")


async def test_only_so_many_pending_subscriptions(tmp_path: Any) -> None:
    async with open_console(tmp_path, Quotas(pending_per_account=1)) as harness:
        topic = await harness.topic()
        await harness.pending(topic)
        told = await harness.refused("subscribe", TopicArn=topic, Protocol="email", Endpoint="b@example.com")
        assert told[:2] == (403, "SubscriptionLimitExceeded")


async def test_a_foreign_queue_has_to_confirm(harness: Harness, topic: str) -> None:
    await harness.ask(
        "add_permission", TopicArn=topic, Label="l", AWSAccountId=["111111111111"], ActionName=["Subscribe"]
    )
    answer = await harness.ask("subscribe", key=GUEST, TopicArn=topic, Protocol="sqs", Endpoint=QUEUE)
    assert answer["SubscriptionArn"] == "pending confirmation"


# --- confirming ------------------------------------------------------------------------------------------------------------


async def test_a_token_confirms_once_and_a_repeat_gives_the_same_arn(harness: Harness, topic: str) -> None:
    arn = await harness.pending(topic, HOOK, "https")
    token = harness.tokens[-1]
    for _ in range(2):
        answer = await harness.ask("confirm_subscription", TopicArn=topic, Token=token)
        assert answer["SubscriptionArn"] == arn
    shown = await attributes(harness, arn)
    assert shown["PendingConfirmation"] == "false"
    assert shown["ConfirmationWasAuthenticated"] == "true"


async def test_a_web_hook_confirms_by_its_link_unsigned(harness: Harness, topic: str) -> None:
    arn = await harness.pending(topic, HOOK, "https")
    answer = await harness.get(f"Action=ConfirmSubscription&TopicArn={topic}&Token={harness.tokens[-1]}")
    assert answer.status == 200
    assert f"<SubscriptionArn>{arn}</SubscriptionArn>" in body_of(answer)
    assert (await attributes(harness, arn))["ConfirmationWasAuthenticated"] == "false"
    (entry,) = [entry for entry in await harness.ledger() if entry.event is Event.CONFIRMED]
    assert (entry.origin.way, entry.origin.remote_address, entry.origin.user_agent) == (Way.LINK, "192.0.2.7", "desk/1")


@pytest.mark.parametrize("protocol", ["email", "email-json"])
async def test_a_link_that_a_mail_scanner_opens_confirms_nothing(harness: Harness, topic: str, protocol: str) -> None:
    arn = await harness.pending(topic, "ann@example.com", protocol)
    token = harness.tokens[-1]
    answer = await harness.get(f"Action=ConfirmSubscription&TopicArn={topic}&Token={token}")
    assert answer.status == 303
    assert dict(answer.headers)["Location"] == f"{PUBLIC_URL}/s/y/{token}"
    assert (await attributes(harness, arn))["PendingConfirmation"] == "true"
    assert (
        await harness.post({"Action": "ConfirmSubscription", "TopicArn": topic, "Token": token}, key=None)
    ).status == 200
    assert (await attributes(harness, arn))["PendingConfirmation"] == "false"


async def test_strict_links_confirm_a_mailbox_as_in_the_cloud(tmp_path: Any) -> None:
    async with open_console(tmp_path, strict_links=True) as harness:
        topic = await harness.topic()
        arn = await harness.pending(topic)
        assert (
            await harness.get(f"Action=ConfirmSubscription&TopicArn={topic}&Token={harness.tokens[-1]}")
        ).status == 200
        assert (await attributes(harness, arn))["PendingConfirmation"] == "false"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"Token": "0" * 64}, "Invalid parameter: Token"),
        ({"Token": "nonsense"}, "Invalid token"),
        ({"Token": ""}, "Invalid parameter: Token Reason: no value for required parameter"),
        ({"TopicArn": "x"}, "Invalid parameter: Topic"),
        ({"TopicArn": "arn:aws:sns:eu-west-1:000000000000:news"}, "Invalid parameter: Topic"),
    ],
)
async def test_a_wrong_token_confirms_nothing(harness: Harness, topic: str, change: dict[str, str], said: str) -> None:
    arn = await harness.pending(topic)
    given = {"TopicArn": topic, "Token": harness.tokens[-1], **change}
    assert await harness.refused("confirm_subscription", **given) == (400, IP, said)
    assert await harness.refused("confirm_subscription", key=None, **given) == (400, IP, said)
    assert (await attributes(harness, arn))["PendingConfirmation"] == "true"


async def test_only_the_region_of_the_topic_counts(harness: Harness, topic: str) -> None:
    arn = await harness.pending(topic, HOOK, "https")
    other = "arn:aws:sns:us-east-1:000000000000:something-else"
    answer = await harness.ask("confirm_subscription", TopicArn=other, Token=harness.tokens[-1])
    assert answer["SubscriptionArn"] == arn


async def test_a_token_lives_for_two_days(harness: Harness, topic: str) -> None:
    await harness.pending(topic, HOOK, "https")
    harness.clock.advance(172_800)
    told = await harness.refused("confirm_subscription", key=None, TopicArn=topic, Token=harness.tokens[-1])
    assert told == (400, IP, "Invalid parameter: Token")


async def test_asking_for_a_signed_cancel_needs_a_signature(harness: Harness, topic: str) -> None:
    await harness.pending(topic, HOOK, "https")
    given = {"TopicArn": topic, "Token": harness.tokens[-1], "AuthenticateOnUnsubscribe": "true"}
    assert (await harness.refused("confirm_subscription", key=None, **given))[:2] == (403, "MissingAuthenticationToken")
    arn = (await harness.ask("confirm_subscription", **given))["SubscriptionArn"]
    assert (await harness.get(unsubscribe_link(arn))).status == 403
    assert (await harness.refused("unsubscribe", key=GUEST, SubscriptionArn=arn))[1] == "AuthorizationError"
    assert await listed(harness) == [arn]
    await harness.ask("unsubscribe", SubscriptionArn=arn)
    assert await listed(harness) == []


# --- canceling ---------------------------------------------------------------------------------------------------------------


async def test_an_owner_cancels_silently_and_safely_again(harness: Harness, topic: str) -> None:
    arn = await harness.confirmed(topic)
    for _ in range(2):
        await harness.ask("unsubscribe", SubscriptionArn=arn)
    assert await listed(harness) == []
    assert await harness.accepted(Kind.GOODBYE) == []
    assert await harness.refused("get_subscription_attributes", SubscriptionArn=arn) == (
        404,
        "NotFound",
        "Subscription does not exist",
    )
    (entry,) = [entry for entry in await harness.ledger() if entry.event is Event.CANCELED]
    assert (entry.origin.way, entry.origin.principal) == (Way.API, "arn:aws:iam::000000000000:user/admin")


async def test_a_link_cancels_with_a_goodbye_whose_token_brings_back(harness: Harness, topic: str) -> None:
    arn = await harness.confirmed(topic, HOOK, "https")
    answer = await harness.get(unsubscribe_link(arn))
    assert answer.status == 200
    assert b"<UnsubscribeResponse" in body_of(answer).encode()
    assert "UnsubscribeResult" not in body_of(answer)
    assert len(await harness.accepted(Kind.GOODBYE)) == 1
    assert await listed(harness) == ["Deleted"]
    back = await harness.get(f"Action=ConfirmSubscription&TopicArn={topic}&Token={harness.tokens[-1]}")
    assert arn in body_of(back)
    assert await listed(harness) == [arn]


async def test_no_token_of_an_earlier_goodbye_brings_back_whom_the_owner_canceled(harness: Harness, topic: str) -> None:
    arn = await harness.confirmed(topic, HOOK, "https")
    await harness.get(unsubscribe_link(arn))
    of_goodbye = harness.tokens[-1]
    link = sign_link(b"k" * 32, LinkPurpose.PERMANENT, _uid_of(arn))
    await harness.subscriptions.confirm_by_permanent_link(link, origin=Origin(Way.LINK))
    await harness.ask("unsubscribe", SubscriptionArn=arn)
    assert (await harness.refused("confirm_subscription", key=None, TopicArn=topic, Token=of_goodbye))[1] == IP
    assert await listed(harness) == []


@pytest.mark.parametrize("operation", ["unsubscribe", "get_subscription_attributes", "set_subscription_attributes"])
async def test_a_stranger_is_refused_alike_whether_a_subscription_is_there_or_not(
    harness: Harness, topic: str, operation: str
) -> None:
    known = await harness.confirmed(topic)
    waiting = await harness.pending(topic, "ben@example.com")
    gone = await harness.confirmed(topic, "cy@example.com")
    await harness.ask("unsubscribe", SubscriptionArn=gone)
    absent = f"{topic}:{UUID}"
    given = {"AttributeName": "RawMessageDelivery"} if operation.startswith("set") else {}
    told = set()
    for arn in (known, waiting, gone, absent, absent.replace(":news:", ":nothing:")):
        status, code, message = await harness.refused(operation, key=GUEST, SubscriptionArn=arn, **given)
        told.add((status, code, message.replace(arn, "ARN")))
    assert len(told) == 1, told
    ((status, code, _),) = told
    assert (status, code) == (403, "AuthorizationError")
    assert await harness.accepted(Kind.GOODBYE) == []
    assert (await attributes(harness, known))["PendingConfirmation"] == "false"
    assert (await attributes(harness, waiting))["PendingConfirmation"] == "true"


async def test_a_guest_may_cancel_what_the_guest_owns_and_again(harness: Harness, topic: str) -> None:
    await harness.ask(
        "add_permission", TopicArn=topic, Label="l", AWSAccountId=["111111111111"], ActionName=["Subscribe"]
    )
    answer = await harness.ask("subscribe", key=GUEST, TopicArn=topic, Protocol="sms", Endpoint="+14155550100")
    arn = answer["SubscriptionArn"]
    for _ in range(2):
        await harness.ask("unsubscribe", key=GUEST, SubscriptionArn=arn)
    harness.clock.advance(172_801)
    await harness.subscriptions.expire_lapsed()
    harness.clock.advance(-172_801)  # botocore signs by the machine's clock
    await harness.ask("unsubscribe", key=GUEST, SubscriptionArn=arn)
    assert (await harness.refused("get_subscription_attributes", key=GUEST, SubscriptionArn=arn))[:2] == (
        404,
        "NotFound",
    )


async def test_a_restore_link_for_a_mailbox_leads_to_its_page(harness: Harness, topic: str) -> None:
    arn = await harness.confirmed(topic)
    await harness.get(unsubscribe_link(arn))
    answer = await harness.get(f"Action=ConfirmSubscription&TopicArn={topic}&Token={harness.tokens[-1]}")
    assert dict(answer.headers)["Location"] == f"{PUBLIC_URL}/s/r/{harness.tokens[-1]}"
    assert await listed(harness) == ["Deleted"]


@pytest.mark.parametrize(
    ("arn", "said"),
    [
        ("", "SubscriptionArn Reason: no value for required parameter"),
        ("x", "SubscriptionArn Reason: An ARN must have at least 6 elements, not 1"),
        ("{topic}", "SubscriptionId"),
        ("{topic}:x", "SubscriptionId"),
        ("arn:aws:sns:eu-west-1:000000000000:news:" + UUID, "SubscriptionArn"),
    ],
)
async def test_a_wrong_arn_cannot_be_canceled(harness: Harness, topic: str, arn: str, said: str) -> None:
    told = await harness.refused("unsubscribe", SubscriptionArn=arn.format(topic=topic))
    assert told == (400, IP, f"Invalid parameter: {said}")


async def test_canceling_what_never_was_succeeds(harness: Harness, topic: str) -> None:
    await harness.ask("unsubscribe", SubscriptionArn=f"{topic}:{UUID}")
    assert (await harness.get(unsubscribe_link(f"{topic}:{UUID}"))).status == 200


async def test_an_arn_with_another_topic_cancels_nothing(harness: Harness, topic: str) -> None:
    arn = await harness.confirmed(topic)
    await harness.ask("unsubscribe", SubscriptionArn=arn.replace(":news:", ":other:"))
    assert await listed(harness) == [arn]


async def test_a_pending_subscription_cannot_be_canceled(harness: Harness, topic: str) -> None:
    arn = await harness.pending(topic)
    status, code, message = await harness.refused("unsubscribe", SubscriptionArn=arn)
    assert (status, code) == (400, IP)
    assert "Cannot unsubscribe a subscription that is pending confirmation" in message


async def test_a_queue_is_canceled_by_its_owners_only(harness: Harness, topic: str) -> None:
    arn = await harness.pending(topic, QUEUE, "sqs")
    answer = await harness.get(unsubscribe_link(arn))
    assert answer.status == 403
    assert f"not authorized to perform: SNS:Unsubscribe on resource: {arn}" in body_of(answer)
    assert (await harness.refused("unsubscribe", key=AUDITOR, SubscriptionArn=arn))[1] == "AuthorizationError"
    await harness.ask("unsubscribe", SubscriptionArn=arn)
    assert await listed(harness) == []


async def test_unsigned_cancels_can_be_switched_off(tmp_path: Any) -> None:
    async with open_console(tmp_path, anonymous_cancel=False) as harness:
        arn = await harness.confirmed(await harness.topic(), HOOK, "https")
        for name in (arn, arn[:-1] + ("0" if arn[-1] != "0" else "1")):
            answers = [await harness.get(unsubscribe_link(name))]
            for content_type in ("application/x-www-form-urlencoded", "text/plain"):
                headers = {"host": "127.0.0.1:8010", "content-type": content_type}
                answers.append(await harness.handle("POST", unsubscribe_link(name), headers, b"x"))
                body = unsubscribe_link(name).encode()
                answers.append(await harness.handle("POST", "", headers, body))
            assert {(answer.status, "MissingAuthenticationToken" in body_of(answer)) for answer in answers} == {
                (403, True)
            }
        assert (await harness.refused("unsubscribe", key=GUEST, SubscriptionArn=arn))[1] == "AuthorizationError"
        assert await listed(harness) == [arn]
        await harness.ask("unsubscribe", SubscriptionArn=arn)
        assert await listed(harness) == []


async def test_a_canceled_endpoint_can_be_asked_again(harness: Harness, topic: str) -> None:
    first = await harness.confirmed(topic)
    await harness.ask("unsubscribe", SubscriptionArn=first)
    second = await harness.confirmed(topic)
    assert second != first
    assert await listed(harness) == [second]


# --- what other accounts may find out ---------------------------------------------------------------------------------------


@pytest.fixture
async def shared(harness: Harness, topic: str) -> str:
    """The topic, to which another account may subscribe."""
    await harness.ask(
        "add_permission", TopicArn=topic, Label="l", AWSAccountId=["111111111111"], ActionName=["Subscribe"]
    )
    return topic


@pytest.mark.parametrize("state", [State.UNCONFIRMED, State.CONFIRMED])
@pytest.mark.parametrize("returned", [True, False])
@pytest.mark.parametrize("attributes", [{}, {"RawMessageDelivery": "true"}])
async def test_subscribing_a_known_address_tells_a_stranger_what_a_new_one_would(
    harness: Harness, shared: str, state: State, returned: bool, attributes: dict[str, str]
) -> None:
    make = harness.pending if state is State.UNCONFIRMED else harness.confirmed
    known = await make(shared, HOOK, "https")
    row = await harness.store.subscription(_uid_of(known))
    asked = len(await harness.accepted(Kind.CONFIRMATION))
    given = {"TopicArn": shared, "Protocol": "https", "ReturnSubscriptionArn": returned, "Attributes": attributes}
    told = [(await harness.ask("subscribe", key=GUEST, Endpoint=HOOK, **given))["SubscriptionArn"] for _ in range(2)]
    fresh = (await harness.ask("subscribe", key=GUEST, Endpoint=HOOK + "/2", **given))["SubscriptionArn"]
    assert told[0] == told[1] != known
    assert (fresh == told[0]) is not returned
    assert len(fresh) == len(told[0])
    assert len(await harness.accepted(Kind.CONFIRMATION)) == asked + 1
    assert await harness.store.subscription(_uid_of(known)) == row
    entries = [entry for entry in await harness.ledger() if entry.event is Event.CONFIRMATION_HELD]
    assert [entry.origin.principal for entry in entries] == ["arn:aws:iam::111111111111:user/eve"] * 2
    if returned:
        await harness.get(unsubscribe_link(told[0]))
        assert await harness.store.subscription(_uid_of(known)) == row


async def test_a_phone_that_is_known_looks_new_to_a_stranger(harness: Harness, shared: str) -> None:
    given = {"TopicArn": shared, "Protocol": "sms", "Endpoint": "+14155550100"}
    known = (await harness.ask("subscribe", **given))["SubscriptionArn"]
    told = (await harness.ask("subscribe", key=GUEST, **given))["SubscriptionArn"]
    assert told.startswith(f"{shared}:")
    assert told != known


async def test_a_stranger_does_not_end_anybodys_way_back(harness: Harness, shared: str) -> None:
    known = await harness.confirmed(shared, HOOK, "https")
    await harness.get(unsubscribe_link(known))
    back = harness.tokens[-1]
    given = {"TopicArn": shared, "Protocol": "https", "Endpoint": HOOK, "ReturnSubscriptionArn": True}
    theirs = (await harness.ask("subscribe", key=GUEST, **given))["SubscriptionArn"]
    assert theirs != known
    answer = await harness.get(f"Action=ConfirmSubscription&TopicArn={shared}&Token={back}")
    assert known in body_of(answer)
    states = [await harness.store.subscription(_uid_of(arn)) for arn in (known, theirs)]
    assert [row.state for row in states if row is not None] == [State.CONFIRMED, State.EXPIRED]


async def test_the_owner_of_the_topic_gets_what_a_guest_subscribed(harness: Harness, shared: str) -> None:
    theirs = await harness.pending(shared, HOOK, "https", key=GUEST)
    assert await harness.pending(shared, HOOK, "https") == theirs
    assert await harness.pending(shared, HOOK, "https", key=GUEST) == theirs


def _uid_of(arn: str) -> str:
    return arn.rsplit(":", 1)[1].replace("-", "")


# --- how often somebody is asked ------------------------------------------------------------------------------------------


async def sent(harness: Harness) -> int:
    return len(await harness.accepted(Kind.CONFIRMATION))


async def test_one_recipient_is_asked_so_often_over_topics_spellings_and_accounts(
    harness: Harness, shared: str
) -> None:
    topics = [shared, await harness.topic("two"), await harness.topic("three", key=GUEST)]
    spellings = ("ann@example.com", "Ann@example.com", "ann+1@example.com", "ANN+x+y@EXAMPLE.com")
    calls = []
    for n in range(60):
        topic = topics[n % 3]
        given = {"TopicArn": topic, "Protocol": ("email", "email-json")[n % 2], "Endpoint": spellings[n % 4]}
        calls.append(harness.ask("subscribe", key=GUEST if topic == topics[2] else "tidings", **given))
    answers = await asyncio.gather(*calls)
    assert {answer["SubscriptionArn"] for answer in answers} == {"pending confirmation"}
    assert await sent(harness) == 20
    held = [entry for entry in await harness.ledger() if entry.event is Event.CONFIRMATION_HELD]
    assert {entry.detail for entry in held} == {"asked too often; nothing was sent"}
    assert await harness.pending(shared, "ben@example.com")
    assert await sent(harness) == 21, "others are asked as before"


async def test_whoever_confirms_is_asked_anew(harness: Harness) -> None:
    for n in range(30):
        await harness.confirmed(await harness.topic(f"t{n}"))
    assert await sent(harness) == 30


async def test_the_pace_survives_a_restart(tmp_path: Any) -> None:
    for _ in range(2):
        async with open_console(tmp_path) as harness:
            topic = await harness.topic()
            for _ in range(15):
                await harness.pending(topic)
            asked = [entry for entry in await harness.ledger() if entry.detail == ASKED]
    assert len(asked) == 20


async def test_a_declined_request_holds_further_ones_of_the_same_account(harness: Harness, shared: str) -> None:
    arn = await harness.pending(shared)
    link = sign_link(b"k" * 32, LinkPurpose.CANCEL, _uid_of(arn))
    await harness.subscriptions.cancel_by_link(link, origin=Origin(Way.LINK))
    assert (await harness.ask("subscribe", TopicArn=shared, Protocol="email", Endpoint="Ann+2@example.com"))[
        "SubscriptionArn"
    ] == "pending confirmation"
    await harness.pending(await harness.topic("other"))
    await harness.pending(shared, "ann+3@example.com", key=GUEST)
    assert await sent(harness) == 1
    assert (await harness.ledger())[-1].detail == "declined before; nothing was sent"
    await harness.pending(await harness.topic("theirs", key=GUEST), key=GUEST)
    assert await sent(harness) == 2, "another account's topic was not declined"
    await harness.ask("confirm_subscription", key=None, TopicArn=shared, Token=harness.tokens[-1])
    await harness.pending(await harness.topic("third"))
    assert await sent(harness) == 2, "to confirm somebody else's says nothing of what was declined"


# --- rates -----------------------------------------------------------------------------------------------------------------------


async def test_unsubscribing_too_fast_is_throttled_so_that_sdks_try_again(harness: Harness, topic: str) -> None:
    params = {"Action": "Unsubscribe", "SubscriptionArn": f"{topic}:{UUID}"}
    for _ in range(LIMITED):
        assert (await harness.post(params)).status == 200
    answer = await harness.post(params)
    assert answer.status == 429
    assert "<Code>Throttling</Code><Message>Rate exceeded</Message>" in body_of(answer)
    assert (await harness.get(unsubscribe_link(f"{topic}:{UUID}"))).status == 200, "others have a bucket of their own"
    harness.clock.advance(1)
    assert (await harness.post(params)).status == 200


@pytest.mark.parametrize("remote", ["192.0.2.1", "2001:db8::1"])
async def test_unsigned_calls_are_counted_by_address(harness: Harness, topic: str, remote: str) -> None:
    link = unsubscribe_link(f"{topic}:{UUID}")
    statuses = {(await harness.get(link, remote=remote)).status for _ in range(LIMITED)}
    assert statuses == {200}
    assert (await harness.get(link, remote=remote)).status == 429
    assert (await harness.get(link, remote="192.0.2.99")).status == 200
    confirm = f"Action=ConfirmSubscription&TopicArn={topic}&Token={'0' * 64}"
    assert {(await harness.get(confirm, remote=remote)).status for _ in range(LIMITED)} == {400}
    assert (await harness.get(confirm, remote=remote)).status == 429


async def test_subscribing_too_fast_is_throttled(harness: Harness, topic: str) -> None:
    params = {"Action": "Subscribe", "TopicArn": topic, "Protocol": "sms", "Endpoint": "x"}
    assert {(await harness.post(params)).status for _ in range(LIMITED)} == {400}
    assert (await harness.post(params)).status == 429


# --- listing -----------------------------------------------------------------------------------------------------------------------


async def test_lists_show_owner_protocol_endpoint_and_topic(harness: Harness, topic: str) -> None:
    arn = await harness.pending(topic, QUEUE, "sqs")
    row = {"SubscriptionArn": arn, "Owner": "000000000000", "Protocol": "sqs", "Endpoint": QUEUE, "TopicArn": topic}
    assert (await harness.ask("list_subscriptions"))["Subscriptions"] == [row]
    assert (await harness.ask("list_subscriptions_by_topic", TopicArn=topic))["Subscriptions"] == [row]
    assert (await harness.ask("list_subscriptions", region="eu-west-1"))["Subscriptions"] == []
    assert (await harness.ask("list_subscriptions", key=GUEST))["Subscriptions"] == []


async def test_subscriptions_are_listed_by_the_hundred(harness: Harness, topic: str) -> None:
    for n in range(101):
        harness.clock.advance(0.1)
        await harness.pending(topic, f"+1415555{n:04d}", "sms")
    for operation, given in (("list_subscriptions", {}), ("list_subscriptions_by_topic", {"TopicArn": topic})):
        first = await harness.ask(operation, **given)
        second = await harness.ask(operation, NextToken=first["NextToken"], **given)
        assert [len(page["Subscriptions"]) for page in (first, second)] == [100, 1]
        assert "NextToken" not in second


async def test_the_topic_counts_its_subscriptions(harness: Harness, topic: str) -> None:
    await harness.pending(topic)
    await harness.confirmed(topic, "b@example.com")
    await harness.ask("unsubscribe", SubscriptionArn=await harness.confirmed(topic, "c@example.com"))
    await harness.get(unsubscribe_link(await harness.confirmed(topic, "d@example.com")))
    assert await counted(harness, topic) == ["1", "1", "1"]


async def counted(harness: Harness, topic: str) -> list[str]:
    shown = (await harness.ask("get_topic_attributes", TopicArn=topic))["Attributes"]
    return [shown[f"Subscriptions{state}"] for state in ("Pending", "Confirmed", "Deleted")]


@pytest.mark.parametrize("by_topic", [True, False])
async def test_deleted_are_listed_only_those_that_a_goodbye_can_bring_back(
    harness: Harness, topic: str, by_topic: bool
) -> None:
    async def shown(now: float = 0) -> list[str]:
        query = {"restorable_at": harness.clock.now() + timedelta(seconds=now)}
        query |= {"topic_id": TopicId(1)} if by_topic else {"account_id": ACCOUNT, "region": "us-east-1"}
        rows = await harness.store.subscriptions(SubscriptionQuery(**query))
        return [row.endpoint for row in rows]

    kept = await harness.confirmed(topic, "kept@example.com")
    await harness.ask("unsubscribe", SubscriptionArn=await harness.confirmed(topic, "owner@example.com"))
    left = await harness.confirmed(topic, "left@example.com")
    await harness.get(unsubscribe_link(left))
    operation, given = ("list_subscriptions_by_topic", {"TopicArn": topic}) if by_topic else ("list_subscriptions", {})
    listed = (await harness.ask(operation, **given))["Subscriptions"]
    assert [(one["SubscriptionArn"], one["Endpoint"]) for one in listed] == [
        (kept, "kept@example.com"),
        ("Deleted", "left@example.com"),
    ]
    assert await shown(172_799) == ["kept@example.com", "left@example.com"]
    assert await shown(172_800) == ["kept@example.com"]
    assert await counted(harness, topic) == ["0", "1", "1"]
    await harness.ask("confirm_subscription", key=None, TopicArn=topic, Token=harness.tokens[-1])
    assert await counted(harness, topic) == ["0", "2", "0"]


# --- attributes -----------------------------------------------------------------------------------------------------------------


async def test_the_attributes_that_are_always_shown(harness: Harness, topic: str) -> None:
    arn = await harness.pending(topic)
    assert await attributes(harness, arn) == {
        "SubscriptionArn": arn,
        "TopicArn": topic,
        "Owner": "000000000000",
        "Protocol": "email",
        "Endpoint": "ann@example.com",
        "SubscriptionPrincipal": "arn:aws:iam::000000000000:user/admin",
        "PendingConfirmation": "true",
        "ConfirmationWasAuthenticated": "false",
        "RawMessageDelivery": "false",
    }


async def test_attributes_are_set_shown_and_removed(harness: Harness, topic: str) -> None:
    arn = await harness.confirmed(topic, HOOK, "https")
    redrive = json.dumps({"deadLetterTargetArn": QUEUE})
    for name, value in (
        ("RawMessageDelivery", "true"),
        ("RedrivePolicy", redrive),
        ("DeliveryPolicy", '{"healthyRetryPolicy":{"numRetries":1}}'),
    ):
        await harness.ask("set_subscription_attributes", SubscriptionArn=arn, AttributeName=name, AttributeValue=value)
    shown = await attributes(harness, arn)
    assert shown["RawMessageDelivery"] == "true"
    assert json.loads(shown["RedrivePolicy"]) == {"deadLetterTargetArn": QUEUE}
    assert json.loads(shown["DeliveryPolicy"]) == {
        "healthyRetryPolicy": {"numRetries": 1},
        "sicklyRetryPolicy": None,
        "throttlePolicy": None,
        "requestPolicy": None,
        "guaranteed": False,
    }
    assert json.loads(shown["EffectiveDeliveryPolicy"])["healthyRetryPolicy"]["numRetries"] == 1
    await harness.ask("set_subscription_attributes", SubscriptionArn=arn, AttributeName="RedrivePolicy")
    assert "RedrivePolicy" not in await attributes(harness, arn)


async def test_a_filter_scope_is_shown_only_with_a_filter(harness: Harness, topic: str) -> None:
    arn = await harness.confirmed(topic)
    given = {"SubscriptionArn": arn, "AttributeName": "FilterPolicyScope"}
    await harness.ask("set_subscription_attributes", AttributeValue="MessageBody", **given)
    await harness.ask(
        "set_subscription_attributes", SubscriptionArn=arn, AttributeName="FilterPolicy", AttributeValue="{}"
    )
    assert "FilterPolicyScope" not in await attributes(harness, arn)
    found = await harness.subscriptions.find(arn.rsplit(":", 1)[1].replace("-", ""))
    assert found is not None
    assert found.subscription.settings == {"sns:FilterPolicyScope": "MessageBody"}


async def test_a_filter_policy_is_refused_rather_than_ignored(harness: Harness, topic: str) -> None:
    arn = await harness.confirmed(topic)
    told = await harness.refused(
        "set_subscription_attributes", SubscriptionArn=arn, AttributeName="FilterPolicy", AttributeValue='{"a":["b"]}'
    )
    assert told == (400, IP, "Invalid parameter: FilterPolicy: filter policies are not offered by this server yet")


@pytest.mark.parametrize("name", ["Endpoint", "Owner", "PendingConfirmation", "x", ""])
async def test_an_unknown_or_read_only_attribute_is_refused(harness: Harness, topic: str, name: str) -> None:
    arn = await harness.confirmed(topic)
    told = await harness.refused(
        "set_subscription_attributes", SubscriptionArn=arn, AttributeName=name, AttributeValue="x"
    )
    assert told == (400, IP, "Invalid parameter: AttributeName")


async def test_attributes_of_what_is_not_there(harness: Harness, topic: str) -> None:
    absent = f"{topic}:{UUID}"
    told = (404, "NotFound", "Subscription does not exist")
    assert await harness.refused("get_subscription_attributes", SubscriptionArn=absent) == told
    given = {"AttributeName": "RawMessageDelivery", "AttributeValue": "true"}
    assert await harness.refused("set_subscription_attributes", SubscriptionArn=absent, **given) == told
    arn = await harness.confirmed(topic)
    other = arn.replace(":news:", ":other:")
    assert await harness.refused("get_subscription_attributes", SubscriptionArn=other) == told


async def test_another_account_sees_and_changes_nothing(harness: Harness, topic: str) -> None:
    arn = await harness.confirmed(topic)
    assert (await harness.refused("get_subscription_attributes", key=GUEST, SubscriptionArn=arn))[
        1
    ] == "AuthorizationError"
    given = {"SubscriptionArn": arn, "AttributeName": "RawMessageDelivery", "AttributeValue": "false"}
    assert (await harness.refused("set_subscription_attributes", key=GUEST, **given))[1] == "AuthorizationError"


async def test_a_guest_owns_what_the_guest_subscribed(harness: Harness, topic: str) -> None:
    await harness.ask(
        "add_permission", TopicArn=topic, Label="l", AWSAccountId=["111111111111"], ActionName=["Subscribe"]
    )
    arn = await harness.pending(topic, HOOK, "https", key=GUEST)
    for key in (GUEST, "tidings"):
        assert (await attributes(harness, arn, key=key))["Owner"] == "111111111111"
    assert await listed(harness, key=GUEST) == ["PendingConfirmation"]
    assert await listed(harness) == []
    row = await harness.store.subscription(arn.rsplit(":", 1)[1].replace("-", ""))
    assert row is not None
    assert row.state is State.UNCONFIRMED


@pytest.mark.parametrize(
    ("protocol", "endpoint", "told"),
    [
        ("email", "a" * 1_800_000 + "@example.com", "Email address"),
        ("https", "https://example.com/" + "a" * 80_000, "Endpoint"),
        ("sqs", "arn:aws:sqs:us-east-1:000000000000:" + "a" * 80_000, "SQS endpoint ARN"),
        ("sms", "+" + "1" * 80_000, "Invalid SMS endpoint"),
        ("x" * 80_000, "a@example.com", "does not support this protocol string"),
    ],
)
async def test_what_is_too_long_for_an_endpoint_is_refused_before_policies_are_asked(
    harness: Harness, topic: str, protocol: str, endpoint: str, told: str
) -> None:
    slow = {"StringLike": {"sns:Endpoint": "*" + "a" * 124 + "?" + "a" * 124 + "b"}}
    statement = {"Effect": "Allow", "Principal": "*", "Action": "sns:Subscribe", "Resource": topic, "Condition": slow}
    policy = json.dumps({"Statement": [statement]})
    await harness.ask("set_topic_attributes", TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    # GUEST may not subscribe: he is told about the endpoint all the same, because nothing else was looked at.
    status, code, message = await harness.refused(
        "subscribe", TopicArn=topic, Protocol=protocol, Endpoint=endpoint, key=GUEST
    )
    assert (status, code) == (400, IP)
    assert told in message
