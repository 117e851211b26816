"""Reads mail addresses: the operator's sender and the subscribers' endpoints.

Called by `compose`. Narrower than RFC 5322 on purpose: no quoted local parts, comments, groups, routes or address literals,
so that nothing in an address can be mistaken for a header, an SMTP parameter or a second recipient.
Sources: RFC 5321 (4.1.2, 4.5.3.1), RFC 6531 (SMTPUTF8), RFC 5890 (IDNA).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.utils import parseaddr
from functools import lru_cache

from email_validator import EmailNotValidError, validate_email

LOCAL_OCTETS_MAX = 64
ADDRESS_OCTETS_MAX = 254
NAME_CHARACTERS_MAX = 200

_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\U0010ffff.-]+")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*")


@dataclass(frozen=True, slots=True)
class Recipient:
    """`address` as SMTP takes it: the domain in ASCII. `utf8`: the local part needs SMTPUTF8."""

    address: str
    utf8: bool


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


def read_recipient(endpoint: str) -> Recipient:
    """Raises ValueError for what is not one address of ours."""
    local, at, domain = endpoint.rpartition("@")
    if not at or not _LOCAL.fullmatch(local) or not local.isprintable() or _dots_misplaced(local):
        raise ValueError("not a mail address")
    host = domain if domain.isascii() else _ascii_domain(endpoint)
    if not _HOST.fullmatch(host):
        raise ValueError("not a mail address")
    if len(local.encode()) > LOCAL_OCTETS_MAX or len(local.encode()) + 1 + len(host) > ADDRESS_OCTETS_MAX:
        raise ValueError("mail address is too long")
    return Recipient(f"{local}@{host}", not local.isascii())


def _dots_misplaced(local: str) -> bool:
    return local[0] == "." or local[-1] == "." or ".." in local


def _ascii_domain(endpoint: str) -> str:
    # IDNA 2008: the standard library's older rules would send mail for `faß.example` to `fass.example`.
    try:
        found = validate_email(endpoint, check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError as exc:
        raise ValueError(f"not a mail address: {exc}") from exc
    if found.ascii_domain is None:
        raise ValueError("not a mail address")
    return found.ascii_domain


@lru_cache(maxsize=16)
def read_sender(mail_from: str) -> Sender:
    """Read `Name <address>` or a bare address, as the operator wrote it. Raises ValueError."""
    name, address = parseaddr(mail_from)
    found = read_recipient(address)
    if found.utf8:
        raise ValueError("the sender's address must be ASCII")
    return Sender(one_line(name)[:NAME_CHARACTERS_MAX], found.address, found.address.rpartition("@")[2])
