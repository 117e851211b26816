"""What a store promises to those who read its logs by a cursor: everything once, in order, while others write."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest
from tests.support.stores import ACCOUNT, NOW, PHONE, WholeStore, a_text, an_entry

from tidings.domain.audit import Action, AuditEntry, AuditQuery
from tidings.domain.model import AccountId, LedgerQuery, Origin, Way
from tidings.domain.optout import SmsType
from tidings.domain.texts import SentText, TextReport, TextState
from tidings.domain.unit import Unit

APP = "1400006666"
WRITES, TOGETHER = 20, 4


@dataclass(frozen=True)
class Log:
    """write: add one entry of that number. read: the ids after a place. end: where it ends."""

    write: Callable[[WholeStore, int], Awaitable[None]]
    read: Callable[[WholeStore, int], Awaitable[list[int]]]
    end: Callable[[WholeStore], Awaitable[int]] | None


async def write_entry(store: WholeStore, number: int) -> None:
    await store.commit(Unit(ledger=[an_entry(number)]))


async def read_ledger(store: WholeStore, after: int) -> list[int]:
    return [entry.id for entry in await store.ledger(LedgerQuery(ACCOUNT, after=after, limit=3))]


async def write_text(store: WholeStore, number: int) -> None:
    await store.commit(Unit(inbound_texts=[a_text(f"text {number}")]))


async def read_texts(store: WholeStore, after: int) -> list[int]:
    return [text.id for text in await store.inbound_text_page(ACCOUNT, after=after, limit=3)]


async def write_report(store: WholeStore, number: int) -> None:
    serial = f"s-{number}"
    sent = SentText(serial, ACCOUNT, APP, PHONE, SmsType.NOTIFICATION, NOW, 1)
    await store.commit(Unit(texts_sent=[sent]))
    await store.commit(Unit(text_reports=[TextReport(serial, TextState.DELIVERED, "", NOW)]))


async def read_reports(store: WholeStore, after: int) -> list[int]:
    return [text.report_id for text in await store.text_reports(ACCOUNT, APP, after=after, limit=3)]


async def write_audit(store: WholeStore, number: int) -> None:
    await store.commit(Unit(audit=[AuditEntry(ACCOUNT, NOW, Action.SIGN_IN, str(number), Origin(Way.CONSOLE))]))


async def read_audit(store: WholeStore, after: int) -> list[int]:
    return [entry.id for entry in await store.audit(AuditQuery(ACCOUNT, after=after, limit=3))]


LOGS = {
    "ledger": Log(write_entry, read_ledger, lambda store: store.ledger_end(ACCOUNT)),
    "texts that came in": Log(write_text, read_texts, lambda store: store.inbound_text_end(ACCOUNT)),
    "reports of texts": Log(write_report, read_reports, lambda store: store.text_report_end(ACCOUNT, APP)),
    "audit trail": Log(write_audit, read_audit, None),
}


@pytest.mark.parametrize("name", LOGS)
async def test_a_reader_is_given_everything_once_and_in_order_while_others_write(store: WholeStore, name: str) -> None:
    log = LOGS[name]

    async def writer(first: int) -> None:
        for number in range(first, first + WRITES):
            await log.write(store, number)

    writing = [asyncio.create_task(writer(WRITES * each)) for each in range(TOGETHER)]
    seen: list[int] = []
    while len(seen) < WRITES * TOGETHER:
        ended = all(writer.done() for writer in writing)
        found = await log.read(store, seen[-1] if seen else 0)
        assert found or not ended, "something was passed over"
        seen += found
        await asyncio.sleep(0)
    await asyncio.gather(*writing)
    assert seen == sorted(set(seen))
    assert await log.read(store, seen[-1]) == []


@pytest.mark.parametrize("name", [name for name, log in LOGS.items() if log.end is not None])
async def test_who_begins_at_the_end_is_given_what_comes_later_and_nothing_else(store: WholeStore, name: str) -> None:
    log = LOGS[name]
    assert log.end is not None
    assert await log.end(store) == 0
    for number in range(5):
        await log.write(store, number)
    end = await log.end(store)
    assert await log.read(store, end) == []
    assert await log.read(store, end - 1) == [end]
    await log.write(store, 5)
    [later] = await log.read(store, end)
    assert later == await log.end(store) > end
    assert await store.ledger_end(AccountId("9" * 12)) == 0


async def test_reports_end_at_the_one_that_came_last_whichever_text_was_sent_first(store: WholeStore) -> None:
    for serial in ("early", "late"):
        await store.commit(Unit(texts_sent=[SentText(serial, ACCOUNT, APP, PHONE, SmsType.NOTIFICATION, NOW, 1)]))
    for serial in ("late", "early"):
        await store.commit(Unit(text_reports=[TextReport(serial, TextState.DELIVERED, "", NOW)]))
    end = await store.text_report_end(ACCOUNT, APP)
    assert await store.text_reports(ACCOUNT, APP, after=end, limit=9) == []
