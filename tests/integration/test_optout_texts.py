"""What incoming texts do, rule by rule: the real service, store, flow and gate; only the SMS center is a mast of ours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.support.build import ACCOUNT, NOW
from tests.support.phones import ADMIN, NUMBER, PHONE, RADIO, Mast, PhoneHouse, Sent, phone_house

from tidings.domain.errors import InvalidValue, NotFound
from tidings.domain.grants import Verb
from tidings.domain.model import Event, LedgerQuery, State, Way
from tidings.domain.optout import (
    ACCOUNT_WIDE,
    EVERY_TYPE,
    AddressKind,
    HeardText,
    IncomingText,
    KeywordSet,
    SmsType,
)
from tidings.domain.unit import Unit
from tidings.services.hearing import LOOKED_AT
from tidings.services.inbound import DEFAULT_REPLIES

OUT, IN, HELP = KeywordSet.OPT_OUT, KeywordSet.OPT_IN, KeywordSet.HELP
OTHER_NUMBER = "+12025550199"
APP = "1400006666"
LATER = timedelta(minutes=11)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[PhoneHouse]:
    async with phone_house(tmp_path) as house:
        await house.add_number()
        await house.add_number(OTHER_NUMBER)
        yield house


@pytest.fixture
async def strict_house(tmp_path: Path) -> AsyncIterator[PhoneHouse]:
    async with phone_house(tmp_path, revoke_all=True) as house:
        await house.add_number()
        await house.add_number(OTHER_NUMBER)
        yield house


def mast(house: PhoneHouse) -> Mast:
    assert isinstance(house.channel, Mast)
    return house.channel


async def answers(house: PhoneHouse) -> list[str]:
    await house.settled()
    return [sent.text for sent in mast(house).sent]


async def with_app(house: PhoneHouse, types: frozenset[SmsType] | None, app_id: str = APP) -> None:
    await house.opt_outs.put_application(house.grant(), app_id, "")
    if types:
        await house.opt_outs.set_rule(house.grant(), NUMBER, app_id, types)


# --- rule 5: one transaction ------------------------------------------------------------------------------------------------------


async def test_a_stop_is_state_record_text_and_answer_at_once(house: PhoneHouse) -> None:
    sent_at = NOW - timedelta(seconds=3)
    heard = await house.hear("Stop.", transport_id="mo-1", sent_at=sent_at)
    assert (heard.owner, heard.changed, heard.repeat, heard.late) == (ACCOUNT, True, False, False)
    assert heard.reply == DEFAULT_REPLIES[OUT]
    [opt_out] = await house.store.opt_outs(ACCOUNT, PHONE)
    assert (opt_out.since, opt_out.event_at, opt_out.way) == (NOW, sent_at, Way.KEYWORD)
    assert (opt_out.keyword, opt_out.raw_text) == ("STOP", "Stop.")
    [entry] = await house.records()
    assert (entry.event, entry.address, entry.endpoint, entry.keyword) == (Event.OPTED_OUT, NUMBER, PHONE, "STOP")
    assert (entry.transport_id, entry.sent_at, entry.at) == ("mo-1", sent_at, NOW)
    assert (entry.before, entry.after, entry.detail) == (
        State.CONFIRMED,
        State.CANCELED,
        f"replied STOP to {NUMBER}; answered",
    )
    assert (entry.origin.way, entry.origin.raw_text) == (Way.KEYWORD, "Stop.")
    assert entry.origin.remote_address == RADIO.remote_address
    [text] = await house.store.heard_page(ACCOUNT, after=0, limit=10)
    assert (text.text, text.matched, text.transport_id) == ("Stop.", "opt-out", "mo-1")
    await house.settled()
    assert mast(house).sent == [Sent(PHONE, DEFAULT_REPLIES[OUT], NUMBER)]


async def test_start_lifts_what_stop_did_and_texts_go_out_again(house: PhoneHouse) -> None:
    await house.hear("STOP")
    await house.send("kept back")
    await house.settled()
    heard = await house.hear("START")
    assert (heard.changed, heard.reply) == (True, DEFAULT_REPLIES[IN])
    await house.send("welcome")
    assert await answers(house) == [DEFAULT_REPLIES[OUT], DEFAULT_REPLIES[IN], f"{PHONE}: welcome"]
    lifted = (await house.records(Event.OPTED_IN))[0]
    assert (lifted.before, lifted.after) == (State.CANCELED, State.CONFIRMED)


async def test_what_waits_for_another_attempt_is_kept_back_too(house: PhoneHouse) -> None:
    mast(house).down = True
    await house.send("tired")
    async with asyncio.timeout(10):
        while not mast(house).outcomes:
            await asyncio.sleep(0.005)
    await house.hear("STOP")
    mast(house).down = False
    house.clock.advance(60)
    house.flow.due_changed.set()
    assert f"{PHONE}: tired" not in await answers(house)
    assert b'tidings_texts_blocked_total{type="notification"} 1.0' in house.metrics.render()


async def test_a_blocked_text_is_no_dead_letter_and_is_counted_by_type(house: PhoneHouse) -> None:
    await with_app(house, EVERY_TYPE)
    await house.hear("STOP")
    for sms_type in (1, 1, 3):
        await house.send("no", app_id=APP, sms_type=sms_type)
    await house.settled()
    figures = house.metrics.render().decode()
    assert 'tidings_texts_blocked_total{type="marketing"} 2.0' in figures
    assert 'tidings_texts_blocked_total{type="verification-code"} 1.0' in figures
    assert 'tidings_dead_letters_total{protocol="sms"}' not in figures


# --- rule 6: order ----------------------------------------------------------------------------------------------------------------


async def test_a_stop_older_than_a_later_start_is_recorded_and_changes_nothing(house: PhoneHouse) -> None:
    await house.hear("STOP", transport_id="1", sent_at=NOW - timedelta(minutes=3))
    await house.hear("START", transport_id="3", sent_at=NOW - timedelta(minutes=1))
    heard = await house.hear("QUIT", transport_id="2", sent_at=NOW - timedelta(minutes=2))
    assert (heard.changed, heard.late, heard.reply) == (False, True, "")
    assert await house.opted_out_at() == []
    record = (await house.records())[-1]
    assert record.event is Event.OPTED_OUT
    assert record.detail.startswith(f"replied QUIT to {NUMBER}; older than")
    assert (record.before, record.after) == (State.CONFIRMED, State.CONFIRMED)


async def test_a_start_older_than_a_later_stop_is_recorded_and_changes_nothing(house: PhoneHouse) -> None:
    await house.hear("STOP", transport_id="2", sent_at=NOW - timedelta(minutes=1))
    heard = await house.hear("START", transport_id="1", sent_at=NOW - timedelta(minutes=2))
    assert (heard.changed, heard.late) == (False, True)
    assert await house.opted_out_at() == [NUMBER]


async def test_without_times_texts_count_in_the_order_of_arrival(house: PhoneHouse) -> None:
    await house.hear("START")
    house.clock.advance(1)
    assert (await house.hear("STOP", sent_at=NOW - timedelta(hours=1))).changed
    assert await house.opted_out_at() == [NUMBER]


async def test_a_smscs_clock_that_is_ahead_does_not_make_a_stop_late(house: PhoneHouse) -> None:
    await house.hear("START", transport_id="1", sent_at=NOW + timedelta(hours=8))
    house.clock.advance(60)
    assert (await house.hear("STOP", transport_id="2", sent_at=NOW + timedelta(seconds=50))).changed


async def test_what_an_operator_lifted_does_not_make_a_persons_stop_late(house: PhoneHouse) -> None:
    await house.opt_outs.opt_out(house.grant(), NUMBER, PHONE, reason="asked on the phone", origin=ADMIN)
    lifting = house.grant(Verb.LIFT_OPT_OUTS)
    await house.opt_outs.opt_in(lifting, NUMBER, PHONE, reason="a mistake", origin=ADMIN)
    heard = await house.hear("STOP", sent_at=NOW - timedelta(minutes=1))
    assert (heard.changed, heard.late) == (True, False)


async def test_a_second_stop_keeps_since_when_and_outdates_a_start_before_it(house: PhoneHouse) -> None:
    await house.hear("STOP", transport_id="1", sent_at=NOW)
    house.clock.advance(100)
    await house.hear("stop", transport_id="3", sent_at=NOW + timedelta(seconds=90))
    assert (await house.hear("START", transport_id="2", sent_at=NOW + timedelta(seconds=60))).late
    [opt_out] = await house.store.opt_outs(ACCOUNT, PHONE)
    assert (opt_out.since, opt_out.event_at) == (NOW, NOW + timedelta(seconds=90))


# --- rule 7: repeats --------------------------------------------------------------------------------------------------------------


async def test_the_same_transport_id_is_one_event(house: PhoneHouse) -> None:
    await house.hear("STOP", transport_id="mo-1")
    assert await answers(house) == [DEFAULT_REPLIES[OUT]]
    house.clock.advance(3 * 86_400)
    heard = await house.hear("STOP", transport_id="mo-1")
    assert (heard.repeat, heard.changed, heard.reply) == (True, False, "")
    assert len(await house.records()) == 1
    assert len(await answers(house)) == 1


async def test_the_same_text_within_thirty_seconds_is_one_event(house: PhoneHouse) -> None:
    await house.hear("STOP")
    house.clock.advance(29)
    assert (await house.hear("STOP")).repeat
    house.clock.advance(2)
    assert not (await house.hear("STOP")).repeat
    assert len(await house.records()) == 2


async def test_texts_that_were_sent_at_two_times_are_two(house: PhoneHouse) -> None:
    await house.hear("START", sent_at=NOW - timedelta(seconds=9))
    assert not (await house.hear("START", sent_at=NOW - timedelta(seconds=5))).repeat
    assert (await house.hear("START", sent_at=NOW - timedelta(seconds=5))).repeat


async def test_a_stop_after_a_start_counts_however_soon(house: PhoneHouse) -> None:
    for text in ("STOP", "START", "STOP"):
        assert (await house.hear(text)).changed
    assert await house.opted_out_at() == [NUMBER]


async def test_a_machine_that_texts_every_second_does_not_make_hearing_slower(house: PhoneHouse) -> None:
    """And what it said last is still known again."""
    count = 5 * LOOKED_AT
    texts = [HeardText(0, ACCOUNT, NUMBER, PHONE, f"t{i}", NOW, None, f"id-{i}") for i in range(count)]
    await house.store.commit(Unit(texts_heard=texts))
    since = NOW - timedelta(days=1)
    looked_at = await house.store.heard(ACCOUNT, NUMBER, PHONE, since=since, newest=LOOKED_AT)
    assert [text.text for text in looked_at] == [f"t{i}" for i in range(count - LOOKED_AT, count)]
    assert (await house.hear(f"t{count - 1}", transport_id=f"id-{count - 1}")).repeat
    assert (await house.hear("t0", transport_id="id-0")).repeat
    assert (await house.hear("STOP", transport_id="id-x")).changed


async def test_a_transport_that_numbers_anew_loses_no_stop(house: PhoneHouse) -> None:
    await house.hear("thank you", transport_id="1", phone="+12025550124")
    heard = await house.hear("STOP", transport_id="1")
    assert (heard.changed, heard.repeat) == (True, False)
    assert (await house.records())[0].transport_id == "1"


@pytest.mark.parametrize("days", [0, 20])
async def test_a_stop_with_an_id_that_was_a_stops_before_counts(house: PhoneHouse, days: int) -> None:
    """Told apart by the time at the SMSC, or by a day that has gone by."""
    sent_at = None if days else NOW - timedelta(seconds=50)
    await house.hear("STOP", transport_id="7", sent_at=sent_at)
    house.clock.advance(days * 86_400)
    await house.hear("START", transport_id="8", sent_at=sent_at and sent_at + timedelta(seconds=10))
    house.clock.advance(days * 86_400)
    heard = await house.hear("STOP", transport_id="7", sent_at=sent_at and sent_at + timedelta(seconds=20))
    assert (heard.changed, heard.repeat) == (True, False)
    assert await house.opted_out_at() == [NUMBER]


async def test_a_stop_that_is_brought_again_after_a_start_is_the_old_one(house: PhoneHouse) -> None:
    await house.hear("STOP", transport_id="7")
    await house.hear("START", transport_id="8")
    assert (await house.hear("STOP", transport_id="7")).repeat
    assert await house.opted_out_at() == []


@pytest.mark.parametrize("address", [NUMBER, OTHER_NUMBER])
async def test_a_start_that_was_overheard_lifts_nothing_however_much_later(
    strict_house: PhoneHouse, address: str
) -> None:
    house = strict_house
    await house.hear("START", transport_id="SM1", address=address)
    house.clock.advance(100 * 86_400)
    await house.hear("STOP", transport_id="SM2")
    await house.store.sweep(house.clock.now(), 1_000)
    assert len(await house.store.heard_page(ACCOUNT, after=0, limit=10)) == 1
    house.clock.advance(60)
    assert (await house.hear("START", transport_id="SM1", address=address)).repeat
    assert set(await house.opted_out_at()) == {NUMBER, ACCOUNT_WIDE}


async def test_texts_delivered_at_the_same_time_are_heard_once(house: PhoneHouse) -> None:
    heard = await asyncio.gather(*(house.hear("STOP", transport_id="mo-1") for _ in range(8)))
    assert sum(one.changed for one in heard) == 1
    assert sum(one.repeat for one in heard) == 7
    assert len(await answers(house)) == 1


async def test_a_stop_and_a_start_that_come_together_count_one_after_the_other(house: PhoneHouse) -> None:
    await asyncio.gather(house.hear("STOP"), house.hear("START"))
    assert await house.opted_out_at() == []
    await asyncio.gather(house.hear("UNSTOP"), house.hear("QUIT"))
    assert await house.opted_out_at() == [NUMBER]


# --- rule 8 and the compliance table: answers -------------------------------------------------------------------------------------


async def test_an_opt_out_is_acknowledged_also_when_it_changes_nothing_but_not_every_time(house: PhoneHouse) -> None:
    await house.hear("STOP")
    house.clock.advance(60)
    assert (await house.hear("STOP")).reply == ""
    house.clock.advance(LATER.total_seconds())
    assert (await house.hear("STOP")).reply == DEFAULT_REPLIES[OUT]
    assert len(await house.records()) == 3


async def test_two_robots_that_answer_each_other_stop(house: PhoneHouse) -> None:
    replies = 0
    for number in range(60):
        house.clock.advance(1)
        replies += bool((await house.hear(("START", "STOP", "HELP")[number % 3], transport_id=str(number))).reply)
    assert replies <= 11


async def test_help_is_answered_also_to_those_who_are_opted_out(house: PhoneHouse) -> None:
    await house.hear("STOP")
    heard = await house.hear("help")
    assert (heard.changed, heard.reply) == (False, DEFAULT_REPLIES[HELP])
    assert await answers(house) == [DEFAULT_REPLIES[OUT], DEFAULT_REPLIES[HELP]]
    assert await house.opted_out_at() == [NUMBER]
    assert len(await house.records()) == 1


async def test_start_from_a_number_never_seen_is_recorded_without_state_or_answer(house: PhoneHouse) -> None:
    heard = await house.hear("START")
    assert (heard.changed, heard.reply) == (False, "")
    [record] = await house.records()
    assert (record.event, record.before, record.after) == (Event.OPTED_IN, State.CONFIRMED, State.CONFIRMED)


async def test_an_answer_older_than_five_minutes_is_not_sent(house: PhoneHouse) -> None:
    mast(house).down = True
    await house.hear("STOP")
    async with asyncio.timeout(10):
        while not mast(house).outcomes:
            await asyncio.sleep(0.005)
    mast(house).down = False
    house.clock.advance(301)
    house.flow.due_changed.set()
    assert await answers(house) == []


async def test_you_are_subscribed_again_is_not_said_after_another_stop(house: PhoneHouse) -> None:
    """The answer to a START waits for the network, and its phone says STOP meanwhile."""
    await house.hear("STOP", transport_id="1")
    await house.settled()
    mast(house).down = True
    await house.hear("START", transport_id="2")
    async with asyncio.timeout(10):
        while not await house.flow.waiting_count():
            await asyncio.sleep(0.005)
    await house.hear("STOP", transport_id="3")
    mast(house).down = False
    house.clock.advance(60)
    house.flow.due_changed.set()
    await house.settled()
    assert DEFAULT_REPLIES[KeywordSet.OPT_IN] not in [sent.text for sent in mast(house).sent]


async def test_an_address_without_answers_gives_none(house: PhoneHouse) -> None:
    await house.opt_outs.set_keywords(house.grant(), NUMBER, {}, {OUT: "", IN: "", HELP: ""})
    assert [(await house.hear(text)).reply for text in ("STOP", "START", "HELP")] == ["", "", ""]
    assert await answers(house) == []


async def test_on_toll_free_the_carrier_confirms_and_we_record(house: PhoneHouse) -> None:
    await house.add_number("+18885550100", AddressKind.TOLL_FREE)
    assert (await house.hear("STOP", address="+18885550100")).reply == ""
    assert (await house.hear("UNSTOP", address="+18885550100")).reply == ""
    assert (await house.hear("HELP", address="+18885550100")).reply == DEFAULT_REPLIES[HELP]
    assert {record.origin.way for record in await house.records()} == {Way.CARRIER}


async def test_what_the_gateway_has_answered_is_not_answered_again(house: PhoneHouse) -> None:
    heard = await house.hear("STOP", carrier_answered=True)
    assert (heard.changed, heard.reply) == (True, "")
    assert (await house.records())[0].origin.way is Way.CARRIER


async def test_a_carriers_refusal_opts_the_phone_out(house: PhoneHouse) -> None:
    refused = house.opt_outs.refused_by_carrier
    assert await refused(NUMBER, PHONE, reason="error 21610", origin=RADIO)
    assert not await refused(NUMBER, PHONE, reason="error 21610", origin=RADIO)
    [record] = await house.records()
    assert (record.origin.way, record.detail) == (Way.CARRIER, "error 21610")
    with pytest.raises(NotFound):
        await refused("+12025550666", PHONE, reason="error 21610", origin=RADIO)


@pytest.mark.parametrize(("address", "phone"), [(NUMBER[1:], PHONE[1:]), (NUMBER, PHONE[2:]), (f" {NUMBER}", PHONE)])
async def test_a_carriers_refusal_counts_however_it_writes_the_numbers(
    house: PhoneHouse, address: str, phone: str
) -> None:
    assert await house.opt_outs.refused_by_carrier(address, phone, reason="error 21610", origin=RADIO)
    assert await house.opted_out_at(PHONE) == [NUMBER]


async def test_what_the_carrier_took_for_an_opt_out_is_one_in_the_same_transaction(house: PhoneHouse) -> None:
    incoming = IncomingText(NUMBER, PHONE, "arrêtez ça", "SM1", carrier_answered=True, carrier_opted_out=True)
    heard = await house.opt_outs.hear(incoming, RADIO)
    assert (heard.changed, heard.reply) == (True, "")
    [record] = await house.records()
    assert (record.event, record.origin.way, record.keyword) == (Event.OPTED_OUT, Way.CARRIER, "")
    assert (record.detail, record.origin.raw_text) == ("the carrier took it for an opt-out", "arrêtez ça")


# --- "revoke all" -----------------------------------------------------------------------------------------------------------------


async def test_a_stop_counts_at_its_address_only_unless_the_operator_says_otherwise(house: PhoneHouse) -> None:
    await house.hear("STOP")
    assert await house.opted_out_at() == [NUMBER]


async def test_with_revoke_all_one_stop_blocks_every_application_of_the_account(strict_house: PhoneHouse) -> None:
    house = strict_house
    await with_app(house, None)
    await house.hear("STOP")
    assert set(await house.opted_out_at()) == {NUMBER, ACCOUNT_WIDE}
    assert [record.address for record in await house.records()] == [NUMBER, ACCOUNT_WIDE]
    await house.send("no rule names me", app_id=APP, sms_type=1)
    assert await answers(house) == [DEFAULT_REPLIES[OUT]]
    [blocked] = await house.opt_outs.why(house.grant(Verb.READ_OPT_OUTS), PHONE, APP, SmsType.MARKETING)
    assert (blocked.opt_out.address, blocked.rule) == (ACCOUNT_WIDE, None)


async def test_with_revoke_all_start_at_any_address_lifts_what_was_account_wide(strict_house: PhoneHouse) -> None:
    house = strict_house
    await house.hear("STOP")
    heard = await house.hear("START", address=OTHER_NUMBER)
    assert (heard.changed, heard.reply) == (True, DEFAULT_REPLIES[IN])
    assert await house.opted_out_at() == [NUMBER]
    await house.hear("START")
    assert await house.opted_out_at() == []


async def test_with_revoke_all_a_late_start_at_another_address_does_not_lift_a_newer_stop(
    strict_house: PhoneHouse,
) -> None:
    house = strict_house
    for seconds in (60, 10):
        await house.hear("STOP", sent_at=NOW - timedelta(seconds=seconds))
    await house.hear("START", address=OTHER_NUMBER, sent_at=NOW - timedelta(seconds=30))
    assert set(await house.opted_out_at()) == {NUMBER, ACCOUNT_WIDE}


async def test_with_revoke_all_a_carriers_refusal_counts_for_all_of_the_account_too(strict_house: PhoneHouse) -> None:
    house = strict_house
    await house.opt_outs.refused_by_carrier(NUMBER, PHONE, reason="error 21610", origin=RADIO)
    assert set(await house.opted_out_at()) == {NUMBER, ACCOUNT_WIDE}
    assert not await house.opt_outs.refused_by_carrier(NUMBER, PHONE, reason="error 21610", origin=RADIO)


async def test_account_wide_is_never_listed_as_an_address(strict_house: PhoneHouse) -> None:
    house = strict_house
    await house.hear("STOP")
    grant = house.grant(Verb.READ_OPT_OUTS)
    assert [address.address for address in await house.opt_outs.addresses(grant)] == [NUMBER, OTHER_NUMBER]
    with pytest.raises(NotFound):
        await house.opt_outs.address(grant, ACCOUNT_WIDE)
    with pytest.raises(NotFound):
        await house.hear("START", address=ACCOUNT_WIDE)


async def test_what_the_account_blocked_as_a_whole_is_not_lifted_by_start(house: PhoneHouse) -> None:
    await house.opt_outs.opt_out(house.grant(), ACCOUNT_WIDE, PHONE, reason="sued us", origin=ADMIN)
    assert not (await house.hear("START")).changed
    assert await house.opted_out_at() == [ACCOUNT_WIDE]


# --- 2.1: what is no keyword --------------------------------------------------------------------------------------------------------


async def test_what_a_person_would_understand_is_put_to_review_and_never_dropped(house: PhoneHouse) -> None:
    heard = await house.hear("I do not want to get these messages any more, this is a nuisance", transport_id="mo-9")
    assert (heard.changed, heard.reply, heard.meaning.review) == (False, "", True)
    [record] = await house.records()
    assert (record.event, record.transport_id) == (Event.REVIEW, "mo-9")
    assert record.origin.raw_text.startswith("I do not want")
    assert await house.opted_out_at() == []


async def test_what_means_nothing_is_only_kept_as_a_text(house: PhoneHouse) -> None:
    await house.hear("see you at eight")
    assert await house.store.ledger(LedgerQuery(ACCOUNT)) == []
    [text] = await house.store.heard_page(ACCOUNT, after=0, limit=10)
    assert (text.text, text.matched) == ("see you at eight", "")


@pytest.mark.parametrize("text", ["\ud83d", "a\x00b", "STOP" * 100_000, ""])
async def test_no_text_is_too_strange_to_be_kept(house: PhoneHouse, text: str) -> None:
    assert not (await house.hear(text, transport_id="\udfff" * 300)).changed
    assert len(await house.store.heard_page(ACCOUNT, after=0, limit=10)) == 1


# --- numbers and addresses as transports write them ----------------------------------------------------------------------------------


@pytest.mark.parametrize("phone", [PHONE, PHONE[1:], "0012025550123", "2025550123", f" {PHONE} "])
@pytest.mark.parametrize("address", [NUMBER, NUMBER[1:]])
async def test_a_number_is_known_with_and_without_plus(house: PhoneHouse, phone: str, address: str) -> None:
    await house.hear("STOP", phone=phone, address=address)
    assert await house.opted_out_at() == [NUMBER]


async def test_a_norwegian_number_of_ten_digits_is_not_taken_for_an_american_one(house: PhoneHouse) -> None:
    await house.hear("STOP", phone="4790123456"[:10])
    assert await house.opted_out_at("+4790123456") == [NUMBER]


async def test_a_trunk_prefix_makes_no_second_number(house: PhoneHouse) -> None:
    await house.hear("STOP", phone="+4407911123456")
    assert await house.opted_out_at("+447911123456") == [NUMBER]


@pytest.mark.parametrize("phone", ["", "ACME", "12345", "+1202555O123", "+1" * 20])
async def test_who_is_no_number_is_refused(house: PhoneHouse, phone: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        await house.hear("STOP", phone=phone)
    assert caught.value.field == "phone"


async def test_a_short_code_hears_too(house: PhoneHouse) -> None:
    await house.opt_outs.add_address(house.grant(), "72345", kind=AddressKind.SHORT_CODE, country="CA", origin=ADMIN)
    for word in ("STOP", "ARRET", "ARRÊT"):
        assert (await house.hear(word, address="72345", phone="6135550123", transport_id=word)).meaning.set is OUT
    assert await house.opted_out_at("+16135550123") == ["72345"]
