"""Two processes decide on the same rows of one database: none takes back or repeats what the other did."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from tests.support.build import ACCOUNT, FakeClock, make_principal
from tests.support.stores import NOW, PHONE, Opener, WholeStore

from tidings.access.authorize import authorize
from tidings.domain.errors import InvalidToken, QuotaExceeded
from tidings.domain.grants import Grant, Verb
from tidings.domain.optout import SmsApplication, SmsType
from tidings.domain.sandbox import SandboxNumber
from tidings.domain.texts import Reader, SentText, TextReport, TextState
from tidings.domain.unit import Guard, ReaderIsAt, SandboxNumbersAre, SmsApplicationsAre, Stale, Unit
from tidings.flow.embedded import EmbeddedFlow
from tidings.observe.metrics import Metrics
from tidings.services.quotas import Quotas
from tidings.services.texting.numbers import Numbers
from tidings.services.texting.sms_applications import SmsApplications
from tidings.services.texting.sms_sandbox import SmsSandbox
from tidings.services.texting.texts import Texts
from tidings.store.sqlite import SqliteStore

APP = "1400006666"
APPLICATION = SmsApplication(ACCOUNT, APP, "", NOW)
NUMBER = SandboxNumber(ACCOUNT, PHONE, NOW, NOW, 1, b"salt", b"digest")


def grant(verb: Verb = Verb.MANAGE_OPT_OUTS) -> Grant:
    return authorize(make_principal(ACCOUNT), verb, owner=ACCOUNT, resource="*")


@pytest.fixture
async def stores(opener: Opener, tmp_path: Path) -> AsyncIterator[tuple[WholeStore, WholeStore]]:
    here, there = await opener(tmp_path), await opener(tmp_path)
    yield here, there
    await here.close()
    await there.close()


CHANGES: list[tuple[Guard, Unit]] = [
    (ReaderIsAt(ACCOUNT, APP, "status", 0), Unit(readers=[Reader(ACCOUNT, APP, "status", 7)])),
    (SmsApplicationsAre(ACCOUNT, ()), Unit(sms_applications=[APPLICATION])),
    (SandboxNumbersAre(ACCOUNT, ()), Unit(sandbox_numbers=[NUMBER])),
]


@pytest.mark.parametrize(("guard", "change"), CHANGES, ids=[type(guard).__name__ for guard, _ in CHANGES])
async def test_a_unit_with_a_guard_that_no_longer_holds_changes_nothing(
    stores: tuple[WholeStore, WholeStore], guard: Guard, change: Unit
) -> None:
    here, there = stores
    mine = Unit(readers=[Reader(ACCOUNT, APP, "mine", 1)], guards=[guard])
    await here.commit(mine)
    assert await there.reader(ACCOUNT, APP, "mine") == 1
    await there.commit(change)
    with pytest.raises(Stale):
        await here.commit(Unit(readers=[Reader(ACCOUNT, APP, "mine", 2)], guards=[guard]))
    assert await here.reader(ACCOUNT, APP, "mine") == 1


# --- services ----------------------------------------------------------------------------------------------------------------------


@dataclass
class Process:
    store: SqliteStore
    applications: SmsApplications
    sandbox: SmsSandbox
    texts: Texts


@pytest.fixture
async def processes(tmp_path: Path) -> AsyncIterator[tuple[Process, Process]]:
    clock, made = FakeClock(), []
    flow: EmbeddedFlow | None = None
    for _ in range(2):
        store = await SqliteStore.open(tmp_path / "tidings.db")
        flow = flow or EmbeddedFlow.open(store.journal, backlog_max=100)
        numbers = Numbers(store, store)
        quotas = Quotas(sms_applications_per_account=1)
        applications = SmsApplications(store, store, clock, numbers, quotas=quotas)
        sandbox = SmsSandbox(store, store, clock, new_message_id=lambda: "m")
        texts = Texts(store, store, store, store.text_gate, flow, clock, Metrics(), new_message_id=lambda: "m")
        made.append(Process(store, applications, sandbox, texts))
    yield made[0], made[1]
    for process in made:
        await process.store.close()


async def test_an_applications_settings_of_two_processes_both_stay(processes: tuple[Process, Process]) -> None:
    here, there = (process.applications for process in processes)
    await asyncio.gather(
        here.put(grant(), APP, None, {"sns:Limit": "1"}), there.put(grant(), APP, None, {"sns:Other": "2"})
    )
    assert await here.settings_of(ACCOUNT, APP) == {"sns:Limit": "1", "sns:Other": "2"}


async def test_two_processes_make_no_more_applications_than_the_quota(processes: tuple[Process, Process]) -> None:
    puts = (processes[number % 2].applications.put(grant(), f"140000000{number}") for number in range(4))
    made = await asyncio.gather(*puts, return_exceptions=True)
    assert [type(each) for each in made].count(QuotaExceeded) == 3
    assert len(await processes[0].store.sms_applications(ACCOUNT)) == 1


async def test_wrong_guesses_at_two_processes_all_count(processes: tuple[Process, Process]) -> None:
    number = replace(NUMBER, sent_at=FakeClock().now())
    await processes[0].store.commit(Unit(sandbox_numbers=[number]))
    guesses = (process.sandbox.verify(grant(), PHONE, "000000") for process in processes)
    assert [type(each) for each in await asyncio.gather(*guesses, return_exceptions=True)] == [InvalidToken] * 2
    (number,) = await processes[0].store.sandbox_numbers(ACCOUNT)
    assert number.tries == 2


async def test_two_processes_that_pull_get_each_report_once(processes: tuple[Process, Process]) -> None:
    store = processes[0].store
    serials = [f"{number:032x}" for number in range(6)]
    texts = [SentText(serial, ACCOUNT, APP, PHONE, SmsType.MARKETING, NOW, 1) for serial in serials]
    await store.commit(Unit(sms_applications=[APPLICATION], texts_sent=texts))
    await store.commit(Unit(text_reports=[TextReport(serial, TextState.DELIVERED, "", NOW) for serial in serials]))
    pulls = (processes[number % 2].texts.pull_reports(grant(Verb.PUBLISH_SMS), APP, 2) for number in range(3))
    pulled = [report.serial for reports in await asyncio.gather(*pulls) for report in reports]
    assert sorted(pulled) == serials
