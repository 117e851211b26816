"""SMN as its users reach it: the vendor's SDK unmodified, and plain HTTP for what the SDK cannot send.

The SDK blocks: in a test with an event loop of its own, say `await asyncio.to_thread(smn.list_topics, request)`.
"""

from __future__ import annotations

import http.client
import importlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.exceptions.exceptions import ServiceResponseException
from huaweicloudsdkcore.region.region import Region
from huaweicloudsdksmn.v2 import SmnClient

from tests.support.server import KEY_ID, SECRET, Server

PROJECT = "0123456789abcdef0123456789abcdef"
REGION = "us-east-1"
ACCOUNT = "000000000000"
MODELS = importlib.import_module("huaweicloudsdksmn.v2.model")


def smn_client(
    server: Server, key_id: str = KEY_ID, secret: str = SECRET, project_id: str | None = PROJECT
) -> SmnClient:
    """A client for this server. project_id None: it asks for the project by itself, as it does in the cloud."""
    credentials = BasicCredentials(key_id, secret, project_id).with_iam_endpoint(server.url)
    return SmnClient.new_builder().with_credentials(credentials).with_region(Region(REGION, server.url)).build()


def ask(smn: SmnClient, operation: str, **given: Any) -> dict[str, Any]:
    """Call an operation by its name (`CreateTopic`) and give the answer's members.

    given: the request's own fields; `body` may be a plain dict, so that also what the SDK's models refuse can be sent.
    """
    answer = getattr(smn, _snake(operation))(request_of(operation, **given))
    members: dict[str, Any] = answer.to_json_object()
    return members


def request_of(operation: str, **given: Any) -> Any:
    """The SDK's request object of an operation."""
    return getattr(MODELS, f"{operation}Request")(**given)


@contextmanager
def refused(status: int, code: str) -> Iterator[None]:
    """What happens inside must be refused with this status and code, and with an id of the request."""
    with pytest.raises(ServiceResponseException) as caught:
        yield
    error = caught.value
    assert (error.status_code, error.error_code) == (status, code), error
    assert error.request_id is not None
    assert len(error.request_id) == 32


def _snake(operation: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in operation).lstrip("_")


@dataclass(frozen=True)
class Reply:
    """An answer; `headers` have names in lower case."""

    status: int
    headers: Mapping[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.raw)

    @property
    def code(self) -> str:
        """The error's code, in whichever of the two forms it was told."""
        body = self.body
        code: str = body["code"] if "code" in body else body["error_code"]
        return code


class Http:
    """Plain requests to one server; `token` goes into X-Auth-Token."""

    def __init__(self, server: Server, token: str = "") -> None:
        self._port = server.port
        self.token = token

    def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        *,
        token: str | None = None,
    ) -> Reply:
        """body: bytes as they are, anything else as JSON. token: another than the usual one, `""` for none."""
        sent = dict(headers or {})
        used = self.token if token is None else token
        if used:
            sent.setdefault("X-Auth-Token", used)
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        if data is not None:
            sent.setdefault("Content-Type", "application/json")
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            connection.request(method, path, data, sent)
            answer = connection.getresponse()
            told = {name.lower(): value for name, value in answer.getheaders()}
            return Reply(answer.status, told, answer.read())
        finally:
            connection.close()

    def topics(self, method: str, rest: str = "", body: Any = None, **more: Any) -> Reply:
        """A call on the dev project's topics; rest: what follows `/topics`, `/` included."""
        return self(method, f"/v2/{PROJECT}/notifications/topics{rest}", body, **more)


def urn_path(urn: str) -> str:
    """A URN as one segment of a path."""
    return quote(urn, safe="")


def password_body(
    user: str,
    password: str,
    domain: str,
    *,
    scope: Mapping[str, Any] | None = None,
    methods: tuple[str, ...] = ("password",),
) -> dict[str, Any]:
    """What POST /v3/auth/tokens is sent."""
    identity = {
        "methods": list(methods),
        "password": {"user": {"name": user, "password": password, "domain": {"name": domain}}},
    }
    return {"auth": {"identity": identity} | ({"scope": scope} if scope is not None else {})}


def sign_in(server: Server, user: str, password: str, domain: str) -> str:
    """A token for a user, for the region's project."""
    scope = {"project": {"name": REGION}}
    reply = Http(server)("POST", "/v3/auth/tokens", password_body(user, password, domain, scope=scope))
    assert reply.status == 201, reply.raw
    return reply.headers["x-subject-token"]
