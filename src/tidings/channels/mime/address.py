"""Reads the operator's sender, and makes texts fit for a header. Called by `compose`.

What a mail address is says `wire/mail_address`, which is asked when an endpoint is taken too.
"""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import parseaddr
from functools import lru_cache

from tidings.wire.mail_address import read_recipient

NAME_CHARACTERS_MAX = 200


@dataclass(frozen=True, slots=True)
class Sender:
    """Who our mails are from: `name` is shown unless a topic has its own, `address` is also the envelope's sender."""

    name: str
    address: str
    domain: str


def one_line(text: str) -> str:
    """The text with every run of white space and control characters made one space: fit for a header."""
    if text.isascii() and text.isprintable() and "  " not in text:
        return text.strip()
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


@lru_cache(maxsize=16)
def read_sender(mail_from: str) -> Sender:
    """Read `Name <address>` or a bare address, as the operator wrote it. Raises ValueError."""
    name, address = parseaddr(mail_from)
    found = read_recipient(address)
    if found.utf8:
        raise ValueError("the sender's address must be ASCII")
    return Sender(one_line(name)[:NAME_CHARACTERS_MAX], found.address, found.address.rpartition("@")[2])
