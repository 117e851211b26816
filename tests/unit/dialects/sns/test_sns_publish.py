"""Publish and PublishBatch: what is accepted, what is refused, and in which order."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.dialogues.harness import Harness, body_of, open_console

from tidings.dialects.sns.limits import MESSAGE_BYTES_DEFAULT
from tidings.domain.model import Kind, MessageAttribute

IP = "InvalidParameter"


@pytest.fixture
async def topic(harness: Harness) -> str:
    return await harness.topic()


async def test_a_message_is_accepted_as_it_was_given(harness: Harness, topic: str) -> None:
    answer = await harness.ask(
        "publish",
        TopicArn=topic,
        Subject="Größe",
        Message="line one\nline two + 100% & <b>",
        MessageAttributes={
            "a": {"DataType": "String", "StringValue": "é"},
            "b": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
        },
        MessageGroupId="g",
    )
    (message,) = await harness.accepted()
    assert message.id == answer["MessageId"]
    assert "SequenceNumber" not in answer
    assert (message.subject, message.body, message.group_id) == ("Größe", "line one\nline two + 100% & <b>", "g")
    assert message.attributes == {"a": MessageAttribute("String", "é"), "b": MessageAttribute("Binary", "AP8=")}
    assert (message.kind, message.account_id, message.dialect) == (Kind.NOTIFICATION, "000000000000", "sns")
    assert message.accepted_at == harness.clock.now()


async def test_a_structured_message_keeps_the_texts_per_protocol(harness: Harness, topic: str) -> None:
    text = '{"default": "d", "sms": "s", "http": 1}'
    await harness.ask("publish", TopicArn=topic, Message=text, MessageStructure="json")
    (message,) = await harness.accepted()
    assert (message.body, dict(message.bodies)) == ("d", {"sms": "s"})


async def test_a_topic_may_be_named_as_target(harness: Harness, topic: str) -> None:
    await harness.ask("publish", TargetArn=topic, Message="m")
    assert len(await harness.accepted()) == 1


async def test_a_phone_gets_a_direct_message(harness: Harness) -> None:
    attribute = {"AWS.SNS.SMS.SenderID": {"DataType": "String", "StringValue": "News"}}
    answer = await harness.ask("publish", PhoneNumber="+14155550100", Message="m", MessageAttributes=attribute)
    (message,) = await harness.accepted(Kind.DIRECT)
    assert (message.id, message.endpoint, message.topic_id) == (answer["MessageId"], "+14155550100", None)
    assert message.attributes["AWS.SNS.SMS.SenderID"].value == "News"


@pytest.mark.parametrize("number", ["", "5", "+1", "+1415555abcd", "+0123456789", "+1415555010012345"])
async def test_what_is_no_number_is_refused(harness: Harness, number: str) -> None:
    told = await harness.refused("publish", PhoneNumber=number, Message="m")
    assert told == (400, IP, f"Invalid parameter: PhoneNumber Reason: {number} is not valid to publish to")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "TopicArn or TargetArn Reason: no value for required parameter"),
        (
            {"TopicArn": "a", "TargetArn": "b"},
            "TargetArn Reason: only one of TopicArn, TargetArn, PhoneNumber may be given",
        ),
        (
            {"TopicArn": "a", "PhoneNumber": "+1"},
            "PhoneNumber Reason: only one of TopicArn, TargetArn, PhoneNumber may be given",
        ),
        ({"TopicArn": "x"}, "TopicArn Reason: An ARN must have at least 6 elements, not 1"),
        ({"TargetArn": "x"}, "TargetArn Reason: An ARN must have at least 6 elements, not 1"),
        ({"TopicArn": "arn:aws:sns:eu-west-1:000000000000:news"}, "TopicArn"),
        (
            {"TargetArn": "arn:aws:sns:us-east-1:000000000000:endpoint/GCM/app/0"},
            "TargetArn Reason: No endpoint found for the target arn specified",
        ),
    ],
)
async def test_a_message_has_exactly_one_target(harness: Harness, given: dict[str, str], said: str) -> None:
    assert await harness.refused("publish", Message="m", **given) == (400, IP, f"Invalid parameter: {said}")


LONG = "x" * (MESSAGE_BYTES_DEFAULT + 1)
BAD_ATTRIBUTE = {"a..b": {"DataType": "String", "StringValue": "v"}}
FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"Subject": ""}, "Invalid parameter: Subject"),
    ({"Message": ""}, "Invalid parameter: Empty message"),
    ({"Message": LONG}, "Invalid parameter: Message too long"),
    (
        {"MessageDeduplicationId": "d"},
        (
            "Invalid parameter: MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter that is"
            " not valid for this topic type"
        ),
    ),
    ({"MessageStructure": "json"}, "Invalid parameter: Message Structure - JSON message body failed to parse"),
    ({"MessageAttributes": BAD_ATTRIBUTE}, "Message attribute name can not have successive '.' character."),
]


@pytest.mark.parametrize("first", range(len(FAULTS)))
async def test_of_several_faults_the_first_in_the_documented_order_is_told(harness: Harness, first: int) -> None:
    given: dict[str, Any] = {"Message": "m"}
    for fault, _ in reversed(FAULTS[first:]):
        given |= fault
    if first == 1:
        given["Message"] = ""
    absent = "arn:aws:sns:us-east-1:000000000000:absent"
    _, _, message = await harness.refused("publish", TopicArn=absent, **given)
    assert message == FAULTS[first][1]


async def test_last_of_all_the_topic_must_exist(harness: Harness) -> None:
    absent = "arn:aws:sns:us-east-1:000000000000:absent"
    assert await harness.refused("publish", TopicArn=absent, Message="m") == (404, "NotFound", "Topic does not exist")
    entries = [{"Id": "1", "Message": "m"}]
    told = await harness.refused("publish_batch", TopicArn=absent, PublishBatchRequestEntries=entries)
    assert told == (404, "NotFound", "Topic does not exist")


async def test_an_ordered_topic_asks_for_its_ids_first(harness: Harness) -> None:
    absent = "arn:aws:sns:us-east-1:000000000000:absent.fifo"
    told = await harness.refused("publish", TopicArn=absent, Message="m")
    assert told[2] == "Invalid parameter: The MessageGroupId parameter is required for FIFO topics"
    entries = [{"Id": "1", "Message": "m"}]
    assert await harness.refused("publish_batch", TopicArn=absent, PublishBatchRequestEntries=entries) == told


async def test_the_size_limit_is_in_bytes_and_counts_attributes(harness: Harness, topic: str) -> None:
    await harness.ask("publish", TopicArn=topic, Message="x" * MESSAGE_BYTES_DEFAULT)
    await harness.ask("publish", TopicArn=topic, Message="é" * (MESSAGE_BYTES_DEFAULT // 2))
    attribute = {"a": {"DataType": "String", "StringValue": "v"}}
    for given in (
        {"Message": "é" * (MESSAGE_BYTES_DEFAULT // 2) + "x"},
        {"Message": "x" * MESSAGE_BYTES_DEFAULT, "MessageAttributes": attribute},
    ):
        assert (await harness.refused("publish", TopicArn=topic, **given))[2] == "Invalid parameter: Message too long"


async def test_a_topic_sets_its_own_maximum(harness: Harness, topic: str) -> None:
    given = {"TopicArn": topic, "AttributeName": "MaximumMessageSize"}
    await harness.ask("set_topic_attributes", AttributeValue="1024", **given)
    assert (await harness.refused("publish", TopicArn=topic, Message="x" * 1025))[
        2
    ] == "Invalid parameter: Message too long"
    await harness.ask("set_topic_attributes", AttributeValue="1048576", **given)
    await harness.ask("publish", TopicArn=topic, Message="x" * 1_048_576)


async def test_nothing_refused_is_accepted(harness: Harness, topic: str) -> None:
    for fault, _ in FAULTS:
        await harness.refused("publish", TopicArn=topic, **{"Message": "m", **fault})
    assert await harness.accepted() == []


# --- batches -------------------------------------------------------------------------------------------------------------


def entries(*ids: str, **more: Any) -> list[dict[str, Any]]:
    return [{"Id": entry_id, "Message": f"m{n}", **more} for n, entry_id in enumerate(ids)]


async def test_a_batch_is_accepted_in_its_order(harness: Harness, topic: str) -> None:
    answer = await harness.ask("publish_batch", TopicArn=topic, PublishBatchRequestEntries=entries(*"abcdefghij"))
    messages = await harness.accepted()
    assert [message.body for message in messages] == [f"m{n}" for n in range(10)]
    assert [(row["Id"], row["MessageId"]) for row in answer["Successful"]] == [
        (entry_id, message.id) for entry_id, message in zip("abcdefghij", messages, strict=True)
    ]
    assert answer["Failed"] == []


async def test_an_entrys_own_fault_fails_that_entry_only(harness: Harness, topic: str) -> None:
    batch = [
        *entries("good"),
        {"Id": "empty", "Message": ""},
        {"Id": "subject", "Message": "m", "Subject": "a\nb"},
        {"Id": "dedup", "Message": "m", "MessageDeduplicationId": "d"},
    ]
    answer = await harness.ask("publish_batch", TopicArn=topic, PublishBatchRequestEntries=batch)
    assert [row["Id"] for row in answer["Successful"]] == ["good"]
    assert [(row["Id"], row["Code"], row["SenderFault"]) for row in answer["Failed"]] == [
        ("empty", IP, True),
        ("subject", IP, True),
        ("dedup", IP, True),
    ]
    assert answer["Failed"][0]["Message"] == "Invalid parameter: Empty message"
    assert len(await harness.accepted()) == 1


async def test_a_batch_of_which_nothing_is_acceptable_accepts_nothing(harness: Harness, topic: str) -> None:
    batch = [{"Id": "a", "Message": ""}, {"Id": "b", "Message": "m", "Subject": "two\nlines"}]
    answer = await harness.ask("publish_batch", TopicArn=topic, PublishBatchRequestEntries=batch)
    assert answer["Successful"] == []
    assert [(row["Id"], row["Code"]) for row in answer["Failed"]] == [("a", IP), ("b", IP)]
    assert await harness.accepted() == []


@pytest.mark.parametrize(
    ("batch", "code", "said"),
    [
        ([], "EmptyBatchRequest", "doesn't contain any entries"),
        (entries(*"abcdefghijk"), "TooManyEntriesInBatchRequest", "more entries than permissible"),
        (entries("a", "a"), "BatchEntryIdsNotDistinct", "same Id"),
        (entries("a b"), "InvalidBatchEntryId", "a b"),
        (entries("x" * 81), "InvalidBatchEntryId", "x" * 81),
        (entries(""), "InvalidBatchEntryId", "impermissible character"),
        (
            [{"Id": "a", "Message": "x" * 200_000}, {"Id": "b", "Message": "x" * 100_000}],
            "BatchRequestTooLong",
            "more than the limit",
        ),
        (entries("a", MessageAttributes=BAD_ATTRIBUTE), "ParameterValueInvalid", "successive"),
        ([{"Message": "m"}], "ValidationError", "Value null at 'publishBatchRequestEntries.1.member.id'"),
    ],
)
async def test_faults_of_the_whole_batch_refuse_it(
    harness: Harness, topic: str, batch: list[Any], code: str, said: str
) -> None:
    status, told, message = await harness.refused("publish_batch", TopicArn=topic, PublishBatchRequestEntries=batch)
    assert (status, told) == (400, code)
    assert said in message
    assert await harness.accepted() == []


async def test_a_batch_must_be_given(harness: Harness, topic: str) -> None:
    answer = await harness.post({"Action": "PublishBatch", "TopicArn": topic})
    assert "<Code>ValidationError</Code>" in body_of(answer)


async def test_a_batch_may_leave_gaps_in_its_numbers(harness: Harness, topic: str) -> None:
    lead = "PublishBatchRequestEntries.member"
    params = {
        "Action": "PublishBatch",
        "TopicArn": topic,
        f"{lead}.9.Message": "second",
        f"{lead}.9.Id": "b",
        f"{lead}.2.Id": "a",
        f"{lead}.2.Message": "first",
        f"{lead}.2.MessageAttributes.entry.3.Name": "n",
        f"{lead}.2.MessageAttributes.entry.3.Value.DataType": "Number",
        f"{lead}.2.MessageAttributes.entry.3.Value.StringValue": "1",
    }
    assert (await harness.post(params)).status == 200
    first, second = await harness.accepted()
    assert (first.body, dict(first.attributes)) == ("first", {"n": MessageAttribute("Number", "1")})
    assert second.body == "second"


async def test_many_publishers_at_once_get_ids_of_their_own(harness: Harness, topic: str) -> None:
    params = {"Action": "Publish", "TopicArn": topic, "Message": "m"}
    answers = await asyncio.gather(*(harness.post(params) for _ in range(50)))
    assert {answer.status for answer in answers} == {200}
    assert len({message.id for message in await harness.accepted()}) == 50


async def test_a_publisher_without_anything_offered_is_told_so(tmp_path: Any) -> None:
    async with open_console(tmp_path) as harness:
        for operation in ("get_endpoint_attributes", "list_platform_applications", "delete_endpoint"):
            status, code, message = await harness.refused(operation)
            assert (status, code) == (400, "InvalidAction")
            assert message.endswith("is not offered by this server yet.")
