"""SMN: the front end that unmodified Huawei Cloud SDKs, and OpenStack tools that know SMN, talk to.

Asked by the server for every request. Each operation is a function in the file of its subject, which parses, authorizes, makes
one service call and renders; `ROUTES` of those files say where it lives. Never touches a store, a flow or a channel.
Source: SMN API reference; IAM API reference.
"""

from __future__ import annotations

from tidings.dialects.contract import Claim, WireRequest, WireResponse
from tidings.dialects.path_router import PathRouter
from tidings.dialects.smn import (
    attributes,
    auth,
    codec,
    deletion,
    detection,
    filters,
    identity,
    links,
    listing,
    not_implemented,
    publish,
    statistics,
    subscriptions,
    tags,
    templates,
    topics,
    versions,
)
from tidings.dialects.smn.calls import Answer, Call, Route, SmnServices
from tidings.dialects.smn.errors import FAILURES, SmnError, no_such_api, refuse, translate
from tidings.dialects.smn.limits import DIALECT
from tidings.dialects.smn.names import hex_id
from tidings.domain.errors import TidingsError

ROUTES: tuple[Route, ...] = (
    *versions.ROUTES,
    *identity.ROUTES,
    *topics.ROUTES,
    *attributes.ROUTES,
    *subscriptions.ROUTES,
    *deletion.ROUTES,
    *listing.ROUTES,
    *filters.ROUTES,
    *links.ROUTES,
    *publish.ROUTES,
    *templates.ROUTES,
    *detection.ROUTES,
    *statistics.ROUTES,
    *tags.ROUTES,
    *not_implemented.ROUTES,
)

_PREFIXES = ("/v2/", "/v3/", "/rest/v2/", "/smn/")
_ROOTS = frozenset({"/v2", "/v3"})


class SmnDialect:
    """The SMN front end."""

    name = DIALECT

    def __init__(self, services: SmnServices) -> None:
        self._services = services
        self._router: PathRouter[Route] = PathRouter(ROUTES)
        self._gatekeeper = auth.Gatekeeper(services)

    def claim(self, request: WireRequest) -> Claim:
        """SMN's paths, and a GET of the root, which lists the API's versions: its own when it is signed, else what is left."""
        path = request.path
        if path.startswith(_PREFIXES) or path in _ROOTS:
            return Claim.OWN
        if path == "/" and request.method == "GET":
            return Claim.OWN if "x-sdk-date" in request.headers else Claim.FALLBACK
        return Claim.NONE

    async def handle(self, request: WireRequest) -> WireResponse:
        request_id = hex_id(request.request_id)
        try:
            answer = await self._answer(request, request_id)
        except SmnError as error:
            return _refuse(error, request_id)
        except TidingsError as error:
            return _refuse(translate(error), request_id)
        return answer if isinstance(answer, WireResponse) else _respond(answer, request_id)

    def failure(self, request: WireRequest, status: int, detail: str) -> WireResponse:
        code, message = FAILURES.get(status, ("SMN.0018", "Service internal error."))
        if status < 500 and detail:
            message = f"{message}: {detail}"
        return _refuse(SmnError(code, message, status, gateway=code.startswith("APIG.")), hex_id(request.request_id))

    async def _answer(self, request: WireRequest, request_id: str) -> Answer | WireResponse:
        path = request.path.removeprefix("/").removesuffix("/")  # a final slash does not matter
        found = self._router.find(request.method, path)
        if found is None:
            raise no_such_api()
        route, values = found
        if route.public:
            call = Call(request, request_id, route.operation, values, codec.read_query(request.query), None, "")
            return await route.handler(self._services, call)
        caller = await self._gatekeeper.verify(request)
        project_id = await self._services.projects.project_of(caller.account_id)
        if values.get("project_id", project_id) != project_id:
            raise refuse("SMN.0001")
        call = Call(request, request_id, route.operation, values, codec.read_query(request.query), caller, project_id)
        return await route.handler(self._services, call)


def _respond(answer: Answer, request_id: str) -> WireResponse:
    body = b""
    if answer.members is not None:
        members = {"request_id": request_id, **answer.members} if answer.with_request_id else answer.members
        body = codec.encode(members)
    headers = (("X-Request-Id", request_id), *answer.headers)
    return WireResponse(answer.status, body, codec.CONTENT_TYPE, headers)


def _refuse(error: SmnError, request_id: str) -> WireResponse:
    body = codec.refusal(error.code, error.message, request_id, gateway=error.gateway)
    return WireResponse(error.status, body, codec.CONTENT_TYPE, (("X-Request-Id", request_id),))
