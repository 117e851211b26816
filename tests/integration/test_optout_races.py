"""Opt-outs that several writers change at the same time: imports, people's texts and operators, also in two processes.

What the last one said counts, with its way and words, and the ledger tells the same story as the state.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.support.build import ACCOUNT
from tests.support.phones import ADMIN, NUMBER, PHONE, PhoneHouse, phone_house
from tests.support.stores import an_opt_out

from tidings.domain.errors import WrongState
from tidings.domain.grants import Verb
from tidings.domain.model import Event, LedgerEntry, LedgerQuery, State, Way
from tidings.domain.optout import ACCOUNT_WIDE, OptOut
from tidings.domain.unit import Unit
from tidings.services.optout_import import Listed, OptOutImport
from tidings.services.optouts import OptOuts
from tidings.store.sqlite import SqliteStore

Step = Callable[[], Awaitable[Any]]


class Interrupted:
    """A store before whose writes, or after whose reads, something else happens: once, at the first call of a method."""

    def __init__(self, store: SqliteStore, method: str, step: Step, *, after: bool = False) -> None:
        self._store, self._method, self._after = store, method, after
        self._steps = [step]

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        return self._interrupted(found) if name == self._method else found

    def _interrupted(self, call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def interrupted(*values: Any, **named: Any) -> Any:
            steps, self._steps = self._steps, []
            if not self._after:
                for step in steps:
                    await step()
                return await call(*values, **named)
            result = await call(*values, **named)
            for step in steps:
                await step()
            return result

        return interrupted


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[PhoneHouse]:
    async with phone_house(tmp_path) as house:
        await house.add_number()
        yield house


async def state(house: PhoneHouse, phone: str = PHONE) -> list[OptOut]:
    return await house.store.opt_outs(ACCOUNT, phone)


async def told(house: PhoneHouse) -> list[tuple[Event, Way]]:
    return [(entry.event, entry.origin.way) for entry in await house.records()]


async def import_with(house: PhoneHouse, step: Step, *lines: Listed, revoke_all: bool = False) -> OptOutImport:
    """Import lines; the step happens when they are decided on and not yet written."""
    store: Any = Interrupted(house.store, "import_opt_outs", step)
    taking = OptOutImport(store, store, house.clock, ACCOUNT, revoke_all=revoke_all)
    await taking.begin()
    await taking.take(lines)
    await taking.end()
    return taking


async def test_a_stop_that_is_heard_while_a_list_is_imported_keeps_its_words_and_protection(house: PhoneHouse) -> None:
    async def stop() -> None:
        await house.hear("Stop!", transport_id="t-1")

    others = [Listed(f"+1202555{number:04}", NUMBER, "list", None) for number in range(200, 300)]
    taking = await import_with(house, stop, *others[:50], Listed(PHONE, NUMBER, "list", None), *others[50:])
    (row,) = await state(house)
    assert (row.way, row.raw_text, row.keyword) == (Way.KEYWORD, "Stop!", "STOP")
    with pytest.raises(WrongState):
        await house.opt_outs.opt_in(house.grant(Verb.LIFT_OPT_OUTS), NUMBER, PHONE, reason="r", origin=ADMIN)
    mine = [entry for entry in await house.records() if entry.endpoint == PHONE]
    assert [(entry.event, entry.origin.way) for entry in mine] == [(Event.OPTED_OUT, Way.KEYWORD)]
    assert (taking.taken.added, taking.taken.known, taking.taken.late) == (100, 1, 0)
    assert len(await all_records(house)) == 101


@pytest.mark.parametrize("age", [None, timedelta(days=1)])
async def test_a_start_that_is_heard_while_a_list_is_imported_is_not_undone(
    house: PhoneHouse, age: timedelta | None
) -> None:
    async def come_back() -> None:
        await house.hear("STOP")
        await house.hear("START")

    since = None if age is None else house.clock.now() - age
    others = [Listed(f"+1202555{number:04}", NUMBER, "list", since) for number in range(200, 230)]
    taking = await import_with(house, come_back, Listed(PHONE, NUMBER, "list", since), *others)
    assert await state(house) == []
    assert (taking.taken.added, taking.taken.known, taking.taken.late) == (30, 0, 1)
    mine = [entry for entry in await house.records() if entry.endpoint == PHONE]
    assert [entry.event for entry in mine] == [Event.OPTED_OUT, Event.OPTED_IN]


async def test_a_start_from_somebody_who_was_not_opted_out_counts_too(house: PhoneHouse) -> None:
    taking = await import_with(house, lambda: house.hear("START"), Listed(PHONE, NUMBER, "list", None))
    assert (await state(house), taking.taken.late) == ([], 1)


async def test_what_somebody_else_says_does_not_keep_a_line_from_being_written(house: PhoneHouse) -> None:
    other = "+12025550199"
    taking = await import_with(
        house, lambda: house.hear("START", phone=other), Listed(PHONE, NUMBER, "list", None), Listed(other, ACCOUNT_WIDE, "", None)
    )  # fmt: skip
    # A START at one number does not lift what is blocked for the whole account, so the line for all of it is written after all.
    assert (taking.taken.added, taking.taken.late) == (2, 0)


async def test_with_revoke_all_a_start_at_one_number_counts_for_a_list_for_the_whole_account(tmp_path: Path) -> None:
    async with phone_house(tmp_path, revoke_all=True) as house:
        await house.add_number()
        line = Listed(PHONE, ACCOUNT_WIDE, "list", None)
        taking = await import_with(house, lambda: house.hear("START"), line, revoke_all=True)
        assert (await state(house), taking.taken.late) == ([], 1)


async def test_two_imports_of_one_list_opt_everybody_out_once(house: PhoneHouse) -> None:
    lines = [Listed(f"+1202555{number:04}", ACCOUNT_WIDE, "list", None) for number in range(200)]
    imports = [OptOutImport(house.store, house.store, house.clock, ACCOUNT) for _ in range(3)]
    for taking in imports:
        await taking.begin()
    await asyncio.gather(*(taking.take(lines) for taking in imports))
    await asyncio.gather(*(taking.end() for taking in imports))
    assert sum(taking.taken.added for taking in imports) == 200
    assert sum(taking.taken.known for taking in imports) == 400
    assert len(await all_records(house)) == 200


def service_of(house: PhoneHouse, store: Any, *, revoke_all: bool = False) -> OptOuts:
    """The service as the server has it, on a store that is interrupted."""
    return OptOuts(
        store, store, house.clock, house.metrics, new_message_id=house.new_id, revoke_all=revoke_all, texts=store
    )


async def import_now(house: PhoneHouse, address: str = NUMBER) -> None:
    taking = OptOutImport(house.store, house.store, house.clock, ACCOUNT)
    await taking.begin()
    await taking.take([Listed(PHONE, address, "list", None)])
    await taking.end()


async def test_a_start_that_found_nobody_opted_out_lifts_what_was_imported_before_it_was_written(
    house: PhoneHouse,
) -> None:
    store = Interrupted(house.store, "commit", lambda: import_now(house))
    house.opt_outs = service_of(house, store)
    heard = await house.hear("START", transport_id="t-1")
    assert heard.changed
    assert await state(house) == []
    assert await told(house) == [(Event.OPTED_OUT, Way.IMPORT), (Event.OPTED_IN, Way.KEYWORD)]


async def test_with_revoke_all_it_lifts_what_was_imported_for_the_whole_account(tmp_path: Path) -> None:
    async with phone_house(tmp_path, revoke_all=True) as house:
        await house.add_number()
        store = Interrupted(house.store, "commit", lambda: import_now(house, ACCOUNT_WIDE))
        house.opt_outs = service_of(house, store, revoke_all=True)
        await house.hear("START")
        assert await state(house) == []


async def test_a_stop_replaces_what_was_imported_before_it_was_written(house: PhoneHouse) -> None:
    house.opt_outs = service_of(house, Interrupted(house.store, "commit", lambda: import_now(house)))
    await house.hear("Stop!", transport_id="t-1")
    (row,) = await state(house)
    assert (row.way, row.raw_text) == (Way.KEYWORD, "Stop!")
    imported, stopped = await house.records()
    assert (imported.before, stopped.before, stopped.after) == (State.CONFIRMED, State.CANCELED, State.CANCELED)
    assert stopped.transport_id == "t-1"
    (text,) = await house.store.heard(ACCOUNT, NUMBER, PHONE, since=house.clock.now() - timedelta(days=1))
    assert text.transport_id == "t-1"  # a repeat of it is still known


async def test_a_text_keeps_its_transports_id_however_often_somebody_else_is_faster(house: PhoneHouse) -> None:
    """Three conflicts that have nothing to do with the id."""

    async def change_three_times() -> None:
        async def change() -> None:
            (row,) = await state(house)
            await house.store.commit(Unit(opt_outs=[row]))

        commit, left = house.store.commit, 3

        async def busy(unit: Unit) -> None:
            nonlocal left
            if left:
                left -= 1
                await change()
            await commit(unit)

        store.commit = busy

    store: Any = Interrupted(house.store, "heard", change_three_times)
    await house.store.commit(Unit(opt_outs=[an_opt_out(NUMBER, PHONE, way=Way.IMPORT)]))
    house.opt_outs = service_of(house, store)
    await house.hear("STOP", transport_id="t-1")
    assert (await house.hear("STOP", transport_id="t-1")).repeat
    assert [entry.transport_id for entry in await house.records()] == ["t-1"]


async def test_an_operator_does_not_lift_the_stop_that_came_while_he_decided(house: PhoneHouse) -> None:
    await import_now(house)

    async def stop() -> None:
        await house.hear("STOP")

    lifting = service_of(house, Interrupted(house.store, "commit", stop))
    with pytest.raises(WrongState):
        await lifting.opt_in(house.grant(Verb.LIFT_OPT_OUTS), NUMBER, PHONE, reason="r", origin=ADMIN)
    (row,) = await state(house)
    assert row.way is Way.KEYWORD


async def test_an_operators_opt_out_leaves_the_stop_that_came_while_he_decided(house: PhoneHouse) -> None:
    async def stop() -> None:
        await house.hear("STOP")

    adding = service_of(house, Interrupted(house.store, "commit", stop))
    assert not await adding.opt_out(house.grant(), NUMBER, PHONE, reason="r", origin=ADMIN)
    (row,) = await state(house)
    assert (row.way, await told(house)) == (Way.KEYWORD, [(Event.OPTED_OUT, Way.KEYWORD)])


async def test_a_list_that_another_process_imports_overrules_nobody(house: PhoneHouse, tmp_path: Path) -> None:
    """People text all the while to a server, and the command line imports them beside it."""
    phones = [f"+1202{number:07}" for number in range(5_550_000, 5_565_000)]
    file = tmp_path / "list.csv"
    file.write_text("phone,since\n" + "".join(f"{phone},2020-01-01\n" for phone in phones))
    command = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tidings", "optout", "import", str(file), "--account", ACCOUNT, "--address", NUMBER),
        *("--store", f"sqlite:///{tmp_path / 'phones.db'}", "--data", str(tmp_path / "data")),
        env=os.environ | {"TIDINGS_SECRET_KEY": "v" * 32},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    ended = asyncio.ensure_future(command.communicate())
    chance, last, texts = random.Random(9), dict[str, str](), 0
    while not ended.done():
        phone, text = chance.choice(phones), chance.choice(["STOP", "START"])
        texts += 1
        await house.hear(text, phone=phone, transport_id=str(texts))
        last[phone] = text
    output, _ = await ended
    assert command.returncode == 0, output.decode()
    assert texts
    entries: dict[str, list[tuple[State | None, State | None]]] = {}
    for entry in await all_records(house):
        entries.setdefault(entry.endpoint, []).append((entry.before, entry.after))
    for phone in phones:
        rows = await state(house, phone)
        stood = State.CONFIRMED
        for before, after in entries[phone]:
            assert before is stood, (phone, entries[phone])
            assert after is not None
            stood = after
        assert bool(rows) == (last.get(phone) != "START") == (stood is State.CANCELED), phone
        if last.get(phone) == "STOP":
            assert (rows[0].way, rows[0].raw_text) == (Way.KEYWORD, "STOP")


async def all_records(house: PhoneHouse) -> list[LedgerEntry]:
    query, found = LedgerQuery(ACCOUNT, limit=5_000), list[LedgerEntry]()
    while page := await house.store.ledger(query):
        found += page
        query = replace(query, after=page[-1].id)
    return found
