"""Seals anew, with the vault's newest key, everything that a database holds sealed: secrets of access keys, secrets in the settings of
subscriptions and applications, and link secrets of notices that still wait.

Called by `tidings rotate-key` while no server runs. One transaction: all of it or nothing.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from pathlib import Path

import apsw
import msgspec

from tidings.domain.passwords import SETTING
from tidings.domain.ports import Vault
from tidings.store.sqlite import rows
from tidings.store.sqlite.database import SQL, Row, run, translated

_SEALED_IN_BASE64 = "A"
"""What every sealed text in base64 begins with: the first byte says how it is sealed, and that number is small."""
_PAGE_ROWS = 1_000


Digest = Callable[[str, Mapping[str, str]], str]


def reseal(path: Path, vault: Vault, digest: Digest) -> int:
    """Returns how many values were sealed anew. digest: by which endpoints with a password are told apart from now on, of an endpoint
    and its settings.

    Raises Unavailable, ValueError: something was sealed by a key that the vault does not have.
    """
    connection = apsw.Connection(str(path))
    try:
        run(connection, "BEGIN IMMEDIATE")
        work = _Work(connection, vault)
        work.access_keys()
        work.applications()
        work.subscriptions(digest)
        work.messages()
        run(connection, "COMMIT")
        return work.count
    except apsw.Error as error:
        raise translated(error) from error
    finally:
        connection.close()  # without a COMMIT nothing was changed


class _Work:
    def __init__(self, connection: apsw.Connection, vault: Vault) -> None:
        self._db = connection
        self._vault = vault
        self.count = 0

    def access_keys(self) -> None:
        for key_id, sealed in self._rows("sealed_access_keys"):
            self._db.execute(SQL["seal_access_key"], (self._anew(sealed), key_id))

    def applications(self) -> None:
        for account_id, app_id, text in self._rows("applications_settings"):
            changed = self._settings(text)
            if changed != text:
                self._db.execute(SQL["set_application_settings"], (changed, account_id, app_id))

    def subscriptions(self, digest: Digest) -> None:
        after = 0
        while page := self._rows("subscriptions_settings", after, _PAGE_ROWS):
            after = page[-1][0]
            for row_id, endpoint, text in page:
                changed = self._settings(text)
                if changed == text:
                    continue
                self._db.execute(SQL["set_subscription_settings"], (changed, row_id))
                settings = msgspec.json.decode(text, type=dict[str, str])
                if SETTING in settings:
                    self._db.execute(SQL["set_endpoint_key"], (digest(endpoint, settings), row_id))

    def messages(self) -> None:
        for seq, body in self._rows("messages_whole"):
            message = rows.decode_message(body)
            if message.sealed_token:
                message.sealed_token = self._anew(message.sealed_token)
                self._db.execute(SQL["set_message"], (rows.encode_message(message), seq))

    def _rows(self, query: str, *bindings: object) -> list[Row]:
        return self._db.execute(SQL[query], bindings).fetchall()

    def _settings(self, text: str) -> str:
        settings = msgspec.json.decode(text, type=dict[str, str])
        for name, value in settings.items():
            if value.startswith(_SEALED_IN_BASE64):
                try:
                    settings[name] = b64encode(self._anew(b64decode(value, validate=True))).decode()
                except ValueError:
                    continue  # a word that begins like something sealed
        return msgspec.json.encode(settings, order="sorted").decode()

    def _anew(self, sealed: bytes) -> bytes:
        self.count += 1
        return self._vault.seal(self._vault.open(sealed))
