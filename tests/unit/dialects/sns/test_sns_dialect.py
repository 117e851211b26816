"""The front end as a whole: which requests are its own, and one clear answer to whatever they hold."""

from __future__ import annotations

import time
from xml.etree import ElementTree

import boto3
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.dialogues.harness import HOST, Harness, body_of
from tests.support.examples import examples

from tidings.dialects.contract import Claim, WireRequest
from tidings.dialects.sns import ACTIONS, NOT_YET, UNSIGNED


def request(method: str = "POST", path: str = "/", query: str = "", **headers: str) -> WireRequest:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return WireRequest(method, path, query, named, b"", "192.0.2.7", "http", HOST, "rid")


@pytest.mark.parametrize(
    ("asked", "ours"),
    [
        (request(), True),
        (request(query="Action=Publish"), True),
        (request("GET", query="Action=ConfirmSubscription&Token=x"), True),
        (request("GET", query="Version=1&Action=ListTopics"), True),
        (request("GET", query="X-Amz-Signature=x"), True),
        (request("GET", authorization="AWS4-HMAC-SHA256 x"), True),
        (request("GET"), False),
        (request("GET", query="NoAction=1"), False),
        (request("PUT"), False),
        (request(path="/v2/x"), False),
        (request("GET", "/s/y/token", "Action=Publish"), False),
    ],
)
def test_query_calls_at_the_root_are_ours(harness: Harness, asked: WireRequest, ours: bool) -> None:
    assert harness.dialect.claim(asked) is Claim.own_if(ours)


def test_every_action_of_the_model_is_offered_or_refused_by_name() -> None:
    model = boto3.client("sns", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x").meta
    operations = set(model.service_model.operation_names)
    assert set(ACTIONS) | NOT_YET == operations
    assert not set(ACTIONS) & NOT_YET
    assert set(ACTIONS) >= UNSIGNED


def test_every_result_element_is_there_where_the_model_wants_one() -> None:
    model = boto3.client("sns", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x").meta
    with_result = {
        name
        for name in model.service_model.operation_names
        if model.service_model.operation_model(name).output_shape is not None
    }
    annotated = {name for name, action in ACTIONS.items() if action.__annotations__["return"] != "None"}
    assert annotated == with_result & set(ACTIONS)


@pytest.mark.parametrize(
    ("params", "status", "code"),
    [
        ({}, 400, "MissingAction"),
        ({"Action": ""}, 400, "MissingAction"),
        ({"Action": "Fly"}, 400, "InvalidAction"),
        ({"Action": "publish"}, 400, "InvalidAction"),
        ({"Action": "GetEndpointAttributes"}, 400, "InvalidAction"),
        ({"Action": "ListTopics", "Version": "2009-01-01"}, 400, "InvalidAction"),
        ({"Action": "<b>"}, 400, "InvalidAction"),
    ],
)
async def test_an_action_must_be_named(harness: Harness, params: dict[str, str], status: int, code: str) -> None:
    answer = await harness.post(params)
    root = ElementTree.fromstring(body_of(answer))
    namespace = "{http://sns.amazonaws.com/doc/2010-03-31/}"
    assert root.tag == f"{namespace}ErrorResponse"
    assert answer.status == status
    assert root.findtext(f"{namespace}Error/{namespace}Code") == code
    assert root.findtext(f"{namespace}Error/{namespace}Type") == "Sender"


async def test_an_action_that_is_not_there_yet_says_so(harness: Harness) -> None:
    answer = await harness.post({"Action": "SetEndpointAttributes"})
    assert "The action SetEndpointAttributes is not offered by this server yet." in body_of(answer)


@pytest.mark.parametrize(
    "body",
    [
        b"Action=CreateTopic&Name=%",
        b"Action=CreateTopic&Name=%zz",
        b"Action=CreateTopic&Name=a%00",
        b"Action=CreateTopic&Name=\x00",
        b"Action=CreateTopic&Name=%ff",
        b"Action=CreateTopic&Name=%ed%a0%80",
        b"Action=CreateTopic&Name=\xe9",
        b"Action=CreateTopic&Name=a&Tags.member.x.Key=k",
        b"&".join([b"Action=CreateTopic", b"Name=a", *[b"x=1"] * 20_000]),
        b"\x16\x03\x01\x02\x00",
    ],
)
async def test_what_is_no_form_changes_nothing(harness: Harness, body: bytes) -> None:
    answer = await harness.post(body)
    assert answer.status in (400, 404)
    ElementTree.fromstring(body_of(answer))
    assert (await harness.ask("list_topics"))["Topics"] == []


async def test_a_huge_request_is_answered_in_linear_time(harness: Harness) -> None:
    topic = await harness.topic()
    lead = f"Action=Publish&TopicArn={topic}&Message=m".encode()
    for filling in (b"&Subject=" + b"%41" * 600_000, b"&x=" + b"+" * 2_000_000, b"&" * 2_000_000):
        started = time.monotonic()
        answer = await harness.post(lead + filling)
        assert answer.status in (200, 400, 404)
        assert time.monotonic() - started < 2


async def test_parameters_may_stand_in_the_query_of_a_post(harness: Harness) -> None:
    answer = await harness.post(b"Name=news", query="Action=CreateTopic")
    assert answer.status == 200


def test_what_the_server_found_out_is_told_in_the_same_form(harness: Harness) -> None:
    for status, code in (
        (400, "MalformedQueryString"),
        (413, "RequestEntityTooLarge"),
        (500, "InternalError"),
        (503, "ServiceUnavailable"),
        (418, "InternalError"),
    ):
        answer = harness.dialect.failure(request(), status, "<detail>")
        assert answer.status == status
        assert f"<Code>{code}</Code>" in body_of(answer)
        assert ("&lt;detail&gt;" in body_of(answer)) is (status < 500)
        assert dict(answer.headers) == {"x-amzn-RequestId": "rid"}


names = st.sampled_from(
    [
        "Name",
        "TopicArn",
        "TargetArn",
        "SubscriptionArn",
        "ResourceArn",
        "Protocol",
        "Endpoint",
        "Message",
        "Subject",
        "MessageStructure",
        "Token",
        "NextToken",
        "Label",
        "AttributeName",
        "AttributeValue",
        "Attributes.entry.1.key",
        "Attributes.entry.1.value",
        "Tags",
        "Tags.member.1.Key",
        "Tags.member.1.Value",
        "TagKeys.member.1",
        "AWSAccountId.member.1",
        "ActionName.member.1",
        "MessageAttributes.entry.1.Name",
        "MessageAttributes.entry.1.Value.DataType",
        "PublishBatchRequestEntries.member.1.Id",
        "PublishBatchRequestEntries.member.1.Message",
        "phoneNumber",
        "nextToken",
        "attributes.member.1",
        "attributes.entry.1.key",
        "attributes.entry.1.value",
        "PhoneNumber",
        "MaxResults",
        "OneTimePassword",
    ]
)
values = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20),
    st.sampled_from(
        [
            "arn:aws:sns:us-east-1:000000000000:news",
            "arn:aws:sns:us-east-1:000000000000:news:01234567-89ab-cdef-0123-456789abcdef",
            "news",
            "Policy",
            "DeliveryPolicy",
            "RawMessageDelivery",
            "MaximumMessageSize",
            "DefaultSenderID",
            "+12025550111",
            "email",
            "sqs",
            "json",
            "{}",
            "[]",
            "0",
            "true",
        ]
    ),
)


@settings(max_examples=examples(300), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(sorted(ACTIONS)), st.dictionaries(names, values, max_size=6), st.booleans())
async def test_any_parameters_get_a_well_formed_answer(
    harness: Harness, action: str, given: dict[str, str], signed: bool
) -> None:
    answer = await harness.post({"Action": action, **given}, key="tidings" if signed else None)
    assert answer.status < 500
    ElementTree.fromstring(body_of(answer))
