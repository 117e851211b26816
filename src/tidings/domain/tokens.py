"""Links' secrets: random ones that are stored hashed (confirm, come back), and signed ones that need no storage.

A signed token says purpose and subject and carries an HMAC-SHA256 over both; it works for as long as the key does, because a
mail may be opened years after it was sent.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime
from enum import StrEnum

from tidings.domain.errors import InvalidToken, MalformedToken

LinkKeys = bytes | tuple[bytes, ...]
"""The key of signed links, or several, the newest first: links that were signed with an older one keep working."""

_HEX = re.compile(r"[0-9A-Fa-f]+\Z")
_MAC_BYTES = 16


class LinkPurpose(StrEnum):
    CANCEL = "c"  # cancel one subscription
    ENDPOINT = (
        "e"  # see and cancel everything that one endpoint receives; the subject is a subscription of that endpoint
    )
    PERMANENT = "p"  # confirm, cancel and come back: the one link that a text message has room for


def digest(token: str) -> bytes:
    """What is stored of a random token. Raises MalformedToken for what is not hexadecimal of even length.

    Another length than ours is no fault of the form: such a token is merely unknown. Observed: SNS tells the two apart so.
    """
    if len(token) % 2 or not _HEX.match(token):
        raise MalformedToken("malformed")
    return hashlib.sha256(token.encode()).digest()


def every_key(keys: LinkKeys) -> tuple[bytes, ...]:
    """All keys, the newest first."""
    return (keys,) if isinstance(keys, bytes) else keys


def newest_key(keys: LinkKeys) -> bytes:
    """The key that signs."""
    return keys if isinstance(keys, bytes) else keys[0]


def sign_link(keys: LinkKeys, purpose: LinkPurpose, subscription_uid: str) -> str:
    """A URL-safe token of 44 characters: purpose, then base64 of uid and MAC."""
    uid = bytes.fromhex(subscription_uid)
    return purpose.value + urlsafe_b64encode(uid + _mac(newest_key(keys), purpose, uid)).decode().rstrip("=")


def read_link(keys: LinkKeys, purpose: LinkPurpose, token: str) -> str:
    """The subscription uid behind a signed token of this purpose. Raises InvalidToken."""
    if len(token) != 44 or token[0] != purpose.value or not token.isascii():
        raise MalformedToken("malformed")
    try:
        raw = urlsafe_b64decode(token[1:] + "=")
    except ValueError as error:
        raise MalformedToken("malformed") from error
    uid, mac = raw[:16], raw[16:]
    if not any(hmac.compare_digest(mac, _mac(key, purpose, uid)) for key in every_key(keys)):
        raise InvalidToken("not ours")
    return uid.hex()


def confirmation_code(keys: LinkKeys, subscription_uid: str, asked_at: datetime) -> str:
    """Six digits that stand for one confirmation request, for people who type instead of following a link."""
    moment = int(asked_at.timestamp() * 1_000_000)
    mac = hmac.digest(newest_key(keys), f"code:{subscription_uid}:{moment}".encode(), "sha256")
    return f"{int.from_bytes(mac[:8]) % 1_000_000:06d}"


def _mac(key: bytes, purpose: LinkPurpose, uid: bytes) -> bytes:
    return hmac.digest(key, purpose.value.encode() + uid, "sha256")[:_MAC_BYTES]
