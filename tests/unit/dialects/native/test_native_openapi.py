"""The description is valid OpenAPI 3.1 and says exactly what is routed."""

from __future__ import annotations

from typing import Any, cast

import msgspec
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator, validate
from tests.support.build import ACCOUNT

from tidings.dialects.contract import WireRequest
from tidings.dialects.native import DevTools, NativeDialect, TextServices

UNUSED = cast(Any, None)
"""Describing and routing ask no service."""


async def forget() -> None:
    """Developer mode's reset, with nothing to forget."""


def dialect(dev: bool) -> NativeDialect:
    tools = DevTools(forget, lambda channel, to, limit: [], lambda: None, lambda seconds: None, ACCOUNT)
    harness = TextServices(UNUSED, UNUSED, list, list)
    return NativeDialect(
        UNUSED, UNUSED, UNUSED, UNUSED, UNUSED, UNUSED, UNUSED, UNUSED, harness, UNUSED, UNUSED, tools if dev else None
    )


def get(path: str, method: str = "GET") -> WireRequest:
    return WireRequest(method, path, "", {}, b"", "127.0.0.1", "http", "localhost", "r-1")


async def described(dev: bool) -> dict[str, Any]:
    response = await dialect(dev).handle(get("/api/v1/openapi.json"))
    assert (response.status, response.content_type) == (200, "application/json")
    return cast(dict[str, Any], msgspec.json.decode(cast(bytes, response.body)))


@pytest.mark.thorough
@pytest.mark.parametrize("dev", [False, True])
async def test_the_description_is_valid(dev: bool) -> None:
    validate(await described(dev), cls=OpenAPIV31SpecValidator)


@pytest.mark.parametrize("dev", [False, True])
async def test_what_is_described_is_routed_and_what_is_routed_is_described(dev: bool) -> None:
    document = await described(dev)
    front = dialect(dev)
    told = {(m.upper(), path) for path, methods in document["paths"].items() for m in methods}
    assert told == {(operation.method, "/api/v1" + operation.path) for operation in front.operations}
    for method, path in told:
        filled = path.format(
            uid="0" * 32,
            name="ada",
            key_id="AKIA",
            address="+18885550100",
            app_id="1400006666",
            record_id="1",
            session_id="0" * 32,
            sign_id="1",
            template_id="1",
        )
        operation, _ = front._router.find(method, filled)
        assert (operation.method, "/api/v1" + operation.path) == (method, path)
        wrong = await front.handle(get(filled, "PURGE"))
        assert wrong.status == 405
        assert method in dict(wrong.headers)["allow"]


async def test_every_operation_has_a_name_of_its_own_and_says_its_errors() -> None:
    document = await described(True)
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names)
    for operation in operations:
        assert operation["summary"]
        assert {"400", "429", "500", "503"} <= set(operation["responses"])
        if operation.get("security") != []:
            assert {"401", "403"} <= set(operation["responses"])
        assert all(parameter["description"] for parameter in operation["parameters"])


async def test_developer_tools_are_described_only_where_they_exist() -> None:
    assert not [path for path in (await described(False))["paths"] if "/dev/" in path]
    assert [path for path in (await described(True))["paths"] if "/dev/" in path]


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v1/topics/", "/api/v1/dev/outbox"])
async def test_a_path_that_does_not_exist_is_a_clear_404(path: str) -> None:
    response = await dialect(False).handle(get(path))
    told = msgspec.json.decode(cast(bytes, response.body))
    assert (response.status, told["code"]) == (404, "no-such-path")


async def test_a_parameter_that_a_call_needs_is_marked() -> None:
    parameters = (await described(False))["paths"]["/api/v1/opt-outs/check"]["get"]["parameters"]
    assert [parameter["name"] for parameter in parameters if parameter.get("required")] == ["phone"]


def test_the_dialect_owns_its_paths_and_no_others() -> None:
    front = dialect(False)
    assert front.claim(get("/api/v1/topics"))
    assert front.claim(get("/api/v1"))
    assert not any(front.claim(get(path)) for path in ("/", "/api/v10", "/api/v2/topics", "/console", "/apiv1/x"))


@pytest.mark.parametrize(("status", "code"), [(413, "body-too-large"), (500, "internal"), (503, "unavailable")])
def test_what_the_server_finds_out_is_told_in_the_same_form(status: int, code: str) -> None:
    response = dialect(False).failure(get("/api/v1/topics"), status, "what happened")
    told = msgspec.json.decode(cast(bytes, response.body))
    assert (response.status, told["code"], told["detail"]) == (status, code, "what happened")
