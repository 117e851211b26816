"""The front end for what SMS gateways bring: texts that people sent, and receipts. Everything under `/gateways/`.

`kannel`, `twilio` and `webhook` each know one gateway's form: who may speak, what was said, and how it wants to be answered. This file
routes, has the text received or the receipt kept, and answers after that. A gateway is told to come again when it could not be kept; what
is not ours is said so in a way that does not make it come for ever. Never decides what a text means.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import structlog

from tidings.dialects.contract import Claim, WireRequest, WireResponse
from tidings.dialects.gateways.event import Gateway, GatewayEvent, UnreadableEvent
from tidings.dialects.gateways.kannel import Kannel
from tidings.dialects.gateways.twilio import Twilio
from tidings.dialects.gateways.webhook import Webhook
from tidings.domain.errors import Conflict, InvalidValue, NotAuthenticated, NotFound, Throttled, Unavailable
from tidings.domain.optout import IncomingText
from tidings.domain.ports import Clock
from tidings.domain.texts import TextReceipt
from tidings.wire.smpp.receipts import MessageState, receipt_in

PREFIX = "/gateways/"
RECEIVING_S = 10.0
"""Longer than any commit takes, shorter than gateways wait for an answer. Source: Twilio docs, webhooks (15 s)."""

ReceiveText = Callable[[IncomingText], Awaitable[object]]
ReceiveReceipt = Callable[[TextReceipt], Awaitable[object]]

_log = structlog.get_logger(__name__)


class GatewaysDialect:
    """receive: takes a person's text in; when it returns, the gateway is told so, and not before. receipt: told the outcome of a text, and
    that a number has opted out at the provider. Both may raise NotFound or InvalidValue for what is not ours.

    clock: real time, for the age of signatures. public_url: as gateways see us. secret: Kannel's and our own form's, twilio_auth_token:
    Twilio's; where it is empty the gateway's paths do not exist. country_code: of numbers that do not say theirs, where a gateway names
    none itself; empty: that of the inbound address. patience_s: how long hearing may take.
    """

    name = "gateways"

    def __init__(
        self,
        receive: ReceiveText,
        receipt: ReceiveReceipt,
        clock: Clock,
        *,
        public_url: str,
        secret: str = "",
        twilio_auth_token: str = "",
        country_code: str = "",
        patience_s: float = RECEIVING_S,
    ) -> None:
        self._receive = receive
        self._receipt = receipt
        self._country_code = country_code
        self._patience_s = patience_s
        self._gateways: dict[str, Gateway] = {}
        if secret:
            self._gateways["kannel"] = Kannel(secret)
            self._gateways["webhook"] = Webhook(secret, clock)
        if twilio_auth_token:
            self._gateways["twilio"] = Twilio(twilio_auth_token, public_url)

    def claim(self, request: WireRequest) -> Claim:
        return Claim.own_if(request.path.startswith(PREFIX))

    async def handle(self, request: WireRequest) -> WireResponse:
        """Answer once what was brought is kept."""
        gateway = self._gateway(request)
        if gateway is None or request.path not in gateway.paths:
            return WireResponse(404, b"not found\n")
        if request.method != gateway.method:
            refused = gateway.failure(405, f"use {gateway.method}")
            return replace(refused, headers=(*refused.headers, ("Allow", gateway.method)))
        try:
            event = gateway.read(request)
            await self._take(event)
        except NotAuthenticated:
            return gateway.failure(403, "wrong signature or secret")
        except UnreadableEvent as refused:
            return self._not_ours(gateway, request, 400, str(refused))
        except InvalidValue as error:
            return self._not_ours(gateway, request, 400, f"{error.field}: {error.reason}")
        except NotFound as error:
            return self._not_ours(gateway, request, 404, f"no such {error.kind} here")
        except (Unavailable, Throttled, Conflict, TimeoutError) as error:
            _log.error(
                "what a gateway brought was not kept; it should come again", path=request.path, problem=repr(error)
            )
            return gateway.failure(503, "not kept, come again")
        return gateway.taken()

    def failure(self, request: WireRequest, status: int, detail: str) -> WireResponse:
        gateway = self._gateway(request)
        return WireResponse(status, f"{detail}\n".encode()) if gateway is None else gateway.failure(status, detail)

    def _gateway(self, request: WireRequest) -> Gateway | None:
        return self._gateways.get(request.path.removeprefix(PREFIX).partition("/")[0])

    def _not_ours(self, gateway: Gateway, request: WireRequest, status: int, words: str) -> WireResponse:
        _log.warning(
            "a gateway brought what is not ours", path=request.path, problem=words, request_id=request.request_id
        )
        return gateway.not_ours(status, words)

    async def _take(self, event: GatewayEvent) -> None:
        event = _as_receipt(event)
        async with asyncio.timeout(self._patience_s):
            if event.text is not None:
                country_code = event.text.country_code or self._country_code
                await self._receive(replace(event.text, country_code=country_code))
            if event.receipt is not None:
                country_code = event.receipt.country_code or self._country_code
                await self._receipt(replace(event.receipt, country_code=country_code))


def _as_receipt(event: GatewayEvent) -> GatewayEvent:
    """A receipt that the SMSC gave the gateway without saying so comes as if a person had written it."""
    text = event.text
    found = receipt_in(text.text) if text is not None else None
    if text is None or found is None:
        return event
    delivered = found.state is MessageState.DELIVERED if found.is_final else None
    return GatewayEvent(
        receipt=TextReceipt(
            (found.message_id,),
            delivered,
            found.detail,
            phone=text.phone,
            address=text.address,
            country_code=text.country_code,
            unreachable=found.state is MessageState.EXPIRED,
        )
    )
