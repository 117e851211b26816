"""SMN's contract tests: one server for a module, two accounts on it, the vendor's SDK and plain HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from huaweicloudsdksmn.v2 import SmnClient
from tests.support.server import Server
from tests.support.smn import PROJECT, Http, ask, sign_in, smn_client

USER, PASSWORD, DOMAIN = "admin", "contract-password", "default"
OTHER_ACCOUNT, OTHER_PROJECT = "111111111111", "1" * 32
PROVISION = f"""
[[account]]
name = "other"
account_id = "{OTHER_ACCOUNT}"
project_id = "{OTHER_PROJECT}"
users = [
  {{ name = "bob", role = "owner", password = "bobs-password" }},
]
access_keys = [
  {{ id = "bobskey", secret = "bobs-secret", user = "bob" }},
]

[[account]]
name = "default"
account_id = "000000000000"
project_id = "{PROJECT}"
users = [
  {{ name = "admin", role = "owner", password = "{PASSWORD}" }},
  {{ name = "eve", role = "auditor", password = "eves-password" }},
  {{ name = "pam", role = "publisher", password = "pams-password" }},
  {{ name = "lister", role = "owner", password = "listers-password", actions = ["smn:topic:list"] }},
]
access_keys = [
  {{ id = "eveskey", secret = "eves-secret", user = "eve" }},
  {{ id = "pamskey", secret = "pams-secret", user = "pam" }},
  {{ id = "listerskey", secret = "listers-secret", user = "lister" }},
]
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("smn")
    provision = folder / "provision.toml"
    provision.write_text(PROVISION)
    server = Server(folder, environment={"TIDINGS_LOGIN_RATE": "1000"}).start("--provision", str(provision))
    yield server
    assert server.stop() == 0, server.log()


@pytest.fixture(scope="module")
def smn(server: Server) -> SmnClient:
    """The owner of the dev account."""
    return smn_client(server)


@pytest.fixture(scope="module")
def bob(server: Server) -> SmnClient:
    """The owner of another account."""
    return smn_client(server, "bobskey", "bobs-secret", OTHER_PROJECT)


@pytest.fixture(scope="module")
def token(server: Server) -> str:
    """Of the dev account's owner."""
    return sign_in(server, USER, PASSWORD, DOMAIN)


@pytest.fixture(scope="module")
def http(server: Server, token: str) -> Http:
    """Plain requests with the owner's token."""
    return Http(server, token)


@pytest.fixture
def topic_urn(smn: SmnClient, topic_name: str) -> str:
    """A topic of the dev account that no other test uses."""
    urn: str = ask(smn, "CreateTopic", body={"name": topic_name})["topic_urn"]
    return urn
