"""Signs a mail with DKIM, relaxed/relaxed.

Called by `compose` when there is a key. Uses `cryptography` directly; dkimpy checks our signatures in the tests, but does not make
them: decision 0016.
Sources: RFC 6376 (3.4.2, 3.4.4, 3.5, 3.7, 5.4), RFC 8463 (Ed25519).
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from dataclasses import dataclass, field
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

RSA_BITS_MIN = 1024
"""RFC 8301: verifiers refuse shorter keys."""

SIGNED = (
    b"from", b"to", b"subject", b"date", b"message-id", b"mime-version", b"content-type", b"content-transfer-encoding",
    b"auto-submitted", b"list-id", b"list-unsubscribe", b"list-unsubscribe-post",
)  # fmt: skip
"""RFC 8058 demands that both List-Unsubscribe headers are signed."""
OVERSIGNED = (b"from", b"to", b"subject", b"date", b"message-id", b"list-unsubscribe", b"list-unsubscribe-post")
"""Named once more than they occur, so that nobody can add a second one on the way."""


@dataclass(frozen=True, slots=True)
class DkimKey:
    """The operator's signing key: published at `{selector}._domainkey.{domain}`."""

    domain: str
    selector: str
    key: RSAPrivateKey | Ed25519PrivateKey = field(repr=False)

    @classmethod
    def from_pem(cls, domain: str, selector: str, pem: bytes) -> Self:
        """Read an unencrypted RSA (1024 bits or more) or Ed25519 key. Raises ValueError."""
        for name in (domain, selector):
            if not re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?", name):
                raise ValueError(f"not a domain name: {name!r}")
        try:
            key = load_pem_private_key(pem, None)
        except TypeError as exc:
            raise ValueError("the DKIM key is encrypted") from exc
        if isinstance(key, RSAPrivateKey) and key.key_size >= RSA_BITS_MIN:
            return cls(domain, selector, key)
        if isinstance(key, Ed25519PrivateKey):
            return cls(domain, selector, key)
        raise ValueError("a DKIM key is RSA of 1024 bits or more, or Ed25519")


def dkim_header(mail: bytes, dkim: DkimKey) -> bytes:
    """The `DKIM-Signature` header line for a mail with CRLF line ends, to be put in front of it."""
    head, _, body = mail.partition(b"\r\n\r\n")
    fields = _fields(head)
    names = [name for name in SIGNED if name in fields]
    names += OVERSIGNED
    body_hash = b64encode(hashlib.sha256(_relaxed_body(body)).digest()).decode()
    algorithm = "rsa-sha256" if isinstance(dkim.key, RSAPrivateKey) else "ed25519-sha256"
    tags = (
        f"v=1; a={algorithm}; c=relaxed/relaxed; d={dkim.domain}; s={dkim.selector};\r\n"
        f" h={':'.join(name.decode() for name in names[: len(names) // 2])}\r\n"
        f"  :{':'.join(name.decode() for name in names[len(names) // 2 :])};\r\n"
        f" bh={body_hash};\r\n b="
    ).encode()
    # A name listed more often than it occurs stands for nothing: only the first of each is hashed. RFC 6376, 5.4.2.
    signed = b"".join(fields[name] + b"\r\n" for name in names[: len(names) - len(OVERSIGNED)])
    signed += _relaxed_field(b"dkim-signature", tags)
    proof = b64encode(_sign(dkim.key, signed))
    folded = b"\r\n ".join(proof[at : at + 72] for at in range(0, len(proof), 72))
    return b"DKIM-Signature: " + tags + folded + b"\r\n"


def _sign(key: RSAPrivateKey | Ed25519PrivateKey, signed: bytes) -> bytes:
    if isinstance(key, RSAPrivateKey):
        return key.sign(signed, PKCS1v15(), SHA256())
    return key.sign(hashlib.sha256(signed).digest())


def _fields(head: bytes) -> dict[bytes, bytes]:
    """Header fields by lower-case name, in relaxed form; our own mails have each only once."""
    fields: dict[bytes, bytes] = {}
    for line in re.split(rb"\r\n(?![ \t])", head):
        name, _, value = line.partition(b":")
        lowered = name.strip().lower()
        fields[lowered] = _relaxed_field(lowered, value)
    return fields


def _relaxed_field(name: bytes, value: bytes) -> bytes:
    return name + b":" + re.sub(rb"[ \t]+", b" ", value.replace(b"\r\n", b"")).strip(b" \t")


def _relaxed_body(body: bytes) -> bytes:
    body = re.sub(rb"[ \t]+", b" ", body)
    body = re.sub(rb" (?=\r\n|$)", b"", body)
    end = len(body)
    while body.endswith(b"\r\n", 0, end):  # a regular expression would try at every empty line of the body
        end -= 2
    return body[:end] + b"\r\n" if end else b""
