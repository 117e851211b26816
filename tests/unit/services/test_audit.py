"""Failed sign-ins in the audit trail: seen, counted, and never more than a disk can hold; and secrets that a file gave before."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tests.support.stores import ACCOUNT, NOW, OTHER

from tidings.domain.audit import Action, AuditEntry, AuditQuery
from tidings.domain.model import Account, Origin, Principal, Role, Way
from tidings.domain.provisioned import Source
from tidings.domain.texts import CALLBACK_SECRET
from tidings.domain.unit import Unit
from tidings.services.accounts import Accounts, WantedAccount
from tidings.services.audit import ADDRESSES_PER_MINUTE, AuditTrail
from tidings.services.texting.provisioned_sms import WantedApplication
from tidings.services.texting.sms_applications import is_secret, sealed
from tidings.store.sqlite import SqliteStore
from tidings.store.vault import FileVault

MINUTE = timedelta(minutes=1)


class Clock:
    at = NOW

    def now(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    opened = await SqliteStore.open(tmp_path / "tidings.db")
    await opened.commit(Unit(accounts=[Account(ACCOUNT, "harbor", "a" * 32, NOW)]))
    yield opened
    await opened.close()


@pytest.fixture
def trail(store: SqliteStore, clock: Clock) -> AuditTrail:
    return AuditTrail(store, clock)


def origin(address: str = "192.0.2.7") -> Origin:
    return Origin(Way.CONSOLE, "", address, "agent", "r-1", via="console")


async def failures(store: SqliteStore) -> list[AuditEntry]:
    return await store.audit(AuditQuery(ACCOUNT, actions=(Action.SIGN_IN_FAILED,), limit=1000))


async def test_failures_of_one_address_are_one_entry_at_once_and_one_number_a_minute(
    store: SqliteStore, clock: Clock, trail: AuditTrail
) -> None:
    for number in range(500):
        await trail.sign_in_failed(ACCOUNT, f"user-{number}", origin())
    (first,) = await failures(store)
    assert (first.subject, first.count, first.origin.remote_address) == ("user-0", 1, "192.0.2.7")
    await trail.flush_if_due()
    assert len(await failures(store)) == 1
    clock.at += MINUTE
    await trail.flush_if_due()
    assert [entry.count for entry in await failures(store)] == [1, 499]


async def test_a_flood_from_many_addresses_stays_small_and_nothing_is_uncounted(
    store: SqliteStore, clock: Clock, trail: AuditTrail
) -> None:
    for round_ in range(2):
        for number in range(1000):
            await trail.sign_in_failed(None, "x" * 5000, origin(f"2001:db8:{number:x}::{round_ + 1}"))
    clock.at += MINUTE
    await trail.sign_in_failed(ACCOUNT, "next", origin())
    found = await failures(store)
    assert len(found) <= 2 * ADDRESSES_PER_MINUTE + 2
    assert sum(entry.count for entry in found) == 2001
    assert max(len(entry.subject) for entry in found) <= 64


async def test_an_account_that_is_not_there_is_told_to_the_first_one(store: SqliteStore, trail: AuditTrail) -> None:
    await trail.sign_in_failed(OTHER, "eve\x1b[2J", origin())
    (entry,) = await failures(store)
    assert entry.subject == "eve[2J"


async def test_a_password_with_every_call_is_written_down_once_an_hour(
    store: SqliteStore, clock: Clock, trail: AuditTrail
) -> None:
    ann = Principal(ACCOUNT, "ann", Role.OWNER)
    for minutes in (0, 1, 59, 61, 62):
        clock.at = NOW + minutes * MINUTE
        await trail.signed_in(ann, origin(), repeats=True)
    entries = await store.audit(AuditQuery(ACCOUNT, actions=(Action.SIGN_IN,)))
    assert [entry.at for entry in entries] == [NOW, NOW + 61 * MINUTE]
    assert {entry.origin.principal for entry in entries} == {ann.arn}


async def test_a_callbacks_secret_that_was_rotated_does_not_come_back(store: SqliteStore, clock: Clock) -> None:
    vault = FileVault(b"k" * 32)
    accounts = Accounts(store, clock, vault, opt_outs=store, texts=store)

    async def apply(secret: str) -> None:
        application = WantedApplication("1400006666", settings={CALLBACK_SECRET: secret})
        wanted = WantedAccount(ACCOUNT, "harbor", sms_applications=(application,))
        await accounts.apply((wanted,), source=Source.PROVISION)

    async def has(secret: str) -> bool:
        application = await store.sms_application(ACCOUNT, "1400006666")
        assert application is not None
        return is_secret(application.settings[CALLBACK_SECRET], secret, vault)

    await apply("the first secret")
    assert await has("the first secret")
    rotated = sealed({CALLBACK_SECRET: "the second secret"}, vault)
    application = await store.sms_application(ACCOUNT, "1400006666")
    assert application is not None
    await store.commit(Unit(sms_applications=[replace(application, settings=rotated)]))
    await apply("the first secret")
    assert await has("the second secret")
    await apply("the third secret")
    assert await has("the third secret")
