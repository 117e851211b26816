"""The signature of our own form of SMS gateway: `X-Tidings-Signature: t=<seconds>,v1=<hex HMAC-SHA256 of "<t>." and the body>`.

Made by `channels/sms_gateway` for texts that go out, checked by `dialects/gateways` for what comes in. No clock: times are handed in.
"""

from __future__ import annotations

import hmac

HEADER = "X-Tidings-Signature"
SKEW_S = 300
"""Both clocks may differ by so much: enough for machines with a time service, too little for keeping a request for later."""

_HEADER_CHARACTERS_MAX = 1_000
_SECONDS_DIGITS_MAX = 12


def sign(secret: str, body: bytes, at_s: int) -> str:
    """The header's value."""
    return f"t={at_s},v1={_digest(secret, str(at_s), body)}"


def is_signed(secret: str, header: str, body: bytes, now_s: float) -> bool:
    """Whether the header is this body's, made with this secret at most SKEW_S ago. Never raises.

    Several `v1` are allowed, of which one must fit: so a sender can change its secret without a gap.
    """
    if len(header) > _HEADER_CHARACTERS_MAX:
        return False
    times, digests = [], []
    for item in header.split(","):
        name, _, value = item.strip().partition("=")
        if name == "t":
            times.append(value)
        elif name == "v1":
            digests.append(value)
    if len(times) != 1 or not _is_near(times[0], now_s):
        return False
    expected = _digest(secret, times[0], body).encode()
    fits = [hmac.compare_digest(expected, digest.encode("utf-8", "replace")) for digest in digests]
    return any(fits)


def _is_near(text: str, now_s: float) -> bool:
    is_number = text.isascii() and text.isdigit() and len(text) <= _SECONDS_DIGITS_MAX
    return is_number and abs(int(text) - now_s) <= SKEW_S


def _digest(secret: str, at: str, body: bytes) -> str:
    return hmac.digest(secret.encode(), at.encode() + b"." + body, "sha256").hex()
