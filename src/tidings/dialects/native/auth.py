"""Who is calling: HTTP Basic with an access key (id, secret) or a user (name or ACCOUNT/name, password).

Called by the Dialect object before every operation that needs a permission. A password costs argon2's 50 ms once a minute
per user: what was verified is remembered by a keyed hash of what was sent, together with the stored hash it was verified
against, so a changed password, a disabled user or another role count at once, in every process.
Source: RFC 7617 (Basic authentication).
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from base64 import b64decode
from collections.abc import Callable
from time import monotonic

from tidings.access.authenticate import Authenticator, principal_of
from tidings.dialects.contract import WireRequest
from tidings.dialects.native.routing import origin_of
from tidings.domain.errors import NotAuthenticated, UnknownCredential, WrongSignature
from tidings.domain.model import AccountId, Principal
from tidings.domain.ttl_cache import TtlCache
from tidings.services.accounts import Accounts

REMEMBER_S = 60.0
REMEMBERED_MAX = 1_000
_NAME = re.compile(r"(?:(?P<account>[A-Za-z0-9_.@+=,-]{1,64})/)?(?P<user>[A-Za-z0-9_.@+=,-]{1,128})\Z")


class BasicAuth:
    """Turns an Authorization header into a Principal. One per Dialect object."""

    def __init__(
        self, authenticator: Authenticator, accounts: Accounts, *, monotonic_s: Callable[[], float] = monotonic
    ) -> None:
        self._authenticator = authenticator
        self._accounts = accounts
        self._pepper = secrets.token_bytes(32)
        # The hashes of passwords by digests of what was sent. Wrong after a change of the password: then the hash differs from the user's.
        self._verified: TtlCache[bytes, str] = TtlCache(REMEMBER_S, size_max=REMEMBERED_MAX, monotonic_s=monotonic_s)

    async def principal(self, request: WireRequest) -> Principal:
        """The caller. Raises NotAuthenticated (or a leaf of it), Throttled."""
        name, secret = _read_header(request.headers.get("authorization", ""))
        parts = _NAME.match(name)
        if parts is None:
            raise UnknownCredential("name")
        if parts["account"] is None:
            by_key = await self._by_key(name, secret)
            if by_key is not None:
                return by_key
        return await self._by_password(request, parts["account"], parts["user"], secret)

    async def _by_key(self, key_id: str, secret: str) -> Principal | None:
        """None when there is no such key with this secret: a user may have the same name."""
        try:
            credential = await self._authenticator.credential(key_id)
        except UnknownCredential:
            return None
        matches = hmac.compare_digest(credential.secret.encode(), secret.encode())
        return credential.principal if matches else None

    async def _by_password(
        self, request: WireRequest, account_name: str | None, user_name: str, password: str
    ) -> Principal:
        account = await (self._accounts.first() if account_name is None else self._accounts.find(account_name))
        # An account that does not exist is treated like a user that does not: the time taken tells neither.
        account_id = account.account_id if account is not None else AccountId("")
        user = await self._accounts.user(account_id, user_name)
        stored = user.password_hash if user is not None and not user.disabled else ""
        sent = f"{account_id}\0{user_name}\0{password}".encode()
        digest = hashlib.blake2b(sent, key=self._pepper, digest_size=32).digest()
        if user is not None and stored and self._verified.get(digest) == stored:
            return principal_of(user)
        trail, origin = self._accounts.trail, origin_of(request)
        try:
            principal = await self._authenticator.by_password(account_id, user_name, password, remote=request.remote)
        except WrongSignature:
            await trail.sign_in_failed(account.account_id if account is not None else None, user_name, origin)
            raise
        await trail.signed_in(principal, origin, repeats=True)
        # The hash was read before the password was verified: if it changed in between, the entry matches nothing.
        self._verified.keep(digest, stored)
        return principal


def _read_header(header: str) -> tuple[str, str]:
    """Name and secret. Raises NotAuthenticated."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        raise NotAuthenticated("no Basic credential")
    try:
        name, colon, secret = b64decode(encoded.strip(), validate=True).decode().partition(":")
    except ValueError as error:
        raise WrongSignature("not base64 of UTF-8") from error
    if not colon:
        raise WrongSignature("no colon")
    return name, secret
