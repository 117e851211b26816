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
from tests.support.phones import ADMIN, NUMBER, PHONE, Mast, PhoneHouse, phone_house

from tidings.domain.errors import TidingsError, WrongState
from tidings.domain.grants import Verb
from tidings.domain.model import Event, Way
from tidings.domain.optout import EVERY_TYPE, AddressKind, KeywordSet, SmsType
from tidings.services.inbound import DEFAULT_REPLIES

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "compliance.md"
FCC_WORDS = ("stop", "quit", "end", "revoke", "opt out", "cancel", "unsubscribe")
CARRIERS_WORDS = ("stopall", "stop all", "remove", "optout", "opt-out", "arret", "arrêt")
APP = "1400006666"


@pytest_asyncio.fixture
async def house(tmp_path: Path) -> AsyncIterator[PhoneHouse]:
    async with phone_house(tmp_path) as made:
        await made.opt_outs.put_application(made.grant(), APP, NUMBER)
        await made.add_number(app_ids=[APP])
        yield made


def mast(house: PhoneHouse) -> Mast:
    assert isinstance(house.channel, Mast)
    return house.channel


async def hears(house: PhoneHouse, text: str, *, app_id: str = APP, sms_type: int = SmsType.NOTIFICATION) -> bool:
    """Whether such a text reaches the phone now."""
    await house.send(text, app_id=app_id, sms_type=sms_type)
    await house.settled()
    return any(text in sent.text for sent in mast(house).sent)


async def waiting(house: PhoneHouse, count: int) -> None:
    """Until so many texts wait for another attempt."""
    async with asyncio.timeout(20):
        while await house.flow.waiting_count() != count:
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("word", [*FCC_WORDS, *CARRIERS_WORDS])
@pytest.mark.parametrize("spelled", ["{}", "{}.", " {}!! ", '"{}"', "{} 🛑"])
async def test_opt_out_words_and_their_case_and_punctuation_work(house: PhoneHouse, word: str, spelled: str) -> None:
    for text in (spelled.format(word), spelled.format(word.upper())):
        assert (await house.hear(text)).meaning.set is KeywordSet.OPT_OUT, text
    assert await house.opted_out_at() == [NUMBER]


async def test_a_revocation_in_other_words_is_honored_or_shown_to_a_person_and_never_dropped(house: PhoneHouse) -> None:
    for number, text in enumerate(
        ("STOP please", "Stop. Thank you", "please stop texting me", "I no longer want these messages")
    ):
        phone = f"+1202555{number:04d}"
        heard = await house.hear(text, phone=phone)
        reviews = [entry for entry in await house.records(Event.REVIEW) if entry.endpoint == phone]
        assert heard.meaning.set is KeywordSet.OPT_OUT or reviews, text


async def test_no_way_of_revocation_is_the_only_one(house: PhoneHouse) -> None:
    """By keyword, by an operator for somebody who rang or wrote, and by the carrier: the same state."""
    await house.hear("STOP", phone="+12025550001")
    await house.opt_outs.opt_out(house.grant(), NUMBER, "+12025550002", reason="rang", origin=ADMIN)
    await house.opt_outs.refused_by_carrier(NUMBER, "+12025550003", reason="opted out", origin=ADMIN)
    for n in (1, 2, 3):
        assert await house.opted_out_at(f"+1202555000{n}") == [NUMBER]


async def test_a_revocation_is_honored_before_it_is_acknowledged(house: PhoneHouse) -> None:
    """The law gives ten business days. Also what waited for another attempt is kept back."""
    mast(house).down = True
    await house.send("waits", app_id=APP, sms_type=SmsType.MARKETING)
    await waiting(house, 1)
    await house.hear("STOP")
    mast(house).down = False
    house.clock.advance(60)
    house.flow.due_changed.set()
    await house.settled()
    assert [sent.text for sent in mast(house).sent] == [DEFAULT_REPLIES[KeywordSet.OPT_OUT]]


async def test_one_confirmation_is_sent_and_it_carries_no_advertising(house: PhoneHouse) -> None:
    await house.hear("STOP")
    await house.hear("STOP", transport_id="again")
    await house.settled()
    (sent,) = mast(house).sent
    assert (sent.text, sent.sender, sent.phone) == (DEFAULT_REPLIES[KeywordSet.OPT_OUT], NUMBER, PHONE)
    assert re.search(r"https?:|sale|offer|discount", sent.text, re.IGNORECASE) is None


async def test_a_confirmation_is_sent_within_five_minutes_or_not_at_all(house: PhoneHouse) -> None:
    mast(house).down = True
    await house.hear("STOP")
    await waiting(house, 1)
    mast(house).down = False
    house.clock.advance(301)
    house.flow.due_changed.set()
    await waiting(house, 0)
    assert mast(house).sent == []


async def test_an_opt_out_is_acknowledged_also_to_who_was_not_subscribed(house: PhoneHouse) -> None:
    await house.hear("ARRET", phone="+14165550123")
    await house.settled()
    assert [sent.phone for sent in mast(house).sent] == ["+14165550123"]


async def test_revoke_all_can_be_switched_on_and_is_off_until_the_operator_chooses(tmp_path: Path) -> None:
    for revoke_all, elsewhere in ((False, True), (True, False)):
        folder = tmp_path / str(revoke_all)
        folder.mkdir()
        async with phone_house(folder, revoke_all=revoke_all) as house:
            await house.opt_outs.put_application(house.grant(), "other", "")
            await house.add_number()
            await house.hear("STOP")
            assert await hears(house, "on another subject", app_id="other") is elsewhere


async def test_a_new_rule_blocks_verification_codes_too_unless_the_operator_decides(house: PhoneHouse) -> None:
    (rule,) = await house.opt_outs.rules(house.grant(Verb.READ_OPT_OUTS))
    assert rule.types == EVERY_TYPE
    await house.hear("STOP")
    assert not await hears(house, "code 123456", sms_type=SmsType.VERIFICATION_CODE)
    await house.opt_outs.set_rule(house.grant(), NUMBER, APP, EVERY_TYPE - {SmsType.VERIFICATION_CODE})
    assert await hears(house, "code 123456", sms_type=SmsType.VERIFICATION_CODE)
    assert not await hears(house, "news", sms_type=SmsType.MARKETING)


async def test_toll_free_is_answered_by_the_carrier_and_only_recorded_here(house: PhoneHouse) -> None:
    await house.add_number("+18885550100", AddressKind.TOLL_FREE)
    await house.hear("STOP", address="+18885550100")
    assert [entry.origin.way for entry in await house.records(Event.OPTED_OUT)] == [Way.CARRIER]
    await house.hear("UNSTOP", address="+18885550100")
    await house.settled()
    assert await house.opted_out_at() == []
    assert mast(house).sent == []


async def test_long_numbers_are_blocked_here_because_no_network_does(house: PhoneHouse) -> None:
    assert await hears(house, "before")
    await house.hear("STOP")
    assert not await hears(house, "after")


async def test_canadian_short_codes_know_stop_and_arret_in_both_spellings(house: PhoneHouse) -> None:
    await house.opt_outs.add_address(house.grant(), "123456", kind=AddressKind.SHORT_CODE, country="CA", origin=ADMIN)
    for number, text in enumerate(("STOP", "ARRET", "Arrêt", "AIDE", "HELP")):
        heard = await house.hear(text, phone=f"+1416555{number:04d}", address="123456")
        assert heard.meaning.set is (KeywordSet.HELP if number > 2 else KeywordSet.OPT_OUT)
        assert heard.reply, text


async def test_help_is_answered_also_to_who_opted_out(house: PhoneHouse) -> None:
    await house.hear("STOP")
    assert (await house.hear("HELP")).reply == DEFAULT_REPLIES[KeywordSet.HELP]
    assert await house.opted_out_at() == [NUMBER]


async def test_every_change_is_proved_by_an_append_only_record(house: PhoneHouse, tmp_path: Path) -> None:
    await house.hear("Stop.", transport_id="t1")
    await house.hear("START", transport_id="t2")
    out, back = await house.records(Event.OPTED_OUT, Event.OPTED_IN)
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


async def test_a_stop_is_not_lifted_by_time_nor_by_an_operator_within_thirty_days(house: PhoneHouse) -> None:
    await house.hear("STOP")
    with pytest.raises(WrongState):
        await house.opt_outs.opt_in(house.grant(Verb.LIFT_OPT_OUTS), NUMBER, PHONE, reason="asked", origin=ADMIN)
    house.clock.advance(timedelta(days=3650).total_seconds())
    assert await house.opted_out_at() == [NUMBER]


async def test_an_address_can_be_deleted_within_sixty_days_of_its_last_text_only_knowingly(house: PhoneHouse) -> None:
    await house.send("hello", app_id=APP, sms_type=SmsType.MARKETING)
    await house.settled()
    with pytest.raises(TidingsError):
        await house.opt_outs.delete_address(house.grant(), NUMBER, origin=ADMIN)
    await house.opt_outs.delete_address(house.grant(), NUMBER, origin=ADMIN, even_if_recent=True)


def test_every_rule_of_the_page_names_a_test_that_exists() -> None:
    named = set(re.findall(r"`(test_[a-z_0-9]+)`", PAGE.read_text("utf-8")))
    here = {name for name in globals() if name.startswith("test_")} - {
        "test_every_rule_of_the_page_names_a_test_that_exists"
    }
    assert named == here
