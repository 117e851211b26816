"""What the application stands on: the address that links begin with, where requests may go, and what is given back after a failure."""

from __future__ import annotations

import socket
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tidings.dialects.clouds import CLOUDS
from tidings.domain.errors import Unavailable
from tidings.settings import load
from tidings.wiring.channels import CHANNELS
from tidings.wiring.foundation import Foundation, open_foundation


@asynccontextmanager
async def opened(data: Path, **given: str | bool) -> AsyncIterator[Foundation]:
    options = {"listen": "127.0.0.1:0", "data": str(data)} | {
        name: given.pop(name) for name in ("listen", "dev", "dev_public", "public_url") if name in given
    }
    environment = {f"TIDINGS_{name.upper()}": str(value) for name, value in given.items()}
    base = await open_foundation(load(options, environment), CLOUDS, CHANNELS)
    try:
        yield base
    finally:
        await base.listener.stop()
        await base.store.close()


@pytest.mark.parametrize(("listen", "host"), [("0.0.0.0:0", "localhost"), ("127.0.0.1:0", "127.0.0.1")])
async def test_links_begin_with_an_address_that_they_can_lead_to(data: Path, listen: str, host: str) -> None:
    async with opened(data, listen=listen) as base:
        assert base.public_url == f"http://{host}:{base.listener.address[1]}"


async def test_links_begin_with_the_public_url_where_there_is_one(data: Path) -> None:
    async with opened(data, public_url="https://news.example/base/") as base:
        assert base.public_url == "https://news.example/base"
        assert base.security_contact == "mailto:security@news.example"


@pytest.mark.parametrize(("dev", "allowed"), [(True, True), (False, False)])
async def test_this_machine_is_an_endpoint_in_developer_mode_only(data: Path, dev: bool, allowed: bool) -> None:
    async with opened(data, dev=dev) as base:
        assert base.egress.permits("127.0.0.1") is allowed
        assert base.egress.permits("::1") is allowed


async def test_an_operator_allows_networks_of_their_own(data: Path) -> None:
    async with opened(data, egress_allow="10.1.0.0/16") as base:
        assert base.egress.permits("10.1.2.3")
        assert not base.egress.permits("10.2.2.3")


async def test_developer_mode_answers_under_other_names_only_if_it_may_be_reached_by_others(data: Path) -> None:
    async with opened(data, dev=True, public_url="http://tidings.example:8010") as base:
        assert base.dev_hosts == frozenset()
    async with opened(data, dev=True, dev_public=True, public_url="http://tidings.example:8010") as base:
        assert base.dev_hosts == {"tidings.example", "127.0.0.1"}


async def test_a_cloud_is_given_the_settings_that_begin_with_its_name(data: Path) -> None:
    async with opened(data) as base:
        own = {cloud.name: set(base.options(cloud).own) for cloud in CLOUDS}
    assert own == {"tencent": set(), "smn": {"retry_base_s", "key_lock_after"}, "sns": set()}


async def test_a_start_that_finds_its_port_taken_leaves_nothing_open(data: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        before = threading.enumerate()
        with pytest.raises(Unavailable, match="in use"):
            async with opened(data, listen=f"127.0.0.1:{other.getsockname()[1]}"):
                pass
        left = [thread for thread in threading.enumerate() if thread not in before]
        # The loop's own helpers stay for what comes next; the store's writer must have ended.
        assert [thread.name for thread in left if not thread.name.startswith("asyncio_")] == []
