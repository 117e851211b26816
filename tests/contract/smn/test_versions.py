"""What the API says about itself, with and without credentials."""

from __future__ import annotations

from typing import Any

import pytest
from huaweicloudsdksmn.v2 import SmnClient
from tests.support.server import Server
from tests.support.smn import Http, ask, smn_client


def test_versions_are_listed_to_anybody(server: Server) -> None:
    reply = Http(server)("GET", "/")
    assert reply.status == 200
    (version,) = reply.body["versions"]
    assert version == {
        "id": "v2",
        "links": [{"href": f"{server.url}/v2/", "rel": "self"}],
        "min_version": "",
        "status": "CURRENT",
        "updated": "2018-09-15T00:00:00Z",
        "version": "",
    }
    assert Http(server)("GET", "/v2").body == {"version": version}
    assert Http(server)("GET", "/v2/").body == {"version": version}


def test_the_sdk_reads_the_versions(smn: SmnClient) -> None:
    assert [version["id"] for version in ask(smn, "ListVersions")["versions"]] == ["v2"]
    assert ask(smn, "ListVersion")["version"]["status"] == "CURRENT"


def test_wrong_credentials_do_not_matter_for_versions(server: Server) -> None:
    stranger = smn_client(server, "nobody", "nobodys-secret")
    assert ask(stranger, "ListVersion")["version"]["id"] == "v2"


def test_the_protocols_that_are_offered_are_listed(smn: SmnClient) -> None:
    protocols = ask(smn, "ListProtocols")["protocols"]
    assert {"email", "sms", "http", "https"} <= set(protocols)
    assert "functionstage" not in protocols


@pytest.mark.parametrize("operation", ["ListCloudService", "ListCloudServices"])
def test_no_cloud_service_publishes_here(smn: SmnClient, operation: str) -> None:
    assert ask(smn, operation)["cloud_services"] == []


@pytest.mark.parametrize("path", ["/v2/notifications/protocols", "/v2/notifications/cloud_service"])
def test_what_is_no_version_needs_credentials(server: Server, path: str) -> None:
    reply: Any = Http(server)("GET", path)
    assert (reply.status, reply.code) == (401, "APIG.0301")


def test_an_unknown_path_is_told_so_before_anything_else(server: Server) -> None:
    reply = Http(server)("GET", "/v2/no/such/path")
    assert (reply.status, reply.code) == (404, "APIG.0101")
    assert reply.headers["x-request-id"] == reply.body["request_id"]
