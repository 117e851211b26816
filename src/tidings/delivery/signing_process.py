"""The helper process that signs: reads requests on standard input, writes signatures on standard output, in order.

RSA holds the interpreter lock for as long as it computes, so it has a process of its own. Started by `signer`; ends when its
standard input does, so it never outlives the server, however that ends.

Request: 4 bytes length, 1 byte algorithm (1: SHA-1, 2: SHA-256), text. Answer: 2 bytes length, base64.
"""

from __future__ import annotations

import os
import signal
import sys
from base64 import b64encode
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

READ_BYTES = 1 << 18
ALGORITHMS: dict[int, hashes.HashAlgorithm] = {1: hashes.SHA1(), 2: hashes.SHA256()}  # noqa: S303 - the wire's version 1


def main() -> None:
    """Serve until the other side closes. Signals that stop a service go to all its processes; the parent handles them."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    key = serialization.load_pem_private_key(Path(sys.argv[1]).read_bytes(), None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise SystemExit("the signing key is not an RSA key")
    scheme = padding.PKCS1v15()
    pending = bytearray()
    while chunk := os.read(0, READ_BYTES):
        pending += chunk
        start, answers = 0, bytearray()
        while len(pending) - start >= 5:
            length = int.from_bytes(pending[start : start + 4], "big")
            if len(pending) - start < 5 + length:
                break
            text = bytes(pending[start + 5 : start + 5 + length])
            signature = b64encode(key.sign(text, scheme, ALGORITHMS[pending[start + 4]]))
            answers += len(signature).to_bytes(2, "big") + signature
            start += 5 + length
            if len(answers) > 4096:
                _write(answers)
                answers = bytearray()
        _write(answers)
        del pending[:start]


def _write(data: bytearray) -> None:
    while data:
        del data[: os.write(1, data)]


if __name__ == "__main__":
    main()
