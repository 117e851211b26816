"""PublishHttpDetect and ShowHttpDetectResult: an endpoint is tried out before anybody is subscribed."""

from __future__ import annotations

import socket
import time
from typing import Any

import pytest
from huaweicloudsdksmn.v2 import SmnClient
from tests.support.ports import free_port
from tests.support.receiver import Receiver
from tests.support.server import Server
from tests.support.smn import ask, refused, smn_client


def detect(smn: SmnClient, topic_urn: str, endpoint: Any, protocol: Any = "http", **more: Any) -> str:
    body = {"protocol": protocol, "endpoint": endpoint, **more}
    task: str = ask(smn, "PublishHttpDetect", topic_urn=topic_urn, body=body)["task_id"]
    return task


def shown(smn: SmnClient, topic_urn: str, task: str) -> dict[str, Any]:
    return ask(smn, "ShowHttpDetectResult", topic_urn=topic_urn, task_id=task)


def result(smn: SmnClient, topic_urn: str, task: str, timeout_s: float = 10) -> tuple[int, int, str]:
    """(status, httpCode, httpResponse), asked for again and again as callers do."""
    deadline = time.monotonic() + timeout_s
    while True:
        answer = shown(smn, topic_urn, task)
        if answer["status"] != 1:
            return answer["status"], answer["detail"]["httpCode"], answer["detail"]["httpResponse"]
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_an_endpoint_that_answers_is_fine(smn: SmnClient, topic_urn: str, receiver: Receiver) -> None:
    header = {"header": {"X-Mine": "a b", "authorization": "Bearer abc"}}
    task = detect(smn, topic_urn, f"{receiver.url}/probe?x=1", extension=header)
    assert len(task) == 32
    assert result(smn, topic_urn, task) == (0, 200, "The endpoint is available.")
    [got] = receiver.received
    assert got.path == "/probe?x=1"
    assert got.headers["x-smn-message-type"] == "Notification"
    assert got.headers["x-smn-topic-urn"] == topic_urn
    assert (got.headers["x-mine"], got.headers["authorization"]) == ("a b", "Bearer abc")
    told = got.json
    assert told["type"] == "Notification"
    assert "detection" in told["message"]
    assert told["signature"]
    assert told["message_id"] == got.headers["x-smn-message-id"]


@pytest.mark.parametrize("status", [301, 404, 429, 500, 503])
def test_an_endpoint_that_says_no_has_failed_with_its_status(
    smn: SmnClient, topic_urn: str, receiver: Receiver, status: int
) -> None:
    receiver.answer = lambda _: status
    task = detect(smn, topic_urn, receiver.url)
    failed, code, response = result(smn, topic_urn, task)
    assert (failed, code) == (2, status)
    assert str(status) in response
    assert len(receiver.received) == 1  # it is one attempt


def test_nobody_there_has_failed_without_a_status(smn: SmnClient, topic_urn: str) -> None:
    task = detect(smn, topic_urn, f"http://127.0.0.1:{free_port()}/")
    assert result(smn, topic_urn, task) == (2, -1, "The endpoint did not answer.")


def test_no_answer_within_five_seconds_has_failed_without_a_status(smn: SmnClient, topic_urn: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        task = detect(smn, topic_urn, f"http://127.0.0.1:{silent.getsockname()[1]}/")
        waiting = shown(smn, topic_urn, task)
        assert (waiting["status"], waiting.get("detail")) == (1, None)
        failed, code, _ = result(smn, topic_urn, task)
        assert (failed, code) == (2, -1)
        assert 4 < time.monotonic() - started < 9


@pytest.mark.parametrize("protocol", [None, "", "email", "sms", "HTTP", "ftp", 5, []])
def test_only_web_hooks_can_be_tried_out(smn: SmnClient, topic_urn: str, protocol: Any) -> None:
    with refused(400, "SMN.0011"):
        detect(smn, topic_urn, "http://127.0.0.1/", protocol)


@pytest.mark.parametrize(
    "endpoint",
    [None, "", 5, {}, "nothing", "https://a.example/", "http://", "http://a b/", "http://[::1", "ftp://a.example/"],
)
def test_an_endpoint_of_another_form_is_refused(smn: SmnClient, topic_urn: str, endpoint: Any) -> None:
    with refused(400, "SMN.0012"):
        detect(smn, topic_urn, endpoint)


@pytest.mark.parametrize("host", ["10.0.0.1", "169.254.169.254", "192.168.1.1", "[fd00::1]", "0xa000001"])
def test_addresses_inside_a_network_are_refused(smn: SmnClient, topic_urn: str, host: str) -> None:
    with refused(403, "SMN.0069"):
        detect(smn, topic_urn, f"http://{host}/")


@pytest.mark.parametrize(
    "extension",
    [
        5,
        [],
        {"header": 5},
        {"header": ["x"]},
        {"header": {"x-smn-type": "a"}},
        {"header": {"Host": "a"}},
        {"header": {"content-length": "5"}},
        {"header": {"Transfer-Encoding": "chunked"}},
        {"header": {"x-": "a"}},
        {"header": {"x--a": "a"}},
        {"header": {"1x": "a"}},
        {"header": {"x a": "a"}},
        {"header": {"x\r\ny": "a"}},
        {"header": {"x-a": "a\r\nX-Injected: 1"}},
        {"header": {"x-a": "é"}},
        {"header": {"x-a": 5}},
        {"header": {"x-a": "1", "X-A": "2"}},
        {"header": {f"x-{n}": "1" for n in range(11)}},
        {"header": {"x-a": "a" * 1024}},
    ],
)
def test_bad_headers_are_refused(smn: SmnClient, topic_urn: str, extension: Any) -> None:
    with refused(400, "SMN.0043"):
        detect(smn, topic_urn, "http://127.0.0.1/", extension=extension)


def test_a_task_is_known_to_its_account_and_topic_only(
    smn: SmnClient, bob: SmnClient, topic_urn: str, receiver: Receiver
) -> None:
    task = detect(smn, topic_urn, receiver.url)
    result(smn, topic_urn, task)
    for unknown in ("nothing", "0" * 32):
        with refused(404, "SMN.0060"):
            shown(smn, topic_urn, unknown)
    with refused(404, "SMN.0060"):
        shown(bob, topic_urn, task)
    other = ask(smn, "CreateTopic", body={"name": topic_urn.rpartition(":")[2] + "-other"})["topic_urn"]
    with refused(404, "SMN.0060"):
        shown(smn, other, task)
    with refused(404, "SMN.0006"):
        shown(smn, f"{topic_urn}x", task)


def test_who_may_not_subscribe_may_not_try_out(
    server: Server, smn: SmnClient, bob: SmnClient, topic_urn: str, receiver: Receiver
) -> None:
    for client in (bob, smn_client(server, "eveskey", "eves-secret")):
        with refused(403, "SMN.00308"):
            detect(client, topic_urn, receiver.url)
    with refused(404, "SMN.0006"):
        detect(smn, f"{topic_urn}x", receiver.url)
    assert receiver.received == []


def test_trying_out_is_limited_per_account(smn: SmnClient, bob: SmnClient, topic_urn: str, receiver: Receiver) -> None:
    his = ask(bob, "CreateTopic", body={"name": "detections"})["topic_urn"]
    with refused(429, "APIG.0308"):
        for _ in range(100):
            detect(bob, his, receiver.url)
    assert detect(smn, topic_urn, receiver.url)
