"""The API's own description, OpenAPI 3.1, made from the operations that the router serves and the structs they read and write.

Called once by the Dialect object. Source: OpenAPI Specification 3.1.1; JSON Schema 2020-12.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import msgspec

from tidings import __version__
from tidings.dialects.native.codec import JSON_TYPE
from tidings.dialects.native.errors import HTTP_CODES, PROBLEM_TYPE, ROWS
from tidings.dialects.native.routing import PREFIX, AnyOperation, Nothing
from tidings.dialects.native.shapes import Problem

Json = dict[str, Any]
EVERY_REFUSAL = (400, 429, 500, 503)
SIGNED_REFUSALS = (401, 403)
CHANGE_REFUSALS = (403, 413, 415)
_REF = "#/components/schemas/{name}"
_DESCRIPTION = (
    "Consent, opt-outs, records, texts, dead letters and accounts of Tidings, beside the clouds' own APIs on the same port. Unknown "
    "parameters and members are refused. Lists are paged: give `next` of one page as `after` of the following. In a query, `+` stands "
    "for itself. Problems are `application/problem+json` (RFC 9457) with a `code` for programs."
)
_PATH_PARTS = {
    "uid": "32 hex digits, with or without dashes",
    "name": "the user's name; of an account, its name or its 12 digits",
    "key_id": "the access key's id",
    "address": "the inbound address: E.164, or the digits of a short code",
    "app_id": "the SMS application's id; `topics` is the one of topics",
    "sign_id": "the sign's `id`",
    "template_id": "the template's `id`",
    "session_id": "the `id` of a session of the console",
    "record_id": "the `id` of a record of opt-outs",
}


def document(operations: Sequence[AnyOperation]) -> Json:
    """The whole description."""
    types = [shape for operation in operations for shape in (operation.answer, operation.body)]
    schemas, components = _schemas([Problem, *(shape for shape in types if shape not in (None, Nothing))])
    paths: Json = {}
    for operation in operations:
        described = _operation(operation, schemas)
        paths.setdefault(PREFIX + operation.path, {})[operation.method.lower()] = described
    components["Problem"]["properties"]["code"]["enum"] = sorted(
        {row.code for row in ROWS.values()} | set(HTTP_CODES.values())
    )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tidings",
            "version": __version__,
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"basic": []}],
        "tags": [{"name": group} for group in dict.fromkeys(operation.group for operation in operations)],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "basic": {
                    "type": "http",
                    "scheme": "basic",
                    "description": "An access key's id and secret, or a user's name and password. A user of another account "
                    "than the first is ACCOUNT/NAME, where ACCOUNT is the account's id or name.",
                }
            },
        },
    }


def _schemas(types: Sequence[Any]) -> tuple[dict[Any, Json], Json]:
    unique = list(dict.fromkeys(types))
    found, components = msgspec.json.schema_components(unique, ref_template=_REF)
    return dict(zip(unique, found, strict=True)), components


def _operation(operation: AnyOperation, schemas: dict[Any, Json]) -> Json:
    described: Json = {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": [operation.group],
        "parameters": [*_path_parameters(operation.path), *_query_parameters(operation.query)],
        "responses": _responses(operation, schemas),
    }
    if operation.verb is None:
        described["security"] = []
    else:
        described["description"] = f"Needs the permission `tidings:{operation.verb}` in the caller's account."
    if operation.body is not Nothing:
        described["requestBody"] = {"required": True, "content": {JSON_TYPE: {"schema": schemas[operation.body]}}}
    return described


def _path_parameters(path: str) -> list[Json]:
    return [
        {"name": name, "in": "path", "required": True, "description": _PATH_PARTS[name], "schema": {"type": "string"}}
        for name in re.findall(r"\{(\w+)\}", path)
    ]


def _query_parameters(shape: type[msgspec.Struct]) -> list[Json]:
    _, components = _schemas([shape])
    described = []
    required = components[shape.__name__].get("required", ())
    for name, schema in components[shape.__name__]["properties"].items():
        # An absent parameter is not the same as an empty one, which is refused.
        plain = {
            key: value for key, value in schema.items() if key != "description" and (key, value) != ("default", "")
        }
        told = {"name": name, "in": "query", "description": schema["description"], "schema": plain}
        described.append(told | ({"required": True} if name in required else {}))
    return described


def _responses(operation: AnyOperation, schemas: dict[Any, Json]) -> Json:
    done: Json = {"description": HTTPStatus(operation.status).phrase}
    if operation.answer is not None:
        done["content"] = {JSON_TYPE: {"schema": schemas[operation.answer]}}
    if operation.csv:
        done["content"]["text/csv"] = {"schema": {"type": "string"}}
    refusals = {*EVERY_REFUSAL, *operation.refusals}
    if operation.verb is not None:
        refusals.update(SIGNED_REFUSALS)
    if operation.method != "GET":
        refusals.update(CHANGE_REFUSALS)
    told: Json = {str(operation.status): done}
    for status in sorted(refusals):
        told[str(status)] = {
            "description": HTTPStatus(status).phrase,
            "content": {PROBLEM_TYPE: {"schema": {"$ref": _REF.format(name="Problem")}}},
        }
    return told
