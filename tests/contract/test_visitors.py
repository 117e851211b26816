"""What a person gets who types an address of the server into a browser, and that programs keep getting what they expect there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import pytest
from tests.support.server import Server

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(Path(tmp_path_factory.mktemp("visitors"))).start()
    yield running
    running.stop()


def get(server: Server, path: str, accept: str = BROWSER, method: str = "GET", **headers: str) -> HTTPResponse:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.request(method, path, headers={"Accept": accept} | headers)
    answer = connection.getresponse()
    answer.text = answer.read().decode()  # type: ignore[attr-defined]
    connection.close()
    return answer


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_bare_address_leads_a_person_to_the_console(server: Server, method: str) -> None:
    answer = get(server, "/", method=method)
    assert (answer.status, answer.getheader("Location")) == (303, "/console")


@pytest.mark.parametrize("accept", ["*/*", "application/json", "application/json, text/html;q=0.5"])
def test_the_bare_address_lists_versions_to_a_program(server: Server, accept: str) -> None:
    answer = get(server, "/", accept)
    assert answer.status == 200
    assert json.loads(answer.text)["versions"]  # type: ignore[attr-defined]


def test_a_signed_or_named_call_of_a_cloud_is_never_led_away(server: Server) -> None:
    assert get(server, "/?Action=Unsubscribe&SubscriptionArn=x").status == 400
    assert get(server, "/", **{"X-Auth-Token": "x"}).status == 200
    assert get(server, "/", Authorization="AWS4-HMAC-SHA256 x").status in (400, 403)


def test_a_browser_finds_an_icon(server: Server) -> None:
    answer = get(server, "/favicon.ico", "image/avif,image/webp,*/*")
    assert (answer.status, answer.getheader("Content-Type")) == (200, "image/svg+xml")
    assert get(server, "/favicon.ico", method="POST").status == 405


@pytest.mark.parametrize("path", ["/s", "/s/"])
def test_the_root_of_the_subscriber_pages_says_what_it_is_for(server: Server, path: str) -> None:
    answer = get(server, path)
    assert answer.status == 200
    assert "lead here" in answer.text  # type: ignore[attr-defined]
    assert "链接" in get(server, f"{path}?lang=zh-CN").text  # type: ignore[attr-defined]
    assert get(server, path, method="POST").status == 405
    assert json.loads(get(server, path, "application/json").text)["page"] == "start"  # type: ignore[attr-defined]


def test_the_api_says_what_it_offers(server: Server) -> None:
    told = json.loads(get(server, "/api/v1", "application/json").text)  # type: ignore[attr-defined]
    assert told["openapi"] == "/api/v1/openapi.json"
    described = json.loads(get(server, told["openapi"], "*/*").text)  # type: ignore[attr-defined]
    page = get(server, "/api/v1")
    assert page.getheader("Content-Type") == "text/html; charset=utf-8"
    for path in described["paths"]:
        assert path in page.text  # type: ignore[attr-defined]
    assert (get(server, "/api/v1/").status, get(server, "/api/v1/").getheader("Location")) == (308, "../v1")


def test_developer_mode_opens_pages_as_fast_as_a_test_suite_asks(server: Server) -> None:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=20)
    for _ in range(300):  # ten times what one address may ask of a server in production at once
        connection.request("GET", "/s/", headers={"Accept": "application/json"})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200
    connection.close()


def test_more_than_a_hundred_captured_messages_are_paged_through(server: Server) -> None:
    sns = server.sns()
    topic = sns.create_topic(Name="many")["TopicArn"]
    for number in range(105):
        sns.subscribe(TopicArn=topic, Protocol="email", Endpoint=f"reader{number}@example.com")
    while len(server.api("dev/outbox?channel=email&limit=1000")["items"]) < 105:
        pass  # the last mails are still on their way; nothing tells when
    seen: list[int] = []
    while page := server.api(f"dev/outbox?channel=email&limit=50&before={seen[-1] if seen else 10**8}")["items"]:
        ids = [entry["id"] for entry in page]
        assert ids == sorted(ids)
        assert len(ids) <= 50
        seen += reversed(ids)
    assert seen == sorted(set(seen), reverse=True)
    assert len(seen) == 105
