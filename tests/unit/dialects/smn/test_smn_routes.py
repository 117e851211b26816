"""Every operation of the vendor's SDK has a route, and every route can be reached."""

from __future__ import annotations

from collections import Counter

from huaweicloudsdksmn.v2 import SmnClient
from tests.support.smn import request_of

from tidings.dialects.path_router import PathRouter
from tidings.dialects.smn import ROUTES


def _operations() -> dict[str, tuple[str, str]]:
    """Name of each operation of the SDK -> method and path."""
    found = {}
    for member in dir(SmnClient):
        if member.endswith("_http_info"):
            name = member.removeprefix("_").removesuffix("_http_info").title().replace("_", "")
            told = getattr(SmnClient, member)(request_of(name))
            found[name] = (told["method"], told["resource_path"])
    return found


def test_every_operation_of_the_sdk_has_its_route() -> None:
    router = PathRouter(ROUTES)
    operations = _operations()
    assert len(operations) > 60
    missing = {}
    for name, (method, path) in operations.items():
        found = router.find(method, path.strip("/").replace("{", "").replace("}", ""))
        if found is None or found[0].operation != name:
            missing[name] = f"{method} {path} -> {found[0].operation if found else 'nothing'}"
    assert not missing, f"no route for: {missing}"


def test_every_route_is_found_by_its_own_path() -> None:
    router = PathRouter(ROUTES)
    for route in ROUTES:
        found = router.find(route.method, route.path.replace("{", "").replace("}", ""))
        assert found is not None
        assert found[0] is route


def test_no_operation_has_two_routes_of_the_same_name() -> None:
    doubled = [
        name for name, count in Counter((route.method, route.operation) for route in ROUTES).items() if count > 1
    ]
    assert doubled == []


def test_only_links_versions_and_signing_in_are_public() -> None:
    public = {route.operation for route in ROUTES if route.public}
    assert {"ListVersions", "ListVersion", "ShowIdentityVersion", "CreateToken"} <= public
    guarded = [route for route in ROUTES if "{project_id}" in route.path]
    assert not any(route.public for route in guarded)
