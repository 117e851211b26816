"""The key with which notifications are signed, and its certificate: made at the first start, kept in the data directory.

Source: SNS developer guide, Verifying the signatures of Amazon SNS messages; SMN user guide, Message Signature Verification
(receivers take the algorithm from the certificate's own signature, so it must be sha256WithRSAEncryption).
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

KEY_FILE = "signing-key.pem"
CERTIFICATE_FILE = "signing-certificate.pem"
VALID_DAYS = 3650


@dataclass(frozen=True, slots=True)
class SigningIdentity:
    """`key_path`: PEM file for the signing process. `digits`: 32 hex digits that follow from the certificate's content, so that a
    new one is never served under an old name. `name`: its file name under /certs/."""

    key_path: Path
    certificate: bytes
    digits: str

    @property
    def name(self) -> str:
        return f"SimpleNotificationService-{self.digits}.pem"


def load_identity(directory: Path, common_name: str, now: datetime) -> SigningIdentity:
    """The identity kept in `directory`, made if there is none."""
    key_path, certificate_path = directory / KEY_FILE, directory / CERTIFICATE_FILE
    if not (key_path.exists() and certificate_path.exists()):
        key, certificate = _make(common_name, now)
        _write(key_path, key)
        _write(certificate_path, certificate)
    pem = certificate_path.read_bytes()
    digest = hashlib.sha256(pem).hexdigest()[:32]
    return SigningIdentity(key_path, pem, digest)


def _make(common_name: str, now: datetime) -> tuple[bytes, bytes]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64] or "tidings")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=VALID_DAYS))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private, certificate.public_bytes(serialization.Encoding.PEM)


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all, readable by the owner only."""
    draft = path.with_suffix(".new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
