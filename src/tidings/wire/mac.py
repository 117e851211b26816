"""HMAC-SHA256 with a key that is used again and again: what depends on the key alone is computed once.

Called by the front ends that verify signatures and by the channel that makes them. `hmac.digest` begins anew for each text, and lets
go of the interpreter's lock, so that a call waits for whatever thread took it.
Source: RFC 2104, "HMAC: Keyed-Hashing for Message Authentication".
"""

from __future__ import annotations

import hashlib

_BLOCK_BYTES = 64
_INNER = bytes(octet ^ 0x36 for octet in range(256))
_OUTER = bytes(octet ^ 0x5C for octet in range(256))


class Mac:
    """The two hashes that have taken the key. Never changed, so it may be kept as long as its key."""

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        block = (hashlib.sha256(key).digest() if len(key) > _BLOCK_BYTES else key).ljust(_BLOCK_BYTES, b"\0")
        self._inner = hashlib.sha256(block.translate(_INNER))
        self._outer = hashlib.sha256(block.translate(_OUTER))

    def hex(self, data: bytes) -> str:
        """Lower-case hex. Compare with `hmac.compare_digest`."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(data)
        outer.update(inner.digest())
        return outer.hexdigest()
