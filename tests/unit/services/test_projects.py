"""The register of accounts by project follows what is announced, also while it is being read."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.support.build import ACCOUNT, NOW, OTHER_ACCOUNT

from tidings.domain.errors import Unavailable
from tidings.domain.model import Account
from tidings.domain.unit import Unit
from tidings.services.projects import Projects
from tidings.store.announcer import LocalAnnouncer

ONE, OTHER = Account(ACCOUNT, "one", "1" * 32, NOW), Account(OTHER_ACCOUNT, "other", "2" * 32, NOW)


class Accounts:
    """A store that answers when it may."""

    def __init__(self) -> None:
        self.announcer = LocalAnnouncer()
        self.kept = [ONE]
        self.asked = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.trouble: Exception | None = None

    async def accounts(self) -> list[Account]:
        found = list(self.kept)
        self.asked.set()
        await self.may_answer.wait()
        if self.trouble is not None:
            raise self.trouble
        return found

    async def account_of_project(self, project_id: str) -> Account | None:
        return next((account for account in self.kept if account.project_id == project_id), None)


async def test_an_account_that_changes_while_all_are_read_is_read_again() -> None:
    store: Any = Accounts()
    projects = Projects(store)
    store.may_answer.clear()
    loading = asyncio.create_task(projects.load())
    await store.asked.wait()
    changed = Account(ACCOUNT, "one", "3" * 32, NOW)
    store.kept = [changed]
    store.announcer.announce(Unit(accounts=[changed]))
    store.may_answer.set()
    await loading
    assert await projects.project_of(ACCOUNT) == "3" * 32
    assert await projects.account_of("3" * 32) == ACCOUNT
    assert await projects.account_of("1" * 32) is None


async def test_accounts_that_could_not_be_read_are_read_again() -> None:
    store: Any = Accounts()
    projects = Projects(store)
    await projects.load()
    store.kept = [OTHER]
    store.announcer.announce(Unit(accounts=[OTHER]))
    store.trouble = Unavailable("not now")
    with pytest.raises(Unavailable):
        await projects.account_of("2" * 32)
    store.trouble = None
    assert await projects.account_of("1" * 32) is None
    assert await projects.account_of("2" * 32) == OTHER_ACCOUNT


async def test_an_account_of_another_process_is_found_when_it_first_calls() -> None:
    store: Any = Accounts()
    projects = Projects(store)
    await projects.load()
    store.kept = [ONE, OTHER]
    assert await projects.account_of("2" * 32) == OTHER_ACCOUNT
    assert projects.known(OTHER_ACCOUNT) == "2" * 32
