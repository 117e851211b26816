"""Find the secret and the person behind a credential. Called by the dialects' auth modules; verifies passwords itself.

Keeps found keys in memory for a few seconds, because every signed call needs one; a disabled key works at most that much
longer in another process (in this one `forget` is called at once).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from tidings.access.lately import Lately
from tidings.domain.errors import Throttled, UnknownCredential, WrongSignature
from tidings.domain.model import AccountId, Principal, User
from tidings.domain.ports import Store, Vault

VERIFICATIONS_MAX = 2
"""Passwords verified at one time: each takes 64 MiB and most of a core, and deliveries need the others."""
WAITING_MAX = 16
"""Callers waiting for their turn or having it; more are told to come back, so that guessing costs the guesser and not us."""


@dataclass(frozen=True, slots=True)
class Credential:
    """An access key that may be used: its secret in plain text and the caller it stands for."""

    key_id: str
    secret: str
    principal: Principal


def principal_of(user: User, key_id: str = "") -> Principal:
    """The caller that a user is. key_id: the access key that proved it; empty for a password or a token."""
    return Principal(user.account_id, user.name, user.role, key_id, user.actions)


class Authenticator:
    """Looks credentials up. One per house, shared by all dialects."""

    def __init__(self, store: Store, vault: Vault, *, monotonic_s: Callable[[], float] = monotonic) -> None:
        self._store = store
        self._vault = vault
        self._lately: Lately[Credential] = Lately(monotonic_s)
        self._hasher = PasswordHasher()
        self._turn = asyncio.Semaphore(VERIFICATIONS_MAX)
        self._waiting = 0

    def known(self, key_id: str) -> Credential | None:
        """The credential if it was looked up a moment ago: the hot path's way, without awaiting."""
        return self._lately.get(key_id)

    async def credential(self, key_id: str) -> Credential:
        """The secret behind an access key. Raises UnknownCredential when key or user are unknown or disabled."""
        found = self.known(key_id)
        if found is not None:
            return found
        changes = self._lately.changes
        key = await self._store.access_key(key_id)
        if key is None or key.disabled:
            raise UnknownCredential("access key")
        user = await self._store.user(key.account_id, key.user)
        if user is None or user.disabled:
            raise UnknownCredential("user")
        secret = self._vault.open(key.sealed_secret).decode()
        credential = Credential(key_id, secret, principal_of(user, key_id))
        self._lately.keep(key_id, credential, changes)
        return credential

    async def by_password(self, account_id: AccountId, user_name: str, password: str) -> Principal:
        """The user whose password this is.

        Raises WrongSignature, the same for an unknown user as for a wrong password, and Throttled when too many ask at once.
        """
        user = await self._store.user(account_id, user_name)
        stored = user.password_hash if user is not None and not user.disabled else ""
        if not await self._verify(stored, password):
            raise WrongSignature("password")
        assert user is not None
        return principal_of(user)

    async def _verify(self, stored: str, password: str) -> bool:
        if self._waiting >= WAITING_MAX:
            raise Throttled(1.0)
        self._waiting += 1
        try:
            async with self._turn:
                return await asyncio.to_thread(self._matches, stored, password)
        finally:
            self._waiting -= 1

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
        self._lately.forget()
