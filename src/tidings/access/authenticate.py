"""Find the secret and the person behind a credential. Called by the dialects' auth modules; verifies passwords itself.

Keeps found keys in memory for a few seconds, because every signed call needs one; a disabled key works at most that much
longer in another process (in this one `forget` is called at once).
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from tidings.domain.errors import UnknownCredential, WrongSignature
from tidings.domain.model import AccountId, Principal
from tidings.domain.ports import Store, Vault

KEEP_S = 2.0
KEYS_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Credential:
    """An access key that may be used: its secret in plain text and the caller it stands for."""

    key_id: str
    secret: str
    principal: Principal


class Authenticator:
    """Looks credentials up. One per house, shared by all dialects."""

    def __init__(self, store: Store, vault: Vault, *, monotonic_s: Callable[[], float] = monotonic) -> None:
        self._store = store
        self._vault = vault
        self._monotonic_s = monotonic_s
        self._known: OrderedDict[str, tuple[float, Credential]] = OrderedDict()
        self._hasher = PasswordHasher()

    def known(self, key_id: str) -> Credential | None:
        """The credential if it was looked up a moment ago: the hot path's way, without awaiting."""
        found = self._known.get(key_id)
        return found[1] if found is not None and found[0] > self._monotonic_s() else None

    async def credential(self, key_id: str) -> Credential:
        """The secret behind an access key. Raises UnknownCredential when key or user are unknown or disabled."""
        found = self.known(key_id)
        if found is not None:
            return found
        key = await self._store.access_key(key_id)
        if key is None or key.disabled:
            raise UnknownCredential("access key")
        user = await self._store.user(key.account_id, key.user)
        if user is None or user.disabled:
            raise UnknownCredential("user")
        secret = self._vault.open(key.sealed_secret).decode()
        credential = Credential(key_id, secret, Principal(key.account_id, user.name, user.role, key_id))
        self._known[key_id] = (self._monotonic_s() + KEEP_S, credential)
        self._known.move_to_end(key_id)
        if len(self._known) > KEYS_MAX:
            self._known.popitem(last=False)
        return credential

    async def by_password(self, account_id: AccountId, user_name: str, password: str) -> Principal:
        """The user whose password this is. Raises WrongSignature, the same for an unknown user as for a wrong password."""
        user = await self._store.user(account_id, user_name)
        stored = user.password_hash if user is not None and not user.disabled else ""
        if not await asyncio.to_thread(self._matches, stored, password):
            raise WrongSignature("password")
        assert user is not None
        return Principal(user.account_id, user.name, user.role)

    def _matches(self, stored: str, password: str) -> bool:
        # A hash is computed even for an unknown user, so that the time taken does not tell who exists.
        try:
            if not stored:
                self._hasher.hash(password)
                return False
            return self._hasher.verify(stored, password)
        except (Argon2Error, InvalidHashError):
            return False

    def forget(self) -> None:
        """Look everything up again: a key, user or account was changed."""
        self._known.clear()
