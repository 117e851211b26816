"""Seals the password of an endpoint before it is stored, and opens it for the channel that sends it. Never logs, never shows it."""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

from tidings.domain import passwords
from tidings.domain.errors import Conflict
from tidings.domain.ports import Store, Vault
from tidings.domain.unit import Unit

_OPENED_MAX = 4096
_PAGE = 500


class EndpointPasswords:
    """`key`: of the digests that tell endpoints apart whose URLs differ in their password only; the oldest key of links, because they are
    stored."""

    def __init__(self, vault: Vault, key: bytes) -> None:
        self._vault = vault
        self._key = key
        self._opened: dict[str, str] = {}

    def take_out(self, endpoint: str) -> tuple[str, str, dict[str, str]]:
        """(the endpoint without its password, its digest, the setting with the sealed password); the last two are empty without one."""
        shown, password = passwords.take_out(endpoint)
        if not password:
            return endpoint, "", {}
        key = hmac.digest(self._key, f"endpoint:{endpoint}".encode("utf-8", "replace"), "sha256")[:16].hex()
        sealed = b64encode(self._vault.seal(password.encode("utf-8", "replace"))).decode()
        return shown, key, {passwords.SETTING: sealed}

    def digest(self, endpoint: str, settings: Mapping[str, str]) -> str:
        """The digest of an endpoint whose password is in its settings. Raises ValueError as `put_back`."""
        return self.take_out(self.put_back(endpoint, settings))[1]

    def put_back(self, endpoint: str, settings: Mapping[str, str]) -> str:
        """The endpoint as it was given. Opened once and remembered. Raises ValueError: the vault's key is another one now."""
        sealed = settings.get(passwords.SETTING)
        if sealed is None:
            return endpoint
        password = self._opened.get(sealed)
        if password is None:
            if len(self._opened) >= _OPENED_MAX:
                self._opened.clear()
            password = self._opened[sealed] = self._vault.open(b64decode(sealed)).decode()
        return passwords.put_back(endpoint, password)


async def seal_stored(store: Store, sealer: EndpointPasswords) -> int:
    """At a start: take the passwords out of what a release before wrote in clear; returns how many subscriptions had one."""
    sealed_count, after = 0, 0
    while page := await store.unsealed_subscriptions(after=after, limit=_PAGE):
        after = page[-1].id
        for row in page:
            endpoint, key, sealed = sealer.take_out(row.endpoint)
            if not key:
                continue
            settings = {name: passwords.masked(text) for name, text in row.settings.items()}
            changed = replace(row, endpoint=endpoint, endpoint_key=key, settings={**settings, **sealed})
            with suppress(Conflict):  # somebody was faster; the next start sees it again
                await store.commit(Unit(subscriptions_changed=[changed]))
                sealed_count += 1
    await store.mask_deliveries()
    return sealed_count
