"""Secrets sealed with a key that the database does not hold. Used by `wiring` and `cli`; handed to services as `ports.Vault`.

AES-256-GCM with a random 96-bit nonce. The key comes from the setting TIDINGS_SECRET_KEY or from a file in the data directory that
only its owner may read; every use gets a key of its own by HKDF, so that no two share one. Never logs, never shows the key.
Sources: NIST SP 800-38D (GCM), RFC 5869 (HKDF).
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tidings.domain.errors import Unavailable

KEY_FILE = "secret.key"
_KEY_BYTES = 32
_NONCE_BYTES = 12
_FORMAT = b"\x01"  # the first byte of what was sealed; another cipher or key would get another number
_TEXT_MIN = 32


class FileVault:
    """Seals with its newest master key, opens with each that it has. Holds them in memory; safe to use from any thread.

    older: keys before `master`, the newest first; what they sealed and signed is still good (`tidings rotate-key`).
    """

    def __init__(self, master: bytes, older: Sequence[bytes] = ()) -> None:
        self._masters = (master, *older)
        if min(map(len, self._masters)) < _KEY_BYTES:
            raise ValueError("a master key has at least 32 bytes")
        self._ciphers = [AESGCM(key) for key in self.derive_all("vault")]

    @classmethod
    def load(
        cls, data: Path, secret_key: str | None = None, *, previous: Sequence[str] = (), create: bool = True
    ) -> FileVault:
        """The vault of a data directory.

        secret_key, previous: the settings; they win over the file. create: make a key file when there is none; say False when a
        database already exists, whose secrets a new key could not open. Raises Unavailable, with a text for the operator.
        """
        if secret_key is not None:
            return cls(secret_key.encode(), [key.encode() for key in previous])
        path = data / KEY_FILE
        if not path.exists() and create:
            _write(path, [secrets.token_hex(_KEY_BYTES)], is_new=True)
        keys = _read(path)
        return cls(keys[0], keys[1:])

    def newest_only(self) -> FileVault:
        """The same without its older keys."""
        return FileVault(self._masters[0])

    def derive(self, label: str) -> bytes:
        """A 32-byte key for one use, always the same for the same label (`links`, `sessions`) and master key."""
        return _derived(self._masters[0], label)

    def derive_all(self, label: str) -> tuple[bytes, ...]:
        """The same of every master key, the newest first."""
        return tuple(_derived(master, label) for master in self._masters)

    def seal(self, plain: bytes) -> bytes:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return _FORMAT + nonce + self._ciphers[0].encrypt(nonce, plain, _FORMAT)

    def open(self, sealed: bytes) -> bytes:
        """Raises ValueError if `sealed` was not made by this vault."""
        nonce, sealed_text = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        if sealed[:1] != _FORMAT or len(nonce) != _NONCE_BYTES:
            raise ValueError("not sealed by this vault")
        for cipher in self._ciphers:
            with suppress(InvalidTag):
                return cipher.decrypt(nonce, sealed_text, _FORMAT)
        raise ValueError("not sealed by this vault")


def add_key(data: Path) -> None:
    """Put a new key before those of the key file. Raises Unavailable."""
    path = data / KEY_FILE
    _write(path, [secrets.token_hex(_KEY_BYTES), *(key.decode() for key in _read(path))], is_new=False)


def forget_older_keys(data: Path) -> int:
    """Keep the newest key of the file only; returns how many went. Raises Unavailable."""
    path = data / KEY_FILE
    keys = _read(path)
    _write(path, [keys[0].decode()], is_new=False)
    return len(keys) - 1


def _derived(master: bytes, label: str) -> bytes:
    return HKDF(SHA256(), _KEY_BYTES, salt=None, info=b"tidings/" + label.encode()).derive(master)


def _write(path: Path, keys: Sequence[str], *, is_new: bool) -> None:
    """Write the keys so that the file appears complete or not at all; of two processes that make one, the first wins."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{KEY_FILE}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write("".join(f"{key}\n" for key in keys))
            file.flush()
            os.fsync(file.fileno())
        try:
            if is_new:
                os.link(draft, path)
            else:
                draft.replace(path)
        except FileExistsError:
            return  # another process was first; its key is the key
        finally:
            draft.unlink(missing_ok=True)
        _sync_directory(path.parent)
    except OSError as error:
        raise Unavailable(f"cannot write the secret key {path}: {error.strerror}") from error


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(path: Path) -> list[bytes]:
    """The keys of the file, one a line, the newest first."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        keys = path.read_text("ascii").split()
    except FileNotFoundError as error:
        raise Unavailable(
            f"the secret key {path} is missing: bring it back from where it was kept, or set TIDINGS_SECRET_KEY"
        ) from error
    except (OSError, UnicodeError) as error:
        raise Unavailable(f"cannot read the secret key {path}: {error}") from error
    if mode & 0o077:
        raise Unavailable(f"the secret key {path} is open to others (mode {mode:04o}); mend with: chmod 600 {path}")
    shortest = min(map(len, keys), default=0)
    if shortest < _TEXT_MIN:
        raise Unavailable(f"the secret key {path} is damaged: it has {shortest} characters, not {2 * _KEY_BYTES}")
    return [key.encode() for key in keys]
