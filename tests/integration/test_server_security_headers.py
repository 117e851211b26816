"""What all answers carry, whoever gives them, and the file that says whom to tell of a weakness."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPResponse

import pytest
from tests.support.server import Server

PATHS = (
    "/",
    "/healthz",
    "/nowhere",
    "/console",
    "/s/",
    "/api/v1",
    "/v2",
    "/?Action=Unsubscribe",
    "/console/static/style.css",
)


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    environment = {
        "TIDINGS_TRUSTED_PROXIES": "127.0.0.1/32",
        "TIDINGS_SECURITY_CONTACT": "https://example.org/security",
    }
    running = Server(tmp_path_factory.mktemp("proxied"), environment=environment).start()
    yield running
    running.stop()


def get(server: Server, path: str, **headers: str) -> tuple[HTTPResponse, str]:
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=20)) as connection:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer, answer.read().decode()


@pytest.mark.parametrize("path", PATHS)
def test_no_answer_lets_a_browser_guess_its_type(proxied: Server, path: str) -> None:
    answer, _ = get(proxied, path)
    assert answer.headers.get_all("X-Content-Type-Options") == ["nosniff"]
    assert answer.headers.get_all("Strict-Transport-Security") is None


@pytest.mark.parametrize("path", PATHS)
def test_what_came_by_tls_to_a_trusted_proxy_may_come_by_nothing_else(proxied: Server, path: str) -> None:
    answer, _ = get(proxied, path, **{"X-Forwarded-Proto": "https"})
    assert answer.headers.get_all("Strict-Transport-Security") == ["max-age=31536000"]
    assert answer.headers.get_all("X-Content-Type-Options") == ["nosniff"]


def test_whom_to_tell_of_a_weakness(proxied: Server) -> None:
    answer, text = get(proxied, "/.well-known/security.txt")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
    fields = dict(line.split(": ", 1) for line in text.splitlines())
    assert fields["Contact"] == "https://example.org/security"
    expires = datetime.fromisoformat(fields["Expires"])
    assert timedelta(days=30) < expires - datetime.now(UTC) < timedelta(days=366)
