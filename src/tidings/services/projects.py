"""Which account is which project: SMN names an account by its project id in every path and URN.

Kept in memory, because every call and every envelope asks; an account made meanwhile by another process is found when it first
calls.
"""

from __future__ import annotations

from tidings.domain.errors import NotFound
from tidings.domain.model import AccountId
from tidings.domain.ports import Store
from tidings.domain.unit import Unit


class Projects:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._projects: dict[str, str] = {}
        self._accounts: dict[str, AccountId] = {}
        self._stale = True
        store.announcer.listen(self._apply)

    def _apply(self, unit: Unit) -> None:
        if unit.accounts:
            self.forget()

    def forget(self) -> None:
        """Accounts may have changed: read them again before the next answer."""
        self._stale = True

    def known(self, account_id: str) -> str:
        """The project id of an account that was met before. Raises ValueError."""
        project_id = self._projects.get(account_id)
        if project_id is None:
            raise ValueError(f"the project of account {account_id} is not known")
        return project_id

    async def project_of(self, account_id: AccountId) -> str:
        """Raises NotFound (account)."""
        if self._stale or account_id not in self._projects:
            await self.load()
        if account_id not in self._projects:
            raise NotFound("account", account_id)
        return self._projects[account_id]

    async def account_of(self, project_id: str) -> AccountId | None:
        """The account that a path or URN means, if there is one."""
        if self._stale:
            await self.load()
        found = self._accounts.get(project_id)
        if found is None:
            account = await self._store.account_of_project(project_id)
            if account is not None:
                await self.load()
                found = account.account_id
        return found

    async def load(self) -> None:
        """Read all accounts."""
        self._stale = False  # before they are read: an account that changes meanwhile makes them stale again
        try:
            accounts = await self._store.accounts()
        except BaseException:
            self._stale = True
            raise
        self._projects = {account.account_id: account.project_id for account in accounts}
        self._accounts = {account.project_id: account.account_id for account in accounts}
