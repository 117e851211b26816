"""SMPP over TLS, before npm's `smpp` with a certificate of its own authority."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.integration.test_smpp_channel import OWN, ReceivedTexts, channel_to, outcome_of, settled, up
from tests.support.certificates import make_certificate
from tests.support.smsc import Smsc

from tidings.cli.checks import FAIL, OK
from tidings.cli.checks_sms import transports
from tidings.domain.outcomes import Delivered
from tidings.settings import load


async def test_texts_go_out_and_come_in_by_tls(tmp_path: Path) -> None:
    tls = make_certificate(tmp_path)
    async with Smsc(tls=tls) as smsc:
        url, received = smsc.url(f"source={OWN}&ca={tls[0]}"), ReceivedTexts()
        async with channel_to(url, received=received) as channel:
            await up(channel)
            assert isinstance(await outcome_of(channel, "hello by TLS"), Delivered)
            assert (await smsc.wait("text"))[0]["text"] == "hello by TLS"
            smsc.deliver(short_message="STOP", destination_addr=OWN.strip("+"))
            assert await received.until(1) == ["STOP"]
        assert [(check.state, check.detail) for check in await transports(load({}, {"TIDINGS_SMPP_URL": url}))] == [
            (OK, "takes our bind")
        ]


async def test_a_certificate_of_an_unknown_authority_gets_no_password(tmp_path: Path) -> None:
    async with Smsc(tls=make_certificate(tmp_path)) as smsc:
        url = smsc.url()
        async with channel_to(url) as channel:
            await settled(lambda: "certificate" in channel.status()[0].problem.lower())
        ((state, detail),) = [(it.state, it.detail) for it in await transports(load({}, {"TIDINGS_SMPP_URL": url}))]
        assert state == FAIL
        assert "certificate" in detail.lower()
        assert smsc.of("bind") == []


async def test_a_certificate_of_another_host_gets_no_password(tmp_path: Path) -> None:
    tls = make_certificate(tmp_path)
    async with Smsc(tls=tls) as smsc:
        url = smsc.url(f"ca={tls[0]}").replace("127.0.0.1", "127.0.0.2")
        (check,) = await transports(load({}, {"TIDINGS_SMPP_URL": url}))
        assert check.state == FAIL
        assert smsc.of("bind") == []


async def test_an_smsc_that_speaks_in_clear_gets_no_password_by_tls(tmp_path: Path) -> None:
    tls = make_certificate(tmp_path)
    async with Smsc() as smsc:
        url = smsc.url(f"ca={tls[0]}").replace("smpp://", "smpps://")
        async with channel_to(url) as channel:
            await settled(lambda: channel.status()[0].problem != "")
            assert not channel.status()[0].is_up
        assert smsc.of("bind") == []


@pytest.mark.parametrize("ca", ["/no/such/file", "/etc/hostname"])
async def test_authorities_that_cannot_be_read_are_told(ca: str) -> None:
    (check,) = await transports(load({}, {"TIDINGS_SMPP_URL": f"smpps://a:b@127.0.0.1:1?ca={ca}"}))
    assert check.state == FAIL
    assert check.detail
