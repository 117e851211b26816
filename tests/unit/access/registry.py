"""Users and keys in memory: as much of a Store as signing in asks for. What is put in is there at once, as from another process."""

from __future__ import annotations

from typing import cast

from tests.support.build import ACCOUNT, NOW

from tidings.domain.model import AccessKey, AccountId, Role, User
from tidings.domain.ports import Store


class Registry:
    def __init__(self) -> None:
        self.by_name: dict[str, User] = {}
        self.by_key: dict[str, AccessKey] = {}
        self.asked = 0

    @property
    def store(self) -> Store:
        return cast(Store, self)

    async def user(self, account_id: AccountId, name: str) -> User | None:
        self.asked += 1
        found = self.by_name.get(name)
        return found if found is not None and found.account_id == account_id else None

    async def access_key(self, key_id: str) -> AccessKey | None:
        self.asked += 1
        return self.by_key.get(key_id)

    async def access_keys(self, account_id: AccountId) -> list[AccessKey]:
        return [key for key in self.by_key.values() if key.account_id == account_id]

    def put_user(self, name: str = "ada", actions: tuple[str, ...] = (), password_hash: str = "") -> User:
        user = User(ACCOUNT, name, Role.PUBLISHER, password_hash, False, NOW, actions)
        self.by_name[name] = user
        return user

    def put_key(self, key_id: str, user: str = "ada", sealed: bytes = b"sealed", disabled: bool = False) -> None:
        self.by_key[key_id] = AccessKey(key_id, ACCOUNT, user, sealed, disabled, NOW)
