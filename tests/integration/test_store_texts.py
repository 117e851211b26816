"""What every Store promises of texts that applications send (`domain.ports.TextStore`): signs, templates, texts, reports, parts, tallies,
readers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any, Protocol

import pytest
from tests.support.stores import (
    ACCOUNT,
    NOW,
    OTHER,
    PHONE,
    SECOND,
    TOLL_FREE,
    Opener,
    WholeStore,
    a_message,
    a_text,
    an_entry,
)

from tidings.domain.errors import Conflict
from tidings.domain.model import AccountId, LedgerQuery
from tidings.domain.optout import SmsApplication, SmsType
from tidings.domain.ports import NewDelivery, Progress
from tidings.domain.texts import (
    TEXTS_KEPT,
    Reach,
    Reader,
    Review,
    SentText,
    SentTextQuery,
    SmsSign,
    SmsTemplate,
    TextCount,
    TextReport,
    TextState,
    TextTally,
)
from tidings.domain.unit import Unit

APP = "1400000001"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOON = NOW.replace(minute=0, second=0, microsecond=0)
MIDNIGHT = NOON.replace(hour=0)
EPOCH = NOW - 99 * DAY
PHONES = [f"+1202555{number:04}" for number in range(5)]


class Journal(Protocol):
    """What a flow writes its progress through."""

    def append(self, messages: list[Any]) -> asyncio.Future[None]: ...
    def record(self, progress: Progress, unit: Unit | None = None) -> Awaitable[list[int]]: ...
    async def last_seq(self) -> int: ...


def journal_of(store: WholeStore) -> Journal:
    journal: Journal = store.journal  # type: ignore[attr-defined]  # the flow's side of a store is no part of the ports
    return journal


def a_sign(number: int = 1, **changes: Any) -> SmsSign:
    return replace(SmsSign(number, ACCOUNT, f"Sign {number}", Reach.BOTH, Review.WAITING, NOW), **changes)


def a_text_template(number: int = 1, **changes: Any) -> SmsTemplate:
    template = SmsTemplate(
        number, ACCOUNT, "code", "Your code is {1}.", SmsType.MARKETING, Reach.GLOBAL, Review.USABLE, NOW
    )
    return replace(template, **changes)


def sent(number: int = 1, **changes: Any) -> SentText:
    return replace(SentText(f"s-{number}", ACCOUNT, APP, PHONE, SmsType.MARKETING, NOW, 1), **changes)


def report(number: int = 1, state: TextState = TextState.DELIVERED, **changes: Any) -> TextReport:
    return replace(TextReport(f"s-{number}", state, "DELIVRD", NOW), **changes)


def tally(count: int = 1, **changes: Any) -> TextTally:
    return replace(TextTally(ACCOUNT, APP, SmsType.MARKETING, NOON, TextCount.ACCEPTED, count), **changes)


async def all_reports(store: WholeStore, account_id: AccountId = ACCOUNT, app_id: str = APP) -> list[SentText]:
    return await store.text_reports(account_id, app_id, after=0, limit=999)


async def test_what_is_not_there_is_none_or_empty(store: WholeStore) -> None:
    assert await store.sms_sign(ACCOUNT, 1) is await store.sms_sign_by_content(ACCOUNT, "x") is None
    assert await store.sms_template(ACCOUNT, 1) is None
    assert await store.sent_text("s-1") is None
    assert await store.sms_signs(ACCOUNT) == []
    assert await store.sms_templates(ACCOUNT) == []
    assert await store.sms_sender(ACCOUNT, APP) == ""
    assert await store.texts_to(ACCOUNT, APP, [PHONE], since=NOW) == {}
    assert await store.texts_to(ACCOUNT, APP, [], since=NOW) == {}
    for query in (
        SentTextQuery(ACCOUNT),
        SentTextQuery(ACCOUNT, phones=[PHONE]),
        SentTextQuery(ACCOUNT, reported=True),
    ):
        assert await store.sent_texts(query) == []
    assert await all_reports(store) == []
    assert await store.text_part(["a"]) is await store.text_part([]) is None
    assert await store.part_delivered("s-1", "a") is False
    assert await store.text_tallies(ACCOUNT, since=EPOCH, until=NOW) == []
    assert await store.reader(ACCOUNT, APP, "status") == 0
    assert await store.last_text_from(ACCOUNT, TOLL_FREE) is None


# Signs, templates, applications


async def test_a_sign_reads_back_as_written_changes_by_version_and_goes_once(store: WholeStore) -> None:
    full = a_sign(7, content="签名", kind=2, document=3, remark="née", review_reply="no", review=Review.REFUSED)
    await store.commit(Unit(sms_signs_new=[full, a_sign(3)]))
    assert await store.sms_sign(ACCOUNT, 7) == await store.sms_sign_by_content(ACCOUNT, "签名") == full
    assert await store.sms_signs(ACCOUNT) == [a_sign(3), full]
    changed = a_sign(7, content="New", reach=Reach.MAINLAND, review=Review.LATER, created_at=NOW + SECOND)
    await store.commit(Unit(sms_signs_changed=[changed]))
    assert await store.sms_sign(ACCOUNT, 7) == replace(changed, version=2)
    assert await store.sms_sign_by_content(ACCOUNT, "签名") is None
    with pytest.raises(Conflict):
        await store.commit(Unit(sms_signs_changed=[full]))
    await store.commit(Unit(sms_signs_deleted=[(ACCOUNT, 7)]))
    assert await store.sms_signs(ACCOUNT) == [a_sign(3)]
    with pytest.raises(Conflict):
        await store.commit(Unit(sms_signs_deleted=[(ACCOUNT, 7)]))


async def test_a_signs_id_and_content_are_taken_within_its_account(store: WholeStore) -> None:
    await store.commit(Unit(sms_signs_new=[a_sign(1), a_sign(2), a_sign(1, account_id=OTHER)]))
    for unit in (
        Unit(sms_signs_new=[a_sign(1, content="else")]),
        Unit(sms_signs_new=[a_sign(3, content="Sign 1")]),
        Unit(sms_signs_changed=[a_sign(2, content="Sign 1")]),
        Unit(sms_signs_changed=[a_sign(2, account_id=OTHER)]),
    ):
        unit.ledger.append(an_entry(1))
        with pytest.raises(Conflict):
            await store.commit(unit)
    assert await store.ledger(LedgerQuery()) == []
    await store.commit(Unit(sms_signs_deleted=[(ACCOUNT, 1)], sms_signs_new=[a_sign(4, content="Sign 1")]))
    assert await store.sms_signs(ACCOUNT) == [a_sign(2), a_sign(4, content="Sign 1")]
    assert await store.sms_signs(OTHER) == [a_sign(1, account_id=OTHER)]


async def test_a_template_reads_back_as_written_changes_by_version_and_goes_once(store: WholeStore) -> None:
    full = a_text_template(7, content="{1}，你好", remark="née", review_reply="no", sms_type=SmsType.VERIFICATION_CODE)
    await store.commit(Unit(sms_templates_new=[full, a_text_template(3), a_text_template(7, account_id=OTHER)]))
    assert await store.sms_template(ACCOUNT, 7) == full
    assert await store.sms_templates(ACCOUNT) == [a_text_template(3), full]
    changed = a_text_template(7, name="n", content="c", reach=Reach.MAINLAND, review=Review.LATER, created_at=NOW + DAY)
    await store.commit(Unit(sms_templates_changed=[changed]))
    assert await store.sms_template(ACCOUNT, 7) == replace(changed, version=2)
    for unit in (
        Unit(sms_templates_changed=[full]),
        Unit(sms_templates_new=[full]),
        Unit(sms_templates_deleted=[(OTHER, 3)]),
    ):
        with pytest.raises(Conflict):
            await store.commit(unit)
    await store.commit(Unit(sms_templates_deleted=[(ACCOUNT, 7)]))
    assert await store.sms_templates(ACCOUNT) == [a_text_template(3)]
    assert await store.sms_templates(OTHER) == [a_text_template(7, account_id=OTHER)]


async def test_an_applications_sender_is_what_any_process_committed_last(opener: Opener, tmp_path: Path) -> None:
    server, command = await opener(tmp_path), await opener(tmp_path)
    for writer, sender in ((server, "24273"), (command, ""), (command, "Tidings")):
        await writer.commit(Unit(sms_applications=[SmsApplication(ACCOUNT, APP, sender, NOW)]))
        for store in (server, command):
            assert await store.sms_sender(ACCOUNT, APP) == sender
    assert await server.sms_sender(OTHER, APP) == await server.sms_sender(ACCOUNT, "1") == ""
    await server.close()
    await command.close()


# Texts


async def test_a_text_reads_back_as_written_and_its_serial_is_taken(store: WholeStore) -> None:
    full = sent(1, parts=3, template_id=9, sign="签名", session="née", extend="77", digest=b"\0\xff", phone=PHONES[0])
    await store.commit(Unit(texts_sent=[full, sent(2)]))
    assert await store.sent_text("s-1") == full
    with pytest.raises(Conflict):
        await store.commit(Unit(texts_sent=[sent(3), sent(1, account_id=OTHER)]))
    assert await store.sent_text("s-3") is None


async def test_texts_and_their_messages_are_accepted_together_or_not_at_all(store: WholeStore) -> None:
    journal = journal_of(store)
    await store.commit(Unit(texts_sent=[sent(1)], messages=[a_message(1)], text_tallies=[tally()]))
    with pytest.raises(Conflict):
        await store.commit(Unit(texts_sent=[sent(2), sent(1)], messages=[a_message(2)], text_tallies=[tally()]))
    assert await journal.last_seq() == 1
    assert await store.text_tallies(ACCOUNT, since=EPOCH, until=NOW) == [tally()]


async def test_texts_to_very_many_phones_are_accepted_as_a_whole_and_in_their_order(store: WholeStore) -> None:
    texts = [sent(number, phone=f"+1202{number:07}") for number in range(501)]
    messages = [a_message(number) for number in range(501)]
    with pytest.raises(Conflict):
        await store.commit(Unit(texts_sent=[*texts, sent(7)], messages=messages))
    others = [store.commit(Unit(texts_sent=[sent(1_000 + number)])) for number in range(9)]
    await asyncio.gather(store.commit(Unit(texts_sent=texts, messages=messages)), *others)
    assert await journal_of(store).last_seq() == 501
    found = await store.texts_to(ACCOUNT, APP, [row.phone for row in texts], since=NOW)
    assert found.keys() == {row.phone for row in texts}
    listed = await store.sent_texts(SentTextQuery(ACCOUNT, phones=[row.phone for row in texts], limit=999))
    assert [row.serial for row in listed] == [row.serial for row in reversed(texts)]


async def test_when_phones_were_sent_texts_by_an_application_is_known_over_days(store: WholeStore) -> None:
    made = []
    for number in range(80):
        account, app = (OTHER if number % 9 == 0 else ACCOUNT), ("1400", APP)[number % 2]
        at = NOW - (number * 29 % 80) * 3 * HOUR
        phone = PHONES[number % 4]
        made.append(
            sent(number, account_id=account, app_id=app, phone=phone, accepted_at=at, digest=b"%d" % (number % 3))
        )
    await store.commit(Unit(texts_sent=made))
    for since, asked in product(
        (NOW + SECOND, NOW, NOW - HOUR, MIDNIGHT, MIDNIGHT - DAY, NOW - 30 * HOUR, EPOCH, datetime(1, 1, 1, tzinfo=NOW.tzinfo)),
        ([], PHONES[:1], PHONES, [PHONES[1], PHONES[1], "", "+1"]),
    ):  # fmt: skip
        expected: dict[str, list[tuple[datetime, bytes]]] = {}
        for row in sorted(made, key=lambda row: row.accepted_at):
            if row.phone in asked and (row.account_id, row.app_id) == (ACCOUNT, APP) and row.accepted_at >= since:
                expected.setdefault(row.phone, []).append((row.accepted_at, row.digest))
        assert await store.texts_to(ACCOUNT, APP, asked, since=since) == expected, (since, asked)


async def test_texts_are_listed_newest_first_with_every_filter(store: WholeStore) -> None:
    made = []
    for number in range(60):
        account, app = (OTHER if number % 7 == 0 else ACCOUNT), ("1400", APP, "1500")[number % 3]
        at = NOW - (number * 37 % 60) * 5 * HOUR
        made.append(sent(number, account_id=account, app_id=app, phone=PHONES[number % 5], accepted_at=at))
    await store.commit(Unit(texts_sent=made))
    ends = [report(number, at=made[number].accepted_at + HOUR) for number in range(59, -1, -1) if number % 4]
    await store.commit(Unit(text_reports=ends[:20]))
    await store.commit(Unit(text_reports=ends[20:]))
    found = [await store.sent_text(row.serial) for row in made]
    rows = [row for row in found if row is not None and row.account_id == ACCOUNT]
    for app_id, phones, (since, until), reported, (offset, limit) in product(
        (None, APP, "9"),
        ((), PHONES[:2], [PHONES[3], PHONES[3]], ["+1"]),
        ((None, None), (NOW - 5 * DAY, None), (NOW - 8 * DAY, NOW - DAY)),
        (False, True),
        ((0, 99), (3, 4)),
    ):
        query = SentTextQuery(ACCOUNT, app_id, phones, since, until, reported, offset, limit)
        expected = [
            row
            for row in rows
            if app_id in (None, row.app_id)
            and (not phones or row.phone in phones)
            and (not reported or row.report_id)
            and _is_between(row.reported_at if reported else row.accepted_at, since, until)
        ]
        expected.sort(key=lambda row: row.report_id if reported else row.accepted_at, reverse=True)
        assert await store.sent_texts(query) == expected[offset : offset + limit], query


def _is_between(at: datetime | None, since: datetime | None, until: datetime | None) -> bool:
    return at is not None and (since is None or at >= since) and (until is None or at < until)


# Reports


async def test_only_the_first_report_of_a_text_counts_wherever_it_comes_from(store: WholeStore) -> None:
    await store.commit(Unit(texts_sent=[sent(number) for number in range(4)]))
    first = [report(0, TextState.FAILED, detail="phone off", at=NOW + SECOND), report(0), report(99)]
    await store.commit(Unit(text_reports=first))
    unit = Unit(text_reports=[report(0), report(2, TextState.BLOCKED), report(99), report(2, TextState.FAILED)])
    await journal_of(store).record(Progress(), unit)
    await store.commit(Unit(text_reports=[report(2), report(1)]))
    found = await all_reports(store)
    assert [(row.serial, row.state) for row in found] == [
        ("s-0", TextState.FAILED), ("s-2", TextState.BLOCKED), ("s-1", TextState.DELIVERED)
    ]  # fmt: skip
    told = {"state": TextState.FAILED, "detail": "phone off", "reported_at": NOW + SECOND}
    assert found[0] == sent(0, **told, report_id=found[0].report_id)
    assert await store.sent_text("s-3") == sent(3)


async def test_a_text_may_be_reported_by_the_unit_that_accepts_it(store: WholeStore) -> None:
    await store.commit(Unit(texts_sent=[sent(1)], text_reports=[report(1, TextState.BLOCKED)]))
    assert [row.state for row in await all_reports(store)] == [TextState.BLOCKED]


async def test_reports_are_read_page_by_page_in_the_order_in_which_they_came(store: WholeStore) -> None:
    texts = [sent(number, app_id=(APP, "1300")[number % 3 == 0]) for number in range(30)]
    await store.commit(Unit(texts_sent=[*texts, sent(99, account_id=OTHER)]))
    order = [number * 7 % 30 for number in range(30)]
    units = [store.commit(Unit(text_reports=[report(number)])) for number in order[:15]]
    records = [journal_of(store).record(Progress(), Unit(text_reports=[report(number)])) for number in order[15:]]
    await asyncio.gather(*units, *records, store.commit(Unit(text_reports=[report(99)])))
    pages: list[SentText] = []
    while page := await store.text_reports(ACCOUNT, APP, after=pages[-1].report_id if pages else 0, limit=4):
        assert len(page) <= 4
        pages += page
    assert {row.serial for row in pages} == {row.serial for row in texts if row.app_id == APP}
    numbers = [row.report_id for row in pages]
    assert numbers == sorted(set(numbers))
    assert [row.serial for row in await all_reports(store, OTHER)] == ["s-99"]


async def test_a_later_report_has_a_higher_number_whatever_was_swept_or_restarted(
    opener: Opener, tmp_path: Path
) -> None:
    last, at = 0, NOW
    for number in range(6):
        store = await opener(tmp_path)
        await store.commit(Unit(texts_sent=[sent(number, accepted_at=at)]))
        with pytest.raises(Conflict):
            await store.commit(Unit(text_reports=[report(number)], sms_signs_deleted=[(ACCOUNT, 1)]))
        await store.commit(Unit(text_reports=[report(number)]))
        [found] = await store.text_reports(ACCOUNT, APP, after=last, limit=9)
        assert found.report_id > last
        last = found.report_id
        if number == 3:
            await store.reset()
        elif number % 2:
            at += 9 * DAY
            assert await store.sweep(at, 9) > 0
            assert await store.sent_text(f"s-{number}") is None
        await store.close()


# Parts


async def test_a_part_is_found_by_any_spelling_of_its_id(store: WholeStore) -> None:
    await store.commit(Unit(texts_sent=[sent(1), sent(2)]))
    await journal_of(store).record(
        Progress(), Unit(text_parts=[("s-1", ("0a", "0b")), ("s-2", ("0c",)), ("s-9", ("0d",))])
    )
    assert await store.text_part(["0a"]) == ("s-1", "0a")
    assert await store.text_part(["10", "0B", "0b", "0a"]) == ("s-1", "0b")
    assert await store.text_part(["0c"]) == ("s-2", "0c")
    # Of a text that is not kept.
    assert await store.text_part(["0d"]) is None


async def test_parts_are_found_by_the_plain_form_of_their_ids(store: WholeStore) -> None:
    await store.commit(Unit(texts_sent=[sent(1), sent(2)]))
    parts = [("s-1", ("h:1/000000A1", "h:1/b")), ("s-2", ("h:1/a1", "h:2/A1"))]
    await journal_of(store).record(Progress(), Unit(text_parts=parts))
    assert await store.text_parts_alike(["h:1/a1"], limit=9) == [("s-2", "h:1/a1"), ("s-1", "h:1/000000A1")]
    assert await store.text_parts_alike(["h:1/a1"], limit=1) == [("s-2", "h:1/a1")]
    assert await store.text_parts_alike(["h:2/a1", "h:1/b", "h:3/a1"], limit=9) == [("s-2", "h:2/A1"), ("s-1", "h:1/b")]
    assert await store.text_parts_alike([], limit=9) == []


async def test_a_text_has_arrived_when_no_part_is_missing_and_a_repeat_says_so_again(store: WholeStore) -> None:
    await store.commit(Unit(texts_sent=[sent(1), sent(2)]))
    await journal_of(store).record(Progress(), Unit(text_parts=[("s-1", ("a", "b", "c")), ("s-2", ("d",))]))
    told = [await store.part_delivered("s-1", part) for part in ("b", "a", "b", "a", "x", "d", "c", "c", "a")]
    assert told == [False, False, False, False, False, False, True, True, True]
    assert await store.part_delivered("s-2", "a") is False
    assert await store.part_delivered("s-2", "d") is True
    # Parts do not end a text's way by themselves.
    assert await store.sent_text("s-1") == sent(1)


async def test_one_of_receipts_that_come_at_once_is_the_last(store: WholeStore) -> None:
    await store.commit(Unit(texts_sent=[sent(1)]))
    parts = tuple(f"p-{number}" for number in range(40))
    await journal_of(store).record(Progress(), Unit(text_parts=[("s-1", parts)]))
    assert sum(await asyncio.gather(*(store.part_delivered("s-1", part) for part in parts))) == 1


async def test_an_id_that_a_network_uses_again_belongs_to_the_newest_text(store: WholeStore) -> None:
    await store.commit(Unit(texts_sent=[sent(1, accepted_at=NOW - TEXTS_KEPT - DAY), sent(2)]))
    journal = journal_of(store)
    await journal.record(Progress(), Unit(text_parts=[("s-1", ("a", "b"))]))
    assert await store.part_delivered("s-1", "a") is False
    await journal.record(Progress(), Unit(text_parts=[("s-2", ("a", "c"))]))
    assert await store.text_part(["a"]) == ("s-2", "a")
    assert [await store.part_delivered("s-2", part) for part in ("c", "a")] == [False, True]
    await journal.record(Progress(), Unit(text_parts=[("s-2", ("a", "c"))]))
    assert await store.part_delivered("s-2", "c") is True
    assert await store.sweep(NOW, 9) == 1
    assert await store.text_part(["b"]) is None
    assert await store.text_part(["a"]) == ("s-2", "a")


# Tallies, readers, senders


async def test_counts_of_units_and_records_add_up_by_hour_application_type_and_what(store: WholeStore) -> None:
    more = [
        tally(4, hour=NOON + HOUR),
        tally(2, what=TextCount.PARTS),
        tally(3, sms_type=SmsType.NOTIFICATION),
        tally(5, app_id="1300"),
        tally(9, account_id=OTHER),
        tally(7, hour=NOON - HOUR),
    ]
    await store.commit(Unit(text_tallies=[tally(1), *more, tally(1)]))
    journal = journal_of(store)
    await asyncio.gather(*(journal.record(Progress(), Unit(text_tallies=[tally(2), more[0]])) for _ in range(3)))
    mine = [more[5], more[3], tally(8), more[1], more[2], tally(16, hour=NOON + HOUR)]
    assert await store.text_tallies(ACCOUNT, since=EPOCH, until=NOON + 2 * HOUR) == mine
    assert await store.text_tallies(ACCOUNT, since=NOON, until=NOON + HOUR) == mine[1:5]
    assert await store.text_tallies(ACCOUNT, app_id="1300", since=EPOCH, until=NOON + DAY) == [more[3]]
    assert await store.text_tallies(ACCOUNT, since=NOON + SECOND, until=NOON + HOUR) == []
    assert await store.text_tallies(OTHER, since=NOON, until=NOON + HOUR) == [more[4]]


async def test_a_reader_goes_on_and_never_back(store: WholeStore) -> None:
    def move(after: int, **changes: Any) -> Unit:
        return Unit(readers=[replace(Reader(ACCOUNT, APP, "status", after), **changes)])

    for after, place in ((5, 5), (3, 5), (2**40, 2**40), (9, 2**40)):
        await store.commit(move(after))
        assert await store.reader(ACCOUNT, APP, "status") == place
    await store.commit(move(1, name="replies"))
    await store.commit(move(2, app_id="1300"))
    await store.commit(move(3, account_id=OTHER))
    others = [(ACCOUNT, APP, "replies"), (ACCOUNT, "1300", "status"), (OTHER, APP, "status"), (OTHER, APP, "replies")]
    assert [await store.reader(*other) for other in others] == [1, 2, 3, 0]


async def test_the_last_day_on_which_a_number_was_used_stays_whatever_comes_late(store: WholeStore) -> None:
    journal = journal_of(store)
    used = {
        (ACCOUNT, TOLL_FREE, MIDNIGHT),
        (ACCOUNT, TOLL_FREE, MIDNIGHT - DAY),
        (OTHER, TOLL_FREE, MIDNIGHT - 2 * DAY),
    }
    await journal.record(Progress(), Unit(senders_used=used))
    await journal.record(
        Progress(), Unit(senders_used={(ACCOUNT, TOLL_FREE, MIDNIGHT - 3 * DAY), (OTHER, "9", MIDNIGHT)})
    )
    assert await store.last_text_from(ACCOUNT, TOLL_FREE) == MIDNIGHT
    assert await store.last_text_from(OTHER, TOLL_FREE) == MIDNIGHT - 2 * DAY
    await journal.record(Progress(), Unit(senders_used={(OTHER, TOLL_FREE, MIDNIGHT + DAY)}))
    assert await store.last_text_from(OTHER, TOLL_FREE) == MIDNIGHT + DAY
    assert await store.last_text_from(ACCOUNT, "9") is None


async def test_progress_is_written_with_all_that_it_carries(store: WholeStore) -> None:
    message = a_message(1)
    await store.commit(Unit(texts_sent=[sent(1), sent(2)], messages=[message]))
    journal = journal_of(store)
    parked = NewDelivery(await journal.last_seq(), message, "", "sms", PHONE, 1, NOW, "later")
    unit = Unit(text_parts=[("s-1", ("a",))], text_reports=[report(2)], text_tallies=[tally(2)])
    [waiting] = await journal.record(Progress([parked]), unit)
    assert waiting > 0
    assert await store.text_part(["a"]) == ("s-1", "a")
    assert [row.serial for row in await all_reports(store)] == ["s-2"]
    assert await store.text_tallies(ACCOUNT, since=EPOCH, until=NOW) == [tally(2)]


# Upkeep


async def test_texts_are_swept_with_their_parts_after_eight_days_in_bites(store: WholeStore) -> None:
    ages = [0, 7, 8, 9, 10, 11]
    await store.commit(Unit(texts_sent=[sent(days, accepted_at=NOW - days * DAY) for days in ages]))
    parts: list[tuple[str, tuple[str, ...]]] = [(f"s-{days}", (f"{days}a", f"{days}b")) for days in ages]
    await journal_of(store).record(
        Progress(), Unit(text_parts=parts, text_reports=[report(days) for days in ages[1::2]])
    )
    assert [await store.sweep(NOW, 2) for _ in range(3)] == [2, 1, 0]
    assert [row.serial for row in await store.sent_texts(SentTextQuery(ACCOUNT))] == ["s-0", "s-7", "s-8"]
    kept = [await store.text_part([f"{days}a"]) is not None for days in ages]
    assert kept == [await store.text_part([f"{days}b"]) is not None for days in ages]
    assert kept == [True, True, True, False, False, False]
    assert [row.serial for row in await all_reports(store)] == ["s-7"]
    assert len((await store.texts_to(ACCOUNT, APP, [PHONE], since=EPOCH))[PHONE]) == 3


async def test_counts_are_swept_after_four_hundred_days_in_bites(store: WholeStore) -> None:
    counts = [tally(days + 1, hour=NOON - days * DAY) for days in (0, 399, 400, 401, 402, 403)]
    await store.commit(Unit(text_tallies=counts))
    assert [await store.sweep(NOON, 2) for _ in range(3)] == [2, 1, 0]
    assert await store.text_tallies(ACCOUNT, since=NOON - 999 * DAY, until=NOW) == counts[2::-1]


async def test_a_reset_forgets_texts_and_keeps_signs_templates_and_applications(store: WholeStore) -> None:
    application = SmsApplication(ACCOUNT, APP, "24273", NOW, {"reply-url": "https://example.com"})
    await store.commit(
        Unit(sms_applications=[application], sms_signs_new=[a_sign()], sms_templates_new=[a_text_template()])
    )
    work = Unit(texts_sent=[sent()], text_tallies=[tally()], readers=[Reader(ACCOUNT, APP, "status", 9)])
    await store.commit(work)
    unit = Unit(text_parts=[("s-1", ("a",))], text_reports=[report()], senders_used={(ACCOUNT, TOLL_FREE, MIDNIGHT)})
    await journal_of(store).record(Progress(), unit)
    await store.commit(Unit(inbound_texts=[a_text()]))
    [received] = await store.inbound_text_page(ACCOUNT, after=0, limit=9)
    await store.reset()
    assert await store.sms_applications(ACCOUNT) == [application]
    assert await store.sms_signs(ACCOUNT) == [a_sign()]
    assert await store.sms_templates(ACCOUNT) == [a_text_template()]
    assert await store.sent_texts(SentTextQuery(ACCOUNT)) == await all_reports(store) == []
    assert await store.text_part(["a"]) is None
    assert await store.last_text_from(ACCOUNT, TOLL_FREE) is None
    assert await store.text_tallies(ACCOUNT, since=EPOCH, until=NOW) == []
    assert await store.reader(ACCOUNT, APP, "status") == 0
    # What deliveries that were under way still say of texts that are gone.
    await journal_of(store).record(Progress(), unit)
    assert await store.text_part(["a"]) is None
    assert await all_reports(store) == []
    # A reader that begins anew misses nothing: what comes now has a higher number than what was forgotten.
    await store.commit(replace(work, inbound_texts=[a_text()]))
    [again] = await store.inbound_text_page(ACCOUNT, after=0, limit=9)
    assert again.id > received.id
