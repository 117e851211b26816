"""What incoming texts do, rule by rule: the real service, store, flow and gate; only the SMS center is a mast of ours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.support.build import ACCOUNT, NOW
from tests.support.patience import PATIENCE_S
from tests.support.phones import ADMIN, NUMBER, PHONE, RADIO, Mast, PhoneApp, Sent, phone_app

from tidings.domain.errors import InvalidValue, NotFound
from tidings.domain.grants import Verb
from tidings.domain.model import Event, LedgerQuery, State, Way
from tidings.domain.optout import (
    ACCOUNT_WIDE,
    EVERY_TYPE,
    AddressKind,
    InboundText,
    IncomingText,
    KeywordSet,
    SmsType,
)
from tidings.domain.unit import Unit
from tidings.services.texting.inbound_addresses import DEFAULT_REPLIES
from tidings.services.texting.inbound_texts import LOOKED_AT

OUT, IN, HELP = KeywordSet.OPT_OUT, KeywordSet.OPT_IN, KeywordSet.HELP
OTHER_NUMBER = "+12025550199"
APP = "1400006666"
LATER = timedelta(minutes=11)


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[PhoneApp]:
    async with phone_app(tmp_path) as app:
        await app.add_number()
        await app.add_number(OTHER_NUMBER)
        yield app


@pytest.fixture
async def strict_app(tmp_path: Path) -> AsyncIterator[PhoneApp]:
    async with phone_app(tmp_path, revoke_all=True) as app:
        await app.add_number()
        await app.add_number(OTHER_NUMBER)
        yield app


def mast(app: PhoneApp) -> Mast:
    assert isinstance(app.channel, Mast)
    return app.channel


async def answers(app: PhoneApp) -> list[str]:
    await app.settled()
    return [sent.text for sent in mast(app).sent]


async def with_app(app: PhoneApp, types: frozenset[SmsType] | None, app_id: str = APP) -> None:
    await app.texting.applications.put(app.grant(), app_id, "")
    if types:
        await app.texting.rules.put(app.grant(), NUMBER, app_id, types)


# --- rule 5: one transaction ------------------------------------------------------------------------------------------------------


async def test_a_stop_is_state_record_text_and_answer_at_once(app: PhoneApp) -> None:
    sent_at = NOW - timedelta(seconds=3)
    received = await app.receive("Stop.", transport_id="mo-1", sent_at=sent_at)
    assert (received.owner, received.changed, received.repeat, received.late) == (ACCOUNT, True, False, False)
    assert received.reply == DEFAULT_REPLIES[OUT]
    [opt_out] = await app.store.opt_outs(ACCOUNT, PHONE)
    assert (opt_out.since, opt_out.event_at, opt_out.way) == (NOW, sent_at, Way.KEYWORD)
    assert (opt_out.keyword, opt_out.raw_text) == ("STOP", "Stop.")
    [entry] = await app.records()
    assert (entry.event, entry.address, entry.endpoint, entry.keyword) == (Event.OPTED_OUT, NUMBER, PHONE, "STOP")
    assert (entry.transport_id, entry.sent_at, entry.at) == ("mo-1", sent_at, NOW)
    assert (entry.before, entry.after, entry.detail) == (
        State.CONFIRMED,
        State.CANCELED,
        f"replied STOP to {NUMBER}; answered",
    )
    assert (entry.origin.way, entry.origin.raw_text) == (Way.KEYWORD, "Stop.")
    assert entry.origin.remote_address == RADIO.remote_address
    [text] = await app.store.inbound_text_page(ACCOUNT, after=0, limit=10)
    assert (text.text, text.matched, text.transport_id) == ("Stop.", "opt-out", "mo-1")
    await app.settled()
    assert mast(app).sent == [Sent(PHONE, DEFAULT_REPLIES[OUT], NUMBER)]


async def test_start_lifts_what_stop_did_and_texts_go_out_again(app: PhoneApp) -> None:
    await app.receive("STOP")
    await app.send("kept back")
    await app.settled()
    received = await app.receive("START")
    assert (received.changed, received.reply) == (True, DEFAULT_REPLIES[IN])
    await app.send("welcome")
    assert await answers(app) == [DEFAULT_REPLIES[OUT], DEFAULT_REPLIES[IN], f"{PHONE}: welcome"]
    lifted = (await app.records(Event.OPTED_IN))[0]
    assert (lifted.before, lifted.after) == (State.CANCELED, State.CONFIRMED)


async def test_what_waits_for_another_attempt_is_kept_back_too(app: PhoneApp) -> None:
    mast(app).down = True
    await app.send("tired")
    async with asyncio.timeout(PATIENCE_S):
        while not mast(app).outcomes:
            await asyncio.sleep(0.005)
    await app.receive("STOP")
    mast(app).down = False
    app.clock.advance(60)
    app.flow.look_again()
    assert f"{PHONE}: tired" not in await answers(app)
    assert b'tidings_texts_blocked_total{type="notification"} 1.0' in app.metrics.render()


async def test_a_blocked_text_is_no_dead_letter_and_is_counted_by_type(app: PhoneApp) -> None:
    await with_app(app, EVERY_TYPE)
    await app.receive("STOP")
    for sms_type in (1, 1, 3):
        await app.send("no", app_id=APP, sms_type=sms_type)
    await app.settled()
    figures = app.metrics.render().decode()
    assert 'tidings_texts_blocked_total{type="marketing"} 2.0' in figures
    assert 'tidings_texts_blocked_total{type="verification-code"} 1.0' in figures
    assert 'tidings_dead_letters_total{protocol="sms"}' not in figures


# --- rule 6: order ----------------------------------------------------------------------------------------------------------------


async def test_a_stop_older_than_a_later_start_is_recorded_and_changes_nothing(app: PhoneApp) -> None:
    await app.receive("STOP", transport_id="1", sent_at=NOW - timedelta(minutes=3))
    await app.receive("START", transport_id="3", sent_at=NOW - timedelta(minutes=1))
    received = await app.receive("QUIT", transport_id="2", sent_at=NOW - timedelta(minutes=2))
    assert (received.changed, received.late, received.reply) == (False, True, "")
    assert await app.opted_out_at() == []
    record = (await app.records())[-1]
    assert record.event is Event.OPTED_OUT
    assert record.detail.startswith(f"replied QUIT to {NUMBER}; older than")
    assert (record.before, record.after) == (State.CONFIRMED, State.CONFIRMED)


async def test_a_start_older_than_a_later_stop_is_recorded_and_changes_nothing(app: PhoneApp) -> None:
    await app.receive("STOP", transport_id="2", sent_at=NOW - timedelta(minutes=1))
    received = await app.receive("START", transport_id="1", sent_at=NOW - timedelta(minutes=2))
    assert (received.changed, received.late) == (False, True)
    assert await app.opted_out_at() == [NUMBER]


async def test_without_times_texts_count_in_the_order_of_arrival(app: PhoneApp) -> None:
    await app.receive("START")
    app.clock.advance(1)
    assert (await app.receive("STOP", sent_at=NOW - timedelta(hours=1))).changed
    assert await app.opted_out_at() == [NUMBER]


async def test_a_smscs_clock_that_is_ahead_does_not_make_a_stop_late(app: PhoneApp) -> None:
    await app.receive("START", transport_id="1", sent_at=NOW + timedelta(hours=8))
    app.clock.advance(60)
    assert (await app.receive("STOP", transport_id="2", sent_at=NOW + timedelta(seconds=50))).changed


async def test_what_an_operator_lifted_does_not_make_a_persons_stop_late(app: PhoneApp) -> None:
    await app.texting.opt_outs.opt_out(app.grant(), NUMBER, PHONE, reason="asked on the phone", origin=ADMIN)
    lifting = app.grant(Verb.LIFT_OPT_OUTS)
    await app.texting.opt_outs.opt_in(lifting, NUMBER, PHONE, reason="a mistake", origin=ADMIN)
    received = await app.receive("STOP", sent_at=NOW - timedelta(minutes=1))
    assert (received.changed, received.late) == (True, False)


async def test_a_second_stop_keeps_since_when_and_outdates_a_start_before_it(app: PhoneApp) -> None:
    await app.receive("STOP", transport_id="1", sent_at=NOW)
    app.clock.advance(100)
    await app.receive("stop", transport_id="3", sent_at=NOW + timedelta(seconds=90))
    assert (await app.receive("START", transport_id="2", sent_at=NOW + timedelta(seconds=60))).late
    [opt_out] = await app.store.opt_outs(ACCOUNT, PHONE)
    assert (opt_out.since, opt_out.event_at) == (NOW, NOW + timedelta(seconds=90))


# --- rule 7: repeats --------------------------------------------------------------------------------------------------------------


async def test_the_same_transport_id_is_one_event(app: PhoneApp) -> None:
    await app.receive("STOP", transport_id="mo-1")
    assert await answers(app) == [DEFAULT_REPLIES[OUT]]
    app.clock.advance(3 * 86_400)
    received = await app.receive("STOP", transport_id="mo-1")
    assert (received.repeat, received.changed, received.reply) == (True, False, "")
    assert len(await app.records()) == 1
    assert len(await answers(app)) == 1


async def test_the_same_text_within_thirty_seconds_is_one_event(app: PhoneApp) -> None:
    await app.receive("STOP")
    app.clock.advance(29)
    assert (await app.receive("STOP")).repeat
    app.clock.advance(2)
    assert not (await app.receive("STOP")).repeat
    assert len(await app.records()) == 2


async def test_texts_that_were_sent_at_two_times_are_two(app: PhoneApp) -> None:
    await app.receive("START", sent_at=NOW - timedelta(seconds=9))
    assert not (await app.receive("START", sent_at=NOW - timedelta(seconds=5))).repeat
    assert (await app.receive("START", sent_at=NOW - timedelta(seconds=5))).repeat


async def test_a_stop_after_a_start_counts_however_soon(app: PhoneApp) -> None:
    for text in ("STOP", "START", "STOP"):
        assert (await app.receive(text)).changed
    assert await app.opted_out_at() == [NUMBER]


async def test_a_machine_that_texts_every_second_does_not_make_receiving_slower(app: PhoneApp) -> None:
    """And what it said last is still known again."""
    count = 5 * LOOKED_AT
    texts = [InboundText(0, ACCOUNT, NUMBER, PHONE, f"t{i}", NOW, None, f"id-{i}") for i in range(count)]
    await app.store.commit(Unit(inbound_texts=texts))
    since = NOW - timedelta(days=1)
    looked_at = await app.store.inbound_texts_of(ACCOUNT, NUMBER, PHONE, since=since, newest=LOOKED_AT)
    assert [text.text for text in looked_at] == [f"t{i}" for i in range(count - LOOKED_AT, count)]
    assert (await app.receive(f"t{count - 1}", transport_id=f"id-{count - 1}")).repeat
    assert (await app.receive("t0", transport_id="id-0")).repeat
    assert (await app.receive("STOP", transport_id="id-x")).changed


async def test_a_transport_that_numbers_anew_loses_no_stop(app: PhoneApp) -> None:
    await app.receive("thank you", transport_id="1", phone="+12025550124")
    received = await app.receive("STOP", transport_id="1")
    assert (received.changed, received.repeat) == (True, False)
    assert (await app.records())[0].transport_id == "1"


@pytest.mark.parametrize("days", [0, 20])
async def test_a_stop_with_an_id_that_was_a_stops_before_counts(app: PhoneApp, days: int) -> None:
    """Told apart by the time at the SMSC, or by a day that has gone by."""
    sent_at = None if days else NOW - timedelta(seconds=50)
    await app.receive("STOP", transport_id="7", sent_at=sent_at)
    app.clock.advance(days * 86_400)
    await app.receive("START", transport_id="8", sent_at=sent_at and sent_at + timedelta(seconds=10))
    app.clock.advance(days * 86_400)
    received = await app.receive("STOP", transport_id="7", sent_at=sent_at and sent_at + timedelta(seconds=20))
    assert (received.changed, received.repeat) == (True, False)
    assert await app.opted_out_at() == [NUMBER]


async def test_a_stop_that_is_brought_again_after_a_start_is_the_old_one(app: PhoneApp) -> None:
    await app.receive("STOP", transport_id="7")
    await app.receive("START", transport_id="8")
    assert (await app.receive("STOP", transport_id="7")).repeat
    assert await app.opted_out_at() == []


@pytest.mark.parametrize("address", [NUMBER, OTHER_NUMBER])
async def test_a_start_that_was_overheard_lifts_nothing_however_much_later(strict_app: PhoneApp, address: str) -> None:
    app = strict_app
    await app.receive("START", transport_id="SM1", address=address)
    app.clock.advance(100 * 86_400)
    await app.receive("STOP", transport_id="SM2")
    await app.store.sweep(app.clock.now(), 1_000)
    assert len(await app.store.inbound_text_page(ACCOUNT, after=0, limit=10)) == 1
    app.clock.advance(60)
    assert (await app.receive("START", transport_id="SM1", address=address)).repeat
    assert set(await app.opted_out_at()) == {NUMBER, ACCOUNT_WIDE}


async def test_texts_delivered_at_the_same_time_are_heard_once(app: PhoneApp) -> None:
    received = await asyncio.gather(*(app.receive("STOP", transport_id="mo-1") for _ in range(8)))
    assert sum(one.changed for one in received) == 1
    assert sum(one.repeat for one in received) == 7
    assert len(await answers(app)) == 1


async def test_a_stop_and_a_start_that_come_together_count_one_after_the_other(app: PhoneApp) -> None:
    await asyncio.gather(app.receive("STOP"), app.receive("START"))
    assert await app.opted_out_at() == []
    await asyncio.gather(app.receive("UNSTOP"), app.receive("QUIT"))
    assert await app.opted_out_at() == [NUMBER]


# --- rule 8 and the compliance table: answers -------------------------------------------------------------------------------------


async def test_an_opt_out_is_acknowledged_also_when_it_changes_nothing_but_not_every_time(app: PhoneApp) -> None:
    await app.receive("STOP")
    app.clock.advance(60)
    assert (await app.receive("STOP")).reply == ""
    app.clock.advance(LATER.total_seconds())
    assert (await app.receive("STOP")).reply == DEFAULT_REPLIES[OUT]
    assert len(await app.records()) == 3


async def test_two_robots_that_answer_each_other_stop(app: PhoneApp) -> None:
    replies = 0
    for number in range(60):
        app.clock.advance(1)
        replies += bool((await app.receive(("START", "STOP", "HELP")[number % 3], transport_id=str(number))).reply)
    assert replies <= 11


async def test_help_is_answered_also_to_those_who_are_opted_out(app: PhoneApp) -> None:
    await app.receive("STOP")
    received = await app.receive("help")
    assert (received.changed, received.reply) == (False, DEFAULT_REPLIES[HELP])
    assert await answers(app) == [DEFAULT_REPLIES[OUT], DEFAULT_REPLIES[HELP]]
    assert await app.opted_out_at() == [NUMBER]
    assert len(await app.records()) == 1


async def test_start_from_a_number_never_seen_is_recorded_without_state_or_answer(app: PhoneApp) -> None:
    received = await app.receive("START")
    assert (received.changed, received.reply) == (False, "")
    [record] = await app.records()
    assert (record.event, record.before, record.after) == (Event.OPTED_IN, State.CONFIRMED, State.CONFIRMED)


async def test_an_answer_older_than_five_minutes_is_not_sent(app: PhoneApp) -> None:
    mast(app).down = True
    await app.receive("STOP")
    async with asyncio.timeout(PATIENCE_S):
        while not mast(app).outcomes:
            await asyncio.sleep(0.005)
    mast(app).down = False
    app.clock.advance(301)
    app.flow.look_again()
    assert await answers(app) == []


async def test_you_are_subscribed_again_is_not_said_after_another_stop(app: PhoneApp) -> None:
    """The answer to a START waits for the network, and its phone says STOP meanwhile."""
    await app.receive("STOP", transport_id="1")
    await app.settled()
    mast(app).down = True
    await app.receive("START", transport_id="2")
    async with asyncio.timeout(PATIENCE_S):
        while not await app.store.waiting_count():
            await asyncio.sleep(0.005)
    await app.receive("STOP", transport_id="3")
    mast(app).down = False
    app.clock.advance(60)
    app.flow.look_again()
    await app.settled()
    assert DEFAULT_REPLIES[KeywordSet.OPT_IN] not in [sent.text for sent in mast(app).sent]


async def test_an_address_without_answers_gives_none(app: PhoneApp) -> None:
    await app.texting.addresses.set_keywords(app.grant(), NUMBER, {}, {OUT: "", IN: "", HELP: ""})
    assert [(await app.receive(text)).reply for text in ("STOP", "START", "HELP")] == ["", "", ""]
    assert await answers(app) == []


async def test_on_toll_free_the_carrier_confirms_and_we_record(app: PhoneApp) -> None:
    await app.add_number("+18885550100", AddressKind.TOLL_FREE)
    assert (await app.receive("STOP", address="+18885550100")).reply == ""
    assert (await app.receive("UNSTOP", address="+18885550100")).reply == ""
    assert (await app.receive("HELP", address="+18885550100")).reply == DEFAULT_REPLIES[HELP]
    assert {record.origin.way for record in await app.records()} == {Way.CARRIER}


async def test_what_the_gateway_has_answered_is_not_answered_again(app: PhoneApp) -> None:
    received = await app.receive("STOP", carrier_answered=True)
    assert (received.changed, received.reply) == (True, "")
    assert (await app.records())[0].origin.way is Way.CARRIER


async def test_a_carriers_refusal_opts_the_phone_out(app: PhoneApp) -> None:
    refused = app.texting.opt_outs.refused_by_carrier
    assert await refused(NUMBER, PHONE, reason="error 21610", origin=RADIO)
    assert not await refused(NUMBER, PHONE, reason="error 21610", origin=RADIO)
    [record] = await app.records()
    assert (record.origin.way, record.detail) == (Way.CARRIER, "error 21610")
    with pytest.raises(NotFound):
        await refused("+12025550666", PHONE, reason="error 21610", origin=RADIO)


@pytest.mark.parametrize(("address", "phone"), [(NUMBER[1:], PHONE[1:]), (NUMBER, PHONE[2:]), (f" {NUMBER}", PHONE)])
async def test_a_carriers_refusal_counts_however_it_writes_the_numbers(app: PhoneApp, address: str, phone: str) -> None:
    assert await app.texting.opt_outs.refused_by_carrier(address, phone, reason="error 21610", origin=RADIO)
    assert await app.opted_out_at(PHONE) == [NUMBER]


async def test_what_the_carrier_took_for_an_opt_out_is_one_in_the_same_transaction(app: PhoneApp) -> None:
    incoming = IncomingText(NUMBER, PHONE, "arrêtez ça", "SM1", carrier_answered=True, carrier_opted_out=True)
    received = await app.texting.inbound.receive(incoming, RADIO)
    assert (received.changed, received.reply) == (True, "")
    [record] = await app.records()
    assert (record.event, record.origin.way, record.keyword) == (Event.OPTED_OUT, Way.CARRIER, "")
    assert (record.detail, record.origin.raw_text) == ("the carrier took it for an opt-out", "arrêtez ça")


# --- "revoke all" -----------------------------------------------------------------------------------------------------------------


async def test_a_stop_counts_at_its_address_only_unless_the_operator_says_otherwise(app: PhoneApp) -> None:
    await app.receive("STOP")
    assert await app.opted_out_at() == [NUMBER]


async def test_with_revoke_all_one_stop_blocks_every_application_of_the_account(strict_app: PhoneApp) -> None:
    app = strict_app
    await with_app(app, None)
    await app.receive("STOP")
    assert set(await app.opted_out_at()) == {NUMBER, ACCOUNT_WIDE}
    assert [record.address for record in await app.records()] == [NUMBER, ACCOUNT_WIDE]
    await app.send("no rule names me", app_id=APP, sms_type=1)
    assert await answers(app) == [DEFAULT_REPLIES[OUT]]
    [blocked] = await app.texting.opt_outs.why(app.grant(Verb.READ_OPT_OUTS), PHONE, APP, SmsType.MARKETING)
    assert (blocked.opt_out.address, blocked.rule) == (ACCOUNT_WIDE, None)


async def test_with_revoke_all_start_at_any_address_lifts_what_was_account_wide(strict_app: PhoneApp) -> None:
    app = strict_app
    await app.receive("STOP")
    received = await app.receive("START", address=OTHER_NUMBER)
    assert (received.changed, received.reply) == (True, DEFAULT_REPLIES[IN])
    assert await app.opted_out_at() == [NUMBER]
    await app.receive("START")
    assert await app.opted_out_at() == []


async def test_with_revoke_all_a_late_start_at_another_address_does_not_lift_a_newer_stop(
    strict_app: PhoneApp,
) -> None:
    app = strict_app
    for seconds in (60, 10):
        await app.receive("STOP", sent_at=NOW - timedelta(seconds=seconds))
    await app.receive("START", address=OTHER_NUMBER, sent_at=NOW - timedelta(seconds=30))
    assert set(await app.opted_out_at()) == {NUMBER, ACCOUNT_WIDE}


async def test_with_revoke_all_a_carriers_refusal_counts_for_all_of_the_account_too(strict_app: PhoneApp) -> None:
    app = strict_app
    await app.texting.opt_outs.refused_by_carrier(NUMBER, PHONE, reason="error 21610", origin=RADIO)
    assert set(await app.opted_out_at()) == {NUMBER, ACCOUNT_WIDE}
    assert not await app.texting.opt_outs.refused_by_carrier(NUMBER, PHONE, reason="error 21610", origin=RADIO)


async def test_account_wide_is_never_listed_as_an_address(strict_app: PhoneApp) -> None:
    app = strict_app
    await app.receive("STOP")
    grant = app.grant(Verb.READ_OPT_OUTS)
    assert [address.address for address in await app.texting.addresses.all(grant)] == [NUMBER, OTHER_NUMBER]
    with pytest.raises(NotFound):
        await app.texting.addresses.get(grant, ACCOUNT_WIDE)
    with pytest.raises(NotFound):
        await app.receive("START", address=ACCOUNT_WIDE)


async def test_what_the_account_blocked_as_a_whole_is_not_lifted_by_start(app: PhoneApp) -> None:
    await app.texting.opt_outs.opt_out(app.grant(), ACCOUNT_WIDE, PHONE, reason="sued us", origin=ADMIN)
    assert not (await app.receive("START")).changed
    assert await app.opted_out_at() == [ACCOUNT_WIDE]


# --- 2.1: what is no keyword --------------------------------------------------------------------------------------------------------


async def test_what_a_person_would_understand_is_put_to_review_and_never_dropped(app: PhoneApp) -> None:
    received = await app.receive(
        "I do not want to get these messages any more, this is a nuisance", transport_id="mo-9"
    )
    assert (received.changed, received.reply, received.meaning.review) == (False, "", True)
    [record] = await app.records()
    assert (record.event, record.transport_id) == (Event.REVIEW, "mo-9")
    assert record.origin.raw_text.startswith("I do not want")
    assert await app.opted_out_at() == []


async def test_what_means_nothing_is_only_kept_as_a_text(app: PhoneApp) -> None:
    await app.receive("see you at eight")
    assert await app.store.ledger(LedgerQuery(ACCOUNT)) == []
    [text] = await app.store.inbound_text_page(ACCOUNT, after=0, limit=10)
    assert (text.text, text.matched) == ("see you at eight", "")


@pytest.mark.parametrize("text", ["\ud83d", "a\x00b", "STOP" * 100_000, ""])
async def test_no_text_is_too_strange_to_be_kept(app: PhoneApp, text: str) -> None:
    assert not (await app.receive(text, transport_id="\udfff" * 300)).changed
    assert len(await app.store.inbound_text_page(ACCOUNT, after=0, limit=10)) == 1


# --- numbers and addresses as transports write them ----------------------------------------------------------------------------------


@pytest.mark.parametrize("phone", [PHONE, PHONE[1:], "0012025550123", "2025550123", f" {PHONE} "])
@pytest.mark.parametrize("address", [NUMBER, NUMBER[1:]])
async def test_a_number_is_known_with_and_without_plus(app: PhoneApp, phone: str, address: str) -> None:
    await app.receive("STOP", phone=phone, address=address)
    assert await app.opted_out_at() == [NUMBER]


async def test_a_norwegian_number_of_ten_digits_is_not_taken_for_an_american_one(app: PhoneApp) -> None:
    await app.receive("STOP", phone="4790123456"[:10])
    assert await app.opted_out_at("+4790123456") == [NUMBER]


async def test_a_trunk_prefix_makes_no_second_number(app: PhoneApp) -> None:
    await app.receive("STOP", phone="+4407911123456")
    assert await app.opted_out_at("+447911123456") == [NUMBER]


@pytest.mark.parametrize("phone", ["", "ACME", "12345", "+1202555O123", "+1" * 20])
async def test_who_is_no_number_is_refused(app: PhoneApp, phone: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        await app.receive("STOP", phone=phone)
    assert caught.value.field == "phone"


async def test_a_short_code_hears_too(app: PhoneApp) -> None:
    await app.texting.addresses.add(app.grant(), "72345", kind=AddressKind.SHORT_CODE, country="CA", origin=ADMIN)
    for word in ("STOP", "ARRET", "ARRÊT"):
        assert (await app.receive(word, address="72345", phone="6135550123", transport_id=word)).meaning.set is OUT
    assert await app.opted_out_at("+16135550123") == ["72345"]
