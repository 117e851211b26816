"""Whose a request is: of several front ends the first that has its marks, else the first that takes what is left."""

from __future__ import annotations

import asyncio

import pytest

from tidings.dialects.contract import Claim, Dialect, WireRequest, WireResponse
from tidings.dialects.smn import SmnDialect
from tidings.observe.metrics import Metrics
from tidings.server import Server
from tidings.server.listener import Listener


class Front:
    def __init__(self, name: str, claim: Claim) -> None:
        self.name, self._claim = name, claim

    def claim(self, request: WireRequest) -> Claim:
        return self._claim

    async def handle(self, request: WireRequest) -> WireResponse:
        return WireResponse(200)

    def failure(self, request: WireRequest, status: int, detail: str) -> WireResponse:
        return WireResponse(status)


def answering(*fronts: Dialect) -> str:
    """The name under which a request is counted."""

    async def ready() -> None:
        """Always."""

    server = Server(
        fronts,
        metrics=Metrics(),
        ready=ready,
        certificates=lambda name: None,
        new_request_id=lambda: "r",
        listener=Listener(),
    )
    request = WireRequest("GET", "/", "", {}, b"", "192.0.2.7", "http", "localhost", "r")
    name, _ = asyncio.run(server._answer(request, None))
    return name


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ((Claim.NONE, Claim.OWN, Claim.OWN), "1"),
        ((Claim.FALLBACK, Claim.NONE, Claim.OWN), "2"),
        ((Claim.NONE, Claim.FALLBACK, Claim.FALLBACK), "1"),
        ((Claim.NONE, Claim.NONE, Claim.NONE), "none"),
    ],
)
def test_the_first_of_the_surest_claims_answers(claims: tuple[Claim, ...], name: str) -> None:
    assert answering(*(Front(str(place), claim) for place, claim in enumerate(claims))) == name


@pytest.mark.parametrize(
    ("method", "path", "headers", "claim"),
    [
        ("GET", "/v2/notifications/topics", {}, Claim.OWN),
        ("GET", "/", {"x-sdk-date": "20261201T000000Z", "authorization": "SDK-HMAC-SHA256 x"}, Claim.OWN),
        ("GET", "/", {}, Claim.FALLBACK),
        ("POST", "/", {"x-sdk-date": "20261201T000000Z"}, Claim.NONE),
        ("GET", "/console", {}, Claim.NONE),
    ],
)
def test_smn_takes_the_root_when_it_is_signed_or_left(
    method: str, path: str, headers: dict[str, str], claim: Claim
) -> None:
    request = WireRequest(method, path, "", headers, b"", "192.0.2.7", "http", "localhost", "r")
    assert SmnDialect.claim(SmnDialect.__new__(SmnDialect), request) is claim
