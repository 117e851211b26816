"""Developer mode stays where it belongs: its credentials are not served in earnest, its tools answer this machine's own programs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from tests.support.server import KEY_ID, SECRET, Server

PROVISION = """
[[account]]
name = "default"
account_id = "000000000000"
users = [{{ name = "admin", password = "{password}", role = "owner" }}]
access_keys = [{{ id = "tidings", secret = "{secret}", user = "admin" }}]
"""


def tidings(server: Server, *arguments: str, fails: bool = False) -> str:
    command = [sys.executable, "-m", "tidings", *arguments, "--data", str(server.data / "state")]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TIDINGS_")}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode != 0) is fails, done.stdout + done.stderr
    return done.stdout


def checked(server: Server, *, fails: bool) -> dict[str, str]:
    found = json.loads(tidings(server, "doctor", "--json", fails=fails))
    return {check["name"]: check["state"] for check in found}


@pytest.fixture
def made(tmp_path: Path) -> Server:
    """A data directory that developer mode made."""
    server = Server(tmp_path).start()
    assert server.stop() == 0
    return server


def test_what_developer_mode_made_is_not_served_in_earnest(made: Server) -> None:
    with pytest.raises(
        AssertionError, match=r"everybody knows its credentials \(access key tidings, user 000000000000/admin\)"
    ):
        made.start("--no-dev")
    assert checked(made, fails=True)["known credentials"] == "FAIL"
    tidings(made, "key", "disable", "tidings")
    tidings(made, "user", "set", "admin", "--password", "of our own")
    made.start("--no-dev")
    try:
        with pytest.raises(ClientError, match="InvalidClientTokenId"):
            made.sns().list_topics()
    finally:
        assert made.stop() == 0
    assert checked(made, fails=False)["known credentials"] == "ok"


def test_who_provisioned_the_same_on_purpose_is_told_in_one_line(made: Server) -> None:
    file = made.data / "provision.toml"
    file.write_text(PROVISION.format(password=SECRET, secret=SECRET))
    made.start("--no-dev", "--provision", str(file))
    try:
        made.sns().list_topics()
        told = [line for line in made.log().splitlines() if line.startswith("Careful:")]
        assert told == [
            "Careful: access key tidings, user 000000000000/admin has the secret that developer mode has, which everybody knows."
        ]
    finally:
        assert made.stop() == 0
    assert checked(made, fails=False)["known credentials"] == "warn"


def test_provisioning_does_not_bring_a_rotated_password_or_secret_back(tmp_path: Path) -> None:
    server = Server(tmp_path)
    tmp_path.mkdir(exist_ok=True)
    file = tmp_path / "provision.toml"
    file.write_text(PROVISION.format(password="first password", secret="first-secret"))
    server.start("--no-dev", "--provision", str(file))
    assert server.stop() == 0
    tidings(server, "user", "set", "admin", "--password", "second password")
    rotated = tmp_path / "rotated.toml"
    rotated.write_text(PROVISION.format(password="second password", secret="second-secret"))
    tidings(server, "apply", str(rotated))

    def works(secret: str) -> bool:
        try:
            server.sns(KEY_ID, secret).list_topics()
        except ClientError:
            return False
        return True

    for _ in range(2):
        server.start("--no-dev", "--provision", str(file))
        assert (works("first-secret"), works("second-secret")) == (False, True)
        assert basic(server, "default/admin", "first password") == 401
        assert basic(server, "default/admin", "second password") == 200
        assert server.stop() == 0
    file.write_text(PROVISION.format(password="third password", secret="third-secret"))
    server.start("--no-dev", "--provision", str(file))
    assert (works("second-secret"), works("third-secret")) == (False, True)
    assert basic(server, "default/admin", "third password") == 200
    assert server.stop() == 0


def basic(server: Server, name: str, secret: str) -> int:
    from base64 import b64encode

    credentials = b64encode(f"{name}:{secret}".encode()).decode()
    return ask(server, "GET", "/api/v1/topics", {"Authorization": f"Basic {credentials}"})


def ask(server: Server, method: str, path: str, headers: dict[str, str]) -> int:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=20)
    try:
        connection.request(method, path, headers=headers)
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.fixture(scope="module")
def developing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("dev")).start()
    yield server
    assert server.stop() == 0, server.log()


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8010", "10.1.2.3", "localhost.evil.example"])
def test_a_strangers_name_for_our_address_reaches_neither_tools_nor_console(developing: Server, host: str) -> None:
    for method, path in (
        ("GET", "/api/v1/dev/outbox"),
        ("DELETE", "/api/v1/dev/outbox"),
        ("POST", "/api/v1/dev/reset"),
        ("GET", "/console"),
        ("GET", "/console/sign-in"),
        ("GET", "/console/outbox"),
    ):
        assert ask(developing, method, path, {"Host": host}) == 403, (method, path)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8010", "[::1]", "tidings.localhost"])
def test_this_machines_own_names_do(developing: Server, host: str) -> None:
    assert ask(developing, "GET", "/api/v1/dev/outbox", {"Host": host}) == 200
    assert ask(developing, "GET", "/console/sign-in", {"Host": host}) == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_pages_of_others_change_nothing(developing: Server, headers: dict[str, str]) -> None:
    assert ask(developing, "DELETE", "/api/v1/dev/outbox", headers) == 403
    assert ask(developing, "POST", "/api/v1/dev/reset", headers) == 403


def test_our_own_pages_and_programs_do(developing: Server) -> None:
    assert ask(developing, "DELETE", "/api/v1/dev/outbox", {}) == 204
    own = {"Origin": developing.url, "Sec-Fetch-Site": "same-origin"}
    assert ask(developing, "DELETE", "/api/v1/dev/outbox", own) == 204


def test_developer_mode_is_not_reached_by_others_unless_somebody_says_so(tmp_path: Path) -> None:
    server = Server(tmp_path)
    everywhere = ("--listen", f"0.0.0.0:{server.port}")
    with pytest.raises(AssertionError, match=r"--dev-public \(TIDINGS_DEV_PUBLIC=on\)"):
        server.start(*everywhere)
    server.start(*everywhere, "--dev-public", "--public-url", f"http://tidings:{server.port}")
    try:
        assert ask(server, "GET", "/api/v1/dev/outbox", {"Host": f"tidings:{server.port}"}) == 200
        assert ask(server, "GET", "/api/v1/dev/outbox", {"Host": "localhost"}) == 200
        assert ask(server, "GET", "/api/v1/dev/outbox", {"Host": "evil.example"}) == 403
    finally:
        assert server.stop() == 0
