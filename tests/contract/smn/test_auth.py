"""Who is let in to SMN, and what everybody else is told."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.sdk_request import SdkRequest
from huaweicloudsdkcore.signer.signer import Signer
from huaweicloudsdksmn.v2 import SmnClient
from tests.support.server import KEY_ID, SECRET, Server
from tests.support.smn import PROJECT, Http, Reply, ask, refused, sign_in, smn_client, urn_path

PREFIX = "Incorrect IAM authentication information: "
TOPICS = f"/v2/{PROJECT}/notifications/topics"


def signed(
    server: Server,
    method: str,
    path: str,
    body: str = "",
    *,
    key_id: str = KEY_ID,
    secret: str = SECRET,
    query: tuple[tuple[str, str], ...] = (),
    headers: dict[str, str] | None = None,
) -> dict[str, str]:
    """The headers of a request signed by the SDK's own signer."""
    request = SdkRequest(
        method=method,
        schema="http",
        host=f"127.0.0.1:{server.port}",
        resource_path=path,
        query_params=list(query),
        header_params={"Content-Type": "application/json", **(headers or {})},
        body=body.encode(),
    )
    sent: dict[str, str] = Signer(BasicCredentials(key_id, secret)).sign(request).header_params
    return sent


def told(reply: Reply) -> tuple[int, str, str]:
    body = reply.body
    assert body["request_id"] == reply.headers["x-request-id"]
    assert body["error_msg"].startswith(PREFIX)
    return reply.status, body["error_code"], body["error_msg"].removeprefix(PREFIX)


def test_the_sdk_is_let_in(smn: SmnClient) -> None:
    assert ask(smn, "ListTopics")["request_id"]


def test_the_sdk_finds_its_project_by_itself(server: Server) -> None:
    smn = smn_client(server, project_id=None)
    assert ask(smn, "CreateTopic", body={"name": "found-by-itself"})["topic_urn"].split(":")[3] == PROJECT


def test_an_unknown_key_is_told_so(server: Server) -> None:
    with refused(401, "APIG.0301"):
        ask(smn_client(server, "nobody", SECRET), "ListTopics")
    headers = signed(server, "GET", TOPICS, key_id="nobody")
    assert told(Http(server)("GET", TOPICS, headers=headers))[2] == "Get secretKey failed,ak:***,err:ak not exist"


def test_a_wrong_secret_is_told_so(server: Server) -> None:
    with refused(401, "APIG.0301"):
        ask(smn_client(server, KEY_ID, "wrong-secret"), "ListTopics")
    headers = signed(server, "GET", TOPICS, secret="wrong-secret")
    assert told(Http(server)("GET", TOPICS, headers=headers)) == (401, "APIG.0301", "verify aksk signature fail")


def test_no_credentials_at_all(server: Server) -> None:
    assert told(Http(server)("GET", TOPICS)) == (401, "APIG.0301", "x-auth-token not found")


@pytest.mark.parametrize("text", ["rubbish", "a" * 3000, "MIIF.not+base64", "\xe9"])
def test_a_token_that_is_none(server: Server, text: str) -> None:
    assert told(Http(server)("GET", TOPICS, token=text)) == (401, "APIG.0301", "decrypt token fail")


def test_a_token_wins_over_a_signature(server: Server, token: str) -> None:
    wrong = signed(server, "GET", TOPICS, secret="wrong-secret")
    assert Http(server, token)("GET", TOPICS, headers=wrong).status == 200
    right = signed(server, "GET", TOPICS)
    assert told(Http(server, "rubbish")("GET", TOPICS, headers=right))[2] == "decrypt token fail"


@pytest.mark.parametrize("part", ["method", "path", "query", "body", "header", "date"])
def test_a_changed_part_breaks_the_signature(server: Server, part: str) -> None:
    body, query, path = '{"name":"signed"}', (("limit", "1"),), TOPICS
    headers = signed(server, "POST", path, body, query=query, headers={"X-Project-Id": PROJECT})
    plain = Http(server)
    assert plain("POST", f"{path}?limit=1", body.encode(), headers).status in (200, 201)
    method, changed, sent, told_headers = "POST", f"{path}?limit=1", body, dict(headers)
    match part:
        case "method":
            method = "GET"
        case "path":
            changed = f"{path}-with-associated-resources?limit=1"
            method = "GET"
        case "query":
            changed = f"{path}?limit=2"
        case "body":
            sent = body.replace("signed", "forged")
        case "header":
            told_headers["X-Project-Id"] = "f" * 32
        case "date":
            then = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=5)
            told_headers["X-Sdk-Date"] = f"{then:%Y%m%dT%H%M%SZ}"
    assert told(plain(method, changed, sent.encode(), told_headers)) == (401, "APIG.0301", "verify aksk signature fail")


@pytest.mark.parametrize("minutes", [-20, 20])
def test_a_clock_that_is_too_far_off(server: Server, minutes: int) -> None:
    then = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=minutes)
    headers = signed(server, "GET", TOPICS, headers={"X-Sdk-Date": f"{then:%Y%m%dT%H%M%SZ}"})
    status, code, why = told(Http(server)("GET", TOPICS, headers=headers))
    assert (status, code) == (401, "APIG.0301")
    assert why.startswith("verify aksk signature fail")


@pytest.mark.parametrize("minutes", [-14, 14])
def test_a_clock_that_is_a_little_off(server: Server, minutes: int) -> None:
    then = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=minutes)
    headers = signed(server, "GET", TOPICS, headers={"X-Sdk-Date": f"{then:%Y%m%dT%H%M%SZ}"})
    assert Http(server)("GET", TOPICS, headers=headers).status == 200


@pytest.mark.parametrize("name", ["Host", "X-Sdk-Date"])
def test_host_and_date_must_be_signed(server: Server, name: str) -> None:
    headers = signed(server, "GET", TOPICS)
    listed = ";".join(sorted(one.lower() for one in headers if one not in ("Authorization", name)))
    before, _, rest = headers["Authorization"].partition("SignedHeaders=")
    headers["Authorization"] = f"{before}SignedHeaders={listed}{rest[rest.index(',') :]}"
    assert told(Http(server)("GET", TOPICS, headers=headers))[0] == 401


@pytest.mark.parametrize(
    "header",
    [
        "",
        "SDK-HMAC-SHA256",
        "SDK-HMAC-SHA256 Access=tidings, SignedHeaders=host;x-sdk-date",
        "SDK-HMAC-SHA256 Access=, SignedHeaders=host;x-sdk-date, Signature=00",
        "SDK-HMAC-SM3 Access=tidings, SignedHeaders=host;x-sdk-date, Signature=00",
        "V11-HMAC-SHA256 Credential=tidings/x, SignedHeaders=host;x-sdk-date, Signature=00",
        "SDK-HMAC-SHA256 Access=tidings, SignedHeaders=host;x-sdk-date, Signature=\xe9",
        "SDK-HMAC-SHA256 Access=tidings, SignedHeaders=host;x-sdk-date;x-absent, Signature=00",
        "Basic dGlkaW5nczp0aWRpbmdz",
    ],
)
def test_an_authorization_header_that_is_none(server: Server, header: str) -> None:
    now = datetime.datetime.now(datetime.UTC)
    headers = {"Authorization": header, "X-Sdk-Date": f"{now:%Y%m%dT%H%M%SZ}"}
    status, code, why = told(Http(server)("GET", TOPICS, headers=headers))
    assert (status, code) == (401, "APIG.0301")
    assert why.startswith("verify aksk signature fail")


def test_a_stated_hash_must_be_the_bodys(server: Server) -> None:
    body = '{"name":"hashed"}'
    headers = signed(server, "POST", TOPICS, body, headers={"X-Sdk-Content-Sha256": "0" * 64})
    assert told(Http(server)("POST", TOPICS, body.encode(), headers))[0] == 401


def test_a_body_may_be_left_unsigned(server: Server) -> None:
    """As the SDK does for contents other than JSON."""
    headers = signed(server, "POST", TOPICS, '{"name":"as signed"}', headers={"Content-Type": "text/plain"})
    assert headers["X-Sdk-Content-Sha256"] == "UNSIGNED-PAYLOAD"
    assert Http(server)("POST", TOPICS, b'{"name":"as-sent"}', headers).status in (200, 201)


def test_an_unsigned_statement_of_the_hash_does_not_count(server: Server) -> None:
    body = '{"name":"signed-plainly"}'
    headers = signed(server, "POST", TOPICS, body) | {"X-Sdk-Content-Sha256": "UNSIGNED-PAYLOAD"}
    assert Http(server)("POST", TOPICS, body.encode(), headers).status in (200, 201)
    assert told(Http(server)("POST", TOPICS, b'{"name":"forged"}', headers))[0] == 401


def test_paths_may_be_written_with_colons_or_encoded(server: Server, topic_urn: str) -> None:
    for urn in (topic_urn, urn_path(topic_urn)):
        path = f"{TOPICS}/{urn}"
        headers = signed(server, "GET", path)
        assert Http(server)("GET", path, headers=headers).status == 200


def test_another_project_in_the_path_is_refused(server: Server, bob: SmnClient, token: str) -> None:
    with refused(403, "SMN.0001"):
        ask(smn_client(server, "bobskey", "bobs-secret"), "ListTopics")
    reply = Http(server, token)("GET", f"/v2/{'f' * 32}/notifications/topics")
    assert (reply.status, reply.code) == (403, "SMN.0001")
    assert ask(bob, "ListTopics")["topic_count"] == 0


@pytest.mark.parametrize("query", ["a=%FF", "&".join("a" * 200)])
def test_a_query_that_cannot_be_read_is_refused(server: Server, token: str, query: str) -> None:
    headers = signed(server, "GET", TOPICS)
    assert Http(server)("GET", f"{TOPICS}?{query}", headers=headers).status == 401
    assert Http(server, token)("GET", f"{TOPICS}?{query}").status == 400


@pytest.mark.parametrize(
    ("user", "may"),
    [("eve", {"list"}), ("pam", {"list"}), ("lister", {"list"})],
)
def test_a_users_role_or_actions_decide(server: Server, topic_urn: str, user: str, may: set[str]) -> None:
    smn = smn_client(server, f"{user}skey", f"{user}s-secret")
    calls: dict[str, tuple[str, dict[str, Any]]] = {
        "list": ("ListTopics", {}),
        "create": ("CreateTopic", {"body": {"name": "not-mine"}}),
        "update": ("UpdateTopic", {"topic_urn": topic_urn, "body": {"display_name": "x"}}),
        "delete": ("DeleteTopic", {"topic_urn": topic_urn}),
    }
    for name, (operation, given) in calls.items():
        if name in may:
            assert ask(smn, operation, **given)["request_id"]
        else:
            with refused(403, "SMN.00308"):
                ask(smn, operation, **given)


class TestLock:
    """A server that locks a key after three wrong signatures in a row."""

    @pytest.fixture
    def locking(self, tmp_path: Path) -> Iterator[Server]:
        server = Server(tmp_path, environment={"TIDINGS_SMN_KEY_LOCK_AFTER": "3"}).start()
        yield server
        assert server.stop() == 0, server.log()

    def test_a_key_rests_after_wrong_signatures_in_a_row(self, locking: Server) -> None:
        wrong, right = smn_client(locking, KEY_ID, "wrong-secret"), smn_client(locking)
        for _ in range(2):
            with refused(401, "APIG.0301"):
                ask(wrong, "ListTopics")
        assert ask(right, "ListTopics")["topic_count"] == 0
        for _ in range(3):
            with refused(401, "APIG.0301"):
                ask(wrong, "ListTopics")
        reply = Http(locking)("GET", TOPICS, headers=signed(locking, "GET", TOPICS))
        assert told(reply) == (401, "APIG.0301", "AK access failed to reach the limit,forbidden")


def test_a_token_is_void_for_another_account(server: Server, topic_urn: str) -> None:
    bob = Http(server, sign_in(server, "bob", "bobs-password", "other"))
    reply = bob("GET", f"{TOPICS}/{urn_path(topic_urn)}")
    assert (reply.status, reply.code) == (403, "SMN.0001")
