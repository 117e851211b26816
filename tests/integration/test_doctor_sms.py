"""What the doctor says of SMSCs and gateways, before npm's `smpp` and closed ports."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.support.ports import free_port
from tests.support.smsc import Smsc
from tests.support.stores import ACCOUNT, NOW, TOLL_FREE, an_address

from tidings.cli.checks import FAIL, OK, WARN
from tidings.cli.checks_sms import opt_outs, transports
from tidings.domain.keywords import REQUIRED
from tidings.domain.model import Account
from tidings.domain.optout import EVERY_TYPE, BlockingRule, KeywordSet, SmsApplication
from tidings.domain.unit import Unit
from tidings.settings import load
from tidings.wiring import open_store


async def states(**environment: str) -> list[tuple[str, str]]:
    found = await transports(load({}, environment))
    return [(check.state, check.detail) for check in found]


async def test_an_smsc_that_takes_the_bind_is_well_and_a_wrong_password_is_told() -> None:
    async with Smsc() as smsc:
        urls = f"{smsc.url()},{smsc.url(password='wrong')}"
        assert await states(TIDINGS_SMPP_URL=urls) == [
            (OK, "takes our bind"),
            (FAIL, "refuses the bind: ESME_RINVPASWD (0x0E)"),
        ]
        await smsc.wait("unbind")
        smsc.set("bindStatuses", [5])
        assert await states(TIDINGS_SMPP_URL=smsc.url()) == [(OK, "a server of ours is bound")]


async def test_an_smsc_that_is_not_there_and_a_url_that_says_nonsense_fail() -> None:
    (state, _), (also, detail) = await states(
        TIDINGS_SMPP_URL=f"smpp://a:b@127.0.0.1:{free_port()},smpp://a:b@127.0.0.1?window=0"
    )
    assert (state, also) == (FAIL, FAIL)
    assert "window" in detail


async def test_a_server_without_any_way_for_texts_is_warned() -> None:
    assert [state for state, _ in await states()] == [WARN]
    assert [state for state, _ in await states(TIDINGS_DEV="on")] == [OK]


async def test_a_gateway_that_is_not_there_fails() -> None:
    url = f"kannel+http://u:secret@127.0.0.1:{free_port()}/cgi-bin/sendsms"
    ((state, detail),) = await states(TIDINGS_SMS_WEBHOOK_URL=url)
    assert state == FAIL
    assert "secret" not in detail


async def test_what_lets_a_stop_go_unheard_or_without_effect_is_warned_of_by_account(tmp_path: Path) -> None:
    settings = load({"data": str(tmp_path)}, {})
    assert await opt_outs(settings) == []
    store, _ = await open_store(settings)
    try:
        address = an_address(keywords={KeywordSet.OPT_OUT: ("STOP",)})
        application = SmsApplication(ACCOUNT, "1400", "ACME", NOW)
        await store.commit(Unit(accounts=[Account(ACCOUNT, "harbor", "0" * 32, NOW)]))
        assert await opt_outs(settings) == []
        await store.commit(Unit(inbound_addresses_new=[address], sms_applications=[application]))
        found = await opt_outs(settings)
        assert {(check.state, check.name) for check in found} == {(WARN, "opt-outs of harbor")}
        assert [check.detail.partition(":")[0] for check in found] == [
            f"{TOLL_FREE} has keywords but no blocking rule",
            (
                f"QUIT, END, REVOKE, OPT OUT, CANCEL, UNSUBSCRIBE do not opt out at {TOLL_FREE} and only come to review, "
                "although 47 CFR 64.1200(a)(10) names them as a reasonable reply"
            ),
            "application 1400 sends from ACME, which is no inbound address",
            "application 1400 has no blocking rule at any inbound address",
        ]
        assert all(check.mend for check in found)
        [row] = await store.inbound_addresses(ACCOUNT)
        await store.commit(
            Unit(
                inbound_addresses_changed=[replace(row, keywords={KeywordSet.OPT_OUT: REQUIRED})],
                sms_applications=[SmsApplication(ACCOUNT, "1400", TOLL_FREE, NOW)],
                blocking_rules=[BlockingRule(ACCOUNT, TOLL_FREE, "1400", EVERY_TYPE)],
            )
        )
        assert [(check.state, check.detail) for check in await opt_outs(settings)] == [
            (OK, "heard at 1 inbound address")
        ]
    finally:
        await store.close()
    settings.store_path.write_bytes(b"no database")
    assert await opt_outs(settings) == []
