"""Find the secret and the person behind a credential. Called by the dialects' auth modules; verifies passwords itself.

Keeps found keys in memory for a few seconds, because every signed call needs one; a disabled key works at most that much
longer in another process (in this one `forget` is called at once).
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from tidings.access.sign_in_limits import SignInLimits
from tidings.domain.errors import UnknownCredential, WrongSignature
from tidings.domain.model import AccountId, Principal, User
from tidings.domain.ports import Store, Vault
from tidings.domain.ttl_cache import TtlCache

RECENT_S = 2.0
"""Short, because another process may change a key or user without telling us."""
RECENT_MAX = 10_000


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
    """Looks credentials up. One per server, shared by all dialects."""

    def __init__(
        self,
        store: Store,
        vault: Vault,
        *,
        limits: SignInLimits | None = None,
        monotonic_s: Callable[[], float] = monotonic,
    ) -> None:
        self._store = store
        self._vault = vault
        # Wrong after a change of key, user or account: `forget` clears it, and another process's change counts when its time is over.
        self._recent: TtlCache[str, Credential] = TtlCache(RECENT_S, size_max=RECENT_MAX, monotonic_s=monotonic_s)
        self._hasher = PasswordHasher()
        self._limits = limits or SignInLimits(monotonic_s=monotonic_s)
        self._pepper = secrets.token_bytes(32)
        self._under_way: dict[bytes, asyncio.Task[Principal]] = {}

    def known(self, key_id: str) -> Credential | None:
        """The credential if it was looked up a moment ago: the hot path's way, without awaiting."""
        return self._recent.get(key_id)

    async def credential(self, key_id: str) -> Credential:
        """The secret behind an access key. Raises UnknownCredential when key or user are unknown or disabled."""
        found = self.known(key_id)
        if found is not None:
            return found
        changes = self._recent.changes
        key = await self._store.access_key(key_id)
        if key is None or key.disabled:
            raise UnknownCredential("access key")
        user = await self._store.user(key.account_id, key.user)
        if user is None or user.disabled:
            raise UnknownCredential("user")
        secret = self._vault.open(key.sealed_secret).decode()
        credential = Credential(key_id, secret, principal_of(user, key_id))
        self._recent.keep(key_id, credential, changes)
        return credential

    async def by_password(self, account_id: AccountId, user_name: str, password: str, *, remote: str = "") -> Principal:
        """The user whose password this is. remote: the caller's address, whose share of tries this is.

        Raises WrongSignature, the same for an unknown user as for a wrong password, and Throttled when too many ask at once or
        too many were wrong. Programs that send the same password with each of many calls at once are verified once.
        """
        sent = "\0".join((remote, account_id, user_name, password)).encode("utf-8", "surrogatepass")
        digest = hashlib.blake2b(sent, key=self._pepper, digest_size=32).digest()
        task = self._under_way.get(digest)
        if task is None:
            task = asyncio.create_task(self._sign_in(account_id, user_name, password, remote))
            self._under_way[digest] = task
            task.add_done_callback(lambda done: self._ended(digest, done))
        return await asyncio.shield(task)  # a caller who leaves does not end it for the others

    def _ended(self, digest: bytes, task: asyncio.Task[Principal]) -> None:
        self._under_way.pop(digest, None)
        if not task.cancelled():
            task.exception()  # read here too: every caller may have left

    async def _sign_in(self, account_id: AccountId, user_name: str, password: str, remote: str) -> Principal:
        async with self._limits.turn(remote, account_id, user_name):
            user = await self._store.user(account_id, user_name)
            stored = user.password_hash if user is not None and not user.disabled else ""
            if not await asyncio.to_thread(self._matches, stored, password):
                self._limits.failed(remote, account_id, user_name)
                raise WrongSignature("password")
        assert user is not None
        self._limits.succeeded(remote, account_id, user_name)
        return principal_of(user)

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
        self._recent.forget_all()
