"""Tencent Cloud SMS: the front end that unmodified tencentcloud SDKs talk to.

Asked by the server for every request. Each operation is a function in the file of its subject, which parses, authorizes, makes
one service call and renders; `OPERATIONS` of those files say what there is. Never touches a store, a flow or a channel.
Source: Tencent Cloud API 3.0; SMS API reference, version 2021-01-11.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidings.dialects.contract import Claim, WireRequest, WireResponse
from tidings.dialects.tencent import (
    auth,
    codec,
    management,
    numbers,
    pulls,
    sending,
    signs,
    statistics,
    templates,
    unsubscribed,
)
from tidings.dialects.tencent.calls import Call, Operation, TencentServices
from tidings.dialects.tencent.errors import TcError, failed, translate
from tidings.dialects.tencent.limits import DIALECT
from tidings.dialects.tencent.routing import Registry
from tidings.domain.errors import TidingsError

OPERATIONS: tuple[Operation, ...] = (
    *numbers.OPERATIONS,
    *pulls.OPERATIONS,
    *sending.OPERATIONS,
    *statistics.OPERATIONS,
    *templates.OPERATIONS,
    *signs.OPERATIONS,
    *management.OPERATIONS,
    *unsubscribed.OPERATIONS,
)


class TencentDialect:
    """The Tencent Cloud SMS front end."""

    name = DIALECT

    def __init__(self, services: TencentServices) -> None:
        self._services = services
        self._registry = Registry(OPERATIONS)

    def claim(self, request: WireRequest) -> Claim:
        """Calls of the root with the cloud's headers, or signed among the parameters, which of a POST are in the body."""
        if request.path != "/":
            return Claim.NONE
        if "x-tc-action" in request.headers:
            return Claim.OWN
        authorization = request.headers.get("authorization")
        if authorization is not None:
            return Claim.own_if(authorization.startswith("TC3-"))
        return Claim.own_if(auth.is_by_parameters(request))

    async def handle(self, request: WireRequest) -> WireResponse:
        try:
            members = await self._answer(request)
        except TcError as error:
            return _refuse(request, error)
        except TidingsError as error:
            return _refuse(request, translate(error))
        return _respond(codec.answer(members, request.request_id))

    def failure(self, request: WireRequest, status: int, detail: str) -> WireResponse:
        """Status 200 as well: any other is a broken network to the SDKs, which then show neither code nor request id."""
        return _refuse(request, failed(status, detail))

    async def _answer(self, request: WireRequest) -> Mapping[str, Any]:
        """In the order of checks: form of the request, credentials, time, signature, version, action, parameters, and the rest."""
        services = self._services
        claim = auth.read(request)
        caller = await auth.verify(claim, services.authenticator, services.signing_clock.now(), services.skew)
        operation = self._registry.find(claim.version, claim.action)
        values = operation.shape.read(claim.seal.parameters())
        return await operation.handler(services, Call(request, claim.action, claim.version, caller, values))


def _refuse(request: WireRequest, error: TcError) -> WireResponse:
    message = error.message(codec.language_of(request))
    return _respond(codec.refusal(error.code, message, request.request_id))


def _respond(body: bytes) -> WireResponse:
    return WireResponse(200, body, codec.CONTENT_TYPE)
