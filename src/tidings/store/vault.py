"""Secrets sealed with a key that the database does not hold. Used by `wiring` and `cli`; handed to services as `ports.Vault`.

AES-256-GCM with a random 96-bit nonce. The key comes from the setting TIDINGS_SECRET_KEY or from a file in the data directory that
only its owner may read; every use gets a key of its own by HKDF, so that no two share one. Never logs, never shows the key.
Sources: NIST SP 800-38D (GCM), RFC 5869 (HKDF).
"""

from __future__ import annotations

import os
import secrets
import stat
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
    """Seals and opens with one master key. Holds it in memory; safe to use from any thread."""

    def __init__(self, master: bytes) -> None:
        if len(master) < _KEY_BYTES:
            raise ValueError("a master key has at least 32 bytes")
        self._master = master
        self._cipher = AESGCM(self.derive("vault"))

    @classmethod
    def load(cls, data: Path, secret_key: str | None = None, *, create: bool = True) -> FileVault:
        """The vault of a data directory.

        secret_key: the setting; it wins over the file. create: make a key file when there is none; say False when a database
        already exists, whose secrets a new key could not open. Raises Unavailable, with a text for the operator.
        """
        if secret_key is not None:
            return cls(secret_key.encode())
        path = data / KEY_FILE
        if not path.exists() and create:
            _make(path)
        return cls(_read(path))

    def derive(self, label: str) -> bytes:
        """A 32-byte key for one use, always the same for the same label (`links`, `sessions`)."""
        return HKDF(SHA256(), _KEY_BYTES, salt=None, info=b"tidings/" + label.encode()).derive(self._master)

    def seal(self, plain: bytes) -> bytes:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return _FORMAT + nonce + self._cipher.encrypt(nonce, plain, _FORMAT)

    def open(self, sealed: bytes) -> bytes:
        """Raises ValueError if `sealed` was not made by this vault."""
        nonce, sealed_text = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        if sealed[:1] != _FORMAT or len(nonce) != _NONCE_BYTES:
            raise ValueError("not sealed by this vault")
        try:
            return self._cipher.decrypt(nonce, sealed_text, _FORMAT)
        except InvalidTag as error:
            raise ValueError("not sealed by this vault") from error


def _make(path: Path) -> None:
    """Write a new key so that the file appears complete or not at all, and the first of two processes wins."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{KEY_FILE}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(_KEY_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return  # another process was first; its key is the key
        finally:
            draft.unlink()
        _sync_directory(path.parent)
    except OSError as error:
        raise Unavailable(f"cannot write the secret key {path}: {error.strerror}") from error


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(path: Path) -> bytes:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        text = path.read_text("ascii").strip()
    except FileNotFoundError as error:
        raise Unavailable(
            f"the secret key {path} is missing: bring it back from where it was kept, or set TIDINGS_SECRET_KEY"
        ) from error
    except (OSError, UnicodeError) as error:
        raise Unavailable(f"cannot read the secret key {path}: {error}") from error
    if mode & 0o077:
        raise Unavailable(f"the secret key {path} is open to others (mode {mode:04o}); mend with: chmod 600 {path}")
    if len(text) < _TEXT_MIN:
        raise Unavailable(f"the secret key {path} is damaged: it has {len(text)} characters, not {2 * _KEY_BYTES}")
    return text.encode()
