"""Sign-in tokens: a text that stands for a user for a day. Issued and read by the dialects whose cloud has a token API.

Nothing is stored. The text is sealed by the vault and carries a mark over everything that has to void it when it changes: the
user's password, role, actions and access keys, and whether he is disabled. So tokens survive a restart, any number is valid at
once, and a changed password ends them all, in every process.
Source: IAM API reference, "Obtaining a User Token Through Password Authentication" (validity, what voids a token).
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Annotated, Literal

import msgspec

from tidings.access.authenticate import RECENT_MAX, RECENT_S, principal_of
from tidings.domain.errors import RequestExpired, UnknownCredential
from tidings.domain.model import AccessKey, AccountId, Principal, User
from tidings.domain.ports import Clock, Store, Vault
from tidings.domain.ttl_cache import TtlCache

TTL = timedelta(hours=24)
_TEXT = re.compile(r"[A-Za-z0-9_-]{1,2048}\Z")  # ours have about 400 characters

_Time = Annotated[datetime, msgspec.Meta(tz=True)]


@dataclass(frozen=True, slots=True)
class SignInToken:
    """A token that is good: its text, and the caller it stands for."""

    text: str
    principal: Principal
    issued_at: datetime
    expires_at: datetime


class _Claim(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is sealed. `kind` tells it from everything else that the vault seals."""

    account_id: str
    user: str
    issued_at: _Time
    expires_at: _Time
    mark: bytes
    kind: Literal["token"] = "token"


class SignInTokens:
    """Issues and reads tokens. One per server; `ttl`: how long a token lives."""

    def __init__(
        self,
        store: Store,
        vault: Vault,
        clock: Clock,
        *,
        ttl: timedelta = TTL,
        monotonic_s: Callable[[], float] = monotonic,
    ) -> None:
        self._store = store
        self._vault = vault
        self._clock = clock
        self._ttl = ttl
        # Wrong after a change of key, user or account: `forget` clears it, and another process's change counts when its time is over.
        self._recent: TtlCache[str, SignInToken] = TtlCache(RECENT_S, size_max=RECENT_MAX, monotonic_s=monotonic_s)

    async def issue(self, principal: Principal) -> SignInToken:
        """A new token for a caller who has just signed in. Raises UnknownCredential when the user is gone or disabled."""
        user, mark = await user_and_mark(self._store, principal.account_id, principal.user)
        now = self._clock.now()
        claim = _Claim(user.account_id, user.name, now, now + self._ttl, mark)
        sealed = self._vault.seal(msgspec.json.encode(claim))
        text = urlsafe_b64encode(sealed).decode().rstrip("=")
        return SignInToken(text, principal_of(user), claim.issued_at, claim.expires_at)

    def known(self, text: str) -> SignInToken | None:
        """The token if it was read a moment ago and still lives: the hot path's way, without awaiting."""
        found = self._recent.get(text)
        return found if found is not None and found.expires_at > self._clock.now() else None

    async def read(self, text: str) -> SignInToken:
        """The token that this text is. Safe to repeat.

        Raises UnknownCredential (not ours, altered, void, or its user gone or disabled) and RequestExpired.
        """
        found = self.known(text)
        if found is not None:
            return found
        claim = self._open(text)
        if claim.expires_at <= self._clock.now():
            raise RequestExpired("token")
        changes = self._recent.changes
        user, mark = await user_and_mark(self._store, AccountId(claim.account_id), claim.user)
        if not hmac.compare_digest(mark, claim.mark):
            raise UnknownCredential("token")
        token = SignInToken(text, principal_of(user), claim.issued_at, claim.expires_at)
        self._recent.keep(text, token, changes)
        return token

    def forget(self) -> None:
        """Look everything up again: a key, user or account was changed."""
        self._recent.forget_all()

    def _open(self, text: str) -> _Claim:
        if not _TEXT.match(text):
            raise UnknownCredential("token")
        try:
            sealed = urlsafe_b64decode(text + "=" * (-len(text) % 4))
            # The last character of base64 has bits that mean nothing: one token has one spelling.
            if urlsafe_b64encode(sealed).decode().rstrip("=") != text:
                raise UnknownCredential("token")
            return msgspec.json.decode(self._vault.open(sealed), type=_Claim)
        except (ValueError, RecursionError) as error:  # not base64, not sealed by us, or sealed for something else
            raise UnknownCredential("token") from error


async def user_and_mark(store: Store, account_id: AccountId, name: str) -> tuple[User, bytes]:
    """A user who may sign in, and a digest over what ends his tokens and sessions when it changes. Raises UnknownCredential."""
    user = await store.user(account_id, name)
    if user is None or user.disabled:
        raise UnknownCredential("user")
    keys = await store.access_keys(account_id)
    return user, _mark(user, [key for key in keys if key.user == name])


def _mark(user: User, keys: Sequence[AccessKey]) -> bytes:
    """A digest over what must void a token when it changes. `created_at`: a namesake is somebody else."""
    facts = (
        user.password_hash,
        user.disabled,
        user.role.value,
        user.actions,
        user.created_at,
        sorted((key.key_id, key.disabled, key.sealed_secret) for key in keys),
    )
    return hashlib.sha256(msgspec.json.encode(facts)).digest()
