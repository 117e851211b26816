"""The SQS channel against moto's server, and against servers that misbehave."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from tests.support.outgoing import Outcomes, make_outgoing
from tests.support.permits import permit_all, permit_if
from tests.support.queues import ACCESS_KEY_ID, SECRET_ACCESS_KEY, QueueService

from tidings.channels.http import HttpChannel
from tidings.channels.sqs import SqsChannel
from tidings.domain.envelope import Permit, QueueContent, TextContent
from tidings.domain.model import MessageAttribute
from tidings.domain.outcomes import Blocked, Busy, Delivered, Refused, RetryLater
from tidings.wire.egress import ANYWHERE

QUEUE = "arn:aws:sqs:eu-west-1:123456789012:jobs"


@pytest.fixture(scope="module")
def service() -> Iterator[QueueService]:
    with QueueService() as running:
        yield running


@pytest.fixture
def queues(service) -> QueueService:
    service.reset()
    return service


def connect(own: Permit) -> HttpChannel:
    return HttpChannel(own, ANYWHERE, connections_per_host=32, sockets_max=64)


@asynccontextmanager
async def channel_to(url: str, may_go=lambda _: True, **options) -> AsyncIterator[SqsChannel]:
    channel = SqsChannel(
        permit_if(may_go),
        connect,
        endpoint=url,
        access_key_id=ACCESS_KEY_ID,
        secret_access_key=SECRET_ACCESS_KEY,
        **options,
    )
    try:
        yield channel
    finally:
        await channel.close()


def message(body="hello", arn=QUEUE, timeout_s=10.0, **content):
    return make_outgoing(QueueContent(body, **content), arn, "sqs", timeout_s=timeout_s)


async def outcomes_of(channel, *outgoing):
    outcomes = Outcomes()
    for one in outgoing:
        channel.send(one, outcomes)
    await outcomes.wait_for(len(outgoing))
    return [await outcomes.of(one) for one in outgoing]


async def test_a_message_arrives_with_its_attributes(queues):
    arn = queues.create("plain")
    attributes = {
        "color": MessageAttribute("String", "blau & grün"),
        "size": MessageAttribute("Number.int", "7"),
        "blob": MessageAttribute("Binary", "AAEC"),
        "tags": MessageAttribute("String.Array", '["a","b"]'),
    }
    async with channel_to(queues.url) as channel:
        [outcome] = await outcomes_of(channel, message('{"größe": "1\\n2"}', arn, attributes=attributes))
    assert isinstance(outcome, Delivered)
    [received] = await asyncio.to_thread(queues.receive, arn)
    assert received["Body"] == '{"größe": "1\\n2"}'
    assert {name: (kept["DataType"], kept.get("StringValue") or kept["BinaryValue"])
            for name, kept in received["MessageAttributes"].items()} == {
        "color": ("String", "blau & grün"),
        "size": ("Number.int", "7"),
        "blob": ("Binary", b"\x00\x01\x02"),
        "tags": ("String", '["a","b"]'),
    }  # fmt: skip


async def test_more_than_a_batch_arrives_whole_over_few_connections(queues):
    arn = queues.create("many")
    async with channel_to(queues.url) as channel:
        outcomes = await outcomes_of(channel, *(message(f"number {n}", arn) for n in range(57)))
    assert all(isinstance(outcome, Delivered) for outcome in outcomes)
    received = await asyncio.to_thread(queues.receive, arn, 57)
    assert {kept["Body"] for kept in received} == {f"number {n}" for n in range(57)}


async def test_an_ordered_queue_gets_groups_and_keeps_order(queues):
    arn = queues.create("ordered.fifo")
    sent = [message(f"number {n}", arn, group_id="g", dedup_id=f"d{n}") for n in range(35)]
    async with channel_to(queues.url) as channel:
        outcomes = await outcomes_of(channel, *sent)
        again = await outcomes_of(channel, message("number 34", arn, group_id="g", dedup_id="d34"))
    assert all(isinstance(outcome, Delivered) for outcome in outcomes + again)
    received = await asyncio.to_thread(queues.receive, arn, 35)
    assert [kept["Body"] for kept in received] == [f"number {n}" for n in range(35)]
    assert received[0]["Attributes"]["MessageGroupId"] == "g"
    assert received[0]["Attributes"]["MessageDeduplicationId"] == "d0"
    assert await asyncio.to_thread(queues.is_empty, arn)


async def test_a_queue_that_is_gone_refuses_and_another_one_does_not_notice(queues):
    arn = queues.create("alive")
    async with channel_to(queues.url) as channel:
        missing = arn.replace("alive", "missing")
        outcomes = await outcomes_of(channel, message(arn=missing), message(arn=arn), message(arn=missing))
    assert isinstance(outcomes[1], Delivered)
    for outcome in (outcomes[0], outcomes[2]):
        assert isinstance(outcome, Refused)
        assert "NonExistentQueue" in outcome.reason or "QueueDoesNotExist" in outcome.reason


async def test_one_bad_entry_does_not_take_its_batch_along(queues):
    arn = queues.create("mixed")
    bad = message("bad", arn, attributes={"n": MessageAttribute("NoSuchType", "1")})
    async with channel_to(queues.url) as channel:
        outcomes = await outcomes_of(channel, *(message(f"good {n}", arn) for n in range(4)), bad, message("last", arn))
    assert [type(outcome) for outcome in outcomes] == [Delivered] * 4 + [Refused, Delivered]
    received = await asyncio.to_thread(queues.receive, arn, 5)
    assert {kept["Body"] for kept in received} == {"good 0", "good 1", "good 2", "good 3", "last"}


@pytest.mark.parametrize(
    "outgoing",
    [
        message(attributes={f"a{n}": MessageAttribute("String", "x") for n in range(11)}),
        message(""),
        message("lone \ud800 surrogate"),
        message("x" * 1_048_577),
        message(arn="arn:aws:sqs:eu-west-1:123456789012:a/../b"),
        message(arn="arn:aws:sqs:evil.example/:123456789012:jobs"),
        make_outgoing(TextContent("hi"), QUEUE, "sqs"),
    ],
)
async def test_what_sqs_would_never_take_is_refused_at_once(outgoing):
    async with channel_to("http://127.0.0.1:9") as channel:
        [outcome] = await outcomes_of(channel, outgoing)
    assert isinstance(outcome, Refused)


async def test_a_service_that_is_down_means_later(unused_tcp_port_url):
    async with channel_to(unused_tcp_port_url) as channel:
        outcomes = await outcomes_of(channel, *(message() for _ in range(3)))
    assert all(isinstance(outcome, RetryLater) for outcome in outcomes)


@pytest.fixture
async def unused_tcp_port_url() -> str:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    return f"http://127.0.0.1:{port}"


class Lying:
    """A server whose answer to each request the test sets; `requests` keeps (head, body)."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict]] = []
        self.connections = 0
        self.answer = self.success
        self.gate = asyncio.Event()
        self.gate.set()
        self.arrived = asyncio.Event()

    def success(self, body: dict) -> bytes:
        return self.json(200, {"Successful": [{"Id": entry["Id"], "MessageId": "m"} for entry in body["Entries"]]})

    def json(self, status: int, answer: object, extra: str = "") -> bytes:
        text = json.dumps(answer).encode()
        return f"HTTP/1.1 {status} X\r\ncontent-length: {len(text)}\r\n{extra}\r\n".encode() + text

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := (await reader.readuntil(b"\r\n\r\n")).decode():
                fields = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:-2])
                body = json.loads(await reader.readexactly(int(fields["content-length"])))
                self.requests.append((head, body))
                self.arrived.set()
                await self.gate.wait()
                answer = self.answer(body)
                if answer is None:
                    break
                writer.write(answer)
                await writer.drain()
                if b"connection: close" in answer:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@pytest.fixture
async def lying() -> AsyncIterator[tuple[Lying, str]]:
    liar = Lying()
    server = await asyncio.start_server(liar.serve, "127.0.0.1", 0)
    yield liar, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    liar.gate.set()
    server.close()


async def test_the_first_goes_at_once_and_the_rest_together(lying):
    liar, url = lying
    liar.gate.clear()
    outcomes = Outcomes()
    async with channel_to(url) as channel:
        channel.send(message("first"), outcomes)
        await liar.arrived.wait()
        for n in range(12):
            channel.send(message(f"number {n}"), outcomes)
        liar.gate.set()
        await outcomes.wait_for(13)
    assert [len(body["Entries"]) for _, body in liar.requests] in ([1, 10, 2], [1, 2, 10])


async def test_what_is_sent_in_one_turn_goes_together_over_a_kept_connection(lying):
    liar, url = lying
    async with channel_to(url) as channel:
        await outcomes_of(channel, message("first"))
        await outcomes_of(channel, *(message(f"number {n}") for n in range(12)))
    assert sorted(len(body["Entries"]) for _, body in liar.requests) == [1, 2, 10]


@pytest.mark.parametrize(
    "endpoint",
    ["ftp://queue.example", "queue.example", "http://", "http://me:secret@queue.example", "http://queue.example/?a=b"],
)
def test_an_endpoint_that_cannot_be_read_is_named_at_the_start(endpoint):
    with pytest.raises(ValueError, match="the SQS endpoint is http"):
        SqsChannel(permit_all, connect, endpoint=endpoint, access_key_id="", secret_access_key="")


async def test_a_request_is_signed_for_the_queues_region(lying):
    liar, url = lying
    async with channel_to(url) as channel:
        await outcomes_of(channel, message())
    head, body = liar.requests[0]
    assert head.startswith("POST / HTTP/1.1\r\n")
    assert "/eu-west-1/sqs/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-target, " in head
    assert "x-amz-target: AmazonSQS.SendMessageBatch\r\n" in head
    assert body["QueueUrl"] == f"{url}/123456789012/jobs"


async def test_without_a_key_a_request_goes_unsigned(lying):
    liar, url = lying
    channel = SqsChannel(permit_all, connect, endpoint=url, access_key_id="", secret_access_key="")
    await outcomes_of(channel, message())
    await channel.close()
    assert "authorization" not in liar.requests[0][0]


async def test_each_entry_has_its_own_outcome(lying):
    liar, url = lying
    liar.answer = lambda body: liar.json(
        200,
        {
            "Successful": [{"Id": "0", "MessageId": "m-0"}],
            "Failed": [
                {"Id": "1", "SenderFault": True, "Code": "InvalidMessageContents", "Message": "no"},
                {"Id": "2", "SenderFault": False, "Code": "InternalError", "Message": "oops"},
                {"Id": "3", "SenderFault": True, "Code": "ThrottlingException", "Message": "slow"},
                {"Id": "999", "SenderFault": True},
            ],
        },
    )
    async with channel_to(url) as channel:
        outcomes = await outcomes_of(channel, *(message() for _ in range(5)))
    assert outcomes == [
        Delivered("SQS m-0"),
        Refused("SQS InvalidMessageContents: no"),
        RetryLater("SQS InternalError: oops"),
        RetryLater("SQS ThrottlingException: slow"),
        RetryLater("SQS told no result"),
    ]


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (400, "com.amazonaws.sqs#QueueDoesNotExist", Refused),
        (403, "AccessDeniedException", Refused),
        (403, "SignatureDoesNotMatch", RetryLater),
        (403, "InvalidClientTokenId", RetryLater),
        (400, "ThrottlingException", RetryLater),
        (429, "", RetryLater),
        (500, "InternalFailure", RetryLater),
        (503, "", RetryLater),
        (301, "", RetryLater),
        (400, "InvalidAddress", Refused),
    ],
)
async def test_an_error_of_the_service_decides_for_the_whole_batch(lying, status, code, expected):
    liar, url = lying
    liar.answer = lambda _: liar.json(status, {"__type": code, "message": "text"})
    async with channel_to(url) as channel:
        outcomes = await outcomes_of(channel, message(), message())
    assert [type(outcome) for outcome in outcomes] == [expected, expected]


def _said(body: bytes, status: bytes = b"200 OK") -> bytes:
    return b"HTTP/1.1 %b\r\ncontent-length: %d\r\n\r\n%b" % (status, len(body), body)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n<x>",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]",
        b"HTTP/1.1 200 OK\r\ncontent-length: 15\r\n\r\n" + b'{"Failed": 123}',
        b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\nconnection: close\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\ncontent-length: 9999999\r\n\r\n" + b"x" * 1_100_000,
        b"SMTP ready\r\n\r\n",
        None,
        _said(b"[" * 200_000),
        _said(b'{"Successful":' + b"[" * 200_000),
        _said(b"9" * 5_001),
        _said(b"NaN"),
        _said(b'{"Successful": [{"Id": ' + b"9" * 5_001 + b"}]}"),
        _said(b'{"Failed": [{"Id": "0", "Code": ' + b'{"a":' * 500 + b"1" + b"}" * 500 + b"}]}"),
        _said(b'{"Successful": [{"Id": "\xff"}]}'),
        _said(b'{"Successful": [{"Id": "7"}, {"Id": 0}, null, {"Id": "\xd9\xa1"}]}'),
        _said(b"{" * 100_000, b"500 No"),
        _said(b'{"__type": ' + b'{"a":' * 500 + b"1" + b"}" * 500 + b"}", b"503 No"),
        b"HTTP/1.1 503 No\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
    ],
)
async def test_an_answer_that_makes_no_sense_means_later(lying, answer):
    liar, url = lying
    liar.answer = lambda _: answer
    async with channel_to(url) as channel:
        outcomes = await outcomes_of(channel, message(), message())
    assert all(isinstance(outcome, RetryLater) for outcome in outcomes)


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nContent-Length: %d\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\r\n folded\r\nContent-Length: %d\r\nY: %d\r\n\r\n",
        b"HTTP/1.1 200 OK\nContent-Length: %d\nY: %d\n\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\nContent-Length: %d\r\nY: %d\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: %d\r\nY: %d\r\n\r\n",
    ],
)
async def test_an_answer_whose_status_is_plain_is_not_asked_for_again(lying, head):
    liar, url = lying

    def answer(body):
        text = json.dumps({"Successful": [{"Id": entry["Id"], "MessageId": "m"} for entry in body["Entries"]]}).encode()
        return head % (len(text), len(text)) + text

    liar.answer = answer
    async with channel_to(url) as channel:
        assert await outcomes_of(channel, message(), message()) == [Delivered("SQS m"), Delivered("SQS m")]
    assert sum(len(body["Entries"]) for _, body in liar.requests) == 2


async def test_one_message_that_fails_within_us_ends_neither_its_lane_nor_the_others(lying):
    _, url = lying

    def may_go(outgoing):
        if outgoing.content.body == "bad":
            raise RuntimeError("a bug")
        return True

    async with channel_to(url, may_go) as channel:
        found = await outcomes_of(channel, message("bad"), message(), message("bad"), message())
        assert [type(outcome) for outcome in found] == [RetryLater, Delivered, RetryLater, Delivered]
        assert isinstance((await outcomes_of(channel, message()))[0], Delivered)


async def test_a_silent_service_costs_one_time_out_and_returns_the_rest(lying):
    liar, url = lying
    liar.gate.clear()
    async with channel_to(url) as channel:
        outcomes = await outcomes_of(channel, *(message(timeout_s=0.3) for _ in range(60)))
    late = [outcome for outcome in outcomes if isinstance(outcome, RetryLater)]
    assert late[0].reason == "queue service: no answer within 0.3 s"
    assert {type(outcome) for outcome in outcomes} == {RetryLater, Busy}


async def test_a_connection_closed_while_idle_is_replaced(lying):
    liar, url = lying
    async with channel_to(url) as channel:
        await outcomes_of(channel, message())
        await outcomes_of(channel, message())
        assert liar.connections == 1
        answers = iter([None])
        liar.answer = lambda body: next(answers, liar.success(body))
        assert isinstance((await outcomes_of(channel, message()))[0], Delivered)
    assert liar.connections == 2


async def test_what_lost_its_consent_while_it_waited_is_not_sent(lying):
    liar, url = lying
    liar.gate.clear()
    refused = set()
    outcomes = Outcomes()
    async with channel_to(url, may_go=lambda outgoing: outgoing.content.body not in refused) as channel:
        channel.send(message("first"), outcomes)
        await liar.arrived.wait()
        second, third = message("second"), message("third")
        channel.send(second, outcomes)
        channel.send(third, outcomes)
        refused.add("second")
        liar.gate.set()
        assert isinstance(await outcomes.of(second), Blocked)
        assert isinstance(await outcomes.of(third), Delivered)
    assert [entry["MessageBody"] for _, body in liar.requests for entry in body["Entries"]] == ["first", "third"]


async def test_a_full_lane_is_busy_and_another_queue_is_not(lying):
    liar, url = lying
    liar.gate.clear()
    outcomes = Outcomes()
    async with channel_to(url) as channel:
        channel.send(message("x" * 1_000_000), outcomes)
        await liar.arrived.wait()
        for _ in range(80):
            channel.send(message("x" * 1_000_000), outcomes)
        assert any(isinstance(outcome, Busy) for _, outcome in outcomes.settled)
        free = message("small", QUEUE + "-2")
        channel.send(free, outcomes)
        liar.gate.set()
        assert isinstance(await outcomes.of(free), Delivered)
        await outcomes.wait_for(82)


async def test_closing_gives_back_what_waits_and_finishes_what_has_started(lying):
    liar, url = lying
    liar.gate.clear()
    outcomes = Outcomes()
    channel = SqsChannel(permit_all, connect, endpoint=url, access_key_id="k", secret_access_key="s")
    first, second = message("first"), message("second")
    channel.send(first, outcomes)
    await liar.arrived.wait()
    channel.send(second, outcomes)
    closing = asyncio.create_task(channel.close())
    assert isinstance(await outcomes.of(second), Busy)
    liar.gate.set()
    await closing
    assert isinstance(await outcomes.of(first), Delivered)
    third = message("third")
    channel.send(third, outcomes)
    assert isinstance(await outcomes.of(third), Busy)
