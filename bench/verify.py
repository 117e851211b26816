"""Checks the signatures of envelopes that arrived, so that nobody wins the signed scenarios by not signing.

Called by the scenarios with the first few bodies of a measurement.
Source: SNS developer guide, "Verifying the signatures of Amazon SNS messages".
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from urllib.request import urlopen

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

SIGNED_KEYS = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")


def check_signatures(bodies: Sequence[bytes]) -> int:
    """How many envelopes were verified: all of them, or InvalidSignature is raised. Fetches the certificate; blocks."""
    keys: dict[str, rsa.RSAPublicKey] = {}
    for body in bodies:
        envelope: dict[str, str] = json.loads(body)
        url = envelope["SigningCertURL"]
        if url not in keys:
            with urlopen(url, timeout=10) as answer:
                key = x509.load_pem_x509_certificate(answer.read()).public_key()
            assert isinstance(key, rsa.RSAPublicKey)
            keys[url] = key
        text = "".join(f"{name}\n{envelope[name]}\n" for name in SIGNED_KEYS if name in envelope)
        algorithm = hashes.SHA256() if envelope["SignatureVersion"] == "2" else hashes.SHA1()
        keys[url].verify(base64.b64decode(envelope["Signature"]), text.encode(), padding.PKCS1v15(), algorithm)
    return len(bodies)
