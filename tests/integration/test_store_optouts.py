"""What every Store promises of opt-outs by text (`domain.ports.OptOutStore`): addresses, rules, people, incoming texts, their records."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.stores import (
    ACCOUNT,
    NOW,
    OTHER,
    PHONE,
    SECOND,
    SHORT_CODE,
    TOLL_FREE,
    Opener,
    WholeStore,
    a_text,
    add_address,
    address_of,
    an_address,
    an_entry,
    an_opt_out,
    blocked_at,
)

from tidings.domain.errors import Conflict
from tidings.domain.model import Event, LedgerEntry, LedgerQuery, Origin, TopicId, Way
from tidings.domain.optout import (
    ACCOUNT_WIDE,
    EVERY_TYPE,
    TOPICS_APP,
    AddressKind,
    BlockingRule,
    KeywordSet,
    OptOut,
    OptOutQuery,
    SmsApplication,
    SmsType,
    review_mark,
    reviewed_record,
)
from tidings.domain.phone_ports import TextAsk
from tidings.domain.unit import Unit
from tidings.store.sqlite import SqliteStore

MARKETING = SmsType.MARKETING


async def test_what_is_not_there_is_none_or_empty(store: WholeStore) -> None:
    assert await store.inbound_addresses(ACCOUNT) == await store.sms_applications(ACCOUNT) == []
    assert await store.inbound_address(ACCOUNT, TOLL_FREE) is None
    assert await store.address_owner(TOLL_FREE) is None
    assert await store.sms_application(ACCOUNT, "1400") is None
    assert await store.blocking_rules(ACCOUNT) == await store.opt_outs(ACCOUNT, PHONE) == []
    assert await blocked_at(store, TOPICS_APP, MARKETING, PHONE) == ""
    assert await store.text_gate.verdicts([]) == []
    for query in (OptOutQuery(ACCOUNT), OptOutQuery(ACCOUNT, [TOLL_FREE]), OptOutQuery(ACCOUNT, phones=[PHONE])):
        assert await store.opt_out_page(query) == []
        assert await store.opt_out_total(query) == 0
    assert await store.inbound_texts_of(ACCOUNT, TOLL_FREE, PHONE, since=NOW) == []
    assert await store.inbound_text_page(ACCOUNT, after=0, limit=9) == []


# Addresses, applications, rules


async def test_an_address_reads_back_as_written_and_changes_by_version(store: WholeStore) -> None:
    keywords = {KeywordSet.OPT_OUT: ("STOP", "ARRÊT"), KeywordSet.HELP: ()}
    full = an_address(
        SHORT_CODE, kind=AddressKind.SHORT_CODE, country="US", description="née", keywords=keywords, replies={KeywordSet.OPT_OUT: "Bye."}
    )  # fmt: skip
    await store.commit(Unit(inbound_addresses_new=[full, an_address()]))
    found = await address_of(store, SHORT_CODE)
    assert found == replace(full, id=found.id)
    assert [row.address for row in await store.inbound_addresses(ACCOUNT)] == [SHORT_CODE, TOLL_FREE]
    assert await store.address_owner(SHORT_CODE) == found
    changed = replace(found, description="", keywords={}, replies={}, country="CA", created_at=NOW + SECOND)
    await store.commit(Unit(inbound_addresses_changed=[changed]))
    assert await address_of(store, SHORT_CODE) == replace(changed, version=2)
    with pytest.raises(Conflict):
        await store.commit(Unit(inbound_addresses_changed=[found]))


async def test_a_live_address_belongs_to_one_account_but_the_account_wide_one_to_each(store: WholeStore) -> None:
    await add_address(store)
    for taken in (an_address(), an_address(account_id=OTHER)):
        with pytest.raises(Conflict):
            await store.commit(Unit(inbound_addresses_new=[taken]))
    for account in (ACCOUNT, OTHER):
        await add_address(store, ACCOUNT_WIDE, account, kind=AddressKind.ACCOUNT)
    assert await store.address_owner(ACCOUNT_WIDE) is None
    assert [row.address for row in await store.inbound_addresses(OTHER)] == [ACCOUNT_WIDE]


async def test_a_deleted_address_is_free_for_another_account_until_it_comes_back(store: WholeStore) -> None:
    mine = await add_address(store)
    unit = Unit(
        inbound_addresses_changed=[replace(mine, deleted_at=NOW)], inbound_addresses_new=[an_address(account_id=OTHER)]
    )
    await store.commit(unit)
    deleted, theirs = await address_of(store, TOLL_FREE), await address_of(store, TOLL_FREE, OTHER)
    assert deleted.deleted_at == NOW
    assert await store.inbound_addresses(ACCOUNT) == []
    assert await store.address_owner(TOLL_FREE) == theirs
    with pytest.raises(Conflict):
        await store.commit(Unit(inbound_addresses_changed=[replace(deleted, deleted_at=None)]))
    with pytest.raises(Conflict):
        await store.commit(Unit(inbound_addresses_new=[an_address()]))
    back = [replace(theirs, deleted_at=NOW), replace(deleted, deleted_at=None)]
    await store.commit(Unit(inbound_addresses_changed=back))
    owner = await store.address_owner(TOLL_FREE)
    assert owner is not None
    assert (owner.account_id, owner.id) == (ACCOUNT, mine.id)


async def test_applications_are_added_and_replaced(store: WholeStore) -> None:
    first, second = SmsApplication(ACCOUNT, "1400", "", NOW), SmsApplication(ACCOUNT, "1300", "+1", NOW, {"a": "é"})
    await store.commit(Unit(sms_applications=[first, second, replace(first, account_id=OTHER)]))
    changed = replace(first, sender="Tidings", settings={"reply-url": "https://example.com/?a=1"})
    await store.commit(Unit(sms_applications=[changed]))
    assert await store.sms_applications(ACCOUNT) == [second, changed]
    assert await store.sms_application(OTHER, "1400") == replace(first, account_id=OTHER)
    await store.commit(Unit(sms_applications=[first]))
    assert await store.sms_application(ACCOUNT, "1400") == first


async def test_rules_are_replaced_removed_and_hidden_with_their_address(store: WholeStore) -> None:
    address = await add_address(store)
    rule = BlockingRule(ACCOUNT, TOLL_FREE, "1400", EVERY_TYPE)
    await store.commit(Unit(blocking_rules=[rule, replace(rule, app_id="1300")]))
    await store.commit(Unit(blocking_rules=[replace(rule, types=frozenset({SmsType.VERIFICATION_CODE}))]))
    rules = [replace(rule, app_id="1300"), replace(rule, types=frozenset({SmsType.VERIFICATION_CODE}))]
    assert await store.blocking_rules(ACCOUNT) == rules
    await store.commit(Unit(inbound_addresses_changed=[replace(address, deleted_at=NOW)]))
    assert await store.blocking_rules(ACCOUNT) == []
    await store.commit(Unit(inbound_addresses_changed=[await address_of(store, TOLL_FREE)]))
    assert await store.blocking_rules(ACCOUNT) == []
    await store.commit(Unit(inbound_addresses_changed=[replace(address, version=3)]))
    assert await store.blocking_rules(ACCOUNT) == rules
    await store.commit(Unit(blocking_rules_deleted=[(ACCOUNT, TOLL_FREE, "1300")]))
    assert await store.blocking_rules(ACCOUNT) == rules[1:]
    with pytest.raises(Conflict):
        await store.commit(Unit(blocking_rules_deleted=[(ACCOUNT, TOLL_FREE, "1300")]))


async def test_an_address_its_rules_and_its_first_opt_out_may_come_in_one_unit(store: WholeStore) -> None:
    rule = BlockingRule(ACCOUNT, TOLL_FREE, "1400", EVERY_TYPE)
    unit = Unit(inbound_addresses_new=[an_address()], blocking_rules=[rule], opt_outs=[an_opt_out()])
    await store.commit(unit)
    assert await blocked_at(store, "1400", MARKETING, PHONE) == TOLL_FREE


async def test_what_names_an_unknown_address_is_refused_with_the_whole_unit(store: WholeStore) -> None:
    await add_address(store)
    for unit in (
        Unit(blocking_rules=[BlockingRule(OTHER, TOLL_FREE, "1400", EVERY_TYPE)]),
        Unit(opt_outs=[an_opt_out(), an_opt_out(SHORT_CODE)]),
        Unit(opt_outs=[an_opt_out(account_id=OTHER)]),
        Unit(opt_outs_lifted=[an_opt_out(SHORT_CODE)]),
        Unit(blocking_rules=[BlockingRule(ACCOUNT, TOLL_FREE, "1400", frozenset())]),
    ):
        unit.ledger.append(an_entry(1))
        with pytest.raises(Conflict):
            await store.commit(unit)
    assert await store.opt_out_total(OptOutQuery(ACCOUNT)) == 0
    assert await store.ledger(LedgerQuery()) == []


# People


async def test_an_opt_out_reads_back_as_written_is_replaced_and_lifted_once(store: WholeStore) -> None:
    await add_address(store)
    await add_address(store, SHORT_CODE)
    first, second = an_opt_out(SHORT_CODE, way=Way.CONSOLE, reason="asked", principal="arn:x"), an_opt_out()
    await store.commit(Unit(opt_outs=[first, second]))
    assert await store.opt_outs(ACCOUNT, PHONE) == [second, first]
    with pytest.raises(Conflict):
        await store.commit(Unit(opt_outs=[second]))  # not as one that is new
    second, first = await store.opt_outs(ACCOUNT, PHONE)
    later = replace(second, since=NOW + SECOND, event_at=NOW, way=Way.CARRIER, raw_text="中文")
    await store.commit(Unit(opt_outs=[later]))
    with pytest.raises(Conflict):
        await store.commit(Unit(opt_outs=[later]))  # changed since it was read
    assert await store.opt_outs(ACCOUNT, PHONE) == [later, first]
    assert await store.opt_out_total(OptOutQuery(ACCOUNT)) == 2
    with pytest.raises(Conflict):
        await store.commit(Unit(opt_outs_lifted=[second]))  # said again since it was read
    later, _ = await store.opt_outs(ACCOUNT, PHONE)
    await store.commit(Unit(opt_outs_lifted=[later]))
    assert await store.opt_outs(ACCOUNT, PHONE) == [first]
    with pytest.raises(Conflict):
        await store.commit(Unit(opt_outs_lifted=[later]))
    await store.commit(Unit(opt_outs_lifted=[first], opt_outs=[replace(first, version=0)]))
    assert await store.opt_outs(ACCOUNT, PHONE) == [first]
    assert await store.opt_outs(OTHER, PHONE) == []


async def test_reading_ahead_changes_nothing(store: WholeStore) -> None:
    await add_address(store)
    await store.commit(Unit(opt_outs=[an_opt_out()]))
    assert isinstance(store, SqliteStore)
    await store.warm()
    assert await blocked_at(store, TOPICS_APP, MARKETING, PHONE) == TOLL_FREE


async def test_a_deleted_address_blocks_nothing_and_comes_back_with_its_people(store: WholeStore) -> None:
    address = await add_address(store)
    await store.commit(Unit(opt_outs=[an_opt_out(), an_opt_out(phone="+12025550124")]))
    await store.commit(Unit(inbound_addresses_changed=[replace(address, deleted_at=NOW)]))
    queries = [OptOutQuery(ACCOUNT), OptOutQuery(ACCOUNT, [TOLL_FREE]), OptOutQuery(ACCOUNT, phones=[PHONE])]
    assert await blocked_at(store, TOPICS_APP, MARKETING, PHONE) == ""
    assert await store.opt_outs(ACCOUNT, PHONE) == []
    for query in queries:
        assert await store.opt_out_page(query) == []
        assert await store.opt_out_total(query) == 0
    # A STOP that was on its way when the address was deleted is not lost.
    await store.commit(Unit(opt_outs=[an_opt_out(phone="+12025550125")]))
    await store.commit(Unit(inbound_addresses_changed=[replace(address, version=2)]))
    assert await blocked_at(store, TOPICS_APP, MARKETING, "+12025550125") == TOLL_FREE
    assert [await store.opt_out_total(query) for query in queries] == [3, 3, 1]


async def test_every_acknowledged_change_is_seen_by_the_next_question_also_by_another_opening(
    opener: Opener, tmp_path: Path
) -> None:
    server, command = await opener(tmp_path), await opener(tmp_path)
    await add_address(server)
    for number in range(20):
        writer = (server, command)[number % 2]
        await writer.commit(Unit(opt_outs=[an_opt_out()]))
        for store in (server, command):
            assert await blocked_at(store, TOPICS_APP, MARKETING, PHONE) == TOLL_FREE
        await writer.commit(Unit(opt_outs_lifted=await writer.opt_outs(ACCOUNT, PHONE)))
        for store in (server, command):
            assert await blocked_at(store, TOPICS_APP, MARKETING, PHONE) == ""
    await server.close()
    await command.close()


async def test_opt_outs_are_listed_by_time_and_phone_with_every_filter_and_counted(store: WholeStore) -> None:
    addresses = [await add_address(store, address) for address in (TOLL_FREE, SHORT_CODE, ACCOUNT_WIDE, "12345")]
    await add_address(store, "54321", OTHER)
    made: list[OptOut] = []
    for number in range(60):
        account, address = (ACCOUNT, addresses[number % 4].address) if number % 7 else (OTHER, "54321")
        since = NOW + (number * 37 % 11) * SECOND
        made.append(an_opt_out(address, f"+1202555{number // 2:04}", account_id=account, since=since))
    await store.commit(Unit(opt_outs=made))
    await store.commit(Unit(inbound_addresses_changed=[replace(addresses[3], deleted_at=NOW)]))
    place = {address.address: address.id for address in addresses}
    mine = [row for row in made if row.account_id == ACCOUNT and row.address != "12345"]
    mine.sort(key=lambda row: (row.since, row.phone, place[row.address]))
    phones = [row.phone for row in made[::5]]
    for named, asked, since, until, offset in product(
        ((), (TOLL_FREE,), (TOLL_FREE, SHORT_CODE), ("12345",), ("12345", ACCOUNT_WIDE, "54321")),
        ((), phones, ["+1"]),
        (None, NOW + 3 * SECOND),
        (None, NOW + 3 * SECOND, NOW + 8 * SECOND),
        (0, 4),
    ):
        query = OptOutQuery(ACCOUNT, named, asked, since, until, offset, 7)
        expected = [
            row
            for row in mine
            if (not named or row.address in named)
            and (not asked or row.phone in asked)
            and (since is None or row.since >= since)
            and (until is None or row.since < until)
        ]
        assert await store.opt_out_page(query) == expected[offset : offset + 7], query
        assert await store.opt_out_total(query) == len(expected), query


async def test_a_large_import_is_applied_as_a_whole_and_in_its_order_or_not_at_all(store: WholeStore) -> None:
    await add_address(store)
    phones = [f"+1202{number * 7919 % 10_000_000:07}" for number in range(1_500)]
    opt_outs = [an_opt_out(phone=phone, way=Way.IMPORT) for phone in phones]
    ledger = [_record(number, endpoint=phone) for number, phone in enumerate(phones)]
    with pytest.raises(Conflict):
        await store.commit(Unit(opt_outs=[*opt_outs, an_opt_out(SHORT_CODE)], ledger=ledger))
    assert await store.opt_out_total(OptOutQuery(ACCOUNT)) == 0
    others = [store.commit(Unit(ledger=[an_entry(number)])) for number in range(20)]
    await asyncio.gather(store.commit(Unit(opt_outs=opt_outs, ledger=ledger)), *others)
    assert await store.opt_out_total(OptOutQuery(ACCOUNT)) == len(phones)
    verdicts = await store.text_gate.verdicts([TextAsk(ACCOUNT, TOPICS_APP, 2, phone) for phone in phones])
    assert all(verdict.blocked_at for verdict in verdicts)
    found = await store.ledger(LedgerQuery(ACCOUNT, address=TOLL_FREE, limit=9_999))
    assert [replace(entry, id=0) for entry in found] == ledger
    made = await store.opt_out_page(OptOutQuery(ACCOUNT, limit=9_999))
    await store.commit(Unit(opt_outs_lifted=made))
    assert await store.opt_out_total(OptOutQuery(ACCOUNT)) == 0


# Incoming texts


async def test_an_incoming_text_is_kept_once_by_the_transports_id_at_its_address(store: WholeStore) -> None:
    full = a_text(sent_at=NOW - SECOND, transport_id="t-1", matched="opt-out")
    different = [replace(full, account_id=OTHER), replace(full, address=SHORT_CODE), replace(full, transport_id="t-2")]
    await store.commit(Unit(inbound_texts=[full, *different, a_text(), a_text()]))
    found = await store.inbound_text_page(ACCOUNT, after=0, limit=9)
    assert [replace(row, id=0) for row in found] == [full, *different[1:], a_text(), a_text()]
    assert [row.id for row in found] == sorted({row.id for row in found})
    assert await store.inbound_text_page(ACCOUNT, after=found[1].id, limit=2) == found[2:4]
    with pytest.raises(Conflict):
        await store.commit(Unit(inbound_texts=[a_text("other words", transport_id="t-1")], ledger=[an_entry(1)]))
    assert await store.ledger(LedgerQuery()) == []


async def test_what_a_phone_said_at_an_address_is_found_since_a_time(store: WholeStore) -> None:
    texts = [a_text(str(number), at=NOW + number * SECOND) for number in range(4)]
    elsewhere = [a_text(phone="+12025550124"), a_text(address=SHORT_CODE), a_text(account_id=OTHER)]
    await store.commit(Unit(inbound_texts=texts + elsewhere))
    found = await store.inbound_texts_of(ACCOUNT, TOLL_FREE, PHONE, since=NOW + 2 * SECOND)
    assert [replace(row, id=0) for row in found] == texts[2:]


async def test_incoming_texts_are_listed_from_either_end_by_address_and_by_what_they_matched(store: WholeStore) -> None:
    addresses, matched = (TOLL_FREE, SHORT_CODE, "12345"), ("", "opt-out", "", "help", "opt-in")
    texts = []
    for number in range(60):
        account = OTHER if number % 8 == 0 else ACCOUNT
        at = NOW + (number % 7) * SECOND
        texts.append(
            a_text(str(number), account_id=account, address=addresses[number % 3], matched=matched[number % 5], at=at)
        )
    await store.commit(Unit(inbound_texts=texts))
    found = await store.inbound_text_page(ACCOUNT, after=0, limit=99)
    assert [replace(row, id=0) for row in found] == [text for text in texts if text.account_id == ACCOUNT]
    wanted: list[tuple[str, ...]] = [(), (SHORT_CODE,), ("12345", TOLL_FREE, "12345"), ("9",)]
    for unmatched, place, limit in product((False, True), (0, found[20].id, found[-1].id), (3, 99)):
        kept = [row for row in found if not (unmatched and row.matched)]
        before = [row for row in kept if row.id < place][::-1]
        assert await store.last_inbound_texts(ACCOUNT, before=place, limit=limit, unmatched=unmatched) == before[:limit]
        last = await store.last_inbound_texts(ACCOUNT, before=None, limit=limit, unmatched=unmatched)
        assert last == kept[::-1][:limit]
        for names in wanted:
            expected = [row for row in kept if row.id > place and (not names or row.address in names)]
            page = await store.inbound_text_page(
                ACCOUNT, after=place, limit=limit, addresses=names, unmatched=unmatched
            )
            assert page == expected[:limit], (unmatched, place, limit, names)


async def test_when_an_address_was_last_heard_from_is_known(store: WholeStore) -> None:
    assert await store.last_inbound_at(ACCOUNT, TOLL_FREE) is None
    texts = [a_text(), a_text(at=NOW + SECOND), a_text(address=SHORT_CODE), a_text(account_id=OTHER, at=NOW - SECOND)]
    await store.commit(Unit(inbound_texts=texts))
    received = [
        await store.last_inbound_at(*place)
        for place in ((ACCOUNT, TOLL_FREE), (ACCOUNT, SHORT_CODE), (OTHER, TOLL_FREE))
    ]
    assert received == [NOW + SECOND, NOW, NOW - SECOND]


async def test_incoming_texts_are_swept_after_ninety_days_in_bites(store: WholeStore) -> None:
    day = timedelta(days=1)
    texts = [a_text(str(number), at=NOW - days * day) for number, days in enumerate((0, 89, 90, 91, 92, 93))]
    await store.commit(Unit(inbound_texts=texts))
    assert [await store.sweep(NOW, 2) for _ in range(3)] == [2, 1, 0]
    left = await store.inbound_text_page(ACCOUNT, after=0, limit=9)
    assert [row.text for row in left] == ["0", "1", "2"]


# Records


def _record(number: int, **changes: Any) -> LedgerEntry:
    entry = an_entry(0, NOW + number * SECOND, topic_id=TopicId(0), topic_name="", region="", subscription_uid="")
    told = {"address": TOLL_FREE, "keyword": "STOP", "transport_id": f"t-{number}", "sent_at": NOW}
    said = {
        "event": Event.OPTED_OUT,
        "protocol": "sms",
        "endpoint": PHONE,
        "origin": Origin(Way.KEYWORD, raw_text="Stop!"),
    }
    return replace(entry, **(told | said | changes))


async def test_records_are_found_by_address_event_and_way(store: WholeStore) -> None:
    events = [Event.OPTED_OUT, Event.OPTED_IN, Event.REVIEW, Event.REVIEWED, Event.CONFIRMED]
    ways = [Way.KEYWORD, Way.CONSOLE, Way.IMPORT]
    made = []
    for number in range(90):
        event = events[number % 5]
        made.append(
            _record(
                number if number != 40 else -40,
                event=event,
                origin=Origin(ways[number % 3]),
                account_id=OTHER if number % 11 == 0 else ACCOUNT,
                address="" if event is Event.CONFIRMED else (TOLL_FREE, SHORT_CODE)[number % 2],
                endpoint=PHONE if number % 4 else "+12025550124",
                sent_at=None if number % 13 == 0 else NOW,
            )
        )
    await store.commit(Unit(ledger=made))
    everything = await store.ledger(LedgerQuery(limit=999))
    assert [replace(entry, id=0) for entry in everything] == made
    for account, address, wanted, by, phone, (since, until), (after, limit) in product(
        (None, ACCOUNT),
        (None, TOLL_FREE, "9"),
        ((), (Event.REVIEW,), (Event.REVIEW, Event.OPTED_OUT), (Event.CONFIRMED, Event.OPTED_IN)),
        ((), (Way.KEYWORD,), (Way.IMPORT, Way.CONSOLE)),
        (None, PHONE),
        ((None, None), (NOW + 20 * SECOND, NOW + 60 * SECOND)),
        ((0, 999), (everything[9].id, 3)),
    ):
        query = LedgerQuery(
            account, phone, since=since, until=until, address=address, events=wanted, ways=by, after=after, limit=limit
        )
        expected = [
            row
            for row in everything
            if account in (None, row.account_id)
            and address in (None, row.address)
            and (not wanted or row.event in wanted)
            and (not by or row.origin.way in by)
            and phone in (None, row.endpoint)
            and (since is None or since <= row.at)
            and (until is None or row.at < until)
            and row.id > after
        ]
        assert await store.ledger(query) == expected[:limit], query


async def test_reviews_are_open_until_the_decision_is_written_down(store: WholeStore) -> None:
    asked = [
        _record(number, event=Event.REVIEW, account_id=OTHER if number % 4 == 3 else ACCOUNT) for number in range(12)
    ]
    await store.commit(Unit(ledger=[_record(0), *asked, _record(0, event=Event.REVIEWED, detail="of no record")]))
    made = [entry for entry in await store.ledger(LedgerQuery(limit=99)) if entry.event is Event.REVIEW]
    own = [entry for entry in made if entry.account_id == ACCOUNT]
    assert await store.open_reviews(ACCOUNT, after=0, limit=99) == own
    assert await store.open_reviews(ACCOUNT, after=own[2].id, limit=3) == own[3:6]
    assert await store.open_review_total(ACCOUNT) == len(own)
    assert await store.open_review_total(ACCOUNT, before=own[4].at) == 4
    foreign = next(entry for entry in made if entry.account_id == OTHER)
    for decided in (own[0], own[3], foreign):
        detail = f"{review_mark(decided.id)} ignore: a joke"
        await store.commit(Unit(ledger=[_record(50, event=Event.REVIEWED, detail=detail)]))
    rest = [entry for entry in own if entry not in (own[0], own[3])]
    assert await store.open_reviews(ACCOUNT, after=0, limit=99) == rest
    assert await store.open_review_total(OTHER) == len(made) - len(own)
    await store.reset()
    assert await store.open_reviews(ACCOUNT, after=0, limit=99) == []


async def test_what_came_and_was_decided_in_one_unit_leaves_the_rest_open(store: WholeStore) -> None:
    await store.commit(Unit(ledger=[_record(number, event=Event.REVIEW) for number in range(300)]))
    reviews = await store.open_reviews(ACCOUNT, after=0, limit=999)
    decisions = [
        _record(400, event=Event.REVIEWED, detail=f"{review_mark(review.id)} opt-out: asked") for review in reviews[5:]
    ]
    await store.commit(Unit(ledger=[_record(400, event=Event.REVIEW), *decisions]))
    left = await store.open_reviews(ACCOUNT, after=0, limit=999)
    assert left[:-1] == reviews[:5]
    assert left[-1].at == NOW + 400 * SECOND


@given(st.integers(0, 10**18 - 1), st.text())
def test_a_decision_names_the_record_that_it_decides(record_id: int, reason: str) -> None:
    assert reviewed_record(f"{review_mark(record_id)} ignore: {reason}") == record_id
    assert reviewed_record(f"of {review_mark(record_id)}") is None


async def test_a_reset_forgets_people_and_texts_and_keeps_what_was_provisioned(store: WholeStore) -> None:
    address = await add_address(store)
    application, rule = SmsApplication(ACCOUNT, "1400", "", NOW), BlockingRule(ACCOUNT, TOLL_FREE, "1400", EVERY_TYPE)
    people = Unit(opt_outs=[an_opt_out()], inbound_texts=[a_text(transport_id="t")], ledger=[_record(1)])
    await store.commit(Unit(sms_applications=[application], blocking_rules=[rule]))
    await store.commit(people)
    await store.reset()
    assert await store.inbound_addresses(ACCOUNT) == [address]
    assert await store.sms_applications(ACCOUNT) == [application]
    assert await store.blocking_rules(ACCOUNT) == [rule]
    assert await blocked_at(store, "1400", MARKETING, PHONE) == ""
    assert await store.opt_out_total(OptOutQuery(ACCOUNT)) == 0
    assert await store.inbound_text_page(ACCOUNT, after=0, limit=9) == await store.ledger(LedgerQuery()) == []
    await store.commit(people)
    assert await store.opt_out_total(OptOutQuery(ACCOUNT)) == 1
    await store.commit(Unit(opt_outs_lifted=await store.opt_outs(ACCOUNT, PHONE)))
    assert await store.opt_out_total(OptOutQuery(ACCOUNT)) == 0
