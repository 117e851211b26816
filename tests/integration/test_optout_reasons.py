"""Every record of an opt-out and opt-in says in words why, and one that changed nothing says so."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.support.build import ACCOUNT
from tests.support.phones import NUMBER, PHONE, PhoneApp, phone_app

from tidings.domain import keywords
from tidings.domain.grants import Verb
from tidings.domain.model import Origin, Way
from tidings.domain.optout import IncomingText, KeywordSet
from tidings.services.texting.optout_import import Listed, OptOutImport
from tidings.services.texting.provisioned_sms import WantedAddress, described

SAYS = "the network says that the person opted out there"


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[PhoneApp]:
    async with phone_app(tmp_path) as app:
        await app.add_number()
        yield app


async def reasons(app: PhoneApp) -> list[str]:
    return [entry.detail for entry in await app.records()]


async def test_a_text_says_what_was_replied_and_where(app: PhoneApp) -> None:
    await app.receive("stop")
    (row,) = await app.store.opt_outs(ACCOUNT, PHONE)
    assert row.reason == f"replied STOP to {NUMBER}"
    await app.receive("Start!")
    app.clock.advance(60)
    await app.receive("START")
    app.clock.advance(60)
    await app.receive("STOP", sent_at=app.clock.now() - timedelta(hours=1))
    assert await reasons(app) == [
        f"replied STOP to {NUMBER}; answered",
        f"replied START to {NUMBER}; answered",
        f"replied START to {NUMBER}",
        f"replied STOP to {NUMBER}; answered",
    ]


async def test_a_text_that_comes_too_late_says_that_too(app: PhoneApp) -> None:
    now = app.clock.now()
    await app.receive("STOP", sent_at=now)
    await app.receive("START", sent_at=now - timedelta(minutes=5))
    _, late = await app.records()
    assert late.detail.startswith(f"replied START to {NUMBER}; older than what counts: ")
    assert not late.is_change


async def test_an_answered_stop_is_not_answered_again_soon(app: PhoneApp) -> None:
    for text in ("STOP", "stop please"):
        await app.receive(text)
    assert [reason.endswith("; answered") for reason in await reasons(app)] == [True, False]
    assert [entry.is_change for entry in await app.records()] == [True, False]


@pytest.mark.parametrize(("told", "reason"), [("470", f"{SAYS}: 470"), ("", SAYS), ("err:470", "err:470")])
async def test_a_carriers_refusal_says_who_says_so(app: PhoneApp, told: str, reason: str) -> None:
    await app.texting.opt_outs.refused_by_carrier(NUMBER, PHONE, reason=told, origin=Origin(Way.CARRIER))
    (row,) = await app.store.opt_outs(ACCOUNT, PHONE)
    assert row.reason == reason
    assert await reasons(app) == [reason]


async def test_what_the_carrier_took_for_an_opt_out_says_so(app: PhoneApp) -> None:
    text = IncomingText(NUMBER, PHONE, "hello", carrier_opted_out=True)
    await app.texting.inbound.receive(text, Origin(Way.KEYWORD))
    (reason,) = await reasons(app)
    assert reason.startswith("the carrier took it for an opt-out")


async def test_a_line_without_a_reason_says_that_it_was_imported(app: PhoneApp) -> None:
    taking = OptOutImport(app.store, app.store, app.clock, ACCOUNT)
    await taking.begin()
    await taking.take([Listed(PHONE, NUMBER, "", None), Listed("+12025550124", NUMBER, "by mail", None)])
    assert await reasons(app) == ["on a list that was imported", "by mail"]


async def test_a_start_of_somebody_who_was_not_opted_out_is_no_change(app: PhoneApp) -> None:
    await app.receive("START")
    (entry,) = await app.records()
    assert (entry.before, entry.is_change) == (entry.after, False)


SPELLINGS = ("STOP", "stop", " Stop ", "ＳＴＯＰ", "stop!", "STOP  ALL", "stop all", "OPT-OUT")


def test_keywords_that_are_one_after_normalizing_are_one() -> None:
    assert keywords.distinct(SPELLINGS) == ("STOP", "STOP  ALL", "OPT-OUT")
    assert keywords.distinct(["", "!", "!"]) == ("", "!")


async def test_they_are_one_wherever_they_are_set(app: PhoneApp) -> None:
    grant, words = app.grant(Verb.MANAGE_OPT_OUTS), {KeywordSet.OPT_OUT: SPELLINGS}
    found = await app.texting.addresses.set_keywords(grant, NUMBER, words, {})
    assert found.keywords[KeywordSet.OPT_OUT] == ("STOP", "STOP  ALL", "OPT-OUT")
    row = described(None, ACCOUNT, WantedAddress(NUMBER, keywords=words), app.clock.now())
    assert row.keywords[KeywordSet.OPT_OUT] == ("STOP", "STOP  ALL", "OPT-OUT")
