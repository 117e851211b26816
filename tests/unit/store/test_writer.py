"""Group commit: sharing flushes, undoing single pieces, a full disk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import apsw
import pytest
from tests.support.patience import PATIENCE_S

from tidings.domain.errors import Conflict, Unavailable
from tidings.store.sqlite import writer as writer_module
from tidings.store.sqlite.database import Database, run
from tidings.store.sqlite.writer import Writer


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(tmp_path / "tidings.db")
    run(database.writing, "CREATE TABLE note (number INTEGER PRIMARY KEY, text TEXT)")
    yield database
    database.close()


@pytest.fixture
async def writer(database: Database) -> AsyncIterator[Writer]:
    writer = Writer(database.writing)
    yield writer
    await writer.close()


def add(number: int, text: str = "") -> Callable[[apsw.Connection], int]:
    def work(db: apsw.Connection) -> int:
        db.execute("INSERT INTO note VALUES (?, ?)", (number, text))
        return number

    return work


def numbers(database: Database) -> list[int]:
    return [row[0] for row in database.rows("SELECT number FROM note ORDER BY number")]


async def test_pieces_asked_for_together_share_one_transaction(
    database: Database, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "BATCH_S", PATIENCE_S)  # however slow the machine is
    flushes = []
    database.writing.set_wal_hook(lambda *_: flushes.append(1) or 0)
    assert await asyncio.gather(*(writer.write(add(number)) for number in range(64))) == list(range(64))
    assert numbers(database) == list(range(64))
    assert len(flushes) == 1


async def test_a_piece_that_fails_undoes_only_itself(database: Database, writer: Writer) -> None:
    def half(db: apsw.Connection) -> None:
        add(100)(db)
        add(0)(db)

    def broken(db: apsw.Connection) -> None:
        add(200)(db)
        raise ZeroDivisionError

    works: list[Callable[[apsw.Connection], Any]] = [add(0), half, broken, add(1)]
    answers = await asyncio.gather(*(writer.write(work) for work in works), return_exceptions=True)
    assert [type(answer) for answer in answers] == [int, Conflict, ZeroDivisionError, int]
    assert numbers(database) == [0, 1]


async def test_answers_come_in_the_order_of_the_work_heavy_or_not(writer: Writer) -> None:
    order: list[int] = []
    ended = asyncio.Event()
    for number in range(6):
        writer.submit(add(number), lambda result, error: order.append(result), heavy=number % 3 == 1)
    writer.submit(add(9), lambda result, error: ended.set())
    await ended.wait()
    assert order == list(range(6))


async def test_a_full_disk_fails_what_waits_and_leaves_what_was_there(database: Database, writer: Writer) -> None:
    await writer.write(add(0))
    pages = database.value("PRAGMA page_count")
    run(database.writing, f"PRAGMA max_page_count = {pages}")
    works = [add(number, "x" * 100_000) for number in range(1, 4)]
    answers = await asyncio.gather(*(writer.write(work) for work in works), return_exceptions=True)
    assert {type(answer) for answer in answers} == {Unavailable}
    assert numbers(database) == [0]
    run(database.writing, "PRAGMA max_page_count = 1000000")
    await writer.write(add(5))
    assert numbers(database) == [0, 5]


async def test_another_process_that_writes_is_waited_for_without_holding_the_loop(
    database: Database, writer: Writer
) -> None:
    other = apsw.Connection(str(database.path))
    other.execute("BEGIN IMMEDIATE")
    writing = asyncio.ensure_future(writer.write(add(1)))
    for _ in range(10):
        await asyncio.sleep(0)
    assert not writing.done()
    other.execute("COMMIT")
    other.close()
    assert await asyncio.wait_for(writing, 10) == 1


async def test_whoever_stops_waiting_disturbs_nobody(database: Database, writer: Writer) -> None:
    gone = asyncio.ensure_future(writer.write(add(1)))
    kept = asyncio.ensure_future(writer.write(add(2)))
    await asyncio.sleep(0)
    gone.cancel()
    assert await kept == 2
    assert gone.cancelled()
    assert numbers(database) == [1, 2]


async def test_closing_finishes_what_waits_and_then_refuses(database: Database) -> None:
    writer = Writer(database.writing)
    waiting = asyncio.gather(*(writer.write(add(number)) for number in range(10)))
    await writer.close()
    assert await waiting == list(range(10))
    with pytest.raises(Unavailable):
        writer.submit(add(11), lambda result, error: None)


async def test_nobody_is_told_that_it_is_durable_when_the_commit_failed(database: Database, writer: Writer) -> None:
    database.writing.set_commit_hook(lambda: True)
    answers = await asyncio.gather(*(writer.write(add(number)) for number in range(3)), return_exceptions=True)
    assert {type(answer) for answer in answers} == {Unavailable}
    database.writing.set_commit_hook(None)
    await writer.write(add(9))
    assert numbers(database) == [9]
