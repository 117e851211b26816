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
from tests.support.phones import ADMIN, NUMBER, PHONE, PhoneApp, phone_app
from tests.support.stores import an_opt_out

from tidings.domain.errors import Unavailable, WrongState
from tidings.domain.grants import Verb
from tidings.domain.model import Event, LedgerEntry, LedgerQuery, State, Way
from tidings.domain.optout import ACCOUNT_WIDE, OptOut, OptOutBatch
from tidings.domain.unit import Unit
from tidings.services.texting import optout_import
from tidings.services.texting.optout_import import Listed, OptOutImport
from tidings.services.texting.texting import Texting, make_texting
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
async def app(tmp_path: Path) -> AsyncIterator[PhoneApp]:
    async with phone_app(tmp_path) as app:
        await app.add_number()
        yield app


async def state(app: PhoneApp, phone: str = PHONE) -> list[OptOut]:
    return await app.store.opt_outs(ACCOUNT, phone)


async def told(app: PhoneApp) -> list[tuple[Event, Way]]:
    return [(entry.event, entry.origin.way) for entry in await app.records()]


async def import_with(app: PhoneApp, step: Step, *lines: Listed, revoke_all: bool = False) -> OptOutImport:
    """Import lines; the step happens when they are decided on and not yet written."""
    store: Any = Interrupted(app.store, "import_opt_outs", step)
    taking = OptOutImport(store, store, app.clock, ACCOUNT, revoke_all=revoke_all)
    await taking.begin()
    await taking.take(lines)
    return taking


async def test_a_stop_that_is_heard_while_a_list_is_imported_keeps_its_words_and_protection(app: PhoneApp) -> None:
    async def stop() -> None:
        await app.receive("Stop!", transport_id="t-1")

    others = [Listed(f"+1202555{number:04}", NUMBER, "list", None) for number in range(200, 300)]
    taking = await import_with(app, stop, *others[:50], Listed(PHONE, NUMBER, "list", None), *others[50:])
    (row,) = await state(app)
    assert (row.way, row.raw_text, row.keyword) == (Way.KEYWORD, "Stop!", "STOP")
    with pytest.raises(WrongState):
        await app.texting.opt_outs.opt_in(app.grant(Verb.LIFT_OPT_OUTS), NUMBER, PHONE, reason="r", origin=ADMIN)
    mine = [entry for entry in await app.records() if entry.endpoint == PHONE]
    assert [(entry.event, entry.origin.way) for entry in mine] == [(Event.OPTED_OUT, Way.KEYWORD)]
    assert (taking.taken.added, taking.taken.known, taking.taken.late) == (100, 1, 0)
    assert len(await all_records(app)) == 101


@pytest.mark.parametrize("age", [None, timedelta(days=1)])
async def test_a_start_that_is_heard_while_a_list_is_imported_is_not_undone(
    app: PhoneApp, age: timedelta | None
) -> None:
    async def come_back() -> None:
        await app.receive("STOP")
        await app.receive("START")

    since = None if age is None else app.clock.now() - age
    others = [Listed(f"+1202555{number:04}", NUMBER, "list", since) for number in range(200, 230)]
    taking = await import_with(app, come_back, Listed(PHONE, NUMBER, "list", since), *others)
    assert await state(app) == []
    assert (taking.taken.added, taking.taken.known, taking.taken.late) == (30, 0, 1)
    mine = [entry for entry in await app.records() if entry.endpoint == PHONE]
    assert [entry.event for entry in mine] == [Event.OPTED_OUT, Event.OPTED_IN]


async def test_a_start_from_somebody_who_was_not_opted_out_counts_too(app: PhoneApp) -> None:
    taking = await import_with(app, lambda: app.receive("START"), Listed(PHONE, NUMBER, "list", None))
    assert (await state(app), taking.taken.late) == ([], 1)


async def test_what_somebody_else_says_does_not_keep_a_line_from_being_written(app: PhoneApp) -> None:
    other = "+12025550199"
    taking = await import_with(
        app, lambda: app.receive("START", phone=other), Listed(PHONE, NUMBER, "list", None), Listed(other, ACCOUNT_WIDE, "", None)
    )  # fmt: skip
    # A START at one number does not lift what is blocked for the whole account, so the line for all of it is written after all.
    assert (taking.taken.added, taking.taken.late) == (2, 0)


async def test_with_revoke_all_a_start_at_one_number_counts_for_a_list_for_the_whole_account(tmp_path: Path) -> None:
    async with phone_app(tmp_path, revoke_all=True) as app:
        await app.add_number()
        line = Listed(PHONE, ACCOUNT_WIDE, "list", None)
        taking = await import_with(app, lambda: app.receive("START"), line, revoke_all=True)
        assert (await state(app), taking.taken.late) == ([], 1)


async def test_two_imports_of_one_list_opt_everybody_out_once(app: PhoneApp) -> None:
    lines = [Listed(f"+1202555{number:04}", ACCOUNT_WIDE, "list", None) for number in range(200)]
    imports = [OptOutImport(app.store, app.store, app.clock, ACCOUNT) for _ in range(3)]
    for taking in imports:
        await taking.begin()
    await asyncio.gather(*(taking.take(lines) for taking in imports))
    assert sum(taking.taken.added for taking in imports) == 200
    assert sum(taking.taken.known for taking in imports) == 400
    assert len(await all_records(app)) == 200


@pytest.mark.parametrize("unit", [1, 2, 3])
async def test_a_unit_that_cannot_be_written_ends_an_import(
    app: PhoneApp, unit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, write = 0, app.store.import_opt_outs

    async def written(batch: OptOutBatch) -> Any:
        nonlocal begun
        begun += 1
        if begun == unit:
            raise Unavailable("the disk is full")
        return await write(batch)

    monkeypatch.setattr(optout_import, "UNIT_LINES", 10)
    monkeypatch.setattr(app.store, "import_opt_outs", written)
    taking = OptOutImport(app.store, app.store, app.clock, ACCOUNT)
    await taking.begin()
    lines = [Listed(f"+1202555{number:04}", NUMBER, "list", None) for number in range(30)]
    with pytest.raises(Unavailable):
        await taking.take_all(iter(lines))
    assert (begun, taking.taken.added) == (unit, 10 * (unit - 1))
    assert len(await all_records(app)) == 10 * (unit - 1)


def service_of(app: PhoneApp, store: Any, *, revoke_all: bool = False) -> Texting:
    """The service as the server has it, on a store that is interrupted."""
    return make_texting(
        store, store, app.clock, app.metrics, new_message_id=app.new_id, revoke_all=revoke_all, texts=store
    )


async def import_now(app: PhoneApp, address: str = NUMBER) -> None:
    taking = OptOutImport(app.store, app.store, app.clock, ACCOUNT)
    await taking.begin()
    await taking.take([Listed(PHONE, address, "list", None)])


async def test_a_start_that_found_nobody_opted_out_lifts_what_was_imported_before_it_was_written(
    app: PhoneApp,
) -> None:
    store = Interrupted(app.store, "commit", lambda: import_now(app))
    app.texting = service_of(app, store)
    received = await app.receive("START", transport_id="t-1")
    assert received.changed
    assert await state(app) == []
    assert await told(app) == [(Event.OPTED_OUT, Way.IMPORT), (Event.OPTED_IN, Way.KEYWORD)]


async def test_with_revoke_all_it_lifts_what_was_imported_for_the_whole_account(tmp_path: Path) -> None:
    async with phone_app(tmp_path, revoke_all=True) as app:
        await app.add_number()
        store = Interrupted(app.store, "commit", lambda: import_now(app, ACCOUNT_WIDE))
        app.texting = service_of(app, store, revoke_all=True)
        await app.receive("START")
        assert await state(app) == []


async def test_a_stop_replaces_what_was_imported_before_it_was_written(app: PhoneApp) -> None:
    app.texting = service_of(app, Interrupted(app.store, "commit", lambda: import_now(app)))
    await app.receive("Stop!", transport_id="t-1")
    (row,) = await state(app)
    assert (row.way, row.raw_text) == (Way.KEYWORD, "Stop!")
    imported, stopped = await app.records()
    assert (imported.before, stopped.before, stopped.after) == (State.CONFIRMED, State.CANCELED, State.CANCELED)
    assert stopped.transport_id == "t-1"
    (text,) = await app.store.inbound_texts_of(ACCOUNT, NUMBER, PHONE, since=app.clock.now() - timedelta(days=1))
    assert text.transport_id == "t-1"  # a repeat of it is still known


async def test_a_text_keeps_its_transports_id_however_often_somebody_else_is_faster(app: PhoneApp) -> None:
    """Three conflicts that have nothing to do with the id."""

    async def change_three_times() -> None:
        async def change() -> None:
            (row,) = await state(app)
            await app.store.commit(Unit(opt_outs=[row]))

        commit, left = app.store.commit, 3

        async def busy(unit: Unit) -> None:
            nonlocal left
            if left:
                left -= 1
                await change()
            await commit(unit)

        store.commit = busy

    store: Any = Interrupted(app.store, "inbound_texts_of", change_three_times)
    await app.store.commit(Unit(opt_outs=[an_opt_out(NUMBER, PHONE, way=Way.IMPORT)]))
    app.texting = service_of(app, store)
    await app.receive("STOP", transport_id="t-1")
    assert (await app.receive("STOP", transport_id="t-1")).repeat
    assert [entry.transport_id for entry in await app.records()] == ["t-1"]


async def test_an_operator_does_not_lift_the_stop_that_came_while_he_decided(app: PhoneApp) -> None:
    await import_now(app)

    async def stop() -> None:
        await app.receive("STOP")

    lifting = service_of(app, Interrupted(app.store, "commit", stop))
    with pytest.raises(WrongState):
        await lifting.opt_outs.opt_in(app.grant(Verb.LIFT_OPT_OUTS), NUMBER, PHONE, reason="r", origin=ADMIN)
    (row,) = await state(app)
    assert row.way is Way.KEYWORD


async def test_an_operators_opt_out_leaves_the_stop_that_came_while_he_decided(app: PhoneApp) -> None:
    async def stop() -> None:
        await app.receive("STOP")

    adding = service_of(app, Interrupted(app.store, "commit", stop))
    assert not await adding.opt_outs.opt_out(app.grant(), NUMBER, PHONE, reason="r", origin=ADMIN)
    (row,) = await state(app)
    assert (row.way, await told(app)) == (Way.KEYWORD, [(Event.OPTED_OUT, Way.KEYWORD)])


async def test_a_list_that_another_process_imports_overrules_nobody(app: PhoneApp, tmp_path: Path) -> None:
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
        await app.receive(text, phone=phone, transport_id=str(texts))
        last[phone] = text
    output, _ = await ended
    assert command.returncode == 0, output.decode()
    assert texts
    entries: dict[str, list[tuple[State | None, State | None]]] = {}
    for entry in await all_records(app):
        entries.setdefault(entry.endpoint, []).append((entry.before, entry.after))
    for phone in phones:
        rows = await state(app, phone)
        stood = State.CONFIRMED
        for before, after in entries[phone]:
            assert before is stood, (phone, entries[phone])
            assert after is not None
            stood = after
        assert bool(rows) == (last.get(phone) != "START") == (stood is State.CANCELED), phone
        if last.get(phone) == "STOP":
            assert (rows[0].way, rows[0].raw_text) == (Way.KEYWORD, "STOP")


async def all_records(app: PhoneApp) -> list[LedgerEntry]:
    query, found = LedgerQuery(ACCOUNT, limit=5_000), list[LedgerEntry]()
    while page := await app.store.ledger(query):
        found += page
        query = replace(query, after=page[-1].id)
    return found
