"""What the doctor says of directories and certificates, at the edges."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tidings.cli import checks
from tidings.settings import load


def certificate(folder: Path, ends: datetime) -> tuple[Path, Path]:
    """PEM files of a certificate and its key."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "h")])
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(ends - timedelta(days=400)).not_valid_after(ends)
    cert, private = folder / "cert.pem", folder / "key.pem"
    cert.write_bytes(made.sign(key, SHA256()).public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return cert, private


# A minute more, so that the days are the same when they are counted.
@pytest.mark.parametrize(
    ("left", "state", "detail"),
    [
        (timedelta(days=-1, minutes=1), checks.FAIL, "the certificate ended 1 days ago"),
        (timedelta(minutes=1), checks.WARN, "the certificate ends in 0 days"),
        (timedelta(days=13, minutes=1), checks.WARN, "the certificate ends in 13 days"),
        (timedelta(days=14, minutes=1), checks.OK, "the certificate is valid for 14 days"),
    ],
)
def test_a_certificate_that_ends_is_told_two_weeks_before(
    tmp_path: Path, left: timedelta, state: str, detail: str
) -> None:
    cert, key = certificate(tmp_path, datetime.now(UTC) + left)
    found = checks.tls(load({}, {"TIDINGS_TLS_CERT": str(cert), "TIDINGS_TLS_KEY": str(key)}))
    assert (found.state, found.detail) == (state, detail)
    assert bool(found.mend) is (state != checks.OK)


def test_a_certificate_with_anothers_key_fails(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    cert, _ = certificate(tmp_path, datetime.now(UTC) + timedelta(days=100))
    _, key = certificate(tmp_path / "other", datetime.now(UTC) + timedelta(days=100))
    found = checks.tls(load({}, {"TIDINGS_TLS_CERT": str(cert), "TIDINGS_TLS_KEY": str(key)}))
    assert (found.state, found.mend) == (checks.FAIL, "give a PEM chain and its own key")


@pytest.mark.parametrize(
    ("mode", "state"), [(0o700, "ok"), (0o750, "ok"), (0o704, "warn"), (0o702, "warn"), (0o701, "warn")]
)
def test_a_data_directory_is_for_its_owner(data: Path, mode: int, state: str) -> None:
    data.mkdir()
    data.chmod(mode)
    found = checks.data_directory(load({"data": str(data)}, {}))
    assert found.state == state
    assert found.mend == ("" if state == "ok" else f"chmod 700 {data}")
