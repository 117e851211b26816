"""A toy cloud and a toy channel, kept in the test folder, are wired in, subscribed, published to and receive.

If this test ever needs a change elsewhere in `src/`, a seam is broken.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.support.build import make_principal
from tests.support.toys import ToyChannel, ToyCloud, toy_app
from tidings.dialects.contract import Dialect, WireRequest
from tidings.domain.model import Origin, Way


async def test_a_new_cloud_and_a_new_way_out_need_no_change_elsewhere(tmp_path: Path) -> None:
    async with toy_app(tmp_path, ToyChannel) as app:
        topic = await app.topic()
        subscription = await app.subscribe(topic, "loft 1")
        cloud: Dialect = ToyCloud(app.publisher, topic, app.clock)
        request = WireRequest("POST", "/toy", "", {}, b"coo", "127.0.0.1", "http", "localhost", "r-1")
        assert cloud.claim(request)
        assert (await cloud.handle(request)).status == 202
        channel = app.channel
        assert isinstance(channel, ToyChannel)
        assert await asyncio.wait_for(channel.carried.get(), 5) == "loft 1: coo"
        await app.subscriptions.cancel(subscription.uid, by=make_principal(), origin=Origin(Way.API))
        await cloud.handle(request)
        while app.flow.backlog():
            await asyncio.sleep(0.01)
        assert channel.carried.empty()
