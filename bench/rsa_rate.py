"""How many RSA-2048 PKCS#1 v1.5 signatures a second one core makes: the physical limit of signed deliveries.

`measure` runs this module as a process of its own on the servers' core, with the library that the server uses.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from time import perf_counter

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

TEXT = b"Message\n" + b"x" * 600


def rate(algorithm: hashes.HashAlgorithm, seconds: float) -> float:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    scheme = padding.PKCS1v15()
    for _ in range(50):
        key.sign(TEXT, scheme, algorithm)
    count, started = 0, perf_counter()
    while (took := perf_counter() - started) < seconds:
        key.sign(TEXT, scheme, algorithm)
        count += 1
    return count / took


def measure(core: int, seconds: float) -> dict[str, float]:
    """Signatures per second by algorithm, on that core."""
    command = [sys.executable, "-m", "bench.rsa_rate", str(core), str(seconds)]
    answer: dict[str, float] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return answer


if __name__ == "__main__":
    os.sched_setaffinity(0, {int(sys.argv[1])})
    duration = float(sys.argv[2])
    print(json.dumps({"sha1": rate(hashes.SHA1(), duration), "sha256": rate(hashes.SHA256(), duration)}))
