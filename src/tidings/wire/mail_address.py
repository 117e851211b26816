"""Mail addresses in the form that SMTP takes: one rule for what is accepted as an endpoint and for what a mail is sent to.

Narrower than RFC 5322 on purpose: no quoted local parts, comments, groups, routes or address literals, so that nothing in an
address can be mistaken for a header, an SMTP parameter or a second recipient. No I/O.
Sources: RFC 5321 (4.1.2, 4.5.3.1), RFC 6531 (SMTPUTF8), RFC 5890 (IDNA).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from email_validator import EmailNotValidError, validate_email

LOCAL_OCTETS_MAX = 64
ADDRESS_OCTETS_MAX = 254

_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\U0010ffff.-]+")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*")


@dataclass(frozen=True, slots=True)
class Recipient:
    """`address` as SMTP takes it: the domain in ASCII. `utf8`: the local part needs SMTPUTF8."""

    address: str
    utf8: bool


def read_recipient(endpoint: str) -> Recipient:
    """Raises ValueError for what is not one address of ours."""
    local, at, domain = endpoint.rpartition("@")
    if not at or not _LOCAL.fullmatch(local) or not local.isprintable() or _dots_misplaced(local):
        raise ValueError("not a mail address")
    host = domain if domain.isascii() else _ascii_domain(endpoint)
    if not _HOST.fullmatch(host):
        raise ValueError("not a mail address")
    local_octets = len(local.encode())
    if local_octets > LOCAL_OCTETS_MAX:
        raise ValueError(f"a mail address has at most {LOCAL_OCTETS_MAX} octets before the @")
    if local_octets + 1 + len(host) > ADDRESS_OCTETS_MAX:
        raise ValueError(f"a mail address has at most {ADDRESS_OCTETS_MAX} octets")
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
