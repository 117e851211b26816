"""The rules for texts that software can keep, each kept by default and shown by a test of its name.

docs/explanation/compliance.md lists them, and what remains the operator's. Sources: 47 CFR 64.1200(a)(10) and (a)(12); CTIA Messaging
Principles and Best Practices (May 2023); CTIA Short Code Monitoring Handbook; CASL, section 11; carriers' rules for toll-free numbers.
"""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from tests.support.patience import PATIENCE_S
from tests.support.phones import ADMIN, NUMBER, PHONE, Mast, PhoneApp, phone_app

from tidings.domain.errors import TidingsError, WrongState
from tidings.domain.grants import Verb
from tidings.domain.model import Event, Way
from tidings.domain.optout import EVERY_TYPE, AddressKind, KeywordSet, SmsType
from tidings.services.texting.inbound_addresses import DEFAULT_REPLIES

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "compliance.md"
FCC_WORDS = ("stop", "quit", "end", "revoke", "opt out", "cancel", "unsubscribe")
CARRIERS_WORDS = ("stopall", "stop all", "remove", "optout", "opt-out", "arret", "arrêt")
APP = "1400006666"


@pytest_asyncio.fixture
async def app(tmp_path: Path) -> AsyncIterator[PhoneApp]:
    async with phone_app(tmp_path) as made:
        await made.texting.applications.put(made.grant(), APP, NUMBER)
        await made.add_number(app_ids=[APP])
        yield made


def mast(app: PhoneApp) -> Mast:
    assert isinstance(app.channel, Mast)
    return app.channel


async def receives(app: PhoneApp, text: str, *, app_id: str = APP, sms_type: int = SmsType.NOTIFICATION) -> bool:
    """Whether such a text reaches the phone now."""
    await app.send(text, app_id=app_id, sms_type=sms_type)
    await app.settled()
    return any(text in sent.text for sent in mast(app).sent)


async def waiting(app: PhoneApp, count: int) -> None:
    """Until so many texts wait for another attempt."""
    async with asyncio.timeout(PATIENCE_S):
        while await app.store.waiting_count() != count:
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("word", [*FCC_WORDS, *CARRIERS_WORDS])
@pytest.mark.parametrize("spelled", ["{}", "{}.", " {}!! ", '"{}"', "{} 🛑"])
async def test_opt_out_words_and_their_case_and_punctuation_work(app: PhoneApp, word: str, spelled: str) -> None:
    for text in (spelled.format(word), spelled.format(word.upper())):
        assert (await app.receive(text)).meaning.set is KeywordSet.OPT_OUT, text
    assert await app.opted_out_at() == [NUMBER]


async def test_a_revocation_in_other_words_is_honored_or_shown_to_a_person_and_never_dropped(app: PhoneApp) -> None:
    for number, text in enumerate(
        ("STOP please", "Stop. Thank you", "please stop texting me", "I no longer want these messages")
    ):
        phone = f"+1202555{number:04d}"
        received = await app.receive(text, phone=phone)
        reviews = [entry for entry in await app.records(Event.REVIEW) if entry.endpoint == phone]
        assert received.meaning.set is KeywordSet.OPT_OUT or reviews, text


async def test_no_way_of_revocation_is_the_only_one(app: PhoneApp) -> None:
    """By keyword, by an operator for somebody who rang or wrote, and by the carrier: the same state."""
    await app.receive("STOP", phone="+12025550001")
    await app.texting.opt_outs.opt_out(app.grant(), NUMBER, "+12025550002", reason="rang", origin=ADMIN)
    await app.texting.opt_outs.refused_by_carrier(NUMBER, "+12025550003", reason="opted out", origin=ADMIN)
    for n in (1, 2, 3):
        assert await app.opted_out_at(f"+1202555000{n}") == [NUMBER]


async def test_a_revocation_is_honored_before_it_is_acknowledged(app: PhoneApp) -> None:
    """The law gives ten business days. Also what waited for another attempt is kept back."""
    mast(app).down = True
    await app.send("waits", app_id=APP, sms_type=SmsType.MARKETING)
    await waiting(app, 1)
    await app.receive("STOP")
    mast(app).down = False
    app.clock.advance(60)
    app.flow.look_again()
    await app.settled()
    assert [sent.text for sent in mast(app).sent] == [DEFAULT_REPLIES[KeywordSet.OPT_OUT]]


async def test_one_confirmation_is_sent_and_it_carries_no_advertising(app: PhoneApp) -> None:
    await app.receive("STOP")
    await app.receive("STOP", transport_id="again")
    await app.settled()
    (sent,) = mast(app).sent
    assert (sent.text, sent.sender, sent.phone) == (DEFAULT_REPLIES[KeywordSet.OPT_OUT], NUMBER, PHONE)
    assert re.search(r"https?:|sale|offer|discount", sent.text, re.IGNORECASE) is None


async def test_a_confirmation_is_sent_within_five_minutes_or_not_at_all(app: PhoneApp) -> None:
    mast(app).down = True
    await app.receive("STOP")
    await waiting(app, 1)
    mast(app).down = False
    app.clock.advance(301)
    app.flow.look_again()
    await waiting(app, 0)
    assert mast(app).sent == []


async def test_an_opt_out_is_acknowledged_also_to_who_was_not_subscribed(app: PhoneApp) -> None:
    await app.receive("ARRET", phone="+14165550123")
    await app.settled()
    assert [sent.phone for sent in mast(app).sent] == ["+14165550123"]


async def test_revoke_all_can_be_switched_on_and_is_off_until_the_operator_chooses(tmp_path: Path) -> None:
    for revoke_all, elsewhere in ((False, True), (True, False)):
        folder = tmp_path / str(revoke_all)
        folder.mkdir()
        async with phone_app(folder, revoke_all=revoke_all) as app:
            await app.texting.applications.put(app.grant(), "other", "")
            await app.add_number()
            await app.receive("STOP")
            assert await receives(app, "on another subject", app_id="other") is elsewhere


async def test_a_new_rule_blocks_verification_codes_too_unless_the_operator_decides(app: PhoneApp) -> None:
    (rule,) = await app.texting.rules.all(app.grant(Verb.READ_OPT_OUTS))
    assert rule.types == EVERY_TYPE
    await app.receive("STOP")
    assert not await receives(app, "code 123456", sms_type=SmsType.VERIFICATION_CODE)
    await app.texting.rules.put(app.grant(), NUMBER, APP, EVERY_TYPE - {SmsType.VERIFICATION_CODE})
    assert await receives(app, "code 123456", sms_type=SmsType.VERIFICATION_CODE)
    assert not await receives(app, "news", sms_type=SmsType.MARKETING)


async def test_toll_free_is_answered_by_the_carrier_and_only_recorded_here(app: PhoneApp) -> None:
    await app.add_number("+18885550100", AddressKind.TOLL_FREE)
    await app.receive("STOP", address="+18885550100")
    assert [entry.origin.way for entry in await app.records(Event.OPTED_OUT)] == [Way.CARRIER]
    await app.receive("UNSTOP", address="+18885550100")
    await app.settled()
    assert await app.opted_out_at() == []
    assert mast(app).sent == []


async def test_long_numbers_are_blocked_here_because_no_network_does(app: PhoneApp) -> None:
    assert await receives(app, "before")
    await app.receive("STOP")
    assert not await receives(app, "after")


async def test_canadian_short_codes_know_stop_and_arret_in_both_spellings(app: PhoneApp) -> None:
    await app.texting.addresses.add(app.grant(), "123456", kind=AddressKind.SHORT_CODE, country="CA", origin=ADMIN)
    for number, text in enumerate(("STOP", "ARRET", "Arrêt", "AIDE", "HELP")):
        received = await app.receive(text, phone=f"+1416555{number:04d}", address="123456")
        assert received.meaning.set is (KeywordSet.HELP if number > 2 else KeywordSet.OPT_OUT)
        assert received.reply, text


async def test_help_is_answered_also_to_who_opted_out(app: PhoneApp) -> None:
    await app.receive("STOP")
    assert (await app.receive("HELP")).reply == DEFAULT_REPLIES[KeywordSet.HELP]
    assert await app.opted_out_at() == [NUMBER]


async def test_every_change_is_proved_by_an_append_only_record(app: PhoneApp, tmp_path: Path) -> None:
    await app.receive("Stop.", transport_id="t1")
    await app.receive("START", transport_id="t2")
    out, back = await app.records(Event.OPTED_OUT, Event.OPTED_IN)
    assert (out.endpoint, out.address, out.keyword, out.origin.raw_text, out.transport_id) == (
        PHONE,
        NUMBER,
        "STOP",
        "Stop.",
        "t1",
    )
    assert (back.origin.raw_text, back.origin.way) == ("START", Way.KEYWORD)
    with closing(sqlite3.connect(tmp_path / "phones.db")) as file:
        for statement in ("DELETE FROM ledger", "UPDATE ledger SET raw_text = ''"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                file.execute(statement)


async def test_a_stop_is_not_lifted_by_time_nor_by_an_operator_within_thirty_days(app: PhoneApp) -> None:
    await app.receive("STOP")
    with pytest.raises(WrongState):
        await app.texting.opt_outs.opt_in(app.grant(Verb.LIFT_OPT_OUTS), NUMBER, PHONE, reason="asked", origin=ADMIN)
    app.clock.advance(timedelta(days=3650).total_seconds())
    assert await app.opted_out_at() == [NUMBER]


async def test_an_address_can_be_deleted_within_sixty_days_of_its_last_text_only_knowingly(app: PhoneApp) -> None:
    await app.send("hello", app_id=APP, sms_type=SmsType.MARKETING)
    await app.settled()
    with pytest.raises(TidingsError):
        await app.texting.addresses.delete(app.grant(), NUMBER, origin=ADMIN)
    await app.texting.addresses.delete(app.grant(), NUMBER, origin=ADMIN, even_if_recent=True)


def test_every_rule_of_the_page_names_a_test_that_exists() -> None:
    named = set(re.findall(r"`(test_[a-z_0-9]+)`", PAGE.read_text("utf-8")))
    here = {name for name in globals() if name.startswith("test_")} - {
        "test_every_rule_of_the_page_names_a_test_that_exists"
    }
    assert named == here
