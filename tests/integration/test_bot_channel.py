"""The channel of group bots against services that answer as the real ones document."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import web
from tests.integration.http_servers import LOOPBACK, channel_of, eventually, oracle, raw, says, silence
from tests.support.bots import ChatServices
from tests.support.outgoing import Outcomes, make_outgoing
from tests.support.permits import permit_all

from tidings.channels.bots import BotChannel
from tidings.channels.http import HttpChannel
from tidings.domain.envelope import BotContent, Content, HttpContent
from tidings.domain.outcomes import BLOCKED, Delivered, Outcome, Refused, RetryLater
from tidings.wire.egress import EgressPolicy

SERVICES = ["feishu", "dingding", "wechat", "welink"]


@pytest.fixture
def chat() -> Iterator[ChatServices]:
    with ChatServices() as services:
        yield services


async def say(content: Content, url: str, protocol: str, timeout_s: float = 10.0, **options: Any) -> Outcome:
    async with channel_of(**options) as http:
        return await say_through(BotChannel(http), content, url, protocol, timeout_s)


async def say_through(bots: BotChannel, content: Content, url: str, protocol: str, timeout_s: float = 10.0) -> Outcome:
    outcomes, outgoing = Outcomes(), make_outgoing(content, url, protocol, timeout_s=timeout_s)
    bots.send(outgoing, outcomes)
    return await outcomes.of(outgoing)


@pytest.mark.parametrize("service", SERVICES)
async def test_a_text_arrives_in_the_services_own_form(chat: ChatServices, service: str) -> None:
    outcome = await say(BotContent('high "water" \u6f6e'), chat.url(service), service)
    assert isinstance(outcome, Delivered)
    assert 'high "water" \u6f6e' in str(chat.said[0].body)


async def test_markdown_arrives_as_markdown_where_the_service_knows_it(chat: ChatServices) -> None:
    content = BotContent("# tide", "markdown", "Tide", mentions={"atMobiles": ["1"]}, color="red")
    for service in SERVICES:
        assert isinstance(await say(content, chat.url(service), service), Delivered)
    feishu, dingding, wechat, welink = (said.body for said in chat.said)
    assert feishu["card"]["header"] == {"title": {"tag": "plain_text", "content": "Tide"}, "template": "red"}
    assert (dingding["markdown"]["title"], dingding["at"]) == ("Tide", {"atMobiles": ["1"]})
    assert wechat == {"msgtype": "markdown", "markdown": {"content": "# tide"}}
    assert welink["content"] == {"text": "# tide"}


@pytest.mark.parametrize("form", ["text", "markdown"])
@pytest.mark.parametrize("service", ["feishu", "dingding"])
async def test_keyword_and_signature_open_the_door(chat: ChatServices, service: str, form: str) -> None:
    chat.keyword, chat.secret = "alarm", "SEC+/=&\u6f6e"
    good = BotContent("hello", form, keyword="alarm", sign_secret=chat.secret)
    assert isinstance(await say(good, chat.url(service), service), Delivered)
    assert isinstance(await say(BotContent("an alarm", form, sign_secret="wrong"), chat.url(service), service), Refused)
    unmarked = BotContent("hello", form, sign_secret=chat.secret)
    refused = await say(unmarked, chat.url(service), service)
    assert isinstance(refused, Refused)
    assert "keyword is missing" in refused.reason
    assert len(chat.said) == 1


async def test_a_word_that_is_there_is_not_said_twice(chat: ChatServices) -> None:
    await say(BotContent("an alarm", keyword="alarm"), chat.url("feishu"), "feishu")
    await say(BotContent("quiet", keyword="alarm"), chat.url("feishu"), "feishu")
    assert [said.body["content"]["text"] for said in chat.said] == ["an alarm", "quiet\nalarm"]


@pytest.mark.parametrize(
    ("service", "answer", "outcome"),
    [
        ("feishu", {"code": 11232, "msg": "frequency limited"}, RetryLater("feishu code 11232: sent too fast")),
        ("feishu", {"code": 77, "msg": "your message was: hello"}, Refused("feishu code 77")),
        ("feishu", {"StatusCode": 0, "StatusMessage": "success"}, Delivered("feishu code 0")),
        ("dingding", {"errcode": -1, "errmsg": "busy"}, RetryLater("dingding code -1: the service is busy")),
        ("dingding", {"errcode": 130101, "errmsg": "x"}, RetryLater("dingding code 130101: sent too fast")),
        ("dingding", {"errcode": 90030, "errmsg": "x"}, RetryLater("dingding code 90030: sent too fast")),
        (
            "dingding",
            {"errcode": 99999, "errmsg": "send too fast, exceed 20"},
            RetryLater("dingding code 99999: sent too fast"),
        ),
        (
            "dingding",
            {"errcode": 99999, "errmsg": "调用频率超过限制"},
            RetryLater("dingding code 99999: sent too fast"),
        ),
        (
            "wechat",
            {"errcode": 45011, "errmsg": "api minute-quota limit"},
            RetryLater("wechat code 45011: sent too fast"),
        ),
        ("wechat", {"errcode": 45033, "errmsg": "x"}, RetryLater("wechat code 45033: sent too fast")),
        ("welink", {"code": "58777", "message": "too frequent"}, RetryLater("welink code 58777: sent too fast")),
        ("wechat", {"errcode": 45009, "errmsg": "x"}, RetryLater("wechat code 45009: sent too fast")),
        ("wechat", {"errcode": 93000, "errmsg": "x"}, Refused("wechat code 93000: the bot does not exist")),
        ("welink", {"code": "58500", "message": "x"}, RetryLater("welink code 58500: the service is busy")),
        ("welink", {"code": "58602", "message": "x"}, Refused("welink code 58602: the bot is not enabled")),
        ("welink", b"<html>welcome</html>", Refused("the answer is not the chat service's")),
        ("welink", [], Refused("the answer is not the chat service's")),
        ("welink", {"code": True}, Refused("the answer is not the chat service's")),
        ("welink", b"", Refused("the answer is not the chat service's")),
    ],
)
async def test_a_code_in_the_body_decides(chat: ChatServices, service: str, answer: Any, outcome: Outcome) -> None:
    chat.excuses.append(answer)
    assert await say(BotContent("hello"), chat.url(service), service) == outcome
    assert not chat.said


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (500, {"code": 1}, RetryLater("HTTP 500")),
        (429, {"code": 99991400}, RetryLater("feishu code 99991400: sent too fast")),
        (400, {"code": 99991400}, RetryLater("feishu code 99991400: sent too fast")),
        (429, b"slow down", RetryLater("HTTP 429")),
        (400, {"code": 9499}, Refused("feishu code 9499: the request is malformed")),
        (400, {"code": 9499, "msg": "Bad Request", "data": {}}, Refused("feishu code 9499: the request is malformed")),
        (400, {"code": 9499, "msg": "too many request", "data": {}}, RetryLater("feishu code 9499: sent too fast")),
        (400, {"code": 230020, "msg": "x"}, RetryLater("feishu code 230020: sent too fast")),
        (200, {"code": 2200, "msg": "internal error"}, RetryLater("feishu code 2200: the service is busy")),
        (
            400,
            {"code": 12345, "msg": "request trigger frequency limit"},
            RetryLater("feishu code 12345: sent too fast"),
        ),
        (429, {"code": 9499}, RetryLater("HTTP 429")),
        (400, {"code": 10**30}, Refused("HTTP 400")),
        (400, b'{"code":' + b"9" * 5001 + b"}", Refused("HTTP 400")),
        (404, b"", Refused("HTTP 404")),
        (302, b"", Refused("HTTP 302: redirects are not followed")),
    ],
)
async def test_other_statuses_decide_with_their_body(
    chat: ChatServices, status: int, body: Any, outcome: Outcome
) -> None:
    chat.status = status
    chat.excuses.append(body)
    assert await say(BotContent("hello"), chat.url("feishu"), "feishu") == outcome


async def test_a_body_in_pieces_is_read_whole_and_the_connection_used_again() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        await response.prepare(request)
        for piece in (b'{"err', b'code"', b":0}"):
            await response.write(piece)
        return response

    ports = set()

    async def counted(request: web.Request) -> web.StreamResponse:
        ports.add(request.transport.get_extra_info("peername") if request.transport else None)
        return await answer(request)

    async with oracle(counted) as url, channel_of() as http:
        bots = BotChannel(http)
        for _ in range(5):
            assert isinstance(await say_through(bots, BotContent("x"), url, "wechat"), Delivered)
    assert len(ports) == 1


@pytest.mark.parametrize(
    ("sent", "outcome"),
    [
        (b'HTTP/1.1 200 OK\r\n\r\n{"errcode":0}', Delivered("wechat code 0")),
        (b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"errcode":', Refused("the answer is not the chat service's")),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"[" * 60_000, Refused("the answer is not the chat service's")),
        (b"HTTP/1.1 200 OK\r\nContent-Le", RetryLater("connection closed within the answer")),
        (b'HTTP/1.1 200 OK\r\nA: 1\r\n 2\r\n\r\n{"errcode":0}', Delivered("wechat code 0")),
        (b'HTTP/1.1 200 OK\nA: 1\n\n{"errcode":0}', Delivered("wechat code 0")),
        (b'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n{"errcode":0}', Delivered("wechat code 0")),
        (
            b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\nd\r\n{"errcode":0}\r\n0\r\n\r\n',
            Delivered("wechat code 0"),
        ),
        (b"HTTP/1.1 404 No\r\nA: 1\r\n 2\r\n\r\n", Refused("HTTP 404")),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + b" " * 200_000,
            Refused("the answer is not the chat service's"),
        ),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n" + b'{"errcode":0}', Delivered()),
        (b"nonsense\r\n\r\n", RetryLater("malformed answer")),
    ],
)
async def test_an_answer_that_ends_early_is_classified_by_what_came(sent: bytes, outcome: Outcome) -> None:
    async with raw(says(sent, close=True)) as server:
        got = await say(BotContent("x"), server.url, "wechat")
    assert got == outcome or (outcome == Delivered() and isinstance(got, Delivered))


async def test_an_answer_that_breaks_its_judge_ends_the_attempt_all_the_same() -> None:
    def classify(status: int, body: bytes) -> Outcome | None:
        raise RuntimeError("a bug")

    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
    async with raw(says(answer)) as server, channel_of() as http:
        outcomes, outgoing = Outcomes(), make_outgoing(HttpContent(b"", b"{}"), server.url, "http")
        http.send(outgoing, outcomes, classify)
        assert await outcomes.of(outgoing) == RetryLater("HTTP 200, but the answer cannot be read")


async def test_a_body_that_never_ends_runs_into_the_time_out() -> None:
    async with raw(says(b'HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"errcode"')) as server:
        outcome = await say(BotContent("x"), server.url, "wechat", timeout_s=0.4)
    assert outcome == RetryLater("no answer within 0.4 s")


async def test_silence_runs_into_the_time_out() -> None:
    async with raw(silence) as server:
        assert isinstance(await say(BotContent("x"), server.url, "feishu", timeout_s=0.4), RetryLater)


async def test_bots_keep_the_rules_of_web_hooks(chat: ChatServices) -> None:
    url = chat.url("feishu")
    assert await say(BotContent("x"), url, "feishu", may_go=lambda _: False) == BLOCKED
    refused = await say(BotContent("x"), url, "feishu", policy=EgressPolicy())
    assert isinstance(refused, Refused)
    assert "address not allowed" in refused.reason
    assert isinstance(await say(BotContent("x"), "12345678", "welink"), Refused)
    assert isinstance(await say(HttpContent(b"", b""), url, "feishu"), Refused)
    assert not chat.asked


@pytest.mark.parametrize(
    ("service", "content"),
    [
        ("welink", BotContent("x" * 501)),
        ("wechat", BotContent("\u6f6e" * 683)),
        ("wechat", BotContent("x" * 4097, "markdown")),
        ("dingding", BotContent("x" * 20_000)),
        ("feishu", BotContent("x" * 20_480)),
    ],
)
async def test_what_a_service_would_not_take_is_not_sent(chat: ChatServices, service: str, content: BotContent) -> None:
    refused = await say(content, chat.url(service), service)
    assert isinstance(refused, Refused)
    assert "longer than" in refused.reason
    assert not chat.asked


async def test_a_web_hook_on_the_same_host_is_still_classified_by_its_status(chat: ChatServices) -> None:
    chat.excuses += [{"errcode": 93000}, {"errcode": 93000}]
    async with channel_of() as http:
        plain, outcomes = make_outgoing(HttpContent(b"", b"{}"), chat.url("wechat"), "http"), Outcomes()
        http.send(plain, outcomes)
        assert await outcomes.of(plain) == Delivered("HTTP 200")
        assert isinstance(await say_through(BotChannel(http), BotContent("x"), chat.url("wechat"), "wechat"), Refused)
        assert http.hosts == 2
    assert http.hosts == 0


async def test_closing_waits_for_an_answer_that_is_being_read() -> None:
    http = HttpChannel(permit_all, LOOPBACK)
    async with raw(says(b'HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"errcode":0')) as server:
        outcomes, outgoing = Outcomes(), make_outgoing(BotContent("x"), server.url, "wechat", timeout_s=0.5)
        BotChannel(http).send(outgoing, outcomes)
        await eventually(lambda: bool(server.requests))
        await http.close()
    assert await outcomes.of(outgoing) == RetryLater("no answer within 0.5 s")


async def test_a_signed_address_keeps_its_own_query(chat: ChatServices) -> None:
    chat.secret = "s"
    url = chat.url("dingding") + "#fragment"
    assert isinstance(await say(BotContent("x", sign_secret="s"), url, "dingding"), Delivered)
    assert chat.said[0].query["access_token"] == "abc"
    assert json.dumps(chat.said[0].body).find('"s"') == -1
