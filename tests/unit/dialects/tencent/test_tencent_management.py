"""Of our own operations, what only a server that is not in developer mode shows."""

from __future__ import annotations

from tests.support.tencent import refused
from tests.unit.dialects.tencent.exchange import Exchange


async def test_texts_are_made_up_in_developer_mode_only(exchange: Exchange) -> None:
    given = {"InboundAddress": "+18885550100", "PhoneNumber": "+12025550123", "Content": "STOP"}
    with refused("InvalidAction"):
        await exchange.call("SimulateReply", given)
