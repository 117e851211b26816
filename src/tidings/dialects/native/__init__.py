"""Tidings' own API, `/api/v1`: consent, opt-outs, texts, search, records, exports, accounts, and developer mode's tools.

`NativeDialect` is the front end that the server asks: it finds the operation, signs the caller in, authorizes within the
caller's own account, reads parameters and body, and lets the operation make its service call. `wiring` builds it. It never
publishes or subscribes: that is what the clouds' dialects are for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from tidings.access.authenticate import Authenticator
from tidings.access.authorize import authorize
from tidings.access.sessions import Sessions
from tidings.dialects.contract import Claim, WireRequest, WireResponse
from tidings.dialects.native import codec, errors, openapi
from tidings.dialects.native.accounts import AccountActions
from tidings.dialects.native.audit import AuditActions
from tidings.dialects.native.auth import BasicAuth
from tidings.dialects.native.catalog import CatalogActions
from tidings.dialects.native.deliveries import DeliveryActions
from tidings.dialects.native.dev import DevActions, DevTools, check_caller
from tidings.dialects.native.inbound import InboundActions
from tidings.dialects.native.index import INDEX, Index, page
from tidings.dialects.native.ledger import LedgerActions
from tidings.dialects.native.optouts import OptOutActions
from tidings.dialects.native.records import RecordActions
from tidings.dialects.native.routing import PREFIX, Call, Nothing, Router, operation, operations_of, origin_of
from tidings.dialects.native.sessions import SessionActions
from tidings.dialects.native.subscriptions import SubscriptionActions
from tidings.dialects.native.texts import TextActions, TextServices
from tidings.dialects.native.topics import TopicActions
from tidings.domain.errors import TidingsError
from tidings.domain.grants import From
from tidings.domain.ports import Clock, ResourceNames
from tidings.services.accounts import Accounts
from tidings.services.deliveries import Deliveries
from tidings.services.ledger import Ledger
from tidings.services.subscriptions import Subscriptions
from tidings.services.texting.texting import Texting
from tidings.services.topics import Topics
from tidings.wire.accept import prefers_page
from tidings.wire.csv_rows import CSV_TYPE

__all__ = ["DevTools", "NativeDialect", "TextServices"]

_READING = frozenset({"GET", "HEAD", "OPTIONS"})


class NativeDialect:
    """The front end for `/api/v1`. `dev`: developer mode's tools; without them its operations do not exist."""

    name = "native"
    GROUP = "description"

    def __init__(
        self,
        subscriptions: Subscriptions,
        topics: Topics,
        ledger: Ledger,
        deliveries: Deliveries,
        accounts: Accounts,
        texting: Texting,
        authenticator: Authenticator,
        clock: Clock,
        text_services: TextServices,
        sessions: Sessions,
        resource_names: Mapping[str, ResourceNames],
        dev: DevTools | None = None,
    ) -> None:
        self._auth = BasicAuth(authenticator, accounts)
        self._accounts = accounts
        self._dev = dev
        of_topics = TopicActions(topics, accounts, resource_names)
        index, description = operations_of(self)
        operations = [
            index,
            *operations_of(LedgerActions(ledger, of_topics)),
            *operations_of(SubscriptionActions(subscriptions, of_topics)),
            *operations_of(of_topics),
            *operations_of(InboundActions(texting)),
            *operations_of(OptOutActions(texting)),
            *operations_of(RecordActions(texting, clock)),
            *operations_of(CatalogActions(text_services.catalog)),
            *operations_of(TextActions(text_services, clock)),
            *operations_of(DeliveryActions(deliveries, of_topics)),
            *operations_of(AccountActions(accounts)),
            *operations_of(AuditActions(accounts)),
            *operations_of(SessionActions(sessions)),
            description,
        ]
        if dev is not None:
            operations += operations_of(DevActions(dev, texting, clock))
        self.operations = tuple(operations)
        self._router = Router(self.operations)
        self._page = page(self.operations)
        self._document = msgspec.json.encode(openapi.document(self.operations))

    def claim(self, request: WireRequest) -> Claim:
        return Claim.own_if(request.path == PREFIX or request.path.startswith(PREFIX + "/"))

    async def handle(self, request: WireRequest) -> WireResponse:
        """Answer the request; every TidingsError becomes a problem document."""
        try:
            return await self._answer(request)
        except errors.Refusal as error:
            return errors.refusal(error, request.request_id)
        except TidingsError as error:
            return errors.problem(error, request.request_id)

    async def _answer(self, request: WireRequest) -> WireResponse:
        if request.path == f"{PREFIX}/" and request.method in _READING:
            return WireResponse(308, headers=(("Location", "../v1"),))
        operation, path = self._router.find(request.method, request.path)
        if self._dev is not None and operation.path.startswith("/dev/"):
            check_caller(self._dev, request)
        # A browser that is signed in here would send its credentials along with a foreign page's call.
        if request.method not in _READING and request.headers.get("sec-fetch-site") in ("cross-site", "same-site"):
            raise errors.Refusal(403, "Other sites' pages may not change anything here.")
        grant = None
        if operation.verb is not None:
            principal = await self._auth.principal(request)
            owner = principal.account_id
            grant = authorize(
                principal,
                operation.verb,
                owner=owner,
                resource=request.path,
                source=From(origin_of(request, principal)),
                action=operation.name,
            )
        query = codec.read_query(request.query, operation.query)
        body = codec.read_body(request, operation.body)
        answer = await operation.action(Call(request, path, grant), query, body)
        if grant is not None and answer.content_type == CSV_TYPE:
            await self._accounts.trail.exported(grant, f"{operation.name} {request.query}".strip())
        return answer

    @operation("GET", "", None, Index, name="getIndex")
    async def _index(self, call: Call, _: Nothing, __: Nothing) -> WireResponse:
        """Where the description is."""
        return self._page if prefers_page(call.request.headers.get("accept", "")) else codec.answer(INDEX)

    @operation("GET", "/openapi.json", None, dict[str, Any], name="getOpenapi")
    async def _openapi(self, _call: Call, _: Nothing, __: Nothing) -> WireResponse:
        """This document."""
        return WireResponse(200, self._document, codec.JSON_TYPE)

    def failure(self, request: WireRequest, status: int, detail: str) -> WireResponse:
        """What the server found out about a request, as a problem document."""
        return errors.render(status, errors.HTTP_CODES.get(status, "refused"), detail, request.request_id)
