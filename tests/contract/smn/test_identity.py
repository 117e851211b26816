"""Signing in as OpenStack's tools do, and the SDK's search for its project."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.contract.smn.conftest import DOMAIN, OTHER_PROJECT, PASSWORD, USER
from tests.support.server import Server
from tests.support.smn import ACCOUNT, PROJECT, REGION, Http, Reply, password_body

TOKENS = "/v3/auth/tokens"
HEX = re.compile(r"[0-9a-f]{32}\Z")
PROJECT_SCOPE = {"project": {"name": REGION}}


def login(server: Server, body: Any, query: str = "") -> Reply:
    return Http(server)("POST", TOKENS + query, body)


def keystone_error(reply: Reply) -> tuple[int, str]:
    error = reply.body["error"]
    assert error["code"] == reply.status
    assert isinstance(error["message"], str)
    return reply.status, error["title"]


def test_discovery_needs_no_credentials(server: Server) -> None:
    for path in ("/v3", "/v3/"):
        reply = Http(server)("GET", path)
        assert reply.status == 200
        version = reply.body["version"]
        assert version["id"].startswith("v3.")
        assert version["status"] == "stable"
        assert version["links"] == [{"rel": "self", "href": f"{server.url}/v3/"}]


def test_a_password_gives_a_token_with_a_catalogue(server: Server) -> None:
    reply = login(server, password_body(USER, PASSWORD, DOMAIN, scope=PROJECT_SCOPE))
    assert reply.status == 201
    token = reply.body["token"]
    assert token["methods"] == ["password"]
    assert token["user"]["name"] == USER
    assert token["user"]["domain"]["name"] == DOMAIN
    assert HEX.match(token["user"]["id"])
    assert HEX.match(token["user"]["domain"]["id"])
    assert (token["project"]["id"], token["project"]["name"]) == (PROJECT, REGION)
    assert token["project"]["domain"] == token["user"]["domain"]
    assert token["roles"][0]["name"] == "SMN Administrator"
    issued, expires = (datetime.strptime(token[name], "%Y-%m-%dT%H:%M:%S.%f%z") for name in ("issued_at", "expires_at"))
    assert expires - issued == timedelta(hours=24)
    urls = {service["type"]: service["endpoints"][0]["url"] for service in token["catalog"]}
    assert urls == {"smn": f"{server.url}/v2/{PROJECT}", "identity": f"{server.url}/v3"}
    for service in token["catalog"]:
        (endpoint,) = service["endpoints"]
        assert (endpoint["interface"], endpoint["region"], endpoint["region_id"]) == ("public", REGION, REGION)
    listed = Http(server, reply.headers["x-subject-token"])("GET", f"/v2/{PROJECT}/notifications/topics")
    assert listed.status == 200


def test_the_catalogue_can_be_left_out(server: Server) -> None:
    reply = login(server, password_body(USER, PASSWORD, DOMAIN), "?nocatalog=true")
    assert reply.status == 201
    assert "catalog" not in reply.body["token"]


@pytest.mark.parametrize(
    "scope",
    [
        None,
        PROJECT_SCOPE,
        {"project": {"id": PROJECT}},
        {"project": {"name": REGION, "domain": {"name": DOMAIN}}},
        {"project": {"name": REGION, "domain": {"id": ACCOUNT}}},
        {"domain": {"name": DOMAIN}},
        {"domain": {"id": ACCOUNT}},
    ],
)
def test_scopes_that_are_ones_own(server: Server, scope: Any) -> None:
    reply = login(server, password_body(USER, PASSWORD, DOMAIN, scope=scope))
    assert reply.status == 201
    token = reply.body["token"]
    if scope is not None and "domain" in scope:
        assert token["domain"]["name"] == DOMAIN
        assert "project" not in token
    else:
        assert token["project"]["id"] == PROJECT


@pytest.mark.parametrize(
    "scope",
    [
        {"project": {"id": OTHER_PROJECT}},
        {"project": {"name": "no-such-region"}},
        {"project": {"name": REGION, "domain": {"name": "other"}}},
        {"domain": {"name": "other"}},
        {"domain": {"id": "111111111111"}},
    ],
)
def test_scopes_that_are_somebody_elses(server: Server, scope: Any) -> None:
    reply = login(server, password_body(USER, PASSWORD, DOMAIN, scope=scope))
    assert keystone_error(reply) == (401, "Unauthorized")
    assert "x-subject-token" not in reply.headers


@pytest.mark.parametrize(
    ("user", "password", "domain"),
    [
        (USER, "wrong", DOMAIN),
        (USER, "", DOMAIN),
        ("nobody", PASSWORD, DOMAIN),
        (USER, PASSWORD, "other"),
        (USER, PASSWORD, "no-such-domain"),
        ("", PASSWORD, DOMAIN),
    ],
)
def test_a_failed_sign_in_does_not_say_what_was_wrong(server: Server, user: str, password: str, domain: str) -> None:
    reply = login(server, password_body(user, password, domain))
    assert reply.body == {
        "error": {"code": 401, "message": "The username or password is wrong.", "title": "Unauthorized"}
    }
    assert reply.status == 401


def test_users_and_domains_may_be_named_by_id(server: Server) -> None:
    token = login(server, password_body(USER, PASSWORD, DOMAIN)).body["token"]
    user, domain = token["user"]["id"], token["user"]["domain"]["id"]

    def by(who: dict[str, Any]) -> Reply:
        identity = {"methods": ["password"], "password": {"user": {**who, "password": PASSWORD}}}
        return login(server, {"auth": {"identity": identity, "scope": {"domain": {"id": domain}}}})

    for who in (
        {"id": user},
        {"id": user, "domain": {"id": domain}},
        {"name": USER, "domain": {"id": domain}},
        {"name": USER, "domain": {"id": ACCOUNT}},
        {"name": USER, "domain": {"name": ACCOUNT}},
    ):
        assert by(who).body["token"]["user"] == token["user"]
    assert by({"id": "f" * 32}).status == 401
    assert by({"id": user, "domain": {"name": "other"}}).status == 401


GOOD = password_body(USER, PASSWORD, DOMAIN)["auth"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        {},
        {"auth": []},
        {"auth": {}},
        {"auth": {"identity": {"methods": ["token"], "token": {"id": "x"}}}},
        {"auth": {"identity": {**GOOD["identity"], "methods": ["password", "totp"]}}},
        {"auth": {"identity": {"methods": ["password"]}}},
        {"auth": {"identity": {"methods": ["password"], "password": {"user": {"name": "a", "password": "b"}}}}},
        {
            "auth": {
                "identity": {"methods": ["password"], "password": {"user": {"password": "b", "domain": {"id": "x"}}}}
            }
        },
        {"auth": {"identity": {"methods": ["password"], "password": {"user": {"id": 1, "password": "b"}}}}},
        {"auth": {"identity": {"methods": ["password"], "password": {"user": {"id": "1", "password": 2}}}}},
        {"auth": {"identity": {"methods": ["password"], "password": {"user": {"id": "1", "password": "a\x00b"}}}}},
        {"auth": {**GOOD, "scope": {}}},
        {"auth": {**GOOD, "scope": []}},
        {"auth": {**GOOD, "scope": {"project": {}}}},
        {"auth": {**GOOD, "scope": {"project": {"id": PROJECT}, "domain": {"name": DOMAIN}}}},
        {"auth": {**GOOD, "scope": {"project": {"name": REGION, "domain": "x"}}}},
    ],
)
def test_a_body_that_asks_for_nothing_known(server: Server, body: Any) -> None:
    assert keystone_error(login(server, body)) == (400, "Bad Request")


@pytest.mark.parametrize("path", ["/v3/projects", "/v3/auth/projects"])
def test_projects_are_the_one_of_the_caller(http: Http, path: str) -> None:
    reply = http("GET", path)
    assert reply.status == 200
    (project,) = reply.body["projects"]
    assert (project["id"], project["name"], project["enabled"]) == (PROJECT, REGION, True)
    assert HEX.match(project["domain_id"])
    assert http("GET", f"{path}?name={REGION}").body["projects"] == [project]
    assert http("GET", f"{path}?domain_id={project['domain_id']}&enabled=True").body["projects"] == [project]
    assert http("GET", f"{path}?name=elsewhere").body["projects"] == []
    assert http("GET", f"{path}?is_domain=true").body["projects"] == []
    assert http("GET", path, token="").status == 401


class TestGuessing:
    """A server that lets an address sign in once a second."""

    @pytest.fixture
    def strict(self, tmp_path: Path) -> Iterator[Server]:
        server = Server(tmp_path, environment={"TIDINGS_LOGIN_RATE": "1"}).start()
        yield server
        assert server.stop() == 0, server.log()

    def test_guessing_is_slowed_down(self, strict: Server) -> None:
        replies = [login(strict, password_body(USER, f"guess-{n}", DOMAIN)) for n in range(4)]
        slowed = [reply for reply in replies if reply.status == 429]
        assert slowed
        assert keystone_error(slowed[0]) == (429, "Too Many Requests")
        assert int(slowed[0].headers["retry-after"]) >= 1


OPENSTACK = """
import openstack
from otcextensions import sdk

conn = openstack.connection.Connection(
    auth=dict(auth_url="{url}/v3", username="{user}", password="{password}", user_domain_name="{domain}",
              project_name="{region}"),
    region_name="{region}", identity_api_version="3")
sdk.register_otc_extensions(conn)
made = conn.smn.create_topic(name="by-openstack", display_name="one")
assert made.id.endswith(":by-openstack"), made
assert "by-openstack" in [topic.name for topic in conn.smn.topics()]
assert conn.smn.get_topic(made.id).display_name == "one"
assert conn.smn.find_topic("by-openstack").id == made.id
conn.smn.update_topic(made, display_name="two")
assert conn.smn.get_topic(made.id).display_name == "two"
conn.smn.delete_topic(made, ignore_missing=False)
assert conn.smn.find_topic("by-openstack", ignore_missing=True) is None
print("token", len(conn.auth_token), conn.current_project_id)
"""


def test_openstacksdk_with_otcextensions_signs_in_and_works(server: Server, tmp_path: Path) -> None:
    """In a process of its own: it reads configuration when imported, and warns a lot."""
    script = OPENSTACK.format(url=server.url, user=USER, password=PASSWORD, domain=DOMAIN, region=REGION)
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if not name.startswith("OS_")},
    )
    assert run.returncode == 0, run.stderr[-3000:] + server.log()
    assert run.stdout.split()[::2] == ["token", PROJECT]
